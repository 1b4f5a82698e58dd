"""Does the fit agree with metafor's rma.mv given the full covariance, and does it have the properties it must have?

Reference values are in network_reference.json, made by validation/network/network_reference.R with R's metafor.
"""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import NETWORKS, parkinson, reference, senn, smoking, study_of_arms, two_arms
from numpy.testing import assert_allclose
from scipy import stats

from equipoise.errors import DataError
from equipoise.synthesis.network import Network
from equipoise.synthesis.network.gls import solve
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.pairwise.pooling import pool

CLOSED_FORM = 1e-8
ITERATIVE = 1e-6
AT_ZERO = 1e-7  # where R's optimiser stops short of a τ² of 0 on the boundary


@pytest.mark.parametrize("name", NETWORKS)
def test_common_effect_equals_rma_mv(name: str) -> None:
    fit = NETWORKS[name]().fit(model="common")
    expected = reference()[name]
    assert list(fit.treatments) == expected["treatments"]
    assert_allclose(fit.estimates, expected["models"]["common"]["estimates"], rtol=CLOSED_FORM, atol=1e-12)
    assert_allclose(fit.standard_errors, expected["models"]["common"]["se"], rtol=CLOSED_FORM)
    assert_allclose(fit.q, [expected["q"]], rtol=CLOSED_FORM)
    assert fit.df.tolist() == [expected["df"]]
    assert_allclose(fit.p, stats.chi2.sf(expected["q"], expected["df"]), rtol=CLOSED_FORM)
    assert fit.tau2.tolist() == [0.0]


@pytest.mark.parametrize("name", NETWORKS)
def test_generalised_dersimonian_laird_equals_its_formula_and_rma_mv(name: str) -> None:
    fit = NETWORKS[name]().fit(method="DL")
    expected = reference()[name]["models"]["DL"]
    assert_allclose(fit.tau2, [expected["tau2"]], rtol=CLOSED_FORM, atol=1e-12)
    assert_allclose(fit.estimates, expected["estimates"], rtol=CLOSED_FORM, atol=1e-12)
    assert_allclose(fit.standard_errors, expected["se"], rtol=CLOSED_FORM)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("name", NETWORKS)
def test_exact_likelihood_equals_rma_mv(name: str, method: Tau2Method) -> None:
    fit = NETWORKS[name]().fit(method=method)
    expected = reference()[name]["models"][method]
    assert_allclose(fit.tau2, [expected["tau2"]], rtol=ITERATIVE, atol=AT_ZERO)
    assert_allclose(fit.estimates, expected["estimates"], rtol=ITERATIVE, atol=AT_ZERO)
    assert_allclose(fit.standard_errors, expected["se"], rtol=ITERATIVE, atol=AT_ZERO)


def test_with_the_multi_arm_covariance_smoking_cessation_has_reml_tau2_of_0_4502() -> None:
    # netmeta without event counts gives 0.4275, because it drops the covariance.
    assert smoking().fit(method="REML").tau2[0] == pytest.approx(0.4502, abs=5e-5)


def test_two_treatments_are_a_pairwise_meta_analysis() -> None:
    y, v = np.array([0.3, -0.1, 0.4, 0.9]), np.array([0.04, 0.09, 0.05, 0.1])
    net = Network.from_studies([two_arms(f"s{i}", "B", "A", y[i], v[i]) for i in range(4)])
    fit = net.fit(method="DL", reference="A")
    w = 1 / v
    q = (w * (y - (w * y).sum() / w.sum()) ** 2).sum()
    tau2 = (q - 3) / (w.sum() - (w**2).sum() / w.sum())
    star = 1 / (v + tau2)
    assert_allclose(fit.tau2, [tau2], rtol=1e-12)
    assert_allclose(fit.estimates[1, 0], (star * y).sum() / star.sum(), rtol=1e-12)
    assert_allclose(fit.standard_errors[1, 0], star.sum() ** -0.5, rtol=1e-12)
    assert_allclose(fit.i2, [(q - 3) / q], rtol=1e-12)


@pytest.mark.parametrize("base", ["acar", "vild", "plac"])
def test_the_reference_changes_tables_only(base: str) -> None:
    one, other = senn().fit(), senn().fit(reference=base)
    assert_allclose(one.estimates, other.estimates, atol=0)
    assert set(other.effects().comparator) == {base}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_league_table_is_consistent(name: str) -> None:
    d = NETWORKS[name]().fit().estimates
    n = len(d)
    assert_allclose(d[:, :, None] + d[None, :, :], np.broadcast_to(d[:, None, :], (n, n, n)), atol=1e-12)


def test_a_t_interval_uses_the_degrees_of_freedom_of_q() -> None:
    normal, t = senn().fit(method="DL"), senn().fit(method="DL", ci="t")
    assert_allclose(t.standard_errors, normal.standard_errors)
    half = stats.t.ppf(0.975, 18) * t.standard_errors
    assert_allclose(t.upper, t.estimates + half, rtol=1e-12)
    off = ~np.eye(10, dtype=bool)
    assert_allclose(t.p_values[off], 2 * stats.t.sf(np.abs(t.statistics[off]), 18), rtol=1e-10)


def test_hartung_knapp_scales_by_the_residual_q_over_its_degrees_of_freedom() -> None:
    plain, scaled = senn().fit(method="DL"), senn().fit(method="DL", ci="hksj")
    residual = reference()["senn"]["models"]["DL"]["q"]
    assert_allclose(scaled.standard_errors, plain.standard_errors * np.sqrt(residual / 18), rtol=CLOSED_FORM)
    half = stats.t.ppf(0.975, 18) * scaled.standard_errors
    assert_allclose(scaled.lower, scaled.estimates - half, rtol=1e-12)


def test_a_prediction_interval_adds_tau2_and_uses_t() -> None:
    fit = smoking().fit(method="DL")
    predicted = fit.predict()
    half = stats.t.ppf(0.975, 23) * np.sqrt(fit.standard_errors[3, 0] ** 2 + fit.tau2[0])
    assert_allclose(predicted.upper[3, 0], fit.estimates[3, 0] + half, rtol=1e-12)
    assert "95%-PI" in predicted.summary()


def test_a_common_effect_has_no_prediction_interval() -> None:
    with pytest.raises(DataError, match="random-effects"):
        smoking().fit(model="common").predict()


def test_a_multi_arm_study_counts_as_the_information_of_its_arms() -> None:
    # A three-arm study with the same arms as another and twice the variance weighs half as much.
    arms = {"A": (0.0, 0.1), "B": (0.4, 0.2), "C": (0.1, 0.3)}
    whole = Network.from_studies([study_of_arms("s", arms)]).fit(model="common")
    doubled = {t: (effect, 2 * variance) for t, (effect, variance) in arms.items()}
    halves = Network.from_studies([study_of_arms("s1", doubled), study_of_arms("s2", doubled)]).fit(model="common")
    assert_allclose(halves.estimates, whole.estimates, atol=1e-14)
    assert_allclose(halves.standard_errors, whole.standard_errors, atol=1e-14)


def test_direct_evidence_pools_each_pair_with_the_network_tau2() -> None:
    for name, make in NETWORKS.items():
        fit = make().fit(method="DL")
        direct = fit.direct()
        for row in reference()[name]["splits"]:
            i, j = fit.treatments.index(row["a"]), fit.treatments.index(row["b"])
            assert direct.studies[i, j] == row["studies"]
            assert_allclose(direct.estimates[i, j], row["direct"], rtol=CLOSED_FORM)
            assert_allclose(direct.standard_errors[i, j], row["direct_se"], rtol=CLOSED_FORM)
        assert np.isfinite(np.triu(direct.estimates, 1)).sum() >= len(reference()[name]["splits"])


def test_ratio_measures_are_shown_as_ratios_and_framed_on_the_log_scale() -> None:
    fit = smoking().fit(reference="A")
    frame = fit.effects().to_frame()
    shown = fit.effects().to_frame(exponentiate=True)
    assert_allclose(np.exp(frame["estimate"]), shown["estimate"])
    assert_allclose(frame["se"], shown["se"])
    assert f"{np.exp(fit.estimates[3, 0]):.4f}" in fit.effects().summary()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": "Z"}, "no treatment 'Z' in the network; it has A, B, C, D, E"),
        ({"model": "fixed"}, "model 'fixed' isn't known; choose 'random' or 'common'"),
        ({"method": "PM"}, "method 'PM' isn't known"),
        ({"ci": "wald"}, "ci 'wald' isn't known"),
        ({"level": 95}, "level 95 must lie between 0 and 1"),
    ],
)
def test_unknown_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parkinson().fit(**options)  # type: ignore[arg-type]


def test_the_interval_of_tau2_is_metafor_s_q_profile_for_two_treatments() -> None:
    # R 4.2, metafor 3.8-1, confint(control = list(tol = 1e-13)) of
    # rma(c(.3, -.1, .4, .9, 1.4), c(.04, .09, .05, .1, .02), method = "DL")
    y, v = (0.3, -0.1, 0.4, 0.9, 1.4), (0.04, 0.09, 0.05, 0.1, 0.02)
    net = Network.from_studies([two_arms(str(k), "B", "A", y[k], v[k]) for k in range(5)])
    assert_allclose(net.fit(method="DL").tau2_interval(), [[0.0761002734994, 2.7311113487133]], rtol=ITERATIVE)


def test_at_the_limits_of_tau2_q_is_a_quantile_of_its_distribution() -> None:
    fit = senn().fit()
    lower, upper = fit.tau2_interval(0.9)[0]
    assert solve(fit.systems[0], lower).q == pytest.approx(stats.chi2.ppf(0.95, 18))
    assert solve(fit.systems[0], upper).q == pytest.approx(stats.chi2.ppf(0.05, 18))
    assert lower < fit.tau2[0] < upper
    assert np.isnan(Network.from_studies([two_arms("s", "B", "A", 0.1, 0.1)]).fit().tau2_interval()).all()


def test_the_heterogeneity_of_direct_evidence_is_that_of_a_meta_analysis_of_each_pair() -> None:
    network = smoking()
    fit, direct = network.fit(), network.fit().direct()
    for i, j in zip(*np.nonzero(np.triu(direct.studies)), strict=True):
        found = []
        for study in network.studies:
            arms = list(study.treatments)
            if {fit.treatments[i], fit.treatments[j]} <= set(arms):
                change = np.zeros(len(arms))
                change[arms.index(fit.treatments[i])], change[arms.index(fit.treatments[j])] = 1.0, -1.0
                found.append((change[1:] @ study.estimates, change[1:] @ study.covariance @ change[1:]))
        pooled = pool(*zip(*found, strict=True), method="DL")
        assert direct.studies[i, j] == len(found)
        if len(found) > 1:
            assert direct.q[i, j] == pytest.approx(pooled.q, rel=1e-9)
            assert direct.i2[i, j] == pytest.approx(max(0.0, 1.0 - (len(found) - 1) / pooled.q), rel=1e-9)
        else:
            assert np.isnan(direct.i2[i, j])
