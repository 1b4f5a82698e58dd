"""Ranks under a posterior against orthants, draws and the order statistics of independent effects."""

from __future__ import annotations

import numpy as np
import pytest
from networks import BruteForce, parkinson, triangle
from scipy.stats import multivariate_normal

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.priors import HalfNormal
from equipoise.synthesis.network import Network, StudyContrasts


def star(others: int) -> Network:
    """Two-arm studies against one centre."""
    random = np.random.default_rng(5)
    studies = [
        StudyContrasts(
            f"{t}.{k}", ("m", f"t{t}"), random.normal(0.1 * t, 0.4, 1), np.array([[0.02 + 0.1 * random.random()]])
        )
        for t in range(others)
        for k in range(1 + t % 3)
    ]
    return Network.from_studies(studies)


def drawn_ranks(network: Network, n: int) -> FloatArray:
    """Shares of ranks among draws, small values best."""
    _, effects = network.posterior(HalfNormal(0.5)).draws(n, seed=11)
    ranks = np.argsort(np.argsort(effects, axis=1), axis=1)
    return np.stack([(ranks == r).mean(axis=0) for r in range(effects.shape[1])], axis=1)


def test_three_treatments_agree_with_orthants() -> None:
    network, prior = triangle(), HalfNormal(0.5)
    brute = BruteForce(network, prior)
    ranking = network.posterior(prior).ranking()
    assert ranking.error == 0
    evidence = brute.evidence()
    # The effects are b − a and c − a: a is first where both are above 0, c last where a < c and b < c.
    steps = {"first": -np.eye(2), "last": np.array([[0.0, -1.0], [1.0, -1.0]])}

    def chance(name: str) -> float:
        def orthant(_: float, mean: FloatArray, covariance: FloatArray) -> float:
            turned = steps[name]
            return float(multivariate_normal.cdf(np.zeros(2), turned @ mean, turned @ covariance @ turned.T))

        return brute.expect(orthant) / evidence

    c = ranking.treatments.index("c")
    assert ranking.rank_probabilities[c, 2] == pytest.approx(chance("last"), abs=1e-6)
    assert ranking.rank_probabilities[0, 0] == pytest.approx(chance("first"), abs=1e-6)
    np.testing.assert_allclose(ranking.rank_probabilities.sum(axis=0), 1.0, atol=1e-12)


@pytest.mark.parametrize("network", [parkinson(), star(6)], ids=["parkinson", "star"])
def test_probabilities_of_ranks_agree_with_draws(network: Network) -> None:
    ranking = network.posterior(HalfNormal(0.5)).ranking()
    shares = drawn_ranks(network, 40_000)
    error = np.sqrt(np.maximum(shares * (1 - shares), 1e-4) / 40_000)
    assert np.all(np.abs(ranking.rank_probabilities - shares) < 4.5 * (error + ranking.error))
    n = len(network.treatments)
    np.testing.assert_allclose(ranking.rank_probabilities.sum(axis=1), 1.0, atol=1e-9)
    means = ranking.rank_probabilities @ np.arange(1, n + 1)
    np.testing.assert_allclose(means, ranking.mean_ranks, atol=1e-9 + 4 * n * ranking.error)
    assert ranking.score_name == "SUCRA"


def test_a_star_is_exact() -> None:
    """The mean ranks are known exactly, and the ranks sum to 1 both ways."""
    network = star(9)
    posterior = network.posterior(HalfNormal(0.5))
    ranking = posterior.ranking()
    assert ranking.error < 1e-7
    np.testing.assert_allclose(ranking.rank_probabilities.sum(axis=0), 1.0, atol=1e-7)
    np.testing.assert_allclose(ranking.rank_probabilities @ np.arange(1, 11), ranking.mean_ranks, atol=1e-7)


def test_the_chance_of_a_difference_that_matters_is_that_of_the_contrast() -> None:
    network = parkinson()
    posterior = network.posterior(HalfNormal(0.5))
    ranking = posterior.ranking(threshold=0.4)
    assert ranking.better[1, 0] == pytest.approx(float(posterior.contrast("2", "1").cdf(-0.4)), abs=1e-12)
    larger = posterior.ranking(smaller_is_better=False, threshold=0.4)
    assert larger.better[0, 1] == pytest.approx(ranking.better[1, 0], abs=1e-12)
    np.testing.assert_allclose(ranking.sucra.mean(), 0.5)
    assert posterior.ranking().better[1, 0] == pytest.approx(float(posterior.effects().below[0]), abs=1e-12)
    with pytest.raises(DataError, match="negative"):
        posterior.ranking(threshold=-1)
