"""Ranks of treatments under an arm-level posterior: probabilities of pairs from their distributions, of whole orders from
the weighted points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.sampling import REPLICATES
from equipoise.synthesis.network.ranking import Ranking

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.part import ArmPart
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior


def rank(posterior: ArmPosterior, smaller_is_better: bool, threshold: float) -> Ranking:
    """See ``ArmPosterior.ranking``."""
    if threshold < 0:
        raise DataError(f"threshold {threshold} is negative; give the size of a difference that matters")
    n = len(posterior.treatments)
    largest = max(len(part) for part in posterior.subnetworks)
    scores, mean_ranks, rank_lower, rank_upper = (np.full(n, np.nan) for _ in range(4))
    probabilities, better = np.full((n, largest), np.nan), np.full((n, n), np.nan)
    error, tail = 0.0, (1.0 - posterior.level) / 2.0
    sign = -1.0 if smaller_is_better else 1.0
    for part in posterior.parts:
        members, size = part.treatments, part.size
        ahead = _gains(part, sign, 0.0)
        scores[members] = np.nansum(ahead, axis=1) / (size - 1)
        mean_ranks[members] = 1.0 + (size - 1) * (1.0 - scores[members])
        better[np.ix_(members, members)] = ahead if threshold == 0 else _gains(part, sign, threshold)
        found, off = _rank_probabilities(part, sign)
        probabilities[members, :size] = found
        error = max(error, off)
        reached = np.cumsum(found, axis=1)
        rank_lower[members] = 1 + (reached < tail - 1e-12).sum(axis=1)
        rank_upper[members] = 1 + (reached < 1.0 - tail - 1e-12).sum(axis=1)
    return Ranking(
        posterior.treatments,
        smaller_is_better,
        threshold,
        posterior.level,
        scores,
        scores.copy(),
        mean_ranks,
        rank_lower,
        rank_upper,
        probabilities,
        error,
        better,
        posterior.subnetworks,
    )


def _gains(part: ArmPart, sign: float, threshold: float) -> FloatArray:
    """P(sign·(row − column) > threshold), shape (n, n), NaN on the diagonal."""
    found = np.full((part.size, part.size), np.nan)
    for i in range(part.size):
        for j in range(i + 1, part.size):
            pair = part.differences(i, j)
            below, above = pair.cdf(np.array([-threshold, threshold])).tolist()
            found[i, j], found[j, i] = (1.0 - above, below) if sign > 0 else (below, 1.0 - above)
    return np.asarray(np.clip(found, 0.0, 1.0))


def _rank_probabilities(part: ArmPart, sign: float) -> tuple[FloatArray, float]:
    """Row i: the probabilities of treatment i's ranks; with the largest standard error between replicates."""
    n, points = part.size, part.points
    order = np.argsort(-sign * part.effects, axis=1)
    cell = points.replicate[:, None] * n * n + order * n + np.arange(n)
    weights = np.broadcast_to(points.weights[:, None], cell.shape)
    sums = np.bincount(cell.ravel(), weights=weights.ravel(), minlength=REPLICATES * n * n)
    totals = np.bincount(points.replicate, weights=points.weights, minlength=REPLICATES)
    each = sums.reshape(REPLICATES, n, n)
    spread = (each / totals[:, None, None]).std(axis=0, ddof=1) / np.sqrt(REPLICATES)
    return np.asarray(each.sum(axis=0)), float(spread.max())
