"""Meta-regression: do study characteristics explain why effects differ?

The mixed-effects model y ~ N(Xβ, v + τ²), as metafor's `rma.uni` with moderators fits it (Berkey et al. 1995,
Statistics in Medicine 14:395; Raudenbush 2009; Knapp & Hartung 2003, Statistics in Medicine 22:2693).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, fdtrc, ndtr, ndtri, stdtr, stdtrit

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import Design, design_matrix
from equipoise.synthesis.pairwise.heterogeneity import METHODS, WEIGHTED_METHODS, solve
from equipoise.synthesis.pairwise.intervals import ci_method
from equipoise.synthesis.pairwise.projection import InterceptOnly, ModeratorProjection, Moderators
from equipoise.synthesis.pairwise.regression_data import complete_rows
from equipoise.synthesis.pairwise.roots import q_root
from equipoise.synthesis.pairwise.tables import number, p_cell, p_value, table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.meta_regression import MetaRegressionPosterior
    from equipoise.synthesis.bayes.priors import Prior

FloatArray = NDArray[np.float64]

COMMON = ("CE", "FE", "EE", "IV")


class WaldTest(NamedTuple):
    """A joint test of coefficients: χ² on ``df1``, or F on ``df1`` and ``df2`` when ``df2`` isn't NaN."""

    statistic: float
    df1: int
    df2: float
    p_value: float

    def __str__(self) -> str:
        if np.isnan(self.df2):
            return f"χ²(df = {self.df1}) = {number(self.statistic)}, p {p_value(self.p_value)}"
        return f"F({self.df1}, {self.df2:.4g}) = {number(self.statistic)}, p {p_value(self.p_value)}"


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predicted mean effects with their intervals, ``ci`` and ``prediction`` (m, 2)."""

    estimate: FloatArray
    se: FloatArray
    ci: FloatArray
    prediction: FloatArray

    def to_frame(self) -> Any:
        """One row a prediction."""
        return make_frame(
            {
                "estimate": self.estimate,
                "se": self.se,
                "ci_low": self.ci[:, 0],
                "ci_high": self.ci[:, 1],
                "prediction_low": self.prediction[:, 0],
                "prediction_high": self.prediction[:, 1],
            }
        )


@dataclass(frozen=True)
class MetaRegression:
    """A mixed-effects (or common-effect) meta-regression.

    Arrays have one entry a coefficient, ``ci`` is (p, 2). ``df`` is NaN where the normal distribution was used.
    ``tau2`` is the residual heterogeneity (``tau2_fixed``: given, not estimated); ``r2`` the share of τ² explained,
    in per cent (NaN without an intercept); ``i2`` in per cent and ``h2`` follow from τ² and the typical variance.
    ``residual_test`` (QE) tests residual heterogeneity, ``moderator_test`` (QM) all coefficients but the intercept.
    ``factor`` is the Hartung–Knapp factor by which ``covariance`` was multiplied. ``left_out``: studies with a missing
    value.
    """

    method: str
    ci_method: str
    level: float
    coefficients: FloatArray
    se: FloatArray
    statistic: FloatArray
    df: float
    p_value: FloatArray
    ci: FloatArray
    covariance: FloatArray
    factor: float
    tau2: float
    tau2_se: float
    tau2_fixed: bool
    i2: float
    h2: float
    r2: float
    residual_test: WaldTest
    moderator_test: WaldTest
    studies: tuple[str, ...]
    estimates: FloatArray
    variances: FloatArray
    design: Design
    warnings: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients' names."""
        return self.design.names

    @property
    def k(self) -> int:
        """The number of studies."""
        return len(self.estimates)

    @property
    def p(self) -> int:
        """The number of coefficients."""
        return len(self.coefficients)

    @cached_property
    def fitted(self) -> FloatArray:
        """Xβ."""
        return self.design.X @ self.coefficients

    @cached_property
    def tau2_ci(self) -> tuple[float, float]:
        """The Q-profile interval of τ² (Viechtbauer 2007, Statistics in Medicine 26:37)."""
        tail = (1 - self.level) / 2
        model = Moderators(self.estimates, self.variances, self.design.X)
        df = self.k - self.p
        low, high = (float(np.nan_to_num(q_root(model, np.asarray(chdtri(df, share))))) for share in (tail, 1 - tail))
        return low, high

    @cached_property
    def log_likelihood(self) -> float:
        """The restricted log-likelihood for REML, with ½ log det X′X as metafor has it; else the log-likelihood."""
        w = 1 / (self.variances + self.tau2)
        rss = float(np.sum(w * (self.estimates - self.fitted) ** 2))
        value = 0.5 * (float(np.log(w).sum()) - rss - self.k * np.log(2 * np.pi))
        if self.method == "REML":
            X = self.design.X
            value += 0.5 * (self.p * np.log(2 * np.pi) + np.linalg.slogdet(X.T @ X)[1])
            value -= 0.5 * np.linalg.slogdet(X.T * w @ X)[1]
        return float(value)

    @property
    def aic(self) -> float:
        """Akaike's criterion of ``log_likelihood``."""
        return -2 * self.log_likelihood + 2 * self._parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, on k (REML: k − p) observations."""
        observations = self.k - self.p if self.method == "REML" else self.k
        return float(-2 * self.log_likelihood + self._parameters * np.log(observations))

    @property
    def aicc(self) -> float:
        """Akaike's criterion with the small-sample correction, as metafor bounds it."""
        q = self._parameters
        observations = self.k - self.p if self.method == "REML" else self.k
        n = max(observations, q + 2)
        return -2 * self.log_likelihood + 2 * q * n / (n - q - 1)

    @property
    def _parameters(self) -> int:
        return self.p + (0 if self.method == "IV" else 1)

    def test(self, term: str | Sequence[int] | ArrayLike) -> WaldTest:
        """A joint test: of a term by name, of columns by index, or of contrasts Lβ = 0 with L (m, p)."""
        return wald_test(self.coefficients, self.covariance, self.design.contrast(term), self.df)

    def predict(self, data: Any = None) -> Predictions:
        """Mean effects at new moderator values: a frame for a formula, rows of X otherwise; None: the studies' own.

        Intervals use the distribution of the confidence intervals; the prediction interval adds τ².
        """
        X = self.design.X if data is None else self.design.rows(data)
        estimate = X @ self.coefficients
        variance = np.einsum("ij,jk,ik->i", X, self.covariance, X)
        q = quantile(self.level, self.df)
        half, wide = q * np.sqrt(variance), q * np.sqrt(variance + self.tau2)
        return Predictions(
            estimate=estimate,
            se=np.sqrt(variance),
            ci=np.column_stack([estimate - half, estimate + half]),
            prediction=np.column_stack([estimate - wide, estimate + wide]),
        )

    def to_frame(self) -> Any:
        """One row a coefficient."""
        return make_frame(
            {
                "term": list(self.names),
                "estimate": self.coefficients,
                "se": self.se,
                "statistic": self.statistic,
                "df": np.full(self.p, self.df),
                "p_value": self.p_value,
                "ci_low": self.ci[:, 0],
                "ci_high": self.ci[:, 1],
            }
        )

    def summary(self) -> str:
        """The fit as text, in the order in which R's users read it."""
        lines = []
        if self.method == "IV":
            lines += [f"Common-effect model with moderators (k = {self.k})", ""]
        else:
            lines += [f"Mixed-effects model (k = {self.k}; τ² estimator: {self.method})", ""]
            se = f" (SE {number(self.tau2_se)})" if np.isfinite(self.tau2_se) else ""
            lines += [f"Residual τ² = {number(self.tau2)}{se}, τ = {number(float(np.sqrt(self.tau2)))}"]
        explained = f", R² = {self.r2:.2f} %" if np.isfinite(self.r2) else ""
        letter = "z" if np.isnan(self.df) else f"t({self.df:g})"
        rows = [
            [name, number(b), number(s), number(t), p_cell(p), number(low), number(high)]
            for name, b, s, t, p, (low, high) in zip(
                self.names, self.coefficients, self.se, self.statistic, self.p_value, self.ci, strict=True
            )
        ]
        lines += [
            f"I² = {self.i2:.2f} %, H² = {self.h2:.2f}{explained}",
            f"Test for residual heterogeneity: {self.residual_test}",
            f"Test of moderators: {self.moderator_test}",
            "",
            table(["", "estimate", "se", letter, "p", "ci.low", "ci.high"], rows),
            *(f"Left out: {study} ({reason})" for study, reason in self.left_out),
            *(f"Note: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


_PRECISE = 1e9
"""How many times the smallest the median variance may be before `Moderators` loses the digits of τ²."""


@overload
def meta_regression(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    formula: str | None = None,
    data: Any = None,
    method: str = "REML",
    ci: str = "z",
    level: float = 0.95,
    tau2: float | None = None,
    weights: ArrayLike | None = None,
    studies: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    prior: None = None,
    coefficient_prior: None = None,
) -> MetaRegression: ...


@overload
def meta_regression(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    formula: str | None = None,
    data: Any = None,
    level: float = 0.95,
    studies: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    prior: Prior,
    coefficient_prior: Prior | Mapping[str, Prior] | None = None,
) -> MetaRegressionPosterior: ...


def meta_regression(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    formula: str | None = None,
    data: Any = None,
    method: str = "REML",
    ci: str = "z",
    level: float = 0.95,
    tau2: float | None = None,
    weights: ArrayLike | None = None,
    studies: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    prior: Prior | None = None,
    coefficient_prior: Prior | Mapping[str, Prior] | None = None,
) -> MetaRegression | MetaRegressionPosterior:
    """Regress estimates (k,) with sampling variances (k,) on moderators.

    Moderators: a design matrix ``X`` (k, p) that holds its own column of ones, or a ``formula`` such as
    "~ ablat + C(alloc)" over ``data`` (any dataframe or mapping); text columns are categorical. ``method`` estimates
    τ² (see `heterogeneity.METHODS`; ``weights`` are those of GENQ) or is "CE" (common effect); ``tau2`` fixes it.
    ``ci``: "z", "t", "hksj" (Knapp & Hartung) or "hksj-floored" (their factor not below 1).

    With a ``prior`` of τ (such as ``HalfNormal(0.5)``) the result is the exact posterior
    (`bayes.meta_regression.meta_regression_posterior`), for which ``method``, ``ci``, ``tau2`` and ``weights`` have no
    meaning; ``coefficient_prior``: one for all coefficients, or one by name, the others flat.

    A study without an estimate, variance or moderator (NaN, None) is left out and listed. Raises ``DataError`` for
    unusable numbers (study or row named), redundant moderators, and when there are no more studies than coefficients.
    """
    if prior is not None or coefficient_prior is not None:
        from equipoise.synthesis.bayes.meta_regression import meta_regression_posterior

        asked = {"method": method != "REML", "ci": ci != "z", "tau2": tau2 is not None, "weights": weights is not None}
        foreign = [name for name, given in asked.items() if given]
        if foreign:
            raise DataError(
                f"{', '.join(foreign)} has no meaning for a posterior: leave it out, or leave the priors out"
            )
        return meta_regression_posterior(
            estimates, variances, X, formula=formula, data=data, heterogeneity=prior, coefficients=coefficient_prior,
            level=level, names=names, studies=studies,
        )  # fmt: skip
    estimates, variances, studies = inputs.unpacked(estimates, variances, studies)
    labels = inputs.labels(studies, np.size(estimates), "studies")
    rows = complete_rows(estimates, variances, X, formula, data, labels, weights)
    y, v, weights = rows.y, rows.v, rows.weights
    k = len(y)
    design = design_matrix(rows.X, k, formula=formula, data=rows.data, names=None if names is None else tuple(names))
    inputs.probability(level, "level")
    interval = ci_method(ci)
    p = design.X.shape[1]
    common = method in COMMON
    if not common:
        inputs.choice(method, [*METHODS, *WEIGHTED_METHODS, *COMMON], "method")
    if k <= p and not (common and k == p):
        raise DataError(
            f"{k} studies can't support {p} coefficients and a residual: use fewer moderators "
            "(or method='CE' for as many studies as coefficients)"
        )
    model = Moderators(y, v, design.X)
    at0 = model.at(0.0)
    df = k - p
    warnings: list[str] = []

    t2, t2_se = 0.0, float("nan")
    given = None if weights is None else inputs.positive(weights, "weights", k)
    if tau2 is not None:
        if not tau2 >= 0:
            raise DataError(f"tau2 = {tau2}: a number of 0 or more is needed")
        t2 = float(tau2)
    elif not common:
        if np.median(v) > _PRECISE * v.min():
            raise DataError(
                f"variances: {v.min():g}, study {int(v.argmin()) + 1}, is less than a billionth of the median "
                f"{np.median(v):g}; τ² can't be computed to any digit. Check its unit, or leave the study out and say so"
            )
        solution = solve(method, model, given)
        t2, t2_se = float(solution.value), float(solution.se)
    at = at0 if t2 == 0 else model.at(t2)

    factor = 1.0
    if interval.startswith("hksj"):
        if df == 0:
            raise DataError("ci='hksj' needs more studies than coefficients")
        factor = float(at.q) / df
        if factor < 1:
            said = "was set to 1" if interval == "hksj-floored" else "makes standard errors smaller than Wald's"
            warnings.append(f"the Hartung–Knapp factor is {factor:.3g}, below 1, and {said}")
        factor = max(factor, 1.0) if interval == "hksj-floored" else factor
    freedom = float("nan") if interval == "z" or df == 0 else float(df)
    covariance = at.covariance * factor
    covariance = (covariance + covariance.T) / 2
    coefficients = at.coefficients
    se = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = coefficients / se
    half = quantile(level, freedom) * se
    qe = float(at0.q) if df else 0.0
    typical = df / float(at0.tr_p) if df else float("nan")
    if common:
        i2, h2 = (max(0.0, 100 * (qe - df) / qe) if qe > 0 else 0.0), (qe / df if df else float("nan"))
    else:
        i2, h2 = 100 * t2 / (t2 + typical), 1 + t2 / typical
    return MetaRegression(
        method="IV" if common else method,
        ci_method=interval,
        level=level,
        coefficients=coefficients,
        se=se,
        statistic=statistic,
        df=freedom,
        p_value=two_sided(statistic, freedom),
        ci=np.column_stack([coefficients - half, coefficients + half]),
        covariance=covariance,
        factor=factor,
        tau2=t2,
        tau2_se=t2_se,
        tau2_fixed=tau2 is not None,
        i2=i2,
        h2=h2,
        r2=_explained(y, v, design, method, t2, given, at0) if tau2 is None else float("nan"),
        residual_test=WaldTest(qe, df, float("nan"), float(chdtrc(df, qe)) if df else 1.0),
        moderator_test=wald_test(coefficients, covariance, np.eye(p)[list(design.tested)], freedom),
        studies=rows.studies,
        estimates=y,
        variances=v,
        design=design,
        warnings=tuple(warnings),
        left_out=rows.left_out,
    )


def wald_test(coefficients: FloatArray, covariance: FloatArray, L: FloatArray, df: float) -> WaldTest:
    """The test of Lβ = 0 with L (m, p): χ²(m) when ``df`` is NaN, else F(m, df)."""
    if L.ndim != 2 or L.shape[1] != len(coefficients):
        raise DataError(f"contrasts need {len(coefficients)} columns, got shape {L.shape}")
    m = len(L)
    difference = L @ coefficients
    spread = L @ covariance @ L.T
    if np.linalg.matrix_rank(L) < m:
        raise DataError("the contrasts depend on each other; leave out the redundant ones")
    scale = np.sqrt(np.diag(spread))
    if not np.all(scale > 0) or np.linalg.matrix_rank(spread / np.outer(scale, scale), hermitian=True) < m:
        # Without any residual (or with too few clusters) there is no spread to test against.
        return WaldTest(float("nan"), m, df, float("nan"))
    q = float(difference @ np.linalg.solve(spread, difference))
    if np.isnan(df):
        return WaldTest(q, m, float("nan"), float(chdtrc(m, q)))
    return WaldTest(q / m, m, df, float(fdtrc(m, df, q / m)))


def two_sided(statistic: FloatArray | float, df: float) -> FloatArray:
    """Two-sided p-values from the normal distribution (``df`` NaN) or t."""
    size = -np.abs(statistic)
    return np.asarray(2 * (ndtr(size) if np.isnan(df) else stdtr(df, size)))


def quantile(level: float, df: float) -> float:
    """The quantile of a two-sided interval, normal when ``df`` is NaN."""
    upper = (1 + level) / 2
    return float(ndtri(upper)) if np.isnan(df) else float(stdtrit(df, upper))


def _explained(
    y: FloatArray,
    v: FloatArray,
    design: Design,
    method: str,
    t2: float,
    weights: FloatArray | None,
    at0: ModeratorProjection,
) -> float:
    """R² in per cent: the share of τ² that the moderators explain (Raudenbush 2009), the adjusted R² of the weighted
    regression for a common effect; NaN without an intercept or without moderators."""
    if design.intercept is None or design.intercept_only:
        return float("nan")
    mean_only = InterceptOnly(y, v)
    if method in COMMON:
        k, p = design.X.shape
        total = float(mean_only.at(0.0).q)
        if k == p or total == 0:
            return float("nan")
        return float(max(0.0, 100 * (1 - (float(at0.q) / (k - p)) / (total / (k - 1)))))
    before = float(solve(method, mean_only, weights).value)
    return max(0.0, 100 * (before - t2) / before) if before > 0 else float("nan")
