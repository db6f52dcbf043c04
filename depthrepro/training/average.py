"""The mean of the weights at the ends of the last epochs: less of one epoch's chance than the last weights have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from depthrepro.training.stages import Plan


class EpochAverage:
    """Collects a model's weights at the ends of epochs.

    Running statistics are averaged as weights are; whole numbers (how many batches were seen) stay the last ones.

    Args:
        epochs: How many of the last epochs count, those of the last stage at most; 0 = none.
        plan: The training.

    Source: Izmailov et al. 2018 (arXiv:1803.05407). Differs: the learning rate goes on falling, no cycles.
    """

    def __init__(self, epochs: int, plan: Plan) -> None:
        last = plan.stages[-1]
        self.first_epoch = last.last_epoch + 1 - min(epochs, last.epochs)
        self.count = 0
        self.mean: dict[str, Tensor] = {}

    def add(self, model: nn.Module, epoch: int) -> None:
        """Take in the weights at the end of an epoch, if it is one of the last."""
        if epoch < self.first_epoch:
            return
        self.count += 1
        for name, value in model.state_dict().items():
            if self.count == 1 or not value.is_floating_point():
                self.mean[name] = value.detach().clone()
            else:
                self.mean[name].lerp_(value, 1 / self.count)

    def put_into(self, model: nn.Module) -> None:
        """Give the model the mean, which is then the model's alone; nothing if no epoch was taken in."""
        if self.count:
            model.load_state_dict(self.mean)
            self.count, self.mean = 0, {}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"count": self.count, "mean": self.mean}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Inverse of `state_dict`."""
        self.count = int(state["count"])
        self.mean = {name: value.to(device) for name, value in state["mean"].items()}
