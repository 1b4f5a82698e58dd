"""Tests for funnel plot asymmetry: do smaller studies show larger effects?

Regression tests: Egger et al. (1997) BMJ 315:629; Thompson & Sharp (1999) Statistics in Medicine 18:2693, method 3a;
Macaskill et al. (2001) ibid. 20:641; Harbord et al. (2006) ibid. 25:3443; Peters et al. (2006) JAMA 295:676; Deeks et
al. (2005) Journal of Clinical Epidemiology 58:882; Pustejovsky & Rodgers (2019) Research Synthesis Methods 10:57.
Rank test: Begg & Mazumdar (1994) Biometrics 50:1088. Conventions follow R's `regtest` and `ranktest` (metafor) and
`metabias` (meta). With fewer than ten studies chance and asymmetry can't be told apart (Sterne et al. 2011, BMJ
343:d4002): the numbers are given, and the result says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import design_matrix
from equipoise.synthesis.pairwise.heterogeneity import solve
from equipoise.synthesis.pairwise.projection import Moderators
from equipoise.synthesis.pairwise.regression import quantile, two_sided
from equipoise.synthesis.pairwise.tables import number, p_value

FloatArray = NDArray[np.float64]

ROUNDING = 1e-12
"""Residuals below this part of the estimates are taken for rounding."""

ENOUGH = 10
"""Studies below which the tests can't tell (Sterne et al. 2011)."""

PREDICTORS = ("se", "variance", "n", "1/n", "sqrt(n)", "1/sqrt(n)")


@dataclass(frozen=True, slots=True)
class AsymmetryTest:
    """A test for funnel plot asymmetry.

    ``bias`` is the slope on the ``predictor`` (for the rank test Kendall's τ) with its standard error; ``statistic``
    its z, or t on ``df`` degrees of freedom. ``limit`` is the effect at infinite precision with interval ``limit_ci``
    (NaN where the predictor has no such limit). ``tau2`` is that of the additive model. ``can_tell`` is False with
    fewer than ten studies or when the test can't be made; ``note`` says why.
    """

    method: str
    predictor: str
    k: int
    bias: float
    bias_se: float
    statistic: float
    df: float
    p_value: float
    limit: float
    limit_ci: tuple[float, float]
    tau2: float
    can_tell: bool
    note: str

    def verdict(self, alpha: float = 0.1) -> str:
        """ "asymmetry", "no sign of asymmetry" or "can't tell" at the customary level of 0.1."""
        if not self.can_tell:
            return "can't tell"
        return "asymmetry" if self.p_value < alpha else "no sign of asymmetry"

    def to_frame(self) -> Any:
        """One row."""
        return make_frame(
            {
                "method": [self.method],
                "k": [self.k],
                "bias": [self.bias],
                "bias_se": [self.bias_se],
                "statistic": [self.statistic],
                "df": [self.df],
                "p_value": [self.p_value],
                "limit": [self.limit],
                "limit_low": [self.limit_ci[0]],
                "limit_high": [self.limit_ci[1]],
                "can_tell": [self.can_tell],
            }
        )

    def summary(self) -> str:
        """The test as text."""
        lines = [f"{self.method} test for funnel plot asymmetry (k = {self.k}; predictor: {self.predictor})"]
        if not np.isnan(self.statistic):
            letter = "z" if np.isnan(self.df) else f"t(df = {self.df:g})"
            lines += [
                f"bias {number(self.bias)} (SE {number(self.bias_se)}), {letter} = {number(self.statistic)}, "
                f"p {p_value(self.p_value)}"
            ]
        elif not np.isnan(self.p_value):
            lines += [f"Kendall's τ = {number(self.bias)}, p {p_value(self.p_value)}"]
        if not np.isnan(self.limit):
            low, high = self.limit_ci
            lines += [f"Limit estimate: {number(self.limit)} [{number(low)}, {number(high)}]"]
        lines += [f"Conclusion: {self.verdict()}" + (f" ({self.note})" if self.note else "")]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def egger(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    predictor: str = "se",
    sizes: ArrayLike | None = None,
    X: Any = None,
    level: float = 0.95,
) -> AsymmetryTest:
    """Egger's regression of the estimates (k,) on their standard errors, weighted by 1/v, with multiplicative spread.

    ``predictor``: "se", "variance", or of the total ``sizes`` (k,) "n", "1/n", "sqrt(n)", "1/sqrt(n)". Moderators
    ``X`` (k, p) are adjusted for first. t with k − p − 1 degrees of freedom.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    x = _predictor(predictor, v, sizes)
    limit = predictor in {"se", "variance", "1/n", "1/sqrt(n)"} and X is None
    return _multiplicative("Egger", predictor, y, x, 1 / v, X, level, limit)


def thompson(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    method: str = "DL",
    test: str = "t",
    predictor: str = "se",
    sizes: ArrayLike | None = None,
    X: Any = None,
    level: float = 0.95,
) -> AsymmetryTest:
    """The regression test with additive between-study variance: a meta-regression on the standard error.

    ``method`` estimates τ² (DL: Thompson & Sharp's choice); ``test`` "t" (k − p − 1 degrees of freedom, as
    `metabias`) or "z" (as `regtest`, with method "REML"). Other arguments as `egger`.
    """
    inputs.choice(test, ("t", "z"), "test")
    y, v = inputs.estimates_and_variances(estimates, variances)
    x = _predictor(predictor, v, sizes)
    k = len(y)
    Z = np.column_stack([design_matrix(X, k).X, x])
    p = Z.shape[1]
    reason = _unfit(Z, k, 1)
    if reason:
        return _no_test("Thompson–Sharp", predictor, k, reason)
    model = Moderators(y, v, Z)
    tau2 = float(solve(method, model).value)
    at = model.at(tau2)
    df = float(k - p) if test == "t" else float("nan")
    limit = predictor in {"se", "variance", "1/n", "1/sqrt(n)"} and X is None
    return _from_fit("Thompson–Sharp", predictor, k, at.coefficients, at.covariance, df, tau2, level, limit)


def macaskill(
    estimates: ArrayLike,
    variances: ArrayLike,
    sizes: ArrayLike,
    *,
    events: ArrayLike | None = None,
    level: float = 0.95,
) -> AsymmetryTest:
    """Macaskill's regression on total sample size (k,), weighted by 1/v; with the total ``events`` of both groups
    (k,) by 1/(1/events + 1/(n − events)) instead, which doesn't depend on the effect."""
    y, v = inputs.estimates_and_variances(estimates, variances)
    n = inputs.positive(sizes, "sizes", len(y))
    weight = 1 / v if events is None else _pooled_weight(inputs.counts(events, "events", len(y)), n)
    name = "Macaskill" if events is None else "Macaskill (pooled variance)"
    return _multiplicative(name, "n", y, n, weight, None, level, False)


def peters(
    estimates: ArrayLike,
    events_treatment: ArrayLike,
    n_treatment: ArrayLike,
    events_control: ArrayLike,
    n_control: ArrayLike,
    *,
    level: float = 0.95,
) -> AsymmetryTest:
    """Peters' regression of log odds ratios (k,) on 1/n, weighted by 1/(1/events + 1/non-events) of both groups."""
    et, nt, ec, nc = inputs.two_by_two(events_treatment, n_treatment, events_control, n_control)
    y = _finite(estimates, len(et))
    return _multiplicative("Peters", "1/n", y, 1 / (nt + nc), _pooled_weight(et + ec, nt + nc), None, level, True)


def harbord(
    events_treatment: ArrayLike,
    n_treatment: ArrayLike,
    events_control: ArrayLike,
    n_control: ArrayLike,
    *,
    measure: str = "OR",
    level: float = 0.95,
) -> AsymmetryTest:
    """Harbord's regression of the efficient score Z/V on 1/√V, weighted by V; ``measure`` "OR" or "RR" (2009)."""
    inputs.choice(measure, ("OR", "RR"), "measure")
    et, nt, ec, nc = inputs.two_by_two(events_treatment, n_treatment, events_control, n_control)
    n, events = nt + nc, et + ec
    if measure == "OR":
        Z = et - events * nt / n
        V = nt * nc * events * (n - events) / (n**2 * (n - 1))
    else:
        # Stata's metabias (Harbord, Harris & Sterne 2009, Stata Journal 9:197).
        Z = (et * n - events * nt) / (n - events)
        V = nt * nc * events / (n * (n - events))
    flat = np.flatnonzero(~(V > 0) | ~np.isfinite(V))
    if flat.size:
        raise DataError(
            f"study {flat[0] + 1} has {events[flat[0]]:g} events among {n[flat[0]]:g}: its score has no variance; "
            "leave it out and say so"
        )
    return _multiplicative("Harbord", "1/√V of the score", Z / V, 1 / np.sqrt(V), V, None, level, True)


def deeks(estimates: ArrayLike, n1: ArrayLike, n2: ArrayLike, *, level: float = 0.95) -> AsymmetryTest:
    """Deeks' regression of log diagnostic odds ratios (k,) on 1/√ESS, weighted by the effective sample size
    ESS = 4 n₁n₂/(n₁ + n₂) of the groups with and without the condition."""
    y = _finite(estimates, None)
    a, b = inputs.positive(n1, "n1", len(y)), inputs.positive(n2, "n2", len(y))
    ess = 4 * a * b / (a + b)
    return _multiplicative("Deeks", "1/√ESS", y, 1 / np.sqrt(ess), ess, None, level, True)


def pustejovsky(
    estimates: ArrayLike, variances: ArrayLike, n1: ArrayLike, n2: ArrayLike, *, level: float = 0.95
) -> AsymmetryTest:
    """Egger's regression of standardised mean differences on √(1/n₁ + 1/n₂) instead of the standard error, which
    depends on the estimate itself; weighted by 1/v."""
    y, v = inputs.estimates_and_variances(estimates, variances)
    a, b = inputs.positive(n1, "n1", len(y)), inputs.positive(n2, "n2", len(y))
    return _multiplicative("Pustejovsky–Rodgers", "√(1/n₁ + 1/n₂)", y, np.sqrt(1 / a + 1 / b), 1 / v, None, level, True)


def begg(estimates: ArrayLike | EffectSizes, variances: ArrayLike | None = None) -> AsymmetryTest:
    """Begg and Mazumdar's rank correlation of the standardised estimates with their variances.

    Kendall's τ with its exact p-value; with ties, the normal approximation with the variance corrected for them.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    if k < 3:
        return _no_test("Begg", "variance", k, f"{k} studies: no test can be made")
    if np.ptp(v) == 0:
        return _no_test("Begg", "variance", k, "all studies have the same precision")
    w = 1 / v
    mean = w @ y / w.sum()
    if np.ptp(y) <= ROUNDING * np.abs(y).max():
        return _no_test("Begg", "variance", k, "all studies have the same estimate: no test can be made")
    standardised = (y - mean) / np.sqrt(v - 1 / w.sum())
    tied = len(np.unique(v)) < k or len(np.unique(standardised)) < k
    found = kendalltau(standardised, v, method="asymptotic" if tied or k > 170 else "exact")
    return AsymmetryTest(
        method="Begg",
        predictor="variance",
        k=k,
        bias=float(found.statistic),
        bias_se=float("nan"),
        statistic=float("nan"),
        df=float("nan"),
        p_value=float(found.pvalue),
        limit=float("nan"),
        limit_ci=(float("nan"), float("nan")),
        tau2=float("nan"),
        **_judge(k),
    )


def _predictor(name: str, v: FloatArray, sizes: ArrayLike | None) -> FloatArray:
    inputs.choice(name, PREDICTORS, "predictor")
    if name in {"se", "variance"}:
        return np.sqrt(v) if name == "se" else v
    if sizes is None:
        raise DataError(f"the predictor {name!r} needs sizes, the studies' total sample sizes")
    n = inputs.positive(sizes, "sizes", len(v))
    powers = {"n": 1.0, "1/n": -1.0, "sqrt(n)": 0.5, "1/sqrt(n)": -0.5}
    return np.asarray(n ** powers[name])


def _finite(estimates: ArrayLike, k: int | None) -> FloatArray:
    y = inputs.column(estimates, "estimates", k)
    bad = np.flatnonzero(~np.isfinite(y))
    if bad.size:
        raise DataError(f"estimates, study {bad[0] + 1}: {y[bad[0]]:g}; leave the study out and say so")
    return y


def _pooled_weight(events: FloatArray, n: FloatArray) -> FloatArray:
    if np.any(events > n):
        raise DataError(f"study {int(np.argmax(events > n)) + 1} has more events than participants")
    empty = np.flatnonzero((events == 0) | (events == n))
    if empty.size:
        raise DataError(
            f"study {empty[0] + 1} has {events[empty[0]]:g} events among {n[empty[0]]:g}: it has no weight in this "
            "test; leave it out and say so"
        )
    return 1 / (1 / events + 1 / (n - events))


def _multiplicative(
    method: str, predictor: str, y: FloatArray, x: FloatArray, weight: FloatArray, X: Any, level: float, limit: bool
) -> AsymmetryTest:
    """Weighted least squares with residual spread σ²/w."""
    inputs.probability(level, "level")
    k = len(y)
    Z = np.column_stack([design_matrix(X, k).X, x])
    p = Z.shape[1]
    reason = _unfit(Z, k, 1)
    if reason:
        return _no_test(method, predictor, k, reason)
    # Scaled, so that weights of any unit keep their digits.
    at = Moderators(y, 1 / weight, Z).at(0.0)
    if float(at.q) <= ROUNDING**2 * float(weight @ y**2):
        return _no_test(method, predictor, k, "the line runs through every study: nothing is left to test it against")
    spread = float(at.q) / (k - p)
    return _from_fit(
        method, predictor, k, at.coefficients, at.covariance * spread, float(k - p), float("nan"), level, limit
    )


def _from_fit(
    method: str,
    predictor: str,
    k: int,
    coefficients: FloatArray,
    covariance: FloatArray,
    df: float,
    tau2: float,
    level: float,
    limit: bool,
) -> AsymmetryTest:
    se = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = float(coefficients[-1] / se[-1])
    half = quantile(level, df) * float(se[0])
    first = float(coefficients[0]) if limit else float("nan")
    return AsymmetryTest(
        method=method,
        predictor=predictor,
        k=k,
        bias=float(coefficients[-1]),
        bias_se=float(se[-1]),
        statistic=statistic,
        df=df,
        p_value=float(two_sided(statistic, df)),
        limit=first,
        limit_ci=(first - half, first + half),
        tau2=tau2,
        **_judge(k),
    )


def _judge(k: int) -> dict[str, Any]:
    enough = k >= ENOUGH
    return {"can_tell": enough, "note": "" if enough else f"{k} studies; at least {ENOUGH} are needed"}


def _unfit(Z: FloatArray, k: int, spare: int) -> str:
    """Why no regression can be made of these studies; empty when it can."""
    if k < Z.shape[1] + spare:
        return f"{k} studies: no test can be made"
    if np.linalg.matrix_rank(Z / np.linalg.norm(Z, axis=0), tol=1e-10) < Z.shape[1]:
        return "all studies have the same precision"
    return ""


def _no_test(method: str, predictor: str, k: int, reason: str) -> AsymmetryTest:
    nan = float("nan")
    return AsymmetryTest(method, predictor, k, nan, nan, nan, nan, nan, nan, (nan, nan), nan, False, reason)
