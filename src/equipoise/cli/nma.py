"""`equipoise nma`: a table of studies in, the network meta-analysis on screen and its report in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from equipoise.cli.network import options as given

if TYPE_CHECKING:
    from equipoise.cli.network.analysis import Settings
    from equipoise.cli.network.columns import Reading
    from equipoise.cli.network.outcomes import Second
    from equipoise.cli.network.table import TextTable


ON_SCREEN = 45
"""Results of further analyses with more lines are in the report only; the screen shows what came out."""


@click.command("nma", cls=given.GroupedCommand)
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@given.add_options
def command(
    data: Path | None,
    measure: str | None,
    reference: str | None,
    smaller: bool | None,
    important_difference: float | None,
    model: str,
    method: str,
    ci: str,
    level: float,
    contributions: str,
    moderators: tuple[str, ...],
    subgroups: tuple[str, ...],
    separator: str | None,
    inactive: str | None,
    interactions: tuple[str, ...],
    dose: str | None,
    agent: str | None,
    shape: str | None,
    forward_search: bool,
    likelihood: str | None,
    second: Path | None,
    second_measure: str | None,
    second_smaller: bool | None,
    outcomes: str | None,
    out: Path | None,
    endings: str,
    overwrite: bool,
    **columns: str | None,
) -> None:
    """Fit a network meta-analysis to DATA and write the report.

    DATA is a CSV file with one row an arm (study, treatment and events, n; mean, sd, n; or events, time), or one row a
    pair of arms (study, two treatments, estimate, standard error). What the columns mean is told from their names and
    printed; an option names a column whose name doesn't tell.

    Exit status: 0 done, 1 the data or the folder can't be used, 2 an option is wrong or the columns aren't clear.
    """
    if data is None and separator is not None and Path(separator).is_file():
        data, separator = Path(separator), "+"  # `--components data.csv` took the table for its sign
    if data is None:
        raise click.UsageError("which table? Say: equipoise nma DATA.csv")
    from equipoise.cli.network import build as building
    from equipoise.cli.network import columns as naming
    from equipoise.cli.network.analysis import Settings, analyse
    from equipoise.cli.network.files import claim
    from equipoise.cli.network.further import Wanted, further
    from equipoise.cli.network.page import TITLES
    from equipoise.cli.network.progress import Progress
    from equipoise.cli.network.report import Report, write_report
    from equipoise.cli.network.table import read_table

    formats = given.formats_of(endings)
    confidence = given.level_of(level)
    table = read_table(data)
    named = {role.removeprefix("column_"): name for role, name in columns.items() if name is not None}
    try:
        reading = naming.guess(table, named)
        chosen = given.measure_of(measure, naming.default_measure(reading))
        naming.check_measure(reading, chosen, table)
        dose_columns = naming.dose_columns(table, reading, dose, agent)
        for option, names in (("--moderator", moderators), ("--by", subgroups)):
            for name in names:
                naming.check_column(table, option, name)
    except naming.Unclear as error:
        raise click.UsageError(str(error)) from None
    _check_alone(
        separator, inactive, interactions, dose, agent, shape, second, second_measure, second_smaller, outcomes
    )
    _say_reading(data, table, reading, measure, chosen)
    with Progress() as progress:
        network = building.build(table, reading, chosen)
        base, why = building.choose_reference(network, reference)
        bias, unshown = building.bias_of(table, reading, network)
        warnings = [*building.doubts(table, reading, network), *([unshown] if unshown else [])]
        settings = Settings(
            measure=chosen,
            reference=base,
            model=cast(Any, model),
            method=cast(Any, method.upper()),
            ci=cast(Any, ci),
            level=confidence,
            smaller_is_better=smaller if smaller is not None else True,
            important_difference=given.important_difference_of(important_difference, chosen),
            contributions=cast(Any, contributions.replace("-", " ")),
        )
        if smaller is None:
            warnings.append(_direction(chosen, "--"))
        other = None
        if second is not None:
            other = _second(second, second_measure, second_smaller, settings, named)
            if second_smaller is None:
                warnings.append(_direction(other.settings.measure, "--second-"))
        warnings += _sparse(click.get_current_context(), table, reading, likelihood)
        wanted = Wanted(
            moderators=moderators,
            subgroups=subgroups,
            separator=separator,
            inactive=inactive,
            interactions=interactions,
            agent=dose_columns[0],
            dose=dose_columns[1],
            shape=shape,
            forward_search=forward_search,
            likelihood=likelihood,
            second=other,
            names=given.outcome_names(outcomes, data.stem, second.stem if second is not None else ""),
        )
        analysis = analyse(network, settings, progress)
        beyond = further(analysis, wanted, table, reading, progress)
        progress.stop()
        click.echo(f"Reference: {base} ({why})")
        for warning in warnings:
            click.secho(f"Warning: {warning}", fg="yellow")
        for hint in _hints(network, wanted, reading, table):
            click.echo(f"Hint: {hint}")
        click.echo()
        click.echo(analysis.fit.summary())
        click.echo()
        click.echo(analysis.ranking.summary())
        if len(network.subnetworks) > 1:
            click.echo("\nThe network is not connected; each part was analysed by itself.")
        for part in beyond.parts:
            if part.section in TITLES:
                text = "\n\n".join(text for _, text in part.texts)
                long = text.count("\n") > ON_SCREEN
                click.echo("\n" + ("\n".join([part.title, *part.notes]) if long else text))
        folder = out if out is not None else Path("nma") / data.stem
        claim(folder, overwrite)
        facts = _facts(data, table, reading, settings, why)
        report = Report(table, reading, analysis, wanted, beyond, facts, warnings, bias, formats)
        written = write_report(folder, report, progress)
    click.echo()
    for path, what in written:
        click.echo(f"  {path}  {what}")


def _check_alone(
    separator: str | None,
    inactive: str | None,
    interactions: tuple[str, ...],
    dose: str | None,
    agent: str | None,
    shape: str | None,
    second: Path | None,
    second_measure: str | None,
    second_smaller: bool | None,
    outcomes: str | None,
) -> None:
    """Refuse options that need another one."""
    for option, value, needed, there in (
        ("--inactive", inactive, "--components", separator),
        ("--interaction", interactions or None, "--components", separator),
        ("--agent", agent, "--dose COLUMN", dose),
        ("--dose-shape", shape, "--dose COLUMN", dose),
        ("--second-measure", second_measure, "--second DATA2", second),
        ("--second-smaller-is-better", second_smaller, "--second DATA2", second),
        ("--outcomes", outcomes, "--second DATA2", second),
    ):
        if value is not None and there is None:
            raise click.UsageError(f"{option} goes with {needed}; add that, or leave {option} out")


def _second(path: Path, measure: str | None, smaller: bool | None, settings: Settings, named: dict[str, str]) -> Second:
    """The second outcome's table and network; options that name columns count where it has these columns."""
    from equipoise.cli.network import build as building
    from equipoise.cli.network import columns as naming
    from equipoise.cli.network.outcomes import Second, settings_of
    from equipoise.cli.network.table import read_table

    table = read_table(path)
    try:
        reading = naming.guess(table, {role: name for role, name in named.items() if name in table.columns})
        chosen = given.measure_of(measure, naming.default_measure(reading), "--second-measure")
        naming.check_measure(reading, chosen, table, "--second-measure")
    except naming.Unclear as error:
        raise click.UsageError(f"{path.name}: {error}") from None
    _say_reading(path, table, reading, measure, chosen, "--second-measure")
    network = building.build(table, reading, chosen)
    return Second(table, reading, settings_of(settings, chosen, smaller if smaller is not None else True), network)


def _direction(measure: str, prefix: str) -> str:
    which = "the second outcome counts" if "second" in prefix else "ranked"
    return (
        f"{which} as if smaller values of the {measure} were better; say {prefix}larger-is-better if they aren't "
        f"(or {prefix}smaller-is-better to drop this line)"
    )


def _sparse(context: click.Context, table: TextTable, reading: Reading, likelihood: str | None) -> list[str]:
    """A warning, with the command to run, when events are few and no model for that was asked for."""
    from equipoise.cli.network.rare import sparsity

    found = sparsity(table, reading)
    if likelihood is not None or found is None or not found.sparse:
        return []
    more = ["--likelihood", "mantel-haenszel"]
    if context.params["measure"] is not None and str(context.params["measure"]).upper() != "OR":
        more = ["--measure", "OR", *more]
    return [f"{found.text}, so estimates and intervals are rough; compare: {given.command_line(context, *more)}"]


def _hints(network: Any, wanted: Any, reading: Reading, table: TextTable) -> list[str]:
    """What else these data would allow."""
    from equipoise.cli.network.columns import agent_and_dose
    from equipoise.cli.network.combinations import likely_separator

    found = []
    likely = likely_separator(network)
    if likely is not None and wanted.separator is None:
        sign = "" if likely[0] == "+" else f" {likely[0]}"
        found.append(f"{likely[1]!r} looks like a combination; --components{sign} fits a component model")
    agent, dose = agent_and_dose(table)
    if wanted.dose is None and agent is not None and dose is not None and reading.form == "arms":
        found.append(f"the table has doses; --dose {dose} --agent {agent} fits dose–response curves")
    return found


def _say_reading(
    data: Path, table: TextTable, reading: Reading, asked: str | None, measure: str, option: str = "--measure"
) -> None:
    from equipoise.cli.network.columns import FORMS

    click.echo(f"{data.name}: {len(table)} rows, read as {FORMS[reading.form]}")
    pairs = [
        f"{role.replace('_', ' ')} = {name}" + ("" if role in reading.guessed else " (named)")
        for role, name in reading.columns.items()
    ]
    click.echo(f"Columns: {'; '.join(pairs)}")
    unused = [name for name in table.columns if name not in reading.columns.values()]
    if unused:
        click.echo(f"Not used for the network: {', '.join(unused)}")
    for note in table.notes:
        click.echo(note)
    click.echo(f"Measure: {measure} ({'as asked for' if asked else f'suggested by the columns; {option} for another'})")


def _facts(data: Path, table: TextTable, reading: Reading, settings: Settings, why: str) -> list[tuple[str, str]]:
    from equipoise.cli.network.columns import FORMS
    from equipoise.figures.network.scale import name_of, number_text
    from equipoise.synthesis.network.tables import natural

    intervals = {"normal": "normal", "t": "t, with the degrees of freedom of Q", "hksj": "Hartung–Knapp"}
    facts = [
        ("Table", f"{data.name}, {len(table)} rows, {FORMS[reading.form]}"),
        ("Columns", "; ".join(f"{role.replace('_', ' ')} = {name}" for role, name in reading.columns.items())),
        ("Measure", f"{name_of(settings.measure)} ({settings.measure})"),
        ("Reference", f"{settings.reference} ({why})"),
        ("Model", "Common effect" if settings.model == "common" else f"Random effects, τ² by {settings.method}"),
        ("Intervals", f"{100 * settings.level:g} %, {intervals[settings.ci]}"),
        ("Better", "smaller values" if settings.smaller_is_better else "larger values"),
    ]
    if settings.important_difference:
        value = number_text(float(natural(settings.measure, settings.important_difference)))
        facts.append(("Important difference", f"{settings.measure} {value}"))
    return facts
