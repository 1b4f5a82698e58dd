"""Drawing forest rows: the one place that forest, cumulative and leave-one-out plots share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.figures import style
from equipoise.figures.effect_axis import limits, set_effect_axis
from equipoise.figures.forest_layout import (
    BOLD,
    INDENT,
    LONGEST_LABEL,
    MARGIN,
    Layout,
    Placed,
    lay_out,
    panel_width,
    type_size,
)
from equipoise.figures.forest_rows import NOT_ESTIMABLE, ForestRows
from equipoise.figures.style import font
from equipoise.figures.text_extent import LINE_SPACING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALLEST = 3.5
"""Type never gets smaller than this, in points, however small the axes given."""
NARROWEST_PANEL = 1.2
LABELS = (LONGEST_LABEL, 2.4, 1.7)
"""Where labels are broken, in inches at 9 points; in narrow axes, sooner before the type gets smaller."""


def draw(
    content: ForestRows, ax: Axes | None, favours: tuple[str, str] | None, xlim: tuple[float, float] | None
) -> Axes:
    """The rows in a figure sized for them, or fitted into the area of ``ax``; returns the panel's axes."""
    k = sum(row.kind in {"study", "left out"} for row in content.rows)
    ax, layout, panel = _fitted(content, ax, favours, k)
    ax.set_ylim(layout.rows, 0)
    low, high = xlim or _limits(content)
    style.plain(ax, layout.size)
    set_effect_axis(ax, content.shown, low, high, panel, layout.size)
    ax.set_facecolor("none")
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])
    pad = layout.favours_height * 72 + 0.45 * layout.size
    ax.set_xlabel(content.shown.title, fontproperties=font(layout.size), color=style.INK, labelpad=pad)
    _reference_lines(ax, content, layout)
    for placed in layout.placed:
        _marks(ax, content, layout, placed, low, high)
        _texts(ax, layout, placed, panel, content.weights)
    _heading(ax, content, layout, panel)
    _below(ax, layout, panel)
    return ax


def _fitted(
    content: ForestRows, ax: Axes | None, favours: tuple[str, str] | None, k: int
) -> tuple[Axes, Layout, float]:
    """The axes, moved to where the panel goes, with the layout and the panel's width in inches."""
    if ax is None:
        size, panel = type_size(k), panel_width(k)
        layout = lay_out(content, size, panel, favours)
        width, height = layout.left + panel + layout.right, layout.height
        made = style.new_axes(width, height, arranged=False)
        made.set_position(
            (layout.left / width, layout.bottom / height, panel / width, layout.rows / height)
        )  # fmt: skip
        return made, layout, panel
    figure = ax.get_figure(root=True)
    assert figure is not None
    across, up = figure.get_size_inches()
    box = ax.get_position()
    width, height = box.width * across, box.height * up
    size = 9.0
    breaks = list(LABELS)
    for _ in range(12):
        layout = lay_out(content, size, max(width / 3, NARROWEST_PANEL), favours, breaks[0])
        panel = width - layout.left - layout.right
        too_wide = (layout.left + layout.right + NARROWEST_PANEL * size / 9) / width
        needed = max(layout.height / height, too_wide)
        if needed <= 1 or size <= SMALLEST:
            break
        if too_wide > 1 and len(breaks) > 1:
            breaks.pop(0)
        else:
            size = max(SMALLEST, size / max(needed, 1.02))
    panel = max(panel, 0.1 * width)
    rows = min(layout.rows, max(height - layout.top - layout.bottom, 0.1 * height))
    top = box.y1 - layout.top / up
    ax.set_position((box.x0 + layout.left / across, top - rows / up, panel / across, rows / up))
    return ax, layout, panel


def _limits(content: ForestRows) -> tuple[float, float]:
    studies = [row for row in content.rows if row.kind == "study"]
    summaries = [row for row in content.rows if row.kind in {"summary", "subtotal", "prediction"}]
    must = [x for row in summaries for x in (row.low, row.high)]
    return limits(
        content.shown,
        [row.estimate for row in studies] or [content.reference],
        [row.low for row in studies] or [content.reference],
        [row.high for row in studies] or [content.reference],
        must,
    )


def _reference_lines(ax: Axes, content: ForestRows, layout: Layout) -> None:
    null = content.shown.null
    if np.isfinite(null):
        ax.plot([null, null], [0, layout.rows], color=style.INK, linewidth=0.8, zorder=1)
    last = max((p.y for p in layout.placed if p.row.kind in {"summary", "study"}), default=layout.rows)
    if np.isfinite(content.reference):
        ax.plot(
            [content.reference] * 2, [0, last], color=style.MUTED, linewidth=0.8, linestyle=(0, (3, 2.5)), zorder=0.9
        )


def _marks(ax: Axes, content: ForestRows, layout: Layout, placed: Placed, low: float, high: float) -> None:
    row, y = placed.row, placed.y
    if row.kind in {"summary", "subtotal"}:
        colour = style.INK if row.kind == "summary" else style.BLUE
        half = 0.52 * layout.size / 72
        ends = np.clip([row.low, row.high], low, high)
        corners = [(ends[0], y), (row.estimate, y - half), (ends[1], y), (row.estimate, y + half)]
        ax.fill(*zip(*corners, strict=True), facecolor=colour, edgecolor=colour, linewidth=0.6, zorder=4)
        return
    if row.kind == "prediction":
        _interval(ax, row.low, row.high, y, low, high, layout, style.VERMILLION, 3.2 * layout.size / 9)
        return
    if row.kind != "study" or not np.isfinite(row.estimate):
        return
    _interval(ax, row.low, row.high, y, low, high, layout, style.INK, 1.0 * layout.size / 9)
    if not low <= row.estimate <= high:
        return
    if content.points:
        ax.plot([row.estimate], [y], "o", color=style.BLUE, markersize=0.55 * layout.size, zorder=3, clip_on=False)
        return
    heaviest = max((p.row.weight for p in layout.placed if p.row.kind == "study" and p.row.weight > 0), default=np.nan)
    share = row.weight / heaviest if row.weight >= 0 and heaviest > 0 else 0.2
    side = max(1.25 * layout.size * float(np.sqrt(share)), 0.22 * layout.size)
    ax.plot([row.estimate], [y], "s", color=style.BLUE, markersize=side, markeredgewidth=0, zorder=3, clip_on=False)


def _interval(
    ax: Axes, start: float, end: float, y: float, low: float, high: float, layout: Layout, colour: str, line: float
) -> None:
    """A line from ``start`` to ``end``, ending in an arrow where the axis cuts it off."""
    a, b = max(start, low), min(end, high)
    if not a <= b:
        a, b = (low, low) if end < low else (high, high)
    else:
        ax.plot([a, b], [y, y], color=colour, linewidth=line, solid_capstyle="butt", zorder=3.5 if line < 2 else 2.5)
    arrow = 0.5 * layout.size + 0.6 * line
    if start < low:
        ax.plot([low], [y], "<", color=colour, markersize=arrow, markeredgewidth=0, zorder=3.6, clip_on=False)
    if end > high:
        ax.plot([high], [y], ">", color=colour, markersize=arrow, markeredgewidth=0, zorder=3.6, clip_on=False)


def _texts(ax: Axes, layout: Layout, placed: Placed, panel: float, weights: bool) -> None:
    row = placed.row
    weight = "bold" if row.kind in BOLD else "normal"
    size = layout.size - 1 if row.kind == "note" else layout.size
    colour = style.MUTED if row.kind in {"note", "left out"} else style.INK
    indent = INDENT * layout.size / 9 if row.indent else 0.0
    start = MARGIN * layout.size / 9 + indent
    _write(ax, placed.label, start - layout.left, placed.y, panel, "left", size, weight, colour)
    for text, edge in zip(row.cells, layout.cells, strict=bool(row.cells)):
        _write(ax, text, edge - layout.left, placed.y, panel, "right", size, weight, colour)
    if row.text[0] == NOT_ESTIMABLE:
        _write(ax, row.text[0], panel + layout.interval, placed.y, panel, "right", size, weight, colour)
    else:
        _write(ax, row.text[0], panel + layout.estimate, placed.y, panel, "right", size, weight, colour)
        _write(ax, row.text[1], panel + layout.interval, placed.y, panel, "right", size, weight, colour)
    if weights and np.isfinite(row.weight):
        shown = f"{row.weight:.1f}%"
        _write(ax, shown, panel + layout.weight, placed.y, panel, "right", size, weight, colour)


def _heading(ax: Axes, content: ForestRows, layout: Layout, panel: float) -> None:
    size = layout.size
    y = -0.95 * size / 72
    start = MARGIN * size / 9
    _write(ax, content.first, start - layout.left, y, panel, "left", size, "bold")
    for column, edge in zip(content.columns, layout.cells, strict=True):
        _write(ax, column.name, edge - layout.left, y, panel, "right", size, "bold")
    for span in layout.spans:
        if span.text:
            middle = (span.left + span.right) / 2 - layout.left
            _write(ax, span.text, middle, y - 1.5 * size / 72, panel, "center", size, "bold", anchor="bottom_middle")
            ends = [(span.left - layout.left) / panel, (span.right - layout.left) / panel]
            ax.plot(
                ends, [y - 0.8 * size / 72] * 2, color=style.RULE, linewidth=0.7, transform=ax.get_yaxis_transform(),
                clip_on=False,
            )  # fmt: skip
    _write(ax, content.heading, panel + layout.interval, y, panel, "right", size, "bold")
    if content.weights:
        _write(ax, "Weight", panel + layout.weight, y, panel, "right", size, "bold")
    _rule(ax, layout, panel, 0.0, style.INK)
    for placed in layout.placed:
        if placed.row.kind == "summary":
            _rule(ax, layout, panel, placed.y - placed.height / 2 - 0.3 * size / 72, style.RULE)


def _rule(ax: Axes, layout: Layout, panel: float, y: float, colour: str) -> None:
    margin = MARGIN * layout.size / 9
    ends = [(margin - layout.left) / panel, 1 + (layout.right - margin) / panel]
    ax.plot(ends, [y, y], color=colour, linewidth=0.8, transform=ax.get_yaxis_transform(), clip_on=False, zorder=0.5)


def _below(ax: Axes, layout: Layout, panel: float) -> None:
    """The heterogeneity beside the axis, and the directions under its numbers."""
    size = layout.size
    y = layout.rows + 0.5 * size / 72
    for note in layout.footnotes:
        start = MARGIN * size / 9 - layout.left
        _write(ax, note, start, y, panel, "left", size - 1, "normal", style.MUTED, anchor="top")
        y += (note.count("\n") + 1.3) * LINE_SPACING * (size - 1) / 72
    y = layout.rows + 2.25 * size / 72
    left, right = layout.favours
    _write(ax, left, 0.0, y, panel, "left", size, "normal", style.INK, anchor="top")
    _write(ax, right, panel, y, panel, "right", size, "normal", style.INK, anchor="top")


def _write(
    ax: Axes, text: str, x: float, y: float, panel: float, align: str, size: float, weight: str = "normal",
    colour: str = style.INK, anchor: str = "middle",
) -> None:  # fmt: skip
    """A text at ``x`` inches from the panel's left edge, in the row at ``y``."""
    if not text:
        return
    ax.text(
        x / panel, y, text, transform=ax.get_yaxis_transform(), ha=align,
        va={"middle": "center_baseline" if "\n" not in text else "center", "top": "top", "bottom_middle": "center_baseline"}[anchor],
        fontproperties=font(size, weight), color=colour, linespacing=LINE_SPACING / 1.2, parse_math=False, clip_on=False,
    )  # fmt: skip
