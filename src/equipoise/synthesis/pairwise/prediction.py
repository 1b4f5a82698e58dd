"""Where the true effect of a new study lies: the main conventions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]

CONVENTIONS = ("metafor", "V", "HTS", "S")


def prediction_interval(
    estimate: float, se: float, tau2: float, k: int, df: float, level: float, convention: str = "metafor"
) -> tuple[float, float]:
    """estimate ± q·√(se² + τ²).

    "metafor": q from the distribution of the confidence interval (normal, or t on ``df`` degrees of freedom when that
    isn't NaN); "V": t with k − 1 (Veroniki et al. 2019; meta's default since 7.0); "HTS": t with k − 2 (Higgins,
    Thompson & Spiegelhalter 2009); "S": normal (Skipka 2006). NaN where there is no degree of freedom.
    """
    degrees = float(freedom(convention, float(k), df))
    upper = 0.5 * (1 + level)
    quantile = float(ndtri(upper)) if np.isnan(degrees) else float(stdtrit(max(degrees, 0.0) or np.nan, upper))
    half = quantile * float(np.sqrt(se**2 + tau2))
    return estimate - half, estimate + half


def freedom(convention: str, k: FloatArray | float, df: FloatArray | float) -> FloatArray:
    """A convention's degrees of freedom; NaN stands for the normal distribution."""
    if convention not in CONVENTIONS:
        known = ", ".join(CONVENTIONS)
        raise DataError(f"unknown convention for the prediction interval: {convention!r}; known are {known}")
    if convention == "metafor":
        return np.asarray(df)
    return np.asarray({"V": k - 1.0, "HTS": k - 2.0, "S": k * np.nan}[convention])
