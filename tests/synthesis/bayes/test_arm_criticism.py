"""Criticism of arm-level posteriors: unrelated mean effects and predictive checks, against long chains and by properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm
from test_arm_level import DIET, SMALL, SMOKING, binomial, columns

from equipoise.errors import DataError
from equipoise.synthesis.bayes.arm_level import ArmPosterior, posterior_from_arms, read_arms
from equipoise.synthesis.bayes.arm_level.predictive import PredictiveCheck
from equipoise.synthesis.bayes.arm_level.unrelated import UnrelatedArms
from equipoise.synthesis.bayes.priors import HalfNormal, Normal, Uniform


@pytest.fixture(scope="module", name="smoking")
def _smoking() -> ArmPosterior:
    return posterior_from_arms(binomial(SMOKING), Uniform(5.0), effects=Normal(0, 10), baseline=Normal(0, 10))


@pytest.fixture(scope="module", name="apart")
def _apart(smoking: ArmPosterior) -> UnrelatedArms:
    return smoking.unrelated(Normal(0, 10))


# Long chains of JAGS 4.3.1 (4 chains of 100,000 draws, every fifth kept) for the model of Technical Support Document 4 with
# the correlation of multi-arm studies' effects: mean, sd, 2.5 %, 50 % and 97.5 % quantiles; Monte Carlo standard errors.
APART = {
    ("B", "A"): (
        (0.34049, 0.58343, -0.82231, 0.33678, 1.50392),
        (0.00221, 0.00186, 0.00726, 0.00236, 0.00693),
    ),
    ("C", "A"): (
        (0.89622, 0.27565, 0.37575, 0.88769, 1.46614),
        (0.00124, 0.000852, 0.00228, 0.00152, 0.00407),
    ),
    ("C", "B"): (
        (0.0418, 0.7223, -1.39493, 0.04145, 1.4693),
        (0.00273, 0.00216, 0.00836, 0.00332, 0.00751),
    ),
    ("D", "A"): (
        (1.11646, 0.78678, -0.3453, 1.08843, 2.75777),
        (0.00383, 0.00268, 0.00721, 0.00406, 0.0124),
    ),
    ("D", "B"): (
        (0.59537, 0.71111, -0.81125, 0.59281, 2.0035),
        (0.0027, 0.00237, 0.0081, 0.00316, 0.00621),
    ),
    ("D", "C"): (
        (0.19806, 0.78386, -1.36467, 0.20464, 1.74057),
        (0.00306, 0.0023, 0.00728, 0.00385, 0.00768),
    ),
}
APART_TAU = (0.93194, 0.22481, 0.58592, 0.90002, 1.46225), (0.00144, 0.00109, 0.00117, 0.00133, 0.00434)
APART_DEVIANCE = 53.80461, 0.0455
APART_PD = 44.91
"""Mean deviance less the deviance at the mean probabilities, of 4 chains of 60,000 draws; Monte Carlo error about 0.06."""


def test_unrelated_effects_agree_with_long_chains(apart: UnrelatedArms) -> None:
    table = apart.effects
    assert list(zip(table.treatment, table.comparator, strict=True)) == list(APART)
    found = np.stack([table.estimates, table.standard_errors, table.lower, table.medians, table.upper], axis=1)
    wanted, off = (np.array(x) for x in zip(*APART.values(), strict=True))
    np.testing.assert_array_less(np.abs(found - wanted), 3.0 * off)
    tau: Any = apart.taus[0]
    found = np.array([tau.mean, tau.sd, *tau.quantile(np.array([0.025, 0.5, 0.975])).tolist()])
    np.testing.assert_array_less(np.abs(found - np.array(APART_TAU[0])), 3.0 * np.array(APART_TAU[1]))


def test_unrelated_effects_deviance(smoking: ArmPosterior, apart: UnrelatedArms) -> None:
    assert apart.fit.residual_deviance == pytest.approx(APART_DEVIANCE[0], abs=3.0 * APART_DEVIANCE[1])
    consistent = smoking.fit_statistics()
    assert apart.consistent.dic == pytest.approx(consistent.dic)
    assert apart.fit.pd == pytest.approx(APART_PD, abs=0.3)
    # The same chains and long_chains/smoking_uniform5.json: 98.72 and 97.96.
    assert apart.dic - consistent.dic == pytest.approx(0.76, abs=0.4)
    assert apart.fit.treatment == consistent.treatment
    assert apart.fit.study == consistent.study
    assert "DIC" in apart.summary()
    assert len(apart.arms()) == 50
    assert list(apart.network) == pytest.approx([float(smoking.contrast(a, b).mean) for a, b in APART], abs=1e-9)


def test_without_loops_nothing_is_inconsistent() -> None:
    star = "1 | B 5/50; A 10/50\n2 | A 7/60; B 13/55\n3 | C 4/40; A 6/45\n4 | C 3/30; A 2/31\n"
    found = posterior_from_arms(binomial(star), HalfNormal(0.7), effects=Normal(0, 2))
    apart = found.unrelated(Normal(0, 2))
    assert [*zip(apart.effects.treatment, apart.effects.comparator, strict=True)] == [("B", "A"), ("C", "A")]
    assert apart.effects.estimates == pytest.approx(apart.network, abs=2e-3)
    assert apart.log_evidence == pytest.approx(found.log_evidence, abs=2e-3)
    assert apart.fit.deviance == pytest.approx(apart.consistent.deviance, abs=0.05)


def test_arms_on_one_treatment_and_the_reference_come_first() -> None:
    table = read_arms(columns(DIET, "time"), likelihood="poisson", events="events", time="time")
    found = posterior_from_arms(table, HalfNormal(0.5), effects=Normal(0, 2), reference="usual")
    apart = found.unrelated(Normal(0, 2))
    assert (apart.effects.treatment, apart.effects.comparator) == (("reduced",), ("usual",))
    assert apart.effects.estimates == pytest.approx(apart.network, abs=1e-3)


def test_subnetworks_have_effects_of_their_own() -> None:
    two = SMALL + "5 | C 5/50; D 9/50\n6 | C 7/60; D 9/55\n"
    found = posterior_from_arms(binomial(two), HalfNormal(0.7), effects=Normal(0, 2), points=2048)
    apart = found.unrelated(Normal(0, 2))
    assert set(apart.effects.treatment) == {"B", "D"}
    assert apart.effects.estimates == pytest.approx(apart.network, abs=5e-3)
    assert len(apart.fit.deviance) == 12
    assert apart.fit.deviance == pytest.approx(apart.consistent.deviance, abs=0.05)


def test_a_comparison_without_events_needs_a_prior() -> None:
    loop = "1 | A 5/50; B 10/50\n2 | A 0/60; C 5/55\n3 | B 6/40; C 6/45\n"
    found = posterior_from_arms(binomial(loop), HalfNormal(0.7))
    with pytest.raises(DataError, match=r"unrelated mean effects: .*C : A"):
        found.unrelated()
    assert np.isfinite(found.unrelated(Normal(0, 2)).effects.estimates).all()


@pytest.fixture(scope="module", name="check")
def _check(smoking: ArmPosterior) -> PredictiveCheck:
    return smoking.predictive_check()


# JAGS as above, with consistency: the probability that a replicate is above what was observed, ties half, of the first 20
# arms; their Monte Carlo standard errors are about 0.0015.
ABOVE = [
    0.41393, 0.39597, 0.61883, 0.41679, 0.49395, 0.50047, 0.55888, 0.45661, 0.45414, 0.44786,
    0.45821, 0.50622, 0.8278, 0.33226, 0.73256, 0.36453, 0.71468, 0.40654, 0.41278, 0.50682,
]  # fmt: skip
TOTAL = 0.41654, 0.00246


def test_replicates_agree_with_long_chains(check: PredictiveCheck) -> None:
    assert check.p[:20] == pytest.approx(ABOVE, abs=0.01)
    assert check.total_p == pytest.approx(TOTAL[0], abs=3.0 * np.hypot(TOTAL[1], 0.5 / np.sqrt(check.points)))
    assert check.study[np.argmax(check.p)] == "15"
    assert "replicates" in check.summary()
    assert len(check.to_frame()) == 50


def test_the_same_seed_gives_the_same_replicates(smoking: ArmPosterior) -> None:
    first, again, other = (smoking.predictive_check(points=64, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.study_p, again.study_p)
    assert not np.array_equal(first.study_p, other.study_p)
    with pytest.raises(DataError, match="too few"):
        smoking.predictive_check(points=10)


def test_replicates_of_a_study_by_dense_sums() -> None:
    """A common effect, so that all that is left is one baseline and the effect, flat: a plane."""
    found = posterior_from_arms(binomial("1 | A 3/20; B 9/25\n"), model="common").predictive_check(2048)
    mu, d = np.linspace(-6, 2, 401), np.linspace(-4, 6, 501)
    first, second = 1 / (1 + np.exp(-mu)), 1 / (1 + np.exp(-(mu[:, None] + d)))
    weight = np.asarray(binom.pmf(3, 20, first))[:, None] * binom.pmf(9, 25, second)
    weight /= weight.sum()
    above = 1.0 - 0.5 * (binom.cdf(9, 25, second) + binom.cdf(8, 25, second))
    assert found.p[1] == pytest.approx(float((weight * above).sum()), abs=2e-3)
    assert found.expected[1] == pytest.approx(float((weight * 25 * second).sum()), abs=0.02)
    square = (weight * (25 * second * (1 - second) + (25 * second) ** 2)).sum()
    assert found.sd[1] == pytest.approx(float(np.sqrt(square - (weight * 25 * second).sum() ** 2)), rel=5e-3)


def test_replicated_means_have_twice_the_variance() -> None:
    """Two arms of one study under flat priors: y is known up to its standard error, a replicate's variance is twice that."""
    data = {"study": ["1", "1"], "treatment": ["A", "B"], "mean": [1.0, 2.5], "se": [0.3, 0.4]}
    table = read_arms(data, likelihood="normal", mean="mean", se="se")
    found = posterior_from_arms(table, model="common").predictive_check(2048)
    assert found.sd == pytest.approx(np.sqrt(2.0) * np.array([0.3, 0.4]), rel=0.01)
    assert found.p == pytest.approx([0.5, 0.5], abs=0.01)


def test_data_that_contradict_a_common_effect_are_found() -> None:
    split = "1 | A 5/100; B 40/100\n2 | A 40/100; B 5/100\n3 | A 5/100; B 40/100\n4 | A 40/100; B 5/100\n"
    found = posterior_from_arms(binomial(split), model="common").predictive_check(256)
    assert found.total_p < 0.01
    assert np.all(found.study_p < 0.01)
    table = read_arms(columns(DIET, "time"), likelihood="poisson", events="events", time="time")
    fine = posterior_from_arms(table, HalfNormal(0.5)).predictive_check(256)
    assert 0.1 < fine.total_p < 0.95
    assert norm.ppf(fine.p).max() < 2.0
