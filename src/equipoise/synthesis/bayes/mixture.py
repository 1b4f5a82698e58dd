"""Mixtures of normal distributions: what a posterior is once τ is integrated by quadrature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.synthesis.bayes.quadrature import shortest_interval

FloatArray = NDArray[np.float64]

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """One quantity's distribution, or those of q quantities side by side.

    ``weights``: shape (J,), sum 1; ``means`` and ``sds``: shape (J,) or (J, q), analysis scale. Every method returns
    an array with the quantities' shape, () or (q,), after the shape of its argument.
    """

    weights: FloatArray
    means: FloatArray
    sds: FloatArray

    @property
    def mean(self) -> FloatArray:
        """The mean of each quantity."""
        return np.asarray(np.tensordot(self.weights, self.means, axes=1))

    @property
    def sd(self) -> FloatArray:
        """The standard deviation of each quantity."""
        deviations = self.means - self.mean
        return np.asarray(np.sqrt(np.tensordot(self.weights, self.sds**2 + deviations**2, axes=1)))

    def take(self, chosen: int | NDArray[np.intp]) -> NormalMixture:
        """The mixture of some of the quantities."""
        return NormalMixture(self.weights, self.means[:, chosen], self.sds[:, chosen])

    def pdf(self, x: ArrayLike) -> FloatArray:
        """The density at ``x``."""
        z, sds = self._standardised(x)
        return np.asarray(_reduce(self.weights, np.exp(-0.5 * z * z) / (sds * _ROOT_2PI), self.means.ndim))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """The probability of at most ``x``."""
        z, _ = self._standardised(x)
        return np.asarray(_reduce(self.weights, ndtr(z), self.means.ndim))

    def probability(self, low: float = -np.inf, high: float = np.inf) -> FloatArray:
        """The probability of lying between ``low`` and ``high``."""
        return np.asarray(np.maximum(self.cdf(high) - self.cdf(low), 0.0))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """The values below which shares ``p`` of the probability lie, shape of ``p`` then of the quantities.

        By Newton's method, kept inside a bracket that bisection shrinks.
        """
        p = np.asarray(p, dtype=float)
        if np.any(~((p >= 0) & (p <= 1))):
            raise DataError("a probability lies between 0 and 1")
        shape = p.shape + self.means.shape[1:]
        wanted = np.broadcast_to(p.reshape(p.shape + (1,) * (self.means.ndim - 1)), shape)
        z = ndtri(p).reshape((-1,) + (1,) * self.means.ndim)
        each = self.means + z * self.sds  # the components' quantiles enclose the mixture's
        low, high = each.min(axis=1).reshape(shape), each.max(axis=1).reshape(shape)
        mean, sd = self.mean, self.sd
        with np.errstate(invalid="ignore"):
            x = np.clip(mean + ndtri(wanted) * sd, low, high)
        finite = np.isfinite(x)
        for _ in range(100):
            probe = np.where(finite, x, 0.0)
            value, slope = self._cdf_pdf(probe)
            low = np.where(value < wanted, np.maximum(low, probe), low)
            high = np.where(value < wanted, high, np.minimum(high, probe))
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = (value - wanted) / slope
                new = probe - step
            outside = ~((new >= low) & (new <= high))
            new = np.where(outside, 0.5 * (low + high), new)
            moved = np.abs(new - probe)
            x = np.where(finite, new, x)
            if np.all(~finite | (moved <= 1e-14 * (np.abs(probe) + sd))):
                break
        return np.asarray(x)

    def interval(self, level: float = 0.95) -> FloatArray:
        """The interval between equal tails, shape (2,) then of the quantities."""
        if not 0 < level < 1:
            raise DataError(f"level = {level}: a probability between 0 and 1 is needed, such as 0.95")
        tail = (1.0 - level) / 2.0
        return self.quantile(np.array([tail, 1.0 - tail]))

    def shortest_interval(self, level: float = 0.95) -> FloatArray:
        """The shortest interval that holds ``level``, shape (2,) then of the quantities; one mode is presumed."""
        if self.means.ndim == 1:
            return np.array(shortest_interval(self.quantile, level))
        each = [shortest_interval(self.take(i).quantile, level) for i in range(self.means.shape[1])]
        return np.array(each).T

    @property
    def median(self) -> FloatArray:
        """The median of each quantity."""
        return self.quantile(0.5)

    def _standardised(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        x = np.asarray(x, dtype=float)
        values = x.reshape((1, *x.shape) + (1,) * (self.means.ndim - 1))
        place = (slice(None),) + (None,) * x.ndim
        sds = self.sds[place]
        return (values - self.means[place]) / sds, sds

    def _cdf_pdf(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both at ``x``, whose last axes are those of the quantities."""
        place = (slice(None),) + (None,) * (x.ndim - self.means.ndim + 1)
        sds = self.sds[place]
        z = (x - self.means[place]) / sds
        value = np.tensordot(self.weights, ndtr(z), axes=1)
        slope = np.tensordot(self.weights, np.exp(-0.5 * z * z) / (sds * _ROOT_2PI), axes=1)
        return np.asarray(value), np.asarray(slope)


def _reduce(weights: FloatArray, values: FloatArray, _: int) -> FloatArray:
    return np.asarray(np.tensordot(weights, values, axes=1))
