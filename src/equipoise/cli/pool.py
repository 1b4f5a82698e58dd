"""`equipoise pool`: a table of studies in, the pooled effect on screen and the files in a folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from equipoise.cli.pooling.analysis import Analysis, Settings
    from equipoise.cli.pooling.roles import Roles
    from equipoise.cli.pooling.textfile import TextFile

FIGURES = (
    "forest", "funnel", "radial", "drapery", "labbe", "baujat", "influence", "leave-one-out", "cumulative", "gosh"
)  # fmt: skip
COLUMNS = {
    "events": "events",
    "non_events": "people without the event, in place of sizes",
    "n": "group sizes",
    "mean": "means",
    "sd": "standard deviations",
    "time": "person-time",
    "r": "correlations",
    "o_minus_e": "O − E (hazard ratios)",
    "v": "variance of O − E",
    "estimate": "estimates",
    "se": "standard errors",
    "variance": "sampling variances",
    "ci_low": "lower ends of intervals",
    "ci_high": "upper ends of intervals",
}


def _column_options(function: click.decorators.FC) -> click.decorators.FC:
    for role, what in reversed(COLUMNS.items()):
        name = "--" + role.replace("_", "-")
        function = click.option(name, role, metavar="COLUMN[,COLUMN]", help=f"Column of {what}.")(function)
    return function


@click.command("pool")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--measure", help="Effect measure: OR, RR, RD, MD, SMD, ROM, IRR, HR, PLO, ZCOR, …")
@click.option("--method", default="REML", show_default=True, help="τ² estimator (DL, REML, PM, …), CE, MH or PETO.")
@click.option("--ci", default="z", show_default=True, help="Interval: z, t, hksj or hksj-floored.")
@click.option(
    "--model", default="random", show_default=True, help="random, common, or a GLMM: UM.FS, UM.RS, CM.EL, CM.AL."
)
@click.option("--level", default=95.0, show_default=True, help="Level of all intervals, in per cent.")
@click.option("--prediction", default="metafor", show_default=True, help="Prediction interval: metafor, V, HTS or S.")
@click.option("--by", help="Column of subgroups.")
@click.option("--moderator", help='Formula of a meta-regression, such as "ablat + year".')
@click.option("--add", type=float, help="What is added to zero cells [default: the measure's, mostly ½].")
@click.option("--to", default="only0", show_default=True, help="Which studies get it: only0, all, if0all or none.")
@click.option("--drop00", is_flag=True, help="Leave out studies without events in both groups.")
@click.option("--study", metavar="COLUMN[,COLUMN]", help="Column (or columns, joined) of the studies' names.")
@click.option("--treatment", metavar="COLUMN", help="Column of treatments, where a row is an arm.")
@click.option("--reference", metavar="NAME", help="The treatment that the others are compared with.")
@_column_options
@click.option("--scale", type=click.Choice(["natural", "log"]), help="Scale of given estimates of ratios.")
@click.option("--groups", metavar="NAME,NAME", help="What the figures call the treated and the comparator group.")
@click.option("--favours", metavar="TEXT,TEXT", help="What lower and higher values favour, for the forest plot.")
@click.option(
    "--figures", default="forest,funnel", show_default=True, help=f"Comma-separated: {', '.join(FIGURES)}; all or none."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the files [default: DATA's name and -pooled].")
@click.option("--overwrite", is_flag=True, help="Replace files in the folder that Equipoise didn't write.")
@click.pass_context
def command(
    context: click.Context,
    /,
    data: Path,
    measure: str | None,
    method: str,
    ci: str,
    model: str,
    level: float,
    prediction: str,
    by: str | None,
    moderator: str | None,
    add: float | None,
    to: str,
    drop00: bool,
    study: str | None,
    treatment: str | None,
    reference: str | None,
    scale: str | None,
    groups: str | None,
    favours: str | None,
    figures: str,
    out: Path | None,
    overwrite: bool,
    **columns: str | None,
) -> None:
    """Pool the studies in DATA (CSV or TSV) and write figures, results and a script that repeats the run.

    The columns' roles are guessed from their names, and printed; options name them where the guess fails. A row is a
    study (a pair of columns for each group's number, or an estimate with its standard error, variance or interval) or
    an arm (with --treatment, or a column so called).

    Exit status: 0 pooled, 1 something is wrong with the data or the output folder, 2 with the options.
    """
    from rich.console import Console

    from equipoise.cli.pooling import outputs
    from equipoise.cli.pooling.analysis import Settings, analyse
    from equipoise.cli.pooling.bad_option import BadOption
    from equipoise.cli.pooling.roles import find_roles
    from equipoise.cli.pooling.script import script
    from equipoise.cli.pooling.textfile import read
    from equipoise.synthesis.measures.table import MEASURES
    from equipoise.synthesis.measures.zero_cells import TO
    from equipoise.synthesis.pairwise.glmm import MODELS
    from equipoise.synthesis.pairwise.heterogeneity import METHODS
    from equipoise.synthesis.pairwise.intervals import CI_METHODS
    from equipoise.synthesis.pairwise.prediction import CONVENTIONS

    wanted = _figures(figures)
    named, words = _pair("--groups", groups), _pair("--favours", favours)
    settings = Settings(
        method=_choice("--method", method, (*METHODS, "CE", "FE", "EE", "IV", "MH", "PETO")),
        ci=_choice("--ci", ci, CI_METHODS),
        model=_choice("--model", model, ("random", "common", *MODELS)),
        level=_level(level),
        prediction=_choice("--prediction", prediction, CONVENTIONS),
        add=add,
        to=_choice("--to", to, TO),
        drop00=drop00,
        by=by,
        moderator=moderator,
    )
    measure = None if measure is None else _choice("--measure", measure, tuple(MEASURES))
    said = {role: text for role, text in columns.items() if text is not None}
    folder = out or Path(f"{data.stem}-pooled")
    with Console(stderr=True).status("Reading the data") as status:
        table = read(data)
        try:
            roles = find_roles(table, measure, said, study, treatment, reference, scale)
            status.update("Pooling")
            done = analyse(table, roles, settings)
        except BadOption as error:
            raise click.UsageError(str(error)) from None
        outputs.prepare(folder, overwrite)
        command_line = _command_line(context)
        drawn, written, undrawn = _draw(wanted, done, roles, table, folder, named or roles.groups, words, status)
        status.update("Writing the files")
        repeat = script(table, roles, settings, done, folder, command_line, drawn, named or roles.groups, words)
        text = _report(table, roles, done, settings)
        written = [
            outputs.write_text(folder / "summary.txt", text + "\n"),
            outputs.write_text(folder / "studies.csv", outputs.studies_csv(done)),
            outputs.write_text(folder / "results.csv", outputs.results_csv(done)),
            outputs.write_text(
                folder / "results.json", outputs.results_json(table, roles, settings, done, command_line)
            ),
            outputs.write_text(folder / "reproduce.py", repeat),
            *written,
        ]
    click.echo(text)
    click.echo()
    for note in undrawn:
        click.echo(f"Not drawn: {note}")
    click.echo(f"Written to {folder}: {', '.join(_grouped(written))}")


def _report(table: TextFile, roles: Roles, done: Analysis, settings: Settings) -> str:
    """What was read, and the results as text."""
    parts = [_reading(table, roles, done, settings), done.fit.summary()]
    if done.subgroups is not None:
        parts.append(f"By {settings.by}\n{done.subgroups.summary()}")
    if done.regression is not None:
        left_out = [f"Left out of the regression: {study} ({reason})" for study, reason in done.regression_left_out]
        parts.append("\n".join([f"Regression on {settings.moderator}", done.regression.summary(), *left_out]))
    return "\n\n".join(parts)


def _reading(table: TextFile, roles: Roles, done: Analysis, settings: Settings) -> str:
    from equipoise.cli.pooling.analysis import moderators

    lines = [f"{table.path}: {len(table)} rows, {len(table.columns)} columns ({_format(table)})"]
    form = {"wide": "a row is a study", "long": "a row is an arm", "estimates": "a row is an estimate"}[roles.form]
    lines.append(f"Read as: {form}")
    shown = {"study": " + ".join(roles.study) or "none; studies are numbered"}
    if roles.treatment:
        shown["treatment"] = f"{roles.treatment} (against {roles.reference})"
    for role, column in roles.columns.items():
        text = column if isinstance(column, str) else f"{column[0]} (treated), {column[1]} (comparator)"
        shown[role.replace("_", "-")] = text
    if roles.form == "estimates":
        shown["measure"] = (
            f"{'log ' if roles.logged else ''}{roles.measure}" if roles.measure else "not named (--measure)"
        )
    used = roles.used() | {settings.by}
    used |= set(moderators(table, settings.moderator)) if settings.moderator else set()
    unused = [name for name in table.columns if name not in used]
    if unused:
        shown["no role"] = ", ".join(unused)
    width = max(map(len, shown))
    lines += [f"  {role.ljust(width)}  {text}" for role, text in shown.items()]
    lines += [f"Note: {remark}" for remark in roles.remarks]
    changed = done.effects.zero_cells
    if changed:
        names = ", ".join(change.study for change in changed)
        lines.append(f"Zero cells: {changed[0].added:g} added to every cell of {names}")
    return "\n".join(lines)


def _format(table: TextFile) -> str:
    between = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[table.delimiter]
    comma = ", decimal commas" if table.decimal_comma else ""
    return f"{between}{comma}, {table.encoding.upper().replace('-SIG', '')}"


def _draw(
    wanted: tuple[str, ...], done: Analysis, roles: Roles, table: TextFile, folder: Path,
    groups: tuple[str, str] | None, favours: tuple[str, str] | None, status: object,
) -> tuple[tuple[str, ...], list[Path], list[str]]:  # fmt: skip
    """The figures drawn, their files, and those that weren't, with the reason."""
    import importlib.util

    from equipoise.cli.pooling.drawing import draw

    if not wanted:
        return (), [], []
    if importlib.util.find_spec("matplotlib") is None:
        return (), [], ["figures need matplotlib: pip install 'equipoise[figures]'"]
    return draw(wanted, done, roles, table, folder, groups, favours, status)


def _grouped(paths: list[Path]) -> list[str]:
    """File names, with the formats of a figure together: "forest.svg/pdf/png"."""
    stems: dict[str, list[str]] = {}
    for path in paths:
        stems.setdefault(path.stem, []).append(path.suffix[1:])
    return [f"{stem}.{'/'.join(formats)}" for stem, formats in stems.items()]


def _figures(text: str) -> tuple[str, ...]:
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    if names == ["all"]:
        return FIGURES
    if names == ["none"]:
        return ()
    unknown = [name for name in names if name not in FIGURES]
    if unknown or not names:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'}: choose from {', '.join(FIGURES)}, all or none", param_hint="--figures"
        )
    return tuple(dict.fromkeys(names))


def _pair(option: str, text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise click.BadParameter(f"{text!r}: two names are needed, with a comma between", param_hint=option)
    return parts[0], parts[1]


def _level(percent: float) -> float:
    if not 0 < percent < 100:
        raise click.BadParameter(f"{percent:g}: per cent are needed, such as 95", param_hint="--level")
    if percent < 1:
        raise click.BadParameter(f"{percent:g} %: did you mean {100 * percent:g}?", param_hint="--level")
    return percent / 100


def _choice(option: str, text: str, known: tuple[str, ...]) -> str:
    """The one of ``known`` that the text names, whatever its case; a usage error when there is none."""
    names = {name.casefold(): name for name in known}
    if text.casefold() not in names:
        raise click.BadParameter(f"{text!r}: choose from {', '.join(known)}", param_hint=option)
    return names[text.casefold()]


def _command_line(context: click.Context) -> str:
    """The command as it was written, defaults left out."""
    words = []
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            continue
        if isinstance(parameter, click.Option):
            words += [parameter.opts[0]] if parameter.is_flag else [parameter.opts[0], f"{value}"]
        else:
            words.append(str(value))
    return "equipoise pool " + " ".join(map(shlex.quote, words))
