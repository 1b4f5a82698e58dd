"""The drapery plot: the p-value of every possible effect, for each study and for the pooled effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from equipoise.figures import style
from equipoise.figures.effect_axis import effect_scale, set_effect_axis, straight
from equipoise.synthesis.pairwise.result import Pooled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]


def drapery(result: Pooled, *, xlim: tuple[float, float] | None = None, ax: Axes | None = None) -> Axes:
    """A drapery plot (Rücker & Schwarzer 2021, Research Synthesis Methods 12:34).

    Each curve is a study's two-sided p-value for every hypothetical effect; where it crosses a p-value on the y-axis
    are the ends of the interval of that level. The bold curve is the pooled effect's, from the distribution of its
    interval; the shaded one shows where the true effect of a new study lies. Darker curves have more weight.
    ``xlim`` are natural values.

    Raises ``MissingExtra`` without matplotlib.
    """
    ax = style.new_axes(6.4, 4.2, ax)
    shown = straight(effect_scale(result.measure, result.label, result.scale))
    se = np.sqrt(result.variances)
    low, high = _reach(result, se) if xlim is None else tuple(map(float, shown.position(np.array(xlim))))
    grid = np.linspace(low, high, 801)
    natural = shown.natural(grid)
    weights = np.where(np.isfinite(result.weights), result.weights, 1.0)
    heavy = np.sqrt(weights / weights.max()) * min(1.0, np.sqrt(40 / result.k))
    for y, s, share in zip(result.estimates, se, heavy, strict=True):
        ax.plot(
            natural, p_values(grid, y, s), color=style.BLUE, alpha=0.08 + 0.6 * float(share), linewidth=0.7, zorder=1
        )
    ax.plot([], [], color=style.BLUE, alpha=0.6, linewidth=0.9, label="Study (darker: more weight)")
    if np.isfinite(result.prediction[0]):
        spread = float(np.hypot(result.se, np.sqrt(result.tau2)))
        curve = p_values(grid, result.estimate, spread, result.df)
        ax.fill_between(
            natural, 0, curve, facecolor=style.ORANGE, alpha=0.22, edgecolor="none", zorder=0, label="Prediction"
        )
    pooled = p_values(grid, result.estimate, result.se, result.df)
    ax.plot(natural, pooled, color=style.VERMILLION, linewidth=2.2, zorder=3, label="Pooled effect")
    alpha = 1 - result.level
    ax.axhline(alpha, color=style.INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=2, label=f"p = {alpha:.2g}")
    if np.isfinite(shown.null):
        ax.axvline(shown.null, color=style.INK, linewidth=0.8, zorder=0.5)
    style.plain(ax)
    ends = shown.natural([low, high])
    set_effect_axis(ax, shown, float(ends[0]), float(ends[1]), 3.8, style.SIZE)
    ax.set_ylim(0, 1)
    style.label_axes(ax, shown.title, "p-value")
    style.legend(ax)
    return ax


def p_values(effects: FloatArray, estimate: float, se: float, df: float = np.nan) -> FloatArray:
    """Two-sided p-values of hypothetical effects, from the normal distribution or, with ``df``, from t."""
    statistic = -np.abs(effects - estimate) / se
    return np.asarray(2 * (ndtr(statistic) if np.isnan(df) else stdtr(df, statistic)))


def _reach(result: Pooled, se: FloatArray) -> tuple[float, float]:
    """Where nearly all studies' curves are well above 0, and the prediction interval whole."""
    low, high = np.quantile(result.estimates - 2.6 * se, 0.1), np.quantile(result.estimates + 2.6 * se, 0.9)
    parts = [low, high, *result.ci, *result.estimates]
    parts += [x for x in result.prediction if np.isfinite(x)]
    return float(min(parts)), float(max(parts))
