"""`equipoise answer`: a question in, the verdict on screen and the article in a folder."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equipoise.errors import Ambiguous, InvalidReview, NotCovered, QuestionError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from equipoise.report.answer import Answer, Statement
    from equipoise.review.model import Review

FORMATS = ("html", "json", "md")


@click.command("answer")
@click.argument("question", nargs=-1, required=True)
@click.option("--review", "review_folder", type=click.Path(path_type=Path), help="Answer from this review folder.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the article [default: answers/QUESTION].")
@click.option("--format", "formats", default="html,json,md", show_default=True, help="What to write, comma-separated.")
@click.option("--open", "show", is_flag=True, help="Open the article in a browser.")
@click.option("--overwrite", is_flag=True, help="Replace files in the folder that Equipoise didn't write.")
def command(
    question: tuple[str, ...],
    review_folder: Path | None,
    out: Path | None,
    formats: str,
    show: bool,
    overwrite: bool,
) -> None:
    """Answer QUESTION and write the article.

    QUESTION names a treatment and a condition, such as "Does TREATMENT help with CONDITION?", or two treatments to set
    against each other ("Is A better than B for CONDITION?"). Exit status: 0 answered, 1 something is wrong with the
    review or the output folder, 2 the question isn't covered or can be read in several ways.
    """
    from rich.console import Console

    console = Console(highlight=False)
    wanted = _formats(formats)
    asked = " ".join(question)
    with _Progress(console) as progress:
        progress("Reading the review")
        reviews = _reviews(review_folder)
        try:
            answer = _answer(asked, reviews, progress)
        except QuestionError as error:
            progress.stop()
            _refuse(console, error, asked if len(asked) <= 300 else f"{asked[:80]}…", offer_new=review_folder is None)
            sys.exit(2)
        progress("Writing the files")
        from equipoise.report.publishing import publish

        folder = out or Path("answers") / _slug(answer)
        written = publish(answer, folder, wanted, overwrite)
    _show(console, answer)
    console.print()
    for path in written:
        console.print(f"  {path.suffix[1:]:>4}  {path}", soft_wrap=True)
    page = next((path for path in written if path.suffix == ".html"), None)
    if show and page is not None:
        click.launch(page.resolve().as_uri())


def _answer(asked: str, reviews: list[Review], progress: Callable[[str], None]) -> Answer:
    from equipoise.question import read_question

    reading = read_question(asked, reviews)
    from equipoise.report.build import build

    return build(reading, progress)


def _reviews(folder: Path | None) -> list[Review]:
    from equipoise.review.reading import read

    if folder is not None:
        try:
            return [read(folder)]
        except InvalidReview as error:
            click.echo(f"equipoise: {error}\nFor the whole list: equipoise check {folder}", err=True)
            sys.exit(1)
    from equipoise import library

    return [read(library.path(name)) for name in library.names()]


def _formats(text: str) -> list[str]:
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [part for part in wanted if part not in FORMATS]
    if unknown or not wanted:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'}: choose from {', '.join(FORMATS)}", param_hint="--format"
        )
    return list(dict.fromkeys(wanted))


def _slug(answer: Answer) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", answer.title.lower()).strip("-")
    return words.removeprefix("does-").removeprefix("do-")[:80]


# ------------------------------------------------------------------------------------------------------- the screen


class _Progress:
    """One line that says what is being done, shown only when it takes over a second, and only on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()
        self._status: object | None = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __call__(self, text: str) -> None:
        if not self._console.is_terminal or time.monotonic() - self._start < 1.0:
            return
        from rich.status import Status

        if self._status is None:
            self._status = Status(text, console=self._console)
            self._status.start()
        elif isinstance(self._status, Status):
            self._status.update(text)

    def stop(self) -> None:
        from rich.status import Status

        if isinstance(self._status, Status):
            self._status.stop()
            self._status = None


def _refuse(console: Console, error: QuestionError, asked: str, offer_new: bool) -> None:
    from rich.markup import escape

    console.print(f"[bold]{escape(asked)}[/bold]")
    reason = str(error)
    console.print(f"Not answered: {escape(reason)}{'' if reason.endswith(('?', '.')) else '.'}", soft_wrap=True)
    if isinstance(error, Ambiguous):
        console.print("\nIt could be about:")
        for candidate in error.candidates:
            console.print(f"  • {escape(candidate)}")
        return
    if isinstance(error, NotCovered) and error.covered:
        console.print("\nCovered are:", soft_wrap=True)
        console.print("  " + escape(", ".join(error.covered)), soft_wrap=False)
    if isinstance(error, NotCovered) and offer_new:
        console.print(
            f"\nTo review it yourself, start a folder:\n  equipoise new my-review --question {_quoted(asked)}",
            markup=False,
            soft_wrap=True,
        )


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _show(console: Console, answer: Answer) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    read = answer.interpretation
    against = f" compared with {read.comparator}" if read.comparator else ""
    console.print(f"[bold]{escape(answer.title)}[/bold]")
    console.print(
        f"[dim]Read as: {escape(read.treatment)}{escape(against)} for {escape(read.condition)}; "
        f"review: {escape(read.review)}[/dim]"
    )
    for note in read.notes:
        console.print(f"[dim]{escape(note)}[/dim]")
    console.print()
    console.print(Text(answer.verdict.text, style="bold"))
    level = answer.certainty.level or "not rated"
    console.print(Text.assemble("Certainty: ", (level, "bold"), ". ", _after_level(answer.certainty.summary)))
    console.print()
    lines = Table(title="Lines of evidence", title_justify="left", box=None, pad_edge=False)
    for heading, justify in (("Line", "left"), ("Studies", "right"), ("Participants", "right"), ("Direction", "left")):
        lines.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for line in answer.lines:
        people = f"{line.participants:,}" if line.participants is not None else "–"
        lines.add_row(line.label, str(line.studies), people, Text(line.direction))
    console.print(lines)
    console.print()
    console.print(_compared(answer))
    console.print()
    console.print("Safety")
    for statement in answer.safety_headlines:
        console.print(Text(f"  • {statement.text}"))


def _compared(answer: Answer) -> RichTable:
    """The treatments compared; a comparator is named only where it isn't the usual one."""
    from collections import Counter

    from rich.table import Table
    from rich.text import Text

    from equipoise.report.words import uncapitalised

    table = Table(title=Text(answer.compared.caption), title_justify="left", box=None, pad_edge=False)
    heading, _, *others = answer.compared.columns
    table.add_column(heading)
    for other in others:
        table.add_column(other, justify="right" if other in {"Trials", "Participants"} else "left", no_wrap=True)
    told = [[" ".join(statement.text for statement in cell) for cell in row.cells] for row in answer.compared.rows]
    usual = Counter(cells[0] for cells in told if cells[0]).most_common(1)
    for row, (comparator, *cells) in zip(answer.compared.rows, told, strict=True):
        against = f" v {uncapitalised(comparator)}" if comparator and comparator != usual[0][0] else ""
        texts = [Text(cell or "–") for cell in cells]
        table.add_row(Text(row.header + against), *texts, style="bold" if row.emphasised else None)
    return table


def _after_level(summary: Statement) -> str:
    """The reason without the level in front of it, which is printed already."""
    head, colon, rest = summary.text.partition(": ")
    return (
        rest[:1].upper() + rest[1:]
        if colon and head.lower() in {"high", "moderate", "low", "very low", "not rated"}
        else summary.text
    )
