"""How far each study, or each comparison, may move before another treatment is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from equipoise.errors import DataError
from equipoise.figures.network import scale, style
from equipoise.figures.network.forest import beside, frame, whisker
from equipoise.synthesis.network.threshold import POOLED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.threshold import Thresholds

MOST = 25
"""So many contrasts are drawn, the most sensitive ones."""


def threshold_forest(thresholds: Thresholds, ax: Axes | None = None, *, rows: Sequence[int] | None = None) -> Axes:
    """The most sensitive study contrasts, or direct comparisons: estimate, confidence interval, and a band in which the decision stays.

    Beside the band stands who is recommended beyond it. Orange: a limit lies within the confidence interval. ``rows``:
    positions in ``thresholds``; default: the 25 most sensitive ones.

    Raises ``DataError`` when there is nothing to show, ``MissingExtra`` without matplotlib.
    """
    chosen = list(rows) if rows is not None else [int(r) for r in thresholds.order()[:MOST]]
    if not chosen:
        raise DataError("no estimate could change the decision, so there is nothing to show")
    measure = thresholds.fit.measure
    half = float(ndtri(0.5 + thresholds.fit.level / 2)) * thresholds.standard_errors
    sensitive = thresholds.sensitive
    pooled = all(source == POOLED for source in thresholds.source)
    heading, what = ("Comparison", "direct comparisons") if pooled else ("Study and contrast", "study contrasts")
    names = [
        ("" if pooled else f"{thresholds.source[r]}: ") + f"{thresholds.treatment[r]} – {thresholds.comparator[r]}"
        for r in chosen
    ]
    beyond = [(thresholds.best_below[r] or "", thresholds.best_above[r] or "") for r in chosen]
    with style.drawing():
        size = style.SIZE - 0.5
        left = max(style.widest(names, size), style.width_of(heading, size, "bold")) + 14.0
        below = max(style.widest([b for b, _ in beyond], size), style.width_of("First if lower", size, "bold")) + 14.0
        above = max(style.widest([a for _, a in beyond], size), style.width_of("First if higher", size, "bold")) + 14.0
        line = 14.0
        ax = style.place(ax, left + below + 240.0 + above, line * len(chosen) + 84.0)
        style.inset(ax, left + below, above, 58.0, 26.0)
        estimates = thresholds.estimates[chosen]
        low, high = scale.limits(estimates, estimates - half[chosen], estimates + half[chosen])
        ax.set_ylim(len(chosen) - 0.4, -0.6)
        scale.effect_axis(ax, measure, low, high)
        frame(ax)
        ax.set_xlabel(f"{scale.name_of(measure)}{', pooled direct estimate' if pooled else ' in the study'}")
        beside(ax, heading, -1.1, -(left + below), weight="bold", size=size)
        beside(ax, "First if lower", -1.1, -8.0, ha="right", weight="bold", size=size)
        beside(ax, "First if higher", -1.1, 8.0, edge="right", weight="bold", size=size)
        for y, (r, name) in enumerate(zip(chosen, names, strict=True)):
            colour = style.WARM if sensitive[r] else style.ACCENT
            estimate = float(thresholds.estimates[r])
            stays = np.clip([estimate + thresholds.lower[r], estimate + thresholds.upper[r]], low, high)
            ax.fill_between(stays, y - 0.36, y + 0.36, color=colour, alpha=0.16, lw=0, zorder=1)
            whisker(ax, y, estimate - float(half[r]), estimate + float(half[r]), low, high, 1.2, colour)
            if low <= estimate <= high:
                ax.plot([estimate], [y], "s", ms=4.0, color=colour, mec="white", mew=0.5, zorder=4)
            beside(ax, name, y, -(left + below), size=size)
            beside(ax, beyond[y][0], y, -8.0, ha="right", size=size, colour=style.SOFT)
            beside(ax, beyond[y][1], y, 8.0, edge="right", size=size, colour=style.SOFT)
        rest = len(thresholds.source) - len(chosen)
        note = f"Band: the decision ({', '.join(thresholds.best)}) stays. Orange: a limit lies within the confidence interval."
        note += f"\nNot shown: {rest} {what} that are less sensitive." if rest and rows is None else ""
        ax.annotate(
            note, (0.0, 0.0), (-(left + below), -34.0), xycoords="axes fraction", textcoords="offset points", va="top",
            fontsize=6.5, color=style.SOFT, annotation_clip=False,
        )  # fmt: skip
    return ax
