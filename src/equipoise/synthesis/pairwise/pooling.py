"""Pooling estimates with known sampling variances: common effect or random effects.

Follows metafor's `rma.uni`: the estimate weighted by 1/(v + τ²), τ² by any estimator of `heterogeneity`; REML and the
normal distribution are the defaults. meta's `metagen` agrees, except that its I² always comes from Q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from equipoise.errors import DataError
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise.event_counts import COUNT_METHODS, pool_glmm, pool_tables
from equipoise.synthesis.pairwise.glmm import MODELS
from equipoise.synthesis.pairwise.heterogeneity import solve
from equipoise.synthesis.pairwise.intervals import ci_method, wald
from equipoise.synthesis.pairwise.prediction import prediction_interval
from equipoise.synthesis.pairwise.projection import InterceptOnly
from equipoise.synthesis.pairwise.result import Pooled

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.pair import PairPosterior
    from equipoise.synthesis.bayes.priors import Prior

FloatArray = NDArray[np.float64]

COMMON_METHODS = {"CE", "FE", "EE", "IV"}
_HUGE_RATIO = 1e7


@overload
def pool(
    data: Any,
    variances: ArrayLike | None = None,
    *,
    method: str | None = None,
    ci: str = "z",
    model: str = "random",
    level: float = 0.95,
    prediction: str = "metafor",
    studies: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    tau2: float | None = None,
    prior: None = None,
    effect_prior: None = None,
) -> Pooled: ...


@overload
def pool(
    data: Any,
    variances: ArrayLike | None = None,
    *,
    model: str = "random",
    level: float = 0.95,
    studies: Sequence[str] | None = None,
    prior: Prior,
    effect_prior: Prior | None = None,
) -> PairPosterior: ...


@overload
def pool(
    data: Any,
    variances: ArrayLike | None = None,
    *,
    model: str = "random",
    level: float = 0.95,
    studies: Sequence[str] | None = None,
    prior: None = None,
    effect_prior: Prior,
) -> PairPosterior: ...


def pool(
    data: Any,
    variances: ArrayLike | None = None,
    *,
    method: str | None = None,
    ci: str = "z",
    model: str = "random",
    level: float = 0.95,
    prediction: str = "metafor",
    studies: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    tau2: float | None = None,
    prior: Prior | None = None,
    effect_prior: Prior | None = None,
) -> Pooled | PairPosterior:
    """The pooled effect of studies.

    ``data`` is an ``EffectSizes``, or the estimates (k,) with their sampling ``variances`` (k,). ``method``
    estimates τ² (any of ``heterogeneity.METHODS``; "REML" when not said) or is "CE" (common effect, inverse
    variance) or, from an ``EffectSizes`` of counts, "MH" (Mantel–Haenszel) or "PETO". ``ci`` is "z", "t", "hksj"
    (Hartung–Knapp–Sidik–Jonkman) or "hksj-floored" (its factor not below 1). ``model`` is "random", "common" or,
    from counts, one of ``glmm.MODELS``. ``level`` is that of all intervals; ``prediction`` names a convention of
    `prediction.prediction_interval`. ``weights`` (k,) replace 1/(v + τ²); ``tau2`` fixes τ².

    With a ``prior`` of τ (such as ``HalfNormal(0.5)``), or an ``effect_prior`` and ``model="common"``, the result is
    the exact posterior (`bayes.pair.posterior`), for which ``method``, ``ci``, ``prediction``, ``weights`` and
    ``tau2`` have no meaning.

    A study whose estimate or variance is missing (NaN) is left out and listed. Raises ``DataError`` when none is
    left, for a variance that isn't positive and finite (naming the study), and for unknown names.
    """
    # Names are known in any case; that of one method has a small letter.
    method, ci = method if method in (None, "HSk") else method.upper(), ci.lower()
    check_level(level)
    if prior is not None or effect_prior is not None:
        asked = {
            "method": method is not None, "ci": ci != "z", "prediction": prediction != "metafor",
            "weights": weights is not None, "tau2": tau2 is not None,
        }  # fmt: skip
        return _posterior(data, variances, prior, effect_prior, model, level, studies, asked)
    given = None if weights is None else np.asarray(weights, dtype=float)
    if not isinstance(data, EffectSizes):
        if variances is None:
            raise DataError("variances are needed: pool(estimates, variances)")
        y, v, labels, left_out, given = complete_studies(data, variances, studies, given)
        return pool_arrays(
            y, v, labels, left_out,
            method=method, ci=ci, model=model, level=level, prediction=prediction, weights=given, tau2=tau2,
        )  # fmt: skip
    if model in MODELS or method in COUNT_METHODS:
        if given is not None or tau2 is not None:
            raise DataError("weights and tau2 belong to inverse-variance pooling")
        if model in MODELS:
            return pool_glmm(data, model, method in COMMON_METHODS, ci, level, prediction)
        return pool_tables(data, str(method), ci, level)
    y, v, labels, left_out, given = complete_studies(data.estimates, data.variances, data.studies, given)
    fit = pool_arrays(
        y, v, labels, data.left_out + left_out,
        method=method, ci=ci, model=model, level=level, prediction=prediction, weights=given, tau2=tau2,
    )  # fmt: skip
    notes = data.notes
    if any(data.treatments) and len(set(data.studies)) < len(data.studies):
        notes += (
            "comparisons that share an arm are pooled as if they were independent; a multilevel model isn't so bold",
        )
    return replace(
        fit, measure=data.measure, label=data.label, scale=data.scale, sizes=data.sizes, warnings=notes + fit.warnings
    )


def _posterior(
    data: Any,
    variances: ArrayLike | None,
    prior: Prior | None,
    effect_prior: Prior | None,
    model: str,
    level: float,
    studies: Sequence[str] | None,
    asked: dict[str, bool],
) -> PairPosterior:
    """The Bayesian side of `pool`; ``asked`` says which options were given that it doesn't know."""
    from equipoise.synthesis.bayes.pair import posterior

    foreign = [name for name, given in asked.items() if given]
    if foreign:
        raise DataError(f"{', '.join(foreign)} has no meaning for a posterior: leave it out, or leave the priors out")
    if model not in {"random", "common"}:
        raise DataError(f"a posterior with model={model!r} isn't offered; say random or common")
    if model == "random" and prior is None:
        raise DataError(
            "effect_prior alone: a prior of the heterogeneity is needed too, such as prior=HalfNormal(0.5) or the "
            "empirical one of empirical_heterogeneity; or say model='common'"
        )
    if model == "common" and prior is not None:
        raise DataError("model='common' sets τ = 0: leave the prior of the heterogeneity out, or say model='random'")
    return posterior(data, variances, heterogeneity=prior, effect=effect_prior, level=level, studies=studies)


def pool_arrays(
    y: FloatArray,
    v: FloatArray,
    studies: tuple[str, ...],
    left_out: tuple[LeftOut, ...] = (),
    *,
    method: str | None = None,
    ci: str = "z",
    model: str = "random",
    level: float = 0.95,
    prediction: str = "metafor",
    weights: FloatArray | None = None,
    tau2: float | None = None,
) -> Pooled:
    """`pool` for complete, checked arrays."""
    interval = ci_method(ci)
    common = model == "common" or method in COMMON_METHODS
    if model in MODELS or method in COUNT_METHODS:
        raise DataError(f"{method if method in COUNT_METHODS else model} works on counts: pool an EffectSizes")
    if model not in {"random", "common"}:
        raise DataError(f"unknown model: {model!r}; say random, common or one of {', '.join(MODELS)}")
    name = "IV" if common else (method or "REML")
    k = len(y)
    warnings: list[str] = []
    fitted = InterceptOnly(y, v)
    at0 = fitted.at(0.0)

    t2, t2_se = 0.0, np.nan
    if not common and tau2 is not None:
        if not tau2 >= 0:
            raise DataError(f"tau2 = {tau2}: a number of 0 or more is needed")
        t2 = float(tau2)
    elif not common and k > 1:
        solution = solve(name, fitted, weights)
        t2, t2_se = max(float(solution.untruncated), 0.0), float(solution.se)
    elif not common:
        warnings.append("one study: τ² can't be estimated; the result is that study's")
    at = at0 if t2 == 0.0 else fitted.at(t2)

    used = 1.0 / (v + t2) if weights is None else _user_weights(weights, k)
    total = used.sum()
    estimate = float(at.mean) if weights is None else float((used * y).sum() / total)
    variance = 1.0 / float(at.sum_w) if weights is None else float((used**2 * (v + t2)).sum() / total**2)
    df = np.nan
    if k == 1 and interval != "z":
        warnings.append(f"one study: the normal distribution is used instead of ci={interval!r}")
        interval = "z"
    if interval != "z":
        df = k - 1.0
    if interval.startswith("hksj"):
        factor = float(at.q) / df
        if factor < 1:
            said = "was set to 1" if interval == "hksj-floored" else "makes the standard error smaller than Wald's"
            warnings.append(f"the Hartung–Knapp factor is {factor:.3g}, below 1, and {said}")
        variance *= max(factor, 1.0) if interval == "hksj-floored" else factor
    se = float(np.sqrt(variance))
    test = wald(estimate, se, df, level)

    q = float(at0.q) if k > 1 else 0.0
    i2, h2 = _i2_h2(q, k, t2, (k - 1) / float(at0.tr_p) if k > 1 else np.nan, common)
    ratio = float(v.max() / v.min())
    if ratio >= _HUGE_RATIO:
        warnings.append(f"the largest sampling variance is {ratio:.1e} times the smallest: check their units")
    share = 100 * used / total
    top = int(share.argmax())
    if k > 1 and share[top] > 99:
        warnings.append(f"{studies[top]} has {share[top]:.4g} % of the weight: the result is all but that study's")
    new = (np.nan, np.nan)
    if not common and k > 1:
        new = prediction_interval(estimate, se, t2, k, df, level, prediction)
    return Pooled(
        method=name,
        model="common" if common else "random",
        ci_method=interval,
        level=level,
        estimate=estimate,
        se=se,
        statistic=test.statistic,
        df=df,
        p_value=test.p_value,
        ci=test.ci,
        tau2=t2,
        tau2_se=t2_se,
        q=q,
        q_df=k - 1,
        q_p=float(chdtrc(k - 1, q)) if k > 1 else 1.0,
        i2=i2,
        h2=h2,
        prediction=new,
        studies=studies,
        estimates=y,
        variances=v,
        weights=share,
        left_out=left_out,
        warnings=tuple(warnings),
    )


def _i2_h2(q: float, k: int, tau2: float, typical: float, common: bool) -> tuple[float, float]:
    if k == 1:
        return 0.0, 1.0
    if common:
        return (max(0.0, 100 * (q - (k - 1)) / q) if q > 0 else 0.0), q / (k - 1)
    return 100 * tau2 / (tau2 + typical), 1 + tau2 / typical


LARGEST = 1e100
"""Sums of squares and products of numbers up to this size don't overflow."""


def check_level(level: float) -> None:
    """Raises ``DataError`` unless the level of an interval is a probability."""
    if not 0 < level < 1:
        raise DataError(f"level = {level}: a probability between 0 and 1 is needed, such as 0.95")


def _user_weights(weights: FloatArray, k: int) -> FloatArray:
    if weights.shape != (k,) or not np.all(np.isfinite(weights)) or np.any(weights < 0) or not np.any(weights > 0):
        raise DataError(f"weights: {k} finite numbers of 0 or more are needed, one a study")
    return weights


def complete_studies(
    estimates: Any, variances: ArrayLike, studies: Sequence[str] | None, weights: FloatArray | None
) -> tuple[FloatArray, FloatArray, tuple[str, ...], tuple[LeftOut, ...], FloatArray | None]:
    """Estimates, variances, labels, what is left out, and the weights of the studies that can be pooled."""
    try:
        y, v = np.array(estimates, dtype=float), np.array(variances, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"estimates and variances: numbers are needed ({error})") from None
    if y.ndim != 1 or y.shape != v.shape:
        raise DataError(f"estimates have shape {y.shape} and variances {v.shape}; both need to be (k,)")
    labels = tuple(f"Study {i}" for i in range(1, len(y) + 1)) if studies is None else tuple(map(str, studies))
    if len(labels) != len(y):
        raise DataError(f"{len(labels)} study labels for {len(y)} estimates")
    missing = np.isnan(y) | np.isnan(v)
    left_out: tuple[LeftOut, ...] = ()
    if missing.any():
        left_out = tuple(
            LeftOut(labels[i], "no estimate" if np.isnan(y[i]) else "no sampling variance")
            for i in np.flatnonzero(missing)
        )
        y, v = y[~missing], v[~missing]
        labels = tuple(label for label, gone in zip(labels, missing, strict=True) if not gone)
        if weights is not None and weights.shape == missing.shape:
            weights = weights[~missing]
    if not len(y):
        raise DataError("no study has both an estimate and a sampling variance; there is nothing to pool")
    bad = ~np.isfinite(y) | ~np.isfinite(v) | (v <= 0)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{labels[i]}: estimate {y[i]:g} with sampling variance {v[i]:g}; the estimate must be finite and the "
            "variance positive and finite. Correct it, or leave the study out"
        )
    extreme = (np.abs(y) > LARGEST) | (v > LARGEST) | (v < 1 / LARGEST)
    if extreme.any():
        i = int(np.flatnonzero(extreme)[0])
        raise DataError(
            f"{labels[i]}: estimate {y[i]:g} with sampling variance {v[i]:g} is beyond what can be computed; use "
            "another unit"
        )
    return y, v, labels, left_out, weights
