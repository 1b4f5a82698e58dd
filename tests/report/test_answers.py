"""Answers from the shipped review: what a truthful article must and must not say, for any treatment."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from equipoise import library
from equipoise.question import Reading, treatments_covered
from equipoise.report import exchange, html, markdown
from equipoise.report.answer import Answer, Bullets, ForestPlot, NetworkGraph, Table
from equipoise.report.build import answer_question, build, statements_of
from equipoise.report.grounds import statements
from equipoise.review.model import CertaintyOverride, Review
from equipoise.review.reading import read

SECTIONS = [
    "about",
    "mechanism",
    "animal-evidence",
    "human-evidence",
    "comparison",
    "risks",
    "disagreements",
    "unknowns",
    "conclusion",
    "faq",
    "references",
    "methods",
]


@cache
def review() -> Review:
    return read(library.path("tardive-dyskinesia"))


@cache
def answer(treatment: str, comparator: str | None = None) -> Answer:
    return build(Reading(treatment, review(), treatment, comparator))


def texts(of: Answer) -> list[str]:
    return [statement.text for _, statement in statements(of)]


def section(of: Answer, id_: str) -> str:
    found = next(section for section in of.sections if section.id == id_)
    return "\n".join(statement.text for block in found.blocks for statement in statements_of(block))


TREATMENTS = treatments_covered(review())


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_every_treatment_gets_a_whole_article(treatment: str) -> None:
    """`build` verifies the grounds of every sentence; here: all sections, a verdict, safety and references."""
    made = answer(treatment)
    assert [section.id for section in made.sections] == SECTIONS
    assert treatment.casefold() in made.verdict.text.casefold()
    assert made.safety_headlines
    assert all(section.blocks for section in made.sections)


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_no_treatment_is_called_ineffective(treatment: str) -> None:
    made = answer(treatment)
    concluded = [
        made.verdict.text,
        *(s.text for s in made.summary),
        section(made, "comparison"),
        section(made, "conclusion"),
    ]
    for text in concluded:
        for claim in ("is ineffective", "does not help", "has no effect", "not effective"):
            assert claim not in text


class TestWithoutTrials:
    """Magnesium: no randomised trial, so that is said first and nothing else raises the certainty."""

    def test_the_verdict_says_first_that_there_is_no_trial(self) -> None:
        assert answer("magnesium").verdict.text.startswith("This review holds no randomised trial of magnesium")

    def test_certainty_is_not_rated_since_no_report_is_of_the_condition(self) -> None:
        rating = answer("magnesium").certainty
        assert rating.level is None
        assert "no evidence in people with tardive dyskinesia to rate" in rating.summary.text

    def test_reports_in_the_condition_itself_are_rated_very_low(self) -> None:
        assert answer("donepezil").certainty.level == "very low"

    def test_the_summary_says_what_stands_behind_the_animal_results(self) -> None:
        told = " ".join(statement.text for statement in answer("magnesium").summary)
        assert "come from one university group" in told
        assert "less dyskinesia on magnesium may therefore only mean less levodopa" in told

    def test_it_is_absent_from_the_network_and_that_means_nothing(self) -> None:
        made = answer("magnesium")
        graph = next(block for section in made.sections for block in section.blocks if isinstance(block, NetworkGraph))
        assert graph.absent == ("magnesium",)
        assert "magnesium" not in {node.treatment for node in graph.nodes}
        assert "being absent from the network says nothing about whether it works" in section(made, "comparison")

    def test_no_effect_of_it_is_computed(self) -> None:
        assert not [result for result in answer("magnesium").results if result.kind in {"network", "study"}
                    and result.treatment == "magnesium"]  # fmt: skip

    def test_animal_findings_are_told_by_outcome(self) -> None:
        line = next(line for line in answer("magnesium").lines if line.id == "animal")
        assert "three found improvement on an outcome like that of tardive dyskinesia" in line.summary.text
        assert "one had mixed results on other outcomes" in line.summary.text

    def test_the_journal_of_the_rat_study_is_the_right_one(self) -> None:
        study = next(study for study in answer("magnesium").studies if study.id == "kronbauer2017-haloperidol")
        assert "Behavioural Brain Research" in study.citation
        assert study.number is not None

    def test_what_the_claim_table_asks_for_is_told(self) -> None:
        made = answer("magnesium")
        everything = "\n".join(texts(made))
        for fact in (
            "halved levodopa-induced dyskinesia in monkeys",
            "less dyskinesia on magnesium may therefore only mean less levodopa",
            "oral magnesium sulfate did neither",
            "no report that found magnesium glycinate ineffective in a network meta-analysis could be traced",
            "come from one university group",
            "Renal impairment (GFR <30 mL/min)",
        ):
            assert fact in everything

    def test_blood_levels_are_kept_apart_from_the_treatment(self) -> None:
        made = answer("magnesium")
        uncontrolled = next(line for line in made.lines if line.id == "uncontrolled")
        assert uncontrolled.studies == 3
        assert "magnesium status (not given) was associated with" in section(made, "human-evidence")


class TestWithTrials:
    """Valbenazine: an estimate with its trials, certainty and what others published."""

    def test_the_verdict_has_direction_size_certainty_and_what_it_rests_on(self) -> None:
        made = answer("valbenazine")
        assert made.verdict.text.startswith("Valbenazine may reduce the severity of dyskinesia compared with placebo")
        assert "two trials, 291 participants; low certainty" in made.verdict.text

    def test_the_estimate_is_between_its_two_trials(self) -> None:
        results = {result.id: result for result in answer("valbenazine").results}
        pooled = results["network:TD severity:valbenazine v placebo"]
        trials = [results[part].figures for part in pooled.parts]
        assert pooled.figures is not None
        assert len(trials) == 2
        low, high = sorted(figures.estimate for figures in trials if figures)
        assert low < pooled.figures.estimate < high

    def test_derived_values_are_recorded_with_their_rows(self) -> None:
        results = {result.id: result for result in answer("valbenazine").results}
        kinect2 = results["study:TD severity:obrien2015-kinect2:valbenazine v placebo"]
        assert [item.quantity for item in kinect2.derivations] == ["SE", "d", "g"]
        rows = {row.id for row in answer("valbenazine").rows}
        assert {item.row for item in kinect2.derivations} <= rows

    def test_unappraised_trials_and_silent_trials_lower_the_certainty(self) -> None:
        domains = {domain.domain: domain for domain in answer("valbenazine").certainty.domains}
        assert domains["risk of bias"].down is None
        assert domains["risk of bias"].needs
        assert domains["publication bias"].down == 1
        assert "KINECT 2014" in domains["publication bias"].reason.text

    def test_a_published_result_that_disagrees_is_shown(self) -> None:
        assert "Ismail 2024 gives valbenazine 80 mg against placebo SMD −1.66" in section(
            answer("valbenazine"), "disagreements"
        )

    def test_the_forest_plot_shows_trials_estimate_and_published_results(self) -> None:
        plots = [b for s in answer("valbenazine").sections for b in s.blocks if isinstance(b, ForestPlot)]
        roles = [row.role for row in plots[0].rows]
        assert roles[:3] == ["study", "study", "summary"]
        assert roles.count("published") == 3
        assert sum(row.weight or 0 for row in plots[0].rows) == pytest.approx(100)

    def test_what_is_left_out_is_listed_with_its_reason(self) -> None:
        reasons = {item.why for item in answer("valbenazine").left_out}
        assert any("arm-level data" in why or "reported difference is used" in why for why in reasons)
        assert "another result of the trial is used" in " ".join(reasons)

    def test_crossover_participants_are_counted_once(self) -> None:
        assert "one trial, 22 participants" in answer("melatonin").verdict.text

    def test_pooled_safety_report_is_not_counted_beside_its_trials(self) -> None:
        results = {result.id: result for result in answer("deutetrabenazine").results}
        any_event = results["network:any adverse event:deutetrabenazine v placebo"]
        assert any_event.studies == 2
        somnolence = results["network:somnolence:deutetrabenazine v placebo"]
        assert [part.split(":")[2] for part in somnolence.parts] == ["deutet-pooled-safety"]


def test_trials_without_numbers_are_said_to_be_so_and_others_are_quoted() -> None:
    made = answer("vitamin E")
    assert made.verdict.text.startswith("Seven randomised trials of vitamin E")
    assert made.certainty.level is None
    told = " ".join(statement.text for statement in made.summary)
    assert told.index("−0.31") < told.index("−0.77"), "the more precise result first"
    for fact in (
        "publication bias",
        "RR 0.95 (95% CI 0.89 to 1.01)",
        "A trial of 158 people over up to two years found no effect",
    ):
        assert fact in told
    assert "Untested" not in told


def test_trials_pooled_by_others_are_not_called_untested() -> None:
    made = answer("insulin")
    everything = "\n".join(texts(made))
    assert "comes from the pooled results of others" in made.verdict.text
    assert "RR 0.50 (95% CI 0.30 to 0.90)" in " ".join(statement.text for statement in made.summary)
    assert "Untested" not in everything
    assert "nobody" not in everything


def test_a_class_takes_its_members_together() -> None:
    made = answer("VMAT2 inhibitors")
    assert "four trials, 626 participants" in made.verdict.text
    assert made.title.startswith("Do VMAT2 inhibitors help")


def test_an_unconnected_part_is_fitted_by_itself_and_said_so() -> None:
    made = answer("rTMS")
    assert "compared with sham rTMS" in made.verdict.text
    everything = "\n".join(texts(made))
    for wrong in ("No randomised trial", "has not been tested", "nobody", "is not in the network"):
        assert wrong not in everything
    assert "A randomised trial of rTMS against sham rTMS" in section(made, "unknowns")
    assert "two unconnected networks" in section(made, "methods")


def test_two_treatments_are_compared_through_the_network() -> None:
    made = answer("valbenazine", "deutetrabenazine")
    assert "compared with deutetrabenazine" in made.verdict.text
    assert "indirect comparison only" in made.verdict.text
    trials = next(line for line in made.lines if line.id == "randomised").summary.text
    assert "two of them give a usable result" in trials
    assert "none compares it with deutetrabenazine" in trials
    told = " ".join(statement.text for statement in made.summary)
    assert "Valbenazine may reduce" in told
    assert "Deutetrabenazine probably reduces" in told
    domain = next(domain for domain in made.certainty.domains if domain.domain == "indirectness")
    assert domain.down == 1


def test_a_person_may_override_a_rating_and_the_proposal_stays_visible() -> None:
    def override(domain: str, level: str) -> CertaintyOverride:
        return CertaintyOverride(
            comparison="valbenazine v placebo",
            outcome="TD severity",
            domain=domain,
            level=level,
            by="A. Reviewer",
            when="2026-11-01",
            why="both trials were appraised elsewhere",
            line=2,
        )

    appraised = replace(review(), certainty=(override("risk of bias", "0"),))
    made = build(Reading("valbenazine", appraised, "valbenazine", None))
    assert made.certainty.level == "moderate"
    domain = made.certainty.domains[0]
    assert (domain.down, domain.overridden_by) == (0, "A. Reviewer")
    assert "proposed: not judged" in domain.reason.text
    assert "both trials were appraised elsewhere" in section(made, "methods")

    set_whole = replace(review(), certainty=(override("overall", "high"),))
    assert build(Reading("valbenazine", set_whole, "valbenazine", None)).certainty.level == "high"


def test_the_table_of_treatments_has_the_one_asked_about_first() -> None:
    for treatment in ("magnesium", "ginkgo EGb-761"):
        first = answer(treatment).compared.rows[0]
        assert (first.header, first.emphasised) == (treatment, True)


def test_conventional_treatments_known_through_others_results_are_compared_too() -> None:
    table = next(
        block
        for part in answer("magnesium").sections
        if part.id == "comparison"
        for block in part.blocks
        if isinstance(block, Table)
    )
    cells = {row.header: " ".join(s.text for cell in row.cells for s in cell) for row in table.rows}
    assert "SMD −0.46" in cells["amantadine"]
    assert "SMD −0.63" in cells["VMAT2 inhibitors"]
    other = section(answer("magnesium"), "faq")
    assert "SMD −1.41" in other
    assert "UL 100 mg/day" in other


def test_what_other_treatments_safety_says_of_it_is_told() -> None:
    assert "low magnesium itself raises the risk" in section(answer("magnesium"), "risks")


def test_features_are_compared_under_the_headings_of_a_reader() -> None:
    table = next(
        block
        for part in answer("magnesium").sections
        if part.id == "comparison"
        for block in part.blocks
        if isinstance(block, Table)
    )
    assert table.columns[1:] == ("Mechanism", "Evidence", "Effect", "Certainty", "Side effects", "Safety", "Use")
    assert {"valbenazine", "deutetrabenazine"} <= {row.header for row in table.rows}


@pytest.mark.parametrize("treatment", ["magnesium", "valbenazine", "vitamin E", "VMAT2 inhibitors"])
def test_the_page_is_a_pure_function_of_the_json(treatment: str) -> None:
    made = answer(treatment)
    again = exchange.from_json(exchange.to_json(made))
    assert again == made
    assert html.render(again) == html.render(made)
    assert markdown.render(again) == markdown.render(made)


def test_a_question_in_words_gives_the_same_answer() -> None:
    made = answer_question("does magnezium help with diskinesia", [review()])
    assert made.verdict == answer("magnesium").verdict
    assert made.interpretation.notes


def test_methods_name_the_data_the_models_and_what_was_left_out() -> None:
    text = section(answer("valbenazine"), "methods")
    assert "Treatments for tardive dyskinesia" in text
    assert "Severity of dyskinesia: SMD, random effects, τ² by REML, 11 trials" in text
    assert "set aside" in text


def test_unknowns_end_in_the_trial_that_would_settle_it() -> None:
    text = section(answer("magnesium"), "unknowns")
    assert "A randomised trial of magnesium against placebo" in text
    assert "about 786 participants" in text


def test_bullets_never_stand_empty() -> None:
    for treatment in ("magnesium", "valbenazine", "D-serine"):
        for part in answer(treatment).sections:
            assert all(block.items for block in part.blocks if isinstance(block, Bullets))
