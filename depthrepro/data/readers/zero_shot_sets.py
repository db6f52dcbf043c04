"""Sintel, ETH3D and DIODE in their official folders, to test relative depth on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.readers.checks import checked_folder
from depthrepro.data.readers.depth_images import DepthFile, DepthImages

SINTEL_TAG = 202021.25
SINTEL_IMAGES, ETH3D_IMAGES = 1064, 454
DIODE_IMAGES = {"indoors": 325, "outdoor": 446}


def sintel(root: str | None, render: str = "final", allow_missing: bool = False) -> DepthImages | None:
    """MPI Sintel with depth: training/<render>/<scene>/frame_0001.png and training/depth/<scene>/frame_0001.dpt.

    Args:
        root: Folder that holds `training`, of the images' and the depth's archives unpacked together; None = no set.
        render: "final" (with blur and atmosphere) or "clean".
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages`, or if `render` is unknown.
    """
    if not root:
        return None
    if render not in ("final", "clean"):
        raise UserError(f"render must be final or clean, got {render!r}")
    folder = _training_folder(root)
    items = [
        DepthFile(f"{p.parent.name}/{p.stem}", p, folder / "depth" / p.parent.name / f"{p.stem}.dpt")
        for p in sorted((folder / render).glob("*/frame_*.png"))
    ]
    return DepthImages(f"Sintel {render}", items, lambda item, _: read_dpt(item.depth), SINTEL_IMAGES, allow_missing)


def _training_folder(root: str) -> Path:
    folder = checked_folder(root, "root")
    return folder / "training"


def read_dpt(path: Path) -> np.ndarray:
    """Sintel's depth file: a float tag, width, height, then float32 metres; (H, W).

    Raises:
        UserError: If it is missing, has another tag, or is truncated.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) < 12 or np.frombuffer(data, "<f4", 1)[0] != np.float32(SINTEL_TAG):
        raise UserError(f"{path}: is no depth file of Sintel; fetch it again")
    width, height = (int(n) for n in np.frombuffer(data, "<i4", 2, offset=4))
    if len(data) != 12 + 4 * width * height:
        raise UserError(f"{path}: {len(data)} bytes where {12 + 4 * width * height} are expected; fetch it again")
    return np.frombuffer(data, "<f4", offset=12).reshape(height, width)


def eth3d(root: str | None, allow_missing: bool = False) -> DepthImages | None:
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
    if not root:
        return None
    folder = checked_folder(root, "root")
    items = []
    for image in sorted(folder.glob("*/images/dslr_images/*.JPG")):
        scene = image.parents[2]
        items.append(
            DepthFile(f"{scene.name}/{image.stem}", image, scene / "ground_truth_depth" / "dslr_images" / image.name)
        )
    return DepthImages("ETH3D", items, lambda item, size: read_bare(item.depth, size), ETH3D_IMAGES, allow_missing)


def read_bare(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Float32 numbers without any header, (H, W) of `size`.

    Raises:
        UserError: If it is missing or of another size.
    """
    try:
        values = np.fromfile(path, dtype="<f4")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if values.size != size[0] * size[1]:
        raise UserError(f"{path}: {values.size} numbers where its image has {size[0] * size[1]} pixels; fetch it again")
    return values.reshape(size)


def diode(root: str | None, part: str = "indoors", allow_missing: bool = False) -> DepthImages | None:
    """DIODE's validation images: val/<part>/scene_*/scan_*/<name>.png, <name>_depth.npy, <name>_depth_mask.npy.

    Args:
        root: Folder that holds `val`; None = no set.
        part: "indoors" (325 images), "outdoor" (446) or "both".
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: As `DepthImages`, or if `part` is unknown.
    """
    if not root:
        return None
    if part not in (*DIODE_IMAGES, "both"):
        raise UserError(f"part must be indoors, outdoor or both, got {part!r}")
    folder = checked_folder(root, "root")
    parts = list(DIODE_IMAGES) if part == "both" else [part]
    items = [
        DepthFile(p.relative_to(folder / "val").with_suffix("").as_posix(), p, p.with_name(f"{p.stem}_depth.npy"))
        for name in parts
        for p in sorted((folder / "val" / name).glob("scene_*/scan_*/*.png"))
    ]
    expected = sum(DIODE_IMAGES[name] for name in parts)
    return DepthImages(f"DIODE {part}", items, lambda item, _: _masked(item.depth), expected, allow_missing)


def _masked(depth: Path) -> np.ndarray:
    """Depth, 0 where the mask beside it says that it is not valid."""
    mask = read_map(depth.with_name(f"{depth.stem}_mask.npy"), Codec.npy)
    values = read_map(depth, Codec.npy)
    if mask.shape != values.shape:
        raise UserError(f"{depth}: {values.shape}, but its mask has {mask.shape}; fetch both again")
    return np.where(mask > 0, values, 0.0)
