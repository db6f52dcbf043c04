"""What a teacher and a student are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.data.base import ImageRecord, LabelledDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items.build import training_items
from depthrepro.data.items.labelled import LabelledItems, RelativeAugment, rotated
from depthrepro.data.items.perturbation import Perturbation
from depthrepro.data.items.student import StudentItems
from depthrepro.data.readers.labelled import labelled_data
from depthrepro.data.readers.pseudo_labels import PseudoLabelled, label_path, write_label, write_manifest
from depthrepro.data.readers.student import student_data, teacher_digest

TRANSFORM = InputTransform(8, 8, multiple=4, keep_aspect=True)
ALL = RelativeAugment(
    flip=True, labelled=Perturbation(), unlabelled=Perturbation(), cutmix_share=0.5, cutmix_area=(0.2, 0.5)
)


class Ramps(LabelledDataset):
    """Images whose label is their own green channel over 255, so that both can be compared after any crop or flip."""

    def __init__(self, count: int = 5, size: tuple[int, int] = (8, 24), name: str = "ramps") -> None:
        self.name, self.records = name, [ImageRecord(f"{i}", size) for i in range(count)]
        self.fingerprint, self.encodings = f"{name}{count}", {"memory": count}

    def read_image(self, index: int) -> np.ndarray:
        height, width = self.records[index].size
        columns = np.linspace(0, 200, width) + 10 * index
        image = np.repeat(columns[None].round().astype(np.uint8), height, 0)
        return np.repeat(image[..., None], 3, 2)

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        label = self.read_image(index)[..., 1].astype(np.float32) / 255
        return label, np.arange(label.shape[1])[None].repeat(len(label), 0) >= 2


def agree(image: torch.Tensor, target: torch.Tensor) -> bool:
    return bool(torch.allclose(image[1].float() / 255, target[0], atol=1e-6))


def test_crops_and_flips_hit_image_and_label_alike():
    items = LabelledItems(Ramps(), TRANSFORM, flip=True, jitter=None, seed=0)
    falling = 0
    for epoch in range(10):
        for index in range(len(items)):
            item = items[epoch, index]
            assert item["image"].shape == (3, 8, 8) and item["target"].shape == item["mask"].shape == (1, 8, 8)
            assert agree(item["image"], item["target"])
            falling += int(item["target"][0, 0, 0] > item["target"][0, 0, -1])
    assert 10 < falling < 40, "about half of the crops are mirrored"


def test_rotations_turn_image_label_and_mask_alike():
    label = np.arange(25, dtype=np.float32).reshape(5, 5)
    image = np.repeat(label.astype(np.uint8)[..., None], 3, 2)
    for found, whole in zip(rotated(image, label, label > 3, 90), (image, label, label > 3), strict=True):
        assert np.array_equal(found, np.rot90(whole))
    image, label, mask = rotated(image, label + 1, label >= 0, 45)
    assert not mask[0, 0] and label[0, 0] == 0 and not image[0, 0].any(), "nothing lies outside the image"
    assert mask[2, 2] and label[2, 2] == 13


def test_small_rotations_are_drawn_for_each_image():
    def corner(degrees):
        items = LabelledItems(
            Ramps(size=(64, 64)), InputTransform(64, 64, multiple=4), flip=False, jitter=None, degrees=degrees, seed=0
        )
        return [int((~items[epoch, 0]["mask"][0, :, 2:]).sum()) for epoch in range(8)]

    assert corner(0.0) == [0] * 8
    turned = corner(5.0)
    assert 0 < max(turned) < 64 * 64 * 0.05 and len(set(turned)) > 3


def test_the_unknown_stays_unknown():
    item = LabelledItems(Ramps(size=(8, 8)), TRANSFORM, flip=None, jitter=None, seed=0)[0, 0]
    assert item["mask"][0, 0].tolist() == [False, False, *[True] * 6]


def test_items_are_functions_of_seed_epoch_and_index():
    def image(seed, epoch):
        return LabelledItems(Ramps(), TRANSFORM, flip=True, jitter=Perturbation(), seed=seed)[epoch, 2]["image"]

    assert torch.equal(image(0, 0), image(0, 0))
    assert not torch.equal(image(0, 0), image(0, 1))
    assert not torch.equal(image(0, 0), image(1, 0))


def test_validation_is_the_centre_whatever_the_epoch():
    items = LabelledItems(Ramps(), TRANSFORM, flip=None, jitter=None, seed=3)
    first, later = items[0, 1], items[7, 1]
    assert torch.equal(first["image"], later["image"])
    assert agree(first["image"], first["target"])
    assert torch.equal(first["image"][0, 0], torch.from_numpy(Ramps().read_image(1)[0, 8:16, 0]))


def pseudo(tmp_path: Path, images: LabelledDataset) -> PseudoLabelled:
    """Labels that are the images' own green channel."""
    for index in range(len(images)):
        write_label(label_path(tmp_path, index), images.read_label(index)[0])
    write_manifest(tmp_path, images, {})
    return PseudoLabelled(images, tmp_path)


def student_items(tmp_path: Path, augment: RelativeAugment, count: int = 6, labelled: int = 4) -> StudentItems:
    teacher_items = LabelledItems(Ramps(labelled, name="labelled"), TRANSFORM, flip=False, jitter=None, seed=0)
    return StudentItems(teacher_items, pseudo(tmp_path, Ramps(count)), TRANSFORM, augment, 0)


def seen(items: StudentItems, epoch: int) -> list[int]:
    return [int(i) for unit in range(len(items)) for i in items._unlabelled_indices(epoch, unit)]


def test_an_epoch_shows_every_unlabelled_image_once_and_the_labelled_ones_in_turn(tmp_path):
    items = student_items(tmp_path, RelativeAugment(flip=False), count=6, labelled=4)
    assert len(items) == 3
    labelled = []
    for epoch in range(4):
        assert sorted(seen(items, epoch)) == list(range(6))
        labelled += [items[epoch, unit]["id"] for unit in range(3)]
    assert sorted(labelled) == sorted([*"0123"] * 3), "12 units, each of four labelled images three times"


def test_epochs_of_fewer_images_go_on_where_the_last_one_ended(tmp_path):
    teacher_items = LabelledItems(Ramps(4, name="labelled"), TRANSFORM, flip=False, jitter=None, seed=0)
    items = StudentItems(teacher_items, pseudo(tmp_path, Ramps(8)), TRANSFORM, RelativeAugment(flip=False), 0, 6)
    assert len(items) == 3
    shown = [i for epoch in range(4) for i in seen(items, epoch)]
    sweeps = [shown[start : start + 8] for start in range(0, 24, 8)]
    assert all(sorted(sweep) == list(range(8)) for sweep in sweeps) and len({*map(tuple, sweeps)}) == 3
    assert items[1, 1]["unlabelled_image"].shape == (2, 3, 8, 8)
    assert len(StudentItems(teacher_items, pseudo(tmp_path, Ramps(8)), TRANSFORM, ALL, 0, 100)) == 4


def test_without_perturbations_image_and_pseudo_label_agree(tmp_path):
    item = student_items(tmp_path, RelativeAugment(flip=True))[0, 1]
    assert item["unlabelled_image"].shape == (2, 3, 8, 8)
    assert item["inside"].all(), "nothing is mixed"
    for image, target in zip(item["unlabelled_image"], item["unlabelled_target"], strict=True):
        # Each label is scaled to its own range: compare after the same is done to the image.
        values = image[1].float()
        slope = (target[0, 0, -1] - target[0, 0, 0]) / (values[0, -1] - values[0, 0])
        assert torch.allclose(target[0], target[0, 0, 0] + slope * (values - values[0, 0]), atol=0.02)


def test_perturbations_spare_labelled_images_and_all_labels(tmp_path):
    """S is for the student's unlabelled input only."""
    plain = student_items(tmp_path, RelativeAugment(flip=True))[0, 1]
    strong = student_items(tmp_path, RelativeAugment(flip=True, unlabelled=Perturbation(jitter_share=1.0)))[0, 1]
    assert not torch.equal(plain["unlabelled_image"], strong["unlabelled_image"])
    for name in ("image", "target", "mask", "unlabelled_target"):
        assert torch.equal(plain[name], strong[name]), name


def test_cutmix_takes_the_box_from_one_and_the_rest_from_its_partner(tmp_path):
    always = RelativeAugment(flip=False, cutmix_share=1.0, cutmix_area=(0.3, 0.5))
    mixed, plain = student_items(tmp_path, always)[0, 0], student_items(tmp_path, RelativeAugment(flip=False))[0, 0]
    assert torch.equal(mixed["partner_target"], mixed["unlabelled_target"].flip(0))
    own, partner = plain["unlabelled_image"], plain["unlabelled_image"].flip(0)
    inside = mixed["inside"]
    assert inside.any() and not inside.all()
    assert torch.equal(mixed["unlabelled_image"], torch.where(inside, own, partner))


def test_half_of_the_images_are_mixed(tmp_path):
    items = student_items(tmp_path, ALL)
    whole = [bool(mask.all()) for epoch in range(30) for unit in range(3) for mask in items[epoch, unit]["inside"]]
    assert 0.35 < np.mean(whole) < 0.65


def test_labelled_data_holds_out_some_and_says_what_is_absent():
    data = labelled_data({"a": Ramps(6, name="a"), "b": None}, {"c": lambda: Ramps(9)}, val_every=3)
    assert data.counts == {"train": 4, "val": 2} and not data.synthetic
    assert [record.id for record in data.val.records] == ["a/2", "a/5"]
    assert not {r.id for r in data.train.records} & {r.id for r in data.val.records}
    assert data.notes == ["b is left out: no folder is given for it"]
    assert data.val.read_label(0)[0] == pytest.approx(Ramps(6).read_label(2)[0])


def test_one_set_alone():
    sources, synthetic = {"a": Ramps(6, name="a"), "b": None}, {"c": lambda: Ramps(9)}
    assert labelled_data(sources, synthetic, only="a").name == "a"
    assert labelled_data(sources, synthetic, only="c").synthetic
    with pytest.raises(UserError, match=r"no folder is given.*conf/labelled/b\.yaml"):
        labelled_data(sources, synthetic, only="b")
    with pytest.raises(UserError, match="choose from a, b, c"):
        labelled_data(sources, synthetic, only="d")


def test_rendered_sets_step_in_and_no_set_at_all_is_told():
    data = labelled_data({"a": None}, {"c": lambda: Ramps(9)})
    assert data.synthetic and "synthetic" in data.name and data.notes[0].startswith("synthetic labels")
    with pytest.raises(UserError, match="no labelled set"):
        labelled_data({"a": None})


def test_student_data_names_labels_after_teacher_and_images(tmp_path):
    teacher = tmp_path / "last.pt"
    with pytest.raises(UserError, match=r"no teacher yet.*da_teacher"):
        student_data(labelled_data({"a": Ramps()}), {"u": Ramps()}, str(teacher), "labels", str(tmp_path))
    teacher.write_bytes(b"weights")
    data = student_data(labelled_data({"a": Ramps()}), {"u": Ramps(), "v": None}, str(teacher), "labels", str(tmp_path))
    assert data.folder.name == f"{teacher_digest(teacher)}-{data.unlabelled.fingerprint[:12]}"
    assert data.counts["unlabelled"] == 5 and "v is left out" in data.notes[-1]
    made = Ramps()
    made.synthetic = True
    alone = student_data(labelled_data({"a": Ramps()}), {"u": made}, str(teacher), "labels", str(tmp_path))
    assert alone.notes == [
        "unlabelled images are synthetic alone: set PHOTOGRAPHS, MINIPLACES or one of conf/unlabelled"
    ]
    with pytest.raises(UserError, match="no complete pseudo-labels"):
        training_items(data, TRANSFORM, ALL, 0, None)
    with pytest.raises(UserError, match=r"data\.unlabelled"):
        student_data(labelled_data({"a": Ramps()}), {"u": None}, str(teacher), "labels", str(tmp_path))


@pytest.mark.parametrize(
    "arguments", [{"cutmix_share": 2}, {"degrees": 200}, {"cutmix_area": (0.5, 0.2)}, {"cutmix_area": (0.5, 1.0)}]
)
def test_impossible_augmentations_are_told(arguments):
    with pytest.raises(UserError, match=f"augment.{next(iter(arguments))}"):
        RelativeAugment(**arguments)
