"""The cross-section of a street and its side streets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.streets.styles import Style

KERB_M = 0.12


@dataclass(frozen=True)
class Section:
    """Cross-section of a street, metres from the centre line; index 0 is the right side, 1 the left.

    Attributes:
        lanes: Edge of the driving lanes.
        edge: Kerb or edge of the carriageway on each side.
        plot: Where the pavement ends and the plots begin on each side.
        crossings: (position, width) of the side streets.
        end: Where the street ends in a wall of buildings; infinite if it goes on.
    """

    lanes: float
    edge: tuple[float, float]
    plot: tuple[float, float]
    crossings: tuple[tuple[float, float], ...]
    end: float

    def crosses(self, s0: float, s1: float, margin: float = 2.0) -> bool:
        """Whether a side street passes within `margin` of the stretch from s0 to s1."""
        return any(s0 < c + w / 2 + margin and s1 > c - w / 2 - margin for c, w in self.crossings)


def draw_section(m: Maker, style: Style) -> Section:
    """Widths, side streets and end of one street."""
    lanes = style.lanes * style.lane_width
    edge = [lanes + (2.1 if m.rng.random() < style.parking else 0.35) for _ in range(2)]
    plot = [e + m.between(*style.pavement) for e in edge]
    crossings: list[tuple[float, float]] = []
    for _ in range(int(m.rng.integers(style.crossings + 1))):
        crossings.append((m.between(15, 260), m.between(5.5, 9.0)))
    end = np.inf
    if style.name in ("village", "city", "suburb") and m.rng.random() < 0.35:
        end = m.between(130, 230)
        crossings = [c for c in crossings if c[0] < end - 30] + [(end - 6.0, 8.0)]
    crossings.sort()
    kept = [c for i, c in enumerate(crossings) if i == 0 or c[0] - crossings[i - 1][0] > 35 or c[0] > end - 10]
    return Section(lanes, (edge[0], edge[1]), (plot[0], plot[1]), tuple(kept), end)
