"""Hazard ratios, and any published estimate with an interval, on the scale on which they are pooled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from equipoise.synthesis.measures.effect import Effect

FloatArray = NDArray[np.float64]


def hazard_ratio(o_minus_e: FloatArray, v: FloatArray) -> Effect:
    """log HR from the log-rank O − E and its variance V: (O − E)/V, variance 1/V (Yusuf et al. 1985)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return Effect(o_minus_e / v, 1 / v)


def from_interval(estimate: FloatArray, low: FloatArray, high: FloatArray, level: float = 0.95) -> Effect:
    """An estimate with a symmetric normal interval, all on the scale of pooling (logs for ratios): se = width/2z."""
    se = (high - low) / (2 * ndtri(0.5 * (1 + level)))
    return Effect(estimate, se**2)
