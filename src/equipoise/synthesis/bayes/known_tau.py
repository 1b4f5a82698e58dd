"""τ = 0, with the face of a posterior of τ: what a common-effect model knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KnownTau:
    """All the probability at τ = 0."""

    log_evidence: float

    error = 0.0
    tail = float("inf")
    mean = 0.0
    sd = 0.0
    median = 0.0
    mode = 0.0

    @property
    def tau(self) -> FloatArray:
        """The one node."""
        return np.zeros(1)

    @property
    def weights(self) -> FloatArray:
        """Its weight."""
        return np.ones(1)

    def expect(self, values: ArrayLike) -> FloatArray:
        """E of a function given at the node, shape (1, …)."""
        return np.asarray(np.asarray(values, dtype=float)[0])

    def error_of(self, values: ArrayLike) -> FloatArray:
        """None."""
        return np.zeros(np.asarray(values).shape[1:])

    def pdf(self, tau: ArrayLike) -> FloatArray:
        """Infinite at 0, 0 elsewhere."""
        return np.where(np.asarray(tau, dtype=float) == 0.0, np.inf, 0.0)

    def cdf(self, tau: ArrayLike) -> FloatArray:
        """A step at 0."""
        return np.where(np.asarray(tau, dtype=float) >= 0.0, 1.0, 0.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """0."""
        return np.zeros(np.asarray(p).shape)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """(0, 0), at any level."""
        return 0.0, 0.0

    def shortest_interval(self, level: float = 0.95) -> tuple[float, float]:
        """(0, 0), at any level."""
        return 0.0, 0.0

    def probability(self, low: float = 0.0, high: float = float("inf")) -> float:
        """1 where 0 lies between the ends, else 0."""
        return 1.0 if low <= 0.0 <= high else 0.0
