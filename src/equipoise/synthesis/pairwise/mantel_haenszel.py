"""Mantel–Haenszel pooling of two-by-two tables and of person-time data.

Follows metafor's `rma.mh`: nothing is added to the tables that are pooled (meta's `metabin` adds ½ to those with a
zero unless told not to). Variances: Robins, Breslow & Greenland (1986) for the odds ratio, Greenland & Robins (1985)
for the risk ratio, the rate ratio and the rate difference, Sato, Greenland & Robins (1989) for the risk difference,
where meta's default is Greenland and Robins'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]
Test = tuple[float, float, float]

MEASURES = ("OR", "RR", "RD", "IRR", "IRD")


@dataclass(frozen=True, slots=True)
class MantelHaenszel:
    """The pooled effect (log for ratios), its variance, each table's weight (k,), and tests: name → (χ², df, p)."""

    estimate: float
    variance: float
    weights: FloatArray
    tests: Mapping[str, Test]
    added: float = 0.0


def mantel_haenszel(measure: str, columns: Mapping[str, FloatArray]) -> MantelHaenszel:
    """The Mantel–Haenszel estimate of a measure of ``MEASURES``.

    ``columns`` are the tables, each (k,): ``events1``, ``n1``, ``events2``, ``n2``, or ``time1`` and ``time2`` in
    place of the sizes. A ratio whose tables all fail (one group has no events anywhere) gets ½ added to each cell of
    the tables with a zero, which ``added`` says. Raises ``DataError`` when there are no events at all.
    """
    if measure not in MEASURES:
        raise DataError(f"Mantel–Haenszel pools {', '.join(MEASURES)}, not {measure}; use inverse variance")
    if measure.startswith("IR"):
        return _rates(measure, columns["events1"], columns["time1"], columns["events2"], columns["time2"])
    a, c = columns["events1"], columns["events2"]
    b, d = columns["n1"] - a, columns["n2"] - c
    if measure == "RD":
        if a.sum() + c.sum() == 0 or b.sum() + d.sum() == 0:
            raise DataError(
                "no events in any group, or nothing but events: the variance of the Mantel–Haenszel RD can't be "
                "estimated; report the counts"
            )
        return _risk_difference(a, b, c, d)
    fit = _odds_ratio if measure == "OR" else _risk_ratio
    result = fit(a, b, c, d)
    if result is None:
        half = 0.5 * ((a == 0) | (b == 0) | (c == 0) | (d == 0))
        if a.sum() + c.sum() == 0 or (measure == "OR" and b.sum() + d.sum() == 0):
            raise DataError(
                f"no table has information on the {measure}: no events, or nothing but events; report the counts"
            )
        result = fit(a + half, b + half, c + half, d + half)
        if result is None:
            raise DataError(f"the Mantel–Haenszel {measure} isn't defined for these tables; pool the RD")
        result = MantelHaenszel(result.estimate, result.variance, result.weights, result.tests, 0.5)
    return result


def _odds_ratio(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> MantelHaenszel | None:
    n = a + b + c + d
    P, Q, R, S = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    r, s = R.sum(), S.sum()
    if r == 0 or s == 0:
        return None
    variance = 0.5 * ((P * R).sum() / r**2 + (P * S + Q * R).sum() / (r * s) + (Q * S).sum() / s**2)
    tests = {"Cochran–Mantel–Haenszel test": _cmh(a, b, c, d), **_homogeneity(float(r / s), a, b, c, d)}
    return MantelHaenszel(float(np.log(r / s)), float(variance), S, tests)


def _risk_ratio(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> MantelHaenszel | None:
    n1, n2 = a + b, c + d
    n = n1 + n2
    R, S = a * n2 / n, c * n1 / n
    r, s = R.sum(), S.sum()
    if r == 0 or s == 0:
        return None
    variance = (n1 / n * (n2 / n) * (a + c) - a / n * c).sum() / (r * s)
    return MantelHaenszel(float(np.log(r / s)), float(variance), S, {})


def _risk_difference(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> MantelHaenszel:
    n1, n2 = a + b, c + d
    n = n1 + n2
    weights = n1 * n2 / n
    total = weights.sum()
    estimate = (a * n2 / n - c * n1 / n).sum() / total
    P = (c * (n1 / n) ** 2 - a * (n2 / n) ** 2 + n1 / n * (n2 / n) * (n2 - n1) / 2).sum()
    Q = (a * (n2 - c) / n + c * (n1 - a) / n).sum() / 2
    return MantelHaenszel(float(estimate), float((estimate * P + Q) / total**2), weights, {})


def _rates(measure: str, x1: FloatArray, t1: FloatArray, x2: FloatArray, t2: FloatArray) -> MantelHaenszel:
    t = t1 + t2
    if measure == "IRD":
        weights = t1 * t2 / t
        total = weights.sum()
        estimate = ((x1 * t2 - x2 * t1) / t).sum() / total
        variance = (weights**2 * (x1 / t1**2 + x2 / t2**2)).sum() / total**2
        return MantelHaenszel(float(estimate), float(variance), weights, {})
    R, S = x1 * t2 / t, x2 * t1 / t
    r, s = R.sum(), S.sum()
    if r == 0 or s == 0:
        raise DataError("one group has no events in any study: the rate ratio isn't defined; pool the IRD")
    events, share = x1 + x2, t1 / t
    variance = (share * t2 / t * events).sum() / (r * s)
    expected, spread = (events * share).sum(), (events * share * t2 / t).sum()
    statistic = float((abs(x1.sum() - expected) - 0.5) ** 2 / spread)
    tests = {"Mantel–Haenszel test": (statistic, 1.0, float(chdtrc(1, statistic)))}
    return MantelHaenszel(float(np.log(r / s)), float(variance), S, tests)


def _cmh(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> Test:
    """The test of no effect, with its continuity correction (metafor's ``correct=TRUE``)."""
    n1, n2, events = a + b, c + d, a + c
    n = n1 + n2
    spread = (n1 / n * (n2 / n) * (events * ((n - events) / (n - 1)))).sum()
    statistic = float((abs((a - n1 / n * events).sum()) - 0.5) ** 2 / spread)
    return statistic, 1.0, float(chdtrc(1, statistic))


def _homogeneity(ratio: float, a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> dict[str, Test]:
    """Breslow and Day's test that the odds ratio is the same in all tables, and Tarone's correction of it."""
    n1, n2, events = a + b, c + d, a + c
    if ratio == 1:
        expected = n1 / (n1 + n2) * events
    else:
        p = ratio * (n1 + events) + (n2 - events)
        expected = (p - np.sqrt(p**2 - 4 * n1 * events * ratio * (ratio - 1))) / (2 * (ratio - 1))
    informative = (expected > 0) & (events > 0) & (b + d > 0)
    if informative.sum() < 2:
        return {}
    a, n1, n2, events, e = (x[informative] for x in (a, n1, n2, events, expected))
    spread = 1 / (1 / e + 1 / (n1 - e) + 1 / (events - e) + 1 / (n2 - events + e))
    breslow_day = max(0.0, float(((a - e) ** 2 / spread).sum()))
    tarone = max(0.0, breslow_day - float((a - e).sum() ** 2 / spread.sum()))
    df = float(informative.sum() - 1)
    return {
        "Breslow–Day test": (breslow_day, df, float(chdtrc(df, breslow_day))),
        "Tarone's test": (tarone, df, float(chdtrc(df, tarone))),
    }
