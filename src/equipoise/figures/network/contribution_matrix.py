"""The contribution matrix: how much each direct comparison contributes to each network estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.contributions import Contributions


def contribution_matrix(contributions: Contributions, ax: Axes | None = None) -> Axes:
    """Contributions in per cent, a row a network estimate, a column a direct comparison.

    The darker, the larger; shares below half a per cent are left blank, and comparisons that nowhere reach it are left
    out. Take ``fit.contributions(pairs=…)`` to show some estimates only.

    Raises ``DataError`` without any row, ``MissingExtra`` without matplotlib.
    """
    matrix = 100.0 * contributions.matrix
    if not matrix.size:
        raise DataError("there is no estimate to show contributions to")
    columns = np.flatnonzero(matrix.max(axis=0) >= 0.5)
    matrix = matrix[:, columns]
    rows = [f"{a} : {b}" for a, b in zip(contributions.treatment, contributions.comparator, strict=True)]
    heads = [f"{contributions.edge_treatment[j]} : {contributions.edge_comparator[j]}" for j in columns]
    with style.drawing():
        from matplotlib.colors import LinearSegmentedColormap

        small = max(matrix.shape) > 30
        size = 6.0 if small else 7.5
        cell, line = (14.0, 10.5) if small else (22.0, 15.0)
        left, top = style.widest(rows, size) + 8.0, style.widest(heads, size) + 8.0
        ax = style.place(ax, left + cell * len(heads) + 6.0, top + line * len(rows) + 20.0)
        style.inset(ax, left, 6.0, 20.0, top)
        colours = LinearSegmentedColormap.from_list("contributions", ["#ffffff", "#9dbdd9", style.ACCENT])
        ax.imshow(matrix, cmap=colours, vmin=0.0, vmax=100.0, aspect="auto", interpolation="nearest")
        for i, j in np.argwhere(matrix >= 0.5).tolist():
            value = float(matrix[i, j])
            ax.text(
                j, i, f"{value:.0f}", ha="center", va="center", fontsize=size - 0.7,
                color="white" if value > 55.0 else style.INK,
            )  # fmt: skip
        ax.set_xticks(range(len(heads)), heads, rotation=90, fontsize=size)
        ax.set_yticks(range(len(rows)), rows, fontsize=size)
        ax.xaxis.tick_top()
        ax.tick_params(length=0, pad=3)
        ax.set_xticks(np.arange(len(heads) + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
        ax.grid(which="minor", color=style.FAINT, lw=0.5)
        ax.tick_params(which="minor", length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.annotate(
            f"Per cent of each row's estimate that rests on the column's direct comparison ({contributions.method}).",
            (0.0, 0.0), (-left + 4.0, -6.0), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=6.5,
            color=style.SOFT, annotation_clip=False,
        )  # fmt: skip
    return ax
