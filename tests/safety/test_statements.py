"""Safety statements come in the order in which a person needs them."""

from __future__ import annotations

from equipoise.review.model import SafetyStatement
from equipoise.safety.statements import about, headlines


def statement(kind: str, severity: str = "", line: int = 0) -> SafetyStatement:
    return SafetyStatement(substance="drug", kind=kind, severity=severity, with_=f"{kind} {line}", line=line)


ALL = (
    statement("monitoring", line=2),
    statement("adverse-effect", "minor", 3),
    statement("adverse-effect", "major", 4),
    statement("interaction", line=5),
    statement("contraindication", line=6),
    statement("boxed-warning", "major", 7),
)


def test_contraindications_first_then_the_graver_of_each_kind() -> None:
    assert [row.line for row in about(ALL, ["drug"])] == [6, 7, 5, 4, 3, 2]


def test_only_the_substances_asked_for() -> None:
    assert about(ALL, ["other"]) == ()


def test_headlines_are_contraindications_warnings_and_major_statements() -> None:
    assert [row.line for row in headlines(about(ALL, ["drug"]))] == [6, 7, 4]


def test_without_grave_statements_the_headlines_are_what_there_is_but_monitoring() -> None:
    mild = about(ALL[:2], ["drug"])
    assert [row.line for row in headlines(mild)] == [3]
