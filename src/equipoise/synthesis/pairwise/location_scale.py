"""Location–scale models: moderators of the heterogeneity itself.

y_i ~ N(x_i β, v_i + τ_i²) with log τ_i² = z_i α (Viechtbauer & López-López 2022, Research Synthesis Methods 13:697),
as metafor's `rma` with ``scale``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from equipoise.errors import DataError, NotConverged
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import Design, design_matrix
from equipoise.synthesis.pairwise.optimum import score
from equipoise.synthesis.pairwise.projection import Moderators
from equipoise.synthesis.pairwise.regression import WaldTest, quantile, two_sided, wald_test
from equipoise.synthesis.pairwise.tables import number, p_cell, table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Coefficients:
    """One part of the model: estimates with their standard errors, tests and intervals ``ci`` (p, 2)."""

    names: tuple[str, ...]
    estimate: FloatArray
    se: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    ci: FloatArray
    covariance: FloatArray
    test: WaldTest


@dataclass(frozen=True)
class LocationScale:
    """A fitted location–scale model.

    ``location`` are the β of the mean effect, ``scale`` the α of log τ²; each has a joint ``test`` of all but its
    intercept. ``tau2`` (k,) is each study's. ``residual_test`` (QE) tests heterogeneity. Standard errors of ``scale``
    are NaN where the likelihood doesn't bend (τ² of some studies runs to 0), and ``warnings`` says so.
    """

    method: str
    location: Coefficients
    scale: Coefficients
    tau2: FloatArray
    df: float
    log_likelihood: float
    residual_test: WaldTest
    level: float
    estimates: FloatArray
    variances: FloatArray
    scale_design: Design
    warnings: tuple[str, ...]

    @property
    def k(self) -> int:
        """The number of studies."""
        return len(self.estimates)

    def tau2_at(self, data: Any) -> FloatArray:
        """τ² at new values of the scale moderators: a frame for a formula, rows of Z otherwise."""
        return np.asarray(np.exp(self.scale_design.rows(data) @ self.scale.estimate))

    def to_frame(self) -> Any:
        """One row a coefficient."""
        parts = (self.location, self.scale)
        return make_frame(
            {
                "part": ["location"] * len(self.location.names) + ["scale"] * len(self.scale.names),
                "term": [name for part in parts for name in part.names],
                "estimate": np.concatenate([part.estimate for part in parts]),
                "se": np.concatenate([part.se for part in parts]),
                "statistic": np.concatenate([part.statistic for part in parts]),
                "p_value": np.concatenate([part.p_value for part in parts]),
                "ci_low": np.concatenate([part.ci[:, 0] for part in parts]),
                "ci_high": np.concatenate([part.ci[:, 1] for part in parts]),
            }
        )

    def summary(self) -> str:
        """Both parts as tables."""
        lines = [
            f"Location–scale model (k = {self.k}; {self.method})",
            f"Test for residual heterogeneity: {self.residual_test}",
        ]
        for title, part in (("Location", self.location), ("Scale (log τ²)", self.scale)):
            rows = [
                [name, number(b), number(s), number(t), p_cell(p), number(low), number(high)]
                for name, b, s, t, p, (low, high) in zip(
                    part.names, part.estimate, part.se, part.statistic, part.p_value, part.ci, strict=True
                )
            ]
            letter = "z" if np.isnan(self.df) else "t"
            lines += [
                "",
                f"{title}: {part.test}",
                table(["", "estimate", "se", letter, "p", "ci.low", "ci.high"], rows),
            ]
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __str__(self) -> str:
        return self.summary()


def location_scale(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    Z: Any = None,
    *,
    formula: str | None = None,
    scale: str | None = None,
    data: Any = None,
    method: str = "REML",
    test: str = "z",
    level: float = 0.95,
) -> LocationScale:
    """Fit y ~ N(Xβ, v + exp(Zα)).

    The location part is a design matrix ``X`` or a ``formula``, the scale part ``Z`` or a formula ``scale``, over
    ``data``, as in `meta_regression`; each defaults to an intercept. ``method``: "REML" or "ML". ``test``: "z", or
    "t" with k less the number of coefficients of the part.

    Raises ``DataError`` for unusable input and ``NotConverged`` when no maximum is found.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    inputs.choice(method, ("REML", "ML"), "method")
    inputs.choice(test, ("z", "t"), "test")
    inputs.probability(level, "level")
    where = design_matrix(X, k, formula=formula, data=data)
    spread = design_matrix(Z, k, formula=scale, data=data)
    p, q = where.X.shape[1], spread.X.shape[1]
    if k < p + q + 1:
        raise DataError(f"{k} studies can't support {p} location and {q} scale coefficients")
    model = Moderators(y, v, where.X)
    basis, triangle = np.linalg.qr(spread.X)
    restricted = method == "REML"

    def objective(gamma: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        # The search runs in an orthonormal basis of Z, so that its units don't matter.
        with np.errstate(over="ignore"):
            tau2 = np.exp(basis @ gamma)
        if not np.all(np.isfinite(tau2)):
            return -np.inf, np.zeros(q), np.zeros((q, q))
        at = model.weighted(1 / (v + tau2))
        w = at.weights
        value = 0.5 * float(at.log_weights - at.q - k * np.log(2 * np.pi))
        by_tau2 = tau2[:, None] * basis
        if restricted:
            value += 0.5 * float(p * np.log(2 * np.pi) + model.log_det_design - at.log_det)
            P = at.matrix()
            own, information = np.diag(P), 0.5 * by_tau2.T @ (P * P) @ by_tau2
        else:
            own, information = w, 0.5 * (by_tau2.T * w**2) @ by_tau2
        return value, -0.5 * by_tau2.T @ (own - (w * at.residuals) ** 2), information

    guess = np.log(max(float(np.mean(model.equally().residuals ** 2) - np.mean(v)), 0.05 * float(np.mean(v))))
    starts = [basis.T @ np.full(k, guess + shift) for shift in (0.0, -2.0)]
    low = np.full(q, -40.0 * np.sqrt(k))
    found = score(objective, starts, low, -low, scale=np.full(q, np.sqrt(k)))
    if not found.converged:
        raise NotConverged("the location–scale model found no maximum: use fewer moderators of the scale")
    back = np.linalg.inv(triangle)
    alpha = back @ found.x
    alpha_covariance = back @ found.covariance() @ back.T
    tau2 = np.exp(basis @ found.x)
    at = model.weighted(1 / (v + tau2))
    at0 = model.at(0.0)
    warnings = []
    if np.isnan(alpha_covariance).any():
        warnings.append("the likelihood is flat in the scale part (τ² near 0): no standard errors; simplify it")
    df = (float("nan"), float("nan")) if test == "z" else (float(k - p), float(k - q))
    return LocationScale(
        method=method,
        location=_part(where, at.coefficients, at.covariance, df[0], level),
        scale=_part(spread, alpha, alpha_covariance, df[1], level),
        tau2=tau2,
        df=df[0],
        log_likelihood=found.value,
        residual_test=WaldTest(float(at0.q), k - p, float("nan"), float(chdtrc(k - p, float(at0.q)))),
        level=level,
        estimates=y,
        variances=v,
        scale_design=spread,
        warnings=tuple(warnings),
    )


def _part(design: Design, estimate: FloatArray, covariance: FloatArray, df: float, level: float) -> Coefficients:
    se = np.sqrt(np.diag(covariance))
    half = quantile(level, df) * se
    tested = list(design.tested)
    if np.isnan(covariance).any():
        nan = float("nan")
        joint = WaldTest(nan, len(tested), nan, nan)
    else:
        joint = wald_test(estimate, covariance, np.eye(len(estimate))[tested], df)
    return Coefficients(
        names=design.names,
        estimate=estimate,
        se=se,
        statistic=estimate / se,
        p_value=two_sided(estimate / se, df),
        ci=np.column_stack([estimate - half, estimate + half]),
        covariance=covariance,
        test=joint,
    )
