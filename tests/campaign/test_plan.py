"""What is trained next, from made-up claims and seeds."""

import pytest

from depthrepro.campaign.plan import Question, Side, Training, counted, missing, most, next_look, plan

CPU, GPU, OLD = ("cpu", "bf16"), ("cuda", "bf16"), ("", "")


def side(name, seeds=(), here=CPU):
    there = seeds if isinstance(seeds, dict) else dict.fromkeys(seeds, CPU)
    return Side(f"recipe {name}", name, here, there)


def question(*sides, looks=(3, 6), photographs=True, closed=""):
    return Question("q", "t", photographs, looks, sides, closed)


def shown(trainings):
    return [f"{t.experiment}{t.seed}" for t in trainings]


def test_all_rows_of_a_claim_have_a_seed_before_one_has_the_next():
    assert shown(missing(question(side("a"), side("b")))) == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert shown(missing(question(side("a", (0, 1)), side("b", (1,))))) == ["b0", "a2", "b2"]
    assert shown(missing(question(side("a", (0,))))) == ["a1", "a2"]  # the other is a baseline


@pytest.mark.parametrize(
    ("seeds", "look", "due"),
    [
        ((), 3, 3),
        ((0, 1, 2), 6, 3),
        ((0, 1, 2, 3), 6, 2),
        (range(6), None, 0),
    ],
)
def test_the_next_look_says_how_many_seeds_are_missing(seeds, look, due):
    one = question(side("a", seeds), side("b", seeds))
    assert next_look(one) == look and len(missing(one)) == 2 * due


def test_a_closed_claim_gets_no_more():
    assert missing(question(side("a"), closed="seeds alone cannot: about 400 images")) == []
    assert most([question(side("a"), closed="reproduced")]) == []


def test_a_seed_counts_where_both_rows_were_trained_alike():
    mixed = question(side("a", {0: CPU, 1: GPU, 2: OLD}), side("b", {0: CPU, 1: CPU, 2: OLD}))
    assert counted(mixed) == [0, 2]
    assert shown(missing(mixed)) == ["a3", "b3"]  # seed 1 cannot be mended here


def test_a_seed_begun_on_another_machine_is_not_completed_here():
    begun = question(side("a", {0: GPU, 1: CPU}), side("b"))
    assert shown(missing(begun)) == ["b1", "a2", "b2", "a3", "b3"]
    there = question(side("a", {0: GPU}, here=GPU), side("b", here=GPU))
    assert shown(missing(there))[0] == "b0"
    never = question(side("a", here=CPU), side("b", here=("cpu", "fp32")))
    assert missing(never) == []


def test_photographs_first_then_what_is_nearest_to_its_look():
    cost = {"recipe a": 10.0, "recipe b": 10.0, "recipe c": 1.0, "recipe d": 0.1}
    questions = [
        question(side("d"), photographs=False, looks=(1,)),
        question(side("a"), side("b"), looks=(1,)),
        question(side("c"), looks=(2,)),
        question(side("c"), side("b"), looks=(1,)),  # 1 s more than the last, once b is there
    ]
    assert shown(plan(questions, lambda t: cost[t.recipe])) == ["c0", "c1", "b0", "a0", "d0"]


def test_what_two_claims_need_is_trained_once_under_one_name():
    same = Side("recipe a", "another/name", CPU, {})
    trainings = plan([question(side("a"), looks=(1,)), question(same, looks=(2,))], lambda t: 1.0)
    assert trainings == [Training("recipe a", 0, "a"), Training("recipe a", 1, "another/name")]


def test_the_most_that_may_be_needed_is_up_to_the_last_look():
    assert len(most([question(side("a", (0,)), side("b"))])) == 11
    assert most([question(side("a"), looks=())]) == []
