"""Binomial arms with the log link, where a risk ends at 1: against dense grids, long chains and their own definition."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, norm
from test_arm_level import SMOKING, binomial, columns, distribution

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level import ArmPosterior, posterior_from_arms
from equipoise.synthesis.bayes.arm_level.curves import smoothed
from equipoise.synthesis.bayes.arm_level.evidence import Evidence
from equipoise.synthesis.bayes.arm_level.integrals import (
    COARSE,
    FINE,
    MIDDLE,
    study_means,
    study_terms,
    study_values,
)
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.bayes.priors import Flat, HalfNormal, Normal
from equipoise.synthesis.network.network import Network

# Made up: risks near 1, arms in which everyone had the event.
HIGH = """\
1 | A 18/24; B 21/23; C 20/20
2 | A 31/40; B 36/39
3 | A 12/20; C 19/20
4 | B 25/25; C 28/29
5 | A 44/60; B 51/58
6 | B 14/15; C 16/16
7 | A 9/12; B 12/12; C 11/12
"""
EXTREME = "1 | A 9/12; B 12/12\n2 | A 15/15; B 14/14\n3 | A 0/10; B 3/10\n4 | A 20/40; B 37/41\n"


def arms(y: list[float], size: list[float]) -> ArmLikelihood:
    nothing = np.zeros((1, len(y)))
    return ArmLikelihood("binomial", "log", np.array([y]), np.array([size]), nothing, nothing, nothing)


def study(y: list[float], size: list[float], d: list[float], tau: float) -> float:
    """log ∫ ∏ h_k(ν + d_k) dν, h(x) = ∫ f(η) N(η; x, τ²/2) dη over η < 0, by sums over dense grids."""
    nodes, weights = np.polynomial.legendre.leggauss(900)
    u = 0.5 * (1.0 + nodes)
    eta, width = -30.0 * u**3, 45.0 * u**2 * weights
    t = tau / np.sqrt(2.0)
    nu = np.linspace(-20.0, 6.0, 1301)
    log = np.zeros(len(nu))
    for r, n, effect in zip(y, size, d, strict=True):
        f = np.exp(r * eta) * (-np.expm1(eta)) ** (n - r)
        log += np.log(norm.pdf((eta - (nu + effect)[:, None]) / t) @ (f * width) / t + 1e-300)
    return float(np.log(np.exp(log - log.max()).sum() * 0.02) + log.max())


@pytest.mark.parametrize(
    ("y", "size", "d", "tau"),
    [
        ([3, 8, 12], [40, 41, 44], [0.0, 0.6, -0.2], 0.5),
        ([20, 8, 19], [20, 41, 20], [0.0, -0.6, 0.1], 0.3),
        ([20, 8, 19], [20, 41, 20], [0.0, -3.0, 2.0], 0.3),
        ([20, 20, 20], [20, 20, 20], [0.0, 0.05, 0.3], 0.3),
        ([0, 5, 20], [20, 20, 20], [0.0, 0.5, 0.3], 0.7),
        ([12, 12], [12, 14], [0.0, 0.2], 1.5),
    ],
)
def test_studies_agree_with_dense_sums(y: list[float], size: list[float], d: list[float], tau: float) -> None:
    effects, spread = np.array([[d]]), np.array([tau])
    wanted = study(y, size, d, tau)
    assert float(study_values(arms(y, size), effects, spread, FINE)[0, 0]) == pytest.approx(wanted, abs=1e-5)
    assert float(study_values(arms(y, size), effects, spread, MIDDLE)[0, 0]) == pytest.approx(wanted, abs=2e-4)
    gradients(y, size, d, tau)


def gradients(y: list[float], size: list[float], d: list[float], tau: float) -> None:
    """The derivatives are those of the value, the Hessian that of the gradient."""
    effects, spread = np.array([[d]]), np.array([tau])
    _, slope, bend = study_terms(arms(y, size), effects, spread, FINE)
    for k in range(len(y)):
        move = np.zeros((1, 1, len(y)))
        move[0, 0, k] = 1e-4
        up, down = (study_terms(arms(y, size), effects + sign * move, spread, FINE) for sign in (1, -1))
        assert slope[0, 0, k] == pytest.approx((up[0] - down[0])[0, 0] / 2e-4, abs=1e-4)
        assert bend[0, 0, k] == pytest.approx((up[1] - down[1])[0, 0] / 2e-4, rel=1e-4, abs=1e-2)


@pytest.mark.parametrize(
    ("y", "size", "d"),
    [
        ([3, 8, 12], [40, 41, 44], [0.0, 0.6, -0.2]),
        ([20, 8, 19], [20, 41, 20], [0.0, -0.6, 0.01]),
        ([20, 20], [20, 20], [0.0, 0.05]),
        ([0, 20], [20, 20], [0.0, 3.0]),
        ([1, 0], [500, 500], [0.0, 0.3]),
    ],
)
def test_without_heterogeneity_the_bound_is_sharp(y: list[float], size: list[float], d: list[float]) -> None:
    def density(z: float) -> float:
        eta = -z - max(d) + np.array(d)
        return float(np.prod(np.exp(np.array(y) * eta) * (-np.expm1(eta)) ** (np.array(size) - y)))

    ends = [0.0, 0.2, 1.0, 3.0, 6.0, 10.0, 20.0, 60.0]
    wanted = sum(quad(density, a, b, epsabs=0.0)[0] for a, b in pairwise(ends))
    found = study_values(arms(y, size), np.array([[d]]), np.zeros(1), FINE)
    assert float(found[0, 0]) == pytest.approx(np.log(wanted), abs=1e-7)
    gradients(y, size, d, 0.0)


def test_the_closed_form_where_everyone_had_the_event() -> None:
    """L(δ) = e^{mδ − (n + m)max(δ, 0)}/(n + m); smoothed, two truncated exponentials of normal variables."""
    n, m = 12.0, 9.0
    data = arms([n, m], [n, m])
    flat = ArmLikelihood("binomial", "log", data.y[0], data.size[0], *np.zeros((3, 2)))
    evidence = Evidence(flat, np.array([0, 1]), (np.array([[0, 1]]),), 2, 0, (Flat(),)).with_curves()
    assert evidence.curves is not None
    at = np.array([-0.3, 0.0, 0.02, 0.4])
    for tau in (0.01, 0.1, 1.0):
        value, first, second = (x[:, 0] for x in smoothed(evidence.curves, at[:, None], np.full(4, tau)))
        left = np.exp(m * at + 0.5 * (m * tau) ** 2) * norm.cdf(-at / tau - m * tau)
        right = np.exp(-n * at + 0.5 * (n * tau) ** 2) * norm.cdf(at / tau - n * tau)
        np.testing.assert_allclose(value, np.log((left + right) / (n + m)), atol=2e-6)
        slope = (m * left - n * right) / (left + right)
        np.testing.assert_allclose(first, slope, rtol=1e-5, atol=1e-5 / tau)
        edge = (n + m) * norm.pdf(at / tau) / tau
        bend = (m * m * left + n * n * right - edge) / (left + right) - slope**2
        np.testing.assert_allclose(second, bend, rtol=1e-4, atol=1e-4 / tau**2)


@pytest.mark.parametrize(
    ("y", "size"), [([3, 6], [20, 18]), ([25, 9], [25, 20]), ([19, 20], [20, 20]), ([0, 4], [20, 25])]
)
def test_smoothed_curves_agree_with_the_integral_over_arms(y: list[float], size: list[float]) -> None:
    data = arms(y, size)
    flat = ArmLikelihood("binomial", "log", data.y[0], data.size[0], *np.zeros((3, 2)))
    evidence = Evidence(flat, np.array([0, 1]), (np.array([[0, 1]]),), 2, 0, (Flat(),)).with_curves()
    assert evidence.curves is not None
    at = np.array([-0.7, 0.0, 0.05, 0.8])
    effects = np.stack([np.zeros(4), at], axis=1)[:, None]
    for tau in (0.03, 0.2, 0.6, 1.5):
        found = smoothed(evidence.curves, at[:, None], np.full(4, tau))
        wanted = study_terms(data, effects, np.full(4, tau), FINE)
        np.testing.assert_allclose(found[0], wanted[0], atol=5e-5)
        np.testing.assert_allclose(tau * found[1][:, 0], tau * wanted[1][:, 0, 1], atol=2e-4)


def dense(text: str, scale: float, effect: Normal, delta: FloatArray, d: FloatArray) -> dict[str, float]:
    """Two treatments, τ half-normal: the curves of two-arm studies by quadrature, everything else by sums."""
    data = columns(text)
    tau = np.linspace(0.0, 5.0 * scale, 91)[1:]
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z, w = 20.0 * ((1 + nodes) / 2) ** 3, weights * 30.0 * ((1 + nodes) / 2) ** 2
    log = np.zeros((len(tau) + 1, len(d)))
    curves = []
    for k in range(0, len(data["study"]), 2):
        (r, s), (n, m) = data["events"][k : k + 2], data["n"][k : k + 2]
        top = np.maximum(delta, 0.0)[:, None]
        first, second = np.exp(-z - top), np.exp(-z - top + delta[:, None])
        curve = (binom.pmf(r, n, first) * binom.pmf(s, m, np.minimum(second, 1.0))) @ w
        curves.append(curve)
    log[0] = np.log([np.interp(d, delta, curve) for curve in curves]).sum(axis=0)
    for i, t in enumerate(tau):
        kernel = np.exp(-0.5 * ((delta[:, None] - d) / t) ** 2)
        log[i + 1] = np.log(np.array(curves) @ kernel / kernel.sum(axis=0)).sum(axis=0)
    density = np.exp(log + norm.logpdf(d, effect.mean, effect.sd) - 0.5 * (np.r_[0.0, tau] / scale)[:, None] ** 2)
    density[0] *= 0.5
    of_d = density.sum(axis=0) / density.sum()
    mean = float(of_d @ d)
    return {
        "mean": mean,
        "sd": float(np.sqrt(of_d @ (d - mean) ** 2)),
        "below": float(of_d[d < 0.1].sum() + 0.5 * of_d[np.abs(d - 0.1) < 1e-9].sum()),
        "tau": float(density.sum(axis=1) @ np.r_[0.0, tau] / density.sum()),
    }


def test_arms_with_nothing_but_events_agree_with_dense_grids() -> None:
    wanted = dense(EXTREME, 0.3, Normal(0, 2), np.linspace(-4.0, 4.0, 2401), np.linspace(-1.0, 2.0, 301))
    found = posterior_from_arms(binomial(EXTREME, link="log"), HalfNormal(0.3), effects=Normal(0, 2))
    pair = found.contrast("B", "A")
    assert float(pair.mean) == pytest.approx(wanted["mean"], abs=2e-3 * wanted["sd"])
    assert float(pair.sd) == pytest.approx(wanted["sd"], rel=2e-3)
    assert float(pair.cdf(0.1)) == pytest.approx(wanted["below"], abs=1e-3)
    assert found.tau.mean == pytest.approx(wanted["tau"], rel=2e-3)
    assert not any("left out" in note.lower() for note in found.notes)


# Long chains of JAGS 4.3.1 (4 chains; every predictor below 0 by the ones trick; baselines uniform from −20 to 0, effects
# N(0, 2²), τ half-normal with scale 0.5 and 1): mean, sd, quantiles 2.5, 25, 50, 75 and 97.5 %; Monte Carlo standard errors.
CHAINS = {
    "high": {
        "tau": (
            (0.05344, 0.04673, 0.00207, 0.01985, 0.04189, 0.07361, 0.17298),
            (0.000279, 0.000316, 7.91e-05, 2e-04, 0.000274, 0.000344, 0.00113),
        ),
        "B": (
            (0.2135, 0.06554, 0.09083, 0.17058, 0.2114, 0.25422, 0.34888),
            (0.00045, 0.000229, 0.000506, 0.000467, 0.000478, 0.000555, 0.000984),
        ),
        "C": (
            (0.23653, 0.07256, 0.10281, 0.18866, 0.23348, 0.28078, 0.38824),
            (0.000514, 0.000279, 0.000763, 0.000496, 0.000542, 0.000602, 0.0011),
        ),
    },
    "smoking": {
        "tau": (
            (0.63959, 0.14288, 0.41006, 0.53804, 0.62273, 0.72165, 0.96751),
            (0.000683, 0.000484, 0.000765, 0.000585, 0.000704, 0.000797, 0.00235),
        ),
        "B": (
            (0.39251, 0.30703, -0.20671, 0.19143, 0.38841, 0.59042, 1.00781),
            (0.000872, 0.000662, 0.00262, 0.00112, 0.000983, 0.00113, 0.00296),
        ),
        "C": (
            (0.67765, 0.1857, 0.32691, 0.554, 0.67215, 0.795, 1.06216),
            (0.000655, 0.000425, 0.00132, 0.000745, 0.000698, 0.000858, 0.00173),
        ),
        "D": (
            (0.85815, 0.3349, 0.21497, 0.63542, 0.85292, 1.07493, 1.53251),
            (0.00105, 0.000765, 0.00238, 0.00126, 0.0011, 0.00132, 0.0029),
        ),
    },
}
DEVIANCE = {"high": (17.78002, 0.0136), "smoking": (55.40348, 0.0373)}


@pytest.fixture(scope="module", name="posteriors")
def _posteriors() -> dict[str, ArmPosterior]:
    return {
        name: posterior_from_arms(binomial(text, link="log"), HalfNormal(scale), effects=Normal(0, 2))
        for name, text, scale in (("high", HIGH, 0.5), ("smoking", SMOKING, 1.0))
    }


@pytest.mark.parametrize("name", CHAINS)
def test_long_chains_agree(posteriors: dict[str, ArmPosterior], name: str) -> None:
    found = posteriors[name]
    assert found.measure == "RR"
    for what, (wanted, off) in CHAINS[name].items():
        p = np.array([0.025, 0.25, 0.5, 0.75, 0.975])
        each: Any = found.tau if what == "tau" else found.contrast(what, "A")
        values = np.array([float(each.mean), float(each.sd), *np.asarray(each.quantile(p)).tolist()])
        np.testing.assert_array_less(np.abs(values - np.array(wanted)), 3.0 * np.array(off), err_msg=what)
    assert not any("Doubtful" in note for note in found.notes)


@pytest.mark.parametrize("name", DEVIANCE)
def test_deviances_agree_with_long_chains(posteriors: dict[str, ArmPosterior], name: str) -> None:
    wanted, off = DEVIANCE[name]
    # Their regression on the effects leaves about 0.05.
    assert posteriors[name].fit_statistics().residual_deviance == pytest.approx(wanted, abs=3.0 * off + 0.1)


def test_fitted_risks_stay_below_1(posteriors: dict[str, ArmPosterior]) -> None:
    fitted = posteriors["high"].fit_statistics().fitted
    assert np.all((fitted > 0.5) & (fitted < 1.0))
    # Arms of study 4 in the chains.
    np.testing.assert_allclose(fitted[7:9], [0.95185, 0.95251], atol=1.5e-3)


def test_means_over_a_study_are_those_of_dense_sums() -> None:
    y, size, d, tau = [11.0, 12.0], [12.0, 12.0], [0.0, 0.1], 0.2
    found = study_means(arms(y, size), np.array([[d]]), np.array([tau]), _risk, FINE)[0, 0, 0]
    nu, v = np.linspace(-2.0, 0.8, 701), np.linspace(-6.0, 6.0, 601)
    eta = (nu + np.array(d)[:, None])[..., None] + tau / np.sqrt(2.0) * v
    inside = np.minimum(eta, 0.0)
    f = np.where(eta < 0, np.exp(norm.logpdf(v)) * binom.pmf(np.array(y)[:, None, None], 12, np.exp(inside)), 0.0)
    h, risk = f.sum(axis=2), (f * np.exp(inside)).sum(axis=2)
    for k in range(2):
        assert found[k] == pytest.approx((risk[k] * h[1 - k]).sum() / h.prod(axis=0).sum(), abs=2e-3)


def _risk(data: ArmLikelihood, eta: FloatArray) -> FloatArray:
    return data.fitted(eta)[None]


def test_a_baseline_prior_agrees_with_dense_sums() -> None:
    """Of one arm's predictor, cut off at 0."""
    data = arms([9.0, 12.0], [12.0, 12.0])
    carried = ArmLikelihood(
        "binomial", "log", data.y, data.size, data.offset, np.array([[-0.5, 0.0]]), np.array([[16.0, 0.0]])
    )
    nu = -(np.arange(60_000) + 0.5) * 1e-4
    for d in (-0.3, 0.2):
        eta = np.minimum(nu + d, 0.0)
        inside = nu + d < 0
        f = binom.pmf(9, 12, np.exp(nu)) * binom.pmf(12, 12, np.exp(eta)) * np.exp(-8.0 * (nu + 0.5) ** 2)
        wanted = np.log(f[inside].sum() * 1e-4)
        value, slope, _ = study_terms(carried, np.array([[[0.0, d]]]), np.zeros(1), FINE)
        assert value[0, 0] + data.constant().sum() == pytest.approx(wanted, abs=1e-3)
        up, down = (study_values(carried, np.array([[[0.0, d + x]]]), np.zeros(1), FINE) for x in (1e-5, -1e-5))
        assert slope[0, 0, 1] == pytest.approx((up - down)[0, 0] / 2e-5, abs=1e-3)


def test_a_network_of_risk_ratios_takes_the_log_link() -> None:
    data = columns(SMOKING)
    made = Network.from_arms(data, study="study", treatment="treatment", events="events", n="n", measure="RR")
    found = made.posterior(model="common", likelihood="binomial")
    assert found.measure == "RR"
    assert any("log link" in note for note in found.notes)
    direct = posterior_from_arms(binomial(SMOKING, link="log"), model="common")
    assert distribution(found, "C", "A") == pytest.approx(distribution(direct, "C", "A"), abs=1e-12)


def test_events_nowhere_or_of_everyone() -> None:
    none = "1 | A 0/20; B 0/20\n2 | A 3/20; B 5/20\n3 | A 20/20; B 20/20\n"
    found = posterior_from_arms(binomial(none, link="log"), model="common")
    # Where everyone had the event, a risk ratio is limited; where nobody had, it isn't.
    assert [left.what for left in found.table.left_out] == ["1"]
    with pytest.raises(DataError, match="improper"):
        posterior_from_arms(binomial("1 | A 0/20; B 4/20\n", link="log"), HalfNormal(0.5))


def test_derivatives_are_right_where_tau_is_small() -> None:
    """By coarse rules the second ones weren't those of a concave function, and no mode was found."""
    y, size, d, tau = [18.0, 21.0, 20.0], [24.0, 23.0, 20.0], np.array([[[0.0, 0.274, 0.27]]]), np.array([0.0027])
    _, slope, bend = study_terms(arms(y, size), d, tau, COARSE)
    move = np.array([[[0.0, 0.0, 1e-5]]])
    up, down = (study_terms(arms(y, size), d + sign * move, tau, FINE) for sign in (1, -1))
    assert slope[0, 0, 2] == pytest.approx((up[0] - down[0])[0, 0] / 2e-5, abs=1e-3)
    assert bend[0, 0, 2, 2] == pytest.approx((up[1] - down[1])[0, 0, 2] / 2e-5, abs=0.5)


def test_a_treatment_without_events_agrees_with_dense_grids() -> None:
    none = "1 | A 5/50; B 0/50\n2 | A 8/60; B 0/40\n3 | A 2/30; B 0/30\n"
    wanted = dense(none, 0.5, Normal(0, 2), np.linspace(-16.0, 8.0, 2401), np.linspace(-9.0, 3.0, 241))
    found = posterior_from_arms(binomial(none, link="log"), HalfNormal(0.5), effects=Normal(0, 2))
    pair = found.contrast("B", "A")
    assert float(pair.mean) == pytest.approx(wanted["mean"], abs=2e-3 * wanted["sd"])
    assert float(pair.sd) == pytest.approx(wanted["sd"], rel=2e-3)
