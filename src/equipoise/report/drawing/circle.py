"""Where the nodes of a network and their labels go: on an ellipse, the labels outside it and clear of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal

from equipoise.report import numerals
from equipoise.report.answer import NetworkNode
from equipoise.report.drawing import svg

SIZE = 13.0
SMALL = 11.5
LINE = 15.0
RING = 4.0
"""How far the ring around the treatment asked about stands out."""
_GAP = 7.0
_STEPS = 1440

Side = Literal["top", "bottom", "left", "right"]


@dataclass(frozen=True, slots=True)
class Label:
    """A node's label: its name and counts in lines of text, in a box (left, top, width, height)."""

    node: NetworkNode
    name: tuple[str, ...]
    counts: tuple[str, ...]
    side: Side
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A subnetwork laid out: where nodes and labels are, and the height that it takes."""

    centres: dict[str, tuple[float, float]]
    labels: tuple[Label, ...]
    height: float


def place(nodes: Sequence[NetworkNode], radii: dict[str, float], width: float, top: float) -> Placed:
    """Nodes evenly along an ellipse from y = `top` down, tall enough that no label meets another or a node.

    Two nodes go left and right, a single one into the middle.
    """
    largest = max(radii[node.treatment] for node in nodes) + RING
    label_width = min(width * 0.31, 185.0)
    sides = _sides(len(nodes))
    boxes = [replace(_box(node, label_width), side=side) for node, side in zip(nodes, sides, strict=True)]
    reach_x = min(width / 2 - label_width - largest - _GAP, 150.0)
    needed = max(
        sum(box.height + _GAP for box in boxes if box.side == "left"),
        sum(box.height + _GAP for box in boxes if box.side == "right"),
    )
    reach_y = 0.0 if len(nodes) <= 2 else max(reach_x, 80.0, needed / 2)
    shape = _spots(len(nodes), reach_x, reach_y)
    spots = {node.treatment: spot for node, spot in zip(nodes, shape, strict=True)}
    boxes = [
        _beside(box, *spots[box.node.treatment], _normal(box, shape_at, reach_x, reach_y), radii)
        for box, shape_at in zip(boxes, shape, strict=True)
    ]

    middle = [box for box in boxes if box.side in {"top", "bottom"}]
    low = max((box.top + box.height + 1 for box in middle if box.side == "top"), default=-needed / 2)
    high = min(
        (box.top - 1 for box in middle if box.side == "bottom"), default=low + max(needed, 2 * reach_y + 2 * largest)
    )
    labels = list(middle)
    for side in ("left", "right"):
        labels += [_clear(box, spots, radii) for box in _apart([box for box in boxes if box.side == side], low, high)]

    first = min([box.top for box in labels] + [y - largest for _, y in shape])
    last = max([box.top + box.height for box in labels] + [y + largest for _, y in shape])
    right, down = width / 2, top + 4 - first
    return Placed(
        {name: (x + right, y + down) for name, (x, y) in spots.items()},
        tuple(replace(box, left=box.left + right, top=box.top + down) for box in labels),
        last - first + 8,
    )


def _sides(count: int) -> list[Side]:
    if count == 1:
        return ["right"]
    if count == 2:
        return ["left", "right"]
    half = count / 2
    return [
        "top" if index == 0 else "bottom" if index == half else "right" if index < half else "left"
        for index in range(count)
    ]


def _spots(count: int, reach_x: float, reach_y: float) -> list[tuple[float, float]]:
    """Points on the ellipse around the origin, clockwise from the top, equally far apart along it."""
    if count == 1:
        return [(0.0, 0.0)]
    if count == 2:
        return [(-reach_x, 0.0), (reach_x, 0.0)]
    around = [2 * math.pi * step / _STEPS for step in range(_STEPS + 1)]
    ellipse = [(reach_x * math.sin(angle), -reach_y * math.cos(angle)) for angle in around]
    lengths = [0.0, *accumulate(math.dist(first, second) for first, second in pairwise(ellipse))]
    spots: list[tuple[float, float]] = []
    at = 0
    for index in range(count):
        while lengths[at] < lengths[-1] * index / count - 1e-9:
            at += 1
        spots.append(ellipse[at])
    return spots


def _box(node: NetworkNode, width: float) -> Label:
    """The label with its size, not placed yet."""
    trials = "1 trial" if node.studies == 1 else f"{node.studies} trials"
    bold = node.asked
    name = tuple(svg.wrap(node.treatment, width / (svg.BOLD if bold else 1.0), SIZE, 4))
    people = f"n = {numerals.count(node.participants)}"
    together = f"{people}, {trials}"
    counts = (together,) if svg.text_width(together, SMALL) <= width else (people, trials)
    widths = [svg.text_width(line, SIZE, bold=bold) for line in name] + [svg.text_width(line, SMALL) for line in counts]
    return Label(node, name, counts, "right", 0.0, 0.0, max(widths), LINE * (len(name) + len(counts)))


def _normal(box: Label, spot: tuple[float, float], reach_x: float, reach_y: float) -> tuple[float, float]:
    """The direction straight out of the ellipse at a node."""
    if not reach_y:
        return (-1.0, 0.0) if box.side == "left" else (1.0, 0.0)
    x, y = spot[0] / reach_x**2, spot[1] / reach_y**2
    return x / math.hypot(x, y), y / math.hypot(x, y)


def _beside(box: Label, x: float, y: float, out: tuple[float, float], radii: dict[str, float]) -> Label:
    """The label straight out from its node, beyond the tangent there, so that no line between nodes crosses it."""
    away = radii[box.node.treatment] + (RING if box.node.asked else 0.0) + _GAP - 1
    at_x, at_y = x + out[0] * away, y + out[1] * away
    left = {"left": at_x - box.width, "right": at_x}.get(box.side, at_x - box.width / 2)
    return replace(box, left=left, top=at_y + (out[1] - 1) * box.height / 2)


def _apart(boxes: Sequence[Label], low: float, high: float) -> list[Label]:
    """The boxes moved up or down until they are a gap apart and between y = `low` and `high`."""
    ordered = sorted(boxes, key=lambda box: box.top + box.height / 2)
    tops: list[float] = []
    floor = low
    for box in ordered:
        tops.append(max(box.top, floor))
        floor = tops[-1] + box.height + _GAP
    ceiling = high
    for index in reversed(range(len(ordered))):
        tops[index] = min(tops[index], ceiling - ordered[index].height)
        ceiling = tops[index] - _GAP
    return [replace(box, top=top) for box, top in zip(ordered, tops, strict=True)]


def _clear(box: Label, centres: dict[str, tuple[float, float]], radii: dict[str, float]) -> Label:
    """The label moved outwards past every node at its height on its side."""
    left, right = box.left, box.left + box.width
    for treatment, (x, y) in centres.items():
        radius = radii[treatment] + RING
        if y + radius < box.top or y - radius > box.top + box.height:
            continue
        if box.side == "right" and x > left - box.width:
            left = max(left, x + radius + 1)
        elif box.side == "left" and x < right + box.width:
            right = min(right, x - radius - 1)
    return replace(box, left=left if box.side == "right" else right - box.width)
