"""The stereo loss: its sign, its units, its means."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.losses.photometric import PhotometricLoss
from depthrepro.losses.smoothness import edge_aware_smoothness
from depthrepro.losses.stereo import StereoLoss, masked_mean


class Fixed(nn.Module):
    """Predicts the maps it is given."""

    def __init__(self, **levels: torch.Tensor) -> None:
        super().__init__()
        self.maps = levels

    def forward(self, image, levels=None):
        return {name: self.maps[name] for name in levels or self.maps}


def shifted_pair(shift, batch=1, size=(24, 128), seed=0):
    """A smooth random scene whose left view is the right one moved by `shift` pixels."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, size[0] // 8, size[1] // 8 + 4, generator=generator)
    scene = F.interpolate(coarse, size=(size[0], size[1] + 32), mode="bicubic", align_corners=False).clamp(0, 1)
    return {"image": scene[..., : size[1]], "image_right": scene[..., shift : shift + size[1]]}


def total(loss, batch, disp_frac, level="L9"):
    return torch.stack(list(loss(Fixed(**{level: disp_frac}), batch, [level]).values())).sum()


@pytest.mark.parametrize("warp", ["exact", "linearised"])
@pytest.mark.parametrize("photometric", [None, PhotometricLoss(0.0), PhotometricLoss(0.85)])
def test_loss_is_smallest_at_the_true_disparity_and_its_gradient_points_there(warp, photometric):
    batch, loss = shifted_pair(5), StereoLoss(photometric, warp=warp)
    values, slopes = {}, {}
    for pixels in (0.5, 3.5, 4.5, 5.0, 5.5, 6.5, 9.5):
        disp_frac = torch.full((1, 1, 24, 128), pixels / 128, requires_grad=True)
        value = total(loss, batch, disp_frac)
        value.backward()
        values[pixels], slopes[pixels] = value.item(), disp_frac.grad.sum().item()
    # Not quite 0 with SSIM, whose windows reach one pixel into what is out of view.
    assert min(values, key=values.get) == 5.0 and values[5.0] < 1e-3 * values[0.5]
    assert all(slope < 0 for pixels, slope in slopes.items() if pixels < 5)  # too near zero: grow
    assert all(slope > 0 for pixels, slope in slopes.items() if pixels > 5)
    assert total(loss, batch, torch.full((1, 1, 24, 128), -5 / 128)) > values[3.5]  # the other direction is wrong


def test_disparity_is_a_fraction_of_the_width_at_every_level():
    """The same fraction explains the pair at full size, half and a quarter of it."""
    batch, loss = shifted_pair(8, size=(32, 256)), StereoLoss()
    for divisor in (1, 2, 4):
        size = (1, 1, 32 // divisor, 256 // divisor)
        right, wrong = (total(loss, batch, torch.full(size, pixels / 256)) for pixels in (8.0, 0.0))
        assert right < 0.02 * wrong


def test_both_warps_have_one_value():
    batch, disp_frac = shifted_pair(5, 2), 0.05 * torch.rand(2, 1, 12, 64)
    values = [total(StereoLoss(warp=warp), batch, disp_frac) for warp in ("exact", "linearised")]
    torch.testing.assert_close(*values)


def test_terms_are_weighted_means_over_the_levels():
    batch = shifted_pair(5)
    disp_frac = 0.05 * torch.rand(1, 1, 24, 128)
    one = StereoLoss(smoothness_weight=0.5)(Fixed(L9=disp_frac), batch, ["L9"])
    two = StereoLoss(smoothness_weight=1.0)(Fixed(L9=disp_frac, L10=disp_frac), batch, ["L9", "L10"])
    assert set(one) == {"photometric/L9", "smoothness/L9"}
    assert set(two) == {f"{term}/{level}" for term in ("photometric", "smoothness") for level in ("L9", "L10")}
    torch.testing.assert_close(two["photometric/L10"], one["photometric/L9"] / 2)
    torch.testing.assert_close(two["smoothness/L10"], one["smoothness/L9"])


def test_smoothness_counts_disparity_in_pixels_of_the_level():
    ramp = (torch.arange(64.0) / 64).expand(1, 1, 12, 64)  # one pixel a pixel, at width 64
    terms = StereoLoss(smoothness_weight=0.01)(Fixed(L9=ramp), shifted_pair(0), ["L9"])
    assert terms["smoothness/L9"].item() == pytest.approx(0.01)


def test_smoothness_of_weight_zero_is_left_out():
    assert set(StereoLoss(smoothness_weight=0)(Fixed(L9=torch.zeros(1, 1, 6, 8)), shifted_pair(0), ["L9"])) == {
        "photometric/L9"
    }


@pytest.mark.parametrize(
    "loss", [StereoLoss(), StereoLoss(PhotometricLoss(), edge_aware_smoothness, 0.1, "exact")], ids=["garg", "robust"]
)
def test_mean_over_two_halves_of_a_batch_is_the_batch(loss):
    """Also where the halves have different numbers of pixels in view."""
    torch.manual_seed(0)
    batch = shifted_pair(5, 4)
    disp_frac = 0.1 * torch.rand(4, 1, 24, 128)
    disp_frac[2:] += 0.6
    halves = [
        loss(Fixed(L9=disp_frac[part]), {key: value[part] for key, value in batch.items()}, ["L9"])
        for part in (slice(0, 2), slice(2, 4))
    ]
    for name, value in loss(Fixed(L9=disp_frac), batch, ["L9"]).items():
        torch.testing.assert_close((halves[0][name] + halves[1][name]) / 2, value)


def test_pixels_out_of_view_do_not_count():
    batch = shifted_pair(5)
    batch["image"] = batch["image"].clone()
    disp_frac = torch.full((1, 1, 24, 128), 5 / 128)
    before = total(StereoLoss(), batch, disp_frac)
    batch["image"][..., :5] = 1 - batch["image"][..., :5]  # what the right camera does not see
    assert torch.equal(total(StereoLoss(), batch, disp_frac), before)


def test_an_image_that_left_the_view_entirely_gives_no_nan():
    disp_frac = torch.full((2, 1, 24, 128), 5 / 128)
    disp_frac[1] = 3.0
    disp_frac.requires_grad_()
    value = total(StereoLoss(), shifted_pair(5, 2), disp_frac)
    value.backward()
    assert value.isfinite() and disp_frac.grad.isfinite().all()


def test_nan_disparity_reaches_the_loss():
    disp_frac = torch.zeros(1, 1, 24, 128)
    disp_frac[0, 0, 3, 4] = torch.nan
    assert StereoLoss()(Fixed(L9=disp_frac), shifted_pair(0), ["L9"])["photometric/L9"].isnan()


def test_masked_mean_by_hand():
    error = torch.tensor([[1.0, 2.0, 30.0], [5.0, 70.0, 90.0]]).reshape(2, 1, 1, 3)
    mask = torch.tensor([[True, True, False], [True, False, False]]).reshape(2, 1, 1, 3)
    assert masked_mean(error, mask).item() == (1.5 + 5) / 2  # not (1 + 2 + 5) / 3
    assert masked_mean(error, mask & False).item() == 0


@pytest.mark.parametrize("level", ["L9", "L12"])
def test_a_plausible_ground_plane_explains_real_frames_better_than_none(real_data, level):
    """KITTI raw: disparity falling linearly from 45 px at the lower edge to 5 px at half height, of width 1242."""
    folder = real_data / "kitti_raw_mini" / "2011_09_26" / "2011_09_26_drive_0001_sync"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    batch = {key: read_image(folder / side / "data" / "0000000000.png") for key, side in SIDES.items()}
    height, width = {"L9": (22, 76), "L12": (176, 608)}[level]
    rows = ((torch.arange(height) + 0.5) / height - 0.5).clamp(min=0) * 2
    plane = ((5 + 40 * rows) / 1242)[None, None, :, None].expand(1, 1, height, width)
    loss = StereoLoss(smoothness_weight=0)
    errors = {name: total(loss, batch, d, level).item() for name, d in (("plane", plane), ("none", 0 * plane))}
    assert errors["plane"] < 0.8 * errors["none"]
    assert errors["none"] < total(loss, batch, -plane, level).item()


SIDES = {"image": "image_02", "image_right": "image_03"}


def read_image(path):
    image = cv2.resize(cv2.imread(str(path)), (620, 188), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def test_unknown_warps_and_negative_weights_are_answered_in_one_line():
    with pytest.raises(UserError, match=r"loss\.warp: 'exakt' is unknown, choose from exact, linearised"):
        StereoLoss(warp="exakt")
    with pytest.raises(UserError, match=r"loss\.smoothness_weight"):
        StereoLoss(smoothness_weight=-1)


def test_occluded_pixels_are_compared_unless_they_are_masked():
    # Columns 2 to 4 of the left image are hidden in the right one by an object of disparity 4 in columns 5 to 7.
    disp = torch.tensor([1.0, 1, 1, 1, 1, 4, 4, 4, 1, 1, 1, 1]).expand(1, 1, 12, 12)
    left = torch.zeros(1, 3, 12, 12)
    left[..., 2:5] = 1.0
    batch = {"image": left, "image_right": torch.zeros(1, 3, 12, 12)}
    losses = {
        masked: total(StereoLoss(warp="exact", smoothness_weight=0, mask_occluded=masked), batch, disp / 12, "L12")
        for masked in (False, True)
    }
    assert losses[False] > 0.5 and losses[True] == 0
