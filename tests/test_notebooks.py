"""The notebooks run from top to bottom on results made for the test, define nothing, and are kept without outputs."""

import ast
import json
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from depthrepro.report.committed import commit
from depthrepro.report.paper import load_paper
from depthrepro.report.sources import from_runs
from tests.report.conftest import add_run, metrics, runs  # noqa: F401 - fixtures

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RESOLUTION = ROOT / "experiments" / "garg_resolution"
# What the last cell that shows something says: a verdict, or what was made.
LAST_WORDS = {
    "garg_tables": "reproduced",
    "teacher_to_student": "Feature alignment helps",
    "depth_on_my_photo": " points",
}
# A notebook trains a sketch where no run is; the test's is smaller, and its images are those of other tests.
SMALLER = {
    "streets.images=24": "streets.images=6",
    "data.val_every=8": "data.val_every=3",
    '"trainer.max_steps=20"': '"trainer.max_steps=2", "trainer.batch_size=2", "input_size=[64,96]"',
}
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


class ThisInterpreter(AsyncKernelManager):
    """A kernel of the interpreter that runs the tests; nothing needs to be installed for it."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="this", language="python")


@pytest.fixture
def experiments(tmp_path, runs, add_run):  # noqa: F811
    """Committed results of the resolution table: three seeds of each row, finer is better."""
    for level, name in (("L9", "l9"), ("L10", "l10"), ("L10", "l10_skip"), ("L11", "l11"), ("L12", "l12")):
        for seed in range(3):
            abs_rel = 0.4 - 0.01 * int(level[1:]) + 0.003 * seed
            experiment = f"garg_resolution/{name}"
            add_run(f"{experiment}/seed={seed}", experiment=experiment, seed=seed, levels={level: metrics(abs_rel)})
    folder = tmp_path / "experiments" / "garg_resolution"
    folder.mkdir(parents=True)
    shutil.copy(RESOLUTION / "paper.yaml", folder)
    table = load_paper(folder / "paper.yaml")
    commit(from_runs(runs, [table]), table, folder)
    shutil.copytree(ROOT / "experiments" / "da_ablation", folder.parent / "da_ablation")
    return folder.parent


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path, experiments, tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTHREPRO_EXPERIMENTS", str(experiments))
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for given, smaller in SMALLER.items():
            cell.source = cell.source.replace(given, smaller)
    work = tmp_path / "notebooks"
    work.mkdir()
    NotebookClient(
        notebook, timeout=250, kernel_manager_class=ThisInterpreter, resources={"metadata": {"path": str(work)}}
    ).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any({"image/png", "image/jpeg"} & set(output.get("data", {})) for output in outputs)
    assert LAST_WORDS[path.stem] in json.dumps(outputs[-1])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_is_stripped_and_defines_nothing(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            kinds = {type(node) for node in ast.walk(ast.parse("".join(cell["source"])))}
            assert not kinds & {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef}
            assert "import torch" not in "".join(cell["source"])
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} == set(LAST_WORDS)
