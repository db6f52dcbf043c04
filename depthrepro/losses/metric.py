"""The loss of metric fine-tuning: SILog on depth in metres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.supervision import Supervision
from depthrepro.losses.silog import silog_loss

DEPTH = Kind.depth.value


class MetricLoss:
    """SILog between predicted and known depth.

    Args:
        variance_focus: 0 = plain log error, 1 = blind to a common factor. ZoeDepth, and with it Depth Anything's metric
            models, use 0.85; Depth Anything V2's use 0.5.
        factor: ZoeDepth multiplies by 10, Depth Anything V2 does not.
        least_m: Predictions are raised to it before the logarithm, metres: bins can drift below zero.

    Raises:
        UserError: If the variance focus is no share.
    """

    kinds = (Kind.depth,)
    learns_from = (Supervision.metric,)

    def __init__(self, variance_focus: float = 0.85, factor: float = 10.0, least_m: float = 1e-3) -> None:
        if not 0 <= variance_focus <= 1:
            raise UserError(f"loss.variance_focus must be from 0 to 1, got {variance_focus}")
        self.variance_focus, self.factor, self.least_m = variance_focus, factor, least_m

    def __call__(
        self, model: nn.Module, batch: Mapping[str, Tensor], levels: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """{"silog"}.

        Args:
            model: (image, levels) -> `depth`, metres, (B, 1, H, W).
            batch: `image` (B, 3, H, W); `target`, metres, and `mask` (B, 1, H, W).
            levels: Passed on.
        """
        depth = model(batch["image"], levels)[DEPTH].clamp(min=self.least_m)
        return {
            "silog": silog_loss(
                depth, batch["target"], mask=batch["mask"], variance_focus=self.variance_focus, factor=self.factor
            )
        }
