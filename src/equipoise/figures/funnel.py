"""The contour-enhanced funnel plot: estimates against their standard errors, over regions of significance."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from equipoise.figures import style
from equipoise.figures.effect_axis import EffectScale, effect_scale, set_effect_axis, straight
from equipoise.figures.numerals import decimal
from equipoise.synthesis.pairwise.result import Pooled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHADES = ("#C9CED4", "#DEE2E6", "#EFF1F3")
"""For regions further and further from no effect; within the first the ground is white."""


def funnel(
    result: Pooled,
    *,
    contours: Sequence[float] = (0.10, 0.05, 0.01),
    added: tuple[ArrayLike, ArrayLike] | None = None,
    xlim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A contour-enhanced funnel plot (Peters et al. 2008, Journal of Clinical Epidemiology 61:991).

    Each study's estimate against its standard error, the most precise on top. The shaded regions are bounded by the
    p-values ``contours`` of a test of no effect; measures without a null have none. The triangle is where the level's
    share of estimates lies around the pooled effect when there is no heterogeneity. ``added`` are estimates and
    variances on the scale of pooling, drawn hollow (studies that trim-and-fill imputes). ``xlim`` are natural values.

    Raises ``MissingExtra`` without matplotlib.
    """
    ax = style.new_axes(6.2, 4.2, ax)
    shown = straight(effect_scale(result.measure, result.label, result.scale))
    extra = [np.atleast_1d(np.asarray(x, dtype=float)) for x in added] if added is not None else [np.empty(0)] * 2
    y, se = np.concatenate([result.estimates, extra[0]]), np.sqrt(np.concatenate([result.variances, extra[1]]))
    deepest = 1.08 * float(se.max())
    z = float(ndtri(0.5 * (1 + result.level)))
    low, high = xlim or _limits(shown, y, result.estimate, z * deepest)
    _regions(ax, shown, contours, deepest, low, high)

    ends = shown.natural([result.estimate - z * deepest, result.estimate, result.estimate + z * deepest])
    middle = float(ends[1])
    label = f"{100 * result.level:g}% limits around the pooled effect"
    ax.plot(
        [ends[0], middle, ends[2]],
        [deepest, 0, deepest],
        color=style.INK,
        linewidth=0.9,
        linestyle=(0, (4, 3)),
        label=label,
    )
    ax.plot(
        [middle, middle], [0, deepest], color=style.INK, linewidth=0.9, label=f"Pooled effect ({decimal(middle, 2)})"
    )
    _points(ax, shown.natural(result.estimates), np.sqrt(result.variances), "Study", filled=True)
    if added is not None and extra[0].size:
        _points(ax, shown.natural(extra[0]), np.sqrt(extra[1]), "Imputed study", filled=False)

    style.plain(ax)
    ax.set_ylim(deepest, 0)
    set_effect_axis(ax, shown, low, high, 3.8, style.SIZE)
    style.label_axes(ax, shown.title, "Standard error")
    style.legend(ax)
    return ax


def _limits(shown: EffectScale, y: np.ndarray, middle: float, reach: float) -> tuple[float, float]:
    null = shown.scale.null
    parts = [y.min(), y.max(), middle - reach, middle + reach, *([null] if np.isfinite(null) else [])]
    low, high = min(parts), max(parts)
    margin = 0.04 * (high - low) or 1.0
    ends = shown.natural([low - margin, high + margin])
    return float(ends[0]), float(ends[1])


def _regions(ax: Axes, shown: EffectScale, contours: Sequence[float], deepest: float, low: float, high: float) -> None:
    """Nested triangles around no effect, the widest first, on a ground of the last shade."""
    levels = sorted(contours, reverse=True)
    if not levels or not np.isfinite(shown.scale.null):
        return
    shades = SHADES[-len(levels) :] if len(levels) <= len(SHADES) else SHADES
    ax.axvspan(low, high, facecolor=shades[-1], edgecolor="none", zorder=0, label=f"p < {levels[-1]:.2f}")
    grounds = ["white", *shades[:-1]]
    ends = np.array([0.0, deepest])
    names = [f"p > {levels[0]:.2f}", *(f"{b:.2f} < p < {a:.2f}" for a, b in pairwise(levels))]
    for p, ground, name, order in reversed(list(zip(levels, grounds, names, range(len(levels)), strict=False))):
        reach = float(-ndtri(p / 2)) * ends
        left, right = (shown.natural(shown.scale.null + sign * reach) for sign in (-1, 1))
        ax.fill_betweenx(
            ends,
            left,
            right,
            facecolor=ground,
            edgecolor=style.RULE,
            linewidth=0.3,
            zorder=0.2 + 0.1 * (len(levels) - order),
            label=name,
        )


def _points(ax: Axes, x: np.ndarray, se: np.ndarray, label: str, filled: bool) -> None:
    size = 5.5 if len(x) <= 60 else 4.2
    ax.plot(
        x, se, "o", markersize=size, markerfacecolor=style.BLUE if filled else "white", zorder=3, label=label,
        markeredgecolor="white" if filled else style.VERMILLION, markeredgewidth=0.5 if filled else 1.1, clip_on=False,
    )  # fmt: skip
