"""Checkpoints and photographs that several files of tests share."""

import pytest

from tests.predict.helpers import depth_anything_checkpoint, garg_checkpoint, save_photo


@pytest.fixture(scope="session")
def garg(tmp_path_factory):
    """A checkpoint of Garg's network."""
    return garg_checkpoint(tmp_path_factory.mktemp("garg") / "last.pt")


@pytest.fixture(scope="session")
def relative(tmp_path_factory):
    """A checkpoint of a relative Depth Anything."""
    return depth_anything_checkpoint(tmp_path_factory.mktemp("relative") / "last.pt")


@pytest.fixture(scope="session")
def metric(tmp_path_factory):
    """A checkpoint of a metric Depth Anything."""
    return depth_anything_checkpoint(tmp_path_factory.mktemp("metric") / "last.pt", head="metric")


@pytest.fixture
def photos(tmp_path):
    """Three photographs of two sizes."""
    for i, size in enumerate([(40, 60), (60, 40), (40, 60)]):
        save_photo(tmp_path / "photos" / f"{i}.png", *size, seed=i)
    return tmp_path / "photos"
