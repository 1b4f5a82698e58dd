"""The τ² at which a generalised Q has a given value, for one analysis or for a whole batch at once.

In a batch, the analyses that have converged are left out of further iterations, so that it costs little more than its
analyses need on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import NotConverged
from equipoise.synthesis.pairwise.projection import Model

FloatArray = NDArray[np.float64]

LIMIT = 200
_CLOSE = 1e-14


def q_root(model: Model, target: FloatArray) -> FloatArray:
    """The τ² ≥ 0 at which y′P(τ²)y = target; NaN where it is below the target already at 0.

    1/(y′Py) is concave and increasing in τ² (y′Py = Σ z²/(λ + τ²)), so Newton's method on it climbs from 0 to the
    root without overshooting.
    """
    if model.many:
        return _q_root_batch(model, target)
    tau2, goal = 0.0, float(target)
    for iteration in range(LIMIT):
        at = model.at(tau2)
        q = float(at.q)
        excess = q / goal - 1.0
        if excess < 0.0 and iteration == 0:
            return np.asarray(np.nan)
        if excess <= _CLOSE:
            return np.asarray(tau2)
        tau2 += excess * q / float(at.ypp)
    raise stuck("generalised Q")


def _q_root_batch(model: Model, target: FloatArray) -> FloatArray:
    at0 = model.at(0.0)
    below = at0.q < target
    tau2 = np.zeros(len(below))
    active = np.flatnonzero(~below)
    part, goal = model.take(active), np.broadcast_to(target, below.shape)[active]
    for _ in range(LIMIT):
        if not len(active):
            return np.where(below, np.nan, tau2)
        at = part.at(tau2[active])
        excess = at.q / goal - 1.0
        going = excess > _CLOSE
        tau2[active] += np.where(going, excess * at.q / at.ypp, 0.0)
        if not going.all():
            active, goal = active[going], goal[going]
            part = part.take(np.flatnonzero(going))
    raise stuck("generalised Q")


def stuck(equation: str) -> NotConverged:
    """The error of an equation that wasn't solved."""
    return NotConverged(
        f"the {equation} equation for τ² did not converge in {LIMIT} iterations; look for an estimate or a variance "
        "in the wrong unit, or use a method with a closed form (DL, HE)"
    )
