"""Mixtures of normal distributions: what a posterior is once τ is integrated by quadrature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.synthesis.bayes.shortest import shortest_interval

FloatArray = NDArray[np.float64]

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """One quantity's distribution, or those of q quantities side by side.

    ``weights``: shape (J,), or (J, q) where every quantity has its own, sum 1; ``means`` and ``sds``: shape (J,) or
    (J, q), analysis scale. Every method returns an array with the quantities' shape, () or (q,), after the shape of its argument. ``tail``: moments of this order
    and above don't exist (sds without bound, see ``TauPosterior``).
    """

    weights: FloatArray
    means: FloatArray
    sds: FloatArray
    tail: float = np.inf

    @property
    def mean(self) -> FloatArray:
        """The mean of each quantity; NaN where it doesn't exist."""
        centre = self._centre()
        return centre if self.tail > 1.0 else np.full_like(centre, np.nan)

    @property
    def sd(self) -> FloatArray:
        """The standard deviation of each quantity; infinite where the tails are too heavy."""
        spread = self._spread()
        return spread if self.tail > 2.0 else np.full_like(spread, np.inf)

    def _centre(self) -> FloatArray:
        return self._average(self.means)

    def _spread(self) -> FloatArray:
        deviations = self.means - self._centre()
        return np.sqrt(self._average(self.sds**2 + deviations**2))

    def _average(self, values: FloatArray) -> FloatArray:
        """The weighted sum over components, the first axis; the last ones are the quantities'."""
        if self.weights.ndim == 1:
            return np.asarray((self.weights @ values.reshape(len(values), -1)).reshape(values.shape[1:]))
        return np.asarray(np.einsum("jq,j...q->...q", self.weights, values))

    def take(self, chosen: int | NDArray[np.intp]) -> NormalMixture:
        """The mixture of some of the quantities."""
        weights = self.weights if self.weights.ndim == 1 else self.weights[:, chosen]
        return NormalMixture(weights, self.means[:, chosen], self.sds[:, chosen], self.tail)

    def pdf(self, x: ArrayLike) -> FloatArray:
        """The density at ``x``."""
        z, sds = self._components(self._each(x))
        return self._average(np.exp(-0.5 * z * z) / (sds * _ROOT_2PI))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """The probability of at most ``x``."""
        z, _ = self._components(self._each(x))
        # Importance sampling leaves some components weights a little below 0.
        return np.clip(self._average(ndtr(z)), 0.0, 1.0)

    def probability(self, low: float = -np.inf, high: float = np.inf) -> FloatArray:
        """The probability of lying between ``low`` and ``high``."""
        return np.asarray(np.maximum(self.cdf(high) - self.cdf(low), 0.0))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """The values below which shares ``p`` of the probability lie, shape of ``p`` then of the quantities.

        By Halley's method, kept inside a bracket that bisection shrinks.
        """
        p = np.asarray(p, dtype=float)
        if np.any(~((p >= 0) & (p <= 1))):
            raise DataError("a probability lies between 0 and 1")
        shape = p.shape + self.means.shape[1:]
        wanted = np.broadcast_to(p.reshape(p.shape + (1,) * (self.means.ndim - 1)), shape)
        z = ndtri(p).reshape((-1,) + (1,) * self.means.ndim)
        each = self.means + z * self.sds  # the components' quantiles enclose the mixture's
        low, high = each.min(axis=1).reshape(shape), each.max(axis=1).reshape(shape)
        mean, sd, finest = self._centre(), self._spread(), self.sds.min(axis=0)
        with np.errstate(invalid="ignore"):
            x = np.clip(mean + ndtri(wanted) * sd, low, high)
        finite = np.isfinite(x)
        for _ in range(100):
            probe = np.where(finite, x, 0.0)
            value, slope, bend = self._cdf_pdf_slope(probe)
            low = np.where(value < wanted, np.maximum(low, probe), low)
            high = np.where(value < wanted, high, np.minimum(high, probe))
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = (value - wanted) / slope
                new = probe - step / np.clip(1.0 - 0.5 * step * bend / slope, 0.5, 2.0)
            outside = ~((new >= low) & (new <= high))
            new = np.where(outside, 0.5 * (low + high), new)
            moved = np.abs(new - probe)
            x = np.where(finite, new, x)
            # The error after a step of Halley's is of the size of its cube.
            small = moved <= np.where(outside, 1e-13, 1e-6) * finest + 4e-16 * np.abs(probe)
            if np.all(~finite | small):
                break
        return np.asarray(x)

    def interval(self, level: float = 0.95) -> FloatArray:
        """The interval between equal tails, shape (2,) then of the quantities."""
        if not 0 < level < 1:
            raise DataError(f"level = {level}: a probability between 0 and 1 is needed, such as 0.95")
        tail = (1.0 - level) / 2.0
        return self.quantile(np.array([tail, 1.0 - tail]))

    def shortest_interval(self, level: float = 0.95) -> FloatArray:
        """The shortest interval that holds ``level``, shape (2,) then of the quantities.

        The densities at its ends are equal: Newton's method on both ends at once, from the interval between equal
        tails. Quantities with several modes are searched one by one.
        """
        start = self.interval(level)
        if self.means.ndim == 1:
            return (
                np.array(shortest_interval(self.quantile, self.pdf, level)) if self._modes() > 1 else self._equal(start)
            )
        several = np.flatnonzero(self._modes() > 1)
        ends = self._equal(start)
        for i in several:
            one = self.take(int(i))
            ends[:, i] = shortest_interval(one.quantile, one.pdf, level)
        return ends

    def _equal(self, start: FloatArray) -> FloatArray:
        """From the interval between equal tails to the one with equal densities and the same probability."""
        a, b = start
        width = b - a
        level = self._cdf_pdf(b)[0] - self._cdf_pdf(a)[0]
        for _ in range(40):
            (below, at_a), (above, at_b) = self._cdf_pdf(a), self._cdf_pdf(b)
            rise, fall = self._derivative(a), self._derivative(b)
            short, uneven = above - below - level, at_a - at_b
            # Unknowns da, db: at_b db − at_a da = −short; rise da − fall db = −uneven.
            with np.errstate(divide="ignore", invalid="ignore"):
                db = -(short * rise + uneven * at_a) / (at_b * rise - at_a * fall)
                da = (at_b * db + short) / at_a
            cap = 0.1 * width
            da, db = np.clip(np.nan_to_num(da), -cap, cap), np.clip(np.nan_to_num(db), -cap, cap)
            a, b = a + da, b + db
            if np.all(np.maximum(np.abs(da), np.abs(db)) <= 1e-13 * (width + np.abs(a) + np.abs(b))):
                break
        return np.stack([a, b])

    def _modes(self) -> NDArray[np.intp]:
        """How many modes a grid shows for each quantity."""
        rises = np.diff(self._cdf_pdf(self._hull())[1], axis=0) > 0
        turns = rises[:-1] & ~rises[1:]
        return np.asarray(turns.sum(axis=0) + ~rises[0] + rises[-1])

    def _hull(self) -> FloatArray:
        """Points between the lowest and the highest of the means, where all modes are, in ascending order."""
        ordered = np.sort(self.means, axis=0)
        count = len(ordered)
        chosen = ordered[np.linspace(0, count - 1, min(25, count)).round().astype(np.intp)]
        return np.sort(np.concatenate([chosen, np.linspace(ordered[0], ordered[-1], 24)[1:-1]]), axis=0)

    @property
    def mode(self) -> FloatArray:
        """Where each density is highest."""
        x = self._hull()
        best = np.argmax(self._cdf_pdf(x)[1], axis=0)
        low, high = (np.take_along_axis(x, np.clip(best + d, 0, len(x) - 1)[None], 0)[0] for d in (-1, 1))
        at, precise = 0.5 * (low + high), 1e-12 * self._spread()
        # Newton's method for the density's slope, kept inside a bracket that bisection shrinks.
        for _ in range(60):
            z, sds = self._components(at)
            density = np.exp(-0.5 * z * z) / sds
            slope, bend = self._average(-z * density / sds), self._average((z * z - 1.0) * density / sds**2)
            low, high = np.where(slope > 0, at, low), np.where(slope > 0, high, at)
            with np.errstate(divide="ignore", invalid="ignore"):
                new = at - slope / bend
            new = np.where((new > low) & (new < high) & (bend < 0), new, 0.5 * (low + high))
            moved = np.abs(new - at)
            at = new
            if np.all(moved <= precise):
                break
        return np.asarray(at)

    @property
    def median(self) -> FloatArray:
        """The median of each quantity."""
        return self.quantile(0.5)

    def _components(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standardised ``x``, whose last axes are the quantities', and the sds; the mixture's axis comes first."""
        place = (slice(None),) + (None,) * (x.ndim - self.means.ndim + 1)
        sds = self.sds[place]
        return (x - self.means[place]) / sds, sds

    def _each(self, x: ArrayLike) -> FloatArray:
        """``x`` once for every quantity."""
        x = np.asarray(x, dtype=float)
        return np.asarray(x.reshape(x.shape + (1,) * (self.means.ndim - 1)))

    def _cdf_pdf(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both at ``x``, whose last axes are those of the quantities."""
        z, sds = self._components(x)
        return self._average(ndtr(z)), self._average(np.exp(-0.5 * z * z) / (sds * _ROOT_2PI))

    def _cdf_pdf_slope(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Both and the density's slope."""
        z, sds = self._components(x)
        density = np.exp(-0.5 * z * z) / (sds * _ROOT_2PI)
        return self._average(ndtr(z)), self._average(density), self._average(-density * z / sds)

    def _derivative(self, x: FloatArray) -> FloatArray:
        """The density's slope at ``x``, whose last axes are those of the quantities."""
        z, sds = self._components(x)
        return self._average(-z * np.exp(-0.5 * z * z) / (sds**2 * _ROOT_2PI))
