"""`streets`: synthetic stereo pairs with laser scans, in the layout of KITTI raw.

One drive is one scene, frames of a drive stand far apart along its road, and no scene is shared between the splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depthrepro.worlds.camera import Rig
from depthrepro.worlds.lidar import scan
from depthrepro.worlds.render import Exposure, develop, render_view
from depthrepro.worlds.sets.files import write_png
from depthrepro.worlds.sets.kitti_calibration import DATES, calibration_texts, make_rig
from depthrepro.worlds.streets.poses import find_pose
from depthrepro.worlds.streets.street import build_street
from depthrepro.worlds.streets.styles import GOLDEN, Style, style_at
from depthrepro.worlds.world import Unit, World, WorldConfig, scene_sizes, whole

SPLITS = ("train", "val", "test")
_LAYOUT = (
    "The layout is KITTI raw's: <date>/<drive>/image_02 (left), image_03 (right), velodyne_points, and the\n"
    "calibration of each date. The images are rectified. A scan holds the forward sector of one turn of a\n"
    "64-beam scanner (+2 to -24.8 degrees, 0.17 degrees a step, 2 cm of range noise, 100 m), the part that can\n"
    "fall into the images. splits/ lists the frames: drive, side (l = image_02), frame numbers. One drive is one\n"
    "scene, and no scene is in two splits. Numbers measured on these pictures say nothing about KITTI.\n"
)


@dataclass(frozen=True)
class StreetsConfig(WorldConfig):
    """Size of the world; see `WorldConfig`.

    Attributes:
        train_pairs: Stereo pairs to learn from.
        val_pairs: Pairs to choose checkpoints with.
        test_pairs: Pairs to report on.
        frames_per_drive: Pairs of one scene; the last drive of a split may have fewer.
        width: The focal length follows it.
    """

    world = "streets"
    train_pairs: int = whole(1, default=200)
    val_pairs: int = whole(1, default=24)
    test_pairs: int = whole(1, default=60)
    frames_per_drive: int = whole(1, 12, default=4)
    width: int = whole(64, 4096, default=620)
    height: int = whole(24, 4096, default=188)
    seed: int = whole(0, default=0)


@dataclass(frozen=True)
class Drive(Unit):
    """One scene and its frames; its name is KITTI's for a folder, its index, with the seed, decides the scene.

    Attributes:
        split: "train", "val" or "test".
        date: Recording day, which decides the calibration.
        style: Kind of street.
    """

    split: str
    date: str
    style: Style


def list_drives(config: StreetsConfig) -> list[Drive]:
    """All drives of a world, in order; the days alternate, and each split has its even share of every style."""
    drives: list[Drive] = []
    for number, split in enumerate(SPLITS):
        share = float(np.random.default_rng([config.seed, number, 77]).random())
        for frames in scene_sizes(getattr(config, f"{split}_pairs"), config.frames_per_drive):
            index = len(drives)
            date = DATES[index % len(DATES)]
            drives.append(Drive(index, f"{date}_drive_{index + 1:04d}_sync", frames, split, date, style_at(share)))
            share = (share + GOLDEN) % 1.0
    return drives


@dataclass(frozen=True)
class SyntheticPair:
    """One frame of a drive.

    Attributes:
        left: (H, W, 3) uint8 RGB of camera 2.
        right: (H, W, 3) uint8 RGB of camera 3.
        depth_left: (H, W) float32, metres along the optical axis at the pixel centres of `left`, 0 for the sky.
        depth_right: Like `depth_left`, for `right`.
        scan: (N, 4) float32: x, y, z in the laser's frame in metres, reflectance in 0..1.
        rig: Calibration.
    """

    left: np.ndarray
    right: np.ndarray
    depth_left: np.ndarray
    depth_right: np.ndarray
    scan: np.ndarray
    rig: Rig


class DriveRenderer:
    """The street of one drive, ready for its frames."""

    def __init__(self, config: StreetsConfig, drive: Drive) -> None:
        """Build the street from (seed, drive)."""
        self.config, self.drive = config, drive
        self.rig = make_rig(drive.date, config.width, config.height)
        self.street = build_street(drive.style, np.random.default_rng([config.seed, drive.index]))

    def frame(self, number: int) -> SyntheticPair:
        """Render one frame; the result depends on (seed, drive, number) alone."""
        rng = np.random.default_rng([self.config.seed, self.drive.index, number])
        pose = find_pose(self.street, self.rig, number, self.config.frames_per_drive, rng)
        views = [render_view(self.street, self.rig, pose, camera) for camera in (2, 3)]
        exposure = Exposure(self.street.light.tint, views[0][0], rng)
        gains = (1.0, 1.0 + float(rng.normal(0, 0.008)))
        left, right = (develop(v[0], exposure, g, rng) for v, g in zip(views, gains, strict=True))
        points = scan(self.street, self.rig, pose, rng)
        return SyntheticPair(left, right, views[0][1], views[1][1], points, self.rig)


class Streets(World):
    """The world `streets`; its units are the drives."""

    name, version, noun = "streets", 1, "pair"
    config: StreetsConfig

    def units(self) -> list[Drive]:
        """The drives."""
        return list_drives(self.config)

    def render(self, unit: Unit, folder: Path) -> None:
        """Write a drive's images and scans."""
        drive = list_drives(self.config)[unit.index]
        renderer = DriveRenderer(self.config, drive)
        for number in range(drive.items):
            pair, root = renderer.frame(number), folder / drive.date / drive.name
            for camera, image in (("image_02", pair.left), ("image_03", pair.right)):
                write_png(root / camera / "data" / f"{number:010d}.png", image)
            points = root / "velodyne_points" / "data" / f"{number:010d}.bin"
            points.parent.mkdir(parents=True, exist_ok=True)
            points.write_bytes(pair.scan.astype("<f4").tobytes())

    def texts(self) -> dict[str, str]:
        """The calibration of each day, the split lists and the note."""
        drives = list_drives(self.config)
        texts: dict[str, str] = {}
        for date in sorted({d.date for d in drives}):
            rig = make_rig(date, self.config.width, self.config.height)
            texts |= {f"{date}/{name}": text for name, text in calibration_texts(rig).items()}
        for split in SPLITS:
            rows = [f"{d.name},l,0" + (f"-{d.items - 1}" if d.items > 1 else "") for d in drives if d.split == split]
            texts[f"splits/{split}.csv"] = "\n".join(["drive,side,frames", *rows]) + "\n"
        texts["README.txt"] = (
            "Rendered data, not recordings: procedural streets of the depthrepro project, world `streets`, "
            f"version {self.version}.\n{self.settings}\n\n{_LAYOUT}"
        )
        return texts

    def remade_by_deleting(self, root: Path, name: str) -> Path:
        """The whole drive of a file in one, else the manifest."""
        parts = Path(name).parts
        return root / Path(*parts[:2]) if len(parts) > 2 else root / "manifest.json"
