"""Where everything in a forest plot goes, in inches, from the widths of its texts.

Three blocks side by side: labels and the groups' numbers; the panel; estimates and weights. Downwards, y is measured
from the top of the first row. Long labels are broken into lines, and their rows grow.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from equipoise.figures.forest_rows import NOT_ESTIMABLE, ForestRows, Row
from equipoise.figures.text_extent import LINE_SPACING, widest, wrap

ROW = 1.7
"""The height of a one-line row, as a multiple of the type size."""
GAP = 0.16
"""Between columns, inches."""
INDENT = 0.12
LONGEST_LABEL = 3.3
"""Labels wider than this (inches, at 9 points) are broken."""
NARROWEST_LEFT = 2.3
MARGIN = 0.12
BOLD = {"heading", "summary"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A row with its label broken into lines, the y of its middle, and its height."""

    row: Row
    label: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Span:
    """A group's heading over its columns, from ``left`` to ``right``."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Inches. ``cells``, ``estimate``, ``interval`` and ``weight`` are the right edges of columns.

    Those of the left block are measured from the figure's left edge, those of the right block from the panel's right
    edge. ``left`` and ``right`` are the blocks' widths with margins, ``top`` and ``bottom`` the heights of heading and
    axis.
    """

    size: float
    placed: tuple[Placed, ...]
    footnotes: tuple[str, ...]
    cells: tuple[float, ...]
    spans: tuple[Span, ...]
    estimate: float
    interval: float
    weight: float
    left: float
    right: float
    top: float
    bottom: float
    rows: float
    favours: tuple[str, str] = ("", "")
    favours_height: float = field(default=0.0)

    @property
    def height(self) -> float:
        return self.top + self.rows + self.bottom


def type_size(k: int) -> float:
    """Type for a figure of our own: 9 points, less for very long tables."""
    return 9.0 if k <= 40 else 8.0 if k <= 100 else 7.0


def panel_width(k: int) -> float:
    """The panel's width in a figure of our own, inches."""
    return 2.8 if k <= 40 else 3.2


def lay_out(
    content: ForestRows, size: float, panel: float, favours: tuple[str, str] | None, longest_label: float = LONGEST_LABEL
) -> Layout:  # fmt: skip
    """The layout at a type size for a panel of a given width; labels beyond ``longest_label`` are broken."""
    scale = size / 9.0
    gap, margin = GAP * scale, MARGIN * scale
    label, longest = _label_width(content, size, longest_label * scale)
    edges, spans, edge = _columns(content, size, margin + label, gap)
    notes = bool(content.footnotes) or any(row.kind == "note" for row in content.rows)
    inner = max(edge - margin, NARROWEST_LEFT * scale if notes else 0.0)
    shift = inner - (edge - margin)
    edges = tuple(x + shift for x in edges)
    spans = tuple(replace(span, left=span.left + shift, right=span.right + shift) for span in spans)
    longest += shift if not edges else 0.0

    placed: list[Placed] = []
    y = 0.35 * size / 72
    for row in content.rows:
        indent = INDENT * scale if row.indent else 0.0
        if row.kind == "note":
            text = wrap(row.label, inner - indent, size - 1)
        else:
            room = inner if row.kind == "heading" else longest
            text = wrap(row.label, room - indent, size, "bold" if row.kind in BOLD else "normal")
        height = (ROW + text.count("\n") * LINE_SPACING) * size / 72
        y += {"heading": 0.5, "summary": 0.6}.get(row.kind, 0.0) * size / 72 if placed else 0.0
        placed.append(Placed(row, text, y + height / 2, height))
        y += height
    rows = y + 0.35 * size / 72

    estimate, interval, weight, right = _right_block(content, size, gap, margin)
    wrapped, lines = _favours(favours, panel, size)
    footnotes = tuple(wrap(note, inner, size - 1) for note in content.footnotes)
    note_lines = sum(note.count("\n") + 1.3 for note in footnotes)
    favours_height = (lines * LINE_SPACING + 0.3) * size / 72 if lines else 0.0
    axis = 3.4 * size / 72 + favours_height
    return Layout(
        size=size,
        placed=tuple(placed),
        footnotes=footnotes,
        cells=edges,
        spans=spans,
        estimate=estimate,
        interval=interval,
        weight=weight,
        left=margin + inner + gap * 1.4,
        right=right,
        top=(3.7 if any(span.text for span in spans) else 2.3) * size / 72 + margin / 2,
        bottom=max(axis, (note_lines * LINE_SPACING + 0.9) * (size - 1) / 72) + margin,
        rows=rows,
        favours=wrapped,
        favours_height=favours_height,
    )


def _label_width(content: ForestRows, size: float, limit: float) -> tuple[float, float]:
    scale = size / 9.0
    natural = [
        widest([row.label], size, "bold" if row.kind in BOLD else "normal") + (INDENT * scale if row.indent else 0.0)
        for row in content.rows
        if row.kind not in {"note", "heading"}
    ]
    width = min(max([*natural, widest([content.first], size, "bold")]), limit) + 0.01
    return width, width


def _columns(
    content: ForestRows, size: float, start: float, gap: float
) -> tuple[tuple[float, ...], tuple[Span, ...], float]:
    """Right edges of the groups' columns, the groups' headings, and where the block ends."""
    edges: list[float] = []
    spans: list[Span] = []
    x = start
    groups: dict[str, list[int]] = {}
    for j, column in enumerate(content.columns):
        groups.setdefault(column.group, []).append(j)
    for group, members in groups.items():
        first = x + gap * 1.3
        for j in members:
            texts = [row.cells[j] for row in content.rows if row.cells]
            bold = [row.cells[j] for row in content.rows if row.cells and row.kind in BOLD]
            cell = max(widest(texts, size), widest(bold, size, "bold"), widest([content.columns[j].name], size, "bold"))
            x += cell + (gap * 1.3 if j == members[0] else gap)
            edges.append(x)
        text = wrap(group, 1.6 * size / 9, size, "bold") if group else ""
        short = max(0.0, widest([text], size, "bold") - (x - first))
        if short:
            for j in members:
                edges[j] += short
            x += short
        spans.append(Span(text.replace("\n", " ") if not text.count("\n") else text, first, x))
    return tuple(edges), tuple(spans), x


def _right_block(content: ForestRows, size: float, gap: float, margin: float) -> tuple[float, float, float, float]:
    def across(part: int) -> float:
        return max(
            widest([row.text[part]], size, "bold" if row.kind in BOLD else "normal")
            for row in content.rows
            if row.text[0] != NOT_ESTIMABLE
        )

    space = 0.7 * gap
    estimate = gap * 1.2 + across(0)
    interval = estimate + space + across(1)
    heading = max(widest([content.heading], size, "bold"), widest([NOT_ESTIMABLE], size))
    short = max(0.0, heading + gap - interval)
    estimate, interval = estimate + short, interval + short
    if not content.weights:
        return estimate, interval, interval, interval + margin
    weight = interval + gap * 1.2 + max(widest(["Weight"], size, "bold"), widest(["100.0%"], size, "bold"))
    return estimate, interval, weight, weight + margin


def _favours(favours: tuple[str, str] | None, panel: float, size: float) -> tuple[tuple[str, str], int]:
    if favours is None:
        return ("", ""), 0
    room = max(panel / 2 - 0.06, 0.3)
    left, right = wrap(f"←\u00a0{favours[0]}", room, size), wrap(f"{favours[1]}\u00a0→", room, size)
    return (left, right), max(left.count("\n"), right.count("\n")) + 1
