"""The shortest interval that holds a given share of a distribution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]

_TAILS = 0.5 * (1.0 - np.cos(np.pi * np.arange(41) / 40.0))
"""Shares of 1 − level that are left out below, dense towards both ends."""


def shortest_interval(
    quantile: Callable[[ArrayLike], FloatArray], pdf: Callable[[ArrayLike], FloatArray], level: float
) -> tuple[float, float]:
    """The shortest interval of one quantity, also where its density has several modes.

    The densities at both ends are equal, unless the interval begins or ends where the distribution does.
    """
    if not 0 < level < 1:
        raise DataError(f"level = {level}: a probability between 0 and 1 is needed, such as 0.95")
    tails = _TAILS * (1.0 - level)

    def ends(p: ArrayLike) -> FloatArray:
        below = np.asarray(p, dtype=float)
        return quantile(np.stack([below, np.minimum(below + level, 1.0)]))

    def excess(p: float) -> float:
        densities = pdf(ends(p))
        return float(densities[0] - densities[1])

    low, high = ends(tails)
    with np.errstate(invalid="ignore"):
        lengths = np.where(np.isfinite(low) & np.isfinite(high), high - low, np.inf)
    found: list[tuple[float, float]] = []
    for i in map(int, np.flatnonzero(lengths <= lengths.min() * 1.02)):
        before, after = float(tails[max(i - 1, 0)]), float(tails[min(i + 1, len(tails) - 1)])
        if lengths[i] > min(lengths[max(i - 1, 0)], lengths[min(i + 1, len(tails) - 1)]):
            continue
        # An end at infinity has no density to compare; the nearest tail that has one does.
        before = before + 1e-12 * (after - before)
        after = after - 1e-12 * (after - before)
        if excess(before) < 0 < excess(after):
            a, b = ends(brentq(excess, before, after, xtol=1e-13, rtol=1e-11))
            found.append((float(a), float(b)))
        found.append((float(low[i]), float(high[i])))
    return min(found, key=lambda pair: pair[1] - pair[0])
