import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, Crop, GroundTruth, Protocol
from depthrepro.data.items.frame_cache import FrameCache
from depthrepro.data.readers import kitti_stereo
from depthrepro.data.readers.kitti_stereo import nominal_camera
from depthrepro.data.readers.kitti_tests import benchmark_test, benchmark_whole
from depthrepro.data.stereo import read_pair
from depthrepro.evaluation.baselines import mean_depth_map
from tests.data.helpers import SHIFT, SIZE, cut, write_benchmark, write_image

PROTOCOL = Protocol(
    split="test",
    ground_truth=GroundTruth.disparity,
    crop=Crop.none,
    min_depth_m=0.001,
    cap_m=80.0,
    alignment=Alignment.none,
)
P_LINES = (
    "P0: 80 0 47 0 0 80 23 0 0 0 1 0\nP1: 80 0 47 -40 0 80 23 0 0 0 1 0\n"
    "P2: 90 0 47 0 0 90 23 0 0 0 1 0\nP3: 90 0 47 -36 0 90 23 0 0 0 1 0\n"
)


@pytest.fixture
def root(tmp_path):
    return write_benchmark(tmp_path / "kitti2012", range(12))


def build(root, **settings):
    return kitti_stereo.build(str(root), **settings)


def ids(dataset):
    return [record.id for record in dataset.records]


def test_built_in_division(root):
    data = build(root, val_every=4)
    assert ids(data.test) == ["000000_10", "000005_10", "000010_10"]
    assert ids(data.val) == ["000001_10", "000001_11", "000006_10", "000006_11", "000011_10", "000011_11"]
    assert len(data.train) == 24 - 6 - 6
    assert any("every 5th scene is a test scene" in note for note in data.notes)


def test_list_files_decide_and_scenes_are_held_out_whole(root):
    (root / "train.txt").write_text("\n".join(f"{s:06d}_{f}" for s in range(1, 10) for f in (10, 11)))
    (root / "test.txt").write_text("000011_10\n000010_10\n")
    data = build(root, val_every=4)
    assert ids(data.test) == ["000011_10", "000010_10"]
    assert {i[:6] for i in ids(data.val)} == {"000001", "000005", "000009"}
    assert not {i[:6] for i in ids(data.val)} & {i[:6] for i in ids(data.train)}
    assert len(data.val) + len(data.train) == 18


def test_nominal_calibration_is_stated_and_in_proportion(root):
    data = build(root)
    record = data.train.records[0]
    assert record.focal_px * record.baseline_m == pytest.approx(389.6304 * SIZE[1] / 1242, rel=1e-6)
    assert any("24 of 24 pairs" not in n and "have no calibration; they get a nominal focal" in n for n in data.notes)
    full = nominal_camera((375, 1242))
    assert (full.K[0][0], full.baseline_m) == (721.5377, 0.54)


def test_disparity_becomes_depth(root):
    data = build(root)
    record = data.test.records[0]
    depth = data.test.depth_gt(0, GroundTruth.disparity)
    assert depth.dtype == np.float32 and not depth[:10].any()
    assert depth[10:] == pytest.approx(record.focal_px * record.baseline_m / SHIFT)
    with pytest.raises(UserError, match=r"no ground truth 'raw_cam_z': choose eval\.ground_truth=disparity"):
        data.test.depth_gt(0, GroundTruth.raw_cam_z)
    assert not data.test.has_depth(0, GroundTruth.raw_cam_z)
    odd = next(i for i, name in enumerate(ids(data.train)) if name.endswith("_11"))
    assert not data.train.has_depth(odd, GroundTruth.disparity)


@pytest.mark.parametrize("stem", ["{:06d}", "{:06d}_10"])
def test_calibration_of_each_image_where_present(root, stem):
    for scene in range(12):
        path = root / "training" / "calib" / f"{stem.format(scene)}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(P_LINES)
    record = build(root).test.records[0]
    assert (record.focal_px, record.baseline_m) == (80, 0.5)  # the grey cameras' lines


def test_2015_layout_with_colour_cameras_and_size(tmp_path):
    root = write_benchmark(tmp_path, range(6), "image_2", "image_3")
    folder = root / "training" / "calib_cam_to_cam"
    folder.mkdir()
    text = P_LINES.replace("P", "P_rect_0") + f"S_rect_02: {SIZE[1]} {SIZE[0]}\n"
    for scene in range(6):
        (folder / f"{scene:06d}.txt").write_text(text)
    data = build(root)
    assert data.name == "KITTI 2015"
    assert (data.test.records[0].focal_px, data.test.records[0].baseline_m) == (90, 0.4)
    assert data.test.depth_gt(0, GroundTruth.disparity).max() == pytest.approx(90 * 0.4 / SHIFT)
    assert not any("calibration" in note for note in data.notes)
    (folder / "000002.txt").write_text(text.replace(f"S_rect_02: {SIZE[1]}", "S_rect_02: 1242"))
    with pytest.raises(UserError, match=r"000002\.txt is for 1242x48"):
        build(root)


def test_full_size_calibration_of_half_size_images_is_noticed(root):
    path = root / "training" / "calib" / "000003.txt"
    path.parent.mkdir()
    path.write_text(P_LINES.replace(" 47 ", " 94 "))
    with pytest.raises(UserError, match=r"principal point in .*000003\.txt is at \(94, 23\), far from the middle"):
        build(root)


def test_images_without_disparity_are_noted(root):
    (root / "training" / "disp_noc" / "000005_10.png").unlink()
    assert any("1 of 3 pairs have no disparity map, first: 000005_10" in note for note in build(root).notes)


def test_wrong_disparity_size(root):
    write_image(root / "training" / "disp_noc" / "000000_10.png", np.ones((4, 5), np.uint16))
    with pytest.raises(UserError, match=r"000000_10\.png: 5x4 pixels, unlike its image"):
        build(root).test.depth_gt(0, GroundTruth.disparity)


def test_faults_are_named(root):
    right = root / "training" / "image_1"
    (right / "000003_11.png").unlink()
    with pytest.raises(UserError, match=r"train: 1 of 16 pairs are missing, first: .*image_1/000003_11\.png"):
        build(root)
    assert build(root, allow_missing=True).train.expected == 16
    cut(right / "000002_11.png")
    with pytest.raises(UserError, match=r"image_1/000002_11\.png: the image is truncated"):
        build(root, allow_missing=True)
    for path in right.iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"image_1: the folder is missing or empty"):
        build(root)


def test_swapped_folders(tmp_path):
    root = write_benchmark(tmp_path, range(4), "image_3", "image_2")
    with pytest.raises(UserError, match=r"look swapped .* swap the folders left and right"):
        build(root)


def test_lists_that_cannot_be(root):
    (root / "train.txt").write_text("000001_10\n")
    with pytest.raises(UserError, match=r"only one of train\.txt and test\.txt"):
        build(root)
    (root / "test.txt").write_text("000001_11\n")
    with pytest.raises(UserError, match=r"scene 000001 is also in train\.txt"):
        build(root)
    (root / "test.txt").write_text("000002_10\n")
    with pytest.raises(UserError, match="no training pair is there"):  # the only scene is held out
        build(root)
    (root / "test.txt").write_text("000002_10\n000003_10\n000002_10\n")
    with pytest.raises(UserError, match=r"test\.txt: 000002_10 is listed more than once"):
        build(root)


def test_no_benchmark_here(tmp_path):
    (tmp_path / "readme.txt").touch()
    with pytest.raises(UserError, match=r"no images of KITTI stereo here.*set KITTI_STEREO"):
        build(tmp_path)
    with pytest.raises(UserError, match="val_every and test_every at least 2"):
        build(tmp_path, val_every=1)


def coloured_2015(folder):
    """KITTI 2015 with three channels that differ, and `occ` maps in the place of `noc`."""
    root = write_benchmark(folder, range(6), "image_2", "image_3")
    (root / "training" / "disp_noc_0").rename(root / "training" / "disp_occ_0")
    for path in (root / "training").glob("image_*/*.png"):
        blue, green, red = cv2.split(cv2.imread(str(path)))
        cv2.imwrite(str(path), cv2.merge([blue // 4, green, red // 2]))
    return root


def test_the_whole_benchmark_to_test_on(tmp_path):
    data = benchmark_whole(str(coloured_2015(tmp_path)))
    assert data.name == "KITTI 2015" and ids(data) == [f"{scene:06d}_10" for scene in range(6)] and data.expected == 6
    assert all(data.has_depth(i, GroundTruth.disparity) for i in range(6))
    assert benchmark_whole(None) is None


def test_colour_images_are_read_as_grey_for_what_was_trained_on_grey(tmp_path, root):
    colour_root = coloured_2015(tmp_path / "kitti2015")
    colour, same = (benchmark_whole(str(colour_root), grey_like=like) for like in (None, str(colour_root)))
    grey = benchmark_whole(str(colour_root), grey_like=str(root))
    red, green, blue = np.moveaxis(colour.read_image(0).astype(float), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(grey.read_image(0) - luma[..., None]).max() < 1 and len(np.unique(grey.read_image(0))) > 50
    assert all((np.ptp(image, axis=2) == 0).all() for image in read_pair(grey.records[0]))
    assert same.fingerprint == colour.fingerprint != grey.fingerprint and grey.name == colour.name
    assert grey.encodings == {"png, read as grey": 12} and colour.encodings == {"png": 12}
    frames = [FrameCache(data, (24, 48), tmp_path / "cache") for data in (colour, grey)]
    assert np.ptp(frames[0].pair(0)[1], axis=2).any() and not np.ptp(frames[1].pair(0)[1], axis=2).any()


def test_frames_are_found_again_whatever_the_set_is_called(root, tmp_path):
    data = build(root).train
    first = FrameCache(data, (24, 48), tmp_path / "cache")
    data.name = "another name"
    assert FrameCache(data, (24, 48), tmp_path / "cache").folder == first.folder


def test_the_other_year_s_pairs_train_as_well(root, tmp_path):
    alone, other_root = build(root), coloured_2015(tmp_path / "kitti2015")
    data = build(root, also=str(other_root))
    assert len(data.train) == len(alone.train) + 12 == data.train.expected and data.counts["test"] == 3
    assert (data.test.fingerprint, data.val.fingerprint) == (alone.test.fingerprint, alone.val.fingerprint)
    assert data.name == "KITTI 2012, trained with KITTI 2015" and data.fingerprint != alone.fingerprint
    first = len(alone.train)
    assert data.train.records[first].id == "KITTI 2015/000000_10" and data.train.records[first].grey
    assert data.train.has_depth(first, GroundTruth.disparity)
    assert not data.train.has_depth(first + 1, GroundTruth.disparity)
    assert (data.train.depth_gt(first, GroundTruth.disparity) > 0).any()
    frames = FrameCache(data.train, (24, 48), tmp_path / "cache")
    assert len(frames) == len(data.train) and not np.ptp(frames.pair(first)[0], axis=2).any()
    assert any("all 12 pairs of KITTI 2015 train as well, read as grey" in note for note in data.notes)
    assert mean_depth_map(data.train, PROTOCOL).total == len(data.train)
    with pytest.raises(UserError, match="it holds KITTI 2012 like"):
        build(root, also=str(root))
    with pytest.raises(UserError, match="set KITTI_STEREO and KITTI_2015"):
        build(root, also="")


def test_half_size_2015(real_data):
    root = real_data / "kitti2015_half"
    data = benchmark_whole(str(root), grey_like=str(real_data / "kitti2012_half"))
    assert (data.name, len(data)) == ("KITTI 2015", 130) and {record.size for record in data.records} == {(187, 621)}
    # The day's calibration, 2011_09_26, at half width.
    assert {round(r.focal_px * r.baseline_m, 1) for r in data.records} == {192.2}
    assert all(data.has_depth(i, GroundTruth.disparity) for i in range(130))


def test_half_size_set(real_data):
    data = build(real_data / "kitti2012_half")
    assert data.name == benchmark_test(str(real_data / "kitti2012_half")).name == "KITTI 2012"
    assert (len(data.train) + len(data.val), len(data.test)) == (272, 39)
    assert len({i[:6] for i in ids(data.val)}) == 8  # every 17th of 136 scenes
    assert data.train.encodings == {"png": 2 * len(data.train)}
    depth = data.test.depth_gt(0, GroundTruth.disparity)
    assert 4 < depth[depth > 0].min() < depth.max() < 400
    assert all(data.test.has_depth(i, GroundTruth.disparity) for i in range(39))
