"""Looks: how they are written, and which seeds they take."""

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.report.looks import Look, at_looks, parse_looks
from depthrepro.report.verdict import NO_DIFFERENCE, REPRODUCED, UNDECIDED, Margin, judge

HOW = {"higher_is_better": False, "margin": Margin(0.1, relative=False)}
LOOKS = parse_looks("3:0.03 6:0.02")


def test_looks_are_read():
    assert parse_looks("6:0.03 12:0.02") == (Look(6, 0.03), Look(12, 0.02))
    assert parse_looks("3:0.05") == (Look(3, 0.05),)
    assert parse_looks("3:0.01 6:0.015 12:0.025")[2].level == 0.025  # 0.05 but for rounding


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6:0.03 12:0.03", "add up to 0.05"),
        ("6:0 12:0.03", "above 0"),
        ("6:nan", "above 0"),
        ("12:0.03 6:0.02", "must grow"),
        ("6:0.03 6:0.02", "must grow"),
        ("0:0.05", "must grow"),
        ("", "must grow"),
        ("6", "seeds:level"),
        ("six:0.05", "seeds:level"),
    ],
)
def test_looks_that_break_the_promise_are_refused(text, message):
    with pytest.raises(UserError, match=message) as error:
        parse_looks(text)
    assert "\n" not in str(error.value)


def tables(by_seed, n_images=30):
    worse = np.ones((len(by_seed), n_images))
    return worse + np.asarray(by_seed)[:, None] + 0.01 * np.random.default_rng(0).normal(size=worse.shape), worse


def test_before_the_first_look_nothing_is_decided():
    better, worse = tables([-0.5, -0.5])
    found, look = at_looks(better, worse, LOOKS, **HOW)
    assert look is None and found.verdict == UNDECIDED and not found.below_margin
    assert (found.low, found.high) == (lambda j: (j.low, j.high))(judge(better, worse, level=0.03, **HOW))


def test_the_first_decided_look_is_the_verdict_whatever_later_seeds_say():
    better, worse = tables([-0.5, -0.5, -0.5, 9.0, 9.0, 9.0, 9.0])
    found, look = at_looks(better, worse, LOOKS, **HOW)
    assert look == LOOKS[0] and found == judge(better[:3], worse[:3], level=0.03, **HOW)
    assert found.verdict == REPRODUCED


def test_an_open_look_goes_on_to_the_next_at_its_own_level():
    better, worse = tables([-0.2, 0.0, 0.2, 0.0, 0.0, 0.0, 7.0])
    assert at_looks(better[:5], worse[:5], LOOKS, **HOW) == (judge(better[:3], worse[:3], level=0.03, **HOW), LOOKS[0])
    found, look = at_looks(better, worse, LOOKS, **HOW)
    assert look == LOOKS[1] and found == judge(better[:6], worse[:6], level=0.02, **HOW)


def test_scenes_and_sets_are_handed_on():
    better, worse = tables([-0.01, 0.0, 0.01])
    labels = {"scenes": np.arange(30) // 3, "strata": np.arange(30) // 15}
    found, _ = at_looks(better.tolist(), worse.tolist(), LOOKS, **HOW, **labels)
    assert found == judge(better, worse, level=0.03, **HOW, **labels) and found.verdict == NO_DIFFERENCE
