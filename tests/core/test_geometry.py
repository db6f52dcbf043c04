"""Warps and camera matrices."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from depthrepro.core.geometry import (
    crop_K,
    flip_K,
    in_view,
    linearised_warp,
    occluded,
    resize_image,
    scale_K,
    warp_right_to_left,
)

WARPS = pytest.mark.parametrize("warp", [warp_right_to_left, linearised_warp])


def constant(value, batch=1, height=2, width=6, dtype=torch.float32):
    return torch.full((batch, 1, height, width), value, dtype=dtype)


@WARPS
def test_zero_disparity_is_the_identity(warp):
    image = torch.rand(2, 3, 5, 300)
    assert torch.equal(warp(image, constant(0.0, 2, 5, 300)), image)


@WARPS
@pytest.mark.parametrize("shift", [1, 7, 123])
def test_integer_disparity_shifts_exactly_to_the_right(warp, shift):
    image = torch.rand(2, 3, 5, 300)
    warped = warp(image, constant(float(shift), 2, 5, 300))
    assert torch.equal(warped[..., shift:], image[..., :-shift])  # left(x) = right(x - disp)
    assert torch.equal(warped[..., :shift], image[..., :1].expand(-1, -1, -1, shift))  # the border repeated


@WARPS
def test_negative_disparity_looks_to_the_right(warp):
    image = torch.rand(1, 3, 2, 6)
    assert torch.equal(warp(image, constant(-2.0))[..., :4], image[..., 2:])


@WARPS
def test_fractions_interpolate_between_neighbours(warp):
    image = torch.tensor([0.0, 10.0, 30.0, 70.0, 0.0, 0.0]).expand(1, 1, 2, 6)
    warped = warp(image, constant(0.25))
    torch.testing.assert_close(warped[0, 0, 0], torch.tensor([0.0, 7.5, 25.0, 60.0, 17.5, 0.0]))


def test_rows_and_images_are_warped_by_their_own_disparity():
    image = torch.arange(6.0).expand(2, 1, 2, 6).contiguous()
    disp = torch.zeros(2, 1, 2, 6)
    disp[1, 0, 1] = 1.0
    warped = warp_right_to_left(image, disp)
    assert torch.equal(warped[1, 0, 1], torch.tensor([0.0, 0.0, 1.0, 2.0, 3.0, 4.0]))
    assert torch.equal(warped[0], image[0]) and torch.equal(warped[1, 0, 0], image[1, 0, 0])


def test_exact_warp_has_the_gradient_of_finite_differences():
    torch.manual_seed(0)
    image = torch.rand(1, 2, 3, 7, dtype=torch.float64, requires_grad=True)
    # Between the pixels, where bilinear interpolation is differentiable; some of them out of view.
    disp = torch.randint(-2, 4, (1, 1, 3, 7)) + 0.2 + 0.6 * torch.rand(1, 1, 3, 7, dtype=torch.float64)
    assert gradcheck(warp_right_to_left, (image, disp.requires_grad_()))


def test_linearised_warp_has_the_gradient_image_of_the_paper():
    image = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]]).reshape(1, 1, 1, 6)
    disp = torch.tensor([0.0, 0.0, 1.0, 0.5, 2.0, 0.0]).reshape(1, 1, 1, 6).requires_grad_()
    linearised_warp(image, disp).sum().backward()
    # Central differences of the right image: [1, 1.5, 3, 6, 12, 16], one-sided at the ends. Read at x - disp:
    # columns 0, 1, 1, 2.5, 2, 5. The sign is minus, as a larger disparity looks further left.
    torch.testing.assert_close(disp.grad.flatten(), -torch.tensor([1.0, 1.5, 1.5, 4.5, 3.0, 16.0]))


def test_linearised_warp_is_the_tangent_of_the_taylor_expansion():
    """Finite differences of the paper's formula with the previous disparity held fixed."""
    torch.manual_seed(0)
    image = torch.rand(1, 3, 4, 9, dtype=torch.float64)
    previous = 2 * torch.rand(1, 1, 4, 9, dtype=torch.float64)
    slope = warp_right_to_left(torch.gradient(image, dim=-1)[0], previous)

    def taylor(disp):
        return warp_right_to_left(image, previous) - (disp - previous) * slope

    disp = previous.clone().requires_grad_()
    warped = linearised_warp(image, disp)
    weights = torch.rand_like(warped)
    (gradient,) = torch.autograd.grad((warped * weights).sum(), disp)
    step = 1e-3
    for y, x in [(0, 0), (1, 4), (3, 8)]:
        nudge = torch.zeros_like(previous)
        nudge[0, 0, y, x] = step
        slope_there = ((taylor(previous + nudge) - taylor(previous - nudge)) * weights).sum() / (2 * step)
        assert gradient[0, 0, y, x].item() == pytest.approx(slope_there.item(), rel=1e-9)


def test_both_warps_have_one_value_and_on_a_ramp_one_gradient():
    ramp = torch.linspace(0, 1, 40).expand(1, 3, 2, 40)
    values, gradients = [], []
    for warp in (warp_right_to_left, linearised_warp):
        disp = constant(3.3, 1, 2, 40).requires_grad_()
        warped = warp(ramp, disp)
        warped[..., 5:].sum().backward()
        values.append(warped.detach())
        gradients.append(disp.grad[..., 5:])
    assert torch.equal(*values)
    torch.testing.assert_close(*gradients)
    torch.testing.assert_close(gradients[0], torch.full_like(gradients[0], -3 / 39))


@WARPS
def test_nan_disparity_gives_nan_pixels_and_no_crash(warp):
    disp = constant(0.0)
    disp[0, 0, 0, 2] = torch.nan
    warped = warp(torch.rand(1, 3, 2, 6), disp)
    assert warped.isnan().nonzero()[:, 2:].unique(dim=0).tolist() == [[0, 2]]
    assert in_view(disp)[0, 0, 0, 2]  # not masked away: the loss must show it


@WARPS
def test_half_precision_disparity_is_warped_in_full_precision(warp):
    image = torch.rand(1, 3, 2, 600)
    assert warp(image, constant(0.0, 1, 2, 600, torch.bfloat16)).equal(image)  # bf16 has no 257


@WARPS
def test_shapes_that_do_not_belong_together_are_refused(warp):
    with pytest.raises(ValueError, match=r"disp must be \(2, 1, 4, 6\).*got \(2, 1, 4, 5\)"):
        warp(torch.rand(2, 3, 4, 6), torch.zeros(2, 1, 4, 5))


def test_in_view_ends_with_the_images_first_and_last_column():
    disp = torch.tensor([0.0, 1.01, 2.0, -2.0, -1.01, 0.0]).reshape(1, 1, 1, 6)
    assert in_view(disp).flatten().tolist() == [True, False, True, True, False, True]


def test_ground_truth_explains_a_real_pair(real_data):
    """Middlebury's Motorcycle: warped by its true disparity the right image is nearly the left one."""
    cv2 = pytest.importorskip("cv2")
    folder = real_data / "middlebury_motorcycle"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    left, right = (
        torch.from_numpy(cv2.imread(str(folder / f"motorcycle_{side}.png"))).permute(2, 0, 1)[None].float()
        for side in ("left", "right")
    )
    disp = torch.from_numpy(np.load(folder / "motorcycle_disp.npz")["arr_0"])[None, None].float()
    known = disp.isfinite()
    disp = torch.where(known, disp, torch.zeros_like(disp))
    known &= in_view(disp)

    def error(d):
        return (warp_right_to_left(right, d) - left).abs().mean(dim=1, keepdim=True)[known].mean()

    assert error(disp) < 0.25 * error(torch.zeros_like(disp))
    assert error(disp) < 0.5 * error(disp + 2)


@pytest.mark.parametrize("size", [(22, 76), (176, 608)])
def test_resized_images_stay_in_place(size):
    """A ramp keeps its value at every inner pixel centre, x' = (x + 0.5)·s - 0.5, at sizes that do not divide."""
    column = torch.arange(620.0)
    small = resize_image(column.expand(1, 1, 188, 620), size)
    expected = (torch.arange(size[1]) + 0.5) * 620 / size[1] - 0.5
    torch.testing.assert_close(small[0, 0, 3, 2:-2], expected[2:-2], atol=0.02, rtol=0)


def test_resizing_does_not_alias():
    stripes = (torch.arange(620) % 2).float().expand(1, 1, 188, 620)
    torch.testing.assert_close(
        resize_image(stripes, (22, 76))[..., 1:-1], torch.full((1, 1, 22, 74), 0.5), atol=0.02, rtol=0
    )


def project(K, point):
    x, y, w = K @ np.asarray(point)
    return np.array([x / w, y / w])


K_EXAMPLE = np.array([[700.0, 0, 600.0], [0, 710.0, 180.0], [0, 0, 1]])


def test_scaled_camera_sees_a_point_where_the_resized_image_shows_it():
    x, y = project(K_EXAMPLE, (1.0, -0.5, 10.0))  # (670, 144.5)
    np.testing.assert_allclose(
        project(scale_K(K_EXAMPLE, 0.5, 2.0), (1.0, -0.5, 10.0)), ((x + 0.5) * 0.5 - 0.5, (y + 0.5) * 2 - 0.5)
    )


def test_cropped_camera_sees_a_point_shifted_by_the_crop():
    np.testing.assert_allclose(project(crop_K(K_EXAMPLE, 12.5, 3.0), (1.0, -0.5, 10.0)), (670 - 12.5, 144.5 - 3))


def test_mirrored_camera_sees_the_mirrored_point_at_the_mirrored_column():
    flipped = flip_K(K_EXAMPLE, 1242)
    np.testing.assert_allclose(project(flipped, (-1.0, -0.5, 10.0)), (1241 - 670, 144.5))
    np.testing.assert_array_equal(flip_K(flipped, 1242), K_EXAMPLE)


def test_occluded_is_what_a_nearer_object_hides():
    # A background of disparity 1 and, in columns 5 to 7, an object of disparity 4: it lands on columns 1 to 3 of the
    # right image, where the background of columns 2 to 4 would be.
    disp = torch.tensor([1.0, 1, 1, 1, 1, 4, 4, 4, 1, 1]).reshape(1, 1, 1, 10)
    assert occluded(disp).flatten().nonzero().flatten().tolist() == [2, 3, 4]


def test_nothing_hides_on_a_slope_that_keeps_its_order():
    slope = torch.linspace(0, 9, 40).reshape(1, 1, 1, 40)  # less than a pixel a column
    assert not occluded(slope).any() and not occluded(slope.flip(-1)).any()
    assert not occluded(torch.full((2, 1, 3, 5), 2.5)).any()


def test_occlusion_has_no_gradient_and_lets_nan_pass():
    disp = torch.ones(1, 1, 1, 6, requires_grad=True)
    assert not occluded(disp).requires_grad
    hidden = occluded(torch.tensor([1.0, 1, float("nan"), 1, 1, 1]).reshape(1, 1, 1, 6))
    assert not hidden[..., 2].any()  # not masked away: the loss must show it
