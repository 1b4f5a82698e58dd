"""One group's mean and standard deviation; formulas as in metafor's `escalc`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.measures.continuous import hedges_correction
from equipoise.synthesis.measures.effect import Effect

FloatArray = NDArray[np.float64]


def mean(mean: FloatArray, sd: FloatArray, n: FloatArray) -> Effect:
    """m; variance sd²/n."""
    return Effect(mean, sd**2 / n)


def standardised_mean(mean: FloatArray, sd: FloatArray, n: FloatArray) -> Effect:
    """J(n − 1) m/sd; variance 1/n + y²/2n."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = hedges_correction(n - 1) * mean / sd
    return Effect(y, 1 / n + y**2 / (2 * n))


def log_mean(mean: FloatArray, sd: FloatArray, n: FloatArray) -> Effect:
    """log m; variance sd²/(n m²)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return Effect(np.log(mean), sd**2 / (n * mean**2))


def log_cv(mean: FloatArray, sd: FloatArray, n: FloatArray) -> Effect:
    """log sd/m + 1/2(n − 1); variance 1/2(n − 1) + sd²/(n m²) (Nakagawa et al. 2015)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 0.5 / (n - 1)
        return Effect(np.log(sd / mean) + half, half + sd**2 / (n * mean**2))


def log_sd(sd: FloatArray, n: FloatArray) -> Effect:
    """log sd + 1/2(n − 1); variance 1/2(n − 1) (Nakagawa et al. 2015)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 0.5 / (n - 1)
        return Effect(np.log(sd) + half, half)
