"""Groups swap: each experiment with another option composes and builds, or is refused in one line that says why."""

import pytest
from hydra import initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from depthrepro.config.cli import mistakes, readable
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Protocol
from depthrepro.models.contract import declared_kind, declared_levels
from tests.config.swapping import DATA_FOLDERS, EXPERIMENTS, GROUPS, build, composed, options, typed

# One of each recipe and kind of data: these meet every option. The others meet one of each group, in turn.
ALL_OPTIONS = (
    "garg_kitti",
    "garg_resolution/l10",
    "da_student",
    "da_metric_kitti",
    "da_places/rgb",
)
# Groups that nearly every option of fits everywhere: swapped together first, and one by one where that is refused.
TOGETHER = ("scale", "optimizer", "scheduler", "eval", "trainer", "logger", "test_sets")
FITS = "fits"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("swapping")


@pytest.fixture(scope="module", autouse=True)
def _hydra():
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        yield


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    for name in (*DATA_FOLDERS, "STEREO_FOLDER"):
        monkeypatch.delenv(name, raising=False)


def swapped(folder, experiment, *words):
    """`fits`, or the one line that refuses the swap."""
    overrides = [typed(experiment), *words]
    try:
        build(composed(*overrides), folder)
    except mistakes() as error:
        line = readable(error, overrides)
        assert "\n" not in line and 20 < len(line) < 400, line
        return line
    return FITS


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("experiment", ALL_OPTIONS)
def test_every_option_of_a_group_fits_or_is_refused_in_one_line(experiment, group, folder):
    found = {name: swapped(folder, experiment, f"{group}={name}") for name in options(group)}
    assert FITS in found.values(), found
    for name, line in found.items():
        if line != FITS:
            assert any(
                f"{word}=" in line for word in ("loss", "data", "model", "augment", "stages", "input_size", group)
            ) or ("trainer.finest" in line or "has no such argument" in line), f"{group}={name}: {line}"


@pytest.mark.parametrize("experiment", [e for e in EXPERIMENTS if e not in ALL_OPTIONS])
def test_every_experiment_takes_an_option_of_every_group(experiment, folder):
    number = EXPERIMENTS.index(experiment)
    words = {group: f"{group}={(names := options(group))[number % len(names)]}" for group in GROUPS}
    together = [words.pop(group) for group in TOGETHER]
    alone = [*words.values(), *(together if swapped(folder, experiment, *together) != FITS else ())]
    for word in alone:
        swapped(folder, experiment, word)


@pytest.mark.parametrize(
    ("experiment", "word", "outcome"),
    [
        ("garg_kitti", "model=garg_resnet", "stages=end_to_end"),
        ("garg_kitti", "model=depth_anything_lite", "StereoLoss trains networks that predict disp_frac"),
        ("da_places/rgb", "optimizer=adam", FITS),
        ("da_teacher", "scheduler=constant", FITS),
        ("da_teacher", "augment=none", FITS),
        ("garg_comparison/resnet", "model=garg", FITS),
        ("garg_resolution/l10", "stages=end_to_end", FITS),
        ("garg_kitti", "data=kitti_stereo", FITS),
        ("da_teacher", "loss=cross_entropy", "CrossEntropy trains networks that predict classes"),
        ("da_places/rgb_depth", "data=places", "choose data=places_depth"),
        ("da_labelled_sets/irs", "data=kitti_raw", "data.only: kitti_raw.build has no such argument"),
        ("garg_kitti", "augment=da_plain", "RelativeAugment is for images with relative depth"),
        ("garg_kitti", "+model.c6_filter=3", "GargNet has no such argument: did you mean 'c6_filters'?"),
    ],
)
def test_known_swaps(experiment, word, outcome, folder):
    line = swapped(folder, experiment, word)
    assert line == FITS if outcome == FITS else outcome in line, line


def test_swapped_stages_make_a_fitting_network_train(folder):
    assert swapped(folder, "garg_kitti", "model=garg_resnet", "stages=end_to_end") == FITS


def test_a_data_set_brings_its_protocol():
    assert composed(typed("garg_kitti"), "data=kitti_stereo").eval.ground_truth.value == "disparity"
    assert composed(typed("garg_kitti")).eval.ground_truth.value == "raw_cam_z"
    assert composed(typed("garg_kitti"), "data=kitti_stereo", "eval=garg").eval.ground_truth.value == "raw_cam_z"


def test_kitti_is_scored_as_published_and_the_streets_along_the_axis(monkeypatch):
    preset = {name: composed(typed("garg_kitti"), f"eval=kitti_{name}").eval for name in ("lidar_x", "cam_z")}
    assert [preset[name].ground_truth.value for name in preset] == ["raw_lidar_x", "raw_cam_z"]
    monkeypatch.setenv("KITTI_RAW", "somewhere")
    assert composed(typed("garg_kitti")).eval.ground_truth.value == "raw_lidar_x"
    assert composed(typed("da_metric_kitti")).eval.ground_truth.value == "improved"
    published = composed(typed("da_teacher")).tests.kitti.protocol
    assert (published.ground_truth, published.alignment) == ("raw_lidar_x", "lstsq_inv_depth")
    other = composed(typed("da_teacher"), "eval@tests.kitti.protocol=kitti_cam_z").tests.kitti.protocol
    assert other == {**published, "ground_truth": "raw_cam_z"}


def test_metric_rows_on_nyu_have_the_published_ground_truth(monkeypatch):
    synthetic = composed(typed("da_metric_nyu")).data
    assert (synthetic.depth, synthetic.black_border) == ("filled", None)
    monkeypatch.setenv("NYU", "somewhere")
    for experiment in ("da_metric_nyu", "da_in_domain_nyu/student", "da_encoders/student"):
        published = composed(typed(experiment)).data
        assert (published.depth, published.black_border) == ("raw", True)
    assert composed(typed("da_metric_nyu"), "data.depth=filled", "data.black_border=false").data.depth == "filled"


def test_zero_shot_metric_sets_are_scored_as_the_released_code_does():
    names = ("hypersim", "sun_rgbd", "halls", "diode_outdoor", "diode_outdoor_metric")
    tests = composed(typed("garg_kitti"), *(f"+test@tests.{name}={name}" for name in names)).tests
    assert [tests[name].protocol.crop for name in names] == ["nyu_pixels", "nyu_pixels", "nyu", "none", "garg"]
    assert [tests[name].data.get("valid_mask", True) for name in names[3:]] == [True, False]


def test_a_network_without_a_kind_or_levels_is_refused():
    with pytest.raises(UserError, match="Identity declares no kind"):
        declared_kind(nn.Identity())
    with pytest.raises(UserError, match="Identity declares no levels"):
        declared_levels(nn.Identity())


@pytest.mark.parametrize("name", options("test"))
def test_every_test_set_composes_and_is_left_out_without_its_folder(name):
    cfg = composed(typed("garg_kitti"), f"+test@tests.one={name}")
    Protocol.from_dict(OmegaConf.to_container(cfg.tests.one.protocol))
    assert "root" not in cfg.tests.one.data or instantiate(cfg.tests.one.data) is None


def test_test_sets_without_a_folder_leave_the_configuration(monkeypatch):
    assert list(composed(typed("da_student")).tests) == ["heldout"]
    monkeypatch.setenv("SINTEL", "somewhere")
    assert list(composed(typed("da_student")).tests) == ["heldout", "sintel"]


def test_a_set_is_named_for_one_run_without_its_variable():
    one = composed(typed("da_student"), "test@tests.nyu=nyu", "tests.nyu.data.root=/nyu")
    assert one.tests.nyu.data.root == "/nyu"
    one = composed(typed("da_teacher"), "labelled@data.sources.irs=irs", "data.sources.irs.root=/irs")
    assert one.data.sources.irs.root == "/irs"


def test_a_class_that_cannot_be_imported_is_one_line(folder):
    line = swapped(folder, "garg_kitti", "model._target_=depthrepro.models.nope.Nope")
    assert line.startswith("model._target_: depthrepro.models.nope.Nope cannot be imported (")
