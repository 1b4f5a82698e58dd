"""Rankograms: the probability of every rank, a row of bars for each treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.figures.network import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.ranking import Ranking


SHARED = 12
"""Up to so many treatments all bars share a scale."""


def rankogram(ranking: Ranking, ax: Axes | None = None) -> Axes:
    """The rankograms, one above the other, the treatment with the largest P-score (SUCRA) on top.

    Bars: the probability of each rank (rank 1 is the best), on one scale up to 12 treatments, with more each row on its
    own; the line: the probability of that rank or a better one, from 0 to 1 at the row's full height. P-scores (SUCRA) stand on the right. The
    treatments of each subnetwork follow each other.

    Raises ``MissingExtra`` without matplotlib.
    """
    order = list(ranking.order)
    n = len(order)
    with style.drawing():
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle

        row = 26.0 if n <= 12 else 20.0 if n <= 24 else 17.0
        ranks = ranking.rank_probabilities.shape[1]
        left, right = style.widest(order) + 10.0, 46.0
        wide = min(max(18.0 * ranks, 180.0), 430.0)
        ax = style.place(ax, left + wide + right, row * n + 66.0)
        style.inset(ax, left, right, 46.0, 20.0)
        ax.set_xlim(0.4, ranks + 0.6)
        ax.set_ylim(n - 0.02, -0.25)
        probabilities = np.array([ranking.rank_probabilities[ranking.treatments.index(t)] for t in order])
        peaks = np.nan_to_num(probabilities).max(axis=1)
        tops = 0.84 / np.maximum(peaks if n > SHARED else np.full(n, peaks.max()), 1e-12)
        bars = []
        for number, name in enumerate(order):
            base = number + 0.88
            known = np.flatnonzero(np.isfinite(probabilities[number]))
            for rank in known.tolist():
                height = tops[number] * probabilities[number, rank]
                bars.append(Rectangle((rank + 0.62, base - height), 0.76, height))
            reached = np.cumsum(probabilities[number, known])
            ax.plot(known + 1, base - 0.84 * reached, color=style.WARM, lw=0.9, zorder=3)
            ax.plot([0.4, ranks + 0.6], [base, base], color=style.RULE, lw=0.6, zorder=1)
            score = ranking.p_scores[ranking.treatments.index(name)]
            ax.annotate(
                name, (0.0, base - 0.3), (-6.0, 0.0), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="right", va="center", gid=f"label-{len(ax.texts)}", annotation_clip=False,
            )  # fmt: skip
            ax.annotate(
                f"{score:.2f}", (1.0, base - 0.3), (right - 12.0, 0.0), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="center", annotation_clip=False,
            )  # fmt: skip
        ax.add_collection(PatchCollection(bars, facecolor=style.ACCENT, edgecolor="none", zorder=2))
        ax.annotate(
            ranking.score_name, (1.0, 1.0), (right - 12.0, 4.0), xycoords="axes fraction", textcoords="offset points", ha="right",
            va="bottom", fontweight="bold", annotation_clip=False,
        )  # fmt: skip
        for side in ("left", "right", "top"):
            ax.spines[side].set_visible(False)
        ax.set_yticks([])
        step = 1 if ranks <= 15 else 5
        ax.set_xticks([1, *range(step, ranks + 1, step)] if step > 1 else list(range(1, ranks + 1)))
        ax.set_xlabel("Rank (1: best)")
        ax.annotate(
            "Bars: probability of the rank" + (", each row on its own scale" if n > SHARED else "") + "; line: of that rank or a better one, 0 to 1", (0.5, 0.0), (0.0, -36.0),
            xycoords="axes fraction", textcoords="offset points", ha="center", va="top", fontsize=6.5, color=style.SOFT,
            annotation_clip=False,
        )  # fmt: skip
    return ax
