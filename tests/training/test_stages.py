from contextlib import nullcontext

import pytest

from depthrepro.config.schema import Stage, TrainerConfig
from depthrepro.core.errors import UserError
from depthrepro.training.stages import check_epochs
from depthrepro.training.stages import make_plan as plan_of

LEVELS = ("L9", "L10", "L11")


def make_plan(config, steps_per_epoch, levels=LEVELS):
    return plan_of(config, steps_per_epoch, levels)


def config(epochs, shares, **changes):
    stages = {f"S{i}": Stage([f"L{9 + i}"], share=s, lr_factor=1 / (i + 1)) for i, s in enumerate(shares)}
    return TrainerConfig(epochs=epochs, stages=stages, **changes)


def test_epochs_are_divided_by_share_and_none_is_lost():
    plan = make_plan(config(10, [1, 1, 2]), steps_per_epoch=3)
    assert [(s.first_epoch, s.epochs) for s in plan.stages] == [(0, 2), (2, 3), (5, 5)]  # 2.5 rounds to even
    assert plan.total_steps == 30


def test_every_stage_gets_an_epoch_however_small_its_share():
    plan = make_plan(config(3, [1, 100, 1]), steps_per_epoch=1)
    assert [s.epochs for s in plan.stages] == [1, 1, 1]


def test_a_stage_without_share_is_left_out():
    plan = make_plan(config(4, [0, 1]), steps_per_epoch=1)
    assert [s.name for s in plan.stages] == ["S1"]


def test_steps_find_their_epoch_and_stage():
    plan = make_plan(config(4, [1, 1]), steps_per_epoch=5)
    assert [plan.epoch(s) for s in (0, 4, 5, 19)] == [0, 0, 1, 3]
    assert [plan.stage(s).name for s in (0, 9, 10, 19)] == ["S0", "S0", "S1", "S1"]
    assert [s for s in range(20) if plan.ends_epoch(s)] == [4, 9, 14, 19]
    assert [s for s in range(20) if plan.ends_stage(s)] == [9, 19]


def test_max_steps_ends_early_but_leaves_the_schedule_alone():
    plan = make_plan(config(4, [1, 1], max_steps=7), steps_per_epoch=5)
    assert (plan.total_steps, plan.planned_steps) == (7, 20)
    assert plan.ends_epoch(6) and plan.ends_stage(6)


@pytest.mark.parametrize(("epochs", "shares", "word"), [(1, [1, 1], "fewer"), (3, [0], "share")])
def test_impossible_plans_are_refused(epochs, shares, word):
    with pytest.raises(UserError, match=word):
        make_plan(config(epochs, shares), steps_per_epoch=1)


def test_no_epochs_are_refused():
    with pytest.raises(UserError, match=r"trainer\.epochs"):
        TrainerConfig(epochs=0)


def test_without_stages_all_declared_outputs_are_trained_at_once():
    plan = make_plan(TrainerConfig(epochs=3), steps_per_epoch=1)
    assert [(s.name, s.levels, s.epochs) for s in plan.stages] == [("all", LEVELS, 3)]


def test_the_finest_output_leaves_finer_stages_and_levels_out():
    stages = {"coarse": Stage(["L9"]), "both": Stage(["L9", "L11"]), "fine": Stage(["L10", "L11"]), "all": Stage()}
    plan = make_plan(TrainerConfig(epochs=8, stages=stages, finest="L10"), steps_per_epoch=1)
    assert [(s.name, s.levels) for s in plan.stages] == [
        ("coarse", ("L9",)),
        ("both", ("L9",)),
        ("fine", ("L10",)),
        ("all", ("L9", "L10")),
    ]
    plan = make_plan(TrainerConfig(epochs=8, stages=stages, finest="L9"), steps_per_epoch=1)
    assert [s.name for s in plan.stages] == ["coarse", "both", "all"]


def test_a_finest_output_that_no_stage_trains_is_named():
    stages = {"fine": Stage(["L10"])}
    with pytest.raises(UserError, match=r"trainer\.finest=L9: every stage trains finer outputs"):
        make_plan(TrainerConfig(epochs=2, stages=stages, finest="L9"), steps_per_epoch=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"stages": {"x": Stage(["L9"])}},
            r"stages\.x: the network has no output L9, it has full; .*=end_to_end",
        ),
        ({"finest": "L9"}, r"finest=L9: the network has no output L9, it has full"),
    ],
)
def test_outputs_of_another_network_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        make_plan(TrainerConfig(epochs=2, **changes), steps_per_epoch=1, levels=("full",))


@pytest.mark.parametrize(
    ("epochs", "finest", "refused"), [(2, None, True), (3, None, False), (1, "L9", False), (1, "L10", True)]
)
def test_too_few_epochs_are_refused_without_a_network(epochs, finest, refused):
    stages = {"a": Stage(["L8", "L9"]), "b": Stage(["L10"]), "c": Stage(["L10", "L11"]), "off": Stage(share=0)}
    config = TrainerConfig(epochs=epochs, stages=stages, finest=finest)
    with pytest.raises(UserError, match="is fewer than the") if refused else nullcontext():
        check_epochs(config)
    with pytest.raises(UserError, match="is fewer than the") if refused else nullcontext():
        plan_of(config, 1, ["L8", "L9", "L10", "L11"])
