"""A plain question is read by names and synonyms, typing errors included; what can't be read says so."""

from __future__ import annotations

import pytest

from equipoise.errors import Ambiguous, NotCovered, QuestionError
from equipoise.question import Reading, read_question, treatments_covered
from equipoise.review.model import Analysis, Condition, Intervention, Protocol, Question, Review


def treatment(name: str, *synonyms: str, node: str = "", class_: str = "", **more: object) -> Intervention:
    return Intervention(name=name, node=node or name, class_=class_, role="supplement", synonyms=synonyms, **more)  # type: ignore[arg-type]


REVIEW = Review(
    Protocol(
        "Treatments for restless legs",
        Question("Which treatments help?", "adults"),
        Condition("restless legs syndrome", "RLS", ("Willis-Ekbom disease",), ("leg cramps",)),
        (Analysis("severity", "SMD"),),
    ),
    interventions=(
        treatment("iron", "Fe", "ferrous sulfate"),
        treatment("ropinirole", "Requip", class_="dopamine agonist"),
        treatment("pramipexole", "Mirapex", class_="dopamine agonist"),
        treatment("pramipexole 0.5 mg", node="pramipexole", class_="dopamine agonist"),
        treatment("dopamine agonists", class_="dopamine agonist", is_class=True),
        treatment("vitamin C", "ascorbic acid"),
        treatment("vitamin D", "cholecalciferol", "D3"),
        treatment("iron + vitamin C", related=("iron", "vitamin C")),
        treatment("placebo", class_="placebo"),
    ),
)


def read(text: str) -> Reading:
    return read_question(text, [REVIEW])


@pytest.mark.parametrize(
    ("question", "node"),
    [
        ("Does iron help with restless legs syndrome?", "iron"),
        ("Fe for RLS", "iron"),
        ("Can Requip treat Willis-Ekbom disease?", "ropinirole"),
        ("pramipexole 0.5 mg for RLS", "pramipexole"),
        ("Are dopamine agonists effective in RLS?", "dopamine agonists"),
        ("a dopamine agonist for RLS?", "dopamine agonists"),
        ("DOES VITAMIN D HELP RLS", "vitamin D"),
        ("D3 in RLS", "vitamin D"),
    ],
)
def test_names_synonyms_brands_and_classes_are_found(question: str, node: str) -> None:
    assert read(question).treatment == node


@pytest.mark.parametrize(
    ("question", "node"),
    [
        ("ropinerole for restles legs syndrom", "ropinirole"),
        ("pramipexol RLS", "pramipexole"),
        ("Iron für RLS", "iron"),
    ],
)
def test_typing_errors_are_forgiven_and_named(question: str, node: str) -> None:
    reading = read(question)
    assert reading.treatment == node
    assert reading.notes


def test_names_that_differ_in_one_short_word_are_not_confused() -> None:
    assert read("vitamin C for RLS").treatment == "vitamin C"
    with pytest.raises(Ambiguous) as caught:
        read("vitamin E for RLS")
    assert set(caught.value.candidates) >= {"vitamin C", "vitamin D"}


def test_a_word_that_fits_several_treatments_lists_them() -> None:
    with pytest.raises(Ambiguous) as caught:
        read("Does vitamin help with RLS?")
    assert caught.value.candidates == ("vitamin C", "vitamin D")


def test_two_treatments_are_set_against_each_other() -> None:
    reading = read("Is ropinirole better than pramipexole for RLS?")
    assert (reading.treatment, reading.comparator) == ("ropinirole", "pramipexole")


def test_two_treatments_together_are_ambiguous_and_offer_their_combination() -> None:
    with pytest.raises(Ambiguous) as caught:
        read("Do iron and vitamin C help with RLS?")
    assert caught.value.candidates == ("iron", "vitamin C", "iron + vitamin C")


def test_a_broader_word_is_answered_for_the_condition_and_said_so() -> None:
    (note,) = read("Does iron help with leg cramps?").notes
    assert "restless legs syndrome" in note


def test_what_is_not_taken_into_account_is_named() -> None:
    assert any("“children”" in note for note in read("Does iron help RLS in children?").notes)


@pytest.mark.parametrize("question", ["Does iron help dialysis-induced leg cramps?", "iron for nocturnal leg cramps"])
def test_a_word_that_makes_a_broader_term_another_condition_is_not_passed_over(question: str) -> None:
    with pytest.raises(NotCovered, match="leg cramps"):
        read(question)


def test_a_second_treatment_named_by_one_word_is_not_passed_over() -> None:
    with pytest.raises(Ambiguous) as caught:
        read("Do ropinirole and ferrous help with RLS?")
    assert caught.value.candidates == ("ropinirole", "iron")


def test_a_question_as_long_as_a_letter_is_refused() -> None:
    with pytest.raises(QuestionError, match="at most 300"):
        read("iron " * 100)


def test_a_cause_is_not_a_treatment() -> None:
    assert read("Does iron help pramipexole-induced RLS?").treatment == "iron"


def test_a_question_without_a_condition_is_answered_for_the_reviews() -> None:
    reading = read("Does iron help?")
    assert reading.treatment == "iron"
    assert "names no condition" in reading.notes[0]


@pytest.mark.parametrize("question", ["Does iron help with migraine?", "aspirin for headache", "hello"])
def test_what_no_review_covers_is_refused_with_what_is_covered(question: str) -> None:
    with pytest.raises(NotCovered) as caught:
        read(question)
    assert caught.value.covered


def test_a_near_miss_suggests_a_name() -> None:
    with pytest.raises(NotCovered, match="did you mean Mirapex"):
        read("miramax for RLS")


@pytest.mark.parametrize("question", ["", "???", "Does it help?", "RLS", "placebo for RLS"])
def test_a_question_without_a_treatment_says_so(question: str) -> None:
    with pytest.raises(QuestionError):
        read(question)


def test_two_reviews_that_both_fit_are_ambiguous() -> None:
    with pytest.raises(Ambiguous, match="several reviews"):
        read_question("iron for RLS", [REVIEW, REVIEW])


def test_inert_controls_are_not_listed_as_treatments() -> None:
    assert "placebo" not in treatments_covered(REVIEW)
