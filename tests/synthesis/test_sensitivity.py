"""Do leave-one-out, cumulative, influence, Baujat and GOSH analyses agree with metafor's?

Reference values: metafor 3.8-1, calls in tests/data/sensitivity.json, written by validation/metafor/sensitivity.R.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import equipoise as eq
from datasets import BCG
from datasets_more import column, log_risk_ratio
from equipoise.errors import DataError
from equipoise.synthesis.pairwise.asymmetry import begg, thompson
from equipoise.synthesis.pairwise.baujat import baujat
from equipoise.synthesis.pairwise.cumulative import cumulative
from equipoise.synthesis.pairwise.excess_significance import excess_significance
from equipoise.synthesis.pairwise.fail_safe import fail_safe
from equipoise.synthesis.pairwise.gosh import gosh
from equipoise.synthesis.pairwise.influence import influence
from equipoise.synthesis.pairwise.leave_one_out import leave_one_out
from equipoise.synthesis.pairwise.limit_meta_analysis import limit_meta_analysis
from equipoise.synthesis.pairwise.location_scale import location_scale
from equipoise.synthesis.pairwise.pet_peese import pet_peese
from equipoise.synthesis.pairwise.pooling import pool
from equipoise.synthesis.pairwise.series import PooledSeries
from reference import CLOSED_FORM, ITERATIVE, agrees, reference

CASES = reference("sensitivity")
Y, V = log_risk_ratio(BCG)
CI = {"z": "z", "knha": "hksj"}


def tolerance(method: str) -> float:
    return CLOSED_FORM if method in {"EE", "DL", "HE", "SJ"} else ITERATIVE


def matches(series: PooledSeries, case: dict[str, Any], rtol: float) -> None:
    for name in ("estimate", "se", "statistic", "p_value", "q", "q_p", "tau2", "i2", "h2"):
        agrees(getattr(series, name), case[name], rtol, 1e-8 if name in {"tau2", "i2"} else 1e-14, name)
    agrees(series.ci[:, 0], case["ci_low"], rtol)
    agrees(series.ci[:, 1], case["ci_high"], rtol)


@pytest.mark.parametrize("method", ["EE", "DL", "HE", "SJ", "REML", "ML", "PM"])
@pytest.mark.parametrize("test", list(CI))
class TestSeries:
    def test_without_each_study(self, method: str, test: str) -> None:
        series = leave_one_out(Y, V, method=method, ci=CI[test], studies=BCG["study"])
        matches(series, CASES[f"leave1out {method} {test}"], tolerance(method))
        assert series.rows == tuple(BCG["study"])

    def test_by_year(self, method: str, test: str) -> None:
        series = cumulative(Y, V, BCG["year"], method=method, ci=CI[test], studies=BCG["study"])
        case = {name: values for name, values in CASES[f"cumul {method} {test}"].items() if name != "call"}
        if test == "knha":
            # With one study there is no Hartung–Knapp factor; metafor gives that row as Wald's, we leave it open.
            assert np.isnan(series.estimate[0])
            series = cumulative(Y, V, BCG["year"], method=method, ci=CI[test])
            rest = {name: [None, *values[1:]] for name, values in case.items()}
            matches(series, rest, tolerance(method))
        else:
            matches(series, case, tolerance(method))
        assert series.k.tolist() == list(range(1, 14))


@pytest.mark.parametrize("method", ["EE", "DL", "REML"])
@pytest.mark.parametrize("test", list(CI))
@pytest.mark.parametrize("model", ["mean", "moderators"])
def test_influence_and_baujat(method: str, test: str, model: str) -> None:
    case = CASES[f"influence {model} {method} {test}"]
    formula = "ablat + alloc" if model == "moderators" else "1"
    found = influence(Y, V, formula=formula, data=BCG, method=method, ci=CI[test])
    rtol = tolerance(method)
    agrees(found.studentised, case["rstudent"], rtol)
    agrees(found.standardised, case["rstandard"], rtol)
    agrees(found.dffits, case["dffits"], rtol)
    agrees(found.cooks_distance, case["cook_d"], rtol)
    agrees(found.covariance_ratio, case["cov_r"], rtol)
    agrees(found.tau2_deleted, case["tau2_del"], rtol, 1e-10)
    agrees(found.q_deleted, case["qe_del"], rtol)
    agrees(found.hat, case["hat"], rtol)
    agrees(found.weight, case["weight"], rtol)
    agrees(found.dfbetas.ravel(), case["dfbetas"], rtol)
    assert found.influential.tolist() == case["influential"]
    if test == "z":
        points = baujat(Y, V, formula=formula, data=BCG, method=method)
        agrees(points.heterogeneity, case["baujat_x"], rtol)
        agrees(points.influence, case["baujat_y"], rtol)


class TestGosh:
    @pytest.mark.parametrize("method", ["EE", "DL", "REML", "PM"])
    def test_every_subset_of_nine_trials(self, method: str) -> None:
        case = CASES[f"gosh {method}"]
        result = gosh(Y[:9], V[:9], method=method)
        rtol = tolerance(method)
        assert result.exhaustive
        rows = np.array(case["code"]) - 1
        assert result.size[rows].tolist() == case["k"]
        agrees(result.estimate[rows], case["estimate"], rtol)
        agrees(result.q[rows], case["q"], CLOSED_FORM, 1e-13)
        agrees(result.tau2[rows], case["tau2"], rtol, 1e-10)
        agrees(result.i2[rows], case["i2"], rtol, 1e-7)
        # With τ² at 0, metafor's shortcut for DL gives Q/df below 1; its rma() gives 1.
        agrees(result.h2[rows], case["h2"] if method != "DL" else np.maximum(case["h2"], 1), rtol)

    def test_every_subset_with_a_moderator(self) -> None:
        case = CASES["gosh moderators"]
        X = np.column_stack([np.ones(9), column(BCG, "ablat")[:9]])
        result = gosh(Y[:9], V[:9], X, method="DL")
        rows = np.array(case["code"]) - 1
        agrees(result.coefficients[rows, 0], case["intercept"], CLOSED_FORM, 1e-9)
        agrees(result.coefficients[rows, 1], case["slope"], CLOSED_FORM, 1e-10)
        agrees(result.tau2[rows], case["tau2"], CLOSED_FORM, 1e-12)
        fitted = [q for q in case["q"] if q is not None]
        agrees(result.q[rows][~np.isnan(result.q[rows])], fitted, CLOSED_FORM, 1e-12)

    def test_the_closed_form_and_the_batch_agree(self) -> None:
        closed, batch = gosh(Y, V, method="DL"), gosh(Y, V, np.ones((13, 1)) * 1.0, method="HE")
        assert len(closed.size) == len(batch.size) == 2**13 - 1
        some = [0, 5, 100, 4097, 8190]
        for row in some:
            inside = np.flatnonzero(closed.includes(0) * 0 + 1)[row]
            members = [i for i in range(13) if closed.includes(i)[inside]]
            for result, method in ((closed, "DL"), (batch, "HE")):
                fit = pool(Y[members], V[members], method=method)
                assert_allclose([result.estimate[row], result.tau2[row]], [fit.estimate, fit.tau2], rtol=1e-9)

    def test_random_subsets_repeat_with_their_seed_and_are_never_empty(self) -> None:
        one, two = (gosh(Y, V, subsets=500, seed=4) for _ in range(2))
        assert not one.exhaustive
        assert one.size.min() >= 1
        assert_allclose(one.estimate, two.estimate)

    def test_a_study_that_drives_the_result_shows_in_the_split(self) -> None:
        y, v = np.append(np.zeros(8), 5.0), np.full(9, 0.1)
        result = gosh(y, v, studies=[*"abcdefgh", "outlier"])
        with_it = result.includes("outlier")
        assert result.estimate[with_it].min() > result.estimate[~with_it].max()
        assert "511 all subsets" in result.summary()

    def test_more_studies_than_bits_in_a_word(self) -> None:
        rng = np.random.default_rng(0)
        result = gosh(rng.normal(size=70), np.full(70, 0.2), subsets=200)
        assert result.members.shape == (200, 9)
        assert_allclose(result.size, sum(result.includes(i).astype(int) for i in range(70)))


class TestProperties:
    @settings(max_examples=25)
    @given(st.permutations(range(13)))
    def test_the_order_of_studies_does_not_matter(self, order: list[int]) -> None:
        one, two = leave_one_out(Y, V), leave_one_out(Y[order], V[order])
        assert_allclose(two.estimate, one.estimate[order], rtol=1e-9)
        one_i, two_i = influence(Y, V), influence(Y[order], V[order])
        assert_allclose(two_i.cooks_distance, one_i.cooks_distance[order], rtol=1e-6)

    @settings(max_examples=25)
    @given(st.floats(0.01, 100), st.sampled_from([1.0, -1.0]))
    def test_units_do_not_change_diagnostics(self, unit: float, sign: float) -> None:
        one, two = influence(Y, V), influence(sign * unit * Y, unit**2 * V)
        assert_allclose(two.studentised, sign * one.studentised, rtol=1e-6)
        assert_allclose(two.cooks_distance, one.cooks_distance, rtol=1e-6)

    def test_the_last_step_of_a_cumulative_analysis_is_the_whole(self) -> None:
        whole, series = pool(Y, V), cumulative(Y, V, BCG["year"])
        assert_allclose([series.estimate[-1], series.se[-1]], [whole.estimate, whole.se], rtol=1e-10)

    def test_leaving_out_agrees_with_pooling_the_rest(self) -> None:
        rest = np.arange(13) != 4
        fit, series = pool(Y[rest], V[rest], method="ML"), leave_one_out(Y, V, method="ML")
        assert_allclose(series.estimate[4], fit.estimate, rtol=1e-9)


class TestDegenerateInput:
    def test_one_study(self) -> None:
        with pytest.raises(DataError, match="leaves nothing to pool"):
            leave_one_out(Y[:1], V[:1])
        assert cumulative(Y[:1], V[:1]).tau2[0] == 0.0
        assert_allclose(gosh(Y[:1], V[:1], method="REML").estimate, Y[:1])

    def test_two_studies_leave_one_each(self) -> None:
        series = leave_one_out(Y[:2], V[:2])
        assert_allclose(series.estimate, Y[[1, 0]])
        assert_allclose(series.q, 0.0)
        with pytest.raises(DataError, match="leaves no residual"):
            influence(Y[:2], V[:2])

    def test_a_study_that_alone_tells_a_coefficient_can_not_be_left_out(self) -> None:
        X = np.column_stack([np.ones(6), [1.0, 0, 0, 0, 0, 0]])
        found = influence(Y[:6], V[:6], X)
        assert np.isnan(found.cooks_distance[0])
        assert not np.isnan(found.cooks_distance[1:]).any()

    def test_identical_studies(self) -> None:
        result = gosh(np.full(5, 0.4), np.full(5, 0.1), method="DL")
        assert_allclose(result.estimate, 0.4)
        assert_allclose(result.q, 0.0, atol=1e-28)

    def test_a_variance_a_trillion_times_the_others(self) -> None:
        v = V[:5].copy()
        v[0] = 1e12
        result = gosh(Y[:5], v)
        without = gosh(Y[1:5], v[1:5])
        inside = result.includes(0) & (result.size > 1)
        assert_allclose(result.estimate[inside], without.estimate, rtol=1e-9)

    def test_missing_order_names_its_study(self) -> None:
        with pytest.raises(DataError, match="order, study 3"):
            cumulative(Y[:4], V[:4], [1.0, 2.0, np.nan, 3.0])


def test_text_and_frames() -> None:
    assert "Aronson 1948" in leave_one_out(Y, V, studies=BCG["study"]).summary()
    assert len(cumulative(Y, V).to_frame()) == 13
    assert "rstudent" in influence(Y, V).summary()
    assert len(baujat(Y, V).to_frame()) == 13
    assert len(gosh(Y[:5], V[:5]).to_frame()) == 31


@pytest.mark.parametrize(
    "analysis",
    [
        eq.egger, thompson, begg, pet_peese, limit_meta_analysis, excess_significance, fail_safe, location_scale,
        eq.leave_one_out, eq.cumulative, eq.gosh, eq.influence, baujat, eq.trim_and_fill, eq.selection_model,
        eq.meta_regression, partial(eq.meta_regression, prior=eq.HalfNormal(0.5)), partial(eq.subgroups, groups="aabbab"),
    ],
)  # fmt: skip
def test_effect_sizes_are_taken_with_their_studies(analysis: Callable[..., Any]) -> None:
    data = {"trial": list("pqrstu"), "e": [4, 8, 12, 9, 3, 20], "n": [40, 51, 80, 62, 30, 99]}
    data |= {"f": [9, 11, 12, 17, 8, 33], "m": [41, 50, 79, 60, 31, 101]}
    es = eq.effect_sizes(data, measure="OR", study="trial", events=("e", "f"), n=("n", "m"))
    found, plain = analysis(es), analysis(es.estimates, es.variances)
    if "studies" in signature(analysis).parameters:
        plain = analysis(es.estimates, es.variances, studies=es.studies)
    assert found.summary() == plain.summary()
    with pytest.raises(DataError, match="carry their variances"):
        analysis(es, es.variances)
    with pytest.raises(DataError, match=r"need(s|ed).* variances|variances are needed"):
        analysis(es.estimates)
    with pytest.raises(DataError, match=r"a result isn't taken|needs variances"):
        analysis(eq.pool(es))
