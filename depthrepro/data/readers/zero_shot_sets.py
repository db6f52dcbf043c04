"""Sintel, ETH3D and DIODE in their official folders, to test relative depth on."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.io.images import check_size
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.probed_images import DepthImages, counterparts

SINTEL_IMAGES, ETH3D_IMAGES = 1064, 454
DIODE_IMAGES = {"indoors": 325, "outdoor": 446}


@optional_root
def sintel(root: Path, render: str = "final", allow_missing: bool = False) -> DepthImages:
    """MPI Sintel with depth: training/<render>/<scene>/frame_0001.png and training/depth/<scene>/frame_0001.dpt.

    Args:
        root: Folder that holds `training`, of the images' and the depth's archives unpacked together; None = no set.
        render: "final" (with blur and atmosphere) or "clean".
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages`, or if `render` is unknown.
    """
    if render not in ("final", "clean"):
        raise UserError(f"render must be final or clean, got {render!r}")
    items = counterparts(root, f"training/{render}/*/frame_*.png", "training/depth/*/frame_*.dpt", name="*/frame_*")
    name = f"Sintel {render}"
    return DepthImages(name, items, lambda item, _: read_map(item.depth, Codec.dpt), SINTEL_IMAGES, allow_missing)


@optional_root
def eth3d(root: Path, allow_missing: bool = False) -> DepthImages:
    """ETH3D's high-resolution training images, as they were taken, with their rendered scan depth.

    Files: <scene>/images/dslr_images/<name>.JPG and <scene>/ground_truth_depth/dslr_images/<name>.JPG, the latter bare
    float32 metres of the image's size, infinite where there is none. The depth belongs to the distorted images, so the
    undistorted ones do not serve.

    Args:
        root: Folder of the scenes; None = no set.
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages`.
    """
    truth = "*/ground_truth_depth/dslr_images/*.JPG"
    items = counterparts(root, "*/images/dslr_images/*.JPG", truth, name="*/*")
    return DepthImages("ETH3D", items, lambda item, size: read_bare(item.depth, size), ETH3D_IMAGES, allow_missing)


def read_bare(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Float32 numbers without any header, (H, W) of `size`.

    Raises:
        UserError: If it is missing or of another size.
    """
    with reading(path):
        values = np.fromfile(path, dtype="<f4")
    if values.size != size[0] * size[1]:
        raise UserError(f"{path}: {values.size} numbers where its image has {size[0] * size[1]} pixels; fetch it again")
    return values.reshape(size)


@optional_root
def diode(root: Path, part: str = "indoors", allow_missing: bool = False, valid_mask: bool = True) -> DepthImages:
    """DIODE's validation images: val/<part>/scene_*/scan_*/<name>.png, <name>_depth.npy, <name>_depth_mask.npy.

    Args:
        root: Folder that holds `val`; None = no set.
        part: "indoors" (325 images), "outdoor" (446) or "both".
        allow_missing: Go on with the images that are there.
        valid_mask: Leave out what the masks beside the depth call not valid. False = all depth above 0 counts, as in
            ZoeDepth's evaluation and Depth Anything's after it, which read the masks and do not apply them.

    Raises:
        UserError: As `DepthImages`, or if `part` is unknown.
    """
    if part not in (*DIODE_IMAGES, "both"):
        raise UserError(f"part must be indoors, outdoor or both, got {part!r}")
    parts = list(DIODE_IMAGES) if part == "both" else [part]
    scans = [f"{name}/scene_*/scan_*/*" for name in parts]
    items = [item for scan in scans for item in counterparts(root / "val", f"{scan}.png", f"{scan}_depth.npy")]
    expected = sum(DIODE_IMAGES[name] for name in parts)
    name = f"DIODE {part}" if valid_mask else f"DIODE {part}, without its masks"
    read = _masked if valid_mask else partial(read_map, codec=Codec.npy)
    return DepthImages(name, items, lambda item, _: read(item.depth), expected, allow_missing)


def _masked(depth: Path) -> np.ndarray:
    """Depth, 0 where the mask beside it says that it is not valid."""
    mask = read_map(depth.with_name(f"{depth.stem}_mask.npy"), Codec.npy)
    values = read_map(depth, Codec.npy)
    check_size(depth, values, mask.shape)
    return np.where(mask > 0, values, 0.0)
