"""Where texts are in a drawn figure."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def xs(line: Line2D) -> NDArray[np.float64]:
    """The x-coordinates of a line or of markers."""
    return np.asarray(line.get_xdata(), dtype=float)


def ys(line: Line2D) -> NDArray[np.float64]:
    """The y-coordinates of a line or of markers."""
    return np.asarray(line.get_ydata(), dtype=float)


def text_boxes(ax: Axes) -> list[tuple[str, Bbox]]:
    """Every visible text of the figure with its box in pixels."""
    figure = figure_of(ax)
    figure.draw_without_rendering()
    shown = list(figure.texts)
    for axes in [*figure.axes, *(child for parent in figure.axes for child in parent.child_axes)]:
        shown += axes.texts
        legend = axes.get_legend()
        shown += [] if legend is None else legend.get_texts()
        if axes.axison:
            shown += [axes.title, axes.xaxis.label, axes.yaxis.label, *_tick_labels(axes)]
    return [
        (text.get_text(), text.get_window_extent()) for text in shown if text.get_visible() and text.get_text().strip()
    ]


def _tick_labels(axes: Any) -> list[Text]:
    """Those within the axis limits; others exist but aren't drawn."""
    labels = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        labels += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return labels


def overlapping(boxes: list[tuple[str, Bbox]], tolerance: float = 1.0) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes share more than ``tolerance`` pixels in both directions."""
    return [
        (a, b)
        for (a, one), (b, other) in combinations(boxes, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > tolerance
        and min(one.y1, other.y1) - max(one.y0, other.y0) > tolerance
    ]


def outside(ax: Axes, boxes: list[tuple[str, Bbox]], tolerance: float = 1.0) -> list[str]:
    """Texts that reach beyond the figure."""
    page = figure_of(ax).bbox
    return [
        text
        for text, box in boxes
        if box.x0 < page.x0 - tolerance
        or box.y0 < page.y0 - tolerance
        or box.x1 > page.x1 + tolerance
        or box.y1 > page.y1 + tolerance
    ]
