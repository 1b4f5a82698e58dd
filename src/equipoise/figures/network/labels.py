"""Labels beside points, so that none covers another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray

DISTANCES = (6.0, 11.0, 18.0, 27.0, 38.0, 52.0, 70.0, 95.0, 130.0, 170.0)
"""How far from its point a label may stand (points), tried in this order."""
DIRECTIONS = (
    38.0,
    -38.0,
    142.0,
    -142.0,
    18.0,
    -18.0,
    162.0,
    -162.0,
    0.0,
    180.0,
    65.0,
    -65.0,
    115.0,
    -115.0,
    90.0,
    -90.0,
)


@dataclass(frozen=True, slots=True)
class Box:
    """A label's place in points: its left lower corner and its size; ``led``: far enough to need a leader line."""

    x: float
    y: float
    width: float
    height: float
    led: bool

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return self.x + 0.5 * self.width, self.y + 0.5 * self.height

    def overlaps(self, other: Box, gap: float = 0.0) -> bool:
        """Whether the two share room, or come nearer than ``gap``."""
        return (
            self.x < other.x + other.width + gap
            and other.x < self.x + self.width + gap
            and self.y < other.y + other.height + gap
            and other.y < self.y + self.height + gap
        )


def place_labels(points: FloatArray, widths: Sequence[float], height: float, size: tuple[float, float]) -> list[Box]:
    """A place for every label inside a sheet of this size, the most crowded points first.

    ``points``: shape (labels, 2), in points. The nearest place is taken that covers no label and no point; if there is
    none, the one that covers least.
    """
    if not len(points):
        return []
    distance = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    crowded = np.argsort(-(distance < 40.0).sum(axis=1), kind="stable")
    placed: dict[int, Box] = {}
    for number in crowded.tolist():
        placed[number] = _best(number, points, widths[number], height, size, list(placed.values()))
    return [placed[number] for number in range(len(points))]


def _best(
    number: int, points: FloatArray, width: float, height: float, size: tuple[float, float], taken: list[Box]
) -> Box:
    best, least = None, math.inf
    x, y = points[number]
    for far, out in enumerate(DISTANCES):
        for direction in DIRECTIONS:
            dx, dy = math.cos(math.radians(direction)), math.sin(math.radians(direction))
            left = x + out * dx - (width if dx < -0.2 else 0.5 * width if dx < 0.2 else 0.0)
            low = y + out * dy - 0.5 * height
            box = Box(left, low, width, height, far > 1)
            if left < 0 or low < 0 or left + width > size[0] or low + height > size[1]:
                continue
            covered = sum(box.overlaps(other, 3.5) for other in taken)
            inside = (
                (points[:, 0] > left - 2)
                & (points[:, 0] < left + width + 2)
                & (points[:, 1] > low - 2)
                & (points[:, 1] < low + height + 2)
            )
            cost = 100.0 * covered + 10.0 * int(inside.sum()) + far
            if cost < least:
                best, least = box, cost
        if least < 10.0:
            break
    return (
        best
        if best is not None
        else Box(min(max(x + 6.0, 0.0), size[0] - width), y - 0.5 * height, width, height, False)
    )
