"""Depth Anything: an encoder with a DPT decoder that predicts inverse depth up to scale and shift.

Source: Yang et al. 2024 (arXiv:2401.10891), sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from depthrepro.core.checkpoint import load_checkpoint
from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.files import sha256
from depthrepro.data.input_transform import InputTransform
from depthrepro.models.dpt import DPTDecoder
from depthrepro.models.encoders import PATCH, POSITIONS, fit_positions, make_encoder, normalise, position_grid
from depthrepro.models.metric_bins import MetricBins
from depthrepro.models.published import Description, read_published
from depthrepro.models.published_input import HuggingFaceInput, OfficialInput, OfficialMetricInput
from depthrepro.models.rebuild import network_of
from depthrepro.models.weights import load_strictly

# Channels after the projection, and of the fused maps, as published for ViT-S, B and L. Other encoders take S.
SIZES: dict[str, tuple[tuple[int, int, int, int], int]] = {
    "vits": ((48, 96, 192, 384), 64),
    "vitb": ((96, 192, 384, 768), 128),
    "vitl": ((256, 512, 1024, 1024), 256),
}
HEADS = ("relative", "metric", "bins")
WEIGHTS_OF = ("encoder", "network")


class DepthAnything(nn.Module):
    """Relative or metric depth from one image.

    Args:
        encoder: "vits", "vitb", "vitl", "efficientnet_lite0", or a timm network with a feature pyramid.
        nclass: Output channels; more than 1 makes a segmentation head whose output is called `logits`.
        head: "relative": inverse depth up to scale and shift, not negative; "metric": depth in metres, a sigmoid times
            `max_depth_m` (Depth Anything V2's way); "bins": depth in metres by ZoeDepth's metric bins (V1's way).
        max_depth_m: Largest depth of the two metric heads.
        min_depth_m: Least depth of the bins.
        bins: Arguments of `metric_bins.MetricBins` besides sizes and depths, such as {"dim": 64}.
        weights: Of the encoder: None, "imagenet", a file, or a checkpoint of ours; see `encoders.make_encoder`.
        out_channels: Channels after the projection; None = as published for the encoder's size.
        features: Channels of the fused maps; None = as published.
        encoder_options: For the encoder's class.
        weights_of: "encoder"; or "network": encoder and decoder come from `weights`, a checkpoint of ours or published
            weights, as in Depth Anything's metric fine-tuning.

    Attributes:
        transform: How images become its input; None until it is loaded from a checkpoint.

    Raises:
        UserError: If the encoder, its weights or the head do not exist.
    """

    def __init__(
        self,
        encoder: str = "vits",
        nclass: int = 1,
        head: str = "relative",
        max_depth_m: float = 80.0,
        min_depth_m: float = 1e-3,
        bins: Mapping[str, Any] | None = None,
        weights: str | None = None,
        out_channels: Sequence[int] | None = None,
        features: int | None = None,
        encoder_options: dict[str, Any] | None = None,
        weights_of: str = "encoder",
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise UserError(f"model.head: {head!r} is unknown, choose from {', '.join(HEADS)}")
        if head != "relative" and nclass > 1:
            raise UserError(f"model.head={head} predicts one depth, but model.nclass is {nclass}")
        if weights_of not in WEIGHTS_OF:
            raise UserError(f"model.weights_of: {weights_of!r} is unknown, choose from {', '.join(WEIGHTS_OF)}")
        published_channels, published_features = SIZES.get(encoder, SIZES["vits"])
        whole = weights if weights_of == "network" else None
        self.encoder = make_encoder(encoder, None if whole else weights, **(encoder_options or {}))
        self.decoder = DPTDecoder(
            self.encoder.channels,
            self.encoder.strides,
            out_channels or published_channels,
            features or published_features,
            nclass,
        )
        self.head, self.max_depth_m, self.nclass = head, max_depth_m, nclass
        if head == "bins":
            depth_range = (min_depth_m, max_depth_m)
            self.bins = MetricBins(features or published_features, depth_range=depth_range, **(bins or {}))
        self.transform: InputTransform | None = None
        if whole:
            self._load_relative(Path(whole).expanduser())

    def _load_relative(self, file: Path) -> None:
        """Encoder and decoder of a network in a file; what is beside them stays as it is."""
        own = _own(file)
        state = fit_positions(self, own["model"] if own else read_published(file)[1], file)
        parts = nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder})
        named = {name: value for name, value in state.items() if name.split(".")[0] in parts}
        load_strictly(parts, named, f"model.weights: {file}")

    @property
    def kind(self) -> Kind | None:
        """Kind of the depth output; None for a segmentation head."""
        if self.nclass > 1:
            return None
        return Kind.affine_inv_depth if self.head == "relative" else Kind.depth

    @property
    def levels(self) -> tuple[str, ...]:
        """The one output."""
        return ("logits" if self.kind is None else self.kind.value,)

    @property
    def multiple(self) -> int:
        """Sides of the input are multiples of it: a transformer's patch, or 1."""
        return self.encoder.multiple

    def forward(self, image: Tensor, levels: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Depth of an image, and its last encoder features if they are asked for.

        Args:
            image: RGB in [0, 1], (B, 3, H, W); multiples of 14 for a vision transformer.
            levels: Outputs wanted; None = the depth map alone. `features` may be among them.

        Returns:
            `affine_inv_depth` (or `depth`, or `logits`): (B, nclass, H, W); `features`: (B, C, h, w), the last and
            coarsest map of the encoder.
        """
        maps = self.features(image)
        outputs = {self.levels[0]: self._output(maps, image)}
        if levels is not None and "features" in levels:
            outputs["features"] = maps[-1]
        return outputs

    def features(self, image: Tensor) -> list[Tensor]:
        """The encoder's four maps of an image, RGB in [0, 1], (B, 3, H, W)."""
        return self.encoder(normalise(image, self.encoder.mean, self.encoder.std))

    def _output(self, maps: list[Tensor], image: Tensor) -> Tensor:
        size = int(image.shape[-2]), int(image.shape[-1])
        if self.head == "bins":
            return self.bins(self.decoder.maps(maps, size))
        raw = self.decoder(maps, size)
        if self.nclass > 1:
            return raw
        return self.max_depth_m * torch.sigmoid(raw) if self.head == "metric" else torch.relu(raw)

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> DepthAnything:
        """The network in a checkpoint of ours or in published weights, in evaluation mode.

        Args:
            path: `checkpoints/last.pt` of a run, or what `load_published` takes.

        Raises:
            UserError: If the file is missing or damaged, or its weights do not fit.
        """
        file = Path(path).expanduser()
        own = _own(file)
        if own is None:
            return load_published(path)
        model = network_of(own, str(file))
        assert isinstance(model, cls)
        model.transform = InputTransform.from_dict(own["input"])
        return model.eval()


def load_published(
    path: str | Path, *, version: int | None = None, head: str | None = None, max_depth_m: float | None = None
) -> DepthAnything:
    """Depth Anything with published weights.

    Args:
        path: A `.pth`, `.pt`, `.bin` or `.safetensors` file in either kind of names; a folder with such a file, beside
            its config.json; or, online and with `huggingface_hub` installed, a name such as
            depth-anything/Depth-Anything-V2-Small-hf.
        version: 1 or 2, which read other blocks of the encoder; the tensors have the same names and shapes. None = as
            the config.json beside Hugging Face's names says, else as "v1" or "v2" in the file's name, or 1 for V1's own
            names (vits14, ...) and for metric bins, which V1 alone has.
        head: "relative" or "metric"; weights with metric bins tell it themselves. None = as config.json says, else
            metric if the file's name has "metric" in it.
        max_depth_m: Largest depth of a metric head; None = as config.json says, else by the file's name: V2's
            "hypersim" 20 and "vkitti" 80, V1's "indoor" 10 and "outdoor" 80.

    Returns:
        The network in evaluation mode, with the input and the position embedding of its authors' program, or of
        `transformers` for weights in Hugging Face's names. The file's sha256 is printed.

    Raises:
        UserError: If the file is missing or damaged, if nothing tells its version or a largest depth that it needs, or
            if its tensors do not fit; the message names those that differ.
    """
    network, state, file = read_published(path, version=version, head=head, max_depth_m=max_depth_m)
    options: dict[str, Any] = {"blocks": list(network.blocks), "position_offset": 0.1}
    if network.hugging_face:  # which resizes from the grid that is stored
        stored = position_grid(state.get(POSITIONS))
        options |= {"position_offset": 0.0} | ({"img_size": stored * PATCH} if stored else {})
    model = DepthAnything(
        network.encoder,
        head=network.head,
        max_depth_m=network.max_depth_m,
        bins=network.bins,
        encoder_options=options,
    )
    load_strictly(model, fit_positions(model, state, file), file)
    model.transform = _input_of(network)
    centers = f" ({network.bins['centers']}, to {network.max_depth_m:g} m)" if network.bins else ""
    about = f"{network.encoder}, {network.head}{centers}, blocks {list(network.blocks)}"
    print(f"weights    {file.name}, {about}, sha256 {sha256(file)}")
    return model.eval()


def _input_of(network: Description) -> InputTransform:
    if network.hugging_face:
        return HuggingFaceInput()
    return OfficialMetricInput() if network.head == "bins" else OfficialInput(corners=network.version == 2)


def transform_of(model: DepthAnything) -> InputTransform:
    """The network's input, as its checkpoint says.

    Raises:
        UserError: If the network was not loaded from a checkpoint.
    """
    if model.transform is None:
        raise UserError("this network was not loaded from a checkpoint, so the size of its input is not known")
    return model.transform


def _own(path: Path) -> dict[str, Any] | None:
    """The content of a training checkpoint of ours, None for anything else."""
    if not path.is_file() or path.suffix == ".safetensors":
        return None
    state = load_checkpoint(path, fix="fetch it again, or name another file", foreign=True)
    config = state.get("model_config")
    ours = isinstance(config, dict) and config.get("_target_") == "depthrepro.models.depth_anything.DepthAnything"
    return state if ours and isinstance(state.get("input"), dict) else None
