"""The authors' later network: sizes, zero start, gradients to every skip."""

import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.models.garg_resnet import GargResNet


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return GargResNet()


def test_features_halve_from_a_half_to_a_thirty_second(model):
    with torch.inference_mode():
        found = model.eval()._encode(torch.rand(1, 3, 64, 96))
    assert [tuple(x.shape[1:]) for x in found] == [
        (128, 32, 48),
        (128, 16, 24),
        (256, 8, 12),
        (512, 4, 6),
        (1024, 2, 3),
    ]


def test_the_first_prediction_is_zero_at_the_images_size(model):
    with torch.inference_mode():
        disp = model.eval()(torch.rand(2, 3, 64, 96), ["full"])["full"]
    assert disp.shape == (2, 1, 64, 96) and not disp.any()


def test_a_constant_score_stays_constant_to_the_border(model):
    torch.nn.init.constant_(model.scores[-1].bias, 3.0)
    with torch.inference_mode():
        disp = model.eval()(torch.rand(1, 3, 64, 96))["full"]
    torch.nn.init.zeros_(model.scores[-1].bias)
    assert torch.allclose(disp, torch.full_like(disp, 0.03), atol=1e-6)


def test_every_score_gets_a_gradient(model):
    model.train()(torch.rand(2, 3, 32, 64))["full"].sum().backward()
    assert all(score.weight.grad.abs().sum() > 0 for score in model.scores)


def test_wrong_sizes_and_levels_are_named(model):
    with pytest.raises(UserError, match="multiples of 32"):
        model(torch.rand(1, 3, 40, 64))
    with pytest.raises(UserError, match="no outputs of GargResNet"):
        model(torch.rand(1, 3, 32, 64), ["L12"])
