"""Reading a review folder: every file into columns of values, every problem found, rows made at the end."""

from __future__ import annotations

from pathlib import Path

from equipoise.errors import InvalidReview, ReviewError
from equipoise.review.decoding import decode
from equipoise.review.model import TABLES, Condition, Protocol, Question, Review
from equipoise.review.problem import Problem
from equipoise.review.protocol import FILE, read_protocol
from equipoise.review.sheet import Sheet, parse_table
from equipoise.review.tables import read_table

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
    problems: list[Problem] = []
    text = _text(folder, FILE, problems)
    protocol = None
    if text is not None:
        protocol, _, found = read_protocol(text)
        problems += found
    sheets: dict[str, Sheet] = {}
    for name, kind in TABLES.items():
        text = _text(folder, f"{name}.csv", problems)
        if text is None:
            continue
        table, found = read_table(name, text)
        problems += found
        if table is not None:
            sheets[name], found = parse_table(kind, table)
            problems += found
    rows = {name: sheet.rows() for name, sheet in sheets.items()}
    review = Review(protocol or _NO_PROTOCOL, name=folder.resolve().name, **rows)  # type: ignore[arg-type]
    problems = _ordered(problems)
    return (None if any(problem.severity == "error" for problem in problems) else review), problems


_NO_PROTOCOL = Protocol("", Question("", ""), Condition(""))


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
