"""Selecting rows of a review by what their cells hold: ``safety?substance=zinc&kind=dose-limit``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from equipoise.errors import ReviewError
from equipoise.review.model import TABLES, Review, Row
from equipoise.review.nearest import did_you_mean, nearest
from equipoise.review.parsing import Unreadable, parse

_AND = re.compile(r"&(?=[^&=]+=)")


class SelectorError(ReviewError):
    """A selector that can't select anything from any review; ``what`` is wrong and how to ``mend`` it."""

    def __init__(self, selector: str, what: str, mend: str) -> None:
        super().__init__(f"{selector!r}: {what}; {mend}")
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Selector:
    """A table and the cells that its rows must hold."""

    table: str
    cells: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.table + ("?" if self.cells else "") + "&".join(f"{column}={value}" for column, value in self.cells)


@lru_cache(maxsize=4096)
def parse_selector(text: str) -> Selector:
    """The selector that a text means; raises ``SelectorError`` for one that can't be read."""
    table, question, conditions = text.partition("?")
    table = table.strip()
    if table not in TABLES:
        mend = did_you_mean(table, TABLES, f"the tables are {', '.join(TABLES)}")
        raise SelectorError(text, f"there is no table {table!r}", mend)
    if not question:
        return Selector(table)
    cells = []
    for condition in _AND.split(conditions):
        column, equals, value = condition.partition("=")
        if not equals or not column.strip():
            mend = "write it like studies?study_id=smith2001"
            raise SelectorError(text, f"it can't be read at {condition!r}", mend)
        cells.append((column.strip(), value.strip()))
    return Selector(table, tuple(cells))


def select(review: Review, selector: str) -> tuple[Row, ...]:
    """The rows that a selector means, in the table's order; none when no row fits.

    Numbers are compared as numbers; a list's cell fits when one of its items does. Columns that the format doesn't
    know can be selected on when the table has them. Raises ``SelectorError`` for an unknown table or column.
    """
    asked = parse_selector(selector)
    rows = review.rows(asked.table)
    for column, value in asked.cells:
        fits = _condition(asked.table, column, value, rows, selector)
        rows = tuple(row for row in rows if fits(row))
    return rows


def _condition(table: str, column: str, value: str, rows: tuple[Row, ...], selector: str) -> Callable[[Row], bool]:
    kind = TABLES[table]
    spec = kind.columns().get(column)
    if spec is None:
        known = {*kind.columns(), *(name for row in rows for name, _ in row.extra)}
        if column not in known and (rows or table != "set_aside"):
            mend = did_you_mean(column, known, f"its columns are {', '.join(kind.columns())}")
            raise SelectorError(selector, f"{table}.csv has no column {column!r}", mend)
        return lambda row: dict(row.extra).get(column) == value
    attribute = kind.attributes()[column]
    if spec.kind == "list":
        whole = parse(spec.__class__(kind="list"), value)
        return lambda row: value in getattr(row, attribute) or getattr(row, attribute) == whole
    wanted: Any = value
    if spec.kind in ("integer", "number", "boolean", "p_value"):
        try:
            wanted = parse(spec, value)
        except Unreadable:
            return lambda _: False
    return lambda row: getattr(row, attribute) == wanted


def why_nothing(review: Review, selector: str) -> tuple[str, str]:
    """What is wrong with a selector that no row fits, and its mend: the value nearest to the first that fails."""
    asked = parse_selector(selector)
    rows = review.rows(asked.table)
    if not rows:
        return f"{asked.table}.csv has no rows", "add the rows that the sentence rests on"
    for column, value in asked.cells:
        fits = _condition(asked.table, column, value, rows, selector)
        fitting = tuple(row for row in rows if fits(row))
        if not fitting:
            held = _texts(asked.table, column, rows)
            match = nearest(value, held, likeness=50)
            left = " among the rows that fit the rest" if len(rows) < len(review.rows(asked.table)) else ""
            mend = f"did you mean {match!r}?" if match else f"there is {_some(held)}"
            return f"no row of {asked.table}.csv has {column} {value!r}{left}", mend
        rows = fitting
    return "no row fits", "correct the selector"


def _texts(table: str, column: str, rows: tuple[Row, ...]) -> list[str]:
    from equipoise.review.writing import cells

    is_list = column in TABLES[table].columns() and TABLES[table].columns()[column].kind == "list"
    texts = {cells(row).get(column, "") for row in rows}
    if is_list:
        texts = {item for text in texts for item in text.split("; ")}
    return sorted(texts - {""})


def _some(texts: list[str]) -> str:
    return ", ".join(map(repr, texts[:5])) + (", …" if len(texts) > 5 else "") if texts else "nothing in that column"
