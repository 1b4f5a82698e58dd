"""Two groups with a mean, a standard deviation and a size each: (mean, sd, n) of the treated, then of the comparator.

Formulas as in metafor's `escalc` (4.6 and later where versions differ: SMDH and SMD1H). Standardised differences
carry Hedges' exact small-sample correction. Log-ratio measures need means above 0 (ROM, CVR) and SDs above 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from equipoise.synthesis.measures.effect import Effect, size_weighted_mean

FloatArray = NDArray[np.float64]


def hedges_correction(df: FloatArray) -> FloatArray:
    """Hedges' correction J(m) = Γ(m/2) / (√(m/2) Γ((m − 1)/2)) (Hedges 1981); NaN for m ≤ 1."""
    m = np.where(np.asarray(df) > 1, df, np.nan)
    return np.exp(gammaln(m / 2) - 0.5 * np.log(m / 2) - gammaln((m - 1) / 2))


def pooled_sd(sd1: FloatArray, n1: FloatArray, sd2: FloatArray, n2: FloatArray) -> FloatArray:
    """The within-group SD of two groups, on n₁ + n₂ − 2 degrees of freedom."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2))


def mean_difference(
    mean1: FloatArray, sd1: FloatArray, n1: FloatArray, mean2: FloatArray, sd2: FloatArray, n2: FloatArray,
    variance: str = "LS",
) -> Effect:  # fmt: skip
    """m₁ − m₂; variance Σ sd²/n, or from the pooled SD ("HO")."""
    if variance == "HO":
        return Effect(mean1 - mean2, pooled_sd(sd1, n1, sd2, n2) ** 2 * (1 / n1 + 1 / n2))
    return Effect(mean1 - mean2, sd1**2 / n1 + sd2**2 / n2)


def standardised_mean_difference(
    mean1: FloatArray, sd1: FloatArray, n1: FloatArray, mean2: FloatArray, sd2: FloatArray, n2: FloatArray,
    variance: str = "LS",
) -> Effect:  # fmt: skip
    """Hedges' g = J(n₁ + n₂ − 2)(m₁ − m₂)/sd_pooled.

    Variance: "LS" 1/n₁ + 1/n₂ + g²/2(n₁ + n₂) (Hedges 1982, eq. 8; metafor's default); "LS2" J²(1/n₁ + 1/n₂ +
    d²/2(n₁ + n₂)) (Borenstein 2009); "UB" unbiased (Hedges 1983, eq. 9); "AV" with the average g in LS; "RevMan"
    1/n₁ + 1/n₂ + g²/2(n₁ + n₂ − 3.94), as RevMan and the meta package.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        d = (mean1 - mean2) / pooled_sd(sd1, n1, sd2, n2)
        return hedges_g(d, n1, n2, variance)


def hedges_g(d: FloatArray, n1: FloatArray, n2: FloatArray, variance: str = "LS") -> Effect:
    """Hedges' g from Cohen's d (from t: d = t√(1/n₁ + 1/n₂)); variances as for `standardised_mean_difference`."""
    m = n1 + n2 - 2
    J = hedges_correction(m)
    g = J * d
    sizes, n = 1 / n1 + 1 / n2, n1 + n2
    with np.errstate(divide="ignore", invalid="ignore"):
        if variance == "LS2":
            return Effect(g, J**2 * (sizes + d**2 / (2 * n)))
        if variance == "UB":
            return Effect(g, sizes + (1 - (m - 2) / (m * J**2)) * g**2)
        if variance == "AV":
            return Effect(g, sizes + size_weighted_mean(g, n) ** 2 / (2 * n))
        if variance == "RevMan":
            return Effect(g, sizes + g**2 / (2 * (n - 3.94)))
        return Effect(g, sizes + g**2 / (2 * n))


def heteroscedastic_smd(
    mean1: FloatArray, sd1: FloatArray, n1: FloatArray, mean2: FloatArray, sd2: FloatArray, n2: FloatArray,
    variance: str = "LS",
) -> Effect:  # fmt: skip
    """J(m₁ − m₂)/√((sd₁² + sd₂²)/2), for unequal variances (Bonett 2008, eq. 8); "LS2" has n for n − 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        s2 = (sd1**2 + sd2**2) / 2
        y = hedges_correction(n1 + n2 - 2) * (mean1 - mean2) / np.sqrt(s2)
        less = 0.0 if variance == "LS2" else 1.0
        spread = (sd1**4 / (n1 - less) + sd2**4 / (n2 - less)) / (8 * s2**2)
        return Effect(y, y**2 * spread + (sd1**2 / (n1 - less) + sd2**2 / (n2 - less)) / s2)


def glass_delta(
    mean1: FloatArray, _sd1: FloatArray, n1: FloatArray, mean2: FloatArray, sd2: FloatArray, n2: FloatArray
) -> Effect:
    """Glass's Δ, standardised by the comparator's SD, J(n₂ − 1) corrected; variance 1/n₁ + 1/n₂ + Δ²/2n₂."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = hedges_correction(n2 - 1) * (mean1 - mean2) / sd2
        return Effect(y, 1 / n1 + 1 / n2 + y**2 / (2 * n2))


def heteroscedastic_glass_delta(
    mean1: FloatArray, sd1: FloatArray, n1: FloatArray, mean2: FloatArray, sd2: FloatArray, n2: FloatArray
) -> Effect:
    """Glass's Δ whose variance allows for unequal variances (Bonett 2008, eq. 12)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = hedges_correction(n2 - 1) * (mean1 - mean2) / sd2
        return Effect(y, (sd1 / sd2) ** 2 / (n1 - 1) + 1 / (n2 - 1) + y**2 / (2 * (n2 - 1)))


def ratio_of_means(
    mean1: FloatArray, sd1: FloatArray, n1: FloatArray, mean2: FloatArray, sd2: FloatArray, n2: FloatArray,
    variance: str = "LS",
) -> Effect:  # fmt: skip
    """log(m₁/m₂); variance Σ sd²/(n m²) (Hedges et al. 1999), with the pooled SD ("HO"), or averaged CVs ("AV")."""
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = np.log(mean1 / mean2)
        if variance == "HO":
            sd = pooled_sd(sd1, n1, sd2, n2)
            return Effect(estimates, sd**2 / (n1 * mean1**2) + sd**2 / (n2 * mean2**2))
        if variance == "AV":
            cv1, cv2 = size_weighted_mean(sd1 / mean1, n1), size_weighted_mean(sd2 / mean2, n2)
            return Effect(estimates, cv1**2 / n1 + cv2**2 / n2)
        return Effect(estimates, sd1**2 / (n1 * mean1**2) + sd2**2 / (n2 * mean2**2))


def log_cv_ratio(
    mean1: FloatArray, sd1: FloatArray, n1: FloatArray, mean2: FloatArray, sd2: FloatArray, n2: FloatArray
) -> Effect:
    """lnCVR, bias-corrected (Nakagawa et al. 2015, eq. 11 and 12 without the mean–variance correlation)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half1, half2 = 0.5 / (n1 - 1), 0.5 / (n2 - 1)
        estimates = np.log(sd1 / mean1) + half1 - np.log(sd2 / mean2) - half2
        return Effect(estimates, half1 + sd1**2 / (n1 * mean1**2) + half2 + sd2**2 / (n2 * mean2**2))


def log_variability_ratio(sd1: FloatArray, n1: FloatArray, sd2: FloatArray, n2: FloatArray) -> Effect:
    """lnVR, bias-corrected: log(sd₁/sd₂) + 1/2(n₁ − 1) − 1/2(n₂ − 1) (Nakagawa et al. 2015)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half1, half2 = 0.5 / (n1 - 1), 0.5 / (n2 - 1)
        return Effect(np.log(sd1 / sd2) + half1 - half2, half1 + half2)
