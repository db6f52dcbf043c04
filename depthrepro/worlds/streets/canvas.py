"""A street under construction: its course, its stock of objects, and what has been placed so far."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.materials import Palette
from depthrepro.worlds.meshes import Mesh
from depthrepro.worlds.streets import buildings, furniture, plants, vehicles
from depthrepro.worlds.streets.ground import draw_section
from depthrepro.worlds.streets.road import Road
from depthrepro.worlds.streets.styles import Style

FROM_M, TO_M = -50.0, 320.0  # objects stand on this stretch of the centre line


class Canvas:
    """A street under construction, shared by its builders.

    Attributes:
        style: Kind of street.
        rng: Source of all choices.
        palette: Materials so far.
        road: Street coordinates.
        section: Widths of the street.
        parts: Meshes placed so far.
        cars: Stock of cars; a street repeats the objects of its stocks.
        lorries: Stock of lorries.
        trees: Stock of trees for the roadside.
        far_trees: Stock of simpler trees for the distance.
        bushes: Stock of bushes.
        people: Stock of people.
    """

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        """Draw the street's course and cross-section, and fill the stocks."""
        self.style, self.rng, self.palette = style, rng, Palette()
        self.road = Road(rng, style.sharpest, style.steepest)
        self.section = draw_section(style, rng)
        self.parts: list[Mesh] = []
        p = self.palette
        self.cars = [vehicles.car(p, rng) for _ in range(14)]
        self.lorries = [vehicles.lorry(p, rng) for _ in range(2)]
        self.trees = [plants.tree(p, rng, h) for h in rng.uniform(5.0, 11.0, 5)]
        self.far_trees = [plants.tree(p, rng, h, detail=1) for h in rng.uniform(7.0, 14.0, 6)]
        self.bushes = [plants.bush(p, rng, h) for h in rng.uniform(0.8, 2.2, 4)]
        self.people = [furniture.person(p, rng) for _ in range(8)]

    def put(self, mesh: Mesh, s: float, t: float, turn: float = 0.0, z: float = 0.0) -> None:
        """Place an object at street coordinates; see `Road.put`."""
        self.parts.append(self.road.put(mesh, s, t, turn, z))

    def pick(self, stock: list[Mesh]) -> Mesh:
        """A random object of a stock."""
        return stock[self.rng.integers(len(stock))]

    def pick_plant(self, stock: list[Mesh]) -> Mesh:
        """A random plant of a stock, turned and scaled."""
        turn, scale = float(self.rng.uniform(0, 2 * np.pi)), float(self.rng.uniform(0.85, 1.2))
        return self.pick(stock).placed(0, 0, 0, turn, scale)

    def house(self, width: float) -> Mesh:
        """A building in the street's style."""
        rng, style = self.rng, self.style
        kind = str(rng.choice(style.kinds))
        storeys = int(rng.integers(style.storeys[0], style.storeys[1] + 1))
        storeys = min(storeys, 2) if kind == "hall" else storeys
        depth = float(rng.uniform(8, 13))
        return buildings.building(self.palette, rng, width, depth, storeys, kind, sides=style.gap[1] > 1.0)

    def free(self, s0: float, s1: float, margin: float = 2.0) -> bool:
        """Whether the stretch is clear of side streets and of the street's end."""
        return not self.section.crosses(s0, s1, margin) and s1 < self.section.end - 10

    def edges(self, side: int) -> tuple[float, float]:
        """(kerb, plot line) on a side, -1 right, 1 left."""
        index = (side + 1) // 2
        return self.section.edge[index], self.section.plot[index]

    def along(self, spacing: float, jitter: float = 0.25) -> list[float]:
        """Positions about `spacing` apart that no side street crosses."""
        count = int((TO_M - FROM_M) / spacing)
        s = FROM_M + (np.arange(count) + self.rng.uniform(-jitter, jitter, count) + self.rng.random()) * spacing
        return [float(a) for a in s if self.free(a - 1.0, a + 1.0)]


def heading(side: int) -> float:
    """Direction of traffic on a side: along the street on the right, against it on the left."""
    return 0.0 if side < 0 else np.pi
