"""The smallest network, loss and stereo pairs that exercise the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from depthrepro.config.schema import Precision, Stage, TrainerConfig
from depthrepro.core.depth_kind import Kind
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.run_dir import RunDir
from depthrepro.data.items.augment import StereoAugment
from depthrepro.data.items.stereo import TrainingPairs
from depthrepro.data.stereo import StereoDataset, StereoRecord
from depthrepro.training.schedules import Cosine
from depthrepro.training.trainer import Trainer

HEIGHT, WIDTH = 12, 20


class TinyNet(nn.Module):
    """Two outputs, the finer of which has a layer that the coarser does not reach."""

    kind = Kind.disp_frac
    levels = ("L9", "L10")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(4, 1, 1)
        self.fine = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, image: Tensor, levels: Sequence[str] = ("L9", "L10")) -> dict[str, Tensor]:
        coarse = self.coarse(torch.relu(self.features(image)))
        outputs = {"L9": coarse}
        if "L10" in levels:
            outputs["L10"] = self.fine(nn.functional.interpolate(coarse, scale_factor=2.0, mode="nearest"))
        return outputs


def tiny_loss(model, batch, levels) -> dict[str, Tensor]:
    """Squared distance of each output to the image's mean colour; a mean over images, as every loss here."""
    outputs = model(batch["image"], levels)
    terms = {}
    for level in levels:
        out = outputs[level]
        target = nn.functional.adaptive_avg_pool2d(batch["image"].mean(1, keepdim=True), out.shape[-2:])
        terms[f"distance/{level}"] = ((out - target) ** 2).mean(dim=(1, 2, 3)).mean()
    return terms


class TinyPairs(StereoDataset):
    """Random pairs that exist in memory only."""

    def __init__(self, count: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.images = rng.integers(0, 256, (count, 2, HEIGHT, WIDTH, 3), dtype=np.uint8)
        K = ((20.0, 0.0, 10.0), (0.0, 20.0, 6.0), (0.0, 0.0, 1.0))
        self.records = [
            StereoRecord(f"tiny/{i:03d}", (HEIGHT, WIDTH), Path("l"), Path("r"), K, 0.5) for i in range(count)
        ]
        self.name, self.expected, self.fingerprint, self.encodings = "tiny", count, f"{seed}-{count}", {"memory": count}

    def pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.images[index, 0], self.images[index, 1]

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        return False

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        raise NotImplementedError


def tiny_config(**changes) -> TrainerConfig:
    defaults = {
        "epochs": 3,
        "batch_size": 4,
        "log_every": 2,
        "checkpoint_seconds": 0.0,
        "device": "cpu",
        "precision": Precision.fp32,
        "stages": {"coarse": Stage(["L9"]), "fine": Stage(["L9", "L10"], share=2)},
    }
    return TrainerConfig(**{**defaults, **changes})


CPU = torch.device("cpu")


def tiny_trainer(
    path: Path, *, seed: int = 0, count: int = 10, loss=tiny_loss, identity=None, device=CPU, **changes
) -> Trainer:
    torch.manual_seed(seed)
    path.mkdir(parents=True, exist_ok=True)
    train, val = TinyPairs(count), TinyPairs(3, seed=1)
    return Trainer(
        model=TinyNet(),
        loss=loss,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
        schedule=Cosine(warmup=0.2),
        train=TrainingPairs(train, train, StereoAugment(color=(0.9, 1.1), scale=(1.0, 1.6), flip=True), seed),
        val=TrainingPairs(val, val, None, seed),
        config=tiny_config(**changes),
        seed=seed,
        device=device,
        run=RunDir(path),
        identity=identity or {"config": "c", "data_set": "d"},
    )
