"""Prior distributions, as small frozen objects.

A prior for the heterogeneity standard deviation τ has its support in τ ≥ 0; one that is stated for τ² is wrapped in
``OnVariance``. A prior for an effect is ``Normal``, ``Student``, ``Mixture`` or ``Flat``. Scales are in the units of the
analysis (log odds ratio, mean difference, …); ``measure`` says which effect measure a prior was stated for, and a
posterior refuses a prior that was stated for another one.

Every method works elementwise on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import (
    betainc,
    betaincinv,
    betaln,
    erf,
    erfinv,
    gammaincc,
    gammainccinv,
    gammaln,
    logsumexp,
    ndtr,
    ndtri,
    stdtr,
)

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]

LOG_2PI = float(np.log(2.0 * np.pi))
_ROOT_2 = float(np.sqrt(2.0))


@runtime_checkable
class Prior(Protocol):
    """What a prior can do. ``proper`` is false where it has no finite integral: then there are no quantiles."""

    @property
    def proper(self) -> bool:
        """Whether the density integrates to 1."""

    @property
    def support(self) -> tuple[float, float]:
        """The interval outside which the density is 0."""

    @property
    def measure(self) -> str | None:
        """The effect measure in whose units the prior is stated; None: whichever the analysis uses."""

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """The logarithm of the density (of an improper prior: up to a constant), −∞ outside the support."""

    def cdf(self, x: ArrayLike) -> FloatArray:
        """The distribution function. Raises ``DataError`` for an improper prior."""

    def quantile(self, p: ArrayLike) -> FloatArray:
        """The value below which a share ``p`` of the probability lies. Raises ``DataError`` for an improper prior."""

    def describe(self) -> str:
        """The prior in words, as in "half-normal (scale 0.5)"."""


def _array(x: ArrayLike) -> FloatArray:
    return np.asarray(x, dtype=float)


class _Distribution:
    """What the priors share: checks of their parameters, and text."""

    proper = True
    name = ""

    def describe(self) -> str:
        parts = [
            f"{f.name.replace('_', ' ')} {getattr(self, f.name):g}"
            for f in fields(self)  # type: ignore[arg-type]
            if f.name not in {"measure", "source"}
        ]
        return f"{self.name} ({', '.join(parts)})" if parts else self.name

    def _positive(self, *names: str) -> None:
        for name in names:
            value = self._number(name)
            if not (np.isfinite(value) and value > 0):
                raise DataError(f"{self.name} prior: {name} = {value}; a positive number is needed")

    def _finite(self, *names: str) -> None:
        for name in names:
            value = self._number(name)
            if not np.isfinite(value):
                raise DataError(f"{self.name} prior: {name} = {value}; a finite number is needed")

    def _number(self, name: str) -> float:
        value = getattr(self, name)
        if isinstance(value, str) or np.ndim(value) != 0:
            raise DataError(f"{self.name} prior: {name} = {value!r}; a number is needed")
        return float(value)


class _Positive(_Distribution):
    """A distribution of τ."""

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, float("inf")


@dataclass(frozen=True, slots=True)
class Flat(_Distribution):
    """The improper uniform density: on τ ≥ 0 for heterogeneity, on the whole line for an effect."""

    measure: str | None = None
    proper = False
    name = "improper uniform"

    @property
    def support(self) -> tuple[float, float]:
        return float("-inf"), float("inf")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        return np.zeros_like(_array(x))

    def cdf(self, x: ArrayLike) -> FloatArray:
        raise DataError("an improper uniform prior has no distribution function")

    def quantile(self, p: ArrayLike) -> FloatArray:
        raise DataError("an improper uniform prior has no quantiles")


@dataclass(frozen=True, slots=True)
class Uniform(_Distribution):
    """Uniform between ``lower`` and ``upper``."""

    upper: float
    lower: float = 0.0
    measure: str | None = None
    name = "uniform"

    def __post_init__(self) -> None:
        self._finite("upper", "lower")
        if not self.lower < self.upper:
            raise DataError(
                f"uniform prior: lower = {self.lower:g} must be below upper = {self.upper:g}; the upper end comes "
                "first: Uniform(5) goes from 0 to 5, Uniform(5, 1) from 1 to 5"
            )

    @property
    def support(self) -> tuple[float, float]:
        return self.lower, self.upper

    def logpdf(self, x: ArrayLike) -> FloatArray:
        inside = (_array(x) >= self.lower) & (_array(x) <= self.upper)
        return np.where(inside, -np.log(self.upper - self.lower), -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.clip((_array(x) - self.lower) / (self.upper - self.lower), 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        return self.lower + _array(p) * (self.upper - self.lower)


@dataclass(frozen=True, slots=True)
class HalfNormal(_Positive):
    """The absolute value of a normal variable with mean 0 and standard deviation ``scale``."""

    scale: float
    measure: str | None = None
    name = "half-normal"

    def __post_init__(self) -> None:
        self._positive("scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        x = _array(x)
        log = 0.5 * np.log(2.0 / np.pi) - np.log(self.scale) - 0.5 * (x / self.scale) ** 2
        return np.where(x >= 0, log, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(erf(np.maximum(_array(x), 0.0) / (self.scale * _ROOT_2)))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return np.asarray(self.scale * _ROOT_2 * erfinv(_array(p)))


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
        x = _array(x)
        return np.where(x >= 0, np.log(2.0) + _log_student(x / self.scale, self.df) - np.log(self.scale), -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        z2 = (np.maximum(_array(x), 0.0) / self.scale) ** 2
        return np.asarray(betainc(0.5, 0.5 * self.df, z2 / (self.df + z2)))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return self.scale * _beyond_student(_array(p), self.df)


@dataclass(frozen=True, slots=True)
class HalfCauchy(_Positive):
    """The absolute value of a Cauchy variable with location 0 and ``scale``."""

    scale: float
    measure: str | None = None
    name = "half-Cauchy"

    def __post_init__(self) -> None:
        self._positive("scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        x = _array(x)
        with np.errstate(over="ignore"):
            log = np.log(2.0 / (np.pi * self.scale)) - np.log1p((x / self.scale) ** 2)
        return np.where(x >= 0, log, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return 2.0 / np.pi * np.arctan(np.maximum(_array(x), 0.0) / self.scale)

    def quantile(self, p: ArrayLike) -> FloatArray:
        return self.scale * np.tan(np.pi / 2.0 * _array(p))


@dataclass(frozen=True, slots=True)
class Exponential(_Positive):
    """Exponential with mean ``scale`` (rate 1/scale)."""

    scale: float
    measure: str | None = None
    name = "exponential"

    def __post_init__(self) -> None:
        self._positive("scale")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        x = _array(x)
        return np.where(x >= 0, -np.log(self.scale) - x / self.scale, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return -np.expm1(-np.maximum(_array(x), 0.0) / self.scale)

    def quantile(self, p: ArrayLike) -> FloatArray:
        return -self.scale * np.log1p(-_array(p))


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
            return np.asarray(np.exp(self.location + self.scale * ndtri(_array(p))))


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
            density = _log_student((log - self.location) / self.scale, self.df) - np.log(self.scale) - log
        return np.where(np.isfinite(log), density, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(stdtr(self.df, (_log(x) - self.location) / self.scale))

    def quantile(self, p: ArrayLike) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.location + self.scale * _student_quantile(_array(p), self.df)))


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
            inverse = self.scale / np.maximum(_array(x), 0.0)
        return np.asarray(gammaincc(self.shape, inverse))

    def quantile(self, p: ArrayLike) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.asarray(self.scale / gammainccinv(self.shape, _array(p)))


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
        x = _array(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.asarray(self.prior.logpdf(x * x)) + np.log(2.0 * x)
        return np.where(x > 0, log, -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Of τ."""
        return self.prior.cdf(np.maximum(_array(x), 0.0) ** 2)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Of τ."""
        return np.sqrt(self.prior.quantile(p))

    def describe(self) -> str:
        """The prior in words."""
        return f"{self.prior.describe()} on τ²"


@dataclass(frozen=True, slots=True)
class Normal(_Distribution):
    """Normal with ``mean`` and standard deviation ``sd``."""

    mean: float
    sd: float
    measure: str | None = None
    name = "normal"

    def __post_init__(self) -> None:
        self._finite("mean")
        self._positive("sd")

    @property
    def support(self) -> tuple[float, float]:
        return float("-inf"), float("inf")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        z = (_array(x) - self.mean) / self.sd
        return np.asarray(-0.5 * (z * z + LOG_2PI) - np.log(self.sd))

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(ndtr((_array(x) - self.mean) / self.sd))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return np.asarray(self.mean + self.sd * ndtri(_array(p)))


@dataclass(frozen=True, slots=True)
class Student(_Distribution):
    """Student with ``location``, ``scale`` and ``df`` degrees of freedom (df = 1: Cauchy)."""

    location: float
    scale: float
    df: float
    measure: str | None = None
    name = "Student"

    def __post_init__(self) -> None:
        self._finite("location")
        self._positive("scale", "df")

    @property
    def support(self) -> tuple[float, float]:
        return float("-inf"), float("inf")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(_log_student((_array(x) - self.location) / self.scale, self.df) - np.log(self.scale))

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(stdtr(self.df, (_array(x) - self.location) / self.scale))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return np.asarray(self.location + self.scale * _student_quantile(_array(p), self.df))


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of priors: each of ``components`` with its share of ``weights`` (which sum to 1).

    A robust prior is an informative component with a vague one (Schmidli et al. 2014, Biometrics 70:1023).
    """

    components: tuple[Prior, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.components or len(self.components) != len(self.weights):
            raise DataError(f"mixture prior: {len(self.components)} components with {len(self.weights)} weights")
        if not all(w > 0 for w in self.weights) or abs(sum(self.weights) - 1.0) > 1e-9:
            raise DataError(f"mixture prior: weights {self.weights} must be positive and sum to 1")
        if not self.proper:
            raise DataError("mixture prior: every component must be proper; an improper one has no share")

    @property
    def proper(self) -> bool:
        """Whether every component is."""
        return all(c.proper for c in self.components)

    @property
    def measure(self) -> str | None:
        """The measure that a component names."""
        return next((c.measure for c in self.components if c.measure is not None), None)

    @property
    def support(self) -> tuple[float, float]:
        """Where any component lies."""
        return min(c.support[0] for c in self.components), max(c.support[1] for c in self.components)

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Of the mixture."""
        parts = np.stack([np.log(w) + c.logpdf(x) for w, c in zip(self.weights, self.components, strict=True)])
        return np.asarray(logsumexp(parts, axis=0))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Of the mixture."""
        return np.asarray(sum(w * c.cdf(x) for w, c in zip(self.weights, self.components, strict=True)))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """By bisection between the components' quantiles."""
        p = _array(p)
        each = np.stack([c.quantile(p) for c in self.components])
        low, high = each.min(axis=0), each.max(axis=0)
        for _ in range(200):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))

    def describe(self) -> str:
        """The mixture in words."""
        parts = (f"{100 * w:g} % {c.describe()}" for w, c in zip(self.weights, self.components, strict=True))
        return f"mixture of {' and '.join(parts)}"


def check_heterogeneity_prior(prior: Any) -> Prior:
    """``prior`` if it can be one of τ. Raises ``DataError`` that says what can."""
    if not is_prior(prior):
        raise DataError(f"{prior!r} is not a prior for the heterogeneity; give one such as HalfNormal(0.5)")
    if not isinstance(prior, Flat) and prior.support[0] < 0:
        raise DataError(f"{prior.describe()}: τ can't be negative; give a prior such as HalfNormal(0.5)")
    return prior  # type: ignore[no-any-return]


def check_effect_prior(prior: Any) -> Prior:
    """``prior`` if it is one at all; which can be of an effect the models say. Raises ``DataError`` otherwise."""
    if not is_prior(prior):
        raise DataError(
            f"{prior!r} is not a prior for an effect; give one such as Normal(0, 1), or None for a flat one"
        )
    return prior  # type: ignore[no-any-return]


def is_prior(prior: Any) -> bool:
    """Whether it can do what a prior has to; our own are known at a glance, which the protocol's check isn't."""
    return not isinstance(prior, type) and isinstance(prior, (_Distribution, OnVariance, Mixture, Prior))


def conflict_with_prior(prior: Prior, median: float) -> str | None:
    """What to say where the posterior ``median`` of τ lies beyond what its prior holds possible; None where it doesn't."""
    if not prior.proper or float(prior.cdf(median)) <= 0.99:
        return None
    return (
        f"Prior–data conflict: the posterior median of τ, {median:.3g}, lies beyond the 99 % quantile of its prior "
        f"({float(prior.quantile(0.99)):.3g})."
    )


def check_measure(prior: Prior, measure: str | None) -> None:
    """Raise ``DataError`` when ``prior`` was stated for another effect measure than ``measure``."""
    if prior.measure is not None and measure is not None and prior.measure != measure:
        raise DataError(
            f"the prior {prior.describe()} is stated for the measure {prior.measure}, and the analysis is of {measure}; "
            "take a prior for that measure, or state its scale anew and leave measure out"
        )


def _log(x: ArrayLike) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(_array(x) > 0, np.log(np.maximum(_array(x), 0.0)), -np.inf)


def _log_student(z: FloatArray, df: float) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(-0.5 * np.log(df) - betaln(0.5, 0.5 * df) - 0.5 * (df + 1.0) * np.log1p(z * z / df))


def _beyond_student(p: FloatArray, df: float) -> FloatArray:
    """The t ≥ 0 with P(|T| ≤ t) = p: t²/(df + t²) is beta, and its complement too, each exact where it is small."""
    below, above = betaincinv(0.5, 0.5 * df, p), betaincinv(0.5 * df, 0.5, 1.0 - p)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(df * below / above))


def _student_quantile(p: FloatArray, df: float) -> FloatArray:
    """More accurate far out than ``scipy.special.stdtrit``."""
    tail = np.minimum(p, 1.0 - p)
    above, below = betaincinv(0.5 * df, 0.5, 2.0 * tail), betaincinv(0.5, 0.5 * df, 1.0 - 2.0 * tail)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sign(p - 0.5) * np.sqrt(df * below / above))
