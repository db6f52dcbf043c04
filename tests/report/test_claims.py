"""Verdicts: which side of zero the interval lies on, and what keeps one from being given."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from depthrepro.report.blocks import build_blocks
from depthrepro.report.bootstrap import paired_interval
from depthrepro.report.claim_scores import Scores, pair
from depthrepro.report.claim_words import describe, numbers, per_cent, sentence, signed, word
from depthrepro.report.claims import NOT_ASKED, Verdict, decide
from depthrepro.report.claims_file import asked_claim
from depthrepro.report.paper import Claim
from depthrepro.report.rows import load_runs
from depthrepro.report.scenes import scenes
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


def verdicts(block, images, *claims, asked=None):
    return decide(replace(RESOLUTION, claims=claims or (L12_BEATS_L9,)), block, images, asked)


def test_direction_follows_the_metric(block):
    error, share = verdicts(block, scores(block, L9=0.5, L12=0.4))
    assert (error.metric, error.verdict) == ("abs_rel", "reproduced")  # a lower error is better
    assert (share.metric, share.verdict) == ("delta1", "contradicted")  # a lower share of good pixels is not
    assert error.interval.difference == pytest.approx(-0.1, abs=0.01)
    assert error.interval.high < 0
    assert (error.seeds, error.images) == ((0, 1, 2), 30)
    assert error.paper_difference == pytest.approx(0.177 - 0.205)
    assert error.relative == pytest.approx(error.interval.difference / error.reference)
    assert error.paper_relative == pytest.approx((0.177 - 0.205) / 0.205)


def test_a_difference_below_the_margin_is_told_apart(block):
    """Equal within 3 % of about 1.0; a small one that is surely there; and a noisy one, with what would decide it."""
    (same, _) = verdicts(block, scores(block, L9=0.5, L12=0.5))
    assert same.verdict == "no difference" and same.margin == pytest.approx(0.03 * same.reference)
    (small, _) = verdicts(block, scores(block, L9=0.5, L12=0.48))
    assert (small.verdict, small.below_margin) == ("reproduced", True)
    assert sentence(small) == "reproduced, smaller than the margin"
    noisy = scores(block, L9=0.5, L12=0.5)
    luck = noisy["run"].map(dict(zip(block.runs["run"], (-0.1, 0.0, 0.1), strict=True)))
    (open_, _) = verdicts(block, noisy.assign(abs_rel=noisy["abs_rel"] + luck * (noisy["method"] == "L12")))
    assert open_.verdict == "undecided" and "seeds" in open_.reason


def test_no_difference_where_the_paper_has_none_either_is_counted_apart(block):
    rows = tuple(replace(row, paper={**row.paper, "abs_rel": 0.2}) for row in RESOLUTION.rows)
    table = replace(RESOLUTION, rows=rows, claims=(Claim("t", "L12", "L9", ("abs_rel",)),))
    (found,) = decide(table, block, scores(block, L9=0.5, L12=0.5))
    assert found.verdict == "no difference, as in the paper"


def test_claims_csv_says_what_is_decided_and_how(block):
    """Before the first look there is no verdict; without a row there is an interval and no verdict."""
    table = replace(RESOLUTION, claims=(L12_BEATS_L9,))
    row = asked_claim({}, table, L12_BEATS_L9, "abs_rel", "streets (synthetic)", photographs=True)
    (early, other) = verdicts(block, scores(block, L9=0.5, L12=0.1), asked={row.key: row})
    assert (early.verdict, early.reason, early.level) == ("undecided", "3 of 6 seeds", 0.03)
    assert other.verdict == NOT_ASKED and other.interval.high < 0


def test_a_seed_counts_where_both_rows_were_trained_alike():
    values = {"abs_rel": np.ones((3, 2))}
    ids = np.array(["a", "b"], dtype=object)
    bf16, fp32, unsaid = ("cpu", "bf16"), ("cpu", "fp32"), ("", "")
    better = Scores({0: bf16, 1: bf16, 2: unsaid}, ids, values)
    worse = Scores({0: fp32, 1: bf16, 2: unsaid}, ids, values)
    assert pair(better, worse, "abs_rel").seeds == (1, 2)
    assert pair(better, Scores(None, ids, {"abs_rel": np.ones((1, 2))}), "abs_rel").seeds == (0, 1, 2)


def test_images_of_one_scene_are_resampled_together(block):
    images = scores(block, L9=0.5, L12=0.4)
    images["id"] = [f"images/scene_{int(item[5:]) // 3:04d}/{int(item[5:]) % 3}" for item in images["id"]]
    found = verdicts(block, images)[0]
    assert (found.images, found.scenes) == (30, 10)
    ids = sorted(images["id"].unique())
    better, worse = (
        images[images["method"] == name].pivot(index="run", columns="id", values="abs_rel")[ids].to_numpy()
        for name in ("L12", "L9")
    )
    assert found.interval == paired_interval(better, worse, scenes=scenes(ids, "streets (synthetic)"))
    assert "30 images of 10 scenes" in describe(found)
    images["id"] = [item.replace(item[:17], "images/scene_0000") + item[13:17] for item in images["id"]]
    lone = verdicts(block, images)[0]
    assert lone.verdict == "not measured" and "one scene" in lone.reason


def test_one_seed_decides_nothing(block):
    images = scores(block, L9=0.5, L12=0.1)
    one = images[images["run"] == block.runs["run"][0]]
    found = verdicts(block, one)[0]
    assert (found.verdict, found.reason) == ("undecided", "1 of 3 seeds")
    assert found.interval.high < 0


def test_equal_rows_are_told(block):
    images = scores(block, L9=0.5)
    equivalent = images.assign(method="L12")
    found = verdicts(block, pd.concat([images, equivalent]))[0]
    assert found.verdict == "no difference" and "same numbers" in found.reason


def test_a_missing_row_is_not_measured(block):
    claim = Claim("skips hurt", "L10", "L10 + skip", ("abs_rel",))
    (found,) = verdicts(block, scores(block, L10=0.5), claim)
    assert found.verdict == "not measured" and found.interval is None
    assert describe(found) == "AbsRel: not measured: no finished run of L10 + skip"
    (asked_later,) = verdicts(block, scores(block, L9=0.5, L12=0.4), Claim("t", "L12", "L9", ("delta3",)))
    assert asked_later.reason == "no per-image scores in this metric"


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
    found = [word(Verdict(ours, "rmse", kind)) for kind in ("reproduced", "contradicted", "no difference", "undecided")]
    assert found == ["yes", "no", "no difference", "undecided"]
    assert word(Verdict(theirs, "rmse", "contradicted")) == "contradicted"


def test_description_has_everything(block):
    found = verdicts(block, scores(block, L9=0.5, L12=0.4))[0]
    difference, low, high = numbers(found)
    parts = f"95 % {low} to {high}; 3 seeds, 30 images; margin {found.margin:.3f}; paper −0.028, −14 %"
    assert describe(found) == f"AbsRel {difference}, {per_cent(found.relative)} ({parts}): reproduced"


def test_signs():
    assert (signed(-0.0124, 3), signed(0.0124, 3), signed(-0.0001, 3)) == ("−0.012", "+0.012", "0.000")
    assert (per_cent(-0.041), per_cent(0.25), per_cent(None)) == ("−4.1 %", "+25 %", "")
