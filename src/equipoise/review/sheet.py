"""A table's values column by column, and its rows made of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import repeat
from typing import Any

from equipoise.review.model import Row
from equipoise.review.parsing import EMPTY, parse_column
from equipoise.review.problem import Problem, Severity
from equipoise.review.tables import TextTable


@dataclass(frozen=True, slots=True)
class Sheet:
    """The values of a table; what couldn't be read is an empty cell here and a problem beside it."""

    kind: type[Row]
    lines: Sequence[int]
    texts: Mapping[str, Sequence[str]]
    values: Mapping[str, Sequence[Any]]
    unknown: tuple[str, ...] = ()
    """Columns that the format doesn't know, in the file's order."""
    unreadable: frozenset[str] = field(default_factory=frozenset)
    """Columns with a text that couldn't be read."""
    lost: frozenset[str] = field(default_factory=frozenset)
    """The cells of rows that could not be read."""

    @property
    def name(self) -> str:
        return self.kind.table

    @property
    def file(self) -> str:
        return f"{self.kind.table}.csv"

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, column: str) -> Sequence[Any]:
        """A column's values; empty cells where the file doesn't have the column."""
        if column in self.values:
            return self.values[column]
        return [EMPTY.get(self.kind.columns()[column].kind)] * len(self.lines)

    def problem(self, row: int, column: str | None, what: str, mend: str, severity: Severity = "error") -> Problem:
        """A problem in the cell of ``row`` (counted from 0, without the header)."""
        value = self.texts[column][row] if column is not None and column in self.texts else ""
        return Problem(self.file, self.lines[row], column, value, what, mend, severity)

    def rows(self) -> tuple[Row, ...]:
        """The rows as frozen dataclasses.

        They are filled a column at a time through their slots: a call of ``__init__`` a row takes five times as long.
        """
        kind, count = self.kind, len(self.lines)
        rows = list(map(kind.__new__, repeat(kind, count)))
        names = {attribute: column for column, attribute in kind.attributes().items()}
        for slot in fields(kind):
            column: Any
            if slot.name == "line":
                column = self.lines
            elif slot.name == "extra":
                extra = [list(zip(repeat(name), self.texts[name])) for name in self.unknown]
                column = zip(*extra, strict=True) if extra else repeat(())
            else:
                column = self[names[slot.name]]
            deque(map(getattr(kind, slot.name).__set__, rows, column), maxlen=0)
        return tuple(rows)


def parse_table(kind: type[Row], table: TextTable) -> tuple[Sheet, list[Problem]]:
    """The values of a table, with a problem for each cell that breaks its column's rules."""
    columns = kind.columns()
    values: dict[str, Sequence[Any]] = {}
    unreadable: set[str] = set()
    problems: list[Problem] = []
    for name, texts in table.columns.items():
        if name not in columns:
            continue
        values[name], complaints = parse_column(columns[name], texts)
        if not complaints:
            continue
        unreadable |= {name} if any(found.severity == "error" for found in complaints.values()) else set()
        for text, line in zip(texts, table.lines, strict=True):
            found = complaints.get(text)
            if found:
                problems.append(Problem(table.file, line, name, text, found.what, found.mend, found.severity))
    unknown = tuple(name for name in table.columns if name not in columns)
    return Sheet(kind, table.lines, table.columns, values, unknown, frozenset(unreadable), table.lost), problems
