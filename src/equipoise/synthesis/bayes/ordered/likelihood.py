"""The likelihood of arms with counts in ordered categories.

A latent outcome η + e, e standard normal (probit) or logistic (logit), falls between cutpoints z_1 < z_2 < …: the
probability of a category between z_l and z_u is F(z_u − η) − F(z_l − η) (McCullagh 1980, Journal of the Royal Statistical
Society B 42:109). Categories that a study reports together lack the cutpoint between them. Only categories with somebody
in them matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import log_ndtr, ndtri

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.likelihoods import softplus
from equipoise.synthesis.network.blocks import IntArray

OrderedLink = Literal["probit", "logit"]

_NARROWEST = 1e-15
_STEEPEST = 60.0
"""The largest logarithm of a slope: beyond it, far from all that is likely, there are only rounding errors."""
_LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Categories of different arms, each shape (cells,): their ``arm``, the cutpoints ``lower`` and ``upper`` that bound
    them (unused where they have none), the number of people ``n``.
    """

    arm: IntArray
    lower: IntArray
    upper: IntArray
    n: FloatArray

    def take(self, place: IntArray) -> Cells:
        """Those whose arm has a ``place``, shape (arms,), of 0 or above, which becomes its number."""
        kept = place[self.arm] >= 0
        return Cells(place[self.arm[kept]], self.lower[kept], self.upper[kept], self.n[kept])


@dataclass(frozen=True, slots=True, eq=False)
class OrderedArms:
    """Arms with ordered categories.

    ``bottom``: the lowest categories, ``top``: the highest ones, ``middle``: the others, in sets that hold an arm once at
    most; ``centre``, ``precision``: shape (arms,), of the baseline's normal prior where the arm carries it, precision 0
    elsewhere. In the methods ``eta`` has shape (b, arms, …), ``z`` (b, arms, cutpoints) or (1, arms, cutpoints).
    """

    link: OrderedLink
    bottom: Cells
    top: Cells
    middle: tuple[Cells, ...]
    centre: FloatArray
    precision: FloatArray

    def take(self, chosen: IntArray) -> OrderedArms:
        """The arms ``chosen``, in that order."""
        place = np.full(len(self.centre), -1)
        place[chosen] = np.arange(len(chosen))
        middle = tuple(cells.take(place) for cells in self.middle)
        return OrderedArms(
            self.link,
            self.bottom.take(place),
            self.top.take(place),
            tuple(cells for cells in middle if len(cells.n)),
            self.centre[chosen],
            self.precision[chosen],
        )

    def anchor(self) -> IntArray:
        """A cutpoint of every arm that bounds a category with people in it, (arms,)."""
        found = np.zeros(len(self.centre), dtype=np.intp)
        for cells in self.middle:
            found[cells.arm] = cells.lower
        found[self.top.arm] = self.top.lower
        found[self.bottom.arm] = self.bottom.upper
        return found

    def value(self, eta: FloatArray, z: FloatArray, prior: bool = True) -> FloatArray:
        """log f(η; z) without its constant, the shape of ``eta``; ``prior``: with the baseline's prior."""
        total = np.zeros(eta.shape)
        for cells, upper in ((self.bottom, True), (self.top, False)):
            if len(cells.n):
                x = _at(z, cells, upper, eta) - eta[:, cells.arm]
                total[:, cells.arm] += _wide(cells.n, eta) * self._log_cdf(x if upper else -x)
        for cells in self.middle:
            here = eta[:, cells.arm]
            log = self._log_between(_at(z, cells, True, eta) - here, _at(z, cells, False, eta) - here)
            total[:, cells.arm] += _wide(cells.n, eta) * log
        if prior and np.any(self.precision):
            total -= 0.5 * _wide(self.precision, eta) * (eta - _wide(self.centre, eta)) ** 2
        return total

    def slopes(self, eta: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The first and the second derivative of log f in η."""
        _, first, second = self.terms(eta, z, cutpoints=False)
        return first[0], second[0, 0]

    def terms(
        self, eta: FloatArray, z: FloatArray, cutpoints: bool = True
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log f, its gradient and its Hessian in (η, z_1, z_2, …), shapes (q, …) and (q, q, …) before that of ``eta``.

        Without ``cutpoints`` in η alone, q = 1.
        """
        size = 1 + z.shape[2] if cutpoints else 1
        log = np.zeros(eta.shape)
        first = np.zeros((size, *eta.shape))
        second = np.zeros((size, size, *eta.shape))
        for cells, upper in ((self.bottom, True), (self.top, False)):
            if not len(cells.n):
                continue
            n, arm = _wide(cells.n, eta), cells.arm
            x = _at(z, cells, upper, eta) - eta[:, arm]
            sign = 1.0 if upper else -1.0
            height, ratio, bend = self._edge(sign * x)
            log[:, arm] += n * height
            first[0][:, arm] -= sign * n * ratio
            second[0, 0][:, arm] += n * bend
            if cutpoints:
                cut = cells.upper if upper else cells.lower
                for c in np.unique(cut).tolist():
                    one = cut == c
                    first[1 + c][:, arm[one]] += sign * (n * ratio)[:, one]
                    second[1 + c, 1 + c][:, arm[one]] += (n * bend)[:, one]
                    second[0, 1 + c][:, arm[one]] -= (n * bend)[:, one]
        for cells in self.middle:
            self._add_middle(cells, eta, z, cutpoints, log, first, second)
        if np.any(self.precision):
            precision = _wide(self.precision, eta)
            off = eta - _wide(self.centre, eta)
            log -= 0.5 * precision * off * off
            first[0] -= precision * off
            second[0, 0] -= precision
        for q in range(1, size):
            for r in range(q):
                second[q, r] = second[r, q]
        return log, first, second

    def _add_middle(
        self,
        cells: Cells,
        eta: FloatArray,
        z: FloatArray,
        cutpoints: bool,
        log: FloatArray,
        first: FloatArray,
        second: FloatArray,
    ) -> None:
        n, arm = _wide(cells.n, eta), cells.arm
        a, b = _at(z, cells, True, eta) - eta[:, arm], _at(z, cells, False, eta) - eta[:, arm]
        height = self._log_between(a, b)
        above, below = (np.exp(np.minimum(self._log_density(x) - height, _STEEPEST)) for x in (a, b))
        aa = above * self._steepness(a) - above * above
        bb = -below * self._steepness(b) - below * below
        ab = above * below
        log[:, arm] += n * height
        first[0][:, arm] += n * (below - above)
        second[0, 0][:, arm] += n * (aa + bb + 2.0 * ab)
        if not cutpoints:
            return
        pairs = np.stack([cells.lower, cells.upper], axis=1)
        for low, high in np.unique(pairs, axis=0).tolist():
            one = (cells.lower == low) & (cells.upper == high)
            to = arm[one]
            first[1 + high][:, to] += (n * above)[:, one]
            first[1 + low][:, to] -= (n * below)[:, one]
            second[1 + high, 1 + high][:, to] += (n * aa)[:, one]
            second[1 + low, 1 + low][:, to] += (n * bb)[:, one]
            second[1 + low, 1 + high][:, to] += (n * ab)[:, one]
            second[0, 1 + high][:, to] -= (n * (aa + ab))[:, one]
            second[0, 1 + low][:, to] -= (n * (bb + ab))[:, one]

    def _log_cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(log_ndtr(x)) if self.link == "probit" else -softplus(-x)

    def _log_density(self, x: FloatArray) -> FloatArray:
        if self.link == "probit":
            return -0.5 * x * x - _LOG_ROOT_2PI
        return -np.abs(x) - 2.0 * np.log1p(np.exp(-np.abs(x)))

    def _steepness(self, x: FloatArray) -> FloatArray:
        """The derivative of the density's logarithm."""
        return -x if self.link == "probit" else -np.tanh(0.5 * x)

    def _log_between(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """log(F(a) − F(b)), a > b."""
        if self.link == "logit":
            return -softplus(-a) - softplus(b) + np.log(-np.expm1(np.minimum(b - a, -_NARROWEST)))
        # In the lower tail, where logarithms keep their digits.
        mirrored = a + b > 0
        high, low = log_ndtr(np.where(mirrored, -b, a)), log_ndtr(np.where(mirrored, -a, b))
        return np.asarray(high + np.log(-np.expm1(np.minimum(low - high, -_NARROWEST))))

    def _edge(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log F(x) and its two derivatives."""
        log = self._log_cdf(x)
        if self.link == "probit":
            ratio = np.exp(np.minimum(self._log_density(x) - log, _STEEPEST))
            return log, ratio, -ratio * (x + ratio)
        share = np.exp(log)
        return log, 1.0 - share, -share * (1.0 - share)


def quantile_of(link: OrderedLink, p: FloatArray) -> FloatArray:
    """The inverse of F."""
    return np.asarray(ndtri(p)) if link == "probit" else np.log(p) - np.log1p(-p)


def probability_of(link: OrderedLink, eta: FloatArray) -> FloatArray:
    """F(η)."""
    return np.exp(log_ndtr(eta)) if link == "probit" else np.asarray(0.5 * (1.0 + np.tanh(0.5 * eta)))


def _at(z: FloatArray, cells: Cells, upper: bool, eta: FloatArray) -> FloatArray:
    """Cells' cutpoints, shape (b, cells, 1, …) with as many axes as ``eta``."""
    found = z[:, cells.arm, cells.upper if upper else cells.lower]
    return found.reshape(found.shape + (1,) * (eta.ndim - 2))


def _wide(values: FloatArray, eta: FloatArray) -> FloatArray:
    return values.reshape((1, -1) + (1,) * (eta.ndim - 2))
