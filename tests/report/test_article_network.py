"""Network graphs: sizes are counts, the question stands out, labels never overlap."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from article_sample import network as sample_network
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from equipoise.report.answer import NetworkEdge, NetworkGraph, NetworkNode
from equipoise.report.drawing import network
from equipoise.report.drawing.circle import RING, Label, Placed, place

SVG = "{http://www.w3.org/2000/svg}"
LAYOUTS: tuple[network.Layout, ...] = ("wide", "narrow")
WIDTHS = {"wide": 680.0, "narrow": 350.0}


def tree(graph: NetworkGraph, layout: network.Layout = "wide") -> ElementTree.Element:
    return ElementTree.fromstring(network.draw(graph, "plot-2", layout))


def marked(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [part for part in element.iter() if name in part.get("class", "").split()]


def node(name: str, participants: int = 100, subnetwork: int = 0, asked: bool = False) -> NetworkNode:
    return NetworkNode(name, participants, 3, "conventional", asked, subnetwork)


def graph_of(*nodes: NetworkNode, edges: tuple[NetworkEdge, ...] = ()) -> NetworkGraph:
    return NetworkGraph("A network", "Who met whom.", nodes, edges)


def test_circles_have_areas_in_proportion_to_participants() -> None:
    radii = network.node_radii(graph_of(node("A", 400), node("B", 100)))
    assert (radii["A"] / radii["B"]) ** 2 == pytest.approx(4.0)


def test_lines_have_widths_in_proportion_to_studies() -> None:
    edges = (NetworkEdge("A", "B", 6, 100), NetworkEdge("B", "C", 2, 50))
    lines = marked(tree(graph_of(node("A"), node("B"), node("C"), edges=edges)), "n-edge")
    assert float(lines[0].get("stroke-width", "0")) / float(lines[1].get("stroke-width", "1")) == pytest.approx(3.0)


def test_lines_end_in_their_nodes() -> None:
    graph = sample_network()
    drawing = tree(graph)
    centres = {(circle.get("cx"), circle.get("cy")) for circle in marked(drawing, "n-node")}
    lines = marked(drawing, "n-edge")
    assert len(lines) == len(graph.edges)
    for line in lines:
        assert {(line.get("x1"), line.get("y1")), (line.get("x2"), line.get("y2"))} <= centres


def test_a_line_with_a_result_links_to_it_and_others_do_not() -> None:
    graph = sample_network()
    hrefs = [link.get("href") for link in tree(graph).iter(f"{SVG}a")]
    assert len(hrefs) == sum(bool(edge.result) for edge in graph.edges)
    assert "#result-direct~2f~Borvanil~2f~Placebo" in hrefs


def test_the_treatment_asked_about_stands_out() -> None:
    drawing = tree(sample_network())
    assert len(marked(drawing, "n-ring")) == 1
    (label,) = [text for text in marked(drawing, "n-label") if "asked" in text.get("class", "")]
    assert label.text == "Quillamine"


def test_subnetworks_stand_apart_and_are_said_to_be_unconnected() -> None:
    graph = sample_network()
    drawing = tree(graph)
    apart = float(marked(drawing, "n-apart")[0].get("y1", "0"))
    heights = sorted(float(circle.get("cy", "0")) for circle in marked(drawing, "n-node"))
    assert heights[4] < apart < heights[5], "five nodes above the line, two below"
    assert "Not connected with the treatments above" in "".join(drawing.itertext())


def test_text_alternatives_and_escaping() -> None:
    graph = replace(sample_network(), title="<i>Title</i>")
    drawing = tree(graph)
    assert drawing.findtext(f"{SVG}title") == "<i>Title</i>"
    assert drawing.findtext(f"{SVG}desc") == graph.description
    assert drawing.get("aria-labelledby") == "plot-2-title plot-2-desc"


def test_no_trials_at_all_is_said() -> None:
    assert "No trial compared" in "".join(tree(graph_of()).itertext())


# ---------------------------------------------------------------- layout


def meet(one: Label, other: Label) -> bool:
    return (
        one.left < other.left + other.width
        and other.left < one.left + one.width
        and one.top < other.top + other.height
        and other.top < one.top + one.height
    )


def covers(label: Label, centre: tuple[float, float], radius: float) -> bool:
    x = min(max(centre[0], label.left), label.left + label.width)
    y = min(max(centre[1], label.top), label.top + label.height)
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < (radius - 0.01) ** 2


CHARACTERS = st.sampled_from("abcdefghMW -/") | st.characters(codec="utf-8", categories=["L", "N"])
NODES = st.lists(
    st.builds(
        NetworkNode,
        treatment=st.text(CHARACTERS, min_size=1, max_size=50),
        participants=st.integers(1, 200_000),
        studies=st.integers(1, 120),
        role=st.just(""),
        asked=st.booleans(),
    ),
    min_size=1, max_size=40, unique_by=lambda node: node.treatment,
)  # fmt: skip


@given(NODES, st.sampled_from(LAYOUTS))
def test_labels_meet_neither_each_other_nor_a_node_and_stay_inside(
    nodes: list[NetworkNode], layout: network.Layout
) -> None:
    graph = graph_of(*nodes)
    radii = network.node_radii(graph, 20.0 if layout == "wide" else 15.0)
    placed: Placed = place(nodes, radii, WIDTHS[layout], 50.0)
    assert len(placed.labels) == len(nodes)
    for index, label in enumerate(placed.labels):
        assert not any(meet(label, other) for other in placed.labels[index + 1 :])
        assert not any(covers(label, placed.centres[name], radius) for name, radius in radii.items())
        assert label.left >= 0
        assert label.left + label.width <= WIDTHS[layout]
        assert label.top >= 50.0
        assert label.top + label.height <= 50.0 + placed.height
    for x, y in placed.centres.values():
        assert x - RING >= 0
        assert x + RING <= WIDTHS[layout]
        assert 50.0 <= y <= 50.0 + placed.height


@given(NODES)
def test_nodes_do_not_cover_each_other(nodes: list[NetworkNode]) -> None:
    radii = network.node_radii(graph_of(*nodes))
    placed = place(nodes, radii, 680.0, 0.0)
    spots = [(*placed.centres[name], radius) for name, radius in radii.items()]
    for index, (x, y, radius) in enumerate(spots):
        for other_x, other_y, other in spots[index + 1 :]:
            assert (x - other_x) ** 2 + (y - other_y) ** 2 >= (radius + other - 6) ** 2
