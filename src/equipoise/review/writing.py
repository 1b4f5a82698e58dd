"""Writing a review folder: the same review always becomes the same bytes, and reads back as itself."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from equipoise.errors import InvalidReview, OutputError
from equipoise.review.columns import number
from equipoise.review.model import TABLES, Protocol, Review, Row
from equipoise.review.parsing import parse_column
from equipoise.review.problem import Problem
from equipoise.review.protocol import FILE, FORMAT


def cells(row: Row) -> dict[str, str]:
    """A row's cells as `write` writes them, by column; columns that the format doesn't know come last."""
    attributes = row.attributes()
    texts = {column: _text(getattr(row, attributes[column])) for column in row.columns()}
    texts.update(row.extra)
    return texts


def write(review: Review, directory: str | Path) -> None:
    """Write the review as a folder: review.toml and every table, an empty one as its header alone.

    Each file appears whole or not at all. Raises ``InvalidReview``, before anything is written, when a cell wouldn't
    read back as it is, and ``OutputError`` when the place can't be written to.
    """
    files = {FILE: protocol_text(review.protocol)}
    problems: list[Problem] = []
    for name, rows in review.tables():
        files[f"{name}.csv"], found = rows_text(name, rows)
        problems += found
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise InvalidReview(f"the review can't be written so that it reads back:\n{listed}", problems)
    write_files(Path(directory), files)


def write_files(directory: Path, files: Mapping[str, str]) -> None:
    """Write texts into a folder, making it when there is none; each file is replaced whole.

    Raises ``OutputError``.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _replace(directory / name, text.encode("utf-8"))
    except OSError as error:
        raise OutputError(f"can't write to {directory}: {error.strerror or error}") from error


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def table_text(columns: Iterable[str], rows: Iterable[Iterable[str]] = ()) -> str:
    """A table as comma-separated text with its header."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def rows_text(name: str, rows: tuple[Row, ...]) -> tuple[str, list[Problem]]:
    """The text of a table's file, and a problem for each cell that wouldn't read back as it is."""
    kind = TABLES[name]
    attributes, problems = kind.attributes(), []
    texts: dict[str, list[str]] = {}
    for column, spec in kind.columns().items():
        values = [getattr(row, attributes[column]) for row in rows]
        texts[column] = [_text(value) for value in values]
        if not rows:
            continue
        read, complaints = parse_column(spec, texts[column])
        for line, (value, text, again) in enumerate(zip(values, texts[column], read, strict=True), start=2):
            found = complaints.get(text)
            if found is not None and found.severity == "error":
                problems.append(Problem(f"{name}.csv", line, column, text, found.what, found.mend))
            elif value != again:
                mend = "take semicolons out of the items" if spec.kind == "list" else "take spaces off its ends"
                problems.append(Problem(f"{name}.csv", line, column, text, f"it reads back as {again!r}", mend))
    for column in dict.fromkeys(column for row in rows for column, _ in row.extra):
        if column in texts or column != column.strip() or not column:
            what, mend = "an extra column can't have this name", "rename it"
            problems.append(Problem(f"{name}.csv", 1, column, column, what, mend))
            continue
        texts[column] = [dict(row.extra).get(column, "") for row in rows]
    return table_text(texts, zip(*texts.values(), strict=True)), problems


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, tuple):
        return "; ".join(value)
    return str(value)


def protocol_text(protocol: Protocol) -> str:
    """review.toml as text."""
    import tomli_w

    content: dict[str, Any] = {"format": FORMAT, "title": protocol.title}
    if protocol.version:
        content["version"] = protocol.version
    content["question"] = _stated(asdict(protocol.question))
    content["condition"] = _stated(asdict(protocol.condition))
    for name, tables in (
        ("analysis", protocol.analyses),
        ("background", protocol.background),
        ("conflict", protocol.conflicts),
        ("gap", protocol.gaps),
    ):
        if tables:
            content[name] = [_stated(asdict(table)) for table in tables]
    return tomli_w.dumps(content)


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table without those that say nothing."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if value is not None and value is not False and value != "" and value != ()
    }
