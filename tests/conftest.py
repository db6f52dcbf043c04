"""What every test shares: a cache of its own and, where present, the folder of real data."""

import os
import shutil
import signal
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.compose_faster import compose_faster

compose_faster()
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["OMP_NUM_THREADS"] = "1"  # on tiny tensors a second thread costs more than it brings
if hasattr(signal, "SIGHUP"):  # under nohup it would stop nothing, here and in what the tests start
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Nothing is read from or written to the user's cache; processes that share the tests share one."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["DEPTHREPRO_CACHE"] = str(folder)


@pytest.fixture(scope="session")
def made_once(_own_cache):
    """`made_once(name, make)`: the folder that `make(folder)` fills, once for all processes that share the tests.

    Who uses it copies what it changes.
    """

    def folder_of(name: str, make: Callable[[Path], object]) -> Path:
        folder = Path(os.environ["DEPTHREPRO_CACHE"]) / "made" / name
        done = folder.with_name(f"{name}.done")
        folder.parent.mkdir(exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def shared_cache(_own_cache):
    """The cache of all tests, for rendered worlds: those that ask for the same one share it."""
    return os.environ["DEPTHREPRO_CACHE"]


@pytest.fixture(scope="session")
def make_client():
    """MlflowClient; what MLflow's own imports warn of is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.tracking import MlflowClient
    return MlflowClient


@pytest.fixture(scope="session")
def empty_database(made_once, make_client):
    """An MLflow store without runs, to copy: MLflow takes seconds to create one."""

    def make(folder):
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("ignore")
            patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
            make_client(f"sqlite:///{folder}/empty.db").get_experiment("0")

    return made_once("store", make) / "empty.db"


@pytest.fixture(scope="session")
def real_data():
    """Folder of small real data sets: $DEPTHREPRO_TEST_DATA, else shared/data beside the checkout."""
    chosen = os.environ.get("DEPTHREPRO_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(chosen)
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set DEPTHREPRO_TEST_DATA")
    return folder
