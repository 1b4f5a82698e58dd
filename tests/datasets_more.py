"""Effects from the retyped tables, and further published datasets, each with its publication."""

# fmt: off
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasets import Table

FloatArray = NDArray[np.float64]


def column(table: Table, name: str) -> FloatArray:
    """A column of numbers."""
    return np.array(table[name], dtype=float)


def log_risk_ratio(table: Table) -> tuple[FloatArray, FloatArray]:
    """Log risk ratios and their variances from events and group sizes without zeros."""
    a, n1, c, n2 = (column(table, name) for name in ("events1", "n1", "events2", "n2"))
    return np.log(a / n1) - np.log(c / n2), 1 / a - 1 / n1 + 1 / c - 1 / n2


def log_odds_ratio(table: Table) -> tuple[FloatArray, FloatArray]:
    """Log odds ratios and their variances; ½ added to the four cells of a study with a zero."""
    a, n1, c, n2 = (column(table, name) for name in ("events1", "n1", "events2", "n2"))
    b, d = n1 - a, n2 - c
    half = np.where((a == 0) | (b == 0) | (c == 0) | (d == 0), 0.5, 0.0)
    a, b, c, d = a + half, b + half, c + half, d + half
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
