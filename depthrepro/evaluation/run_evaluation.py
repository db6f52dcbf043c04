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
from depthrepro.evaluation.ranks import together, watch
from depthrepro.evaluation.rows import Row, write_rows
from depthrepro.evaluation.run_scores import score_run
from depthrepro.evaluation.scoring import check_metres, score
from depthrepro.inference.forward import evaluation_mode, predict
from depthrepro.inference.predictions import Prediction, prediction_path, save_prediction
from depthrepro.models.contract import depth_kind

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
    level_sizes: dict[str, list[int]] = field(default_factory=dict)
    shown: dict[int, Prediction] = field(default_factory=dict)
    fault: UserError | None = None

    def add(self, index: int, prediction: Prediction, test: DepthDataset, protocol: Protocol) -> None:
        """Score one image, if it has ground truth."""
        if not self.level_sizes:
            self.level_sizes = {name: list(values.shape) for name, values in prediction.levels.items()}
        if self.fault is not None or not test.has_depth(index, protocol.ground_truth):
            return
        try:
            depth_gt = test.depth_gt(index, protocol.ground_truth)
            self.rows += score(prediction, test.records[index], depth_gt, protocol)
        except UserError as error:
            self.fault = error

    def scored(self) -> list[Row]:
        """The rows; raises the fault, if there is one."""
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
    cache_dir: Path,
    checkpoints_dir: Path | None = None,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Predict, save, score and tabulate; writes `predictions/`, `per_image.csv`, `per_range.csv` and `panel/`.

    All test images are predicted, so that another protocol can score them later; those with this protocol's ground
    truth are scored. Every rank takes a part of the images. The model gets its own weights back at the end.

    Args:
        run_dir: The run directory, or the folder of one of its test sets.
        model: The network, not wrapped for distributed training.
        test: What is scored.
        train: Gives the mean depth map; None = no such baseline.
        protocol: What is scored, and how.
        transform: The network's input.
        cache_dir: Folder that keeps baselines for other runs.
        checkpoints_dir: Folder of `last.pt` and, if there is one, `best.pt`; None = `run_dir`/checkpoints.
        device: Where the model is.

    Returns:
        `RunScores.summary`, on every rank.

    Raises:
        UserError: If an image or checkpoint cannot be read, or as `score` and `summarise`; on every rank.
    """
    check_metres(depth_kind(model), protocol, type(model).__name__)
    share = range(len(test))[distributed.rank() :: distributed.world_size()]
    shown = evenly_spread([i for i in range(len(test)) if test.has_depth(i, protocol.ground_truth)], PANELS)

    def predict_share(name: str) -> _Scored:
        found, flip = _Scored(), protocol.flip_average
        outputs = predict(model, test, share, transform=transform, device=device, flip_average=flip)
        for i, prediction in zip(watch(share, f"predicting ({name})"), outputs, strict=True):
            save_prediction(prediction_path(run_dir / "predictions" / name, prediction.id), prediction)
            found.add(i, prediction, test, protocol)
            if i in shown:
                found.shown[i] = prediction
        return found

    checkpoints, ids = checkpoints_dir or run_dir / "checkpoints", [test.records[i].id for i in share]
    with evaluation_mode(model):  # once, not for each image
        found = _predict_checkpoints(checkpoints, model, predict_share, run_dir / "predictions", ids)
    last = found["last"]
    scores = score_run(
        test,
        train,
        protocol,
        list(found),
        lambda name, _: found[name].scored(),
        last.level_sizes,
        cache_dir=cache_dir,
    )
    write_panels(run_dir / "panel", test, last.shown, protocol, scores.mean)
    if distributed.is_main():
        write_rows(run_dir / "per_image.csv", scores.rows)
        write_ranges(run_dir / "per_range.csv", scores.rows)
    return scores.summary


def _predict_checkpoints(
    folder: Path, model: nn.Module, predict_share: Callable[[str], _Scored], predictions: Path, ids: Sequence[str]
) -> dict[str, _Scored]:
    """Predict with `last.pt` and, if there is one, `best.pt`; equal weights are not run twice, but linked."""
    own = {key: value.detach().clone() for key, value in model.state_dict().items()}
    found: dict[str, _Scored] = {}

    def run(name: str, weights: Mapping[str, Tensor]) -> None:
        model.load_state_dict(weights)
        found[name] = predict_share(name)

    try:
        last = load_checkpoint(folder / "last.pt")["model"]
        together(partial(run, "last", last))
        if (folder / "best.pt").exists():
            best = load_checkpoint(folder / "best.pt")["model"]
            if best.keys() == last.keys() and all(torch.equal(best[key], last[key]) for key in best):
                _link_predictions(predictions / "last", predictions / "best", ids)
                found["best"] = found["last"]
            else:
                together(partial(run, "best", best))
    finally:
        model.load_state_dict(own)
    return found


def _link_predictions(source: Path, target: Path, ids: Sequence[str]) -> None:
    """The same files under another checkpoint's name, without a second copy where the file system allows it."""
    for item_id in ids:
        file = prediction_path(source, item_id)
        with replacing(target / file.name) as beside:
            try:
                os.link(file, beside)
            except OSError:
                shutil.copyfile(file, beside)
