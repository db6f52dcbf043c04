"""Small stereo scenes with exactly known depth, on disk, and the smallest networks that look at them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, Crop, GroundTruth, Protocol
from depthrepro.data.stereo import StereoDataset, StereoRecord, StereoSplits

HEIGHT, WIDTH = 48, 160
FOCAL, BASELINE = 120.0, 0.5  # focal · baseline = 60 px·m: a disparity of 4 px is 15 m, one of 12 px 5 m
PROTOCOL = Protocol(ground_truth=GroundTruth.dense, crop=Crop.none)
K = ((FOCAL, 0.0, WIDTH / 2), (0.0, FOCAL, HEIGHT / 2), (0.0, 0.0, 1.0))


def protocol(**changes) -> Protocol:
    return Protocol(**{**vars(PROTOCOL), **changes})


def record(item_id: str = "a", size: tuple[int, int] = (HEIGHT, WIDTH), left: Path = Path("left.png")) -> StereoRecord:
    return StereoRecord(item_id, size, left, Path("right.png"), K, BASELINE)


class Scenes(StereoDataset):
    """Textured planes: far above a horizon, near below it; both depths and the horizon differ from scene to scene."""

    def __init__(self, folder: Path, count: int, seed: int = 0, without_depth: tuple[int, ...] = ()) -> None:
        rng = np.random.default_rng(seed)
        self.name, self.expected, self.encodings = "scenes", count, {"png": 2 * count}
        self.fingerprint = f"{count}-{seed}-{without_depth}"
        self.without_depth = without_depth
        self.records, self.disparities = [], []
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            texture = rng.integers(0, 256, (HEIGHT, WIDTH + 32, 3), dtype=np.uint8)
            disp = np.full((HEIGHT, WIDTH), int(rng.integers(3, 7)))
            disp[HEIGHT // 2 + int(rng.integers(-6, 7)) :] = int(rng.integers(9, 16))
            left, right = texture[:, 16 : 16 + WIDTH], np.empty((HEIGHT, WIDTH, 3), np.uint8)
            for row in range(HEIGHT):
                right[row] = texture[row, 16 + disp[row, 0] : 16 + disp[row, 0] + WIDTH]
            files = folder / f"{seed}_{i}_left.png", folder / f"{seed}_{i}_right.png"
            cv2.imwrite(str(files[0]), left)
            cv2.imwrite(str(files[1]), right)
            self.records.append(StereoRecord(f"scene/{i:02d}", (HEIGHT, WIDTH), *files, K, BASELINE))
            self.disparities.append(disp)

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        return ground_truth is GroundTruth.dense and index not in self.without_depth

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        if not self.has_depth(index, ground_truth):
            raise UserError("no such ground truth")
        depth = (FOCAL * BASELINE / self.disparities[index]).astype(np.float32)
        depth[::3] = 0.0  # sparse, as a scan is
        return depth


def build(root: str, test: int = 3, without_depth: tuple[int, ...] = ()) -> StereoSplits:
    """What a data set's `_target_` looks like."""
    folder = Path(root)
    parts = (Scenes(folder, 4, seed=1), Scenes(folder, 1, seed=2), Scenes(folder, test, 3, tuple(without_depth)))
    return StereoSplits("scenes", True, *parts)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a per_image.csv, numbers to the last digit."""
    texts = ("checkpoint", "method", "id")
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v if k in texts else json.loads(v) for k, v in row.items()} for row in csv.DictReader(file)]


class TwoLevels(nn.Module):
    """disp_frac from grey and from the row, at two resolutions; `gain` tells one checkpoint from another."""

    kind = Kind.disp_frac

    def __init__(self, gain: float = 0.05) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))
        self.frozen = nn.BatchNorm2d(3)
        self.calls = 0

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        rows = torch.linspace(0.3, 1.5, image.shape[2])[None, None, :, None]
        disp = self.gain * (rows + 0.2 * image.mean(dim=1, keepdim=True))
        return {"L9": nn.functional.avg_pool2d(disp, 4), "L12": nn.functional.avg_pool2d(disp, 2)}


__all__ = [
    "BASELINE",
    "FOCAL",
    "HEIGHT",
    "PROTOCOL",
    "WIDTH",
    "Alignment",
    "Scenes",
    "TwoLevels",
    "build",
    "protocol",
    "read_rows",
    "record",
]
