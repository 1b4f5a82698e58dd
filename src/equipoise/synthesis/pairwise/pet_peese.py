"""PET-PEESE: the effect at a standard error of zero.

Stanley & Doucouliagos (2014) Research Synthesis Methods 5:60: regress the estimates on their standard errors (PET)
and on their variances (PEESE); the intercept is the effect of an infinitely precise study. PEESE is used where PET
finds an effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.asymmetry import ENOUGH
from equipoise.synthesis.pairwise.heterogeneity import solve
from equipoise.synthesis.pairwise.projection import Moderators
from equipoise.synthesis.pairwise.regression import quantile, two_sided
from equipoise.synthesis.pairwise.tables import number, p_cell, table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LimitRegression:
    """A regression on the standard error or the variance: its intercept (``estimate``) and slope, with t-tests."""

    predictor: str
    estimate: float
    se: float
    df: float
    p_value: float
    ci: tuple[float, float]
    slope: float
    slope_se: float
    slope_p: float
    tau2: float


@dataclass(frozen=True, slots=True)
class PetPeese:
    """``pet``, ``peese`` and which was ``chosen``; ``estimate``, ``se`` and ``ci`` are the chosen one's.

    ``can_tell`` is False below ten studies, and ``note`` says so.
    """

    pet: LimitRegression
    peese: LimitRegression
    chosen: str
    model: str
    k: int
    can_tell: bool
    note: str

    @property
    def _one(self) -> LimitRegression:
        return self.pet if self.chosen == "PET" else self.peese

    @property
    def estimate(self) -> float:
        return self._one.estimate

    @property
    def se(self) -> float:
        return self._one.se

    @property
    def ci(self) -> tuple[float, float]:
        return self._one.ci

    def to_frame(self) -> Any:
        """PET and PEESE, one row each."""
        both = [self.pet, self.peese]
        return make_frame(
            {
                "model": ["PET", "PEESE"],
                "estimate": [fit.estimate for fit in both],
                "se": [fit.se for fit in both],
                "ci_low": [fit.ci[0] for fit in both],
                "ci_high": [fit.ci[1] for fit in both],
                "p_value": [fit.p_value for fit in both],
                "slope": [fit.slope for fit in both],
                "slope_p": [fit.slope_p for fit in both],
                "chosen": [self.chosen == name for name in ("PET", "PEESE")],
            }
        )

    def summary(self) -> str:
        """Both regressions as a table."""
        rows = [
            [name, number(fit.estimate), number(fit.se), *map(number, fit.ci), p_cell(fit.p_value), number(fit.slope)]
            for name, fit in (("PET", self.pet), ("PEESE", self.peese))
        ]
        lines = [
            f"PET-PEESE ({self.model} spread, k = {self.k})",
            table(["", "estimate", "se", "ci.low", "ci.high", "p", "slope"], rows),
            f"Chosen: {self.chosen}",
        ]
        return "\n".join([*lines, f"Note: {self.note}"] if self.note else lines)

    def __str__(self) -> str:
        return self.summary()


def pet_peese(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    model: str = "multiplicative",
    method: str = "REML",
    alpha: float = 0.1,
    level: float = 0.95,
) -> PetPeese:
    """PET, PEESE and the conditional choice: PEESE when PET's intercept has two-sided p < ``alpha``.

    ``alpha`` 0.1 is Stanley & Doucouliagos' one-sided test at 0.05. ``model``: "multiplicative" (their weighted least
    squares) or "additive" (a random-effects meta-regression, τ² by ``method``); t with k − 2 degrees of freedom.
    Raises ``DataError`` for fewer than three studies, or when all have the same precision.
    """
    inputs.choice(model, ("multiplicative", "additive"), "model")
    inputs.probability(alpha, "alpha")
    inputs.probability(level, "level")
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    if k < 3 or np.ptp(v) <= 1e-12 * v.max():
        raise DataError("PET-PEESE needs three studies or more, and studies of different precision")
    pet = _regress(y, v, np.sqrt(v), "standard error", model, method, level)
    peese = _regress(y, v, v, "variance", model, method, level)
    enough = k >= ENOUGH
    return PetPeese(
        pet=pet,
        peese=peese,
        chosen="PEESE" if pet.p_value < alpha else "PET",
        model=model,
        k=k,
        can_tell=enough,
        note="" if enough else f"{k} studies: too few to extrapolate from; at least {ENOUGH} are needed",
    )


def _regress(
    y: FloatArray, v: FloatArray, x: FloatArray, predictor: str, model: str, method: str, level: float
) -> LimitRegression:
    fitted = Moderators(y, v, np.column_stack([np.ones_like(x), x]))
    df = float(len(y) - 2)
    if model == "additive":
        tau2 = float(solve(method, fitted).value)
        at = fitted.at(tau2)
        covariance = at.covariance
    else:
        tau2 = float("nan")
        at = fitted.at(0.0)
        covariance = at.covariance * float(at.q) / df
    b, se = at.coefficients, np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = two_sided(b / se, df)
    half = quantile(level, df) * float(se[0])
    return LimitRegression(
        predictor=predictor,
        estimate=float(b[0]),
        se=float(se[0]),
        df=df,
        p_value=float(p[0]),
        ci=(float(b[0]) - half, float(b[0]) + half),
        slope=float(b[1]),
        slope_se=float(se[1]),
        slope_p=float(p[1]),
        tau2=tau2,
    )
