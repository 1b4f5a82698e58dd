"""`eq.pool` with priors, and how much its result depends on them."""

from __future__ import annotations

import numpy as np
import pytest
from networks import parkinson

import datasets
import equipoise as eq
from equipoise.errors import DataError
from equipoise.synthesis.bayes.pair import PairPosterior
from equipoise.synthesis.bayes.prior_sensitivity import prior_sensitivity

BCG = eq.effect_sizes(datasets.BCG, measure="OR", study="study", events=("events1", "events2"), n=("n1", "n2"))


def test_priors_turn_pooling_into_a_posterior() -> None:
    found = eq.pool(BCG, prior=eq.HalfNormal(0.5))
    assert isinstance(found, PairPosterior)
    assert (found.measure, found.label, found.k) == ("OR", "odds ratio", 13)
    classical = eq.pool(BCG)
    assert found.estimate == pytest.approx(classical.estimate, abs=0.05)
    assert found.natural["estimate"] == pytest.approx(np.exp(found.estimate))
    arrays = eq.pool(BCG.estimates, BCG.variances, prior=eq.HalfNormal(0.5))
    assert arrays.estimate == found.estimate
    frame = found.to_frame()
    assert list(frame["study"]) == list(BCG.studies)
    assert np.all(np.abs(frame["shrunken"] - found.estimate) <= np.abs(frame["estimate"] - found.estimate) + 0.05)


def test_what_is_missing_is_left_out_and_listed() -> None:
    found = eq.pool([0.1, np.nan, 0.3], [0.04, 0.1, 0.09], studies=["A", "B", "C"], prior=eq.HalfNormal(0.5))
    assert [(left.study, left.reason) for left in found.left_out] == [("B", "no estimate")]
    assert "Left out: B" in found.summary()


def test_a_common_effect_needs_no_prior_of_heterogeneity() -> None:
    found = eq.pool(BCG, model="common", effect_prior=eq.Normal(0.0, 1e6))
    classical = eq.pool(BCG, model="common")
    assert found.ci == pytest.approx(classical.ci, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "DL"}, "method has no meaning"),
        ({"ci": "hksj", "tau2": 0.1}, "ci, tau2 has no meaning"),
        ({"model": "UM.FS"}, "say random or common"),
        ({"model": "common"}, "leave the prior of the heterogeneity out"),
        ({"prior": None, "effect_prior": eq.Normal(0.0, 1.0)}, "a prior of the heterogeneity is needed"),
        ({"prior": eq.HalfNormal(0.5, measure="SMD")}, "stated for the measure SMD"),
        ({"prior": eq.empirical_heterogeneity("SMD")}, "stated for the measure SMD"),
        ({"level": 95}, "level = 95"),
    ],
)
def test_options_without_a_meaning_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        eq.pool(BCG, **({"prior": eq.HalfNormal(0.5)} | options))  # type: ignore[call-overload]


def test_sensitivity_to_the_prior() -> None:
    priors = {
        "narrow": eq.HalfNormal(0.1),
        "wide": eq.HalfNormal(2.0),
        "none": None,
        "both": (eq.HalfNormal(0.5), eq.Normal(0.0, 1.0)),
    }
    found = prior_sensitivity(BCG, priors=priors, threshold=-0.1)
    frame = found.to_frame()
    assert list(frame["prior"]) == list(priors)
    assert frame["tau_median"][0] < frame["tau_median"][1]
    assert np.isnan(frame["log_evidence"][0])
    assert np.isfinite(frame["log_evidence"][3])
    assert found.probability_below("wide") == eq.pool(BCG, prior=eq.HalfNormal(2.0)).probability(high=-0.1)
    assert "τ = 0" in found.summary()
    with pytest.raises(DataError, match="prior 'bad'"):
        prior_sensitivity(BCG, priors={"bad": eq.HalfNormal(1.0, measure="MD")})


def test_sensitivity_of_a_network_to_the_prior() -> None:
    network = parkinson()
    priors = {"narrow": eq.HalfNormal(0.1), "wide": eq.HalfNormal(2.0), "common": None}
    found = eq.prior_sensitivity(network, priors=priors, threshold=-0.5)
    frame = found.to_frame()
    assert len(frame["prior"]) == 12
    wide = network.posterior(eq.HalfNormal(2.0))
    assert frame["mean"][4] == pytest.approx(wide.estimates[1, 0])
    assert frame["probability_below"][4] == pytest.approx(float(wide.contrast("2", "1").cdf(-0.5)))
    assert frame["prediction_high"][4] == pytest.approx(float(wide.predict("2", "1").quantile(0.975)))
    assert frame["log_evidence"][4] == wide.log_evidence
    assert np.isnan(frame["prediction_low"][8])
    assert "common effect" not in found.summary()
    assert "no heterogeneity" in found.summary()
    # A flat prior of effects has an arbitrary constant beside a proper one.
    mixed = eq.prior_sensitivity(network, priors=priors | {"proper": (eq.HalfNormal(2.0), eq.Normal(0.0, 5.0))})
    assert np.isnan(mixed.to_frame()["log_evidence"][:12]).all()
    assert np.isfinite(mixed.to_frame()["log_evidence"][12:]).all()
    with pytest.raises(DataError, match="prior 'bad'"):
        eq.prior_sensitivity(network, priors={"bad": eq.HalfNormal(1.0, measure="OR")})
    with pytest.raises(DataError, match="given by name"):
        eq.prior_sensitivity(network, priors=eq.HalfNormal(1.0))  # type: ignore[call-overload]
