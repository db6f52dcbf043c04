import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.io.calibration import RawCalibration, StereoCamera, read_benchmark_calib
from tests.data.helpers import BASELINE, CX, CY, FOCAL, SIZE, write_day

P_2012 = """P0: 700 0 600 0 0 700 180 0 0 0 1 0
P1: 700 0 600 -371 0 700 180 0 0 0 1 0
P2: 710 0 600 42.6 0 710 180 0 0 0 1 0
P3: 710 0 600 -340.8 0 710 180 0 0 0 1 0
"""


def test_raw_day(tmp_path):
    camera = RawCalibration(write_day(tmp_path)).stereo
    assert camera.K == ((FOCAL, 0, CX), (0, FOCAL, CY), (0, 0, 1))
    assert camera.baseline_m == pytest.approx(BASELINE)
    assert camera.size == SIZE


@pytest.mark.parametrize(("colour", "focal", "baseline"), [(False, 700, 0.53), (True, 710, 0.54)])
def test_2012_grey_and_colour_cameras_have_their_own_lines(tmp_path, colour, focal, baseline):
    path = tmp_path / "000000.txt"
    path.write_text(P_2012)
    camera = read_benchmark_calib(path, colour)
    assert camera.K[0][0] == focal
    assert camera.baseline_m == pytest.approx(baseline)
    assert camera.size is None


def test_2015_has_raw_names_and_a_size(tmp_path):
    camera = read_benchmark_calib(write_day(tmp_path) / "calib_cam_to_cam.txt", colour=True)
    assert (camera.size, camera.baseline_m) == (SIZE, pytest.approx(BASELINE))


def test_mirror_moves_the_principal_point():
    camera = StereoCamera(((50, 0, 30), (0, 50, 20), (0, 0, 1)), 0.5)
    assert camera.mirrored(width=100).K == ((50, 0, 69), (0, 50, 20), (0, 0, 1))
    assert camera.mirrored(100).mirrored(100) == camera


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("P_rect_03", "P_rect_0X", "no readable line 'P_rect_03:'"),
        ("S_rect_02", "S_rect", "no readable line 'S_rect_02:'"),
        (f"P_rect_02: {FOCAL} 0", f"P_rect_02: {FOCAL}", "'P_rect_02:' must hold 12 numbers, found 11"),
        (f"P_rect_02: {FOCAL}", "P_rect_02: many", "no readable line 'P_rect_02:'"),
        (f"P_rect_02: {FOCAL}", "P_rect_02: nan", "'P_rect_02:' must hold 12 numbers"),
        (f"P_rect_03: {FOCAL}", "P_rect_03: 61", "not rectified"),
        (f" {6.0 - FOCAL * BASELINE} ", " 36.0 ", "baseline is -0.5 m"),
        (f"S_rect_03: {SIZE[1]:e}", "S_rect_03: 95", "S_rect_02 and S_rect_03 differ"),
    ],
)
def test_damaged_lines_are_named_with_the_file(tmp_path, old, new, said):
    path = write_day(tmp_path) / "calib_cam_to_cam.txt"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError) as error:
        assert RawCalibration(path.parent).stereo
    assert said in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_missing_and_binary_files(tmp_path):
    folder = write_day(tmp_path)
    velo = folder / "calib_velo_to_cam.txt"
    velo.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match=r"velo_to_cam.txt: the calibration cannot be read"):
        RawCalibration(folder)
    velo.unlink()
    with pytest.raises(UserError, match=r"velo_to_cam.txt: the calibration is missing"):
        RawCalibration(folder)
