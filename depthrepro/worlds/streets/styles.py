"""Kinds of streets: the numbers that tell a lane of cottages from an avenue or a country road."""

from __future__ import annotations

from dataclasses import dataclass

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
        sharpest: Largest curvature in 1/m.
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
    pavement: tuple[float, float] = (1.4, 2.4)
    setback: tuple[float, float] = (0.5, 4.0)
    kinds: tuple[str, ...] = ("house",)
    storeys: tuple[int, int] = (1, 3)
    lot: tuple[float, float] = (8.0, 13.0)
    gap: tuple[float, float] = (1.0, 6.0)
    vacant: float = 0.15
    border: float = 0.5
    trees: float = 0.0
    lamps: float = 28.0
    people: float = 3.0
    traffic: float = 1.8
    crossings: int = 2
    sharpest: float = 1 / 80
    steepest: float = 0.07
    screen: float = 0.0
    rails: float = 0.0
    woods: float = 4.0


STYLES: tuple[Style, ...] = (
    Style("village", 0.27, lane_width=2.6, pavement=(0.8, 2.0), setback=(0.0, 3.0), gap=(0.0, 4.0), parking=0.4),
    Style(
        "city",
        0.27,
        lane_width=3.2,
        parking=0.85,
        parked=0.75,
        pavement=(2.2, 4.0),
        setback=(0.0, 0.6),
        kinds=("block",),
        storeys=(3, 6),
        lot=(11.0, 20.0),
        gap=(0.0, 0.3),
        vacant=0.06,
        border=0.1,
        trees=14.0,
        people=7.0,
        traffic=2.4,
        sharpest=1 / 130,
        steepest=0.05,
    ),
    Style(
        "suburb",
        0.11,
        lane_width=3.0,
        parked=0.35,
        setback=(4.0, 9.0),
        storeys=(1, 2),
        lot=(9.0, 14.0),
        gap=(4.0, 12.0),
        border=0.75,
        vacant=0.2,
        trees=22.0,
        woods=6.0,
    ),
    Style(
        "avenue",
        0.11,
        lanes=2,
        lane_width=3.3,
        parking=0.4,
        pavement=(2.5, 4.5),
        setback=(1.0, 12.0),
        kinds=("block", "hall", "house"),
        storeys=(2, 6),
        lot=(14.0, 30.0),
        gap=(2.0, 14.0),
        vacant=0.25,
        border=0.3,
        trees=12.0,
        traffic=1.3,
        sharpest=1 / 160,
        steepest=0.05,
    ),
    Style(
        "country",
        0.13,
        lane_width=3.0,
        parking=0.0,
        pavement=(0.0, 0.0),
        setback=(8.0, 30.0),
        kinds=("house", "hall"),
        storeys=(1, 2),
        lot=(10.0, 18.0),
        gap=(15.0, 60.0),
        vacant=0.6,
        border=0.15,
        trees=24.0,
        lamps=0.0,
        people=0.4,
        traffic=0.8,
        crossings=1,
        sharpest=1 / 90,
        steepest=0.09,
        screen=0.12,
        rails=0.3,
        woods=12.0,
    ),
    Style(
        "trunk road",
        0.11,
        lanes=2,
        lane_width=3.6,
        parking=0.0,
        pavement=(0.0, 0.0),
        setback=(12.0, 40.0),
        kinds=("hall", "block"),
        storeys=(1, 4),
        lot=(20.0, 40.0),
        gap=(20.0, 80.0),
        vacant=0.6,
        border=0.0,
        trees=0.0,
        lamps=40.0,
        people=0.0,
        traffic=1.6,
        crossings=0,
        sharpest=1 / 200,
        steepest=0.05,
        screen=0.15,
        rails=0.8,
        woods=16.0,
    ),
)


def style_at(share: float) -> Style:
    """The style at a share of the whole, 0 <= share < 1, each style taking up its weight."""
    total = sum(s.weight for s in STYLES)
    for style in STYLES:
        share -= style.weight / total
        if share < 0:
            return style
    return STYLES[-1]
