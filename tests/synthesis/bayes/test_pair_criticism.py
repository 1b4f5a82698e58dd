"""Criticism of one comparison: against leaving the study out, brute force over τ, and the same data as a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from pair_data import CRINS, THREE
from scipy.integrate import trapezoid
from scipy.stats import norm

import equipoise as eq
from equipoise.synthesis.bayes.meta_regression import meta_regression_posterior
from equipoise.synthesis.bayes.pair import PairPosterior, posterior
from equipoise.synthesis.bayes.priors import Prior

PRIORS: list[tuple[Prior | None, Prior | None]] = [
    (eq.HalfNormal(0.5), None),
    (eq.Flat(), None),
    (eq.HalfCauchy(0.3), eq.Normal(0.1, 1.0)),
    (eq.HalfCauchy(0.3), eq.Student(0.0, 1.0, 4.0)),
    (eq.LogNormal(-1.5, 0.8), eq.Mixture((eq.Normal(0.0, 0.2), eq.Normal(0.0, 2.0)), (0.5, 0.5))),
    (None, None),
]


def pooled(y: ArrayLike, v: ArrayLike, prior: Prior | None, effect: Prior | None) -> PairPosterior:
    return posterior(y, v, heterogeneity=prior, effect=effect)


@pytest.mark.parametrize(("prior", "effect"), PRIORS)
def test_leaving_a_study_out_agrees_with_leaving_it_out(prior: Prior | None, effect: Prior | None) -> None:
    y, v = CRINS
    whole = pooled(y, v, prior, effect)
    found = whole.criticism()
    for i in range(len(y)):
        others = pooled(np.delete(y, i), np.delete(v, i), prior, effect)
        assert found.elpd_loo[i] == pytest.approx(whole.tau.log_evidence - others.tau.log_evidence, abs=1e-8)
        tau, share = others.tau.tau, others.tau.weights
        at = others.likelihood.given(tau)
        z = (y[i] - at.means) / np.sqrt(at.variances + v[i] + tau[:, None] ** 2)
        below = float((share[:, None] * at.shares * norm.cdf(z)).sum())
        assert found.pit[i] == pytest.approx(below, abs=1e-7)
        surprise = float((share[:, None] * at.shares * 2.0 * norm.sf(np.abs(z))).sum())
        # |z| has a kink where the others' mean passes the estimate as τ grows, which nodes resolve less well.
        assert found.predictive_p[i] == pytest.approx(surprise, abs=1e-4)


def test_deviance_leverage_and_waic_agree_with_a_grid_of_tau_and_mu() -> None:
    y, v = CRINS
    found = pooled(y, v, eq.HalfNormal(0.5), None).criticism()
    log_tau, mu = np.linspace(np.log(1e-6), np.log(5.0), 500), np.linspace(-6.0, 4.0, 801)
    tau = np.exp(log_tau)[:, None, None]
    total = v + tau**2
    log = np.asarray(norm.logpdf(y, mu[:, None], np.sqrt(total)))
    weight = np.exp(log.sum(axis=2) - 0.5 * (tau[..., 0] / 0.5) ** 2) * tau[..., 0]

    def mean(values: Any) -> Any:
        inner = trapezoid(trapezoid(values * weight[:, :, None], mu, axis=1), log_tau, axis=0)
        return inner / trapezoid(trapezoid(weight, mu, axis=1), log_tau)

    centre = (mu[:, None] * v + y * tau**2) / total
    spread = v * tau**2 / total
    middle = mean(centre)
    leverage = mean(spread + (centre - middle) ** 2) / v
    np.testing.assert_allclose(found.leverage, leverage, rtol=1e-5)
    np.testing.assert_allclose(found.deviance, (y - middle) ** 2 / v + leverage, rtol=1e-5)
    np.testing.assert_allclose(found.lppd, np.log(mean(np.exp(log))), rtol=1e-5)
    np.testing.assert_allclose(found.p_waic, mean(log**2) - mean(log) ** 2, rtol=1e-4)


def test_a_pair_and_a_regression_on_the_intercept_and_a_network_of_two_agree() -> None:
    y, v = CRINS
    prior = eq.HalfNormal(0.5)
    pair = pooled(y, v, prior, None).criticism()
    regression = meta_regression_posterior(y, v, np.ones((len(y), 1)), heterogeneity=prior).criticism()
    rows = [
        {"study": str(i), "treatment": "b", "comparator": "a", "estimate": e, "se": np.sqrt(u)}
        for i, (e, u) in enumerate(zip(y, v, strict=True))
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    network = eq.Network.from_contrasts(columns, measure="OR").posterior(prior).criticism()
    for name in ("deviance", "leverage", "lppd", "p_waic", "elpd_loo", "predictive_p"):
        np.testing.assert_allclose(getattr(regression, name), getattr(pair, name), rtol=1e-7)
        np.testing.assert_allclose(getattr(network, name), getattr(pair, name), rtol=1e-6)


def test_studies_that_the_others_cannot_predict_are_named() -> None:
    """A flat prior of τ needs three studies, so that with three none can be left out."""
    found = pooled(*THREE, eq.Flat(), None).criticism()
    assert np.isnan(found.elpd_loo).all()
    assert np.isnan(found.looic)
    assert np.isfinite(found.dic)
    assert "Not predicted by the others" in found.summary()
    assert np.isnan(pooled([0.1], [0.2], eq.HalfNormal(0.5), None).criticism().elpd_loo).all()


def test_a_surprising_study_comes_first_in_the_summary() -> None:
    found = eq.pool(
        [0.0, 0.1, -0.1, 0.05, 2.0], [0.02] * 5, prior=eq.HalfNormal(0.1), studies=list("abcde")
    ).criticism()
    assert found.predictive_p[4] < 0.001 < found.predictive_p[0]
    assert found.summary().splitlines()[3].startswith("e ")


def test_a_conflict_of_prior_and_data_is_said() -> None:
    far = eq.pool([10.0, 20.0, 30.0], [0.01] * 3, prior=eq.HalfNormal(0.1))
    assert far.conflict is not None
    assert far.conflict in far.summary()
    effect = eq.pool([10.0, 10.1, 10.2], [0.01] * 3, effect_prior=eq.Normal(0.0, 1.0), model="common")
    assert effect.conflict is not None
    assert "mean effect, 10.1" in effect.conflict
    assert pooled(*CRINS, eq.HalfNormal(0.5), eq.Normal(0.0, 4.0)).conflict is None
