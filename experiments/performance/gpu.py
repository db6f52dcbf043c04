"""The training loop against the bare step at the paper's scale, its loader alone, its memory, and prediction.

    python -m experiments.performance.gpu

Networks, losses, optimizers and augmentations are those of `scale=paper`; the images are made in memory, as JPEG that
is decoded for each item. Without a GPU its twin on the CPU runs the same code at small sizes, and says so: what must
hold on a GPU is not judged there.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import Dataset

from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR, TrainerConfig
from depthrepro.core.run_dir import RunDir
from depthrepro.data.base import ImageRecord, LabelledDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items import labelled as labelled_items
from depthrepro.data.items.labelled import LabelledItems
from depthrepro.data.items.loader import to_tensor
from depthrepro.data.items.student import StudentItems
from depthrepro.inference.forward import forward
from depthrepro.runs.experiment import build
from depthrepro.training.device import choose_device
from depthrepro.training.trainer import Trainer
from experiments.performance.lines import Line, show
from experiments.performance.throughput import as_line, take_turns

IMAGES, LEAST = 4096, 0.9


@dataclass(frozen=True)
class Case:
    """A training that is measured: its experiment, what is changed, and images per item."""

    name: str
    overrides: tuple[str, ...]
    small: tuple[str, ...]
    images_per_item: int = 1


SMALL_GARG = ("input_size=[94,310]", "trainer.batch_size=2", "model.c6_filters=64")
SMALL = ("input_size=[70,70]", "trainer.batch_size=2", "+model.out_channels=[16,16,16,16]", "+model.features=16")
CASES = (
    Case("Garg 188×620", ("+experiment=garg_kitti",), SMALL_GARG),
    *(
        Case(
            f"{role} ViT-{size} 518×518", (f"+experiment=da_{role}", f"model.encoder=vit{size.lower()}"), SMALL, images
        )
        for size in "SB"
        for role, images in (("teacher", 1), ("student", 3))
    ),
)


class Labelled(LabelledDataset):
    """Smooth random images of 480×640 with maps, the same few again and again, decoded each time."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        coarse = rng.integers(0, 256, (8, 30, 40, 3), dtype=np.uint8)
        images = [cv2.resize(one, (640, 480), interpolation=cv2.INTER_CUBIC) for one in coarse]
        self.files = [cv2.imencode(".jpg", one)[1] for one in images]
        self.label = images[0][:, :, 0].astype(np.float32) / 255
        self.records = [ImageRecord(f"image/{i:05d}", (480, 640)) for i in range(IMAGES)]
        self.name, self.fingerprint, self.encodings = "made in memory", "0", {"jpeg": IMAGES}

    def read_image(self, index: int) -> np.ndarray:
        """One of the few, decoded."""
        return cv2.imdecode(self.files[index % len(self.files)], cv2.IMREAD_COLOR_RGB)

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The same map for all, known everywhere."""
        return self.label, np.ones(self.label.shape, dtype=bool)


class Pairs(Dataset[dict[str, Any]]):
    """Stereo pairs at the network's size, as the cache of resized frames gives them."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.frames = np.random.default_rng(0).integers(0, 256, (16, 2, *size, 3), dtype=np.uint8)

    def __len__(self) -> int:
        """As many as an epoch may need."""
        return IMAGES

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        """One of the few pairs, copied as augmentation would."""
        left, right = (to_tensor(image.copy()) for image in self.frames[key[1] % len(self.frames)])
        return {"image": left, "image_right": right, "id": f"pair/{key[1]:05d}"}


def items(case: Case, transform: InputTransform, augment: Any) -> Dataset[Any]:
    """Training items of a case."""
    if "garg" in case.overrides[0]:
        return Pairs((transform.height, transform.width))
    data = Labelled()
    plain = LabelledItems(data, transform, flip=augment.flip, jitter=augment.labelled, seed=0)
    student = case.images_per_item > 1
    return StudentItems(plain, data, transform, augment, seed=0) if student else plain  # type: ignore[arg-type]


def composed(case: Case, device: torch.device) -> DictConfig:
    """The configuration of `scale=paper`, or of its twin on the CPU."""
    workers = max(1, min(16, (os.cpu_count() or 1) - 1)) if device.type == "cuda" else 0
    own = () if device.type == "cuda" else (*case.small, "trainer.precision=fp32")
    register_schema()
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        return compose("config", overrides=[*case.overrides, "scale=paper", f"trainer.num_workers={workers}", *own])


def trainer_of(case: Case, cfg: DictConfig, device: torch.device, folder: Path) -> Trainer:
    """The case's trainer, on items made in memory."""
    transform = InputTransform(*cfg.input_size, **cfg.input)
    settings = OmegaConf.to_object(cfg.trainer)
    assert isinstance(settings, TrainerConfig)
    torch.manual_seed(0)
    model, loss, augment = build(cfg, settings, transform)
    train = items(case, transform, augment)
    return Trainer(
        model=model,
        loss=loss,
        optimizer=instantiate(cfg.optimizer, _convert_="all"),
        schedule=instantiate(cfg.scheduler, _convert_="all"),
        train=train,
        val=train,
        config=settings,
        seed=0,
        device=device,
        run=RunDir(folder),
        identity={},
    )


def measure(case: Case, device: torch.device) -> Iterator[Line]:
    """The loop's images per second, its loader's alone, and its memory."""
    cfg = composed(case, device)
    gpu = device.type == "cuda"
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(case, cfg, device, Path(folder))
        images = cfg.trainer.batch_size * case.images_per_item
        if gpu:
            torch.cuda.reset_peak_memory_stats(device)
        name = f"{case.name}, {trainer.precision.value}" + (
            "" if gpu else f", twin of {'×'.join(map(str, cfg.input_size))}"
        )
        found = take_turns(trainer, *((5, 10) if gpu else (2, 1)), images=images, warmup=10 if gpu else 1)
        line = as_line(f"{name}: loop", found, LEAST if gpu else None)
        line.must = line.must or f"≥ {LEAST} on a GPU"
        yield line
        loop, alone = statistics.median(found.loop), loading(trainer, 40 if gpu else 3) * images
        yield Line(f"{name}: loading alone", f"{alone:.0f} images/s", "the loop", f"{alone / loop:.1f}", "", None)
        if gpu:
            yield Line(
                f"{name}: memory", f"{torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB", "", "", "", None
            )
        yield predicting(trainer, cfg, name, 16 if gpu else 1)


def loading(trainer: Trainer, count: int) -> float:
    """Batches per second of the loader alone, once its processes are running."""
    trainer.batches.set_position(0)
    batches = iter(trainer.loader)
    next(batches)
    begin = time.perf_counter()
    for _ in range(count):
        next(batches)
    return count / (time.perf_counter() - begin)


def predicting(trainer: Trainer, cfg: DictConfig, name: str, count: int) -> Line:
    """Images per second of the forward pass that `predict` makes, bytes in, maps out, under the trained format."""
    transform = InputTransform(*cfg.input_size, **cfg.input)
    images = [np.zeros((*cfg.input_size, 3), dtype=np.uint8)] * count
    half = trainer.precision.value == "bf16"
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        with torch.autocast(trainer.device.type, torch.bfloat16, enabled=half):
            forward(trainer.model, images, transform, device=trainer.device, levels=trainer.plan.stages[-1].levels)
        times.append(time.perf_counter() - begin)
    return Line(f"{name}: predict", f"{count / statistics.median(times[1:]):.1f} images/s", "", "", "", None)


def lines() -> list[Line]:
    """All cases."""
    device = choose_device("auto")
    if device.type == "cpu":
        print("no GPU here: the twin of small sizes on the CPU, without ViT-B\n")
    labelled_items.MEMORY_BYTES = 0.0  # as where the images are more than the memory holds
    cases = [case for case in CASES if device.type == "cuda" or "ViT-B" not in case.name]
    return [line for case in cases for line in measure(case, device)]


if __name__ == "__main__":
    show(lines())
