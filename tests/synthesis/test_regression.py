"""Does meta-regression agree with metafor's `rma` with moderators, and behave as a linear model must?

Reference values: metafor 3.8-1, calls in tests/data/meta_regression.json, written by
validation/metafor/meta_regression.R.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from datasets import BCG, TEACHER_EXPECTANCY, WRITING_TO_LEARN
from datasets_more import column, log_risk_ratio
from equipoise.errors import DataError
from equipoise.synthesis.bayes.priors import HalfNormal
from equipoise.synthesis.pairwise.design import design_matrix
from equipoise.synthesis.pairwise.heterogeneity import METHODS
from equipoise.synthesis.pairwise.permutation import permutation_test
from equipoise.synthesis.pairwise.regression import MetaRegression, meta_regression
from equipoise.synthesis.pairwise.subgroups import subgroups
from reference import CLOSED_FORM, ITERATIVE, agrees, reference

CASES = reference("meta_regression")
Y, V = log_risk_ratio(BCG)
CI = {"z": "z", "t": "t", "knha": "hksj", "adhoc": "hksj-floored"}
CLOSED = ("DL", "HE", "HS", "HSk", "SJ", "EE")


def matches(fit: MetaRegression, case: dict[str, Any], rtol: float) -> None:
    """Every number of the fit against metafor's. Its I² and H² from a boundary τ² are 0 and 1, so is ours."""
    for name in ("coefficients", "se", "statistic", "p_value", "tau2", "tau2_se", "i2", "h2", "r2"):
        agrees(getattr(fit, name), case[name], rtol, 1e-9 if name == "i2" else 1e-12, name)
    agrees(fit.ci[:, 0], case["ci_low"], rtol, 1e-12)
    agrees(fit.ci[:, 1], case["ci_high"], rtol, 1e-12)
    agrees(fit.residual_test.statistic, case["qe"], CLOSED_FORM)
    agrees(fit.residual_test.p_value, case["qe_p"], CLOSED_FORM)
    agrees(fit.moderator_test.statistic, case["qm"], rtol)
    agrees(fit.moderator_test.p_value, case["qm_p"], rtol)
    assert fit.moderator_test.df1 == case["qm_df"]
    agrees(fit.factor, case["s2w"], rtol)
    for name in ("log_likelihood", "aic", "bic", "aicc"):
        agrees(getattr(fit, name), case[name], rtol)


@pytest.mark.parametrize("method", ["DL", "HE", "HS", "HSk", "SJ", "ML", "REML", "EB", "PM", "PMM", "EE"])
@pytest.mark.parametrize("test", list(CI))
def test_latitude_and_allocation_of_the_bcg_trials(method: str, test: str) -> None:
    fit = meta_regression(Y, V, formula="~ ablat + alloc", data=BCG, method=method, ci=CI[test])
    matches(fit, CASES[f"bcg {method} {test}"], CLOSED_FORM if method in CLOSED else ITERATIVE)


def test_without_an_intercept() -> None:
    fit = meta_regression(Y, V, formula="0 + alloc", data=BCG)
    matches(fit, CASES["bcg no intercept"], ITERATIVE)
    assert fit.names == ("alloc[alternate]", "alloc[random]", "alloc[systematic]")


def test_an_interaction() -> None:
    data = {"ablat": BCG["ablat"], "decade": (column(BCG, "year") - 1960) / 10}
    matches(meta_regression(Y, V, formula="ablat * decade", data=data), CASES["bcg interaction"], ITERATIVE)


def test_weeks_of_prior_contact_with_a_design_matrix() -> None:
    weeks = np.minimum(column(TEACHER_EXPECTANCY, "weeks"), 3)
    X = np.column_stack([np.ones_like(weeks), weeks])
    y, v = column(TEACHER_EXPECTANCY, "yi"), column(TEACHER_EXPECTANCY, "vi")
    matches(meta_regression(y, v, X, method="ML"), CASES["teachers"], ITERATIVE)


def test_information_and_meta_cognition_in_writing_to_learn_with_knapp_and_hartung() -> None:
    table = {name: column(WRITING_TO_LEARN, name) for name in ("yi", "vi", "length", "info", "meta")}
    known = ~np.isnan(np.array(list(table.values()))).any(axis=0)
    data = {name: values[known] for name, values in table.items()}
    fit = meta_regression(data["yi"], data["vi"], formula="length + info + meta", data=data, ci="hksj")
    matches(fit, CASES["writing"], ITERATIVE)


def test_interval_of_tau2_predictions_and_the_test_of_a_term() -> None:
    case = CASES["bcg more"]
    fit = meta_regression(Y, V, formula="ablat + alloc", data=BCG)
    agrees(fit.tau2_ci, case["tau2_ci"], ITERATIVE)
    new = {"ablat": [10, 33.5, 50], "alloc": ["alternate", "random", "systematic"]}
    predicted = fit.predict(new)
    agrees(predicted.estimate, case["pred"], ITERATIVE)
    agrees(predicted.se, case["pred_se"], ITERATIVE)
    agrees(predicted.ci.T, [case["ci_low"], case["ci_high"]], ITERATIVE)
    agrees(predicted.prediction.T, [case["pi_low"], case["pi_high"]], ITERATIVE)
    agrees([fit.test("alloc").statistic, fit.test("alloc").p_value], [case["alloc_qm"], case["alloc_p"]], ITERATIVE)

    knha = meta_regression(Y, V, formula="ablat + alloc", data=BCG, ci="hksj")
    agrees(knha.predict(new).ci[:, 0], case["knha_ci_low"], ITERATIVE)
    agrees(knha.predict(new).prediction[:, 0], case["knha_pi_low"], ITERATIVE)
    agrees([*knha.test([2, 3])][::3], [case["knha_alloc_f"], case["knha_alloc_p"]], ITERATIVE)


class TestPermutation:
    def test_all_orders_of_seven_latitudes(self) -> None:
        case = CASES["permutation DL"]
        latitude = column(BCG, "ablat")[:7]
        latitude[5] = 45
        X = np.column_stack([np.ones(7), latitude])
        result = permutation_test(meta_regression(Y[:7], V[:7], X, method="DL"), exact=True)
        assert result.exact
        assert result.permutations == 5040
        agrees(result.p_value, case["p_value"], 1e-12)
        agrees(result.omnibus_p, case["qm_p"], 1e-12)
        ordered = np.sort(result.statistics[:, 1])
        agrees(ordered[[0, 99, 2519, 4999]], case["sorted_statistic"], CLOSED_FORM)

    def test_all_distinct_arrangements_of_a_category(self) -> None:
        case = CASES["permutation REML"]
        rows = [0, 3, 4, 7, 8, 10]
        data = {"alloc": [BCG["alloc"][row] for row in rows]}
        result = permutation_test(meta_regression(Y[rows], V[rows], formula="alloc", data=data))
        assert result.exact
        agrees(result.p_value, case["p_value"], 1e-12)
        agrees(result.omnibus_p, case["qm_p"], 1e-12)

    def test_all_signs_of_a_mean(self) -> None:
        case = CASES["permutation signs"]
        result = permutation_test(meta_regression(Y[:10], V[:10]))
        assert result.permutations == 1024
        agrees(result.p_value, case["p_value"], 1e-12)

    def test_a_random_test_includes_the_data_and_repeats_with_its_seed(self) -> None:
        fit = meta_regression(Y, V, formula="ablat", data=BCG, method="DL")
        one, two = (permutation_test(fit, permutations=500, seed=3) for _ in range(2))
        assert not one.exact
        assert_allclose(one.statistics[0], fit.statistic, rtol=1e-12)
        assert_allclose(one.p_value, two.p_value)
        assert one.p_value[1] >= 1 / 500

    def test_an_exact_test_of_too_many_orders_is_refused(self) -> None:
        with pytest.raises(DataError, match="exact=False"):
            permutation_test(meta_regression(Y, V, formula="ablat + year", data=BCG), exact=True)


class TestSubgroups:
    @pytest.mark.parametrize("method", ["EE", "DL", "REML"])
    def test_each_group_has_its_own_tau2(self, method: str) -> None:
        case = CASES[f"subgroups {method}"]
        result = subgroups(Y, V, BCG["alloc"], method=method)
        rtol = ITERATIVE if method == "REML" else CLOSED_FORM
        for name, estimate, se, tau2 in zip(case["groups"], case["estimate"], case["se"], case["tau2"], strict=True):
            fit = result.groups[name]
            agrees([fit.estimate, fit.se, fit.tau2], [estimate, se, tau2], rtol, 1e-12)
        agrees([result.between.statistic, result.between.p_value], [case["between"], case["between_p"]], rtol)

    def test_groups_that_share_tau2(self) -> None:
        case = CASES["subgroups common tau2"]
        result = subgroups(Y, V, BCG["alloc"], common_tau2=True)
        fits = [result.groups[name] for name in ("alternate", "random", "systematic")]
        agrees([fit.estimate for fit in fits], case["estimate"], ITERATIVE)
        agrees([fit.se for fit in fits], case["se"], ITERATIVE)
        agrees([fit.tau2 for fit in fits], [case["tau2"]] * 3, ITERATIVE)
        agrees(result.between.statistic, case["between"], ITERATIVE)

    def test_one_group_and_a_missing_group_are_refused(self) -> None:
        with pytest.raises(DataError, match="nothing to compare"):
            subgroups(Y, V, ["all"] * 13)
        with pytest.raises(DataError, match="study 2: empty"):
            subgroups(Y, V, ["a", None, *["b"] * 11])

    def test_text_and_frame(self) -> None:
        result = subgroups(Y, V, BCG["alloc"])
        assert "systematic" in result.summary()
        assert len(result.to_frame()) == 4


class TestProperties:
    @given(st.permutations(range(13)))
    def test_the_order_of_studies_does_not_matter(self, order: list[int]) -> None:
        X = np.column_stack([np.ones(13), column(BCG, "ablat")])
        one, two = meta_regression(Y, V, X), meta_regression(Y[order], V[order], X[order])
        assert_allclose(one.coefficients, two.coefficients, rtol=1e-9)
        assert_allclose(one.tau2, two.tau2, rtol=1e-9)

    @given(st.floats(-50, 50), st.floats(0.1, 20), st.sampled_from(list(METHODS)))
    def test_recoding_a_moderator_leaves_everything_but_the_intercept(
        self, shift: float, scale: float, method: str
    ) -> None:
        latitude = column(BCG, "ablat")
        one = meta_regression(Y, V, np.column_stack([np.ones(13), latitude]), method=method)
        two = meta_regression(Y, V, np.column_stack([np.ones(13), scale * latitude + shift]), method=method)
        assert_allclose(two.coefficients[1] * scale, one.coefficients[1], rtol=1e-6)
        assert_allclose(two.tau2, one.tau2, rtol=1e-6, atol=1e-12)
        assert_allclose(two.fitted, one.fitted, rtol=1e-6)

    @given(st.sampled_from(list(METHODS)))
    def test_swapping_the_groups_turns_the_signs(self, method: str) -> None:
        X = np.column_stack([np.ones(13), column(BCG, "ablat")])
        one, two = meta_regression(Y, V, X, method=method), meta_regression(-Y, V, X, method=method)
        assert_allclose(one.coefficients, -two.coefficients, rtol=1e-10)
        assert_allclose(one.p_value, two.p_value, rtol=1e-8)

    @given(st.floats(1e-3, 1e3))
    def test_units_carry_through(self, unit: float) -> None:
        X = np.column_stack([np.ones(13), column(BCG, "ablat")])
        one, two = meta_regression(Y, V, X), meta_regression(unit * Y, unit**2 * V, X)
        assert_allclose(two.coefficients, unit * one.coefficients, rtol=1e-8)
        assert_allclose(two.tau2, unit**2 * one.tau2, rtol=1e-8)
        assert_allclose(two.i2, one.i2, rtol=1e-8)


class TestDegenerateInput:
    def test_redundant_moderators_are_named(self) -> None:
        X = np.column_stack([np.ones(13), column(BCG, "ablat"), 2 * column(BCG, "ablat") - 1])
        with pytest.raises(DataError, match="'x2' is redundant"):
            meta_regression(Y, V, X)

    def test_as_many_coefficients_as_studies(self) -> None:
        X = np.column_stack([np.ones(2), [1.0, 2.0]])
        with pytest.raises(DataError, match="2 studies can't support 2 coefficients"):
            meta_regression(Y[:2], V[:2], X)
        fit = meta_regression(Y[:2], V[:2], X, method="CE")
        assert_allclose(fit.fitted, Y[:2])
        assert fit.residual_test.statistic == 0.0

    def test_studies_with_a_missing_value_are_left_out_and_listed(self) -> None:
        y, v, kept = Y.copy(), V.copy(), np.array([0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 12])
        y[2] = np.nan
        data = {"ablat": [*BCG["ablat"][:4], None, *BCG["ablat"][5:]]}
        fit = meta_regression(y, v, formula="ablat", data=data)
        complete = meta_regression(Y[kept], V[kept], formula="ablat", data={"ablat": column(BCG, "ablat")[kept]})
        assert_allclose(fit.coefficients, complete.coefficients, rtol=1e-12)
        assert fit.left_out == (("3", "no estimate"), ("5", "no ablat"))
        assert fit.studies == tuple(str(i + 1) for i in kept)
        assert "Left out: 5 (no ablat)" in fit.summary()
        X = np.column_stack([np.ones(13), column(BCG, "ablat")])
        X[4, 1] = v[2] = np.nan
        fit = meta_regression(Y, v, X)
        assert_allclose(fit.coefficients, complete.coefficients, rtol=1e-12)
        assert fit.left_out == (("3", "no sampling variance"), ("5", "no moderator"))
        posterior = meta_regression(Y, v, X, prior=HalfNormal(0.5))
        assert [out.study for out in posterior.left_out] == ["study 3", "study 5"]
        assert "Left out: study 5" in posterior.summary()
        with pytest.raises(DataError, match="no study has"):
            meta_regression(Y * np.nan, V, X)
        X[6, 1] = np.inf
        with pytest.raises(DataError, match="row 7: inf"):
            meta_regression(Y, v, X)

    def test_an_unknown_column_lists_those_there_are(self) -> None:
        with pytest.raises(DataError, match="no column 'latitude'; the data has 'study'"):
            meta_regression(Y, V, formula="latitude", data=BCG)

    @pytest.mark.parametrize(
        "formula",
        [
            "__import__('os').getcwd()",
            "open('x')",
            "ablat + (lambda: 1)()",
            "ablat.values",
            "{ablat}",
            "np.log(ablat)",
        ],
    )
    def test_a_formula_runs_no_code(self, formula: str) -> None:
        with pytest.raises(DataError, match="are allowed"):
            meta_regression(Y, V, formula=formula, data=BCG)

    @pytest.mark.parametrize(
        "formula", ["log(ablat)", "poly(ablat, 2)", "C(alloc, contr.treatment('random'))", "`ablat`"]
    )
    def test_transformations_and_contrasts_are_allowed(self, formula: str) -> None:
        assert meta_regression(Y, V, formula=formula, data=BCG).k == 13

    @pytest.mark.parametrize(("row", "value"), [(3, 0.0), (4, -1.0), (5, np.inf)])
    def test_an_impossible_variance_names_its_study(self, row: int, value: float) -> None:
        v = V.copy()
        v[row] = value
        with pytest.raises(DataError, match=f"variances, study {row + 1}"):
            meta_regression(Y, v, formula="ablat", data=BCG)

    def test_a_fit_without_any_residual_is_exact(self) -> None:
        X = np.column_stack([np.ones(13), column(BCG, "ablat")])
        fit = meta_regression(X @ [0.3, -0.02], V, X, ci="hksj")
        assert_allclose(fit.coefficients, [0.3, -0.02], rtol=1e-12)
        assert fit.tau2 == 0.0
        assert fit.factor < 1e-20
        assert "below 1" in fit.warnings[0]

    def test_a_huge_ratio_of_variances_keeps_its_digits(self) -> None:
        v = V.copy()
        v[3] = 1e-12
        X = np.column_stack([np.ones(13), column(BCG, "ablat") - column(BCG, "ablat")[3]])
        fit = meta_regression(Y, v, X, method="CE")
        assert_allclose(fit.coefficients[0], Y[3], rtol=1e-9)

    def test_constant_moderator_is_redundant_with_the_intercept(self) -> None:
        with pytest.raises(DataError, match="redundant"):
            design_matrix(np.column_stack([np.ones(4), np.full(4, 3.0)]), 4)


def test_text_and_frame() -> None:
    fit = meta_regression(Y, V, formula="ablat + alloc", data=BCG)
    assert "Mixed-effects model (k = 13; τ² estimator: REML)" in fit.summary()
    assert "alloc[T.random]" in fit.summary()
    assert list(fit.to_frame()["term"]) == list(fit.names)
