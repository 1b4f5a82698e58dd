"""Limit meta-analysis: the effect of a study of infinite precision when effects drift with the standard error.

The extended random-effects model y_i = β + √(v_i + τ²)(α + ε_i) (Rücker et al. 2011, Biostatistics 12:122): α is the
small-study effect, and the line through the generalised radial plot gives both. Conventions follow R's
`metasens::limitmeta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, ndtr, ndtri

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.asymmetry import ENOUGH
from equipoise.synthesis.pairwise.heterogeneity import solve
from equipoise.synthesis.pairwise.projection import InterceptOnly
from equipoise.synthesis.pairwise.tables import number, p_value

FloatArray = NDArray[np.float64]

ADJUSTMENTS = ("beta0", "betalim", "mulim")


@dataclass(frozen=True, slots=True)
class LimitMetaAnalysis:
    """The effect adjusted for small-study effects, next to the random-effects one.

    ``alpha`` is the small-study effect, ``beta`` the slope of the generalised radial plot, ``shrunken`` (k,) the
    studies' limits. ``q`` splits into ``q_small`` (small-study effects, 1 degree of freedom) and ``q_residual``
    (k − 2). ``g2`` (per cent) is the heterogeneity that is left once small-study effects are allowed for.
    ``can_tell`` is False below ten studies, and ``note`` says so.
    """

    adjustment: str
    k: int
    estimate: float
    se: float
    p_value: float
    ci: tuple[float, float]
    random_estimate: float
    random_se: float
    random_ci: tuple[float, float]
    tau2: float
    alpha: float
    beta: float
    q: float
    q_small: float
    q_small_p: float
    q_residual: float
    q_residual_p: float
    g2: float
    shrunken: FloatArray
    can_tell: bool
    note: str

    def to_frame(self) -> Any:
        """The adjusted and the random-effects estimate, one row each."""
        return make_frame(
            {
                "model": [f"limit ({self.adjustment})", "random effects"],
                "estimate": [self.estimate, self.random_estimate],
                "se": [self.se, self.random_se],
                "ci_low": [self.ci[0], self.random_ci[0]],
                "ci_high": [self.ci[1], self.random_ci[1]],
            }
        )

    def summary(self) -> str:
        """The result as text."""
        lines = [
            f"Limit meta-analysis ({self.adjustment}, k = {self.k})",
            f"adjusted: {number(self.estimate)} [{number(self.ci[0])}, {number(self.ci[1])}], "
            f"p {p_value(self.p_value)}",
            f"random effects: {number(self.random_estimate)} "
            f"[{number(self.random_ci[0])}, {number(self.random_ci[1])}], τ² = {number(self.tau2)}",
            f"Test of small-study effects: Q-Q′ = {number(self.q_small)} (df = 1), p {p_value(self.q_small_p)}",
            f"Test of residual heterogeneity: Q′ = {number(self.q_residual)} (df = {self.k - 2}), "
            f"p {p_value(self.q_residual_p)}; G² = {self.g2:.1f} %",
        ]
        return "\n".join([*lines, f"Note: {self.note}"] if self.note else lines)

    def __str__(self) -> str:
        return self.summary()


def limit_meta_analysis(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    adjustment: str = "beta0",
    method: str = "REML",
    level: float = 0.95,
) -> LimitMetaAnalysis:
    """The effect adjusted by ``adjustment``: "beta0" (β + τα, the expectation at infinite precision), "betalim" (the
    slope of the limit radial plot) or "mulim" (the common effect of the studies' limits); τ² by ``method``.

    Raises ``DataError`` for fewer than three studies, or when all have the same precision.
    """
    inputs.choice(adjustment, ADJUSTMENTS, "adjustment")
    inputs.probability(level, "level")
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    if k < 3 or np.ptp(v) <= 1e-12 * v.max():
        raise DataError("a limit meta-analysis needs three studies or more, and studies of different precision")
    model = InterceptOnly(y, v)
    tau2 = float(solve(method, model).value)
    at = model.at(tau2)
    mean, mean_se = float(at.mean), float(1 / np.sqrt(at.sum_w))
    q = float(model.at(0.0).q)

    alpha, beta, _ = _radial(y, v + tau2)
    shrunken = beta + np.sqrt(tau2 / (v + tau2)) * (y - beta)
    _, limit_beta, unexplained = _radial(shrunken, v)
    x = 1 / np.sqrt(v + tau2)
    spread = float(np.sum((x - x.mean()) ** 2))
    tau = float(np.sqrt(tau2))
    if adjustment == "beta0":
        estimate = beta + tau * alpha
        se = float(np.sqrt(max((1 + tau2 * np.mean(x**2) - 2 * tau * x.mean()) / spread, 0.0)))
    elif adjustment == "mulim":
        estimate, se = float(np.sum(shrunken / v) / np.sum(1 / v)), float(1 / np.sqrt(np.sum(1 / v)))
    else:
        precision = 1 / np.sqrt(v)
        estimate, se = limit_beta, float(1 / np.sqrt(np.sum((precision - precision.mean()) ** 2)))
    a, b, _ = _radial(y, v)
    residual = float(np.sum((y / np.sqrt(v) - a - b / np.sqrt(v)) ** 2))
    z = float(ndtri((1 + level) / 2))
    enough = k >= ENOUGH
    return LimitMetaAnalysis(
        adjustment=adjustment,
        k=k,
        estimate=estimate,
        se=se,
        p_value=float(2 * ndtr(-abs(estimate / se))) if se > 0 else float("nan"),
        ci=(estimate - z * se, estimate + z * se),
        random_estimate=mean,
        random_se=mean_se,
        random_ci=(mean - z * mean_se, mean + z * mean_se),
        tau2=tau2,
        alpha=alpha,
        beta=beta,
        q=q,
        q_small=q - residual,
        q_small_p=float(chdtrc(1, max(q - residual, 0.0))),
        q_residual=residual,
        q_residual_p=float(chdtrc(k - 2, residual)),
        g2=100 * unexplained,
        shrunken=shrunken,
        can_tell=enough,
        note="" if enough else f"{k} studies: too few to tell small-study effects; at least {ENOUGH} are needed",
    )


def _radial(y: FloatArray, variance: FloatArray) -> tuple[float, float, float]:
    """Intercept and slope of the line through the radial plot (y/s on 1/s), and the share it leaves unexplained."""
    x = 1 / np.sqrt(variance)
    z = y * x
    dx, dz = x - x.mean(), z - z.mean()
    slope = float(dx @ dz / (dx @ dx))
    total = float(dz @ dz)
    rest = dz - slope * dx
    return float(z.mean() - slope * x.mean()), slope, float(rest @ rest) / total if total > 0 else 0.0
