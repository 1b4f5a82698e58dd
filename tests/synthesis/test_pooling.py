"""Does pooling equal metafor's `rma` on 37 sets of published studies, for every estimator of τ² and every interval?

Reference values: metafor 3.8-1, calls in tests/data/pooling.json, written by validation/metafor/pooling.R with its
iterations run to the last digit. Closed forms are held to 1e-8, iterative results to 1e-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from published import estimates, sizes

from equipoise.errors import DataError
from equipoise.synthesis.pairwise.heterogeneity import METHODS, tau2
from equipoise.synthesis.pairwise.pooling import pool
from equipoise.synthesis.pairwise.result import Pooled
from reference import CLOSED_FORM, ITERATIVE, agrees, reference

CASES = reference("pooling")
CLOSED = ("EE", "DL", "HE", "HS", "HSk", "SJ")
RTOL = {method: CLOSED_FORM if method in CLOSED else ITERATIVE for method in ("EE", *METHODS)}
Y, V = estimates("BCG RR")


def fit(name: str, **options: Any) -> Pooled:
    """The dataset of a case, pooled."""
    result: Pooled = pool(sizes(name), **options) if " " in name else pool(*estimates(name), **options)
    return result


@pytest.mark.parametrize("name", CASES)
def test_estimates_and_variances_are_those_of_escalc(name: str) -> None:
    y, v = estimates(name)
    agrees(y, CASES[name]["yi"], CLOSED_FORM, 1e-14)
    agrees(v, CASES[name]["vi"], CLOSED_FORM)


@pytest.mark.parametrize("method", ["EE", *METHODS])
@pytest.mark.parametrize("name", CASES)
def test_every_estimator_equals_metafors(name: str, method: str) -> None:
    ours, rtol = fit(name, method=method), RTOL[method]
    estimate, se, t2, t2_se, i2, h2, p, log_likelihood, aic, bic = CASES[name][method]
    scale = float(np.var(CASES[name]["yi"]))
    agrees(ours.estimate, estimate, rtol, 1e-9 * scale**0.5)
    agrees(ours.se, se, rtol)
    agrees(ours.tau2, t2, rtol, 1e-9 * scale)  # at the boundary metafor stops within its threshold of 0
    agrees(ours.i2, i2, rtol, 1e-6)
    agrees(ours.h2, h2, rtol)
    agrees(ours.p_value, p, 1e-4, 1e-12)  # p is steep in the estimate
    agrees(ours.log_likelihood, log_likelihood, rtol, 1e-9)
    agrees(ours.aic, aic, rtol, 1e-8)
    agrees(ours.bic, bic, rtol, 1e-8)
    if method != "EE":
        agrees(ours.tau2_se, t2_se, rtol, 1e-9 * scale)
    agrees(ours.q, CASES[name]["q"], CLOSED_FORM)
    agrees(ours.q_p, CASES[name]["q_p"], CLOSED_FORM, 1e-300)


@pytest.mark.parametrize(("ci", "test"), [("t", "t"), ("hksj", "knha"), ("hksj-floored", "adhoc")])
@pytest.mark.parametrize("method", ["DL", "REML"])
@pytest.mark.parametrize("name", CASES)
def test_every_interval_equals_metafors(name: str, method: str, ci: str, test: str) -> None:
    ours = fit(name, method=method, ci=ci)
    se, statistic, p, low, high, new_low, new_high = CASES[name][f"{method} {test}"]
    rtol = RTOL[method]
    agrees(ours.se, se, rtol)
    agrees(ours.statistic, statistic, rtol, 1e-9)
    agrees(ours.p_value, p, 1e-4, 1e-12)
    agrees(ours.ci, [low, high], rtol, 1e-9)
    agrees(ours.prediction, [new_low, new_high], rtol, 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_weights_and_prediction_equal_metafors(name: str) -> None:
    ours = fit(name)
    agrees(ours.weights, CASES[name]["weights"], ITERATIVE)
    agrees(ours.prediction, CASES[name]["prediction"], ITERATIVE, 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_q_profile_intervals_equal_metafors(name: str) -> None:
    scale = float(np.var(CASES[name]["yi"]))
    agrees(fit(name).tau2_ci, CASES[name]["qp"], ITERATIVE, 1e-9 * scale)


@pytest.mark.parametrize("method", ["ML", "REML"])
@pytest.mark.parametrize("name", CASES)
def test_profile_likelihood_intervals_equal_metafors(name: str, method: str) -> None:
    expected = CASES[name][f"pl {method}"]
    scale = float(np.var(CASES[name]["yi"]))
    agrees(fit(name, method=method).tau2_interval("PL"), expected, ITERATIVE, 1e-8 * scale)


@pytest.mark.parametrize("name", CASES)
def test_stated_weights_give_the_generalised_moment_estimator(name: str) -> None:
    k = CASES[name]["k"]
    ours = fit(name, method="GENQ", weights=1 + np.arange(1, k + 1) / k)
    agrees([ours.estimate, ours.se, ours.tau2, ours.tau2_se], CASES[name]["genq"], CLOSED_FORM, 1e-12)


def test_generalised_q_with_inverse_variance_weights_is_dersimonian_and_laird() -> None:
    assert_allclose(tau2(Y, V, method="GENQ", weights=1 / V).value, tau2(Y, V, method="DL").value, rtol=1e-12)


def test_an_intercept_as_design_matrix_changes_nothing() -> None:
    for method in METHODS:
        plain, designed = tau2(Y, V, method=method), tau2(Y, V, X=np.ones((len(Y), 1)), method=method)
        assert_allclose(designed.value, plain.value, rtol=1e-11, err_msg=method)
        assert_allclose(designed.se, plain.se, rtol=1e-11, err_msg=method)


METHOD = st.sampled_from([*METHODS, "CE"])
CI = st.sampled_from(["z", "t", "hksj", "hksj-floored"])


@st.composite
def studies(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Estimates and variances of 2 to 12 studies, variances over four orders of magnitude."""
    k = draw(st.integers(2, 12))
    y = draw(st.lists(st.floats(-3, 3), min_size=k, max_size=k))
    v = draw(st.lists(st.floats(-3, 1), min_size=k, max_size=k))
    return np.round(np.array(y), 4), 10 ** np.array(v)


def numbers(result: Pooled) -> np.ndarray[Any, Any]:
    """The numbers of a result that a change of presentation must not change."""
    return np.array([result.estimate, result.se, *result.ci, result.tau2, result.q, result.i2, result.h2])


@given(data=studies(), method=METHOD, ci=CI, seed=st.integers(0, 99))
def test_the_order_of_studies_changes_nothing(data: Any, method: str, ci: str, seed: int) -> None:
    y, v = data
    order = np.random.default_rng(seed).permutation(len(y))
    one, other = pool(y, v, method=method, ci=ci), pool(y[order], v[order], method=method, ci=ci)
    assert_allclose(numbers(other), numbers(one), rtol=1e-7, atol=1e-9)


@given(data=studies(), method=METHOD, ci=CI)
def test_a_change_of_sign_changes_only_the_sign(data: Any, method: str, ci: str) -> None:
    y, v = data
    one, other = pool(y, v, method=method, ci=ci), pool(-y, v, method=method, ci=ci)
    assert_allclose([other.estimate, other.se, other.tau2], [-one.estimate, one.se, one.tau2], rtol=1e-9, atol=1e-12)
    assert_allclose(other.ci, (-one.ci[1], -one.ci[0]), rtol=1e-9, atol=1e-12)


@given(data=studies(), method=METHOD, ci=CI, unit=st.floats(1e-3, 1e3))
def test_a_change_of_unit_changes_only_the_unit(data: Any, method: str, ci: str, unit: float) -> None:
    y, v = data
    one, other = pool(y, v, method=method, ci=ci), pool(unit * y, unit**2 * v, method=method, ci=ci)
    assert_allclose(other.estimate / unit, one.estimate, rtol=1e-7, atol=1e-9)
    assert_allclose(other.tau2 / unit**2, one.tau2, rtol=1e-7, atol=1e-9)
    assert_allclose(other.i2, one.i2, rtol=1e-7, atol=1e-6)


@given(data=studies(), method=METHOD, shift=st.floats(-1e4, 1e4))
def test_a_shift_of_all_estimates_shifts_the_mean(data: Any, method: str, shift: float) -> None:
    y, v = data
    one, other = pool(y, v, method=method), pool(y + shift, v, method=method)
    assert_allclose(other.estimate - shift, one.estimate, rtol=1e-6, atol=1e-7)
    assert_allclose(other.tau2, one.tau2, rtol=1e-6, atol=1e-7)


@given(data=studies())
def test_duplicating_every_study_halves_the_variance_of_a_common_effect(data: Any) -> None:
    y, v = data
    one, other = pool(y, v, method="CE"), pool(np.tile(y, 2), np.tile(v, 2), method="CE")
    assert_allclose(
        [other.estimate, other.se**2, other.q], [one.estimate, one.se**2 / 2, 2 * one.q], rtol=1e-9, atol=1e-9
    )


@given(data=studies())
def test_restricted_likelihood_is_maximal_everywhere(data: Any) -> None:
    """No τ² of a fine grid has a larger restricted likelihood than the one that is found."""
    y, v = data
    best = pool(y, v)

    def height(t: float) -> float:
        w = 1 / (v + t)
        mean = np.sum(w * y) / np.sum(w)
        return float(0.5 * (np.sum(np.log(w)) - np.log(np.sum(w)) - np.sum(w * (y - mean) ** 2)))

    grid = np.concatenate([[0.0], np.geomspace(1e-6, 100, 400)])
    assert height(best.tau2) >= max(map(height, grid)) - 1e-9


@given(data=studies())
def test_the_floored_interval_is_never_narrower(data: Any) -> None:
    y, v = data
    t, floored, plain = (pool(y, v, method="DL", ci=ci) for ci in ("t", "hksj-floored", "hksj"))
    assert floored.se >= t.se * (1 - 1e-12)
    assert floored.se >= plain.se * (1 - 1e-12)


def test_a_factor_below_one_is_said() -> None:
    notes = pool([0.1, 0.11, 0.09], [0.04, 0.05, 0.06], ci="hksj").warnings
    assert any("makes the standard error smaller than Wald's" in note for note in notes)


def test_prediction_intervals_follow_the_convention_asked_for() -> None:
    k = len(Y)
    base = pool(Y, V)
    half = np.sqrt(base.se**2 + base.tau2)
    for convention, quantile in {
        "metafor": 1.959963984540054,
        "S": 1.959963984540054,
        "HTS": 2.200985160082949,
        "V": 2.178812829663418,
    }.items():
        low, high = pool(Y, V, prediction=convention).prediction
        assert_allclose([low, high], base.estimate + np.array([-1, 1]) * quantile * half, rtol=1e-9)
    assert k == 13


def test_a_fixed_tau2_is_used_as_it_is() -> None:
    result = pool(Y, V, tau2=0.5)
    assert result.tau2 == 0.5
    assert np.isnan(result.tau2_se)
    assert_allclose(result.estimate, np.average(Y, weights=1 / (V + 0.5)), rtol=1e-12)


def test_the_summary_reads_as_rs_users_expect() -> None:
    text = pool(sizes("BCG RR"), method="REML", ci="hksj").summary()
    for part in (
        "k = 13; τ² estimator: REML",
        "τ² = 0.3132 (SE 0.1664)",
        "I² = 92.22 %",
        "Q(df = 12) = 152.2330, p < 0.0001",
        "log risk ratio: -0.7145",
        "risk ratio: 0.4894",
        "prediction interval",
    ):
        assert part in text


def test_the_frame_has_a_row_a_study() -> None:
    frame = pool(sizes("BCG RR")).to_frame()
    assert list(frame.columns) == ["study", "estimate", "se", "ci_low", "ci_high", "weight"]
    assert_allclose(frame["weight"].sum(), 100)


UNKNOWN = [
    ({"method": "XX"}, "unknown method for τ²: 'XX'; known are DL, HE"),
    ({"ci": "bca"}, "unknown ci: 'bca'; known are z, t, hksj, hksj-floored"),
    ({"model": "mixed"}, "unknown model: 'mixed'"),
    ({"prediction": "crystal"}, "unknown convention for the prediction interval: 'crystal'"),
    ({"level": 95}, "level = 95: a probability between 0 and 1"),
    ({"method": "MH"}, "MH works on counts: pool an EffectSizes"),
    ({"model": "UM.FS"}, "UM.FS works on counts"),
    ({"method": "GENQ"}, "GENQ and GENQM need weights"),
    ({"weights": [1, 2]}, "weights: 13 finite numbers of 0 or more"),
    ({"tau2": -1}, "tau2 = -1: a number of 0 or more"),
    ({"studies": ["A"]}, "1 study labels for 13 estimates"),
]


@pytest.mark.parametrize(("options", "message"), UNKNOWN, ids=[u[1] for u in UNKNOWN])
def test_unknown_options_say_what_is_known(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        pool(Y, V, **options)
