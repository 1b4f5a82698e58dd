"""Do the tables' ids resolve: studies, outcomes, treatments, their nodes and their synonyms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.review.nearest import Words, plain
from equipoise.review.problem import Problem
from equipoise.review.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Sheets:
    """The tables of a folder; ``broken`` are those whose file is there but can't be read as a table."""

    tables: Mapping[str, Sheet]
    broken: frozenset[str] = frozenset()

    def column(self, table: str, column: str) -> Sequence[Any]:
        """A column's values; none when the table is absent."""
        return self.tables[table][column] if table in self.tables else ()

    def known(self, table: str, column: str) -> set[str]:
        """The values of a column, without empty cells."""
        return set(self.column(table, column)) - {""}


def check_references(sheets: Sheets) -> Iterator[Problem]:
    """Every id that no row defines, and every treatment's name that means two things."""
    for sheet in sheets.tables.values():
        if sheet.name == "set_aside":
            continue
        for column, spec in sheet.kind.columns().items():
            if spec.refers_to and column in sheet.values and spec.refers_to[0] not in sheets.broken:
                yield from _unresolved(sheets, sheet, column, *spec.refers_to)
    if "interventions" in sheets.tables:
        yield from _unknown_nodes(sheets.tables["interventions"])
        yield from _words_for_two(sheets.tables["interventions"])
    if "studies" in sheets.tables:
        studies = sheets.tables["studies"]
        for row, (study, includes) in enumerate(zip(studies["study_id"], studies["includes"], strict=True)):
            if study in includes:
                what = "the study is said to include itself"
                yield studies.problem(row, "includes", what, "name the studies whose participants it pools")


def _unresolved(sheets: Sheets, sheet: Sheet, column: str, table: str, target: str) -> Iterator[Problem]:
    values = sheet[column]
    is_list = sheet.kind.columns()[column].kind == "list"
    used = set().union(*values) if is_list else set(values)
    known = sheets.known(table, target)
    unknown = used - known - {""}
    if not unknown:
        return
    if table not in sheets.tables:
        example = sorted(unknown)[0]
        mend = f"add {table}.csv with a row for each {target}"
        yield Problem(sheet.file, None, column, example, f"refers to {table}.csv, which isn't in the folder", mend)
        return
    mends = _mends(sheets, table, target, sorted(unknown), known)
    what = _noun(table)
    for row, value in enumerate(values):
        for item in value if is_list else (value,):
            if item in unknown:
                named = f"{item!r} is an unknown {what}" if is_list and len(value) > 1 else f"unknown {what}"
                yield sheet.problem(row, column, named, mends[item])


def _mends(sheets: Sheets, table: str, target: str, unknown: Iterable[str], known: set[str]) -> dict[str, str]:
    words, mends = Words(known), {}
    aside = _set_aside(sheets, table, target)
    names = _names(sheets) if table == "interventions" else {}
    for item in unknown:
        if item in aside:
            mends[item] = f"set_aside.csv:{aside[item]} keeps it out: set this row aside too"
        elif plain(item) in names:
            mends[item] = f"write its name: {names[plain(item)]!r}"
        else:
            mends[item] = words.did_you_mean(item, f"add it to {table}.csv, or correct it")
    return mends


def _set_aside(sheets: Sheets, table: str, target: str) -> dict[str, int]:
    """The ids of a table that are set aside, with their line in set_aside.csv."""
    sheet = sheets.tables.get("set_aside")
    if sheet is None or target not in sheet.texts:
        return {}
    rows = zip(sheet["table"], sheet.texts[target], sheet.lines, strict=True)
    return {value: line for of, value, line in rows if of == table and value}


def _names(sheets: Sheets) -> dict[str, str]:
    """Synonym or node, evened out → the name of the treatment."""
    sheet = sheets.tables["interventions"]
    names: dict[str, str] = {}
    for name, synonyms in zip(sheet["name"], sheet["synonyms"], strict=True):
        for synonym in synonyms:
            names.setdefault(plain(synonym), name)
    return names


def _noun(table: str) -> str:
    return {"studies": "study", "outcomes": "outcome", "interventions": "treatment"}.get(table, f"row of {table}.csv")


def _unknown_nodes(sheet: Sheet) -> Iterator[Problem]:
    nodes = set(sheet["node"]) - {""}
    words = Words(nodes)
    for row, related in enumerate(sheet["related"]):
        for node in related:
            if node not in nodes:
                yield sheet.problem(
                    row, "related", f"{node!r} is no treatment's node", words.did_you_mean(node, "correct it")
                )
    alike: dict[str, str] = {}
    for row, node in enumerate(sheet["node"]):
        first = alike.setdefault(plain(node), node)
        if node and first != node:
            what = f"the node differs from {first!r} only in how it is written"
            yield sheet.problem(row, "node", what, f"write {first!r}, or tell the two apart", "warning")


def _words_for_two(sheet: Sheet) -> Iterator[Problem]:
    """A word that means two nodes makes every question that uses it ambiguous."""
    meaning: dict[str, tuple[str, int]] = {}
    rows = list(zip(sheet["name"], sheet["node"], sheet["synonyms"], strict=True))
    for row, (name, node, _) in enumerate(rows):
        if node:
            meaning.setdefault(plain(node), (node, row))
            meaning.setdefault(plain(name), (node, row))
    for row, (name, node, synonyms) in enumerate(rows):
        if not node:
            continue
        for column, word in (("name", name), *(("synonyms", synonym) for synonym in synonyms)):
            other, where = meaning.setdefault(plain(word), (node, row))
            if plain(other) != plain(node):
                what = f"{word!r} means {node!r} here and {other!r} in row {sheet.lines[where]}"
                mend = f"give both one node, or keep {word!r} for one of them"
                yield sheet.problem(row, column, what, mend)
