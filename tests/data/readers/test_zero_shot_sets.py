"""Test sets in their official layouts, made with a few files each: values, holes, counts, damage."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import savemat

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Crop, GroundTruth
from depthrepro.data.io import codecs
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.readers import ddad, metric, nyu, zero_shot_sets
from depthrepro.data.readers.ddad import pose_matrix, project
from depthrepro.evaluation.crops import crop_bounds

DENSE = GroundTruth.dense
HEIGHT, WIDTH = 4, 6


def picture(path: Path, shade: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
    image[0, 0] = (0, 0, 255)  # red, in OpenCV's order
    encoded = cv2.imencode(".png", image)[1] if path.suffix == ".png" else cv2.imencode(".jpg", image)[1]
    path.write_bytes(encoded.tobytes())
    return path


DEPTH = np.arange(1, HEIGHT * WIDTH + 1, dtype=np.float32).reshape(HEIGHT, WIDTH)


def write_dpt(path: Path, depth: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = np.float32(202021.25).tobytes() + np.array(depth.shape[::-1], "<i4").tobytes()
    path.write_bytes(head + depth.astype("<f4").tobytes())


def test_sintel(tmp_path):
    for frame in ("frame_0001", "frame_0002"):
        picture(tmp_path / "training" / "final" / "alley_1" / f"{frame}.png")
        write_dpt(tmp_path / "training" / "depth" / "alley_1" / f"{frame}.dpt", DEPTH)
    data = zero_shot_sets.sintel(str(tmp_path), allow_missing=True)
    assert data is not None and [r.id for r in data.records] == ["alley_1/frame_0001", "alley_1/frame_0002"]
    assert np.array_equal(data.depth_gt(1, DENSE), DEPTH)
    assert data.read_image(0)[0, 0].tolist() == [255, 0, 0] and data.expected == 1064
    with pytest.raises(UserError, match=r"2 of 1064 images are there.*allow_missing"):
        zero_shot_sets.sintel(str(tmp_path))
    with pytest.raises(UserError, match="final or clean"):
        zero_shot_sets.sintel(str(tmp_path), render="albedo")


@pytest.mark.parametrize("content", [b"", b"PIEH" + bytes(20), np.float32(202021.25).tobytes() + bytes(8) + b"xx"])
def test_sintel_files_that_are_damaged(tmp_path, content):
    (tmp_path / "a.dpt").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.dpt"):
        read_map(tmp_path / "a.dpt", Codec.dpt)


def test_eth3d(tmp_path):
    picture(tmp_path / "courtyard" / "images" / "dslr_images" / "DSC_0286.JPG")
    truth = tmp_path / "courtyard" / "ground_truth_depth" / "dslr_images" / "DSC_0286.JPG"
    truth.parent.mkdir(parents=True)
    depth = DEPTH.copy()
    depth[0, 0] = np.inf
    truth.write_bytes(depth.tobytes())
    data = zero_shot_sets.eth3d(str(tmp_path), allow_missing=True)
    assert data is not None and data.records[0].id == "courtyard/DSC_0286"
    found = data.depth_gt(0, DENSE)
    assert found[0, 0] == 0 and np.array_equal(found[1:], DEPTH[1:])
    truth.write_bytes(depth.tobytes()[:-4])
    with pytest.raises(UserError, match="23 numbers where its image has 24 pixels"):
        data.depth_gt(0, DENSE)
    truth.unlink()
    with pytest.raises(UserError, match=r"DSC_0286\.JPG: no such file, but"):
        zero_shot_sets.eth3d(str(tmp_path), allow_missing=True)


def test_diode_tells_indoors_from_outdoors(tmp_path):
    for part, count in (("indoors", 2), ("outdoor", 1)):
        for index in range(count):
            stem = tmp_path / "val" / part / "scene_00019" / "scan_00183" / f"0000{index}"
            picture(stem.with_suffix(".png"))
            np.save(f"{stem}_depth.npy", DEPTH[..., None])
            np.save(f"{stem}_depth_mask.npy", (DEPTH > 3).astype(np.float64))
    parts = {p: zero_shot_sets.diode(str(tmp_path), part=p, allow_missing=True) for p in ("indoors", "outdoor", "both")}
    assert {part: len(data) for part, data in parts.items() if data is not None} == {
        "indoors": 2,
        "outdoor": 1,
        "both": 3,
    }
    both = parts["both"]
    assert both is not None and both.expected == 771
    assert both.records[2].id == "outdoor/scene_00019/scan_00183/00000"
    assert np.array_equal(both.depth_gt(0, DENSE), np.where(DEPTH > 3, DEPTH, 0))
    unmasked = zero_shot_sets.diode(str(tmp_path), part="both", allow_missing=True, valid_mask=False)
    assert unmasked is not None and np.array_equal(unmasked.depth_gt(0, DENSE), DEPTH)
    assert unmasked.name == "DIODE both, without its masks" and unmasked.fingerprint != both.fingerprint
    with pytest.raises(UserError, match="indoors, outdoor or both"):
        zero_shot_sets.diode(str(tmp_path), part="garden")


@pytest.mark.parametrize(
    "build", [zero_shot_sets.sintel, zero_shot_sets.eth3d, zero_shot_sets.diode, nyu.build, ddad.build]
)
def test_no_folder_no_set_and_an_empty_one_is_told(build, tmp_path):
    assert build(None) is None
    with pytest.raises(UserError, match="no such folder"):
        build(str(tmp_path / "absent"))
    (tmp_path / "something").mkdir()
    with pytest.raises(UserError):
        build(str(tmp_path))


def nyu_folder(root: Path, count: int = 3, tests=(1, 3), size=(HEIGHT, WIDTH)) -> Path:
    """The labelled file as MATLAB writes it: axes reversed; and the split, numbered from 1."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (count, *size, 3), dtype=np.uint8)
    depths = rng.uniform(1, 9, (count, *size)).astype(np.float32)
    raw = np.where(depths > 5, 0, depths)
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = images.transpose(0, 3, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1)
        file["rawDepths"] = raw.transpose(0, 2, 1)
    savemat(root / "splits.mat", {"testNdxs": np.array(tests)[:, None], "trainNdxs": np.array([[2]])})
    np.savez(root / "truth.npz", images=images, depths=depths, raw=raw)
    return root


def test_nyu_turns_matlabs_axes_and_counts_from_one(tmp_path):
    nyu_folder(tmp_path)
    truth = np.load(tmp_path / "truth.npz")
    for depth, key in (("filled", "depths"), ("raw", "raw")):
        data = nyu.NYU(tmp_path, depth, allow_missing=True)
        assert [(r.id, r.size) for r in data.records] == [("0001", (HEIGHT, WIDTH)), ("0003", (HEIGHT, WIDTH))]
        assert np.array_equal(data.read_image(1), truth["images"][2])
        assert np.array_equal(data.depth_gt(1, DENSE), truth[key][2])
    again = pickle.loads(pickle.dumps(data))
    assert np.array_equal(again.read_image(0), truth["images"][0]), "after the journey to a loader process"


def test_nyu_has_the_black_border_of_the_published_export(tmp_path):
    """BTS's script keeps image[7:474, 7:632] of 480 x 640 and all of the raw depth."""
    nyu_folder(tmp_path, count=2, tests=(1,), size=(480, 640))
    truth = np.load(tmp_path / "truth.npz")
    data = nyu.build(str(tmp_path), "raw", allow_missing=True, black_border=True)
    image = data.read_image(0)
    black = np.ones((480, 640), bool)
    black[7:474, 7:632] = False
    assert not image[black].any() and np.array_equal(image[~black], truth["images"][0][~black])
    assert np.array_equal(data.depth_gt(0, DENSE), truth["raw"][0])
    top, bottom, left, right = crop_bounds(Crop.nyu, 480, 640)
    assert not black[top:bottom, left:right].any(), "Eigen's crop scores nothing of the border"
    assert data.name == "NYU Depth V2 test (raw depth, black border)"
    assert data.fingerprint != nyu.NYU(tmp_path, "raw", allow_missing=True).fingerprint
    splits = metric.nyu(0.001, 10.0, root=str(tmp_path), val_every=2, allow_missing=True)
    assert splits.test is not None and np.array_equal(splits.test.read_image(0), image)
    assert "raw depth, black border" in splits.test.name


def test_nyu_faults(tmp_path):
    nyu_folder(tmp_path)
    with pytest.raises(UserError, match="2 of 654"):
        nyu.NYU(tmp_path)
    with pytest.raises(UserError, match="raw or filled"):
        nyu.NYU(tmp_path, "guessed")
    savemat(tmp_path / "splits.mat", {"testNdxs": np.array([[9]])})
    with pytest.raises(UserError, match="names number 9"):
        nyu.NYU(tmp_path, allow_missing=True)
    savemat(tmp_path / "splits.mat", {"testNdxs": np.array([[1], [3], [1]])})
    with pytest.raises(UserError, match=r"splits\.mat: number 1 is listed more than once"):
        nyu.NYU(tmp_path, allow_missing=True)
    savemat(tmp_path / "splits.mat", {"testNdxs": np.array([[0]])})
    with pytest.raises(UserError, match="names number 0"):
        nyu.NYU(tmp_path, allow_missing=True)
    savemat(tmp_path / "splits.mat", {"other": 1})
    with pytest.raises(UserError, match=r"splits\.mat: testNdxs cannot be read"):
        nyu.NYU(tmp_path)
    nyu_folder(tmp_path)
    (tmp_path / "nyu_depth_v2_labeled.mat").write_bytes(b"not hdf5")
    with pytest.raises(UserError, match=r"labeled\.mat: cannot be read"):
        nyu.NYU(tmp_path, allow_missing=True)


def pose(x=0.0, y=0.0, z=0.0, qw=1.0, qx=0.0, qy=0.0, qz=0.0) -> dict:
    return {"rotation": {"qw": qw, "qx": qx, "qy": qy, "qz": qz}, "translation": {"x": x, "y": y, "z": z}}


def ddad_folder(root: Path, points: np.ndarray) -> Path:
    """One scene with one sample; the camera stands 1 m right of the lidar, both look along z."""
    scene = root / "000150"
    picture(scene / "rgb" / "CAMERA_01" / "15.png")
    (scene / "point_cloud" / "LIDAR").mkdir(parents=True)
    (scene / "calibration").mkdir()
    np.savez(scene / "point_cloud" / "LIDAR" / "15.npz", data=points)
    K = {"fx": 2.0, "fy": 2.0, "cx": 3.0, "cy": 2.0, "skew": 0.0}
    (scene / "calibration" / "abc.json").write_text(
        json.dumps({"names": ["LIDAR", "CAMERA_01"], "intrinsics": [{}, K]})
    )
    image = {"image": {"filename": "rgb/CAMERA_01/15.png", "pose": pose(x=11.0)}}
    cloud = {"point_cloud": {"filename": "point_cloud/LIDAR/15.npz", "pose": pose(x=10.0)}}
    data = [
        {"key": "i", "id": {"name": "CAMERA_01"}, "datum": image},
        {"key": "p", "id": {"name": "LIDAR"}, "datum": cloud},
    ]
    samples = [{"datum_keys": ["i", "p"], "calibration_key": "abc"}]
    (scene / "scene_x.json").write_text(json.dumps({"samples": samples, "data": data}))
    splits = {"0": {"filenames": []}, "1": {"filenames": ["000150/scene_x.json"]}}
    (root / "ddad.json").write_text(json.dumps({"scene_splits": splits}))
    return root


def test_ddad_projects_the_lidar_into_the_camera(tmp_path):
    """At 5 and 8 m straight ahead, 1 m right of the lidar: the nearer counts. Another 1 m right at 2 m."""
    points = np.array([[1, 0, 5, 0.3], [1, 0, 8, 0.1], [2, 0, 2, 0.2], [1, 0, -4, 0.0], [90, 0, 1, 0.0]], np.float32)
    data = ddad.build(str(ddad_folder(tmp_path, points)), allow_missing=True)
    assert data is not None
    depth = data.depth_gt(0, DENSE)
    assert data.records[0].id == "000150/rgb/CAMERA_01/15"
    assert np.argwhere(depth).tolist() == [[2, 3], [2, 4]] and depth[2, 3] == 5 and depth[2, 4] == 2


def test_ddad_faults(tmp_path):
    (tmp_path / "readme.txt").touch()
    with pytest.raises(UserError, match=r"ddad\.json: no such file"):
        ddad.build(str(tmp_path))
    root = ddad_folder(tmp_path, np.ones((1, 4), np.float32))
    with pytest.raises(UserError, match="1 of 3950"):
        ddad.build(str(root))
    (root / "000150" / "point_cloud" / "LIDAR" / "15.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"15\.npz: the point cloud cannot be read"):
        ddad.build(str(root), allow_missing=True).depth_gt(0, DENSE)
    (root / "000150" / "scene_x.json").write_text('{"data": []}')
    with pytest.raises(UserError, match=r"scene_x\.json: the scene cannot be read"):
        ddad.build(str(root))


def test_poses_turn_as_quaternions_do():
    """A quarter turn about z takes x to y."""
    half = 0.5**0.5
    matrix = pose_matrix(pose(x=1, y=2, z=3, qw=half, qz=half))
    assert matrix @ [1, 0, 0, 1] == pytest.approx([1, 3, 3, 1])


def test_projection_leaves_out_what_is_behind_or_beside():
    K = np.array([[10.0, 0, 2], [0, 10, 1], [0, 0, 1]])
    depth = project(np.array([[0, 0, 4.0], [0, 0, -4.0], [5, 0, 1.0]]), K, (3, 5))
    assert np.argwhere(depth).tolist() == [[1, 2]] and depth[1, 2] == 4


def test_another_ground_truth_is_refused(tmp_path):
    nyu_folder(tmp_path)
    with pytest.raises(UserError, match="choose 'dense'"):
        nyu.NYU(tmp_path, allow_missing=True).depth_gt(0, GroundTruth.improved)


def test_a_file_that_ends_scipy_ends_nothing_else(tmp_path, monkeypatch):
    savemat(tmp_path / "splits.mat", {"testNdxs": np.array([[1]])})
    monkeypatch.setattr(codecs, "_LOAD_MAT", "import os; os.abort()")
    with pytest.raises(UserError, match=r"splits\.mat: testNdxs cannot be read \(SciPy ends by a signal\)"):
        codecs.read_mat(tmp_path / "splits.mat", "testNdxs", missing="")
