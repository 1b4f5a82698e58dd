"""Fail-safe N: how many null results in drawers would overturn the finding.

Rosenthal (1979) Psychological Bulletin 86:638; Orwin (1983) Journal of Educational Statistics 8:157; Rosenberg (2005)
Evolution 59:464. Agrees with metafor's `fsn`. None estimates how many studies are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.tables import number

METHODS = ("rosenthal", "orwin", "rosenberg")


@dataclass(frozen=True, slots=True)
class FailSafe:
    """The fail-safe ``n`` (infinite for a target of 0); ``exact`` before rounding up.

    ``estimate`` is the mean of the studies (Orwin, Rosenberg) and ``p_value`` their combined significance (Rosenthal:
    one-sided by Stouffer's method; Rosenberg: two-sided); NaN where the method has none.
    """

    method: str
    k: int
    n: float
    exact: float
    estimate: float
    p_value: float
    alpha: float
    target: float

    def to_frame(self) -> Any:
        """One row."""
        return make_frame(
            {
                "method": [self.method],
                "k": [self.k],
                "n": [self.n],
                "estimate": [self.estimate],
                "p_value": [self.p_value],
                "alpha": [self.alpha],
                "target": [self.target],
            }
        )

    def summary(self) -> str:
        """The number as a sentence."""
        goal = (
            f"bring the mean from {number(self.estimate)} to {number(self.target)}"
            if self.method == "orwin"
            else f"raise the combined p-value to {self.alpha:g}"
        )
        return f"Fail-safe N ({self.method.capitalize()}): {self.n:g} null studies besides these {self.k} to {goal}"

    def __str__(self) -> str:
        return self.summary()


def fail_safe(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    method: str = "rosenthal",
    alpha: float = 0.05,
    target: float | None = None,
) -> FailSafe:
    """The number of null studies that would make the combined result non-significant at ``alpha`` (Rosenthal by
    Stouffer's sum of z, Rosenberg by the mean weighted by 1/v), or bring the mean to ``target`` (Orwin; None: half of
    it; unweighted unless there are ``variances``). 0 when the result is there already.
    """
    inputs.choice(method, METHODS, "method")
    inputs.probability(alpha, "alpha")
    nan = float("nan")
    if variances is None and not isinstance(estimates, EffectSizes):
        if method != "orwin":
            raise DataError(f"{method}'s fail-safe N needs variances")
        y = inputs.column(estimates, "estimates")
        y, w = inputs.estimates_and_variances(y, np.ones(len(y)))
    else:
        y, v = inputs.estimates_and_variances(estimates, variances)
        w = 1 / v
    k = len(y)
    mean = float(w @ y / w.sum())
    if method == "rosenthal":
        z = abs(float(np.sum(y * np.sqrt(w)))) / np.sqrt(k)
        exact = k * (z / float(ndtri(1 - alpha))) ** 2 - k
        return _result(method, k, exact, nan, float(ndtr(-z)), alpha, nan)
    if method == "rosenberg":
        z = mean * np.sqrt(w.sum())
        critical = float(ndtri(1 - alpha / 2))
        exact = k * ((float(w @ y) / critical) ** 2 / w.sum() - 1)
        return _result(method, k, exact, mean, float(2 * ndtr(-abs(z))), alpha, nan)
    goal = mean / 2 if target is None else abs(float(target)) * np.sign(mean)
    exact = float("inf") if goal == 0 and mean != 0 else (0.0 if mean == 0 else k * (mean - goal) / goal)
    return _result(method, k, exact, mean, nan, nan, float(goal))


def _result(method: str, k: int, exact: float, estimate: float, p: float, alpha: float, target: float) -> FailSafe:
    exact = max(0.0, float(exact))
    # Rounding error must not add a study to a whole number.
    n = float(np.ceil(exact - 1e-9 * max(1.0, exact))) if np.isfinite(exact) else exact
    return FailSafe(method, k, n, exact, estimate, p, alpha, target)
