"""Meta-regression with priors, against brute force, the frequentist fit at a known τ, and its properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import BruteForce, triangle
from scipy.integrate import quad

from datasets import BCG
from equipoise.errors import DataError
from equipoise.synthesis.bayes.meta_regression import meta_regression_posterior
from equipoise.synthesis.bayes.network_regression import regression_posterior
from equipoise.synthesis.bayes.priors import HalfNormal, Mixture, Normal, Student, Uniform
from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.regression import fit_regression
from equipoise.synthesis.pairwise.regression import meta_regression

NETWORK = triangle()
AGE: dict[str, list[Any]] = {"study": [s.study for s in NETWORK.studies], "age": [40.0, 55.0, 61.0, 47.0, 70.0]}


def log_risk_ratios() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """BCG vaccination: log risk ratios, their variances, the absolute latitude."""
    a, n, c, m = (np.asarray(BCG[name], dtype=float) for name in ("events1", "n1", "events2", "n2"))
    return np.log(a / n) - np.log(c / m), 1 / a - 1 / n + 1 / c - 1 / m, np.asarray(BCG["ablat"], dtype=float)


def test_a_network_slope_agrees_with_brute_force() -> None:
    prior = HalfNormal(0.5)
    centre = float(np.mean(AGE["age"]))

    def column(study: StudyContrasts, treatment: str) -> float:
        return float(AGE["age"][AGE["study"].index(study.study)] - centre) * float(treatment != "a")

    brute = BruteForce(NETWORK, prior, arm_column=column)
    found = regression_posterior(NETWORK, AGE, "age", heterogeneity=prior, reference="a")
    slope = np.array([0.0, 0.0, 1.0])
    assert found.slopes.estimates[0] == pytest.approx(brute.mean(slope), abs=1e-8)
    assert brute.cdf(slope, float(found.slopes.upper[0])) == pytest.approx(0.975, abs=1e-8)
    assert found.log_evidence == pytest.approx(np.log(brute.evidence()), abs=1e-8)
    at = np.array([1.0, 0.0, 50.0 - centre])
    assert float(found.contrast("b", "a", age=50.0).mean) == pytest.approx(brute.mean(at), abs=1e-8)
    table = found.effects_at(age=50.0)
    assert table.estimates[0] == pytest.approx(brute.mean(at), abs=1e-8)


@pytest.mark.parametrize("slopes", ["shared", "treatment"])
def test_a_network_regression_at_a_known_tau_is_the_frequentist_one(slopes: Any) -> None:
    fit = fit_regression(NETWORK, AGE, "age", slopes=slopes, reference="a", method="DL")
    tau = float(np.sqrt(fit.tau2))
    prior = Uniform(tau + 1e-8, max(tau - 1e-8, 0.0))
    found = regression_posterior(NETWORK, AGE, "age", heterogeneity=prior, slopes=slopes, reference="a")
    np.testing.assert_allclose(found.slopes.estimates, fit.slopes.estimates, atol=1e-6)
    np.testing.assert_allclose(found.slopes.standard_errors, fit.slopes.standard_errors, rtol=1e-5)
    assert found.slopes.names == fit.slopes.names


def test_where_covariates_are_centred_changes_no_effect() -> None:
    prior = HalfNormal(0.5)
    one = regression_posterior(NETWORK, AGE, "age", heterogeneity=prior, reference="a")
    other = regression_posterior(NETWORK, AGE, "age", heterogeneity=prior, reference="a", centre=False)
    np.testing.assert_allclose(other.slopes.estimates, one.slopes.estimates, atol=1e-9)
    np.testing.assert_allclose(other.effects_at(age=52.0).upper, one.effects_at(age=52.0).upper, atol=1e-8)
    assert other.dic == pytest.approx(one.dic, abs=1e-7)


def test_a_slope_that_no_data_determine_needs_a_prior() -> None:
    studies = [
        StudyContrasts(str(k), pair, np.array([0.2 * k]), np.array([[0.1]]))
        for k, pair in enumerate([("a", "b"), ("a", "b"), ("a", "c"), ("a", "b")])
    ]
    network = Network.from_studies(studies)
    data = {"study": ["0", "1", "2", "3"], "age": [1.0, 2.0, 3.0, 4.0]}
    with pytest.raises(DataError, match="slope_priors"):
        regression_posterior(network, data, "age", heterogeneity=HalfNormal(0.5), slopes="treatment")
    found = regression_posterior(
        network, data, "age", heterogeneity=HalfNormal(0.5), slopes="treatment", slope_priors=Normal(0.0, 1.0)
    )
    assert np.isfinite(found.slopes.estimates).all()
    assert "slopes normal" in found.notes[0]
    with pytest.raises(DataError, match="which is no slope"):
        regression_posterior(network, data, "age", heterogeneity=HalfNormal(0.5), slope_priors={"height": Normal(0, 1)})


def test_pairwise_meta_regression_agrees_with_brute_force() -> None:
    """BCG and latitude, flat coefficients: dense matrices and general quadrature over τ."""
    y, v, latitude = log_risk_ratios()
    X = np.column_stack([np.ones_like(latitude), latitude])
    prior = HalfNormal(0.5)
    found = meta_regression_posterior(y, v, X, heterogeneity=prior, names=["intercept", "latitude"])

    def given(tau: float) -> tuple[float, np.ndarray, np.ndarray]:
        w = np.diag(1 / (v + tau**2))
        covariance = np.linalg.inv(X.T @ w @ X)
        beta = covariance @ X.T @ w @ y
        e = y - X @ beta
        log = 0.5 * (np.log(np.diag(w)).sum() + np.linalg.slogdet(covariance)[1] - e @ w @ e)
        log -= 0.5 * (len(y) - 2) * np.log(2 * np.pi)
        return float(np.exp(log + prior.logpdf(tau))), beta, covariance

    def integral(function: Any) -> float:
        return sum(quad(function, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in ((0, 0.2), (0.2, 0.6), (0.6, 6)))

    evidence = integral(lambda t: given(t)[0])
    assert found.log_evidence == pytest.approx(np.log(evidence), abs=1e-9)
    for k in (0, 1):
        mean = integral(lambda t, k=k: given(t)[0] * given(t)[1][k]) / evidence
        second = integral(lambda t, k=k: given(t)[0] * (given(t)[1][k] ** 2 + given(t)[2][k, k])) / evidence
        assert found.coefficients.estimates[k] == pytest.approx(mean, abs=1e-9)
        assert found.coefficients.standard_errors[k] == pytest.approx(np.sqrt(second - mean**2), abs=1e-8)
    predicted = found.predict([[1.0, 30.0]], new_study=True)
    mean = integral(lambda t: given(t)[0] * float(np.array([1.0, 30.0]) @ given(t)[1])) / evidence
    assert predicted.mean[0] == pytest.approx(mean, abs=1e-9)


def test_pairwise_meta_regression_at_a_known_tau_is_the_frequentist_one() -> None:
    y, v, latitude = log_risk_ratios()
    X = np.column_stack([np.ones_like(latitude), latitude])
    fit = meta_regression(y, v, X)
    tau = float(np.sqrt(fit.tau2))
    found = meta_regression_posterior(y, v, X, heterogeneity=Uniform(tau + 1e-8, tau - 1e-8))
    np.testing.assert_allclose(found.coefficients.estimates, fit.coefficients, rtol=1e-6)
    np.testing.assert_allclose(found.coefficients.standard_errors, fit.se, rtol=1e-6)


def test_priors_of_coefficients_by_name() -> None:
    """A mixture is its components weighted by their evidence; a vague Student prior is nearly flat."""
    y, v, latitude = log_risk_ratios()
    X = np.column_stack([np.ones_like(latitude), latitude])
    kwargs: dict[str, Any] = {"heterogeneity": HalfNormal(0.5), "names": ["intercept", "latitude"]}
    a, b = Normal(0.0, 1.0), Normal(0.0, 0.01)
    each = [meta_regression_posterior(y, v, X, coefficients={"latitude": p}, **kwargs) for p in (a, b)]
    both = meta_regression_posterior(y, v, X, coefficients={"latitude": Mixture((a, b), (0.5, 0.5))}, **kwargs)
    weights = np.exp([p.log_evidence for p in each])
    expected = weights @ np.array([p.coefficients.estimates for p in each]) / weights.sum()
    np.testing.assert_allclose(both.coefficients.estimates, expected, rtol=1e-8)
    flat = meta_regression_posterior(y, v, X, **kwargs)
    vague = meta_regression_posterior(y, v, X, coefficients={"latitude": Student(0.0, 1e5, 3)}, **kwargs)
    np.testing.assert_allclose(vague.coefficients.upper, flat.coefficients.upper, rtol=1e-7)
    assert flat.coefficients["latitude"].cdf(0.0) == pytest.approx(flat.coefficients.below[1])
    with pytest.raises(DataError, match="no coefficient"):
        meta_regression_posterior(y, v, X, coefficients={"age": a}, **kwargs)
    with pytest.raises(DataError, match="state a prior"):
        meta_regression_posterior(y, v, X)


def test_a_prior_turns_the_regression_into_a_posterior() -> None:
    y, v, latitude = log_risk_ratios()
    x = np.column_stack([np.ones(len(y)), latitude])
    found = meta_regression(y, v, x, names=("intercept", "latitude"), prior=HalfNormal(0.5))
    direct = meta_regression_posterior(y, v, x, names=("intercept", "latitude"), heterogeneity=HalfNormal(0.5))
    np.testing.assert_allclose(found.coefficients.estimates, direct.coefficients.estimates)
    pulled = meta_regression(
        y, v, x, names=("intercept", "latitude"), prior=HalfNormal(0.5), coefficient_prior={"latitude": Normal(0, 1e-6)}
    )
    assert abs(float(pulled.coefficients["latitude"].mean)) < 1e-6
    with pytest.raises(DataError, match="method, ci has no meaning"):
        meta_regression(y, v, x, prior=HalfNormal(0.5), method="DL", ci="t")  # type: ignore[call-overload]
    with pytest.raises(DataError, match="state a prior for τ"):
        meta_regression(y, v, x, coefficient_prior=Normal(0.0, 1.0))  # type: ignore[call-overload]
