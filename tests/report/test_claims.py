"""Verdicts: which side of zero the interval lies on, and what keeps one from being given."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from depthrepro.report.blocks import build_blocks
from depthrepro.report.bootstrap import paired_interval
from depthrepro.report.claims import Verdict, decide, describe, numbers, overall, signed, word
from depthrepro.report.paper import Claim
from depthrepro.report.rows import load_runs
from tests.report.tables.test_tables import RESOLUTION

L12_BEATS_L9 = Claim("L12 beats L9", "L12", "L9", ("abs_rel", "delta1"))
IDS = [f"image{i}" for i in range(30)]


@pytest.fixture
def block(runs, add_run):
    """Three seeds of one experiment that fills all rows."""
    for seed in range(3):
        add_run(f"garg_kitti/seed={seed}", seed=seed)
    return build_blocks(RESOLUTION, load_runs(runs)[0])[0]


def scores(block, **offsets):
    """Per-image scores of each method: a hard-or-easy image, a seed's luck, and the method's own offset."""
    rng = np.random.default_rng(0)
    image, records = rng.random(len(IDS)), []
    for seed, run in enumerate(block.runs["run"]):
        for method, offset in offsets.items():
            checkpoint = "-" if method == "mean_map" else "last"
            noise = rng.normal(0, 0.01, len(IDS))
            for i, item in enumerate(IDS):
                value = image[i] + 0.002 * seed + offset + noise[i]
                records.append(
                    {
                        "run": run,
                        "checkpoint": checkpoint,
                        "method": method,
                        "id": item,
                        "abs_rel": value,
                        "delta1": value,
                    }
                )
    return pd.DataFrame(records)


def verdicts(block, images, *claims):
    return decide(replace(RESOLUTION, claims=claims or (L12_BEATS_L9,)), block, images)


def test_direction_follows_the_metric(block):
    error, share = verdicts(block, scores(block, L9=0.5, L12=0.4))
    assert (error.metric, error.verdict) == ("abs_rel", "reproduced")  # a lower error is better
    assert (share.metric, share.verdict) == ("delta1", "contradicted")  # a lower share of good pixels is not
    assert error.interval.difference == pytest.approx(-0.1, abs=0.01)
    assert error.interval.high < 0
    assert (error.seeds, error.images) == ((0, 1, 2), 30)
    assert error.paper_difference == pytest.approx(0.177 - 0.205)
    assert overall([error, share]) == "undecided"  # the metrics disagree


def test_no_difference_is_undecided(block):
    assert {v.verdict for v in verdicts(block, scores(block, L9=0.5, L12=0.5))} == {"undecided"}


def test_one_seed_decides_nothing(block):
    images = scores(block, L9=0.5, L12=0.1)
    one = images[images["run"] == block.runs["run"][0]]
    found = verdicts(block, one)[0]
    assert found.verdict == "undecided" and "one seed" in found.reason
    assert found.interval.high < 0


def test_equal_rows_are_told(block):
    images = scores(block, L9=0.5)
    equivalent = images.assign(method="L12")
    found = verdicts(block, pd.concat([images, equivalent]))[0]
    assert found.verdict == "undecided" and "same numbers" in found.reason


def test_a_missing_row_is_not_measured(block):
    claim = Claim("skips hurt", "L10", "L10 + skip", ("abs_rel",))
    (found,) = verdicts(block, scores(block, L10=0.5), claim)
    assert found.verdict == "not measured" and found.interval is None
    assert found.reason == "no finished run of L10 + skip"
    assert describe(found) == "AbsRel: not measured (no finished run of L10 + skip)"


def test_only_common_seeds_and_images_are_compared(block):
    images = scores(block, L9=0.5, L12=0.4)
    first = block.runs["run"][0]
    cut = images[~((images["run"] == first) & (images["method"] == "L9"))]
    cut = cut[~((cut["method"] == "L12") & (cut["id"] == "image7"))]
    found = verdicts(block, cut)[0]
    assert (found.seeds, found.images) == ((1, 2), 29)


def test_a_baseline_stands_beside_every_seed(block):
    images = scores(block, L12=0.1, mean_map=0.5)
    (found,) = verdicts(block, images, Claim("beats the mean", "L12", "mean_map", ("abs_rel",)))
    assert found.verdict == "reproduced" and found.seeds == (0, 1, 2)
    (other,) = verdicts(block, images, Claim("the mean wins", "mean_map", "L12", ("abs_rel",)))
    assert other.verdict == "contradicted"


def test_scores_are_paired_as_pivoted_frames_are(block):
    """The same interval, bit for bit, with gaps, an absent seed and an absent image."""
    images = scores(block, L9=0.5, L12=0.4)
    images.loc[images["id"].eq("image3") & images["run"].eq(block.runs["run"][1]), "abs_rel"] = np.nan
    images = images[~((images["method"] == "L12") & (images["id"] == "image7"))].sample(frac=1, random_state=0)
    seeds = block.runs.set_index("run")["seed"]
    better, worse = (
        images[images["method"] == name].assign(seed=lambda f: f["run"].map(seeds)).pivot(index="seed", columns="id")
        for name in ("L12", "L9")
    )
    for found in verdicts(block, images):
        a, b = (side[found.metric].dropna(axis=1) for side in (better, worse))
        common = a.columns.intersection(b.columns)
        assert found.images == len(common) == (28 if found.metric == "abs_rel" else 29)
        a, b = (np.ascontiguousarray(side[common].to_numpy()) for side in (a, b))
        assert found.interval == paired_interval(a, b)


def test_two_scores_of_one_image_and_seed_are_an_error(block):
    images = scores(block, L9=0.5, L12=0.4)
    with pytest.raises(ValueError, match="L12 has two scores"):
        verdicts(block, pd.concat([images, images[images["method"] == "L12"].head(1)]))


def test_questions_of_ours_are_answered():
    ours, theirs = Claim("?", "a", "b", ("rmse",), asked_by="us"), Claim("!", "a", "b", ("rmse",))
    assert [word(w, ours) for w in ("reproduced", "contradicted", "undecided")] == ["yes", "no", "undecided"]
    assert word("contradicted", theirs) == "contradicted"


def test_description_has_everything(block):
    found = verdicts(block, scores(block, L9=0.5, L12=0.4))[0]
    difference, low, high = numbers(found)
    text = f"AbsRel {difference} (95 % {low} to {high}; 3 seeds, 30 images; paper −0.028)"
    assert describe(found) == f"{text}: reproduced"


def test_signs():
    assert (signed(-0.0124, 3), signed(0.0124, 3), signed(-0.0001, 3)) == ("−0.012", "+0.012", "0.000")
    assert overall([Verdict(L12_BEATS_L9, "rmse", "reproduced")] * 2) == "reproduced"
