"""Curves of two-arm studies, smoothed by the heterogeneity, against dense grids."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.special import log_ndtr, logsumexp, ndtr
from scipy.stats import norm
from test_arm_level import binomial, columns

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level import posterior_from_arms
from equipoise.synthesis.bayes.arm_level.curves import smoothed
from equipoise.synthesis.bayes.arm_level.evidence import Evidence
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.bayes.priors import Flat, HalfCauchy, HalfNormal, InverseGamma, Normal

STUDIES = {
    "small": (3, 20, 6, 18),
    "large": (300, 2000, 380, 1800),
    "no events": (0, 20, 4, 25),
    "nothing but events": (9, 20, 25, 25),
}
END = 60.0


@cache
def log_curve(r: float, n: float, s: float, m: float) -> tuple[FloatArray, FloatArray]:
    """log ∫ f₁(ν) f₂(ν + δ) dν between −60 and 60: exact at 601 points, a cubic spline between them."""
    nu, delta = np.linspace(-90, 90, 3601), np.linspace(-END, END, 601)
    first = r * nu - n * np.logaddexp(0, nu)
    log = np.array([logsumexp(first + s * (nu + x) - m * np.logaddexp(0, nu + x)) for x in delta]) + np.log(0.05)
    fine = np.linspace(-END, END, 120_001)
    return fine, CubicSpline(delta, log)(fine)


@pytest.mark.parametrize("name", STUDIES)
def test_smoothed_curves_agree_with_dense_grids(name: str) -> None:
    r, n, s, m = STUDIES[name]
    y, size, none = np.array([r, s], dtype=float), np.array([n, m], dtype=float), np.zeros(2)
    arms = ArmLikelihood("binomial", "logit", y, size, none, none, none)
    evidence = Evidence(arms, np.array([0, 1]), (np.array([[0, 1]]),), 2, 0, (Flat(),)).with_curves()
    assert evidence.curves is not None
    fine, log = log_curve(r, n, s, m)

    def exact(at: float, tau: float) -> float:
        density = -0.5 * ((fine - at) / tau) ** 2 - np.log(tau) - 0.5 * np.log(2 * np.pi)
        inner = logsumexp(log + density) + np.log(fine[1] - fine[0])
        # Where the curve is level at an end it is so for ever.
        level = [(log[end], side) for end, side in ((0, -1), (-1, 1)) if abs(log[end] - log[end - 5000 * side]) < 1e-6]
        return float(logsumexp([inner, *(height + log_ndtr((side * at - END) / tau) for height, side in level)]))

    at = np.array([-0.4, 0.0, 0.6, 1.0]) if name == "large" else np.array([-1.0, 0.0, 1.5, 4.0])
    for tau in (0.05, 0.3, 0.8, 1.3, 3.0, 10.0, 200.0):
        spread = np.full(4, tau)
        value, first, second = smoothed(evidence.curves, at[:, None], spread)
        wanted = np.array([exact(x, tau) for x in at])
        np.testing.assert_allclose(value[:, 0], wanted, atol=1e-4, err_msg=f"tau {tau}")
        h = 0.02 * tau
        above, below = (smoothed(evidence.curves, (at + side * h)[:, None], spread) for side in (1, -1))
        np.testing.assert_allclose(tau * first, tau * (above[0] - below[0]) / (2 * h), atol=5e-3, err_msg=f"tau {tau}")
        np.testing.assert_allclose(tau**2 * second, tau**2 * (above[1] - below[1]) / (2 * h), atol=2e-2)


ZERO = "1 | A 0/50; B 3/50\n2 | A 0/60; B 2/55\n3 | A 1/40; B 0/45\n4 | A 0/30; B 2/31\n"


@pytest.mark.parametrize("prior", [HalfCauchy(0.5), InverseGamma(1.0, 0.1), HalfNormal(1.0)], ids=lambda p: p.name)
def test_heavy_tailed_priors_where_the_data_say_little_agree_with_dense_grids(prior: Any) -> None:
    found = posterior_from_arms(binomial(ZERO), prior, effects=Normal(0, 2))
    data = columns(ZERO)
    count = 160
    ends = 0.05 * np.sinh(np.linspace(0.0, 19.0, count + 1))
    x, d = 19.0 * (np.arange(count) + 0.5) / count, np.linspace(-9.0, 11.0, 41)
    tau = 0.05 * np.sinh(x)
    log = np.zeros((len(tau), len(d)))
    for k in range(0, len(data["study"]), 2):
        (r, s), (n, m) = data["events"][k : k + 2], data["n"][k : k + 2]
        fine, curve = log_curve(r, n, s, m)
        fine, curve = fine[::100], curve[::100]
        step = fine[1] - fine[0]
        like = np.exp(curve - curve.max())
        low, high = like[0] if like[0] > 1e-3 else 0.0, like[-1] if like[-1] > 1e-3 else 0.0
        for j, t in enumerate(tau):
            # The share of every cell, exactly: φ may be narrower than it.
            edges = ndtr((np.append(fine, fine[-1] + step)[:, None] - 0.5 * step - d) / t)
            tails = low * edges[0] + high * (1.0 - edges[-1])
            log[j] += np.log(like @ np.diff(edges, axis=0) + tails)
    log += norm.logpdf(d, 0, 2) + (prior.logpdf(tau) + np.log(np.cosh(x)))[:, None]
    density = np.exp(log - log.max())
    density /= density.sum()
    of_d = CubicSpline(d, density.sum(axis=0) / (d[1] - d[0])).antiderivative()
    pair = found.contrast("B", "A")
    for at in (-5.0, 0.0, 2.0, 4.0):
        assert float(pair.cdf(at)) == pytest.approx(float(of_d(at)), abs=found.error + 5e-4)
    assert float(found.tau.cdf(1.0)) == pytest.approx(
        np.interp(1.0, ends[1:], np.cumsum(density.sum(axis=1))), abs=5e-3
    )
    assert found.error < 2e-3
    assert not any("Doubtful" in note for note in found.notes)
