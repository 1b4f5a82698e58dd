"""Where the treatments of a network graph stand: on a circle, so spaced that level labels never overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from equipoise.frames import FloatArray


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the circle about (0, 0); ``side``: where the label goes, "left", "right" or "below"."""

    x: float
    y: float
    side: str


def needed_radius(heights: Sequence[float]) -> float:
    """The smallest radius at which items of these heights, in clockwise order, have room one above the other."""
    return max((0.56 * sum(heights[i] for i in side) for side in _sides(len(heights))), default=0.0)


def spots(heights: Sequence[float], radius: float) -> list[Spot]:
    """A place for every item, clockwise from the top: evenly spaced where the heights allow.

    ``heights``: the vertical room an item and its label need. Items of one side of the circle stand at least half
    the sum of their heights apart vertically, if ``radius`` is at least ``needed_radius``.
    """
    count = len(heights)
    found: list[Spot] = [Spot(0.0, -radius, "below")] * count
    right, left = _sides(count)
    bottom = count // 2 if count % 2 else None
    for side, items, sign in (("right", right, 1.0), ("left", left, -1.0)):
        wanted = np.array([radius * math.cos((i + 0.5) * 2.0 * math.pi / count) for i in items])
        room = np.array([heights[i] for i in items])
        ceiling = _clear(radius, count, heights[items[0]]) if items else radius
        floor = -_clear(radius, count, heights[items[-1]]) if items else -radius
        if bottom is not None:
            floor = 0.5 * (heights[bottom] + heights[items[-1]]) - radius if items else floor
        for i, y in zip(items, spread(wanted, room, floor, ceiling), strict=True):
            height = min(max(float(y), -radius), radius)
            found[i] = Spot(sign * math.sqrt(max(radius**2 - height**2, 0.0)), height, side)
    return found


def _sides(count: int) -> tuple[list[int], list[int]]:
    """Indices on the right, and on the left, each from top to bottom; an odd number leaves one at the bottom."""
    half = count // 2
    return list(range(half)), list(range(count - 1, count - 1 - half, -1))


def _clear(radius: float, count: int, height: float) -> float:
    """How high up an item may stand without meeting its neighbour across the top."""
    aside = max(radius * math.sin(math.pi / count), 0.5 * height + 1.0)
    return math.sqrt(max(radius**2 - aside**2, 0.0))


def spread(wanted: FloatArray, room: FloatArray, floor: float, ceiling: float) -> FloatArray:
    """Heights nearest to those ``wanted`` (falling) that are far enough apart and within bounds (least squares)."""
    if not len(wanted):
        return wanted
    steps = np.concatenate([[0.0], np.cumsum(0.5 * (room[1:] + room[:-1]))])
    free = isotonic_regression(wanted + steps, increasing=False).x
    return np.asarray(np.clip(free, floor + steps[-1], max(ceiling, floor + steps[-1])) - steps)
