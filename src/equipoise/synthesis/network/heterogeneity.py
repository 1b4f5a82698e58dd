"""The heterogeneity variance τ² of a network, and what is said about it.

τ² is common to all comparisons of a connected network; it enters a study's contrasts as τ² on the diagonal and τ²/2
off it. "DL" is the generalised method of moments (Jackson, White & Riley 2012, Statistics in Medicine 31:3805);
"REML" and "ML" maximise the exact Gaussian (restricted) likelihood with the full covariance of multi-arm studies, as
`rma.mv` of metafor does when given it. (netmeta's REML and ML drop those covariances when it has contrasts only.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import chdtrc, chdtri, ndtri

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.network.gls import (
    Solution,
    System,
    accumulate,
    solve,
    weights_at,
)
from equipoise.synthesis.network.likelihood import Likelihood, make_likelihood

Tau2Method = Literal["REML", "DL", "ML"]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Heterogeneity of one connected network.

    ``tau2``: variance on the analysis scale; ``q``, ``df``, ``p``: Cochran's Q at τ² = 0 (heterogeneity and
    inconsistency together); ``i2``: (Q − df)/Q, at least 0, as a fraction.
    """

    tau2: float
    q: float
    df: int
    p: float
    i2: float


def heterogeneity(system: System, method: Tau2Method) -> Heterogeneity:
    """τ² by ``method`` and the Q statistic; τ² is 0 where there are no degrees of freedom to see any."""
    common = solve(system)
    df = system.df
    tau2 = estimate_tau2(system, method, common) if df > 0 else 0.0
    p = float(chdtrc(df, common.q)) if df > 0 else float("nan")
    i2 = max(0.0, (common.q - df) / common.q) if df > 0 and common.q > 0 else 0.0 if df > 0 else float("nan")
    return Heterogeneity(tau2, common.q, df, p, i2)


def estimate_tau2(
    system: System, method: Tau2Method, common: Solution | None = None, near: float | None = None
) -> float:
    """τ² by ``method``; ``common`` is the fit at τ² = 0 when it is at hand, ``near`` a τ² that can't be far off."""
    common = common or solve(system)
    if method == "DL":
        return _moments(system, common)
    if method in ("REML", "ML"):
        return _likelihood(system, method == "REML", _moments(system, common), near)
    raise DataError(f"tau² method {method!r} isn't known; choose 'REML', 'DL' or 'ML'")


def _moments(system: System, common: Solution) -> float:
    weights = weights_at(system, 0.0)
    squared = accumulate(system, [w * w for w in weights])
    divisor = sum(float(w.sum()) for w in weights) - float((common.inverse * squared).sum())
    return max(0.0, (common.q - system.df) / divisor) if divisor > 0 else 0.0


def tau2_interval(system: System, level: float) -> tuple[float, float]:
    """The Q-profile interval of τ²: where Q(τ²) is what a χ² with its degrees of freedom can be (Viechtbauer 2007).

    (0, 0) when even Q(0) is too small, NaN without degrees of freedom. Generalised to networks as Q is (Jackson,
    White & Riley 2012).
    """
    if system.df < 1:
        return float("nan"), float("nan")
    tail = (1.0 - level) / 2.0
    of_tau2, top = make_likelihood(system), search_limit(system, 0.0)
    low, high = (_where_q_is(of_tau2, float(chdtri(system.df, share)), top) for share in (tail, 1.0 - tail))
    return low, high


def i2_interval(q: float, df: int, level: float) -> tuple[float, float]:
    """The test-based interval of I², fractions, by that of H (Higgins & Thompson 2002, Stat Med 21:1539, appendix A2).

    log H is normal around ½ log(Q/df), its standard error from the distribution of Q; H is at least 1. NaN with fewer
    than two degrees of freedom.
    """
    if df < 2:
        return float("nan"), float("nan")
    if q > df + 1:
        error = 0.5 * (np.log(q) - np.log(df)) / (np.sqrt(2.0 * q) - np.sqrt(2.0 * df - 1.0))
    else:
        error = np.sqrt((1.0 - 1.0 / (3.0 * (df - 1.0) ** 2)) / (2.0 * (df - 1.0)))
    centre = max(0.0, 0.5 * np.log(q / df)) if q > 0 else 0.0
    half = float(ndtri(0.5 + level / 2.0)) * error
    low, high = (max(0.0, 1.0 - float(np.exp(-2.0 * x))) for x in (centre - half, centre + half))
    return low, high


def _where_q_is(of_tau2: Likelihood, target: float, top: float) -> float:
    """The τ² at which Q(τ²), which falls with τ², has come down to ``target``; ``top``: where to begin looking."""
    if of_tau2.q(0.0) <= target:
        return 0.0
    while of_tau2.q(top) > target:
        top *= 4.0
    return float(brentq(lambda tau2: of_tau2.q(tau2) - target, 0.0, top, xtol=1e-15 * top, rtol=1e-12))


def _likelihood(system: System, restricted: bool, moments: float, near: float | None) -> float:
    of_tau2 = make_likelihood(system)
    return maximise(
        lambda tau2: of_tau2.height(tau2, restricted),
        lambda tau2: of_tau2.slope(tau2, restricted),
        search_limit(system, moments),
        near,
    )


def search_limit(system: System, moments: float) -> float:
    """A τ² beyond which no maximum of the likelihood can lie; ``moments`` is the method-of-moments estimate."""
    typical = sum(float(b.variances.sum()) for b in system.rotated) / system.contrasts
    largest = max(float(np.abs(b.values).max()) for b in system.rotated)
    return 4.0 * max(typical, moments, largest**2)


def likelihood_grid(system: System, common: Solution) -> FloatArray:
    """Values of τ² among which the maximum of the likelihood is looked for; ``common``: the fit at τ² = 0."""
    return _grid(search_limit(system, _moments(system, common)))


def _grid(top: float) -> FloatArray:
    return np.concatenate([[0.0], top * np.logspace(-8, 0, 25)])


def maximise(
    height: Callable[[float], float], slope: Callable[[float], float], top: float, near: float | None = None
) -> float:
    """Where a log likelihood of τ² in [0, top] is highest: a grid finds the neighbourhood, a root of its slope it.

    A maximum ``near`` a given τ² is taken if no point of a wide grid is higher. Raises ``NotConverged`` when it still rises at ``top``.
    """
    grid = _grid(top)
    if near is not None:
        found = _maximum_near(slope, near)
        if found is not None and height(found) >= max(height(float(t)) for t in grid[1::3]):
            return found
    heights = np.array([height(float(t)) for t in grid])
    best = int(np.argmax(heights))
    if best == len(grid) - 1:
        raise NotConverged(f"the likelihood still rises at tau² = {top:.3g}; check the estimates and variances")
    low, high = float(grid[max(best - 1, 0)]), float(grid[best + 1])
    if best == 0 and slope(0.0) <= 0:
        return 0.0
    if not slope(low) > 0 > slope(high):
        bounded = minimize_scalar(lambda t: -height(t), bounds=(low, high), method="bounded")
        width = 1e-4 * (high - low)
        low, high = max(0.0, float(bounded.x) - width), float(bounded.x) + width
        if not slope(low) > 0 > slope(high):
            return float(bounded.x)
    return float(brentq(slope, low, high, xtol=1e-15 * top, rtol=1e-13))


def _maximum_near(slope: Callable[[float], float], near: float) -> float | None:
    """A maximum within half of ``near`` (0: at 0), if there is one."""
    if near == 0.0:
        return 0.0 if slope(0.0) <= 0.0 else None
    low, high = near / 1.5, near * 1.5
    if not slope(low) > 0 > slope(high):
        return None
    return float(brentq(slope, low, high, xtol=1e-15 * high, rtol=1e-13))
