"""Every experiment composes and builds at both scales; names and hashes follow what was typed."""

import dataclasses
import functools
import re
from pathlib import Path

import pytest
import torch
from hydra import initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from depthrepro.config.identity import config_hash, override_folder, recipe_hash, resolve_run_dir
from depthrepro.config.logger import LoggerConfig
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR, RootConfig, TrainerConfig, load_config
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Protocol
from depthrepro.data.input_transform import InputTransform
from depthrepro.models.contract import all_levels, declared_levels
from depthrepro.models.garg import LEVELS as GARG_LEVELS
from depthrepro.runs.experiment import build_around
from depthrepro.training.compatibility import check_arguments
from depthrepro.training.stages import make_plan
from tests.config.swapping import DATA_FOLDERS, composed, network, without_other_runs

register_schema()
EXPERIMENTS = sorted(
    p.relative_to(f"{CONFIG_DIR}/experiment").with_suffix("").as_posix()
    for p in Path(CONFIG_DIR, "experiment").rglob("*.yaml")
)
# The largest transformer at full size takes seconds for one image.
SMALLER = ("model.encoder=vits", "input_size=[28,28]")


@pytest.fixture(scope="module", autouse=True)
def _hydra():
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        yield


@functools.lru_cache(maxsize=32)
def outputs(model, size, levels):
    """Names of what the network returns; rows of a table mostly share theirs."""
    with torch.inference_mode():
        return set(model(torch.zeros(1, getattr(model, "channels", 3), *size), levels))


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_builds(experiment, scale, monkeypatch, tmp_path):
    for name in DATA_FOLDERS:
        monkeypatch.delenv(name, raising=False)
    large = experiment.startswith("da_") and not experiment.startswith(("da_places", "da_rivals")) and scale == "paper"
    smaller = SMALLER if large else ()
    cfg = composed(f"+experiment={experiment}", f"scale={scale}", *smaller)
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, RootConfig) and settings.scale == scale
    assert cfg.name == experiment
    without_other_runs(cfg, tmp_path)
    if experiment.startswith("da_rivals/"):  # a network on a hub; tests/models/test_hf.py has small ones
        assert cfg.model._target_.endswith("HFDepth") and "/" in cfg.model.path
        return
    check_arguments(cfg)
    model = network(cfg)
    build_around(model, cfg, settings.trainer, InputTransform(*cfg.input_size, **vars(settings.input)))
    instantiate(cfg.optimizer, _convert_="all")(model.parameters())
    assert callable(instantiate(cfg.scheduler, _convert_="all"))
    plan = make_plan(settings.trainer, 2, declared_levels(model), all_levels(model))
    for stage in plan.stages:
        assert outputs(model, tuple(cfg.input_size), tuple(stage.levels)) == set(stage.levels)


@pytest.mark.parametrize("schema", [TrainerConfig, Protocol, LoggerConfig, RootConfig])
def test_every_setting_is_read(schema):
    package = Path(CONFIG_DIR).parent / "depthrepro"
    sources = "\n".join(p.read_text() for p in (*package.rglob("*.py"), *Path(CONFIG_DIR).rglob("*.yaml")))
    unread = [f.name for f in dataclasses.fields(schema) if not re.search(rf"(\.|\${{){f.name}\b", sources)]
    assert not unread


def test_folder_of_the_experiment_as_written_is_plain():
    assert override_folder(["+experiment=garg_kitti", "seed=3"], None) == ""


def test_settings_that_leave_the_result_alone_do_not_rename_the_run():
    same = [
        "+experiment=garg_kitti",
        "logger=none",
        "logger.timeout_s=3",
        "trainer.device=cpu",
        "trainer.num_workers=2",
    ]
    assert override_folder(same, None) == ""


def test_changed_settings_get_a_readable_folder():
    one = override_folder(["+experiment=garg_kitti", "scale=paper", "trainer.max_steps=2"], None)
    assert one == "scale=paper+trainer.max_steps=2"
    assert one == override_folder(["trainer.max_steps=2", "scale=paper"], None)
    assert one != override_folder(["trainer.max_steps=3", "scale=paper"], None)
    assert (
        override_folder(["input_size=[64,192]", "test@tests.nyu=nyu"], None) == "input_size=64x192+test@tests.nyu=nyu"
    )
    for roots in (["data.root=/else/somewhere"], []):
        assert re.fullmatch(r"data\.root=somewhere-[0-9a-f]{8}", override_folder(roots, "/else/somewhere"))
    assert override_folder([], "/else/somewhere") != override_folder([], "/other/somewhere")
    odd = [
        ["a=b/c"],
        ["a=b-c"],
        ["a={b: 1, c: 2}"],
        ["~a"],
        [f"a={'x' * 90}"],
        [f"a={'x' * 91}"],
        ["a=", "b=1"],
        ["a=b c"],
    ]
    names = [override_folder(typed, None) for typed in odd]
    assert len(set(names)) == len(names) and all(len(name) < 120 for name in names)
    assert not set("".join(names)) & set("/,:'[]{} ~")


def test_runs_under_the_former_names_are_found(tmp_path):
    cfg = composed("+experiment=garg_kitti", f"root={tmp_path}", "trainer.max_steps=20")
    former = tmp_path / "runs" / "garg_kitti" / "20-48714da2" / "seed=0"
    assert resolve_run_dir(cfg, ["trainer.max_steps=20"]).parent.name == "trainer.max_steps=20"
    former.mkdir(parents=True)
    assert resolve_run_dir(cfg, ["trainer.max_steps=20"]) == former
    assert resolve_run_dir(cfg, ["trainer.max_steps=21"]).parent.name == "trainer.max_steps=21"


def test_real_data_and_synthetic_data_have_run_directories_of_their_own(monkeypatch, tmp_path):
    monkeypatch.delenv("KITTI_RAW", raising=False)
    synthetic = resolve_run_dir(composed("+experiment=garg_kitti", f"root={tmp_path}"), [])
    monkeypatch.setenv("KITTI_RAW", "somewhere")
    real = resolve_run_dir(composed("+experiment=garg_kitti", f"root={tmp_path}"), [])
    assert synthetic == tmp_path / "runs" / "garg_kitti" / "seed=0"
    assert real.parent.parent == tmp_path / "runs" / "garg_kitti" and real.name == "seed=0"


def test_rows_of_a_table_take_kitti_2012_at_demo_scale_where_it_is_there(monkeypatch):
    def reader(*overrides):
        return composed("+experiment/garg_padding=zero", *overrides).data._target_.split(".")[-2]

    monkeypatch.delenv("KITTI_STEREO", raising=False)
    assert reader() == "kitti_raw"
    monkeypatch.setenv("KITTI_STEREO", "somewhere")
    assert reader() == "kitti_stereo"
    assert reader("scale=paper") == reader("data=kitti_raw") == "kitti_raw"


def test_a_student_on_photographs_never_takes_kitti_unasked(monkeypatch):
    for name in DATA_FOLDERS:
        monkeypatch.delenv(name, raising=False)
    assert set(composed("+experiment=da_student").data.unlabelled) == {"worlds"}
    with pytest.raises(InstantiationException, match=r"set-KITTI_STEREO: no such folder"):
        instantiate(composed("+experiment/da_ablation=full_kitti2012").data.unlabelled.kitti2012)
    for name in ("PHOTOGRAPHS", "MINIPLACES", "KITTI_STEREO", "KITTI_2015", "KITTI_RAW", "KITTI_DEPTH", "NYU_LABELLED"):
        monkeypatch.setenv(name, "somewhere")
    photographs = {"worlds", "photographs", "miniplaces"}
    student = composed("+experiment=da_student")
    assert set(student.data.unlabelled) == photographs
    assert {"kitti2012", "nyu"} <= set(student.tests) and "kitti_depth_mini" not in student.tests
    asked = composed("+experiment/da_ablation=full_kitti2012").data.unlabelled
    assert set(asked) == {*photographs, "kitti2012"} and asked.kitti2012.root == "somewhere"


def test_metres_are_tested_where_they_were_not_learnt(monkeypatch):
    def tests(row):
        return set(composed(f"+experiment/da_zero_shot_metric={row}").tests)

    for name in DATA_FOLDERS:
        monkeypatch.delenv(name, raising=False)
    assert tests("nyu_student") == tests("rooms_student") == {"halls"}
    monkeypatch.setenv("NYU_LABELLED", "somewhere")
    assert tests("nyu_student") == {"halls", "rooms"} and tests("rooms_student") == {"halls", "nyu"}
    rooms = composed("+experiment/da_zero_shot_metric=rooms_student").data
    assert rooms.root is None and rooms.folders.root is None
    reader = composed("+experiment/da_zero_shot_metric=rooms_student").tests.nyu.data._target_
    assert reader.endswith("labelled_folder")
    monkeypatch.setenv("NYU", "elsewhere")
    official = composed("+experiment/da_zero_shot_metric=rooms_student").tests.nyu.data
    assert official._target_.endswith("nyu.build") and official.depth == "raw" and official.black_border


def test_kitti_2015_is_a_further_test_set_where_kitti_2012_is_trained_on(monkeypatch, tmp_path):
    def folder(*overrides):
        cfg = composed("+experiment/garg_padding=zero", *overrides)
        return cfg.tests.kitti2015.data.root if "kitti2015" in cfg.tests else "left out"

    monkeypatch.delenv("KITTI_2015", raising=False)
    before = config_hash(composed("+experiment/garg_padding=zero"))
    assert folder() == "left out"
    monkeypatch.setenv("KITTI_2015", str(tmp_path / "2015"))
    assert folder() is None and config_hash(composed("+experiment/garg_padding=zero")) == before
    monkeypatch.setenv("KITTI_STEREO", str(tmp_path / "2012"))
    assert (
        folder() == str(tmp_path / "2015") and folder("data=kitti_raw") is None and folder("scale=paper") == "left out"
    )
    monkeypatch.setenv("KITTI_STEREO", str(tmp_path / "other" / ".." / "2015"))
    assert folder() is None, "the images that are trained on"


@pytest.mark.parametrize("table", sorted({e.split("/")[0] for e in EXPERIMENTS if "/" in e}))
def test_rows_of_a_table_differ_and_share_their_budget(table, monkeypatch):
    monkeypatch.setenv("NYU_LABELLED", "somewhere")  # without it what is learnt on NYU is learnt on the rooms too
    rows = {e: composed(f"+experiment={e}") for e in EXPERIMENTS if e.startswith(f"{table}/")}
    assert len({config_hash(row) for row in rows.values()}) == len(rows) > 1
    # Depth Anything's teachers have a budget of their own: their rows are not students without unlabelled images.
    for system in {row.loss._target_ + row.data._target_ for row in rows.values()}:
        alike = [
            row for e, row in rows.items() if row.loss._target_ + row.data._target_ == system and "untrained" not in e
        ]
        assert len({(row.trainer.epochs, row.trainer.batch_size) for row in alike}) == 1
        plans = [make_plan(OmegaConf.to_object(row).trainer, 1, ("x",), (*GARG_LEVELS, "x")) for row in alike]
        assert len({plan.total_steps for plan in plans}) == 1


BASE = (
    *("garg_resolution/l12", "garg_augmentation/none", "garg_comparison/plain", "garg_padding/replicate"),
    *("garg_warp/exact", "garg_stages/coarse_to_fine", "garg_loss/l1_edge"),
)


def test_the_tables_share_one_base():
    assert len({config_hash(composed(f"+experiment={row}")) for row in BASE}) == 1


def test_a_saved_configuration_is_read_back_typed(tmp_path):
    cfg = composed("+experiment=garg_kitti", "seed=3")
    file = tmp_path / "config.yaml"
    file.write_text(OmegaConf.to_yaml(cfg, resolve=True))
    loaded = load_config(file)
    assert config_hash(loaded) == config_hash(cfg) and loaded.seed == 3
    assert isinstance(OmegaConf.to_object(loaded), RootConfig)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("trainer: {epoch: 3}", "epoch"),
        ("seed: five", "seed"),
        ("a: [", "cannot be read"),
        ("- 1", "not a mapping"),
        ("", "names no data"),
    ],
)
def test_an_unusable_saved_configuration_is_named(tmp_path, content, message):
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=message) as error:
        load_config(file)
    assert str(file) in str(error.value)


def test_a_data_set_without_a_folder_takes_no_part_in_the_hash(monkeypatch):
    for name in ("BLENDEDMVS", "TARTANAIR"):
        monkeypatch.delenv(name, raising=False)
    base = config_hash(composed("+experiment=da_teacher"))
    assert base == config_hash(composed("+experiment=da_teacher", "cache_dir=/elsewhere"))
    monkeypatch.setenv("BLENDEDMVS", "somewhere")
    assert base != config_hash(composed("+experiment=da_teacher"))


def test_the_recipe_is_one_for_all_seeds_and_places(monkeypatch, tmp_path):
    def recipes(*changed):
        return {recipe_hash(composed(name, f"seed={seed}", *changed)) for seed in (0, 1, 7)}

    name = "+experiment=da_ablation/full_kitti2012"
    monkeypatch.delenv("KITTI_STEREO", raising=False)
    (base,) = recipes()
    assert recipes("root=/elsewhere") == {base} != recipes("trainer.epochs=77")
    assert recipes("data.teacher='runs/da_teacher/seed=0/checkpoints/last.pt'") != {base}  # one teacher for all
    found = set()
    for folder in ("here/kitti", "there/kitti"):
        monkeypatch.setenv("KITTI_STEREO", str(tmp_path / folder))
        found |= recipes()
    assert len(found) == 1 and found != {base}


def test_hash_ignores_where_and_follows_what():
    base = config_hash(composed("+experiment=garg_kitti"))
    assert base == config_hash(
        composed("+experiment=garg_kitti", "root=/elsewhere", "trainer.device=cpu", "force=true")
    )
    assert base != config_hash(composed("+experiment=garg_kitti", "trainer.epochs=77"))
    assert base != config_hash(composed("+experiment=garg_kitti", "seed=1"))
