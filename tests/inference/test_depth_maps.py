"""Depth maps that are made once for a data set and kept."""

import numpy as np
import pytest
import torch

from depthrepro.core.checkpoint import save_checkpoint
from depthrepro.data.base import ImageDataset, ImageRecord
from depthrepro.inference.depth_maps import FrozenDepth
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.models.scene_classifier import DepthMaps
from tests.inference.test_labelling import Noise as Images

NETWORK = {"encoder": "resnet18", "out_channels": [4, 4, 8, 8], "features": 8}


class Noise(ImageDataset):
    """Two images in memory."""

    def __init__(self) -> None:
        self.images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
        self.records = [ImageRecord(str(i), (64, 64)) for i in range(2)]
        self.name, self.fingerprint, self.expected, self.encodings = "noise", "n", 2, {"memory": 2}

    def read_image(self, index):
        return self.images[index]


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    model = DepthAnything(**NETWORK)
    torch.nn.init.constant_(model.decoder.head[2].bias, 1.0)
    config = {"_target_": "depthrepro.models.depth_anything.DepthAnything", **NETWORK}
    transform = {"height": 64, "width": 64, "multiple": 32, "keep_aspect": False, "interpolation": "area"}
    save_checkpoint(tmp_path / "last.pt", {"model": model.state_dict(), "model_config": config, "input": transform})
    return str(tmp_path / "last.pt")


def test_maps_are_the_networks_in_bytes_and_are_made_once(checkpoint, tmp_path, monkeypatch):
    data, source = Noise(), FrozenDepth(checkpoint)
    maps = source.maps(data, (64, 64), tmp_path)
    images = torch.from_numpy(data.images).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        wanted = DepthMaps(checkpoint).eval()(images)[:, 0] * 255
    assert maps.dtype == np.uint8 and maps.shape == (2, 64, 64)
    assert np.abs(maps - wanted.numpy()).max() <= 0.51 and maps.max() == 255 and maps.min() == 0
    monkeypatch.setattr(FrozenDepth, "_compute", lambda *_: pytest.fail("made again"))
    assert np.array_equal(source.maps(data, (64, 64), tmp_path), maps)


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
        assert (source.maps(Images(), (3, 4), tmp_path) == 7).all()
    assert made == [21] * 3
    source.maps(Images(), (3, 4), tmp_path)
    assert len(made) == 3
