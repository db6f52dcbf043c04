"""From depth to a coloured point cloud, in the camera's frame: x right, y down, z forward, metres."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing
from depthrepro.predict.camera import NO_CAMERA, NO_CLOUD_CAMERA, NO_METRES, Camera, Intrinsics

if TYPE_CHECKING:
    from trimesh import PointCloud


def depth_edges(depth: NDArray[np.float32], threshold: float, reach: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels at the edge between a near and a far thing, where an enlarged map holds depths that nothing has.

    With d = inverse depth and r = the reach, a pixel is left out where, along its row or its column,

        |d(x − r) − 2·d(x) + d(x + r)| > threshold · d(x) within r/2 of it, and r · |slope of d| > threshold · d(x).

    Inverse depth is linear on every plane, however slanted, so the first condition tells an edge from a road that runs
    to the horizon; the second keeps the even ground on both sides of the edge.

    Args:
        depth: Metres, (H, W); where it is not finite, inverse depth counts as 0.
        threshold: Relative change of the inverse depth; 0 finds nothing.
        reach: r in pixels, (rows, columns): image pixels per pixel of the network's input, over which an edge is
            smeared when the map is enlarged.

    Returns:
        Bool (H, W).
    """
    edges = np.zeros(depth.shape, bool)
    if threshold <= 0:
        return edges
    inverse = np.divide(1.0, depth, out=np.zeros(depth.shape, np.float32), where=np.isfinite(depth) & (depth > 0))
    for axis, step in enumerate(reach):
        bend = np.abs(_shifted(inverse, axis, -step) - 2 * inverse + _shifted(inverse, axis, step))
        slope = np.abs(_shifted(inverse, axis, 1) - _shifted(inverse, axis, -1)) / 2
        # The ramp of a smeared edge bends at its ends only: what lies between them belongs to it.
        kernel = np.ones((2 * (step // 2) + 1, 1) if axis == 0 else (1, 2 * (step // 2) + 1), np.uint8)
        near_bend = cv2.dilate((bend > threshold * inverse).astype(np.uint8), kernel) > 0
        edges |= near_bend & (step * slope > threshold * inverse)
    return edges


def _shifted(values: NDArray[np.float32], axis: int, offset: int) -> NDArray[np.float32]:
    """values[i + offset], continued in a straight line beyond the border, where nothing is known to bend."""
    count = values.shape[axis]
    index = np.arange(count) + offset
    inside = index.clip(0, count - 1)
    mirrored = (2 * np.arange(count) - index).clip(0, count - 1)
    straight = 2 * values - values.take(mirrored, axis)
    outside = (index != inside).reshape(-1, 1) if axis == 0 else (index != inside).reshape(1, -1)
    return np.where(outside, straight, values.take(inside, axis))


def back_project(
    depth: NDArray[np.float32], image: NDArray[np.uint8], camera: Intrinsics, keep: NDArray[np.bool_]
) -> PointCloud:
    """Coloured points of the pixels to keep, in metres.

    Args:
        depth: Metres along the optical axis, (H, W).
        image: RGB, uint8 (H, W, 3).
        camera: In pixels of the image.
        keep: Bool (H, W).
    """
    import trimesh  # takes most of a second, and only point clouds need it

    rows, columns = np.nonzero(keep)
    z = depth[rows, columns].astype(np.float64)
    points = np.stack([(columns - camera.cx) / camera.fx * z, (rows - camera.cy) / camera.fy * z, z], axis=1)
    return trimesh.PointCloud(points, colors=image[rows, columns])


def check_cloud(kind: Kind, camera: Camera) -> None:
    """Refuse a point cloud that cannot be: of a prediction without metres, or without a camera.

    Raises:
        UserError: The message names how to fix it.
    """
    if kind in (Kind.affine_inv_depth, Kind.disp_frac):
        raise UserError(f"save=ply: {NO_METRES if kind is Kind.affine_inv_depth else NO_CAMERA}")
    if not camera.known:
        raise UserError(f"save=ply: {NO_CLOUD_CAMERA}")


def write_cloud(
    path: Path,
    depth: NDArray[np.float32],
    image: NDArray[np.uint8],
    camera: Intrinsics,
    *,
    reach: tuple[int, int],
    edges: float,
    max_depth_m: float,
) -> dict[str, Any]:
    """Write the coloured points of a depth map as a binary PLY file, which `trimesh.load` reads.

    Args:
        path: Target.
        depth: Metres along the optical axis, (H, W).
        image: RGB, uint8 (H, W, 3).
        camera: In pixels of the image.
        reach: See `depth_edges`.
        edges: Threshold of `depth_edges`.
        max_depth_m: Pixels that are farther are left out.

    Returns:
        Entries of the JSON file: how many points there are, and why others are left out.
    """
    near = np.isfinite(depth) & (depth > 0) & (depth <= max_depth_m)
    keep = near & ~depth_edges(depth, edges, reach)
    with replacing(path) as beside:
        beside.write_bytes(back_project(depth, image, camera, keep).export(file_type="ply"))
    return {
        "points": int(keep.sum()),
        "farther_than_max_depth": int(depth.size - near.sum()),
        "at_depth_edges": int(near.sum() - keep.sum()),
        "max_depth_m": max_depth_m,
        "edges": edges,
        "intrinsics": camera.as_dict(),
        "axes": "x right, y down, z forward",
    }
