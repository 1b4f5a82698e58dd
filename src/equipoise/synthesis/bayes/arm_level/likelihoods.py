"""The likelihood of one arm as a function of its linear predictor η: logarithm and two derivatives, for arrays of arms.

Binomial with logit, complementary log-log, probit or log link, Poisson with log link, normal with identity link (Dias
et al., NICE DSU Technical Support Document 2, tables 1 to 4). An offset (the logarithm of follow-up or person-time) is
added to η. A study's first arm may carry the normal prior of the study's baseline as a further factor. With the binomial
log link η is the logarithm of a risk: the likelihood is 0 from η = 0 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, log_ndtr, xlogy

from equipoise.frames import FloatArray

Family = Literal["binomial", "poisson", "normal"]
Link = Literal["logit", "cloglog", "probit", "log", "identity"]

LINKS: dict[str, tuple[str, ...]] = {
    "binomial": ("logit", "cloglog", "probit", "log"),
    "poisson": ("log",),
    "normal": ("identity",),
}
"""The links of each family, the default first."""

_LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))
_LARGEST = 500.0
_TINY = 1e-100


@dataclass(frozen=True, slots=True, eq=False)
class ArmLikelihood:
    """Arms, all arrays of one shape.

    ``y``: events or mean; ``size``: participants (binomial) or standard error (normal), 1 for Poisson; ``offset``:
    added to η; ``centre``, ``precision``: of the baseline's normal prior where the arm carries it, precision 0 elsewhere.
    """

    family: Family
    link: Link
    y: FloatArray
    size: FloatArray
    offset: FloatArray
    centre: FloatArray
    precision: FloatArray

    @property
    def bounded(self) -> bool:
        """Whether η ends at 0: it is the logarithm of a risk."""
        return self.family == "binomial" and self.link == "log"

    def take(self, index: Any) -> ArmLikelihood:
        """The arms at ``index``, which may also add axes."""
        arrays = (a[index] for a in (self.y, self.size, self.offset, self.centre, self.precision))
        return ArmLikelihood(self.family, self.link, *arrays)

    def expand(self, axes: int) -> ArmLikelihood:
        """With so many axes of length 1 added at the end."""
        return self.take((..., *(None,) * axes))

    def constant(self) -> FloatArray:
        """What the logarithm of the density has besides ``value``: free of η, the shape of the arms."""
        if self.family == "normal":
            return -np.log(self.size) - _LOG_ROOT_2PI
        if self.family == "poisson":
            return -gammaln(self.y + 1.0)
        return np.asarray(gammaln(self.size + 1.0) - gammaln(self.y + 1.0) - gammaln(self.size - self.y + 1.0))

    def constants(self) -> FloatArray:
        """``constant``, with that of the baseline's prior where the arm carries it."""
        carried = np.where(self.precision > 0, self.precision, 2.0 * np.pi)
        return np.asarray(self.constant() + 0.5 * np.log(carried / (2.0 * np.pi)))

    def saturated(self) -> FloatArray:
        """The largest ``value`` there is, without the baseline's prior: the deviance's point of reference."""
        if self.family == "normal":
            return np.zeros_like(self.y)
        if self.family == "poisson":
            return np.asarray(xlogy(self.y, self.y) - self.y)
        r, n = self.y, self.size
        return np.asarray(xlogy(r, r) + xlogy(n - r, n - r) - xlogy(n, n))

    def value(self, eta: FloatArray, prior: bool = True) -> FloatArray:
        """log f(η) without ``constant``; ``prior``: with the baseline's prior."""
        log = self._value(eta + self.offset if np.any(self.offset) else eta)
        if prior and np.any(self.precision):
            log = log - 0.5 * self.precision * (eta - self.centre) ** 2
        return log

    def terms(self, eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log f(η) as ``value``, and its first and second derivative."""
        log, first, second = self._terms(eta + self.offset)
        if np.any(self.precision):
            off = eta - self.centre
            log = log - 0.5 * self.precision * off * off
            first, second = first - self.precision * off, second - self.precision
        return log, first, second

    def slopes(self, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The first and second derivative of log f(η)."""
        if self.link != "logit":
            return self.terms(eta)[1:]
        shifted = eta + self.offset
        small = np.exp(-np.abs(shifted))
        share = 1.0 / (1.0 + small)
        first = self.y - self.size * np.where(shifted > 0, share, small * share)
        second = -self.size * small * share * share
        if np.any(self.precision):
            first, second = first - self.precision * (eta - self.centre), second - self.precision
        return first, second

    def start(self) -> FloatArray:
        """A crude estimate of each arm's η, half an event added."""
        if self.family == "normal":
            return self.y - self.offset
        if self.family == "poisson":
            return np.log(self.y + 0.5) - self.offset
        share = (self.y + 0.5) / (self.size + 1.0)
        if self.link == "logit":
            eta = np.log(share / (1.0 - share))
        elif self.link == "cloglog":
            eta = np.log(-np.log1p(-share))
        elif self.link == "log":
            eta = np.log(share)
        else:
            from scipy.special import ndtri

            eta = np.asarray(ndtri(share))
        return eta - self.offset

    def crude_precision(self) -> FloatArray:
        """−(log f)'' at ``start``, of a bounded arm with the half added, as one with nothing but events has none."""
        if self.bounded:
            return (self.y + 0.5) * (self.size + 1.0) / (self.size - self.y + 0.5)
        return np.maximum(-self.slopes(self.start())[1], 1e-12)

    def fitted(self, eta: FloatArray) -> FloatArray:
        """What is expected of the arm: the probability of an event, the number of events (Poisson) or the mean."""
        return from_link(self.link, eta + self.offset)

    def value_at(self, fitted: FloatArray) -> FloatArray:
        """log f, without ``constant`` and prior, where ``fitted`` is expected."""
        if self.family == "normal":
            return -0.5 * ((self.y - fitted) / self.size) ** 2
        if self.family == "poisson":
            return np.asarray(xlogy(self.y, fitted) - fitted)
        return np.asarray(xlogy(self.y, fitted) + xlogy(self.size - self.y, 1.0 - fitted))

    def _value(self, eta: FloatArray) -> FloatArray:
        if self.link == "logit":
            return self.y * eta - self.size * softplus(eta)
        if self.link == "cloglog":
            rate = np.exp(np.minimum(eta, _LARGEST))
            return _times(self.y, _log_complement(rate, eta)) - (self.size - self.y) * rate
        if self.link == "probit":
            return self.y * log_ndtr(eta) + (self.size - self.y) * log_ndtr(-eta)
        if self.link == "identity":
            return -0.5 * ((self.y - eta) / self.size) ** 2
        if self.bounded:
            inside = np.minimum(eta, -_TINY)
            log = self.y * eta + _times(self.size - self.y, np.log(-np.expm1(inside)))
            return np.where(eta < 0, log, -np.inf)
        return self.y * eta - np.exp(np.minimum(eta, _LARGEST))

    def _terms(self, eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        r, n = self.y, self.size
        if self.link == "logit":
            small = np.exp(-np.abs(eta))
            share = 1.0 / (1.0 + small)
            p = np.where(eta > 0, share, small * share)
            log = r * eta - n * (np.maximum(eta, 0.0) + np.log1p(small))
            return log, r - n * p, -n * small * share * share
        if self.link == "cloglog":
            rate = np.exp(np.minimum(eta, _LARGEST))
            small = rate < 1e-8
            safe = np.where(small, 1.0, np.minimum(rate, _LARGEST))
            growth = np.expm1(safe)
            ratio = np.where(small, 1.0 - 0.5 * rate, safe / growth)
            bend = np.where(small, -0.5 * rate, ratio - ratio * ratio * (growth + 1.0))
            log = _times(r, _log_complement(rate, eta)) - (n - r) * rate
            return log, r * ratio - (n - r) * rate, r * bend - (n - r) * rate
        if self.link == "probit":
            above, below = log_ndtr(eta), log_ndtr(-eta)
            density = -0.5 * eta * eta - _LOG_ROOT_2PI
            a, b = np.exp(density - above), np.exp(density - below)
            return (
                r * above + (n - r) * below,
                r * a - (n - r) * b,
                -r * a * (eta + a) - (n - r) * b * (b - eta),
            )
        if self.link == "identity":
            off = (r - eta) / n**2
            return -0.5 * ((r - eta) / n) ** 2, off, np.broadcast_to(-1.0 / n**2, off.shape)
        if self.bounded:
            inside = np.minimum(eta, -_TINY)
            odds = 1.0 / np.expm1(np.minimum(-inside, _LARGEST))
            log = np.where(eta < 0, r * eta + _times(n - r, np.log(-np.expm1(inside))), -np.inf)
            return log, r - (n - r) * odds, -(n - r) * odds * (1.0 + odds)
        rate = np.exp(np.minimum(eta, _LARGEST))
        return r * eta - rate, r - rate, -rate


def from_link(link: Link, eta: FloatArray) -> FloatArray:
    """The inverse of the link."""
    with np.errstate(over="ignore"):
        if link == "logit":
            return np.asarray(0.5 * (1.0 + np.tanh(0.5 * eta)))
        if link == "cloglog":
            return -np.expm1(-np.exp(eta))
        if link == "probit":
            return np.exp(log_ndtr(eta))
        return np.exp(eta) if link == "log" else eta


def softplus(eta: FloatArray) -> FloatArray:
    """log(1 + e^η), without overflow."""
    return np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta)))


def _log_complement(rate: FloatArray, log_rate: FloatArray) -> FloatArray:
    """log(1 − e^(−rate))."""
    with np.errstate(divide="ignore"):
        return np.where(rate < 1e-8, log_rate - 0.5 * rate, np.log(-np.expm1(-np.maximum(rate, 1e-8))))


def _times(count: FloatArray, log: FloatArray) -> FloatArray:
    return np.where(count > 0, count * log, 0.0)


def recession(arms: ArmLikelihood) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each arm's likelihood stays away from 0 as η falls, and as η grows, without bound."""
    if arms.family == "normal":
        none = np.zeros(arms.y.shape, dtype=bool)
        return none, none
    low = arms.y == 0
    high = (arms.y == arms.size) if arms.family == "binomial" and not arms.bounded else np.zeros_like(low)
    return low & (arms.precision == 0), high & (arms.precision == 0)
