"""The contribution matrix: how much each direct comparison contributes to each network estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import style
from equipoise.frames import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.contributions import Contributions

COLUMNS = 30
"""So many comparisons have a column of their own at most, those that contribute most; the others share the last."""
LEAST = 5.0
"""Comparisons that contribute less than this to every estimate, in per cent, share the last column, if there are many."""


def own_columns(matrix: FloatArray) -> list[int]:
    """The columns of a matrix of percentages that are shown by themselves, in their order.

    All that reach half a per cent if these are few; else those that reach 5 % anywhere, the largest 30 by their total.
    """
    largest = matrix.max(axis=0, initial=0.0)
    chosen = np.flatnonzero(largest >= 0.5)
    if len(chosen) > COLUMNS:
        chosen = np.flatnonzero(largest >= LEAST)
        order = np.argsort(-matrix[:, chosen].sum(axis=0), kind="stable")
        chosen = np.sort(chosen[order[:COLUMNS]])
    return [int(j) for j in chosen]


def contribution_matrix(contributions: Contributions, ax: Axes | None = None) -> Axes:
    """Contributions in per cent, a row a network estimate, a column a direct comparison.

    The darker, the larger; shares below half a per cent are left blank. Of many comparisons the 30 that contribute most
    have a column of their own; "others" adds up the rest, so that every row adds up to 100 %. Take
    ``fit.contributions(pairs=…)`` to show some estimates only.

    Raises ``DataError`` without any row, ``MissingExtra`` without matplotlib.
    """
    whole = 100.0 * contributions.matrix
    if not whole.size:
        raise DataError("there is no estimate to show contributions to")
    columns = own_columns(whole)
    matrix = whole[:, columns]
    rows = [f"{a} : {b}" for a, b in zip(contributions.treatment, contributions.comparator, strict=True)]
    heads = [f"{contributions.edge_treatment[j]} : {contributions.edge_comparator[j]}" for j in columns]
    rest = whole.shape[1] - len(columns)
    if rest:
        matrix = np.column_stack([matrix, whole.sum(axis=1) - matrix.sum(axis=1)])
        heads.append(f"{rest} others")
    note = f"Per cent of each row's estimate that rests on the column's direct comparison ({contributions.method})."
    with style.drawing():
        from matplotlib.colors import LinearSegmentedColormap

        size, cell, line = (7.0, 18.0, 13.0) if max(matrix.shape) > 15 else (7.5, 22.0, 15.0)
        left, top = style.widest(rows, size) + 10.0, style.widest(heads, size) + 10.0
        across = max(cell * len(heads), style.width_of(note, 6.5) - left + 4.0)
        ax = style.place(ax, left + across + 6.0, top + line * len(rows) + 20.0)
        style.inset(ax, left, 6.0 + across - cell * len(heads), 20.0, top)
        colours = LinearSegmentedColormap.from_list("contributions", ["#ffffff", "#9dbdd9", style.ACCENT])
        ax.pcolormesh(matrix, cmap=colours, vmin=0.0, vmax=100.0, edgecolors=style.FAINT, linewidth=0.5)
        for i, j in np.argwhere(matrix >= 0.5).tolist():
            value = float(matrix[i, j])
            ax.text(
                j + 0.5, i + 0.5, f"{value:.0f}", ha="center", va="center", fontsize=size - 0.5,
                color="white" if value > 55.0 else style.INK,
            )  # fmt: skip
        ax.set_ylim(len(rows), 0)
        ax.set_xticks(np.arange(len(heads)) + 0.5, heads, rotation=90, fontsize=size)
        ax.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=size)
        if rest:
            ax.axvline(len(columns), color=style.SOFT, lw=0.8)
            ax.get_xticklabels()[-1].set_fontstyle("italic")
        ax.xaxis.tick_top()
        ax.tick_params(length=0, pad=3)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.annotate(
            note, (0.0, 0.0), (-left + 4.0, -6.0), xycoords="axes fraction", textcoords="offset points", va="top",
            fontsize=6.5, color=style.SOFT, annotation_clip=False,
        )  # fmt: skip
    return ax
