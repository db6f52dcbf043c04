"""Checkpoints that several files of tests share."""

import pytest

from tests.predict.helpers import depth_anything_checkpoint, garg_checkpoint


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
