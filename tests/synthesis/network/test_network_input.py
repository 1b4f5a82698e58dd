"""Arm-level and contrast-level input: what is computed, what is reported, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from arm_counts import SMOKING
from network_datasets import PARKINSON, SENN, counts, pairs, parkinson, senn, study_of_arms, two_arms
from numpy.testing import assert_allclose

from equipoise.errors import DataError, InconsistentVariances
from equipoise.frames import make_frame
from equipoise.synthesis.network import Network, StudyContrasts

# NICE DSU Technical Support Document 2, example 5: off-time reduction in Parkinson's disease (mean, sd, n).
PARKINSON_ARMS = {
    "study": ["1", "1", "2", "2", "3", "3", "3", "4", "4", "5", "5", "6", "6", "7", "7"],
    "treatment": ["A", "C", "A", "B", "A", "B", "D", "C", "D", "C", "D", "D", "E", "D", "E"],
    "mean": [-1.22, -1.53, -0.7, -2.4, -0.3, -2.6, -1.2, -0.24, -0.59, -0.73, -0.18, -2.2, -2.5, -1.8, -2.1],
    "sd": [3.7, 4.28, 3.7, 3.4, 4.4, 4.3, 4.3, 3.0, 3.0, 3.0, 3.0, 2.31, 2.18, 2.48, 2.99],
    "n": [54, 95, 172, 173, 76, 71, 81, 128, 72, 80, 46, 137, 131, 154, 143],
}


def two_by_two(measure: str, **options: object) -> tuple[float, float]:
    """Estimate and variance of B against A from 4/10 and 7/20 events, means 2 and 3, or person-years 10 and 20."""
    table = {
        "study": ["s", "s"],
        "treatment": ["A", "B"],
        "events": [4, 7],
        "n": [10, 20],
        "mean": [2.0, 3.0],
        "sd": [1.5, 2.5],
        "time": [10.0, 20.0],
    }
    needs = {
        "MD": ("mean", "sd", "n"),
        "SMD": ("mean", "sd", "n"),
        "ROM": ("mean", "sd", "n"),
        "IRR": ("events", "time"),
        "IRD": ("events", "time"),
        "IRSD": ("events", "time"),
    }
    named = {column: column for column in needs.get(measure, ("events", "n"))}
    study = Network.from_arms(table, measure=measure, **named, **options).studies[0]  # type: ignore[arg-type]
    return float(study.estimates[0]), float(study.covariance[0, 0])


# R 4.2, metafor 3.8-1: escalc(measure, ai=7, n1i=20, ci=4, n2i=10), escalc(measure, m1i=3, sd1i=2.5, n1i=20, m2i=2,
# sd2i=1.5, n2i=10), escalc(measure, x1i=7, t1i=20, x2i=4, t2i=10); "AS" for ASD.
@pytest.mark.parametrize(
    ("measure", "estimate", "variance"),
    [
        ("OR", -0.2135741003, 0.6364468864),
        ("RR", -0.1335313926, 0.2428571429),
        ("RD", -0.05, 0.035375),
        ("ASD", -0.05166736661, 0.0375),
        ("MD", 1.0, 0.5375),
        ("SMD", 0.4366708028, 0.1531780232),
        ("ROM", 0.4054651081, 0.09097222222),
        ("IRR", -0.1335313926, 0.3928571429),
        ("IRD", -0.05, 0.0575),
        ("IRSD", -0.04084755372, 0.0375),
    ],
)
def test_effect_measures_equal_escalc(measure: str, estimate: float, variance: float) -> None:
    found = two_by_two(measure)
    assert found[0] == pytest.approx(estimate, rel=1e-9)
    assert found[1] == pytest.approx(variance, rel=1e-9)


def test_cohen_s_d_is_hedges_g_without_the_small_sample_factor() -> None:
    d, variance = two_by_two("SMD", smd="cohen")
    pooled = np.sqrt((9 * 1.5**2 + 19 * 2.5**2) / 28)
    assert d == pytest.approx(1 / pooled)
    assert variance == pytest.approx(1 / 10 + 1 / 20 + d**2 / 60)


def test_a_hazard_ratio_from_proportions_is_the_ratio_of_minus_log_survivals() -> None:
    estimate, _ = two_by_two("HR")
    assert estimate == pytest.approx(np.log(np.log(1 - 7 / 20) / np.log(1 - 4 / 10)))


def test_equal_follow_up_within_a_study_cancels_out_of_the_hazard_ratio() -> None:
    table = {"study": ["s", "s"], "treatment": ["A", "B"], "events": [4, 7], "n": [10, 20], "years": [5.8, 5.8]}
    net = Network.from_arms(table, measure="HR", events="events", n="n", time="years")
    assert net.studies[0].estimates[0] == pytest.approx(two_by_two("HR")[0])


def test_arms_and_contrasts_of_the_same_trials_agree() -> None:
    arms = Network.from_arms(PARKINSON_ARMS, measure="MD", mean="mean", sd="sd", n="n").fit()
    contrasts = parkinson().fit()
    assert_allclose(arms.estimates, contrasts.estimates, atol=2e-8)
    assert_allclose(arms.standard_errors, contrasts.standard_errors, rtol=1e-7)
    sizes = {s.study: s.participants for s in arms.network.studies}
    assert sizes["3"] == (76, 71, 81)


def test_a_mean_difference_needs_no_counts_when_standard_errors_are_given() -> None:
    errors = np.array(PARKINSON_ARMS["sd"], dtype=float) / np.sqrt(np.array(PARKINSON_ARMS["n"], dtype=float))
    table = {**PARKINSON_ARMS, "se": errors}
    one = Network.from_arms(table, measure="MD", mean="mean", se="se").fit()
    other = Network.from_arms(table, measure="MD", mean="mean", sd="sd", n="n").fit()
    assert_allclose(one.estimates, other.estimates, atol=1e-12)


def test_standardised_differences_of_a_three_arm_study_share_the_standard_deviation_and_its_error() -> None:
    net = Network.from_arms(PARKINSON_ARMS, measure="SMD", mean="mean", sd="sd", n="n", smd="cohen")
    study = next(s for s in net.studies if s.study == "3")
    pooled = np.sqrt((75 * 4.4**2 + 70 * 4.3**2 + 80 * 4.3**2) / 225)
    d = np.array([-2.3, -0.9]) / pooled
    assert_allclose(study.estimates, d)
    assert_allclose(study.covariance[0, 1], 1 / 76 + d[0] * d[1] / (2 * 228))
    assert "Cohen's d" in net.summary()


@pytest.mark.parametrize("frame", [dict, pl.DataFrame, make_frame])
def test_any_dataframe_or_mapping_is_read(frame: Callable[[Any], Any]) -> None:
    net = Network.from_contrasts(frame(pairs(PARKINSON)))
    assert_allclose(net.fit().estimates, parkinson().fit().estimates, atol=1e-15)


# Continuity corrections and what they leave behind.


def test_a_zero_cell_gets_one_half_in_all_arms_of_its_study_and_is_reported() -> None:
    net = Network.from_arms(counts("s | A 0/10; B 5/10; C 2/10\nt | A 3/10; B 4/10"), events="events", n="n")
    study = next(s for s in net.studies if s.study == "s")
    assert_allclose(study.estimates, [np.log(5.5 / 5.5 / (0.5 / 10.5)), np.log(2.5 / 8.5 / (0.5 / 10.5))])
    assert [c.study for c in net.changes] == ["s"]
    assert "0.5 added" in net.changes[0].what
    assert "0.5 added" in net.summary()


def test_a_study_without_events_says_nothing_about_an_odds_ratio_and_its_lost_treatment_is_reported() -> None:
    table = counts("s | A 0/10; Z 0/10\nt | A 3/10; B 4/10")
    net = Network.from_arms(table, events="events", n="n")
    assert net.treatments == ("A", "B")
    assert {o.what for o in net.left_out} == {"s", "treatment Z"}
    kept = Network.from_arms(table, events="events", n="n", double_zero="keep")
    assert kept.treatments == ("A", "B", "Z")


def test_a_study_without_events_counts_for_a_risk_difference() -> None:
    net = Network.from_arms(counts("s | A 0/10; B 0/10\nt | A 3/10; B 4/10"), measure="RD", events="events", n="n")
    assert len(net.studies) == 2
    study = next(s for s in net.studies if s.study == "s")
    assert study.estimates[0] == 0
    assert study.covariance[0, 0] == pytest.approx(2 * 0.5 * 10.5 / 11**3)


def test_nothing_but_events_still_says_that_a_risk_ratio_is_near_one() -> None:
    # meta's pairwise gives 0 and 0.160128153805087 for 6/6 against 6/6 (Baker et al. 2009, DalNegro 2003)
    table = counts("s | A 6/6; B 6/6\nt | A 3/10; B 4/10")
    net = Network.from_arms(table, measure="RR", events="events", n="n")
    study = next(s for s in net.studies if s.study == "s")
    assert study.estimates[0] == 0
    assert np.sqrt(study.covariance[0, 0]) == pytest.approx(0.160128153805087, rel=1e-12)
    odds = Network.from_arms(table, measure="OR", events="events", n="n")
    assert [o.what for o in odds.left_out] == ["s"]


def test_a_ratio_of_means_needs_means_of_one_sign() -> None:
    # R's metafor 3.8-1: escalc("ROM", m1i=-1.22, sd1i=3.7, n1i=54, m2i=-1.53, sd2i=4.28, n2i=95)
    net = Network.from_arms(PARKINSON_ARMS, measure="ROM", mean="mean", sd="sd", n="n")
    study = next(s for s in net.studies if s.study == "1")
    assert -study.estimates[0] == pytest.approx(-0.22641687665917898, rel=1e-12)
    assert study.covariance[0, 0] == pytest.approx(0.5026945771737135**2, rel=1e-12)
    for second, message in ((1.2, "study 's': means of both signs .A -1, B 1.2."), (0.0, "row 2 .B.: mean 0;")):
        table = {"study": ["s", "s"], "treatment": ["A", "B"], "mean": [-1.0, second], "sd": [1, 1], "n": [9, 9]}
        with pytest.raises(DataError, match=message):
            Network.from_arms(table, measure="ROM", mean="mean", sd="sd", n="n")


# What is merged or left out is reported.


def test_arms_of_one_treatment_are_merged_as_one_group() -> None:
    table = {
        "study": ["s", "s", "s"],
        "treatment": ["A", "B", "B"],
        "mean": [1.0, 2.0, 3.0],
        "sd": [1.0, 1.0, 2.0],
        "n": [10, 10, 20],
    }
    net = Network.from_arms(table, measure="MD", mean="mean", sd="sd", n="n")
    study = net.studies[0]
    values = 9 * 1.0 + 19 * 4.0 + 10 * (2 - 8 / 3) ** 2 + 20 * (3 - 8 / 3) ** 2
    assert study.estimates[0] == pytest.approx(8 / 3 - 1)
    assert study.covariance[0, 0] == pytest.approx(1 / 10 + values / 29 / 30)
    assert study.participants == (10, 30)
    assert net.changes[0].what == "arms with the same treatment merged: B (rows 2 and 3)"


def test_contrasts_of_one_treatment_are_merged_by_their_precision() -> None:
    study = StudyContrasts("s", ("A", "B", "B"), np.array([1.0, 2.0]), np.diag([0.1, 0.3]) + 0.05, (10, 20, 30))
    net = Network.from_studies([study])
    v = np.linalg.inv(np.diag([0.1, 0.3]) + 0.05)
    assert net.studies[0].estimates[0] == pytest.approx((v @ [1.0, 2.0]).sum() / v.sum())
    assert net.studies[0].participants == (10, 50)
    assert "merged: B" in net.changes[0].what


def test_a_study_with_one_arm_is_left_out_and_reported() -> None:
    single = StudyContrasts("alone", ("A",), np.empty(0), np.empty((0, 0)))
    net = Network.from_studies([single, two_arms("s", "B", "A", 0.1, 0.1)])
    assert [o.what for o in net.left_out] == ["alone"]
    net = Network.from_arms(counts("alone | A 1/10\ns | A 1/10; B 2/10"), events="events", n="n")
    assert [o.what for o in net.left_out] == ["alone"]


def test_a_missing_value_leaves_its_arm_or_pair_out_and_is_reported() -> None:
    table = counts("s | A 1/10; B 2/10; C 3/10\nt | A 1/10; B 2/10")
    table["events"][1] = None
    net = Network.from_arms(table, events="events", n="n")
    assert [(o.what, o.reason) for o in net.left_out] == [("s: B (row 2)", "its events is missing")]
    contrasts = pairs(PARKINSON)
    contrasts["se"][0] = float("nan")
    net = Network.from_contrasts(contrasts)
    assert [o.what for o in net.left_out] == ["s1: A – C (row 1)"]
    assert "its standard error is missing" in net.summary()


def test_a_row_given_twice_is_counted_once() -> None:
    twice = {k: [*v, v[0]] for k, v in pairs(PARKINSON).items()}
    net = Network.from_contrasts(twice)
    assert "repeats row 1" in net.changes[0].what
    assert_allclose(net.fit().standard_errors, parkinson().fit().standard_errors, rtol=1e-12)


# Multi-arm contrasts.


def test_all_pairs_and_baseline_contrasts_with_their_arm_s_error_are_the_same_study() -> None:
    # NICE DSU TSD 2, example 7: study 7 as differences with treatment A, whose own standard error is 0.5047146.
    table = {
        "study": ["7", "7"],
        "treatment": ["B", "D"],
        "comparator": ["A", "A"],
        "estimate": [-2.3, -0.9],
        "se": [0.71774604, 0.694988091],
        "arm": [0.5047146, 0.5047146],
    }
    baseline = Network.from_contrasts(table, comparator_se="arm").fit()
    rows = "\n".join(line for line in PARKINSON.splitlines() if line.startswith("s7"))
    assert_allclose(Network.from_contrasts(pairs(rows)).fit().standard_errors, baseline.standard_errors, rtol=1e-7)


def test_covariances_are_rebuilt_from_the_variances_of_all_pairs() -> None:
    study = next(s for s in senn().studies if s.study == "Willms1999")
    assert study.treatments == ("acar", "metf", "plac")
    expected = (0.3579**2 + 0.4669**2 - 0.3758**2) / 2
    assert study.covariance[0, 1] == pytest.approx(expected, rel=1e-12)


def test_estimates_off_by_rounding_are_reconciled_whatever_the_order_of_arms() -> None:
    rows = [("s", "B", "A", 0.5, 0.3), ("s", "C", "A", 0.2, 0.4), ("s", "C", "B", -0.3005, 0.35)]
    table = dict(zip(("study", "treatment", "comparator", "estimate", "se"), zip(*rows, strict=True), strict=True))
    flipped = [(s, b, a, -y, v) for s, a, b, y, v in reversed(rows)]
    other = dict(zip(table, zip(*flipped, strict=True), strict=True))
    one, two = (Network.from_contrasts(t).fit(model="common") for t in (table, other))
    assert_allclose(one.estimates, two.estimates, atol=1e-12)
    assert abs(one.estimates[1, 0] - 0.5) < 5e-4


ROW: dict[str, list[Any]] = {"study": ["s"], "treatment": ["B"], "comparator": ["A"], "estimate": [0.1], "se": [0.1]}


def three(estimates: tuple[float, float, float], errors: tuple[float, float, float]) -> dict[str, list[object]]:
    """A study of A, B and C as B – A, C – A, C – B."""
    return {
        "study": ["s"] * 3,
        "treatment": ["B", "C", "C"],
        "comparator": ["A", "A", "B"],
        "estimate": list(estimates),
        "se": list(errors),
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (three((1, 1, 0.5), (0.1, 0.1, 0.1)), "study 's': its estimates don't add up .B – A 1, C – A 1, C – B 0.5."),
        ({**ROW, "comparator": ["B"]}, "no study compares two treatments"),
        ({**ROW, "se": [0.0]}, "row 1 .B – A.: estimate 0.1 and standard error 0 must be"),
        ({**ROW, "se": [-0.1]}, "standard error positive"),
        ({**ROW, "estimate": ["low"]}, "column 'estimate', row 1"),
        ({**ROW, "study": [None]}, "column 'study', row 1: empty"),
        (
            {k: [*v, *v] for k, v in ROW.items()} | {"se": [0.1, 0.2]},
            "row 2 .B – A.: this pair is already given in row 1",
        ),
        ({k: v for k, v in ROW.items() if k != "se"}, "no column 'se'"),
    ],
)
def test_contrasts_that_cannot_be_used_are_named(table: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Network.from_contrasts(table)


def test_a_multi_arm_study_with_pairs_missing_says_what_to_supply() -> None:
    table = {k: v[:2] for k, v in three((1, 1, 0), (0.1, 0.1, 0.1)).items()}
    with pytest.raises(DataError, match=r"3 arms \(A, B, C\) but 2 of the 3 pairs .*supply all pairs"):
        Network.from_contrasts(table)


def test_standard_errors_that_no_arms_can_have_are_named_with_study_arms_and_numbers() -> None:
    with pytest.raises(
        InconsistentVariances, match=r"study 's' \(A, B, C\).*C – B 0.3.*negative variance of the A arm"
    ):
        Network.from_contrasts(three((1, 1, 0), (0.1, 0.1, 0.3)))


def test_a_covariance_that_is_not_positive_definite_is_named_with_its_numbers() -> None:
    impossible = StudyContrasts("s", ("A", "B", "C"), np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(InconsistentVariances, match=r"study 's' \(A, B, C\).*B – A 1, C – A 1.*B with C 2"):
        Network.from_studies([impossible])
    with pytest.raises(InconsistentVariances, match=r"variance of B – A is -0.1; it must be positive"):
        Network.from_studies([two_arms("s", "B", "A", 0.1, -0.1)])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("s | A 5/4; B 1/10", "study 's', row 1 .A.: 5 events among 4 participants"),
        ("s | A -1/4; B 1/10", "-1 events; there can't be fewer than none"),
        ("s | A 1/0; B 1/10", "n is 0; it must be positive"),
    ],
)
def test_arms_that_cannot_be_true_are_named(line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Network.from_arms(counts(line), events="events", n="n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "XY"}, "measure 'XY' isn't known for arm-level data; choose OR, RR"),
        ({"measure": "SMD", "mean": "n"}, "measure SMD needs sd, n of every arm"),
        ({"measure": "OR", "events": "events"}, "measure OR needs n of every arm"),
        ({"events": "events", "n": "n", "double_zero": "drop"}, "double_zero 'drop' isn't known"),
        ({"events": "events", "n": "n", "smd": "glass"}, "smd 'glass' isn't known"),
        ({"events": "events", "n": "n", "increment": -1}, "increment -1 must not be negative"),
    ],
)
def test_options_of_arm_level_input_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Network.from_arms(counts(SMOKING), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (
            StudyContrasts("s", ("A", "B"), np.zeros(2), np.eye(2)),
            "2 arms, so needs 1 estimates and a 1×1 covariance",
        ),
        (StudyContrasts("s", ("A", "B"), np.array([np.nan]), np.eye(1)), "missing or infinite"),
        (StudyContrasts("s", ("A", "B"), np.zeros(1), np.eye(1), (5,)), "2 arms but 1 participant counts"),
    ],
)
def test_studies_of_the_wrong_shape_are_named(study: StudyContrasts, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Network.from_studies([study])


def test_a_study_label_may_occur_once() -> None:
    with pytest.raises(DataError, match="study 's' occurs twice"):
        Network.from_studies([two_arms("s", "B", "A", 0.1, 0.1), two_arms("s", "C", "A", 0.1, 0.1)])


def test_no_study_at_all_is_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match="no study compares two treatments"):
        Network.from_studies([])


def test_a_network_tells_what_it_is_made_of() -> None:
    text = Network.from_contrasts(pairs(SENN)).summary()
    assert "10 treatments, 26 studies (1 with three or more arms), 15 direct comparisons, 15 designs" in text
    frame = senn().to_frame()
    assert len(frame) == 27
    assert study_of_arms("s", {"B": (0, 1), "A": (1, 1)}).design == ("A", "B")
