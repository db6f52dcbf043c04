"""Pooled blocks: two data sets that are decided on together."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from depthrepro.report.blocks import build_blocks
from depthrepro.report.claims import decide
from depthrepro.report.paper import Claim
from depthrepro.report.pools import pooled
from depthrepro.report.sources import for_table, from_runs
from tests.report.conftest import SIZES, metrics, summary, write_details
from tests.report.tables.test_tables import RESOLUTION

CLAIMS = (Claim("L12 beats L9", "L12", "L9", ("abs_rel",)), Claim("beats the mean", "L12", "mean_map", ("abs_rel",)))
ROWS = tuple(replace(row, tests=("", "kitti2015")) for row in RESOLUTION.rows)
TABLE = replace(RESOLUTION, rows=ROWS, pools={"both": ("KITTI 2012", "KITTI 2015")}, claims=CLAIMS)


def add(runs, seed, tests=("kitti2015",), base=0.0):
    """A run on KITTI 2012 (60 images by its summary) and its scores on KITTI 2015 (20)."""
    for name, images, plus in (("KITTI 2012", 60, 0.0), ("KITTI 2015", 20, 0.2)):
        run = runs / f"garg_kitti/seed={seed}"
        if name == "KITTI 2015":
            if not tests:
                continue
            run = run / "tests/kitti2015"
        run.mkdir(parents=True)
        errors = zip(SIZES, (0.4, 0.3, 0.25, 0.2), strict=True)
        levels = {level: metrics(error + plus + base + 0.001 * seed) for level, error in errors}
        data = {"name": name, "synthetic": False, "fingerprint": name[-4:], "counts": {"test": images}}
        content = summary(seed=seed, images=images, data=data, levels=levels, baselines={"mean_map": metrics(0.5)})
        content["protocol"]["split"] = f"split of {name}"
        (run / "summary.json").write_text(json.dumps(content))
        write_details(run, content)


@pytest.fixture
def results(runs):
    for seed in range(3):
        add(runs, seed)
    add(runs, 3, tests=())  # no scores on KITTI 2015
    return for_table(from_runs(runs, [TABLE]), TABLE)


def test_a_pool_has_the_means_over_all_images_and_the_common_seeds(results):
    blocks = build_blocks(TABLE, results.rows)
    ((block, images),) = pooled(TABLE, blocks, results)
    assert (block.keys["data"], block.keys["images"], block.seeds) == ("both", 80, [0, 1, 2])
    assert block.pool == ("KITTI 2012", "KITTI 2015")
    assert json.loads(block.keys["protocol"])["split"] == "split of KITTI 2012 + split of KITTI 2015"
    line = next(line for line in block.lines["last"] if line.method == "L12" and line.role == "level")
    assert line.values["abs_rel"].mean == pytest.approx((60 * 0.201 + 20 * 0.401) / 80)
    assert len(images["id"].unique()) == 8 and images["id"].str.startswith("KITTI 201").all()
    mean = images[images["method"] == "mean_map"]
    assert len(mean) == 8


def test_its_claims_are_decided_within_each_set(results):
    ((block, images),) = pooled(TABLE, build_blocks(TABLE, results.rows), results)
    against_row, against_mean = decide(TABLE, block, images)
    assert (against_row.seeds, against_row.images) == ((0, 1, 2), 8)
    assert (against_mean.seeds, against_mean.images) == ((0, 1, 2), 8)
    assert against_row.paper_difference == pytest.approx(0.177 - 0.205)  # the table is over one set: KITTI


def test_no_pool_without_all_of_its_members_or_with_another_protocol(results):
    alone = replace(results, rows=results.rows[results.rows["data"] == "KITTI 2012"])
    assert pooled(TABLE, build_blocks(TABLE, alone.rows), alone) == []
    rows = results.rows.copy()
    there = rows["data"] == "KITTI 2015"
    rows.loc[there, "protocol"] = [text.replace("50.0", "80.0") for text in rows.loc[there, "protocol"]]
    other = replace(results, rows=pd.DataFrame(rows))
    assert pooled(TABLE, build_blocks(TABLE, other.rows), other) == []
