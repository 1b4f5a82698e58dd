"""The folder that `equipoise nma` writes: report, numbers, tables, figures, and the script that makes them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from equipoise import __version__
from equipoise.cli.network import page, tables
from equipoise.cli.network.analysis import Analysis
from equipoise.cli.network.build import used_columns
from equipoise.cli.network.columns import Reading
from equipoise.cli.network.figures import figures, render
from equipoise.cli.network.files import MAKER, RESULTS, table_csv, write
from equipoise.cli.network.further import Further, Wanted
from equipoise.cli.network.page import DrawnFigure
from equipoise.cli.network.script import DATA, SECOND, reproducing_script
from equipoise.cli.network.table import TextTable
from equipoise.cli.network.tables import ResultTable
from equipoise.figures.network.league import league_csv, league_html


@dataclass(frozen=True, slots=True)
class Report:
    """What goes into the folder; ``formats``: of the figures, none for none; ``bias``: by study."""

    table: TextTable
    reading: Reading
    analysis: Analysis
    wanted: Wanted
    further: Further
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    bias: dict[str, str] | None
    formats: tuple[str, ...]


def write_report(folder: Path, report: Report, progress: Callable[[str], None]) -> list[tuple[Path, str]]:
    """Write the folder; returns the places a reader looks for, and what they hold."""
    analysis, further, second = report.analysis, report.further, report.wanted.second
    made = [*tables.result_tables(analysis), *(table for part in further.parts for table in part.tables)]
    progress("Writing the tables")
    write(folder / RESULTS, json.dumps(_results(report, made), indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    for item in made:
        write(folder / "tables" / f"{item.name}.csv", item.csv())
    _write_leagues(folder / "tables", report)
    script = reproducing_script(report.table.path.name, report.reading, analysis.settings, further.parts, second)
    write(folder / "analysis.py", script)
    used = [*report.reading.columns.values(), *report.wanted.columns]
    write(folder / DATA, table_csv(used_columns(report.table, used)))
    if second is not None:
        write(folder / SECOND, table_csv(used_columns(second.table, list(second.reading.columns.values()))))
    summary = "\n\n".join(
        [
            analysis.fit.summary(),
            analysis.ranking.summary(),
            analysis.inconsistency.summary(),
            analysis.split.summary(),
            *(text for part in further.parts for _, text in part.texts),
        ]
    )
    write(folder / "summary.txt", summary + "\n")
    drawn = _draw(folder, report, progress)
    progress("Writing the report")
    text = page.render(
        analysis,
        further,
        report.table.path.name,
        report.facts,
        report.warnings,
        drawn,
        summary,
        script,
        report.table.sha256,
    )
    write(folder / "report.html", text)
    listed = [
        (folder / "report.html", "the report"),
        (folder / RESULTS, "every number"),
        (folder / "tables", f"{len(made) + 1} tables as CSV, the league table also as HTML"),
        (folder / "analysis.py", "runs it again"),
    ]
    if drawn:
        listed.insert(1, (folder / "figures", f"{len(drawn)} figures as {', '.join(report.formats)}"))
    return listed


def _results(report: Report, made: Sequence[ResultTable]) -> dict[str, Any]:
    """What results.json holds."""
    analysis, fit = report.analysis, report.analysis.fit
    impossible = {part.name: " ".join(part.notes) for part in report.further.parts if not part.code}
    found: dict[str, Any] = {
        "maker": f"{MAKER} {__version__}",
        "source": report.table.path.name,
        "sha256": report.table.sha256,
        "columns": report.reading.columns,
        "form": report.reading.form,
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
        "warnings": list(report.warnings),
        "not_possible": {**analysis.impossible, **impossible},
        "notes": {part.name: list(part.notes) for part in report.further.parts if part.code and part.notes},
    }
    second = report.wanted.second
    if second is not None:
        found["second"] = {
            "source": second.table.path.name,
            "sha256": second.table.sha256,
            "columns": second.reading.columns,
            "form": second.reading.form,
            "settings": {name: getattr(second.settings, name) for name in second.settings.__dataclass_fields__},
        }
    return {**found, "tables": page.as_json(made)}


def _write_leagues(folder: Path, report: Report) -> None:
    league, smaller = report.analysis.league, report.analysis.settings.smaller_is_better
    write(folder / "league.csv", league_csv(league))
    write(folder / "league.html", _league_page(league_html(league, smaller_is_better=smaller)))
    both = report.further.both
    if both is not None:
        text = league_html(both.league, smaller_is_better=both.smaller_is_better, names=both.names)
        write(folder / "league_outcomes.csv", league_csv(both.league))
        write(folder / "league_outcomes.html", _league_page(text))


def _league_page(table: str) -> str:
    return f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>League table</title></head><body>\n{table}\n</body></html>\n'


def _draw(folder: Path, report: Report, progress: Callable[[str], None]) -> list[DrawnFigure]:
    """The figures written; none without matplotlib, which is said."""
    from importlib.util import find_spec

    if not report.formats:
        return []
    if find_spec("matplotlib") is None:
        click.echo("No figures: they need matplotlib (pip install 'equipoise[figures]').", err=True)
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    drawn = []
    wanted = figures(report.analysis, report.bias, report.further)
    for number, figure in enumerate(wanted, start=1):
        progress(f"Drawing figure {number} of {len(wanted)}: {figure.title}")
        paths = render(figure, folder / "figures", tuple(dict.fromkeys(("svg", *report.formats))))
        svg = next(path for path in paths if path.suffix == ".svg")
        source = svg.read_text(encoding="utf-8")
        if "svg" not in report.formats:
            svg.unlink()
        names = tuple(f"figures/{path.name}" for path in paths if path.suffix[1:] in report.formats)
        drawn.append(DrawnFigure(figure.name, figure.section, figure.title, source, names))
    return drawn
