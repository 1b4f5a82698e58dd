"""The Baujat plot: which studies make for the heterogeneity, and which of them move the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.figures import style
from equipoise.figures.point_labels import name_points
from equipoise.synthesis.pairwise.baujat import Baujat

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def baujat(result: Baujat, *, named: int = 12, ax: Axes | None = None) -> Axes:
    """A Baujat plot (Baujat et al. 2002, Statistics in Medicine 21:2641).

    Each study's contribution to the heterogeneity against its influence on the pooled effect. The ``named`` studies
    furthest out are labelled, as far as there is room. Raises ``MissingExtra`` without matplotlib.
    """
    ax = style.new_axes(6.0, 4.4, ax)
    x, y = result.heterogeneity, result.influence
    ax.plot(
        x, y, "o", markersize=5.5 if len(x) <= 60 else 4.2, markerfacecolor=style.BLUE, markeredgecolor="white",
        markeredgewidth=0.5, zorder=3,
    )  # fmt: skip
    style.plain(ax)
    for low, high, set_limits in ((0.0, x.max(), ax.set_xlim), (0.0, y.max(), ax.set_ylim)):
        room = (high - low) or 1.0
        set_limits(low - 0.04 * room, high + 0.12 * room)
    style.label_axes(ax, "Squared Pearson residual (contribution to heterogeneity)", "Influence on the pooled effect")
    far = np.argsort(-np.hypot(x / (x.max() or 1.0), y / (y.max() or 1.0)), kind="stable")
    name_points(ax, x, y, result.studies, far.tolist(), named)
    return ax
