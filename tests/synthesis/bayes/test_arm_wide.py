"""Studies whose effects range widely, or whose random effects do: against dense sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp, ndtr
from scipy.stats import expon

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.evidence import Evidence
from equipoise.synthesis.bayes.arm_level.integrals import FINE, study_values
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.bayes.arm_level.proposals import fitted
from equipoise.synthesis.bayes.arm_level.smoothing import by_scores
from equipoise.synthesis.bayes.arm_level.wide_studies import wide_values
from equipoise.synthesis.bayes.priors import Flat


def binomial(events: list[int], sizes: list[int]) -> ArmLikelihood:
    none = np.zeros(len(events))
    return ArmLikelihood("binomial", "logit", np.array(events, float), np.array(sizes, float), none, none, none)


def dense(arms: ArmLikelihood, d: FloatArray, tau: float) -> FloatArray:
    """log ∫ Π_k ∫ f_k(ν + d_k + τ/√2·v) φ(v) dv dν by sums."""
    v, x, nu = np.linspace(-12, 12, 1201), np.linspace(-90, 60, 1501), np.linspace(-40, 12, 1301)
    log = np.zeros((len(d), len(nu)))
    for k in range(len(arms.y)):
        inner = arms.take(slice(k, k + 1)).value(x[:, None] + tau / np.sqrt(2) * v) - 0.5 * v * v
        curve = CubicSpline(x, logsumexp(inner, axis=1) + np.log(0.02 / np.sqrt(2 * np.pi)))
        log += curve(np.maximum(nu + d[:, k : k + 1], x[0]))
    return np.asarray(logsumexp(log, axis=1) + np.log(nu[1] - nu[0]))


@pytest.mark.parametrize("tau", [0.3, 2.0, 5.0])
@pytest.mark.parametrize("events", [[5, 0, 0], [3, 0, 40]], ids=["two arms without", "one arm without"])
def test_studies_with_more_arms_agree_with_sums(events: list[int], tau: float) -> None:
    """Steep arms and wide random effects: Newton alone jumps to and fro between an arm's level side and its steep one."""
    arms = binomial(events, [50, 50, 40])
    d = np.array([[0.0, b, c] for b in (-40.0, -8.0, -2.0, 0.0) for c in (-1.5, 0.0, 1.0)])
    exact = dense(arms, d, tau)
    np.testing.assert_allclose(wide_values(arms, d, tau), exact, atol=1e-3 if tau > 3 else 1e-4)
    fine = study_values(arms.take((None,)), d[:, None], np.full(len(d), tau), FINE)[:, 0]
    np.testing.assert_allclose(fine, exact, atol=2e-3 if tau > 3 else 1e-4)


def test_a_level_curve_stays_level_beyond_its_end() -> None:
    evidence = Evidence(binomial([0, 6], [40, 45]), np.array([0, 1]), (np.array([[0, 1]]),), 2, 0, (Flat(),))
    for reach in (20.0, 80.0):
        curves = evidence.with_curves(np.array([[-reach], [reach]])).curves
        assert curves is not None
        log, first, second = curves.terms(np.array([[reach, 200.0, 2000.0]]), np.array([0]))
        np.testing.assert_allclose(log[0], log[0, 0], atol=1e-6)
        assert first[0, 1:].tolist() == second[0, 1:].tolist() == [0.0, 0.0]


def test_a_skew_distribution_is_followed_by_its_function_and_its_mixture() -> None:
    n = 2**14
    values = expon.ppf((np.arange(n) + 0.5) / n)
    weights = np.full(n, 1.0 / n)
    z = np.linspace(-2.5, 2.5, 41)
    skew = fitted(values, weights, 0.0)
    value, _ = skew(z)
    np.testing.assert_allclose(value, expon.ppf(ndtr(z)), atol=0.03)
    far = np.linspace(-7.0, 7.0, 1401)
    value, log_slope = skew(far)
    assert np.all(np.diff(value) > 0)
    np.testing.assert_allclose(np.gradient(value, far)[1:-1], np.exp(log_slope)[1:-1], rtol=0.02)
    mixture = by_scores(np.random.default_rng(1).permutation(values)[:, None], weights, 384, 0.05)
    points = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
    np.testing.assert_allclose(mixture.cdf(expon.ppf(points))[:, 0], points, atol=4e-4)
