"""Log-likelihoods of counts given their linear predictor, with two derivatives: binomial, Poisson, and the
non-central hypergeometric distribution of a two-by-two table with its margins fixed.

Each takes predictors η of shape (k, …), one row a study, and returns values of the same shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln

FloatArray = NDArray[np.float64]


class Terms(NamedTuple):
    """A log-likelihood and its first and second derivative in η."""

    value: FloatArray
    first: FloatArray
    second: FloatArray


class Family(Protocol):
    """A distribution of each study's counts."""

    def at(self, eta: FloatArray) -> Terms:
        """The log-likelihood at η (k, …)."""

    def saturated(self) -> FloatArray:
        """Its supremum for each study, (k,)."""


@dataclass(frozen=True, slots=True)
class Binomial:
    """x of n, on the logit scale."""

    x: FloatArray
    n: FloatArray

    def at(self, eta: FloatArray) -> Terms:
        x, n = _aligned(self.x, eta), _aligned(self.n, eta)
        p = expit(eta)
        constant = _aligned(_log_choose(self.n, self.x), eta)
        return Terms(constant + x * eta - n * np.logaddexp(0.0, eta), x - n * p, -n * p * (1 - p))

    def saturated(self) -> FloatArray:
        return np.asarray(_log_choose(self.n, self.x) + _xlogy(self.x, self.n) + _xlogy(self.n - self.x, self.n))


@dataclass(frozen=True, slots=True)
class Poisson:
    """x events in person-time t, on the log scale of the rate."""

    x: FloatArray
    time: FloatArray

    def at(self, eta: FloatArray) -> Terms:
        x = _aligned(self.x, eta)
        shifted = eta + _aligned(np.log(self.time), eta)
        mean = np.exp(shifted)
        return Terms(x * shifted - mean - _aligned(gammaln(self.x + 1), eta), x - mean, -mean)

    def saturated(self) -> FloatArray:
        return np.asarray(_xlogy(self.x, 1.0) - self.x - gammaln(self.x + 1))


@dataclass(frozen=True, slots=True)
class Offset:
    """A family whose predictor is shifted by a known amount for each study, (k,)."""

    family: Family
    offset: FloatArray

    def at(self, eta: FloatArray) -> Terms:
        return self.family.at(eta + _aligned(self.offset, eta))

    def saturated(self) -> FloatArray:
        return self.family.saturated()


_NEGLIGIBLE = 45.0  # e^-45 is nothing beside 1 in double precision, however many terms there are


@dataclass(frozen=True, slots=True)
class Hypergeometric:
    """Events in the treated group given both group sizes and all events, on the log odds ratio scale."""

    events1: FloatArray
    n1: FloatArray
    events2: FloatArray
    n2: FloatArray

    def at(self, eta: FloatArray) -> Terms:
        value, first, second = (np.empty_like(eta) for _ in range(3))
        for i in range(len(eta)):
            value[i], first[i], second[i] = self._study(i, eta[i])
        return Terms(value, first, second)

    def _study(self, i: int, eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        counts, weight = self._support(i)
        flat = eta.reshape(-1)
        # The terms are log-concave in the count and move with η: those that matter at the ends frame all others.
        ends = weight + counts * np.array([[flat.min()], [flat.max()]])
        matter = np.flatnonzero((ends > ends.max(axis=1, keepdims=True) - _NEGLIGIBLE).any(axis=0))
        window = slice(matter[0], matter[-1] + 1)
        counts, weight = counts[window], weight[window]
        terms = weight + flat[:, None] * counts
        top = terms.max(axis=1, keepdims=True)
        shares = np.exp(terms - top)
        total = shares.sum(axis=1)
        mean = shares @ counts / total
        spread = (shares * (counts - mean[:, None]) ** 2).sum(axis=1) / total
        observed = self.events1[i]
        own = _log_choose(self.n1[i], observed) + _log_choose(self.n2[i], self.events2[i])
        value = own + observed * flat - top[:, 0] - np.log(total)
        return value.reshape(eta.shape), (observed - mean).reshape(eta.shape), -spread.reshape(eta.shape)

    def _support(self, i: int) -> tuple[FloatArray, FloatArray]:
        n1, n2, events = self.n1[i], self.n2[i], self.events1[i] + self.events2[i]
        counts = np.arange(max(0.0, events - n2), min(n1, events) + 1)
        return counts, np.asarray(_log_choose(n1, counts) + _log_choose(n2, events - counts))

    def saturated(self) -> FloatArray:
        """At the edge of the support the likelihood rises to 1 as the odds ratio goes to 0 or infinity."""
        with np.errstate(divide="ignore"):
            c, b, d = self.events2, self.n1 - self.events1, self.n2 - self.events2
            inner = (self.events1 > 0) & (b > 0) & (c > 0) & (d > 0)
            eta = np.where(inner, np.log(self.events1) + np.log(d) - np.log(b) - np.log(c), 0.0)
        for _ in range(100):
            terms = self.at(eta)
            step = np.where(inner, terms.first / -terms.second, 0.0)
            eta = eta + np.clip(step, -1.0, 1.0)
            if np.abs(step).max(initial=0.0) < 1e-9:
                break
        return np.where(inner, self.at(eta).value, 0.0)


def _aligned(per_study: FloatArray, eta: FloatArray) -> FloatArray:
    return per_study.reshape(per_study.shape + (1,) * (eta.ndim - 1))


def _log_choose(n: FloatArray, x: FloatArray) -> FloatArray:
    return np.asarray(gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1))


def _xlogy(x: FloatArray, n: FloatArray | float) -> FloatArray:
    """x log(x/n), 0 at x = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 0, x * (np.log(x) - np.log(n)), 0.0)
