"""The distribution of a generalised Q: Σ λ χ²₁ with λ > 0, and the τ² that gives an observed Q a probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import NotConverged

FloatArray = NDArray[np.float64]

_U = 0.2 * np.arange(101)  # the integrand falls like exp(−u²/2), and the trapezoidal rule's error like exp(−2π/0.2)
_TRAPEZIUM = np.where(_U == 0, 0.5, 1.0) * 0.2 / np.pi


def weighted_chi2_tail(q: float, coefficients: FloatArray) -> float:
    """P(Σ λ χ²₁ > q) for positive λ (m,), to about 1e−12 whatever their number and however unequal they are.

    The Laplace transform Π(1 + 2λz)^−½ / z is inverted along a parabola through the saddle point of its product with
    exp(zq): for q below the mean the one right of the pole at 0, which gives the lower tail, else the one left of it
    (Helstrom 1996, IEEE Trans Aerosp Electron Syst 32:1200). The parabola has the curvature of steepest descent
    without the pole, and turns around the singularities, all of them on the negative axis.
    """
    if q <= 0:
        return 1.0
    upper = q > coefficients.sum()
    z0 = _saddle(q, coefficients, upper)
    pull = coefficients / (1.0 + 2.0 * coefficients * z0)
    second = 2.0 * (pull**2).sum()
    bend = -8.0 * (pull**3).sum() / (6.0 * second)
    second += 1.0 / z0**2
    y = _U / np.sqrt(second)
    z = z0 + 1j * y + bend * y**2
    exponent = z * q - 0.5 * np.log1p(2.0 * np.multiply.outer(z, coefficients)).sum(axis=-1)
    direction = (1.0 - 2j * bend * y) / np.sqrt(second)  # dz/(i du)
    tail = float(np.clip(abs((_TRAPEZIUM * np.exp(exponent) / z * direction).real.sum()), 0.0, 1.0))
    return tail if upper else 1.0 - tail


def _saddle(q: float, coefficients: FloatArray, left: bool) -> float:
    """Where 1/z + Σ λ/(1 + 2λz) = q, left or right of 0; by bisection, as a point near it serves as well."""
    if left:
        edge = -0.5 / float(coefficients.max())
        low, high = edge, 0.0
    else:
        low, high = 0.0, (1.0 + 0.5 * len(coefficients)) / q
    for _ in range(40):
        z = 0.5 * (low + high)
        if 1.0 / z + float((coefficients / (1.0 + 2.0 * coefficients * z)).sum()) > q:
            low = z
        else:
            high = z
    return 0.5 * (low + high)


def generalised_q_root(P: FloatArray, variances: FloatArray, q: float, upper_tail: float, p: int = 1) -> float:
    """The τ² ≥ 0 at which P(Q > q) is ``upper_tail``, Q = y′Py with var y = v + τ²; 0 when it is more already there.

    ``P`` (k, k) is that of stated weights, of rank k − ``p``. The probability rises with τ² (Jackson 2013,
    Biometrics).
    """
    from scipy.optimize import brentq

    values, vectors = np.linalg.eigh(P)
    root = vectors[:, p:] * np.sqrt(np.maximum(values[p:], 0.0))
    fixed, moving = root.T @ (variances[:, None] * root), np.diag(values[p:])

    def excess(tau2: float) -> float:
        return weighted_chi2_tail(q, np.maximum(np.linalg.eigvalsh(fixed + tau2 * moving), 0.0)) - upper_tail

    if excess(0.0) >= 0.0:
        return 0.0
    high = float(variances.mean())
    for _ in range(200):
        if excess(high) > 0.0:
            return float(brentq(excess, 0.0, high, xtol=1e-14 * high, rtol=1e-14))
        high *= 4.0
    raise NotConverged("no τ² makes the generalised Q as likely as asked; check the units of estimates and variances")
