"""Evaluation of a classifier that was just trained: one row per image, and what is taken for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depthrepro.core.checkpoint import load_checkpoint
from depthrepro.core.files import write_atomic
from depthrepro.core.protocol import Classification
from depthrepro.data.base import ClassDataset
from depthrepro.data.items.classes import ClassItems
from depthrepro.data.items.loader import InOrder, make_loader, to_device
from depthrepro.evaluation.rows import Row, summarise, write_rows
from depthrepro.inference.forward import evaluation_mode
from depthrepro.models.scene_classifier import LOGITS, network_input
from depthrepro.models.weights import load_strictly

COMMONEST = "commonest"  # the baseline that always answers with the training set's commonest classes
_BATCH = 64


def top_k(logits: Tensor, labels: Tensor, k: int) -> NDArray[np.float64]:
    """1 for each image whose class is among the k highest of its logits, else 0; (B,).

    Args:
        logits: (B, classes).
        labels: (B,).
        k: With fewer than k classes, all of them count.
    """
    best = logits.topk(min(k, logits.shape[1]), dim=1).indices
    return (best == labels[:, None]).any(dim=1).double().numpy()


def confusion(labels: Sequence[int], answers: Sequence[int], classes: int) -> NDArray[np.int64]:
    """Number of times that class i was taken for class j, (classes, classes)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (np.asarray(labels), np.asarray(answers)), 1)
    return counts


def evaluate_classifier(
    run_dir: Path,
    model: nn.Module,
    items: ClassItems,
    learnt: ClassDataset,
    *,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Answer with each checkpoint, and tabulate; writes `per_image.csv` and `confusion.csv` (of the last checkpoint).

    The model gets its own weights back.

    Args:
        run_dir: The run directory, with `checkpoints/last.pt` and perhaps `best.pt`.
        model: The classifier.
        items: What is reported on.
        learnt: Training images, for the baseline.
        device: Where the model is.

    Returns:
        What a summary holds: `metrics`, `metrics_best`, `baselines`, `images`, `level_sizes`, `protocol`.
    """
    data = items.dataset
    own = {key: value.detach().clone() for key, value in model.state_dict().items()}
    rows: list[Row] = []
    found: dict[str, Mapping[str, Mapping[str, float]]] = {}
    ids = [record.id for record in data.records]
    try:
        for name in ("last", "best"):
            file = run_dir / "checkpoints" / f"{name}.pt"
            if name == "best" and not file.exists():
                continue
            load_strictly(model, load_checkpoint(file)["model"], file)
            logits = _logits(model, items, torch.device(device))
            scored = [{"checkpoint": name, **row} for row in _rows(LOGITS, ids, logits, torch.tensor(data.labels))]
            if name == "last":
                _write_confusion(run_dir / "confusion.csv", data, logits)
            found[name] = summarise(scored, ids)
            rows += scored
    finally:
        model.load_state_dict(own)
    baseline = [{"checkpoint": "-", **row} for row in _rows(COMMONEST, ids, *_commonest(learnt, data))]
    write_rows(run_dir / "per_image.csv", [*rows, *baseline])
    size = items.read.transform.height, items.read.transform.width
    return {
        "metrics": found["last"],
        "metrics_best": found.get("best", {}),
        "baselines": summarise(baseline, ids),
        "images": len(ids),
        "level_sizes": {},
        "protocol": Classification("val", size, len(data.classes)).as_dict(),
    }


def _logits(model: nn.Module, items: ClassItems, device: torch.device) -> Tensor:
    parts = []
    with evaluation_mode(model), torch.inference_mode():
        for raw in make_loader(items, InOrder(len(items), _BATCH), 0):
            batch = to_device(raw, device)
            parts.append(model(network_input(batch))[LOGITS].float().cpu())
    return torch.cat(parts)


def _rows(method: str, ids: Sequence[str], logits: Tensor, labels: Tensor) -> list[Row]:
    hits = {f"top{k}": top_k(logits, labels, k) for k in (1, 5)}
    return [
        {"method": method, "id": id_, "n_valid": 1, **{key: float(values[i]) for key, values in hits.items()}}
        for i, id_ in enumerate(ids)
    ]


def _commonest(learnt: ClassDataset, data: ClassDataset) -> tuple[Tensor, Tensor]:
    """(logits, labels) of answering by the classes' shares in the training set; equal shares by their order."""
    counts = Counter(learnt.labels)
    shares = torch.tensor([counts[label] - label * 1e-6 for label in range(len(data.classes))], dtype=torch.float64)
    return shares.expand(len(data), -1), torch.tensor(data.labels)


def _write_confusion(path: Path, data: ClassDataset, logits: Tensor) -> None:
    counts = confusion(data.labels, logits.argmax(dim=1).tolist(), len(data.classes))
    names = list(data.classes)
    frame = pd.DataFrame(counts.tolist(), index=pd.Index(names, name="class"), columns=names)
    write_atomic(path, frame.to_csv(lineterminator="\n"))
