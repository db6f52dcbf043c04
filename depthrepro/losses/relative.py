"""The losses of Depth Anything together: labelled images, pseudo-labelled ones, and the frozen encoder's features."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.supervision import Supervision
from depthrepro.losses.affine_invariant import affine_invariant_loss, cutmix_loss, gradient_matching_loss
from depthrepro.losses.feature_alignment import feature_alignment_loss
from depthrepro.models.encoders import normalise

FEATURE_IMAGES = ("none", "unlabelled", "labelled")
DEPTH = Kind.affine_inv_depth.value


class RelativeLoss(nn.Module):
    """The plain mean of its terms: L_l on labelled images, L_u on pseudo-labelled ones, L_feat on features.

    A teacher's batch has labelled images alone, and then L_l is all there is.

    Args:
        features: On which images L_feat is computed: "none", "unlabelled" (the paper) or "labelled" (its Table 13).
        tolerance: The paper's alpha: pixels whose cosine exceeds it are left out of L_feat.
        gradient_weight: Of the gradient-matching term on labelled images, added to theirs: 0 as the paper, 2 as Depth
            Anything V2.
        frozen: The encoder that gives L_feat its targets; never trained, in evaluation mode. None = a copy of the
            trained network's, made by `begin`.

    Raises:
        UserError: If `features` is unknown.

    Source: Depth Anything (arXiv:2401.10891), section 3: "an average combination of the three losses".
    """

    kinds = (Kind.affine_inv_depth,)
    learns_from = (Supervision.relative,)

    def __init__(
        self,
        features: str = "none",
        tolerance: float = 0.85,
        frozen: nn.Module | None = None,
        gradient_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if features not in FEATURE_IMAGES:
            raise UserError(f"loss.features: {features!r} is unknown, choose from {', '.join(FEATURE_IMAGES)}")
        self.features, self.tolerance, self.gradient_weight = features, tolerance, gradient_weight
        self.frozen = None if features == "none" or frozen is None else frozen.eval().requires_grad_(False)

    def begin(self, model: nn.Module) -> None:
        """Keep the encoder of a network that is about to be trained as it is now, where features are aligned to it.

        Raises:
            UserError: If features are aligned and the network has no encoder.
        """
        if self.features == "none" or self.frozen is not None:
            return
        encoder = getattr(model, "encoder", None)
        if not isinstance(encoder, nn.Module):
            raise UserError(
                f"loss.features={self.features} aligns an encoder's features, and {type(model).__name__} has no "
                "`encoder`: choose loss=relative"
            )
        self.frozen = copy.deepcopy(encoder).eval().requires_grad_(False)

    def train(self, mode: bool = True) -> RelativeLoss:
        """The frozen encoder stays in evaluation mode."""
        return super().train(False)

    def forward(
        self, model: nn.Module, batch: Mapping[str, Tensor], levels: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """Named terms whose sum is the loss.

        Args:
            model: (image, levels) -> `affine_inv_depth` (N, 1, H, W) and, when asked for, `features`.
            batch: `image` (B, 3, H, W), `target` and `mask` (B, 1, H, W); for a student also `unlabelled_image`
                (B, n, 3, H, W), `unlabelled_target`, `partner_target` and `inside` (B, n, 1, H, W).
            levels: Unused: there is one output.

        Returns:
            {"labelled", "unlabelled", "features"}, those that apply, each divided by their number.
        """
        labelled, student = batch["image"], "unlabelled_image" in batch
        images = torch.cat([labelled, batch["unlabelled_image"].flatten(0, 1)]) if student else labelled
        aligned = student and self.features != "none"
        outputs = model(images, [DEPTH, "features"] if aligned else [DEPTH])
        depth, count = outputs[DEPTH], len(labelled)
        terms = {"labelled": self._labelled(depth[:count], batch["target"], batch["mask"])}
        if student:
            own, partner, inside = (batch[k].flatten(0, 1) for k in ("unlabelled_target", "partner_target", "inside"))
            terms["unlabelled"] = cutmix_loss(depth[count:], own, partner, inside)
        if aligned:
            chosen = slice(count, None) if self.features == "unlabelled" else slice(count)
            terms["features"] = self._alignment(outputs["features"][chosen], images[chosen])
        return {name: term / len(terms) for name, term in terms.items()}

    def _labelled(self, depth: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        loss = affine_invariant_loss(depth, target, mask=mask)
        if self.gradient_weight:
            loss = loss + self.gradient_weight * gradient_matching_loss(depth, target, mask=mask)
        return loss

    def _alignment(self, features: Tensor, images: Tensor) -> Tensor:
        assert self.frozen is not None
        with torch.no_grad():
            target = self.frozen(normalise(images, self.frozen.mean, self.frozen.std))[-1]  # type: ignore[arg-type]
        return feature_alignment_loss(features, target, tolerance=self.tolerance)
