"""Images in files of their own, and the depth beside them: what the readers of single images share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.base import DepthDataset, ImageDataset, ImageRecord
from depthrepro.data.fingerprint import count_encodings
from depthrepro.data.io.images import check_size, read_sized
from depthrepro.data.readers.checks import check_unique, probe_images

_STARS = r"(\*\*/|\*)"


@dataclass(frozen=True)
class DepthItem:
    """Files of one image.

    Attributes:
        id: Unique, stable name.
        image: RGB image.
        depth: What the depth or disparity is read from.
        mask: 8-bit PNG, 0 = unknown; None = every value counts.
    """

    id: str
    image: Path
    depth: Path
    mask: Path | None = None


def counterparts(root: Path, image: str, depth: str, *, mask: str | None = None, name: str = "") -> list[DepthItem]:
    """The files below `root` that match `image`, sorted, each with its counterparts, which need not exist.

    A star stands for the same text in every pattern, two stars for the same folders, any number of them:
    image "*/imgs/*.jpg" with depth "*/depths/*.h5".

    Args:
        root: The data set's folder.
        image: Pattern of the images.
        depth: Pattern of the depth files.
        mask: Pattern of the masks; None = there are none.
        name: Pattern of the ids; by default the image's path without its suffix.
    """
    any_text = {"**/": "((?:[^/]*/)*)", "*": "([^/]*)"}
    expression = "".join(any_text.get(piece) or re.escape(piece) for piece in re.split(_STARS, image))

    def filled(pattern: str, texts: Sequence[str]) -> str:
        rest = iter(texts)
        return re.sub(_STARS, lambda _: next(rest), pattern)

    items = []
    for path in sorted(root.glob(image)):
        inner = path.relative_to(root)
        match = re.fullmatch(expression, inner.as_posix(), re.IGNORECASE)  # as glob is on some systems
        assert match is not None
        texts = match.groups()
        id_ = filled(name, texts) if name else inner.with_suffix("").as_posix()
        beside = root / filled(mask, texts) if mask else None
        items.append(DepthItem(id_, path, root / filled(depth, texts), beside))
    return items


class ProbedImages(ImageDataset):
    """Images in files, each probed when the set is built.

    Args:
        name: Data set and part for people.
        files: Id and file of each, in order.

    Raises:
        UserError: If an image is missing or damaged.
    """

    def __init__(self, name: str, files: Sequence[tuple[str, Path]]) -> None:
        self.name, self.files = name, [path for _, path in files]
        check_unique(name, [id_ for id_, _ in files])
        probes = probe_images(self.files, name)
        self.records = [ImageRecord(id_, probes[path].size) for id_, path in files]
        self.encodings = count_encodings(probes.values())
        self.n_bytes = [probes[path].n_bytes for path in self.files]

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`."""
        return read_sized(self.files[index], self.records[index].size)


class DepthFiles(ProbedImages, DepthDataset):
    """Images with their depth in files beside them.

    Args:
        name: Data set and part for people.
        items: The files, in order.

    Attributes:
        file_bytes: Sizes of each item's files.

    Raises:
        UserError: If a file is missing or an image is damaged.
    """

    def __init__(self, name: str, items: Sequence[DepthItem]) -> None:
        super().__init__(name, [(item.id, item.image) for item in items])
        self.items = list(items)
        self.file_bytes = [[size, *_sizes(item)] for size, item in zip(self.n_bytes, items, strict=True)]


class DepthImages(DepthFiles):
    """Test images with dense ground truth.

    Args:
        name: Data set and part for people.
        items: The files, in order.
        read_depth: (item, (height, width) of its image) -> metres float32 (H, W); at or below 0 or not finite = none.
        expected: Number of images the set has; fewer are an error unless `allow_missing`.
        allow_missing: Go on with those that are there.

    Raises:
        UserError: If there are fewer images than expected, a file is missing, or an image is damaged.
    """

    def __init__(
        self,
        name: str,
        items: Sequence[DepthItem],
        read_depth: Callable[[DepthItem, tuple[int, int]], np.ndarray],
        expected: int,
        allow_missing: bool = False,
    ) -> None:
        check_count(name, len(items), expected, allow_missing)
        super().__init__(name, items)
        self.expected, self.read_depth = expected, read_depth
        lines = (f"{item.id}|{'|'.join(map(str, sizes))}\n" for item, sizes in zip(items, self.file_bytes, strict=True))
        self.fingerprint = hashlib.sha256("".join([name, *lines]).encode()).hexdigest()

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Depth in metres of image `index`, 0 = none."""
        if ground_truth is not GroundTruth.dense:
            raise UserError(f"{self.name} has no ground truth '{ground_truth.value}': choose 'dense'")
        item, size = self.items[index], self.records[index].size
        depth = self.read_depth(item, size)
        check_size(item.depth, depth, size)
        return np.where(np.isfinite(depth) & (depth > 0), depth, 0.0).astype(np.float32)

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether `ground_truth` is the dense depth."""
        return ground_truth is GroundTruth.dense


def check_count(name: str, found: int, expected: int, allow_missing: bool) -> None:
    """Stop at no image, and at fewer than expected unless that is allowed.

    Raises:
        UserError: Naming both counts.
    """
    if found == 0:
        raise UserError(f"{name}: no image is there; check its root")
    if found < expected and not allow_missing:
        raise UserError(f"{name}: {found} of {expected} images are there; complete it, or set allow_missing: true")


def _sizes(item: DepthItem) -> list[int]:
    """Bytes of the files beside the image."""
    sizes = []
    for path in (item.depth, item.mask):
        if path is not None:
            if not path.is_file():
                raise UserError(f"{path}: no such file, but {item.image} is there; fetch it")
            sizes.append(path.stat().st_size)
    return sizes
