"""Pooling from the event counts themselves: Mantel–Haenszel, Peto and generalised linear mixed models."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from equipoise.errors import DataError
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise.glmm import fit_glmm
from equipoise.synthesis.pairwise.intervals import ci_method, wald
from equipoise.synthesis.pairwise.mantel_haenszel import mantel_haenszel
from equipoise.synthesis.pairwise.peto import peto, pool_o_minus_e
from equipoise.synthesis.pairwise.prediction import prediction_interval
from equipoise.synthesis.pairwise.result import Pooled

FloatArray = NDArray[np.float64]

COUNT_METHODS = ("MH", "PETO")


def pool_tables(data: EffectSizes, method: str, ci: str, level: float) -> Pooled:
    """Mantel–Haenszel or Peto pooling, from the counts as they were given; a common effect, normal distribution.

    Q is Cochran's about the pooled effect, over the studies that have events (and non-events), as metafor.
    """
    columns = _columns(data, method)
    if ci_method(ci) != "z":
        raise DataError(f"{method} has a normal interval only: ci={ci!r} isn't defined for it")
    arms = data.arms
    assert arms is not None
    used = arms.estimated
    warnings: list[str] = []
    if method == "MH":
        fit = mantel_haenszel(data.measure, columns)
        estimate, variance, weights, tests = fit.estimate, fit.variance, fit.weights, fit.tests
        if fit.added:
            warnings.append("no table had events in both groups: ½ was added to those with a zero")
        informative = used & ~_without_information(data.measure, columns)
        q, q_df = _q(data, informative[used], estimate)
    else:
        if data.measure not in {"OR", "PETO", "HR"}:
            raise DataError(f"Peto's method pools odds ratios, or hazard ratios from O − E and V, not {data.measure}")
        one_step = pool_o_minus_e(**columns) if data.measure == "HR" else peto(**columns)
        estimate, variance, weights, tests = one_step.estimate, one_step.variance, one_step.weights, {}
        q, q_df = one_step.q, one_step.q_df
    idle = [name for name, weight in zip(arms.studies, weights, strict=True) if weight == 0]
    if idle:
        warnings.append(f"no weight, for lack of events: {', '.join(dict.fromkeys(idle))}")
    if not np.array_equal(weights[used].sum(), weights.sum()):
        warnings.append("the pooled effect counts studies that have no estimate of their own")
    se = float(np.sqrt(variance))
    test = wald(estimate, se, np.nan, level)
    return Pooled(
        method=method,
        model="common",
        ci_method="z",
        level=level,
        estimate=estimate,
        se=se,
        statistic=test.statistic,
        df=test.df,
        p_value=test.p_value,
        ci=test.ci,
        tau2=0.0,
        tau2_se=np.nan,
        q=q,
        q_df=q_df,
        q_p=float(chdtrc(q_df, q)) if q_df > 0 else 1.0,
        i2=max(0.0, 100 * (q - q_df) / q) if q > 0 else 0.0,
        h2=q / q_df if q_df > 0 else 1.0,
        prediction=(np.nan, np.nan),
        studies=data.studies,
        estimates=data.estimates,
        variances=data.variances,
        weights=100 * weights[used] / weights.sum(),
        measure=data.measure,
        label=data.label,
        scale=data.scale,
        sizes=data.sizes,
        left_out=data.left_out,
        warnings=(*data.notes, *warnings),
        tests=tests,
    )


def pool_glmm(data: EffectSizes, model: str, common: bool, ci: str, level: float, prediction: str) -> Pooled:
    """A generalised linear mixed model of the counts; see `glmm`. ``q`` is its likelihood-ratio test."""
    interval = ci_method(ci)
    if interval.startswith("hksj"):
        raise DataError("a generalised linear mixed model has ci='z' or 't'")
    columns = _columns(data, model)
    if data.measure not in {"OR", "IRR", "PLO", "IRLN"}:
        raise DataError(f"no {model} model for {data.measure}: there are models for OR, IRR, PLO and IRLN")
    arms = data.arms
    assert arms is not None
    two = data.measure in {"OR", "IRR"}
    empty = _without_information(data.measure, columns) if two else np.zeros(len(arms.studies), dtype=bool)
    keep = ~empty
    if not keep.any():
        raise DataError("no study has information on the effect: no events, or nothing but events")
    left_out = data.left_out + tuple(
        LeftOut(name, f"no information for {model}: no events, or nothing but events, in both groups")
        for name, gone in zip(arms.studies, empty, strict=True)
        if gone and name not in {study for study, _ in data.left_out}
    )
    size = "n" if data.measure in {"OR", "PLO"} else "time"
    names = ("events1", f"{size}1", "events2", f"{size}2") if two else ("events", size)
    counts = [columns[name][keep] for name in names]
    x2, n2 = (counts[2], counts[3]) if two else (None, None)
    fit = fit_glmm(data.measure, model, counts[0], counts[1], x2, n2, common=common)
    k = int(keep.sum())
    df = k - 1.0 if interval == "t" and k > 1 else np.nan
    test = wald(fit.estimate, fit.se, df, level)
    kept = keep[arms.estimated]
    y, v = data.estimates[kept], data.variances[kept]
    w = 1.0 / v
    typical = (len(w) - 1) / (w.sum() - (w**2).sum() / w.sum()) if len(w) > 1 else np.nan
    new = (np.nan, np.nan)
    if not common and k > 1:
        new = prediction_interval(fit.estimate, fit.se, fit.tau2, k, df, level, prediction)
    return Pooled(
        method="ML" if not common else "CE",
        model=model,
        ci_method=interval,
        level=level,
        estimate=fit.estimate,
        se=fit.se,
        statistic=test.statistic,
        df=test.df,
        p_value=test.p_value,
        ci=test.ci,
        tau2=fit.tau2,
        tau2_se=fit.tau2_se,
        q=fit.lrt,
        q_df=fit.lrt_df,
        q_p=float(chdtrc(fit.lrt_df, fit.lrt)) if fit.lrt_df > 0 and np.isfinite(fit.lrt) else np.nan,
        i2=100 * fit.tau2 / (fit.tau2 + typical) if fit.tau2 > 0 else 0.0,
        h2=1 + fit.tau2 / typical if fit.tau2 > 0 else 1.0,
        prediction=new,
        studies=tuple(name for name, inside in zip(data.studies, kept, strict=True) if inside),
        estimates=y,
        variances=v,
        weights=np.full(len(y), np.nan),
        measure=data.measure,
        label=data.label,
        scale=data.scale,
        sizes=None if data.sizes is None else data.sizes[kept],
        left_out=left_out,
        warnings=data.notes,
        sigma2=fit.sigma2,
        own_log_likelihood=fit.log_likelihood,
    )


def _columns(data: EffectSizes, method: str) -> Mapping[str, FloatArray]:
    if data.arms is None:
        raise DataError(f"{method} works on counts; these effect sizes were read as published estimates")
    return data.arms.columns


def _without_information(measure: str, columns: Mapping[str, FloatArray]) -> NDArray[np.bool_]:
    """Studies with no events in either group or, among people, nothing but events in both."""
    none = (columns["events1"] == 0) & (columns["events2"] == 0)
    if measure.startswith("IR"):
        return np.asarray(none)
    every = (columns["events1"] == columns["n1"]) & (columns["events2"] == columns["n2"])
    return np.asarray(none | every)


def _q(data: EffectSizes, informative: NDArray[np.bool_], estimate: float) -> tuple[float, int]:
    y, v = data.estimates[informative], data.variances[informative]
    if len(y) < 2:
        return 0.0, max(len(y) - 1, 0)
    return float(((y - estimate) ** 2 / v).sum()), len(y) - 1
