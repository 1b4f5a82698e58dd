"""A network graph as SVG: treatments on a circle, labels outside it, subnetworks one below the other."""

from __future__ import annotations

import math
from html import escape
from typing import Literal

from equipoise.report import numerals
from equipoise.report.answer import NetworkGraph, NetworkNode
from equipoise.report.drawing import svg
from equipoise.report.drawing.circle import LINE, RING, Label, Placed, place
from equipoise.report.links import anchor

Layout = Literal["wide", "narrow"]

_SMALLEST = 5.0


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
        align = {"left": "end", "right": "start"}.get(label.side, "middle")
        text_x = {"left": label.left + label.width, "right": label.left}.get(label.side, label.left + label.width / 2)
        parts.append(
            svg.element(
                "g",
                svg.element("title", escape(f"{node.treatment}: {numerals.count(node.participants)} participants")),
                _leader(label, x, y),
                svg.element("circle", class_=f"n-node{asked}{role}", cx=x, cy=y, r=radius),
                svg.element("circle", class_="n-ring", cx=x, cy=y, r=radius + RING) if node.asked else "",
                svg.lines(label.name, text_x, label.top + 12, LINE, class_="n-label" + asked, text_anchor=align),
                svg.lines(
                    label.counts,
                    text_x,
                    label.top + 12 + LINE * len(label.name),
                    LINE,
                    class_="n-count",
                    text_anchor=align,
                ),
            )
        )
    return "".join(parts)


def _leader(label: Label, x: float, y: float) -> str:
    """A thin line from the node to a label that had to move away from it."""
    middle = label.top + label.height / 2
    if label.side in {"top", "bottom"} or abs(middle - y) <= label.height / 2:
        return ""
    end = label.left - 3 if label.side == "right" else label.left + label.width + 3
    return svg.element("line", class_="n-leader", x1=x, y1=y, x2=end, y2=middle)
