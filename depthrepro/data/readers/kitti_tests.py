"""KITTI's images to test on, without the training parts that a stereo experiment needs as well."""

from __future__ import annotations

from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.data.base import DepthDataset
from depthrepro.data.io.splits import FrameRef
from depthrepro.data.readers import kitti_stereo
from depthrepro.data.readers.checks import checked_folder, optional_root
from depthrepro.data.readers.kitti_raw import KittiRaw, read_split, sensor_folder
from depthrepro.data.readers.kitti_stereo import KittiStereo, all_frames
from depthrepro.data.readers.kitti_stereo_layout import find_layout


@optional_root
def benchmark_test(root: Path, disparity: str = "noc", allow_missing: bool = False) -> DepthDataset:
    """The test pairs of KITTI 2012 or 2015; None without a folder. Arguments and errors: `kitti_stereo.build`."""
    splits = kitti_stereo.build(str(root), allow_missing, disparity=disparity)
    splits.test.name = splits.name
    return splits.test


@optional_root
def benchmark_whole(
    root: Path, disparity: str = "occ", allow_missing: bool = False, grey_like: str | None = None
) -> DepthDataset:
    """All pairs of KITTI 2012 or 2015 that can have a disparity map, to test on alone; None without a folder.

    Args:
        root: Folder that holds `training`.
        disparity: Ground truth `noc` (only pixels that both images see) or `occ` (all pixels).
        allow_missing: Go on with the pairs that are there.
        grey_like: Folder of the benchmark that was trained on; where its images are grey, these are read as grey.

    Raises:
        UserError: If anything is missing, damaged or inconsistent.
    """
    layout = find_layout(root)
    frames = [frame for frame in all_frames(root, layout) if frame.endswith("_10")]
    grey = bool(grey_like) and not find_layout(Path(str(grey_like)).expanduser()).colour
    return KittiStereo(root, layout, frames, layout.title, disparity=disparity, allow_missing=allow_missing, grey=grey)


@optional_root
def raw_test(
    root: Path, depth_root: str | None = None, split: str = "eigen_test", allow_missing: bool = False
) -> DepthDataset:
    """The images of one split of KITTI raw; None without a folder. Arguments and errors: `kitti_raw.build`."""
    return read_split(root, split, depth_root, allow_missing)


def improved_test(root: str | None, raw_root: str | None) -> DepthDataset | None:
    """The left images of all frames that have an improved depth map and lie in the raw data.

    Args:
        root: Folder of the improved maps, (train|val)/<drive>/proj_depth/groundtruth/image_02/<frame>.png, or None.
        raw_root: Folder that holds the recording days, or None.

    Returns:
        The images; None if one of the folders is not given.

    Raises:
        UserError: If a folder is missing, no frame is in both, or a file is damaged.
    """
    if not root or not raw_root:
        return None
    depth, raw = checked_folder(root, "root"), checked_folder(raw_root, "raw_root")
    maps = sorted(depth.glob("*/*/proj_depth/groundtruth/image_02/*.png"))
    refs = [FrameRef(path.parents[3].name, "l", int(path.stem)) for path in maps]
    there = [ref for ref in refs if any(sensor_folder(raw, ref.drive, "image_02").glob(f"{ref.frame:010d}.*"))]
    if not there:
        raise UserError(f"root={depth}: none of its {len(refs)} depth maps has its image under raw_root={raw}")
    return KittiRaw(raw, there, "KITTI raw with improved depth", depth_root=depth)
