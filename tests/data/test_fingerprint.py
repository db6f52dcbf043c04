import dataclasses
import os
import shutil

import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.fingerprint import local_cache_key
from depthrepro.data.readers import stereo_folder
from tests.data.helpers import textured_pair, write_folder, write_image


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "mine", [f"{i:02d}" for i in range(6)])


def train(root):
    return stereo_folder.build(str(root), test_every=6, val_every=6).train


def test_copies_have_one_fingerprint(root, tmp_path):
    elsewhere = tmp_path / "other" / "mine"
    shutil.copytree(root, elsewhere)  # other folder, other times
    os.utime(elsewhere / "left" / "02.png", (1, 1))
    assert train(root).fingerprint == train(elsewhere).fingerprint


@pytest.mark.parametrize("change", ["bytes", "encoding", "calibration", "name", "removed"])
def test_fingerprint_feels_every_change(root, change):
    before = train(root).fingerprint
    left, right = root / "left" / "03.png", root / "right" / "03.png"
    if change == "bytes":
        left.write_bytes(left.read_bytes() + b"\0")
    elif change == "encoding":
        left.unlink()
        write_image(left.with_suffix(".jpg"), textured_pair(3)[0])
    elif change == "calibration":
        path = root / "calibration.yaml"
        path.write_text(path.read_text().replace("baseline_m: 0.5", "baseline_m: 0.5001"))
    else:
        for path in (left, right):
            path.rename(path.with_stem("03a")) if change == "name" else path.unlink()
    assert train(root).fingerprint != before


def test_cache_key_feels_times_size_and_removal(root):
    records = train(root).records
    key = local_cache_key(records, (10, 20))
    assert local_cache_key(records, (10, 20)) == key
    assert local_cache_key(records, (10, 21)) != key
    assert local_cache_key(records[1:], (10, 20)) != key
    os.utime(records[0].left, ns=(1, 1))
    assert local_cache_key(records, (10, 20)) != key
    with pytest.raises(UserError, match=r"gone\.png: no such image any more"):
        local_cache_key([dataclasses.replace(records[0], left=root / "gone.png")], (10, 20))
