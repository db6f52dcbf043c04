"""Kinds of streets: the numbers that tell a lane of cottages from an avenue or a country road."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from depthrepro.worlds.maker import read_table

GOLDEN = (5**0.5 - 1) / 2  # steps of this fraction fill a circle evenly, whatever their number


@dataclass(frozen=True)
class Style:
    """Kind of street; lengths in metres, (low, high) are ranges to draw from.

    Attributes:
        name: For people.
        weight: Its share of the drives.
        lanes: Lanes in each direction.
        lane_width: Width of a lane.
        parking: Chance of a parking strip on each side; parked cars stand on it.
        parked: Chance that a parking place is taken.
        pavement: Width of the pavements; 0 for none.
        setback: Distance of the buildings from the pavement.
        kinds: Kinds of buildings drawn from.
        storeys: Floors of the buildings.
        lot: Width of a building.
        gap: Space between buildings.
        vacant: Chance that a lot has trees and bushes in place of a building.
        border: Chance of a wall, hedge or fence along a lot's front.
        trees: Distance between street trees; 0 for none.
        lamps: Distance between lamps; 0 for none.
        people: Figures for each 100 m of a side.
        traffic: Cars for each 100 m of a lane.
        crossings: Most side streets along the way.
        tightest_m: Smallest radius of its curves.
        steepest: Largest slope of the ground.
        screen: Chance of a hedgerow or a high wall along each side.
        rails: Chance of crash barriers on each side.
        woods: Trees for each 100 m and side behind the street.
    """

    name: str
    weight: float
    lanes: int = 1
    lane_width: float = 3.0
    parking: float = 0.6
    parked: float = 0.5
    pavement: Sequence[float] = (1.4, 2.4)
    setback: Sequence[float] = (0.5, 4.0)
    kinds: Sequence[str] = ("house",)
    storeys: Sequence[int] = (1, 3)
    lot: Sequence[float] = (8.0, 13.0)
    gap: Sequence[float] = (1.0, 6.0)
    vacant: float = 0.15
    border: float = 0.5
    trees: float = 0.0
    lamps: float = 28.0
    people: float = 3.0
    traffic: float = 1.8
    crossings: int = 2
    tightest_m: float = 80.0
    steepest: float = 0.07
    screen: float = 0.0
    rails: float = 0.0
    woods: float = 4.0


STYLES = tuple(Style(name, **row) for name, row in read_table(Path(__file__).with_name("styles.yaml")).items())


def style_at(share: float) -> Style:
    """The style at a share of the whole, 0 <= share < 1, each style taking up its weight."""
    total = sum(s.weight for s in STYLES)
    for style in STYLES:
        share -= style.weight / total
        if share < 0:
            return style
    return STYLES[-1]
