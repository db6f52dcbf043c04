"""Images with depth or disparity in files, and the formats of those files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.readers.depth_folder import DepthFolder, depth_folder
from depthrepro.data.readers.probed_images import DepthItem

VALUES = np.array([[0, 2, 4], [1, 8, 0]], np.float32)


def write_pfm(path: Path, values: np.ndarray, order: str = "<") -> None:
    height, width = values.shape
    header = f"Pf\n{width} {height}\n{-1.0 if order == '<' else 1.0}\n".encode()
    path.write_bytes(header + values[::-1].astype(f"{order}f4").tobytes())


def write_hdf5(path: Path, values: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["depth"] = values


WRITERS: dict[Codec, Callable[[Path, np.ndarray], object]] = {
    Codec.png8: lambda path, values: cv2.imwrite(f"{path}.png", values.astype(np.uint8)) and rename(path, "png"),
    Codec.png16: lambda path, values: cv2.imwrite(f"{path}.png", values.astype(np.uint16)) and rename(path, "png"),
    Codec.npy: lambda path, values: np.save(path.with_suffix(".npy"), values) or rename(path, "npy"),
    Codec.pfm: write_pfm,
    Codec.hdf5: write_hdf5,
}


def rename(path: Path, suffix: str) -> None:
    written = path.with_suffix(f".{suffix}")
    written.replace(path)


@pytest.mark.parametrize("codec", list(WRITERS))
def test_codecs_give_the_numbers_as_stored(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / "map"
    WRITERS[codec](path, VALUES)
    found = read_map(path, codec, key="depth")
    assert found.dtype == np.float32
    assert np.array_equal(found, VALUES)


@pytest.mark.parametrize("codec", list(WRITERS))
def test_numbers_that_stand_for_no_value_are_none(tmp_path: Path, codec: Codec) -> None:
    WRITERS[codec](tmp_path / "map", VALUES)
    found = read_map(tmp_path / "map", codec, key="depth", invalid=(8, 4))
    assert np.array_equal(found, np.where(VALUES > 3, 0, VALUES)) and found.dtype == np.float32


def saturated(root: Path, count: int, name: str = "sky") -> DepthItem:
    """100 x 100 images in millimetres, `count` pixels at the maximum."""
    values = np.full((100, 100), 2500, np.uint16)
    values.ravel()[:count] = 65535
    cv2.imwrite(str(root / f"{name}.png"), values)
    cv2.imwrite(str(root / f"{name}_rgb.png"), np.zeros((100, 100, 3), np.uint8))
    return DepthItem(name, root / f"{name}_rgb.png", root / f"{name}.png")


def test_a_spike_at_the_formats_maximum_is_told_once_for_a_data_set(tmp_path, capsys) -> None:
    items = [saturated(tmp_path, 300, name) for name in ("a", "b")]
    data = DepthFolder(f"yard {tmp_path}", items, codec="png16", scale=0.001)
    assert (data.depth_gt(0, GroundTruth.dense) == np.float32(65.535)).sum() == 300
    data.depth_gt(1, GroundTruth.dense)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"yard {tmp_path}: 65535, the format's maximum, fills 3.0% of {tmp_path / 'a.png'}")
    assert "set invalid: [65535]" in line


def test_declared_invalid_numbers_are_neither_depth_nor_told(tmp_path, capsys) -> None:
    items, options = [saturated(tmp_path, 300)], {"codec": "png16", "scale": 0.001}
    data = DepthFolder(f"declared {tmp_path}", items, invalid=[65535], **options)
    assert set(np.unique(data.depth_gt(0, GroundTruth.dense))) == {0, np.float32(2.5)}
    known = data.read_label(0)[1]
    assert known.sum() == 9700 and data.fingerprint != DepthFolder("plain", items, **options).fingerprint
    few = DepthFolder(f"few {tmp_path}", [saturated(tmp_path, 9, "few")], **options)
    assert few.depth_gt(0, GroundTruth.dense).max() > 65, "nine of 10,000 pixels may be that deep"
    assert not capsys.readouterr().err


def test_a_spike_in_any_whole_number_is_told(tmp_path, capsys) -> None:
    values = np.full((20, 20), 300, np.int16)
    values[0] = 32767
    np.save(tmp_path / "map.npy", values)
    read_map(tmp_path / "map.npy", Codec.npy)
    assert "32767, the format's maximum, fills 5.0% of" in capsys.readouterr().err


def test_pfm_of_either_byte_order(tmp_path: Path) -> None:
    write_pfm(tmp_path / "big.pfm", VALUES, ">")
    assert np.array_equal(read_map(tmp_path / "big.pfm", Codec.pfm), VALUES)


def test_exr_under_a_name_that_is_no_utf8(tmp_path: Path, monkeypatch) -> None:
    """OpenCV's wheels write no EXR here, so its decoder is stood in for."""
    monkeypatch.setattr(cv2, "imdecode", lambda data, _: VALUES if data.tobytes() == b"exr" else None)
    odd = Path(os.fsdecode(os.fsencode(tmp_path / "caf") + b"\xe9.exr"))
    odd.write_bytes(b"exr")
    assert np.array_equal(read_map(odd, Codec.exr), VALUES)


@pytest.mark.parametrize("codec", [*WRITERS, Codec.exr])
def test_damaged_files_are_named(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / "map.bin"
    path.write_bytes(b"Pf\n3 2\n-1.0\nshort")
    with pytest.raises(UserError, match=r"map\.bin"):
        read_map(path, codec, key="depth")
    with pytest.raises(UserError, match="no such file"):
        read_map(tmp_path / "absent", codec)


def test_hdf5_without_the_data_set_says_what_it_has(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "d.h5", VALUES)
    with pytest.raises(UserError, match="no data set 'disp', only depth"):
        read_map(tmp_path / "d.h5", Codec.hdf5, key="disp")


def make(root: Path, values: np.ndarray = VALUES, mask: np.ndarray | None = None, listed: str = "") -> Path:
    cv2.imwrite(str(root / "a.png"), np.full((2, 3, 3), 9, np.uint8))
    np.save(root / "a.npy", values)
    if mask is not None:
        cv2.imwrite(str(root / "m.png"), mask.astype(np.uint8))
    (root / "manifest.csv").write_text(f"image,depth,mask\na.png,a.npy,{'m.png' if mask is not None else ''}\n{listed}")
    return root


def folder(root: Path, **options: object) -> DepthFolder:
    found = depth_folder(str(root), codec="npy", **options)
    assert found is not None
    return found


def test_depth_becomes_inverse_depth_in_zero_to_one(tmp_path: Path) -> None:
    """Depths 2 4 1 8: inverse 1/2 1/4 1 1/8; less 1/8, over 7/8: 3/7 1/7 1 0."""
    label, known = folder(make(tmp_path)).read_label(0)
    assert known.tolist() == [[False, True, True], [True, True, False]]
    assert label == pytest.approx(np.array([[0, 3 / 7, 1 / 7], [1, 0, 0]]), abs=1e-6)


def test_sky_is_known_and_farthest(tmp_path: Path) -> None:
    """With the sky at 0 the inverse depths stay as they are: the nearest is 1 m."""
    data = folder(make(tmp_path), sky="zero")
    label, known = data.read_label(0)
    assert known.all()
    assert label == pytest.approx(np.array([[0, 1 / 2, 1 / 4], [1, 1 / 8, 0]]))
    assert data.depth_gt(0, GroundTruth.dense).tolist() == VALUES.tolist()


def test_the_mask_hides_values_and_sky(tmp_path: Path) -> None:
    mask = np.array([[0, 255, 255], [0, 255, 255]])
    label, known = folder(make(tmp_path, mask=mask), sky="zero").read_label(0)
    assert known.tolist() == [[False, True, True], [False, True, True]]
    assert label == pytest.approx(np.array([[0, 1, 1 / 2], [0, 1 / 4, 0]]))


def test_far_values_are_no_values(tmp_path: Path) -> None:
    data = folder(make(tmp_path), max_depth_m=4.0)
    assert data.read_label(0)[1].tolist() == [[False, True, True], [True, False, False]]
    assert data.depth_gt(0, GroundTruth.dense)[1, 1] == 0


def test_scale_gives_metres(tmp_path: Path) -> None:
    assert folder(make(tmp_path), scale=0.5).depth_gt(0, GroundTruth.dense)[1, 1] == 4


def test_disparity_is_only_normalised(tmp_path: Path) -> None:
    """Disparities 2 4 1 8: less 1, over 7."""
    data = folder(make(tmp_path), stores="disparity")
    assert data.read_label(0)[0] == pytest.approx(np.array([[0, 1 / 7, 3 / 7], [0, 1, 0]]))
    with pytest.raises(UserError, match="disparities without a scale"):
        data.depth_gt(0, GroundTruth.dense)


def test_nothing_known_is_no_fault_of_the_reader(tmp_path: Path) -> None:
    label, known = folder(make(tmp_path, np.full((2, 3), np.nan, np.float32))).read_label(0)
    assert not known.any()
    assert not label.any()


def test_fingerprint_follows_meaning_and_not_place(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    first, second = folder(make(tmp_path / "x")), folder(make(tmp_path / "y"))
    assert first.fingerprint == second.fingerprint
    assert folder(tmp_path / "x", scale=2.0).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    "line, words",
    [("b.png,a.npy,", "b.png: no such image"), ("a.png,a.npy,", "stands in the list twice"), ("b.png,,", "line 3")],
)
def test_faulty_lists(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        folder(make(tmp_path, listed=line))


def test_missing_depth_and_mask_of_another_size(tmp_path: Path) -> None:
    root = make(tmp_path, mask=np.ones((5, 5)))
    with pytest.raises(UserError, match=r"m\.png: \(5, 5\) pixels"):
        folder(root).read_label(0)
    (root / "a.npy").unlink()
    with pytest.raises(UserError, match=r"a\.npy: no such file, but .*a\.png is there"):
        folder(root)


def test_no_root_is_no_data_set_and_unknown_words_are_told(tmp_path: Path) -> None:
    assert depth_folder(None) is None
    with pytest.raises(UserError, match="sideways"):
        folder(make(tmp_path), stores="sideways")


@pytest.mark.parametrize(
    "values", [VALUES.astype(str), VALUES.astype(np.complex64), VALUES > 0, np.array([[("a", 1)]], "U1,f4")]
)
def test_only_real_numbers_are_depth(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(UserError, match=r"a\.npy: .*where real numbers are expected"):
        read_map(tmp_path / "a.npy", Codec.npy)


@pytest.mark.parametrize("size", [(3, 2), (2, 4), (4, 4)])
def test_a_map_of_another_aspect_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    root = make(tmp_path, np.ones((20 * size[0], 20 * size[1]), np.float32))
    with pytest.raises(UserError, match=r"a\.npy: .* of another aspect than its image, which has 3x2"):
        folder(root).read_label(0)
    assert folder(make(tmp_path, np.ones((101, 150), np.float32))).read_label(0)[0].shape == (101, 150)


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0])
def test_no_depth_at_all_is_no_sky(tmp_path: Path, value: float) -> None:
    data = folder(make(tmp_path, np.full((2, 3), value, np.float32)), sky="zero", max_depth_m=5.0)
    with pytest.raises(UserError, match=r"a\.npy: no pixel has a depth"):
        data.read_label(0)
    np.save(tmp_path / "a.npy", np.full((2, 3), 9000.0))
    assert data.read_label(0)[1].all()


def test_a_header_of_terabytes_is_a_line(tmp_path: Path) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 22, 1 << 21)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("depth", (1 << 22, 1 << 21), "f4", chunks=(64, 64))
    (tmp_path / "a.dpt").write_bytes(np.float32(202021.25).tobytes() + np.array([-1, 3], "<i4").tobytes() + bytes(24))
    for name, codec in (("a.npy", Codec.npy), ("a.h5", Codec.hdf5), ("a.dpt", Codec.dpt)):
        with pytest.raises(UserError, match=rf"{name}: .*fetch it again"):
            read_map(tmp_path / name, codec, key="depth")
