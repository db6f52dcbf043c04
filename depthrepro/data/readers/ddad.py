"""DDAD in its official layout: the front camera's validation images with depth from the scene's lidar.

Layout (TRI's Dataset Governance Policy): `ddad.json` names the scenes of each split; each `<scene>/scene_*.json` lists
samples, whose data are an image or a point cloud, each with its sensor's pose in the world; `calibration/<key>.json`
has the cameras' intrinsics.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from depthrepro.core.arrays import read_npz, real_numbers
from depthrepro.core.reading import reading
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.probed_images import DepthImages, DepthItem

VAL_SPLIT, VAL_IMAGES = "1", 3950
FRONT, LIDAR = "CAMERA_01", "LIDAR"
_MISSING = "no such file; root is the folder that holds ddad.json"


@optional_root
def build(root: Path, camera: str = FRONT, allow_missing: bool = False) -> DepthImages:
    """The validation images of one camera.

    Args:
        root: Folder that holds `ddad.json`; None = no set.
        camera: Name of the camera; 01 looks ahead.
        allow_missing: Go on with the images that are there.

    Raises:
        UserError: If a file is missing or damaged.
    """
    with reading(root / "ddad.json", "the list of scenes", missing=_MISSING):
        scenes = sorted(_json(root / "ddad.json")["scene_splits"][VAL_SPLIT]["filenames"])
    views: dict[str, dict[str, Any]] = {}
    for scene in scenes:
        views |= _views(root, root / scene, camera)
    items = [DepthItem(id_, view["image"], view["points"]) for id_, view in views.items()]
    return DepthImages("DDAD val", items, lambda item, size: _depth(views[item.id], size), VAL_IMAGES, allow_missing)


def _depth(view: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """Depth of the view's point cloud in its camera."""
    with reading(view["points"], "the point cloud"):
        points = real_numbers(read_npz(view["points"])["data"])[:, :3].astype(np.float64)
    world = points @ view["lidar"][:3, :3].T + view["lidar"][:3, 3]
    to_camera = np.linalg.inv(view["camera"])
    return project(world @ to_camera[:3, :3].T + to_camera[:3, 3], view["K"], size)


def project(points: np.ndarray, K: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Depth of points in a camera's frame (x right, y down, z ahead), the nearest of each pixel.

    Args:
        points: (N, 3) metres.
        K: (3, 3) in pixels; pixel centres have whole coordinates.
        size: (height, width).

    Returns:
        Float32 (H, W) metres, 0 = no point.
    """
    ahead = points[points[:, 2] > 0]
    pixels = ahead @ K.T
    u, v = np.rint(pixels[:, :2] / pixels[:, 2:]).astype(np.int64).T
    inside = (u >= 0) & (u < size[1]) & (v >= 0) & (v < size[0])
    depth = np.full(size, np.inf)
    np.minimum.at(depth, (v[inside], u[inside]), ahead[inside, 2])
    return np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)


def pose_matrix(pose: dict[str, Any]) -> np.ndarray:
    """World from sensor, (4, 4), of a quaternion (qw, qx, qy, qz) and a translation."""
    from scipy.spatial.transform import Rotation  # scipy.spatial takes 0.3 s

    q, t = pose["rotation"], pose["translation"]
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat([q["qx"], q["qy"], q["qz"], q["qw"]]).as_matrix()
    matrix[:3, 3] = [t["x"], t["y"], t["z"]]
    return matrix


def _views(root: Path, scene_file: Path, camera: str) -> dict[str, dict[str, Any]]:
    """By id: image, point cloud, their poses and the intrinsics of every sample that has both."""
    folder, found = scene_file.parent, {}
    with reading(scene_file, "the scene", missing=_MISSING):
        scene = _json(scene_file)
        data = {entry["key"]: entry for entry in scene["data"]}
        for sample in scene["samples"]:
            named = {data[key]["id"]["name"]: data[key]["datum"] for key in sample["datum_keys"]}
            if camera not in named or LIDAR not in named:
                continue
            image, cloud = named[camera]["image"], named[LIDAR]["point_cloud"]
            path = folder / image["filename"]
            found[path.relative_to(root).with_suffix("").as_posix()] = {
                "image": path,
                "points": folder / cloud["filename"],
                "camera": pose_matrix(image["pose"]),
                "lidar": pose_matrix(cloud["pose"]),
                "K": _intrinsics(folder / "calibration" / f"{sample['calibration_key']}.json", camera),
            }
    return found


@lru_cache(maxsize=256)
def _intrinsics(path: Path, camera: str) -> np.ndarray:
    with reading(path, f"the intrinsics of {camera}", missing=_MISSING):
        calibration = _json(path)
        values = calibration["intrinsics"][calibration["names"].index(camera)]
        return np.array(
            [[values["fx"], values.get("skew", 0.0), values["cx"]], [0, values["fy"], values["cy"]], [0, 0, 1.0]],
            dtype=np.float64,
        )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
