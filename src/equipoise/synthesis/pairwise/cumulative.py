"""Cumulative meta-analysis: how the pooled effect settled as studies came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DataError
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.intervals import ci_method
from equipoise.synthesis.pairwise.refits import refit
from equipoise.synthesis.pairwise.series import PooledSeries, pooled_series


def cumulative(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    order: Sequence[Any] | None = None,
    *,
    method: str = "REML",
    ci: str = "z",
    level: float = 0.95,
    studies: Sequence[Any] | None = None,
) -> PooledSeries:
    """Pool the first study, the first two, … (Lau et al. 1992, New England Journal of Medicine 327:248).

    ``order`` holds one sortable value a study (e.g. its year); ties keep the order of the data, as does None. Row i
    is the result once the i-th study was added; with one study τ² is 0. ``method`` and ``ci`` as in `pool`.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    inputs.probability(level, "level")
    interval = ci_method(ci)
    if order is not None and len(order) != k:
        raise DataError(f"order has {len(order)} values, but there are {k} studies")
    keys = np.arange(k) if order is None else np.asarray(order)
    if keys.dtype.kind == "f" and np.isnan(keys).any():
        raise DataError(f"order, study {int(np.flatnonzero(np.isnan(keys))[0]) + 1}: missing; it needs a place")
    rank = np.argsort(keys, kind="stable")
    names = inputs.labels(inputs.studies_of(estimates, studies), k, "studies")
    fits = refit(y[rank], v[rank], np.ones((k, 1)), np.tri(k, dtype=bool), method=method, ci=interval)
    rows = tuple(names[i] for i in rank)
    return pooled_series(fits, "adding", rows, np.arange(1, k + 1), method, interval, level)
