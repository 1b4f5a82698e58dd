"""Do multilevel and multivariate models agree with metafor's `rma.mv`, and find the likelihood's maximum?

Reference values: metafor 3.8-1, calls in tests/data/multilevel.json, written by validation/metafor/multilevel.R with
the optimiser at its smallest tolerance. The likelihoods agree to 1e-10; estimates on a flat maximum to 1e-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.sparse import csr_array

from datasets import PERIODONTAL, SCHOOL_CALENDAR
from datasets_more import STIMULATION, column
from equipoise.errors import DataError
from equipoise.synthesis.pairwise.multilevel import Multilevel, multilevel
from equipoise.synthesis.pairwise.random_effects import intercepts, nested, slopes, structured
from equipoise.synthesis.pairwise.regression import meta_regression
from equipoise.synthesis.pairwise.sampling_covariance import sampling_covariance
from reference import CLOSED_FORM, ITERATIVE, agrees, reference

FloatArray = NDArray[np.float64]

CASES = reference("multilevel")
Y, V = column(SCHOOL_CALENDAR, "yi"), column(SCHOOL_CALENDAR, "vi")
DISTRICT, SCHOOL, STUDY = (SCHOOL_CALENDAR[name] for name in ("district", "school", "study"))
DECADE = np.column_stack([np.ones(56), (column(SCHOOL_CALENDAR, "year") - 1990) / 10])
LEVELS = nested(DISTRICT, SCHOOL, names=("district", "school"))


def matches(fit: Multilevel, case: dict[str, Any], rtol: float = ITERATIVE) -> None:
    """Everything against metafor's; p-values of large statistics magnify what is left of their difference."""
    agrees(fit.log_likelihood, case["log_likelihood"], 1e-8)
    agrees(fit.aic, case["aic"], 1e-8)
    agrees(fit.bic, case["bic"], 1e-8)
    for name in ("coefficients", "se", "statistic"):
        agrees(getattr(fit, name), case[name], rtol, 0.0, name)
    agrees(fit.p_value, case["p_value"], 1e-4)
    agrees(fit.ci[:, 0], case["ci_low"], rtol)
    agrees(fit.ci[:, 1], case["ci_high"], rtol)
    agrees(fit.residual_test.statistic, case["qe"], CLOSED_FORM)
    agrees(fit.moderator_test.statistic, case["qm"], rtol)
    agrees(fit.moderator_test.p_value, case["qm_p"], 1e-4)


def values(fit: Multilevel, kind: str) -> list[float]:
    return [component.value for component in fit.components if kind in component.name]


class TestSchools:
    @pytest.mark.parametrize("method", ["REML", "ML"])
    def test_schools_within_districts(self, method: str) -> None:
        case = CASES[f"schools nested {method}"]
        fit = multilevel(Y, V, random=LEVELS, method=method)
        matches(fit, case)
        agrees(values(fit, "sigma2"), case["sigma2"], ITERATIVE)

    def test_compound_symmetry_is_the_nested_model_otherwise_coded(self) -> None:
        case = CASES["schools CS"]
        fit = multilevel(Y, V, random=structured(SCHOOL, DISTRICT, "CS"))
        matches(fit, case)
        agrees(values(fit, "tau2"), case["tau2"], ITERATIVE)
        agrees(values(fit, "rho"), case["rho"], ITERATIVE)
        nested_fit = multilevel(Y, V, random=LEVELS)
        assert_allclose(fit.log_likelihood, nested_fit.log_likelihood, rtol=1e-10)
        assert_allclose(sum(values(nested_fit, "sigma2")), values(fit, "tau2")[0], rtol=1e-6)

    @pytest.mark.parametrize("test", ["z", "t"])
    def test_a_moderator(self, test: str) -> None:
        matches(multilevel(Y, V, DECADE, random=LEVELS, test=test), CASES[f"schools year {test}"])

    def test_degrees_of_freedom_by_containment(self) -> None:
        case = CASES["schools contain"]
        fit = multilevel(Y, V, DECADE, random=LEVELS, test="contain")
        matches(fit, case)
        agrees(fit.df, case["ddf"], 0.0)

    def test_crossed_effects(self) -> None:
        case = CASES["schools crossed"]
        terms = [intercepts(DISTRICT, "district"), intercepts(SCHOOL, "school"), intercepts(STUDY, "study")]
        fit = multilevel(Y, V, random=terms)
        matches(fit, case)
        agrees(values(fit, "sigma2"), case["sigma2"], ITERATIVE)

    def test_a_variance_at_zero_is_zero_and_said_to_be(self) -> None:
        case = CASES["schools crossed years"]
        fit = multilevel(Y, V, random=[intercepts(SCHOOL_CALENDAR["year"], "year"), intercepts(STUDY, "study")])
        matches(fit, case)
        assert fit.component("sigma2[year]").value == 0.0
        assert np.isnan(fit.component("sigma2[year]").se)
        assert "sigma2[year] is 0" in fit.warnings[0]

    def test_random_slopes(self) -> None:
        case = CASES["schools slopes"]
        X = np.column_stack([np.ones(56), column(SCHOOL_CALENDAR, "school") - 3])
        fit = multilevel(Y, V, X, random=[slopes(X, DISTRICT), intercepts(STUDY, "study")])
        # The flattest of these likelihoods; metafor stops 1e-7 away.
        matches(fit, case, 1e-5)
        agrees(values(fit, "tau2"), case["tau2"], ITERATIVE)
        agrees(values(fit, "rho"), case["rho"], ITERATIVE)

    def test_effects_that_are_correlated_in_a_known_way(self) -> None:
        case = CASES["schools known R"]
        R = 0.7 ** np.abs(np.subtract.outer(np.arange(11), np.arange(11)))
        known = intercepts(DISTRICT, "district", correlation=R, levels=sorted(set(DISTRICT)))
        fit = multilevel(Y, V, random=[known, intercepts(STUDY, "study")])
        matches(fit, case)
        agrees(values(fit, "sigma2"), case["sigma2"], ITERATIVE)

    def test_profile_intervals_and_predicted_effects(self) -> None:
        case = CASES["schools more"]
        fit = multilevel(Y, V, random=LEVELS)
        agrees(fit.component_ci("sigma2[district]"), case["sigma2_1"], ITERATIVE)
        agrees(fit.component_ci("sigma2[district/school]"), case["sigma2_2"], ITERATIVE)
        effects = fit.effects()
        district = effects[effects["term"] == "district"].set_index("group")
        codes = [str(code) for code in sorted(set(DISTRICT))]
        agrees(district.loc[codes, "estimate"].to_numpy(), case["district"], ITERATIVE)
        agrees(district.loc[codes, "se"].to_numpy(), case["district_se"], ITERATIVE)
        school = effects[effects["term"] == "district/school"].set_index("group")
        first = [f"11/{j}" for j in range(1, 5)] + ["12/1"]
        agrees(school.loc[first, "estimate"].to_numpy(), case["school"], ITERATIVE)
        agrees(school.loc[first, "se"].to_numpy(), case["school_se"], ITERATIVE)


def periodontal() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Two outcomes a trial, with their covariance."""
    y = column(PERIODONTAL, "yi")
    rows = np.column_stack([column(PERIODONTAL, "v1i"), column(PERIODONTAL, "v2i")])
    known = np.zeros((10, 10))
    for start in range(0, 10, 2):
        known[start : start + 2, start : start + 2] = rows[start : start + 2]
    X = np.array([[outcome == "AL", outcome == "PD"] for outcome in PERIODONTAL["outcome"]], dtype=float)
    return y, known, X


class TestTwoOutcomes:
    @pytest.mark.parametrize("structure", ["UN", "CS", "HCS", "DIAG", "ID"])
    @pytest.mark.parametrize("method", ["REML", "ML"])
    def test_structures(self, structure: str, method: str) -> None:
        case = CASES[f"periodontal {structure} {method}"]
        y, known, X = periodontal()
        term = structured(PERIODONTAL["outcome"], PERIODONTAL["trial"], structure)
        fit = multilevel(y, known, X, random=term, method=method)
        matches(fit, case)
        agrees(values(fit, "tau2"), case["tau2"], 2e-6)
        if values(fit, "rho"):
            agrees(values(fit, "rho"), case["rho"], 2e-6)

    def test_a_given_correlation(self) -> None:
        case = CASES["periodontal fixed rho"]
        y, known, X = periodontal()
        term = structured(PERIODONTAL["outcome"], PERIODONTAL["trial"], "CS", rho=0.5)
        fit = multilevel(y, known, X, random=term)
        matches(fit, case)
        assert fit.component("rho").value == 0.5
        assert fit.component("rho").fixed
        assert np.isnan(fit.component("rho").se)

    def test_known_covariance_alone(self) -> None:
        y, known, X = periodontal()
        matches(multilevel(y, known, X), CASES["periodontal V only"])

    def test_profile_interval_of_an_unstructured_variance(self) -> None:
        y, known, X = periodontal()
        term = structured(PERIODONTAL["outcome"], PERIODONTAL["trial"], "UN")
        fit = multilevel(y, known, X, random=term, method="ML")
        agrees(fit.component_ci("tau2[AL]"), CASES["periodontal ci"]["tau2_1"], ITERATIVE)

    def test_sparse_and_dense_v_are_the_same(self) -> None:
        y, known, X = periodontal()
        term = structured(PERIODONTAL["outcome"], PERIODONTAL["trial"], "CS")
        one, two = multilevel(y, known, X, random=term), multilevel(y, csr_array(known), X, random=term)
        assert_allclose(one.coefficients, two.coefficients, rtol=1e-12)


def stimulation() -> tuple[FloatArray, FloatArray, list[str], FloatArray]:
    """The growth curve in long form."""
    rows = [
        (study, time, STIMULATION[f"y{time}"][i], STIMULATION[f"v{time}"][i])
        for i, study in enumerate(STIMULATION["study"])
        for time in (1, 2, 3, 4)
        if not np.isnan(STIMULATION[f"y{time}"][i])
    ]
    studies, times, y, v = zip(*rows, strict=True)
    return np.array(y), np.array(v), list(studies), np.array(times, dtype=float)


@pytest.mark.parametrize("structure", ["AR", "HAR", "CAR", "CS", "HCS", "UN", "DIAG"])
def test_structures_over_time(structure: str) -> None:
    case = CASES[f"stimulation {structure}"]
    y, v, study, time = stimulation()
    known = sampling_covariance(v, study, time1=time, phi=0.97)
    X = (time[:, None] == np.arange(1, 5)).astype(float)
    fit = multilevel(y, known, X, random=structured(time, study, structure))
    matches(fit, case)
    agrees(values(fit, "tau2"), case["tau2"], 2e-6)
    if values(fit, "rho"):
        agrees(values(fit, "rho"), case["rho"], 2e-6)


class TestProperties:
    @settings(max_examples=10)
    @given(st.permutations(range(56)))
    def test_the_order_of_rows_does_not_matter(self, order: list[int]) -> None:
        district, school = ([labels[i] for i in order] for labels in (DISTRICT, SCHOOL))
        one = multilevel(Y, V, random=LEVELS)
        two = multilevel(Y[order], V[order], random=nested(district, school, names=("district", "school")))
        assert_allclose(two.coefficients, one.coefficients, rtol=1e-8)
        assert_allclose(values(two, "sigma2"), values(one, "sigma2"), rtol=1e-7)

    @settings(max_examples=20)
    @given(st.floats(1e-2, 1e2), st.sampled_from([1.0, -1.0]))
    def test_units_and_signs_carry_through(self, unit: float, sign: float) -> None:
        one, two = multilevel(Y, V, random=LEVELS), multilevel(sign * unit * Y, unit**2 * V, random=LEVELS)
        assert_allclose(two.coefficients, sign * unit * one.coefficients, rtol=1e-7)
        assert_allclose(values(two, "sigma2"), unit**2 * np.array(values(one, "sigma2")), rtol=1e-6)

    def test_one_effect_a_row_is_the_random_effects_model(self) -> None:
        fit, simple = multilevel(Y, V, DECADE, random=intercepts(STUDY)), meta_regression(Y, V, DECADE)
        assert_allclose(values(fit, "sigma2"), [simple.tau2], rtol=1e-8)
        assert_allclose(fit.coefficients, simple.coefficients, rtol=1e-9)
        assert_allclose(fit.log_likelihood, simple.log_likelihood, rtol=1e-12)

    def test_the_gradient_is_that_of_the_likelihood(self) -> None:
        y, v, study, time = stimulation()
        X = (time[:, None] == np.arange(1, 5)).astype(float)
        for structure in ("UN", "HCS", "AR", "CAR", "DIAG"):
            fit = multilevel(y, v, X, random=structured(time, study, structure))
            theta = fit.theta * 1.1 + 0.05 * np.arange(len(fit.theta)) / 10
            theta = np.clip(theta, *(np.concatenate([term.bounds()[i] for term in fit.random]) for i in (0, 1)))
            theta = np.where(theta >= 1, theta, np.minimum(theta, 0.9))
            numeric = np.empty(len(theta))
            for j in range(len(theta)):
                h = 1e-5 * max(abs(theta[j]), 0.1)
                up, down = theta.copy(), theta.copy()
                up[j] += h
                down[j] -= h
                numeric[j] = (fit.likelihood(up)[0] - fit.likelihood(down)[0]) / (2 * h)
            assert_allclose(fit.likelihood(theta)[1], numeric, rtol=1e-5, atol=1e-7, err_msg=structure)


class TestDegenerateInput:
    def test_lengths_that_differ(self) -> None:
        with pytest.raises(DataError, match="have 3 rows, but there are 56"):
            multilevel(Y, V, random=intercepts(["a", "b", "c"], "group"))

    def test_v_that_is_not_symmetric_or_not_positive_definite(self) -> None:
        y, known, X = periodontal()
        lopsided = known.copy()
        lopsided[0, 1] *= 2
        with pytest.raises(DataError, match="isn't symmetric"):
            multilevel(y, lopsided, X)
        impossible = known.copy()
        impossible[0, 1] = impossible[1, 0] = 1.0
        with pytest.raises(DataError, match="positive definite"):
            multilevel(y, impossible, X)

    @pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0])
    def test_an_impossible_variance_names_its_row(self, bad: float) -> None:
        v = V.copy()
        v[4] = bad
        with pytest.raises(DataError, match="V, row 5"):
            multilevel(Y, v, random=LEVELS)

    def test_a_missing_group_names_its_row(self) -> None:
        with pytest.raises(DataError, match="district, row 2: empty"):
            intercepts(["a", None], "district")

    def test_levels_that_never_meet_have_correlation_zero(self) -> None:
        y, v = np.array([0.1, 0.4, 0.3, 0.2, 0.5, 0.9]), np.full(6, 0.01)
        fit = multilevel(y, v, random=structured(["a", "a", "a", "b", "b", "b"], list("uvwxyz"), "UN"))
        assert fit.component("rho[a,b]").value == 0.0
        assert fit.component("rho[a,b]").fixed
        assert any("never meet" in warning for warning in fit.warnings)

    def test_identical_estimates_have_no_heterogeneity(self) -> None:
        fit = multilevel(np.full(6, 0.3), np.full(6, 0.01), random=nested(list("aabbcc"), list("xyxyxy")))
        assert values(fit, "sigma2") == [0.0, 0.0]
        assert_allclose(fit.coefficients, [0.3])

    def test_an_unknown_component_lists_those_there_are(self) -> None:
        with pytest.raises(DataError, match=r"sigma2\[district\], sigma2\[district/school\]"):
            multilevel(Y, V, random=LEVELS).component_ci("sigma2")


def test_text_and_frame() -> None:
    fit = multilevel(Y, V, DECADE, random=LEVELS)
    assert "sigma2[district/school]" in fit.summary()
    assert list(fit.to_frame()["term"]) == ["intercept", "x1"]
