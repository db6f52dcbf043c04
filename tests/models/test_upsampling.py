"""Two-fold upsampling: bilinear at the start, and what happens at the border."""

import pytest
import torch
import torch.nn.functional as F

from depthrepro.core.errors import UserError
from depthrepro.models.upsampling import Upsample2x


def test_starts_as_bilinear_interpolation_border_included():
    x = torch.randn(2, 1, 5, 9)
    expected = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(Upsample2x("replicate")(x, (10, 18)), expected)


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_replicate_padding_keeps_a_constant_map_constant_at_every_size(extra):
    size = (10 + extra, 18 + extra)
    assert torch.equal(Upsample2x("replicate")(torch.full((1, 1, 5, 9), 3.0), size), torch.full((1, 1, *size), 3.0))


def test_zero_padding_darkens_the_border_by_a_quarter():
    upsampled = Upsample2x("zero")(torch.ones(1, 1, 5, 9), (10, 18))[0, 0]
    assert torch.equal(upsampled[1:-1, 1:-1], torch.ones(8, 16))
    assert torch.equal(upsampled[0, 1:-1], torch.full((16,), 0.75))
    assert upsampled[0, 0] == 0.75**2


def test_zero_padding_is_the_usual_transposed_convolution():
    x, module = torch.randn(1, 1, 5, 9), Upsample2x("zero")
    torch.testing.assert_close(module(x, (10, 18)), F.conv_transpose2d(x, module.weight, stride=2, padding=1))
    whole = F.conv_transpose2d(x, module.weight, stride=2)
    torch.testing.assert_close(module(x, (12, 20)), whole)
    torch.testing.assert_close(module(x, (11, 19)), whole[..., :11, :19])


def test_paddings_differ_only_near_the_border():
    x = torch.randn(1, 1, 5, 9)
    replicate, zero = Upsample2x("replicate")(x, (12, 20)), Upsample2x("zero")(x, (12, 20))
    torch.testing.assert_close(replicate[..., 2:-2, 2:-2], zero[..., 2:-2, 2:-2])
    assert not torch.allclose(replicate[..., 1, 5], zero[..., 1, 5])


def test_kernel_is_trained_only_where_asked():
    assert [p.requires_grad for learned in (True, False) for p in Upsample2x(learned=learned).parameters()] == [
        True,
        False,
    ]


def test_sizes_out_of_reach_and_unknown_paddings_are_refused():
    with pytest.raises(ValueError, match=r"\(5, 9\) map can be upsampled to \(12, 20\) at most"):
        Upsample2x()(torch.zeros(1, 1, 5, 9), (13, 18))
    with pytest.raises(UserError, match=r"model\.padding: 'reflect'"):
        Upsample2x("reflect")
