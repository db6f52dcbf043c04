"""A full disk is one line that names the disk, whatever library meets it."""

import errno
import os

import numpy as np
import pytest
import torch

from depthrepro.config.cli import mistakes_answered, readable
from depthrepro.core.checkpoint import save_checkpoint
from depthrepro.core.files import full_disk, replacing, write_atomic
from depthrepro.core.metrics_log import MetricsLog

FULL = "/dev/full"
pytestmark = pytest.mark.skipif(not os.path.exists(FULL), reason="needs /dev/full, which only Linux has")


def raised(action) -> BaseException:
    with pytest.raises((OSError, RuntimeError)) as caught:
        action()
    return caught.value


def write_array(path):
    with replacing(path) as beside, open(FULL, "wb") as file:
        beside.write_text("half of it")
        np.savez(file, values=np.zeros(100_000))


def test_every_kind_of_writing_names_the_file_and_leaves_none(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "last.pt"
    with monkeypatch.context() as patch:
        patch.setattr("depthrepro.core.checkpoint.open", lambda _, mode: open(FULL, mode), raising=False)
        errors = [raised(lambda: save_checkpoint(path, {"model": {"w": torch.zeros(100_000)}}))]
    errors.append(raised(lambda: write_array(path)))
    with monkeypatch.context() as patch:
        patch.setattr("depthrepro.core.files.os.replace", full)
        errors.append(raised(lambda: write_atomic(path, "text")))
    for error in errors:
        line = readable(error)
        assert line.startswith(f"no space is left on the disk of {path}: make room") and "\n" not in line
    assert not list(tmp_path.iterdir())


def test_a_row_of_a_log_too(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log._file = open(FULL, "ab", buffering=0)
    with log:
        line = readable(raised(lambda: log.append(1, 0, {"train/loss": 1.0})))
    assert line.startswith(f"no space is left on the disk of {tmp_path / 'metrics.jsonl'}")


def test_programs_answer_with_a_line_and_other_errors_keep_their_traceback(capsys):
    def write():
        with open(FULL, "w") as file:
            file.write("x")

    with pytest.raises(SystemExit) as left, mistakes_answered():
        write()
    assert left.value.code == 2
    assert capsys.readouterr().err == (
        "error: no space is left on a disk: make room, and the same command goes on from what is there\n"
    )
    with pytest.raises(PermissionError), mistakes_answered():
        raise PermissionError(errno.EACCES, "no")
    assert full_disk(None) is None
