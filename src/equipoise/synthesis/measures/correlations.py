"""Correlation coefficients; formulas as in metafor's `escalc`. NaN variance for n ≤ 3."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import hyp2f1

from equipoise.synthesis.measures.effect import Effect, size_weighted_mean

FloatArray = NDArray[np.float64]


def correlation(r: FloatArray, n: FloatArray, variance: str = "LS") -> Effect:
    """r; variance (1 − r²)²/(n − 1), or with the average r ("AV")."""
    middle = size_weighted_mean(r, n) if variance == "AV" else r
    return Effect(r, np.where(n > 3, (1 - middle**2) ** 2 / np.maximum(n - 1, 1), np.nan))


def unbiased_correlation(r: FloatArray, n: FloatArray, variance: str = "LS") -> Effect:
    """r F(½, ½; (n − 2)/2; 1 − r²) (Olkin & Pratt 1958); variance (1 − y²)²/(n − 1) or unbiased ("UB")."""
    size = np.where(n > 4, n, np.nan)
    y = r * hyp2f1(0.5, 0.5, (size - 2) / 2, 1 - r**2)
    if variance == "UB":
        tail = (size - 3) / (size - 2) * (1 - r**2) * hyp2f1(1, 1, size / 2, 1 - r**2)
        return Effect(y, y**2 - 1 + tail)
    middle = size_weighted_mean(y, n) if variance == "AV" else y
    return Effect(y, (1 - middle**2) ** 2 / (size - 1))


def fisher_z(r: FloatArray, n: FloatArray) -> Effect:
    """artanh r; variance 1/(n − 3)."""
    with np.errstate(divide="ignore"):
        return Effect(np.arctanh(r), 1 / np.where(n > 3, n - 3, np.nan))
