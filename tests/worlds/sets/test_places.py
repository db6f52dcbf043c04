"""The world `places`: balanced, deterministic, no scene in both parts, read like MiniPlaces."""

from collections import Counter
from pathlib import Path

import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.readers.synthetic import places
from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.sets.places import CATEGORIES, Places, PlacesConfig

SMALL = {"train_images": 10, "val_images": 10}


def test_units_are_balanced_and_parts_share_no_scene():
    units = Places(PlacesConfig(train_images=83, val_images=20)).units()
    images = Counter()
    for unit in units:
        images[unit.name.rsplit("-", 1)[0]] += unit.items
    train = [count for name, count in images.items() if name.startswith("train")]
    assert sum(train) == 83 and max(train) - min(train) <= 1 and len(images) == 2 * len(CATEGORIES)
    assert [unit.index for unit in units] == list(range(len(units)))
    with pytest.raises(UserError, match="train_images"):
        PlacesConfig(train_images=3, val_images=20)


def test_the_world_is_the_same_again(tmp_path, shared_cache):
    """One scene of each category."""
    world = Places(PlacesConfig(**SMALL))
    root = ensure_world(world, Path(shared_cache) / "worlds", progress=False)
    again = [unit for unit in world.units() if unit.name.startswith("val")]
    assert len(again) == len(CATEGORIES)
    for unit in again:
        world.render(unit, tmp_path)
    files = sorted(tmp_path.rglob("*.png"))
    assert len(files) == 10
    for file in files:
        assert file.read_bytes() == (root / file.relative_to(tmp_path)).read_bytes()
    tiny = Places(PlacesConfig(**SMALL, size=40))
    assert tiny.views(tiny.units()[0])[0].shape == (40, 40, 3)


def test_the_synthetic_set_reads_like_miniplaces(shared_cache):
    train, val = (places(part, **SMALL, cache_dir=shared_cache) for part in ("train", "val"))
    assert train.synthetic and train.name == "places (synthetic) train" and tuple(train.classes) == CATEGORIES
    assert len(train) == 10 and sorted(val.labels) == list(range(10))
    assert train.records[0].size == (140, 140)
    assert train.fingerprint != val.fingerprint and not {r.id for r in train.records} & {r.id for r in val.records}
