"""Images with depth in metres to learn from: KITTI and NYU Depth V2 as the papers on metric depth use them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.supervision import Supervision
from depthrepro.data.base import DepthDataset, ImageRecord, LabelledDataset
from depthrepro.data.io.codecs import Codec
from depthrepro.data.io.images import wxh
from depthrepro.data.readers import kitti_raw
from depthrepro.data.readers.depth_folder import DepthFolder
from depthrepro.data.readers.labelled import LabelledSplits
from depthrepro.data.readers.nyu import NYU
from depthrepro.data.readers.probed_images import counterparts
from depthrepro.data.readers.synthetic import rooms
from depthrepro.data.subset import Subset, held_out

Size = tuple[int, int]


class MetricImages(Subset[DepthDataset], LabelledDataset, DepthDataset):
    """Images of a data set whose depth in metres is learnt from or scored against, cut to a window where that is usual.

    Args:
        whole: The data set.
        ground_truth: Which of its depths the labels are.
        depth_range: (least, largest) depth in metres that is learnt from; what lies outside is unknown.
        window: (height, width) of the part that is kept: at the bottom, in the middle. None = all of the image.
        indices: The images that are taken; None = those that have this ground truth.
        scattered: Whether the depth is known at scattered pixels only.

    Raises:
        UserError: If no image has this ground truth, or an image is smaller than the window.
    """

    def __init__(
        self,
        whole: DepthDataset,
        ground_truth: GroundTruth,
        depth_range: tuple[float, float],
        *,
        window: Size | None = None,
        indices: Sequence[int] | None = None,
        scattered: bool = False,
    ) -> None:
        self.learnt_from, self.window, self.scattered = ground_truth, window, scattered
        self.low_m, self.high_m = depth_range
        if indices is None:
            indices = [i for i in range(len(whole)) if whole.has_depth(i, ground_truth)]
            if not indices and len(whole):
                raise UserError(
                    f"{whole.name}: none of {len(whole)} images has ground truth {ground_truth.value}; "
                    "add its files, or choose another with eval.ground_truth"
                )
        super().__init__(whole, indices, "metric")
        self.name = whole.name + (f", benchmark crop {window[0]}x{window[1]}" if window else "")
        self.records = [ImageRecord(whole.records[i].id, self._size(whole.records[i])) for i in self.indices]
        self.expected = whole.expected
        text = f"{whole.fingerprint} {ground_truth.value} {window} {self.indices}"
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()

    def _size(self, record: ImageRecord) -> Size:
        if self.window is None:
            return record.size
        if record.size[0] < self.window[0] or record.size[1] < self.window[1]:
            raise UserError(
                f"{record.id}: {wxh(record.size)} pixels, smaller than the benchmark crop {wxh(self.window)}; "
                "set data.window=null"
            )
        return self.window

    def _cut(self, array: np.ndarray) -> np.ndarray:
        if self.window is None:
            return array
        top, left = array.shape[0] - self.window[0], (array.shape[1] - self.window[1]) // 2
        return np.ascontiguousarray(array[top:, left : left + self.window[1]])

    def read_image(self, index: int) -> np.ndarray:
        """The window of image `index`."""
        return self._cut(super().read_image(index))

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """The window of its depth."""
        return self._cut(self.whole.depth_gt(self.indices[index], ground_truth))

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """As the whole data set."""
        return self.whole.has_depth(self.indices[index], ground_truth)

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Depth in metres, float32 (H, W), and where it is known and within the range."""
        assert self.learnt_from is not None
        depth = self.depth_gt(index, self.learnt_from)
        return depth, (depth >= self.low_m) & (depth <= self.high_m)


class MetricSplits(LabelledSplits):
    """Images with depth in metres to learn from and to test on."""

    supervision = Supervision.metric


def kitti(
    ground_truth: str,
    min_depth_m: float,
    max_depth_m: float,
    *,
    root: str | None = None,
    window: Sequence[int] | None = (352, 1216),
    synthetic_window: Sequence[int] | None = (176, 608),
    **options: Any,
) -> MetricSplits:
    """KITTI raw for supervised metric depth; without a root, the synthetic streets with their simulated scans.

    Args:
        ground_truth: "improved", as the papers, or a single scan's; see `GroundTruth`.
        min_depth_m: Least depth that is learnt from, metres.
        max_depth_m: Largest.
        root: Folder that holds the recording days, or None.
        window: (height, width) of KITTI's benchmark crop, which images and depth are cut to; None = no crop.
        synthetic_window: The same for the synthetic streets, whose images are half as large.
        options: The other arguments of `kitti_raw.build`.

    Raises:
        UserError: As `kitti_raw.build` and `MetricImages`.

    Source: BTS's and AdaBins's loaders, which ZoeDepth and Depth Anything take over: "KB crop" before Garg's.
    """
    pairs = kitti_raw.build(root, **options)
    chosen = window if root else synthetic_window
    cut = (int(chosen[0]), int(chosen[1])) if chosen else None
    kind, depth_range = GroundTruth(ground_truth), (min_depth_m, max_depth_m)
    train, val, test = (
        MetricImages(part, kind, depth_range, window=cut, scattered=True)
        for part in (pairs.train, pairs.val, pairs.test)
    )
    notes = list(pairs.notes)
    if len(train) < len(pairs.train):
        notes.append(
            f"{len(pairs.train) - len(train)} of {len(pairs.train)} training images have no {kind.value} depth"
        )
    return MetricSplits(pairs.name, pairs.synthetic, train, val, test, notes)


def nyu(
    min_depth_m: float,
    max_depth_m: float,
    *,
    root: str | None = None,
    sync_root: str | None = None,
    depth: str = "raw",
    black_border: bool | None = True,
    val_every: int = 17,
    folders: tuple[DepthDataset, DepthDataset] | None = None,
    synthetic: Callable[[], tuple[DepthDataset, DepthDataset]] | None = None,
    allow_missing: bool = False,
) -> MetricSplits:
    """NYU Depth V2 for supervised metric depth; without it, the synthetic rooms.

    Args:
        min_depth_m: Least depth that is learnt from, metres.
        max_depth_m: Largest.
        root: Folder of the official labelled set, whose 654 images are the test, or None.
        sync_root: Folder of the raw frames as BTS aligned them (24,231 images), which the papers learn from: <scene>/
            rgb_<n>.jpg and <scene>/sync_depth_<n>.png, uint16 millimetres. None = the labelled set's 795.
        depth: "raw" or "filled" ground truth of the labelled set; published numbers are against the raw one.
        black_border: Whether the labelled set's images have the black border of published numbers; see `NYU`.
        val_every: Every so-many-th training image is held out to choose the best checkpoint.
        folders: (training, test) images of the labelled set as files, where there is no root.
        synthetic: Makes (training, test) images where there is neither.
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As the readers and `MetricImages`.
    """
    notes: list[str] = []
    name, real = "NYU Depth V2", bool(root) or folders is not None
    if root:
        folder = Path(root).expanduser()
        labelled = partial(NYU, folder, depth, allow_missing, black_border=bool(black_border))
        train: DepthDataset = nyu_sync(Path(sync_root).expanduser()) if sync_root else labelled(part="train")
        test: DepthDataset = labelled(part="test")
    elif folders is not None:
        train, test = folders
        notes.append("NYU Depth V2 as files: filled depth, without the black border, so not the published protocol")
    elif synthetic is not None:
        train, test = synthetic()
        name = "rooms (synthetic)"
        notes.append(
            "NYU is not set: using the synthetic rooms; set NYU or NYU_LABELLED to a folder of the labelled set"
        )
    else:
        raise UserError("data.root: no folder of NYU Depth V2 is given; set NYU or NYU_LABELLED")
    kept, chosen_with = held_out(len(train), val_every)
    depth_range = (min_depth_m, max_depth_m)
    learnt, chosen_by, scored = (
        MetricImages(whole, GroundTruth.dense, depth_range, indices=indices)
        for whole, indices in ((train, kept), (train, chosen_with), (test, None))
    )
    return MetricSplits(name, not real, learnt, chosen_by, scored, notes)


def nyu_sync(folder: Path) -> DepthFolder:
    """The raw frames of NYU Depth V2 as BTS aligned them; see `nyu`.

    Raises:
        UserError: If there is none, or a frame has no depth.
    """
    items = counterparts(folder, "*/rgb_*.jpg", "*/sync_depth_*.png")
    if not items:
        raise UserError(f"{folder}: no <scene>/rgb_<n>.jpg is there; fetch BTS's synchronised NYU frames, or unset it")
    return DepthFolder("NYU Depth V2 synchronised frames", items, codec=Codec.png16, scale=0.001)


def synthetic_rooms(images: int, test_images: int, cache_dir: str | None = None) -> tuple[DepthDataset, DepthDataset]:
    """(training, test) rooms, no room in both; see `synthetic.labelled_rooms`."""
    return rooms("train", images, test_images, cache_dir), rooms("test", images, test_images, cache_dir)
