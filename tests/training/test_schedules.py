import pytest

from depthrepro.training.schedules import Constant, Cosine, GargDecay


def test_garg_decay_by_hand():
    decay = GargDecay(alpha=0.0005)
    assert decay(0, 10, 1000) == 1.0
    assert decay(9, 10, 1000) == 1.0  # still epoch 1
    assert decay(10, 10, 1000) == pytest.approx(1 / 1.001)  # epoch 2
    assert decay(20, 10, 1000) == pytest.approx((1 / 1.0015) ** 2)  # epoch 3
    assert decay(990, 10, 1000) == pytest.approx(0.008, abs=0.0003)  # epoch 100: 0.8 % of the start


def test_cosine_rises_then_falls_to_its_floor():
    cosine = Cosine(warmup=0.2, floor=0.1)
    factors = [cosine(s, 1, 11) for s in range(11)]
    assert factors[:2] == pytest.approx([1 / 3, 2 / 3])
    assert factors[2] == pytest.approx(1.0)
    assert factors[6] == pytest.approx(0.55)  # half-way between 1 and the floor
    assert factors[10] == pytest.approx(0.1)


def test_constant():
    assert {Constant()(s, 3, 9) for s in range(9)} == {1.0}


def test_one_cycle_keeps_its_peak_for_seventy_percent_then_falls():
    from depthrepro.training.schedules import OneCycle

    factors = [OneCycle()(step, 10, 100) for step in range(100)]
    assert factors[:70] == [1.0] * 70
    assert factors[-1] == pytest.approx(1e-4) and factors[69:] == sorted(factors[69:], reverse=True)
    rising = [OneCycle(rise=0.5, start=0.1)(step, 10, 11) for step in range(11)]
    assert rising[0] == pytest.approx(0.1) and max(rising) <= 1.0
