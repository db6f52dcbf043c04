"""Nothing that happens to a program's output ends the program."""

import os
import subprocess
import sys

import pytest

WORK = (
    "import sys, time; from depthrepro.config.cli import one_line_errors\n"
    "def work():\n"
    "    for line in range(3): print('δ < 1.25 ±', line, flush=True); time.sleep(0.1)\n"
    "    print('δ', file=sys.stderr); open(sys.argv[1], 'w').close()\n"
    "one_line_errors(work)"
)


@pytest.mark.parametrize(
    "shell",
    [
        "{work}",
        "{work} | head -1; exit ${{PIPESTATUS[0]}}",
        "{work} 2>&1 | head -1; exit ${{PIPESTATUS[0]}}",
        "{work} >&-",
        "{work} >&- 2>&-",
        "{work} <&- >&- 2>&-",
        "{work} >/dev/full",
        "PYTHONIOENCODING=ascii {work}",
        "PYTHONIOENCODING=latin-1 {work}",
        "LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0 {work}",
    ],
)
def test_the_work_is_done_whoever_reads(shell, tmp_path):
    done = tmp_path / "done"
    script = tmp_path / "work.py"
    script.write_text(WORK, encoding="utf-8")
    command = ["bash", "-c", shell.format(work=f"{sys.executable} {script} {done}")]
    ended = subprocess.run(command, capture_output=True, timeout=60)
    assert ended.returncode == 0 and b"Traceback" not in ended.stderr, ended.stderr
    assert done.exists()


def test_the_list_of_programs_can_be_cut_short():
    command = f"{sys.executable} -m depthrepro | head -1; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "") and ended.stdout.startswith("usage: ")


def test_a_file_does_not_become_the_closed_output(tmp_path):
    code = (
        "import sys; from depthrepro.core.streams import make_streams_last; make_streams_last()\n"
        f"file = open({str(tmp_path / 'data')!r}, 'w'); print('said'); file.write('data'); file.close()"
    )
    subprocess.run(["bash", "-c", f'{sys.executable} -c "$CODE" >&-'], env={**os.environ, "CODE": code}, check=True)
    assert (tmp_path / "data").read_text() == "data"
