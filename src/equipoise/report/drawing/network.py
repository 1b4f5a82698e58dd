"""A network graph as SVG: treatments on a circle, labels outside it, subnetworks one below the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from equipoise.report import numerals
from equipoise.report.answer import NetworkGraph, NetworkNode
from equipoise.report.drawing import svg
from equipoise.report.links import anchor

Layout = Literal["wide", "narrow"]

_SIZE = 13.0
_SMALL = 11.5
_LINE = 15.0
_GAP = 7.0
_SMALLEST = 5.0


@dataclass(frozen=True, slots=True)
class Label:
    """A node's label: lines of text in a box (left, top, width, height)."""

    node: NetworkNode
    name: tuple[str, ...]
    counts: tuple[str, ...]
    left: float
    top: float
    width: float
    height: float
    align: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A subnetwork laid out: where nodes and labels are, and the height that it takes."""

    centres: dict[str, tuple[float, float]]
    labels: tuple[Label, ...]
    height: float


def draw(graph: NetworkGraph, name: str, layout: Layout = "wide") -> str:
    """SVG markup of the network; `name` is a prefix that makes its ids unique on the page.

    Circle areas are proportional to participants, line widths to studies. An edge links to its result's anchor.
    """
    width = 680.0 if layout == "wide" else 350.0
    radii = node_radii(graph, 20.0 if layout == "wide" else 15.0)
    top = 0.0
    parts: list[str] = []
    for index, nodes in enumerate(subnetworks(graph)):
        if index:
            parts.append(svg.element("line", class_="n-apart", x1=0, x2=width, y1=top + 6, y2=top + 6))
            caption = "Not connected with the treatments above" if index == 1 else "Not connected with any of the above"
            parts.append(svg.text(caption, 0, top + 24, class_="n-caption"))
            top += 34
        placed = place(nodes, radii, width, top)
        parts.append(_edges(graph, placed))
        parts.append(_nodes(radii, placed))
        top += placed.height
    if not graph.nodes:
        parts.append(svg.text("No trial compared any of the treatments.", 0, 20, class_="n-caption"))
        top = 32
    return svg.drawing(name, graph.title, graph.description, width, top, *parts, class_=f"network {layout}")


def subnetworks(graph: NetworkGraph) -> list[list[NetworkNode]]:
    """The nodes by subnetwork, the one with most participants first."""
    parts: dict[int, list[NetworkNode]] = {}
    for node in graph.nodes:
        parts.setdefault(node.subnetwork, []).append(node)
    return sorted(parts.values(), key=lambda nodes: (-len(nodes), -sum(node.participants for node in nodes)))


def node_radii(graph: NetworkGraph, largest: float = 20.0) -> dict[str, float]:
    """Radius by treatment: areas proportional to participants, down to a smallest that can still be seen."""
    most = max((node.participants for node in graph.nodes), default=0) or 1
    return {node.treatment: max(largest * math.sqrt(node.participants / most), _SMALLEST) for node in graph.nodes}


def place(nodes: list[NetworkNode], radii: dict[str, float], width: float, top: float) -> Placed:
    """Nodes evenly on an ellipse from y = `top` down, tall enough that no two labels overlap."""
    count = len(nodes)
    largest = max(radii[node.treatment] for node in nodes)
    label_width = width * 0.27
    texts = {node.treatment: _label_lines(node, label_width) for node in nodes}
    heights = {name: _LINE * (len(written[0]) + len(written[1])) for name, written in texts.items()}
    angles = [2 * math.pi * index / count - math.pi / 2 for index in range(count)]
    if count == 2:
        angles = [math.pi, 0.0]
    sides = [_side(angle) for angle in angles]

    def height_of(which: str, gap: float) -> list[float]:
        return [heights[node.treatment] + gap for node, side in zip(nodes, sides, strict=True) if side == which]

    needed = max(sum(height_of("left", _GAP)), sum(height_of("right", _GAP)))
    reach_x = (width - 2 * label_width) / 2 - largest - 11
    reach_x = min(reach_x, 150.0)
    reach_y = 0.0 if count <= 2 else max(reach_x, 80.0, needed / 2)
    head = largest + 8 + max(height_of("top", 0), default=0)
    foot = largest + 8 + max(height_of("bottom", 0), default=0)
    if count <= 2:
        head = foot = max(largest, needed / 2) + 8
    centre_x, centre_y = width / 2, top + head + reach_y
    centres = {
        node.treatment: (centre_x + reach_x * math.cos(angle), centre_y + reach_y * math.sin(angle))
        for node, angle in zip(nodes, angles, strict=True)
    }
    if count == 1:
        centres = {nodes[0].treatment: (centre_x, centre_y)}
        sides = ["right"]
    labels: list[Label] = []
    for which in ("top", "bottom", "left", "right"):
        on_side = [node for node, side in zip(nodes, sides, strict=True) if side == which]
        labels += _labels(on_side, which, texts, centres, radii, (centre_y - reach_y, centre_y + reach_y))
    return Placed(centres, tuple(labels), head + 2 * reach_y + foot)


def _side(angle: float) -> str:
    if abs(math.cos(angle)) < 1e-6:
        return "top" if math.sin(angle) < 0 else "bottom"
    return "right" if math.cos(angle) > 0 else "left"


def _label_lines(node: NetworkNode, width: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    trials = "1 trial" if node.studies == 1 else f"{node.studies} trials"
    counted = f"n = {numerals.count(node.participants)}, {trials}"
    return tuple(svg.wrap(node.treatment, width, _SIZE, 4)), tuple(svg.wrap(counted, width, _SMALL, 2))


def _labels(
    nodes: list[NetworkNode],
    side: str,
    texts: dict[str, tuple[tuple[str, ...], tuple[str, ...]]],
    centres: dict[str, tuple[float, float]],
    radii: dict[str, float],
    span: tuple[float, float],
) -> list[Label]:
    boxes: list[Label] = []
    for node in nodes:
        x, y = centres[node.treatment]
        (name, counts), radius = texts[node.treatment], radii[node.treatment] + (4 if node.asked else 0)
        width = max(*(svg.text_width(line, _SIZE) for line in name), *(svg.text_width(line, _SMALL) for line in counts))
        height = _LINE * (len(name) + len(counts))
        if side in {"top", "bottom"}:
            box_top = y - radius - 5 - height if side == "top" else y + radius + 5
            boxes.append(Label(node, name, counts, x - width / 2, box_top, width, height, "middle"))
        else:
            left = x + radius + 7 if side == "right" else x - radius - 7 - width
            boxes.append(
                Label(node, name, counts, left, y - height / 2, width, height, "start" if side == "right" else "end")
            )
    if side in {"top", "bottom"}:
        return boxes
    return _apart(sorted(boxes, key=lambda box: box.top + box.height / 2), span)


def _apart(boxes: list[Label], span: tuple[float, float]) -> list[Label]:
    """The boxes moved up or down as little as keeps them from overlapping."""
    tops = [box.top for box in boxes]
    for index in range(1, len(boxes)):
        tops[index] = max(tops[index], tops[index - 1] + boxes[index - 1].height + _GAP)
    if boxes:
        beyond = tops[-1] + boxes[-1].height - max(span[1], boxes[-1].top + boxes[-1].height)
        if beyond > 0:
            tops[-1] -= beyond
            for index in range(len(boxes) - 2, -1, -1):
                tops[index] = min(tops[index], tops[index + 1] - boxes[index].height - _GAP)
    return [replace(box, top=top) for box, top in zip(boxes, tops, strict=True)]


def _edges(graph: NetworkGraph, placed: Placed) -> str:
    most = max((edge.studies for edge in graph.edges), default=1) or 1
    parts: list[str] = []
    for edge in graph.edges:
        if edge.treatment not in placed.centres or edge.comparator not in placed.centres:
            continue
        (x1, y1), (x2, y2) = placed.centres[edge.treatment], placed.centres[edge.comparator]
        trials = "1 trial" if edge.studies == 1 else f"{edge.studies} trials"
        title = svg.element(
            "title",
            escape(
                f"{edge.treatment} and {edge.comparator}: {trials}, {numerals.count(edge.participants)} participants"
            ),
        )
        ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
        line = svg.element("line", class_="n-edge", stroke_width=edge_width(edge.studies, most), **ends)
        hit = svg.element("line", class_="n-hit", stroke_width=16, **ends)
        if edge.result:
            parts.append(svg.element("a", title, hit, line, href="#" + anchor("result", edge.result), class_="n-link"))
        else:
            parts.append(svg.element("g", title, line))
    return "".join(parts)


def edge_width(studies: int, most: int) -> float:
    """Line width: proportional to studies, the thickest 9."""
    return max(9.0 * studies / most, 1.2)


def _nodes(radii: dict[str, float], placed: Placed) -> str:
    parts: list[str] = []
    for label in placed.labels:
        node = label.node
        x, y = placed.centres[node.treatment]
        radius = radii[node.treatment]
        asked = " asked" if node.asked else ""
        role = " control" if node.role == "control" else ""
        anchor_x = {"start": label.left, "middle": label.left + label.width / 2, "end": label.left + label.width}[
            label.align
        ]
        leader = ""
        middle = label.top + label.height / 2
        if label.align != "middle" and abs(middle - y) > label.height / 2 + 2:
            edge_x = label.left - 3 if label.align == "start" else label.left + label.width + 3
            leader = svg.element("line", class_="n-leader", x1=x, y1=y, x2=edge_x, y2=middle)
        below = label.top + 12 + _LINE * len(label.name)
        written = svg.lines(
            list(label.name), anchor_x, label.top + 12, _LINE, class_="n-label" + asked, text_anchor=label.align
        ) + svg.lines(list(label.counts), anchor_x, below, _LINE, class_="n-count", text_anchor=label.align)
        parts.append(
            svg.element(
                "g",
                svg.element("title", escape(f"{node.treatment}: {numerals.count(node.participants)} participants")),
                leader,
                svg.element("circle", class_=f"n-node{asked}{role}", cx=x, cy=y, r=radius),
                svg.element("circle", class_="n-ring", cx=x, cy=y, r=radius + 4) if node.asked else "",
                written,
            )
        )
    return "".join(parts)
