"""Which jobs a command means, and what is told before any of them starts."""

import importlib
import json
from types import SimpleNamespace

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from omegaconf import OmegaConf

from depthrepro.config.identity import config_hash
from depthrepro.config.schema import CONFIG_DIR, load_config
from depthrepro.core.errors import UserError
from depthrepro.sweep import plan
from depthrepro.sweep.folder import SweepFolder
from depthrepro.sweep.launch import jobs_at_once
from depthrepro.sweep.plugins import launcher_name, register_plugins
from depthrepro.sweep.session import Session

TABLE = "+experiment/garg_warp=glob(*)"


@pytest.fixture(autouse=True)
def loader(monkeypatch):
    """Hydra's own, as a program has it; nothing but synthetic data."""
    for name in ("KITTI_RAW", "KITTI_STEREO", "KITTI_2015"):
        monkeypatch.delenv(name, raising=False)
    import depthrepro.train  # noqa: F401 - registers schema and plug-ins

    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


def planned(loader, *typed):
    master = loader.load_configuration("config", [], run_mode=_multirun())
    return plan.plan_jobs(typed, master, loader)


def _multirun():
    from hydra.types import RunMode

    return RunMode.MULTIRUN


def test_the_jobs_are_those_of_hydras_sweeper_in_its_order(loader):
    typed = [TABLE, "seed=range(0,3)", "optimizer.lr=0.1,0.2", "trainer.epochs=1", "input_size=[48,160]"]
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(typed)
    (basic,) = [found for found in Plugins.instance().discover(Sweeper) if found.__name__ == "BasicSweeper"]
    (expected,) = basic.split_arguments(parsed, None)
    jobs = plan.expand(typed, loader)
    assert jobs == expected and len(jobs) == 2 * 3 * 2
    assert jobs[1] == [
        "+experiment/garg_warp=exact", "seed=0", "optimizer.lr=0.2", "trainer.epochs=1", "input_size=[48,160]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        (["+experiment/garg_warp=glob(x*)"], ["glob(x*)", "experiment/garg_warp has exact, linearised"]),
        (["+experiment/garg_wrap=glob(*)"], ["no group 'garg_wrap'", "did you mean 'garg_warp'?"]),
        (["+experiment=glob(garg_warp/*)"], ["matches nothing", "'+experiment/<table>=glob(*)'"]),
        (["+experiment=garg_kitti", "seed=range(3,3)"], ["seed=range(3,3) gives no job at all"]),
        (["seed=0,1"], ["which experiment?"]),
        ([TABLE, "trainer.max_step=1,2"], ["did you mean 'trainer.max_steps'?", "+experiment/garg_warp=exact"]),
        ([TABLE, "eval.cap_m=50,0.5"], ["min_depth_m < cap_m", "eval.cap_m=0.5"]),
        (["+experiment/garg_warp=exact,linearized"], ["did you mean 'linearised'?"]),
        ([TABLE, "seed=0,q"], ["seed=q: a whole number is needed"]),
        ([TABLE, "trainer.epochs=2,9"], ["trainer.epochs=2 is fewer than the", "in the job +experiment"]),
        (["+experiment/garg_resolution=glob(*)", "trainer.epochs=1"], ["trainer.epochs=1 is fewer than the"]),
    ],
)
def test_a_mistake_in_any_job_is_one_line(loader, typed, parts):
    with pytest.raises(UserError) as told:
        planned(loader, *typed)
    message = str(told.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


def test_two_jobs_with_one_run_directory_are_both_named(loader, tmp_path):
    with pytest.raises(UserError, match=r"same run directory .*garg_warp=exact.* and .*garg_warp=linearised"):
        planned(loader, TABLE, f"run_dir={tmp_path}")


def test_a_directory_with_another_configurations_run_is_told_before_anything_starts(loader, tmp_path):
    job = planned(loader, "+experiment=garg_kitti", f"root={tmp_path}")[0]
    job.run.path.mkdir(parents=True)
    (job.run.path / "status.json").write_text('{"status": "done", "config_hash": "other"}')
    with pytest.raises(UserError, match=r"1 of 2 run directories .*force=true"):
        planned(loader, "+experiment=garg_kitti", f"root={tmp_path}", "seed=0,1")
    assert len(planned(loader, "+experiment=garg_kitti", f"root={tmp_path}", "seed=0,1", "force=true")) == 2


def test_a_saved_job_is_the_composed_one(loader, tmp_path):
    for job in planned(loader, TABLE, "seed=0,2", f"root={tmp_path}"):
        file = tmp_path / f"{job.number}.yaml"
        file.write_text(plan.snapshot_text(job))
        cfg = load_config(file)
        assert config_hash(cfg) == job.hash
        assert cfg.logger.run_name is None  # its place in runs/ is its name
        assert job.run.path.parts[-3:] == ("garg_warp", job.row, f"seed={job.cfg.seed}")
    assert job.label == "linearised seed=2" and job.number == 4
    named = planned(loader, TABLE, "logger.run_name=mine", f"root={tmp_path}")[0]
    assert OmegaConf.create(plan.snapshot_text(named)).logger.run_name == "mine"


def test_rows_are_named_by_their_option_and_by_the_settings_that_vary():
    combinations = [["+experiment/t=a", f"optimizer.lr={lr}", f"seed={s}"] for lr in (1, 2) for s in (0, 1)]
    assert plan.row_labels(combinations, ["t/a"] * 4) == ["lr=1", "lr=1", "lr=2", "lr=2"]
    clash = [["loss.weight=1", "model.weight=1"], ["loss.weight=2", "model.weight=2"]]
    assert plan.row_labels(clash, ["x", "x"]) == ["loss.weight=1 model.weight=1", "loss.weight=2 model.weight=2"]
    assert plan.row_labels([["seed=0"], ["seed=1"]], ["x", "x"]) == ["x", "x"]


def test_the_same_command_finds_its_folder_whatever_runs_it():
    name = plan.folder_name("garg_warp", [TABLE, "seed=0,1"])
    same = ["logger=none", "seed=0,1", "hydra/launcher=joblib", "force=true", TABLE, "hydra.launcher.n_jobs=3"]
    assert plan.folder_name("garg_warp", same) == name and name.startswith("garg_warp-")
    assert plan.folder_name("garg_warp", [TABLE, "seed=0,1,2"]) != name
    assert "/" not in plan.folder_name("garg_warp/exact", [])
    on_real_data = [SimpleNamespace(cfg=OmegaConf.create({"data": {"root": "/kitti"}}))]
    assert plan.folder_name("garg_warp", [TABLE, "seed=0,1"], on_real_data) != name
    assert plan.sweep_name(["a/x", "b/x"]) == "mixed"


@pytest.mark.parametrize(
    ("launcher", "setting", "expected"), [("joblib", "n_jobs", 2), ("submitit_slurm", "max_num_timeout", 5)]
)
def test_launchers_have_our_defaults(loader, launcher, setting, expected):
    cfg = loader.load_configuration("config", [f"hydra/launcher={launcher}"], run_mode=_multirun())
    assert cfg.hydra.launcher[setting] == expected
    assert GlobalHydra.instance().is_initialized()


def test_a_launcher_that_is_not_installed_is_named_with_the_way_to_it(loader, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("importlib.util.find_spec", lambda name: None)
        register_plugins()
    try:
        cfg = loader.load_configuration("config", ["hydra/launcher=joblib"], run_mode=_multirun())
        with pytest.raises(UserError, match=r"pip install -e '\.\[cluster\]'"):
            launcher_name(cfg)
    finally:
        monkeypatch.setattr("hydra.core.plugins.Plugins.instance", lambda: None)
        for name in ("joblib", "submitit"):
            importlib.reload(importlib.import_module(f"hydra_plugins.hydra_{name}_launcher.config"))
        register_plugins()


def test_as_many_jobs_run_at_once_as_share_the_machine():
    cfg = OmegaConf.create({"hydra": {"launcher": {"n_jobs": 3}}})
    at_once = [jobs_at_once(cfg, name, 5) for name in ("basic", "joblib", "submitit_local", "submitit_slurm")]
    assert at_once == [1, 3, 5, 1]
    assert jobs_at_once(cfg, "joblib", 2) == 2


def test_what_is_launched_is_saved_and_the_record_of_a_finished_job_stays(loader, tmp_path, capsys):
    jobs = planned(loader, TABLE, f"root={tmp_path}", "logger=none")
    for job in jobs:
        job.run.path.mkdir(parents=True)
        job.run.summary.write_text('{"metrics": {}}')
        job.run.status_file.write_text(json.dumps({"status": "done", "config_hash": job.hash}))
    folder = SweepFolder(tmp_path / "sweep")

    def launched():
        session = Session(folder, "garg_warp", jobs, [])
        numbers = session.launch("basic", 1, None)
        if numbers:
            with pytest.raises(SystemExit):
                session.finish()  # without having run them
        else:
            session.finish()
        return numbers, [folder.snapshot(job.number).stat().st_ino for job in jobs]

    (first, files), (again, same) = launched(), launched()
    assert first == again == [] and files == same
    assert [folder.snapshot(job.number).read_text() for job in jobs] == [plan.snapshot_text(job) for job in jobs]
    jobs[1].run.status_file.write_text(json.dumps({"status": "stopped", "config_hash": jobs[1].hash}))
    numbers, files = launched()
    assert numbers == [2] and files[0] == same[0] and files[1] != same[1]
