"""Depth Anything's six labelled sets in their official folders.

Each function takes the folder that the archives were unpacked into, None for a set that is not there, and gives a
`DepthFolder`. An image without its depth file is an error: a download that broke off must not become a smaller set.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from depthrepro.core.errors import UserError
from depthrepro.data.io.codecs import Codec
from depthrepro.data.readers.checks import checked_folder
from depthrepro.data.readers.depth_folder import DepthFolder, DepthItem, Sky, Stores

Counterpart = Callable[[Path], Path]


def blendedmvs(root: str | None) -> DepthFolder | None:
    """BlendedMVS: <scene>/blended_images/<n>.jpg with rendered_depth_maps/<n>.pfm; 0 = none.

    The copies `<n>_masked.jpg`, whose background is black, are left out.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """

    def depth(image: Path) -> Path:
        return image.parents[1] / "rendered_depth_maps" / f"{image.stem}.pfm"

    def plain(image: Path) -> bool:
        return not image.stem.endswith("_masked")

    return _pairs("BlendedMVS", root, "*/blended_images/*.jpg", depth, plain, codec=Codec.pfm)


def diml(root: str | None) -> DepthFolder | None:
    """DIML/CVL RGB-D: color/<n>_c.png with depth_filled/<n>_depth_filled.png indoors, outleft with depthmap outdoors.

    16-bit PNG, millimetres. Folders above them may be nested in any way.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """

    def depth(image: Path) -> Path:
        folder = image.parents[1]
        if image.parent.name == "color":
            return folder / "depth_filled" / f"{image.stem.removesuffix('_c')}_depth_filled.png"
        return folder / "depthmap" / image.name.replace("outleft", "depthmap")

    def left(image: Path) -> bool:
        return image.parent.name in ("color", "outleft")

    return _pairs("DIML", root, "**/*.png", depth, left, codec=Codec.png16, scale=0.001)


def hrwsi(root: str | None) -> DepthFolder | None:
    """HR-WSI: train/imgs/<n>.jpg with gts/<n>.png (disparity without a scale, 8 bits) and valid_masks/<n>.png.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """

    def beside(name: str) -> Counterpart:
        return lambda image: image.parents[1] / name / f"{image.stem}.png"

    return _pairs(
        "HR-WSI",
        root,
        "train/imgs/*.jpg",
        beside("gts"),
        mask=beside("valid_masks"),
        codec=Codec.png8,
        stores=Stores.disparity,
    )


def irs(root: str | None) -> DepthFolder | None:
    """IRS: l_<n>.png with d_<n>.exr (disparity in pixels), in folders nested in any way.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """

    def depth(image: Path) -> Path:
        return image.with_name(f"d_{image.stem.removeprefix('l_')}.exr")

    return _pairs("IRS", root, "**/l_*.png", depth, codec=Codec.exr, stores=Stores.disparity)


def megadepth(root: str | None) -> DepthFolder | None:
    """MegaDepth: <scene>/dense*/imgs/<n>.jpg with depths/<n>.h5, its data set `depth`, up to scale; 0 = none.

    Where only an order of two regions is known the file holds negative numbers, which count as unknown, so that such an
    image adds nothing to the loss.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """

    def depth(image: Path) -> Path:
        return image.parents[1] / "depths" / f"{image.stem}.h5"

    return _pairs("MegaDepth", root, "*/dense*/imgs/*.jpg", depth, codec=Codec.hdf5, key="depth")


def tartanair(root: str | None) -> DepthFolder | None:
    """TartanAir: <environment>/<Easy|Hard>/P*/image_left/<n>_left.png with depth_left/<n>_left_depth.npy, metres.

    The sky lies thousands of metres away there; beyond 1000 m counts as sky.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """

    def depth(image: Path) -> Path:
        return image.parents[1] / "depth_left" / f"{image.stem}_depth.npy"

    pattern = "*/*/P*/image_left/*_left.png"
    return _pairs("TartanAir", root, pattern, depth, codec=Codec.npy, sky=Sky.zero, max_depth_m=1000.0)


def _pairs(
    name: str,
    root: str | None,
    pattern: str,
    depth: Counterpart,
    chosen: Callable[[Path], bool] = lambda _: True,
    mask: Counterpart | None = None,
    **options: Any,
) -> DepthFolder | None:
    """All images below `root` that match, each with its counterparts; the other arguments are `DepthFolder`'s."""
    if not root:
        return None
    folder = checked_folder(root, "root")
    items = [
        DepthItem(
            image.relative_to(folder).with_suffix("").as_posix(), image, depth(image), mask(image) if mask else None
        )
        for image in sorted(folder.glob(pattern))
        if chosen(image)
    ]
    if not items:
        raise UserError(f"root={folder}: no image of {name} is there; expected {pattern} below it")
    return DepthFolder(name, items, **options)
