"""The comparison-adjusted funnel plot."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from equipoise.figures.network import scale, style
from equipoise.synthesis.network.tables import RATIO_MEASURES, p_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.small_study import ComparisonAdjusted

NAMED = len(style.CATEGORIES)
"""So many comparisons have a mark of their own; the others share a grey one."""


def network_funnel(result: ComparisonAdjusted, ax: Axes | None = None) -> Axes:
    """The comparison-adjusted funnel plot: study estimates minus their comparison's pooled one, by standard error.

    The comparisons with most studies have marks of their own. Dashed: where 95 % of the studies would lie without
    heterogeneity. The dotted line is Egger's regression.

    Raises ``MissingExtra`` without matplotlib.
    """
    measure = result.fit.measure
    pairs = [f"{a} : {b}" for a, b in zip(result.treatment, result.comparator, strict=True)]
    counts = Counter(pairs)
    named = sorted(counts, key=lambda pair: (-counts[pair], pair))
    shown = named if len(named) <= NAMED else named[: NAMED - 1]
    with style.drawing():
        legend_width = style.widest([*shown, "00 other comparisons"], 7.0) + 44.0
        ax = style.place(ax, 330.0 + legend_width, 310.0)
        style.inset(ax, 48.0, legend_width, 46.0, 12.0)
        deepest = 1.06 * float(result.standard_errors.max())
        spread = float(ndtri(0.975)) * deepest
        reach = 1.05 * max(
            float(np.abs(result.adjusted).max()), min(spread, 1.5 * float(np.abs(result.adjusted).max()))
        )
        scale.effect_axis(ax, measure, -reach, reach)
        ax.set_ylim(deepest, 0.0)
        ax.plot([-spread, 0.0, spread], [deepest, 0.0, deepest], color=style.SOFT, lw=0.8, ls=(0, (4, 3)), zorder=1)
        ax.axvline(0.0, color=style.SOFT, lw=0.8, zorder=1)
        egger = result.egger
        limit, bias = (float(egger.estimates[egger.names.index(name)]) for name in ("limit", "bias"))
        ax.plot([limit, limit + bias * deepest], [0.0, deepest], color=style.WARM, lw=1.0, ls=":", zorder=2)
        labels = np.array(pairs)
        for number, pair in enumerate(shown):
            chosen = labels == pair
            ax.plot(
                result.adjusted[chosen], result.standard_errors[chosen], style.MARKERS[number], ls="", ms=4.6,
                color=style.CATEGORIES[number], mec="white", mew=0.4, label=pair, zorder=4,
            )  # fmt: skip
        rest = ~np.isin(labels, shown)
        if rest.any():
            ax.plot(
                result.adjusted[rest], result.standard_errors[rest], "o", ls="", ms=3.4, mfc="#b9bec4", mec="#7d8893",
                mew=0.4, label=f"{len(named) - len(shown)} other comparisons", zorder=3,
            )  # fmt: skip
        for side in ("right", "top"):
            ax.spines[side].set_visible(False)
        name = scale.name_of(measure)
        kind = "Ratio to" if measure in RATIO_MEASURES else "Difference from"
        ax.set_xlabel(f"{kind} the comparison's pooled {name if name.isupper() else name[0].lower() + name[1:]}")
        ax.set_ylabel("Standard error")
        width, _ = style.size_of(ax)
        key = ax.legend(
            loc="upper left", bbox_to_anchor=(1.0 + 8.0 / width, 1.0), frameon=False, fontsize=7.0, borderaxespad=0.0,
            handletextpad=0.3, labelspacing=0.5,
        )  # fmt: skip
        key.set_zorder(5)
        t, p = (float(a[egger.names.index("bias")]) for a in (egger.statistics, egger.p))
        text = (
            f"Egger’s test:\nt = {scale.number_text(t)}, df = {egger.df:g},\np {'' if p < 1e-4 else '= '}{p_value(p)}"
        )
        ax.annotate(
            text, (1.0, 0.0), (14.0, 0.0), xycoords="axes fraction", textcoords="offset points", fontsize=7.0, va="bottom",
            color=style.SOFT, linespacing=1.35, annotation_clip=False,
        )  # fmt: skip
    return ax
