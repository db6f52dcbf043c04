"""Mistakes at the prompt: one line, the right name suggested, exit code 2."""

import os
import subprocess
import sys

import pytest


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
        (["+experiment=garg_kitti", "trainer.max_step=2"], "did you mean 'max_steps'?"),
        (["+experiment=garg_kitti", "trianer.max_steps=2"], "did you mean 'trainer'?"),
        (["+experiment=garg_kitti", "optimizer.lrr=2"], "did you mean 'lr'?"),
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
