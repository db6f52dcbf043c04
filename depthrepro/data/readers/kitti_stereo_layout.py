"""Folder names of the KITTI stereo benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from depthrepro.core.errors import UserError

DISPARITY_KINDS = ("noc", "occ")  # of the pixels that both images see; of all pixels


@dataclass(frozen=True)
class Layout:
    """Names of one benchmark's folders.

    Attributes:
        title: For people.
        left: Folder of the left images.
        right: Folder of the right images.
        disparity: Pattern of the disparity maps' folders; the star stands for their kind, see `DISPARITY_KINDS`.
        calibration: Folder of the files with one image's calibration.
        colour: Whether the images come from the colour cameras.
    """

    title: str
    left: str
    right: str
    disparity: str
    calibration: str
    colour: bool


LAYOUTS = (
    Layout("KITTI 2015", "image_2", "image_3", "disp_*_0", "calib_cam_to_cam", True),
    Layout("KITTI 2012", "colored_0", "colored_1", "disp_*", "calib", True),
    Layout("KITTI 2012", "colour_0", "colour_1", "disp_*", "calib", True),
    Layout("KITTI 2012", "image_0", "image_1", "disp_*", "calib", False),
)


def find_layout(root: Path) -> Layout:
    """The benchmark whose image folders lie in <root>/training.

    Raises:
        UserError: If there is none, or its right or left images are missing.
    """
    training = root / "training"
    for layout in LAYOUTS:
        folders = [training / layout.left, training / layout.right]
        present = [folder.is_dir() and any(folder.iterdir()) for folder in folders]
        if all(present):
            return layout
        if any(present):
            raise UserError(
                f"{folders[present.index(False)]}: the folder is missing or empty, so {layout.title} has no pairs; "
                "fetch the images of both cameras"
            )
    expected = " or ".join(f"{layout.left}, {layout.right}" for layout in LAYOUTS if layout.left != "colour_0")
    raise UserError(f"{training}: no images of KITTI stereo here, expected the folders {expected}; set KITTI_STEREO")
