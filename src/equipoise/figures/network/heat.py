"""The net heat plot: which designs drive the inconsistency of which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import style
from equipoise.frames import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.heat import NetHeat

CLIP = 8.0
"""Changes of Q beyond this have the strongest colour, as in the plots of Krahn, Binder & König (2013)."""


MOST = 40
"""So many contrasts are drawn, those that contribute most to the inconsistency."""


def shown(heat: NetHeat) -> list[int]:
    """The rows drawn, those with much the same pattern side by side."""
    rows = np.flatnonzero(heat.informative)
    largest = np.argsort(-np.diag(heat.change)[rows], kind="stable")[:MOST]
    rows = rows[np.sort(largest)]
    if len(rows) < 3:
        return [int(i) for i in rows]
    from scipy.cluster.hierarchy import leaves_list, linkage

    pattern = np.nan_to_num(heat.change[np.ix_(rows, rows)])
    symmetric = np.clip(np.abs(pattern + pattern.T), 0.0, 2 * CLIP)
    return [int(rows[i]) for i in leaves_list(linkage(symmetric, "average"))]


def net_heat_plot(heat: NetHeat, ax: Axes | None = None) -> Axes:
    """The net heat plot (Krahn, Binder & König 2013).

    A row is a design's contrast; a grey square's area is the weight of the column's contrast in the row's network
    estimate. The colour is how much the row's inconsistency changes when the column's design is detached: orange where
    it falls (the column drives it), blue where it grows. Designs are grouped by likeness; of more than 40 contrasts
    those that contribute most to the inconsistency are shown.

    Raises ``DataError`` when no design contributes to inconsistency, ``MissingExtra`` without matplotlib.
    """
    rows = shown(heat)
    if not rows:
        raise DataError("no design can disagree with the others, so there is no net heat plot")
    n = len(rows)
    change, hat = heat.change[np.ix_(rows, rows)], heat.hat[np.ix_(rows, rows)]
    names = [_name(heat, i) for i in rows]
    rest = int(heat.informative.sum()) - n
    with style.drawing():
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        size = 7.5 if n <= 20 else 6.5
        cell = 17.0 if n <= 20 else 12.0
        left = style.widest(names, size) + 10.0
        side = max(cell * n, 90.0)
        caption = [
            "Row: the contrast explained; column: the design detached.",
            "Grey squares: weight in the row's network estimate.",
            *([f"Not shown: {rest} contrasts that contribute less to the inconsistency."] if rest else []),
        ]
        bar = max(62.0, style.widest(caption, 6.5) + 6.0 - side)
        ax = style.place(ax, left + side + bar, left + side + 34.0)
        style.inset(ax, left, bar, 34.0, left)
        ramp = LinearSegmentedColormap.from_list("heat", [style.COOL, "#ffffff", style.WARM])
        colours = ramp.with_extremes(bad="#f4f3ef")
        limit = min(max(float(np.nanmax(np.abs(np.nan_to_num(change)))), 1e-9), CLIP)
        image = ax.pcolormesh(
            np.arange(n + 1) - 0.5,
            np.arange(n + 1) - 0.5,
            np.ma.masked_invalid(change),
            cmap=colours,
            norm=Normalize(-limit, limit),
        )
        ax.set_ylim(n - 0.5, -0.5)
        _squares(ax, hat)
        ax.set_xticks(range(n), names, rotation=90, fontsize=size)
        ax.set_yticks(range(n), names, fontsize=size)
        ax.xaxis.tick_top()
        ax.tick_params(length=0, pad=3)
        for spine in ax.spines.values():
            spine.set_visible(False)
        scale = ax.inset_axes((1.0 + 14.0 / side, 0.0, 9.0 / side, min(1.0, 120.0 / side)))
        figure = ax.get_figure()
        assert figure is not None
        key = figure.colorbar(image, cax=scale)
        key.outline.set_visible(False)
        key.ax.tick_params(labelsize=6.5)
        key.ax.set_title("Change\nof Q", fontsize=6.5, color=style.SOFT, loc="left", pad=4)
        ax.annotate(
            "\n".join(caption), (0.0, 0.0), (0.0, -8.0), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=6.5,
            color=style.SOFT, annotation_clip=False,
        )  # fmt: skip
    return ax


def _name(heat: NetHeat, row: int) -> str:
    """The contrast, with the other arms of its design."""
    others = [t for t in heat.designs[row] if t not in (heat.treatment[row], heat.comparator[row])]
    return f"{heat.comparator[row]} : {heat.treatment[row]}" + (f" (with {', '.join(others)})" if others else "")


def _squares(ax: Axes, hat: FloatArray) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    sides = 0.92 * np.sqrt(np.clip(np.abs(hat), 0.0, 1.0))
    squares = [
        Rectangle((j - sides[i, j] / 2, i - sides[i, j] / 2), sides[i, j], sides[i, j])
        for i, j in np.argwhere(sides > 0.06).tolist()
    ]
    ax.add_collection(PatchCollection(squares, facecolor="#70767c", alpha=0.55, edgecolor="none"))
