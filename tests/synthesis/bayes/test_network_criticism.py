"""Deviance, information criteria and leaving studies out, against published results and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from networks import BruteForce, parkinson, triangle

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.priors import HalfNormal, Normal, Uniform
from equipoise.synthesis.network import Network, StudyContrasts

# NICE DSU TSD 2 (Dias et al. 2011, updated 2016), examples 5 and 7, WinBUGS: mean, sd, median, 2.5 %, 97.5 %.
TSD2_COMMON = [
    (-1.81, 0.33, -1.81, -2.46, -1.16),
    (-0.47, 0.49, -0.47, -1.43, 0.49),
    (-0.52, 0.48, -0.52, -1.46, 0.43),
    (-0.82, 0.52, -0.82, -1.84, 0.22),
]
TSD2_RANDOM = [
    (-1.85, 0.54, -1.84, -2.91, -0.85),
    (-0.50, 0.66, -0.50, -1.78, 0.75),
    (-0.53, 0.65, -0.53, -1.77, 0.71),
    (-0.83, 0.80, -0.83, -2.35, 0.69),
]
TSD2_TAU = (0.40, 0.43, 0.28, 0.01, 1.55)


@pytest.mark.parametrize("model", ["common", "random"])
def test_parkinson_agrees_with_tsd_2(model: str) -> None:
    """Within three Monte Carlo standard errors of some 5,000 effective draws, and the rounding to two decimals."""
    prior = Uniform(5.0) if model == "random" else None
    posterior = parkinson().posterior(prior, effects=Normal(0.0, 100.0), model="random" if prior else "common")
    for k, (mean, sd, median, low, high) in enumerate(TSD2_RANDOM if prior else TSD2_COMMON, start=1):
        error = 3 * sd / np.sqrt(5000)
        assert posterior.estimates[k, 0] == pytest.approx(mean, abs=0.005 + error)
        assert posterior.standard_errors[k, 0] == pytest.approx(sd, abs=0.005 + error)
        assert posterior.medians[k, 0] == pytest.approx(median, abs=0.005 + 1.25 * error)
        assert posterior.lower[k, 0] == pytest.approx(low, abs=0.005 + 2.7 * error)
        assert posterior.upper[k, 0] == pytest.approx(high, abs=0.005 + 2.7 * error)
    if prior:
        tau = posterior.tau
        got = (tau.mean, tau.sd, *np.asarray(tau.quantile([0.5, 0.025, 0.975])).tolist())
        np.testing.assert_allclose(got, TSD2_TAU, atol=0.006)


@pytest.mark.parametrize(
    ("model", "deviance", "p_d", "dic", "arms"),
    [("common", 6.3, 4.0, 10.3, (13.3, 11.0, 24.3)), ("random", 6.6, 5.5, 12.1, (13.6, 12.4, 26.0))],
)
def test_dic_agrees_with_tsd_2(
    model: str, deviance: float, p_d: float, dic: float, arms: tuple[float, float, float]
) -> None:
    """Of contrasts (example 7), and of arms (example 5), which have a baseline more a study."""
    prior = Uniform(5.0) if model == "random" else None
    posterior = parkinson().posterior(prior, effects=Normal(0.0, 100.0), model="random" if prior else "common")
    found = posterior.criticism()
    got = np.array([found.total_deviance, found.p_d, found.dic])
    np.testing.assert_allclose(got, [deviance, p_d, dic], atol=0.07)
    np.testing.assert_allclose(got + 7 * np.array([1, 1, 2]), arms, atol=0.1)


def test_deviance_and_true_effects_agree_with_dense_matrices() -> None:
    """δ and d as one normal vector given τ, from its joint covariance, and quadrature over τ."""
    network, prior = triangle(), HalfNormal(0.5)
    brute = BruteForce(network, prior)
    posterior = network.posterior(prior)
    number = 3  # the study with three arms
    study = network.studies[number]
    x = np.zeros((2, 3))
    for k, t in enumerate(study.treatments[1:]):
        x[k, network.treatments.index(t)] += 1
        x[k, network.treatments.index(study.treatments[0])] -= 1
    x = x[:, 1:]
    r = 0.5 * (np.eye(2) + 1.0)

    def true_effects(tau: float, mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
        gain = tau**2 * r @ np.linalg.inv(study.covariance + tau**2 * r)
        pull = (np.eye(2) - gain) @ x
        centre = gain @ study.estimates + pull @ mean
        return centre, pull @ covariance @ pull.T + tau**2 * r - gain @ (tau**2 * r)

    evidence = brute.evidence()
    mean = np.array([brute.expect(lambda *a, k=k: float(true_effects(*a)[0][k])) / evidence for k in range(2)])

    def spread(*a: object) -> float:
        centre, covariance = true_effects(*a)  # type: ignore[arg-type]
        return float(np.trace(np.linalg.solve(study.covariance, covariance + np.outer(centre - mean, centre - mean))))

    leverage = brute.expect(spread) / evidence
    found = posterior.criticism()
    assert found.leverage[number] == pytest.approx(leverage, abs=1e-7)
    e = study.estimates - mean
    assert found.deviance[number] == pytest.approx(leverage + e @ np.linalg.solve(study.covariance, e), abs=1e-7)
    effects = posterior.study_effects()
    rows = [i for i, name in enumerate(effects.study) if name == study.study]
    np.testing.assert_allclose(effects.estimates[rows], mean, atol=1e-8)
    for k, row in enumerate(rows):
        second = brute.expect(lambda *a, k=k: float(true_effects(*a)[1][k, k] + true_effects(*a)[0][k] ** 2))
        assert effects.standard_errors[row] == pytest.approx(np.sqrt(second / evidence - mean[k] ** 2), abs=1e-7)


def test_leaving_a_study_out_agrees_with_leaving_it_out() -> None:
    """The density as a ratio of evidences, and the PIT from the posterior of the others."""
    network, prior = triangle(), HalfNormal(0.5)
    found = network.posterior(prior).criticism()
    whole = BruteForce(network, prior).evidence()
    for number, study in enumerate(network.studies):
        others = BruteForce(Network.from_studies(s for s in network.studies if s is not study), prior)
        assert found.elpd_loo[number] == pytest.approx(np.log(whole / others.evidence()), abs=1e-8)
    direction = np.array([1.0, 0.0])  # b against a, the first study
    study = network.studies[0]
    others = BruteForce(Network.from_studies(network.studies[1:]), prior)
    noise = float(study.covariance[0, 0])

    def below(tau: float, mean: FloatArray, covariance: FloatArray) -> float:
        from scipy.stats import norm

        spread = np.sqrt(direction @ covariance @ direction + noise + tau**2)
        return float(norm.cdf((study.estimates[0] - direction @ mean) / spread))

    pit = others.expect(below) / others.evidence()
    assert found.pit[0] == pytest.approx(pit, abs=1e-8)
    assert 0 < found.predictive_p[0] < 1


def test_waic_agrees_with_quadrature_over_the_effects() -> None:
    network, prior = triangle(), HalfNormal(0.5)
    brute, found = BruteForce(network, prior), network.posterior(prior).criticism()
    z, w = np.polynomial.hermite_e.hermegauss(24)
    w = w / w.sum()
    grid = np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.outer(w, w).ravel()
    study = network.studies[3]
    x = np.zeros((2, 3))
    for k, t in enumerate(study.treatments[1:]):
        x[k, network.treatments.index(t)] += 1
        x[k, network.treatments.index(study.treatments[0])] -= 1

    def log_density(tau: float, mean: FloatArray, covariance: FloatArray) -> FloatArray:
        sigma = study.covariance + tau**2 * 0.5 * (np.eye(2) + 1.0)
        d = mean + grid @ np.linalg.cholesky(covariance).T
        e = study.estimates - d @ x[:, 1:].T
        square = (e * np.linalg.solve(sigma, e.T).T).sum(axis=1)
        return np.asarray(-0.5 * (2 * np.log(2 * np.pi) + np.linalg.slogdet(sigma)[1] + square))

    evidence = brute.evidence()
    first = brute.expect(lambda *a: float(weights @ log_density(*a))) / evidence
    second = brute.expect(lambda *a: float(weights @ log_density(*a) ** 2)) / evidence
    density = brute.expect(lambda *a: float(weights @ np.exp(log_density(*a)))) / evidence
    assert found.p_waic[3] == pytest.approx(second - first**2, abs=1e-7)
    assert found.lppd[3] == pytest.approx(np.log(density), abs=1e-6)


def test_a_wild_study_is_predicted_by_a_posterior_of_its_own() -> None:
    """With it τ must be large, without it τ must be small: the nodes of the one don't reach the other."""
    studies = [StudyContrasts(str(k), ("a", "b"), np.array([0.01 * (-1) ** k]), np.array([[1e-4]])) for k in range(40)]
    wild = StudyContrasts("wild", ("a", "b"), np.array([60.0]), np.array([[1e-4]]))
    prior = HalfNormal(5.0)
    found = Network.from_studies([*studies, wild]).posterior(prior).criticism()
    assert "wild" in found.refitted
    whole, others = (Network.from_studies(s).posterior(prior) for s in ([*studies, wild], studies))
    assert found.elpd_loo[-1] == pytest.approx(whole.log_evidence - others.log_evidence, rel=1e-9)
    assert found.pit[-1] == pytest.approx(1.0, abs=1e-12)
    assert found.predictive_p[-1] < 1e-12


def test_a_study_that_alone_connects_a_treatment_is_not_predicted() -> None:
    studies = triangle().studies
    alone = StudyContrasts("alone", ("a", "z"), np.array([0.4]), np.array([[0.1]]))
    network = Network.from_studies([*studies, alone])
    flat = network.posterior(HalfNormal(0.5)).criticism()
    assert np.isnan(flat.elpd_loo[-1])
    assert np.isfinite(flat.elpd_loo[:-1]).all()
    assert "alone" in flat.summary()
    assert np.isfinite(network.posterior(HalfNormal(0.5), effects=Normal(0, 2)).criticism().elpd_loo).all()


def test_a_common_effect_has_no_true_effects_of_studies() -> None:
    with pytest.raises(DataError, match="common-effect"):
        triangle().posterior(model="common").study_effects()
