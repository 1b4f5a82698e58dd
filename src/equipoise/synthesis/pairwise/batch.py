"""Pooling many meta-analyses at once: simulations, voxels, leave-one-out sets, bootstrap samples.

Analyses are worked on in blocks that fit the processor's cache, on all its cores; time is linear in their number and
memory beyond the input and the result doesn't grow with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, ndtr, stdtr, stdtrit

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.pairwise.heterogeneity import METHODS, WEIGHTED_METHODS, solve
from equipoise.synthesis.pairwise.intervals import ci_method, normal_quantile
from equipoise.synthesis.pairwise.pooling import COMMON_METHODS
from equipoise.synthesis.pairwise.prediction import freedom
from equipoise.synthesis.pairwise.projection import InterceptOnly
from equipoise.synthesis.pairwise.roots import q_root

FloatArray = NDArray[np.float64]

_BLOCK = 1 << 17
"""Numbers in a block of estimates: a megabyte, so that a few such arrays stay in the processor's caches."""


@dataclass(frozen=True)
class PooledMany:
    """Pooled effects of n analyses; every array has shape (n,) and the meaning it has in `Pooled`.

    An analysis of one study is that study, with τ² = 0; one of no study is NaN throughout.
    """

    method: str
    ci_method: str
    level: float
    k: NDArray[np.int64]
    estimate: FloatArray
    se: FloatArray
    tau2: FloatArray
    q: FloatArray
    typical_variance: FloatArray
    _interval: Callable[[float], tuple[FloatArray, FloatArray]]

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of test and interval, k − 1; NaN where they use the normal distribution."""
        if self.ci_method == "z":
            return np.full(len(self.k), np.nan)
        return np.where(self.k > 1, self.k - 1.0, np.nan)

    @property
    def statistic(self) -> FloatArray:
        """estimate/se."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.estimate / self.se

    @cached_property
    def p_value(self) -> FloatArray:
        """Two-sided, of no effect."""
        below = -np.abs(self.statistic)
        normal = 2 * ndtr(below)
        return np.asarray(
            normal if self.ci_method == "z" else np.where(self.k > 1, 2 * stdtr(self.df, below), normal)
        )

    @cached_property
    def _half_width(self) -> FloatArray:
        return _quantile(self.df, self.level) * self.se

    @property
    def ci_low(self) -> FloatArray:
        """The lower end of the confidence interval."""
        return self.estimate - self._half_width

    @property
    def ci_high(self) -> FloatArray:
        """The upper end of the confidence interval."""
        return self.estimate + self._half_width

    @property
    def q_df(self) -> NDArray[np.int64]:
        """Degrees of freedom of Q."""
        return self.k - 1

    @cached_property
    def q_p(self) -> FloatArray:
        """The p-value of Q; 1 for one study."""
        return np.where(self.k == 1, 1.0, chdtrc(np.maximum(self.q_df, 1), self.q))

    @property
    def i2(self) -> FloatArray:
        """I² in per cent, from τ² and the typical variance (common effect: from Q)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.method == "IV":
                part = np.maximum(0.0, 100 * (self.q - self.q_df) / self.q)
                return np.where((self.k == 1) | (self.q == 0), 0.0, part)
            part = 100 * self.tau2 / (self.tau2 + self.typical_variance)
            part[self.k == 1] = 0.0
            return part

    @property
    def h2(self) -> FloatArray:
        """H², from τ² and the typical variance (common effect: from Q)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            own = self.q / self.q_df if self.method == "IV" else 1 + self.tau2 / self.typical_variance
        return np.where(self.k == 1, 1.0, own)

    def prediction(self, convention: str = "metafor") -> tuple[FloatArray, FloatArray]:
        """Prediction intervals by a convention of `prediction`; NaN for one study and for common effects."""
        df = freedom(convention, self.k.astype(float), self.df)
        half = _quantile(df, self.level) * np.sqrt(self.se**2 + self.tau2)
        half = np.where((self.k > 1) & (self.method != "IV"), half, np.nan)
        return self.estimate - half, self.estimate + half

    def tau2_interval(self, level: float | None = None) -> tuple[FloatArray, FloatArray]:
        """Q-profile intervals of τ² (Viechtbauer 2007); NaN for one study."""
        return self._interval(self.level if level is None else level)

    def to_frame(self) -> Any:
        """One row an analysis."""
        return make_frame(
            {
                "k": self.k,
                "estimate": self.estimate,
                "se": self.se,
                "ci_low": self.ci_low,
                "ci_high": self.ci_high,
                "p_value": self.p_value,
                "tau2": self.tau2,
                "q": self.q,
                "q_p": self.q_p,
                "i2": self.i2,
            }
        )


def pool_many(
    estimates: ArrayLike,
    variances: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    method: str = "REML",
    ci: str = "z",
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> PooledMany:
    """The pooled effects of n meta-analyses of up to k studies each.

    ``estimates`` and ``variances`` have shape (n, k); ``mask`` (n, k) is true where an analysis has a study, and a
    missing (NaN) estimate or variance counts as absent. ``method`` is any estimator of τ² but GENQM, or "CE"; ``ci``
    as in `pool`; ``weights`` (n, k) are for GENQ. Raises ``DataError`` for variances that aren't positive and
    finite, naming the first.
    """
    name = "IV" if method in COMMON_METHODS else method
    if name != "IV" and name not in METHODS and name not in WEIGHTED_METHODS:
        raise DataError(f"unknown method: {method!r}; known are CE, {', '.join([*METHODS, *WEIGHTED_METHODS])}")
    interval = ci_method(ci)
    y, v = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    if y.ndim != 2 or y.shape != v.shape:
        raise DataError(f"estimates have shape {y.shape} and variances {v.shape}; both need to be (n, k)")
    given = None if mask is None else np.asarray(mask, dtype=bool)
    if given is not None and given.shape != y.shape:
        raise DataError(f"the mask has shape {given.shape}; the estimates have {y.shape}")
    a = None if weights is None else np.broadcast_to(np.asarray(weights, dtype=float), y.shape)
    if name in WEIGHTED_METHODS and a is None:
        raise DataError(f"{name} needs weights of shape (n, k)")
    out = np.empty((5, len(y)))
    counts = np.empty(len(y), dtype=np.int64)

    def work(rows: slice) -> None:
        model, usable = _block(y, v, given, rows)
        counts[rows] = model.k
        _pool_block(model, name, interval, None if a is None else a[rows].T, usable, out[:, rows])

    _run(work, _blocks(y.shape))

    def tau2_interval(asked: float) -> tuple[FloatArray, FloatArray]:
        ends = np.empty((2, len(y)))

        def profile(rows: slice) -> None:
            model, usable = _block(y, v, given, rows)
            ends[:, rows] = _q_profile(model, asked, usable)

        _run(profile, _blocks(y.shape))
        return ends[0], ends[1]

    estimate, se, tau2, q, typical = out
    return PooledMany(name, interval, level, counts, estimate, se, tau2, q, typical, tau2_interval)


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, _BLOCK // max(shape[1], 1))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def _run(work: Callable[[slice], None], blocks: Iterator[slice]) -> None:
    jobs = list(blocks)
    if len(jobs) < 2:
        for rows in jobs:
            work(rows)
        return
    with ThreadPoolExecutor(max_workers=min(len(jobs), os.cpu_count() or 1)) as pool:
        list(pool.map(work, jobs))


def _block(
    y: FloatArray, v: FloatArray, mask: NDArray[np.bool_] | None, rows: slice
) -> tuple[InterceptOnly, NDArray[np.bool_] | None]:
    """A block's model, studies along the first axis, and which analyses have a study (None: all have)."""
    if mask is None:
        with np.errstate(all="ignore"):  # bad numbers are looked for afterwards, where they cost nothing to find
            model = InterceptOnly.of_rows(y[rows], v[rows])
            smallest, largest = model.extreme_variances()
            if (smallest > 0).all() and (largest < np.inf).all() and np.isfinite(model.at(0.0).shift).all():
                return model, None
    estimates, variances = y[rows].T, v[rows].T
    present = ~(np.isnan(estimates) | np.isnan(variances))
    if mask is not None:
        present &= mask[rows].T
    bad = present & ~(np.isfinite(estimates) & np.isfinite(variances) & (variances > 0))
    if bad.any():
        study, analysis = (int(index[0]) for index in np.nonzero(bad))
        raise DataError(
            f"analysis {rows.start + analysis}, study {study} (counted from 0): estimate "
            f"{estimates[study, analysis]:g} with sampling variance {variances[study, analysis]:g}; the estimate "
            "must be finite and the variance positive and finite. Correct it, or mask it"
        )
    usable = np.asarray(present.any(axis=0))
    filled = present | ~usable  # an empty analysis gets a placeholder, and NaN in the result
    model = InterceptOnly(np.where(present, estimates, 0.0), np.where(present, variances, 1.0), filled.astype(float))
    model.k = present.sum(axis=0).astype(float)
    return model, usable


def _pool_block(
    model: InterceptOnly,
    method: str,
    interval: str,
    weights: FloatArray | None,
    usable: NDArray[np.bool_] | None,
    out: FloatArray,
) -> None:
    """Estimate, standard error, τ², Q and typical variance, into the rows of ``out`` (5, n)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        at0 = model.at(0.0)
        out[2] = 0.0 if method == "IV" else _tau2(model, method, weights)
        at = at0 if method == "IV" else model.at(out[2])
        out[0] = at.mean
        np.sqrt(1.0 / at.sum_w, out=out[1])
        if interval.startswith("hksj"):
            factor = np.where(model.k > 1, at.q / (model.k - 1.0), 1.0)
            out[1] *= np.sqrt(np.maximum(factor, 1.0) if interval == "hksj-floored" else factor)
        out[3] = at0.q
        out[4] = (model.k - 1.0) / at0.tr_p
    if usable is not None:
        out[3, model.k == 1] = 0.0
        out[:, ~usable] = np.nan


def _tau2(model: InterceptOnly, method: str, weights: FloatArray | None) -> FloatArray:
    several = np.broadcast_to(model.k > 1, model.centre.shape)
    if several.all():
        return solve(method, model, weights).value
    tau2 = np.zeros(len(several))
    columns = np.flatnonzero(several)
    tau2[columns] = solve(method, model.take(columns), None if weights is None else weights[:, columns]).value
    return tau2


def _q_profile(model: InterceptOnly, level: float, usable: NDArray[np.bool_] | None) -> FloatArray:
    ends = np.full((2, len(model.centre)), np.nan)
    columns = np.flatnonzero(np.broadcast_to(model.k > 1, model.centre.shape))
    part = model.take(columns)
    for row, tail in enumerate((0.5 * (1 - level), 0.5 * (1 + level))):
        ends[row, columns] = np.nan_to_num(q_root(part, np.asarray(chdtri(part.k - 1.0, tail), dtype=float)), nan=0.0)
    if usable is not None:
        ends[:, ~usable] = np.nan
    return ends


def _quantile(df: FloatArray, level: float) -> FloatArray:
    normal = normal_quantile(level)
    if np.isnan(df).all():
        return np.full(len(df), normal)
    values, inverse = np.unique(np.where(np.isnan(df), np.inf, df), return_inverse=True)
    usable = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    with np.errstate(invalid="ignore"):
        each = np.where(np.isinf(values), normal, stdtrit(usable, 0.5 * (1 + level)))
    return np.asarray(each[inverse])
