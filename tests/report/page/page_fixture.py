"""A small report: three tables, real and synthetic data, every kind of verdict, two pictures a block."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from depthrepro.report.answers import Answer, answers
from depthrepro.report.blocks import Block, build_blocks
from depthrepro.report.bootstrap import Interval
from depthrepro.report.claims import Verdict
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.page.index import page
from depthrepro.report.paper import Claim, Ours, PaperRow, PaperTable
from depthrepro.report.rows import Unfinished, load_runs
from tests.report.conftest import SIZES, metrics, summary

STREETS = {"name": "streets (synthetic)", "synthetic": True, "fingerprint": "abc", "counts": {"train": 200, "test": 60}}
KITTI = {"name": "KITTI 2012", "synthetic": False, "fingerprint": "999", "counts": {"train": 272, "test": 60}}
HOSTILE = '<script>alert(1)</script> & "quoted"'


def small_page(report: list[MeasuredTable], source: str = "run directories below runs") -> str:
    """The page of these tables."""
    return page(report, answers_of(report), source=source)


def answers_of(report: list[MeasuredTable]) -> list[Answer]:
    """Their verdicts; nothing was asked that was not measured."""
    return answers([one.table for one in report], {one.table.name: one for one in report}, {})


def small_report(folder: Path) -> list[MeasuredTable]:
    """Tables garg_resolution (6 claims) and garg_loss (5 questions) on both data sets, garg_stages (1 claim) on none.

    AbsRel of L9 to L12 is 0.26, 0.28, 0.24, 0.25 (the order is not the paper's), L10 + skip has no run, and "Other" is
    published only, with 0.27.
    """
    claims = tuple(Claim(f"A finer output is better, number {i}", "L12", "L9", ("abs_rel", "rmse")) for i in range(5))
    resolution = _table("garg_resolution", (*claims, Claim(HOSTILE, "L10", "L9", ("delta1",))))
    questions = tuple(Claim(f"Does choice {i} help?", "L12", "L9", ("abs_rel",), asked_by="us") for i in range(5))
    loss = _table("garg_loss", questions)
    stages = _table("garg_stages", (Claim("Stages help", "L12", "L9", ("abs_rel",)),))
    measured = []
    for table in (resolution, loss):
        for data in (STREETS, KITTI):
            for seed in (0, 1):
                _write_run(folder / "runs" / table.name, table.name, data, seed)
        blocks = build_blocks(table, load_runs(folder / "runs")[0])
        figures = {block.slug: _pictures(folder, block) for block in blocks}
        verdicts = {block.slug: _verdicts(table, block) for block in blocks}
        measured.append(MeasuredTable(table, blocks, verdicts, figures))
    waiting = [Unfinished("runs/garg_stages/seed=0", "garg_stages", "running at step 3 of 750")]
    return [*measured, MeasuredTable(stages, [], unfinished=waiting)]


def _table(name: str, claims: tuple[Claim, ...]) -> PaperTable:
    paper = {"L9": 0.205, "L10": 0.189, "L11": 0.179, "L12": 0.177}
    rows = [PaperRow(k, {"abs_rel": v, "delta1": 0.7}, (22, 76), Ours(k, None, (name,))) for k, v in paper.items()]
    skip = PaperRow("L10 + skip", {"abs_rel": 0.246}, None, Ours("L13", None, (name,)), note="Read as one more.")
    other = PaperRow("Other", {"abs_rel": 0.27}, None, published_only=True)
    return PaperTable(
        name=name,
        title=f"Garg et al. 2016: {name}",
        cite="Garg et al., arXiv:1603.04992",
        source="Figures read from the table.",
        data="KITTI",
        protocol="697 images.",
        command="python -m depthrepro.train",
        metrics=("rmse", "abs_rel", "delta1"),
        rows=(rows[0], skip, *rows[1:], other),
        baselines={"mean_map": "Mean depth map (train)"},
        notes=("Compare the order of the rows.",),
        claims=claims,
    )


def _write_run(folder: Path, experiment: str, data: dict[str, object], seed: int) -> None:
    run = folder / str(data["fingerprint"]) / f"seed={seed}"
    run.mkdir(parents=True)
    error = 0.01 if seed else -0.01
    scores = zip(SIZES, (0.26, 0.28, 0.24, 0.25), (0.6, 0.5, 0.8, 0.7), strict=True)
    levels = {name: metrics(a + error, delta1=d) for name, a, d in scores}
    content = summary(experiment=experiment, seed=seed, data=data, levels=levels, config_hash=f"hash{seed}")
    (run / "summary.json").write_text(json.dumps(content))


def _verdicts(table: PaperTable, block: Block) -> list[Verdict]:
    """On streets the first three hold, the fourth does not, the fifth is open in AbsRel; on KITTI the first is not
    measured, and the second shows no difference."""
    down, up, open_ = Interval(-0.02, -0.03, -0.01), Interval(0.02, 0.01, 0.03), Interval(0.001, -0.01, 0.012)
    known = {"seeds": (0, 1), "images": 60, "scenes": 20, "reference": 0.27, "margin": 0.0081}
    paper = {"paper_difference": -0.028, "paper_reference": 0.205}
    found = []
    for number, claim in enumerate(table.claims):
        for metric in claim.metrics:
            if not block.synthetic and number == 0:
                found.append(Verdict(claim, metric, "not measured", reason="no finished run of L9"))
            elif not block.synthetic and number == 1:
                found.append(Verdict(claim, metric, "no difference", open_, **known))
            elif metric == "delta1":
                found.append(Verdict(claim, metric, "reproduced", up, **known, below_margin=True))
            elif number < 3:
                found.append(Verdict(claim, metric, "reproduced", down, **known, **paper))
            elif number == 3 or metric == "rmse":
                found.append(Verdict(claim, metric, "contradicted", up, **known, **paper))
            else:
                found.append(Verdict(claim, metric, "undecided", open_, **known, reason="about 9 seeds"))
    return found


def _pictures(folder: Path, block: Block) -> dict[str, Path]:
    sizes = {"Error against resolution": (720, 420), "Images & predictions": (900, 240)}
    paths = {title: folder / f"{index}_{block.slug}.png" for index, title in enumerate(sizes)}
    for title, path in paths.items():
        Image.new("RGB", sizes[title], "white" if title.startswith("Error") else "steelblue").save(path)
    return paths
