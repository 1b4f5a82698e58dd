"""Intervals: of the pooled effect, and of τ²."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from equipoise.errors import DataError

if TYPE_CHECKING:
    from equipoise.synthesis.pairwise.result import Pooled

FloatArray = NDArray[np.float64]

CI_METHODS = ("z", "t", "hksj", "hksj-floored")
_ALIASES = {"wald": "z", "normal": "z", "knha": "hksj", "hk": "hksj", "adhoc": "hksj-floored"}


class Wald(NamedTuple):
    """An estimate's test and interval; ``df`` is NaN for the normal distribution."""

    statistic: float
    df: float
    p_value: float
    ci: tuple[float, float]


def ci_method(name: str) -> str:
    """The canonical name: "z", "t", "hksj" or "hksj-floored" ("wald", "knha" and "adhoc" are accepted too)."""
    known = _ALIASES.get(name, name)
    if known not in CI_METHODS:
        raise DataError(f"unknown ci: {name!r}; known are {', '.join(CI_METHODS)}")
    return known


def normal_quantile(level: float) -> float:
    """The normal quantile of a two-sided interval."""
    return float(ndtri(0.5 * (1 + level)))


def wald(estimate: float, se: float, df: float, level: float) -> Wald:
    """estimate ± quantile·se, from the normal distribution (df NaN) or t."""
    statistic = estimate / se if se > 0 else np.nan
    if np.isnan(df):
        p = 2 * float(ndtr(-abs(statistic)))
        quantile = normal_quantile(level)
    else:
        p = 2 * float(stdtr(df, -abs(statistic)))
        quantile = float(stdtrit(df, 0.5 * (1 + level)))
    return Wald(statistic, df, p, (estimate - quantile * se, estimate + quantile * se))


def tau2_interval(fit: Pooled, kind: str | None, level: float) -> tuple[float, float]:
    """See `Pooled.tau2_interval`."""
    raise NotImplementedError
