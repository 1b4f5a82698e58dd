"""Node-splitting and unrelated mean effects against brute force and, at a known τ, against the frequentist ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from networks import BruteForce, parkinson, triangle

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.priors import Flat, HalfNormal, Normal, Student, Uniform
from equipoise.synthesis.network import Network, StudyContrasts


def own(first: str, second: str) -> Callable[[StudyContrasts, str], float]:
    """The column of an effect of their own for studies of a pair, shared between its arms."""

    def column(study: StudyContrasts, treatment: str) -> float:
        if not {first, second} <= set(study.treatments):
            return 0.0
        return 0.5 * ((treatment == first) - (treatment == second))

    return column


@pytest.mark.parametrize("sd", [None, 0.7])
def test_node_splitting_agrees_with_brute_force(sd: float | None) -> None:
    network, prior = triangle(), HalfNormal(0.5)
    found = network.posterior(prior).split(None if sd is None else Normal(0.3, sd))
    place = list(zip(found.treatment, found.comparator, strict=True)).index(("a", "b"))
    direct, indirect, difference = np.array([-1.0, 0.0, 1.0]), np.array([-1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    brute = BruteForce(network, prior, arm_column=own("a", "b"))
    consistent = BruteForce(network, prior)
    if sd is None:
        evidence = brute.evidence()

        def mean(direction: FloatArray) -> float:
            return brute.expect(lambda _, m, __: float(direction @ m)) / evidence

        def cdf(direction: FloatArray, x: float) -> float:
            return brute.cdf(direction, x)
    else:
        # A prior of one parameter only: p(d, ω | y, τ) reweighted by N(ω; 0.3, sd²), in closed form.
        def updated(_: float, m: FloatArray, c: FloatArray) -> tuple[float, FloatArray, FloatArray]:
            total = c[2, 2] + sd**2
            gain = c[:, 2] / total
            density = float(np.exp(-0.5 * (m[2] - 0.3) ** 2 / total) / np.sqrt(2 * np.pi * total))
            return density, m - gain * (m[2] - 0.3), c - np.outer(gain, c[2])

        evidence = brute.expect(lambda *a: updated(*a)[0])

        def mean(direction: FloatArray) -> float:
            def integrand(t: float, m: FloatArray, c: FloatArray) -> float:
                density, centre, _ = updated(t, m, c)
                return density * float(direction @ centre)

            return brute.expect(integrand) / evidence

        def cdf(direction: FloatArray, x: float) -> float:
            from scipy.special import ndtr

            def integrand(t: float, m: FloatArray, c: FloatArray) -> float:
                density, centre, spread = updated(t, m, c)
                return density * float(ndtr((x - direction @ centre) / np.sqrt(direction @ spread @ direction)))

            return brute.expect(integrand) / evidence

        factor = np.log(evidence / consistent.evidence())
        assert found.log_bayes_factor[place] == pytest.approx(factor, abs=1e-8)
    assert found.direct[place] == pytest.approx(mean(direct), abs=1e-7)
    assert found.indirect[place] == pytest.approx(mean(indirect), abs=1e-7)
    assert found.difference[place] == pytest.approx(mean(difference), abs=1e-7)
    lower, upper = found.limits("difference")
    assert cdf(difference, float(lower[place])) == pytest.approx(0.025, abs=1e-7)
    assert cdf(difference, float(upper[place])) == pytest.approx(0.975, abs=1e-7)
    below = cdf(difference, 0.0)
    assert found.p[place] == pytest.approx(2 * min(below, 1 - below), abs=1e-7)


@pytest.mark.parametrize("network", [triangle(), parkinson()], ids=["triangle", "parkinson"])
def test_at_a_known_tau_node_splitting_is_the_frequentist_one(network: Network) -> None:
    fit = network.fit(method="REML")
    tau = float(np.sqrt(fit.tau2[0]))
    prior = Uniform(tau * (1 + 1e-9) + 1e-9, tau * (1 - 1e-9))
    mine, theirs = network.posterior(prior).split(), fit.split("node")
    rows = {(a, b): i for i, (a, b) in enumerate(zip(theirs.treatment, theirs.comparator, strict=True))}
    assert len(mine) == int(theirs.mixed.sum())
    for k, pair in enumerate(zip(mine.treatment, mine.comparator, strict=True)):
        sign, i = (1.0, rows[pair]) if pair in rows else (-1.0, rows[pair[::-1]])
        for name in ("direct", "indirect", "difference"):
            assert getattr(mine, name)[k] == pytest.approx(sign * getattr(theirs, name)[i], abs=1e-7)
            assert getattr(mine, f"{name}_se")[k] == pytest.approx(getattr(theirs, f"{name}_se")[i], rel=1e-6)


def test_a_gross_inconsistency_is_integrated_anew() -> None:
    """Without consistency τ is tiny, with it large: the nodes of the one don't reach the other."""
    pairs = {("a", "b"): 0.0, ("b", "c"): 0.0, ("a", "c"): 100.0}
    studies = [
        StudyContrasts(f"{a}{b}{k}", (a, b), np.array([y + 0.01 * (-1) ** k]), np.array([[1e-4]]))
        for (a, b), y in pairs.items()
        for k in range(15)
    ]
    found = Network.from_studies(studies).posterior(HalfNormal(10.0)).split()
    np.testing.assert_allclose(np.abs(found.difference), 100.0, atol=0.01)
    assert found.difference_se.max() < 0.02


def test_unrelated_effects_at_a_known_tau_are_the_frequentist_ones() -> None:
    from equipoise.synthesis.network.unrelated import by_comparison, solve_unrelated

    network, tau = parkinson(), 0.3
    system = network.fit().systems[0]
    theirs = solve_unrelated(by_comparison(system, 0), tau**2)
    mine = network.posterior(Uniform(tau + 1e-9, tau - 1e-9)).unrelated()
    np.testing.assert_allclose(mine.effects.estimates, theirs.estimates, atol=1e-8)
    np.testing.assert_allclose(mine.effects.standard_errors, np.sqrt(theirs.variances), atol=1e-8)


def test_a_network_without_loops_is_the_same_without_consistency() -> None:
    studies = [
        StudyContrasts(str(k), pair, np.array([y]), np.array([[0.05]]))
        for k, (pair, y) in enumerate([(("a", "b"), 0.1), (("a", "b"), 0.7), (("b", "c"), 0.4), (("b", "c"), 0.2)])
    ]
    posterior = Network.from_studies(studies).posterior(HalfNormal(0.5))
    unrelated = posterior.unrelated()
    assert unrelated.dic == pytest.approx(posterior.criticism().dic, abs=1e-8)
    assert unrelated.log_evidence == pytest.approx(posterior.log_evidence, abs=1e-9)
    np.testing.assert_allclose(unrelated.effects.estimates, unrelated.network, atol=1e-9)
    assert len(posterior.split()) == 0
    assert "No comparison" in posterior.split().summary()


def test_only_a_flat_or_normal_prior_of_the_difference_is_taken() -> None:
    posterior = triangle().posterior(HalfNormal(0.5))
    with pytest.raises(DataError, match="flat"):
        posterior.split(Student(0, 1, 3))
    np.testing.assert_array_equal(posterior.split(Flat()).p, posterior.split().p)
