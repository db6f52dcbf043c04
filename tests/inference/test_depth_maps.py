"""Depth maps in the cache are made again when they are not what was written."""

import numpy as np

from depthrepro.inference.depth_maps import FrozenDepth
from tests.inference.test_labelling import Noise


def test_a_damaged_map_is_made_anew(tmp_path, monkeypatch):
    made = []

    def compute(self, dataset, size):
        made.append(len(dataset))
        return np.full((len(dataset), *size), 7, np.uint8)

    monkeypatch.setattr(FrozenDepth, "_compute", compute)
    source = FrozenDepth("depth-anything/some-weights")
    for damage in (None, b"\1", b""):
        if damage is not None:
            path = next((tmp_path / "depth_maps").glob("*.npy"))
            path.write_bytes((path.read_bytes()[:-1] + damage)[: -1 if not damage else None])
        assert (source.maps(Noise(), (3, 4), tmp_path) == 7).all()
    assert made == [21] * 3
    source.maps(Noise(), (3, 4), tmp_path)
    assert len(made) == 3
