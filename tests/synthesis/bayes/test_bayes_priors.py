"""Priors: densities, distribution functions and quantiles belong together and agree with scipy.stats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from equipoise.errors import DataError
from equipoise.synthesis.bayes.priors import (
    Exponential,
    Flat,
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
    check_heterogeneity_prior,
    check_measure,
)

SAME: list[tuple[Prior, Any]] = [
    (HalfNormal(0.7), stats.halfnorm(scale=0.7)),
    (HalfCauchy(0.3), stats.halfcauchy(scale=0.3)),
    (Exponential(2.0), stats.expon(scale=2.0)),
    (Uniform(3.0, lower=1.0), stats.uniform(1.0, 2.0)),
    (LogNormal(-1.0, 0.8), stats.lognorm(0.8, scale=np.exp(-1.0))),
    (InverseGamma(1.5, 0.4), stats.invgamma(1.5, scale=0.4)),
    (Normal(0.2, 1.3), stats.norm(0.2, 1.3)),
    (Student(0.2, 1.3, 4.0), stats.t(4.0, 0.2, 1.3)),
]
P = np.array([1e-6, 0.025, 0.3, 0.5, 0.8, 0.999])


@pytest.mark.parametrize(("ours", "theirs"), SAME, ids=[prior.describe() for prior, _ in SAME])
def test_a_distribution_is_scipys(ours: Prior, theirs: Any) -> None:
    x = theirs.ppf(P)
    assert ours.quantile(P) == pytest.approx(x, rel=1e-9)
    assert ours.cdf(x) == pytest.approx(theirs.cdf(x), rel=1e-9)
    assert ours.logpdf(x) == pytest.approx(theirs.logpdf(x), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "prior",
    [
        HalfStudent(0.5, 3.0),
        LogStudent(-1.0, 0.7, 5.0),
        OnVariance(LogNormal(-2.56, 1.74)),
        OnVariance(InverseGamma(2.0, 0.3)),
        OnVariance(Uniform(4.0)),
        Mixture((HalfNormal(0.1), HalfCauchy(2.0)), (0.7, 0.3)),
        Mixture((Normal(0.0, 0.1), Normal(1.0, 2.0)), (0.7, 0.3)),
    ],
    ids=lambda prior: prior.describe(),
)
def test_density_distribution_function_and_quantiles_belong_together(prior: Prior) -> None:
    x = prior.quantile(P)
    assert np.all(np.diff(x) > 0)
    assert prior.cdf(x) == pytest.approx(P, rel=1e-9)
    mass = quad(lambda t: float(np.exp(prior.logpdf(t))), float(x[1]), float(x[4]), epsabs=1e-12, limit=200)[0]
    assert mass == pytest.approx(P[4] - P[1], abs=1e-9)


def test_a_log_normal_on_the_variance_is_log_normal_on_the_standard_deviation() -> None:
    x = np.array([0.01, 0.2, 3.0])
    assert OnVariance(LogNormal(-2.56, 1.74)).logpdf(x) == pytest.approx(LogNormal(-1.28, 0.87).logpdf(x), rel=1e-12)


@pytest.mark.parametrize("prior", [HalfNormal(1.0), LogNormal(0.0, 1.0), InverseGamma(1.0, 1.0), HalfCauchy(1.0)])
def test_outside_the_support_there_is_nothing(prior: Prior) -> None:
    assert np.all(prior.logpdf(np.array([-1.0, -1e-9])) == -np.inf)
    assert np.all(prior.cdf(np.array([-1.0, -1e-9])) == 0.0)


def test_the_improper_prior_has_no_quantiles() -> None:
    assert not Flat().proper
    with pytest.raises(DataError, match="no quantiles"):
        Flat().quantile(0.5)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: HalfNormal(0.0), "scale = 0"),
        (lambda: HalfStudent(1.0, -1.0), "df = -1"),
        (lambda: LogNormal(np.nan, 1.0), "location = nan"),
        (lambda: Uniform(1.0, lower=2.0), "lower = 2"),
        (lambda: Mixture((HalfNormal(1.0),), (0.9,)), "sum to 1"),
        (lambda: Mixture((HalfNormal(1.0), Flat()), (0.5, 0.5)), "proper"),
        (lambda: check_heterogeneity_prior(0.5), "not a prior"),
        (lambda: check_heterogeneity_prior(Normal(0.0, 1.0)), "can't be negative"),
        (lambda: check_measure(HalfNormal(1.0, measure="OR"), "SMD"), "stated for the measure OR"),
    ],
)
def test_an_impossible_prior_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        make()


def test_a_prior_says_what_it_is() -> None:
    assert HalfNormal(0.5).describe() == "half-normal (scale 0.5)"
    assert (
        OnVariance(LogNormal(-2.56, 1.74, measure="OR")).describe() == "log-normal (location -2.56, scale 1.74) on τ²"
    )
    assert "70 % normal" in Mixture((Normal(0.0, 1.0), Normal(0.0, 9.0)), (0.7, 0.3)).describe()


def test_what_is_no_prior_is_refused_with_what_to_write() -> None:
    for wrong in (HalfNormal, "half-normal", 0.5):
        with pytest.raises(DataError, match=r"HalfNormal\(0\.5\)"):
            check_heterogeneity_prior(wrong)
    with pytest.raises(DataError, match="scale = 'a'; a number is needed"):
        HalfNormal("a")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"Uniform\(5\) goes from 0 to 5"):
        Uniform(0, 5)
