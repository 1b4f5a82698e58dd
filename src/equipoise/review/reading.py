"""Reading a review folder: every file into columns of values, every problem found, rows made at the end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from equipoise.errors import InvalidReview, ReviewError
from equipoise.review.consistency import check_consistency
from equipoise.review.decisions import check_decisions
from equipoise.review.decoding import decode
from equipoise.review.model import TABLES, Condition, Protocol, Question, Review
from equipoise.review.nearest import nearest
from equipoise.review.problem import Problem
from equipoise.review.protocol import FILE, read_protocol
from equipoise.review.references import Sheets, check_references
from equipoise.review.sheet import Sheet, parse_table
from equipoise.review.tables import read_table
from equipoise.review.toml_lines import TomlLines

SHOWN = 20
"""How many problems the text of an ``InvalidReview`` lists; it carries all of them."""


def read(directory: str | Path) -> Review:
    """The review in a folder.

    Raises ``ReviewError`` when there is no review folder at that place, and ``InvalidReview`` with every problem at
    once when its files break the rules.
    """
    review, problems = inspect(directory)
    if review is None:
        errors = [problem for problem in problems if problem.severity == "error"]
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        listed = [f"  {problem}" for problem in errors[:SHOWN]]
        if len(errors) > SHOWN:
            listed.append(f"  … and {len(errors) - SHOWN} more: equipoise check {directory} lists them all")
        raise InvalidReview("\n".join([f"the review in {directory} has {count}:", *listed]), errors)
    return review


def inspect(directory: str | Path) -> tuple[Review | None, list[Problem]]:
    """The review in a folder, None when it has errors, and every problem in the order of the files.

    Raises ``ReviewError`` when there is no review folder at that place.
    """
    folder = _folder(Path(directory))
    with _no_collection():
        return _inspect(folder)


def _inspect(folder: Path) -> tuple[Review | None, list[Problem]]:
    problems: list[Problem] = []
    text = _text(folder, FILE, problems)
    protocol, lines, found = read_protocol(text) if text is not None else (None, TomlLines(""), [])
    problems += found
    sheets, found = _sheets(folder)
    problems += found
    problems += check_references(sheets)
    problems += check_consistency(sheets)
    rows: dict[str, Any] = {name: sheet.rows() for name, sheet in sheets.tables.items()}
    review = Review(protocol or _NO_PROTOCOL, name=folder.resolve().name, **rows)
    problems += check_decisions(review, sheets, lines)
    problems += _strangers(folder)
    problems = _ordered(problems)
    return (None if any(problem.severity == "error" for problem in problems) else review), problems


_NO_PROTOCOL = Protocol("", Question("", ""), Condition(""))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Reading makes millions of objects and no cycles; looking for cycles among them takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _folder(folder: Path) -> Path:
    if not folder.exists():
        raise ReviewError(f"there is no folder {folder}; start a review with: equipoise new {folder} --question …")
    if not folder.is_dir():
        raise ReviewError(f"{folder} is a file; name the folder that holds {FILE}")
    if not (folder / FILE).exists() and not (folder / FILE).is_symlink():
        inside = sorted(path.parent.name for path in folder.glob(f"*/{FILE}"))
        hint = f"; did you mean {folder / inside[0]}?" if inside else ""
        raise ReviewError(f"{folder} is not a review folder: it has no {FILE}{hint}")
    return folder


def _sheets(folder: Path) -> tuple[Sheets, list[Problem]]:
    tables: dict[str, Sheet] = {}
    broken: set[str] = set()
    problems: list[Problem] = []
    for name, kind in TABLES.items():
        before = len(problems)
        text = _text(folder, f"{name}.csv", problems)
        table = None
        if text is not None:
            table, found = read_table(name, text)
            problems += found
        if table is not None:
            tables[name], found = parse_table(kind, table)
            problems += found
        elif len(problems) > before:
            broken.add(name)
    return Sheets(tables, frozenset(broken)), problems


def _strangers(folder: Path) -> Iterator[Problem]:
    """Tables that the format doesn't know: mostly a known one, misspelt."""
    absent = [name for name in TABLES if not (folder / f"{name}.csv").exists()]
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".csv", ".tsv", ".xlsx") and (path.stem not in TABLES or path.suffix != ".csv"):
            match = nearest(path.stem, absent)
            mend = f"rename it to {match}.csv" if match else "it is left alone, and nothing reads it"
            if path.suffix.lower() != ".csv":
                mend = "save it as CSV UTF-8" + (f" under the name {match}.csv" if match else "")
            yield Problem(path.name, None, None, "", "not a table of the format", mend, "warning")


def _text(folder: Path, file: str, problems: list[Problem]) -> str | None:
    """The text of a file of the folder; None when there is none or it can't be read (then a problem says why)."""
    path = folder / file
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        target = str(path.readlink())
        mend = "put the file itself into the folder"
        problems.append(Problem(file, None, None, target, "a link that leads out of the review folder", mend))
        return None
    if not path.exists():
        if path.is_symlink():
            what, mend = "a link that leads nowhere", "put the file itself into the folder"
            problems.append(Problem(file, None, None, str(path.readlink()), what, mend))
        return None
    if not path.is_file():
        problems.append(Problem(file, None, None, "", "not a file", "put the file itself into the folder"))
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        what = f"the file can't be read ({error.strerror})"
        problems.append(Problem(file, None, None, "", what, "allow reading it"))
        return None
    text, found = decode(data, file)
    problems += found
    return text


def _ordered(problems: list[Problem]) -> list[Problem]:
    files = [FILE, *(f"{name}.csv" for name in TABLES)]
    columns = {f"{name}.csv": list(kind.columns()) for name, kind in TABLES.items()}

    def place(problem: Problem) -> tuple[int, str, int, int, str]:
        file = files.index(problem.file) if problem.file in files else len(files)
        known = columns.get(problem.file, [])
        column = known.index(problem.column) if problem.column in known else len(known)
        return file, problem.file, problem.row or 0, column, problem.column or ""

    return sorted(dict.fromkeys(problems), key=place)
