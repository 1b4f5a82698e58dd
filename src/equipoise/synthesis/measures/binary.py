"""Two groups, events among people: (events, n) of the treated group, then of the comparator.

Formulas as in metafor's `escalc` with its large-sample variances (Fleiss & Berlin 2009). Ratios are on the log scale.
Counts may be fractional after a continuity correction; see `zero_cells`. A study without information gives NaN or an
infinite variance here, and is left out, with the reason, by `effect_sizes`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.measures.effect import Effect, size_weighted_mean

FloatArray = NDArray[np.float64]


def odds_ratio(
    events1: FloatArray, n1: FloatArray, events2: FloatArray, n2: FloatArray, variance: str = "LS"
) -> Effect:
    """log OR; variance 1/a + 1/b + 1/c + 1/d (Woolf 1955), or with risks averaged over studies ("AV")."""
    b, d = n1 - events1, n2 - events2
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = np.log(events1) - np.log(b) - np.log(events2) + np.log(d)
        if variance == "AV":
            p1, p2 = size_weighted_mean(events1 / n1, n1), size_weighted_mean(events2 / n2, n2)
            return Effect(estimates, 1 / (p1 * (1 - p1) * n1) + 1 / (p2 * (1 - p2) * n2))
        return Effect(estimates, 1 / events1 + 1 / b + 1 / events2 + 1 / d)


def risk_ratio(
    events1: FloatArray, n1: FloatArray, events2: FloatArray, n2: FloatArray, variance: str = "LS"
) -> Effect:
    """log RR; variance 1/a − 1/n₁ + 1/c − 1/n₂, or with risks averaged over studies ("AV")."""
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = np.log(events1) - np.log(n1) - np.log(events2) + np.log(n2)
        if variance == "AV":
            p1, p2 = size_weighted_mean(events1 / n1, n1), size_weighted_mean(events2 / n2, n2)
            return Effect(estimates, (1 - p1) / (p1 * n1) + (1 - p2) / (p2 * n2))
        return Effect(estimates, 1 / events1 - 1 / n1 + 1 / events2 - 1 / n2)


def risk_difference(
    events1: FloatArray, n1: FloatArray, events2: FloatArray, n2: FloatArray, variance: str = "LS"
) -> Effect:
    """p₁ − p₂; variance Σ p(1 − p)/n, unbiased Σ p(1 − p)/(n − 1) ("UB"), or with averaged risks ("AV")."""
    p1, p2 = events1 / n1, events2 / n2
    estimates = p1 - p2
    if variance == "AV":
        p1, p2 = size_weighted_mean(p1, n1), size_weighted_mean(p2, n2)
    less = 1.0 if variance == "UB" else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return Effect(estimates, p1 * (1 - p1) / (n1 - less) + p2 * (1 - p2) / (n2 - less))


def arcsine_difference(events1: FloatArray, n1: FloatArray, events2: FloatArray, n2: FloatArray) -> Effect:
    """asin √p₁ − asin √p₂; variance 1/4n₁ + 1/4n₂ (Rücker et al. 2009)."""
    return Effect(np.arcsin(np.sqrt(events1 / n1)) - np.arcsin(np.sqrt(events2 / n2)), 0.25 / n1 + 0.25 / n2)


def peto_odds_ratio(events1: FloatArray, n1: FloatArray, events2: FloatArray, n2: FloatArray) -> Effect:
    """Peto's one-step log OR, (O − E)/V, with variance 1/V, V hypergeometric (Yusuf et al. 1985)."""
    n, events = n1 + n2, events1 + events2
    expected = events * n1 / n
    information = events * (n - events) * (n1 / n) * (n2 / n) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Effect((events1 - expected) / information, 1 / information)
