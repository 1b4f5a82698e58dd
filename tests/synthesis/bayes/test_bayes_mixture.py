"""Mixtures of normals: against scipy's optimisers and quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from equipoise.errors import DataError
from equipoise.synthesis.bayes.mixture import NormalMixture

RNG = np.random.default_rng(20260101)
WEIGHTS = RNG.dirichlet(np.ones(12))
MEANS = RNG.normal(0.0, 1.0, (12, 5))
SDS = RNG.uniform(0.5, 2.0, (12, 5))
MANY = NormalMixture(WEIGHTS, MEANS, SDS)
TWO_MODES = NormalMixture(np.array([0.6, 0.4]), np.array([-4.0, 5.0]), np.array([1.0, 0.5]))


@pytest.mark.parametrize("column", range(5))
def test_every_quantity_against_scipy(column: int) -> None:
    one = MANY.take(column)

    def cdf(x: float) -> float:
        return float(WEIGHTS @ norm.cdf(x, MEANS[:, column], SDS[:, column]))

    def pdf(x: float) -> float:
        return float(WEIGHTS @ norm.pdf(x, MEANS[:, column], SDS[:, column]))

    mean = quad(lambda x: x * pdf(x), -30, 30, epsabs=1e-12, limit=200)[0]
    assert float(one.mean) == pytest.approx(mean, abs=1e-9)
    spread = quad(lambda x: (x - mean) ** 2 * pdf(x), -30, 30, epsabs=1e-12, limit=200)[0]
    assert float(one.sd) == pytest.approx(np.sqrt(spread), rel=1e-9)
    for p in (1e-9, 0.025, 0.5, 0.9):
        wanted = brentq(lambda x, p=p: cdf(x) - p, -40, 40, xtol=1e-14)
        assert float(one.quantile(p)) == pytest.approx(wanted, abs=1e-9)
    best = minimize_scalar(lambda x: -pdf(x), bounds=(-3, 3), method="bounded", options={"xatol": 1e-12})
    assert float(one.mode) == pytest.approx(best.x, abs=1e-6)
    low, high = one.shortest_interval(0.9)
    assert cdf(high) - cdf(low) == pytest.approx(0.9, abs=1e-10)
    assert pdf(low) == pytest.approx(pdf(high), rel=1e-8)
    assert float(one.probability(low, high)) == pytest.approx(0.9, abs=1e-10)


def test_side_by_side_is_one_by_one() -> None:
    p = np.array([0.0, 0.1, 0.5, 0.99, 1.0])
    x = np.linspace(-2.0, 2.0, 7)
    for i in range(5):
        one = MANY.take(i)
        assert MANY.quantile(p)[:, i] == pytest.approx(one.quantile(p), rel=1e-12)
        assert MANY.pdf(x)[:, i] == pytest.approx(one.pdf(x), rel=1e-12)
        assert MANY.cdf(x)[:, i] == pytest.approx(one.cdf(x), rel=1e-12)
        assert MANY.shortest_interval()[:, i] == pytest.approx(one.shortest_interval(), rel=1e-9)
        assert MANY.mode[i] == pytest.approx(float(one.mode), rel=1e-9)
    assert MANY.interval(0.8) == pytest.approx(MANY.quantile(np.array([0.1, 0.9])))


def test_with_two_modes_the_shortest_interval_is_searched_for() -> None:
    low, high = TWO_MODES.shortest_interval(0.55)
    assert -8 < low < high < 0  # it holds the larger mode alone
    assert float(TWO_MODES.probability(low, high)) == pytest.approx(0.55, abs=1e-9)
    tails = np.linspace(0.001, 0.449, 2000)
    assert high - low <= (TWO_MODES.quantile(tails + 0.55) - TWO_MODES.quantile(tails)).min() * (1 + 1e-6)
    beside = NormalMixture(TWO_MODES.weights, TWO_MODES.means[:, None], TWO_MODES.sds[:, None])
    assert beside.shortest_interval(0.55)[:, 0] == pytest.approx([low, high], rel=1e-9)
    assert float(TWO_MODES.mode) == pytest.approx(5.0, abs=1e-6)


def test_components_of_very_different_width() -> None:
    mixed = NormalMixture(np.array([0.5, 0.5]), np.array([1.0, 1.0]), np.array([1e-6, 1e6]))
    assert float(mixed.quantile(0.5)) == pytest.approx(1.0, abs=1e-9)
    assert float(mixed.cdf(mixed.quantile(0.01))) == pytest.approx(0.01, rel=1e-9)
    assert float(mixed.cdf(mixed.quantile(0.3))) == pytest.approx(0.3, rel=1e-9)


def test_impossible_probabilities_are_refused() -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        MANY.quantile(1.2)
    with pytest.raises(DataError, match="level"):
        MANY.interval(95)
