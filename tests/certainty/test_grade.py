"""Each GRADE domain by its rule, with the reason that it gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from equipoise.certainty.grade import Body, Rating, Trial, optimal_information_size, overall, override, rate

SOUND = Trial("A", -0.6, 0.15, 40.0, 200, "low")
BODY = Body(
    estimate=-0.6,
    ci_low=-0.8,
    ci_high=-0.4,
    trials=(SOUND, replace(SOUND, label="B", estimate=-0.55)),
    important=0.2,
    moderate=0.5,
    large=0.8,
    optimal_information_size=786,
)


def domain(body: Body, name: str) -> Rating:
    return next(rating for rating in rate(body) if rating.domain == name)


def test_sound_consistent_precise_evidence_stays_high() -> None:
    assert [rating.down for rating in rate(BODY)] == [0, 0, 0, 0, 0]
    assert overall(rate(BODY)) == "high"


def test_trials_nobody_appraised_are_not_judged_and_count_as_one_level() -> None:
    body = replace(BODY, trials=tuple(replace(trial, risk_of_bias=None) for trial in BODY.trials))
    rating = domain(body, "risk of bias")
    assert rating.down is None
    assert "A and B" in rating.needs
    assert overall(rate(body)) == "moderate"


@pytest.mark.parametrize(
    ("risks", "high_domains", "down"),
    [(("low", "high"), 1, 1), (("unclear", "unclear"), 0, 1), (("high", "high"), 1, 1), (("high", "high"), 2, 2)],
)
def test_risk_of_bias_looks_at_the_weight_of_sound_trials(risks: tuple[str, str], high_domains: int, down: int) -> None:
    trials = tuple(replace(SOUND, risk_of_bias=risk, high_domains=high_domains) for risk in risks)
    assert domain(replace(BODY, trials=trials), "risk of bias").down == down


def test_a_trial_on_the_other_side_of_the_threshold_is_inconsistent() -> None:
    body = replace(BODY, trials=(SOUND, replace(SOUND, label="C", estimate=0.1)))
    assert domain(body, "inconsistency").down == 1
    spanning = replace(body, prediction=(-1.2, 0.5))
    assert domain(spanning, "inconsistency").down == 2


def test_a_single_trial_is_not_inconsistent() -> None:
    assert domain(replace(BODY, trials=(SOUND,)), "inconsistency").down == 0


def test_indirect_comparisons_and_other_conditions_are_indirect() -> None:
    assert domain(replace(BODY, direct=False), "indirectness").down == 1
    other = domain(replace(BODY, indirect_because="A studied another condition"), "indirectness")
    assert (other.down, other.reason) == (1, "A studied another condition")


@pytest.mark.parametrize(
    ("low", "high", "down"),
    [(-0.8, -0.4, 0), (-0.8, -0.1, 1), (-0.15, 0.15, 0), (-0.8, 0.1, 1), (-0.5, 0.3, 2)],
)
def test_imprecision_counts_the_thresholds_crossed(low: float, high: float, down: int) -> None:
    body = replace(BODY, estimate=(low + high) / 2, ci_low=low, ci_high=high)
    assert domain(body, "imprecision").down == down


@pytest.mark.parametrize(
    ("estimate", "participants", "down"),
    [(-1.0, 400, 0), (-1.0, 390, 1), (-1.0, 100, 2), (-0.6, 390, 0), (-0.6, 100, 1), (-0.4, 100, 0)],
)
def test_large_effects_from_few_participants_are_imprecise(estimate: float, participants: int, down: int) -> None:
    trials = tuple(replace(trial, participants=participants) for trial in BODY.trials)
    body = replace(BODY, estimate=estimate, ci_low=estimate - 0.15, ci_high=estimate + 0.15, trials=trials)
    assert domain(body, "imprecision").down == down


def test_an_interval_that_spans_a_wide_ratio_is_imprecise() -> None:
    body = replace(BODY, estimate=1.5, ci_low=0.5, ci_high=2.5, widest_ratio=3.0)
    assert domain(body, "imprecision").down == 2


def test_trials_without_a_usable_result_suggest_publication_bias() -> None:
    rating = domain(replace(BODY, unreported=150, unreported_trials=("D",)), "publication bias")
    assert rating.down == 1
    assert "D with 150 participants (27%)" in rating.reason
    assert domain(replace(BODY, unreported=50, unreported_trials=("D",)), "publication bias").down == 0


def test_a_person_may_override_and_the_proposal_stays_visible() -> None:
    changed = override(rate(BODY), "indirectness", 1, "A. Reviewer", "2026-11-01", "older patients")
    rating = next(rating for rating in changed if rating.domain == "indirectness")
    assert rating.down == 1
    assert rating.reason == "older patients (set by A. Reviewer on 2026-11-01; proposed: 0 down)"
    assert overall(changed) == "moderate"


@pytest.mark.parametrize(("difference", "per_arm"), [(0.2, 393), (0.5, 63), (0.8, 25)])
def test_information_size_for_means(difference: float, per_arm: int) -> None:
    """Normal approximation, two-sided 5%, power 80% (Cohen 1988, table 2.4.1, less the t correction)."""
    assert optimal_information_size(difference=difference) == 2 * per_arm


@pytest.mark.parametrize(("risk", "reduction", "per_arm"), [(0.2, 0.25, 906), (0.1, 0.25, 2005), (0.05, 0.2, 6745)])
def test_information_size_for_risks(risk: float, reduction: float, per_arm: int) -> None:
    """Fleiss's formula without continuity correction; values as any sample-size table gives them."""
    assert optimal_information_size(risk=risk, relative_reduction=reduction) == 2 * per_arm
