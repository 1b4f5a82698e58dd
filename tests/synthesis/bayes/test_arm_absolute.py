"""Absolute effects from a posterior of arms, and the way from a network to one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import beta, norm
from test_arm_level import DIET, SMOKING, binomial, columns, distribution

from equipoise.errors import DataError
from equipoise.synthesis.bayes.arm_level import ArmPosterior, PooledBaseline, StudyBaseline, posterior_from_arms
from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
from equipoise.synthesis.bayes.priors import HalfNormal, Normal, Uniform
from equipoise.synthesis.network.network import Network


@pytest.fixture(scope="module", name="posterior")
def _posterior() -> ArmPosterior:
    return posterior_from_arms(binomial(SMOKING), HalfNormal(1.0), points=2048)


def test_a_fixed_baseline(posterior: ArmPosterior) -> None:
    found = posterior.absolute(0.1)
    assert found.treatment == ("A", "B", "C", "D")
    assert [found.mean[0], found.sd[0], found.lower[0]] == pytest.approx([0.1, 0.0, 0.1], abs=1e-12)
    pair = posterior.contrast("C", "A")
    assert found.upper[2] == pytest.approx(expit(logit(0.1) + float(pair.quantile(0.975))), abs=1e-12)
    wanted = quad(lambda x: float(pair.pdf(x)) * expit(logit(0.1) + x), -4, 6, limit=200)[0]
    assert found.mean[2] == pytest.approx(wanted, abs=1e-7)
    assert "probability" in found.summary().lower()
    assert len(found.to_frame()) == 4


def test_an_uncertain_baseline_of_another_treatment(posterior: ArmPosterior) -> None:
    base = Normal(-1.5, 0.4)
    found = posterior.absolute(base, "C")
    wanted = quad(lambda x: norm.pdf(x, -1.5, 0.4) * expit(x), -5, 2)[0]
    assert found.mean[2] == pytest.approx(wanted, abs=1e-9)
    random = np.random.default_rng(1)
    _, effects = posterior.draws(100_000)
    p = expit(random.normal(-1.5, 0.4, 100_000) + effects[:, 3] - effects[:, 2])
    assert found.mean[3] == pytest.approx(p.mean(), abs=6 * p.std() / 300)
    assert [found.lower[3], found.upper[3]] == pytest.approx(np.quantile(p, [0.025, 0.975]), abs=0.01)
    new = posterior.absolute(base, "C", new_study=True)
    assert new.upper[3] > found.upper[3]


def test_follow_up_scales_the_hazard() -> None:
    found = posterior_from_arms(binomial(SMOKING, link="cloglog"), model="common", points=512)
    half, whole = found.absolute(0.1, time=1.0), found.absolute(Normal(-2.0, 1e-9), time=2.0)
    assert half.mean[0] == pytest.approx(0.1)
    assert whole.mean[0] == pytest.approx(1 - np.exp(-2 * np.exp(-2.0)))


@pytest.mark.parametrize(
    ("baseline", "options", "message"),
    [
        (1.2, {}, "between 0 and 1"),
        ("A", {}, "Normal"),
        (0.1, {"treatment": "E"}, "no treatment 'E'"),
        (0.1, {"time": 0.0}, "positive"),
    ],
)
def test_baselines_that_cannot_be(
    posterior: ArmPosterior, baseline: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        posterior.absolute(baseline, **options)


def network(measure: str = "OR") -> Network:
    data = columns(SMOKING)
    return Network.from_arms(data, study="study", treatment="treatment", events="events", n="n", measure=measure)


def test_a_network_of_arms_gives_either_posterior() -> None:
    made = network()
    arms = made.posterior(HalfNormal(1.0), likelihood="binomial")
    assert isinstance(arms, ArmPosterior)
    assert isinstance(made.posterior(HalfNormal(1.0)), NetworkPosterior)
    assert arms.measure == "OR"
    direct = posterior_from_arms(binomial(SMOKING), HalfNormal(1.0))
    assert distribution(arms, "C", "A") == pytest.approx(distribution(direct, "C", "A"), abs=1e-12)
    probit = made.posterior(HalfNormal(1.0), likelihood="binomial", link="probit", baseline=Normal(0, 10))
    assert probit.measure == "PROBIT"


def test_person_time() -> None:
    data = columns(DIET, "time")
    made = Network.from_arms(data, study="study", treatment="treatment", events="events", time="time", measure="IRR")
    assert made.posterior(model="common", likelihood="poisson").measure == "IRR"


def test_what_arms_cannot_be_asked() -> None:
    made = network()
    with pytest.raises(DataError, match="prior_on"):
        made.posterior(HalfNormal(1.0), prior_on="all contrasts", likelihood="binomial")  # type: ignore[call-overload]
    with pytest.raises(DataError, match="belong to arms"):
        made.posterior(HalfNormal(1.0), baseline=Normal(0, 1))  # type: ignore[call-overload]
    with pytest.raises(DataError, match="no link for the measure RD"):
        network("RD").posterior(HalfNormal(1.0), likelihood="binomial")
    with pytest.raises(DataError, match=r"link 'identity' doesn't go with the binomial"):
        made.posterior(HalfNormal(1.0), likelihood="binomial", link="identity")
    with pytest.raises(DataError, match="time"):
        made.posterior(HalfNormal(1.0), likelihood="poisson", link="log")
    pairs = {"study": ["1", "2"], "a": ["A", "A"], "b": ["B", "B"], "y": [0.1, 0.2], "se": [0.1, 0.1]}
    contrasts = Network.from_contrasts(
        pairs, study="study", treatment="b", comparator="a", estimate="y", se="se", measure="OR"
    )
    with pytest.raises(DataError, match="needs arms"):
        contrasts.posterior(HalfNormal(1.0), likelihood="binomial")


def test_a_baseline_from_a_study(posterior: ArmPosterior) -> None:
    """Under a flat log odds a risk is Beta(r, n − r)."""
    found = posterior.absolute(StudyBaseline("3"))
    assert found.mean[0] == pytest.approx(75 / 731, abs=2e-5)
    assert found.sd[0] == pytest.approx(beta.std(75, 656), rel=2e-3)
    assert [found.lower[0], found.median[0], found.upper[0]] == pytest.approx(
        beta.ppf([0.025, 0.5, 0.975], 75, 656), abs=2e-4
    )
    few = posterior.absolute(StudyBaseline("8"))
    assert [few.lower[0], few.median[0], few.upper[0]] == pytest.approx(beta.ppf([0.025, 0.5, 0.975], 1, 30), abs=2e-3)
    assert "A in study 3" in found.summary()


# JAGS 4.3.1, 4 chains of 200,000 draws, m N(0, 100²), σ uniform from 0 to 5, of the 19 arms without contact:
# mean, sd, 2.5 %, 50 % and 97.5 % quantiles of the probability.
POOLED = {
    True: (0.07977, 0.04615, 0.02124, 0.07053, 0.19513),
    False: (0.07041, 0.01034, 0.05032, 0.07030, 0.09121),
}


@pytest.mark.parametrize("new_study", POOLED)
def test_a_baseline_pooled_over_studies(posterior: ArmPosterior, new_study: bool) -> None:
    found = posterior.absolute(PooledBaseline(Uniform(5.0), new_study))
    values = [x[0] for x in (found.mean, found.sd, found.lower, found.median, found.upper)]
    assert values == pytest.approx(POOLED[new_study], rel=6e-3)
    assert found.mean[2] > found.mean[0]
    assert "19" in found.baseline


def test_baselines_that_no_study_has(posterior: ArmPosterior) -> None:
    with pytest.raises(DataError, match="no study '99'"):
        posterior.absolute(StudyBaseline("99"))
    with pytest.raises(DataError, match="no arm on A"):
        posterior.absolute(StudyBaseline("21"))
    with pytest.raises(DataError, match="no events"):
        posterior.absolute(StudyBaseline("6"))


@pytest.fixture(scope="module", name="ratios")
def _ratios() -> ArmPosterior:
    return posterior_from_arms(binomial(SMOKING, link="log"), HalfNormal(1.0), points=2048)


def test_risk_ratios_are_cut_off_where_a_risk_would_be_1(ratios: ArmPosterior) -> None:
    found = ratios.absolute(0.3)
    pair = ratios.contrast("D", "A")
    beyond = 1.0 - float(pair.cdf(-np.log(0.3)))
    assert found.beyond[3] == pytest.approx(beyond, abs=1e-9)
    assert "cut off" in found.summary()
    mean = quad(lambda x: float(pair.pdf(x)) * 0.3 * np.exp(x), -6, -np.log(0.3), limit=200)[0] / (1.0 - beyond)
    assert found.mean[3] == pytest.approx(mean, abs=1e-5)
    assert found.upper.max() < 1.0
    assert found.upper[3] == pytest.approx(0.3 * np.exp(float(pair.quantile(0.975 * (1.0 - beyond)))), abs=1e-9)
    with pytest.raises(DataError, match="above 1 with probability"):
        ratios.absolute(0.99)


def test_risk_ratios_of_a_study_and_of_all(ratios: ArmPosterior) -> None:
    """Under a flat log risk it is Beta(r, n − r + 1)."""
    found = ratios.absolute(StudyBaseline("3"))
    assert [found.lower[0], found.median[0], found.upper[0]] == pytest.approx(
        beta.ppf([0.025, 0.5, 0.975], 75, 657), abs=2e-4
    )
    pooled = ratios.absolute(PooledBaseline(HalfNormal(1.0)))
    assert pooled.mean[0] == pytest.approx(0.08, abs=0.01)
