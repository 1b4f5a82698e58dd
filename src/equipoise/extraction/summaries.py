"""What a reported summary implies: spreads from errors and intervals, errors from intervals and p-values.

Every value comes back as a `Derived` record with its formula and source, to be shown beside the row it was made from.
Formulas: Cochrane Handbook 6.5.2 and 6.3.2; the t distribution for arms, the normal one for reported differences
unless a p-value with arm sizes is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit

from equipoise.review.model import Arm, Contrast, Row

RATIOS = frozenset({"OR", "RR", "HR", "IRR", "ROM"})
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Derived:
    """A value worked out from a row: what, how much, by which formula, after whom."""

    row: Row
    quantity: str
    value: float
    formula: str
    source: str


def sd_from_se(arm: Arm, se: float, n: int) -> Derived:
    """SD = SE √n (Cochrane Handbook 6.5.2.2)."""
    sd = se * math.sqrt(n)
    return Derived(arm, "SD", sd, f"SD = SE × √n = {se:g} × √{n} = {sd:.4g}", "Cochrane Handbook 6.5.2.2")


def sd_from_interval(arm: Arm, low: float, high: float, n: int) -> Derived:
    """SD from a mean's 95% interval, by the t distribution with n − 1 degrees of freedom (Handbook 6.5.2.2)."""
    quantile = float(stdtrit(n - 1, 0.975))
    sd = math.sqrt(n) * (high - low) / (2 * quantile)
    formula = f"SD = √n (upper − lower) / 2t = √{n} × ({high:g} − {low:g}) / (2 × {quantile:.4g}) = {sd:.4g}"
    return Derived(arm, "SD", sd, formula, "Cochrane Handbook 6.5.2.2")


def combined_arms(arms: Sequence[tuple[float, float, int]]) -> tuple[float, float, int]:
    """Mean, SD and size of several (mean, SD, n) taken as one group (Cochrane Handbook 6.5.2.10)."""
    size = sum(n for _, _, n in arms)
    mean = sum(mean * n for mean, _, n in arms) / size
    within = sum((n - 1) * sd**2 for _, sd, n in arms)
    between = sum(n * (m - mean) ** 2 for m, _, n in arms)
    return mean, math.sqrt((within + between) / (size - 1)), size


def standard_error(contrast: Contrast) -> Derived | str:
    """The standard error of a reported difference on the analysis scale, or why there is none.

    As printed, else from the 95% interval, else from the p-value: t with n₁ + n₂ − 2 degrees of freedom for mean
    differences with known arm sizes, else normal. A p-value printed as "<" gives an error that is too large.
    """
    assert contrast.estimate is not None
    ratio = contrast.measure in RATIOS
    if contrast.se is not None:
        return Derived(contrast, "SE", contrast.se, f"SE = {contrast.se:g}, as reported", "the source")
    if contrast.ci_low is not None and contrast.ci_high is not None:
        low, high = contrast.ci_low, contrast.ci_high
        if ratio and low <= 0:
            return "the interval of a ratio reaches zero, so its log has no standard error"
        if ratio:
            se = (math.log(high) - math.log(low)) / (2 * _Z)
            text = f"SE = (ln {high:g} − ln {low:g}) / 3.92 = {se:.4g}"
        else:
            se = (high - low) / (2 * _Z)
            text = f"SE = ({high:g} − {low:g}) / 3.92 = {se:.4g}"
        return Derived(contrast, "SE", se, text, "Cochrane Handbook 6.3.1 and 6.3.2")
    if contrast.p is None:
        return "no standard error, interval or exact p-value is reported"
    if contrast.p.relation == ">":
        return f"the p-value is printed as >{contrast.p.value:g}, which bounds nothing usable"
    p = contrast.p.value
    estimate = math.log(contrast.estimate) if ratio else contrast.estimate
    if estimate == 0 or not 0 < p < 1:
        return "no standard error follows from an estimate of no effect or a p-value of 0 or 1"
    bound = ", an upper limit" if contrast.p.relation == "<" else ""
    n_1, n_2 = contrast.n_treatment, contrast.n_comparator
    if not ratio and n_1 and n_2 and n_1 + n_2 > 2:
        statistic = -float(stdtrit(n_1 + n_2 - 2, p / 2))
        how = f"t = {statistic:.4g} (p {contrast.p.relation} {p:g}, {n_1 + n_2 - 2} df)"
    else:
        statistic = -float(ndtri(p / 2))
        how = f"z = {statistic:.4g} (p {contrast.p.relation} {p:g})"
    se = abs(estimate) / statistic
    text = f"SE = |estimate| / {how[0]} = {abs(estimate):.4g} / {statistic:.4g} = {se:.4g}{bound}; {how}"
    return Derived(contrast, "SE", se, text, "Cochrane Handbook 6.3.2 and 6.5.2.3")
