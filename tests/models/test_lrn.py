"""Local response normalisation against PyTorch's own and by hand."""

import pytest
import torch
import torch.nn.functional as F

from depthrepro.models.lrn import LocalResponseNorm


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("alpha", [1e-4, 1.0])
def test_values_and_gradients_are_pytorchs(alpha, memory_format):
    torch.manual_seed(0)
    x = torch.randn(2, 96, 5, 7).contiguous(memory_format=memory_format).requires_grad_()
    upstream = torch.randn(2, 96, 5, 7)
    results = []
    for norm in (
        LocalResponseNorm(96, size=5, alpha=alpha, beta=0.75, k=1.0),
        lambda x: F.local_response_norm(x, size=5, alpha=alpha, beta=0.75, k=1.0),
    ):
        y = norm(x)
        results.append((y.detach(), torch.autograd.grad((y * upstream).sum(), x)[0]))
    torch.testing.assert_close(results[0], results[1], atol=1e-6, rtol=1e-6)


def test_by_hand_with_the_window_cut_off_at_the_first_channel():
    norm = LocalResponseNorm(4, size=3, alpha=3.0, beta=0.5, k=2.0)
    x = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1)
    expected = [
        1 / (2 + 1 + 4) ** 0.5,
        2 / (2 + 1 + 4 + 9) ** 0.5,
        3 / (2 + 4 + 9 + 16) ** 0.5,
        4 / (2 + 9 + 16) ** 0.5,
    ]
    assert norm(x).flatten().tolist() == pytest.approx(expected)


def test_under_autocast_the_norm_is_computed_in_full_precision():
    x = torch.randn(1, 96, 4, 4).bfloat16()
    norm = LocalResponseNorm(96, alpha=1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = norm(x)
    assert y.dtype == torch.bfloat16
    # What remains is the rounding of the factor and of the product, 2^-8 each; a sum of squares in bf16 adds to it.
    torch.testing.assert_close(y.float(), norm(x.float()), rtol=2**-7, atol=0)


def test_constants_are_not_part_of_a_checkpoint():
    assert not LocalResponseNorm(96).state_dict()
