"""The test sets that a configuration names under `tests`, each with its own protocol, and a run's scores on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from torch import nn

from depthrepro.core import distributed
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, Protocol
from depthrepro.data.base import DepthDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.evaluation.run_evaluation import evaluate_run


@dataclass(frozen=True)
class TestSet:
    """One test set.

    Attributes:
        name: Its key in `tests`, and its folder in the run directory.
        data: Images and ground truth.
        protocol: What is scored, and how.
    """

    name: str
    data: DepthDataset
    protocol: Protocol


def load_test_sets(tests: Mapping[str, Any]) -> tuple[list[TestSet], list[str]]:
    """The test sets that are there, and the names of those whose folder is not given.

    Raises:
        UserError: If a protocol has an unknown setting, or a set cannot be read.
    """
    found, absent = [], []
    for name, node in tests.items():
        try:
            protocol = Protocol.from_dict(dict(node["protocol"]))
        except (TypeError, ValueError, KeyError) as error:
            raise UserError(f"tests.{name}.protocol: {error}") from None
        data = instantiate(node["data"], _convert_="all")
        if data is None:
            absent.append(name)
        else:
            found.append(TestSet(name, data, protocol))
    return found, absent


def mean_map_source(train: object, protocol: Protocol) -> DepthDataset | None:
    """The images whose mean depth map is a baseline on another set: the training's, where metres are scored."""
    return train if isinstance(train, DepthDataset) and protocol.alignment is Alignment.none else None


def score_test_set(
    run_dir: Path,
    model: nn.Module,
    test: TestSet,
    train: object,
    *,
    transform: InputTransform,
    device: torch.device,
    cache_dir: Path,
) -> dict[str, Any]:
    """Predict and score one test set with the run's checkpoints, into `run_dir`/tests/<name>/.

    Args:
        run_dir: The run directory, with `checkpoints/`.
        model: The network; it gets its own weights back. Its `kind` says what it predicts.
        test: The test set.
        train: Training images; see `mean_map_source`.
        transform: The network's input.
        device: Where the model is.
        cache_dir: Folder that keeps baselines for other runs.

    Returns:
        What `evaluation.run_evaluation.evaluate_run` returns, on every rank.
    """
    return evaluate_run(
        run_dir / "tests" / test.name,
        model,
        test.data,
        mean_map_source(train, test.protocol),
        test.protocol,
        transform=transform,
        checkpoints_dir=run_dir / "checkpoints",
        device=device,
        cache_dir=cache_dir,
        rank=distributed.rank(),
        world_size=distributed.world_size(),
    )
