"""Ranks of treatments under an arm-level posterior, from the weighted points."""

from __future__ import annotations

from typing import Any

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.part import WeightedPart
from equipoise.synthesis.bayes.arm_level.sampling import REPLICATES


def rank_probabilities(part: WeightedPart[Any], sign: float) -> tuple[FloatArray, float]:
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
