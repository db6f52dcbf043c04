"""The loss of Garg et al. 2016: the right image, warped by the predicted disparity, should look like the left one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.geometry import in_view, linearised_warp, occluded, resize_image, warp_right_to_left
from depthrepro.core.supervision import Supervision
from depthrepro.losses.photometric import PhotometricL2
from depthrepro.losses.smoothness import l2_smoothness

WARPS = {"exact": warp_right_to_left, "linearised": linearised_warp}


class StereoLoss(nn.Module):
    """Photometric error of the warped right image plus weighted smoothness of the disparity, at each level.

    At a level of size h×w both images are resized to h×w and the disparity is counted in pixels of that width w: in the
    warp and in the smoothness term alike. Both terms are means over pixels where the paper writes integrals, so their
    ratio, and with it the meaning of gamma, is the paper's. It rests on images whose range is about one, as the paper's
    are: against the squared errors of images in 0..255 the same gamma would smooth 65,025 times less.

    Args:
        photometric: (pred, target) -> error per pixel (B, 1, h, w); None: the paper's `PhotometricL2`.
        smoothness: (disp, image) -> scalar; None: the paper's `l2_smoothness`.
        smoothness_weight: The paper's gamma.
        warp: "linearised" (the paper's) or "exact". Same value, other gradient; see `depthrepro.core.geometry`.
        mask_occluded: Whether pixels that the right camera cannot see, by the predicted disparity, are left out of the
            photometric term. The paper compares them all.

    Source: Garg et al. 2016 (arXiv:1603.04992), total loss. Differs: pixels that leave the right image are masked.
    """

    kinds = (Kind.disp_frac,)
    learns_from = (Supervision.stereo,)

    def __init__(
        self,
        photometric: Callable[[Tensor, Tensor], Tensor] | None = None,
        smoothness: Callable[[Tensor, Tensor], Tensor] | None = None,
        smoothness_weight: float = 0.01,
        warp: str = "linearised",
        mask_occluded: bool = False,
    ) -> None:
        super().__init__()
        if warp not in WARPS:
            raise UserError(f"loss.warp: {warp!r} is unknown, choose from {', '.join(WARPS)}")
        if smoothness_weight < 0:
            raise UserError(f"loss.smoothness_weight must not be negative, got {smoothness_weight}")
        self.photometric = photometric or PhotometricL2()
        self.smoothness = smoothness or l2_smoothness
        self.smoothness_weight = smoothness_weight
        self.warp = WARPS[warp]
        self.mask_occluded = mask_occluded

    def forward(
        self, model: nn.Module, batch: Mapping[str, Tensor], levels: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """Named terms whose sum is the loss; with several levels, the mean of the levels' losses.

        Args:
            model: (image, levels) -> {level: disp_frac (B, 1, h, w)}.
            batch: `image` and `image_right`, RGB in [0, 1], (B, 3, H, W).
            levels: Outputs to train; None for the model's own choice.

        Returns:
            {"photometric/<level>": scalar, "smoothness/<level>": scalar}, weights already applied. Each is a mean over
            images, so the mean over equal parts of a batch is the value of the batch.
        """
        predictions: dict[str, Tensor] = model(batch["image"], levels)
        # Rows in one piece: resizing and warping run along them. The network may prefer another memory format.
        left, right = batch["image"].contiguous(), batch["image_right"].contiguous()
        terms: dict[str, Tensor] = {}
        for level, disp_frac in predictions.items():
            height, width = disp_frac.shape[-2:]
            image = resize_image(left, (height, width))
            image_right = resize_image(right, (height, width))
            disp = disp_frac.float() * width
            error = self.photometric(self.warp(image_right, disp), image)
            compared = in_view(disp) & ~occluded(disp) if self.mask_occluded else in_view(disp)
            terms[f"photometric/{level}"] = masked_mean(error, compared) / len(predictions)
            if self.smoothness_weight > 0:
                smoothness = self.smoothness_weight * self.smoothness(disp, image)
                terms[f"smoothness/{level}"] = smoothness / len(predictions)
        return terms


def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Mean over each image's valid pixels, then over the images; both (B, 1, H, W), the mask bool, True = valid.

    Every image weighs the same however many of its pixels are valid, so the mean over equal parts of a batch, on
    several devices or accumulated, is the value of the whole batch. An image without a valid pixel counts as 0 and has
    no gradient.
    """
    total = torch.where(mask, error, torch.zeros_like(error)).sum(dim=(1, 2, 3))
    return (total / mask.sum(dim=(1, 2, 3)).clamp(min=1)).mean()
