"""Intervals: of the pooled effect, and of τ²."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr, ndtri, stdtr, stdtrit

from equipoise.errors import DataError
from equipoise.synthesis.pairwise.heterogeneity import METHODS, WEIGHTED_METHODS
from equipoise.synthesis.pairwise.likelihood import ML, REML, profile_interval
from equipoise.synthesis.pairwise.projection import InterceptOnly
from equipoise.synthesis.pairwise.quadratic_forms import generalised_q_root
from equipoise.synthesis.pairwise.roots import q_root

if TYPE_CHECKING:
    from equipoise.synthesis.pairwise.result import Pooled

FloatArray = NDArray[np.float64]

TAU2_INTERVALS = ("QP", "GENQ", "PL", "Wald")
LIKELIHOODS = {"ML": ML, "REML": REML}
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
    name = kind or ("GENQ" if fit.method in WEIGHTED_METHODS else "QP")
    if name not in TAU2_INTERVALS:
        raise DataError(f"unknown interval for τ²: {kind!r}; known are {', '.join(TAU2_INTERVALS)}")
    if fit.k == 1 or fit.model == "common" or fit.method not in {*METHODS, *WEIGHTED_METHODS}:
        if kind is None:
            return np.nan, np.nan
        raise DataError("an interval for τ² needs a random-effects model of two studies or more")
    model = InterceptOnly(fit.estimates, fit.variances)
    tail = 0.5 * (1 - level)
    if name == "QP":
        low, high = (q_root(model, np.asarray(chdtri(fit.k - 1, share))) for share in (tail, 1 - tail))
        return float(np.nan_to_num(low, nan=0.0)), float(np.nan_to_num(high, nan=0.0))
    if name == "GENQ":
        if fit.method not in WEIGHTED_METHODS:
            raise DataError("the generalised Q interval belongs to method='GENQ' or 'GENQM'")
        at = model.weighted(fit.weights)
        P, q = at.matrix(), float(at.q)
        return generalised_q_root(P, model.variances, q, tail), generalised_q_root(P, model.variances, q, 1 - tail)
    if name == "PL":
        if fit.method not in LIKELIHOODS:
            raise DataError("the profile-likelihood interval belongs to method='REML' or 'ML'")
        return profile_interval(model, LIKELIHOODS[fit.method], fit.tau2, float(chdtri(1, 1 - level)))
    half = normal_quantile(level) * fit.tau2_se
    return max(0.0, fit.tau2 - half), fit.tau2 + half
