"""What model averaging says of the effect and of selection by p-value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.figures import style
from equipoise.figures.effect_axis import effect_scale, set_effect_axis, straight
from equipoise.synthesis.bayes.averaging.distribution import Distribution
from equipoise.synthesis.bayes.averaging.result import ModelAverage
from equipoise.synthesis.measures.table import MEASURES

FloatArray = NDArray[np.float64]

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def averaged_effect(result: ModelAverage, *, xlim: tuple[float, float] | None = None, ax: Axes | None = None) -> Axes:
    """The posterior of the mean effect: over all models, with a spike at the null, and over those with an effect.

    Densities are per unit of the scale of pooling (that over all models integrates to the probability of an effect)
    and belong to the axis on the left; spikes are probabilities, on the axis on the right. ``xlim`` are the values on
    the axis.

    Raises ``MissingExtra`` without matplotlib.
    """
    own = ax is None
    ax = style.new_axes(6.6, 3.6, ax)
    row = MEASURES.get((result.measure or "").upper())
    shown = straight(effect_scale(result.measure, "Effect" if row is None else row.label, row.scale if row else None))
    averaged, conditional = result.mu, result.conditional.mu
    widest = averaged if conditional is None else conditional
    if xlim is None:
        ends = np.append(widest.quantile(np.array([0.002, 0.998])), [place for place, _ in averaged.spikes])
        low, high = float(ends.min()), float(ends.max())
        margin = 0.05 * (high - low) or 0.5
        low, high = low - margin, high + margin
    else:
        low, high = (float(x) for x in shown.position(np.array(xlim)))
    grid = np.linspace(low, high, 801)
    natural = shown.natural(grid)
    density = averaged.pdf(grid)
    ends_of_interval = averaged.interval(result.level)
    inside = (grid >= ends_of_interval[0]) & (grid <= ends_of_interval[1])
    tallest = 0.0
    if conditional is not None:
        ax.fill_between(
            natural, 0.0, density, where=inside.tolist(), facecolor=style.BLUE, alpha=0.18, edgecolor="none",
            label=f"{100 * result.level:g}% credible interval\n(all models)",
        )  # fmt: skip
        ax.plot(natural, density, color=style.BLUE, linewidth=1.8, label="Density, all models")
        given = conditional.pdf(grid)
        ax.plot(
            natural, given, color=style.ORANGE, linewidth=1.4, linestyle=(0, (4, 2)), label="Density, models\nwith an effect"
        )  # fmt: skip
        tallest = float(max(density.max(), given.max()))
    style.plain(ax)
    set_effect_axis(ax, shown, float(natural[0]), float(natural[-1]), 3.8, style.SIZE)
    ax.set_ylim(0.0, 1.12 * tallest if tallest else 1.0)
    style.label_axes(ax, shown.title, "Density")
    if averaged.spikes:
        _spikes(ax, averaged, shown.natural(np.array([place for place, _ in averaged.spikes])))
    if own:
        # Beyond the axis of probabilities.
        style.legend(ax, bbox_to_anchor=(1.16, 1.0))
    else:
        style.legend(ax, loc="upper right", bbox_to_anchor=(1.0, 1.0))
    return ax


def _spikes(ax: Axes, averaged: Distribution, places: FloatArray) -> None:
    """Probabilities of single values, with their own axis on the right."""
    right = ax.twinx()
    for place, (_, probability) in zip(places, averaged.spikes, strict=True):
        right.plot([place, place], [0.0, probability], color=style.VERMILLION, linewidth=2.6, solid_capstyle="butt")
        right.plot([place], [probability], marker="o", markersize=5.0, color=style.VERMILLION, clip_on=False)
    ax.plot(
        [], [], color=style.VERMILLION, linewidth=2.6, marker="o", markersize=5.0, label="Probability of\nno effect"
    )
    right.set_ylim(0.0, 1.0)
    style.plain(right)
    right.spines["right"].set(visible=True, color=style.VERMILLION, linewidth=0.8)
    right.spines["left"].set_visible(False)
    right.tick_params(axis="y", color=style.VERMILLION)
    right.set_ylabel("Probability", fontproperties=style.font(), color=style.INK, labelpad=5)


def averaged_weights(result: ModelAverage, *, conditional: bool = False, ax: Axes | None = None) -> Axes:
    """The relative probability of publication by one-sided p-value: posterior mean and interval between equal tails.

    Averaged over all models, or over those with selection by p-value (``conditional``). The intervals of p-values,
    in the direction that selection favours, are drawn equally wide, since the first ones are narrow.

    Raises ``DataError`` where no model has selection by p-value, ``MissingExtra`` without matplotlib.
    """
    intervals, weights = result.weight_function(conditional)
    if not intervals:
        raise DataError("no model has selection by p-value: there are no weights to draw")
    ax = style.new_axes(6.4, 3.4, ax)
    edges = np.arange(len(intervals) + 1)
    mean, low, high = (np.append(column, column[-1]) for column in weights.T)
    ax.fill_between(
        edges, low, high, step="post", facecolor=style.BLUE, alpha=0.18, edgecolor="none",
        label=f"{100 * result.level:g}% credible interval",
    )  # fmt: skip
    ax.step(edges, mean, where="post", color=style.BLUE, linewidth=1.8, label="Posterior mean")
    style.plain(ax)
    ax.set_xlim(0.0, float(edges[-1]))
    ax.set_ylim(0.0, 1.05)
    ends = [interval[0] for interval in intervals] + [intervals[-1][1]]
    ax.set_xticks(edges, [f"{end:g}" for end in ends])
    over = "models with selection" if conditional else "all models"
    style.label_axes(ax, "One-sided p-value", f"Relative probability of publication\n({over})")
    style.legend(ax)
    return ax
