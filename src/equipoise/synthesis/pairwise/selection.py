"""Selection models: pooling when publication depended on the p-value.

The likelihood of a published estimate is its density weighted by the relative likelihood of selection w(p) and
normalised: y ~ w(p(y)) N(y; xβ, v + τ²) / E[w] (Hedges 1992, Statistical Science 7:246; Vevea & Hedges 1995,
Psychometrika 60:419). β, τ² and the selection parameters δ are estimated together by maximum likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import chi2, norm

from equipoise.errors import DataError, NotConverged
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import Design, design_matrix
from equipoise.synthesis.pairwise.optimum import Optimum, score
from equipoise.synthesis.pairwise.selection_functions import (
    WEIGHT_FUNCTIONS,
    SmoothSelection,
    StepSelection,
    p_value_steps,
    p_values,
)
from equipoise.synthesis.pairwise.tables import number, p_cell, p_value, table

FloatArray = NDArray[np.float64]
Selection = SmoothSelection | StepSelection

ALTERNATIVES = ("greater", "less", "two-sided")
WEIGHTS = ("step", *WEIGHT_FUNCTIONS, "truncation")


@dataclass(frozen=True, slots=True)
class SelectionModel:
    """A meta-analysis adjusted for selection by p-value.

    Coefficients are on the analysis scale, ``ci`` (p, 2). ``delta`` holds the selection parameters (δ₁ = 1 for step
    functions) with their standard errors (NaN where fixed or at a bound); ``lrt`` tests that there is no selection,
    ``lrt_tau2`` that τ² = 0. ``unadjusted_*`` is the maximum-likelihood fit without selection. ``interval_counts``
    says how many studies fall between the cutpoints. ``warnings`` says what makes the fit doubtful.
    """

    weight: str
    alternative: str
    names: tuple[str, ...]
    coefficients: FloatArray
    se: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    ci: FloatArray
    tau2: float
    tau2_se: float
    delta: FloatArray
    delta_se: FloatArray
    delta_p: FloatArray
    delta_ci: FloatArray
    covariance: FloatArray
    log_likelihood: float
    lrt: float
    lrt_df: int
    lrt_p: float
    lrt_tau2: float
    lrt_tau2_p: float
    unadjusted_coefficients: FloatArray
    unadjusted_tau2: float
    unadjusted_log_likelihood: float
    steps: FloatArray
    interval_counts: NDArray[np.int64]
    k: int
    level: float
    warnings: tuple[str, ...] = field(default=())

    @property
    def estimate(self) -> float:
        """The first coefficient: the adjusted mean effect when there are no moderators."""
        return float(self.coefficients[0])

    def weights(self, p: ArrayLike) -> FloatArray:
        """Relative likelihood of selection at p-values ``p`` (for the least precise study); not for truncation."""
        array = np.atleast_1d(np.asarray(p, dtype=float))
        if self.weight == "truncation":
            raise DataError("the truncation model selects by the estimate, not by the p-value")
        if self.weight == "step":
            return np.asarray(self.delta[np.searchsorted(self.steps, array, side="left")])
        threshold = float(self.steps[0]) if len(self.steps) else None
        selection = SmoothSelection(WEIGHT_FUNCTIONS[self.weight], 1, threshold, np.ones_like(array))
        return np.asarray(np.exp(selection.log_weight(-ndtri(array), self.delta)[0]))

    def to_frame(self) -> Any:
        """One row a parameter: coefficients, τ², δ."""
        names = [*self.names, "tau2", *(f"delta[{j}]" for j in range(1, len(self.delta) + 1))]
        nothing = np.array([np.nan])
        return make_frame(
            {
                "parameter": names,
                "estimate": np.concatenate([self.coefficients, [self.tau2], self.delta]),
                "se": np.concatenate([self.se, [self.tau2_se], self.delta_se]),
                "p_value": np.concatenate([self.p_value, nothing, self.delta_p]),
                "ci_low": np.concatenate([self.ci[:, 0], nothing, self.delta_ci[:, 0]]),
                "ci_high": np.concatenate([self.ci[:, 1], nothing, self.delta_ci[:, 1]]),
            }
        )

    def summary(self) -> str:
        """The fit as text."""
        rows = [
            [name, number(b), number(s), number(z), p_cell(p), number(low), number(high)]
            for name, b, s, z, p, (low, high) in zip(
                self.names, self.coefficients, self.se, self.statistic, self.p_value, self.ci, strict=True
            )
        ]
        deltas = [
            [f"delta[{j}]", number(d), number(s), p_cell(p), number(low), number(high)]
            for j, (d, s, p, (low, high)) in enumerate(
                zip(self.delta, self.delta_se, self.delta_p, self.delta_ci, strict=True), start=1
            )
        ]
        return "\n".join(
            [
                f"Selection model ({self.weight}, {self.alternative}; k = {self.k}; maximum likelihood)",
                "",
                f"τ² = {number(self.tau2)} (SE {number(self.tau2_se)}); without selection "
                f"{number(self.unadjusted_tau2)}",
                f"Test for heterogeneity: LRT = {number(self.lrt_tau2)}, p {p_value(self.lrt_tau2_p)}",
                "",
                table(["", "estimate", "se", "z", "p", "ci.low", "ci.high"], rows),
                "",
                f"Test for selection: LRT(df = {self.lrt_df}) = {number(self.lrt)}, p {p_value(self.lrt_p)}",
                table(["", "estimate", "se", "p", "ci.low", "ci.high"], deltas),
                *(f"Note: {warning}" for warning in self.warnings),
            ]
        )


def selection_model(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    weight: str = "step",
    steps: Sequence[float] | None = None,
    alternative: str = "greater",
    imprecision: ArrayLike | None = None,
    delta: Sequence[float | None] | None = None,
    delta_max: float = 100.0,
    method: str = "random",
    level: float = 0.95,
) -> SelectionModel:
    """Fit a selection model by maximum likelihood.

    ``weight``: "step" (δ_j constant between the p-values in ``steps``, default 0.025: the three-parameter model),
    "beta", "half-normal", "negative exponential", "logistic", "power", "negative exponential power", or
    "truncation" (by the estimate itself, cut at ``steps[0]``, default 0). For the smooth functions ``steps`` may
    hold one threshold below which every study is published. ``alternative`` is the direction that selection
    favoured. ``imprecision`` (e.g. standard errors; only their ratios matter) multiplies the severity of selection
    in each study. ``delta`` fixes parameters: None where to estimate (Vevea & Woods 2005). δ is searched up to
    ``delta_max``. ``method``: "random", or "common" for τ² = 0. ``X`` are moderators: a matrix (k, p) with its own
    column of ones, or a `Design`.

    Raises ``DataError`` for impossible input and ``NotConverged`` when no maximum is found.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    inputs.choice(weight, WEIGHTS, "weight")
    inputs.choice(alternative, ALTERNATIVES, "alternative")
    inputs.choice(method, ("random", "common"), "method")
    design = design_matrix(X, k)
    # Selection for small values is selection for large ones with every sign turned.
    sign = -1.0 if alternative == "less" else 1.0
    sides = 2 if alternative == "two-sided" else 1
    problem = _problem(sign * y, v, design, weight, steps, sides, sign, imprecision, delta, delta_max)

    parameters = problem.design.X.shape[1] + (method == "random") + int(np.sum(~problem.fixed))
    if k < parameters:
        raise DataError(f"{k} studies can't tell the {parameters} parameters of this model: fix delta, or leave it out")

    plain = _maximise(problem, method == "random", select=False)
    fit = _maximise(problem, method == "random", select=True, plain=plain)
    if not fit.converged:
        raise NotConverged(
            f"the {weight} selection model found no maximum: use fewer steps, fix delta, or another weight function"
        )
    at_zero = _maximise(problem, False, select=True, plain=plain) if method == "random" else None
    return _result(problem, fit, plain, at_zero, weight, alternative, sign, level, method)


@dataclass(frozen=True, slots=True)
class _Problem:
    y: FloatArray
    v: FloatArray
    design: Design
    selection: Selection
    sides: int
    steps: FloatArray
    null: FloatArray
    fixed: NDArray[np.bool_]
    lower: FloatArray
    upper: FloatArray

    def log_likelihood(
        self, beta: FloatArray, tau2: float, delta: FloatArray, select: bool
    ) -> tuple[float, FloatArray]:
        """The log-likelihood, and each study's score in (β, τ², δ), (k, parameters)."""
        total = self.v + tau2
        mean = self.design.X @ beta
        residual = self.y - mean
        value = -0.5 * float(np.sum(np.log(2 * np.pi * total) + residual**2 / total))
        by_mean = residual / total
        by_tau2 = 0.5 * (residual**2 / total - 1) / total
        by_delta = np.zeros((len(self.y), len(delta)))
        if select:
            scale = np.sqrt(self.v)
            log_weight, slopes = self.selection.log_weight(self.y / scale, delta)
            area, dm, ds, dd = self.selection.normaliser(mean / scale, total / self.v, delta)
            if np.any(area <= 0) or not np.all(np.isfinite(log_weight)):
                return -np.inf, np.zeros((len(self.y), len(beta) + 1 + len(delta)))
            value += float(np.sum(log_weight - np.log(area)))
            by_mean = by_mean - dm / (area * scale)
            by_tau2 = by_tau2 - ds / (area * self.v)
            by_delta = np.column_stack([a - b / area for a, b in zip(slopes, dd, strict=True)])
        return value, np.column_stack([self.design.X * by_mean[:, None], by_tau2, by_delta])


def _problem(
    y: FloatArray,
    v: FloatArray,
    design: Design,
    weight: str,
    steps: Sequence[float] | None,
    sides: int,
    sign: float,
    imprecision: ArrayLike | None,
    delta: Sequence[float | None] | None,
    delta_max: float,
) -> _Problem:
    k = len(y)
    selection: Selection
    null: tuple[float, ...]
    if weight == "truncation":
        if sides == 2:
            raise DataError("the truncation model needs a direction: alternative 'greater' or 'less'")
        cut = np.array([0.0 if steps is None else sign * float(steps[0])])
        selection = StepSelection(cut / np.sqrt(v)[:, None], np.array([1, 0], dtype=np.intp))
        null, floor, points, first_fixed = (1.0, 1.0), 0.0, sign * cut, True
    elif weight == "step":
        points = _cutpoints((0.025,) if steps is None else steps)
        selection = p_value_steps(points, sides, k)
        null, floor, first_fixed = (1.0,) * len(points), 0.0, True
    else:
        family = WEIGHT_FUNCTIONS[weight]
        points = np.array([inputs.probability(step, "steps") for step in steps or ()])
        if len(points) > 1:
            raise DataError(f"the {weight} weight function takes one threshold, not {len(points)} steps")
        c = np.ones(k)
        if imprecision is not None:
            if not family.takes_imprecision:
                raise DataError(f"the {weight} weight function takes no imprecision")
            c = inputs.positive(imprecision, "imprecision", k)
        selection = SmoothSelection(family, sides, float(points[0]) if len(points) else None, c / c.max())
        null, floor, first_fixed = family.null, family.floor, False
    size = len(null)
    fixed = np.zeros(size, dtype=bool)
    lower, upper = np.full(size, floor), np.full(size, delta_max)
    if first_fixed:
        fixed[0], lower[0], upper[0] = True, 1.0, 1.0
    if delta is not None:
        if len(delta) != size:
            raise DataError(f"delta has {len(delta)} values; the {weight} model has {size} parameters (None: estimate)")
        for j, value in enumerate(delta):
            if value is not None:
                fixed[j], lower[j], upper[j] = True, float(value), float(value)
    return _Problem(y, v, design, selection, sides, points, np.array(null), fixed, lower, upper)


def _cutpoints(steps: Sequence[float]) -> FloatArray:
    points = np.unique(np.asarray(list(steps), dtype=float))
    if not len(points) or points[0] <= 0 or points[-1] > 1:
        raise DataError(f"steps are p-values between 0 and 1, got {list(steps)}")
    return points if points[-1] == 1 else np.append(points, 1.0)


def _maximise(problem: _Problem, random: bool, select: bool, plain: Optimum | None = None) -> Optimum:
    p, size = problem.design.X.shape[1], len(problem.null)
    largest = np.inf if random else 0.0
    lower = np.concatenate([np.full(p, -np.inf), [0.0], problem.lower if select else problem.null])
    upper = np.concatenate([np.full(p, np.inf), [largest], problem.upper if select else problem.null])

    def objective(x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, scores = problem.log_likelihood(x[:p], float(x[p]), x[p + 1 :], select)
        # The scores' outer product stands in for the information (Berndt, Hall, Hall & Hausman 1974).
        return value, scores.sum(axis=0), scores.T @ scores

    if plain is None:
        root = 1 / np.sqrt(problem.v)
        X = problem.design.X
        beta = np.linalg.lstsq(X * root[:, None], problem.y * root, rcond=None)[0]
        spread = float(np.mean((problem.y - X @ beta) ** 2))
        starts = [np.concatenate([beta, [guess], problem.null]) for guess in (0.5 * spread, 0.02 * spread)]
    else:
        # The likelihood can have several maxima: with and without heterogeneity, under mild and severe selection.
        residual = problem.y - problem.design.X @ plain.x[:p]
        guesses = [np.full(size, guess) for guess in ((0.3, 1.0, 2.5) if problem.null[0] == 1 else (0.5, 3.0, 15.0))]
        spreads = dict.fromkeys([float(plain.x[p]), 0.5 * float(np.mean(residual**2))] if random else [0.0])
        starts = [
            np.concatenate([plain.x[:p], [t2], np.where(problem.fixed, problem.lower, guess)])
            for t2 in spreads
            for guess in guesses
        ]
    # The largest spread that heterogeneity can stand for, and coefficients that shift estimates by its root.
    total = float(np.mean((problem.y - np.mean(problem.y)) ** 2) + np.median(problem.v))
    reach = np.sqrt(total / np.mean(problem.design.X**2, axis=0))
    scale = np.concatenate([reach, [total], np.ones(size)])
    return score(objective, starts, lower, upper, scale=scale)


def _result(
    problem: _Problem,
    fit: Optimum,
    plain: Optimum,
    at_zero: Optimum | None,
    weight: str,
    alternative: str,
    sign: float,
    level: float,
    method: str,
) -> SelectionModel:
    p = problem.design.X.shape[1]
    covariance = fit.covariance()
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.diag(covariance))
    z = norm.ppf((1 + inputs.probability(level, "level")) / 2)
    # Multiplying by a sign must not turn 0 into −0.
    beta, delta = fit.x[:p] * sign + 0.0, fit.x[p + 1 :]
    delta_se = np.where(problem.fixed, np.nan, se[p + 1 :])
    free = int(np.sum(~problem.fixed))
    lrt = max(0.0, 2 * (fit.value - plain.value)) if free else float("nan")
    lrt_tau2 = float("nan") if at_zero is None else max(0.0, 2 * (fit.value - at_zero.value))
    observed = p_values(problem.y / np.sqrt(problem.v), problem.sides)
    intervals = problem.steps if len(problem.steps) and weight != "truncation" else np.array([1.0])
    intervals = intervals if intervals[-1] == 1 else np.append(intervals, 1.0)
    counted = np.bincount(np.searchsorted(intervals, observed, side="left"), minlength=len(intervals))
    return SelectionModel(
        weight=weight,
        alternative=alternative,
        names=problem.design.names,
        coefficients=beta,
        se=se[:p],
        statistic=beta / se[:p],
        p_value=2 * norm.sf(np.abs(beta / se[:p])),
        ci=np.column_stack([beta - z * se[:p], beta + z * se[:p]]),
        tau2=float(fit.x[p]),
        tau2_se=float(se[p]) if method == "random" else float("nan"),
        delta=delta,
        delta_se=delta_se,
        delta_p=2 * norm.sf(np.abs((delta - problem.null) / delta_se)),
        delta_ci=np.column_stack(
            [np.maximum(delta - z * delta_se, problem.lower), np.minimum(delta + z * delta_se, problem.upper)]
        ),
        covariance=covariance,
        log_likelihood=fit.value,
        lrt=lrt,
        lrt_df=free,
        lrt_p=float(chi2.sf(lrt, free)) if free else float("nan"),
        lrt_tau2=lrt_tau2,
        lrt_tau2_p=float(chi2.sf(lrt_tau2, 1)) if at_zero is not None else float("nan"),
        unadjusted_coefficients=plain.x[:p] * sign + 0.0,
        unadjusted_tau2=float(plain.x[p]),
        unadjusted_log_likelihood=plain.value,
        steps=problem.steps,
        interval_counts=counted,
        k=len(problem.y),
        level=level,
        warnings=_warnings(problem, fit, weight, counted),
    )


def _warnings(problem: _Problem, fit: Optimum, weight: str, counted: NDArray[np.int64]) -> tuple[str, ...]:
    said: list[str] = []
    p = problem.design.X.shape[1]
    if weight != "truncation" and len(problem.steps) and np.any(counted == 0):
        empty = ", ".join(str(j + 1) for j in np.flatnonzero(counted == 0))
        said.append(f"no study's p-value falls in interval {empty}: its weight isn't estimable; merge intervals")
    for j in np.flatnonzero(~problem.fixed & fit.at_bound[p + 1 :]):
        said.append(f"delta[{j + 1}] rests on its bound {fit.x[p + 1 + j]:g}: no standard error")
    if fit.at_bound[p] and fit.x[p] == 0 and not np.isnan(fit.gradient[p]):
        said.append("tau² is 0, the bound of its range: no standard error")
    free = np.flatnonzero(~fit.at_bound)
    if free.size and np.isnan(fit.covariance()[free[0], free[0]]):
        said.append("the likelihood is flat in some direction: standard errors aren't defined")
    return tuple(said)
