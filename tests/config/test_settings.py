"""Settings from a schema: their values, their help, and one line for each mistake."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from depthrepro.config.settings import (
    choice,
    choices,
    help_text,
    number,
    override,
    parse,
    setting,
    to_bool,
    to_count,
    to_folder,
    to_output_folder,
    to_path,
    typed_value,
)
from depthrepro.core.errors import UserError


@dataclass(frozen=True)
class Settings:
    tables: tuple[str, ...]
    folder: Path = setting("where it is", read=to_path)
    colour: str = setting("of the bar", "red", read=choice("red", "green"))
    parts: tuple[str, ...] = setting("what is made", ("a", "b"), read=choices("a", "b", "c"))
    loud: bool = setting("whether it is heard", False, read=to_bool)
    times: int = setting("how often", 3, read=to_count, heading="Numbers:")
    share: float = setting("a share (default: all of it)", 1.0, read=number(0, most=1, above=True))


def typed(*words):
    return parse(Settings, words, "depthrepro.x", further=["eval.cap_m"], tables=("t",))


def test_values_have_the_types_of_the_schema():
    found = typed("folder=~/a=b", "parts=c,a,c", "loud=True", "times=007", "share=0.5")
    assert found == Settings(("t",), Path("~/a=b").expanduser(), "red", ("c", "a"), True, 7, 0.5)
    assert typed("folder=007").folder == Path("007"), "a name is not read as a number"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["foldr=x"], "unknown setting 'foldr': did you mean 'folder'?"),
        (["cap_m=3"], "unknown setting 'cap_m': did you mean 'eval.cap_m'?"),
        (["folder"], "folder has no value: write folder=..."),
        (["eval.cap_m"], "eval.cap_m has no value: write eval.cap_m=..."),
        (["qqq=x"], "unknown setting 'qqq': choose one of colour, eval.cap_m, "),
        ([], "folder= is missing; python -m depthrepro.x --help lists the settings"),
        (["colour=gren"], "colour=gren: did you mean 'green'?"),
        (["parts=a,d"], "parts=d: choose one of a, b, c"),
        (["loud=yes"], "loud=yes: write true or false"),
        (["times=0"], "times=0: a whole number of at least 1 is needed"),
        (["share=0"], "share=0: must be more than 0 and at most 1"),
        (["share=half"], "share=half: is no number"),
    ],
)
def test_mistakes_are_told_in_one_line(words, message):
    with pytest.raises(UserError) as caught:
        typed(*words)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_help_comes_from_the_schema():
    assert help_text(Settings).splitlines() == [
        "folder=          where it is",
        "colour=          of the bar (default: red)",
        "parts=           what is made (default: a,b)",
        "loud=            whether it is heard (default: false)",
        "",
        "Numbers:",
        "times=           how often (default: 3)",
        "share=           a share (default: all of it)",
    ]


def test_a_configuration_that_is_there_is_changed_by_key():
    cfg = OmegaConf.create({"a": {"b": 1, "c": {"d": "x"}}})
    override(cfg, {"a.b": typed_value("2"), "a.c.d": typed_value("[1, null]")})
    assert cfg == {"a": {"b": 2, "c": {"d": [1, None]}}}
    for key, message in (("a.bb", "'a.bb': did you mean 'a.b'"), ("a.b.x", "'a.b.x'"), ("z", "'z': choose one of a")):
        with pytest.raises(UserError, match=f"unknown setting {message}"):
            override(cfg, {key: 1})


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("photo.jpg", "photo.jpg is no setting: write folder=photo.jpg"),
        ("--folder", "--folder: settings have no dashes: write folder=..."),
        ("--colour=red", "--colour=red: settings have no dashes: write colour=red"),
        ("-folder=x", "-folder=x: settings have no dashes: write folder=x"),
        ("--input", "unknown setting '--input'"),
    ],
)
def test_words_of_other_programs_are_put_right(word, line):
    with pytest.raises(UserError) as refused:
        typed(word)
    assert str(refused.value).startswith(line)


def test_a_folder_that_was_typed_must_be_there(tmp_path):
    assert to_folder("runs", str(tmp_path)) == tmp_path
    with pytest.raises(UserError, match="runs=nowhere: no such folder"):
        to_folder("runs", "nowhere")


def test_a_file_in_the_way_of_an_output_folder_is_named(tmp_path):
    (tmp_path / "a").touch()
    assert to_output_folder("out", str(tmp_path / "new" / "b")) == tmp_path / "new" / "b"
    for place in ("a", "a/b"):
        with pytest.raises(UserError, match=f"out=.*{place}: a file is in the way; name a folder"):
            to_output_folder("out", str(tmp_path / place))
