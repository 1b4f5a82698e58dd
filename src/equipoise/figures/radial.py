"""The radial (Galbraith) plot: standardised estimates against precision, effects read off an arc."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from equipoise.figures import style
from equipoise.figures.effect_axis import effect_scale, straight, tick_text, ticks
from equipoise.synthesis.pairwise.result import Pooled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def radial(result: Pooled, *, ax: Axes | None = None) -> Axes:
    """A radial plot (Galbraith 1988, Statistics in Medicine 7:889), for random effects as metafor draws it.

    Each study at x = 1/√(v + τ²) and z = y/√(v + τ²): the slope from the origin is its estimate, read off the arc on
    the right (natural values). The line has the slope of the pooled effect, the band holds the level's share of
    studies (±1.96 at 95%), and the dark stretch of the arc is the pooled effect's interval.

    Raises ``MissingExtra`` without matplotlib.
    """
    ax = style.new_axes(5.6, 4.6, ax)
    from matplotlib.patches import Ellipse

    shown = straight(effect_scale(result.measure, result.label, result.scale))
    tau2 = 0.0 if result.model == "common" else result.tau2
    x = 1.0 / np.sqrt(result.variances + tau2)
    z = result.estimates * x
    quantile = float(ndtri(0.5 * (1 + result.level)))
    right = 1.1 * float(x.max())
    slopes = np.array([*result.estimates, *result.ci, 0.0])
    reach = 1.1 * max(float(np.abs(z).max()), quantile + 0.5)
    outermost = float(np.hypot(x / right, z / reach).max()) / 0.94
    right, reach = right * max(outermost, 1.0), reach * max(outermost, 1.0)

    ends = np.array([0.0, right])
    middle = result.estimate * ends
    within = Ellipse((0, 0), 2 * right, 2 * reach, transform=ax.transData)
    for drawn in (
        ax.fill_between(ends, middle - quantile, middle + quantile, facecolor=style.PALE, edgecolor="none", zorder=0),
        *ax.plot(ends, middle, color=style.INK, linewidth=1.0, zorder=1),
        *ax.plot(ends, [0.0, 0.0], color=style.RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5),
    ):
        drawn.set_clip_path(within)
    size = 5.5 if result.k <= 60 else 4.2
    ax.plot(
        x, z, "o", markersize=size, markerfacecolor=style.BLUE, markeredgecolor="white", markeredgewidth=0.5, zorder=3
    )

    def arc(slope: np.ndarray, radius: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        across = radius / np.sqrt(1 / right**2 + (slope / reach) ** 2)
        return across, slope * across

    spread = np.linspace(slopes.min(), slopes.max(), 200)
    ax.plot(*arc(spread, 1.0), color=style.INK, linewidth=0.8, clip_on=False)
    ax.plot(*arc(np.linspace(*result.ci, 50), 1.0), color=style.VERMILLION, linewidth=3.0, clip_on=False, zorder=2)
    natural = shown.natural([slopes.min(), slopes.max()])
    values = ticks(float(natural[0]), float(natural[1]), shown.log, 7)
    for value in values:
        slope = shown.position(np.array([value]))
        (x0,), (z0,) = arc(slope, 1.0)
        (x1,), (z1,) = arc(slope, 1.025)
        ax.plot([x0, x1], [z0, z1], color=style.INK, linewidth=0.8, clip_on=False)
        (xt,), (zt,) = arc(slope, 1.045)
        text = tick_text(value, values, shown.log)
        ax.text(xt, zt, text, fontproperties=style.font(), color=style.INK, va="center", ha="left", clip_on=False)
    style.plain(ax)
    ax.set_xlim(0, right)
    ax.set_ylim(-reach, reach)
    ax.spines["bottom"].set_bounds(0, right)
    inverse = "1/√(v + τ²)" if tau2 > 0 else "1/standard error"
    style.label_axes(ax, f"Precision, {inverse}", "Standardised estimate, z")
    ax.text(
        1.2, 0.5, shown.title, transform=ax.transAxes, rotation=-90, ha="center", va="center", color=style.INK,
        fontproperties=style.font(),
    )  # fmt: skip
    return ax
