import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.readers import stereo_folder
from depthrepro.data.readers.stereo_folder import divide
from depthrepro.data.stereo import read_pair
from tests.data.helpers import BASELINE, CX, CY, FOCAL, SIZE, cut, write_folder, write_image

NAMES = [f"{i:02d}" for i in range(12)]


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "garden", NAMES)


def build(root, **settings):
    return stereo_folder.build(str(root), **settings)


def ids(dataset):
    return [record.id for record in dataset.records]


def test_every_nth_division_and_camera(root):
    data = build(root, test_every=4, val_every=3)
    assert ids(data.test) == ["00", "04", "08"]
    assert ids(data.val) == ["01", "05", "09"]
    assert ids(data.train) == ["02", "03", "06", "07", "10", "11"]
    record = data.train.records[0]
    assert record.K == ((FOCAL, 0, CX), (0, FOCAL, CY), (0, 0, 1)) and record.baseline_m == BASELINE
    assert data.name == "garden" and any("no depth/ folder" in note for note in data.notes)


def test_seeded_division_is_repeatable_and_complete():
    first, again, other = (divide(NAMES, [], 4, 3, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert sorted([*first[0], *first[1], *first[2]]) == NAMES


def test_test_pairs_are_chosen_among_those_with_depth(root):
    for name in ("03", "05", "07"):
        depth = np.full(SIZE, 2500, np.uint16)
        depth[0], depth[0, :5] = 0, 65535
        write_image(root / "depth" / f"{name}.png", depth)
    np.save(root / "depth" / "09.npy", np.where(np.eye(*SIZE) > 0, np.nan, 3.25))
    data = build(root, test_every=3)
    assert ids(data.test) == ["03", "09"]
    millimetres, metres = (data.test.depth_gt(i, GroundTruth.dense) for i in range(2))
    assert not millimetres[0].any() and (millimetres[1:] == 2.5).all()
    assert metres[0, 0] == 0 and metres[0, 1] == 3.25 and metres.dtype == np.float32
    assert data.test.has_depth(0, GroundTruth.dense) and not data.train.has_depth(0, GroundTruth.dense)
    with pytest.raises(UserError, match=r"no such depth map"):
        data.train.depth_gt(0, GroundTruth.dense)
    with pytest.raises(UserError, match=r"choose eval\.ground_truth=dense"):
        data.test.depth_gt(0, GroundTruth.raw_cam_z)


@pytest.mark.parametrize(
    ("array", "said"),
    [(np.zeros((3, 4)), "unlike its image"), (np.zeros(SIZE, bool), "real numbers"), (None, "cannot be read")],
)
def test_unusable_depth(root, array, said):
    (root / "depth").mkdir()
    path = root / "depth" / "00.npy"
    path.write_bytes(b"nothing") if array is None else np.save(path, array)
    with pytest.raises(UserError, match=said) as error:
        build(root).test.depth_gt(0, GroundTruth.dense)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("baseline_m: 0.5\n", "", "exactly the keys fx, fy"),
        ("baseline_m", "baseline", "exactly the keys fx, fy"),
        ("baseline_m: 0.5", "baseline_m: -0.5", "baseline_m must be a positive number, not -0.5"),
        ("fx: 60.0", "fx: wide", "fx must be a positive number, not 'wide'"),
        ("fx: 60.0", "fx: [", "the calibration cannot be read"),
        ("width: 96", "width: 192", "is for 192x48"),
        ("cx: 46.0", "cx: 92.0", "principal point"),
    ],
)
def test_calibration_faults(root, old, new, said):
    path = root / "calibration.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=said) as error:
        build(root)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_folder_faults(root):
    (root / "right" / "05.png").unlink()
    with pytest.raises(UserError, match=r"1 of \d+ pairs are missing, first: .*right/05\.png"):
        build(root)
    (root / "left" / "05.png").unlink()
    cut(root / "left" / "06.png")
    with pytest.raises(UserError, match=r"left/06\.png: the image is truncated"):
        build(root)
    for path in (root / "right").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="right: no PNG or JPEG images"):
        build(root)
    (root / "calibration.yaml").unlink()
    with pytest.raises(UserError, match="write one with the keys fx"):
        build(root)


def test_swapped_folders(root):
    (root / "left").rename(root / "tmp")
    (root / "right").rename(root / "left")
    (root / "tmp").rename(root / "right")
    with pytest.raises(UserError, match="matching works only the other way round; swap the folders left and right"):
        build(root)


def test_too_few_or_no_pairs(tmp_path):
    with pytest.raises(UserError, match="2 pairs are too few"):
        build(write_folder(tmp_path / "two", ["a", "b"]))
    with pytest.raises(UserError, match=r"STEREO_FOLDER is not set"):
        stereo_folder.build(None)
    with pytest.raises(UserError, match="at least 2"):
        build(tmp_path, test_every=1)


def test_jpeg_pairs(tmp_path):
    data = build(write_folder(tmp_path / "photos", NAMES, suffix=".jpg"))
    assert data.train.encodings == {"jpeg q95": 2 * len(data.train)}


def test_real_pair_indoors(real_data, tmp_path):
    source = real_data / "middlebury_motorcycle"
    for name in "abcd":
        for side in ("left", "right"):
            write_image(tmp_path / side / f"{name}.png", cv2.imread(str(source / f"motorcycle_{side}.png")))
    (tmp_path / "calibration.yaml").write_text(
        "fx: 994.978\nfy: 994.978\ncx: 311.193\ncy: 254.877\nbaseline_m: 0.193001\nwidth: 741\nheight: 500\n"
    )
    data = build(tmp_path, test_every=2, val_every=2)
    assert (len(data.train), len(data.val), len(data.test)) == (1, 1, 2)
    assert read_pair(data.test.records[0])[0].shape == (500, 741, 3)
