"""Tiny data sets in the official layouts: textured pairs with a known disparity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

DRIVE = "2011_09_26_drive_0001_sync"
SIZE = (48, 96)  # height, width
FOCAL, CX, CY, BASELINE = 60.0, 46.0, 23.0, 0.5
SHIFT = 6  # disparity of every pair in pixels

CAM_TO_CAM = f"""calib_time: 09-Jan-2012 13:57:47
R_rect_00: 1 0 0 0 1 0 0 0 1
S_rect_02: {SIZE[1]:e} {SIZE[0]:e}
P_rect_02: {FOCAL} 0 {CX} 6.0 0 {FOCAL} {CY} 0 0 0 1 0
S_rect_03: {SIZE[1]:e} {SIZE[0]:e}
P_rect_03: {FOCAL} 0 {CX} {6.0 - FOCAL * BASELINE} 0 {FOCAL} {CY} 0 0 0 1 0
"""
VELO_TO_CAM = "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n"  # x forward, y left, z up


def textured_pair(seed: int, size: tuple[int, int] = SIZE, shift: int = SHIFT) -> tuple[np.ndarray, np.ndarray]:
    """(left, right) uint8 BGR of a fronto-parallel wall: right[x] = left[x + shift]."""
    height, width = size
    noise = np.random.default_rng(seed).integers(0, 256, (height, width + shift, 3), dtype=np.uint8)
    wall = cv2.normalize(cv2.GaussianBlur(noise, (5, 5), 0), None, 0, 255, cv2.NORM_MINMAX)
    return wall[:, :width].copy(), wall[:, shift:].copy()


def write_image(path: Path, image: np.ndarray, quality: int = 95) -> Path:
    """Write an image in the encoding its extension names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image, [] if path.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality])
    return path


def write_day(root: Path, date: str = DRIVE[:10]) -> Path:
    """Calibration of a recording day."""
    folder = root / date
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calib_cam_to_cam.txt").write_text(CAM_TO_CAM)
    (folder / "calib_velo_to_cam.txt").write_text(VELO_TO_CAM)
    return folder


def scan_of_wall(distance: float = 5.0) -> np.ndarray:
    """Lidar points on a wall across the view, (N, 4)."""
    y, z = np.meshgrid(np.linspace(-3, 3, 40), np.linspace(-1.5, 1.5, 20))
    return np.stack([np.full(y.size, distance), y.ravel(), z.ravel(), np.zeros(y.size)], 1).astype(np.float32)


def write_drive(
    root: Path, frames: Iterable[int], *, drive: str = DRIVE, suffix: str = ".png", swap: bool = False
) -> Path:
    """A drive of KITTI raw with calibration and scans; returns the drive's folder."""
    folder = write_day(root, drive[:10]) / drive
    for frame in frames:
        pair = textured_pair(frame)
        for camera, image in zip((3, 2) if swap else (2, 3), pair, strict=True):
            write_image(folder / f"image_0{camera}" / "data" / f"{frame:010d}{suffix}", image)
        scan = folder / "velodyne_points" / "data" / f"{frame:010d}.bin"
        scan.parent.mkdir(parents=True, exist_ok=True)
        scan_of_wall().tofile(scan)
    return folder


def write_split(path: Path, frames: str, sides: str = "l", drive: str = DRIVE) -> str:
    """A split file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("drive,side,frames\n" + "".join(f"{drive},{side},{frames}\n" for side in sides))
    return str(path)


def write_benchmark(root: Path, scenes: Sequence[int], left: str = "image_0", right: str = "image_1") -> Path:
    """KITTI 2012 or 2015 with two frames a scene and a disparity map of SHIFT pixels for frame _10."""
    disparity = "disp_noc_0" if left == "image_2" else "disp_noc"
    for scene in scenes:
        for frame in ("10", "11"):
            for folder, image in zip((left, right), textured_pair(scene * 2 + int(frame)), strict=True):
                if left == "image_0":
                    image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
                write_image(root / "training" / folder / f"{scene:06d}_{frame}.png", image)
        disp = np.full(SIZE, SHIFT * 256, dtype=np.uint16)
        disp[:10] = 0
        write_image(root / "training" / disparity / f"{scene:06d}_10.png", disp)
    return root


def write_folder(root: Path, names: Iterable[str], suffix: str = ".png") -> Path:
    """A left/right folder with its calibration."""
    for seed, name in enumerate(names):
        for side, image in zip(("left", "right"), textured_pair(seed), strict=True):
            write_image(root / side / f"{name}{suffix}", image)
    height, width = SIZE
    (root / "calibration.yaml").write_text(
        f"fx: {FOCAL}\nfy: {FOCAL}\ncx: {CX}\ncy: {CY}\nbaseline_m: {BASELINE}\nwidth: {width}\nheight: {height}\n"
    )
    return root


def cut(path: Path, n_bytes: int = 60) -> Path:
    """Truncate a file by `n_bytes`."""
    path.write_bytes(path.read_bytes()[:-n_bytes])
    return path
