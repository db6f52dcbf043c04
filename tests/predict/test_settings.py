"""What is typed: read, checked and answered before anything heavy is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from depthrepro.core.errors import UserError
from depthrepro.predict.settings import Settings, parse

NEEDED = ["input=photos", "checkpoint=last.pt"]


def test_every_setting_is_read():
    typed = (
        "output=out save=png16,ply range=80,2 colormap=turbo legend=false batch_size=3 device=cpu level=L9 "
        "precision=bf16 overwrite=true "
        "video=png scale=0.5 shift=-0.1 intrinsics=700,710,320,240 intrinsics_size=640,480 "
        "baseline_m=0.54 edges=0 max_depth_m=inf"
    )
    assert parse([*NEEDED, *typed.split()]) == Settings(
        input="photos",
        checkpoint=Path("last.pt"),
        output=Path("out"),
        save=("png16", "ply"),
        range=(2.0, 80.0),
        colormap="turbo",
        legend=False,
        batch_size=3,
        device="cpu",
        precision="bf16",
        level="L9",
        overwrite=True,
        video="png",
        scale=0.5,
        shift=-0.1,
        intrinsics=(700.0, 710.0, 320.0, 240.0),
        intrinsics_size=(480, 640),
        baseline_m=0.54,
        edges=0.0,
        max_depth_m=float("inf"),
    )


def test_the_output_is_named_after_the_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "street.v2.png").touch()
    for given, expected in (("photos/", "photos_depth"), ("street.v2.png", "street.v2_depth"), ("photos/*", "depth")):
        assert parse([f"input={given}", "checkpoint=c"]).output == Path(expected)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("outptu=x", "unknown setting 'outptu': did you mean 'output'?"),
        ("photos", "photos is no setting: write input=photos"),
        ("save=png16,colour", "save=colour: did you mean 'color'?"),
        ("range=near", "range=near: write auto, image or two numbers"),
        ("range=3,3", "must differ"),
        ("range=1,2,3", "2 numbers with commas"),
        ("batch_size=0", "batch_size=0: a whole number of at least 1"),
        ("overwrite=yes", "overwrite=yes: write true or false"),
        ("video=gif", "video=gif"),
        ("precision=fp8", "precision=fp8"),
        ("scale=0.1", "scale= and shift= belong together"),
        ("scale=-1", "scale=-1: must be more than 0"),
        ("shift=inf", "shift=inf"),
        ("baseline_m=nan", "baseline_m=nan"),
        ("intrinsics=700,700,320", "intrinsics=700,700,320: 4 numbers"),
        ("intrinsics=0,700,320,240", "fx and fy must be positive"),
        ("intrinsics_size=640,480", "intrinsics= belong to, which are missing"),
        ("fov=200", "fov=200: must be at least 1 and at most 160"),
        ("colormap=", "colormap has no value"),
    ],
)
def test_mistakes_are_named(typed, message):
    with pytest.raises(UserError) as caught:
        parse([*NEEDED, *typed.split()])
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_missing_is_named():
    for argument, missing in (("input=x", "checkpoint"), ("checkpoint=x", "input")):
        with pytest.raises(UserError, match=f"{missing}= is missing"):
            parse([argument])


def test_the_camera_is_given_once():
    with pytest.raises(UserError, match="say the same thing"):
        parse([*NEEDED, "fov=60", "intrinsics=700,700,320,240"])


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [(["--help"], 0, "checkpoint="), (["inptu=x"], 2, "did you mean 'input'"), (NEEDED, 2, "no such file or folder")],
)
def test_help_and_mistakes_need_no_torch(arguments, code, expected):
    script = (
        "import sys; from depthrepro.config.cli import one_line_errors; from depthrepro.predict.__main__ import main\n"
        f"sys.argv = ['predict', *{arguments!r}]\n"
        "try: one_line_errors(main)\n"
        "finally: assert not {'torch', 'mlflow'} & set(sys.modules), 'heavy'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code and expected in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["photo.jpg", "--input=photo.jpg"])
def test_a_photograph_typed_otherwise_is_put_right(word):
    with pytest.raises(UserError, match=r"write input=photo\.jpg"):
        parse([word])
