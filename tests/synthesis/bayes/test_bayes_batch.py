"""Many posteriors at once are what each of them is alone."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.errors import DataError
from equipoise.synthesis.bayes.batch import posterior_many
from equipoise.synthesis.bayes.pair import posterior
from equipoise.synthesis.bayes.priors import (
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    LogNormal,
    LogStudent,
    Mixture,
    Normal,
    OnVariance,
    Prior,
    Student,
    Uniform,
)

RNG = np.random.default_rng(11)
K = RNG.integers(1, 13, 30)
V = RNG.uniform(0.01, 0.4, (30, 12)) * RNG.choice([0.01, 1.0, 50.0], (30, 1))
Y = RNG.normal(0.3, np.sqrt(V + RNG.choice([0.0, 0.2, 4.0], (30, 1))))
V[np.arange(12) >= K[:, None]] = np.nan
Y[np.arange(12) >= K[:, None]] = np.nan
P = np.array([0.025, 0.5, 0.975])


@pytest.mark.parametrize(
    ("prior", "effect"),
    [
        (HalfNormal(0.5), Flat()),
        (HalfNormal(1e-4), Flat()),
        (HalfCauchy(0.5), Normal(0.0, 1.0)),
        (OnVariance(LogNormal(-2.56, 1.74)), Normal(0.0, 3.0)),
        (LogStudent(-1.7, 1.3, 5.0), Flat()),
        (Exponential(0.4), Flat()),
        (Uniform(2.0, lower=0.1), Normal(0.5, 0.1)),
        (HalfNormal(0.5), Student(0.0, 1.0, 4.0)),
        (Mixture((HalfNormal(0.1), HalfNormal(1.0)), (0.5, 0.5)), Flat()),
    ],
    ids=lambda prior: prior.describe(),
)
def test_all_at_once_is_one_by_one(prior: Prior, effect: Prior) -> None:
    rows = slice(None) if isinstance(effect, Flat | Normal) and not isinstance(prior, Mixture) else slice(0, 3)
    found = posterior_many(Y[rows], V[rows], prior, effect)
    tau, mu, new = found.tau_quantile(P), found.effect_quantile(P), found.prediction_quantile(P)
    below = found.probability(high=0.0)
    for i in range(len(found.k)):
        alone = posterior(Y[i, : K[i]], V[i, : K[i]], heterogeneity=prior, effect=effect)
        unit = np.diff(alone.ci)[0]
        if np.isfinite(alone.se):
            assert found.se[i] == pytest.approx(alone.se, rel=1e-9)
        if np.isfinite(alone.estimate):
            assert found.estimate[i] == pytest.approx(alone.estimate, abs=1e-10 * unit)
        assert mu[i] == pytest.approx(alone.effect.quantile(P), abs=1e-9 * unit)
        assert new[i] == pytest.approx(alone.new_effect.quantile(P), rel=1e-9, abs=1e-9 * unit)
        assert tau[i] == pytest.approx(alone.tau.quantile(P), rel=1e-8)
        assert below[i] == pytest.approx(alone.probability(high=0.0), abs=1e-10)
        if np.isfinite(alone.log_evidence):
            assert found.log_evidence[i] == pytest.approx(alone.log_evidence, abs=1e-9)
        assert found.error[i] < 1e-7


def test_heavy_tails_are_known_as_such() -> None:
    found = posterior_many(Y[K >= 3], V[K >= 3], Flat())
    k = K[K >= 3]
    assert np.isinf(found.tau_mean[k == 3]).all()
    assert np.isinf(found.se[k <= 4]).all()
    assert np.isfinite(found.se[k > 4]).all()
    assert np.isfinite(found.prediction[1]).all()


def test_lists_of_different_lengths_and_an_analysis_of_no_study() -> None:
    found = posterior_many([[0.1, 0.4, 0.3], [], [0.2]], [[0.04, 0.1, 0.09], [], [0.05]], HalfNormal(0.5))
    assert found.k.tolist() == [3, 0, 1]
    assert np.isnan(found.estimate[1])
    assert found.estimate[2] == pytest.approx(0.2)
    assert len(found.to_frame()) == 3


def test_bad_input_names_the_analysis() -> None:
    with pytest.raises(DataError, match="analysis 2, study 1"):
        posterior_many([[0.1], [0.2]], [[0.1], [0.0]], HalfNormal(0.5))
    with pytest.raises(DataError, match="analysis 2: the posterior of τ is improper"):
        posterior_many([[0.1, 0.2, 0.3], [0.2, 0.3, np.nan]], [[0.1] * 3] * 2, Flat())
