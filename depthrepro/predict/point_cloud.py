"""From depth to a coloured point cloud, in the camera's frame: x right, y down, z forward, metres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
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
        along, found = np.moveaxis(inverse, axis, 1), np.moveaxis(edges, axis, 1)  # views, with the lines as rows
        if along.shape[1] < 2:
            continue
        bend = np.zeros(along.shape, np.float32)  # none at the border, beyond which nothing is known
        bend[:, step:-step] = np.abs(along[:, : -2 * step] - 2 * along[:, step:-step] + along[:, 2 * step :])
        # The ramp of a smeared edge bends at its ends only: what lies between them belongs to it.
        kernel = np.ones((1, 2 * (step // 2) + 1), np.uint8)
        near_bend = cv2.dilate((bend > threshold * along).astype(np.uint8), kernel) > 0
        found |= near_bend & (step * np.abs(np.gradient(along, axis=1)) > threshold * along)
    return edges


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
