"""Cross-entropy of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from depthrepro.core.supervision import Supervision
from depthrepro.models.scene_classifier import LOGITS, network_input


class CrossEntropy:
    """The mean over images of -ln p(class)."""

    kinds = (None,)  # it trains classifiers
    learns_from = (Supervision.classes,)

    def __call__(
        self, model: Any, batch: Mapping[str, Tensor], levels: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """{"cross_entropy"}.

        Args:
            model: (input, levels) -> `logits` (B, classes).
            batch: `image` (B, 3, H, W), `depth` (B, 1, H, W) where the network takes it, `label` (B,), whole numbers.
            levels: Passed on.
        """
        return {"cross_entropy": F.cross_entropy(model(network_input(batch), levels)[LOGITS], batch["label"])}
