"""KITTI's images to test on, without the training parts that a stereo experiment needs as well."""

from __future__ import annotations

from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.data.base import DepthDataset
from depthrepro.data.io.splits import FrameRef
from depthrepro.data.readers import kitti_stereo
from depthrepro.data.readers.checks import checked_folder, optional_root
from depthrepro.data.readers.kitti_raw import KittiRaw, read_split, sensor_folder


@optional_root
def benchmark_test(root: Path, disparity: str = "noc", allow_missing: bool = False) -> DepthDataset:
    """The test pairs of KITTI 2012 or 2015; None without a folder. Arguments and errors: `kitti_stereo.build`."""
    return kitti_stereo.build(str(root), allow_missing, disparity=disparity).test


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
