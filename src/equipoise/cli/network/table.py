"""Reading a table from a text file, as spreadsheets of any country save it."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from equipoise.errors import DataError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "-", "–", "?"})
"""Cells that mean "not known", whatever their case."""

_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text: ``columns`` by heading, cells stripped, None where missing. ``notes`` say what was changed."""

    path: Path
    sha256: str
    columns: dict[str, list[str | None]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))


def read_table(path: Path) -> TextTable:
    """The table in a CSV or tab-separated file: comma, semicolon or tab; UTF-8, or Windows' Western encoding.

    Rows without any content are ignored. With semicolons or tabs, decimal commas become points.

    Raises ``DataError`` for what isn't such a table, naming the line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"can't read {path} ({error.strerror})") from None
    if raw[:2] == b"PK" or raw[:4] == b"\xd0\xcf\x11\xe0":
        raise DataError(f"{path.name} is a spreadsheet; save it as CSV and give that file")
    notes: list[str] = []
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
        notes.append("Read as Windows-1252, because it isn't UTF-8; check accented letters")
    if "\0" in text:
        raise DataError(f"{path.name} is not a text file; save the table as CSV")
    lines = text.splitlines()
    heading = next((line for line in lines if line.strip()), "")
    if not heading:
        raise DataError(f"{path.name} is empty; it needs a line of headings and one line for each arm or comparison")
    delimiter = max(",;\t", key=heading.count)
    rows = [(number, row) for number, row in _rows(text, delimiter) if any(cell.strip() for cell in row)]
    names = [name.strip() for name in rows[0][1]]
    while names and not names[-1]:
        names.pop()
    if len(names) < 2:
        raise DataError(
            f"{path.name} has the single column {names[0]!r}; columns are told apart by comma, semicolon or tab"
        )
    for position, name in enumerate(names):
        if not name and any(position < len(row) and row[position].strip() for _, row in rows[1:]):
            names[position] = f"column {position + 1}"
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path.name} has two columns called {', '.join(map(repr, repeated))}; rename one")
    if len(rows) == 1:
        raise DataError(f"{path.name} has headings ({', '.join(names)}) but no rows")
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    for number, row in rows[1:]:
        if any(cell.strip() for cell in row[len(names) :]):
            raise DataError(
                f"{path.name}, line {number}: {len(row)} cells for {len(names)} headings; put text that holds a "
                f"{_NAMES[delimiter]} in quotation marks"
            )
        for name, cell in zip(names, [*row, *[""] * (len(names) - len(row))], strict=False):
            value = cell.strip()
            columns[name].append(None if value.lower() in MISSING else value)
    columns.pop("", None)
    if delimiter != ",":
        changed = [name for name, cells in columns.items() if _decimal_commas(cells)]
        for name in changed:
            columns[name] = [cell if cell is None else cell.replace(",", ".") for cell in columns[name]]
        if changed:
            notes.append(f"Decimal commas read as points in {', '.join(changed)}")
    return TextTable(path, hashlib.sha256(raw).hexdigest(), columns, tuple(notes))


_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True)
    found: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            found.append((reader.line_num, row))
    except csv.Error as error:
        raise DataError(f"line {reader.line_num}: {error}") from None
    return found


def _decimal_commas(cells: list[str | None]) -> bool:
    """Whether a column's cells are numbers, at least one of them with a decimal comma."""
    known = [cell for cell in cells if cell is not None]
    commas = [cell for cell in known if _DECIMAL_COMMA.fullmatch(cell)]
    return bool(commas) and all(_DECIMAL_COMMA.fullmatch(cell) or _number(cell) for cell in known)


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
