"""The forest plot: every study's estimate and interval, the pooled effect, and what stands behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from equipoise.figures.forest_drawing import draw
from equipoise.figures.forest_rows import forest_rows
from equipoise.synthesis.bayes.pair import PairPosterior
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise.result import Pooled
from equipoise.synthesis.pairwise.subgroups import Subgroups

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def forest(
    result: Pooled | Subgroups | PairPosterior,
    effects: EffectSizes | None = None,
    *,
    groups: tuple[str, str] | None = None,
    favours: tuple[str, str] | None = None,
    sort: Literal["estimate", "weight"] | None = None,
    xlim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A forest plot, sized to the number of studies and the length of their names.

    Squares have areas proportional to the weights; intervals that the axis cuts off end in arrows; ratios are on a
    logarithmic axis with natural numbers. ``effects`` (the pooled `EffectSizes`) add each group's numbers and the
    studies without an estimate; ``groups`` names the treated and the comparator group. ``favours`` are the words for
    the lower and the higher side ("Favours vaccine", "Favours no vaccine"). ``sort`` orders the studies, else they
    stand as given. ``xlim`` are natural values. Of a posterior the diamond is the interval between equal tails. With ``ax``, everything is fitted into the area that it has.

    Raises ``DataError`` when ``effects`` don't belong to the result, ``MissingExtra`` without matplotlib.
    """
    return draw(forest_rows(result, effects, groups=groups, sort=sort), ax, favours, xlim)
