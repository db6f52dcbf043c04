"""The world `places`: balanced, deterministic, no scene in both parts, read like MiniPlaces."""

import json
from collections import Counter

import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.readers.synthetic import places
from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.sets.places import CATEGORIES, Places, PlacesConfig

SMALL = {"train_images": 12, "val_images": 10}


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


def test_the_world_reads_like_miniplaces_and_is_the_same_again(tmp_path):
    config = PlacesConfig(**SMALL, per_scene=1, size=40)
    one, two = (ensure_world(Places(config), tmp_path / name, workers=1, progress=False) for name in "ab")
    files = [json.loads((root / "manifest.json").read_text())["files"] for root in (one, two)]
    assert files[0] == files[1]
    unit = Places(config).units()[0]
    assert Places(config).views(unit)[0].shape == (40, 40, 3)


def test_the_synthetic_set(tmp_path):
    train, val = (places(part, **SMALL, cache_dir=str(tmp_path)) for part in ("train", "val"))
    assert train.synthetic and train.name == "places (synthetic) train" and tuple(train.classes) == CATEGORIES
    assert len(train) == 12 and sorted(val.labels) == list(range(10))
    assert train.records[0].size == (140, 140)
    assert train.fingerprint != val.fingerprint and not {r.id for r in train.records} & {r.id for r in val.records}
