"""The L'Abbé plot: the risk in one group against the risk in the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.figures import style
from equipoise.figures.forest_rows import group_names
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise.result import Pooled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

CURVES: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "OR": lambda p, effect: p * np.exp(effect) / (1 - p + p * np.exp(effect)),
    "PETO": lambda p, effect: p * np.exp(effect) / (1 - p + p * np.exp(effect)),
    "RR": lambda p, effect: p * np.exp(effect),
    "IRR": lambda p, effect: p * np.exp(effect),
    "RD": lambda p, effect: p + effect,
    "IRD": lambda p, effect: p + effect,
    "AS": lambda p, effect: np.sin(np.clip(np.arcsin(np.sqrt(p)) + effect, 0, np.pi / 2)) ** 2,
    "IRSD": lambda p, effect: np.maximum(np.sqrt(p) + effect, 0) ** 2,
}
"""The treated group's risk (or rate) that a comparator group's has for an effect, by measure."""


def labbe(
    result: Pooled, effects: EffectSizes, *, groups: tuple[str, str] | None = None, ax: Axes | None = None
) -> Axes:
    """A L'Abbé plot (L'Abbé, Detsky & O'Rourke 1987, Annals of Internal Medicine 107:224).

    Each study's observed risk (or rate) in the treated group against that in the comparator group, bubbles by weight;
    studies without an estimate are crosses. The dashed line is no effect, the other the pooled effect.

    Raises ``DataError`` for measures that don't compare counts, ``MissingExtra`` without matplotlib.
    """
    if effects.measure not in CURVES or effects.arms is None:
        known = ", ".join(CURVES)
        raise DataError(f"a L'Abbé plot needs the events of two groups ({known}); the measure is {effects.measure}")
    ax = style.new_axes(6.8, 4.4, ax)
    columns = effects.arms.columns
    rate = "time1" in columns
    size = "time" if rate else "n"
    treated, compared = (columns[f"events{i}"] / columns[f"{size}{i}"] for i in ("1", "2"))
    share = np.full(len(effects.arms.studies), np.nan)
    share[effects.arms.estimated] = np.where(np.isfinite(result.weights), result.weights, 1.0)
    top = float(np.nanmax([treated, compared])) * 1.08
    top = top if rate else min(top, 1.0)
    top = top or 1.0

    line = np.linspace(0, top, 400)
    ax.plot(line, line, color=style.MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label="No effect")
    curve = CURVES[effects.measure](line, result.estimate)
    inside = (curve >= 0) & (curve <= top)
    ax.plot(line[inside], curve[inside], color=style.VERMILLION, linewidth=1.6, label=f"Pooled {effects.label}")
    known = np.isfinite(share)
    areas = 150 * share[known] / share[known].max() if known.any() else share[known]
    ax.scatter(
        compared[known], treated[known], s=np.maximum(areas, 8), facecolor=style.BLUE, alpha=0.55, edgecolor=style.INK,
        linewidth=0.5, zorder=3, clip_on=False, label="Study (area: weight)",
    )  # fmt: skip
    if (~known).any():
        ax.plot(
            compared[~known], treated[~known], "x", color=style.INK, markersize=5, zorder=3, clip_on=False,
            label="Study without an estimate",
        )  # fmt: skip
    style.plain(ax)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.set_aspect("equal", adjustable="box")
    names = groups or group_names(effects)
    what = "Rate" if rate else "Risk"
    style.label_axes(ax, f"{what}: {names[1]}", f"{what}: {names[0]}")
    style.legend(ax)
    return ax
