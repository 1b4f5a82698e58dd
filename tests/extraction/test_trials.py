"""One result a trial: which rows are used, what is derived, what is left out and why."""

from __future__ import annotations

import math

import pytest

from equipoise.extraction.trials import extract
from equipoise.review.columns import PValue
from equipoise.review.model import (
    Analysis,
    Arm,
    Condition,
    Contrast,
    Intervention,
    Outcome,
    Protocol,
    Question,
    Review,
    Study,
)

SMD = Analysis("severity", "SMD")
RR = Analysis("response", "RR")


def review(*rows: Arm | Contrast, design: str = "rct-parallel", includes: tuple[str, ...] = ()) -> Review:
    ids = dict.fromkeys(row.study_id for row in rows)
    return Review(
        Protocol("A review", Question("", ""), Condition("condition"), (SMD, RR)),
        outcomes=(
            Outcome(outcome="severity", label="Severity", kind="benefit", type="continuous", lower_is_better=True),
            Outcome(outcome="response", label="Response", kind="benefit", type="binary", lower_is_better=False),
        ),
        interventions=tuple(
            Intervention(name=name, node=node, role="control" if name == "placebo" else "conventional")
            for name, node in (
                ("drug", "drug"),
                ("drug 1 mg", "drug"),
                ("drug 2 mg", "drug"),
                ("other", "other"),
                ("placebo", "placebo"),
            )
        ),
        studies=tuple(
            Study(study_id=id_, citation=id_, title=id_, design=design, includes=includes if id_ == "pool" else ())
            for id_ in ids
        ),
        arms=tuple(row for row in rows if isinstance(row, Arm)),
        contrasts=tuple(row for row in rows if isinstance(row, Contrast)),
    )


def mean(treatment: str, value: float, n: int | None = 50, study: str = "trial", **more: object) -> Arm:
    values: dict[str, object] = {"sd": 2.0, "scale": "scale", "timepoint_weeks": 6.0, "change_from_baseline": True}
    return Arm(study_id=study, outcome="severity", treatment=treatment, n=n, mean=value, **(values | more))  # type: ignore[arg-type]


def counts(treatment: str, events: int, n: int = 50, study: str = "trial") -> Arm:
    return Arm(study_id=study, outcome="response", treatment=treatment, events=events, n=n)


def difference(treatment: str, estimate: float, measure: str = "MD", **more: object) -> Contrast:
    return Contrast(
        study_id="trial",
        outcome="severity",
        treatment=treatment,
        comparator="placebo",
        measure=measure,
        estimate=estimate,
        **more,  # type: ignore[arg-type]
    )


def test_standardised_mean_difference_is_hedges_g() -> None:
    """metafor 3.8-1: escalc("SMD", m1i=-3, sd1i=2, n1i=50, m2i=-1, sd2i=2, n2i=50): yi -0.9923240874206, vi 0.0449235354724."""
    (trial,) = extract(review(mean("drug", -3), mean("placebo", -1)), SMD).trials
    assert trial.contrasts.treatments == ("placebo", "drug")
    assert trial.contrasts.estimates[0] == pytest.approx(-0.9923240874206, rel=1e-12)
    assert trial.contrasts.covariance[0, 0] == pytest.approx(0.0449235354724, rel=1e-11)


def test_risk_ratio_of_counts() -> None:
    """log(24/50) − log(10/50); 1/24 − 1/50 + 1/10 − 1/50."""
    (trial,) = extract(review(counts("drug", 24), counts("placebo", 10)), RR).trials
    assert trial.contrasts.estimates[0] == pytest.approx(math.log(2.4))
    assert trial.contrasts.covariance[0, 0] == pytest.approx(1 / 24 - 1 / 50 + 1 / 10 - 1 / 50)


def test_half_an_event_is_added_to_empty_cells_and_recorded() -> None:
    (trial,) = extract(review(counts("drug", 7, 10), counts("placebo", 0, 10)), RR).trials
    assert trial.contrasts.estimates[0] == pytest.approx(math.log((7.5 / 11) / (0.5 / 11)))
    assert "0.5 added" in trial.derived[0].formula


def test_trials_without_any_event_are_left_out_with_the_reason() -> None:
    result = extract(review(counts("drug", 0), counts("placebo", 0)), RR)
    assert not result.trials
    assert {unused.why for unused in result.unused} == {
        "no events (or only events) in every arm, so the ratio can't be estimated"
    }


def test_sd_is_derived_from_the_standard_error_and_recorded() -> None:
    se = 2.0 / math.sqrt(50)
    (trial,) = extract(review(mean("drug", -3, sd=None, se=se), mean("placebo", -1)), SMD).trials
    assert trial.contrasts.estimates[0] == pytest.approx(-0.9923240874206, rel=1e-12)
    (derived,) = trial.derived
    assert derived.quantity == "SD"
    assert derived.value == pytest.approx(2.0)
    assert derived.source == "Cochrane Handbook 6.4, 6.5.2.2"


def test_sd_is_derived_from_an_interval_by_the_t_distribution() -> None:
    """Half-width 2 × 2.009575 / √50 for SD 2: qt(0.975, 49) = 2.009575 (R 4.2)."""
    half = 2.0 * 2.0095752371292397 / math.sqrt(50)
    arm = mean("drug", -3, sd=None, ci_low=-3 - half, ci_high=-3 + half)
    (trial,) = extract(review(arm, mean("placebo", -1)), SMD).trials
    assert trial.derived[0].value == pytest.approx(2.0)


def test_arms_without_a_spread_are_left_out_with_the_reason() -> None:
    result = extract(review(mean("drug", -3, sd=None), mean("placebo", -1)), SMD)
    assert not result.trials
    assert [unused.why for unused in result.unused] == [
        "no standard deviation, standard error or interval is reported",
        "no other arm of the trial has usable data to compare it with",
    ]


def test_doses_are_combined_as_one_group() -> None:
    """Cochrane Handbook 6.5.2.10: 50 × (mean −2, SD 2) with 50 × (mean −4, SD 2): mean −3, SD √((98·4 + 100·1)/99)."""
    arms = (mean("drug 1 mg", -2), mean("drug 2 mg", -4), mean("placebo", -1))
    (trial,) = extract(review(*arms), SMD).trials
    assert trial.contrasts.participants == (50, 100)
    combined = next(item for item in trial.derived if item.quantity == "mean and SD of drug")
    assert combined.value == pytest.approx(math.sqrt((98 * 4 + 100) / 99))


def test_the_result_with_most_participants_is_used_then_the_later() -> None:
    early = (mean("drug", -3, timepoint_weeks=6.0), mean("placebo", -1, timepoint_weeks=6.0))
    late = (mean("drug", -2, 30, timepoint_weeks=12.0), mean("placebo", -1, 30, timepoint_weeks=12.0))
    result = extract(review(*early, *late), SMD)
    assert result.trials[0].rows == early
    assert {unused.why for unused in result.unused} == {"another result of the trial is used (scale, week 6)"}
    same_size = (mean("drug", -2, timepoint_weeks=12.0), mean("placebo", -1, timepoint_weeks=12.0))
    assert extract(review(*early, *same_size), SMD).trials[0].rows == same_size


def test_a_mean_difference_with_its_p_value_becomes_a_standardised_one() -> None:
    """t = qt(1 − 0.003/2, 98) = 3.043730; d = t √(2/50); g = J(98) d, J(98) = 0.99232409 (R 4.2)."""
    row = difference("drug", -1.8, p=PValue(0.003), n_treatment=50, n_comparator=50)
    (trial,) = extract(review(row), SMD).trials
    t = -trial.contrasts.estimates[0] / 0.99232409 / math.sqrt(2 / 50)
    assert t == pytest.approx(3.043730058, rel=1e-7)
    assert [item.quantity for item in trial.derived] == ["SE", "d", "g"]


def test_arm_level_data_come_before_reported_differences() -> None:
    row = difference("drug", -1.8, p=PValue(0.003), n_treatment=50, n_comparator=50)
    result = extract(review(mean("drug", -3), mean("placebo", -1), row), SMD)
    assert all(isinstance(used, Arm) for used in result.trials[0].rows)
    assert [unused.why for unused in result.unused] == ["the trial's arm-level data are used"]


def test_doses_against_one_comparator_are_combined_with_their_covariance() -> None:
    rows = [
        difference(name, d, "SMD", n_treatment=n, n_comparator=69)
        for name, d, n in (("drug 1 mg", -0.52, 63), ("drug 2 mg", -0.89, 70))
    ]
    (trial,) = extract(review(*rows), SMD).trials
    assert trial.contrasts.treatments == ("placebo", "drug")
    assert -0.89 < trial.contrasts.estimates[0] < -0.52
    alone = 1 / 63 + 1 / 69 + 0.52**2 / (2 * 132)
    assert 1 / 69 < trial.contrasts.covariance[0, 0] < alone


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (difference("drug", -3), "arm sizes are not reported, so no standardised difference follows"),
        (
            difference("drug", -3, n_treatment=20, n_comparator=20),
            "no standard error, interval or exact p-value is reported",
        ),
        (
            difference("drug", -3, n_treatment=20, n_comparator=20, p=PValue(0.05, ">")),
            "the p-value is printed as >0.05, which bounds nothing usable",
        ),
        (
            difference("drug", 1.4, "OR", n_treatment=20, n_comparator=20),
            "reported as OR, which can't be turned into a standardised difference",
        ),
    ],
)
def test_differences_that_cannot_be_used_say_why(row: Contrast, why: str) -> None:
    result = extract(review(row), SMD)
    assert not result.trials
    assert [unused.why for unused in result.unused] == [why]


def test_uncontrolled_designs_are_left_out() -> None:
    result = extract(review(mean("drug", -3), mean("placebo", -1), design="open-label"), SMD)
    assert {unused.why for unused in result.unused} == {"not a randomised trial"}


@pytest.mark.parametrize(("pooled_size", "used"), [(120, {"pool"}), (100, {"a", "b"})])
def test_a_pooling_report_stands_in_only_where_it_covers_more(pooled_size: int, used: set[str]) -> None:
    rows = [counts(t, e, 25, s) for s in ("a", "b") for t, e in (("drug", 9), ("placebo", 4))]
    rows += [counts("drug", 20, pooled_size // 2, "pool"), counts("placebo", 9, pooled_size // 2, "pool")]
    result = extract(review(*rows, includes=("a", "b")), RR)
    assert {trial.study.study_id for trial in result.trials} == used
    assert len(result.unused) == len(rows) - 2 * len(used)


def test_members_of_a_class_can_be_taken_together() -> None:
    arms = (mean("drug", -3), mean("other", -2), mean("placebo", -1))
    (trial,) = extract(review(*arms), SMD, {"drug": "class", "other": "class"}).trials
    assert trial.contrasts.treatments == ("placebo", "class")


def test_order_of_rows_changes_nothing() -> None:
    arms = (mean("drug", -3), mean("other", -2), mean("placebo", -1))
    (one,) = extract(review(*arms), SMD).trials
    (two,) = extract(review(*reversed(arms)), SMD).trials
    difference_1 = one.contrasts.estimates @ _contrast(one.contrasts.treatments)
    difference_2 = two.contrasts.estimates @ _contrast(two.contrasts.treatments)
    assert difference_1 == pytest.approx(difference_2, rel=1e-12)


def _contrast(treatments: tuple[str, ...]) -> list[float]:
    """The weights of drug minus other on the contrasts with the first arm."""
    return [float(t == "drug") - float(t == "other") for t in treatments[1:]]
