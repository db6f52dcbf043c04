"""Scenes: the ids of every data set, as the committed scores have them."""

import pytest

from depthrepro.report.scenes import scene, scenes


@pytest.mark.parametrize(
    ("data", "item", "label"),
    [
        ("yards (synthetic)", "images/scene_0001/2", "images/scene_0001"),
        ("rooms (synthetic)", "images/test_0120/0", "images/test_0120"),
        ("halls (synthetic)", "images/test_0000/1", "images/test_0000"),
        ("places (synthetic)", "val/a/avenue/00001002", "val/a/avenue/00001"),
        ("streets (synthetic)", "2031_05_04_drive_0057_sync/l/0000000003", "2031_05_04_drive_0057"),
        ("KITTI raw with improved depth", "2011_09_26_drive_0001_sync/r/0000000005", "2011_09_26_drive_0001"),
        ("KITTI 2012", "000005_10", "000005_10"),
        ("MiniPlaces", "val/00000026", "val/00000026"),
        ("NYU Depth V2", "0001", "block 0"),
        ("NYU Depth V2", "image/0019", "block 1"),
        ("NYU Depth V2", "1449", "block 144"),
    ],
)
def test_each_data_set_names_its_scenes(data, item, label):
    assert scene(item, data) == label


def test_many_at_once():
    assert scenes(["images/a/0", "images/a/1", "images/b/0"], "yards (synthetic)").tolist() == [
        "images/a",
        "images/a",
        "images/b",
    ]
