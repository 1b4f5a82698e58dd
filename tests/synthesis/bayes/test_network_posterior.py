"""Posteriors of networks against brute force, against published results, and their properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import BruteForce, parkinson, triangle
from scipy.integrate import quad
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.figures.network.forest import rows_of
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.condense import condense
from equipoise.synthesis.bayes.linear import solve
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.pair import posterior as pair_posterior
from equipoise.synthesis.bayes.priors import (
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    Mixture,
    Normal,
    Prior,
    Student,
    Uniform,
)
from equipoise.synthesis.bayes.quadrature import TauPosterior
from equipoise.synthesis.network import Network, StudyContrasts

PRIORS = [HalfNormal(0.5), Uniform(5.0), Exponential(0.3), HalfCauchy(0.3)]


def directions(p: int) -> list[tuple[int, int, FloatArray]]:
    """Pairs of treatments (indices) and what to multiply the basic parameters with."""
    full = np.eye(p + 1)
    return [(i, j, (full[i] - full[j])[1:]) for i in range(p + 1) for j in range(i)]


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: p.describe())
@pytest.mark.parametrize("network", [triangle(), parkinson()], ids=["triangle", "parkinson"])
def test_evidence_and_pairs_agree_with_brute_force(network: Network, prior: Prior) -> None:
    top = 2000.0 if isinstance(prior, HalfCauchy) else 15.0
    brute = BruteForce(network, prior)
    posterior = network.posterior(prior)
    evidence = brute.expect(lambda *_: 1.0, top)
    # A half-Cauchy prior leaves some of the posterior beyond any limit.
    close = 1e-5 if isinstance(prior, HalfCauchy) else 1e-8
    assert posterior.log_evidence == pytest.approx(np.log(evidence), abs=close)
    i, j, direction = directions(len(network.treatments) - 1)[-1]
    mean = brute.expect(lambda _, m, __: float(direction @ m), top) / evidence
    assert posterior.estimates[i, j] == pytest.approx(mean, abs=close)
    assert posterior.estimates[j, i] == -posterior.estimates[i, j]
    if not isinstance(prior, HalfCauchy):
        assert brute.cdf(direction, float(posterior.lower[i, j])) == pytest.approx(0.025, abs=1e-8)
        assert brute.cdf(direction, float(posterior.upper[i, j])) == pytest.approx(0.975, abs=1e-8)
        predicted = posterior.predict(network.treatments[i], network.treatments[j])
        assert brute.cdf(direction, float(predicted.quantile(0.9)), new_study=True) == pytest.approx(0.9, abs=1e-8)


def test_a_proper_prior_of_effects_agrees_with_brute_force() -> None:
    network, prior = parkinson(), HalfNormal(0.7)
    p = len(network.treatments) - 1
    basic = BruteForce(network, prior, np.full(p, 0.2), 0.5**2 * np.eye(p))
    contrasts = BruteForce(network, prior, np.zeros(p), 0.5 * 0.5**2 * (np.eye(p) + 1.0))
    of_basic = network.posterior(prior, effects=Normal(0.2, 0.5))
    of_contrasts = network.posterior(prior, effects=Normal(0.0, 0.5), prior_on="all contrasts")
    for brute, posterior in ((basic, of_basic), (contrasts, of_contrasts)):
        assert posterior.log_evidence == pytest.approx(np.log(brute.evidence()), abs=1e-8)
        for i, j, direction in directions(p)[:4]:
            assert posterior.estimates[i, j] == pytest.approx(brute.mean(direction), abs=1e-8)
            assert brute.cdf(direction, float(posterior.upper[i, j])) == pytest.approx(0.975, abs=1e-8)


def test_mixtures_of_priors_are_averaged_by_their_evidence() -> None:
    network, tau = parkinson(), HalfNormal(0.7)
    vague, sceptical = Normal(0.0, 4.0), Normal(0.0, 0.1)
    each = [network.posterior(tau, effects={"2": p, "3": vague, "4": vague, "5": vague}) for p in (vague, sceptical)]
    weights = np.array([0.3, 0.7]) * np.exp([p.log_evidence for p in each])
    both = network.posterior(
        tau, effects={"2": Mixture((vague, sceptical), (0.3, 0.7)), "3": vague, "4": vague, "5": vague}
    )
    assert both.log_evidence == pytest.approx(np.log(weights.sum()), abs=1e-9)
    mean = sum(w * p.estimates for w, p in zip(weights, each, strict=True)) / weights.sum()
    np.testing.assert_allclose(both.estimates, mean, atol=1e-8)


@pytest.mark.parametrize("df", [1.0, 4.0, 30.0])
def test_a_student_prior_is_a_mixture_of_normals(df: float) -> None:
    """Against quadrature over the effect itself: one comparison at a τ that is all but known."""
    study = StudyContrasts("1", ("a", "b"), np.array([1.3]), np.array([[0.2]]))
    prior, tau = Student(0.1, 0.4, df), 0.3
    posterior = Network.from_studies([study]).posterior(Uniform(tau + 1e-7, tau - 1e-7), effects=prior)
    d = np.linspace(-60, 60, 480_001)
    density = np.exp(prior.logpdf(d)) * np.exp(-0.5 * (1.3 - d) ** 2 / (0.2 + tau**2))
    density /= np.sqrt(2 * np.pi * (0.2 + tau**2))
    step = d[1] - d[0]
    assert posterior.log_evidence == pytest.approx(np.log(density.sum() * step), abs=1e-9)
    assert posterior.estimates[1, 0] == pytest.approx((density * d).sum() / density.sum(), abs=1e-8)


@pytest.mark.parametrize("tau", [0.05, 0.4, 3.0])
def test_at_a_known_tau_it_is_the_frequentist_fit(tau: float) -> None:
    from equipoise.synthesis.network.gls import solve as solve_gls

    network = parkinson()
    posterior = network.posterior(Uniform(tau * (1 + 1e-9), tau * (1 - 1e-9)))
    solution = solve_gls(network.fit().systems[0], tau**2)
    np.testing.assert_allclose(posterior.estimates, solution.differences(), atol=1e-9)
    np.testing.assert_allclose(posterior.standard_errors, np.sqrt(solution.variances()), atol=1e-9)


def test_a_common_effect_is_the_frequentist_one() -> None:
    network = parkinson()
    posterior, fit = network.posterior(model="common"), network.fit(model="common")
    for mine, theirs in (
        (posterior.estimates, fit.estimates),
        (posterior.lower, fit.lower),
        (posterior.standard_errors, fit.standard_errors),
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-10)
    with pytest.raises(DataError, match="common-effect"):
        posterior.predict("1", "2")


def test_effects_are_consistent_and_do_not_depend_on_order_or_reference() -> None:
    network = parkinson()
    posterior = network.posterior(HalfNormal(0.5))
    shuffled = Network.from_studies(network.studies[::-1]).posterior(HalfNormal(0.5), reference="4")
    means = posterior.estimates
    np.testing.assert_allclose(
        means[:, :, None] + means[None, :, :], np.broadcast_to(means[:, None, :], (5, 5, 5)), atol=1e-12
    )
    np.testing.assert_allclose(shuffled.estimates, means, atol=1e-9)
    np.testing.assert_allclose(shuffled.upper, posterior.upper, atol=1e-8)
    assert shuffled.log_evidence == pytest.approx(posterior.log_evidence, abs=1e-10)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: p.describe())
@pytest.mark.parametrize("network", [triangle(), parkinson()], ids=["triangle", "parkinson"])
def test_ten_times_as_many_nodes_change_nothing_beyond_the_stated_error(network: Network, prior: Prior) -> None:
    posterior = network.posterior(prior)
    part = posterior.parts[0].posterior
    assert isinstance(part.heterogeneity, TauPosterior)
    fine = condense(part.heterogeneity, 10 * len(np.unique(part.tau)))
    solution = solve(part.model, fine.tau)
    sds = np.sqrt(np.diagonal(solution.covariances[:, 0], axis1=1, axis2=2))
    finer = NormalMixture(fine.weights, solution.means[:, 0], sds)
    rough = part.mixture(np.eye(part.model.parameters))
    points = rough.quantile(np.array([0.01, 0.025, 0.2, 0.5, 0.975]))
    cdf = np.array([np.diag(finer.cdf(p)) for p in points])
    assert np.abs(cdf - np.array([[0.01], [0.025], [0.2], [0.5], [0.975]])).max() <= posterior.error + 1e-12
    assert posterior.error < 1e-6


def test_unconnected_parts_are_analysed_by_themselves() -> None:
    network = triangle(parts=2)
    first = Network.from_studies([s for s in network.studies if s.study.startswith("0")])
    both, one = network.posterior(HalfNormal(0.5)), first.posterior(HalfNormal(0.5))
    place = [network.position(t) for t in first.treatments]
    np.testing.assert_allclose(both.lower[np.ix_(place, place)], one.lower, atol=1e-9)
    assert both.taus[0].mean == pytest.approx(one.tau.mean, abs=1e-12)
    assert len(both.taus) == 2
    assert any("subnetworks" in note for note in both.notes)
    with pytest.raises(DataError, match="taus"):
        _ = both.tau
    with pytest.raises(DataError, match="different subnetworks"):
        both.contrast("a", "b1")
    tau, effects = both.draws(50, seed=1)
    assert tau.shape == (50, 2)
    assert effects.shape == (50, 6)


def test_draws_have_the_posterior_s_moments() -> None:
    posterior = parkinson().posterior(HalfNormal(0.5), reference="4")
    tau, effects = posterior.draws(40_000, seed=7)
    assert np.all(effects[:, 3] == 0)
    scale = posterior.standard_errors[:, 3].clip(1e-9) / 200
    assert np.all(np.abs(effects.mean(axis=0) - posterior.estimates[:, 3]) < 4 * scale)
    np.testing.assert_allclose(effects.std(axis=0), posterior.standard_errors[:, 3], rtol=0.03)
    assert tau.mean() == pytest.approx(posterior.tau.mean, abs=4 * posterior.tau.sd / 200)


def test_what_leaves_the_posterior_improper_is_refused() -> None:
    studies = triangle().studies
    tree = Network.from_studies(studies[:2])
    with pytest.raises(DataError, match="improper"):
        tree.posterior(Flat())
    assert any("posterior is its prior" in note for note in tree.posterior(HalfNormal(0.5)).notes)
    assert tree.posterior(HalfNormal(0.5)).tau.mean == pytest.approx(0.5 * np.sqrt(2 / np.pi), rel=1e-8)
    one = Network.from_studies(studies[:1]).posterior(HalfNormal(0.5))
    assert one.estimates[1, 0] == pytest.approx(float(studies[0].estimates[0]))


def test_options_that_mean_nothing_are_refused() -> None:
    network = parkinson()
    with pytest.raises(DataError, match="state a prior"):
        network.posterior()
    with pytest.raises(DataError, match="for the measure OR"):
        network.posterior(HalfNormal(0.5, measure="OR"))
    with pytest.raises(DataError, match="no basic parameter"):
        network.posterior(HalfNormal(0.5), effects={"1": Normal(0, 1)})
    with pytest.raises(DataError, match="same in both directions"):
        network.posterior(HalfNormal(0.5), effects=Normal(1, 1), prior_on="all contrasts")
    with pytest.raises(DataError, match="isn't a prior for an effect"):
        network.posterior(HalfNormal(0.5), effects=HalfNormal(1))
    with pytest.raises(DataError, match="leave heterogeneity out"):
        network.posterior(HalfNormal(0.5), model="common")


def test_a_conflict_of_prior_and_data_is_said() -> None:
    studies = [
        StudyContrasts(str(k), ("a", "b"), np.array([float(y)]), np.array([[0.01]])) for k, y in enumerate(range(8))
    ]
    posterior = Network.from_studies(studies).posterior(HalfNormal(0.1))
    assert any("conflict" in note for note in posterior.notes)
    assert posterior.error < 1e-6


def test_sixty_arms_in_one_study() -> None:
    """Nothing to learn of τ, so that an effect's variance is its sampling variance plus the prior's E τ²."""
    random = np.random.default_rng(2)
    names = tuple(f"t{i:02d}" for i in range(60))
    covariance = np.diag(random.uniform(0.05, 0.1, 59)) + 0.05
    study = StudyContrasts("1", names, random.normal(0, 1, 59), covariance)
    posterior = Network.from_studies([study]).posterior(HalfNormal(0.5))
    np.testing.assert_allclose(posterior.estimates[1:, 0], study.estimates, atol=1e-9)
    np.testing.assert_allclose(posterior.standard_errors[1:, 0] ** 2, np.diag(covariance) + 0.25, rtol=1e-7)


def test_a_treatment_with_next_to_no_information_disturbs_nobody() -> None:
    studies = triangle().studies
    vague = StudyContrasts("vague", ("a", "z"), np.array([3.0]), np.array([[1e8]]))
    alone = Network.from_studies(studies).posterior(HalfNormal(0.5))
    joined = Network.from_studies([*studies, vague]).posterior(HalfNormal(0.5))
    np.testing.assert_allclose(joined.lower[:3, :3], alone.lower, atol=1e-7)
    assert joined.standard_errors[3, 0] == pytest.approx(1e4, rel=1e-6)


def test_a_heavy_tail_with_too_few_studies_leaves_no_finite_standard_deviation() -> None:
    study = StudyContrasts("1", ("a", "b"), np.array([0.4]), np.array([[0.1]]))
    posterior = Network.from_studies([study]).posterior(HalfCauchy(1.0))
    assert np.isposinf(posterior.standard_errors[0, 1])
    assert any("infinite" in note for note in posterior.notes)
    assert posterior.error < 1e-6
    # P(effect ≤ x) = ∫ Φ((x − 0.4)/√(0.1 + τ²)) p(τ) dτ, in t with τ = tan(πt/2)
    x = float(posterior.upper[1, 0])

    def below(t: float) -> float:
        return float(ndtr((x - 0.4) / np.sqrt(0.1 + np.tan(np.pi * t / 2.0) ** 2)))

    assert quad(below, 0.0, 1.0, limit=200, epsabs=1e-10)[0] == pytest.approx(0.975, abs=1e-6)


def test_moments_that_do_not_exist_are_the_same_as_a_pairs() -> None:
    """Three studies under a flat prior of τ: its density falls as 1/τ², so that no effect has a mean."""
    y, se = [0.3, 0.4, 0.2], [0.3, 0.3, 0.3]
    table = {"study": list("123"), "treatment": ["b"] * 3, "comparator": ["a"] * 3, "estimate": y, "se": se}
    priors: list[tuple[Prior, Prior | None]]
    priors = [(Flat(), None), (Flat(), Normal(0.0, 1.0)), (HalfNormal(0.5), None)]
    for tau, effects in priors:
        network = Network.from_contrasts(table).posterior(tau, effects)
        pair = pair_posterior(y, np.square(se), heterogeneity=tau, effect=effects)
        for mine, other in ((network.contrast("b", "a"), pair.effect), (network.predict("b", "a"), pair.new_effect)):
            np.testing.assert_allclose((mine.mean, mine.sd), (other.mean, other.sd), rtol=1e-6)
            np.testing.assert_allclose(mine.quantile(0.9), other.quantile(0.9), rtol=1e-6)
    network = Network.from_contrasts(table).posterior(Flat())
    assert "no means" in network.notes[1]
    assert np.isnan(network.estimates[1, 0])
    assert network.league().estimates[1, 0] == pytest.approx(network.medians[1, 0])
    assert rows_of(network)[0].estimate == pytest.approx(network.medians[1, 0])


@pytest.mark.parametrize("wrong", [3, Normal, {"b": "wide"}])
def test_what_is_no_prior_of_effects_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match="not a prior for an effect"):
        triangle().posterior(HalfNormal(0.5), wrong)
