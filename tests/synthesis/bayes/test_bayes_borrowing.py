"""Priors borrowed from other evidence, at their limits and against integration."""

from __future__ import annotations

import numpy as np
import pytest
from pair_data import CRINS
from scipy.integrate import quad
from scipy.stats import norm

from equipoise.errors import DataError
from equipoise.synthesis.bayes.borrowing import (
    commensurate_prior,
    effective_sample_size,
    meta_analytic_predictive,
    power_prior,
    robust_prior,
)
from equipoise.synthesis.bayes.pair import posterior
from equipoise.synthesis.bayes.priors import Flat, HalfNormal, Normal, Student

OLD = Normal(0.5, 0.2)


def test_a_power_prior_is_the_likelihood_to_a_power() -> None:
    """The posterior with half of an old estimate is that of pooling it with twice its variance."""
    y, v = np.array([0.1, 0.3]), np.array([0.02, 0.05])
    found = posterior(y, v, heterogeneity=None, effect=power_prior(OLD, 0.5))
    pooled = posterior(np.append(y, 0.5), np.append(v, 0.08), heterogeneity=None)
    assert [found.estimate, found.se] == pytest.approx([pooled.estimate, pooled.se], rel=1e-12)
    assert "counting 50 %" in power_prior(OLD, 0.5).describe()
    with pytest.raises(DataError, match="discount"):
        power_prior(OLD, 0.0)


def test_a_power_prior_of_a_posterior() -> None:
    old = posterior(*CRINS, heterogeneity=HalfNormal(0.5))
    whole = power_prior(old, 1.0)
    x = np.linspace(-3.0, 0.0, 7)
    assert np.exp(whole.logpdf(x)) == pytest.approx(old.effect.pdf(x), rel=1e-9)
    half = power_prior(old, 0.25)
    assert float(half.quantile(0.975) - half.quantile(0.025)) > 1.7 * np.diff(old.ci)[0]


def test_a_commensurate_prior_is_a_scale_mixture() -> None:
    found = commensurate_prior(OLD, HalfNormal(0.3))
    for x in (0.5, 0.9, -0.4):
        density = quad(lambda s, x=x: 2 * norm.pdf(s, 0, 0.3) * norm.pdf(x, 0.5, np.hypot(0.2, s)), 0, 4, epsabs=1e-13)[
            0
        ]
        assert float(np.exp(found.logpdf(x))) == pytest.approx(density, rel=1e-8)
    assert "half-normal (scale 0.3)" in found.describe()
    with pytest.raises(DataError, match="improper"):
        commensurate_prior(OLD, Flat())


def test_the_predictive_prior_makes_sequential_analysis_a_joint_one() -> None:
    """A new study's effect under the predictive prior is its shrunken effect in the analysis of all studies."""
    y, v = CRINS
    heterogeneity = HalfNormal(0.5)
    old = posterior(y[:-1], v[:-1], heterogeneity=heterogeneity)
    last = posterior(y[-1:], v[-1:], heterogeneity=None, effect=meta_analytic_predictive(old))
    joint = posterior(y, v, heterogeneity=heterogeneity).shrunken.take(5)
    p = np.array([0.025, 0.5, 0.975])
    assert last.effect.quantile(p) == pytest.approx(joint.quantile(p), rel=1e-7)
    assert [last.estimate, last.se] == pytest.approx([float(joint.mean), float(joint.sd)], rel=1e-8)


def test_a_robust_prior_gives_way_to_data_that_contradict_it() -> None:
    prior = robust_prior(OLD, Normal(0.0, 10.0), 0.8)
    far = posterior(np.array([5.0]), np.array([0.04]), heterogeneity=None, effect=prior)
    assert far.estimate == pytest.approx(5.0, abs=0.01)
    near = posterior(np.array([0.5]), np.array([0.04]), heterogeneity=None, effect=prior)
    assert near.se < 0.18
    assert prior.describe().startswith("robust prior: 80 % normal (mean 0.5, sd 0.2), 20 %")
    with pytest.raises(DataError, match="weight"):
        robust_prior(OLD, Normal(0.0, 10.0), 1.0)


def test_effective_sample_sizes() -> None:
    assert effective_sample_size(OLD, 4.0) == pytest.approx(100.0, rel=1e-9)
    # The Fisher information of the location of Student's distribution is (df + 1)/(df + 3)/scale².
    assert effective_sample_size(Student(1.0, 2.0, 5.0), 1.0) == pytest.approx(6 / 8 / 4, rel=1e-7)
    mixed = robust_prior(Normal(0.0, 0.5), Normal(0.0, 5.0), 0.5)

    def information(x: float) -> float:
        p = 0.5 * norm.pdf(x, 0, 0.5) + 0.5 * norm.pdf(x, 0, 5)
        slope = -0.5 * (x / 0.25 * norm.pdf(x, 0, 0.5) + x / 25 * norm.pdf(x, 0, 5))
        return float(slope**2 / p)

    by_quad = 2 * quad(information, 0, 60, points=[0.5, 2, 5], epsabs=1e-12, limit=200)[0]
    assert effective_sample_size(mixed, 1.0) == pytest.approx(by_quad, rel=1e-8)
    with pytest.raises(DataError, match="improper"):
        effective_sample_size(Flat(), 1.0)
