"""A forest plot as SVG, in a wide layout (columns) and a narrow one (labels above their intervals)."""

from __future__ import annotations

import math
from typing import Literal

from equipoise.report import numerals
from equipoise.report.answer import Figures, ForestPlot, ForestRow
from equipoise.report.drawing import svg
from equipoise.report.drawing.axis import Axis, axis_for, tick_labels
from equipoise.report.links import anchor

Layout = Literal["wide", "narrow"]

_SIZE = 13.0
_LINE = 16.0
_LARGEST_SQUARE = 15.0
_SMALLEST_SQUARE = 4.0


def draw(plot: ForestPlot, name: str, layout: Layout = "wide") -> str:
    """SVG markup of the plot; `name` is a prefix that makes its ids unique on the page.

    Squares have areas proportional to weights; diamonds are summaries; the shaded band is `plot.important`. Each
    row links to its result's anchor.
    """
    if not plot.rows:
        return svg.drawing(name, plot.title, plot.description, 360, 40, svg.text("No results to show.", 0, 24))
    return _wide(plot, name) if layout == "wide" else _narrow(plot, name)


def _wide(plot: ForestPlot, name: str) -> str:
    width = 720.0
    weights = any(row.weight is not None for row in plot.rows)
    estimates = [numerals.estimate(row.figures) for row in plot.rows]
    estimate_width = max(svg.text_width(estimate, _SIZE) for estimate in [*estimates, "Estimate (95% CI)"]) + 12
    weight_width = 58.0 if weights else 0.0
    longest = max(svg.text_width(row.label, _SIZE) + (12 if row.group else 0) for row in plot.rows)
    label_width = min(max(longest, 110.0), 230.0)
    axis = axis_for(plot, label_width + 14, width - weight_width - estimate_width - 18)
    estimate_x = width - weight_width

    heading = 30.0
    y = heading + 6
    body: list[str] = []
    group = ""
    for row, estimate in zip(plot.rows, estimates, strict=True):
        if row.group != group:
            group = row.group
            titles = svg.wrap(group, width, _SIZE, 2)
            body.append(svg.lines(titles, 0, y + 17, _LINE, class_="f-group"))
            y += _LINE * len(titles) + 8
        indent = 12.0 if row.group else 0.0
        labels = svg.wrap(row.label, label_width - indent, _SIZE, 3)
        details = svg.wrap(row.detail, label_width - indent, _SIZE - 1.5, 2) if row.detail else []
        height = _LINE * len(labels) + 14 * len(details) + 8
        middle = y + 4 + (_LINE * len(labels) + 14 * len(details)) / 2
        body.append(
            _row_link(
                row,
                svg.element("rect", class_="hit", x=0, y=y, width=width, height=height),
                svg.lines(labels, indent, y + 16, _LINE, class_=f"f-label {row.role}"),
                svg.lines(details, indent, y + 16 + _LINE * len(labels) - 2, 14, class_="f-detail"),
                _mark(row, axis, middle, plot),
                svg.text(estimate, estimate_x, middle + 4.5, class_=f"f-estimate {row.role}", text_anchor="end"),
                svg.text(_weight(row), width, middle + 4.5, class_="f-weight", text_anchor="end") if weights else "",
            )
        )
        y += height
    bottom = y + 4
    header = [
        svg.text("Estimate (95% CI)", estimate_x, 16, class_="f-head", text_anchor="end"),
        svg.text("Weight", width, 16, class_="f-head", text_anchor="end") if weights else "",
        svg.element("line", class_="f-rule", x1=0, x2=width, y1=heading - 4, y2=heading - 4),
    ]
    scale, height = _scale(plot, axis, bottom, (label_width, estimate_x))
    return svg.drawing(
        name,
        plot.title,
        plot.description,
        width,
        height,
        _band(plot, axis, heading, bottom),
        *header,
        _null(plot, axis, heading, bottom),
        *body,
        scale,
        class_="forest wide",
    )


def _narrow(plot: ForestPlot, name: str) -> str:
    width = 350.0
    axis = axis_for(plot, 16, width - 16)
    y = 0.0
    below: list[str] = []
    body: list[str] = []
    group = ""
    for row in plot.rows:
        if row.group != group:
            group = row.group
            titles = svg.wrap(group, width, _SIZE, 3)
            body.append(svg.lines(titles, 0, y + 20, _LINE, class_="f-group"))
            y += _LINE * len(titles) + 10
        estimate = numerals.estimate(row.figures)
        summary = row.role == "summary"
        room = width - svg.text_width(estimate, _SIZE, bold=summary) - 10
        labels = svg.wrap(row.label, width if room < 150 else room, _SIZE * (svg.BOLD if summary else 1), 3)
        weight = _weight(row)
        detail = " · ".join(part for part in (row.detail, f"weight {weight}" if weight else "") if part)
        details = svg.wrap(detail, width, _SIZE - 1.5, 2) if detail else []
        below_label = room < 150
        text_height = _LINE * (len(labels) + below_label) + 14 * len(details)
        strip = y + text_height + 6
        middle = strip + 11
        height = text_height + 32
        below += [_band(plot, axis, strip, strip + 22), _null(plot, axis, strip, strip + 22)]
        estimate_y = y + 16 + (_LINE * len(labels) if below_label else 0)
        body.append(
            _row_link(
                row,
                svg.element("rect", class_="hit", x=0, y=y, width=width, height=height),
                svg.lines(labels, 0, y + 16, _LINE, class_=f"f-label {row.role}"),
                svg.text(estimate, width, estimate_y, class_=f"f-estimate {row.role}", text_anchor="end"),
                svg.lines(details, 0, y + 14 + _LINE * (len(labels) + below_label), 14, class_="f-detail"),
                _mark(row, axis, middle, plot),
            )
        )
        y += height
    scale, height = _scale(plot, axis, y, (0, width))
    return svg.drawing(name, plot.title, plot.description, width, height, *below, *body, scale, class_="forest narrow")


def _row_link(row: ForestRow, *children: str) -> str:
    return svg.element("a", *children, href="#" + anchor("result", row.result), class_="f-row")


def _weight(row: ForestRow) -> str:
    return "" if row.weight is None else numerals.percentage(row.weight)


def _band(plot: ForestPlot, axis: Axis, top: float, bottom: float) -> str:
    if plot.important is None:
        return ""
    left, right = (axis.x(value) for value in plot.important)
    return svg.element("rect", class_="f-band", x=left, y=top, width=right - left, height=bottom - top)


def _null(plot: ForestPlot, axis: Axis, top: float, bottom: float) -> str:
    x = axis.x(plot.null)
    return svg.element("line", class_="f-null", x1=x, x2=x, y1=top, y2=bottom)


def _scale(plot: ForestPlot, axis: Axis, top: float, span: tuple[float, float]) -> tuple[str, float]:
    """The axis with ticks, directions and measure below the rows; its markup and the drawing's height."""
    parts = [svg.element("line", class_="f-axis", x1=axis.left, x2=axis.right, y1=top, y2=top)]
    ticks = axis.ticks()
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        x = axis.x(tick)
        parts.append(svg.element("line", class_="f-axis", x1=x, x2=x, y1=top, y2=top + 5))
        reach = svg.text_width(label, _SIZE - 1) / 2
        label_x = min(max(x, span[0] + reach), span[1] - reach)
        parts.append(svg.text(label, label_x, top + 19, class_="f-tick", text_anchor="middle"))
    y = top + 38
    null = axis.x(plot.null)
    gap = 8.0
    left, right = f"← {plot.left_label}", f"{plot.right_label} →"
    room_left, room_right = null - gap - span[0], span[1] - null - gap
    size = _SIZE - 1
    if svg.text_width(left, size) <= room_left and svg.text_width(right, size) <= room_right:
        parts.append(svg.text(left, null - gap, y, class_="f-direction", text_anchor="end"))
        parts.append(svg.text(right, null + gap, y, class_="f-direction"))
    else:
        parts.append(svg.text(left, span[0], y, class_="f-direction"))
        if svg.text_width(left, size) + svg.text_width(right, size) + gap > span[1] - span[0]:
            y += _LINE
        parts.append(svg.text(right, span[1], y, class_="f-direction", text_anchor="end"))
    y += 20
    middle = (axis.left + axis.right) / 2
    titles = svg.wrap(plot.measure, span[1] - span[0], size, 3)
    reach = max(svg.text_width(title, size) for title in titles) / 2
    middle = min(max(middle, span[0] + reach), span[1] - reach)
    parts.append(svg.lines(titles, middle, y, _LINE, class_="f-measure", text_anchor="middle"))
    return "".join(parts), y + _LINE * (len(titles) - 1) + 8


def _mark(row: ForestRow, axis: Axis, y: float, plot: ForestPlot) -> str:
    if row.role == "summary":
        return _diamond(row.figures, axis, y)
    interval = _interval(row.figures, axis, y, row.role)
    if row.role == "prediction":
        return interval
    if not axis.holds(row.figures.estimate):
        return interval
    x = axis.x(row.figures.estimate)
    if row.role == "published":
        reach = 5.0
        points = f"{x - reach:.2f},{y:.2f} {x:.2f},{y - reach:.2f} {x + reach:.2f},{y:.2f} {x:.2f},{y + reach:.2f}"
        return interval + svg.element("polygon", class_="f-published", points=points)
    side = square_side(row, plot)
    return interval + svg.element("rect", class_="f-square", x=x - side / 2, y=y - side / 2, width=side, height=side)


def square_side(row: ForestRow, plot: ForestPlot) -> float:
    """The side of a study's square: its area is proportional to the study's weight."""
    heaviest = max((other.weight for other in plot.rows if other.weight is not None), default=0.0)
    if row.weight is None or heaviest <= 0:
        return 8.0
    return max(_LARGEST_SQUARE * math.sqrt(max(row.weight, 0.0) / heaviest), _SMALLEST_SQUARE)


def _diamond(figures: Figures, axis: Axis, y: float) -> str:
    reach = 7.0
    left, middle, right = axis.x(figures.ci_low), axis.x(figures.estimate), axis.x(figures.ci_high)
    points = f"{left:.2f},{y:.2f} {middle:.2f},{y - reach:.2f} {right:.2f},{y:.2f} {middle:.2f},{y + reach:.2f}"
    return svg.element("polygon", class_="f-diamond", points=points) + _arrows(figures, axis, y)


def _interval(figures: Figures, axis: Axis, y: float, role: str) -> str:
    left, right = axis.x(figures.ci_low), axis.x(figures.ci_high)
    return svg.element("line", class_=f"f-interval {role}", x1=left, x2=right, y1=y, y2=y) + _arrows(figures, axis, y)


def _arrows(figures: Figures, axis: Axis, y: float) -> str:
    """Arrowheads where the interval goes on beyond the axis."""
    marks = ""
    if figures.ci_low < axis.low:
        marks += svg.element("path", class_="f-arrow", d=f"M{axis.left:.2f} {y:.2f}l7 -4v8z")
    if figures.ci_high > axis.high:
        marks += svg.element("path", class_="f-arrow", d=f"M{axis.right:.2f} {y:.2f}l-7 -4v8z")
    return marks
