"""A smooth likelihood's maximum inside bounds, to full precision.

`score` climbs by bounded steps with a given information matrix and ends with Newton steps on the free parameters,
with the Hessian differenced from the analytic gradient, so that the answer doesn't depend on a stopping rule.
Parameters that rest on a bound are named in the result: their standard errors aren't defined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Objective = Callable[[FloatArray], tuple[float, FloatArray]]
Scored = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a log-likelihood is largest.

    ``x`` the parameters; ``value`` the log-likelihood; ``gradient`` and ``hessian`` its derivatives there;
    ``at_bound`` which parameters rest on a bound; ``converged`` whether the gradient of the others vanishes.
    """

    x: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    at_bound: NDArray[np.bool_]
    converged: bool

    def covariance(self) -> FloatArray:
        """Inverse observed information; NaN in the rows and columns of parameters on a bound."""
        size = len(self.x)
        covariance = np.full((size, size), np.nan)
        free = np.flatnonzero(~self.at_bound)
        if free.size and np.all(np.isfinite(self.hessian)):
            information = -self.hessian[np.ix_(free, free)]
            if np.linalg.eigvalsh(information).min() > 0:
                covariance[np.ix_(free, free)] = np.linalg.inv(information)
        return covariance


def score(
    objective: Scored,
    starts: Sequence[FloatArray],
    lower: FloatArray,
    upper: FloatArray,
    *,
    scale: FloatArray,
    sticky: NDArray[np.bool_] | None = None,
    tolerance: float = 1e-9,
) -> Optimum:
    """The best maximum reached from ``starts`` by scoring: steps of information⁻¹ gradient, damped until they climb.

    ``objective(x)`` returns the log-likelihood (−inf where it isn't defined), its gradient and a positive
    semidefinite approximation to the information. ``scale`` is the size that each parameter is of, so that units
    don't matter. ``sticky`` parameters have no slope at their lower bound 0 and would stay there once they touched
    it: they approach it by a factor of ten a step, until they are a millionth of what they started from.
    """

    def scaled(z: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, gradient, information = objective(z * scale)
        return value, gradient * scale, information * np.outer(scale, scale)

    def plain(z: FloatArray) -> tuple[float, FloatArray]:
        value, gradient, _ = scaled(z)
        return value, gradient

    low, high = lower / scale, upper / scale
    stuck = np.zeros(len(low), dtype=bool) if sticky is None else sticky
    tops = [_score_from(scaled, np.clip(start / scale, low, high), low, high, stuck) for start in starts]
    z, _ = max(tops, key=lambda top: top[1])
    found = polish(plain, z, low, high, tolerance)
    nearly = stuck & (found.x > low) & (np.abs(found.x) < 1e-5)
    if nearly.any():
        # Approached but never met: 0 itself is as likely.
        at_zero = polish(plain, np.where(nearly, 0.0, found.x), low, high, tolerance)
        found = at_zero if at_zero.value >= found.value - 1e-9 else found
    return Optimum(
        x=found.x * scale,
        value=found.value,
        gradient=found.gradient / scale,
        hessian=found.hessian / np.outer(scale, scale),
        at_bound=found.at_bound,
        converged=found.converged,
    )


def _score_from(
    objective: Scored, x: FloatArray, lower: FloatArray, upper: FloatArray, sticky: NDArray[np.bool_]
) -> tuple[FloatArray, float]:
    value, gradient, information = objective(x)
    near = 1e-6 * np.abs(x)
    damping = 0.0
    for _ in range(200):
        free = np.flatnonzero(~_at_bound(x, gradient, lower, upper))
        if not free.size or not np.isfinite(value):
            break
        inner = information[np.ix_(free, free)]
        scale = np.diag(inner)
        scale = np.where(scale > 0, scale, max(float(scale.max(initial=0.0)), 1e-300) * 1e-8)
        climbed = False
        for _ in range(60):
            step = np.linalg.lstsq(inner + damping * np.diag(scale), gradient[free], rcond=1e-14)[0]
            trial = x.copy()
            trial[free] = np.clip(x[free] + step, lower[free], upper[free])
            trial = np.where(sticky & (x > near) & (trial < 0.1 * x), 0.1 * x, trial)
            found = objective(trial)
            gain = float(gradient @ (trial - x))
            if found[0] >= value + 1e-4 * min(gain, 0.0) and found[0] > value - 1e-12 * (1 + abs(value)):
                climbed = True
                damping = damping / 10 if damping > 1e-6 else 0.0
                break
            damping = max(10 * damping, 1e-3)
        if not climbed:
            break
        change = float(np.max(np.abs(trial - x) / (np.abs(x) + 1e-6)))
        x, (value, gradient, information) = trial, found
        if abs(gain) < 1e-10 * (1 + abs(value)) and change < 1e-3:
            break
    return x, value


def polish(
    objective: Objective, x: FloatArray, lower: FloatArray, upper: FloatArray, tolerance: float = 1e-9
) -> Optimum:
    """Newton steps from ``x`` on the parameters that don't rest on a bound."""
    value, gradient = objective(x)
    hessian = difference_hessian(objective, x, lower, upper)
    drift = 0.0
    for _ in range(50):
        bound = _at_bound(x, gradient, lower, upper)
        free = np.flatnonzero(~bound)
        if not free.size:
            break
        step = _newton_step(hessian[np.ix_(free, free)], gradient[free])
        moved = False
        for fraction in (1.0, 0.5, 0.25, 0.1, 0.01):
            trial = x.copy()
            trial[free] = np.clip(x[free] + fraction * step, lower[free], upper[free])
            trial_value, trial_gradient = objective(trial)
            if trial_value >= value - 1e-13 * (1 + abs(value)):
                moved = True
                break
        if not moved:
            break
        change = float(np.max(np.abs(trial - x) / (np.abs(x) + 1e-4)))
        x, value, gradient = trial, trial_value, trial_gradient
        drift += change
        if change < 1e-11:
            break
        # Near the top an old Hessian still doubles the digits; a long step needs a new one.
        if change > 1e-3 or drift > 1e-2:
            hessian, drift = difference_hessian(objective, x, lower, upper), 0.0
    if drift > 1e-6:
        hessian = difference_hessian(objective, x, lower, upper)
    bound = _at_bound(x, gradient, lower, upper)
    free = np.flatnonzero(~bound)
    converged = bool(np.isfinite(value))
    if free.size and converged:
        # Newton's decrement: how much the log-likelihood could still rise.
        step = _newton_step(hessian[np.ix_(free, free)], gradient[free])
        converged = bool(abs(gradient[free] @ step) < tolerance * (1 + abs(value)))
    return Optimum(x, float(value), gradient, hessian, bound, converged)


def difference_hessian(
    objective: Objective, x: FloatArray, lower: FloatArray | None = None, upper: FloatArray | None = None
) -> FloatArray:
    """Hessian from Richardson-extrapolated central differences of the analytic gradient."""
    size = len(x)
    hessian = np.empty((size, size))
    low = np.full(size, -np.inf) if lower is None else lower
    high = np.full(size, np.inf) if upper is None else upper
    for index in range(size):
        h = 1e-3 * max(abs(x[index]), 1e-2)
        room = min(x[index] - low[index], high[index] - x[index])
        if room >= h * 1e-3:
            h = min(h, room)
            coarse, fine = (_central(objective, x, index, width) for width in (h, h / 2))
            hessian[index] = (4 * fine - coarse) / 3
        else:
            inward = 1.0 if x[index] - low[index] <= high[index] - x[index] else -1.0
            hessian[index] = _one_sided(objective, x, index, inward * h)
    return (hessian + hessian.T) / 2


def _central(objective: Objective, x: FloatArray, index: int, h: float) -> FloatArray:
    up, down = x.copy(), x.copy()
    up[index] += h
    down[index] -= h
    return (objective(up)[1] - objective(down)[1]) / (2 * h)


def _one_sided(objective: Objective, x: FloatArray, index: int, h: float) -> FloatArray:
    one, two = x.copy(), x.copy()
    one[index] += h
    two[index] += 2 * h
    return (-3 * objective(x)[1] + 4 * objective(one)[1] - objective(two)[1]) / (2 * h)


def _newton_step(hessian: FloatArray, gradient: FloatArray) -> FloatArray:
    """Ascent direction: Newton's where the surface is concave, steepest along the other eigenvectors."""
    values, vectors = np.linalg.eigh(-hessian)
    floor = max(1e-10 * float(np.abs(values).max(initial=0.0)), 1e-300)
    return np.asarray(vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), floor)))


def _at_bound(x: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> NDArray[np.bool_]:
    """Resting on a bound and pushed outwards (or not at all)."""
    return np.asarray(((x <= lower) & (gradient <= 0)) | ((x >= upper) & (gradient >= 0)))
