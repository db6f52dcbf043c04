"""Several data sets as one."""

from __future__ import annotations

import numpy as np
import pytest

from depthrepro.data.base import ImageRecord, LabelledDataset
from depthrepro.data.concat import ConcatImages, ConcatLabelled


class Constant(LabelledDataset):
    """Images whose pixels all have the number of their place."""

    def __init__(self, name: str, numbers: list[int], synthetic: bool = False) -> None:
        self.name, self.numbers, self.synthetic = name, numbers, synthetic
        self.records = [ImageRecord(str(n), (2, 3)) for n in numbers]
        self.fingerprint, self.encodings = f"{name}{numbers}", {"png": len(numbers)}

    def read_image(self, index: int) -> np.ndarray:
        return np.full((2, 3, 3), self.numbers[index], np.uint8)

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((2, 3), self.numbers[index] / 10, np.float32), np.ones((2, 3), bool)


def test_items_follow_each_other_with_the_name_of_their_set() -> None:
    whole = ConcatLabelled({"a": Constant("a", [1, 2]), "empty": Constant("e", []), "b": Constant("b", [7])})
    assert [record.id for record in whole.records] == ["a/1", "a/2", "b/7"]
    assert [int(whole.read_image(i)[0, 0, 0]) for i in range(len(whole))] == [1, 2, 7]
    assert whole.read_label(2)[0][0, 0] == pytest.approx(0.7)
    assert whole.encodings == {"png": 3}


def test_records_are_a_sequence() -> None:
    records = ConcatImages({"a": Constant("a", [1, 2]), "b": Constant("b", [7])}).records
    assert records[-1].id == "b/7"
    assert [record.id for record in records[1:]] == ["a/2", "b/7"]
    with pytest.raises(IndexError):
        records[3]


def test_fingerprint_tells_order_names_and_content() -> None:
    a, b = Constant("a", [1]), Constant("b", [2])
    prints = {
        ConcatImages(parts).fingerprint
        for parts in ({"a": a, "b": b}, {"b": b, "a": a}, {"a": a, "c": b}, {"a": a, "b": Constant("b", [3])})
    }
    assert len(prints) == 4


def test_one_rendered_set_marks_the_whole() -> None:
    assert ConcatImages({"a": Constant("a", [1]), "b": Constant("b", [2], synthetic=True)}).synthetic
    assert not ConcatImages({"a": Constant("a", [1])}).synthetic
