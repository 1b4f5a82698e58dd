"""The network graph: treatments as circles, direct comparisons as lines."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import style
from equipoise.figures.network.circle import Spot, needed_radius, spots
from equipoise.frames import FloatArray
from equipoise.synthesis.network.direct import pool_direct
from equipoise.synthesis.network.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 1.25
"""Line height, in font sizes."""
WRAP = 34
"""Names longer than this are set in several lines."""
COUNTED = 24
"""Up to so many comparisons have their number of studies written on the line."""


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn, by treatment (in clockwise order) or by edge (pairs of positions in that order).

    ``sizes``: participants of a treatment, or its studies where ``sized_by`` says so; ``strengths``: what line widths
    are proportional to; ``bias``: the shares of studies with low, some concerns and high risk of bias, per treatment
    and per edge, None where unknown.
    """

    treatments: tuple[str, ...]
    part: tuple[int, ...]
    sizes: FloatArray
    sized_by: Literal["participants", "studies"]
    edges: tuple[tuple[int, int], ...]
    studies: tuple[int, ...]
    strengths: FloatArray
    multi_arm: tuple[tuple[int, ...], ...]
    bias: tuple[tuple[float, float, float], ...] | None
    edge_bias: tuple[str, ...] | None


def graph_of(
    network: Network,
    edges: Literal["studies", "precision"] = "studies",
    risk_of_bias: Mapping[str, str] | None = None,
    order: Sequence[str] | None = None,
) -> Graph:
    """What a network graph shows; see ``network_graph``."""
    if edges not in ("studies", "precision"):
        raise DataError(f"edges {edges!r} isn't known; choose 'studies' or 'precision'")
    names = [t for part in network.subnetworks for t in part] if order is None else list(order)
    if sorted(names) != sorted(network.treatments):
        raise DataError(f"order must list every treatment once: {', '.join(network.treatments)}")
    index = {t: i for i, t in enumerate(names)}
    place = np.ix_(*[[network.position(t) for t in names]] * 2)
    counts = network.pair_counts()[place]
    strengths = counts.astype(float)
    if edges == "precision":
        with np.errstate(divide="ignore", invalid="ignore"):
            strengths = 1.0 / pool_direct(network.blocks, len(names), 0.0).variances[place]
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names)) if counts[i, j]]
    participants, in_studies = np.zeros(len(names)), np.zeros(len(names))
    known = True
    for study in network.studies:
        known = known and bool(study.participants) and None not in study.participants
        for arm, treatment in enumerate(study.treatments):
            in_studies[index[treatment]] += 1
            participants[index[treatment]] += (study.participants[arm] or 0) if study.participants else 0
    part_of = {t: number for number, part in enumerate(network.subnetworks) for t in part}
    levels = None if risk_of_bias is None else _levels(network, risk_of_bias)
    return Graph(
        treatments=tuple(names),
        part=tuple(part_of[t] for t in names),
        sizes=participants if known else in_studies,
        sized_by="participants" if known else "studies",
        edges=tuple(pairs),
        studies=tuple(int(counts[i, j]) for i, j in pairs),
        strengths=np.array([strengths[i, j] for i, j in pairs]),
        multi_arm=tuple(
            sorted({tuple(sorted(index[t] for t in s.treatments)) for s in network.studies if len(s.treatments) > 2})
        ),
        bias=None if levels is None else tuple(_shares(network, levels, {t}) for t in names),
        edge_bias=None
        if levels is None
        else tuple(_usual(_shares(network, levels, {names[i], names[j]})) for i, j in pairs),
    )


def network_graph(
    network: Network,
    ax: Axes | None = None,
    *,
    edges: Literal["studies", "precision"] = "studies",
    risk_of_bias: Mapping[str, str] | None = None,
    order: Sequence[str] | None = None,
    shade_multi_arm: bool = True,
) -> Axes:
    """The network graph.

    The area of a circle is proportional to the participants who had the treatment (to its studies where the data
    don't tell participants), the width of a line to the ``edges``: the number of studies that compare the two, or the
    precision of their pooled estimate (inverse variance, common effect). Multi-arm studies are shaded.
    ``risk_of_bias`` maps studies to "low", "some concerns" or "high": a circle shows the shares of its treatment's
    studies, a line the commonest level of its studies (the worse of two equally common). ``order``: the treatments
    clockwise; default: by name, subnetwork after subnetwork. Circles of different subnetworks have different colours.

    Raises ``DataError`` for an order that doesn't list every treatment once, an unknown option, a study without risk
    of bias or an unknown level; ``MissingExtra`` without matplotlib.
    """
    graph = graph_of(network, edges, risk_of_bias, order)
    with style.drawing():
        labels = ["\n".join(textwrap.wrap(t, WRAP)) or t for t in graph.treatments]
        size = style.SIZE if len(labels) <= 30 else style.SIZE - 1.0
        largest = 17.0 if len(labels) <= 12 else 12.0 if len(labels) <= 45 else 9.0
        radii = np.maximum(largest * np.sqrt(graph.sizes / max(graph.sizes.max(), 1e-300)), 2.2)
        line = LINE * size
        heights = [
            max(line * (text.count("\n") + 1), 2.0 * float(r) + 2.0) for text, r in zip(labels, radii, strict=True)
        ]
        radius = max(min(105.0, 45.0 + 12.0 * len(labels)), needed_radius(heights))
        where = spots(heights, radius)
        below = max(
            (
                float(r) + (3.5 + line * (t.count("\n") + 1) if spot.side == "below" else 0.0)
                for t, r, spot in zip(labels, radii, where, strict=True)
                if spot.y < -0.8 * radius
            ),
            default=largest,
        )
        left, right = (_reach(labels, radii, where, size, side) for side in ("left", "right"))
        half_below = max(
            (style.width_of(t, size) / 2 for t, s in zip(labels, where, strict=True) if s.side == "below"), default=0.0
        )
        left, right = max(left, half_below), max(right, half_below)
        key = 40.0
        width, height = left + right + 12.0, 2.0 * radius + largest + below + key
        ax = style.place(ax, max(width, 300.0), height)
        w, h = style.canvas(ax)
        shrink = min(1.0, w / width, h / height)
        if shrink < 1.0:
            radii, radius, size, largest, below, key = (v * shrink for v in (radii, radius, size, largest, below, key))
            where = [Spot(s.x * shrink, s.y * shrink, s.side) for s in where]
            left, right = left * shrink, right * shrink
        centre_x = 0.5 * w + 0.5 * (left - right)
        centre_y = 0.5 * (h + key + below - largest)
        at = np.array([[centre_x + s.x, centre_y + s.y] for s in where])
        if shade_multi_arm:
            _shade(ax, graph, at)
        _edges(ax, graph, at, size)
        _nodes(ax, graph, at, radii)
        for text, spot, (x, y), r in zip(labels, where, at.tolist(), radii.tolist(), strict=True):
            _label(ax, text, spot, x, y, r + 3.5, size)
        _key(ax, graph, edges, w, key, shade_multi_arm)
    return ax


def _reach(labels: list[str], radii: FloatArray, where: list[Spot], size: float, side: str) -> float:
    """How far the labels of a side reach from the centre."""
    return max(
        (
            abs(spot.x) + r + 4.0 + style.width_of(text, size)
            for text, r, spot in zip(labels, radii.tolist(), where, strict=True)
            if spot.side == side
        ),
        default=0.0,
    )


def _label(ax: Axes, text: str, spot: Spot, x: float, y: float, gap: float, size: float) -> None:
    box = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.7}
    if spot.side == "below":
        ax.text(
            x,
            y - gap,
            text,
            ha="center",
            va="top",
            fontsize=size,
            linespacing=LINE - 0.1,
            gid=f"label-{len(ax.texts)}",
            bbox=box,
            zorder=3.5,
        )
        return
    sign = 1.0 if spot.side == "right" else -1.0
    ha = "left" if sign > 0 else "right"
    ax.text(
        x + sign * gap,
        y,
        text,
        ha=ha,
        va="center",
        fontsize=size,
        linespacing=LINE - 0.1,
        gid=f"label-{len(ax.texts)}",
        bbox=box,
        zorder=3.5,
    )


def _shade(ax: Axes, graph: Graph, at: FloatArray) -> None:
    from matplotlib.patches import Polygon

    fade = 0.16 if len(graph.multi_arm) <= 4 else 0.1 if len(graph.multi_arm) <= 12 else 0.06
    for arms in graph.multi_arm:
        corners = at[list(arms)]
        ax.add_patch(Polygon(corners, closed=True, facecolor=style.CATEGORIES[5], alpha=fade, lw=0, zorder=1))


def _edges(ax: Axes, graph: Graph, at: FloatArray, size: float) -> None:
    most = float(graph.strengths.max(initial=0.0))
    widest = min(7.0, 1.6 * max(graph.studies, default=1)) * min(1.0, 70.0 / max(len(graph.edges), 1))
    widths = np.maximum(widest * graph.strengths / max(most, 1e-300), min(0.5, widest))
    for number, (i, j) in enumerate(graph.edges):
        colour = "#7d8893" if graph.edge_bias is None else style.BIAS[graph.edge_bias[number]]
        (x1, y1), (x2, y2) = at[i], at[j]
        ax.plot([x1, x2], [y1, y2], color=colour, lw=widths[number], alpha=0.85, solid_capstyle="butt", zorder=2)
    if len(graph.edges) <= COUNTED:
        taken: list[tuple[float, float]] = []
        for (i, j), count in zip(graph.edges, graph.studies, strict=True):
            spots = [at[i] + t * (at[j] - at[i]) for t in (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73)]
            free = [s for s in spots if all(math.dist(s, other) > 1.5 * size for other in taken)]
            x, y = (free or spots)[0].tolist()
            taken.append((x, y))
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}
            ax.text(
                x, y, str(count), ha="center", va="center", fontsize=size - 1.0, color=style.SOFT, bbox=box, zorder=3
            )


def _nodes(ax: Axes, graph: Graph, at: FloatArray, radii: FloatArray) -> None:
    from matplotlib.patches import Circle, Wedge

    for number, ((x, y), r) in enumerate(zip(at.tolist(), radii.tolist(), strict=True)):
        colour = style.CATEGORIES[graph.part[number] % len(style.CATEGORIES)]
        if graph.bias is not None:
            start = 90.0
            for share, level in zip(graph.bias[number], style.BIAS, strict=True):
                if share > 0:
                    ax.add_patch(Wedge((x, y), r, start - 360.0 * share, start, facecolor=style.BIAS[level], zorder=4))
                    start -= 360.0 * share
            ax.add_patch(Circle((x, y), r, fill=False, ec="white", lw=0.8, zorder=5, gid=f"node-{len(ax.patches)}"))
        else:
            ax.add_patch(
                Circle((x, y), r, facecolor=colour, ec="white", lw=0.8, zorder=5, gid=f"node-{len(ax.patches)}")
            )


def _key(
    ax: Axes,
    graph: Graph,
    edges: str,
    width: float,
    height: float,
    shaded: bool,
) -> None:
    """What sizes, widths and colours mean, in lines at the foot."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = ["Circle area: " + ("participants" if graph.sized_by == "participants" else "studies of the treatment")]
    lines.append("line width: " + ("number of studies" if edges == "studies" else "precision of the direct estimate"))
    x, y = 0.5 * width, height - 8.0
    ax.text(
        x, y, "; ".join(lines) + ".", ha="center", va="top", fontsize=7.0, color=style.SOFT, gid=f"key-{len(ax.texts)}"
    )
    handles: list[Line2D | Patch] = []
    if graph.bias is not None:
        handles += [
            Patch(
                facecolor=c, label=f"{level.capitalize()} risk of bias" if level != "some concerns" else "Some concerns"
            )
            for level, c in style.BIAS.items()
        ]
    if shaded and graph.multi_arm:
        handles.append(Patch(facecolor=style.CATEGORIES[5], alpha=0.3, label="Multi-arm study"))
    parts = max(graph.part) + 1
    if parts > 1 and graph.bias is None:
        handles += [
            Line2D(
                [],
                [],
                ls="",
                marker="o",
                ms=5,
                color=style.CATEGORIES[p % len(style.CATEGORIES)],
                label=f"Subnetwork {p + 1}",
            )
            for p in range(min(parts, 8))
        ]
    if handles:
        legend = ax.legend(
            handles=handles,
            loc="lower center",
            ncols=len(handles),
            frameon=False,
            fontsize=7.0,
            borderaxespad=0.2,
            handlelength=1.2,
            columnspacing=1.4,
            labelcolor=style.SOFT,
        )
        legend.set_zorder(6)


def _levels(network: Network, risk_of_bias: Mapping[str, str]) -> dict[str, int]:
    known = {level: number for number, level in enumerate(style.BIAS)}
    levels: dict[str, int] = {}
    for study in network.studies:
        if study.study not in risk_of_bias:
            raise DataError(f"study {study.study!r} has no risk of bias; give one to every study")
        level = risk_of_bias[study.study]
        if level not in known:
            raise DataError(f"study {study.study!r}: risk of bias {level!r} isn't known; choose {', '.join(known)}")
        levels[study.study] = known[level]
    return levels


def _shares(network: Network, levels: Mapping[str, int], treatments: set[str]) -> tuple[float, float, float]:
    found = Counter(levels[s.study] for s in network.studies if treatments <= set(s.treatments))
    total = sum(found.values())
    return found[0] / total, found[1] / total, found[2] / total


def _usual(shares: tuple[float, float, float]) -> str:
    return tuple(style.BIAS)[max(range(3), key=lambda level: (round(shares[level], 9), level))]
