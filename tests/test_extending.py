"""docs/extending.md, followed to the letter in a copy of the checkout: its changes apply, its commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.M | re.S))
# So that a command of the page takes seconds; nothing else is added.
STREETS = "data.synthetic={train_pairs: 8, val_pairs: 2, test_pairs: 3, width: 310, height: 94, seed: 0}"
SHORT = ("trainer.max_steps=2", "trainer.batch_size=2", "logger=none")


def blocks(section: str, language: str = "") -> list[str]:
    """The fenced blocks of a section that are in a language."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```\n", SECTIONS[section], flags=re.M | re.S)
    return [text for name, text in fences if name == language]


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the programs read."""
    for name in ("depthrepro", "conf", "experiments"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    return tmp_path


def apply(checkout: Path, section: str) -> None:
    """Apply the section's changes as its reader would."""
    for change in blocks(section, "diff"):
        subprocess.run(["git", "apply", "-"], input=change, text=True, cwd=checkout, check=True)


def run(checkout: Path, command: str, *added: str) -> str:
    """Run a command of the page in the copy; returns what it printed."""
    words = shlex.split(command)
    settings = dict(word.split("=", 1) for word in words[: words.index("python")])
    words = [sys.executable, *words[words.index("python") + 1 :], *added]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", **settings}
    done = subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def commands(section: str) -> list[str]:
    return [line for block in blocks(section) for line in block.splitlines() if "python -m" in line]


def test_a_model(checkout):
    apply(checkout, "A model")
    (command,) = commands("A model")
    run(checkout, command, STREETS, *SHORT)
    (run_dir,) = checkout.glob("runs/garg_kitti/*/seed=0")
    assert "quarter" in (run_dir / "summary.json").read_text()


def test_a_test_set(checkout):
    apply(checkout, "A test set")
    folder = checkout / "my_images"
    for name in ("images", "depth"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    (manifest,) = (block for block in blocks("A test set") if block.startswith("image,depth"))
    (folder / "manifest.csv").write_text(manifest)
    for line in manifest.splitlines()[1:]:
        image, depth = line.split(",")
        cv2.imwrite(str(folder / image), rng.integers(0, 255, (96, 192, 3), dtype=np.uint8))
        cv2.imwrite(str(folder / depth), rng.integers(1000, 9000, (96, 192), dtype=np.uint16))
    (command,) = commands("A test set")
    small = (
        "data.synthetic.streets.images=6",
        "data.synthetic.rooms=null",
        "data.val_every=3",
        "tests.heldout.data.images=2",
    )
    printed = run(checkout, command, *small, *SHORT)
    assert "test set   mine: my_images, 2 images" in printed
    assert list(checkout.glob("runs/da_teacher/*/seed=0/tests/mine/per_image.csv"))


def test_a_table(checkout):
    apply(checkout, "A table")
    train, report = commands("A table")
    short = ("trainer.epochs=5", "trainer.batch_size=2", "logger=none", "seed=0")
    run(checkout, train.replace("'seed=range(0,3)'", ""), STREETS, *short)
    printed = run(checkout, report)
    assert "SSIM + L1" in printed and (checkout / "report" / "index.html").is_file()


@pytest.mark.parametrize(("section", "most"), [("A model", 4), ("A test set", 3), ("A table", 3)])
def test_the_promised_number_of_files(section, most):
    touched = re.findall(r"^\+\+\+ b/(\S+)", "".join(blocks(section, "diff")), flags=re.M)
    assert 0 < len(touched) <= most
