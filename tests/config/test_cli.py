"""Mistakes at the prompt: one line, the right name suggested, exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from depthrepro.config.cli import for_hydra, mistakes, readable
from depthrepro.config.composed import ComposedRun
from depthrepro.config.register import register_schema
from depthrepro.core.errors import UserError
from depthrepro.training.compatibility import check_arguments
from tests.config.swapping import composed

register_schema()


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "depthrepro.train", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["+experiment=garg_kiti"], "did you mean 'garg_kitti'?"),
        (["+experiment=garg_kitti", "trainer.max_step=2"], "did you mean 'trainer.max_steps'?"),
        (["+experiment=garg_kitti", "trianer.max_steps=2"], "did you mean 'trainer'?"),
        (["+experiment=garg_kitti", "optimizer.lrr=2"], "did you mean 'optimizer.lr'?"),
        (["+experiment=garg_kitti", "eval.crop=garq"], "expected one of [none, garg, eigen, nyu, "),
        (["+experiment=garg_kitti", "eval.cap_m=0.5"], "min_depth_m < cap_m"),
        (["+experiment=garg_kitti", "optimizer=adm"], "did you mean 'adam'?"),
        (["+experiment=garg_kitti", "trainer.epochs=many"], "trainer.epochs"),
        (["+experiment=garg_kitti", "trainer.device=tpu9"], "trainer.device=tpu9"),
        ([], "+experiment="),
    ],
)
def test_a_mistake_is_one_line(arguments, expected, tmp_path):
    done = run(*arguments, "logger=none", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert done.stderr.startswith("error: ") and len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_tracebacks_can_be_asked_for(tmp_path):
    done = run("+experiment=garg_kiti", cwd=tmp_path, DEPTHREPRO_TRACEBACK="1")
    assert done.returncode not in (0, 2) and "Traceback" in done.stderr


@pytest.mark.parametrize("flags", [["--help"], ["+experiment=garg_kitti", "--cfg", "job"]])
def test_help_and_config_load_neither_torch_nor_mlflow(flags, tmp_path):
    code = (
        "import runpy, sys; sys.argv = ['depthrepro.train', *sys.argv[1:]]\n"
        "try:\n    runpy.run_module('depthrepro.train', run_name='__main__', alter_sys=False)\n"
        "finally:\n    print([m for m in ('torch', 'mlflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip().endswith("[]"), done.stderr
    assert "garg_kitti" in done.stdout


PATHS = [
    *(
        "runs/da_teacher/seed=0/checkpoints/last.pt",
        "/data/it's",
        "/a\\'b'",
        "/data/Straße/写真",
        "/data/kitti (1)/x",
        "/a&b;c!",
    ),
    *("/t/#1", "/t/[x]", "/a b/c", "C:\\data\\x=1\\", "https://user:p@host/x?y=1", "plain/path", "/a,b=c"),
]


@pytest.mark.parametrize("path", PATHS)
def test_any_path_is_understood_as_it_was_typed(path):
    (word,) = for_hydra([f"data.teacher={path}"])
    assert OverridesParser.create().parse_override(word).value() == path
    typed = ["+experiment=da_student", f"data.teacher={path}"]
    assert composed(*for_hydra(typed)).data.teacher == path
    assert for_hydra([word]) == [word]  # quoted by hand, or read from a record


def test_what_hydra_reads_stays_and_home_is_a_folder():
    kept = [
        "-m",
        "seed=range(0,3)",
        "input_size=[64,192]",
        "+experiment/garg_warp=glob(*)",
        "~data.x",
        "a='x=1'",
        "b={c: 1}",
    ]
    assert for_hydra(kept) == kept == for_hydra([*kept[1:], "-m"])  # argparse finds no flag between settings
    assert for_hydra(["root=~/runs"]) == [f"root={Path.home()}/runs"]
    both = for_hydra(["-m", "data.teacher=runs/a/seed=0/last.pt,runs/a/seed=1/last.pt"])[1]
    assert list(OverridesParser.create().parse_override(both).sweep_string_iterator()) == [
        "'runs/a/seed=0/last.pt'",
        "'runs/a/seed=1/last.pt'",
    ]


def line_of(*typed):
    """What a person is told, in the order in which a run would ask."""
    with pytest.raises((*mistakes(), UserError)) as refused:
        job = ComposedRun(composed(*for_hydra(["+experiment=garg_kitti", *typed])), typed)
        check_arguments(job.cfg)
    line = readable(refused.value, typed)
    assert "\n" not in line and len(line) < 500
    return line


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("trainer.max_steps=-3", "trainer.max_steps must be at least 1, got -3"),
        ("trainer.clip_norm=nan", "trainer.clip_norm must be more than 0, got nan"),
        ("trainer.num_workers=-1", "trainer.num_workers must be at least 0, got -1"),
        ("trainer.stages.finest.share=-1", "trainer.stages.finest.share must be at least 0, got -1"),
        ("seed=-1", "seed must be at least 0, got -1"),
        ("input_size=[64]", "input_size=[64]: height and width are needed, such as [64,192]"),
        ("input_size=[64,0]", "input_size must be at least 1, got 0"),
        ("optimizer.lr=banana", "optimizer.lr=banana: Adam takes a number there"),
        ("optimizer.lr=nan", "optimizer.lr=nan: Adam takes a number there"),
        ("model.c6_filters=many", "model.c6_filters=many: GargNet takes a number there"),
        ("loss=null", "no loss is called 'null': choose one of"),
        ("~loss", "a run needs loss=..."),
        ("+experiment=../../x", "no experiment is called '../../x': a name has no .."),
        ("+trainer.epoch=3", "unknown setting 'trainer.epoch': did you mean 'trainer.epochs'?"),
        ("+eval.zzz=3", "unknown setting 'eval.zzz': choose one of alignment, cap_m"),
        ("+zzz=3", "unknown setting 'zzz': choose one of augment, cache_dir"),
        ("+input.multipel=3", "unknown setting 'input.multipel': did you mean 'input.multiple'?"),
        ("+logger.kinds=none", "unknown setting 'logger.kinds': did you mean 'logger.kind'?"),
        ("trainer.epochs=1.5", "trainer.epochs=1.5: a whole number is needed"),
        ("trainer.epochs=null", "trainer.epochs=null: null is not possible"),
        ("trainer.checkpoint_seconds=x", "trainer.checkpoint_seconds=x: a number is needed"),
        ("force=maybe", "force=maybe: true or false is needed"),
        ("input_size=banana", "input_size=banana: a list is needed, such as [64,192]"),
        (
            "data.root=/a,b",
            "data.root=/a,b has several values: -m makes a sweep of them, and \"data.root='/a,b'\" one text",
        ),
        ("data.root=[a", "data.root=[a cannot be read: its brackets or quotes do not match"),
        ("loss=5", "no loss is called '5': choose one of census"),
        ("garg_kitti", "garg_kitti is no setting: type +experiment=garg_kitti"),
        ("--experiment=x", "--experiment=x: settings have no dashes: type +experiment=x"),
        ("--trainer.epochs=3", "--trainer.epochs=3: settings have no dashes: type trainer.epochs=3"),
    ],
)
def test_what_is_told_names_the_setting_and_the_remedy(word, line):
    assert line_of(word).startswith(line)


def test_weights_that_a_network_does_not_start_from_are_told():
    told = line_of("model=garg_resnet", "initial_weights=student.pth")
    assert told == "initial_weights=student.pth: GargResNet starts from none; leave the setting out"


def test_a_group_without_a_default_is_added(monkeypatch):
    with pytest.raises(mistakes()) as refused:
        composed("experiment=garg_kitti")
    told = "experiment is not set by default: type +experiment=garg_kitti"
    assert readable(refused.value, ["experiment=garg_kitti"]) == told
