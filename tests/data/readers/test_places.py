"""Images with classes: MiniPlaces' lists, class folders, and what is wrong with them."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items.classes import class_items
from depthrepro.data.readers.classes import class_data
from depthrepro.data.readers.places import class_images, training_images

SUBSET = Path(os.environ.get("MINIPLACES") or Path(__file__).parents[4] / "shared" / "data" / "miniplaces_subset")


def picture(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((8, 10, 3), level, np.uint8))


@pytest.fixture
def miniplaces(tmp_path):
    (tmp_path / "categories.txt").write_text("/a/abbey 0\n/b/bar/indoor 1\n")
    for part, count in (("train", 4), ("val", 2)):
        lines = []
        for n in range(count):
            name = f"{part}/x/{n:08d}.png"
            picture(tmp_path / "images" / name, 10 * n)
            lines.append(f"{name} {n % 2}\n")
        (tmp_path / f"{part}.txt").write_text("".join(lines))
    return tmp_path


def test_without_a_root_the_numbers_of_images_to_render_are_needed():
    with pytest.raises(UserError, match=r"data\.synthetic"):
        class_data(None)


def test_miniplaces_lists(miniplaces):
    data = class_images(miniplaces, "train")
    assert data.name == "MiniPlaces train" and list(data.classes) == ["abbey", "bar/indoor"]
    assert list(data.labels) == [0, 1, 0, 1] and data.records[1].id == "train/x/00000001"
    assert data.records[0].size == (8, 10) and data.read_image(2)[0, 0, 0] == 20


def test_a_student_sees_the_training_images_alone(miniplaces):
    learnt, kept_back = training_images(str(miniplaces)), class_images(miniplaces, "val")
    assert learnt is not None and training_images(None) is None
    assert not {record.id for record in learnt.records} & {record.id for record in kept_back.records}


def test_class_folders_give_the_same(tmp_path):
    for part in ("train", "val"):
        for label, name in enumerate(("abbey", "bar")):
            picture(tmp_path / part / name / "0.png", 10 * label)
    data = class_images(tmp_path, "val")
    assert list(data.classes) == ["abbey", "bar"] and list(data.labels) == [0, 1]
    picture(tmp_path / "train" / "castle" / "0.png", 1)
    with pytest.raises(UserError, match="different classes, first: castle"):
        class_images(tmp_path, "val")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("train.txt", "train/x/00000000.png\n", r"train\.txt, line 1: expected '<path> <number>'"),
        ("train.txt", "train/x/00000000.png 7\n", r"line 1: label 7, but categories\.txt has 2"),
        ("train.txt", "train/x/gone.png 0\n", r"gone\.png: no such image; 1 of 1"),
        ("train.txt", "train/x/00000000.png 0\n", r"no image of 1 of 2 classes, first: bar/indoor"),
        ("train.txt", "train/x/00000000.png 0\ntrain/x/00000000.png 1\n", "listed more than once"),
        ("train.txt", "", "the list is empty"),
        ("categories.txt", "/a/abbey 1\n/b/bar 2\n", "must be 0 to 1 in order"),
    ],
)
def test_a_faulty_list_is_named_with_its_line(miniplaces, file, text, said):
    (miniplaces / file).write_text(text)
    with pytest.raises(UserError, match=said):
        class_images(miniplaces, "train")


def test_a_folder_of_neither_layout_is_told_both(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"MiniPlaces .* or train/<class>"):
        class_images(tmp_path, "train")


def test_an_image_in_both_parts_is_refused(miniplaces):
    (miniplaces / "val.txt").write_text("train/x/00000000.png 0\nval/x/00000001.png 1\n")
    with pytest.raises(UserError, match="share 1 images, first: train/x/00000000"):
        class_data(str(miniplaces))


class Maps:
    """Depth maps whose left half is near."""

    def maps(self, dataset, size, cache_dir):
        maps = np.zeros((len(dataset), *size), np.uint8)
        maps[:, :, : size[1] // 2] = 255
        return maps


def test_depth_is_mirrored_with_its_image(miniplaces):
    picture(miniplaces / "images" / "train/x/00000000.png", 0)
    data = class_data(str(miniplaces), val_every=4, depth=Maps())
    assert data.counts == {"train": 3, "val": 1, "test": 2}
    items = class_items(data, data.train, InputTransform(8, 10), None, flip=True, seed=0)
    turned = [bool(items[(epoch, 0)]["depth"][0, 0, 0] == 0) for epoch in range(8)]
    assert len(set(turned)) == 2, "half of the epochs mirror the image"
    assert items[(3, 1)]["label"] == data.train.labels[1] and items[(0, 0)]["depth"].shape == (1, 8, 10)
    with pytest.raises(UserError, match="has 2 classes, the network 5"):
        class_data(str(miniplaces), classes=5)


@pytest.mark.skipif(not SUBSET.is_dir(), reason="no MiniPlaces: set MINIPLACES")
def test_the_real_subset_reads():
    train, val = (class_images(SUBSET, part) for part in ("train", "val"))
    assert len(train.classes) == 100 and (len(train), len(val)) == (1000, 400)
    assert train.records[0].size == (128, 128) and train.classes[0] == "abbey"
