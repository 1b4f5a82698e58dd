"""`equipoise new DIR`: start a review folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--question", required=True, help='The question, as in "Does TREATMENT help with CONDITION?"')
def command(directory: Path, question: str) -> None:
    """Start a review in the new or empty folder DIR.

    Writes review.toml with what the question names, an empty table for every kind of evidence, and a README that
    explains them all. Nothing is touched when the folder already holds something.
    """
    from equipoise.review.skeleton import start

    asked = start(directory, question)
    click.echo(f"Started a review in {directory}")
    for name, value in (
        ("treatment", asked.treatment),
        ("condition", asked.condition),
        ("compared with", asked.comparator),
        ("in", asked.population),
    ):
        if value:
            click.echo(f"  {name}: {value}")
    if not asked.condition:
        click.echo("  The question names no condition in words that could be read: name it in review.toml.")
    click.echo(f"Next: fill in the tables as {directory / 'README.md'} explains, then: equipoise check {directory}")
