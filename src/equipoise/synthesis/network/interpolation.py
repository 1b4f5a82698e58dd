"""Functions of τ² known at a few points, read off anywhere between them.

Everything that generalised least squares makes of τ² is analytic where the variances d + τ² have a positive real
part. Its polynomial interpolant in Chebyshev points therefore converges geometrically, at a rate that the smallest d
fixes in advance (Trefethen 2013, Approximation Theory and Approximation Practice, theorem 8.2): many functions that
share their factorisations, one a study say, cost no more factorisations than the points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray

MOST = 60
"""Points beyond which interpolation doesn't pay."""

GROUPED = 16
"""Points that a group of places may need before it is divided."""


def chebyshev_points(low: float, high: float, smallest: float) -> FloatArray | None:
    """Points in [low, high], ends included, that fix such a function to rounding; None where too many are needed.

    ``smallest``: the smallest variance d, so that the function is analytic beyond −d.
    """
    if high <= low:
        return np.array([low])
    centre = 1.0 + 2.0 * (low + smallest) / (high - low)
    rate = np.log(centre + np.sqrt(centre**2 - 1.0))
    count = int(np.ceil(-np.log(np.finfo(float).eps) / rate)) + 1
    if count > MOST:
        return None
    around = np.cos(np.pi * np.arange(count, -1, -1) / count)
    points: FloatArray = low + (high - low) * (around + 1.0) / 2.0
    points[-1] = high
    return points


def interpolation_weights(points: FloatArray, at: FloatArray) -> FloatArray:
    """What each of the ``chebyshev_points`` counts at each place, shape (places, points), by the barycentric formula."""
    if len(points) == 1:
        return np.ones((len(at), 1))
    signs = (-1.0) ** np.arange(len(points))
    signs[[0, -1]] *= 0.5
    distance = at[:, None] - points
    exact = distance == 0
    terms = signs / np.where(exact, 1.0, distance)
    weights: FloatArray = terms / terms.sum(axis=1, keepdims=True)
    hit = exact.any(axis=1)
    weights[hit] = exact[hit]
    return weights


def share_points(places: FloatArray, smallest: float) -> list[tuple[NDArray[np.intp], FloatArray]]:
    """All ``places`` (≥ 0) in groups that share points: positions in ``places``, and the points of the group.

    A group of fewer places than points has the places themselves as points, one group each.
    """
    found: list[tuple[NDArray[np.intp], FloatArray]] = []
    order = np.argsort(places, kind="stable")
    waiting = [order] if len(order) else []
    while waiting:
        members = waiting.pop()
        low, high = float(places[members[0]]), float(places[members[-1]])
        points = chebyshev_points(low, high, smallest)
        if points is not None and (len(points) == 1 or len(points) <= min(GROUPED, len(members))):
            found.append((members, points))
        elif len(members) <= GROUPED // 2:
            found += [(members[i : i + 1], places[members[i : i + 1]]) for i in range(len(members))]
        else:
            between = np.sqrt((low + smallest) * (high + smallest)) - smallest
            cut = int(np.clip(np.searchsorted(places[members], between), 1, len(members) - 1))
            waiting += [members[:cut], members[cut:]]
    return found
