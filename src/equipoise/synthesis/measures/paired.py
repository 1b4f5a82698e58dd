"""The same people twice: before and after, or both periods of a crossover, with the correlation r between the two.

Formulas as in metafor's `escalc` (4.6 and later). As there, the standardised changes divide by sd₁: give the first
occasion's mean as 1 for baseline-standardised measures, or put the baseline SD in sd₁. A correlation that isn't
published has to be assumed, and varied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.measures.continuous import hedges_correction
from equipoise.synthesis.measures.effect import Effect

FloatArray = NDArray[np.float64]


def change_variance(sd1: FloatArray, sd2: FloatArray, r: FloatArray) -> FloatArray:
    """The variance of a difference between two correlated measurements: sd₁² + sd₂² − 2 r sd₁ sd₂."""
    return sd1**2 + sd2**2 - 2 * r * sd1 * sd2


def mean_change(
    mean1: FloatArray, sd1: FloatArray, mean2: FloatArray, sd2: FloatArray, n: FloatArray, r: FloatArray
) -> Effect:
    """m₁ − m₂; variance (sd₁² + sd₂² − 2 r sd₁ sd₂)/n. Also for crossovers (Elbourne et al. 2002)."""
    return Effect(mean1 - mean2, change_variance(sd1, sd2, r) / n)


def change_standardised_by_change(
    mean1: FloatArray, sd1: FloatArray, mean2: FloatArray, sd2: FloatArray, n: FloatArray, r: FloatArray,
    variance: str = "LS",
) -> Effect:  # fmt: skip
    """SMCC: J(n − 1)(m₁ − m₂)/sd of the changes; variance 1/n + y²/2n (Gibbons et al. 1993), "LS2", or "UB"."""
    with np.errstate(divide="ignore", invalid="ignore"):
        m = n - 1
        J = hedges_correction(m)
        d = (mean1 - mean2) / np.sqrt(change_variance(sd1, sd2, r))
        y = J * d
        if variance == "LS2":
            return Effect(y, J**2 * (1 / n + d**2 / (2 * n)))
        if variance == "UB":
            return Effect(y, 1 / n + (1 - (m - 2) / (m * J**2)) * y**2)
        return Effect(y, 1 / n + y**2 / (2 * n))


def change_standardised_by_first(
    mean1: FloatArray, sd1: FloatArray, mean2: FloatArray, _sd2: FloatArray, n: FloatArray, r: FloatArray,
    variance: str = "LS",
) -> Effect:  # fmt: skip
    """SMCR: J(n − 1)(m₁ − m₂)/sd₁; variance 2(1 − r)/n + y²/2n (Becker 1988, eq. 13), or "LS2"."""
    with np.errstate(divide="ignore", invalid="ignore"):
        J = hedges_correction(n - 1)
        d = (mean1 - mean2) / sd1
        y = J * d
        if variance == "LS2":
            return Effect(y, J**2 * (2 * (1 - r) / n + d**2 / (2 * n)))
        return Effect(y, 2 * (1 - r) / n + y**2 / (2 * n))


def heteroscedastic_change_by_first(
    mean1: FloatArray, sd1: FloatArray, mean2: FloatArray, sd2: FloatArray, n: FloatArray, r: FloatArray
) -> Effect:
    """SMCRH: as SMCR, allowing for unequal variances (Bonett 2008, eq. 13)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = hedges_correction(n - 1) * (mean1 - mean2) / sd1
        return Effect(y, change_variance(sd1, sd2, r) / (sd1**2 * (n - 1)) + y**2 / (2 * (n - 1)))


def change_standardised_by_pooled(
    mean1: FloatArray, sd1: FloatArray, mean2: FloatArray, sd2: FloatArray, n: FloatArray, r: FloatArray
) -> Effect:
    """SMCRP: standardised by √((sd₁² + sd₂²)/2), corrected on 2(n − 1)/(1 + r²) degrees of freedom (Cousineau 2020).

    The standardised difference of a crossover that is comparable with those of parallel groups.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        d = (mean1 - mean2) / np.sqrt((sd1**2 + sd2**2) / 2)
        y = hedges_correction(2 * (n - 1) / (1 + r**2)) * d
        return Effect(y, 2 * (1 - r) / n + y**2 * (1 + r**2) / (4 * n))


def ratio_of_means_change(
    mean1: FloatArray, sd1: FloatArray, mean2: FloatArray, sd2: FloatArray, n: FloatArray, r: FloatArray
) -> Effect:
    """ROMC: log(m₁/m₂) for correlated means (Lajeunesse 2011, eq. 6)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = 2 * r * sd1 * sd2 / (mean1 * mean2 * n)
        return Effect(np.log(mean1 / mean2), sd1**2 / (n * mean1**2) + sd2**2 / (n * mean2**2) - covariance)


def log_cv_ratio_change(
    mean1: FloatArray, sd1: FloatArray, mean2: FloatArray, sd2: FloatArray, n: FloatArray, r: FloatArray
) -> Effect:
    """CVRC: log of the ratio of two correlated coefficients of variation (Nakagawa et al. 2015)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        v1, v2 = sd1 / mean1, sd2 / mean2
        return Effect(np.log(v1) - np.log(v2), (1 - r**2) / (n - 1) + (v1**2 + v2**2 - 2 * r * v1 * v2) / n)


def log_variability_ratio_change(sd1: FloatArray, sd2: FloatArray, n: FloatArray, r: FloatArray) -> Effect:
    """VRC: log(sd₁/sd₂) for correlated measurements; variance (1 − r²)/(n − 1) (Nakagawa et al. 2015)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return Effect(np.log(sd1 / sd2), (1 - r**2) / (n - 1))


def crossover_odds_ratio(events1: FloatArray, events2: FloatArray, n: FloatArray, r: FloatArray) -> Effect:
    """Marginal log OR of n people under both treatments (metafor's MPORM; Elbourne et al. 2002).

    Variance Σ 1/cell − 2 r n/√(a b c d), a and b the events under each, c and d the others.
    """
    c, d = n - events1, n - events2
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = np.log(events1) - np.log(c) - np.log(events2) + np.log(d)
        cells = 1 / events1 + 1 / events2 + 1 / c + 1 / d
        return Effect(estimates, cells - 2 * r * n / np.sqrt(events1 * events2 * c * d))
