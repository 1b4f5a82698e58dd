"""The scales on which measures are pooled, and the way back to what a reader knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale of pooling.

    ``name`` says what was done to the natural value; ``null`` is the pooled value of no effect (NaN for measures of
    one group, which have none); ``needs_sizes`` marks those whose way back depends on the sample sizes.
    """

    name: str
    null: float
    _back: Callable[[FloatArray, FloatArray], FloatArray]
    needs_sizes: bool = False

    def natural(self, values: ArrayLike, sizes: ArrayLike | None = None) -> FloatArray:
        """Pooled values on the natural scale.

        ``sizes`` are the studies' sample sizes or person-times; the double-arcsine and Freeman–Tukey scales need them
        and use their harmonic mean (Miller 1978), as metafor and meta do. NaN where they are needed and missing.
        """
        x = np.asarray(values, dtype=float)
        n = np.asarray(np.nan if sizes is None else harmonic_mean(sizes))
        return np.asarray(self._back(x, n))


def harmonic_mean(sizes: ArrayLike) -> float:
    """k / Σ 1/n."""
    n = np.asarray(sizes, dtype=float)
    return float(n.size / np.sum(1.0 / n))


def inverse_double_arcsine(values: FloatArray, n: FloatArray) -> FloatArray:
    """The proportion whose Freeman–Tukey double arcsine is the value, for a sample of n (Miller 1978).

    In the halved form that metafor uses, ½(asin √(x/(n+1)) + asin √((x+1)/(n+1))). Values beyond those of x = 0 and
    x = n go to 0 and 1.
    """
    t = np.asarray(values, dtype=float)
    lowest = 0.5 * np.arcsin(np.sqrt(1 / (n + 1)))
    highest = 0.5 * (np.arcsin(np.sqrt(n / (n + 1))) + np.pi / 2)
    sine = np.sin(2 * t)
    inner = np.maximum(1 - (sine + (sine - 1 / np.where(sine == 0, np.nan, sine)) / n) ** 2, 0.0)
    back = 0.5 * (1 - np.sign(np.cos(2 * t)) * np.sqrt(inner))
    return np.where(t <= lowest, 0.0, np.where(t >= highest, 1.0, back))


def inverse_freeman_tukey_rate(values: FloatArray, time: FloatArray) -> FloatArray:
    """The rate whose Freeman–Tukey transform ½(√(x/t) + √((x+1)/t)) is the value, for a person-time of t."""
    y = np.asarray(values, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = ((1 / time - 4 * y**2) / (4 * y)) ** 2
    return np.where(y <= 0.5 / np.sqrt(time), 0.0, rate)


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))


def _sine_squared(x: FloatArray) -> FloatArray:
    return np.asarray(np.sin(np.clip(x, 0, np.pi / 2)) ** 2)


def _square(x: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(x, 0.0) ** 2)


IDENTITY = Scale("identity", 0.0, lambda x, _: x)
LOG = Scale("log", 0.0, lambda x, _: np.exp(x))
FISHER_Z = Scale("Fisher z", 0.0, lambda x, _: np.tanh(x))
ARCSINE_DIFFERENCE = Scale("arcsine", 0.0, lambda x, _: x)
ROOT_DIFFERENCE = Scale("square root", 0.0, lambda x, _: x)

RAW = Scale("identity", np.nan, lambda x, _: x)
LOG_LEVEL = Scale("log", np.nan, lambda x, _: np.exp(x))
LOGIT = Scale("logit", np.nan, lambda x, _: _logistic(x))
ARCSINE = Scale("arcsine", np.nan, lambda x, _: _sine_squared(x))
DOUBLE_ARCSINE = Scale("double arcsine", np.nan, inverse_double_arcsine, needs_sizes=True)
SQUARE_ROOT = Scale("square root", np.nan, lambda x, _: _square(x))
FREEMAN_TUKEY_RATE = Scale("Freeman–Tukey", np.nan, inverse_freeman_tukey_rate, needs_sizes=True)
