"""Streets that the labelled sets lack: altered ones in foreign light, and works yards."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from depthrepro.worlds.streets import structures
from depthrepro.worlds.streets.climate import any_light, foreign_light
from depthrepro.worlds.streets.street import Street, build_street
from depthrepro.worlds.streets.styles import STYLES, Style


def abroad_street(style: Style, rng: np.random.Generator) -> Street:
    """A street of a style in altered proportions, with other things along it, in foreign light and colours."""

    def scaled(pair: Sequence[float]) -> tuple[float, float]:
        factor = float(np.exp(rng.normal(0, 0.4)))
        return pair[0] * factor, pair[1] * factor

    altered = dataclasses.replace(
        style,
        name=f"{style.name} abroad",
        lane_width=style.lane_width * float(rng.uniform(0.7, 1.4)),
        setback=scaled(style.setback),
        lot=scaled(style.lot),
        gap=scaled(style.gap),
        trees=float(rng.choice((0.0, 7.0, 12.0, 20.0))),
        people=float(rng.choice((0.5, 4.0, 14.0))),
        woods=float(rng.choice((2.0, 8.0, 30.0))),
        traffic=float(rng.uniform(0.3, 4.0)),
        kinds=("house", "block", "hall")[: int(rng.integers(1, 4))],
    )
    return build_street(altered, rng, structures.abroad, foreign_light, repainted=True)


def yard_street(rng: np.random.Generator) -> Street:
    """A works yard or a harbour along a road, under a light of its own."""
    style = dataclasses.replace(
        STYLES[-1],
        name="yard",
        lanes=1,
        lane_width=float(rng.uniform(2.8, 5.0)),
        kinds=("hall",),
        setback=(6.0, 30.0),
        gap=(4.0, 40.0),
        vacant=0.35,
        rails=0.15,
        screen=0.2,
        woods=3.0,
        traffic=1.0,
    )
    return build_street(style, rng, structures.yard, any_light(rng), repainted=True)
