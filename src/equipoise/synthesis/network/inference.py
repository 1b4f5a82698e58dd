"""From an estimate and its standard error to an interval and a p-value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from equipoise.frames import FloatArray

Interval = Literal["normal", "t", "hksj"]


@dataclass(frozen=True, slots=True)
class Inference:
    """How one subnetwork's intervals are made.

    ``scale``: the factor on standard errors (1 unless Hartung–Knapp); ``df``: degrees of freedom of the t
    distribution, infinite for the normal one, NaN where there are none left; ``quantile``: of that distribution.
    """

    scale: float
    df: float
    quantile: float

    def p_values(self, statistics: Any) -> FloatArray:
        """Two-sided p-values of estimate / standard error."""
        return np.asarray(2.0 * self.lower_tail(-np.abs(statistics)), dtype=float)

    def lower_tail(self, statistics: Any) -> FloatArray:
        """The distribution function."""
        if np.isinf(self.df):
            return np.asarray(ndtr(statistics), dtype=float)
        return np.asarray(stdtr(self.df, statistics), dtype=float)


def infer(ci: Interval, level: float, q: float, df: int) -> Inference:
    """The inference for interval type ``ci``; ``q`` is Q at the model's τ² and ``df`` its degrees of freedom.

    "t" and "hksj" need a degree of freedom; without one the interval is NaN. Hartung–Knapp for networks scales the
    covariance by q/df (Jackson & Riley 2014, Statistics in Medicine 33:4261).
    """
    upper = 1.0 - (1.0 - level) / 2.0
    if ci == "normal":
        return Inference(1.0, float("inf"), float(ndtri(upper)))
    if df < 1:
        return Inference(1.0 if ci == "t" else float("nan"), float("nan"), float("nan"))
    scale = 1.0 if ci == "t" else float(np.sqrt(q / df))
    return Inference(scale, float(df), float(stdtrit(df, upper)))
