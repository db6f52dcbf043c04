"""Depth in metres to learn from: gathering scattered depth, KITTI's benchmark crop, and both synthetic sets."""

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items.build import training_items
from depthrepro.data.items.labelled import RelativeAugment, gather
from depthrepro.data.readers.metric import MetricImages, kitti, nyu, nyu_sync, synthetic_rooms
from depthrepro.data.readers.nyu import labelled_folder, labelled_folders


class Ramp(DepthDataset):
    """Two images whose depth is the column's number; the second has none."""

    name, fingerprint, expected = "ramp", "f" * 12, 2
    encodings = {"png": 2}  # noqa: RUF012
    records = [ImageRecord("a", (6, 9)), ImageRecord("b", (6, 9))]  # noqa: RUF012

    def read_image(self, index):
        return np.repeat(np.arange(54, dtype=np.uint8).reshape(6, 9, 1), 3, axis=2)

    def depth_gt(self, index, ground_truth):
        return np.tile(np.arange(9, dtype=np.float32), (6, 1))

    def has_depth(self, index, ground_truth):
        return index == 0 and ground_truth is GroundTruth.improved


def test_gathering_keeps_the_nearest_depth_of_each_cell():
    depth = np.zeros((4, 6), np.float32)
    depth[0, 0], depth[1, 1], depth[3, 5] = 7, 3, 9
    found, known = gather(depth, depth > 0, (2, 3))
    assert found.tolist() == [[3, 0, 0], [0, 0, 9]]
    assert known.tolist() == [[True, False, False], [False, False, True]]


def test_the_benchmark_crop_is_at_the_bottom_in_the_middle():
    data = MetricImages(Ramp(), GroundTruth.improved, (1, 6), window=(4, 5))
    assert len(data) == 1 and data.records[0].size == (4, 5) and "4x5" in data.name
    assert data.read_image(0)[0, 0, 0] == 2 * 9 + 2
    depth, known = data.read_label(0)
    assert depth[0].tolist() == [2, 3, 4, 5, 6] and known.all()
    assert not MetricImages(Ramp(), GroundTruth.improved, (1, 5.5)).read_label(0)[1][0, [0, 6]].any()


def test_what_does_not_fit_is_named():
    with pytest.raises(UserError, match=r"9x6 pixels, smaller than the benchmark crop 5x7"):
        MetricImages(Ramp(), GroundTruth.improved, (1, 6), window=(7, 5))
    with pytest.raises(UserError, match="none of 2 images has ground truth dense"):
        MetricImages(Ramp(), GroundTruth.dense, (1, 6))


def test_synthetic_streets_have_scans_as_labels(tmp_path):
    world = {"train_pairs": 2, "val_pairs": 1, "test_pairs": 1, "width": 124, "height": 38, "frames_per_drive": 1}
    data = kitti("raw_cam_z", 1.0, 80.0, synthetic=world, synthetic_window=(32, 120), cache_dir=str(tmp_path))
    assert data.synthetic and data.test is not None and data.test.records[0].size == (32, 120)
    items, _ = training_items(data, InputTransform(16, 60), RelativeAugment(flip=True), 0, tmp_path)
    item = items[(0, 0)]
    assert item["image"].shape == (3, 16, 60) and item["target"].shape == (1, 16, 60)
    seen = item["target"][item["mask"]]
    assert seen.min() >= 1 and seen.max() <= 80 and item["mask"].float().mean() > 0.1


def test_synthetic_rooms_have_dense_metres(tmp_path):
    data = nyu(0.001, 10.0, val_every=2, synthetic=lambda: synthetic_rooms(2, 1, str(tmp_path)))
    assert data.counts == {"train": 1, "val": 1, "test": 1}
    depth, known = data.train.read_label(0)
    assert known.mean() > 0.5 and 0 < depth[known].min() and depth[known].max() <= 10
    with pytest.raises(UserError, match="set NYU"):
        nyu(0.001, 10.0)


@pytest.fixture
def nyu_files(tmp_path):
    """Three training images, half as large as the two test images, with depth of 2 and of 3 m."""
    for part, numbers, size, metres in (("train", "347", (12, 16), 2), ("test", "12", (24, 32), 3)):
        for folder in ("image", "depth"):
            (tmp_path / part / folder).mkdir(parents=True)
        names = [f"000{number}" for number in numbers]
        for name in names:
            cv2.imwrite(str(tmp_path / part / "image" / f"{name}.jpg"), np.full((*size, 3), 90, np.uint8))
            depth = np.full([side // (2 if part == "train" else 1) for side in size], metres * 1000, np.uint16)
            cv2.imwrite(str(tmp_path / part / "depth" / f"{name}.png"), depth)
        lines = [f"image/{name}.jpg,depth/{name}.png" for name in names]
        (tmp_path / part / "manifest.csv").write_text("\n".join(["image,depth", *lines]) + "\n")
    return str(tmp_path)


def test_the_labelled_set_as_files(nyu_files):
    """Ids are the official file's numbers; a label may have fewer pixels than its image."""
    data = nyu(0.001, 10.0, val_every=3, folders=labelled_folders(nyu_files, allow_missing=True))
    assert data.counts == {"train": 2, "val": 1, "test": 2} and not data.synthetic
    assert data.name == data.test.name == "NYU Depth V2" and "filled depth" in data.notes[0]
    assert [record.id for record in data.train.records] == ["0003", "0004"]
    depth, known = data.train.read_label(0)
    assert depth.shape == (6, 8) and known.all() and np.allclose(depth, 2)
    assert np.allclose(data.test.depth_gt(1, GroundTruth.dense), 3) and data.test.records[1].size == (24, 32)
    assert labelled_folder(nyu_files, "test", allow_missing=True).fingerprint != data.test.fingerprint


def test_a_part_of_the_labelled_set_must_be_asked_for(nyu_files):
    with pytest.raises(UserError, match="NYU Depth V2: 2 of 654 images are there"):
        labelled_folder(nyu_files, "test")
    assert labelled_folder(None, "test") is None and labelled_folders("") is None


def test_the_real_labelled_set(real_data):
    folder = real_data / "nyu_v2_labelled"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    train, test = labelled_folders(str(folder))
    assert (len(train), len(test)) == (795, 654)
    assert not {r.id for r in train.records} & {r.id for r in test.records}
    assert test.records[0].size == test.depth_gt(0, GroundTruth.dense).shape == (480, 640)


def test_synchronised_frames_are_millimetres(tmp_path):
    (tmp_path / "kitchen").mkdir()
    cv2.imwrite(str(tmp_path / "kitchen" / "rgb_00001.jpg"), np.zeros((6, 8, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "kitchen" / "sync_depth_00001.png"), np.full((6, 8), 2500, np.uint16))
    data = nyu_sync(tmp_path)
    assert data.records[0].id == "kitchen/rgb_00001"
    assert (data.depth_gt(0, GroundTruth.dense) == 2.5).all()
    with pytest.raises(UserError, match="fetch BTS"):
        nyu_sync(tmp_path / "kitchen")
