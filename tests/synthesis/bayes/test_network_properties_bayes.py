"""What must hold for any network: units, names, order, and models compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import BruteForce, parkinson, triangle

import equipoise as eq
from equipoise.errors import DataError
from equipoise.synthesis.bayes.network_comparison import compare
from equipoise.synthesis.bayes.priors import Flat, HalfNormal, Normal
from equipoise.synthesis.network import Network, StudyContrasts


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Three to six treatments, connected by a path, with studies of two or three arms on top."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    n, more = draw(st.integers(3, 6)), draw(st.integers(0, 6))
    names = [f"t{i}" for i in range(n)]
    arms = [(names[i], names[i + 1]) for i in range(n - 1)]
    arms += [tuple(random.choice(names, size=random.integers(2, 4), replace=False).tolist()) for _ in range(more)]
    studies = []
    for number, treatments in enumerate(arms):
        q = len(treatments) - 1
        root = random.normal(0, 0.3, (q, q)) + 0.3 * np.eye(q)
        covariance = root @ root.T + 0.01 * np.eye(q)
        studies.append(StudyContrasts(str(number), treatments, random.normal(0, 0.5, q), covariance))
    return Network.from_studies(studies)


def scaled(network: Network, factor: float) -> Network:
    return Network.from_studies(
        StudyContrasts(s.study, s.treatments, factor * s.estimates, factor**2 * s.covariance) for s in network.studies
    )


@settings(max_examples=12)
@given(networks(), st.sampled_from([1e-4, 7.0, 3e5]))
def test_units_do_not_matter(network: Network, factor: float) -> None:
    one = network.posterior(HalfNormal(0.4), effects=Normal(0.0, 2.0))
    other = scaled(network, factor).posterior(HalfNormal(0.4 * factor), effects=Normal(0.0, 2.0 * factor))
    np.testing.assert_allclose(other.lower / factor, one.lower, atol=1e-7)
    np.testing.assert_allclose(other.standard_errors / factor, one.standard_errors, rtol=1e-7)
    mine, theirs = one.criticism(), other.criticism()
    np.testing.assert_allclose(theirs.dic, mine.dic, rtol=1e-7)
    np.testing.assert_allclose(theirs.pit, mine.pit, atol=1e-7)
    n = sum(len(s.estimates) for s in network.studies)
    assert other.log_evidence == pytest.approx(one.log_evidence - n * np.log(factor), abs=1e-7)


@settings(max_examples=12)
@given(networks())
def test_order_and_baselines_do_not_matter(network: Network) -> None:
    studies = []
    for s in network.studies[::-1]:
        # The same study against its last arm.
        q = len(s.estimates)
        turn = np.eye(q + 1)[::-1]
        full = np.vstack([np.zeros(q), np.eye(q)])
        change = turn @ full
        change = change[1:] - change[0]
        studies.append(
            StudyContrasts(s.study, s.treatments[::-1], change @ s.estimates, change @ s.covariance @ change.T)
        )
    one, other = network.posterior(HalfNormal(0.4)), Network.from_studies(studies).posterior(HalfNormal(0.4))
    np.testing.assert_allclose(other.upper, one.upper, atol=1e-7)
    assert other.log_evidence == pytest.approx(one.log_evidence, abs=1e-8)
    mine, theirs = one.criticism(), other.criticism()
    order = [theirs.study.index(name) for name in mine.study]
    np.testing.assert_allclose(theirs.deviance[order], mine.deviance, atol=1e-7)
    np.testing.assert_allclose(theirs.leverage[order], mine.leverage, atol=1e-7)
    np.testing.assert_allclose(theirs.predictive_p[order], mine.predictive_p, atol=1e-7)
    np.testing.assert_allclose(theirs.elpd_loo[order], mine.elpd_loo, atol=1e-7)


@settings(max_examples=8)
@given(networks())
def test_leverage_counts_parameters(network: Network) -> None:
    """Those of a common-effect model exactly; with random effects there are more, the study effects' share."""
    p = len(network.treatments) - 1
    common = network.posterior(model="common").criticism()
    assert common.p_d == pytest.approx(p, abs=1e-8)
    assert np.all(common.leverage <= common.contrasts + 1e-9)
    posterior = network.posterior(HalfNormal(0.4))
    assert posterior.criticism().p_d > p - 1e-8  # equal where every contrast has a parameter of its own
    effects = posterior.study_effects()
    assert np.all(effects.lower < effects.upper)


def test_common_against_random_effects_by_evidence() -> None:
    network, prior = triangle(), HalfNormal(0.5)
    models = {"random": network.posterior(prior), "common": network.posterior(model="common")}
    found = compare(models)
    brute = BruteForce(network, prior)
    factor = brute.evidence() / np.exp(brute.given(0.0)[0])
    assert found.bayes_factor("random", "common") == pytest.approx(factor, rel=1e-8)
    assert found.probability[0] == pytest.approx(factor / (1 + factor), rel=1e-8)
    assert "common" in found.summary()
    averaged = found.averaged("b", "a")
    shares = zip(found.probability, models.values(), strict=True)
    at = 0.2
    assert float(averaged.cdf(at)) == pytest.approx(sum(p * float(m.contrast("b", "a").cdf(at)) for p, m in shares))


def test_what_has_no_bayes_factor_gets_none() -> None:
    network = parkinson()
    flat = network.posterior(HalfNormal(0.5))
    mixed = compare({"flat": flat, "proper": network.posterior(HalfNormal(0.5), effects=Normal(0, 4))})
    assert np.isnan(mixed.log_evidence).all()
    assert "flat priors" in mixed.notes[0]
    improper = compare({"a": flat, "b": network.posterior(Flat())})
    assert "improper" in improper.notes[0]
    with pytest.raises(DataError, match="improper prior of τ"):
        improper.averaged("2", "1")
    with pytest.raises(DataError, match="different studies"):
        compare({"a": flat, "b": triangle().posterior(HalfNormal(0.5))})


def test_priors_by_other_names_and_what_is_no_posterior_of_a_network_are_refused() -> None:
    with pytest.raises(DataError, match="as heterogeneity="):
        triangle().posterior(prior=HalfNormal(0.5))  # type: ignore[call-overload]
    with pytest.raises(DataError, match="as effects="):
        triangle().posterior(HalfNormal(0.5), effect_prior=Normal(0, 1))  # type: ignore[call-overload]
    with pytest.raises(DataError, match="no option wrong"):
        triangle().posterior(HalfNormal(0.5), wrong=1)  # type: ignore[call-overload]
    flat = triangle().posterior(HalfNormal(0.5))
    pair = eq.pool([0.1, 0.3], [0.1, 0.1], prior=HalfNormal(0.5))
    with pytest.raises(DataError, match="pair: a posterior of a network"):
        eq.compare({"network": flat, "pair": pair})  # type: ignore[dict-item]
    with pytest.raises(DataError, match="by name"):
        eq.compare([flat, flat])  # type: ignore[arg-type]
