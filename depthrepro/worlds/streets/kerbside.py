"""Along the kerbs and on the lanes: parked and moving cars, street trees, lamps, signs, people, barriers."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.streets import furniture
from depthrepro.worlds.streets.canvas import Canvas, heading
from depthrepro.worlds.streets.section import KERB_M


def kerbside(canvas: Canvas, side: int) -> None:
    """Everything between the driving lanes and the plots on one side, -1 right, 1 left."""
    rng, style = canvas.rng, canvas.style
    edge, plot = canvas.edges(side)
    for s in canvas.along(6.2, 0.04) if edge - canvas.section.lanes >= 1.5 else ():  # a parking strip
        if rng.random() < style.parked and canvas.free(s - 3.5, s + 3.5, 3.0):
            t = side * (edge - 1.05 + rng.normal(0, 0.06))
            canvas.put(canvas.pick(canvas.cars), s, t, heading(side) + rng.normal(0, 0.03))
    _posts(canvas, side, edge, plot)
    for s in canvas.along(100.0 / style.people, 0.5) if plot - edge >= 1.0 and style.people else ():
        turn = float(rng.choice((0.0, np.pi)) + rng.normal(0, 0.4))
        canvas.put(canvas.pick(canvas.people), s, side * canvas.between(edge + 0.7, plot - 0.2), turn, KERB_M)
    if rng.random() < style.screen:  # a hedgerow of bushes or a high wall along an open road
        t = plot + canvas.between(1.4, 5.0)
        if rng.random() < 0.6:
            for s in canvas.along(canvas.between(1.6, 2.6)):
                canvas.put(canvas.pick_plant(canvas.bushes), s, side * (t + rng.normal(0, 0.2)))
        else:
            canvas.put_row(furniture.wall(canvas, 10.0, canvas.between(1.6, 3.6)), 10.0, side * t)
    if rng.random() < style.rails:
        canvas.put_row(furniture.guard_rail(canvas, 10.0), 10.0, side * (edge + 0.8), heading(-side))


def _posts(canvas: Canvas, side: int, edge: float, plot: float) -> None:
    """Trees, lamps and signs at the kerb, bins and cabinets at the back of the pavement."""
    rng, style = canvas.rng, canvas.style
    near = edge + (0.45 if plot - edge > 1.0 else 1.6)
    if style.trees and rng.random() < 0.75:
        line = near if plot - edge > 2.0 else plot + 1.2
        for s in canvas.along(style.trees):
            canvas.put(canvas.pick_plant(canvas.trees), s, side * line)
    if style.lamps and rng.random() < 0.8:
        lamp = furniture.lamp(canvas, canvas.between(4.5, 8.5))
        for s in canvas.along(style.lamps, 0.05):
            canvas.put(lamp, s, side * near, -side * np.pi / 2, KERB_M)
    for s in canvas.along(26.0, 0.5):
        kind = rng.random()
        if kind < 0.55:
            canvas.put(furniture.sign(canvas), s, side * near, heading(side))
        elif kind < 0.8 and plot > edge:
            canvas.put(furniture.street_box(canvas), s, side * (plot - 0.4), -side * np.pi / 2, KERB_M)


def lanes(canvas: Canvas, side: int) -> None:
    """Moving cars in the lanes of one direction, and signals at the crossings."""
    rng, style = canvas.rng, canvas.style
    for lane in range(style.lanes):
        t = side * (lane + 0.5) * style.lane_width
        for s in canvas.along(100.0 / style.traffic, 0.38):
            stock = canvas.lorries if rng.random() < 0.1 else canvas.cars
            canvas.put(canvas.pick(stock), s, t + rng.normal(0, 0.2), heading(side) + rng.normal(0, 0.02))
    edge, plot = canvas.edges(side)
    if plot > edge and style.lanes * style.lane_width > 3.1:
        for at, width in canvas.section.crossings:
            post = furniture.signal(canvas)
            canvas.put(post, at + side * (width / 2 + 1.0), side * (edge + 0.5), heading(side), KERB_M)
