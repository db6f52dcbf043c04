"""A street under construction: its course, its stock of objects, and what has been placed so far."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.meshes import Mesh
from depthrepro.worlds.streets import buildings, furniture, plants, vehicles
from depthrepro.worlds.streets.road import Road
from depthrepro.worlds.streets.section import draw_section
from depthrepro.worlds.streets.styles import Style

FROM_M, TO_M = -50.0, 320.0  # objects stand on this stretch of the centre line


class Canvas(Maker):
    """A street under construction, shared by its builders.

    Attributes:
        style: Kind of street.
        road: Street coordinates.
        section: Widths of the street.
        parts: Meshes placed so far.
        cars, lorries, trees, bushes, people: Stocks, whose objects a street repeats.
        far_trees: Stock of simpler trees for the distance.
    """

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        """Draw the street's course and cross-section, and fill the stocks."""
        super().__init__(rng)
        self.style = style
        self.road = Road(rng, 1 / style.tightest_m, style.steepest)
        self.section = draw_section(self, style)
        self.parts: list[Mesh] = []
        self.cars = [vehicles.car(self) for _ in range(14)]
        self.lorries = [vehicles.lorry(self) for _ in range(2)]
        self.trees = [plants.tree(self, h, detail=2) for h in rng.uniform(5.0, 11.0, 5)]
        self.far_trees = [plants.tree(self, h, detail=1) for h in rng.uniform(7.0, 14.0, 6)]
        self.bushes = [plants.bush(self, h) for h in rng.uniform(0.8, 2.2, 4)]
        self.people = [furniture.person(self) for _ in range(8)]

    def put(self, mesh: Mesh, s: float, t: float, turn: float = 0.0, z: float = 0.0) -> None:
        """Place an object at street coordinates; see `Road.put`."""
        self.parts.append(self.road.put(mesh, s, t, turn, z))

    def put_aside(self, mesh: Mesh, at: float, s: float, t: float, turn: float = 0.0) -> None:
        """Place an object in the coordinates of the side street at `at`; see `Road.side_plane`."""
        x, y = (float(a) for a in self.road.side_plane(at, s, t))
        self.parts.append(mesh.placed(x, y, float(self.road.height(x, y)), float(self.road.heading(at)) + turn))

    def put_row(self, panel: Mesh, length: float, t: float, turn: float = 0.0) -> None:
        """Place panels of a length one after the other along the whole street, but for its side streets."""
        for s in np.arange(FROM_M, TO_M, length):
            if self.free(s - length / 2, s + length / 2):
                self.put(panel, s, t, turn)

    def pick(self, stock: list[Mesh]) -> Mesh:
        """A random object of a stock."""
        return stock[self.rng.integers(len(stock))]

    def pick_plant(self, stock: list[Mesh]) -> Mesh:
        """A random plant of a stock, turned and scaled."""
        turn, scale = self.between(0, 2 * np.pi), self.between(0.85, 1.2)
        return self.pick(stock).placed(0, 0, 0, turn, scale)

    def house(self, width: float) -> Mesh:
        """A building in the street's style."""
        style = self.style
        kind = str(self.rng.choice(style.kinds))
        storeys = int(self.rng.integers(style.storeys[0], style.storeys[1] + 1))
        storeys = min(storeys, 2) if kind == "hall" else storeys
        return buildings.building(self, width, self.between(8, 13), storeys, kind, sides=style.gap[1] > 1.0)

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
