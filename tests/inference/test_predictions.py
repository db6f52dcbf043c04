"""Units of predictions, their way to metres, and their files."""

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import (
    Kind,
    Prediction,
    load_prediction,
    prediction_path,
    save_prediction,
    to_depth,
    to_inv_depth,
)

VALUES = np.array([[0.05, 0.1], [0.2, 0.25]], np.float32)


STEREO_M = 120 / 160 * 0.5  # focal length 120 px of 160, baseline 0.5 m


def test_depth_of_a_disparity_by_hand():
    # 0.1 of 160 px is 16 px; 120 px · 0.5 m / 16 px = 3.75 m
    np.testing.assert_allclose(to_depth(np.array([[0.1]]), Kind.disp_frac, STEREO_M), [[3.75]])


@pytest.mark.parametrize("kind", [Kind.disp_frac, Kind.inv_depth, Kind.depth])
def test_depth_and_inverse_depth_are_each_others_inverse(kind):
    np.testing.assert_allclose(to_depth(VALUES, kind, STEREO_M) * to_inv_depth(VALUES, kind, STEREO_M), 1)


def test_metric_kinds_by_hand():
    np.testing.assert_allclose(to_depth(VALUES, Kind.depth), VALUES)
    np.testing.assert_allclose(to_depth(VALUES, Kind.inv_depth), 1 / VALUES.astype(float))


@pytest.mark.parametrize("kind", [Kind.disp_frac, Kind.inv_depth])
def test_no_or_negative_disparity_is_infinitely_far_not_behind_the_camera(kind):
    assert np.isposinf(to_depth(np.array([0.0, -0.3]), kind, STEREO_M)).all()


def test_relative_predictions_and_disparities_without_a_camera_have_no_metres():
    with pytest.raises(ValueError, match="up to scale and shift has no metres"):
        to_depth(VALUES, Kind.affine_inv_depth)
    np.testing.assert_array_equal(to_inv_depth(VALUES, Kind.affine_inv_depth), VALUES)
    with pytest.raises(ValueError, match="needs the focal length and baseline"):
        to_depth(VALUES, Kind.disp_frac)


def test_inverse_of_a_depth_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="not positive"):
        to_inv_depth(np.array([1.0, 0.0]), Kind.depth)


def test_a_saved_prediction_comes_back_whole(tmp_path):
    path = prediction_path(tmp_path / "last", "2011_09_26/drive/05")
    assert path.name == "2011_09_26__drive__05.npz"
    levels = {"L9": VALUES, "L12": np.tile(VALUES, (2, 3)).astype(np.float64)}
    save_prediction(path, Prediction("2011_09_26/drive/05", Kind.inv_depth, levels))
    back = load_prediction(path)
    assert (back.id, back.kind, list(back.levels)) == ("2011_09_26/drive/05", Kind.inv_depth, ["L9", "L12"])
    np.testing.assert_array_equal(back.levels["L12"], np.tile(VALUES, (2, 3)))
    assert back.levels["L12"].dtype == np.float32
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing is left beside it"


def test_a_prediction_file_tells_its_unit_without_pickle(tmp_path):
    save_prediction(tmp_path / "a.npz", Prediction("a", Kind.disp_frac, {"L9": VALUES}))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert (str(file["unit"]), str(file["near_is"]), str(file["kind"])) == (
            "disparity / image width",
            "large",
            "disp_frac",
        )
    assert Kind.depth.near_is == "small"


def test_ids_never_make_folders(tmp_path):
    for item_id in ("../../evil", "..\\evil", "/etc/passwd"):
        assert prediction_path(tmp_path, item_id).parent == tmp_path


@pytest.mark.parametrize("levels", [{"kind": VALUES}, {"L9": VALUES[None]}])
def test_levels_that_cannot_be_read_back_are_not_written(tmp_path, levels):
    with pytest.raises(ValueError, match="expected"):
        save_prediction(tmp_path / "a.npz", Prediction("a", Kind.depth, levels))
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save_prediction(path, Prediction("a", Kind.depth, {"L9": VALUES}))
    monkeypatch.setattr(np, "savez", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_prediction(path, Prediction("a", Kind.depth, {"L9": 2 * VALUES}))
    np.testing.assert_array_equal(load_prediction(path).levels["L9"], VALUES)
    assert list(tmp_path.iterdir()) == [path]


def test_missing_truncated_and_foreign_files_are_named(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(UserError, match=r"a\.npz: no such prediction"):
        load_prediction(path)
    save_prediction(path, Prediction("a", Kind.depth, {"L9": VALUES}))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"a\.npz: the prediction cannot be read"):
        load_prediction(path)
    np.savez(path, other=VALUES)
    with pytest.raises(UserError, match=r"a\.npz: the prediction cannot be read"):
        load_prediction(path)
    np.savez(path, kind=np.array([{"code": 1}], dtype=object), id="a")
    with pytest.raises(UserError, match="the prediction cannot be read"):
        load_prediction(path)
