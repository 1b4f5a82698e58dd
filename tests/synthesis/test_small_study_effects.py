"""Do the looks at small-study effects agree with metafor, and with the formulas of the papers where it has none?

Reference values: tests/data/small_study_effects.json, each with its call, written by
validation/metafor/small_study_effects.R (metafor 3.8-1; `lm` of R 4.2 on the published formulas).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from datasets import MAGNESIUM_EGGER, TEACHER_EXPECTANCY
from datasets_more import column, log_odds_ratio, passive_smoking
from equipoise.errors import DataError
from equipoise.synthesis.pairwise import asymmetry
from equipoise.synthesis.pairwise.asymmetry import AsymmetryTest, begg, egger, thompson
from equipoise.synthesis.pairwise.excess_significance import excess_significance
from equipoise.synthesis.pairwise.fail_safe import fail_safe
from equipoise.synthesis.pairwise.limit_meta_analysis import limit_meta_analysis
from equipoise.synthesis.pairwise.pet_peese import LimitRegression, pet_peese
from equipoise.synthesis.pairwise.trim_and_fill import trim_and_fill
from reference import CLOSED_FORM, ITERATIVE, agrees, reference

CASES = reference("small_study_effects")
DATA = {
    "magnesium": log_odds_ratio(MAGNESIUM_EGGER),
    "smoking": passive_smoking(),
    "teachers": (column(TEACHER_EXPECTANCY, "yi"), column(TEACHER_EXPECTANCY, "vi")),
}
Y, V = DATA["teachers"]
TABLES = tuple(column(MAGNESIUM_EGGER, name)[:15] for name in ("events1", "n1", "events2", "n2"))
SMALL_Y, SMALL_V = DATA["magnesium"][0][:15], DATA["magnesium"][1][:15]


def matches(test: AsymmetryTest, case: dict[str, Any], rtol: float = CLOSED_FORM) -> None:
    for name in ("statistic", "p_value", "df", "bias", "bias_se", "limit"):
        agrees(getattr(test, name), case[name], rtol, 0.0, name)
    agrees(test.limit_ci, [case["limit_low"], case["limit_high"]], rtol)


class TestAsymmetry:
    @pytest.mark.parametrize("name", list(DATA))
    @pytest.mark.parametrize(("ours", "theirs"), [("se", "sei"), ("variance", "vi")])
    def test_egger(self, name: str, ours: str, theirs: str) -> None:
        matches(egger(*DATA[name], predictor=ours), CASES[f"egger {name} {theirs}"])

    @pytest.mark.parametrize(
        ("ours", "theirs"), [("n", "ni"), ("1/n", "ninv"), ("sqrt(n)", "sqrtni"), ("1/sqrt(n)", "sqrtninv")]
    )
    def test_egger_on_sample_size(self, ours: str, theirs: str) -> None:
        sizes = column(MAGNESIUM_EGGER, "n1") + column(MAGNESIUM_EGGER, "n2")
        matches(egger(*DATA["magnesium"], predictor=ours, sizes=sizes), CASES[f"egger magnesium {theirs}"])

    def test_egger_beside_a_moderator(self) -> None:
        X = np.column_stack([np.ones(19), column(TEACHER_EXPECTANCY, "weeks")])
        matches(egger(Y, V, X=X), CASES["egger teachers weeks"])

    @pytest.mark.parametrize("name", list(DATA))
    def test_additive_spread(self, name: str) -> None:
        matches(thompson(*DATA[name], method="REML", test="z"), CASES[f"additive {name}"], ITERATIVE)
        matches(thompson(*DATA[name]), CASES[f"additive DL t {name}"])

    @pytest.mark.parametrize("name", list(DATA))
    def test_begg(self, name: str) -> None:
        test, case = begg(*DATA[name]), CASES[f"begg {name}"]
        agrees([test.bias, test.p_value], [case["tau"], case["p_value"]], CLOSED_FORM)

    def test_peters(self) -> None:
        matches(asymmetry.peters(SMALL_Y, *TABLES), CASES["peters"])

    @pytest.mark.parametrize("measure", ["OR", "RR"])
    def test_harbord(self, measure: str) -> None:
        matches(asymmetry.harbord(*TABLES, measure=measure), CASES[f"harbord {measure}"])

    def test_deeks(self) -> None:
        matches(asymmetry.deeks(SMALL_Y, TABLES[1], TABLES[3]), CASES["deeks"])

    def test_macaskill(self) -> None:
        sizes, events = TABLES[1] + TABLES[3], TABLES[0] + TABLES[2]
        for test, name in (
            (asymmetry.macaskill(SMALL_Y, SMALL_V, sizes), "macaskill"),
            (asymmetry.macaskill(SMALL_Y, SMALL_V, sizes, events=events), "macaskill pooled"),
        ):
            case = CASES[name]
            agrees(
                [test.statistic, test.p_value, test.bias], [case[x] for x in ("statistic", "p_value", "bias")], 1e-8
            )
            # The effect at n = 0 isn't a limit of interest.
            assert np.isnan(test.limit)

    def test_pustejovsky(self) -> None:
        n1, n2 = column(TEACHER_EXPECTANCY, "n1"), column(TEACHER_EXPECTANCY, "n2")
        matches(asymmetry.pustejovsky(Y, V, n1, n2), CASES["pustejovsky"])

    @pytest.mark.parametrize("test", [egger, thompson, begg])
    def test_below_ten_studies_it_can_not_tell(self, test: Any) -> None:
        few, enough = test(Y[:9], V[:9]), test(Y[:10], V[:10])
        assert not few.can_tell
        assert few.verdict() == "can't tell"
        assert "9 studies; at least 10 are needed" in few.summary()
        assert not np.isnan(few.p_value)
        assert enough.can_tell
        assert enough.verdict() in {"asymmetry", "no sign of asymmetry"}

    @pytest.mark.parametrize("test", [egger, thompson, begg])
    @pytest.mark.parametrize("k", [1, 2])
    def test_one_or_two_studies(self, test: Any, k: int) -> None:
        result = test(Y[:k], V[:k])
        assert np.isnan(result.p_value)
        assert not result.can_tell
        assert "no test can be made" in result.note

    @pytest.mark.parametrize("test", [egger, thompson, begg])
    def test_studies_of_one_precision(self, test: Any) -> None:
        result = test(Y, np.full(19, 0.1))
        assert np.isnan(result.p_value)
        assert result.verdict() == "can't tell"
        assert "same precision" in result.note

    def test_a_study_without_events_is_named(self) -> None:
        tables = [values.copy() for values in TABLES]
        tables[0][3] = tables[2][3] = 0
        with pytest.raises(DataError, match="study 4 has 0 events"):
            asymmetry.harbord(*tables)
        with pytest.raises(DataError, match="study 4 has 0 events"):
            asymmetry.peters(SMALL_Y, *tables)
        with pytest.raises(DataError, match="more events than participants"):
            asymmetry.harbord([5], [4], [1], [4])

    @settings(max_examples=25)
    @given(st.permutations(range(19)), st.sampled_from([1.0, -1.0]), st.floats(0.01, 100))
    def test_order_sign_and_units(self, order: list[int], sign: float, unit: float) -> None:
        one, two = egger(Y, V), egger(sign * unit * Y[order], unit**2 * V[order])
        assert_allclose(two.statistic, sign * one.statistic, rtol=1e-7)
        assert_allclose(two.limit, sign * unit * one.limit, rtol=1e-7)
        rank_one, rank_two = begg(Y, V), begg(sign * Y[order], V[order])
        assert_allclose(rank_two.bias, sign * rank_one.bias, rtol=1e-12)
        assert_allclose(rank_two.p_value, rank_one.p_value, rtol=1e-10)


class TestPetPeese:
    @pytest.mark.parametrize("name", list(DATA))
    @pytest.mark.parametrize("model", ["multiplicative", "additive"])
    def test_both_regressions(self, name: str, model: str) -> None:
        case = CASES[f"pet-peese {name}" if model == "multiplicative" else f"pet-peese additive {name}"]
        result = pet_peese(*DATA[name], model=model)
        rtol = CLOSED_FORM if model == "multiplicative" else ITERATIVE

        def numbers(fit: LimitRegression) -> list[float]:
            return [fit.estimate, fit.se, fit.p_value, *fit.ci, fit.slope, fit.slope_se, fit.slope_p]

        agrees(numbers(result.pet), case["pet"], rtol)
        agrees(numbers(result.peese), case["peese"], rtol)
        assert result.chosen == ("PEESE" if case["pet"][2] < 0.1 else "PET")
        assert result.estimate == (result.peese if result.chosen == "PEESE" else result.pet).estimate

    def test_too_few_studies(self) -> None:
        assert "too few" in pet_peese(Y[:5], V[:5]).summary()
        with pytest.raises(DataError, match="three studies or more"):
            pet_peese(Y[:2], V[:2])
        with pytest.raises(DataError, match="different precision"):
            pet_peese(Y, np.full(19, 0.1))


@pytest.mark.parametrize("name", list(DATA))
@pytest.mark.parametrize("method", ["DL", "REML"])
def test_limit_meta_analysis(name: str, method: str) -> None:
    case = CASES[f"limit {name} {method}"]
    rtol = CLOSED_FORM if method == "DL" else ITERATIVE
    for adjustment in ("beta0", "betalim", "mulim"):
        result = limit_meta_analysis(*DATA[name], method=method, adjustment=adjustment)
        agrees([result.estimate, result.se], [case[adjustment], case[f"{adjustment}_se"]], rtol)
    agrees([result.alpha, result.beta], [case["alpha"], case["beta"]], rtol)
    agrees([result.random_estimate, result.random_se], [case["random"], case["random_se"]], rtol)
    agrees([result.q, result.q_residual], [case["q"], case["q_residual"]], CLOSED_FORM)
    assert_allclose(result.q_small + result.q_residual, result.q)
    agrees(result.g2, case["g2"], rtol)
    agrees(result.shrunken, case["shrunken"], rtol)
    assert "limit" in result.summary().lower()


class TestTrimAndFill:
    @pytest.mark.parametrize("label", [label for label in CASES if label.startswith("trimfill")])
    def test_every_estimator_on_either_side(self, label: str) -> None:
        _, name, estimator, method, side = label.split()
        case = CASES[label]
        result = trim_and_fill(*DATA[name], estimator=estimator, method=method, side=None if side == "auto" else side)
        rtol = ITERATIVE if method == "REML" else CLOSED_FORM
        assert result.side == case["side"]
        assert result.missing == case["k0"]
        agrees(result.missing_se, case["se_k0"], CLOSED_FORM)
        agrees(result.p_value, case["p_k0"], CLOSED_FORM)
        agrees([result.filled.estimate, result.filled.se], [case["estimate"], case["se"]], rtol)
        agrees(result.filled.tau2, case["tau2"], rtol, 1e-10)
        if result.missing:
            imputed = result.filled.estimates[result.fill]
            agrees(np.sort(imputed), np.sort(np.atleast_1d(case["filled"])), rtol)

    def test_a_symmetric_funnel_misses_nothing(self) -> None:
        y = np.array([-0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4])
        result = trim_and_fill(y, np.array([0.2, 0.1, 0.05, 0.01, 0.05, 0.1, 0.2]), side="left")
        assert result.missing == 0
        assert_allclose(result.filled.estimate, result.observed.estimate)

    def test_mirrored_data_miss_mirrored_studies(self) -> None:
        one = trim_and_fill(*DATA["smoking"], side="left")
        two = trim_and_fill(-DATA["smoking"][0], DATA["smoking"][1], side="right")
        assert one.missing == two.missing > 0
        assert_allclose(one.filled.estimate, -two.filled.estimate, rtol=1e-10)

    def test_limits_bound_what_is_imputed(self) -> None:
        free = trim_and_fill(*DATA["smoking"], side="left")
        bound = trim_and_fill(*DATA["smoking"], side="left", limits=(-0.1, np.inf))
        assert free.filled.estimates.min() < -0.1
        assert bound.filled.estimates[bound.fill].min() == -0.1

    def test_the_side_of_equally_precise_studies_must_be_said(self) -> None:
        with pytest.raises(DataError, match="say side="):
            trim_and_fill(Y, np.full(19, 0.1))

    def test_q0_is_not_defined_for_every_funnel(self) -> None:
        with pytest.raises(DataError, match="use L0 or R0"):
            trim_and_fill(*DATA["magnesium"], estimator="Q0", side="right", method="EE")


class TestExcessSignificance:
    @pytest.mark.parametrize("name", ["magnesium", "teachers"])
    @pytest.mark.parametrize(("test", "theirs"), [("chi2", "chi2"), ("binomial", "binom"), ("exact", "exact")])
    @pytest.mark.parametrize(("tail", "side"), [("greater", "greater"), ("less", "less"), ("two-sided", "two.sided")])
    def test_observed_against_expected(self, name: str, test: str, theirs: str, tail: str, side: str) -> None:
        case = CASES[f"tes {name} {theirs} {side}"]
        result = excess_significance(*DATA[name], test=test, tail=tail)
        assert result.observed == case["O"]
        agrees([result.expected, result.theta], [case["E"], case["theta"]], CLOSED_FORM)
        agrees(result.power, case["power"], CLOSED_FORM)
        agrees(result.p_value, case["p_value"], CLOSED_FORM)
        if test == "chi2":
            agrees(result.statistic, case["x2"], CLOSED_FORM)
        if case["limit"] is not None:
            # metafor's uniroot stops within 1e-4.
            agrees(result.limit, case["limit"], 0.0, 2e-4)

    @pytest.mark.parametrize("name", ["magnesium", "teachers"])
    def test_heterogeneous_true_effects(self, name: str) -> None:
        case = CASES[f"tes tau2 {name}"]
        result = excess_significance(*DATA[name], tau2=0.02, alternative="greater", test="chi2")
        agrees(result.theta, case["theta"], CLOSED_FORM)
        agrees(result.power, case["power"], CLOSED_FORM)
        # metafor itself integrates over five standard deviations only; 6e-7 of the true effects lie beyond.
        agrees([result.expected, result.p_value], [case["E"], case["p_value"]], 1e-5)

    def test_the_limit_is_where_the_test_reaches_its_level(self) -> None:
        result = excess_significance(*DATA["magnesium"])
        at = excess_significance(*DATA["magnesium"], theta=result.limit)
        assert_allclose(at.p_value, 0.1, rtol=1e-6)

    def test_distribution_of_the_number_of_significant_studies(self) -> None:
        rng = np.random.default_rng(1)
        y, v = rng.normal(0.3, 0.2, 60), np.full(60, 0.02)
        two = [excess_significance(y, v, tail=tail).p_value for tail in ("greater", "less")]
        # Both tails hold the observed number.
        assert sum(two) > 1
        assert "Test of excess significance" in excess_significance(y, v).summary()


class TestFailSafe:
    @pytest.mark.parametrize("name", list(DATA))
    @pytest.mark.parametrize("method", ["rosenthal", "rosenberg", "orwin"])
    def test_numbers(self, name: str, method: str) -> None:
        case = CASES[f"fsn {method.capitalize()} {name}"]
        y, v = DATA[name]
        result = fail_safe(y, None if method == "orwin" else v, method=method)
        assert result.n == case["n"]
        if method != "orwin":
            agrees(result.p_value, case["p_value"], CLOSED_FORM)
        if method != "rosenthal":
            agrees(result.estimate, case["mean"], CLOSED_FORM)

    @pytest.mark.parametrize("name", list(DATA))
    def test_orwin_with_weights_and_a_target(self, name: str) -> None:
        case = CASES[f"fsn weighted {name}"]
        result = fail_safe(*DATA[name], method="orwin", target=0.05)
        assert result.n == case["n"]
        agrees([result.estimate, result.target], [case["mean"], case["target"]], CLOSED_FORM)

    def test_edges(self) -> None:
        assert fail_safe(Y, method="orwin", target=0.0).n == np.inf
        assert fail_safe(np.zeros(5), np.ones(5)).n == 0
        with pytest.raises(DataError, match="needs variances"):
            fail_safe(Y)
        assert "null studies" in fail_safe(Y, V).summary()


def test_frames() -> None:
    assert len(egger(Y, V).to_frame()) == 1
    assert len(pet_peese(Y, V).to_frame()) == 2
    assert len(limit_meta_analysis(Y, V).to_frame()) == 2
    assert len(trim_and_fill(Y, V).to_frame()) >= 19
    assert len(excess_significance(Y, V).to_frame()) == 19
    assert len(fail_safe(Y, V).to_frame()) == 1
