"""The likelihood and the restricted likelihood of τ², and their global maximum.

With few studies of very different precision the likelihood can have several maxima (about one in two hundred sets of
studies whose variances span orders of magnitude). A scan over τ² brackets them all before Newton's method refines
each; the largest wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.pairwise.projection import Model, Projection
from equipoise.synthesis.pairwise.roots import LIMIT, stuck

FloatArray = NDArray[np.float64]

_FINE = 64
_STEP = 1e-10  # Newton's next step would be its square


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The equation y′PPy = trace whose roots are the maxima: the trace is tr P when restricted, else tr W."""

    restricted: bool

    def log(self, at: Projection) -> FloatArray:
        """The log-likelihood with the coefficients profiled out, up to a constant that doesn't depend on τ²."""
        return 0.5 * (at.log_weights - at.q - (at.log_det if self.restricted else 0.0))

    def lost(self, model: Model) -> int:
        """The coefficients for which it loses degrees of freedom."""
        return model.p if self.restricted else 0

    def excess(self, at: Projection) -> FloatArray:
        """trace/y′PPy − 1: opposite in sign to the score, and nearly linear in τ²."""
        return (at.tr_p if self.restricted else at.sum_w) / at.ypp - 1.0

    def excess_and_slope(self, at: Projection) -> tuple[FloatArray, FloatArray]:
        """The excess and its derivative in τ²."""
        trace, squares = (at.tr_p, at.tr_pp) if self.restricted else (at.sum_w, at.sum_w2)
        ratio = trace / at.ypp
        return ratio - 1.0, (2.0 * ratio * at.yppp - squares) / at.ypp


ML = Likelihood(restricted=False)
REML = Likelihood(restricted=True)


def largest_maximum(model: Model, likelihood: Likelihood) -> FloatArray:
    """The τ² ≥ 0 with the largest likelihood.

    The scan is coarse at first, each point about three times the one before; where the excess doesn't rise
    throughout, which it does whenever the maximum is the only one, it is repeated with 64 points. Beyond the last
    point the score is negative: y′PPy ≤ RSS/(τ² + min v)², and the trace is at least (k − lost)/(τ² + max v).
    """
    smallest, largest = model.extreme_variances()
    rss, df = model.equally().q, model.k - likelihood.lost(model)
    upper = (rss + np.sqrt(rss * (rss + 4.0 * df * (largest - smallest)))) / (2.0 * df) - smallest
    upper = upper + 1e-6 * np.maximum(upper, 0.0)  # with equal variances the bound is the maximum itself
    if model.many:
        return _largest_maximum_batch(model, likelihood, smallest, np.asarray(upper))
    if not upper > 0.0:
        return np.asarray(0.0)
    return np.asarray(_largest_maximum(model, likelihood, float(smallest), float(upper)))


def profile_interval(model: Model, likelihood: Likelihood, tau2: float, drop: float) -> tuple[float, float]:
    """Where twice the log-likelihood is ``drop`` below its maximum at ``tau2``, on either side; 0 if it never is."""
    from scipy.optimize import brentq

    goal = float(likelihood.log(model.at(tau2))) - 0.5 * drop

    def height(value: float) -> float:
        return float(likelihood.log(model.at(value))) - goal

    low = float(brentq(height, 0.0, tau2, xtol=1e-300, rtol=1e-14)) if tau2 > 0 and height(0.0) < 0 else 0.0
    above = 2.0 * tau2 + float(model.variances.mean())
    for _ in range(LIMIT):
        if height(above) < 0:
            return low, float(brentq(height, tau2, above, xtol=1e-300, rtol=1e-14))
        above *= 4.0
    raise stuck("profile likelihood")


def _coarse(span: float) -> int:
    return int(min(max(np.ceil(span / np.log(3.0)), 6), _FINE))


def _largest_maximum(model: Model, likelihood: Likelihood, smallest: float, upper: float) -> float:
    span = float(np.log1p(upper / smallest))
    for cells in (_coarse(span), _FINE):
        points = smallest * np.expm1(np.linspace(0.0, span, cells + 1))
        excess = likelihood.excess(model.at(points))
        if (excess[1:] > excess[:-1]).all():
            break
    found = [0.0] if excess[0] >= 0.0 else []
    for j in np.flatnonzero((excess[:-1] < 0.0) & (excess[1:] >= 0.0)):
        found.append(_newton(model, likelihood, points[j : j + 2], excess[j : j + 2], smallest))
    if len(found) == 1:
        return found[0]
    return found[int(np.argmax(likelihood.log(model.at(np.array(found)))))]


def _newton(model: Model, likelihood: Likelihood, ends: FloatArray, at_ends: FloatArray, smallest: float) -> float:
    low, high = map(float, ends)
    tau2 = low + (high - low) * float(at_ends[0]) / float(at_ends[0] - at_ends[1])
    for _ in range(LIMIT):
        excess, slope = (float(part) for part in likelihood.excess_and_slope(model.at(tau2)))
        if excess < 0.0:
            low = tau2
        else:
            high = tau2
        newton = tau2 - excess / slope if slope > 0.0 else np.inf
        near = _STEP * (tau2 + smallest)
        if abs(newton - tau2) <= near:
            return newton
        tau2 = newton if low < newton < high else 0.5 * (low + high)
        if high - low <= near * _STEP:
            return tau2
    raise stuck("likelihood")


def _largest_maximum_batch(
    model: Model, likelihood: Likelihood, smallest: FloatArray, upper: FloatArray
) -> FloatArray:
    tau2 = np.zeros(len(upper))
    rows = np.flatnonzero(upper > 0.0)
    if not len(rows):
        return tau2
    part = model if len(rows) == len(upper) else model.take(rows)
    least = smallest[rows]
    span = np.log1p(upper[rows] / least)
    brackets = _scan(part, likelihood, least, span, _coarse(float(span.max())))
    rough = np.flatnonzero(~brackets.rising)
    if len(rough):
        brackets = brackets.replace(rough, _scan(part.take(rough), likelihood, least[rough], span[rough], _FINE))

    owner = brackets.owner
    value = _newton_batch(part.take(owner), likelihood, brackets.ends, least[owner])
    maxima = np.bincount(owner, minlength=len(rows)) + brackets.at_zero
    several = maxima[owner] > 1
    tau2[rows[owner[~several]]] = value[~several]
    if several.any():
        best = np.full(len(rows), -np.inf)
        zero = np.flatnonzero((maxima > 1) & brackets.at_zero)
        best[zero] = likelihood.log(part.take(zero).at(np.zeros(len(zero))))
        contenders = owner[several]
        heights = likelihood.log(part.take(contenders).at(value[several]))
        for row, height, candidate in zip(contenders, heights, value[several], strict=True):
            if height > best[row]:
                best[row], tau2[rows[row]] = height, candidate
    return tau2


@dataclass(frozen=True, slots=True)
class _Brackets:
    """Where a scan saw maxima.

    ``ends`` (4, m) are brackets (low, high, excess at both) and ``owner`` (m,) the analyses that they belong to;
    ``at_zero`` says which analyses have a maximum at 0, ``rising`` whose excess rises throughout.
    """

    owner: NDArray[np.intp]
    ends: FloatArray
    at_zero: NDArray[np.bool_]
    rising: NDArray[np.bool_]

    def replace(self, rows: NDArray[np.intp], others: _Brackets) -> _Brackets:
        """With the analyses ``rows`` as another scan, of those only, saw them."""
        keep = ~np.isin(self.owner, rows)
        owner = np.concatenate([self.owner[keep], rows[others.owner]])
        return _Brackets(owner, np.concatenate([self.ends[:, keep], others.ends], axis=1), self.at_zero, self.rising)


def _scan(model: Model, likelihood: Likelihood, smallest: FloatArray, span: FloatArray, cells: int) -> _Brackets:
    before = np.zeros(len(span))
    at_before = likelihood.excess(model.at(before))
    at_zero, rising = at_before >= 0.0, np.ones(len(span), dtype=bool)
    found: list[tuple[NDArray[np.intp], FloatArray]] = []
    for j in range(1, cells + 1):
        point = smallest * np.expm1(j / cells * span)
        excess = likelihood.excess(model.at(point))
        rises = np.flatnonzero((at_before < 0.0) & (excess >= 0.0))
        found.append((rises, np.stack([part[rises] for part in (before, point, at_before, excess)])))
        rising &= excess > at_before
        before, at_before = point, excess
    owner = np.concatenate([rises for rises, _ in found])
    return _Brackets(owner, np.concatenate([ends for _, ends in found], axis=1), at_zero, rising)


def _newton_batch(model: Model, likelihood: Likelihood, ends: FloatArray, smallest: FloatArray) -> FloatArray:
    low, high, at_low, at_high = ends
    tau2 = low + (high - low) * at_low / (at_low - at_high)
    active = np.arange(len(tau2))
    for _ in range(LIMIT):
        if not len(active):
            return np.asarray(tau2)
        now = tau2[active]
        excess, slope = likelihood.excess_and_slope(model.at(now))
        low[active] = np.where(excess < 0.0, now, low[active])
        high[active] = np.where(excess < 0.0, high[active], now)
        lower, upper = low[active], high[active]
        near = _STEP * (now + smallest[active])
        newton = now - excess / np.where(slope > 0.0, slope, np.nan)
        arrived = np.abs(newton - now) <= near
        inside = (newton > lower) & (newton < upper)
        tau2[active] = np.where(arrived | inside, newton, 0.5 * (lower + upper))
        going = ~arrived & (upper - lower > near * _STEP)
        if not going.all():
            active = active[going]
            model = model.take(np.flatnonzero(going))
    raise stuck("likelihood")
