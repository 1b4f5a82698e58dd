"""The forest plot of a component model: what each component adds to a treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import scale, style
from equipoise.figures.network.forest import ROW, beside, frame, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.components import ComponentFit


def component_forest(fit: ComponentFit, ax: Axes | None = None) -> Axes:
    """Every component (and interaction) with its confidence interval, the smallest effect first.

    The second column counts the treatments that have the component. Components that the data don't identify are listed
    below without an estimate. Raises ``DataError`` when none is identified, ``MissingExtra`` without matplotlib.
    """
    effects = fit.effects
    if not np.isfinite(effects.estimates).any():
        raise DataError("no component's effect is identified; name one that has no effect, inactive=")
    rows = np.argsort(effects.estimates, kind="stable").tolist()
    carried = fit.matrix.sum(axis=0)
    digits = scale.digits_for(effects.standard_errors)
    measure = fit.network.measure
    with style.drawing():
        labels = [effects.names[r] for r in rows]
        texts = [
            scale.estimate_text(measure, effects.estimates[r], effects.lower[r], effects.upper[r], digits)
            or "not identified"
            for r in rows
        ]
        heading = f"{measure} ({100 * effects.level:g}% CI)"
        left = max(style.widest(labels), style.width_of("Component", weight="bold")) + 14.0
        count = style.width_of("Treatments", weight="bold") + 6.0
        right = max(style.widest(texts), style.width_of(heading, weight="bold")) + 16.0
        ax = style.place(ax, left + count + 250.0 + right, ROW * len(rows) + 66.0)
        style.inset(ax, left + count, right, 40.0, 26.0)
        low, high = scale.limits(effects.estimates, effects.lower, effects.upper)
        ax.set_ylim(-len(rows) + 0.4, 0.6)
        scale.effect_axis(ax, measure, low, high)
        frame(ax)
        ax.set_xlabel(f"{scale.name_of(measure)} of adding the component", labelpad=4.0)
        for at, (row, text) in enumerate(zip(rows, texts, strict=True)):
            whisker(ax, -at, effects.lower[row], effects.upper[row], low, high, 2.4, style.ACCENT)
            if np.isfinite(effects.estimates[row]):
                ax.plot(
                    [effects.estimates[row]], [-at], "s", ms=5.0, color=style.ACCENT, mec="white", mew=0.7, zorder=4
                )
            beside(ax, labels[at], -at, -(left + count))
            beside(ax, f"{carried[row]:.0f}", -at, -8.0 - 0.5 * count, ha="center", colour=style.SOFT)
            beside(ax, text, -at, right, ha="right", edge="right")
        for text, offset, ha, edge in (
            ("Component", -(left + count), "left", "left"),
            ("Treatments", -8.0 - 0.5 * count, "center", "left"),
            (heading, right, "right", "right"),
        ):
            beside(ax, text, 1.0, offset, ha=ha, edge=edge, weight="bold")
    return ax
