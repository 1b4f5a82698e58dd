"""One-dimensional equations in τ², for one analysis or for a whole batch at once.

In a batch, the analyses that have converged are left out of further iterations, so that it costs little more than its
analyses need on average.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import NotConverged
from equipoise.synthesis.pairwise.projection import Model, Projection

FloatArray = NDArray[np.float64]
Score = Callable[[Projection], tuple[FloatArray, FloatArray, FloatArray, FloatArray]]
"""The two sides of a likelihood equation in τ², y′PPy = trace, and both derivatives."""
LogLikelihood = Callable[[Projection], FloatArray]

_LIMIT = 200
_SCAN = 16
_CLOSE = 1e-14
_STEP = 1e-10  # Newton's next step would be the square of it


def q_root(model: Model, target: FloatArray) -> FloatArray:
    """The τ² ≥ 0 at which y′P(τ²)y = target; NaN where it is below the target already at 0.

    1/(y′Py) is concave and increasing in τ² (y′Py = Σ z²/(λ + τ²)), so Newton's method on it climbs from 0 to the
    root without overshooting.
    """
    if model.k.ndim:
        return _q_root_batch(model, np.broadcast_to(np.asarray(target, dtype=float), model.k.shape))
    tau2, goal = 0.0, float(target)
    for iteration in range(_LIMIT):
        at = model.at(tau2)
        excess = float(at.q) / goal - 1.0
        if excess < 0.0 and iteration == 0:
            return np.asarray(np.nan)
        if excess <= _CLOSE:
            return np.asarray(tau2)
        tau2 += excess * float(at.q) / float(at.ypp)
    raise _stuck("generalised Q")


def _q_root_batch(model: Model, target: FloatArray) -> FloatArray:
    tau2 = np.zeros(len(target))
    below = model.at(tau2).q < target
    active = np.flatnonzero(~below)
    part, goal = model.take(active), target[active]
    for _ in range(_LIMIT):
        if not len(active):
            return np.where(below, np.nan, tau2)
        at = part.at(tau2[active])
        excess = at.q / goal - 1.0
        going = excess > _CLOSE
        tau2[active] += np.where(going, excess * at.q / at.ypp, 0.0)
        if not going.all():
            active, goal = active[going], goal[going]
            part = part.take(np.flatnonzero(going))
    raise _stuck("generalised Q")


def largest_maximum(model: Model, score: Score, log_likelihood: LogLikelihood, lost: int) -> FloatArray:
    """The τ² ≥ 0 with the largest likelihood; `lost` is the number of coefficients that it doesn't count.

    Beyond the upper bound of the scan the score is negative: y′PPy ≤ RSS/(τ² + min v)² and the trace is at least
    (k − lost)/(τ² + max v).
    """
    upper = _score_is_negative_beyond(model, lost)
    if model.k.ndim:
        return _largest_maximum_batch(model, score, log_likelihood, upper)
    top = float(upper)
    if not top > 0.0:
        return np.asarray(0.0)
    smallest = float(model.variances.min())
    points = smallest * np.expm1(np.linspace(0.0, np.log1p(top / smallest), _SCAN + 1))
    excess = _excess(score(model.at(points)))[0]
    starts = np.flatnonzero((excess[:-1] < 0.0) & (excess[1:] >= 0.0))
    found = [0.0] if excess[0] >= 0.0 else []
    for j in starts:
        found.append(_newton(model, score, points[j], points[j + 1], excess[j], excess[j + 1], smallest))
    if len(found) == 1:
        return np.asarray(found[0])
    candidates = np.array(found)
    return np.asarray(candidates[np.argmax(log_likelihood(model.at(candidates)))])


def _score_is_negative_beyond(model: Model, lost: int) -> FloatArray:
    smallest, largest = _extreme_variances(model)
    rss = model.equally().q
    df = model.k - lost
    return np.asarray((rss + np.sqrt(rss**2 + 4.0 * df * rss * (largest - smallest))) / (2.0 * df) - smallest)


def _excess(sides: tuple[FloatArray, FloatArray, FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """trace/y′PPy − 1, which has the opposite sign of the score and is nearly linear in τ², and its derivative."""
    ypp, trace, d_ypp, d_trace = sides
    ratio = trace / ypp
    return ratio - 1.0, (d_trace - ratio * d_ypp) / ypp


def _newton(
    model: Model, score: Score, low: float, high: float, at_low: float, at_high: float, smallest: float
) -> float:
    tau2 = low + (high - low) * at_low / (at_low - at_high)
    for _ in range(_LIMIT):
        excess, slope = (float(part) for part in _excess(score(model.at(tau2))))
        if excess < 0.0:
            low = tau2
        else:
            high = tau2
        newton = tau2 - excess / slope if slope > 0.0 else np.inf
        near = _STEP * (tau2 + smallest)
        if abs(newton - tau2) <= near:
            return newton
        tau2 = newton if low < newton < high else 0.5 * (low + high)
        if high - low <= near * _STEP:
            return tau2
    raise _stuck("likelihood")


def _largest_maximum_batch(model: Model, score: Score, log_likelihood: LogLikelihood, upper: FloatArray) -> FloatArray:
    tau2 = np.zeros(len(upper))
    rows = np.flatnonzero(upper > 0.0)
    if not len(rows):
        return tau2
    part = model.take(rows)
    smallest = _extreme_variances(part)[0]
    spacing = np.log1p(upper[rows] / smallest) / _SCAN

    before = np.zeros(len(rows))
    at_before = _excess(score(part.at(before)))[0]
    found: list[tuple[NDArray[np.intp], FloatArray]] = []
    maxima = (at_before >= 0.0).astype(int)
    for j in range(1, _SCAN + 1):
        point = smallest * np.expm1(j * spacing)
        excess = _excess(score(part.at(point)))[0]
        rises = np.flatnonzero((at_before < 0.0) & (excess >= 0.0))
        found.append((rises, np.stack([before, point, at_before, excess])[:, rises]))
        maxima[rises] += 1
        before, at_before = point, excess

    owner = np.concatenate([rises for rises, _ in found])
    bracket = np.concatenate([ends for _, ends in found], axis=1)
    value = _newton_batch(part.take(owner), score, bracket, smallest[owner])
    several = maxima[owner] > 1
    tau2[rows[owner[~several]]] = value[~several]
    if several.any():
        contested = np.flatnonzero(maxima > 1)
        best = np.full(len(rows), -np.inf)
        best[contested] = log_likelihood(part.take(contested).at(0.0))
        contenders = owner[several]
        heights = log_likelihood(part.take(contenders).at(value[several]))
        for row, height, candidate in zip(contenders, heights, value[several], strict=True):
            if height > best[row]:
                best[row], tau2[rows[row]] = height, candidate
    return tau2


def _newton_batch(model: Model, score: Score, bracket: FloatArray, smallest: FloatArray) -> FloatArray:
    low, high, at_low, at_high = bracket
    tau2 = low + (high - low) * at_low / (at_low - at_high)
    active = np.arange(len(tau2))
    for _ in range(_LIMIT):
        if not len(active):
            return np.asarray(tau2)
        now = tau2[active]
        excess, slope = _excess(score(model.at(now)))
        low[active] = np.where(excess < 0.0, now, low[active])
        high[active] = np.where(excess < 0.0, high[active], now)
        lower, upper = low[active], high[active]
        near = _STEP * (now + smallest[active])
        newton = now - excess / np.where(slope > 0.0, slope, np.nan)
        arrived = np.abs(newton - now) <= near
        inside = (newton > lower) & (newton < upper)
        tau2[active] = np.where(arrived | inside, newton, 0.5 * (lower + upper))
        going = ~arrived & (upper - lower > near * _STEP)
        if not going.all():
            active = active[going]
            model = model.take(np.flatnonzero(going))
    raise _stuck("likelihood")


def _extreme_variances(model: Model) -> tuple[FloatArray, FloatArray]:
    v, present = model.variances, model.present
    if present is None:
        return v.min(axis=-1), v.max(axis=-1)
    return np.where(present, v, np.inf).min(axis=-1), np.where(present, v, -np.inf).max(axis=-1)


def _stuck(equation: str) -> NotConverged:
    return NotConverged(
        f"the {equation} equation for τ² did not converge in {_LIMIT} iterations; look for an estimate or a variance "
        "in the wrong unit, or use a method with a closed form (DL, HE)"
    )
