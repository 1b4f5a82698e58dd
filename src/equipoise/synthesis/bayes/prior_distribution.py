"""What a prior distribution can do, and what all of them share."""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, betaln

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]

LOG_2PI = float(np.log(2.0 * np.pi))


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


def array(x: ArrayLike) -> FloatArray:
    return np.asarray(x, dtype=float)


class Distribution:
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


def log_student(z: FloatArray, df: float) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(-0.5 * np.log(df) - betaln(0.5, 0.5 * df) - 0.5 * (df + 1.0) * np.log1p(z * z / df))


def student_quantile(p: FloatArray, df: float) -> FloatArray:
    """More accurate far out than ``scipy.special.stdtrit``."""
    tail = np.minimum(p, 1.0 - p)
    above, below = betaincinv(0.5 * df, 0.5, 2.0 * tail), betaincinv(0.5, 0.5 * df, 1.0 - 2.0 * tail)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sign(p - 0.5) * np.sqrt(df * below / above))
