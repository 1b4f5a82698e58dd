"""Forest plots: marks stand where the numbers are, sizes are weights, nothing runs into anything."""

from __future__ import annotations

import math
from typing import Literal
from xml.etree import ElementTree

import pytest
from article_sample import response_plot, severity_plot
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from equipoise.report.answer import Figures, ForestPlot, ForestRow
from equipoise.report.drawing import forest, svg
from equipoise.report.drawing.axis import axis_for, tick_labels

SVG = "{http://www.w3.org/2000/svg}"
PLOTS = {"difference": severity_plot(), "ratio": response_plot()}
LAYOUTS: tuple[forest.Layout, ...] = ("wide", "narrow")


def tree(plot: ForestPlot, layout: forest.Layout) -> ElementTree.Element:
    return ElementTree.fromstring(forest.draw(plot, "plot-1", layout))


def rows(drawing: ElementTree.Element) -> list[ElementTree.Element]:
    return drawing.findall(f"{SVG}a")


def marked(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [part for part in element.iter() if name in part.get("class", "").split()]


def value(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name, "nan"))


def plot_of(*rows: ForestRow, logarithmic: bool = False, important: tuple[float, float] | None = None) -> ForestPlot:
    null = 1.0 if logarithmic else 0.0
    return ForestPlot("A plot", "What it shows.", "Measure", logarithmic, null, "Left", "Right", rows, important)


def study(estimate: float, low: float, high: float, weight: float | None = None) -> ForestRow:
    return ForestRow("r", "A study", "", Figures(estimate, low, high), weight, "study")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PLOTS)
def test_every_row_is_a_link_to_its_result_with_its_label_and_numbers(name: str, layout: forest.Layout) -> None:
    plot = PLOTS[name]
    drawn = rows(tree(plot, layout))
    assert len(drawn) == len(plot.rows)
    for link, row in zip(drawn, plot.rows, strict=True):
        assert link.get("href", "").startswith("#result-")
        words = " ".join("".join(text.itertext()) for text in link.iter(f"{SVG}text"))
        assert row.label.split()[0] in words
        assert f"{row.figures.estimate:.2f}".replace("-", "−") in words


@pytest.mark.parametrize("layout", LAYOUTS)
def test_title_and_description_stand_for_the_picture(layout: forest.Layout) -> None:
    drawing = tree(PLOTS["ratio"], layout)
    assert drawing.get("aria-labelledby") == "plot-1-title plot-1-desc"
    assert drawing.findtext(f"{SVG}title") == PLOTS["ratio"].title
    assert drawing.findtext(f"{SVG}desc") == PLOTS["ratio"].description


def test_equal_and_opposite_ratios_are_equally_far_from_no_difference() -> None:
    plot = plot_of(study(0.5, 0.25, 1.0), study(2.0, 1.0, 4.0), logarithmic=True)
    drawing = tree(plot, "wide")
    null = value(marked(drawing, "f-null")[0], "x1")
    first, second = (marked(row, "f-interval")[0] for row in rows(drawing))
    assert null - value(first, "x1") == pytest.approx(value(second, "x2") - null, abs=0.02)
    assert value(first, "x2") == value(second, "x1") == pytest.approx(null, abs=0.02)


def test_differences_are_drawn_to_scale() -> None:
    drawing = tree(plot_of(study(-2.0, -3.0, -1.0), study(1.0, 0.0, 2.0)), "wide")
    first, second = (marked(row, "f-interval")[0] for row in rows(drawing))
    assert value(first, "x2") - value(first, "x1") == pytest.approx(value(second, "x2") - value(second, "x1"), abs=0.03)


def test_squares_have_areas_in_proportion_to_weights() -> None:
    plot = plot_of(study(1.0, 0.0, 2.0, 50.0), study(1.0, 0.5, 1.5, 12.5))
    sides = [value(marked(row, "f-square")[0], "width") for row in rows(tree(plot, "wide"))]
    assert (sides[0] / sides[1]) ** 2 == pytest.approx(4.0)


def test_each_role_has_its_own_mark() -> None:
    figures = Figures(1.0, 0.5, 1.5)
    marks = {"study": "f-square", "summary": "f-diamond", "published": "f-published", "prediction": "f-interval"}
    plot = plot_of(*(ForestRow("r", role, "", figures, None, role) for role in marks))  # type: ignore[arg-type]
    drawn = rows(tree(plot, "wide"))
    for row, (role, mark) in zip(drawn, marks.items(), strict=True):
        assert marked(row, mark), role
        assert not [m for other, m in marks.items() if other != role and m != "f-interval" and marked(row, m)]


def test_a_diamond_reaches_from_limit_to_limit() -> None:
    plot = plot_of(ForestRow("r", "Pooled", "", Figures(-1.0, -2.0, 0.5), None, "summary"), study(-1.0, -2.0, 0.5))
    pooled, single = rows(tree(plot, "wide"))
    points = [float(point.split(",")[0]) for point in marked(pooled, "f-diamond")[0].get("points", "").split()]
    line = marked(single, "f-interval")[0]
    assert (min(points), max(points)) == (value(line, "x1"), value(line, "x2"))


def test_unimportant_differences_are_shaded_from_end_to_end() -> None:
    plot = plot_of(study(0.0, -1.0, 1.0), important=(-1.0, 1.0))
    drawing = tree(plot, "wide")
    (band,) = marked(drawing, "f-band")
    interval = marked(rows(drawing)[0], "f-interval")[0]
    assert value(band, "x") == pytest.approx(value(interval, "x1"))
    assert value(band, "x") + value(band, "width") == pytest.approx(value(interval, "x2"), abs=0.02)
    assert not marked(tree(plot_of(study(0.0, -1.0, 1.0)), "wide"), "f-band")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_interval_beyond_the_axis_is_cut_with_an_arrow(layout: forest.Layout) -> None:
    plot = plot_of(*(study(float(-i), -i - 1.0, -i + 1.0) for i in range(1, 4)), study(0.0, -80.0, 90.0))
    drawn = rows(tree(plot, layout))
    assert [len(marked(row, "f-arrow")) for row in drawn] == [0, 0, 0, 2]


def test_directions_are_written_on_their_sides() -> None:
    words = ["".join(text.itertext()) for text in tree(PLOTS["difference"], "wide").iter(f"{SVG}text")]
    assert "← Favours treatment" in words
    assert "Favours placebo →" in words


def text_box(text: ElementTree.Element) -> tuple[float, float, float, float]:
    classes = set(text.get("class", "").split())
    size = 11.5 if "f-detail" in classes else 12.0 if classes & {"f-tick", "f-direction"} else 13.0
    bold = "summary" in classes or "f-group" in classes
    width = svg.text_width("".join(text.itertext()), size, bold=bold)
    x, y = value(text, "x"), value(text, "y")
    left = x - {"end": width, "middle": width / 2}.get(text.get("text-anchor", ""), 0.0)
    return left, y - 9.0, left + width, y + 1.0


def overlapping_texts(drawing: ElementTree.Element) -> list[str]:
    texts = [(text, text_box(text)) for text in drawing.iter(f"{SVG}text") if "".join(text.itertext())]
    return [
        f"{''.join(one.itertext())!r} and {''.join(other.itertext())!r}"
        for index, (one, a) in enumerate(texts)
        for other, b in texts[index + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


LABELS = st.text(st.sampled_from("abcdefgh MW-1(") | st.characters(codec="utf-8", categories=["L", "N"]), max_size=60)
FIGURES = st.tuples(st.floats(-50, 50), st.floats(0.001, 40), st.floats(0.001, 40))
ROLES: st.SearchStrategy[Literal["study", "summary", "prediction", "published"]] = st.sampled_from(
    ["study", "summary", "prediction", "published"]
)


@st.composite
def forest_row(draw: st.DrawFn) -> ForestRow:
    estimate, below, above = draw(FIGURES)
    figures = Figures(estimate, estimate - below, estimate + above)
    label, detail, group = draw(LABELS) or "x", draw(LABELS), draw(st.sampled_from(["", "One", "Two words"]))
    return ForestRow("r", label, detail, figures, draw(st.none() | st.floats(0, 100)), draw(ROLES), group)


ROWS = st.lists(forest_row(), min_size=1, max_size=8)


def exponentiated(row: ForestRow) -> ForestRow:
    numbers = row.figures
    ends = (numbers.estimate, numbers.ci_low, numbers.ci_high)
    return replace(row, figures=Figures(*(math.exp(number / 8) for number in ends)))


@given(ROWS, st.sampled_from(LAYOUTS), st.booleans())
def test_whatever_the_numbers_and_labels_nothing_overlaps_or_leaves_the_drawing(
    forest_rows: list[ForestRow], layout: forest.Layout, logarithmic: bool
) -> None:
    if logarithmic:
        forest_rows = [exponentiated(row) for row in forest_rows]
    plot = plot_of(*forest_rows, logarithmic=logarithmic)
    drawing = tree(plot, layout)
    assert overlapping_texts(drawing) == []
    width, height = (float(number) for number in drawing.get("viewBox", "").split()[2:])
    for text in drawing.iter(f"{SVG}text"):
        left, top, right, bottom = text_box(text)
        assert left >= -0.5
        assert right <= width + 0.5
        assert top >= 0
        assert bottom <= height
    for line in marked(drawing, "f-interval"):
        assert 0 <= value(line, "x1") <= value(line, "x2") <= width


@given(ROWS, st.booleans())
def test_the_axis_holds_every_estimate_and_has_few_round_ticks(forest_rows: list[ForestRow], logarithmic: bool) -> None:
    if logarithmic:
        forest_rows = [exponentiated(row) for row in forest_rows]
    axis = axis_for(plot_of(*forest_rows, logarithmic=logarithmic), 0, 300)
    assert all(axis.holds(row.figures.estimate) for row in forest_rows)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert all(axis.holds(tick) for tick in ticks)
    assert list(ticks) == sorted(set(ticks))
    assert len(set(tick_labels(ticks))) == len(ticks)


def test_tick_labels_are_plain_numbers() -> None:
    assert tick_labels((-2.5, 0.0, 0.05, 1.0, 20.0)) == ("−2.5", "0", "0.05", "1", "20")


def test_labels_are_escaped() -> None:
    plot = plot_of(replace(study(1, 0, 2), label="<script>x</script>", group="<b>"))
    markup = forest.draw(replace(plot, title="<i>", description='"&<'), "p", "wide")
    assert "<script>" not in markup
    assert "<b>" not in markup
    assert "<i>" not in markup
    assert ElementTree.fromstring(markup).findtext(f"{SVG}desc") == '"&<'


def test_a_plot_without_rows_says_so() -> None:
    assert "No results to show." in "".join(tree(plot_of(), "wide").itertext())
