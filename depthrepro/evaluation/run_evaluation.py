"""Evaluation of a run that was just trained: each image is predicted, saved and scored in one visit, then tabulated."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from depthrepro.core import distributed
from depthrepro.core.checkpoint import load_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing
from depthrepro.core.protocol import Protocol
from depthrepro.data.base import DepthDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.evaluation.baselines import evenly_spread
from depthrepro.evaluation.depth_ranges import write_ranges
from depthrepro.evaluation.panel import write_panels
from depthrepro.evaluation.ranks import image_bars, together
from depthrepro.evaluation.rows import Row, write_rows
from depthrepro.evaluation.run_scores import score_run
from depthrepro.evaluation.scoring import check_metres, score
from depthrepro.inference.forward import predict
from depthrepro.inference.predictions import Prediction, prediction_path, save_prediction
from depthrepro.models.contract import depth_kind
from depthrepro.models.weights import load_strictly

PANELS = 4


@dataclass
class _Scored:
    """One checkpoint's scores on this rank's images, and the few predictions that are needed again.

    Attributes:
        rows: Of the images with ground truth.
        level_sizes: Level → [height, width], of the first image.
        shown: Index → prediction of the images that a panel shows.
        fault: Of the first image that cannot be scored; the others are predicted and saved all the same, since another
            protocol may be able to score them.
    """

    rows: list[Row] = field(default_factory=list)
    level_sizes: dict[str, list[int]] | None = None
    shown: dict[int, Prediction] = field(default_factory=dict)
    fault: UserError | None = None

    def add(self, index: int, prediction: Prediction, test: DepthDataset, protocol: Protocol) -> None:
        """Score one image, if it has ground truth."""
        if self.level_sizes is None:
            self.level_sizes = {name: list(values.shape) for name, values in prediction.levels.items()}
        if self.fault is not None or not test.has_depth(index, protocol.ground_truth):
            return
        try:
            depth_gt = test.depth_gt(index, protocol.ground_truth)
            self.rows += score(prediction, test.records[index], depth_gt, protocol)
        except UserError as error:
            self.fault = error

    def scored(self) -> list[Row]:
        """The rows.

        Raises:
            UserError: If an image cannot be scored.
        """
        if self.fault is not None:
            raise self.fault
        return self.rows


def evaluate_run(
    run_dir: Path,
    model: nn.Module,
    test: DepthDataset,
    train: DepthDataset | None,
    protocol: Protocol,
    *,
    transform: InputTransform,
    checkpoints_dir: Path | None = None,
    device: torch.device | str = "cpu",
    checkpoints: Sequence[str] = ("last", "best"),
    batch_size: int = 1,
    cache_dir: Path | None = None,
    rank: int = 0,
    world_size: int = 1,
    progress: bool = True,
) -> dict[str, Any]:
    """Predict, save, score and tabulate; writes `predictions/`, `per_image.csv`, `per_range.csv` and `panel/`.

    All test images are predicted, so that another protocol can score them later; those with this protocol's ground
    truth are scored. The model gets its own weights back at the end.

    Args:
        run_dir: The run directory, with `checkpoints/<name>.pt`.
        model: The network, not wrapped for distributed training.
        test: What is scored.
        train: Gives the mean depth map; None = no such baseline.
        protocol: What is scored, and how.
        transform: The network's input.
        checkpoints_dir: Folder of the checkpoints; None = `run_dir`/checkpoints.
        device: Where the model is.
        checkpoints: Names to evaluate. The first must exist; another that is absent is left out.
        batch_size: Images per forward pass.
        cache_dir: Folder that keeps baselines for other runs; None = compute them.
        rank: This process's number; it takes every world_size-th image.
        world_size: Number of processes.
        progress: Show bars with the time left.

    Returns:
        `RunScores.summary`, on every rank.

    Raises:
        UserError: If an image or checkpoint cannot be read, or as `score` and `summarise`; on every rank.
    """
    check_metres(depth_kind(model), protocol, type(model).__name__)
    watch = image_bars(progress)
    share = list(range(len(test)))[rank::world_size]
    shown = evenly_spread([i for i in range(len(test)) if test.has_depth(i, protocol.ground_truth)], PANELS)

    def predict_share(name: str) -> _Scored:
        found, flip = _Scored(), protocol.flip_average
        outputs = predict(
            model, test, share, transform=transform, device=device, batch_size=batch_size, flip_average=flip
        )
        for i, prediction in zip(watch(share, f"predicting ({name})"), outputs, strict=True):
            save_prediction(prediction_path(run_dir / "predictions" / name, prediction.id), prediction)
            found.add(i, prediction, test, protocol)
            if i in shown:
                found.shown[i] = prediction
        return found

    folder = checkpoints_dir or run_dir / "checkpoints"
    found = _predict_checkpoints(
        folder, run_dir, model, checkpoints, [test.records[i].id for i in share], predict_share
    )
    first, *_ = found.values()
    scores = score_run(
        test,
        train,
        protocol,
        list(found),
        lambda name, _: found[name].scored(),
        first.level_sizes,
        cache_dir=cache_dir,
        rank=rank,
        world_size=world_size,
        watch=watch,
    )
    write_panels(run_dir / "panel", test, first.shown, protocol, scores.mean)
    if distributed.is_main():
        write_rows(run_dir / "per_image.csv", scores.rows)
        write_ranges(run_dir / "per_range.csv", scores.rows)
    return scores.summary


def _predict_checkpoints(
    folder: Path,
    run_dir: Path,
    model: nn.Module,
    checkpoints: Sequence[str],
    ids: Sequence[str],
    predict_share: Callable[[str], _Scored],
) -> dict[str, _Scored]:
    """Load each checkpoint that exists into `model` and predict with it; equal weights are not run twice.

    Returns:
        Checkpoint → what `predict_share` returned on this rank.
    """
    own = {key: value.detach().clone() for key, value in model.state_dict().items()}
    done: dict[str, Mapping[str, Tensor]] = {}
    found: dict[str, _Scored] = {}

    def run(name: str) -> None:
        found[name] = predict_share(name)

    try:
        for name in checkpoints:
            file = folder / f"{name}.pt"
            if done and not file.exists():
                continue
            weights = load_checkpoint(file)["model"]
            same_weights = next((other for other, theirs in done.items() if _same(weights, theirs)), None)
            if same_weights is None:
                load_strictly(model, weights, file)
                together(partial(run, name))
            else:
                _link_predictions(run_dir / "predictions" / same_weights, run_dir / "predictions" / name, ids)
                found[name] = found[same_weights]
            done[name] = weights
    finally:
        model.load_state_dict(own)
    return found


def _same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def _link_predictions(source: Path, target: Path, ids: Sequence[str]) -> None:
    """The same files under another checkpoint's name, without a second copy where the file system allows it."""
    for item_id in ids:
        file = prediction_path(source, item_id)
        with replacing(target / file.name) as beside:
            try:
                os.link(file, beside)
            except OSError:
                shutil.copyfile(file, beside)
