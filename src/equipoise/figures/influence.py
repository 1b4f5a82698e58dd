"""The influence panel: eight diagnostics of what each study does to the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from equipoise.figures import style
from equipoise.figures.text_extent import widest, wrap
from equipoise.synthesis.pairwise.influence import Influence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_LABEL = 2.6


def influence(result: Influence, *, ax: Axes | None = None) -> Axes:
    """The diagnostics as eight narrow panels, a row a study; influential studies are filled in vermillion.

    Dashed lines are the usual thresholds (Viechtbauer & Cheung 2010) or, for what the model has without any deletion
    (τ², Q, weight), its value with all studies or the mean. The panels are insets of the Axes that is returned (its
    ``child_axes``), in the order of `panels`. Raises ``MissingExtra`` without matplotlib.
    """
    k = len(result.studies)
    size = style.SIZE if k <= 40 else 8.0 if k <= 100 else 7.0
    row = 1.55 * size / 72
    label = min(widest(list(result.studies), size), LONGEST_LABEL * size / 9) + 0.05
    names = [wrap(name, label, size) for name in result.studies]
    tall = np.array([1.0 + 0.8 * name.count("\n") for name in names])
    middle = np.cumsum(tall) - tall / 2
    contents = panels(result)
    gap, width = 0.16, 0.92
    left, right, top, bottom = 0.24 + label, 0.25, 0.5, 0.42
    rows = float(tall.sum()) * row
    whole = (left + len(contents) * width + (len(contents) - 1) * gap + right, top + rows + bottom)
    own = ax is None
    ax = style.new_axes(*whole, ax, arranged=False)
    if own:
        ax.set_position((0, 0, 1, 1))
    ax.set_axis_off()
    for j, (title, values, lines) in enumerate(contents):
        x0 = left + j * (width + gap)
        place = (x0 / whole[0], bottom / whole[1], width / whole[0], rows / whole[1])
        panel = ax.inset_axes(place)
        style.plain(panel, size - 1)
        panel.set_ylim(float(tall.sum()), 0)
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
        panel.set_yticks(middle, names if j == 0 else [""] * k, fontproperties=style.font(size), linespacing=1.0)
        for text in panel.get_yticklabels():
            text.set_parse_math(False)
        _draw(panel, values, lines, middle, result.influential, size)
        panel.set_title(title, fontproperties=style.font(size, "bold"), color=style.INK, pad=6)
    return ax


def panels(result: Influence) -> list[tuple[str, NDArray[np.float64], list[float]]]:
    """Each panel's title, values and reference lines."""
    k, p = len(result.studies), len(result.names)
    fits = 3 * float(np.sqrt(p / max(k - p, 1)))
    return [
        ("Student. residual", result.studentised, [-1.96, 0.0, 1.96]),
        ("DFFITS", result.dffits, [-fits, 0.0, fits]),
        ("Cook’s distance", result.cooks_distance, [float(chdtri(p, 0.5))]),
        ("Cov. ratio", result.covariance_ratio, [1.0]),
        ("τ² without", result.tau2_deleted, [result.fit.tau2]),
        ("Q without", result.q_deleted, [result.fit.residual_test.statistic]),
        ("Hat", result.hat, [p / k, 3 * p / k]),
        ("Weight, %", result.weight, [100.0 / k]),
    ]


def _draw(
    panel: Axes, values: NDArray[np.float64], lines: list[float], middle: NDArray[np.float64],
    influential: NDArray[np.bool_], size: float,
) -> None:  # fmt: skip
    from matplotlib.ticker import MaxNLocator

    for line in lines:
        panel.axvline(line, color=style.RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    known = np.isfinite(values)
    panel.plot(values[known], middle[known], color=style.PALE, linewidth=0.8, zorder=1)
    for chosen, colour in ((known & ~influential, style.BLUE), (known & influential, style.VERMILLION)):
        panel.plot(
            values[chosen], middle[chosen], "o", color=colour, markersize=0.45 * size, markeredgewidth=0, zorder=2,
            clip_on=False,
        )  # fmt: skip
    far = max((abs(line) for line in lines), default=0.0)
    shown = [*values[known], *(line for line in lines if known.any() and far < 3 * np.abs(values[known]).max())]
    if shown and max(shown) > min(shown):
        room = 0.08 * (max(shown) - min(shown))
        panel.set_xlim(min(shown) - room, max(shown) + room)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
