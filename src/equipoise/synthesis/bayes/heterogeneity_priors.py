"""Priors of the heterogeneity standard deviation τ, on τ ≥ 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv, erf, erfinv, gammaincc, gammainccinv, gammaln, ndtr, ndtri, stdtr

from equipoise.synthesis.bayes.prior_distribution import (
    LOG_2PI,
    Distribution,
    Prior,
    array,
    log_student,
    student_quantile,
)

FloatArray = NDArray[np.float64]

_ROOT_2 = float(np.sqrt(2.0))


class _Positive(Distribution):
    """A distribution of τ."""

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, float("inf")


@dataclass(frozen=True, slots=True)
class HalfNormal(_Positive):
    """The absolute value of a normal variable with mean 0 and standard deviation ``scale``."""

    scale: float
    measure: str | None = None
    name = "half-normal"

    def __post_init__(self) -> None:
        self._positive("scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        x = array(x)
        log = 0.5 * np.log(2.0 / np.pi) - np.log(self.scale) - 0.5 * (x / self.scale) ** 2
        return np.where(x >= 0, log, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(erf(np.maximum(array(x), 0.0) / (self.scale * _ROOT_2)))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return np.asarray(self.scale * _ROOT_2 * erfinv(array(p)))


@dataclass(frozen=True, slots=True)
class HalfStudent(_Positive):
    """The absolute value of a Student variable with location 0, ``scale`` and ``df`` degrees of freedom."""

    scale: float
    df: float
    measure: str | None = None
    name = "half-Student"

    def __post_init__(self) -> None:
        self._positive("scale", "df")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        x = array(x)
        return np.where(x >= 0, np.log(2.0) + log_student(x / self.scale, self.df) - np.log(self.scale), -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        z2 = (np.maximum(array(x), 0.0) / self.scale) ** 2
        return np.asarray(betainc(0.5, 0.5 * self.df, z2 / (self.df + z2)))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return self.scale * _beyond_student(array(p), self.df)


@dataclass(frozen=True, slots=True)
class HalfCauchy(_Positive):
    """The absolute value of a Cauchy variable with location 0 and ``scale``."""

    scale: float
    measure: str | None = None
    name = "half-Cauchy"

    def __post_init__(self) -> None:
        self._positive("scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        x = array(x)
        with np.errstate(over="ignore"):
            log = np.log(2.0 / (np.pi * self.scale)) - np.log1p((x / self.scale) ** 2)
        return np.where(x >= 0, log, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return 2.0 / np.pi * np.arctan(np.maximum(array(x), 0.0) / self.scale)

    def quantile(self, p: ArrayLike) -> FloatArray:
        return self.scale * np.tan(np.pi / 2.0 * array(p))


@dataclass(frozen=True, slots=True)
class Exponential(_Positive):
    """Exponential with mean ``scale`` (rate 1/scale)."""

    scale: float
    measure: str | None = None
    name = "exponential"

    def __post_init__(self) -> None:
        self._positive("scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        x = array(x)
        return np.where(x >= 0, -np.log(self.scale) - x / self.scale, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return -np.expm1(-np.maximum(array(x), 0.0) / self.scale)

    def quantile(self, p: ArrayLike) -> FloatArray:
        return -self.scale * np.log1p(-array(p))


@dataclass(frozen=True, slots=True)
class LogNormal(_Positive):
    """Log-normal: the logarithm is normal with mean ``location`` and standard deviation ``scale``."""

    location: float
    scale: float
    measure: str | None = None
    name = "log-normal"

    def __post_init__(self) -> None:
        self._finite("location")
        self._positive("scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        log = _log(x)
        z = (log - self.location) / self.scale
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(log), -0.5 * (z * z + LOG_2PI) - np.log(self.scale) - log, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(ndtr((_log(x) - self.location) / self.scale))

    def quantile(self, p: ArrayLike) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.location + self.scale * ndtri(array(p))))


@dataclass(frozen=True, slots=True)
class LogStudent(_Positive):
    """Log-Student: the logarithm is Student with ``location``, ``scale`` and ``df`` degrees of freedom."""

    location: float
    scale: float
    df: float
    measure: str | None = None
    name = "log-Student"

    def __post_init__(self) -> None:
        self._finite("location")
        self._positive("scale", "df")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        log = _log(x)
        with np.errstate(invalid="ignore"):
            density = log_student((log - self.location) / self.scale, self.df) - np.log(self.scale) - log
        return np.where(np.isfinite(log), density, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(stdtr(self.df, (_log(x) - self.location) / self.scale))

    def quantile(self, p: ArrayLike) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.location + self.scale * student_quantile(array(p), self.df)))


@dataclass(frozen=True, slots=True)
class InverseGamma(_Positive):
    """Inverse gamma: 1/x is gamma with ``shape`` and rate ``scale``.

    For τ² it is wrapped in ``OnVariance``. Discouraged: with small parameters it is far from vague near 0, where it
    decides the result when studies are few (Gelman 2006, Bayesian Analysis 1:515).
    """

    shape: float
    scale: float
    measure: str | None = None
    name = "inverse-gamma"

    def __post_init__(self) -> None:
        self._positive("shape", "scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        log = _log(x)
        inverse = np.exp(np.minimum(-log, 700.0))
        constant = self.shape * np.log(self.scale) - gammaln(self.shape)
        with np.errstate(invalid="ignore"):
            density = constant - (self.shape + 1.0) * log - self.scale * inverse
        return np.asarray(np.where(np.isfinite(log), density, -np.inf))

    def cdf(self, x: ArrayLike) -> FloatArray:
        with np.errstate(divide="ignore"):
            inverse = self.scale / np.maximum(array(x), 0.0)
        return np.asarray(gammaincc(self.shape, inverse))

    def quantile(self, p: ArrayLike) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.asarray(self.scale / gammainccinv(self.shape, array(p)))


@dataclass(frozen=True, slots=True)
class OnVariance:
    """A prior that is stated for τ², as a prior of τ: its density there is 2τ·p(τ²)."""

    prior: Prior

    @property
    def proper(self) -> bool:
        """As the prior of τ²."""
        return self.prior.proper

    @property
    def measure(self) -> str | None:
        """As the prior of τ²."""
        return self.prior.measure

    @property
    def support(self) -> tuple[float, float]:
        """That of τ."""
        low, high = self.prior.support
        return float(np.sqrt(max(low, 0.0))), float(np.sqrt(high))

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Of τ."""
        x = array(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.asarray(self.prior.logpdf(x * x)) + np.log(2.0 * x)
        return np.where(x > 0, log, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Of τ."""
        return self.prior.cdf(np.maximum(array(x), 0.0) ** 2)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Of τ."""
        return np.sqrt(self.prior.quantile(p))

    def describe(self) -> str:
        """The prior in words."""
        return f"{self.prior.describe()} on τ²"


def _log(x: ArrayLike) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(array(x) > 0, np.log(np.maximum(array(x), 0.0)), -np.inf)


def _beyond_student(p: FloatArray, df: float) -> FloatArray:
    """The t ≥ 0 with P(|T| ≤ t) = p: t²/(df + t²) is beta, and its complement too, each exact where it is small."""
    below, above = betaincinv(0.5, 0.5 * df, p), betaincinv(0.5 * df, 0.5, 1.0 - p)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(df * below / above))
