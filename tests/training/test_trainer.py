"""The loop: resume to the bit, stop on request, refuse non-finite losses, and agree with itself however it is cut."""

import json
import os
import signal

import pytest
import torch
from torch import Tensor

from depthrepro.config.schema import Stage
from depthrepro.core.errors import UserError
from depthrepro.core.interrupt import Stopped
from tests.tiny import tiny_loss, tiny_trainer


class Killed(Exception):  # noqa: N818
    """Stands for SIGKILL: nothing after it runs."""


def die_after(steps: int):
    """A loss that works `steps` times, then ends the process's work at once."""
    calls = {"n": 0}

    def loss(model, batch, levels) -> dict[str, Tensor]:
        if torch.is_grad_enabled():
            calls["n"] += 1
            if calls["n"] > steps:
                raise Killed
        return tiny_loss(model, batch, levels)

    return loss


def weights(trainer):
    return {k: v.clone() for k, v in trainer.model.state_dict().items()}


def rows(path):
    drop = {"time", "metrics"}
    out = []
    for line in (path / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        metrics = {k: v for k, v in row["metrics"].items() if k != "train/images_per_second"}
        out.append(({k: v for k, v in row.items() if k not in drop}, metrics))
    return out


@pytest.mark.parametrize("cut", [1, 2, 3, 5])  # in the first epoch, at its end, and in the second stage
def test_resume_is_bit_exact(tmp_path, cut):
    whole = tiny_trainer(tmp_path / "whole")
    whole.fit()
    with pytest.raises(Killed):
        tiny_trainer(tmp_path / "cut", loss=die_after(cut)).fit()
    resumed = tiny_trainer(tmp_path / "cut", seed=0)
    resumed.fit()
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(resumed)[name]), name
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")
    best = [torch.load(tmp_path / d / "checkpoints" / "best.pt", weights_only=True) for d in ("whole", "cut")]
    assert best[0]["step"] == best[1]["step"] and best[0]["val_loss"] == best[1]["val_loss"]


def test_checkpoints_older_than_the_log_replay_without_repeating_rows(tmp_path):
    tiny_trainer(tmp_path / "whole", checkpoint_seconds=0.0, log_every=1).fit()
    with pytest.raises(Killed):  # only best.pt and the log are written before the end
        tiny_trainer(tmp_path / "cut", loss=die_after(4), checkpoint_seconds=1e9, log_every=1).fit()
    assert not (tmp_path / "cut" / "checkpoints" / "last.pt").exists()
    tiny_trainer(tmp_path / "cut", checkpoint_seconds=1e9, log_every=1).fit()
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_finishes_the_step_and_saves(number, tmp_path):
    calls = {"n": 0}

    def loss(model, batch, levels):
        calls["n"] += torch.is_grad_enabled()
        if calls["n"] == 3:
            os.kill(os.getpid(), number)
        return tiny_loss(model, batch, levels)

    with pytest.raises(Stopped) as stopped:
        tiny_trainer(tmp_path, loss=loss, checkpoint_seconds=1e9).fit()
    assert stopped.value.signal_number == number
    saved = torch.load(tmp_path / "checkpoints" / "last.pt", weights_only=True)
    assert saved["progress"]["step"] == 3


def test_non_finite_loss_stops_and_saves_the_batch(tmp_path):
    def loss(model, batch, levels):
        terms = tiny_loss(model, batch, levels)
        return {k: v * float("nan") for k, v in terms.items()}

    with pytest.raises(UserError, match=r"loss is nan at step 0 on tiny/\d+"):
        tiny_trainer(tmp_path, loss=loss).fit()
    saved = torch.load(tmp_path / "nonfinite" / "step_0_rank_0.pt", weights_only=True)
    assert saved["batch"]["image"].shape == (4, 3, 12, 20) and len(saved["batch"]["id"]) == 4


def test_accumulated_gradients_equal_the_whole_batch(tmp_path):
    whole, parts = tiny_trainer(tmp_path / "a"), tiny_trainer(tmp_path / "b", accumulate=3)
    whole.fit()
    parts.fit()
    for name, value in weights(whole).items():
        torch.testing.assert_close(value, weights(parts)[name], rtol=1e-4, atol=1e-6)


def test_worker_processes_change_nothing(tmp_path):
    alone, helped = tiny_trainer(tmp_path / "a"), tiny_trainer(tmp_path / "b", num_workers=2)
    alone.fit()
    helped.fit()
    assert all(torch.equal(v, weights(helped)[k]) for k, v in weights(alone).items())


def test_seeds_differ(tmp_path):
    one, two = tiny_trainer(tmp_path / "a", seed=1), tiny_trainer(tmp_path / "b", seed=2)
    one.fit()
    two.fit()
    assert not torch.equal(one.model.features.weight, two.model.features.weight)


def test_coarse_stage_leaves_finer_layers_alone(tmp_path):
    trainer = tiny_trainer(tmp_path, epochs=1, stages={"coarse": Stage(["L9"])})
    before = trainer.model.fine.weight.clone()
    trainer.fit()
    assert torch.equal(trainer.model.fine.weight, before)


def test_the_loss_falls(tmp_path):
    tiny_trainer(tmp_path, epochs=12, log_every=2, stages={"all": Stage(["L9", "L10"])}).fit()
    losses = [m["train/loss"] for _, m in rows(tmp_path) if "train/loss" in m]
    assert losses[-1] < 0.2 * losses[0]


def test_best_belongs_to_the_last_stage(tmp_path):
    trainer = tiny_trainer(tmp_path)
    progress = trainer.fit()
    first_of_last_stage = trainer.plan.stages[-1].first_epoch * trainer.plan.steps_per_epoch
    best = torch.load(tmp_path / "checkpoints" / "best.pt", weights_only=True)
    assert best["step"] == progress.best_step > first_of_last_stage


def test_clipping_bounds_the_update(tmp_path):
    trainer = tiny_trainer(tmp_path, clip_norm=1e-3, max_steps=1)
    before = weights(trainer)
    trainer.fit()
    moved = sum(float(((v - before[k]) ** 2).sum()) for k, v in weights(trainer).items()) ** 0.5
    factor = trainer.schedule(0, 2, 6)
    assert 0 < moved <= 1.001 * 0.05 * factor * 1e-3


@pytest.mark.parametrize("precision", ["bf16"])
def test_autocast_trains(tmp_path, precision):
    from depthrepro.config.schema import Precision

    trainer = tiny_trainer(tmp_path, precision=Precision(precision))
    trainer.fit()
    assert all(v.dtype == torch.float32 and bool(v.isfinite().all()) for v in weights(trainer).values())


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    tiny_trainer(tmp_path).fit()
    with pytest.raises(UserError, match=r"another data set.*force=true"):
        tiny_trainer(tmp_path, identity={"config": "c", "data_set": "other"}).fit()


def test_too_few_pairs_for_a_batch(tmp_path):
    with pytest.raises(UserError, match=r"3 items, fewer than trainer\.batch_size=4"):
        tiny_trainer(tmp_path, count=3)


def test_forecast_leaves_no_trace(tmp_path):
    told, silent = tiny_trainer(tmp_path / "a"), tiny_trainer(tmp_path / "b")
    assert told.forecast_seconds(0) > 0
    told.fit()
    silent.fit()
    assert all(torch.equal(v, weights(silent)[k]) for k, v in weights(told).items())
