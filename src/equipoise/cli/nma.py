"""`equipoise nma`: a table of studies in, the network meta-analysis on screen and its report in a folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from equipoise.cli.network.analysis import Analysis, Settings
    from equipoise.cli.network.columns import Reading
    from equipoise.cli.network.page import DrawnFigure
    from equipoise.cli.network.table import TextTable

MEASURES = ("OR", "RR", "RD", "ASD", "HR", "MD", "SMD", "ROM", "IRR", "IRD", "IRSD")
ROLES = (
    "study", "treatment", "comparator", "events", "n", "mean", "sd", "se", "time", "estimate", "comparator_se",
    "n_treatment", "n_comparator", "risk_of_bias",
)  # fmt: skip
COLUMN_HELP = {
    "study": "Column of the study's label.",
    "treatment": "Column of the treatment (of the first one, if each row compares two).",
    "comparator": "Column of the second treatment.",
    "events": "Column of participants with the event.",
    "n": "Column of participants.",
    "mean": "Column of means.",
    "sd": "Column of standard deviations.",
    "se": "Column of standard errors.",
    "time": "Column of person-time, or of follow-up time.",
    "estimate": "Column of estimates, first treatment minus second; ratios as logarithms.",
    "comparator_se": "Column of the comparator arm's own standard error.",
    "n_treatment": "Column of the first treatment's participants.",
    "n_comparator": "Column of the second treatment's participants.",
    "risk_of_bias": "Column of risk of bias: low, some concerns or high.",
}


def _columns(function: Any) -> Any:
    for role in reversed(ROLES):
        option = "--" + role.replace("_", "-")
        function = click.option(option, f"column_{role}", metavar="COLUMN", help=COLUMN_HELP[role])(function)
    return function


@click.command("nma")
@click.argument("data", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--measure", metavar="MEASURE", help=f"Effect measure: {', '.join(MEASURES)} [default: what the columns suggest]."
)
@click.option(
    "--reference", metavar="TREATMENT", help="What the others are compared with [default: a placebo or control]."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the report [default: nma/NAME OF DATA].")
@click.option("--model", type=click.Choice(["random", "common"]), default="random", show_default=True, help="Effects.")
@click.option(
    "--method", type=click.Choice(["REML", "DL", "ML"], case_sensitive=False), default="REML", show_default=True,
    help="How tau² is estimated (netmeta's default is DL).",
)  # fmt: skip
@click.option(
    "--ci", type=click.Choice(["normal", "t", "hksj"]), default="normal", show_default=True, help="Intervals."
)
@click.option("--level", type=float, default=95.0, show_default=True, help="Of confidence, in per cent.")
@click.option(
    "--smaller-is-better/--larger-is-better", "smaller", default=None,
    help="Which way treatments are ranked [default: smaller values are better].",
)  # fmt: skip
@click.option("--figures", "endings", default="svg,pdf,png", show_default=True, help="Formats of the figures, or none.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds other files.")
@_columns
def command(
    data: Path,
    measure: str | None,
    reference: str | None,
    out: Path | None,
    model: str,
    method: str,
    ci: str,
    level: float,
    smaller: bool | None,
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
    from equipoise.cli.network import build as building
    from equipoise.cli.network import columns as naming
    from equipoise.cli.network.analysis import Settings, analyse
    from equipoise.cli.network.files import claim
    from equipoise.cli.network.table import read_table

    wanted = _endings(endings)
    confidence = _level(level)
    table = read_table(data)
    named = {role.removeprefix("column_"): name for role, name in columns.items() if name is not None}
    try:
        reading = naming.guess(table, named)
        chosen = _measure(measure, naming.default_measure(reading))
        naming.check_measure(reading, chosen, table)
    except naming.Unclear as error:
        raise click.UsageError(str(error)) from None
    _say_reading(data, table, reading, measure, chosen)
    with _Progress() as progress:
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
        )
        folder = out if out is not None else Path("nma") / data.stem
        claim(folder, overwrite)
        analysis = analyse(network, settings, progress)
        if smaller is None:
            warnings.append(
                f"ranked as if smaller values of the {chosen} were better; say --larger-is-better if they aren't "
                "(or --smaller-is-better to drop this line)"
            )
        progress.stop()
        click.echo(f"Reference: {base} ({why})")
        for warning in warnings:
            click.secho(f"Warning: {warning}", fg="yellow")
        click.echo()
        click.echo(analysis.fit.summary())
        click.echo()
        click.echo(analysis.ranking.summary())
        if len(network.subnetworks) > 1:
            click.echo("\nThe network is not connected; each part was analysed by itself.")
        facts = _facts(data, table, reading, settings, why)
        written = _write(folder, table, reading, analysis, facts, warnings, bias, wanted, progress)
    click.echo()
    for path, what in written:
        click.echo(f"  {path}  {what}")


def _write(
    folder: Path,
    table: TextTable,
    reading: Reading,
    analysis: Analysis,
    facts: list[tuple[str, str]],
    warnings: list[str],
    bias: dict[str, str] | None,
    formats: tuple[str, ...],
    progress: _Progress,
) -> list[tuple[Path, str]]:
    from equipoise import __version__
    from equipoise.cli.network import page, tables
    from equipoise.cli.network.build import used_columns
    from equipoise.cli.network.files import MAKER, RESULTS, table_csv, write
    from equipoise.cli.network.script import DATA, reproducing_script
    from equipoise.figures.network.league import league_csv, league_html

    made = tables.result_tables(analysis)
    fit = analysis.fit
    results = {
        "maker": f"{MAKER} {__version__}",
        "source": table.path.name,
        "sha256": table.sha256,
        "columns": reading.columns,
        "form": reading.form,
        "settings": {name: getattr(analysis.settings, name) for name in analysis.settings.__dataclass_fields__},
        "treatments": list(fit.treatments),
        "subnetworks": [
            {
                "treatments": list(part),
                "reference": fit.references()[k],
                "tau2": float(fit.tau2[k]),
                "q": float(fit.q[k]),
                "df": int(fit.df[k]),
                "p": None if fit.df[k] < 1 else float(fit.p[k]),
                "i2": None if fit.df[k] < 1 else float(fit.i2[k]),
            }
            for k, part in enumerate(fit.subnetworks)
        ],
        "warnings": warnings,
        "not_possible": analysis.impossible,
        "tables": page.as_json(made),
    }
    progress("Writing the tables")
    write(folder / RESULTS, json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    for item in made:
        write(folder / "tables" / f"{item.name}.csv", item.csv())
    smaller = analysis.settings.smaller_is_better
    write(folder / "tables" / "league.csv", league_csv(analysis.league))
    write(folder / "tables" / "league.html", _league_page(league_html(analysis.league, smaller_is_better=smaller)))
    script = reproducing_script(table.path.name, reading, analysis.settings)
    write(folder / "analysis.py", script)
    write(folder / DATA, table_csv(used_columns(table, reading.columns)))
    summary = "\n\n".join(
        [fit.summary(), analysis.ranking.summary(), analysis.inconsistency.summary(), analysis.split.summary()]
    )
    write(folder / "summary.txt", summary + "\n")
    drawn = _draw(folder, analysis, bias, formats, progress)
    progress("Writing the report")
    report = page.render(analysis, table.path.name, facts, warnings, drawn, summary, script, table.sha256)
    write(folder / "report.html", report)
    listed = [
        (folder / "report.html", "the report"),
        (folder / RESULTS, "every number"),
        (folder / "tables", f"{len(made) + 1} tables as CSV, the league table also as HTML"),
        (folder / "analysis.py", "runs it again"),
    ]
    if drawn:
        listed.insert(1, (folder / "figures", f"{len(drawn)} figures as {', '.join(formats)}"))
    return listed


def _draw(
    folder: Path, analysis: Analysis, bias: dict[str, str] | None, formats: tuple[str, ...], progress: _Progress
) -> list[DrawnFigure]:
    """The figures written; none without matplotlib, which is said."""
    from importlib.util import find_spec

    from equipoise.cli.network.figures import figures, render
    from equipoise.cli.network.page import DrawnFigure

    if not formats:
        return []
    if find_spec("matplotlib") is None:
        click.echo("No figures: they need matplotlib (pip install 'equipoise[figures]').", err=True)
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    drawn = []
    wanted = figures(analysis, bias)
    for number, figure in enumerate(wanted, start=1):
        progress(f"Drawing figure {number} of {len(wanted)}: {figure.title}")
        paths = render(figure, folder / "figures", tuple(dict.fromkeys(("svg", *formats))))
        svg = next(path for path in paths if path.suffix == ".svg")
        source = svg.read_text(encoding="utf-8")
        if "svg" not in formats:
            svg.unlink()
        names = tuple(f"figures/{path.name}" for path in paths if path.suffix[1:] in formats)
        drawn.append(DrawnFigure(figure.name, figure.section, figure.title, source, names))
    return drawn


def _league_page(table: str) -> str:
    return f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>League table</title></head><body>\n{table}\n</body></html>\n'


def _measure(asked: str | None, default: str | None) -> str:
    if asked is None:
        if default is None:
            raise click.UsageError(
                f"the estimates' measure isn't in the table; say --measure with one of {', '.join(MEASURES)} "
                "(ratios as logarithms)"
            )
        return default
    plain = asked.upper().replace("LOG", "").strip(" _-")
    if plain not in MEASURES:
        raise click.BadParameter(f"{asked!r} isn't known; choose {', '.join(MEASURES)}", param_hint="--measure")
    return plain


def _level(level: float) -> float:
    share = level / 100.0 if level >= 1.0 else level
    if not 0.5 <= share < 1.0:
        raise click.BadParameter(f"{level:g} is not a confidence level; give 95, say", param_hint="--level")
    return share


def _endings(text: str) -> tuple[str, ...]:
    from equipoise.cli.network.figures import FORMATS

    wanted = [part.strip().lower().lstrip(".") for part in text.split(",") if part.strip()]
    if wanted == ["none"]:
        return ()
    unknown = [part for part in wanted if part not in FORMATS]
    if unknown or not wanted:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'}: choose from {', '.join(FORMATS)}, or none", param_hint="--figures"
        )
    return tuple(dict.fromkeys(wanted))


def _say_reading(data: Path, table: TextTable, reading: Reading, asked: str | None, measure: str) -> None:
    from equipoise.cli.network.columns import FORMS

    click.echo(f"{data.name}: {len(table)} rows, read as {FORMS[reading.form]}")
    pairs = [
        f"{role.replace('_', ' ')} = {name}" + ("" if role in reading.guessed else " (named)")
        for role, name in reading.columns.items()
    ]
    click.echo(f"Columns: {'; '.join(pairs)}")
    unused = [name for name in table.columns if name not in reading.columns.values()]
    if unused:
        click.echo(f"Not used: {', '.join(unused)}")
    for note in table.notes:
        click.echo(note)
    click.echo(f"Measure: {measure} ({'as asked for' if asked else 'suggested by the columns; --measure for another'})")


def _facts(data: Path, table: TextTable, reading: Reading, settings: Settings, why: str) -> list[tuple[str, str]]:
    from equipoise.cli.network.columns import FORMS
    from equipoise.figures.network.scale import name_of

    intervals = {"normal": "normal", "t": "t, with the degrees of freedom of Q", "hksj": "Hartung–Knapp"}
    return [
        ("Table", f"{data.name}, {len(table)} rows, {FORMS[reading.form]}"),
        ("Columns", "; ".join(f"{role.replace('_', ' ')} = {name}" for role, name in reading.columns.items())),
        ("Measure", f"{name_of(settings.measure)} ({settings.measure})"),
        ("Reference", f"{settings.reference} ({why})"),
        ("Model", "Common effect" if settings.model == "common" else f"Random effects, τ² by {settings.method}"),
        ("Intervals", f"{100 * settings.level:g} %, {intervals[settings.ci]}"),
        ("Better", "smaller values" if settings.smaller_is_better else "larger values"),
    ]


class _Progress:
    """One line that says what is being done, once it has taken over a second; on a terminal only."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._start = time.monotonic()
        self._status: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __call__(self, text: str) -> None:
        if not self._console.is_terminal or time.monotonic() - self._start < 0.7:
            return
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def stop(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
