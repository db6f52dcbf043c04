from __future__ import annotations

from pathlib import Path

import pytest

from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.sets.streets import DriveRenderer, Streets, StreetsConfig, SyntheticPair, list_drives

TINY = StreetsConfig(train_pairs=3, val_pairs=1, test_pairs=1, frames_per_drive=2, width=310, height=94, seed=3)


@pytest.fixture(scope="session")
def tiny_config() -> StreetsConfig:
    return TINY


@pytest.fixture(scope="session")
def tiny_world(shared_cache: str) -> Path:
    """Four drives, rendered by two processes; tests copy it before they change it."""
    return ensure_world(Streets(TINY), Path(shared_cache) / "worlds", workers=2, progress=False)


@pytest.fixture(scope="session", params=[(0, 0), (1, 1)], ids=["first day", "second day"])
def pair(request: pytest.FixtureRequest) -> SyntheticPair:
    """Full-size frames of two scenes, one for each recording day."""
    config, (drive, frame) = StreetsConfig(), request.param
    return DriveRenderer(config, list_drives(config)[drive]).frame(frame)
