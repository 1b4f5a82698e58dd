"""Published estimates and sampling variances for the posteriors of one comparison."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasets import (
    BCG,
    CONSCIENTIOUSNESS,
    MAGNESIUM_EGGER,
    PASSIVE_SMOKING,
    SCHOOL_CALENDAR,
    STROKE_STAY,
    TEACHER_EXPECTANCY,
)

FloatArray = NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]

SCHOOLS: Pair = (
    np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16]),
    np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6]) ** 2,
)
"""SAT coaching in eight schools: Rubin (1981), J Educ Stat 6:377, as in Gelman et al., Bayesian Data Analysis."""

THREE: Pair = (np.array([11.0, 13.0, 16.0]), np.array([1.0, 1.0, 4.0]))
"""Three estimates, made up for a textbook's example of bayesmeta."""


def log_odds_ratio(e1: object, n1: object, e2: object, n2: object) -> Pair:
    """With half an event added to every cell of a study that has an empty one."""
    a, n, c, m = (np.asarray(x, dtype=float) for x in (e1, n1, e2, n2))
    cells = np.array([a, n - a, c, m - c])
    cells += 0.5 * (cells == 0).any(axis=0)
    return np.log(cells[0] * cells[3] / (cells[1] * cells[2])), (1.0 / cells).sum(axis=0)


CRINS = log_odds_ratio([14, 16, 3, 9, 4, 0], [61, 28, 18, 54, 36, 50], [15, 19, 8, 29, 11, 3], [20, 28, 12, 54, 36, 34])
"""Acute rejection after liver transplantation in children: Crins et al. (2014), Pediatr Transplant 18:839."""


def _bcg() -> Pair:
    a, n, c, m = (np.asarray(BCG[name], dtype=float) for name in ("events1", "n1", "events2", "n2"))
    return np.log(a / n / (c / m)), 1 / a - 1 / n + 1 / c - 1 / m


def _passive() -> Pair:
    low, high = (np.log(np.asarray(PASSIVE_SMOKING[name], dtype=float)) for name in ("ci_low", "ci_high"))
    return np.log(np.asarray(PASSIVE_SMOKING["or"], dtype=float)), ((high - low) / (2 * 1.96)) ** 2


def _stroke() -> Pair:
    m1, s1, n1, m2, s2, n2 = (
        np.asarray(STROKE_STAY[name], dtype=float) for name in ("mean1", "sd1", "n1", "mean2", "sd2", "n2")
    )
    return m1 - m2, s1**2 / n1 + s2**2 / n2


def _fisher() -> Pair:
    r, n = (np.asarray(CONSCIENTIOUSNESS[name], dtype=float) for name in ("r", "n"))
    return np.arctanh(r), 1.0 / (n - 3.0)


MAGNESIUM = log_odds_ratio(*(MAGNESIUM_EGGER[name] for name in ("events1", "n1", "events2", "n2")))
PAIRS: dict[str, Pair] = {
    "eight schools": SCHOOLS,
    "liver transplantation": CRINS,
    "BCG": _bcg(),
    "passive smoking": _passive(),
    "stroke units": _stroke(),
    "teacher expectancy": (np.array(TEACHER_EXPECTANCY["yi"]), np.array(TEACHER_EXPECTANCY["vi"])),
    "school calendar": (np.array(SCHOOL_CALENDAR["yi"]), np.array(SCHOOL_CALENDAR["vi"])),
    "magnesium": MAGNESIUM,
    "conscientiousness": _fisher(),
}
