"""Whether every sentence of an answer rests on something that the answer holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import fields

from equipoise.errors import GroundsError
from equipoise.report.answer import Answer, ForestPlot, NetworkGraph, References, Statement

_REGISTERS = frozenset({"results", "studies", "rows", "rules", "paths", "left_out"})
"""Fields of `Answer` that sentences rest on; they hold no sentences themselves."""


def statements(answer: Answer) -> Iterator[tuple[str, Statement]]:
    """Every sentence of the answer with its place, such as ``sections[2].blocks[0].statements[1]``."""
    for field in fields(answer):
        if field.name not in _REGISTERS:
            yield from _statements(getattr(answer, field.name), field.name)


def _statements(value: object, place: str) -> Iterator[tuple[str, Statement]]:
    if isinstance(value, Statement):
        yield place, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _statements(item, f"{place}[{index}]")
    elif isinstance(value, Struct):
        for field in fields(value):
            yield from _statements(getattr(value, field.name), f"{place}.{field.name}")


def verify(answer: Answer) -> None:
    """Check that every sentence has grounds and that every id named anywhere is in the answer.

    Raises
    ------
    GroundsError
        Naming the first sentence without text or grounds, or the first id that isn't held or is held twice.
    """
    held = {
        "result": _unique("result", [result.id for result in answer.results]),
        "study": _unique("study", [study.id for study in answer.studies]),
        "row": _unique("row", [row.id for row in answer.rows]),
        "rule": _unique("rule", [rule.id for rule in answer.rules]),
        "path": _unique("path", [path.id for path in answer.paths]),
    }
    _unique("section", [section.id for section in answer.sections])
    for place, statement in statements(answer):
        if not statement.text.strip():
            raise GroundsError(f"A sentence has no text: {place}.")
        if not statement.grounds:
            raise GroundsError(f"A sentence rests on nothing: “{statement.text}” ({place}).")
        for ground in statement.grounds:
            if ground.id not in held[ground.kind]:
                raise GroundsError(
                    f"A sentence rests on {ground.kind} {ground.id!r}, which the answer doesn't hold: "
                    f"“{statement.text}” ({place})."
                )
    for who, kind, name in _references(answer):
        if name not in held[kind]:
            raise GroundsError(f"{who} names {kind} {name!r}, which the answer doesn't hold.")


def _unique(kind: str, ids: list[str]) -> frozenset[str]:
    for name, times in Counter(ids).items():
        if not name.strip():
            raise GroundsError(f"A {kind} has no id.")
        if times > 1:
            raise GroundsError(f"{times} {kind} entries share the id {name!r}: a ground would be ambiguous.")
    return frozenset(ids)


def _references(answer: Answer) -> Iterator[tuple[str, str, str]]:
    """Who names what: (who, kind, id)."""
    for result in answer.results:
        who = f"Result {result.id!r}"
        yield from ((who, "row", row) for row in result.rows)
        yield from ((who, "result", part) for part in result.parts)
        yield from ((f"A derivation of result {result.id!r}", "row", step.row) for step in result.derivations)
    for row in answer.rows:
        if row.study is not None:
            yield f"Row {row.id!r}", "study", row.study
    for study in answer.studies:
        yield from ((f"Study {study.id!r}", "row", row) for row in study.rows)
    for path in answer.paths:
        for link in path.links:
            for row_id in (*link.supporting, *link.opposing, *link.unproven):
                yield f"Path {path.id!r}", "row", row_id
    for left in answer.left_out:
        who = f"What was left out ({left.what})"
        if left.row:
            yield who, "row", left.row
        if left.study:
            yield who, "study", left.study
    for section in answer.sections:
        for block in section.blocks:
            who = f"Section {section.id!r}"
            match block:
                case ForestPlot():
                    yield from ((f"{who}, forest plot", "result", row.result) for row in block.rows)
                case NetworkGraph():
                    yield from ((f"{who}, network", "result", edge.result) for edge in block.edges if edge.result)
                case References():
                    yield from ((f"{who}, reference list", "study", study_id) for study_id in block.studies)
                case _:
                    pass
