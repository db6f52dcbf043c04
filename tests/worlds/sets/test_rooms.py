"""Rooms: exact depth, the same files every time, parts apart."""

from __future__ import annotations

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.readers.depth_folder import depth_folder
from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.camera import Pose, pixel_rays, single_camera
from depthrepro.worlds.indoors.halls import HALLS
from depthrepro.worlds.indoors.kinds import KINDS
from depthrepro.worlds.materials import Palette
from depthrepro.worlds.meshes import merge, quads
from depthrepro.worlds.sets.rooms import DEPTH_STEPS, Halls, Rooms, RoomsConfig
from depthrepro.worlds.tracer import Tracer

TINY = RoomsConfig(images=3, test_images=1, per_room=2, width=80, height=60, seed=2)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return ensure_world(Rooms(TINY), tmp_path_factory.mktemp("rooms"), workers=1, progress=False)


def test_rooms_belong_to_one_part(root):
    assert [(unit.name, unit.items) for unit in Rooms(TINY).units()] == [
        ("train_0000", 2),
        ("train_0001", 1),
        ("test_0002", 1),
    ]
    lists = {part: (root / f"{part}.csv").read_text().split()[1:] for part in ("train", "test")}
    assert len(lists["train"]) == 3 and lists["test"] == ["images/test_0002/0.png,depth/test_0002/0.png"]


def test_the_same_again_whoever_renders_it(root, tmp_path):
    again = ensure_world(Rooms(TINY), tmp_path, workers=2, progress=False)
    for file in sorted(root.rglob("*.png")):
        assert (again / file.relative_to(root)).read_bytes() == file.read_bytes()


def test_depth_is_that_of_a_room(root):
    data = depth_folder(str(root), "train.csv", scale=1 / DEPTH_STEPS, synthetic=True)
    assert data is not None
    for index in range(3):
        depth = data.depth_gt(index, GroundTruth.dense)
        assert depth[depth > 0].min() > 0.25 and depth.max() < 15 and (depth > 0).mean() > 0.6
        label, known = data.read_label(index)
        assert label[known].max() == 1 and label[known].min() == 0


def test_a_wall_at_a_known_distance():
    """A wall 3 m ahead has depth 3 at every pixel, whatever the angle of its ray."""
    wall = quads(np.array([[[3, -20, -20], [3, 20, -20], [3, 20, 20], [3, -20, 20]]]), Palette().plain((0.5, 0.5, 0.5)))
    world = Rooms(RoomsConfig(1, width=64, height=48))
    rig = single_camera(world.config.width, world.config.height, 0.7)
    ahead = Pose(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.zeros(3))
    v, u = (a.ravel() for a in np.indices((48, 64), dtype=np.float32))
    depth, _ = Tracer(merge([wall])).first(ahead.center, pixel_rays(rig, ahead, u, v))
    assert np.allclose(depth, 3, atol=1e-5)


def test_halls_are_of_kinds_that_rooms_lack_and_only_test(tmp_path):
    assert not {kind.name for kind in KINDS} & {kind.name for kind in HALLS}
    world = Halls(RoomsConfig(images=3, per_room=2, width=80, height=60))
    assert [(unit.name, unit.items) for unit in world.units()] == [("test_0000", 2), ("test_0001", 1)]
    root = ensure_world(world, tmp_path, workers=1, progress=False)
    data = depth_folder(str(root), "test.csv", scale=1 / DEPTH_STEPS, synthetic=True)
    assert data is not None and len(data) == 3 and not (root / "train.csv").exists()
    assert 1 < np.median(data.depth_gt(0, GroundTruth.dense)) < 12


def test_rooms_are_not_alike():
    """The mean of the depth maps says little about any of them."""
    world = Rooms(RoomsConfig(16, per_room=1, width=64, height=48))
    depth = np.stack([world.views(unit)[0][1] for unit in world.units()])
    known = np.where(depth > 0, depth, np.nan)
    mean = np.nanmean(known, axis=0)
    assert np.nanmean(np.abs(mean - known) / known) > 0.25


@pytest.mark.parametrize("changes", [{"images": 0}, {"width": 10}, {"per_room": 99}])
def test_impossible_sizes_are_told(changes):
    with pytest.raises(UserError, match="rooms"):
        RoomsConfig(**{"images": 3, **changes})
