"""SUN RGB-D, iBims-1, HyperSim and Virtual KITTI 2 in their official folders, to test metric depth on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.reading import reading
from depthrepro.data.io.codecs import Codec, read_map, read_mat
from depthrepro.data.io.images import check_size
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.metric import MetricImages
from depthrepro.data.readers.probed_images import DepthImages, DepthItem, counterparts

SUN_IMAGES, IBIMS_IMAGES, HYPERSIM_IMAGES, VIRTUAL_KITTI2_FRAMES = 5050, 100, 7690, 21260
SUN_DEPTH = {"filled": "depth_bfx", "raw": "depth"}
IBIMS_RANGE_M = 50.0
HYPERSIM_FOV_DEG = 60.0
HYPERSIM_LISTING = "metadata_images_split_scene_v1.csv"
_SKY = 65535


@optional_root
def sun_rgbd(root: Path, depth: str = "filled", allow_missing: bool = False) -> DepthImages:
    """SUN RGB-D's 5050 official test images, by four depth cameras, some of them NYU Depth V2's.

    Files: SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat names the folders; each has one image in `image` and one depth
    map in `depth_bfx` (holes filled) and `depth` (as measured), 16-bit millimetres whose bits are rotated by three.

    Args:
        root: Folder that holds `SUNRGBD` and `SUNRGBDtoolbox`; None = no set.
        depth: "filled" or "raw".
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages`, if `depth` is unknown, or if the list is missing or damaged.
    """
    if depth not in SUN_DEPTH:
        raise UserError(f"depth must be {' or '.join(SUN_DEPTH)}, got {depth!r}")
    items = []
    listing = root / "SUNRGBDtoolbox" / "traintestSUNRGBD" / "allsplit.mat"
    for path in map(str, read_mat(listing, "alltest", missing="unpack SUNRGBDtoolbox.zip beside SUNRGBD")):
        name = "SUNRGBD/" + path.partition("SUNRGBD/")[2].rstrip("/")  # the list has the authors' own paths
        folder, maps = root / name, root / name / SUN_DEPTH[depth]
        image = next(iter(sorted((folder / "image").glob("*.jpg"))), None)
        if image is not None:
            found = next(iter(sorted(maps.glob("*.png"))), maps)
            items.append(DepthItem(name.removeprefix("SUNRGBD/"), image, found))
    return DepthImages(
        f"SUN RGB-D test, {depth} depth", items, lambda item, _: _millimetres(item.depth), SUN_IMAGES, allow_missing
    )


def _millimetres(path: Path) -> np.ndarray:
    """Metres of a 16-bit map whose bits are rotated to the left by three."""
    stored = read_map(path, Codec.png16).astype(np.uint16)
    return ((stored >> 3) | (stored << 13)).astype(np.float32) / 1000


@optional_root
def ibims(root: Path, allow_missing: bool = False) -> DepthImages:
    """iBims-1's 100 images with depth by a laser scanner.

    Files: imagelist.txt; rgb, depth (16 bits over 50 m), mask_invalid and mask_transp, each with <name>.png. Where
    either mask is zero, at missing or transparent surfaces, the depth is not valid.

    Args:
        root: The folder ibims1_core_raw, imagelist.txt in it or beside it; None = no set.
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages`, or if the list is missing.
    """
    listing = next((p for p in (root / "imagelist.txt", root.parent / "imagelist.txt") if p.is_file()), None)
    if listing is None:
        raise UserError(f"{root}: has no imagelist.txt, nor has the folder above; fetch it from iBims-1's site")
    with reading(listing, "the list of images"):
        names = listing.read_text(encoding="utf-8").split()
        files = [root / "rgb" / f"{name}.png" for name in names]
        items = [DepthItem(image.stem, image, root / "depth" / image.name) for image in files if image.is_file()]
    return DepthImages("iBims-1", items, lambda item, _: _masked(item.depth), IBIMS_IMAGES, allow_missing)


def _masked(path: Path) -> np.ndarray:
    """Metres, 0 where a mask says that they are not valid."""
    depth = read_map(path, Codec.png16) * np.float32(IBIMS_RANGE_M / 65535)
    for mask in ("mask_invalid", "mask_transp"):
        file = path.parents[1] / mask / path.name
        valid = read_map(file, Codec.png8) > 0
        check_size(file, valid, depth.shape)
        depth = np.where(valid, depth, 0)
    return depth


@optional_root
def hypersim(root: Path, allow_missing: bool = False) -> DepthImages:
    """HyperSim's 7690 public test images, rendered interiors.

    Files: metadata_images_split_scene_v1.csv names the images of each part; below <scene>/images lie
    scene_<camera>_final_preview/frame.<number>.tonemap.jpg and scene_<camera>_geometry_hdf5/
    frame.<number>.depth_meters.hdf5, the distance along each pixel's ray; see `planar`.

    Args:
        root: Folder that holds the list and the scenes; None = no set.
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages`, or if the list is missing or has other columns.
    """
    items = []
    for row in _hypersim_rows(root / HYPERSIM_LISTING):
        scene, frame = root / row["scene_name"] / "images", f"frame.{row['frame_id']:04d}"
        image = scene / f"scene_{row['camera_name']}_final_preview" / f"{frame}.tonemap.jpg"
        depth = scene / f"scene_{row['camera_name']}_geometry_hdf5" / f"{frame}.depth_meters.hdf5"
        if image.is_file():
            items.append(DepthItem(f"{row['scene_name']}/{row['camera_name']}/{frame}", image, depth))
    return DepthImages(
        "HyperSim test",
        items,
        lambda item, _: planar(read_map(item.depth, Codec.hdf5, key="dataset"), HYPERSIM_FOV_DEG),
        HYPERSIM_IMAGES,
        allow_missing,
    )


def _hypersim_rows(listing: Path) -> list[dict[str, Any]]:
    missing = "no such file; it is in the repository apple/ml-hypersim"
    with reading(listing, "the list of HyperSim's images", missing=missing):
        rows = csv.DictReader(listing.read_text(encoding="utf-8").splitlines())
        wanted = [r for r in rows if (r["split_partition_name"], r["included_in_public_release"]) == ("test", "True")]
        return [{**r, "frame_id": int(r["frame_id"])} for r in wanted]


def planar(distance: np.ndarray, fov_deg: float) -> np.ndarray:
    """Depth along the optical axis from the distance along each pixel's ray.

    Args:
        distance: Metres, (H, W).
        fov_deg: Horizontal field of view; the principal point is the image's middle.

    Returns:
        Metres, (H, W): distance · f / √(x² + y² + f²), (x, y) from the middle and f in pixels.
    """
    height, width = distance.shape
    focal = width / 2 / np.tan(np.radians(fov_deg) / 2)
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    return distance * (focal / np.sqrt(x**2 + y[:, None] ** 2 + focal**2))


@optional_root
def virtual_kitti2(
    root: Path, window: Sequence[int] | None = (352, 1216), percent: int = 8, allow_missing: bool = False
) -> MetricImages:
    """Virtual KITTI 2's left images, `percent` of all frames, evenly spread.

    Files: Scene<nn>/<variation>/frames/rgb/Camera_0/rgb_<number>.jpg and depth/Camera_0/depth_<number>.png, 16-bit
    centimetres, 65535 = sky.

    Args:
        root: Folder of the scenes, images and depth unpacked together; None = no set.
        window: (height, width) of KITTI's benchmark crop; None = the whole image.
        percent: Share of the 21,260 frames. ZoeDepth's code, and Depth Anything's after it, draws 8 % at random and
            publishes no list.
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages` and `MetricImages`, or if `percent` is not from 1 to 100.
    """
    if not 1 <= percent <= 100:
        raise UserError(f"percent must be from 1 to 100, got {percent}")
    frames = counterparts(root, "Scene*/*/frames/rgb/Camera_0/rgb_*.jpg", "Scene*/*/frames/depth/Camera_0/depth_*.png")
    items = [item for i, item in enumerate(frames) if _share(i + 1, percent) > _share(i, percent)]
    expected = _share(VIRTUAL_KITTI2_FRAMES, percent)
    whole = DepthImages("Virtual KITTI 2", items, lambda item, _: _centimetres(item.depth), expected, allow_missing)
    cut = (int(window[0]), int(window[1])) if window else None
    return MetricImages(whole, GroundTruth.dense, (0.0, np.inf), window=cut)


def _share(count: int, percent: int) -> int:
    """`percent` of a number, rounded up."""
    return -(-count * percent // 100)


def _centimetres(path: Path) -> np.ndarray:
    return read_map(path, Codec.png16, invalid=(_SKY,)) / 100
