"""Trim and fill: how many studies are missing on one side of the funnel, and the result with their mirror images.

Duval & Tweedie (2000) Biometrics 56:455 and Journal of the American Statistical Association 95:89. A look at one kind
of publication bias, not a better estimate of the effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError, NotConverged
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.pooling import pool_arrays
from equipoise.synthesis.pairwise.refits import refit
from equipoise.synthesis.pairwise.result import Pooled
from equipoise.synthesis.pairwise.tables import number, p_value

FloatArray = NDArray[np.float64]

ESTIMATORS = ("L0", "R0", "Q0")


@dataclass(frozen=True, slots=True)
class TrimAndFill:
    """The estimated number of ``missing`` studies on ``side`` ("left" or "right") with its standard error.

    The standard error is NaN where its formula isn't defined (more than a few missing for the number of studies).
    ``filled`` is the pooled effect with their mirror images, ``observed`` without. ``p_value`` tests that none is
    missing (R0 only, else NaN). ``fill`` (k + missing,) marks the imputed among ``filled.estimates``.
    """

    estimator: str
    side: str
    missing: int
    missing_se: float
    p_value: float
    observed: Pooled
    filled: Pooled
    fill: NDArray[np.bool_]

    def to_frame(self) -> Any:
        """One row a study, imputed ones marked."""
        return make_frame(
            {
                "study": list(self.filled.studies),
                "estimate": self.filled.estimates,
                "variance": self.filled.variances,
                "filled": self.fill,
            }
        )

    def summary(self) -> str:
        """The result as text."""
        lines = [
            f"Trim and fill ({self.estimator}): {self.missing} studies missing on the {self.side} "
            f"(SE {number(self.missing_se)})"
        ]
        if not np.isnan(self.p_value):
            lines += [f"Test that none is missing: p {p_value(self.p_value)}"]
        for name, fit in (("observed", self.observed), ("filled", self.filled)):
            lines += [f"{name}: {number(fit.estimate)} [{number(fit.ci[0])}, {number(fit.ci[1])}], k = {fit.k}"]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def trim_and_fill(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    estimator: str = "L0",
    side: str | None = None,
    method: str = "REML",
    ci: str = "z",
    level: float = 0.95,
    limits: tuple[float, float] = (-np.inf, np.inf),
    studies: Sequence[Any] | None = None,
) -> TrimAndFill:
    """Estimate the number of missing studies by ``estimator`` "L0", "R0" or "Q0", and fill them in.

    ``side``: where studies are missing; None takes the side opposite to the slope of the estimates on their standard
    errors. ``method`` and ``ci`` as in `pool` ("CE" for a common effect), for trimming and for the result. ``limits``
    bound imputed values (e.g. ±1 for correlations).

    Raises ``DataError`` for fewer than three studies when the side is to be chosen, and where Q0 isn't defined;
    ``NotConverged`` when the number of missing studies doesn't settle within 100 rounds.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    inputs.choice(estimator, ESTIMATORS, "estimator")
    if side is None:
        side = _side(y, v, method)
    inputs.choice(side, ("left", "right"), "side")
    labels = inputs.labels(inputs.studies_of(estimates, studies), k, "studies")
    observed = pool_arrays(y, v, labels, method=method, ci=ci, level=level)
    # Worked out for studies missing on the left; on the right, in the mirror.
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * y, kind="stable")
    t, u = sign * y[order], v[order]
    missing, before, raw, centre = 0, -1, 0.0, 0.0
    for _ in range(100):
        if missing == before:
            break
        before = missing
        centre = _mean(t[: k - missing], u[: k - missing], method)
        raw = _missing(t - centre, estimator)
        missing = min(max(0, round(raw)), k - 1)
    else:
        raise NotConverged("trim and fill: the number of missing studies keeps changing; try another estimator")
    new = np.clip(sign * (2 * centre - t[k - missing :]), *limits)
    filled = pool_arrays(
        np.concatenate([y, new]),
        np.concatenate([v, u[k - missing :]]),
        (*labels, *(f"Filled {j}" for j in range(1, missing + 1))),
        method=method,
        ci=ci,
        level=level,
    )
    return TrimAndFill(
        estimator=estimator,
        side=side,
        missing=missing,
        missing_se=_spread(k, raw, estimator),
        p_value=0.5 ** (missing + 1) if estimator == "R0" else float("nan"),
        observed=observed,
        filled=filled,
        fill=np.arange(k + missing) >= k,
    )


def _side(y: FloatArray, v: FloatArray, method: str) -> str:
    se = np.sqrt(v)
    if len(y) < 3 or np.ptp(se) <= 1e-12 * se.max():
        raise DataError(
            "the side on which studies are missing can't be read from these studies (fewer than three, or all of one "
            "precision); say side='left' or side='right'"
        )
    slope = refit(y[None, :], v, np.column_stack([np.ones_like(se), se]), method=method).coefficients[0, 1]
    return "right" if slope < 0 else "left"


def _mean(y: FloatArray, v: FloatArray, method: str) -> float:
    return float(refit(y[None, :], v, np.ones((len(y), 1)), method=method).coefficients[0, 0])


def _missing(centred: FloatArray, estimator: str) -> float:
    k = len(centred)
    rank = np.empty(k)
    rank[np.argsort(np.abs(centred), kind="stable")] = np.arange(1, k + 1)
    if estimator == "R0":
        # The rightmost run of ranks without one from the left.
        left = rank[centred < 0]
        return k - float(left.max(initial=0.0)) - 1
    sum_right = float(rank[centred > 0].sum())
    if estimator == "L0":
        return (4 * sum_right - k * (k + 1)) / (2 * k - 1)
    square = 2 * k**2 - 4 * sum_right + 0.25
    if square < 0:
        raise DataError("the estimator Q0 isn't defined for so many studies on one side; use L0 or R0")
    return k - 0.5 - float(np.sqrt(square))


def _spread(k: int, raw: float, estimator: str) -> float:
    """The standard error of the number missing (Duval & Tweedie 2000b, section 3)."""
    if estimator == "R0":
        return float(np.sqrt(2 * max(0.0, raw) + 2))
    m = raw
    cubic = 10 * m**3 + 27 * m**2 + 17 * m - 18 * k * m**2 - 18 * k * m + 6 * k**2 * m
    variance = (k * (k + 1) * (2 * k + 1) + cubic) / 24
    root = float(np.sqrt(variance)) if variance >= 0 else float("nan")
    if estimator == "L0":
        return 4 * root / (2 * k - 1)
    below = (k - 0.5) ** 2 - m * (2 * k - m - 1)
    return 2 * root / float(np.sqrt(below)) if below > 0 else float("nan")
