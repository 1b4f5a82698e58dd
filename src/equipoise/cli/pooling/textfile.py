"""A CSV or TSV file as columns of text, whatever program wrote it."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from equipoise.errors import DataError

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", ".", "-", "–", "—")
"""Cells that mean "no value"."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECIMAL_COMMA = re.compile(r"[-+−]?\d*,\d+([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class TextFile:
    """The columns of a file, cells stripped and missing values empty; ``lines`` are the rows' places in the file."""

    path: Path
    encoding: str
    delimiter: str
    decimal_comma: bool
    columns: dict[str, list[str]]
    lines: tuple[int, ...]
    sha256: str

    def __len__(self) -> int:
        return len(self.lines)

    def numbers(self, name: str) -> list[float]:
        """A column as numbers, missing values as NaN.

        Raises ``DataError`` naming file, row, column and value, with what to write instead.
        """
        values = []
        for line, text in zip(self.lines, self.columns[name], strict=True):
            try:
                values.append(to_number(text, self.decimal_comma))
            except ValueError:
                raise DataError(
                    f"{self.path}, row {line}, column {name!r}: {text!r} is not a number; {_mend(text)}"
                ) from None
        return values

    def mostly_numeric(self, name: str) -> bool:
        """Whether at least half of a column's values are numbers: the others are mistakes to be named."""
        held = [text for text in self.columns[name] if text]
        return bool(held) and 2 * sum(_is_number(text, self.decimal_comma) for text in held) >= len(held)

    def is_numeric(self, name: str) -> bool:
        """Whether every cell of a column is a number or missing, and one at least a number."""
        try:
            return any(value == value for value in self.numbers(name))
        except DataError:
            return False


def to_number(text: str, decimal_comma: bool) -> float:
    """A cell's number, NaN when it is missing; ``ValueError`` when it is no number."""
    if text == "":
        return float("nan")
    plain = text.replace("−", "-")
    if decimal_comma:
        plain = plain.replace(",", ".")
    if "_" in plain or plain.strip("+-").casefold() in {"inf", "infinity", "nan"}:
        raise ValueError(text)
    return float(plain)


def _is_number(text: str, decimal_comma: bool) -> bool:
    try:
        to_number(text, decimal_comma)
    except ValueError:
        return False
    return True


def read(path: Path) -> TextFile:
    """The file's columns.

    UTF-8, UTF-16 (marked) and Windows-1252; commas, semicolons, tabs or bars between cells; decimal commas where the
    delimiter allows them. Raises ``DataError`` naming the row for what can't be a table.
    """
    data = _bytes(path)
    encoding, text = _decode(data, path)
    if not text.strip():
        raise DataError(f"{path} is empty; the first row names the columns, each further row is a study or an arm")
    delimiter = _delimiter(path, text.lstrip("\r\n").splitlines()[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((start, [cell.strip() for cell in cells]))
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, row {reader.line_num}: {error}; is a quotation mark left open?") from None
    (top, header), body = rows[0], rows[1:]
    _check_header(path, top, header)
    for line, cells in body:
        if len(cells) != len(header):
            raise DataError(
                f"{path}, row {line}: {len(cells)} cells, but the header has {len(header)}; "
                "put text that holds the delimiter in quotation marks, and keep a place for empty cells"
            )
    if not body:
        raise DataError(f"{path} has a header and no rows; add a row for each study or arm")
    names = [name or "row" for name in header]
    columns = {name: ["" if cells[j] in MISSING else cells[j] for _, cells in body] for j, name in enumerate(names)}
    comma = delimiter != "," and _has_decimal_commas(columns.values())
    return TextFile(
        path, encoding, delimiter, comma, columns, tuple(line for line, _ in body), hashlib.sha256(data).hexdigest()
    )


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        near = sorted(p.name for p in path.parent.glob("*") if p.suffix.lower() in {".csv", ".tsv", ".txt"})[:8]
        there = f"; in {path.parent} there are {', '.join(near)}" if near else ""
        raise DataError(f"no file {path}{there}") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; name a CSV or TSV file in it") from None
    except OSError as error:
        raise DataError(f"can't read {path} ({error.strerror})") from None
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataError(f"{path} is a spreadsheet's own format; save the sheet as “CSV UTF-8” and pool that")
    return data


def _decode(data: bytes, path: Path) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, data.decode(encoding)
    try:
        return "utf-8", data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return "cp1252", data.decode("cp1252")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, row {row}: not text in UTF-8; save the file as “CSV UTF-8”") from None


def _delimiter(path: Path, header: str) -> str:
    if path.suffix.lower() == ".tsv" and "\t" in header:
        return "\t"
    counts = {mark: header.count(mark) for mark in ",;\t|"}
    best = max(counts, key=lambda mark: counts[mark])
    if counts[best] == 0:
        raise DataError(
            f"{path}, row 1: one column only ({header[:60]!r}); columns are told apart by commas, semicolons or tabs"
        )
    return best


def _check_header(path: Path, line: int, header: list[str]) -> None:
    unnamed = [j for j, name in enumerate(header) if not name]
    if unnamed and unnamed != [0]:
        raise DataError(f"{path}, row {line}: column {unnamed[-1] + 1} has no name; name it, or remove the column")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path}, row {line}: several columns are called {twice[0]!r}; give each its own name")
    if all(re.fullmatch(r"[-+]?[\d.]+", name) for name in header if name):
        raise DataError(f"{path}, row {line}: the first row holds numbers; it should name the columns")


def _has_decimal_commas(columns: Iterable[list[str]]) -> bool:
    return any(
        any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)
        and all(_DECIMAL_COMMA.fullmatch(cell) or re.fullmatch(r"[-+−]?\d*", cell) for cell in cells)
        for cells in columns
    )


def _mend(text: str) -> str:
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        return f"write {text.replace(',', '')}, without separators between thousands"
    if re.fullmatch(r"[-+]?\d+,\d+", text):
        return f"write {text.replace(',', '.')}, with a decimal point"
    if re.fullmatch(r"\d+\s*/\s*\d+", text):
        return "give the events and the group's size in columns of their own"
    if re.fullmatch(r"[-+]?[\d.]+\s*(\(|±).*", text):
        return "give the mean and its SD in columns of their own"
    if text.endswith("%"):
        return "give the number of events, and the group's size in a column of its own"
    if text[:1] in "<>≤≥~":
        return "a pooled number must be exact; leave the cell empty if it isn't known"
    return "leave the cell empty if the value is missing"
