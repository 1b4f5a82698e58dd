"""Coordinates in which a posterior falls off so fast at both ends that equal steps integrate it.

The trapezoidal rule on the whole line errs exponentially little for an analytic integrand that decays at both ends
(Takahasi & Mori 1974, Publications of the RIMS 9:721). Each parameter gets a coordinate x on the whole line that
makes it so: sinh for the line, exp(x − exp(−x)) or exp(x) for the half line, the logistic function of π sinh(x) for
an interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Coordinate(Protocol):
    """A parameter as a function of x."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The x beyond which nothing is left, in double precision."""

    @property
    def start(self) -> tuple[float, float, float]:
        """Where to look first: from, to, step."""

    def value(self, x: FloatArray) -> FloatArray:
        """The parameter at x."""

    def log_slope(self, x: FloatArray) -> FloatArray:
        """The logarithm of its derivative."""


@dataclass(frozen=True, slots=True)
class Line:
    """The whole line: linear within ``scale`` of ``centre``, logarithmic beyond."""

    centre: float
    scale: float

    @property
    def bounds(self) -> tuple[float, float]:
        return -40.0, 40.0

    @property
    def start(self) -> tuple[float, float, float]:
        return -6.5, 6.5, 0.5

    def value(self, x: FloatArray) -> FloatArray:
        return self.centre + self.scale * np.sinh(x)

    def log_slope(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.log(self.scale) + np.logaddexp(x, -x) - np.log(2.0))


@dataclass(frozen=True, slots=True)
class HalfLine:
    """From ``origin`` upwards (``sign`` 1) or downwards (−1); ``scale`` is the typical distance from it."""

    origin: float
    scale: float
    sign: float = 1.0

    @property
    def bounds(self) -> tuple[float, float]:
        return -4.2, 40.0

    @property
    def start(self) -> tuple[float, float, float]:
        return -3.2, 6.0, 0.4

    def value(self, x: FloatArray) -> FloatArray:
        return self.origin + self.sign * self.scale * np.exp(x - np.exp(-x))

    def log_slope(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.log(self.scale) + x - np.exp(-x) + np.log1p(np.exp(-x)))


@dataclass(frozen=True, slots=True)
class LogLine:
    """The positive numbers, by their logarithm: for a density that vanishes fast enough at 0 by itself."""

    scale: float

    @property
    def bounds(self) -> tuple[float, float]:
        return -60.0, 60.0

    @property
    def start(self) -> tuple[float, float, float]:
        return -4.0, 6.0, 0.5

    def value(self, x: FloatArray) -> FloatArray:
        return self.scale * np.exp(x)

    def log_slope(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.log(self.scale) + x)


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low`` to ``high``."""

    low: float = 0.0
    high: float = 1.0

    @property
    def bounds(self) -> tuple[float, float]:
        return -3.6, 3.6

    @property
    def start(self) -> tuple[float, float, float]:
        return -2.8, 2.8, 0.4

    def value(self, x: FloatArray) -> FloatArray:
        return self.low + (self.high - self.low) * np.exp(self.log_share(x))

    def log_share(self, x: FloatArray) -> FloatArray:
        """The logarithm of the share of the interval that lies below."""
        return np.asarray(-np.logaddexp(0.0, -np.pi * np.sinh(x)))

    def log_slope(self, x: FloatArray) -> FloatArray:
        length = np.log(np.pi * (self.high - self.low))
        return np.asarray(length + self.log_share(x) + self.log_share(-x) + np.logaddexp(x, -x) - np.log(2.0))


def coordinate_for(support: tuple[float, float], centre: float, scale: float) -> Coordinate:
    """The coordinate for a parameter with this support, whose posterior is somewhere about ``centre``."""
    low, high = support
    if np.isfinite(low) and np.isfinite(high):
        return Interval(low, high)
    if np.isfinite(low):
        return HalfLine(low, max(scale, centre - low))
    if np.isfinite(high):
        return HalfLine(high, max(scale, high - centre), -1.0)
    return Line(centre, scale)
