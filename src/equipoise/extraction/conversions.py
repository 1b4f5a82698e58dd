"""From what papers print to standard errors, standard deviations and log ratios.

Every function takes plain numbers and returns a `Converted`, or raises ``DataError`` saying what can't be. Sections
of the Cochrane Handbook are those of version 6.4.
"""

from __future__ import annotations

import math

from scipy.special import ndtri, stdtrit

from equipoise.errors import DataError
from equipoise.extraction.converted import COCHRANE, Converted, require, require_level, require_positive

_ASYMMETRY = 0.1  # metafor's conv.wald flags estimates that lie more than this part of the width off the middle


def sd_from_se(se: float, n: float) -> Converted:
    """The SD of one group from the standard error of its mean: se √n."""
    require_positive(se=se, n=n)
    return Converted(se * math.sqrt(n), "SE·√n", {"SE": se, "n": n}, f"{COCHRANE}, 6.5.2.2")


def se_from_sd(sd: float, n: float) -> Converted:
    """The standard error of a group's mean: sd/√n."""
    require_positive(sd=sd, n=n)
    return Converted(sd / math.sqrt(n), "SD/√n", {"SD": sd, "n": n}, f"{COCHRANE}, 6.5.2.2")


def sd_from_ci(low: float, high: float, n: float, level: float = 0.95, distribution: str = "t") -> Converted:
    """The SD of one group from the confidence interval of its mean: √n (high − low)/2q.

    ``distribution`` is "t" (q on n − 1 degrees of freedom, right for small groups) or "z".
    """
    require_positive(n=n)
    require(high > low, f"the interval from {low:g} to {high:g} is empty")
    q = _quantile(level, distribution, n - 1)
    formula = f"√n·(high − low)/(2·{q:.4g})"
    inputs = {"low": low, "high": high, "n": n, "level": level}
    return Converted(math.sqrt(n) * (high - low) / (2 * q), formula, inputs, f"{COCHRANE}, 6.5.2.2")


def se_from_ci(low: float, high: float, level: float = 0.95, df: float | None = None) -> Converted:
    """The standard error of a difference from its interval: (high − low)/2q; q from t when ``df`` is given."""
    require(high > low, f"the interval from {low:g} to {high:g} is empty")
    q = _quantile(level, "z" if df is None else "t", df)
    inputs = {"low": low, "high": high, "level": level} | ({} if df is None else {"df": df})
    return Converted((high - low) / (2 * q), f"(high − low)/(2·{q:.4g})", inputs, f"{COCHRANE}, 6.3.1")


def log_ratio(ratio: float) -> Converted:
    """The log of a ratio (OR, RR, HR, …)."""
    require_positive(ratio=ratio)
    return Converted(math.log(ratio), "log ratio", {"ratio": ratio}, f"{COCHRANE}, 6.3.2")


def se_from_ratio_ci(ratio: float, low: float, high: float, level: float = 0.95) -> Converted:
    """The standard error of a log ratio from the ratio's interval: (log high − log low)/2z.

    A ratio that doesn't lie near the middle of its interval on the log scale is noted: a misprint, or an interval
    that isn't based on the log.
    """
    require_positive(ratio=ratio, low=low, high=high)
    require(high > low, f"the interval from {low:g} to {high:g} is empty")
    width = math.log(high) - math.log(low)
    off = abs(0.5 * (math.log(high) + math.log(low)) - math.log(ratio)) / width
    notes = () if off <= _ASYMMETRY else (f"the ratio lies {100 * off:.0f} % of the interval's width off its middle",)
    z = _quantile(level, "z", None)
    return Converted(
        width / (2 * z),
        f"(log high − log low)/(2·{z:.4g})",
        {"ratio": ratio, "low": low, "high": high, "level": level},
        f"{COCHRANE}, 6.3.2",
        notes=notes,
    )


def se_from_t(difference: float, t: float) -> Converted:
    """The standard error of a difference from its t (or z) statistic: |difference/t|."""
    _nonzero(difference, t, "t")
    return Converted(
        abs(difference / t), "|difference/t|", {"difference": difference, "t": t}, f"{COCHRANE}, 6.5.2.3"
    )


def se_from_f(difference: float, f: float) -> Converted:
    """The standard error of two groups' difference from F on 1 and df degrees of freedom: |difference|/√F."""
    require_positive(F=f)
    _nonzero(difference, f, "F")
    return Converted(
        abs(difference) / math.sqrt(f), "|difference|/√F (F = t²)", {"difference": difference, "F": f},
        f"{COCHRANE}, 6.5.2.3",
    )  # fmt: skip


def se_from_p(difference: float, p: float, df: float | None = None, relation: str = "=") -> Converted:
    """The standard error of a difference from its two-sided p-value: |difference|/q(p); q from t when ``df`` is
    given.

    ``relation`` is "=" for an exact p, "<" for one printed as "p < 0.01", ">" for "p > 0.05" or "not significant".
    With "<" the true standard error is smaller: the result is its upper bound and, used as it is, conservative. With
    ">" it is a lower bound, which no analysis should use as a value.
    """
    require(0 < p < 1, f"p = {p:g}; a p-value between 0 and 1 is needed (write p = 0.000 as < 0.0005)")
    require(relation in {"=", "<", ">"}, f"relation = {relation!r}; say '=', '<' or '>'")
    require(difference != 0, "a difference of 0 has p = 1, from which no standard error follows")
    q = float(-ndtri(p / 2)) if df is None else float(-stdtrit(df, p / 2))
    notes = {
        "=": (),
        "<": (f"p printed as < {p:g}: the standard error is at most this; used as it is, conservative",),
        ">": (f"p printed as > {p:g}: the standard error is at least this; not to be used as a value",),
    }[relation]
    return Converted(
        abs(difference) / q,
        f"|difference|/{q:.4g}",
        {"difference": difference, "p": p} | ({} if df is None else {"df": df}),
        f"{COCHRANE}, 6.5.2.3",
        {"=": "", "<": "at most", ">": "at least"}[relation],
        notes,
    )


def sd_from_difference_se(se: float, n1: float, n2: float) -> Converted:
    """The SD within two groups from the standard error of their difference: se/√(1/n₁ + 1/n₂), the same in both."""
    require_positive(se=se, n1=n1, n2=n2)
    value = se / math.sqrt(1 / n1 + 1 / n2)
    inputs = {"SE": se, "n1": n1, "n2": n2}
    return Converted(value, "SE/√(1/n1 + 1/n2)", inputs, f"{COCHRANE}, 6.5.2.3", notes=("the SD is assumed equal",))


def mean_change(baseline: float, final: float) -> Converted:
    """The mean change from baseline: final − baseline."""
    inputs = {"baseline": baseline, "final": final}
    return Converted(final - baseline, "final − baseline", inputs, f"{COCHRANE}, 6.5.2.8")


def sd_of_change(sd_baseline: float, sd_final: float, r: float) -> Converted:
    """The SD of the change from baseline, for a correlation r between baseline and final values:
    √(sd_b² + sd_f² − 2 r sd_b sd_f)."""
    require(sd_baseline >= 0 and sd_final >= 0, "a standard deviation can't be negative")
    require(-1 <= r <= 1, f"r = {r:g}; a correlation lies between −1 and 1")
    variance = sd_baseline**2 + sd_final**2 - 2 * r * sd_baseline * sd_final
    return Converted(
        math.sqrt(max(variance, 0.0)),
        "√(SD_b² + SD_f² − 2·r·SD_b·SD_f)",
        {"SD_b": sd_baseline, "SD_f": sd_final, "r": r},
        f"{COCHRANE}, 6.5.2.8",
        notes=(f"a correlation of {r:g} between baseline and final values is assumed or taken from elsewhere",),
    )


def change_correlation(sd_baseline: float, sd_final: float, sd_change: float) -> Converted:
    """The correlation between baseline and final values that a study's three SDs imply.

    Raises ``DataError`` when no correlation between −1 and 1 does: one of the SDs is wrong, or a standard error.
    """
    require_positive(sd_baseline=sd_baseline, sd_final=sd_final)
    r = (sd_baseline**2 + sd_final**2 - sd_change**2) / (2 * sd_baseline * sd_final)
    require(
        -1 <= r <= 1,
        f"SDs of {sd_baseline:g} and {sd_final:g} with {sd_change:g} for the change imply r = {r:.3g}: one of them "
        "is wrong, or a standard error",
    )
    return Converted(
        r,
        "(SD_b² + SD_f² − SD_change²)/(2·SD_b·SD_f)",
        {"SD_b": sd_baseline, "SD_f": sd_final, "SD_change": sd_change},
        f"{COCHRANE}, 6.5.2.8",
    )


def events_from_percentage(percentage: float, n: float) -> Converted:
    """The number of people with an event from the percentage, rounded; noted when that moved it by over 0.2."""
    require(0 <= percentage <= 100, f"{percentage:g} %: a percentage lies between 0 and 100")
    require_positive(n=n)
    exact = percentage * n / 100
    value = float(round(exact))
    notes = () if abs(exact - value) <= 0.2 else (f"{exact:.2f} isn't near a whole number: check the denominator",)
    inputs = {"percentage": percentage, "n": n}
    return Converted(value, "percentage·n/100, rounded", inputs, "arithmetic", notes=notes)


def _quantile(level: float, distribution: str, df: float | None) -> float:
    require_level(level)
    upper = 0.5 * (1 + level)
    if distribution == "z":
        return float(ndtri(upper))
    require(distribution == "t", f"distribution = {distribution!r}; say 't' or 'z'")
    if df is None or df <= 0:
        raise DataError("t needs at least one degree of freedom")
    return float(stdtrit(df, upper))


def _nonzero(difference: float, statistic: float, name: str) -> None:
    require(difference != 0 and statistic != 0, f"a difference or {name} of 0 says nothing about its standard error")
