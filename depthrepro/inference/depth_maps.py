"""Depth maps of a frozen network, made once for each data set and size and kept in the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from filelock import FileLock
from torch import Tensor, nn

from depthrepro.config.schema import default_cache_dir
from depthrepro.core.arrays import map_npy
from depthrepro.core.depth_kind import Kind
from depthrepro.core.files import is_sealed, replacing, seal, sha256
from depthrepro.core.progress import progress_bar
from depthrepro.data.base import ImageDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.forward import predict
from depthrepro.models.scene_classifier import DepthMaps, existing_checkpoint

_BATCH = 16
_MAP = "map"
_VERSION = 2  # raised with every change of what a map holds: those in the cache are then made anew


class FrozenDepth:
    """A source of depth maps for `data.classes`.

    Args:
        checkpoint: Of the network: a run's, or published weights.

    Raises:
        UserError: If the checkpoint is missing.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = existing_checkpoint(checkpoint)

    def maps(self, dataset: ImageDataset, size: tuple[int, int], cache_dir: Path | str | None) -> np.ndarray:
        """Uint8 (N, height, width) at `size`, 255 = nearest of its image, 0 = farthest; mapped from the cache.

        Without a `cache_dir` it is the user's.

        Raises:
            UserError: If the checkpoint or an image cannot be read.
        """
        file = Path(self.checkpoint).expanduser()
        weights = sha256(file) if file.is_file() else self.checkpoint
        key = hashlib.sha256(f"{_VERSION} {weights} {dataset.fingerprint} {size}".encode()).hexdigest()[:20]
        path = default_cache_dir(str(cache_dir) if cache_dir else None) / "depth_maps" / f"{key}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not is_sealed(path):
                with replacing(path) as beside, beside.open("wb") as out:
                    np.save(out, self._compute(dataset, size))
                seal(path)
        return map_npy(path)

    def _compute(self, dataset: ImageDataset, size: tuple[int, int]) -> np.ndarray:
        found = np.empty((len(dataset), *size), dtype=np.uint8)
        indices = range(len(dataset))
        outputs = predict(
            _Named(DepthMaps(self.checkpoint)), dataset, indices, transform=InputTransform(*size), batch_size=_BATCH
        )
        for index in progress_bar(indices, f"depth maps of {dataset.name}", "image"):
            found[index] = (next(outputs).levels[_MAP] * 255).round().astype(np.uint8)
        return found


class _Named(nn.Module):
    """`DepthMaps` in the form of a depth network: its one output has a name, and large is near."""

    kind, levels = Kind.affine_inv_depth, (_MAP,)

    def __init__(self, network: DepthMaps) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {_MAP: self.network(image)}
