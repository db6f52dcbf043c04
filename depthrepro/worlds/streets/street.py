"""A street as a scene: ground, lots along both sides, side streets, and the trees and houses behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.meshes import Mesh, merge
from depthrepro.worlds.scene import Scene
from depthrepro.worlds.streets import buildings, furniture, plants
from depthrepro.worlds.streets.canvas import FROM_M, TO_M, Canvas
from depthrepro.worlds.streets.climate import repaint
from depthrepro.worlds.streets.ground import ground
from depthrepro.worlds.streets.kerbside import kerbside, lanes
from depthrepro.worlds.streets.lighting import Daylight
from depthrepro.worlds.streets.road import Road
from depthrepro.worlds.streets.section import KERB_M, Section
from depthrepro.worlds.streets.styles import Style


@dataclass(frozen=True)
class Street(Scene):
    """A street with all that stands on it.

    Attributes:
        style: Kind of street.
        road: Street coordinates.
        section: Widths of the street.
    """

    style: Style
    road: Road
    section: Section


def build_street(
    style: Style,
    rng: np.random.Generator,
    extras: Callable[[Canvas], None] | None = None,
    draw_light: Callable[[np.random.Generator], Daylight] = Daylight.random,
    repainted: bool = False,
) -> Street:
    """Draw a street with all that stands on it, and what `extras` puts up; `repainted` ones are of another season."""
    canvas = Canvas(style, rng)
    canvas.parts += ground(canvas)
    for side in (-1, 1):
        _lots(canvas, side)
        kerbside(canvas, side)
        lanes(canvas, side)
        _behind(canvas, side)
    _side_streets(canvas)
    if np.isfinite(canvas.section.end):
        _close_end(canvas)
    if extras is not None:
        extras(canvas)
    light = draw_light(rng)
    table = repaint(canvas.table(), rng) if repainted else canvas.table()
    return Street(merge(canvas.parts), table, light, style, canvas.road, canvas.section)


def _lots(canvas: Canvas, side: int) -> None:
    """Buildings, gardens and their borders along one side."""
    rng, style = canvas.rng, canvas.style
    _, plot = canvas.edges(side)
    line = canvas.between(*style.setback)
    spread = 0.12 * (style.setback[1] - style.setback[0])
    s = FROM_M
    while s < TO_M:
        width, gap = canvas.between(*style.lot), canvas.between(*style.gap)
        if not canvas.free(s, s + width):
            s += 3.0
            continue
        setback = max(0.0, line + float(rng.normal(0, spread)))
        if rng.random() < style.vacant:
            for _ in range(int(rng.integers(2, 5))):
                plant = canvas.pick_plant(canvas.trees if rng.random() < 0.6 else canvas.bushes)
                canvas.put(plant, s + canvas.between(0, width), side * (plot + canvas.between(3, 12)))
        else:
            canvas.put(canvas.house(width), s + width / 2, side * (plot + setback), side * np.pi / 2, KERB_M)
            if setback > 2.5 and rng.random() < 0.5:
                bush = canvas.pick_plant(canvas.bushes)
                canvas.put(bush, s + canvas.between(0, width), side * (plot + setback * 0.5))
        if setback > 0.8 and rng.random() < style.border:
            _border(canvas, s, width + min(gap, 5.0), side * (plot + 0.3))
        s += width + gap


def _border(canvas: Canvas, s: float, length: float, t: float) -> None:
    """A hedge, fence or wall along the front of a lot."""
    if not canvas.free(s, s + length):
        return
    kinds: tuple[Callable[[], Mesh], ...] = (
        lambda: plants.hedge(canvas, length, canvas.between(0.9, 2.2)),
        lambda: furniture.fence(canvas, length),
        lambda: furniture.wall(canvas, length, canvas.between(0.6, 2.2)),
    )
    canvas.put(kinds[canvas.rng.integers(3)](), s + length / 2, t, 0.0, KERB_M)


def _behind(canvas: Canvas, side: int) -> None:
    """Trees and larger buildings behind the first row, which close the view through its gaps."""
    rng, style = canvas.rng, canvas.style
    count = int(style.woods * (TO_M - FROM_M) / 100)
    _, plot = canvas.edges(side)
    first = plot + style.setback[1] + 14.0 if style.gap[0] < 10 else plot + 4.0
    for s, t in zip(rng.uniform(FROM_M, TO_M, count), first + rng.gamma(1.5, 18.0, count), strict=True):
        if canvas.free(s - 2, s + 2, 3.0):
            canvas.put(canvas.pick_plant(canvas.far_trees), s, side * t, z=-0.2)
    if style.name not in ("city", "avenue", "village"):
        return
    for s in canvas.along(45.0, 0.4):
        storeys = 2 if style.name == "village" else int(rng.integers(3, 8))
        mesh = buildings.building(canvas, canvas.between(12, 26), 12.0, storeys, "block")
        turn = float(rng.choice((-1, 1)) * np.pi / 2 + rng.normal(0, 0.1))
        canvas.put(mesh, s, side * (first + canvas.between(12, 50)), turn)


def _side_streets(canvas: Canvas) -> None:
    """Rows of buildings and a few cars along the side streets."""
    rng, style = canvas.rng, canvas.style
    for at, road_width in canvas.section.crossings:
        for side in (-1, 1):
            _, plot = canvas.edges(side)
            t = plot + style.setback[1] + 15.0
            while t < 110 and style.gap[0] < 10:
                width = canvas.between(*style.lot)
                for turn, sign in ((0.0, 1), (np.pi, -1)):
                    s = sign * (road_width / 2 + canvas.between(2, 4))
                    if rng.random() > style.vacant:
                        canvas.put_aside(canvas.house(width), at, s, side * (t + width / 2), turn)
                t += width + canvas.between(*style.gap)
            for t in np.arange(plot + 6.0, 60.0, 9.0):
                if style.parking > 0 and rng.random() < 0.3:
                    s, turn = rng.choice((-1, 1), 2) * (road_width / 2 - 1.1, np.pi / 2)
                    canvas.put_aside(canvas.pick(canvas.cars), at, s, side * t, turn)


def _close_end(canvas: Canvas) -> None:
    """Buildings across the end of the street."""
    t = -38.0
    while t < 34.0:
        width, setback = canvas.between(*canvas.style.lot), canvas.between(1.5, 4.0)
        canvas.put_aside(canvas.house(width), canvas.section.end, setback, t + width / 2)
        t += width + canvas.between(0, 2.0)
