"""The integral of a prior times a normal likelihood, for many likelihoods at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.bayes.priors import LOG_2PI, Normal, Prior

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_REACH = 9.0
"""How many standard deviations of the likelihood count."""
_FAR = np.array([-9.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 9.0])
_SHARES = np.array(
    [1e-12, 1e-8, 1e-5, 1e-3, 0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.98, 0.999, 1 - 1e-5, 1 - 1e-8]
)


def log_normal_product(prior: Prior, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """log ∫ p(μ) N(mean; μ, variance) dμ, elementwise.

    In closed form for a normal prior, else by Gauss–Legendre panels whose edges lie at multiples of the likelihood's
    standard deviation and at the prior's quantiles, so that the narrower of the two is resolved.
    """
    if isinstance(prior, Normal):
        total = variance + prior.sd**2
        return np.asarray(-0.5 * (LOG_2PI + np.log(total) + (mean - prior.mean) ** 2 / total))
    shape = mean.shape
    m, s = mean.reshape(-1, 1), np.sqrt(variance).reshape(-1, 1)
    low, high = prior.support
    # Where the likelihood lies beyond the support, what is left is its tail at the near end.
    near = np.clip(m, low, high)
    beyond = np.abs(near - m)
    tail = np.minimum(s, s**2 / np.maximum(beyond, 1e-300))
    edges = np.concatenate(
        [
            m + s * _FAR,
            near + np.sign(near - m) * tail * np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 36.0]),
            np.broadcast_to(prior.quantile(_SHARES), (len(m), len(_SHARES))),
        ],
        axis=1,
    )
    first = np.maximum(np.minimum(m - _REACH * s, near), low)
    last = np.minimum(np.maximum(m + _REACH * s, near), high)
    reach = near + np.sign(near - m) * tail * 36.0
    first, last = (
        np.where(beyond > 0, np.minimum(near, reach), first),
        np.where(beyond > 0, np.maximum(near, reach), last),
    )
    first, last = np.maximum(first, low), np.minimum(last, high)
    edges = np.sort(np.clip(edges, first, last), axis=1)
    edges = np.concatenate([first, edges, last], axis=1)
    half = 0.5 * np.diff(edges, axis=1)[:, :, None]
    mu = 0.5 * (edges[:, 1:] + edges[:, :-1])[:, :, None] + half * _NODES
    with np.errstate(divide="ignore"):
        log = prior.logpdf(mu) - 0.5 * ((mu - m[:, :, None]) / s[:, :, None]) ** 2
        log = np.where(half > 0, log + np.log(half * _WEIGHTS), -np.inf).reshape(len(m), -1)
    top = log.max(axis=1, keepdims=True)
    integral = top[:, 0] + np.log(np.exp(log - top).sum(axis=1))
    return np.asarray(integral - 0.5 * (LOG_2PI + 2.0 * np.log(s[:, 0]))).reshape(shape)
