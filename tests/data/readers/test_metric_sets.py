"""Test sets of metric depth in their official layouts, made with a few files each: units, masks, lists, damage."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import savemat

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.readers import metric_sets
from depthrepro.data.readers.metric_sets import planar
from tests.data.helpers import write_image

DENSE = GroundTruth.dense
SIZE = (6, 8)


def png(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), values)
    return path


def image(path: Path, size=SIZE) -> Path:
    return write_image(path, np.full((*size, 3), 90, np.uint8))


def sun(root: Path, names=("kv2/kinect2data/a", "kv1/NYUdata/NYU0001")) -> Path:
    """The list has the authors' paths, some with a slash at the end; 0x2328 = 9000 = 8 * 1125: 1.125 m."""
    (root / "SUNRGBDtoolbox" / "traintestSUNRGBD").mkdir(parents=True)
    listed = np.array([f"/n/fs/sun3d/data/SUNRGBD/{name}/" for name in names], dtype=object)
    savemat(root / "SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat", {"alltest": listed, "alltrain": listed[:1]})
    for name in names:
        folder = root / "SUNRGBD" / name
        image(folder / "image" / "0000103.jpg")
        png(folder / "depth_bfx" / "0000104.png", np.full(SIZE, 9000, np.uint16))
        png(folder / "depth" / "0000104.png", np.zeros(SIZE, np.uint16))
    return root


def test_sun_rgbd_follows_its_list_and_turns_the_bits_back(tmp_path):
    data = metric_sets.sun_rgbd(str(sun(tmp_path)), allow_missing=True)
    assert data is not None and data.expected == 5050
    assert [record.id for record in data.records] == ["kv2/kinect2data/a", "kv1/NYUdata/NYU0001"]
    assert np.allclose(data.depth_gt(0, DENSE), 1.125) and data.depth_gt(0, DENSE).shape == SIZE
    raw = metric_sets.sun_rgbd(str(tmp_path), depth="raw", allow_missing=True)
    assert raw is not None and not raw.depth_gt(0, DENSE).any()
    with pytest.raises(UserError, match=r"2 of 5050 images are there"):
        metric_sets.sun_rgbd(str(tmp_path))
    with pytest.raises(UserError, match="filled or raw"):
        metric_sets.sun_rgbd(str(tmp_path), depth="clean")


def test_the_lowest_bits_of_sun_rgbd_are_the_highest(tmp_path):
    """Stored 0b101 << 0 means 5 << 13: what a plain shift to the right would lose."""
    file = png(tmp_path / "a.png", np.array([[0b1000, 0b1, 0b11001]], np.uint16))
    assert np.allclose(metric_sets._millimetres(file), [[0.001, 8.192, 8.195]])


def test_sun_rgbd_without_depth_or_with_one_image_or_a_damaged_list(tmp_path):
    root = sun(tmp_path, names=("xtion/sun3ddata/b",))
    assert len(metric_sets.sun_rgbd(str(root), allow_missing=True) or ()) == 1
    (root / "SUNRGBD/xtion/sun3ddata/b/depth_bfx/0000104.png").unlink()
    with pytest.raises(UserError, match=r"depth_bfx: no such file"):
        metric_sets.sun_rgbd(str(root), allow_missing=True)
    listing = root / "SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat"
    listing.write_bytes(b"no matrix")
    with pytest.raises(UserError, match=r"allsplit\.mat: alltest cannot be read"):
        metric_sets.sun_rgbd(str(root), allow_missing=True)
    listing.unlink()
    with pytest.raises(UserError, match=r"unpack SUNRGBDtoolbox\.zip beside SUNRGBD"):
        metric_sets.sun_rgbd(str(root), allow_missing=True)


@pytest.mark.parametrize("inside", [True, False])
def test_ibims_has_fifty_metres_and_two_masks(tmp_path, inside):
    root = tmp_path / "ibims1_core_raw"
    depth = np.full(SIZE, 65535, np.uint16)
    depth[0, 0] = 13107  # a fifth of the range
    for name in ("corridor_01", "office_02"):
        image(root / "rgb" / f"{name}.png")
        png(root / "depth" / f"{name}.png", depth)
        masks = np.full((2, *SIZE), 255, np.uint8)
        masks[0, 1], masks[1, 2] = 0, 0
        png(root / "mask_invalid" / f"{name}.png", masks[0])
        png(root / "mask_transp" / f"{name}.png", masks[1])
    (root if inside else tmp_path).joinpath("imagelist.txt").write_text("corridor_01\noffice_02\nabsent_03\n")
    data = metric_sets.ibims(str(root), allow_missing=True)
    assert data is not None and [record.id for record in data.records] == ["corridor_01", "office_02"]
    found = data.depth_gt(1, DENSE)
    assert found[0, 0] == pytest.approx(10.0) and found[0, 1] == pytest.approx(50.0)
    assert not found[1:3].any() and found[3:].min() == pytest.approx(50.0)
    png(root / "mask_transp" / "office_02.png", masks[1, :1])
    with pytest.raises(UserError, match=r"mask_transp/office_02\.png: .* pixels, unlike its image"):
        data.depth_gt(1, DENSE)
    with (root if inside else tmp_path).joinpath("imagelist.txt").open("a") as listing:
        listing.write("office_02\n")
    with pytest.raises(UserError, match="iBims-1: office_02 is listed more than once"):
        metric_sets.ibims(str(root), allow_missing=True)
    (root / "mask_transp" / "office_02.png").unlink()
    with pytest.raises(UserError, match=r"mask_transp/office_02\.png: no such file"):
        data.depth_gt(1, DENSE)


def hypersim_frame(root: Path, scene: str, frame: int, distance: float = 4.0) -> None:
    image(root / scene / "images" / "scene_cam_00_final_preview" / f"frame.{frame:04d}.tonemap.jpg")
    file = root / scene / "images" / "scene_cam_00_geometry_hdf5" / f"frame.{frame:04d}.depth_meters.hdf5"
    file.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(file, "w") as stored:
        values = np.full(SIZE, distance, np.float16)
        values[0, 0] = np.nan
        stored["dataset"] = values


def test_hypersim_takes_the_public_test_images(tmp_path):
    lines = ["scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,split_partition_name"]
    for scene, frame, public, part in (
        ("ai_001_010", 0, True, "test"),
        ("ai_001_010", 7, False, "test"),
        ("ai_003_001", 2, True, "train"),
        ("ai_005_001", 31, True, "test"),
        ("ai_009_001", 1, True, "test"),  # not fetched
    ):
        lines.append(f"{scene},cam_00,{frame},{public},,{part}")
        if scene != "ai_009_001":
            hypersim_frame(tmp_path, scene, frame)
    listing = tmp_path / "metadata_images_split_scene_v1.csv"
    listing.write_text("\n".join(lines) + "\n")
    data = metric_sets.hypersim(str(tmp_path), allow_missing=True)
    assert data is not None and data.expected == 7690
    assert [r.id for r in data.records] == ["ai_001_010/cam_00/frame.0000", "ai_005_001/cam_00/frame.0031"]
    depth = data.depth_gt(0, DENSE)
    assert depth[0, 0] == 0 and 3 < depth[0, 1] < depth[3, 4] < 4
    listing.write_text("image,depth\na,b\n")
    with pytest.raises(UserError, match="the list of HyperSim's images cannot be read"):
        metric_sets.hypersim(str(tmp_path))
    listing.unlink()
    with pytest.raises(UserError, match="apple/ml-hypersim"):
        metric_sets.hypersim(str(tmp_path))


def test_a_wall_across_the_axis_has_one_depth():
    """Points of the plane z = 5 are at 5 / cos of their rays' angle."""
    height, width = 768, 1024
    focal = 512 / np.tan(np.radians(30))
    assert focal == pytest.approx(886.81, abs=0.01)  # the focal length that HyperSim's authors give
    x, y = np.meshgrid(np.arange(width) - 511.5, np.arange(height) - 383.5)
    distance = 5 * np.sqrt(x**2 + y**2 + focal**2) / focal
    assert distance.max() > 5.9 and np.allclose(planar(distance, 60.0), 5)


def virtual_kitti(root: Path, frames: int = 25, size=(8, 12)) -> Path:
    folder = root / "Scene01" / "clone" / "frames"
    for frame in range(frames):
        image(folder / "rgb" / "Camera_0" / f"rgb_{frame:05d}.jpg", size)
        image(folder / "rgb" / "Camera_1" / f"rgb_{frame:05d}.jpg", size)
        values = np.full(size, 1234, np.uint16)
        values[0], values[-1, 0] = 65535, 500
        png(folder / "depth" / "Camera_0" / f"depth_{frame:05d}.png", values)
    return root


def test_virtual_kitti2_in_centimetres_with_the_benchmark_crop(tmp_path):
    data = metric_sets.virtual_kitti2(str(virtual_kitti(tmp_path)), window=(4, 6), percent=100, allow_missing=True)
    assert data is not None and len(data) == 25 and data.expected == 21260
    assert data.records[3].id == "Scene01/clone/frames/rgb/Camera_0/rgb_00003" and data.records[3].size == (4, 6)
    assert data.read_image(0).shape == (4, 6, 3) and np.allclose(data.depth_gt(0, DENSE), 12.34)
    whole = metric_sets.virtual_kitti2(str(tmp_path), window=None, percent=100, allow_missing=True)
    assert whole is not None
    assert not whole.depth_gt(0, DENSE)[0].any(), "the sky"
    assert whole.depth_gt(0, DENSE)[-1, 0] == pytest.approx(5.0)


def test_a_share_of_virtual_kitti2_is_spread_evenly(tmp_path):
    data = metric_sets.virtual_kitti2(str(virtual_kitti(tmp_path)), window=None, percent=8, allow_missing=True)
    assert data is not None and data.expected == 1701
    assert [record.id[-5:] for record in data.records] == ["00000", "00012"]
    with pytest.raises(UserError, match="2 of 1701 images"):
        metric_sets.virtual_kitti2(str(tmp_path), window=None)
    with pytest.raises(UserError, match="from 1 to 100"):
        metric_sets.virtual_kitti2(str(tmp_path), percent=0)
    with pytest.raises(UserError, match="smaller than the benchmark crop"):
        metric_sets.virtual_kitti2(str(tmp_path), allow_missing=True)


@pytest.mark.parametrize(
    "build", [metric_sets.sun_rgbd, metric_sets.ibims, metric_sets.hypersim, metric_sets.virtual_kitti2]
)
def test_no_folder_no_set_and_an_empty_one_is_told(build, tmp_path):
    assert build(None) is None
    with pytest.raises(UserError, match="no such folder"):
        build(str(tmp_path / "absent"))
    (tmp_path / "something").mkdir()
    with pytest.raises(UserError):
        build(str(tmp_path))
