"""One group's proportion and its transformations; formulas as in metafor's `escalc`. `scale` has the ways back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.measures.effect import Effect, size_weighted_mean

FloatArray = NDArray[np.float64]


def proportion(events: FloatArray, n: FloatArray, variance: str = "LS") -> Effect:
    """x/n; variance p(1 − p)/n, unbiased over n − 1 ("UB"), or with the average proportion ("AV")."""
    p = events / n
    if variance == "AV":
        mean = size_weighted_mean(p, n)
        return Effect(p, mean * (1 - mean) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Effect(p, p * (1 - p) / (n - 1.0 if variance == "UB" else n))


def log_proportion(events: FloatArray, n: FloatArray) -> Effect:
    """log x/n; variance 1/x − 1/n."""
    with np.errstate(divide="ignore"):
        return Effect(np.log(events) - np.log(n), 1 / events - 1 / n)


def logit_proportion(events: FloatArray, n: FloatArray) -> Effect:
    """log x/(n − x); variance 1/x + 1/(n − x)."""
    with np.errstate(divide="ignore"):
        return Effect(np.log(events) - np.log(n - events), 1 / events + 1 / (n - events))


def arcsine_proportion(events: FloatArray, n: FloatArray) -> Effect:
    """asin √(x/n); variance 1/4n."""
    return Effect(np.arcsin(np.sqrt(events / n)), 0.25 / n)


def double_arcsine_proportion(events: FloatArray, n: FloatArray) -> Effect:
    """½(asin √(x/(n + 1)) + asin √((x + 1)/(n + 1))); variance 1/(4n + 2) (Freeman & Tukey 1950)."""
    halves = np.arcsin(np.sqrt(events / (n + 1))) + np.arcsin(np.sqrt((events + 1) / (n + 1)))
    return Effect(0.5 * halves, 1 / (4 * n + 2))
