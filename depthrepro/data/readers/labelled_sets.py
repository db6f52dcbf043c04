"""Depth Anything's six labelled sets in their official folders.

Each function takes the folder that the archives were unpacked into, None for a set that is not there. An image without
its depth file is an error: a download that broke off must not become a smaller set.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from depthrepro.core.errors import UserError
from depthrepro.data.io.codecs import Codec
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.depth_folder import DepthFolder, Sky, Stores
from depthrepro.data.readers.probed_images import DepthItem, counterparts


@optional_root
def blendedmvs(root: Path) -> DepthFolder:
    """BlendedMVS: <scene>/blended_images/<n>.jpg with rendered_depth_maps/<n>.pfm; 0 = none.

    The copies `<n>_masked.jpg`, whose background is black, are left out.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """
    pattern = "*/blended_images/*.jpg"
    found = counterparts(root, pattern, "*/rendered_depth_maps/*.pfm")
    plain = [item for item in found if not item.image.stem.endswith("_masked")]
    return _labelled("BlendedMVS", root, pattern, plain, codec=Codec.pfm)


@optional_root
def diml(root: Path) -> DepthFolder:
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

    items = [
        DepthItem(image.relative_to(root).with_suffix("").as_posix(), image, depth(image))
        for image in sorted(root.glob("**/*.png"))
        if image.parent.name in ("color", "outleft")
    ]
    return _labelled("DIML", root, "**/*.png", items, codec=Codec.png16, scale=0.001)


@optional_root
def hrwsi(root: Path) -> DepthFolder:
    """HR-WSI: train/imgs/<n>.jpg with gts/<n>.png (disparity without a scale, 8 bits) and valid_masks/<n>.png.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """
    pattern = "train/imgs/*.jpg"
    items = counterparts(root, pattern, "train/gts/*.png", mask="train/valid_masks/*.png")
    return _labelled("HR-WSI", root, pattern, items, codec=Codec.png8, stores=Stores.disparity)


@optional_root
def irs(root: Path) -> DepthFolder:
    """IRS: l_<n>.png with d_<n>.exr (disparity in pixels), in folders nested in any way.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """
    pattern = "**/l_*.png"
    items = counterparts(root, pattern, "**/d_*.exr")
    return _labelled("IRS", root, pattern, items, codec=Codec.exr, stores=Stores.disparity)


@optional_root
def megadepth(root: Path) -> DepthFolder:
    """MegaDepth: <scene>/dense*/imgs/<n>.jpg with depths/<n>.h5, its data set `depth`, up to scale; 0 = none.

    Where only an order of two regions is known the file holds negative numbers, which count as unknown, so that such an
    image adds nothing to the loss.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """
    pattern = "*/dense*/imgs/*.jpg"
    items = counterparts(root, pattern, "*/dense*/depths/*.h5")
    return _labelled("MegaDepth", root, pattern, items, codec=Codec.hdf5, key="depth")


@optional_root
def tartanair(root: Path) -> DepthFolder:
    """TartanAir: <environment>/<Easy|Hard>/P*/image_left/<n>_left.png with depth_left/<n>_left_depth.npy, metres.

    The sky lies thousands of metres away there; beyond 1000 m counts as sky.

    Raises:
        UserError: If the folder holds no image, or an image has no depth file.
    """
    pattern = "*/*/P*/image_left/*_left.png"
    items = counterparts(root, pattern, "*/*/P*/depth_left/*_left_depth.npy")
    return _labelled("TartanAir", root, pattern, items, codec=Codec.npy, sky=Sky.zero, max_depth_m=1000.0)


def _labelled(name: str, root: Path, pattern: str, items: Sequence[DepthItem], **options: Any) -> DepthFolder:
    if not items:
        raise UserError(f"root={root}: no image of {name} is there; expected {pattern} below it")
    return DepthFolder(name, items, **options)
