"""The mean of the last epochs' weights: which epochs, by hand, resumed to the bit."""

import pytest
import torch

from depthrepro.config.schema import Stage, TrainerConfig
from depthrepro.core.errors import UserError
from depthrepro.training.average import EpochAverage
from depthrepro.training.stages import make_plan
from tests.tiny import tiny_config, tiny_loss, tiny_trainer


class Killed(Exception):  # noqa: N818
    """Stands for SIGKILL."""


def weights(trainer):
    return {k: v.clone() for k, v in trainer.model.state_dict().items()}


def ends_of_epochs(tmp_path, epochs):
    """Weights at the ends of the first epochs of the tiny training, by trainings that stop there."""
    per_epoch = len(tiny_trainer(tmp_path / "count").batches)
    found = []
    for epoch in range(1, epochs + 1):
        trainer = tiny_trainer(tmp_path / f"until{epoch}", max_steps=epoch * per_epoch)
        trainer.fit()
        found.append(weights(trainer))
    return found


def test_the_last_checkpoint_is_the_mean_of_the_last_epochs(tmp_path):
    plain = ends_of_epochs(tmp_path, 3)  # one epoch of the coarse stage, two of the fine one
    trainer = tiny_trainer(tmp_path / "mean", average_epochs=2)
    trainer.fit()
    checkpoint = torch.load(tmp_path / "mean" / "checkpoints" / "last.pt", weights_only=True)
    saved = checkpoint["model"]
    assert checkpoint["average"]["mean"] == {}, "weights twice in every finished run"
    for name, value in weights(trainer).items():
        torch.testing.assert_close(value, (plain[1][name] + plain[2][name]) / 2)
        assert torch.equal(value, saved[name])


def test_epochs_of_an_earlier_stage_do_not_count(tmp_path):
    two, five = (tiny_trainer(tmp_path / str(n), average_epochs=n) for n in (2, 5))
    two.fit()
    five.fit()
    assert all(torch.equal(v, weights(five)[k]) for k, v in weights(two).items())


def test_a_resumed_training_has_the_same_mean(tmp_path):
    whole = tiny_trainer(tmp_path / "whole", average_epochs=2)
    whole.fit()
    calls = {"n": 0}

    def dies(model, batch, levels):
        calls["n"] += torch.is_grad_enabled()
        if calls["n"] == len(whole.batches) * 2 + 2:  # in the last epoch, with one epoch taken in
            raise Killed
        return tiny_loss(model, batch, levels)

    with pytest.raises(Killed):
        tiny_trainer(tmp_path / "cut", loss=dies, average_epochs=2).fit()
    resumed = tiny_trainer(tmp_path / "cut", average_epochs=2)
    resumed.fit()
    assert all(torch.equal(v, weights(resumed)[k]) for k, v in weights(whole).items())


def test_whole_numbers_stay_the_last_ones():
    model = torch.nn.BatchNorm1d(2)
    plan = make_plan(TrainerConfig(epochs=2, stages={"all": Stage()}), 1, ["L9"])
    average = EpochAverage(2, plan)
    for epoch, mean in enumerate((1.0, 4.0)):
        model.running_mean.fill_(mean)
        model.num_batches_tracked.fill_(epoch + 1)
        average.add(model, epoch)
    average.put_into(model)
    assert model.running_mean.tolist() == [2.5, 2.5] and model.num_batches_tracked == 2


def test_a_negative_number_of_epochs_is_refused():
    with pytest.raises(UserError, match=r"trainer\.average_epochs must be at least 0, got -1"):
        tiny_config(average_epochs=-1)
