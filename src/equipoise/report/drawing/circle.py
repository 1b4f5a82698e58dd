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
    label_width = width * 0.27
    boxes = [_box(node, label_width) for node in nodes]
    sides = _sides(len(nodes))
    reach_x = min(width / 2 - label_width - largest - _GAP, 150.0)

    def heights(side: Side) -> list[float]:
        return [box.height for box, where in zip(boxes, sides, strict=True) if where == side]

    needed = max(sum(heights(side)) + _GAP * len(heights(side)) for side in ("left", "right"))
    if len(nodes) <= 2:
        reach_y, span = 0.0, needed / 2
        head = foot = max(largest, span) + _GAP
    else:
        reach_y = span = max(reach_x, 80.0, needed / 2)
        head = largest + _GAP + max(heights("top"), default=0.0)
        foot = largest + _GAP + max(heights("bottom"), default=0.0)
    middle_x, middle_y = width / 2, top + head + reach_y
    spots = [(middle_x + x, middle_y + y) for x, y in _spots(len(nodes), reach_x, reach_y)]
    centres = {node.treatment: spot for node, spot in zip(nodes, spots, strict=True)}

    labels: list[Label] = []
    for side in ("top", "bottom", "left", "right"):
        here = [
            _beside(replace(box, side=side), spot, radii)
            for box, spot, where in zip(boxes, spots, sides, strict=True)
            if where == side
        ]
        if side in {"left", "right"}:
            here = [_clear(box, centres, radii) for box in _apart(here, middle_y - span, middle_y + span)]
        labels += here
    return Placed(centres, tuple(labels), head + 2 * reach_y + foot)


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


def _beside(box: Label, spot: tuple[float, float], radii: dict[str, float]) -> Label:
    """The label right beside its node."""
    x, y = spot
    away = radii[box.node.treatment] + (RING if box.node.asked else 0.0) + _GAP - 2
    match box.side:
        case "top":
            return replace(box, left=x - box.width / 2, top=y - away - box.height)
        case "bottom":
            return replace(box, left=x - box.width / 2, top=y + away)
        case "left":
            return replace(box, left=x - away - box.width, top=y - box.height / 2)
        case "right":
            return replace(box, left=x + away, top=y - box.height / 2)


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
