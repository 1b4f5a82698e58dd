"""The GOSH plot: the pooled effect and the heterogeneity of every subset of the studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.figures import style
from equipoise.figures.effect_axis import effect_scale, set_effect_axis, straight
from equipoise.synthesis.pairwise.gosh import Gosh
from equipoise.synthesis.pairwise.pooling import pool
from equipoise.synthesis.pairwise.result import Pooled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BINS = 160


def gosh(result: Gosh, fit: Pooled, *, split: str | int | None = None, ax: Axes | None = None) -> Axes:
    """A GOSH plot (Olkin, Dahabreh & Trikalinos 2012, Research Synthesis Methods 3:214).

    How many subsets give each pooled effect with each I², shaded by the logarithm of their number; their
    distributions are along the edges. ``split`` names a study (or its place): subsets with it are in vermillion, those
    without in blue, which shows whether two clouds are that study's doing. ``fit`` brings the measure and
    the studies, whose pooled effect by the same method is marked. Subsets of a single study have no I² and aren't shown. Raises ``MissingExtra`` without matplotlib.
    """
    ax = style.new_axes(5.8, 5.0, ax)
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    shown = straight(effect_scale(fit.measure, fit.label, fit.scale))
    several = (result.size > 1) & np.isfinite(result.estimate) & np.isfinite(result.i2)
    x, i2 = result.estimate[several], result.i2[several]
    inside = np.quantile(x, [0.0005, 0.9995])
    margin = 0.05 * float(np.ptp(inside)) or 0.5
    low, high = float(inside[0]) - margin, float(inside[1]) + margin
    bins = int(np.clip(0.7 * np.sqrt(len(x)), 30, MOST_BINS))
    natural = shown.natural(np.linspace(low, high, bins + 1))
    heights = np.linspace(0.0, 100.0, bins // 2 + 1)
    member = None if split is None else result.includes(split)[several]
    parts = [(np.ones(len(x), dtype=bool), style.BLUE, "")]
    if member is not None:
        name = split if isinstance(split, str) else result.studies[int(split)]  # type: ignore[arg-type]
        parts = [(~member, style.BLUE, f"without {name}"), (member, style.VERMILLION, f"with {name}")]
    above = ax.inset_axes((0, 1.03, 1, 0.17))
    beside = ax.inset_axes((1.03, 0, 0.17, 1))
    edges = np.linspace(low, high, bins + 1)
    for chosen, colour, label in parts:
        counts, _, _ = np.histogram2d(x[chosen], i2[chosen], bins=[edges, heights])
        shades = LinearSegmentedColormap.from_list("subsets", [f"{colour}22", colour])
        ax.pcolormesh(
            natural, heights, np.where(counts > 0, counts, np.nan).T, norm=LogNorm(1, max(float(counts.max()), 2.0)),
            cmap=shades, rasterized=True, zorder=1,
        )  # fmt: skip
        across = np.histogram(x[chosen], edges)[0]
        up = np.histogram(i2[chosen], heights)[0]
        above.stairs(across, natural, fill=True, facecolor=colour, alpha=0.6, edgecolor="none")
        beside.stairs(up, heights, orientation="horizontal", fill=True, facecolor=colour, alpha=0.6, edgecolor="none")
        if label:
            ax.plot([], [], "s", color=colour, markersize=5, label=label)
    whole = pool(fit.estimates, fit.variances, method=result.method, studies=fit.studies)
    pooled = float(shown.natural([whole.estimate])[0])
    ax.plot([pooled, pooled], [0, 100], color=style.INK, linewidth=0.9, label="All studies", zorder=2)
    style.plain(ax)
    ax.set_ylim(0, 100)
    set_effect_axis(ax, shown, float(natural[0]), float(natural[-1]), 3.8, style.SIZE)
    above.set_xscale(ax.get_xscale())
    above.set_xlim(ax.get_xlim())
    beside.set_ylim(0, 100)
    for edge in (above, beside):
        edge.set_axis_off()
    style.label_axes(ax, shown.title, "I², %")
    style.legend(ax, loc="upper left", bbox_to_anchor=(0.0, -0.14))
    return ax
