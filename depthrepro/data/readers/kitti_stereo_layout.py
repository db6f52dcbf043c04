"""Folder names of the KITTI stereo benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from depthrepro.core.errors import UserError

DISPARITY_KINDS = ("noc", "occ")


@dataclass(frozen=True)
class Layout:
    """Names of one benchmark's folders.

    Attributes:
        title: For people.
        left: Folder of the left images.
        right: Folder of the right images.
        disparity: Folders of the disparity maps, by kind: `occ` holds pixels that the right image lacks too.
        calibration: Folder of the files with one image's calibration.
        colour: Whether the images come from the colour cameras.
    """

    title: str
    left: str
    right: str
    disparity: Mapping[str, str]
    calibration: str
    colour: bool


_DISP_2012 = {"noc": "disp_noc", "occ": "disp_occ"}
LAYOUTS = (
    Layout("KITTI 2015", "image_2", "image_3", {"noc": "disp_noc_0", "occ": "disp_occ_0"}, "calib_cam_to_cam", True),
    Layout("KITTI 2012", "colored_0", "colored_1", _DISP_2012, "calib", True),
    Layout("KITTI 2012", "colour_0", "colour_1", _DISP_2012, "calib", True),
    Layout("KITTI 2012 (grey)", "image_0", "image_1", _DISP_2012, "calib", False),
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
