"""Importance sampling with randomised low-discrepancy points, and what says whether to trust it.

The shape parameter k̂ of the generalised Pareto distribution fitted to the largest weights (Zhang & Stephens 2009,
Technometrics 51:316) says how heavy their tail is; above 0.7 the estimates aren't to be trusted (Vehtari et al. 2024,
Journal of Machine Learning Research 25:72). The largest weights are replaced by that distribution's quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from equipoise.frames import FloatArray
from equipoise.synthesis.network.ranking import low_discrepancy

_NO_TAIL = 1e-3
"""The share of all weight that the largest ones' excess must have for their tail to matter."""
DOUBTFUL = 0.7
"""The k̂ above which results aren't to be trusted."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Weighted points.

    ``d``: (points, parameters); ``node``: (points,); ``weights``: (points,), sum 1; ``replicate``: (points,);
    ``log_mean``: the logarithm of the mean raw weight, which Laplace's method takes as 1; ``pareto``: k̂; ``effective``:
    effective sample size; ``surrogate``: the largest error seen of the polynomials in place of studies with many arms.
    """

    d: FloatArray
    node: NDArray[np.intp]
    weights: FloatArray
    replicate: NDArray[np.intp]
    log_mean: float
    pareto: float
    effective: float
    surrogate: float


def points(replicates: int, power: int, dimensions: int, seed: int) -> FloatArray:
    """Scrambled Sobol points, shape (replicates, 2^power, dimensions), every replicate scrambled by itself."""
    random = np.random.default_rng(seed)
    each = [low_discrepancy(power, dimensions, random) for _ in range(replicates)]
    return np.clip(np.stack(each), 1e-12, 1.0 - 1e-12)


def normal_points(uniform: FloatArray) -> FloatArray:
    """The same points with normal coordinates."""
    return np.asarray(ndtri(uniform))


def smooth_weights(log_weights: FloatArray) -> tuple[FloatArray, float]:
    """Pareto-smoothed weights with sum 1, and k̂.

    −∞ where what the largest weights have beyond the others is too little to matter, whatever its distribution.
    """
    n = len(log_weights)
    raw = log_weights - log_weights.max()
    tail = int(min(0.2 * n, 3.0 * np.sqrt(n)))
    weights = np.exp(raw)
    if tail < 5:
        return weights / weights.sum(), float("inf")
    order = np.argsort(raw)
    cutoff = np.exp(raw[order[-tail - 1]])
    largest = order[-tail:]
    excess = weights[largest] - cutoff
    if excess.sum() <= _NO_TAIL * weights.sum():
        return weights / weights.sum(), float("-inf")
    k, sigma = _pareto(np.maximum(excess, 1e-300))
    if np.isfinite(k):
        p = (np.arange(tail) + 0.5) / tail
        quantiles = -sigma * np.log1p(-p) if abs(k) < 1e-10 else sigma * np.expm1(-k * np.log1p(-p)) / k
        weights[largest] = np.minimum(cutoff + quantiles, 1.0)
    return weights / weights.sum(), float(k)


def _pareto(excess: FloatArray) -> tuple[float, float]:
    """k and σ of the generalised Pareto distribution of ascending ``excess`` (Zhang & Stephens 2009, section 4)."""
    n = len(excess)
    count = 30 + int(np.sqrt(n))
    quarter = excess[int(n / 4.0 + 0.5) - 1]
    theta = 1.0 / excess[-1] + (1.0 - np.sqrt(count / (np.arange(1, count + 1) - 0.5))) / (3.0 * quarter)
    k = np.log1p(-theta[:, None] * excess).mean(axis=1)
    log = n * (np.log(-theta / k) - k - 1.0)
    with np.errstate(over="ignore"):
        weight = 1.0 / np.exp(log - log[:, None]).sum(axis=1)
    best = float((weight * theta).sum() / weight.sum())
    shape = float(np.log1p(-best * excess).mean())
    # A weakly informative prior for k, worth ten observations at 0.5 (Vehtari et al. 2024, appendix).
    return shape * n / (n + 10.0) + 5.0 / (n + 10.0), -shape / best


def effective_size(weights: FloatArray) -> float:
    """1/Σw², of weights with sum 1."""
    return float(1.0 / (weights @ weights))
