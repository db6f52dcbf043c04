"""Cars, vans and lorries: bodies from side profiles, with glass, wheels, lights and plates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depthrepro.worlds.maker import Maker, read_table
from depthrepro.worlds.meshes import Mesh, box, extrude, merge, quads, tube


@dataclass(frozen=True)
class Shape:
    """Side view of a car: lower body and cabin, in metres, x forward from the middle.

    Attributes:
        half_width: Half the width of the body.
        body: (P, 2) convex outline of the lower body.
        cabin: (4, 2) outline of the cabin: rear bottom, rear top, front top, front bottom.
        wheel_radius: Radius of the wheels.
        axles: x of the rear and the front axle.
    """

    half_width: float
    body: Sequence[Sequence[float]]
    cabin: Sequence[Sequence[float]]
    wheel_radius: float
    axles: Sequence[float]

    @property
    def ends(self) -> tuple[float, float]:
        """Rear and front end of the body along x."""
        return min(x for x, _ in self.body), max(x for x, _ in self.body)

    @property
    def cabin_half_width(self) -> np.ndarray:
        """Half widths at the cabin's four corners: narrower at the roof."""
        return np.array([self.half_width - inset for inset in (0.04, 0.18, 0.18, 0.04)], dtype=np.float32)


_SHAPES = {name: Shape(**row) for name, row in read_table(Path(__file__).with_name("cars.yaml")).items()}
_MIX = ("hatchback", "hatchback", "sedan", "sedan", "estate", "estate", "off-road", "van")


def car(m: Maker) -> Mesh:
    """A car at the origin, wheels on z = 0, facing +x."""
    shape = _SHAPES[_MIX[m.rng.integers(len(_MIX))]]
    paint = m.plain(m.color("car") * m.between(0.8, 1.2), 0.13, stain=0.3, grain=0.75, size=0.9)
    rubber = m.plain((0.03, 0.03, 0.03), 0.5)
    glass = m.add((0.02, 0.025, 0.03), (0.11, 0.13, 0.15), stain=0.7, grain=0.5, size=0.8, glass=True)
    parts = [
        extrude(np.array(shape.body), shape.half_width, paint),
        extrude(np.array(shape.cabin), shape.cabin_half_width, paint),
        *_windows(shape, glass),
        *_wheels(shape, rubber, m.plain((0.42, 0.42, 0.43), 0.5)),
        *_lights(shape, m),
    ]
    shade = m.plain((0.012, 0.012, 0.012), 0.6)
    (rear, front), w = shape.ends, shape.half_width
    parts.append(quads(np.array([[[rear, -w, 0.035], [front, -w, 0.035], [front, w, 0.035], [rear, w, 0.035]]]), shade))
    return merge(parts)


def _windows(shape: Shape, glass: int) -> list[Mesh]:
    """Panes on the four sides of the cabin, a finger's breadth in front of it."""
    corners = (np.array([x, w, z]) for (x, z), w in zip(shape.cabin, shape.cabin_half_width, strict=True))
    low_rear, high_rear, high_front, low_front = corners
    flip = np.array([1.0, -1.0, 1.0])
    panes = []
    for cut in ((0.06, 0.46), (0.52, 0.93)):  # rear and front side window, fractions of the cabin's length
        lower = [low_rear + (low_front - low_rear) * c for c in cut]
        upper = [high_rear + (high_front - high_rear) * c for c in cut]
        side = np.array([_mix(lower[i], upper[i], height) for i, height in ((0, 0.1), (1, 0.1), (1, 0.86), (0, 0.86))])
        side[:, 1] += 0.012
        panes += [side, side * flip]
    for low, high, push in ((low_rear, high_rear, -0.02), (low_front, high_front, 0.02)):
        bottom, top = (_mix(low, high, height) + np.array([push, -0.07, 0.012]) for height in (0.12, 0.88))
        panes.append(np.array([bottom, bottom * flip, top * flip, top]))
    return [quads(np.array(panes), glass)]


def _mix(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The point a fraction `t` of the way from a to b."""
    return a + (b - a) * t


def _wheels(shape: Shape, rubber: int, metal: int) -> list[Mesh]:
    """Four wheels with hubs, slightly outside the body so that they show."""
    r, w = shape.wheel_radius, shape.half_width
    parts = []
    for x in shape.axles:
        for side in (-1, 1):
            inner, outer = side * (w - 0.2), side * (w + 0.02)
            parts.append(tube((x, inner, r), (x, outer, r), (r, r), rubber, 10))
            parts.append(tube((x, outer, r), (x, outer + side * 0.015, r), (0.62 * r, 0.55 * r), metal, 8))
    return parts


def _lights(shape: Shape, m: Maker) -> list[Mesh]:
    """Head and tail lights, plates, bumpers and mirrors as small boxes."""
    (rear, front), w = shape.ends, shape.half_width
    red = m.plain((0.35, 0.02, 0.02), 0.4)
    white = m.plain((0.72, 0.72, 0.68), 0.25)
    black = m.plain((0.03, 0.03, 0.035), 0.4)
    z = 0.62 * shape.cabin[0][1]
    parts = [box((rear - 0.01, -0.26, z - 0.06), (rear + 0.05, 0.26, z + 0.06), white)]
    parts += [box((front - 0.05, -0.55, 0.36), (front + 0.03, 0.55, 0.52), black)]
    parts += [box((rear - 0.02, -w + 0.1, 0.32), (rear + 0.1, w - 0.1, 0.42), black)]
    for side in (-1, 1):
        y0, y1 = sorted((side * (w - 0.03), side * (w - 0.33)))
        parts.append(box((rear - 0.005, y0, z + 0.06), (rear + 0.12, y1, z + 0.24), red))
        parts.append(box((front - 0.16, y0, 0.58), (front - 0.02, y1, 0.70), white))
        m0, m1 = sorted((side * (w - 0.05), side * (w + 0.14)))
        x = shape.cabin[3][0] - 0.25
        parts.append(box((x - 0.08, m0, shape.cabin[3][1] + 0.02), (x + 0.06, m1, shape.cabin[3][1] + 0.18), black))
    return parts


def lorry(m: Maker) -> Mesh:
    """A delivery lorry at the origin, facing +x."""
    paint = m.plain(m.color("car"), 0.18, stain=0.4, grain=0.8)
    hull = m.plain(m.rng.uniform(0.3, 0.75, 3), 0.15, stain=0.5, grain=0.8)
    rubber = m.plain((0.03, 0.03, 0.03), 0.5)
    length = m.between(6.0, 9.0)
    rear, front = -length / 2, length / 2
    back, top = front - 1.8, 2.5  # of the cab
    cab = np.array([[back, 0.45], [back, top], [front - 0.35, top], [front, 1.4], [front, 0.45]])
    parts = [
        box((rear, -1.15, 0.95), (back - 0.1, 1.15, m.between(2.9, 3.4)), hull),
        extrude(cab, 1.1, paint),
        box((rear + 0.1, -0.9, 0.5), (front - 1.7, 0.9, 0.95), rubber),
        box((rear - 0.02, -0.02, 1.0), (rear, 0.02, 2.8), rubber),
    ]
    glass = m.add((0.02, 0.025, 0.03), (0.11, 0.13, 0.15), stain=0.7, grain=0.5, size=0.9, glass=True)
    panes = [[(0.02, -1.0, 1.42), (0.02, 1.0, 1.42), (-0.28, 1.0, 2.3), (-0.28, -1.0, 2.3)]]  # x from the front
    panes += [[(-1.5, y, 1.45), (-0.3, y, 1.45), (-0.6, y, 2.2), (-1.5, y, 2.2)] for y in (-1.115, 1.115)]
    parts.append(quads(np.array(panes) + np.array([front, 0.0, 0.0]), glass))
    red = m.plain((0.35, 0.02, 0.02), 0.4)
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.75, side * 1.1))
        parts.append(box((rear - 0.03, y0, 0.75), (rear + 0.02, y1, 0.92), red))
        for x in (rear + 1.2, front - 1.1):
            parts.append(tube((x, side * 0.85, 0.48), (x, side * 1.16, 0.48), (0.48, 0.48), rubber, 10))
    return merge(parts)
