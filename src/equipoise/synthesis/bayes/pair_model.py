"""One comparison given τ: yᵢ ~ N(μ, vᵢ + τ²) with a prior of μ that is a mixture of normals.

Everything is in closed form (Röver 2020, J Stat Softw 93(6), §2.5–2.9), for all τ at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.bayes.effect_prior import NormalComponents
from equipoise.synthesis.bayes.priors import LOG_2PI

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class GivenTau:
    """What is known of μ at each τ (j,): components c of its conditional distribution.

    ``log_likelihood`` (j,): of τ, μ integrated over its prior; ``shares`` (j, c): the components' probabilities;
    ``means``, ``variances`` (j, c): of μ; ``weights`` (j, k): of the studies in the mean, the remainder to 1 being the
    prior's.
    """

    log_likelihood: FloatArray
    shares: FloatArray
    means: FloatArray
    variances: FloatArray
    weights: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PairModel:
    """Estimates ``y``, sampling variances ``v`` (k,) and the prior of μ."""

    y: FloatArray
    v: FloatArray
    prior: NormalComponents

    def log_likelihood(self, tau: FloatArray) -> FloatArray:
        """Of τ (j,), with μ integrated over its prior."""
        log, _, total, mean = self._pooled(tau)
        return log if self._flat else log + _log_sum(self._against_prior(total, mean))

    def given(self, tau: FloatArray) -> GivenTau:
        """The conditional distribution of μ at each τ (j,)."""
        log, w, total, mean = self._pooled(tau)
        if self._flat:
            one = np.ones((len(tau), 1))
            return GivenTau(log, one, mean[:, None], 1.0 / total[:, None], w / total[:, None])
        against = self._against_prior(total, mean)
        whole = _log_sum(against)
        shares = np.exp(against - whole[:, None])
        precision = total[:, None] + self.prior.precisions
        # Weighted towards the larger precision, so that nothing is lost when one of them is far larger.
        pull = self.prior.precisions / precision
        means = mean[:, None] + pull * (self.prior.means - mean[:, None])
        of_data = (shares * (1.0 - pull)).sum(axis=1)
        weights = w / total[:, None] * of_data[:, None]
        return GivenTau(log + whole, shares, means, 1.0 / precision, weights)

    def joint_log_likelihood(self, mu: FloatArray, tau: FloatArray) -> FloatArray:
        """Of μ and τ, arrays of one shape."""
        variance = self.v + np.asarray(tau)[..., None] ** 2
        deviation = self.y - np.asarray(mu)[..., None]
        return np.asarray(-0.5 * (LOG_2PI + np.log(variance) + deviation**2 / variance).sum(axis=-1))

    def _pooled(self, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The log-likelihood with μ integrated over the line, the weights (j, k), their sum and the weighted mean."""
        w = 1.0 / (self.v + tau[:, None] ** 2)
        total = w.sum(axis=1)
        mean = w @ self.y / total
        rss = (w * (self.y - mean[:, None]) ** 2).sum(axis=1)
        log = 0.5 * (np.log(w).sum(axis=1) - np.log(total) - rss - (len(self.y) - 1) * LOG_2PI)
        return log, w, total, mean

    def _against_prior(self, total: FloatArray, mean: FloatArray) -> FloatArray:
        """How the weighted mean fits each component of the prior (j, c), in logarithms."""
        # The variance of the mean about the prior's is 1/total + 1/precision.
        precision = 1.0 / (1.0 / total[:, None] + 1.0 / self.prior.precisions)
        z2 = precision * (mean[:, None] - self.prior.means) ** 2
        return np.asarray(self.prior.log_weights + 0.5 * (np.log(precision) - LOG_2PI - z2))

    @property
    def _flat(self) -> bool:
        return bool(self.prior.precisions[0] == 0.0)


def _log_sum(log: FloatArray) -> FloatArray:
    """log Σ exp along the last axis, without the overhead of scipy's."""
    top = log.max(axis=1)
    return np.asarray(top + np.log(np.exp(log - top[:, None]).sum(axis=1)))
