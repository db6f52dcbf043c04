from pathlib import Path

import pytest
import yaml

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.report.paper import find_tables, load_paper

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
RESOLUTION = EXPERIMENTS / "garg_resolution" / "paper.yaml"


def test_the_resolution_table_as_published():
    table = load_paper(RESOLUTION)
    assert [row.label for row in table.rows] == ["L9", "L10 + skip", "L10", "L11", "L12", "L12, Aug 8x"]
    assert [row.resolution for row in table.rows] == [(22, 76), (46, 154), (44, 152), (88, 304), (176, 608), None]
    assert [row.paper["abs_rel"] for row in table.rows] == [0.205, 0.246, 0.189, 0.179, 0.177, 0.169]
    assert [row.paper["rmse"] for row in table.rows] == [5.740, 5.850, 5.434, 5.326, 5.285, 5.104]
    assert [row.ours.level for row in table.rows] == ["L9", "L10", "L10", "L11", "L12", "L12"]
    assert all("1603.04992" in row.source for row in table.rows)


def mean_of(sets):
    """Published values averaged over a table's sets, as the papers' own mean columns."""
    frames = [values for values in sets.values() if values]
    return {key: sum(v[key] for v in frames) / len(frames) for key in (frames[0] if frames else {})}


def test_published_values_of_a_set_stand_with_that_set():
    table = load_paper(EXPERIMENTS / "da_zero_shot" / "paper.yaml")
    row = table.row("Depth Anything, ViT-L")
    assert row is not None and row.published("nyu") == {"abs_rel": 0.043, "delta1": 0.981}
    assert row.published("heldout") == {} == row.published("")


def test_a_table_over_one_set_is_shown_on_further_ones_that_it_names():
    table = load_paper(RESOLUTION)
    assert table.measures("garg_resolution/l9", "") and table.measures("garg_resolution/l9", "kitti2015")
    assert not table.measures("garg_resolution/l9", "heldout")
    assert table.rows[0].published("kitti2015") == table.rows[0].published("") == table.rows[0].paper


@pytest.mark.parametrize("name", find_tables(EXPERIMENTS))
def test_every_table_s_own_numbers_support_its_claims(name):
    table = load_paper(EXPERIMENTS / name / "paper.yaml")
    published = {row.label: row.paper or mean_of(row.sets) for row in table.rows}
    published |= {name: row.paper for name in table.baselines for row in table.rows if row.label == "Mean"}
    assert table.claims or any("claims stand in" in note for note in table.notes), "where are they decided?"
    for claim in table.claims:
        for key in claim.metrics if not claim.asked_by else ():
            if key == "delta1" and key not in published[claim.better]:
                continue  # the paper's ablations print AbsRel alone; we ask both
            gain = published[claim.better][key] - published[claim.worse][key]
            assert (gain > 0) == METRICS[key].higher_is_better, claim.text


@pytest.mark.parametrize("name", find_tables(EXPERIMENTS))
def test_every_experiment_of_a_table_exists(name):
    conf = EXPERIMENTS.parent / "conf" / "experiment"
    for experiment in load_paper(EXPERIMENTS / name / "paper.yaml").experiments:
        assert (conf / f"{experiment}.yaml").is_file(), experiment


def write(tmp_path: Path, **changed: object) -> Path:
    content = yaml.safe_load(RESOLUTION.read_text(encoding="utf-8")) | changed
    path = tmp_path / "some_table" / "paper.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


ROW = {"label": "L9", "paper": {"abs_rel": 0.2}}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"titel": "x"}, "unknown key 'titel': did you mean 'title'?"),
        ({"rows": [{**ROW, "our": {"level": "L9"}}]}, "row 'L9' has an unknown key 'our': did you mean 'ours'?"),
        ({"rows": [{**ROW, "ours": {"levle": "L9"}}]}, "unknown key 'levle': did you mean 'level'?"),
        ({"rows": [{"label": "L9", "paper": {"absrel": 0.2}}], "claims": []}, "'absrel' is no metric"),
        ({"rows": [ROW, ROW], "claims": []}, "each with a label of its own"),
        ({"rows": [], "claims": []}, "needs rows"),
        ({"claims": [{"text": "t", "better": "L13", "worse": "L9", "metrics": ["rmse"]}]}, "names the row 'L13'"),
        ({"metrics": ["rms"]}, "'rms' is no metric"),
        (
            {"rows": [{**ROW, "tests": ["nyu"], "sets": {"kitti": {"rmse": 2.0}}}], "claims": []},
            "'kitti', which is none",
        ),
        ({"rows": 5}, "not iterable"),
        ({"rows": [{**ROW, "label": 9}]}, "label must be a text; put it in quotes"),
        ({"title": 2014}, "title must be a text; put it in quotes"),
        ({"metrics": "rmse"}, "metrics must be a list of texts"),
        ({"baselines": ["mean_map"]}, "baselines must be a mapping of texts"),
        ({"rows": [{**ROW, "resolution": [176]}]}, "row 'L9': resolution must be [height, width] in pixels"),
        ({"rows": [{**ROW, "paper": {"abs_rel": float("nan")}}]}, "row 'L9': abs_rel must be a number, not nan"),
        ({"rows": [{**ROW, "paper": {"abs_rel": "0,2"}}]}, "row 'L9': abs_rel must be a number, not a str"),
        ({"rows": [{**ROW, "paper": [0.2]}]}, "row 'L9' must be a mapping"),
        ({"claims": [3]}, "claim must be a mapping"),
    ],
)
def test_mistakes_in_a_paper_file_are_named(tmp_path, changed, said):
    path = write(tmp_path, **changed)
    with pytest.raises(UserError) as caught:
        load_paper(path)
    assert str(caught.value).startswith(f"{path}: ") and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_and_unreadable_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"paper\.yaml: not found"):
        load_paper(tmp_path / "paper.yaml")
    (tmp_path / "paper.yaml").write_text("title: [")
    with pytest.raises(UserError, match=r"paper\.yaml: cannot be read") as caught:
        load_paper(tmp_path / "paper.yaml")
    assert "\n" not in str(caught.value)


def test_a_row_can_be_published_only_or_name_its_experiment(tmp_path):
    rows = [{**ROW, "ours": "none"}, {**ROW, "label": "x", "ours": {"experiment": "t/x", "level": "L12"}}]
    table = load_paper(write(tmp_path, rows=rows, claims=[]))
    assert table.rows[0].published_only and table.rows[0].ours is None
    assert table.experiments == ("t/x",)
