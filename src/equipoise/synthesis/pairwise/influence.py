"""Influence: what each study does to the result.

Case-deletion diagnostics of a pooled mean or a meta-regression (Viechtbauer & Cheung 2010, Research Synthesis Methods
1:112), as metafor's `influence`: every deletion refits the model, τ² included, all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtr

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise.refits import refit
from equipoise.synthesis.pairwise.regression import MetaRegression, meta_regression
from equipoise.synthesis.pairwise.tables import number, table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Influence:
    """Diagnostics of each study, arrays (k,) unless said.

    ``standardised`` and ``studentised`` residuals (with the study in and out of the fit), ``dffits``,
    ``cooks_distance``, ``covariance_ratio``, ``hat`` values, ``weight`` (per cent), ``dfbetas`` (k, p);
    ``tau2_deleted`` and ``q_deleted``: τ² and QE without the study. NaN where the model can't be fitted without it.
    ``prediction_shift``: the squared change in the study's predicted effect when it is left out, in standard errors
    of the prediction without it. ``influential`` marks studies beyond a usual threshold: |DFFITS| > 3√(p/(k−p)), the
    lower tail of χ²(p) at Cook's distance above one half, hat above 3p/k, or a |DFBETAS| above 1.
    """

    studies: tuple[str, ...]
    names: tuple[str, ...]
    standardised: FloatArray
    studentised: FloatArray
    dffits: FloatArray
    cooks_distance: FloatArray
    covariance_ratio: FloatArray
    tau2_deleted: FloatArray
    q_deleted: FloatArray
    hat: FloatArray
    weight: FloatArray
    dfbetas: FloatArray
    influential: NDArray[np.bool_]
    prediction_shift: FloatArray
    fit: MetaRegression

    def to_frame(self) -> Any:
        """One row a study."""
        return make_frame(
            {
                "study": list(self.studies),
                "standardised": self.standardised,
                "studentised": self.studentised,
                "dffits": self.dffits,
                "cooks_distance": self.cooks_distance,
                "covariance_ratio": self.covariance_ratio,
                "tau2_deleted": self.tau2_deleted,
                "q_deleted": self.q_deleted,
                "hat": self.hat,
                "weight": self.weight,
                **{f"dfbetas[{name}]": self.dfbetas[:, j] for j, name in enumerate(self.names)},
                "influential": self.influential,
            }
        )

    def summary(self) -> str:
        """The diagnostics as a table; influential studies are starred."""
        columns = (
            self.studentised,
            self.dffits,
            self.cooks_distance,
            self.covariance_ratio,
            self.tau2_deleted,
            self.q_deleted,
            self.hat,
            self.weight,
        )
        rows = [
            [study, *(number(float(column[i])) for column in columns), "*" if self.influential[i] else ""]
            for i, study in enumerate(self.studies)
        ]
        text = table(["", "rstudent", "dffits", "cook.d", "cov.r", "τ².del", "QE.del", "hat", "weight", ""], rows)
        return "\n".join([text, *(f"Left out: {study} ({reason})" for study, reason in self.fit.left_out)])

    def __str__(self) -> str:
        return self.summary()


def influence(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    formula: str | None = None,
    data: Any = None,
    method: str = "REML",
    ci: str = "z",
    studies: Sequence[Any] | None = None,
) -> Influence:
    """Case-deletion diagnostics of a pooled mean (no moderators) or of a meta-regression.

    Arguments as in `meta_regression`. Raises ``DataError`` when there are fewer than p + 2 studies: without one there
    must be a residual left.
    """
    fit = meta_regression(estimates, variances, X, formula=formula, data=data, method=method, ci=ci, studies=studies)
    y, v, design = fit.estimates, fit.variances, fit.design.X
    k, p = design.shape
    if k < p + 2:
        raise DataError(f"{k} studies and {p} coefficients: leaving one out leaves no residual")
    out = refit(y, v, design, ~np.eye(k, dtype=bool), method=method, ci=fit.ci_method)

    total = v + fit.tau2
    plain = fit.covariance / fit.factor
    reach = design @ plain
    hat = np.einsum("ij,ij->i", reach, design) / total
    residual = y - fit.fitted
    # (I − H) M (I − H)′ has this diagonal when the weights are M⁻¹.
    spread = total - np.einsum("ij,ij->i", reach, design)

    predicted = np.einsum("ij,ij->i", design, out.coefficients)
    deleted = y - predicted
    at_deleted = np.einsum("ij,ijk,ik->i", design, out.covariance, design)
    deleted_se = np.sqrt(out.factor * (v + out.tau2) + at_deleted)
    change = fit.coefficients - out.coefficients
    w = 1 / (v[None, :] + out.tau2[:, None])
    # Variances at the full design, with τ² as it is without the study.
    full = np.linalg.inv(np.einsum("ij,jp,jq->ipq", np.nan_to_num(w, nan=1.0), design, design))
    with np.errstate(invalid="ignore", divide="ignore"):
        dfbetas = change / np.sqrt(out.factor[:, None] * np.einsum("ijj->ij", full))
        dffits = (fit.fitted - predicted) / np.sqrt(out.factor * hat * (out.tau2 + v))
        cooks = np.einsum("ij,jk,ik->i", change, np.linalg.inv(fit.covariance), change)
        standardised = residual / np.sqrt(spread)
        studentised = deleted / deleted_se
    fitted = ~np.isnan(out.tau2)
    ratio = np.full(k, np.nan)
    ratio[fitted] = np.linalg.det(out.covariance[fitted]) / np.linalg.det(fit.covariance)
    influential = (
        (np.abs(dffits) > 3 * np.sqrt(p / (k - p)))
        | (chdtr(p, np.nan_to_num(cooks)) > 0.5)
        | (hat > 3 * p / k)
        | np.any(np.abs(dfbetas) > 1, axis=1)
    )
    return Influence(
        studies=fit.studies,
        names=fit.names,
        standardised=standardised,
        studentised=studentised,
        dffits=dffits,
        cooks_distance=cooks,
        covariance_ratio=ratio,
        tau2_deleted=out.tau2,
        q_deleted=out.qe,
        hat=hat,
        weight=100 * (1 / total) / np.sum(1 / total),
        dfbetas=dfbetas,
        influential=np.asarray(influential),
        prediction_shift=(fit.fitted - predicted) ** 2 / at_deleted,
        fit=fit,
    )
