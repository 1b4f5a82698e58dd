"""No sentence without grounds, no id that the answer doesn't hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from article_sample import on, sample
from msgspec.structs import replace

from equipoise.errors import GroundsError
from equipoise.report.answer import (
    Answer,
    Bullets,
    Cell,
    ForestPlot,
    ForestRow,
    LeftOut,
    NetworkEdge,
    NetworkGraph,
    Paragraph,
    References,
    Section,
    SourceRow,
    Statement,
    Table,
    TableRow,
)
from equipoise.report.grounds import statements, verify

BARE = Statement("Believe me.", ())
SOUND = on("rule:wording")


def test_the_sample_is_sound() -> None:
    verify(sample())


def test_every_sentence_is_found_wherever_it_stands() -> None:
    answer = sample()
    found = dict(statements(answer))
    assert found["verdict"] == answer.verdict
    assert found["certainty.domains[1].reason"] == answer.certainty.domains[1].reason
    assert found["lines[0].summary"] == answer.lines[0].summary
    table = answer.sections[3].blocks[0]
    assert isinstance(table, Table)
    assert found["sections[3].blocks[0].rows[1].cells[0][0]"] == table.rows[1].cells[0][0]


def with_section(answer: Answer, *blocks: object) -> Answer:
    return replace(answer, sections=(*answer.sections, Section("new", "New", blocks)))  # type: ignore[arg-type]


UNGROUNDED: dict[str, Callable[[Answer], Answer]] = {
    "verdict": lambda answer: replace(answer, verdict=BARE),
    "certainty": lambda answer: replace(answer, certainty=replace(answer.certainty, summary=BARE)),
    "domain": lambda answer: replace(
        answer,
        certainty=replace(answer.certainty, domains=(replace(answer.certainty.domains[0], reason=BARE),)),
    ),
    "summary": lambda answer: replace(answer, summary=(BARE,)),
    "key points": lambda answer: replace(answer, key_points=(*answer.key_points, BARE)),
    "line": lambda answer: replace(answer, lines=(replace(answer.lines[0], summary=BARE),)),
    "compared": lambda answer: replace(answer, compared=Table("", ("a", "b"), (TableRow("x", ((BARE,),)),))),
    "safety": lambda answer: replace(answer, safety_headlines=(BARE,)),
    "paragraph": lambda answer: with_section(answer, Paragraph((Statement("Sound.", SOUND), BARE))),
    "bullets": lambda answer: with_section(answer, Bullets((BARE,))),
    "table": lambda answer: with_section(answer, Table("", ("a", "b"), (TableRow("x", ((), (BARE,))),))),
}


@pytest.mark.parametrize("place", UNGROUNDED)
def test_a_sentence_without_grounds_is_named(place: str) -> None:
    with pytest.raises(GroundsError, match=r"rests on nothing: “Believe me\.”"):
        verify(UNGROUNDED[place](sample()))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_sentence_is_refused(text: str) -> None:
    with pytest.raises(GroundsError, match="no text: verdict"):
        verify(replace(sample(), verdict=Statement(text, SOUND)))


@pytest.mark.parametrize("kind", ["result", "study", "row", "rule", "path"])
def test_a_ground_must_be_held_under_its_own_kind(kind: str) -> None:
    answer = sample()
    foreign = "wording" if kind != "rule" else "receptor-block"
    with pytest.raises(GroundsError, match=f"rests on {kind} '{foreign}'.*“It works.”"):
        verify(replace(answer, verdict=Statement("It works.", on(f"{kind}:{foreign}"))))


FIGURES = sample().results[0].figures
assert FIGURES is not None
DANGLING: dict[str, tuple[Callable[[Answer], Answer], str]] = {
    "row of a result": (
        lambda answer: replace(answer, results=(*answer.results[:-1], replace(answer.results[-1], rows=("arms:999",)))),
        "Result 'certainty/magnorex' names row 'arms:999'",
    ),
    "part of a result": (
        lambda answer: replace(answer, results=(*answer.results[:-1], replace(answer.results[-1], parts=("x",)))),
        "Result 'certainty/magnorex' names result 'x'",
    ),
    "row of a derivation": (
        lambda answer: replace(
            answer,
            results=(
                replace(answer.results[0], derivations=(replace(answer.results[0].derivations[0], row="arms:999"),)),
                *answer.results[1:],
            ),
        ),
        "derivation of result .* names row 'arms:999'",
    ),
    "study of a row": (
        lambda answer: replace(
            answer, rows=(*answer.rows, SourceRow("arms:77", "arms", 77, "nobody", (Cell("n", "1"),), "", "", ""))
        ),
        "Row 'arms:77' names study 'nobody'",
    ),
    "row of a study": (
        lambda answer: replace(answer, studies=(replace(answer.studies[0], rows=("x:1",)), *answer.studies[1:])),
        "Study 'abelard-2001' names row 'x:1'",
    ),
    "row of a path": (
        lambda answer: replace(
            answer,
            paths=(replace(answer.paths[0], links=(replace(answer.paths[0].links[0], opposing=("x:1",)),)),),
        ),
        "Path 'receptor-block' names row 'x:1'",
    ),
    "study of what was left out": (
        lambda answer: replace(answer, left_out=(LeftOut("A row", "A reason", "", "nobody"),)),
        r"left out \(A row\) names study 'nobody'",
    ),
    "row of a forest plot": (
        lambda answer: with_section(
            answer,
            ForestPlot("", "", "MD", False, 0, "", "", (ForestRow("x", "", "", FIGURES, None, "study"),)),  # type: ignore[arg-type]
        ),
        "Section 'new', forest plot names result 'x'",
    ),
    "edge of a network": (
        lambda answer: with_section(answer, NetworkGraph("", "", (), (NetworkEdge("A", "B", 1, 2, "x"),))),
        "Section 'new', network names result 'x'",
    ),
    "reference": (
        lambda answer: with_section(answer, References(("nobody",))),
        "Section 'new', reference list names study 'nobody'",
    ),
}


@pytest.mark.parametrize("which", DANGLING)
def test_an_id_that_is_not_held_is_named(which: str) -> None:
    change, says = DANGLING[which]
    with pytest.raises(GroundsError, match=says):
        verify(change(sample()))


def test_an_id_held_twice_is_refused() -> None:
    answer = sample()
    with pytest.raises(GroundsError, match="2 rule entries share the id 'wording'"):
        verify(replace(answer, rules=(*answer.rules, answer.rules[-1])))


def test_two_sections_with_one_id_are_refused() -> None:
    answer = sample()
    with pytest.raises(GroundsError, match="2 section entries share the id 'about'"):
        verify(replace(answer, sections=(answer.sections[0], *answer.sections)))
