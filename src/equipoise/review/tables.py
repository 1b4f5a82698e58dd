"""A table as its file has it: a header and columns of text, each row with its line in the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import chain

from equipoise.review.model import TABLES
from equipoise.review.nearest import nearest, plain
from equipoise.review.problem import Problem

_KEEPS_ANY_COLUMN = "set_aside"


@dataclass(frozen=True, slots=True)
class TextTable:
    """The cells of a table as text, column by column; ``lines`` are the rows' lines in the file.

    ``lost`` are the cells of rows that could not be read: an id among them is not unknown.
    """

    name: str
    lines: Sequence[int]
    columns: dict[str, Sequence[str]]
    lost: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        return f"{self.name}.csv"


def read_table(name: str, text: str) -> tuple[TextTable | None, list[Problem]]:
    """The table in a file's text, and everything that is wrong with its shape.

    Rows with too many or too few cells are left out of the table (and named); blank lines don't count as rows.
    """
    file = f"{name}.csv"
    if not text.strip():
        columns_known = ",".join(TABLES[name].columns())
        return None, [
            Problem(
                file, None, None, "", "the file is empty", f"delete it, or begin it with the header {columns_known}"
            )
        ]
    rows, lines, lost, problems = _records(file, text)
    if not rows:
        return None, problems
    header = [cell.strip() for cell in rows[0]]
    top = lines[0]
    delimiter = _other_delimiter(header)
    if delimiter:
        what = f"the columns are separated by {delimiter}, not by commas"
        return None, [Problem(file, top, None, ",".join(rows[0])[:80], what, "save it as a comma-separated CSV file")]
    body, body_lines, ragged, shape = _even(file, rows[1:], lines[1:], len(header))
    problems += shape
    cells = list(chain.from_iterable(body))
    columns: dict[str, Sequence[str]] = {}
    for place, column in enumerate(header):
        columns.setdefault(column, cells[place :: len(header)])
    problems += _header_problems(name, top, header, columns)
    columns.pop("", None)
    return TextTable(name, body_lines, columns, frozenset(lost | ragged)), problems


def _records(file: str, text: str) -> tuple[list[list[str]], Sequence[int], set[str], list[Problem]]:
    """The records of a file with the line on which each starts, and the cells of those that can't be told apart."""
    ends = text.count("\n") + (not text.endswith("\n"))
    try:
        rows = list(csv.reader(StringIO(text, newline=""), strict=True))
    except csv.Error:
        rows = []
    if len(rows) == ends and [] not in rows:
        return rows, range(1, ends + 1), set(), []
    rows, lines, line = [], [], 1
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    lost: set[str] = set()
    problems = []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        *_, rest = text.split("\n", line - 1)
        lost = {cell.strip() for cell in re.split(r'[,"\n]', rest)}
        problems.append(Problem(file, line, None, rest.split("\n", 1)[0][:60], *_quoting(str(error))))
    return rows, lines, lost, problems


def _quoting(error: str) -> tuple[str, str]:
    if "field limit" in error:
        return "a cell is longer than 131,072 characters, or its quote never closes", "shorten it, or close the quote"
    if "expected after" in error:
        return (
            "a quoted cell goes on after its closing quote, so that the rest of the file can't be read",
            'write a quote inside a quoted cell twice ("")',
        )
    return (
        "a quote opens here and never closes, so that the rest of the file can't be read",
        'close the quote; write a quote inside a quoted cell twice ("")',
    )


def _other_delimiter(header: list[str]) -> str | None:
    if len(header) == 1:
        for delimiter, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if delimiter in header[0]:
                return name
    return None


def _even(
    file: str, rows: list[list[str]], lines: Sequence[int], width: int
) -> tuple[list[list[str]], Sequence[int], set[str], list[Problem]]:
    """The rows that are as wide as the header, the cells of the others, and what is wrong with those."""
    if set(map(len, rows)) <= {width} and all(map(any, rows)):
        return rows, lines, set(), []
    kept, kept_lines, problems = [], [], []
    lost: set[str] = set()
    for row, line in zip(rows, lines, strict=True):
        if not any(cell.strip() for cell in row):
            what, mend = "an empty row", "delete the row"
            problems.append(Problem(file, line, None, "", what, mend, "warning"))
            continue
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            what, mend = "commas after the last column", "delete them"
            problems.append(Problem(file, line, None, "", what, mend, "warning"))
            row = row[:width]
        if len(row) != width:
            problems.append(_ragged(file, line, row, width))
            lost.update(cell.strip() for cell in row)
            continue
        kept.append(row)
        kept_lines.append(line)
    return kept, kept_lines, lost, problems


def _ragged(file: str, line: int, row: list[str], width: int) -> Problem:
    cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
    what = f"the row has {cells} where the header has {width}"
    if len(row) < width:
        return Problem(file, line, None, row[-1], what, "give every column a cell, empty where nothing is known")
    return Problem(file, line, None, row[width], what, 'put a cell that holds a comma in quotes: "a, b"')


def _header_problems(name: str, top: int, header: list[str], columns: dict[str, Sequence[str]]) -> list[Problem]:
    file, known = f"{name}.csv", TABLES[name].columns()
    problems = []
    for column in dict.fromkeys(header):
        if column and header.count(column) > 1:
            what = f"{header.count(column)} columns have this name"
            problems.append(Problem(file, top, column, column, what, "keep one, or rename the others"))
    for place, column in enumerate(header, start=1):
        if not column:
            what = f"column {place} has no name"
            empty = not any(columns[""])
            mend = "delete the empty column" if empty else "name the column, or delete it"
            problems.append(Problem(file, top, None, "", what, mend, "warning" if empty else "error"))
    absent = [column for column in known if column not in header]
    unknown = [column for column in dict.fromkeys(header) if column and column not in known]
    renamed: dict[str, str] = {}
    for column in absent:
        if not known[column].required:
            continue
        match = nearest(column, unknown)
        if match:
            renamed[match] = column
        mend = f"rename the column {match!r}" if match else f"add the column: {known[column].meaning or column}"
        problems.append(Problem(file, top, column, "", "the column is missing", mend))
    if name == _KEEPS_ANY_COLUMN:
        return problems
    for column in unknown:
        if column in renamed:
            continue
        match = nearest(column, absent) or nearest(column, known)
        same = match is not None and plain(match) == plain(column)
        mend = f"did you mean {match!r}?" if match else "it is kept, but nothing reads it"
        if match in absent:
            mend += " There is no such column" if not same else " (write it in small letters)"
        what = "not a column of the format"
        # A misspelt column would lose all its values without a word; any other unknown one is the user's own.
        problems.append(Problem(file, top, column, column, what, mend, "error" if match in absent else "warning"))
    return problems
