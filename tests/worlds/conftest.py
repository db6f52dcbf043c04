from __future__ import annotations

from pathlib import Path

import pytest

from depthrepro.worlds.streets.drives import RenderedPair, StreetsConfig, ensure_streets, render_pair

TINY = StreetsConfig(train_pairs=3, val_pairs=1, test_pairs=1, frames_per_drive=2, width=310, height=94, seed=3)


@pytest.fixture(scope="session")
def tiny_config() -> StreetsConfig:
    return TINY


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drives, rendered by two processes; tests copy it before they change it."""
    return ensure_streets(TINY, tmp_path_factory.mktemp("worlds"), workers=2, progress=False)


@pytest.fixture(scope="session", params=[(0, 0), (1, 1)], ids=["first day", "second day"])
def pair(request: pytest.FixtureRequest) -> RenderedPair:
    """Full-size frames of two scenes, one for each recording day."""
    return render_pair(StreetsConfig(), *request.param)
