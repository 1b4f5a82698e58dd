"""Is the distribution of a generalised Q the one it should be, for equal and for wildly unequal coefficients?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from published import estimates
from scipy.stats import chi2

from equipoise.synthesis.pairwise.heterogeneity import tau2
from equipoise.synthesis.pairwise.pooling import pool
from equipoise.synthesis.pairwise.projection import InterceptOnly
from equipoise.synthesis.pairwise.quadratic_forms import generalised_q_root, weighted_chi2_tail

Y, V = estimates("BCG RR")


@pytest.mark.parametrize("m", [1, 2, 5, 12, 40, 150, 600])
@given(tail=st.floats(1e-4, 1 - 1e-4))
def test_equal_coefficients_give_chi_squared(m: int, tail: float) -> None:
    q = float(chi2.isf(tail, m))
    assert_allclose(weighted_chi2_tail(2.5 * q, np.full(m, 2.5)), tail, rtol=1e-8)


@given(
    scales=st.lists(st.floats(-6, 6), min_size=2, max_size=5, unique_by=lambda x: 10 ** np.round(x, 1)),
    at=st.floats(-7, 7),
)
def test_pairs_of_coefficients_give_sums_of_exponentials(scales: list[float], at: float) -> None:
    """With each coefficient twice the form is a sum of independent exponentials, whose distribution is known."""
    means = 10.0 ** np.round(np.array(scales), 1)
    q = 10.0**at
    factors = [np.prod([m / (m - other) for other in means if other != m]) for m in means]
    exact = sum(f * np.exp(-q / (2 * m)) for f, m in zip(factors, means, strict=True))
    assert_allclose(weighted_chi2_tail(q, np.repeat(means, 2)), exact, atol=1e-9 * max(map(abs, factors)))


def test_the_distribution_is_that_of_simulated_forms() -> None:
    rng = np.random.default_rng(1)
    coefficients = np.array([0.1, 0.5, 1.0, 3.0])
    draws = (rng.normal(size=(400_000, 4)) ** 2) @ coefficients
    for q in (1.0, 4.0, 12.0):
        assert_allclose(weighted_chi2_tail(q, coefficients), (draws > q).mean(), atol=4 * 0.5 / 400_000**0.5)


def test_with_inverse_variance_weights_and_no_heterogeneity_q_is_chi_squared() -> None:
    """The upper-tail root at the very probability that χ² gives Q is τ² = 0, and beyond it the root rises."""
    at = InterceptOnly(Y, V).at(0.0)
    model = InterceptOnly(Y, V)
    p = float(chi2.sf(at.q, len(Y) - 1))
    assert generalised_q_root(at.matrix(), model.variances, float(at.q), p * 0.5) == 0.0
    roots = [generalised_q_root(at.matrix(), model.variances, float(at.q), tail) for tail in (0.025, 0.5, 0.975)]
    assert 0 < roots[0] < roots[1] < roots[2]


def test_the_generalised_interval_has_its_coverage_at_its_ends() -> None:
    """At each end of the interval, Q of simulated data exceeds the observed Q as often as it should."""
    weights = 1 / (V + 0.3)
    fit = pool(Y, V, method="GENQ", weights=weights)
    rng = np.random.default_rng(2)
    mean = np.average(Y, weights=weights)
    observed = np.sum(weights * (Y - mean) ** 2)
    for end, expected in zip(fit.tau2_ci, (0.025, 0.975), strict=True):
        draws = rng.normal(size=(200_000, len(Y))) * np.sqrt(V + end)
        means = draws @ weights / weights.sum()
        q = ((draws - means[:, None]) ** 2) @ weights
        assert_allclose((q > observed).mean(), expected, atol=4 * (expected * (1 - expected) / 200_000) ** 0.5)


def test_the_median_unbiased_estimate_halves_the_distribution() -> None:
    weights = 1 / (V + 0.3)
    at = InterceptOnly(Y, V).weighted(weights)
    fit = tau2(Y, V, method="GENQM", weights=weights)
    spread = np.sqrt(InterceptOnly(Y, V).variances + fit.value)
    coefficients = np.asarray(np.linalg.eigvalsh(spread[:, None] * at.matrix() * spread)[1:], dtype=float)
    assert_allclose(weighted_chi2_tail(float(at.q), coefficients), 0.5, atol=1e-9)


def test_the_interval_needs_its_method() -> None:
    from equipoise.errors import DataError

    with pytest.raises(DataError, match="belongs to method='GENQ' or 'GENQM'"):
        pool(Y, V).tau2_interval("GENQ")
    with pytest.raises(DataError, match="belongs to method='REML' or 'ML'"):
        pool(Y, V, method="DL").tau2_interval("PL")
    with pytest.raises(DataError, match="unknown interval for τ²: 'XX'; known are QP, GENQ, PL, Wald"):
        pool(Y, V).tau2_interval("XX")
    with pytest.raises(DataError, match="needs a random-effects model of two studies or more"):
        pool(Y, V, method="CE").tau2_interval("QP")


def test_a_wald_interval_of_tau2_stops_at_zero() -> None:
    fit = pool(Y, V)
    low, high = fit.tau2_interval("Wald")
    assert low == max(0.0, fit.tau2 - 1.959963984540054 * fit.tau2_se)
    assert_allclose(high, fit.tau2 + 1.959963984540054 * fit.tau2_se, rtol=1e-12)
