"""README, the pages beside it, the list of programs and the console command."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from depthrepro.__main__ import PROGRAMS
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.report.tables.front_door import BEGIN, END, counted

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("experiments/**/*.md"))]
EXPERIMENTS = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "depthrepro", *words], capture_output=True, text=True, cwd=ROOT)


def test_readme_is_short_and_shows_a_picture():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    head, rest = readme.split(BEGIN)
    assert len([*head.splitlines(), *rest.split(END)[1].splitlines()]) <= 110
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    assert 10_000 < (ROOT / picture).stat().st_size < 400_000


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert target.startswith(("http://", "https://")) or (page.parent / target).exists(), target


def test_the_programs_are_listed_and_run():
    listed = run()
    assert listed.returncode == 0 and all(f"  {name} " in listed.stdout for name in PROGRAMS)
    one = run("evaluate", "--help")
    same = subprocess.run([sys.executable, "-m", "depthrepro.evaluate", "--help"], capture_output=True, text=True)
    assert (one.returncode, one.stdout) == (same.returncode, same.stdout) and "run_dir" in one.stdout


def test_exit_codes_and_mistakes_are_the_program_s_own():
    wrong = run("trian")
    assert wrong.returncode == 2 and wrong.stderr == "error: no program is called 'trian': did you mean 'train'?\n"
    wrong = run("train", "+experiment=garg_kiti")
    assert wrong.returncode == 2 and "did you mean 'garg_kitti'" in wrong.stderr
    assert run("train", "+experiment=garg_kitti", "--cfg", "job").stdout.startswith("name: garg_kitti")


def test_the_site_is_made_without_network_and_asks_nothing_from_outside(tmp_path):
    mkdocs = shutil.which("mkdocs", path=str(Path(sys.executable).parent))
    if mkdocs is None:
        pytest.skip("mkdocs is not installed: pip install -e '.[docs]'")
    subprocess.run([mkdocs, "build", "-q", "--strict", "-d", str(tmp_path)], cwd=ROOT, check=True)
    pages = list(tmp_path.glob("*.html"))
    assert {"index.html", "extending.html", "api.html"} <= {page.name for page in pages}
    for page in pages:
        loaded = re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="([^"]+)"', page.read_text(encoding="utf-8"))
        assert not [address for address in loaded if address.startswith(("http", "//"))]


def test_every_experiment_stands_in_the_table():
    names = {path.stem for path in Path(CONFIG_DIR, "experiment").iterdir()} - {"garg_kitti2012"}
    assert names == set(re.findall(r"^\| (?:\[|`)(\w+)", EXPERIMENTS, flags=re.M)) and "`garg_kitti2012`" in EXPERIMENTS


@pytest.mark.parametrize("table", sorted(p.parts[-3] for p in ROOT.glob("experiments/*/tables/table.md")))
def test_the_verdicts_in_the_table_are_the_committed_ones(table):
    counts = counted(ROOT / "experiments" / "verdicts.csv")[table]
    (line,) = re.findall(rf"^\| \[{table}\].*$", EXPERIMENTS, flags=re.M)
    assert line.endswith(f"| {counts} |")
