"""The forest plot of direct against indirect evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import scale, style
from equipoise.figures.network.forest import beside, frame, whisker
from equipoise.synthesis.network.tables import p_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.bayes.network_splitting import PosteriorSplit
    from equipoise.synthesis.network.splitting import Split

KINDS: tuple[Literal["direct", "indirect", "network"], ...] = ("direct", "indirect", "network")
_MARKS = {"direct": ("s", style.ACCENT), "indirect": ("D", style.WARM), "network": ("o", style.INK)}


def mixed_rows(split: Split | PosteriorSplit) -> list[int]:
    """The comparisons with direct and indirect evidence, the least consistent first."""
    rows = np.flatnonzero(split.mixed)
    return [int(rows[i]) for i in np.argsort(split.p[rows], kind="stable")]


def split_forest(split: Split | PosteriorSplit, ax: Axes | None = None, *, rows: Sequence[int] | None = None) -> Axes:
    """Direct, indirect and network estimates of each comparison, with the test of their difference.

    ``rows``: positions in ``split`` to show; default: all comparisons with both kinds of evidence, the least consistent
    first. The axis is that of all these comparisons, so that several pages of them compare.

    Raises ``DataError`` when there is nothing to show, ``MissingExtra`` without matplotlib.
    """
    chosen = list(rows) if rows is not None else mixed_rows(split)
    if not chosen:
        raise DataError("no comparison has both direct and indirect evidence, so there is nothing to split")
    whole = sorted({*chosen, *mixed_rows(split)})
    values = {kind: (getattr(split, kind), *split.limits(kind)) for kind in KINDS}
    digits = scale.digits_for(split.network_se)
    with style.drawing():
        heading = f"{split.measure} ({100 * split.level:g}% {scale.interval_words(split)[0]})"
        names = [f"{split.treatment[i]} vs {split.comparator[i]}" for i in chosen]
        texts = {
            (i, kind): _text(split.measure, [float(a[i]) for a in values[kind]], digits)
            for i in chosen
            for kind in KINDS
        }
        left = max(style.widest(names, weight="bold"), style.width_of("   Indirect")) + 16.0
        counts = 42.0
        right = max(style.widest(list(texts.values())), style.width_of(heading, weight="bold")) + 12.0
        tests = style.width_of("p (difference)", weight="bold") + 10.0
        line = 11.0
        ax = style.place(ax, left + counts + 220.0 + right + tests, line * 4.0 * len(chosen) + 62.0)
        style.inset(ax, left + counts, right + tests, 38.0, 24.0)
        estimates, lower, upper = (np.concatenate([values[kind][part][whole] for kind in KINDS]) for part in range(3))
        low, high = scale.limits(estimates, lower, upper)
        ax.set_ylim(4.0 * len(chosen) - 0.6, -1.0)
        scale.effect_axis(ax, split.measure, low, high)
        frame(ax)
        ax.set_xlabel(f"{scale.name_of(split.measure)}, first treatment against second")
        beside(ax, "Comparison", -2.0, -(left + counts), weight="bold")
        beside(ax, "Studies", -2.0, -8.0, ha="right", weight="bold")
        beside(ax, heading, -2.0, right, ha="right", edge="right", weight="bold")
        beside(ax, "p (difference)", -2.0, right + tests, ha="right", edge="right", weight="bold")
        for block, (i, name) in enumerate(zip(chosen, names, strict=True)):
            top = 4.0 * block
            beside(ax, name, top - 0.1, -(left + counts), weight="bold")
            beside(ax, p_value(float(split.p[i])), top - 0.1, right + tests, ha="right", edge="right")
            for step, kind in enumerate(KINDS, start=1):
                at = top + 0.75 * step
                estimate, lower_limit, upper_limit = (float(a[i]) for a in values[kind])
                if not np.isfinite(estimate):
                    continue
                mark, colour = _MARKS[kind]
                whisker(ax, at, lower_limit, upper_limit, low, high, 1.3, colour)
                if low <= estimate <= high:
                    ax.plot(
                        [estimate],
                        [at],
                        mark,
                        ms=4.4 if mark != "D" else 3.8,
                        color=colour,
                        mec="white",
                        mew=0.5,
                        zorder=4,
                    )
                beside(ax, kind.capitalize(), at, -(left + counts) + 8.0, colour=colour, size=style.SIZE - 0.5)
                beside(ax, texts[i, kind], at, right, ha="right", edge="right", size=style.SIZE - 0.5)
                if kind == "direct":
                    beside(ax, str(split.studies[i]), at, -8.0, ha="right", colour=style.SOFT, size=style.SIZE - 0.5)
    return ax


def _text(measure: str, values: Sequence[float], digits: int) -> str:
    estimate, lower, upper = values
    return scale.estimate_text(measure, estimate, lower, upper, digits)
