"""The Hasse diagram: which treatments are better than which, with all that follows left out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import style
from equipoise.figures.network.circle import spread
from equipoise.figures.network.graph import WRAP
from equipoise.frames import FloatArray
from equipoise.synthesis.network.hierarchy import PartialOrder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.ranking import Ranking


def sure_order(ranking: Ranking, probability: float = 0.975) -> PartialOrder:
    """The partial order of one outcome: above is who is better with at least this probability.

    What follows by transitivity is added, so that the relation is an order. ``probability`` is one-sided: 0.975 goes
    with 95 % confidence intervals. Raises ``DataError`` unless it is above 0.5.
    """
    if not 0.5 < probability < 1.0:
        raise DataError(f"probability {probability} must lie between 0.5 and 1")
    above = np.nan_to_num(ranking.better) >= probability
    while True:
        further = above | (above.astype(float) @ above.astype(float) > 0)
        if (further == above).all():
            break
        above = further
    n = len(ranking.treatments)
    links = above.astype(float)
    levels = np.zeros(n, dtype=np.intp)
    for i in np.argsort(above.sum(axis=1), kind="stable").tolist():
        levels[i] = 1 + levels[above[i]].max() if above[i].any() else 0
    return PartialOrder(
        ranking.treatments, ("P-score",), ranking.p_scores[:, None], above, above & ~(links @ links > 0), levels
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in points; ``ways``: for every edge the points it passes, from box to box."""

    columns: tuple[tuple[int, ...], ...]
    boxes: FloatArray
    ways: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    height: float


def hasse_diagram(order: PartialOrder, ax: Axes | None = None) -> Axes:
    """The Hasse diagram, better treatments on the left.

    A line leads from a treatment to the next worse ones on its right; who is not joined by a way from left to right
    can't be ordered. Lines pass between the boxes, never behind one.

    Raises ``MissingExtra`` without matplotlib.
    """
    with style.drawing():
        from matplotlib.patches import FancyBboxPatch

        names = ["\n".join(textwrap.wrap(t, WRAP - 8)) or t for t in order.treatments]
        size = style.SIZE if len(names) <= 20 else style.SIZE - 1.0
        placed = layout(order, names, size)
        foot = 20.0
        ax = style.place(ax, max(placed.width, 200.0), placed.height + foot)
        w, h = style.canvas(ax)
        shrink = min(1.0, w / placed.width, h / (placed.height + foot))
        for way in placed.ways:
            _draw(ax, [(x * shrink, (y + foot) * shrink) for x, y in way])
        for name, (x, y, width, height) in zip(names, placed.boxes.tolist(), strict=True):
            corner = (x * shrink, (y + foot) * shrink)
            ax.add_patch(
                FancyBboxPatch(
                    corner, width * shrink, height * shrink, boxstyle=f"round,pad=0,rounding_size={3 * shrink}",
                    facecolor="white", edgecolor=style.RULE, linewidth=0.7, zorder=2, gid=f"box-{len(ax.patches)}",
                )
            )  # fmt: skip
            ax.text(
                corner[0] + 0.5 * width * shrink, corner[1] + 0.5 * height * shrink, name, ha="center", va="center",
                fontsize=size * shrink, zorder=3, gid=f"label-{len(ax.texts)}", linespacing=1.1,
            )  # fmt: skip
        if len(placed.columns) == 1:
            ax.text(2.0, 2.0, "None is above another.", fontsize=7.0, color=style.SOFT, ha="left", va="bottom")
            return ax
        ax.text(2.0, 2.0, "← better", fontsize=7.0, color=style.SOFT, ha="left", va="bottom")
        ax.text(placed.width * shrink - 2.0, 2.0, "worse →", fontsize=7.0, color=style.SOFT, ha="right", va="bottom")
    return ax


def layout(order: PartialOrder, names: list[str], size: float) -> Layout:
    """Layers by level, each line led through every layer on its way (Sugiyama, Tagawa & Toda 1981, IEEE SMC 11:109)."""
    line = size * 1.2
    n = len(names)
    top = int(order.levels.max())
    layer = [top - int(level) for level in order.levels]
    heights: list[float] = [line * (name.count("\n") + 1) + 5.0 for name in names]
    columns: list[list[int]] = [[] for _ in range(top + 1)]
    for i in sorted(range(n), key=lambda i: -float(order.scores[i].mean())):
        columns[layer[i]].append(i)
    chains: list[list[int]] = []
    joined: dict[int, list[int]] = {i: [] for i in range(n)}
    for better, worse in np.argwhere(order.covers).tolist():
        chain = [better]
        for between in range(layer[better] + 1, layer[worse]):
            chain.append(len(layer))
            joined[len(layer)] = []
            layer.append(between)
            heights.append(2.5)
            columns[between].append(chain[-1])
        chain.append(worse)
        chains.append(chain)
        for a, b in pairwise(chain):
            joined[a].append(b)
            joined[b].append(a)
    _untangle(columns, joined)
    rooms = [max((style.width_of(names[i], size) for i in column if i < n), default=0.0) + 10.0 for column in columns]
    gap = 5.0
    tall = max(sum(heights[i] for i in column) + gap * len(column) for column in columns)
    at = _heights(columns, joined, heights, gap, tall)
    apart = 58.0 if len(chains) > 15 else 40.0
    left = [2.0 + sum(rooms[:k]) + apart * k for k in range(len(columns))]
    boxes = np.array([[left[layer[i]], at[i] - heights[i] / 2, rooms[layer[i]], heights[i]] for i in range(n)])
    ways = []
    for chain in chains:
        way: list[tuple[float, float]] = []
        for step, i in enumerate(chain):
            if step:
                way.append((left[layer[i]], at[i]))
            if step < len(chain) - 1:
                way.append((left[layer[i]] + rooms[layer[i]], at[i]))
        ways.append(tuple(way))
    return Layout(tuple(map(tuple, columns)), boxes, tuple(ways), left[-1] + rooms[-1] + 2.0, tall)


def _untangle(columns: list[list[int]], joined: dict[int, list[int]]) -> None:
    """Order each column by the middle of its neighbours, back and forth, so that few lines cross."""
    place: dict[int, float] = {}

    def settle(column: list[int]) -> None:
        for rank, i in enumerate(column):
            place[i] = (rank + 0.5) / len(column)

    for column in columns:
        settle(column)
    for _ in range(12):
        for column in [*columns, *reversed(columns)]:
            wanted = {i: float(np.mean([place[k] for k in joined[i]])) if joined[i] else place[i] for i in column}
            column.sort(key=lambda i: wanted[i])
            settle(column)


def _heights(
    columns: list[list[int]], joined: dict[int, list[int]], heights: list[float], gap: float, tall: float
) -> dict[int, float]:
    """The height of everything, near its neighbours' and far enough from those above and below."""
    at: dict[int, float] = {}
    for column in columns:
        free = (tall - sum(heights[i] for i in column)) / len(column)
        y = tall
        for i in column:
            at[i] = y - free / 2 - heights[i] / 2
            y -= free + heights[i]
    for _ in range(20):
        for column in columns:
            wanted = np.array([float(np.mean([at[k] for k in joined[i]])) if joined[i] else at[i] for i in column])
            room = np.array([heights[i] + gap for i in column])
            for i, y in zip(column, spread(wanted, room, room[-1] / 2, tall - room[0] / 2), strict=True):
                at[i] = float(y)
    return at


def _draw(ax: Axes, way: list[tuple[float, float]]) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points, codes = [way[0]], [Path.MOVETO]
    for (x1, y1), (x2, y2) in pairwise(way):
        middle = 0.5 * (x1 + x2)
        points += [(middle, y1), (middle, y2), (x2, y2)]
        codes += [Path.CURVE4] * 3
    ax.add_patch(PathPatch(Path(points, codes), fill=False, edgecolor="#7d8893", lw=0.7, alpha=0.85, zorder=1))
