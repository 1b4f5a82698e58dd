"""What a measure's formula gives: an estimate and its sampling variance, elementwise over studies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Effect(NamedTuple):
    """Estimates and sampling variances on the scale on which the measure is pooled, both of the studies' shape."""

    estimates: FloatArray
    variances: FloatArray


class LeftOut(NamedTuple):
    """A study that isn't in a result, and why."""

    study: str
    reason: str


def size_weighted_mean(values: FloatArray, sizes: FloatArray) -> FloatArray:
    """Σ n x / Σ n over the studies that have both, for variances that assume a value common to all studies."""
    known = np.isfinite(values) & np.isfinite(sizes)
    return np.asarray(np.sum(values[known] * sizes[known]) / np.sum(sizes[known]))
