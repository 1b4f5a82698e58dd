"""`equipoise check DIR`: every problem of a review folder at once, or what it holds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from equipoise.review.problem import Problem
    from equipoise.review.summary import Count, Summary

LONG = 50
"""From this many problems on, a count by column follows the list."""
COLOURED = 2000
"""Up to this many problems are coloured; setting a longer list would take longer than reading the review."""


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print the findings."
)
def command(directory: Path, form: str) -> None:
    """Check the review folder DIR and say what it holds.

    Lists everything that is wrong as file:row:column with the value and how to mend it (a row is the line in the
    file; the header is row 1). Ends with 1 when there are errors, with 0 when there are none; warnings are worth a
    look and don't count.
    """
    from equipoise.review.reading import inspect
    from equipoise.review.summary import summarise

    review, problems = inspect(directory)
    summary = summarise(review) if review is not None else None
    if form == "json":
        click.echo(_json(directory, problems, summary))
    elif sys.stdout.isatty():
        from rich.console import Console

        _print_rich(Console(highlight=False), directory, problems, summary)
    else:
        click.echo("\n".join(_plain(directory, problems, summary)))
    sys.exit(1 if review is None else 0)


def _json(directory: Path, problems: Sequence[Problem], summary: Summary | None) -> str:
    import json

    errors = sum(problem.severity == "error" for problem in problems)
    names = ("file", "row", "column", "value", "what", "mend", "severity")
    found: dict[str, object] = {
        "review": str(directory),
        "ok": summary is not None,
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": [{name: getattr(problem, name) for name in names} for problem in problems],
        "summary": None,
    }
    if summary is not None:
        found["summary"] = {
            name: dict(value) if isinstance(value, tuple) else value for name, value in asdict(summary).items()
        }
    return json.dumps(found, ensure_ascii=False, indent=2)


def _plain(directory: Path, problems: Sequence[Problem], summary: Summary | None) -> Iterator[str]:
    for problem in problems:
        yield _line(problem)
    if len(problems) > LONG:
        yield from _table("problems by column", _by_column(problems))
    if problems:
        yield ""
    yield _verdict(directory, problems, summary)
    if summary is not None:
        for name, counts in _tables(summary):
            yield from _table(name, counts)


def _line(problem: Problem) -> str:
    value = f"{_shortened(problem.value)!r}: " if problem.value else ""
    return _visible(f"{problem.place}: {problem.severity}: {value}{problem.what}; {problem.mend}")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _visible(text: str) -> str:
    """The text with what a terminal would obey instead of showing written as escapes."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _verdict(directory: Path, problems: Sequence[Problem], summary: Summary | None) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = " and ".join(
        f"{count:,} {word if count == 1 else word + 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    )
    if summary is None:
        files = len({problem.file for problem in problems if problem.severity == "error"})
        return f"{directory}: {counts}, the errors in {'one file' if files == 1 else f'{files} files'}"
    found = f"{counts}, no errors" if warnings else "all is well"
    return _visible(f"{summary.title}: {found}{'' if any(count for _, count in summary.tables) else ', no rows yet'}")


def _by_column(problems: Sequence[Problem]) -> Sequence[Count]:
    return Counter(
        f"{problem.file}{f':{problem.column}' if problem.column else ''} ({problem.severity}s)" for problem in problems
    ).most_common()


def _tables(summary: Summary) -> Iterator[tuple[str, Sequence[Count]]]:
    yield "rows by table", summary.tables
    yield "studies by design", summary.designs
    yield "treatments by role", summary.roles
    yield "studies by outcome (in arms and contrasts)", summary.outcomes
    yield "rows by quality of source", summary.qualities


def _table(name: str, counts: Sequence[Count]) -> Iterator[str]:
    if counts:
        width = max(len(_visible(label)) for label, _ in counts)
        yield f"\n{name}"
        yield from (f"  {_visible(label):<{width}}  {count:>7,}" for label, count in counts)


def _print_rich(console: Console, directory: Path, problems: Sequence[Problem], summary: Summary | None) -> None:
    from rich.columns import Columns
    from rich.table import Column, Table
    from rich.text import Text

    def table(name: str, counts: Sequence[Count]) -> Table:
        made = Table.grid(Column(), Column(justify="right"), padding=(0, 2))
        made.title, made.title_justify = Text(name, "bold"), "left"
        for label, count in counts:
            made.add_row(Text(_visible(label)), f"{count:,}")
        return made

    if len(problems) > COLOURED:
        click.echo("\n".join(map(_line, problems)))
    else:
        for problem in problems:
            console.print(_coloured(problem), soft_wrap=False)
    if len(problems) > LONG:
        console.print("", table("problems by column", _by_column(problems)))
    style = "bold red" if summary is None else "bold green"
    console.print(*([""] if problems else []), Text(_verdict(directory, problems, summary), style), sep="\n")
    if summary is not None:
        tables = [table(name, counts) for name, counts in _tables(summary) if counts]
        console.print("", Columns(tables, padding=(1, 4)))


def _coloured(problem: Problem) -> Text:
    """The place and the value, then what is wrong and the mend on lines of their own."""
    from rich.text import Text

    colour = "red" if problem.severity == "error" else "yellow"
    text = Text()
    text.append(_visible(problem.place), "bold")
    text.append(f" {problem.severity}", f"bold {colour}")
    if problem.value:
        text.append(f" {_visible(repr(_shortened(problem.value)))}", "cyan")
    text.append(f"\n  {_visible(problem.what)}")
    text.append(f"\n  → {_visible(problem.mend)}", "dim")
    return text
