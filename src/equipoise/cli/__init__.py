"""The command line: one module a command, each imported only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from equipoise import __version__
from equipoise.errors import EquipoiseError

COMMANDS = {
    "answer": "Answer a question and write the article.",
    "check": "Check a review folder and say what it holds.",
    "new": "Start a review folder.",
    "pool": "Pool studies and write the report.",
    "nma": "Fit a network meta-analysis and write the report.",
}
"""The commands with the line that `equipoise --help` shows; each is `command` in the module of its name."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"equipoise.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="equipoise")
def equipoise() -> None:
    """Evidence answers you can check.

    Start with: equipoise answer "Does TREATMENT help with CONDITION?"
    """


def main() -> None:
    """Run the command line; errors that Equipoise raises on purpose end in their text, not in a traceback."""
    try:
        equipoise(prog_name="equipoise")
    except EquipoiseError as error:
        click.echo(f"equipoise: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"equipoise: {error.strerror or error}", err=True)
        sys.exit(1)
