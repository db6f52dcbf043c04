"""Label a student's unlabelled images with its teacher: `python -m depthrepro.pseudo_label +experiment=da_student`.

Takes what `python -m depthrepro.train` takes, so that the labels are those that the same line then trains with.

    python -m depthrepro.pseudo_label +experiment=da_student seed=0
    python -m depthrepro.pseudo_label +experiment=da_student data.teacher=depth_anything_vitl14.pth
    python -m depthrepro.pseudo_label +experiment=da_student shard=1/4       the second of four processes
    torchrun --nproc_per_node=4 -m depthrepro.pseudo_label +experiment=da_student

The same command again writes what is missing, however the last one ended.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig

from depthrepro.config.cli import check_named, hydra_program, mistakes_answered
from depthrepro.config.prerequisites import check_checkpoints
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.errors import UserError

register_schema()
_SHARD = (int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@hydra.main(version_base="1.3", config_path=CONFIG_DIR, config_name="config")
def main(cfg: DictConfig) -> None:
    """Hydra's entry."""
    with mistakes_answered():
        check_named(cfg)
        check_checkpoints(cfg)  # the teacher: before minutes of rendering
        label(cfg, _SHARD)


def label(cfg: DictConfig, shard: tuple[int, int]) -> Path:
    """Write the labels of one shard of a student's images.

    Args:
        cfg: The student's composed configuration.
        shard: (number, count).

    Returns:
        The folder of labels.

    Raises:
        UserError: If the configuration has no unlabelled images, the teacher is missing, or as `label_images`.
    """
    from hydra.utils import instantiate  # hydra takes 0.2 s

    from depthrepro.data.readers.pseudo_labels import MANIFEST  # torch takes 1.3 s
    from depthrepro.data.readers.student import StudentSplits
    from depthrepro.inference.labelling import label_images
    from depthrepro.models.depth_anything import DepthAnything, transform_of
    from depthrepro.training.device import choose_device

    data = instantiate(cfg.data, _convert_="all")
    if not isinstance(data, StudentSplits):
        raise UserError(f"{cfg.name} has no unlabelled images: choose a student, such as +experiment=da_student")
    if (data.folder / MANIFEST).exists():
        print(f"done already: {len(data.unlabelled)} labels in {data.folder}")
        return data.folder
    for note in data.notes:
        print(f"           {note}")
    device = choose_device(cfg.trainer.device)
    model = DepthAnything.from_checkpoint(data.teacher).to(device)
    begin = time.monotonic()
    about = {"teacher": data.teacher.name, "input": str(transform_of(model).as_dict())}
    written = label_images(
        model,
        transform_of(model),
        data.unlabelled,
        data.folder,
        shard=shard,
        device=device,
        about=about,
        progress=shard[0] == 0,
    )
    print(f"{written} labels in {time.monotonic() - begin:.0f} s -> {data.folder}")
    return data.folder


def take_shard(arguments: list[str]) -> tuple[list[str], tuple[int, int]]:
    """Arguments without `shard=K/N`, and the shard; torchrun's rank and world size without one.

    Raises:
        UserError: If it is not of that form.
    """
    kept = [a for a in arguments if not a.startswith("shard=")]
    if len(kept) == len(arguments):
        return kept, _SHARD
    found = re.fullmatch(r"shard=(\d+)/(\d+)", next(a for a in arguments if a.startswith("shard=")))
    if not found:
        raise UserError("shard must be K/N, such as shard=0/4 for the first of four processes")
    return kept, (int(found[1]), int(found[2]))


def program() -> None:
    """Take our own argument off the command line; the rest is Hydra's."""
    global _SHARD
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(f"{__doc__}\nSettings are those of python -m depthrepro.train --help.")
        return
    sys.argv[1:], _SHARD = take_shard(sys.argv[1:])
    main()


if __name__ == "__main__":
    hydra_program(program)
