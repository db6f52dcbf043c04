"""16-bit PNG: read back to half a step, KITTI's rule for metres, and the meaning in the file itself."""

import numpy as np
import pytest
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.data.io.images import read_grey
from depthrepro.inference.predictions import Kind
from depthrepro.predict.png16 import encode, read_png16, write_png16


def test_metres_follow_kitti(tmp_path):
    depth = np.array(
        [[1.0, 80.5, 255.99, 0.001], [np.inf, np.nan, 0.0, 256.1], [-3.0, 2.001, 1 / 256, 50.0]], np.float32
    )
    write_png16(tmp_path / "d.png", depth, Kind.depth)
    pixels = read_grey(tmp_path / "d.png")  # the reader of KITTI's own files
    # 80.5 * 256 = 20608; 255.99 * 256 = 65533.4; what is nearer than half a step stays a depth; the rest is none
    assert pixels.tolist() == [[256, 20608, 65533, 1], [0, 0, 0, 0], [0, 512, 1, 12800]]
    values, entries = read_png16(tmp_path / "d.png")
    assert {k: entries[k] for k in ("kind", "unit", "near_is", "scale", "offset", "invalid")} == {
        "kind": "depth",
        "unit": "m",
        "near_is": "small",
        "scale": "0.00390625",
        "offset": "0.0",
        "invalid": "0",
    }
    assert values[0, 1] == 80.5 and np.isnan(values[1]).all()


@pytest.mark.parametrize("kind", [Kind.affine_inv_depth, Kind.disp_frac, Kind.inv_depth])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 900.0), (1e-5, 2e-5)])
def test_every_other_kind_comes_back_to_half_a_step(tmp_path, kind, low, high):
    values = np.random.default_rng(0).uniform(low, high, (30, 40)).astype(np.float32)
    values[3, 5], values[4, 6] = np.nan, np.inf
    entries = write_png16(tmp_path / "v.png", values, kind)
    back, text = read_png16(tmp_path / "v.png")
    known = np.isfinite(values)
    assert (np.isfinite(back) == known).all()
    step = entries["scale"]
    assert step == pytest.approx((values[known].max() - values[known].min()) / 65534)
    assert np.abs(back - values)[known].max() <= 0.5 * step + 1e-6 * max(abs(low), abs(high))
    assert float(text["scale"]) == step and float(text["offset"]) == entries["offset"]  # every bit
    pixels = read_grey(tmp_path / "v.png")
    assert (pixels[known].min(), pixels.max(), pixels[3, 5]) == (1, 65535, 0)


def test_large_numbers_of_other_kinds_are_near(tmp_path):
    pixels, _, _ = encode(np.array([[0.0, 1.0]], np.float32), Kind.affine_inv_depth)
    assert pixels.tolist() == [[1, 65535]]


@pytest.mark.parametrize("value", [0.0, 0.37, -2.0])
def test_a_constant_map_comes_back(tmp_path, value):
    write_png16(tmp_path / "c.png", np.full((3, 4), value, np.float32), Kind.affine_inv_depth)
    np.testing.assert_allclose(read_png16(tmp_path / "c.png")[0], value, atol=1e-7)


def test_a_map_without_a_value(tmp_path):
    write_png16(tmp_path / "n.png", np.full((3, 4), np.nan, np.float32), Kind.inv_depth)
    assert np.isnan(read_png16(tmp_path / "n.png")[0]).all()


def test_what_is_no_depth_png_is_named(tmp_path):
    Image.fromarray(np.zeros((3, 4), np.uint16)).save(tmp_path / "plain.png")
    with pytest.raises(UserError, match=r"plain\.png: has no scale and offset"):
        read_png16(tmp_path / "plain.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "plain.png").read_bytes()[:30])
    with pytest.raises(UserError, match=r"torn\.png: cannot be read as a PNG"):
        read_png16(tmp_path / "torn.png")
