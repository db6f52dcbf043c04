"""NYU Depth V2: the labelled set, 795 images to learn from and 654 to test on, in its MATLAB file or as files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from depthrepro.core.arrays import real_numbers
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.reading import reading
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.io.codecs import Codec, read_mat
from depthrepro.data.readers.checks import check_unique, optional_root
from depthrepro.data.readers.depth_folder import DepthFolder, read_depth_manifest
from depthrepro.data.readers.probed_images import check_count

if TYPE_CHECKING:
    import h5py

LABELLED, SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"
PARTS = {"train": ("trainNdxs", 795), "test": ("testNdxs", 654)}
DEPTHS = {"raw": "rawDepths", "filled": "depths"}
KEPT = slice(7, 474), slice(7, 632)  # rows and columns that stay where the border is black, counted from zero


class NYU(DepthDataset):
    """One part of the labelled set.

    The file is HDF5 written by MATLAB, whose axes come reversed: images (N, 3, W, H), depth (N, W, H).

    Args:
        root: Folder with `nyu_depth_v2_labeled.mat` and `splits.mat` (from the authors' toolbox).
        depth: "raw": as the Kinect measured it, with holes; "filled": with holes filled in by colourisation.
        allow_missing: Go on with fewer images than the part has.
        part: "train" (795 images) or "test" (654).
        black_border: Blacken rows 0 to 6 and 474 to 479 and columns 0 to 6 and 632 to 639 of the images, counted from
            zero; the depth there stays. BTS's export does, on which published metric numbers were scored, with "raw"
            depth. Eigen's crop leaves that border out of the scores, so it only changes what a network sees.

    Raises:
        UserError: If a file is missing or damaged, or the split has another number of images.
    """

    def __init__(
        self,
        root: str | Path,
        depth: str = "filled",
        allow_missing: bool = False,
        part: str = "test",
        black_border: bool = False,
    ) -> None:
        if part not in PARTS:
            raise UserError(f"part must be train or test, got {part!r}")
        if depth not in DEPTHS:
            raise UserError(f"depth must be raw or filled, got {depth!r}")
        self.file, self.key = Path(root) / LABELLED, DEPTHS[depth]
        key, self.expected = PARTS[part]
        self.black_border = black_border
        self.name = f"NYU Depth V2 {part} ({depth} depth{', black border' if black_border else ''})"
        self._handle: h5py.File | None = None
        numbers = read_mat(Path(root) / SPLITS, key, missing="it comes with the authors' toolbox")
        with reading(Path(root) / SPLITS, key):
            self.indices = [int(number) - 1 for number in numbers]
        check_unique(Path(root) / SPLITS, [f"number {index + 1}" for index in self.indices])
        check_count(self.name, len(self.indices), self.expected, allow_missing)
        with reading(self.file, "its images or depths"):
            size = self._size()
        self.records = [ImageRecord(f"{index + 1:04d}", size) for index in self.indices]
        self.encodings = {"hdf5": len(self.records)}
        text = f"{self.name} {self.file.stat().st_size} {self.indices}"
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()

    def _size(self) -> tuple[int, int]:
        """(height, width) of the images, all of which must be there."""
        images, depths = (self._open()[key].shape for key in ("images", self.key))
        count, _, width, height = images
        odd = [index + 1 for index in self.indices if not 0 <= index < count]
        if odd:
            raise UserError(f"{self.file}: {count} images, but {SPLITS} names number {odd[0]}")
        if images != (count, 3, width, height) or depths != (count, width, height):
            raise UserError(f"{self.file}: {self.key} has another form than the images; is it the labelled data set?")
        return int(height), int(width)

    def __getstate__(self) -> dict[str, Any]:
        """An open file does not travel to a loader process."""
        return {**self.__dict__, "_handle": None}

    def _open(self) -> h5py.File:
        import h5py  # h5py takes 0.2 s

        if self._handle is None:
            with reading(self.file, missing="no such file; fetch the labelled data set (2.8 GB)"):
                handle = h5py.File(self.file, "r")
                if "images" not in handle or self.key not in handle:
                    raise UserError(f"{self.file}: has no images or no {self.key}; is it the labelled data set?")
                self._handle = handle
        return self._handle

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, RGB uint8 (480, 640, 3)."""
        with reading(self.file, f"image {self.indices[index] + 1}"):
            stored = np.asarray(self._open()["images"][self.indices[index]]).transpose(2, 1, 0)
        if stored.dtype != np.uint8:
            raise UserError(f"{self.file}: images are {stored.dtype}, where bytes are expected; fetch it again")
        if not self.black_border:
            return np.ascontiguousarray(stored)
        image = np.zeros_like(stored, order="C")
        image[KEPT] = stored[KEPT]
        return image

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Depth in metres of image `index`, 0 = none."""
        if ground_truth is not GroundTruth.dense:
            raise UserError(f"{self.name} has no ground truth '{ground_truth.value}': choose 'dense'")
        with reading(self.file, f"depth {self.indices[index] + 1}"):
            depth = real_numbers(np.asarray(self._open()[self.key][self.indices[index]])).astype(np.float32).T
        return np.ascontiguousarray(np.where(np.isfinite(depth) & (depth > 0), depth, 0.0))

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether `ground_truth` is the dense depth."""
        return ground_truth is GroundTruth.dense


@optional_root
def labelled_folder(root: Path, part: str, allow_missing: bool = False) -> DepthFolder:
    """One part of the labelled set as files: `<part>/manifest.csv`, images, filled depth in mm as 16-bit PNG.

    Args:
        root: Folder of the parts; None = no set.
        part: "train" (795 images) or "test" (654).
        allow_missing: Go on with fewer images than the part has.

    Raises:
        UserError: As `depth_folder`, or if there is another number of images.
    """
    items = read_depth_manifest(root / part / "manifest.csv")
    # A file's name is the number in the official file, from 1: the same ids as there.
    items = [replace(item, id=Path(item.id).name) for item in items]
    name = "NYU Depth V2" if part == "test" else f"NYU Depth V2 {part}"
    check_count(name, len(items), PARTS[part][1], allow_missing)
    return DepthFolder(name, items, codec=Codec.png16, scale=0.001)


@optional_root
def labelled_folders(root: Path, allow_missing: bool = False) -> tuple[DepthFolder, DepthFolder]:
    """(training, test) images of `labelled_folder`."""
    train, test = (labelled_folder(str(root), part, allow_missing) for part in ("train", "test"))
    assert train is not None and test is not None
    return train, test


@optional_root
def build(root: Path, depth: str = "filled", allow_missing: bool = False, black_border: bool = False) -> NYU:
    """The test images; None without a folder. See `NYU`."""
    return NYU(root, depth, allow_missing, black_border=black_border)
