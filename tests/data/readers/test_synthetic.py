"""The rendered sets behind the configurations, and the real images that a student may see."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.readers.kitti_raw import synthetic_streets
from depthrepro.data.readers.kitti_tests import benchmark_test, improved_test, raw_test
from depthrepro.data.readers.synthetic import heldout, kitti2012_images, labelled_streets, places, unlabelled_worlds


def test_labelled_streets(shared_cache):
    data = labelled_streets(6, shared_cache)
    assert len(data) == 6 and data.synthetic and data.records[0].size == (160, 496)
    label, known = data.read_label(0)
    assert known.all() and label.max() == 1 and label.min() == 0
    assert labelled_streets(6, shared_cache).fingerprint == data.fingerprint


def test_unlabelled_worlds_and_heldout(shared_cache):
    images, tests = unlabelled_worlds(6, shared_cache), heldout(2, shared_cache)
    assert (len(images), len(tests)) == (6, 2) and images.synthetic and tests.synthetic
    assert tests.has_depth(0, GroundTruth.dense) and (tests.depth_gt(0, GroundTruth.dense) > 0).mean() > 0.3
    assert not hasattr(images, "read_label") and not hasattr(images, "depth_gt")


def test_what_is_rendered_is_known_by_its_world_and_its_images(shared_cache):
    """Not by its bytes: another kind of processor writes files that differ in a last bit, and the tables must not."""
    world = {"train_pairs": 8, "val_pairs": 2, "test_pairs": 3, "width": 310, "height": 94, "seed": 0}
    streets = synthetic_streets(world, shared_cache)
    parts = {
        "streets_depth-v1-532ede9c8c": labelled_streets(6, shared_cache),
        "abroad": unlabelled_worlds(6, shared_cache),
        "heldout": heldout(2, shared_cache),
        "places": places("val", 10, 10, shared_cache),
        "streets-": streets.train,
    }
    assert parts["heldout"].name == "yards (synthetic)"
    for name, data in [*parts.items(), ("streets-", streets.val), ("streets-", streets.test)]:
        roots = [path.name for path in Path(shared_cache, "worlds").glob(f"{name}*") if path.is_dir()]
        ids = [record.id for record in data.records]
        assert data.fingerprint in {hashlib.sha256("\n".join([root, *ids]).encode()).hexdigest() for root in roots}


@pytest.fixture
def kitti2012(tmp_path) -> Path:
    """Four scenes in the official folders; the last is a test scene."""
    rng = np.random.default_rng(0)
    for folder in ("image_0", "image_1", "disp_noc"):
        (tmp_path / "training" / folder).mkdir(parents=True)
    for scene in range(4):
        wide = cv2.GaussianBlur(rng.integers(0, 256, (48, 140), dtype=np.uint8), (5, 5), 0)
        name = f"00000{scene}_10.png"
        cv2.imwrite(str(tmp_path / "training" / "image_0" / name), wide[:, 12:132])
        cv2.imwrite(str(tmp_path / "training" / "image_1" / name), wide[:, 20:140])
        cv2.imwrite(str(tmp_path / "training" / "disp_noc" / name), np.full((48, 120), 8 * 256, np.uint16))
    (tmp_path / "train.txt").write_text("".join(f"00000{scene}_10\n" for scene in range(3)))
    (tmp_path / "test.txt").write_text("000003_10\n")
    return tmp_path


def test_a_student_never_sees_a_test_image(kitti2012):
    images, tests = kitti2012_images(str(kitti2012)), benchmark_test(str(kitti2012))
    assert images is not None and tests is not None
    seen = {record.id.split("/")[0] for record in images.records}
    assert not seen & {record.id for record in tests.records} and len(tests) == 1
    assert len(images) == 2 * len(seen) and images.records[1].id.endswith("/right")
    left, right = (cv2.imread(str(kitti2012 / "training" / f / "000001_10.png")) for f in ("image_0", "image_1"))
    index = [record.id for record in images.records].index("000001_10/left")
    assert np.array_equal(images.read_image(index), left) and np.array_equal(images.read_image(index + 1), right)


def test_without_folders_there_is_no_set(tmp_path):
    assert kitti2012_images(None) is None and benchmark_test(None) is None
    assert raw_test(None) is None and improved_test(None, str(tmp_path)) is None and improved_test("x", None) is None


def test_depth_maps_without_their_images_are_told(tmp_path):
    name = "2011_09_26_drive_0001_sync"
    folder = tmp_path / "depth" / "train" / name / "proj_depth" / "groundtruth" / "image_02"
    folder.mkdir(parents=True)
    (folder / "0000000005.png").touch()
    (tmp_path / "raw" / "2011_09_26").mkdir(parents=True)
    with pytest.raises(UserError, match="none of its 1 depth maps has its image"):
        improved_test(str(tmp_path / "depth"), str(tmp_path / "raw"))
