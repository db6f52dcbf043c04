"""The test sets that a configuration names under `tests`, each with its own protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.utils import instantiate

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, Protocol
from depthrepro.data.base import DepthDataset


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
