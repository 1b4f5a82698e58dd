"""Prior distributions, as small frozen objects.

A prior for the heterogeneity standard deviation τ has its support in τ ≥ 0; one that is stated for τ² is wrapped in
``OnVariance``. A prior for an effect is ``Normal``, ``Student``, ``Mixture`` or ``Flat``. Scales are in the units of the
analysis (log odds ratio, mean difference, …); ``measure`` says which effect measure a prior was stated for, and a
posterior refuses a prior that was stated for another one.

Every method works elementwise on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, ndtr, ndtri, stdtr

from equipoise.errors import DataError
from equipoise.synthesis.bayes.heterogeneity_priors import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfStudent,
    InverseGamma,
    LogNormal,
    LogStudent,
    OnVariance,
)
from equipoise.synthesis.bayes.prior_distribution import (
    LOG_2PI,
    Distribution,
    Prior,
    array,
    log_student,
    student_quantile,
)

FloatArray = NDArray[np.float64]

__all__ = [
    "LOG_2PI",
    "Exponential",
    "Flat",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudent",
    "InverseGamma",
    "LogNormal",
    "LogStudent",
    "Mixture",
    "Normal",
    "OnVariance",
    "Prior",
    "Student",
    "Uniform",
    "check_effect_prior",
    "check_heterogeneity_prior",
    "check_measure",
    "conflict_with_prior",
    "is_prior",
]


@dataclass(frozen=True, slots=True)
class Flat(Distribution):
    """The improper uniform density: on τ ≥ 0 for heterogeneity, on the whole line for an effect."""

    measure: str | None = None
    proper = False
    name = "improper uniform"

    @property
    def support(self) -> tuple[float, float]:
        return float("-inf"), float("inf")

    def logpdf(self, x: ArrayLike) -> FloatArray:
        return np.zeros_like(array(x))

    def cdf(self, x: ArrayLike) -> FloatArray:
        raise DataError("an improper uniform prior has no distribution function")

    def quantile(self, p: ArrayLike) -> FloatArray:
        raise DataError("an improper uniform prior has no quantiles")


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
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
        inside = (array(x) >= self.lower) & (array(x) <= self.upper)
        return np.where(inside, -np.log(self.upper - self.lower), -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.clip((array(x) - self.lower) / (self.upper - self.lower), 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        return self.lower + array(p) * (self.upper - self.lower)


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
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
        z = (array(x) - self.mean) / self.sd
        return np.asarray(-0.5 * (z * z + LOG_2PI) - np.log(self.sd))

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(ndtr((array(x) - self.mean) / self.sd))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return np.asarray(self.mean + self.sd * ndtri(array(p)))


@dataclass(frozen=True, slots=True)
class Student(Distribution):
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
        return np.asarray(log_student((array(x) - self.location) / self.scale, self.df) - np.log(self.scale))

    def cdf(self, x: ArrayLike) -> FloatArray:
        return np.asarray(stdtr(self.df, (array(x) - self.location) / self.scale))

    def quantile(self, p: ArrayLike) -> FloatArray:
        return np.asarray(self.location + self.scale * student_quantile(array(p), self.df))


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
        p = array(p)
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
    return not isinstance(prior, type) and isinstance(prior, (Distribution, OnVariance, Mixture, Prior))


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
