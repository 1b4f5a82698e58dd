"""The maximum of many likelihoods of τ² that share a network, one without each of some studies say.

Most have their maximum near that of the network. The root of the slope there is read off an interpolant in points of
τ² that all of them share (see `interpolation`), and taken if no point of a wide grid is higher. For the others the
grid is made finer, and the same is done around its highest point.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import Solution, System, solve
from equipoise.synthesis.network.heterogeneity import Tau2Method, likelihood_grid
from equipoise.synthesis.network.interpolation import chebyshev_points, interpolation_weights
from equipoise.synthesis.network.projection import Projection, WithoutStudy, projection

NEAR = 1.3
"""τ² is first sought within this factor of τ² with all studies."""

WIDE = slice(1, None, 3)
"""The points of the grid that a maximum near that of the network must not be lower than."""

Likelihoods = Callable[[IntArray], Callable[[Projection], WithoutStudy]]
"""For some of the likelihoods, by number: their values at a projection's τ²."""


def search_tau2(
    system: System,
    common: Solution,
    method: Tau2Method,
    whole: float,
    df: IntArray,
    likelihoods: Likelihoods,
    refit: Callable[[int], float],
) -> FloatArray:
    """τ² by ``method`` where each likelihood is highest, shape (k,); 0 without degrees of freedom, ``df``, shape (k,).

    ``common``: the network's fit at τ² = 0; ``whole``: its τ²; ``refit``: τ² by number, from a fit of its own, for
    what can't be interpolated.
    """
    tau2 = np.zeros(len(df))
    sought = np.flatnonzero(df > 0)
    if not len(sought):
        return tau2
    every = likelihoods(sought)
    at_zero = every(projection(system, common))
    if method == "DL":
        tau2[sought] = np.maximum(0.0, (at_zero.q - df[sought]) / at_zero.trace)
        return tau2
    at = cache(lambda t: projection(system, solve(system, t)))
    grid = likelihood_grid(system, common)
    tau2[sought], left = _near(whole, at, every, at_zero, grid[WIDE], smallest_variance(system))
    sought = sought[left]
    if not len(sought):
        return tau2
    every = likelihoods(sought)
    best = np.array([every(at(t)).height for t in grid.tolist()]).argmax(axis=0)
    left = ~((best == 0) & (at_zero.slope[left] <= 0))
    for peak in np.unique(best[left & (best + 1 < len(grid))]).tolist():
        members = np.flatnonzero(left & (best == peak))
        low, high = float(grid[max(peak - 1, 0)]), float(grid[peak + 1])
        points = chebyshev_points(low, high, smallest_variance(system)) if len(members) > 2 else None
        if points is None:
            continue
        some = likelihoods(sought[members])
        slopes = np.array([some(at(t)).slope for t in points.tolist()])
        turning = (slopes[0] > 0) & (slopes[-1] < 0)
        tau2[sought[members[turning]]] = _root(points, slopes[:, turning])
        left[members[turning]] = False
    for number in sought[left].tolist():
        tau2[number] = refit(number)
    return tau2


def _near(
    whole: float,
    at: Callable[[float], Projection],
    every: Callable[[Projection], WithoutStudy],
    at_zero: WithoutStudy,
    wide: FloatArray,
    smallest: float,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The maxima near ``whole``, shape (k,), and for which likelihoods there is none as high as on the ``wide`` grid."""
    k = len(at_zero.height)
    found, height = np.zeros(k), at_zero.height
    there = at_zero.slope <= 0
    if whole > 0:
        points = chebyshev_points(whole / NEAR, whole * NEAR, smallest)
        if points is None:
            return found, np.ones(k, dtype=bool)
        values = [every(at(t)) for t in points.tolist()]
        slopes = np.array([v.slope for v in values])
        there = (slopes[0] > 0) & (slopes[-1] < 0)
        found[there] = _root(points, slopes[:, there])
        height = (interpolation_weights(points, found) * np.array([v.height for v in values]).T).sum(axis=1)
    highest = np.array([every(at(t)).height for t in wide.tolist()]).max(axis=0)
    left = ~(there & (height >= highest))
    return np.where(left, 0.0, found), left


def smallest_variance(system: System) -> float:
    """The smallest variance d, which limits how far functions of τ² are analytic."""
    return min(float(block.variances.min()) for block in system.rotated)


def _root(points: FloatArray, slopes: FloatArray) -> FloatArray:
    """Where each column of ``slopes``, shape (points, k), positive at the first point and negative at the last, is 0."""
    low = np.full(slopes.shape[1], points[0])
    high = np.full(slopes.shape[1], points[-1])
    for _ in range(60):
        middle = (low + high) / 2.0
        rising = (interpolation_weights(points, middle) * slopes.T).sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    root: FloatArray = (low + high) / 2.0
    return root
