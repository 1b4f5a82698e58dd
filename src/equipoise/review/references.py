"""Do the tables' ids resolve: studies, outcomes, treatments, their nodes and their synonyms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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

    def unknown(self, table: str, column: str, used: Iterable[str]) -> set[str]:
        """Which of the values used no row has; none where a row or the column that may have them couldn't be read."""
        sheet = self.tables.get(table)
        if table in self.broken or (sheet is not None and column not in sheet.values):
            return set()
        return set(used) - self.known(table, column) - (set() if sheet is None else sheet.lost) - {""}

    def is_whole(self, table: str) -> bool:
        """Whether every row of the table could be read."""
        return table not in self.broken and not (table in self.tables and self.tables[table].lost)


def check_references(sheets: Sheets) -> Iterator[Problem]:
    """Every id that no row defines, and every treatment's name that means two things."""
    for sheet in sheets.tables.values():
        if sheet.name == "set_aside":
            continue
        for column, spec in sheet.kind.columns().items():
            if spec.refers_to and column in sheet.values:
                yield from _unresolved(sheets, sheet, column, *spec.refers_to)
    for table, column in (("outcomes", "outcome"), ("interventions", "node"), ("studies", "study_id")):
        if table in sheets.tables:
            yield from _alike(sheets.tables[table], column)
    if "interventions" in sheets.tables:
        yield from _unknown_nodes(sheets)
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
    unknown = sheets.unknown(table, target, chain.from_iterable(values) if is_list else values)
    if not unknown:
        return
    if table not in sheets.tables:
        example = sorted(unknown)[0]
        mend = f"add {table}.csv with a row for each {target}"
        yield Problem(sheet.file, None, column, example, f"refers to {table}.csv, which isn't in the folder", mend)
        return
    mends = _mends(sheets, table, target, sorted(unknown))
    what = _noun(table)
    for row, value in enumerate(values):
        for item in value if is_list else (value,):
            if item in unknown:
                named = f"{item!r} is an unknown {what}" if is_list and len(value) > 1 else f"unknown {what}"
                yield sheet.problem(row, column, named, mends[item])


def _mends(sheets: Sheets, table: str, target: str, unknown: Iterable[str]) -> dict[str, str]:
    words, mends = Words(sheets.known(table, target)), {}
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


def _unknown_nodes(sheets: Sheets) -> Iterator[Problem]:
    sheet = sheets.tables["interventions"]
    lumped = dict(zip(sheet["name"], sheet["node"], strict=True))
    for row, node in enumerate(sheet["node"]):
        further = lumped.get(node, node)
        if node and further and further != node:
            yield sheet.problem(
                row, "node", f"{node!r} is itself lumped into {further!r}", f"write {further!r} here too"
            )
    words = Words(sheets.known("interventions", "node"))
    unknown = sheets.unknown("interventions", "node", chain.from_iterable(sheet["related"]))
    for row, related in enumerate(sheet["related"]):
        for node in related:
            if node in unknown:
                yield sheet.problem(
                    row, "related", f"{node!r} is no treatment's node", words.did_you_mean(node, "correct it")
                )


def _alike(sheet: Sheet, column: str) -> Iterator[Problem]:
    """Ids that a reader would take for one."""
    first: dict[str, str] = {}
    for row, value in enumerate(sheet[column]):
        other = first.setdefault(plain(value), value)
        if value and other != value:
            what = f"the {column} differs from {other!r} only in how it is written"
            yield sheet.problem(row, column, what, f"write {other!r}, or tell the two apart", "warning")


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
