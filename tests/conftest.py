"""What every test shares: a cache of its own and, where present, the folder of real data."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["OMP_NUM_THREADS"] = "1"  # on tiny tensors a second thread costs more than it brings


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Nothing is read from or written to the user's cache; processes that share the tests share one."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["DEPTHREPRO_CACHE"] = str(folder)


@pytest.fixture(scope="session")
def real_data():
    """Folder of small real data sets: $DEPTHREPRO_TEST_DATA, else shared/data beside the checkout."""
    chosen = os.environ.get("DEPTHREPRO_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(chosen)
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set DEPTHREPRO_TEST_DATA")
    return folder
