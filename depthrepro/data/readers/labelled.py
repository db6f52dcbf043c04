"""Labelled sets as one, divided for an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from depthrepro.core.errors import UserError
from depthrepro.core.supervision import Supervision
from depthrepro.data.base import DataSplits, LabelledDataset
from depthrepro.data.concat import ConcatLabelled
from depthrepro.data.subset import LabelledSubset, held_out


@dataclass
class LabelledSplits(DataSplits):
    """Labelled images to learn relative depth from.

    A teacher is tested on what the configuration's `tests` name and has no test images of its own.
    """

    supervision = Supervision.relative
    train: LabelledDataset
    val: LabelledDataset


Sources = Mapping[str, LabelledDataset | None]
Makers = Mapping[str, Callable[[], LabelledDataset] | None]


def _only(name: str, sources: Sources, synthetic: Makers) -> tuple[Sources, Makers]:
    """The two mappings with one set alone."""
    if name in synthetic:
        return {}, {name: synthetic[name]}
    if name not in sources:
        raise UserError(
            f"data.only={name}: choose from {', '.join([*sources, *synthetic])}; for a set of conf/labelled set its "
            f"variable, such as {name.upper()}, to its folder"
        )
    if sources[name] is None:
        raise UserError(
            f"data.only={name}: no folder is given for it; conf/labelled/{name}.yaml says which variable to set"
        )
    return {name: sources[name]}, {}


def labelled_data(
    sources: Sources,
    synthetic: Makers | None = None,
    val_every: int = 17,
    only: str | None = None,
) -> LabelledSplits:
    """Labelled sets as one.

    Args:
        sources: The sets by name; None where no folder is given.
        synthetic: Makers of synthetic sets, used only if no source is there; None leaves one out.
        val_every: Every so-many-th image of each set is held out to choose the best checkpoint.
        only: Name of the one set to take; None = all.

    Raises:
        UserError: If there is no set at all, or the one that is asked for is not there.
    """
    if only is not None:
        sources, synthetic = _only(only, sources, synthetic or {})
    found = {name: source for name, source in sources.items() if source is not None}
    notes = [f"{name} is left out: no folder is given for it" for name in sources if name not in found]
    made = not found
    if made:
        found = {name: make() for name, make in (synthetic or {}).items() if make is not None}
        notes = ["synthetic labels: no folder of a labelled set is given", *([] if not sources else notes)]
    if not found:
        raise UserError("data.sources: no labelled set is given: set the root of one, or use the synthetic ones")
    whole = ConcatLabelled(found)
    kept, chosen_with = held_out(len(whole), val_every)
    name = " + ".join(found) + (" (synthetic)" if made else "")
    return LabelledSplits(
        name, made, LabelledSubset(whole, kept, "train"), LabelledSubset(whole, chosen_with, "val"), None, notes
    )
