"""Depth Anything's labelled sets in their official layouts, made with a few files each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.errors import UserError
from depthrepro.data.io import codecs
from depthrepro.data.readers import labelled_sets
from tests.data.readers.test_depth_folder import write_pfm

# Depths 2 and 4 m and nothing: inverse 1/2 and 1/4, which become 1 and 0 where nothing lies farther.
DEPTH = np.array([[2, 4, 0]], np.float32)


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(path.suffix.lower(), np.full((1, 3, 3), 60, np.uint8))[1]
    path.write_bytes(encoded.tobytes())


def ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def png(path: Path, values: np.ndarray) -> None:
    ready(path).write_bytes(cv2.imencode(".png", values)[1].tobytes())


def make_blendedmvs(root: Path) -> Path:
    for name in ("00000000.jpg", "00000000_masked.jpg"):
        image(root / "5a3ca9cb" / "blended_images" / name)
    write_pfm(ready(root / "5a3ca9cb" / "rendered_depth_maps" / "00000000.pfm"), DEPTH)
    return root / "5a3ca9cb" / "rendered_depth_maps" / "00000000.pfm"


def make_diml(root: Path) -> Path:
    image(root / "indoor" / "LR" / "01. Cafe" / "color" / "in_00_c.png")
    png(
        root / "indoor" / "LR" / "01. Cafe" / "depth_filled" / "in_00_depth_filled.png",
        (DEPTH * 1000).astype(np.uint16),
    )
    image(root / "outdoor" / "LR" / "170721_C0" / "outleft" / "170721_00_outleft.png")
    last = root / "outdoor" / "LR" / "170721_C0" / "depthmap" / "170721_00_depthmap.png"
    png(last, (DEPTH * 1000).astype(np.uint16))
    return last


def make_hrwsi(root: Path) -> Path:
    image(root / "train" / "imgs" / "a.jpg")
    png(root / "train" / "gts" / "a.png", np.array([[200, 100, 0]], np.uint8))
    png(root / "train" / "valid_masks" / "a.png", np.array([[255, 255, 0]], np.uint8))
    return root / "train" / "gts" / "a.png"


def make_irs(root: Path) -> Path:
    image(root / "Home" / "DinningRoom" / "l_12.png")
    image(root / "Home" / "DinningRoom" / "r_12.png")
    path = root / "Home" / "DinningRoom" / "d_12.exr"
    path.write_bytes(b"stands in for EXR, see exr")
    return path


def make_megadepth(root: Path) -> Path:
    image(root / "0000" / "dense0" / "imgs" / "1_o.jpg")
    with h5py.File(ready(root / "0000" / "dense0" / "depths" / "1_o.h5"), "w") as file:
        file["depth"] = DEPTH
    return root / "0000" / "dense0" / "depths" / "1_o.h5"


def make_tartanair(root: Path) -> Path:
    image(root / "abandonedfactory" / "Easy" / "P000" / "image_left" / "000000_left.png")
    path = ready(root / "abandonedfactory" / "Easy" / "P000" / "depth_left" / "000000_left_depth.npy")
    np.save(path, np.array([[2, 4, 12000]], np.float32))
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "blendedmvs": make_blendedmvs,
    "diml": make_diml,
    "hrwsi": make_hrwsi,
    "irs": make_irs,
    "megadepth": make_megadepth,
    "tartanair": make_tartanair,
}


@pytest.fixture
def exr(monkeypatch):
    """OpenCV's wheels write no EXR here, so its reader is given what it would decode: disparities 20 10 0 in BGR."""
    values = np.zeros((1, 3, 3), np.float32)
    values[..., 2] = [20, 10, 0]
    decode = codecs.cv2.imdecode
    stand_in = b"stands in for EXR"
    monkeypatch.setattr(
        codecs.cv2, "imdecode", lambda data, how: values if data.tobytes().startswith(stand_in) else decode(data, how)
    )


@pytest.mark.parametrize("name", MAKERS)
def test_official_layout(name, tmp_path, exr):
    MAKERS[name](tmp_path)
    data = getattr(labelled_sets, name)(str(tmp_path))
    assert len(data) == (2 if name == "diml" else 1) and data.read_image(0).shape == (1, 3, 3)
    for index in range(len(data)):
        label, known = data.read_label(index)
        if name == "tartanair":  # the sky is known, and farthest
            assert known.all() and label == pytest.approx(np.array([[1, 0.5, 0]]))
        else:
            assert known.tolist() == [[True, True, False]] and label == pytest.approx(np.array([[1, 0, 0]]))


@pytest.mark.parametrize("name", MAKERS)
def test_an_image_without_its_depth_is_named(name, tmp_path):
    lost = MAKERS[name](tmp_path)
    lost.unlink()
    with pytest.raises(UserError, match=f"{lost.name}: no such file, but"):
        getattr(labelled_sets, name)(str(tmp_path))


@pytest.mark.parametrize("name", MAKERS)
def test_no_folder_no_set_and_another_folder_is_told(name, tmp_path):
    build = getattr(labelled_sets, name)
    assert build(None) is None
    (tmp_path / "readme.txt").touch()
    with pytest.raises(UserError, match=r"no image of .* is there; expected"):
        build(str(tmp_path))


@pytest.mark.parametrize("name", MAKERS)
def test_the_configuration_builds_it(name, tmp_path, monkeypatch):
    node = OmegaConf.load(Path(CONFIG_DIR) / "labelled" / f"{name}.yaml")
    monkeypatch.delenv(name.upper(), raising=False)
    assert instantiate(node) is None
    MAKERS[name](tmp_path)
    monkeypatch.setenv(name.upper(), str(tmp_path))
    assert len(instantiate(node).records) >= 1


def test_every_labelled_configuration_is_tested():
    assert {path.stem for path in Path(CONFIG_DIR, "labelled").glob("*.yaml")} == set(MAKERS)


def test_megadepths_order_of_regions_is_unknown(tmp_path):
    path = make_megadepth(tmp_path)
    with h5py.File(path, "w") as file:
        file["depth"] = np.array([[-1, -2, 0]], np.float32)
    data = labelled_sets.megadepth(str(tmp_path))
    assert data is not None and not data.read_label(0)[1].any()
