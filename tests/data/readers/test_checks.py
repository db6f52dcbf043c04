from pathlib import Path

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.io.calibration import StereoCamera
from depthrepro.data.io.images import ImageProbe
from depthrepro.data.readers.checks import (
    FolderIndex,
    PairFiles,
    check_calibration,
    check_same_size,
    checked_folder,
    keep_present,
    misnamed_note,
    probe_images,
)
from tests.data.helpers import cut, textured_pair, write_image


def test_folder_faults(tmp_path):
    with pytest.raises(UserError, match=r"data\.root=.*none: no such folder"):
        checked_folder(tmp_path / "none", "data.root")
    with pytest.raises(UserError, match=r"data\.root=.*the folder is empty"):
        checked_folder(tmp_path, "data.root")


def test_png_is_preferred_to_jpeg_and_other_files_are_no_images(tmp_path):
    for name in ("b.jpg", "b.png", "a.JPG", "c.txt"):
        (tmp_path / name).touch()
    found = FolderIndex().images(tmp_path)
    assert {stem: path.name for stem, path in found.items()} == {"a": "a.JPG", "b": "b.png"}


def test_missing_pairs_are_counted_and_the_first_is_named(tmp_path):
    for name in ("l/0.png", "r/0.png", "l/1.png", "r/2.png"):
        write_image(tmp_path / name, textured_pair(0)[0])
    index = FolderIndex()
    pairs = [PairFiles(s, index.path(tmp_path / "l", s), index.path(tmp_path / "r", s)) for s in "0123"]
    with pytest.raises(UserError) as error:
        keep_present(pairs, index, "set", False, [])
    message = str(error.value)
    assert message.startswith("set: 3 of 4 pairs are missing") and str(tmp_path / "r" / "1.png") in message
    assert "data.allow_missing=true" in message
    notes = []
    assert [pair.id for pair in keep_present(pairs, index, "set", True, notes)] == ["0"]
    assert "only 1 of 4" in notes[0]
    with pytest.raises(UserError, match=r"2 of 2 pairs are missing.*set data\.root"):
        keep_present(pairs[1:3], index, "set", False, [])


def test_probing_names_the_first_damaged_file_in_order(tmp_path):
    paths = [write_image(tmp_path / f"{i:03d}.png", textured_pair(0)[0]) for i in range(200)]
    assert list(probe_images(paths, "set")) == paths
    cut(paths[150])
    cut(paths[70])
    with pytest.raises(UserError, match=r"070\.png: the image is truncated"):
        probe_images(paths, "set")


def test_two_sizes_in_a_pair():
    left, right = ImageProbe(Path("l.png"), (10, 20), "png", 1), ImageProbe(Path("r.png"), (10, 21), "png", 1)
    with pytest.raises(UserError, match=r"r\.png: 21x10 pixels, but l\.png has 20x10"):
        check_same_size(left, right)


def camera(cx, cy, size=None):
    return StereoCamera(((50, 0, cx), (0, 50, cy), (0, 0, 1)), 0.5, size, Path("calib.txt"))


def test_image_size_against_calibration():
    image = ImageProbe(Path("l.png"), (100, 300), "png", 1)
    check_calibration(image, camera(150, 50, (100, 300)))
    check_calibration(image, camera(140, 45))
    with pytest.raises(UserError, match=r"l\.png: 300x100 pixels, but calib\.txt is for 600x200"):
        check_calibration(image, camera(150, 50, (200, 600)))
    with pytest.raises(UserError, match=r"principal point in calib\.txt is at \(300, 90\), far from the middle"):
        check_calibration(image, camera(300, 90))


def test_misnamed_files_are_reported():
    right, wrong = (ImageProbe(Path(name), (1, 1), "jpeg q90", 1) for name in ("a.jpg", "b.png"))
    assert misnamed_note([right], "set") == []
    assert misnamed_note([right, wrong], "set") == ["set: 1 files are misnamed, first: b.png holds jpeg q90"]


def test_a_corrupt_file_stops_the_threads(tmp_path):
    (tmp_path / "a.png").write_bytes(np.zeros(100, np.uint8).tobytes())
    with pytest.raises(UserError, match="neither a PNG nor a JPEG"):
        probe_images([tmp_path / "a.png"] * 5, "set")
