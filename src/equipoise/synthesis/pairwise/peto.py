"""Peto's one-step odds ratio, Σ(O − E)/ΣV (Yusuf et al. 1985), as metafor's `rma.peto`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Peto:
    """The pooled log odds ratio, its variance, each study's V as weight (k,), and Q with its degrees of freedom."""

    estimate: float
    variance: float
    weights: FloatArray
    q: float
    q_df: int
    q_p: float


def peto(events1: FloatArray, n1: FloatArray, events2: FloatArray, n2: FloatArray) -> Peto:
    """The Peto odds ratio of two-by-two tables, each argument (k,).

    Tables without events, or with nothing but events, have no information and count for nothing. Raises ``DataError``
    when no table has any.
    """
    n, events = n1 + n2, events1 + events2
    v = events * (n - events) * (n1 / n) * (n2 / n) / (n - 1)
    excess = events1 - events * n1 / n
    return pool_o_minus_e(excess, v)


def pool_o_minus_e(o_minus_e: FloatArray, v: FloatArray) -> Peto:
    """The pooled log ratio of studies with O − E and its variance V: Peto odds ratios, log-rank hazard ratios."""
    total = float(v.sum())
    if total == 0:
        raise DataError(
            "no study has any information: one of the two outcomes never occurs; Peto's method can't be used"
        )
    estimate = float(o_minus_e.sum()) / total
    informative = v > 0
    x, w = o_minus_e[informative], v[informative]
    q = max(0.0, float((w * (x / w - estimate) ** 2).sum()))
    df = int(informative.sum()) - 1
    return Peto(estimate, 1 / total, v, q, df, float(chdtrc(df, q)) if df > 0 else 1.0)
