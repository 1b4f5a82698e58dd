"""What all figures share: colours that colour-blind readers can tell apart, type, and a plain pair of axes.

Colours are those of Okabe & Ito (2008), "Color Universal Design". Type is the first of ``FAMILIES`` that is installed,
the later ones filling in characters that it lacks.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Any

from equipoise.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.font_manager import FontProperties

BLUE = "#0072B2"
SKY = "#56B4E9"
VERMILLION = "#D55E00"
ORANGE = "#E69F00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
INK = "#1A1A1A"
MUTED = "#5A5F66"
RULE = "#9AA0A6"
PALE = "#E8EAED"

SERIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")

FAMILIES = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP")
SIZE = 9.0
"""Type size in points."""


@cache
def families() -> list[str]:
    """Those of ``FAMILIES`` that are installed, in order."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return [name for name in FAMILIES if name in installed]


@cache
def font(size: float = SIZE, weight: str = "normal", style: str = "normal") -> FontProperties:
    """The figures' type; shared, so not to be changed."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(family=families(), size=size, weight=weight, style=style)  # type: ignore[arg-type]


def new_axes(width: float, height: float, ax: Axes | None = None, *, arranged: bool = True) -> Axes:
    """``ax``, or the axes of a new figure of that size (inches).

    ``arranged``: the figure makes room for labels and legends outside the axes by itself. Raises ``MissingExtra`` without matplotlib.
    """
    if ax is not None:
        return ax
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("matplotlib", "figures", "a figure")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(width, height), facecolor="white", layout="constrained" if arranged else None)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.08, h_pad=0.08)  # type: ignore[call-arg]
    return figure.add_subplot()


def plain(ax: Axes, size: float = SIZE) -> None:
    """Two spines, quiet ticks outside, the figures' type on the tick labels."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(color=INK, linewidth=0.8)
    ax.tick_params(
        which="both", direction="out", color=INK, labelcolor=INK, width=0.8, length=3.5, labelsize=size,
        labelfontfamily=families(),
    )  # fmt: skip
    ax.tick_params(which="minor", length=0)
    ax.grid(False)


def label_axes(ax: Axes, x: str, y: str, size: float = SIZE) -> None:
    """The names of both axes."""
    ax.set_xlabel(x, fontproperties=font(size), color=INK, labelpad=5)
    ax.set_ylabel(y, fontproperties=font(size), color=INK, labelpad=5)


def legend(ax: Axes, **options: Any) -> None:
    """A legend without a frame, to the right of the axes unless placed elsewhere."""
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.0} | options
    ax.legend(prop=font(SIZE - 1), frameon=False, labelcolor=INK, handlelength=1.4, **place)
