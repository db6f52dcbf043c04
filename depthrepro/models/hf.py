"""Rivals: any depth network of `transformers`, with its own preprocessing, run through this project's evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError

# What each family predicts; Depth Anything's own configuration says whether it is relative or metric.
KINDS = {
    "dpt": Kind.affine_inv_depth,  # MiDaS
    "zoedepth": Kind.depth,
    "depth_pro": Kind.depth,
    "glpn": Kind.depth,
}
_ALIKE = {"relative": Kind.affine_inv_depth, "metric": Kind.depth}


class HFDepth(nn.Module):
    """A depth network that `transformers` can load.

    Args:
        path: Folder with its configuration, weights and image processor; or, online, its name on the hub, such as
            Intel/zoedepth-nyu.
        kind: What it predicts, "depth" or "affine_inv_depth"; None = as its family does.

    Attributes:
        kind: Likewise.
        levels: The one output, called as its kind.

    Raises:
        UserError: If `transformers` is not installed, nothing can be loaded, or nobody says what it predicts.
    """

    def __init__(self, path: str, kind: str | None = None) -> None:
        super().__init__()
        self.processor, self.network = _load(path)
        self.family = str(self.network.config.model_type)
        self.kind = _kind(self.network.config, path, kind)
        self.levels = (self.kind.value,)

    def forward(self, image: Tensor, levels: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Maps of a batch at its own size, (B, 1, H, W), under the name of their kind; `image` RGB in [0, 1].

        For training loops and forecasts only: the evaluator calls `predict_image`.
        """
        arrays = (image.detach().cpu().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        maps = [next(iter(self.predict_image(array).values())) for array in arrays]
        return {self.kind.value: torch.from_numpy(np.stack(maps))[:, None].to(image.device)}

    @torch.inference_mode()
    def predict_image(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """The map of one image at its own size, after the network's own preprocessing and postprocessing.

        Args:
            image: RGB, uint8 (H, W, 3).

        Returns:
            {kind: float32 (H, W)}.
        """
        device = next(self.network.parameters()).device
        inputs = self.processor(images=image, return_tensors="pt").to(device)
        outputs = self.network(**inputs)
        options: dict[str, Any] = {"target_sizes": [image.shape[:2]]}
        if self.family == "zoedepth":  # it pads, and must know by how much
            options = {"source_sizes": [image.shape[:2]]}
        found = self.processor.post_process_depth_estimation(outputs, **options)[0]["predicted_depth"]
        return {self.kind.value: found.float().cpu().numpy().reshape(image.shape[:2])}


def _load(path: str) -> tuple[Any, Any]:
    try:
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation  # optional, and takes 1 s
    except ImportError:
        raise UserError("model=hf needs transformers: pip install -e '.[hf]'") from None
    folder = Path(path).expanduser()
    source = str(folder) if folder.exists() else path
    if not folder.exists() and (path.count("/") != 1 or path.startswith((".", "/", "~"))):
        raise UserError(f"model.path={path}: no such folder; give one saved by transformers, or a name on its hub")
    if not folder.exists():
        print(f"weights    {path}: no such folder here, so it is fetched from the hub")
    try:
        processor = AutoImageProcessor.from_pretrained(source)
        network = AutoModelForDepthEstimation.from_pretrained(source)
    except Exception as error:  # the hub, the configuration and the weights each raise their own
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"model.path={path}: transformers loads no depth network from it ({reason})") from None
    return processor, network.eval()


def _kind(config: Any, path: str, declared: str | None) -> Kind:
    if declared is not None:
        try:
            return Kind(declared)
        except ValueError:
            choices = f"{Kind.depth.value} or {Kind.affine_inv_depth.value}"
            raise UserError(f"model.kind={declared}: choose {choices}") from None
    said = getattr(config, "depth_estimation_type", None)
    if config.model_type == "depth_anything" and said in _ALIKE:
        return _ALIKE[said]
    if config.model_type not in KINDS:
        raise UserError(
            f"model.path={path}: it is not known what the family {config.model_type!r} predicts; say it with "
            f"model.kind={Kind.depth.value} (metres) or model.kind={Kind.affine_inv_depth.value}"
        )
    return KINDS[config.model_type]
