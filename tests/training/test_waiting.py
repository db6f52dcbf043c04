"""Between two rows of the log nothing waits for the device, and a loss that is not finite still names its batch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.data.items.loader import to_device
from depthrepro.losses import silog
from depthrepro.losses.classification import CrossEntropy
from depthrepro.losses.metric import MetricLoss
from depthrepro.losses.relative import RelativeLoss
from depthrepro.losses.stereo import StereoLoss
from depthrepro.training.loss_terms import LossPart, LossTerms
from tests.tiny import tiny_loss, tiny_trainer
from tests.training.waiting import noting

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2, "clip_norm": 1.0}])
def test_the_loop_waits_at_the_rows_of_the_log_alone(tmp_path, changes):
    trainer = tiny_trainer(tmp_path, count=40, epochs=1, stages={}, log_every=4, checkpoint_seconds=1e9, **changes)
    waits: list[tuple[int, str]] = []
    with noting(lambda name: waits.append((trainer.progress.step, name))):
        trainer.fit()
    assert trainer.progress.step == 10
    # At the beginning of an epoch the loader draws a number on the CPU, and its items are arrays there.
    assert {step for step, name in waits if name != "lift_fresh"} == {0, 4, 8, 10}
    assert [name for step, name in waits if step == 0 and name != "lift_fresh"] == ["item", "_local_scalar_dense"]
    assert sum(step == 4 and name == "tolist" for step, name in waits) == 2  # the losses, and their means over ranks


@pytest.mark.parametrize("read", [lambda x: x.item(), float, bool, lambda x: x.tolist(), lambda x: x.cpu()])
def test_the_double_sees_what_waits(read):
    seen: list[str] = []
    with noting(seen.append):
        read(torch.ones(()))
    assert seen


def encoder() -> nn.Module:
    class Encoder(nn.Conv2d):
        mean, std = (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)

        def forward(self, image):
            return [super().forward(image)]

    return Encoder(3, 4, 1)


def images(*names: str) -> dict[str, torch.Tensor]:
    batch = {name: torch.rand(2, 3, 8, 12) for name in names}
    return batch | {"target": torch.rand(2, 1, 8, 12) + 1, "mask": torch.rand(2, 1, 8, 12) > 0.5}


def student() -> dict[str, torch.Tensor]:
    maps = {name: torch.rand(2, 1, 1, 8, 12) for name in ("unlabelled_target", "partner_target")}
    inside = torch.rand(2, 1, 1, 8, 12) > 0.5
    return images("image") | maps | {"unlabelled_image": torch.rand(2, 1, 3, 8, 12), "inside": inside}


CASES = {
    "stereo": (StereoLoss(), "disp_frac", images("image", "image_right")),
    "teacher": (RelativeLoss(gradient_weight=2.0), "affine_inv_depth", images("image")),
    "student": (RelativeLoss(features="unlabelled", frozen=encoder()), "affine_inv_depth", student()),
    "metric": (MetricLoss(), "depth", images("image")),
    "classes": (CrossEntropy(), "logits", images("image") | {"label": torch.tensor([0, 1])}),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_wait_for_nothing(monkeypatch, case):
    loss, output, batch = CASES[case]
    weight = torch.tensor([0.7], requires_grad=True)  # a small one leaves no pixel below the student's tolerance
    monkeypatch.setattr(silog, "_picks", lambda depth: False)  # as on a GPU

    def model(image, levels=None):
        found = image.mean(1, keepdim=True) * weight
        features = {"features": found.expand(-1, 4, -1, -1)} if "features" in (levels or ()) else {}
        return {output: found.flatten(1) if case == "classes" else found, **features}

    waits: list[str] = []
    with noting(waits.append):
        terms = loss(model, batch, None)
        torch.stack(list(terms.values())).sum().backward()
    assert waits == [] and float(weight.grad) != 0


def spoilt(at: int, seen: list | None = None):
    """A loss that is not a number in the training step number `at`."""
    calls = {"n": -1}

    def loss(model, batch, levels):
        calls["n"] += torch.is_grad_enabled()
        if seen is not None:
            seen.append(batch)
        terms = tiny_loss(model, batch, levels)
        return {k: v * math.nan if calls["n"] == at else v for k, v in terms.items()}

    return loss


@pytest.mark.parametrize(("at", "workers"), [(5, 0), (6, 2), (7, 0)])
def test_a_loss_that_is_not_finite_between_two_rows_names_its_step_and_saves_that_very_batch(tmp_path, at, workers):
    seen: list[dict] = []
    settings = {"count": 40, "epochs": 1, "stages": {}, "log_every": 4, "num_workers": workers}
    trainer = tiny_trainer(tmp_path, loss=spoilt(at, seen), checkpoint_seconds=1e9, **settings)
    with pytest.raises(UserError, match=rf"loss is nan at step {at} on tiny/\d+"):
        trainer.fit()
    saved = torch.load(tmp_path / "nonfinite" / f"step_{at}_rank_0.pt", weights_only=True)
    assert saved["step"] == at and saved["batch"]["id"] == seen[at]["id"]
    assert torch.equal(saved["batch"]["image"], seen[at]["image"])
    assert not torch.equal(saved["batch"]["image"], seen[at - 1]["image"])


def test_what_a_spoilt_step_has_done_is_never_written(tmp_path):
    settings = {"count": 40, "epochs": 1, "stages": {}, "log_every": 100}
    trainer = tiny_trainer(tmp_path, loss=spoilt(3), checkpoint_seconds=0.0, **settings)
    with pytest.raises(UserError, match="loss is nan at step 3"):
        trainer.fit()
    last = torch.load(tmp_path / "checkpoints" / "last.pt", weights_only=True)
    assert last["progress"]["step"] == 3 and all(value.isfinite().all() for value in last["model"].values())
    whole = tiny_trainer(tmp_path, checkpoint_seconds=1e9, **settings)
    assert whole.fit().step == 10  # goes on from there


def test_terms_are_those_of_reading_each_at_once():
    generator = torch.Generator().manual_seed(0)
    terms, expected = LossTerms(), {}
    for step in range(3):
        parts = []
        for weight in (0.25, 0.75):
            a, b = torch.rand(2, generator=generator)
            parts.append(LossPart.of(a + b, {"a": a, "b": b}, weight))
            for name, value in {"loss": a + b, "a": a, "b": b}.items():
                of_step = expected.setdefault(step, {})
                of_step[name] = of_step.get(name, 0.0) + float(value) * weight
        terms.add(step, parts)
    assert terms.read() == expected and terms.read() == {}


def test_pixels_in_place_give_what_picked_pixels_give(monkeypatch):
    pred, target = (torch.rand(2, 1, 9, 13, dtype=torch.float64) * 20 + 0.1 for _ in range(2))
    mask = torch.rand(2, 1, 9, 13) > 0.4
    picked, in_place = pred.clone().requires_grad_(), pred.clone().requires_grad_()
    one = silog.silog_loss(picked, target, mask=mask)
    monkeypatch.setattr(silog, "_picks", lambda depth: False)
    two = silog.silog_loss(in_place, target, mask=mask)
    one.backward(), two.backward()
    torch.testing.assert_close(one, two)
    torch.testing.assert_close(picked.grad, in_place.grad)


@GPU
def test_a_gpu_is_not_waited_for_between_two_rows(tmp_path):
    device = torch.device("cuda")
    trainer = tiny_trainer(
        tmp_path, count=40, epochs=1, stages={}, log_every=100, checkpoint_seconds=1e9, device=device, compile="false"
    )
    trainer.network.wrap(unused=False)
    batches = trainer.batches_from(0)
    trainer.step(next(batches))  # the first makes the optimizer's state
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            trainer.step(next(batches))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(trainer.terms.read()) == 4


@GPU
def test_a_gpu_gets_the_batches_that_a_cpu_gets(tmp_path):
    device = torch.device("cuda")
    trainer = tiny_trainer(tmp_path, count=40, device=device)
    whole = [to_device(batch, device) for batch in trainer.loader]
    for one, two in zip(trainer.batches_from(0), whole, strict=False):
        assert one["id"] == two["id"] and torch.equal(one["image"], two["image"])
