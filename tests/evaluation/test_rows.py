"""Rows: their file and their means, each image exactly once."""

import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import DEPTH_METRICS
from depthrepro.evaluation.rows import COLUMNS, format_table, read_rows, summarise, write_rows


def row(item_id="a", method="L9", abs_rel=0.25, **changes):
    return {"checkpoint": "last", "method": method, "id": item_id, "n_valid": 7} | {
        **dict.fromkeys(DEPTH_METRICS, 0.5),
        "abs_rel": abs_rel,
        **changes,
    }


def test_means_are_over_images_per_method():
    rows = [row("a", abs_rel=0.1), row("b", abs_rel=0.4), row("b", "L12", 0.2), row("a", "L12", 0.3)]
    means = summarise(rows, ["a", "b"])
    assert list(means) == ["L9", "L12"]
    assert means["L9"]["abs_rel"] == pytest.approx(0.25) == means["L12"]["abs_rel"]
    assert list(means["L9"]) == list(DEPTH_METRICS)


def test_the_mean_does_not_depend_on_the_order_of_rows():
    rows = [row(str(i), abs_rel=0.1 + i * 1e-7 / 3) for i in range(50)]
    ids = [str(i) for i in range(50)]
    assert summarise(rows, ids) == summarise(rows[::-1], ids)


@pytest.mark.parametrize(
    ("ids", "expected", "message"),
    [
        ("aab", "ab", "L9: 3 rows for 2 test images, 1 repeated, first: a"),
        ("a", "ab", "1 missing, first: b"),
        ("abc", "ab", "1 not in the split, first: c"),
        ("ab", "abb", "1 twice in the split, first: b"),
        ("", "ab", "nothing to average"),
        ("a", "", "nothing to average"),
    ],
)
def test_each_id_exactly_once(ids, expected, message):
    with pytest.raises(UserError, match=message):
        summarise([row(i) for i in ids], list(expected))


def test_a_method_that_lacks_an_image_is_named():
    with pytest.raises(UserError, match="L12: 1 rows for 2 test images, 1 missing, first: b"):
        summarise([row("a"), row("b"), row("a", "L12")], ["a", "b"])


@pytest.mark.parametrize(
    ("key", "value"),
    [("delta1", 1.67), ("delta2", -0.1), ("rmse", float("nan")), ("abs_rel", float("inf")), ("sq_rel", -1.0)],
)
def test_values_outside_their_range_are_refused_with_the_image(key, value):
    with pytest.raises(UserError, match=rf"b \(L9\): {key} = .* outside its range"):
        summarise([row("a"), row("b", **{key: value})], ["a", "b"])


def test_rows_without_a_valid_pixel_are_refused():
    with pytest.raises(UserError, match=r"a \(L9\): no valid pixel"):
        summarise([row(n_valid=0)], ["a"])


def test_rows_come_back_from_their_file_to_the_last_digit(tmp_path):
    rows = [row("x/1", abs_rel=1 / 3), row("x/2", abs_rel=0.1 + 0.2)]
    write_rows(tmp_path / "per_image.csv", rows)
    assert read_rows(tmp_path / "per_image.csv") == rows
    header = (tmp_path / "per_image.csv").read_text().splitlines()[0]
    assert header == ",".join((*COLUMNS, *DEPTH_METRICS)) == "checkpoint,method,id,n_valid," + ",".join(DEPTH_METRICS)


def test_damaged_tables_are_named(tmp_path):
    path = tmp_path / "per_image.csv"
    with pytest.raises(UserError, match="no such file"):
        read_rows(path)
    write_rows(path, [row()])
    path.write_text(path.read_text().replace("abs_rel", "rel"))
    with pytest.raises(UserError, match=r"per_image\.csv: the per-image rows cannot be read \('abs_rel'\)"):
        read_rows(path)
    write_rows(path, [row()])
    path.write_text(path.read_text()[:-12])
    with pytest.raises(UserError, match=r"per_image\.csv: its last line is cut off; the run's own command"):
        read_rows(path)


def test_the_printed_table_has_the_labels_and_digits_of_the_metrics():
    lines = format_table(summarise([row()], ["a"])).splitlines()
    assert lines[0].split()[:3] == ["AbsRel", "SqRel", "RMSE"]
    assert lines[1].split()[:3] == ["L9", "0.250", "0.500"]
    assert "0.50" in lines[1].split()  # SILog has two digits
