"""Leave-one-out: the pooled effect without each study in turn."""

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


def leave_one_out(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    method: str = "REML",
    ci: str = "z",
    level: float = 0.95,
    studies: Sequence[Any] | None = None,
) -> PooledSeries:
    """Pool (k,) estimates k times, each time without one study; τ² is estimated anew.

    ``method`` and ``ci`` as in `pool`, "CE" for a common effect. Row i is the result without study i. Raises
    ``DataError`` for fewer than two studies.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    if k < 2:
        raise DataError("one study: leaving it out leaves nothing to pool")
    inputs.probability(level, "level")
    interval = ci_method(ci)
    fits = refit(y, v, np.ones((k, 1)), ~np.eye(k, dtype=bool), method=method, ci=interval)
    rows = inputs.labels(inputs.studies_of(estimates, studies), k, "studies")
    return pooled_series(fits, "without", rows, np.full(k, k - 1), method, interval, level)
