"""Sampling by NUTS: the densities against their definitions and their own gradients, the draws against exact posteriors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from network_datasets import parkinson
from scipy import stats

from equipoise.errors import DataError, MissingExtra
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level import ArmPosterior, posterior_from_arms, read_arms
from equipoise.synthesis.bayes.nuts import sample
from equipoise.synthesis.bayes.nuts_density import Density, of_arms, of_network, of_pair
from equipoise.synthesis.bayes.pair import PairPosterior, posterior
from equipoise.synthesis.bayes.prior_slopes import slope
from equipoise.synthesis.bayes.priors import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfStudent,
    InverseGamma,
    LogNormal,
    LogStudent,
    Mixture,
    Normal,
    OnVariance,
    Prior,
    Student,
    Uniform,
)
from equipoise.synthesis.network import Network

Y = np.array([-0.9, -0.2, 0.3, -0.6, 0.1, -1.4])
V = np.array([0.1, 0.05, 0.2, 0.08, 0.3, 0.15])
ARMS: dict[str, Any] = {
    "study": list("aabbcccddee"),
    "treatment": ["P", "A", "P", "B", "P", "A", "B", "B", "A", "P", "A"],
    "events": [12, 7, 20, 11, 15, 9, 8, 5, 0, 9, 4],
    "n": [100, 98, 150, 155, 80, 82, 79, 60, 58, 44, 46],
    "time": [90.0, 95.0, 140.0, 150.0, 70.0, 75.0, 78.0, 55.0, 50.0, 40.0, 44.0],
    "mean": [3.1, 2.4, 5.0, 4.6, 3.0, 2.5, 2.2, 1.0, 1.4, 2.0, 1.1],
    "se": [0.2, 0.3, 0.4, 0.2, 0.5, 0.4, 0.3, 0.2, 0.3, 0.2, 0.3],
}


def pair(heterogeneity: Prior | None = None, effect: Prior | None = None) -> PairPosterior:
    return posterior(Y, V, heterogeneity=heterogeneity or HalfNormal(0.5), effect=effect)


def arms(link: str, heterogeneity: Prior | None = None, **options: Any) -> ArmPosterior:
    columns: Any = {"log": ("events", "time"), "identity": ("mean", "se")}.get(link, ("events", "n"))
    family: Any = {"log": "poisson", "identity": "normal"}.get(link, "binomial")
    extra: Any = {} if link in ("log", "identity") else {"link": link.split()[0]}
    extra |= {column: column for column in columns}
    table = read_arms(ARMS, likelihood=family, **extra)
    return posterior_from_arms(table, heterogeneity=heterogeneity or HalfNormal(0.5), points=512, **options)


DENSITIES: dict[str, Callable[[], Density]] = {
    "pair": lambda: of_pair(pair()),
    "pair, effects with tails": lambda: of_pair(pair(effect=Mixture((Normal(0, 0.3), Student(0, 1, 4)), (0.6, 0.4)))),
    "pair, tau bounded": lambda: of_pair(pair(heterogeneity=Uniform(2.0))),
    "pair, common effect": lambda: of_pair(posterior(Y, V, heterogeneity=None)),
    "network": lambda: of_network(parkinson().posterior(heterogeneity=HalfNormal(1.0), reference="A")),
    "network, all contrasts": lambda: of_network(
        parkinson().posterior(heterogeneity=Uniform(3.0), effects=Normal(0, 2), prior_on="all contrasts")
    ),
    **{
        link: lambda link=link: of_arms(arms(link, effects=Normal(0, 2), baseline=Normal(-1, 3)))  # type: ignore[misc]
        for link in ("logit", "cloglog", "probit", "log risk", "log", "identity")
    },
}


def somewhere(density: Density, seed: int) -> FloatArray:
    return density.start() + np.random.default_rng(seed).normal(0.0, 0.15, density.size)


@pytest.mark.parametrize("name", DENSITIES)
def test_the_gradient_is_that_of_the_density(name: str) -> None:
    density = DENSITIES[name]()
    for seed in range(3):
        x = somewhere(density, seed)
        _, gradient = density(x)
        step = 1e-5
        found = [(density(x + h)[0] - density(x - h)[0]) / (2 * step) for h in step * np.eye(len(x))]
        np.testing.assert_allclose(gradient, found, rtol=1e-6, atol=1e-6 * np.abs(gradient).max())


@pytest.mark.parametrize(
    "prior",
    [
        HalfNormal(0.4),
        HalfStudent(0.4, 3.0),
        HalfCauchy(0.7),
        Exponential(0.6),
        LogNormal(-1.0, 0.8),
        LogStudent(-1.0, 0.8, 5.0),
        InverseGamma(2.0, 0.3),
        OnVariance(LogNormal(-2.0, 1.5)),
        Normal(0.2, 0.6),
        Student(0.1, 0.5, 4.0),
        Mixture((Normal(0.0, 0.2), Student(0.5, 1.0, 3.0)), (0.3, 0.7)),
    ],
    ids=lambda prior: prior.describe(),
)
def test_the_slope_is_that_of_the_prior(prior: Prior) -> None:
    for x in (0.07, 0.4, 1.9):
        above, below = prior.logpdf(np.array([x + 1e-5, x - 1e-5]))
        assert slope(prior, x) == pytest.approx((above - below) / 2e-5, rel=1e-6, abs=1e-8)


def test_a_prior_of_ones_own_has_a_slope() -> None:
    class Squeezed:
        proper, support, measure = True, (0.0, np.inf), None

        def logpdf(self, x: Any) -> FloatArray:
            return np.asarray(-(np.asarray(x) ** 3))

    assert slope(Squeezed(), 0.7) == pytest.approx(-3 * 0.7**2, rel=1e-8)  # type: ignore[arg-type]


def differences(density: Density, log: Callable[[FloatArray], float]) -> None:
    """The density is ``log`` up to a constant."""
    points = [somewhere(density, seed) for seed in range(4)]
    found = np.array([density(x)[0] - log(x) for x in points])
    np.testing.assert_allclose(found, found[0], atol=1e-9)


def test_the_density_of_a_pair_by_its_definition() -> None:
    def log(x: FloatArray) -> float:
        tau, mu, true = np.exp(x[0]), x[1], x[1] + np.exp(x[0]) * x[2:]
        return float(
            stats.norm.logpdf(Y, true, np.sqrt(V)).sum()
            + stats.norm.logpdf(true, mu, tau).sum()
            + len(Y) * x[0]  # z to true effects
            + stats.halfnorm.logpdf(tau, scale=0.5)
            + x[0]  # log τ to τ
        )

    differences(of_pair(pair()), log)


def random_effects(tau: float, z: FloatArray) -> list[float]:
    """Of every arm against its study's first."""
    found: list[float] = []
    start = 0
    for study in "abcde":
        m = ARMS["study"].count(study) - 1
        root = np.linalg.cholesky(np.where(np.eye(m, dtype=bool), 1.0, 0.5))
        found += [0.0, *(tau * root @ z[start : start + m]).tolist()]
        start += m
    return found


def of_one_arm(link: str, row: int, eta: float) -> float:
    r, n = ARMS["events"][row], ARMS["n"][row]
    if link == "log risk":
        return float(stats.binom.logpmf(r, n, np.exp(eta)))
    if link == "log":
        return float(stats.poisson.logpmf(r, np.exp(eta) * ARMS["time"][row]))
    if link == "identity":
        return float(stats.norm.logpdf(ARMS["mean"][row], eta, ARMS["se"][row]))
    inverse: Any = {"logit": lambda x: 1 / (1 + np.exp(-x)), "cloglog": lambda x: 1 - np.exp(-np.exp(x))}
    return float(stats.binom.logpmf(r, n, inverse.get(link, stats.norm.cdf)(eta)))


@pytest.mark.parametrize("link", ["logit", "cloglog", "probit", "log risk", "log", "identity"])
def test_the_density_of_arms_by_its_definition(link: str) -> None:
    density = of_arms(arms(link, effects={"B": Normal(0.3, 2), "P": Student(0, 1, 4)}, baseline=Normal(-1, 3)))
    studies, treatments = ARMS["study"], ARMS["treatment"]

    def log(x: FloatArray) -> float:
        tau, d, mu, z = np.exp(x[0]), {"A": 0.0, "B": x[1], "P": x[2]}, dict(zip("abcde", x[3:8], strict=True)), x[8:]
        total = stats.halfnorm.logpdf(tau, scale=0.5) + x[0]
        total += stats.norm.logpdf(x[1], 0.3, 2) + stats.t.logpdf(x[2], 4)
        total += stats.norm.logpdf(x[3:8], -1, 3).sum() + stats.norm.logpdf(z).sum()
        start = 0
        highest = dict.fromkeys("abcde", -np.inf)
        if link == "log risk":
            # What is sampled is the logarithm of minus the highest predictor of a study.
            for row, (study, more) in enumerate(zip(studies, random_effects(tau, z), strict=True)):
                first = treatments[studies.index(study)]
                highest[study] = max(highest[study], d[treatments[row]] - d[first] + more)
            total += np.sum(x[3:8] - stats.norm.logpdf(x[3:8], -1, 3))
            mu = {study: -np.exp(b) - highest[study] for study, b in mu.items()}
            total += np.sum(stats.norm.logpdf(list(mu.values()), -1, 3))
        for study in "abcde":
            rows = [i for i, s in enumerate(studies) if s == study]
            m = len(rows) - 1
            root = np.linalg.cholesky(np.where(np.eye(m, dtype=bool), 1.0, 0.5))
            shift = np.concatenate([[0.0], tau * root @ z[start : start + m]])
            start += m
            for row, more in zip(rows, shift, strict=True):
                eta = mu[study] + d[treatments[row]] - d[treatments[rows[0]]] + more
                total += of_one_arm(link, row, eta)
        return float(total)

    differences(density, log)


def test_the_density_of_a_network_by_its_definition() -> None:
    network = parkinson()
    exact = network.posterior(heterogeneity=Uniform(3.0), effects=Normal(0, 2), prior_on="all contrasts", reference="B")

    def log(x: FloatArray) -> float:
        share = 1 / (1 + np.exp(-x[0]))
        tau, d, z = 3 * share, dict(zip("ACDE", x[1:5], strict=True)) | {"B": 0.0}, x[5:]
        total = np.log(share * (1 - share)) + stats.norm.logpdf(z).sum()
        # against B, effects of which any two differ by N(0, 2²)
        total += stats.multivariate_normal.logpdf(x[1:5], np.zeros(4), np.where(np.eye(4), 4.0, 2.0))
        start = 0
        for study in network.studies:
            m = len(study.estimates)
            root = np.linalg.cholesky(np.where(np.eye(m, dtype=bool), 1.0, 0.5))
            mean = np.array([d[t] - d[study.treatments[0]] for t in study.treatments[1:]])
            true = mean + tau * root @ z[start : start + m]
            start += m
            total += stats.multivariate_normal.logpdf(study.estimates, true, study.covariance)
        return float(total)

    differences(of_network(exact), log)


def agrees(found: Any, exact: Any) -> None:
    """Mean, standard deviation and quartiles within four Monte Carlo standard errors, which are small."""
    assert found.mcse < 0.1 * float(exact.sd)
    assert abs(found.mean - float(exact.mean)) < 4 * found.mcse
    assert found.sd == pytest.approx(float(exact.sd), rel=4 / np.sqrt(min(found.ess_bulk, found.ess_tail)))
    for p in (0.25, 0.5, 0.75):
        assert abs(float(exact.cdf(found.quantile(p))) - p) < 4 * np.sqrt(p * (1 - p) / found.ess_bulk)


def test_chains_of_a_pair_agree_with_the_exact_posterior() -> None:
    exact = pair()
    found = sample(exact, draws=500, tune=400, chains=2, seed=3)
    agrees(found.contrast("treatment", "control"), exact.effect)
    agrees(found.predict("treatment", "control"), exact.new_effect)
    agrees(found.tau, exact.tau)
    assert found.convergence.rhat < 1.05
    assert "half-normal" in found.notes[0]


@pytest.fixture(scope="module")
def of_parkinson() -> tuple[Any, Any]:
    exact = parkinson().posterior(heterogeneity=HalfNormal(0.5), reference="C")
    return exact, sample(exact, draws=500, tune=400, chains=2, seed=1)


def test_chains_of_a_network_agree_with_the_exact_posterior(of_parkinson: tuple[Any, Any]) -> None:
    exact, found = of_parkinson
    for treatment in "ABDE":
        agrees(found.contrast(treatment, "C"), exact.contrast(treatment, "C"))
    agrees(found.tau, exact.tau)
    np.testing.assert_allclose(found.estimates, exact.estimates, atol=0.2)
    np.testing.assert_allclose(found.standard_errors, exact.standard_errors, rtol=0.2)
    np.testing.assert_allclose(found.lower, exact.lower, atol=0.5)
    np.testing.assert_allclose(found.upper, exact.upper, atol=0.5)
    ranking, exactly = found.ranking(), exact.ranking()
    np.testing.assert_allclose(ranking.sucra, exactly.sucra, atol=0.06)
    np.testing.assert_allclose(ranking.rank_probabilities, exactly.rank_probabilities, atol=0.1)
    np.testing.assert_allclose(ranking.better, exactly.better, atol=0.1)
    assert {"rhat", "ess_bulk", "ess_tail"} <= set(found.to_frame().columns)
    assert "NUTS" in found.summary()


def test_draws_are_drawn_from_the_chains(of_parkinson: tuple[Any, Any]) -> None:
    _, found = of_parkinson
    tau, effects = found.draws(1000)
    np.testing.assert_allclose(np.sort(tau), np.sort(found.tau_draws, axis=None))
    assert np.all(effects[:, found.treatments.index("C")] == 0.0)
    assert found.draws(5, seed=1)[0].shape == (5,)


def test_chains_of_binomial_arms_agree_with_the_posterior_without_sampling() -> None:
    exact = arms("logit", heterogeneity=HalfNormal(0.5), effects=Normal(0, 2), reference="P")
    found = sample(exact, draws=500, tune=400, chains=2, seed=1)
    for treatment in "AB":
        agrees(found.contrast(treatment, "P"), exact.contrast(treatment, "P"))
    agrees(found.tau, exact.tau)
    assert any(line.startswith("Likelihood: binomial") for line in found.notes)


def test_chains_of_risk_ratios_agree_with_the_posterior_without_sampling() -> None:
    exact = arms("log risk", heterogeneity=HalfNormal(0.5), effects=Normal(0, 2), reference="P")
    found = sample(exact, draws=500, tune=400, chains=2, seed=1)
    for treatment in "AB":
        agrees(found.contrast(treatment, "P"), exact.contrast(treatment, "P"))
    assert any("log link" in line for line in found.notes)


def test_chains_of_risks_near_1_agree_with_the_posterior_without_sampling() -> None:
    """Arms in which everyone had the event: without the studies' own form of the baselines the chains don't move."""
    data = {
        "study": list("aabbcc"),
        "treatment": list("ABABAB"),
        "events": [9, 12, 18, 20, 30, 38],
        "n": [12, 12, 24, 21, 40, 40],
    }
    exact = posterior_from_arms(read_arms(data, events="events", n="n", link="log"), HalfNormal(0.15), Normal(0, 2))
    found = sample(exact, draws=1000, tune=600, chains=2, seed=1)
    agrees(found.contrast("B", "A"), exact.contrast("B", "A"))
    assert found.convergence.rhat < 1.05


def test_the_same_seed_gives_the_same_draws() -> None:
    exact = pair()
    first, again, other = (sample(exact, draws=20, tune=50, chains=1, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.effect_draws, again.effect_draws)
    assert not np.array_equal(first.effect_draws, other.effect_draws)


def test_few_draws_are_doubted() -> None:
    found = sample(pair(), draws=20, tune=50, chains=1)
    assert any("few effective draws" in line for line in found.notes)


def test_a_common_effect_has_no_heterogeneity() -> None:
    exact = posterior(Y, V, heterogeneity=None)
    found = sample(exact, draws=300, tune=200, chains=2)
    agrees(found.contrast("treatment", "control"), exact.effect)
    with pytest.raises(DataError, match="common-effect"):
        found.tau  # noqa: B018
    with pytest.raises(DataError, match="common-effect"):
        found.predict("treatment", "control")


def test_a_network_in_pieces_is_refused() -> None:
    data = {"study": ["1", "2"], "t": ["A", "C"], "c": ["B", "D"], "y": [0.1, 0.2], "se": [0.3, 0.3]}
    network = Network.from_contrasts(data, treatment="t", comparator="c", estimate="y")
    with pytest.raises(DataError, match="isn't connected"):
        sample(network.posterior(heterogeneity=HalfNormal(0.5)))


def test_an_unknown_treatment_is_named(of_parkinson: tuple[Any, Any]) -> None:
    with pytest.raises(DataError, match="no treatment 'Z'"):
        of_parkinson[1].contrast("Z", "A")


def test_without_the_sampler_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nutpie", None)
    with pytest.raises(MissingExtra, match=r"equipoise\[nuts\]"):
        sample(pair())
