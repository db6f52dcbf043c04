"""AbsRel by depth range, against values worked by hand."""

import csv

import numpy as np
import pytest

from depthrepro.evaluation.depth_ranges import EDGES_M, abs_rel_by_range, write_ranges


def test_hand_made_case():
    target = np.array([4.0, 2.0, 5.0, 9.999, 45.0])
    pred = np.array([5.0, 2.0, 4.0, 9.999, 90.0])
    assert abs_rel_by_range(pred, target) == [
        {"near_m": 0.0, "far_m": 5.0, "n_valid": 2, "abs_rel": pytest.approx(0.125)},
        {"near_m": 5.0, "far_m": 10.0, "n_valid": 2, "abs_rel": pytest.approx(0.1)},
        {"near_m": 40.0, "far_m": 50.0, "n_valid": 1, "abs_rel": pytest.approx(1.0)},
    ]


def test_ranges_add_up_to_the_whole(rng_seed=3):
    rng = np.random.default_rng(rng_seed)
    target = rng.uniform(1, 79, 1000)
    pred = target * rng.uniform(0.5, 1.5, 1000)
    parts = abs_rel_by_range(pred, target)
    assert sum(p["n_valid"] for p in parts) == 1000
    whole = sum(p["n_valid"] * p["abs_rel"] for p in parts) / 1000
    assert whole == pytest.approx(np.mean(np.abs(pred - target) / target))


@pytest.mark.parametrize("edge", EDGES_M[1:])
def test_an_edge_belongs_to_the_range_behind_it_also_a_last_bit_away(edge):
    targets = np.array([np.nextafter(edge, 0), edge, np.nextafter(edge, 99), 1e6])
    found = {part["near_m"]: part["n_valid"] for part in abs_rel_by_range(targets, targets)}
    before = max(lower for lower in EDGES_M if lower < edge)
    assert found == ({before: 1} if edge == EDGES_M[-1] else {before: 1, edge: 2})


def test_what_lies_beyond_the_last_edge_is_left_out():
    assert abs_rel_by_range(np.array([90.0]), np.array([85.0])) == []


def test_file_has_one_line_per_range(tmp_path):
    part = {"near_m": 0.0, "far_m": 5.0, "n_valid": 2, "abs_rel": 0.25}
    row = {"checkpoint": "last", "method": "L12", "id": "a", "abs_rel": 0.3, "ranges": [part, {**part, "near_m": 5.0}]}
    write_ranges(tmp_path / "per_range.csv", [row])
    with (tmp_path / "per_range.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["near_m"] for line in lines] == ["0.0", "5.0"]
    assert lines[0] == {"checkpoint": "last", "method": "L12", "id": "a", **{k: str(v) for k, v in part.items()}}
