"""Worlds of single views: the same files every time, depth that fits the streets' own, nothing shared between them."""

from __future__ import annotations

import numpy as np
import pytest

from depthrepro.core.protocol import GroundTruth
from depthrepro.data.io.images import read_grey
from depthrepro.data.readers.depth_folder import depth_folder
from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.sets.views import DEPTH_STEPS, Abroad, Heldout, StreetsDepth, ViewsConfig

TINY = ViewsConfig(images=3, per_scene=2, width=96, height=48, seed=4)
WORLDS = (StreetsDepth, Abroad, Heldout)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    return {cls: ensure_world(cls(TINY), folder, workers=1, progress=False) for cls in WORLDS}


@pytest.mark.parametrize("cls", WORLDS)
def test_scenes_have_their_views_and_files(cls, roots):
    assert [(unit.name, unit.items) for unit in cls(TINY).units()] == [("scene_0000", 2), ("scene_0001", 1)]
    files = sorted(p.relative_to(roots[cls]).as_posix() for p in roots[cls].glob("images/*/*.png"))
    assert files == ["images/scene_0000/0.png", "images/scene_0000/1.png", "images/scene_0001/0.png"]
    assert (roots[cls] / "depth").is_dir() == (cls is not Abroad)
    assert "Rendered data" in (roots[cls] / "README.txt").read_text()


@pytest.mark.parametrize("cls", WORLDS)
def test_the_same_again_and_another_with_another_seed(cls, roots):
    world = cls(TINY)
    image, depth = world.views(world.units()[1])[0]
    kept = next(iter(cls(TINY).views(world.units()[1])))
    assert np.array_equal(image, kept[0]) and np.array_equal(depth, kept[1])
    other = cls(ViewsConfig(images=3, per_scene=2, width=96, height=48, seed=5))
    assert not np.array_equal(other.views(other.units()[1])[0][0], image)
    assert world.folder_name != other.folder_name


def test_worlds_share_no_scene():
    """The number of the world is part of what a scene is drawn from."""
    assert len({cls.tag for cls in WORLDS}) == len({cls.name for cls in WORLDS}) == 3


@pytest.mark.parametrize("cls", [StreetsDepth, Heldout])
def test_depth_on_disk_is_the_rendered_depth(cls, roots):
    world = cls(TINY)
    depth = world.views(world.units()[0])[0][1]
    kept = read_grey(roots[cls] / "depth" / "scene_0000" / "0.png") / DEPTH_STEPS
    far = depth > 65535 / DEPTH_STEPS
    assert np.abs(kept - np.where(far, 0, depth)).max() <= 0.5 / DEPTH_STEPS + 1e-6
    assert depth[depth > 0].min() > 1.5


def test_the_reader_takes_the_sky_as_farthest(roots):
    data = depth_folder(str(roots[StreetsDepth]), "train.csv", scale=1 / DEPTH_STEPS, sky="zero", synthetic=True)
    assert data is not None and len(data) == 3 and data.synthetic
    for index in range(3):
        label, known = data.read_label(index)
        depth = data.depth_gt(index, GroundTruth.dense)
        assert known.all() and (label[depth == 0] == 0).all()
        near = np.unravel_index(np.where(depth > 0, depth, np.inf).argmin(), depth.shape)
        assert label[near] == 1


def test_a_flat_road_has_the_depth_of_a_plane():
    """Below the horizon the nearest surface of a row is never behind the ground that the row looks at."""
    world = StreetsDepth(ViewsConfig(images=4, per_scene=4, width=96, height=48, seed=9))
    for _, depth in world.views(world.units()[0]):
        rows = [np.median(row[row > 0]) for row in depth[30:] if (row > 0).any()]
        assert rows[0] > rows[-1], "the ground comes nearer towards the lower edge"
