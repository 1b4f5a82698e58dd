"""Where the true effect of a new study lies: the main conventions."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtrit

from equipoise.errors import DataError

CONVENTIONS = ("metafor", "V", "HTS", "S")


def prediction_interval(
    estimate: float, se: float, tau2: float, k: int, df: float, level: float, convention: str = "metafor"
) -> tuple[float, float]:
    """estimate ± q·√(se² + τ²).

    "metafor": q from the distribution of the confidence interval (normal, or t on ``df`` degrees of freedom when that
    isn't NaN); "V": t with k − 1 (Veroniki et al. 2019; meta's default since 7.0); "HTS": t with k − 2 (Higgins,
    Thompson & Spiegelhalter 2009); "S": normal (Skipka 2006). NaN where there is no degree of freedom.
    """
    if convention not in CONVENTIONS:
        raise DataError(
            f"unknown convention for the prediction interval: {convention!r}; known: {', '.join(CONVENTIONS)}"
        )
    freedom = {"metafor": df, "V": k - 1.0, "HTS": k - 2.0, "S": np.nan}[convention]
    upper = 0.5 * (1 + level)
    quantile = float(ndtri(upper)) if np.isnan(freedom) else float(stdtrit(max(freedom, 0.0) or np.nan, upper))
    half = quantile * float(np.sqrt(se**2 + tau2))
    return estimate - half, estimate + half
