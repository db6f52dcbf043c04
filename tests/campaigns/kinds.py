"""Kinds of work that a campaign disturbs: what is typed, what is there before, which files must come out the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

WORLD = "data.synthetic={train_pairs: 16, val_pairs: 4, test_pairs: 4, width: 310, height: 94, seed: 0}"
STREETS = (
    *("depthrepro.train", "+experiment=garg_kitti", "logger=none", "input_size=[64,192]", "trainer.batch_size=4"),
    *("trainer.checkpoint_seconds=0.2", WORLD),
)
DEPTH_ANYTHING = (
    *("input_size=[64,96]", "model.out_channels=[8,8,8,8]", "model.features=8", "trainer.precision=fp32"),
    *("trainer.batch_size=2", "trainer.epochs=1", "tests.heldout.data.images=2", "logger=none"),
)
TEACHER = (
    *("depthrepro.train", "+experiment=da_teacher", "data.synthetic.streets.images=6"),
    *("data.synthetic.rooms=null", "data.val_every=3"),
    *DEPTH_ANYTHING,
)
LABELS = (
    *("depthrepro.pseudo_label", "+experiment=da_student", "data.labelled.synthetic.streets.images=6"),
    *("data.labelled.synthetic.rooms=null", "data.labelled.val_every=3", "data.unlabelled.worlds.images=24"),
    "data.teacher={home}/teacher.pt",
    *DEPTH_ANYTHING,
)
Content = Callable[[Path], bytes]


def weights(path: Path) -> bytes:
    """The tensors of a checkpoint's network, in order."""
    state = torch.load(path, map_location="cpu", weights_only=True)["model"]
    return b"".join(name.encode() + state[name].numpy().tobytes() for name in sorted(state))


def metrics(path: Path) -> bytes:
    """Numbers of a run's summary, without its times."""
    summary = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps({key: summary.get(key) for key in ("metrics", "baselines", "protocol", "images")}).encode()


@dataclass(frozen=True)
class Kind:
    """A kind of work.

    Attributes:
        name: As the table says it.
        command: Module and arguments; {home} stands for the folder of the try.
        results: Files that must come out the same, by pattern below that folder, and how each is read.
        before: Commands whose results lie there before, made once.
        starts_with: Pattern of what exists when the work begins: a kill comes after it.
        kept: Folders that `before` leaves and every try begins with.
    """

    name: str
    command: tuple[str, ...]
    results: dict[str, Content]
    before: tuple[tuple[str, ...], ...] = ()
    starts_with: str | None = None
    kept: tuple[str, ...] = field(default=("cache",))

    def digest(self, home: Path) -> tuple[str, int]:
        """(digest of all results, their number)."""
        found = hashlib.sha256()
        files = sorted((path, read) for pattern, read in self.results.items() for path in home.glob(pattern))
        for path, read in files:
            found.update(str(path.relative_to(home)).encode() + read(path))
        return found.hexdigest()[:16], len(files)


RUN = {
    "runs/**/checkpoints/last.pt": weights,
    "runs/**/summary.json": metrics,
    "runs/**/per_image.csv": Path.read_bytes,
}
RENDER = (*STREETS, "trainer.max_steps=1", "run_dir={home}/runs/rendered")
KINDS = (
    Kind("training", (*STREETS, "trainer.max_steps=60"), RUN, before=(RENDER,), starts_with="runs/garg_kitti/*"),
    Kind(
        "sweep",
        (*STREETS[:1], "-m", *STREETS[1:], "trainer.max_steps=20", "seed=0,1"),
        RUN,
        before=(RENDER,),
        starts_with="runs/garg_kitti/*",
    ),
    Kind(
        "pseudo-labels",
        LABELS,
        {"pseudo_labels/**/*.png": Path.read_bytes, "pseudo_labels/**/manifest*": Path.read_bytes},
        before=((*TEACHER, "run_dir={home}/runs/teacher"),),
        starts_with="pseudo_labels/*/*",
        kept=("cache", "teacher.pt"),
    ),
    Kind(
        "rendering",
        (*RENDER[:-2], WORLD.replace("16", "48"), "trainer.max_steps=1", "run_dir={home}/runs/rendered"),
        {"cache/worlds/**/*.png": Path.read_bytes, "runs/**/per_image.csv": Path.read_bytes},
        starts_with="cache/worlds/*",
        kept=(),
    ),
    Kind(
        "report",
        ("depthrepro.report", "source=committed", "out={home}/report"),
        {f"report/**/*.{end}": Path.read_bytes for end in ("md", "csv", "tex", "html", "png")},
        starts_with="report",
        kept=(),
    ),
    Kind(
        "cache writing",
        (*RENDER[:-1], "run_dir={home}/runs/cached"),
        {"cache/frames/**/*.npy": Path.read_bytes, "cache/baselines/*": lambda path: path.name.encode()},
        before=(RENDER,),
        starts_with="cache/frames/*",
        kept=("cache/worlds",),
    ),
)
