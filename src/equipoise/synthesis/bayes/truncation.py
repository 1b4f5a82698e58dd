"""A prior cut off outside an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError
from equipoise.synthesis.bayes.priors import Prior

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Truncated:
    """``prior`` between ``lower`` and ``upper``, scaled up to integrate to 1: for hypotheses with a direction."""

    prior: Prior
    lower: float = float("-inf")
    upper: float = float("inf")

    def __post_init__(self) -> None:
        if not self.prior.proper:
            raise DataError(f"truncated prior: {self.prior.describe()} is improper; give a proper prior")
        if not self.lower < self.upper:
            raise DataError(f"truncated prior: lower = {self.lower:g} must be below upper = {self.upper:g}")
        if not self._mass > 0:
            raise DataError(
                f"truncated prior: {self.prior.describe()} has no probability between {self.lower:g} and {self.upper:g}"
            )

    @property
    def _below(self) -> float:
        return float(self.prior.cdf(self.lower)) if np.isfinite(self.lower) else 0.0

    @property
    def _mass(self) -> float:
        return (float(self.prior.cdf(self.upper)) if np.isfinite(self.upper) else 1.0) - self._below

    @property
    def proper(self) -> bool:
        """Always."""
        return True

    @property
    def measure(self) -> str | None:
        """As the whole prior."""
        return self.prior.measure

    @property
    def support(self) -> tuple[float, float]:
        """The interval that is left."""
        low, high = self.prior.support
        return max(low, self.lower), min(high, self.upper)

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Of the truncated prior."""
        x = np.asarray(x, dtype=float)
        inside = (x >= self.lower) & (x <= self.upper)
        return np.where(inside, self.prior.logpdf(x) - np.log(self._mass), -np.inf)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Of the truncated prior."""
        x = np.clip(np.asarray(x, dtype=float), self.lower, self.upper)
        return np.clip((self.prior.cdf(x) - self._below) / self._mass, 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Of the truncated prior."""
        return np.clip(self.prior.quantile(self._below + np.asarray(p) * self._mass), *self.support)

    def describe(self) -> str:
        """The prior in words: "normal (mean 0, sd 0.3) above 0"."""
        low, high = self.prior.support
        cut_low, cut_high = self.lower > low, self.upper < high
        if cut_low and cut_high:
            return f"{self.prior.describe()} between {self.lower:g} and {self.upper:g}"
        if cut_low:
            return f"{self.prior.describe()} above {self.lower:g}"
        return f"{self.prior.describe()} below {self.upper:g}" if cut_high else self.prior.describe()
