"""The distribution of a generalised Q: Σ λ χ²₁ with λ > 0, and the τ² that gives an observed Q a probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import NotConverged

FloatArray = NDArray[np.float64]

_NODES = 32
# Trefethen, Weideman & Schmelzer (2006), BIT 46:653: the cotangent contour, whose error falls like 3.89^−N.
_THETA = (2 * np.arange(_NODES) + 1) * np.pi / _NODES - np.pi
_THETA = _THETA[_THETA > 0]
_Z = _NODES * (0.5017 * _THETA / np.tan(0.6407 * _THETA) - 0.6122 + 0.2645j * _THETA)
_DZ = _NODES * (0.5017 / np.tan(0.6407 * _THETA) - 0.5017 * 0.6407 * _THETA / np.sin(0.6407 * _THETA) ** 2 + 0.2645j)
_WEIGHT = np.exp(_Z) * _DZ / (1j * _NODES)


def weighted_chi2_cdf(q: float, coefficients: FloatArray) -> float:
    """P(Σ λ χ²₁ ≤ q) for positive λ (m,), to about 1e−13.

    The Laplace transform Π(1 + 2λs)^−½ / s, whose singularities all lie on the negative axis, inverted along a
    contour around it: as good for coefficients that differ by twelve orders of magnitude as for equal ones.
    """
    if q <= 0:
        return 0.0
    s = _Z / q
    transform = np.exp(-0.5 * np.log1p(2.0 * np.multiply.outer(s, coefficients)).sum(axis=-1)) / s
    return float(np.clip(2.0 * (_WEIGHT * transform).real.sum() / q, 0.0, 1.0))


def generalised_q_root(P: FloatArray, variances: FloatArray, q: float, upper_tail: float) -> float:
    """The τ² ≥ 0 at which P(Q > q) is ``upper_tail``, Q = y′Py with var y = v + τ²; 0 when it is more already there.

    ``P`` (k, k) is that of stated weights. The probability rises with τ² (Jackson 2013, Biometrics).
    """
    from scipy.optimize import brentq

    values, vectors = np.linalg.eigh(P)
    kept = values > 1e-12 * values.max()
    root = vectors[:, kept] * np.sqrt(values[kept])
    fixed, moving = root.T @ (variances[:, None] * root), np.diag(values[kept])

    def excess(tau2: float) -> float:
        return 1.0 - weighted_chi2_cdf(q, np.linalg.eigvalsh(fixed + tau2 * moving)) - upper_tail

    if excess(0.0) >= 0.0:
        return 0.0
    high = float(variances.mean())
    for _ in range(200):
        if excess(high) > 0.0:
            return float(brentq(excess, 0.0, high, xtol=1e-14 * high, rtol=1e-14))
        high *= 4.0
    raise NotConverged("no τ² makes the generalised Q as likely as asked; check the units of estimates and variances")
