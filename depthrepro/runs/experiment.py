"""From a composed configuration to a finished run directory: build, train, evaluate, record."""

from __future__ import annotations

import signal
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from depthrepro.config.cli import readable
from depthrepro.config.composed import ComposedRun
from depthrepro.config.schema import TrainerConfig, default_cache_dir
from depthrepro.core import distributed
from depthrepro.core.checkpoint import load_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.interrupt import Stopped, stop_signals
from depthrepro.core.progress import duration
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.reproducibility import seed_everything
from depthrepro.data.base import DataSplits, DepthDataset, ImageDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items.build import Items, training_items
from depthrepro.data.items.classes import class_items
from depthrepro.data.plausible import doubts
from depthrepro.data.readers.classes import ClassSplits
from depthrepro.evaluation.classification import evaluate_classifier
from depthrepro.evaluation.run_evaluation import evaluate_run
from depthrepro.evaluation.scoring import check_cameras, check_metres
from depthrepro.evaluation.test_sets import load_test_sets, mean_map_source
from depthrepro.models.contract import all_levels, declared_levels, depth_kind
from depthrepro.runs.record import Record, say
from depthrepro.runs.reuse import choose_equivalent, take_over
from depthrepro.runs.summary import due_tests, format_summary
from depthrepro.training.compatibility import begin, check_arguments, check_fit
from depthrepro.training.device import choose_device
from depthrepro.training.parameter_groups import parameter_groups
from depthrepro.training.stages import make_plan
from depthrepro.training.trainer import Trainer

_NO_RESULTS: dict[str, Any] = {"metrics": {}, "metrics_best": {}, "baselines": {}, "images": 0, "level_sizes": {}}


def run_experiment(job: ComposedRun) -> int | None:
    """Train and evaluate what `job` asks for, from wherever its run directory stands.

    Returns:
        None when the run is done, else the signal that stopped it.

    Raises:
        UserError: For everything a person can put right; the run directory keeps what was done.
    """
    device, run, requests = choose_device(job.cfg.trainer.device), job.run, stop_signals()[1:]
    distributed.start(device)
    try:
        if distributed.is_main():
            run.lock()
            if not job.cfg.force:
                run.refuse_other(job.hash)
        distributed.barrier()
        return Experiment(job, device).run_and_record()
    finally:
        for request in requests:  # a notebook goes on
            signal.signal(request, signal.SIG_DFL)
        run.unlock(drop_empty=True)
        distributed.stop()


class Experiment:
    """One run, from configuration to record.

    Args:
        job: The run as it was asked for; rank 0 has locked its directory.
        device: Where to compute.
    """

    def __init__(self, job: ComposedRun, device: torch.device) -> None:
        self.job, self.cfg, self.run, self.settings, self.device = job, job.cfg, job.run, job.settings, device
        self.cache_dir = default_cache_dir(job.cfg.cache_dir)
        self.record = Record(job)

    def run_and_record(self) -> int | None:
        """Train and evaluate; whatever happens, status.json and the tracker tell it truly."""
        requests = stop_signals()[1:]
        for request in requests:  # outside the training loop a stop takes effect at once, as Ctrl-C does
            signal.signal(request, _raise_stopped)
        try:
            try:
                self._work()
            finally:
                for request in requests:  # it ends now; torchrun tells its ranks so once more
                    signal.signal(request, signal.SIG_IGN)
        except (Stopped, KeyboardInterrupt) as stop:
            number = stop.signal_number if isinstance(stop, Stopped) else signal.SIGINT
            self.record.finish("stopped", f"stopped by {signal.Signals(number).name}")
            say(f"stopped; the same command goes on from the last checkpoint in {self.run.path}")
            return int(number)
        except BaseException as error:
            if not distributed.lost_a_rank(error):
                self.record.finish("failed", readable(error))
                raise
            self.record.finish("stopped", "another rank ended")
            raise UserError(
                f"another of the {distributed.world_size()} processes ended: the same command goes on from the last "
                f"checkpoint in {self.run.path}"
            ) from error
        self.record.finish("done")
        return None

    def _work(self) -> None:
        if not self._reuse_equivalent():
            trainer = self.prepare()
            trainer.fit()
            self._evaluate(self.data, trainer)

    def _reuse_equivalent(self) -> bool:
        """Take over the result of a finished run of the same configuration, if there is one; whether there was."""
        alone = distributed.world_size() == 1
        equivalent = choose_equivalent(self.job) if alone else None
        if equivalent is None:
            return False
        self.record.start()
        say(f"reusing    {equivalent.path}: the same configuration and seed (reuse=false trains anyway)")
        take_over(equivalent, self.run)
        if due_tests(equivalent, self.cfg.tests):
            return False  # its weights are taken over, and the test sets that it was not scored on are scored here
        summary = self.record.adopt(equivalent)
        say(f"{format_summary(summary)}\nrun directory  {self.run.path}")
        return True

    def prepare(self) -> Trainer:
        """Build everything up to the first training step, and record it; what does not fit is refused before that.

        With `force` the old run goes only when all is built.
        """
        self.transform = InputTransform(*self.cfg.input_size, **vars(self.settings.input))
        seed_everything(self.cfg.seed)
        model, loss, augment = build(self.cfg, self.settings.trainer, self.transform)
        if not self.cfg.force:
            self.record.start()
        with distributed.main_first():
            self.data: DataSplits = instantiate(self.cfg.data, _convert_="all")
            items = training_items(self.data, self.transform, augment, self.cfg.seed, self.cache_dir)
            self.tests, absent = load_test_sets(self.cfg.tests)
        test = self.data.test
        self.evaluable = not isinstance(test, DepthDataset) or has_ground_truth(test, self.settings.eval.ground_truth)
        trainer = self._build_trainer(model, loss, items)
        self._check_metres(model)
        if self.cfg.force:
            self.record.start_afresh()
        self._introduce(self.data, trainer, absent)
        self.record.announce(self.data, trainer.plan.stages[-1].levels[-1])
        return trainer

    def _check_metres(self, model: nn.Module) -> None:
        """Before the training: relative depth cannot be scored in metres, nor a disparity without a stereo pair."""
        for test in self.tests:
            check_cameras(depth_kind(model), test.data, test.name, type(model).__name__)
        protocols = [test.protocol for test in self.tests]
        protocols += [self.settings.eval] if isinstance(self.data.test, DepthDataset) else []
        for protocol in protocols:
            check_metres(depth_kind(model), protocol, type(model).__name__)

    def _build_trainer(self, model: nn.Module, loss: Any, items: Items) -> Trainer:
        cfg = self.cfg
        return Trainer(
            model=model,
            loss=loss,
            optimizer=instantiate(cfg.optimizer, _convert_="all"),
            schedule=instantiate(cfg.scheduler, _convert_="all"),
            train=items[0],
            val=items[1],
            config=self.settings.trainer,
            seed=cfg.seed,
            device=self.device,
            run=self.run,
            identity={"config": self.job.hash, "data_set": self.data.fingerprint},
            extra={"model_config": OmegaConf.to_container(cfg.model, resolve=True), "input": self.transform.as_dict()},
        )

    def _introduce(self, data: DataSplits, trainer: Trainer, absent: list[str]) -> None:
        """The lines that tell a reader what the numbers below will mean."""
        counts = " / ".join(f"{number} {name}" for name, number in data.counts.items())
        say(f"data       {data.name}, {counts}, fingerprint {data.fingerprint}")
        for note in data.notes:
            say(f"           {note}")
        for part in (data.train, data.val):
            self._doubt(part)
        self._doubt(data.test, self.settings.eval.ground_truth)
        for test in self.tests:
            self._doubt(test.data, test.protocol.ground_truth)
            say(f"test set   {test.name}: {test.data.name}, {len(test.data)} images")
        if absent:
            say(f"           not tested on {', '.join(absent)}: no folder is given (see conf/test/<name>.yaml)")
        ranks = f", {distributed.world_size()} processes" if distributed.world_size() > 1 else ""
        threads = f" ({torch.get_num_threads()} threads)" if self.device.type == "cpu" else ""
        compiled = ", compiled" if trainer.network.compiles else ""
        say(f"device     {self.device}{threads}{ranks}, {trainer.precision.value}{compiled}")
        start = int(load_checkpoint(self.run.last)["progress"]["step"]) if self.run.last.exists() else 0
        if start:
            say(f"resuming   after step {start} of {trainer.plan.total_steps}")
        if start < trainer.plan.total_steps:
            seconds = trainer.forecast_seconds(start)
            stages = ", ".join(f"{s.name} {s.epochs} epochs" for s in trainer.plan.stages)
            left = trainer.plan.total_steps - start
            pace = f"{seconds / left:.2g} s for the costliest step tried just now: {duration(seconds)} at that pace"
            say(f"training   {left} steps ({stages}), {pace}")

    def _doubt(self, data: ImageDataset | None, ground_truth: GroundTruth | None = None) -> None:
        for line in doubts(data, ground_truth) if data is not None and distributed.is_main() else ():
            say(f"warning    {line}")

    def _evaluate(self, data: DataSplits, trainer: Trainer) -> None:
        try:
            results = self._test_results(data, trainer)
        except UserError as error:
            if trainer.plan.total_steps == trainer.plan.planned_steps:
                raise
            results = _no_results(f"trainer.max_steps ended the training early: {error}")
        results["tests"] = self._test_sets(trainer)
        if distributed.is_main():
            say(format_summary(self.record.results(data, trainer, results)))
            say(f"run directory  {self.run.path}")

    def _test_sets(self, trainer: Trainer) -> dict[str, Any]:
        """Scores on each test set of `tests`, written into its folder; mean metrics by set and output."""
        found: dict[str, Any] = {}
        for test in self.tests:
            try:
                scores = evaluate_run(
                    self.run.path / "tests" / test.name,
                    trainer.model,
                    test.data,
                    mean_map_source(self.data.train, test.protocol),
                    test.protocol,
                    transform=self.transform,
                    checkpoints_dir=self.run.checkpoints,
                    device=self.device,
                    cache_dir=self.cache_dir / "baselines",
                )
            except UserError as error:
                if trainer.plan.total_steps == trainer.plan.planned_steps:
                    raise
                say(f"warning    not scored on {test.name}: trainer.max_steps ended the training early: {error}")
                continue
            if distributed.is_main():
                self.record.test_results(test, trainer, scores)
            found[test.name] = scores["metrics"]
        return found

    def _test_results(self, data: DataSplits, trainer: Trainer) -> dict[str, Any]:
        if isinstance(data, ClassSplits):
            return self._class_results(data, trainer)
        if not isinstance(data.test, DepthDataset):
            return dict(_NO_RESULTS)
        if not self.evaluable:
            return _no_results("the test set has no ground truth")
        return evaluate_run(
            run_dir=self.run.path,
            model=trainer.model,
            test=data.test,
            train=data.train if isinstance(data.train, DepthDataset) else None,
            protocol=self.settings.eval,
            transform=self.transform,
            device=self.device,
            cache_dir=self.cache_dir / "baselines",
        )

    def _class_results(self, data: ClassSplits, trainer: Trainer) -> dict[str, Any]:
        """A classifier's accuracies; rank 0 alone computes them."""
        if not distributed.is_main():
            return dict(_NO_RESULTS)
        items = class_items(data, data.test, self.transform, self.cache_dir)
        return evaluate_classifier(self.run.path, trainer.model, items, data.train, device=self.device)


def _no_results(reason: str) -> dict[str, Any]:
    """Results of a run that was trained and could not be scored; the summary says why."""
    return _NO_RESULTS | {"not_evaluated": reason}


def build(cfg: DictConfig, trainer: TrainerConfig, transform: InputTransform) -> tuple[nn.Module, Any, Any]:
    """(network, loss, augmentation), which fit together and the data; asked before any data is read or made.

    Raises:
        UserError: If one of them cannot be built, or two do not fit.
    """
    check_arguments(cfg)
    model = instantiate(cfg.model, _convert_="all")
    return model, *build_around(model, cfg, trainer, transform)


def build_around(
    model: nn.Module, cfg: DictConfig, trainer: TrainerConfig, transform: InputTransform
) -> tuple[Any, Any]:
    """(loss, augmentation) of a network that is built already; errors as `build`."""
    loss = instantiate(cfg.loss, _convert_="all")
    augment = instantiate(cfg.augment, _convert_="all")
    check_fit(model, loss, augment, cfg.data, transform)
    make_plan(trainer, 1, declared_levels(model), all_levels(model))  # the stages know its outputs
    parameter_groups(model, trainer.lr_factors)  # and the rates its parts
    begin(loss, model)
    return loss, augment


def has_ground_truth(test: DepthDataset, wanted: GroundTruth) -> bool:
    """Whether the test set can be scored; asked before the training, not after it.

    Raises:
        UserError: If the test set has other ground truth than the protocol wants.
    """
    present = [g for g in GroundTruth if any(test.has_depth(i, g) for i in range(len(test)))]
    if present and wanted not in present:
        names = ", ".join(g.value for g in present)
        raise UserError(
            f"{test.name}: no image has ground truth {wanted.value}, but there is {names}: "
            f"set eval.ground_truth={present[0].value}, or add the files"
        )
    return bool(present)


def _raise_stopped(number: int, frame: Any) -> None:
    raise Stopped(number)
