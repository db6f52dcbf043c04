from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.sets.kitti_calibration import DATES
from depthrepro.worlds.sets.streets import DriveRenderer, Streets, StreetsConfig, list_drives


def read_split(root: Path, split: str) -> list[tuple[str, int]]:
    frames = []
    for row in csv.DictReader((root / "splits" / f"{split}.csv").read_text().splitlines()):
        assert row["side"] == "l"
        first, _, last = row["frames"].partition("-")
        frames += [(row["drive"], i) for i in range(int(first), int(last or first) + 1)]
    return frames


def test_every_listed_frame_has_its_files(tiny_world, tiny_config):
    for split in ("train", "val", "test"):
        frames = read_split(tiny_world, split)
        assert len(frames) == getattr(tiny_config, f"{split}_pairs")
        for drive, i in frames:
            folder = tiny_world / drive[:10] / drive
            for camera in ("image_02", "image_03"):
                image = cv2.imread(str(folder / camera / "data" / f"{i:010d}.png"))
                assert image.shape == (94, 310, 3)
                assert 20 < image.mean() < 235 and image.std() > 15
            points = np.fromfile(folder / "velodyne_points" / "data" / f"{i:010d}.bin", dtype="<f4").reshape(-1, 4)
            assert len(points) > 10_000
            assert np.linalg.norm(points[:, :3], axis=1).max() < 101
            assert points[:, 3].min() >= 0 and points[:, 3].max() <= 1


def test_no_drive_is_in_two_splits_and_both_days_are_used(tiny_world):
    drives = {split: {d for d, _ in read_split(tiny_world, split)} for split in ("train", "val", "test")}
    assert not drives["train"] & drives["val"] and not (drives["train"] | drives["val"]) & drives["test"]
    assert {d[:10] for d in drives["train"]} == set(DATES)


def test_default_counts_and_short_last_drive():
    drives = list_drives(StreetsConfig(train_pairs=9, val_pairs=1, test_pairs=4))
    assert [(d.split, d.items) for d in drives] == [("train", 4)] * 2 + [("train", 1), ("val", 1), ("test", 4)]
    assert len({d.name for d in drives}) == len(drives)


def test_readme_and_manifest_say_what_it_is(tiny_world, tiny_config):
    note = (tiny_world / "README.txt").read_text()
    assert "Rendered data" in note and f"version {Streets.version}" in note and "seed=3" in note
    manifest = json.loads((tiny_world / "manifest.json").read_text())
    assert manifest["config"]["seed"] == tiny_config.seed
    present = {p.relative_to(tiny_world).as_posix() for p in tiny_world.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == {p for p in present if not p.startswith("parts/") and p != "manifest.json"}


def test_one_process_writes_the_same_bytes_as_two(tiny_world, tiny_config, tmp_path):
    alone = ensure_world(Streets(tiny_config), tmp_path, workers=1, progress=False)
    one, two = (json.loads((root / "manifest.json").read_text())["files"] for root in (alone, tiny_world))
    assert one == two


def test_a_pair_equals_the_written_one(tiny_world, tiny_config):
    drive = list_drives(tiny_config)[1]
    pair = DriveRenderer(tiny_config, drive).frame(0)
    path = tiny_world / drive.date / drive.name / "image_02" / "data" / f"{0:010d}.png"
    np.testing.assert_array_equal(pair.left, cv2.imread(str(path))[:, :, ::-1])


def test_seeds_and_drives_differ(tiny_config):
    other = StreetsConfig(**{**vars(tiny_config), "seed": 4})
    drives = ((tiny_config, 0), (tiny_config, 2), (other, 0))
    images = [DriveRenderer(c, list_drives(c)[d]).frame(0).left.astype(float) for c, d in drives]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(images[a] - images[b]).mean() > 10
    assert Streets(other).digest != Streets(tiny_config).digest


@pytest.mark.parametrize(
    ("field", "value"),
    [("train_pairs", 0), ("width", 32), ("height", -1), ("frames_per_drive", 2.5), ("seed", -1), ("test_pairs", True)],
)
def test_a_bad_number_is_named(field, value):
    with pytest.raises(UserError, match=field):
        StreetsConfig(**{field: value})


def test_bad_requests_are_user_errors(tiny_config, tmp_path):
    with pytest.raises(UserError, match="workers"):
        ensure_world(Streets(tiny_config), tmp_path, workers=0)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match="DEPTHREPRO_CACHE"):
        ensure_world(Streets(tiny_config), blocked, progress=False)
