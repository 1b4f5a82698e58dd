"""τ², the variance of the true effects between studies: twelve estimators and their standard errors.

Definitions follow metafor's `rma.uni` (Viechtbauer 2005, J Educ Behav Stat 30:261; Veroniki et al. 2016, Res Synth
Methods 7:55). Every estimate is truncated at 0. REML and ML are the global maximum of the (restricted) likelihood:
the score is scanned over τ² before Newton's method refines each bracketed maximum, because with few studies the
likelihood can have several; metafor stops at the one nearest its starting value, within 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from equipoise.errors import DataError
from equipoise.synthesis.pairwise.inputs import estimates_and_variances
from equipoise.synthesis.pairwise.likelihood import ML, REML, largest_maximum
from equipoise.synthesis.pairwise.projection import InterceptOnly, Model, Moderators, Projection
from equipoise.synthesis.pairwise.quadratic_forms import generalised_q_root
from equipoise.synthesis.pairwise.roots import q_root

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tau2:
    """An estimate of τ² on the squared scale of the estimates.

    ``se`` is its large-sample standard error as metafor gives it; ``boundary`` says that it is 0 because the
    estimator's solution was 0 or less.
    """

    value: float
    se: float
    method: str
    boundary: bool


@dataclass(frozen=True, slots=True)
class Solution:
    """What an estimator found for one analysis or a batch: τ² before truncation at 0, and its variance after it."""

    untruncated: FloatArray
    _variance: Callable[[FloatArray], FloatArray]

    @property
    def se(self) -> FloatArray:
        """The large-sample standard error of τ²."""
        return np.sqrt(self._variance(self.value))

    @property
    def value(self) -> FloatArray:
        return np.maximum(self.untruncated, 0.0)


Estimator = Callable[[Model], Solution]


def tau2(
    estimates: ArrayLike,
    variances: ArrayLike,
    X: ArrayLike | None = None,
    method: str = "REML",
    weights: ArrayLike | None = None,
) -> Tau2:
    """The between-study variance, over a mean or over the linear model with design matrix ``X`` (k, p).

    ``estimates`` and ``variances`` have shape (k,) with k > p; ``method`` is one of ``METHODS``, or of
    ``WEIGHTED_METHODS``, which use ``weights`` (k,). Raises ``DataError`` when a variance isn't positive, when there
    are too few studies, or when the method isn't known.
    """
    y, v = estimates_and_variances(estimates, variances)
    model: Model = InterceptOnly(y, v) if X is None else Moderators(y, v, np.asarray(X, dtype=float))
    if len(y) <= model.p:
        raise DataError(f"τ² needs more studies than coefficients; there are {len(y)} and {model.p}")
    given = None if weights is None else np.asarray(weights, dtype=float)
    solution = solve(method, model, given)
    untruncated = float(solution.untruncated)
    return Tau2(max(untruncated, 0.0), float(solution.se), method, untruncated <= 0.0)


def solve(method: str, model: Model, weights: FloatArray | None = None) -> Solution:
    """The estimator of that name at work; ``DataError`` lists the names when it isn't known."""
    if method in METHODS:
        return METHODS[method](model)
    if method not in WEIGHTED_METHODS:
        known = ", ".join([*METHODS, *WEIGHTED_METHODS])
        raise DataError(f"unknown method for τ²: {method!r}; known are {known}")
    return WEIGHTED_METHODS[method](model, _stated(weights, model))


def dersimonian_laird(model: Model) -> Solution:
    """(Q − (k − p)) / tr P at the weights 1/v (DerSimonian & Laird 1986, eq. 8)."""
    at0 = model.at(0.0)
    df = model.k - model.p
    return Solution((at0.q - df) / at0.tr_p, lambda tau2: _moment_variance(at0, df, tau2) / at0.tr_p**2)


def hedges(model: Model) -> Solution:
    """The unweighted method of moments: (RSS − tr PV) / (k − p) (Hedges & Olkin 1985, ch. 9)."""
    equal = model.equally()
    df, v = model.k - model.p, model.variances
    one = np.ones_like(v)

    def variance(tau2: FloatArray) -> FloatArray:
        return (2.0 * equal.trace2(v, v) + 4.0 * tau2 * equal.trace2(v, one) + 2.0 * tau2**2 * df) / df**2

    return Solution((equal.q - equal.trace(v)) / df, variance)


def hunter_schmidt(model: Model) -> Solution:
    """(Q − k) / Σ 1/v (Hunter & Schmidt 1990)."""
    return _hunter_schmidt(model, np.ones_like(model.k))


def hunter_schmidt_corrected(model: Model) -> Solution:
    """Hunter and Schmidt's estimator with Q scaled by k / (k − p) (metafor's HSk)."""
    return _hunter_schmidt(model, model.k / (model.k - model.p))


def _hunter_schmidt(model: Model, scale: FloatArray) -> Solution:
    at0 = model.at(0.0)
    df = model.k - model.p
    by = scale / at0.sum_w
    return Solution(by * (at0.q - model.k / scale), lambda tau2: by**2 * _moment_variance(at0, df, tau2))


def _moment_variance(at0: Projection, df: FloatArray, tau2: FloatArray) -> FloatArray:
    """The variance of Q at the weights 1/v."""
    return 2.0 * df + 4.0 * tau2 * at0.tr_p + 2.0 * tau2**2 * at0.tr_pp


def sidik_jonkman(model: Model) -> Solution:
    """One step from the unweighted variance of the estimates about their mean (Sidik & Jonkman 2005)."""
    start = _spread(model)
    at_start = model.at(start)
    df, v = model.k - model.p, model.variances
    one = np.ones_like(v)

    def variance(tau2: FloatArray) -> FloatArray:
        total = 2.0 * at_start.trace2(v, v) + 4.0 * tau2 * at_start.trace2(v, one) + 2.0 * tau2**2 * at_start.tr_pp
        return (start / df) ** 2 * total

    return Solution(start * at_start.q / df, variance)


def _spread(model: Model) -> FloatArray:
    """Σ (y − ȳ)² / k about the plain mean, whatever the moderators."""
    if isinstance(model, InterceptOnly):
        mean_only = model
    elif model.many:
        mean_only = InterceptOnly.of_rows(model.estimates, model.variances, model.present)
    else:
        mean_only = InterceptOnly(model.estimates, model.variances)
    return np.asarray(mean_only.equally().q / mean_only.k)


def paule_mandel(model: Model) -> Solution:
    """The τ² at which the generalised Q is k − p (Paule & Mandel 1982); empirical Bayes (Morris 1983) is the same."""
    return _generalised_q(model, model.k - model.p)


def paule_mandel_median(model: Model) -> Solution:
    """The τ² at which the generalised Q equals the median of its χ² distribution (metafor's PMM)."""
    return _generalised_q(model, np.asarray(chdtri(model.k - model.p, 0.5), dtype=float))


def _generalised_q(model: Model, target: FloatArray) -> Solution:
    def variance(tau2: FloatArray) -> FloatArray:
        return 2.0 * model.k**2 / (model.k - model.p) / model.at(tau2).sum_w ** 2

    return Solution(np.nan_to_num(q_root(model, target), nan=0.0), variance)


def maximum_likelihood(model: Model) -> Solution:
    """The maximum of the likelihood over τ² ≥ 0, the coefficients profiled out."""
    return Solution(largest_maximum(model, ML), lambda tau2: 2.0 / model.at(tau2).sum_w2)


def restricted_maximum_likelihood(model: Model) -> Solution:
    """The maximum of the restricted likelihood over τ² ≥ 0 (Raudenbush 2009)."""
    return Solution(largest_maximum(model, REML), lambda tau2: 2.0 / model.at(tau2).tr_pp)


def generalised_moment(model: Model, weights: FloatArray) -> Solution:
    """The method of moments with stated weights (DerSimonian & Kacker 2007, eq. 6)."""
    at = model.weighted(weights)
    return Solution((at.q - at.trace(model.variances)) / at.tr_p, _generalised_variance(at, model))


def generalised_median(model: Model, weights: FloatArray) -> Solution:
    """The τ² at which the Q with stated weights is the median of its distribution (metafor's GENQM)."""
    if model.many:
        raise DataError("GENQM has no vectorised form; use GENQ, PM or PMM for a batch")
    at = model.weighted(weights)
    root = generalised_q_root(at.matrix(), model.variances, float(at.q), 0.5, model.p)
    return Solution(np.asarray(root), _generalised_variance(at, model))


def _generalised_variance(at: Projection, model: Model) -> Callable[[FloatArray], FloatArray]:
    v, one = model.variances, np.ones_like(model.variances)

    def variance(tau2: FloatArray) -> FloatArray:
        total = 2.0 * at.trace2(v, v) + 4.0 * tau2 * at.trace2(v, one) + 2.0 * tau2**2 * at.tr_pp
        return np.asarray(total / at.tr_p**2)

    return variance


def _stated(weights: FloatArray | None, model: Model) -> FloatArray:
    if weights is None:
        raise DataError("GENQ and GENQM need weights: one positive number a study")
    if weights.shape != model.estimates.shape or not np.all(np.isfinite(weights)) or np.any(weights <= 0):
        raise DataError("weights: one positive finite number a study is needed")
    return weights


METHODS: dict[str, Estimator] = {
    "DL": dersimonian_laird,
    "HE": hedges,
    "HS": hunter_schmidt,
    "HSk": hunter_schmidt_corrected,
    "SJ": sidik_jonkman,
    "ML": maximum_likelihood,
    "REML": restricted_maximum_likelihood,
    "EB": paule_mandel,
    "PM": paule_mandel,
    "PMM": paule_mandel_median,
}
"""The estimators by metafor's names."""

WEIGHTED_METHODS: dict[str, Callable[[Model, FloatArray], Solution]] = {
    "GENQ": generalised_moment,
    "GENQM": generalised_median,
}
"""Those that need weights."""
