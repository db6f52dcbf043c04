"""What a person names as input, and the names of the results."""

import os
from pathlib import Path

import pytest

from depthrepro.core.errors import UserError
from depthrepro.predict.inputs import find_inputs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(text: object, output: Path = Path("elsewhere")) -> list[str]:
    return [source.name for source in find_inputs(str(text), output).images]


def test_a_folder_in_natural_order_with_its_subfolders(tmp_path):
    touch(tmp_path, "frame10.png", "frame2.PNG", "trip/b.webp", "notes.txt", ".hidden/x.png", "clip.mp4", "c.HEIC")
    found = find_inputs(str(tmp_path), Path("out"))
    assert [source.name for source in found.images] == ["c", "frame2", "frame10", "trip/b"]
    assert found.ignored == 2 and found.video is None


def test_names_that_would_collide_keep_their_endings(tmp_path):
    touch(tmp_path, "a.jpg", "A.png", "b.jpg", "c.v1.jpg", "c.v2.jpg")
    assert sorted(names(tmp_path)) == ["A.png", "a.jpg", "b", "c.v1", "c.v2"]


def test_results_below_the_input_are_no_input(tmp_path):
    touch(tmp_path, "a.jpg", "depth/a_color.png", "depth2/b.png")
    assert names(tmp_path, tmp_path / "depth") == ["a", "depth2/b"]
    assert names(tmp_path / "**" / "*.png", tmp_path / "depth") == ["depth2/b"]
    with pytest.raises(UserError, match="is the input folder; name another one"):
        find_inputs(str(tmp_path), tmp_path / "depth" / "..")


def test_what_is_no_file_is_a_line_of_its_own(tmp_path):
    touch(tmp_path, "a.png", "b.png/inside.jpg")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "device.mp4").symlink_to("/dev/null")
    found = find_inputs(str(tmp_path), Path("out"))
    assert [source.name for source in found.images] == ["a", "b.png/inside"]
    told = sorted(found.unreadable)
    assert [Path(line.split(": is ")[0]).name for line in told] == ["device.mp4", "gone.jpg", "pipe.png"]
    assert all("a folder, a pipe, a device or a link to nothing" in line for line in told)
    assert len(find_inputs(str(tmp_path / "*.png"), Path("out")).unreadable) == 2  # the pattern names the folder too
    for name in ("pipe.png", "gone.jpg", "device.mp4"):
        with pytest.raises(UserError, match=rf"{name}: is a folder, a pipe, a device or a link to nothing"):
            find_inputs(str(tmp_path / name), Path("out"))


def test_a_folder_that_cannot_be_listed_is_a_line(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "locked/b.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (told,) = find_inputs(str(tmp_path), Path("out")).unreadable
    assert "a folder cannot be listed" in told and "locked" in told


def test_a_name_that_is_too_long_is_no_such_file():
    with pytest.raises(UserError, match="no such file or folder"):
        find_inputs("a" * 300 + ".jpg", Path("out"))


def test_a_pattern_and_a_file(tmp_path):
    touch(tmp_path, "x/a.jpg", "x/b.png", "y/a.jpg")
    assert names(tmp_path / "*" / "a.jpg") == ["x/a", "y/a"]
    assert names(tmp_path / "x" / "b.png") == ["b"]


def test_a_video(tmp_path):
    touch(tmp_path, "clip.MOV")
    assert find_inputs(str(tmp_path / "clip.MOV"), Path("out")).video == tmp_path / "clip.MOV"
    assert find_inputs(str(tmp_path), Path("out")).video == tmp_path / "clip.MOV"


def test_nothing_to_do_is_named(tmp_path):
    touch(tmp_path, "notes.txt")
    for text, message in ((tmp_path, "none of 1 files is an image"), (tmp_path / "n", "no such file or folder")):
        with pytest.raises(UserError, match=message):
            find_inputs(str(text), Path("out"))
    with pytest.raises(UserError, match="none of 0 files is an image"):
        find_inputs(str(tmp_path / "*.jpg"), Path("out"))
    touch(tmp_path, "a.mp4", "b.mp4")
    with pytest.raises(UserError, match="2 videos: name one of them"):
        find_inputs(str(tmp_path), Path("out"))


def test_a_file_whose_name_has_brackets_is_no_pattern(tmp_path):
    touch(tmp_path, "a[1].jpg")
    assert names(tmp_path / "a[1].jpg") == ["a[1]"]
