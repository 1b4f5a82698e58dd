"""What the summaries in a review's row imply, each value recorded on the row that it was made from.

The conversions are in `conversions` and `arms`; here they meet the review's rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.errors import DataError
from equipoise.extraction import conversions
from equipoise.extraction.arms import ContinuousArm, combine_continuous
from equipoise.extraction.converted import Converted
from equipoise.review.model import Arm, Contrast, Row

RATIOS = frozenset({"OR", "RR", "HR", "IRR", "ROM"})


@dataclass(frozen=True, slots=True)
class Derived:
    """A value worked out from a row: what, how much, by which formula, after whom."""

    row: Row
    quantity: str
    value: float
    formula: str
    source: str


def recorded(row: Row, quantity: str, converted: Converted) -> Derived:
    """A converted value as the record on its row: the formula with its inputs, and what was assumed."""
    given = ", ".join(f"{name} {value:g}" for name, value in converted.inputs.items() if name != "level")
    formula = "; ".join((f"{converted.formula} ({given})", *converted.notes))
    return Derived(row, quantity, converted.value, formula, converted.source)


def spread(arm: Arm) -> Derived | float | None:
    """An arm's SD: as printed (a number), or derived from its standard error or 95% interval; None without any."""
    if arm.sd is not None:
        return arm.sd
    if arm.n is None:
        return None
    if arm.se is not None:
        return recorded(arm, "SD", conversions.sd_from_se(arm.se, arm.n))
    if arm.ci_low is not None and arm.ci_high is not None and arm.n > 1:
        return recorded(arm, "SD", conversions.sd_from_ci(arm.ci_low, arm.ci_high, arm.n))
    return None


def combined(arms: Sequence[tuple[Arm, float]], name: str) -> tuple[float, float, Derived | None]:
    """Mean and SD of several arms, given with their SDs, as one group; and the record of it where there are several."""
    if len(arms) == 1:
        ((arm, sd),) = arms
        return arm.mean or 0.0, sd, None
    together = combine_continuous([ContinuousArm(arm.n or 0, arm.mean or 0.0, sd) for arm, sd in arms])
    mean, sd = together.mean.value, together.sd.value
    text = f"{len(arms)} arms combined: mean {mean:.4g}, SD {sd:.4g}, n {together.n.value:g}"
    return mean, sd, Derived(arms[0][0], f"mean and SD of {name}", sd, text, together.sd.source)


def standard_error(contrast: Contrast) -> Derived | str:
    """The standard error of a reported difference on the analysis scale, or why there is none.

    As printed, else from the 95% interval, else from the p-value: t with n₁ + n₂ − 2 degrees of freedom for mean
    differences with known arm sizes, else normal. A p-value printed as "<" gives an error that is too large.
    """
    assert contrast.estimate is not None
    ratio = contrast.measure in RATIOS
    low, high, p = contrast.ci_low, contrast.ci_high, contrast.p
    if contrast.se is not None:
        return Derived(contrast, "SE", contrast.se, "as reported", "the source")
    if p is not None and p.relation == ">" and (low is None or high is None):
        return f"the p-value is printed as >{p.value:g}, which bounds nothing usable"
    try:
        if low is not None and high is not None:
            if ratio:
                return recorded(contrast, "SE", conversions.se_from_ratio_ci(contrast.estimate, low, high))
            return recorded(contrast, "SE", conversions.se_from_ci(low, high))
        if p is None:
            return "no standard error, interval or exact p-value is reported"
        n_1, n_2 = contrast.n_treatment, contrast.n_comparator
        df = n_1 + n_2 - 2 if n_1 and n_2 and not ratio else None
        difference = math.log(contrast.estimate) if ratio else contrast.estimate
        return recorded(contrast, "SE", conversions.se_from_p(difference, p.value, df, p.relation))
    except DataError as error:
        return f"no standard error follows: {error}"
