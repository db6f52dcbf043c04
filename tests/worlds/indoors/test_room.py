"""Rooms: every kind can be built, nothing stands in another thing's place."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from depthrepro.worlds.indoors.finish import RoomMaker
from depthrepro.worlds.indoors.halls import HALLS, in_rows, rack
from depthrepro.worlds.indoors.kinds import KINDS
from depthrepro.worlds.indoors.plan import Plan
from depthrepro.worlds.indoors.room import build_room, draw_openings
from depthrepro.worlds.indoors.shell import Box


@pytest.mark.parametrize("kind", (*KINDS, *HALLS), ids=lambda kind: kind.name)
def test_every_kind_of_room_can_be_built(kind):
    for seed in range(3):
        room = build_room(np.random.default_rng(seed), kind)
        (low, high), (least, most) = kind.sides
        assert low <= min(room.extent.x, room.extent.y) <= high and least <= max(room.extent.x, room.extent.y) <= most
        inside = room.mesh.vertices
        assert inside[:, 2].min() > -0.1 and (inside[:, 2].max() < room.extent.height + 0.5)


def test_rows_leave_passages_and_stay_in_the_room():
    rng = np.random.default_rng(4)
    plan = Plan(RoomMaker(rng), Box(8.0, 6.0, 3.0), [])
    in_rows(plan, lambda: rack(plan.maker, 2.0, 2, 0), (1.5, 0.1), full=1.0)
    assert len(plan.taken) >= 4
    starts = sorted({round(x0, 3) for x0, _, _, _ in plan.taken})
    assert all(b - a == pytest.approx(0.9 + 1.5, abs=0.01) for a, b in pairwise(starts))
    assert all(0 <= x0 and 0 <= y0 and x1 <= 8 and y1 <= 6 for x0, y0, x1, y1 in plan.taken)


def test_openings_do_not_overlap():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = draw_openings(rng, Box(3.0, 4.5, 2.5), KINDS[seed % len(KINDS)])
        for wall in range(4):
            spans = sorted((o.low, o.low + o.width) for o in found if o.wall == wall)
            assert all(b[0] > a[1] for a, b in pairwise(spans))
        assert all(0 < o.low and o.low + o.width < Box(3.0, 4.5, 2.5).length(o.wall) and o.top < 2.5 for o in found)
