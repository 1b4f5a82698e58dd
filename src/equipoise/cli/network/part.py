"""A further analysis of a network: its results, how a reader sees them, and the lines that compute it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.figures.network import scale
from equipoise.frames import columns_of
from equipoise.synthesis.network.tables import RATIO_MEASURES, natural, p_value


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a table in the report: its heading, the result's columns it is made of, and how they are written.

    ``kind``: "text"; "effect" of an estimate and two limits, exponentiated for ratios ("second": by the second
    outcome's measure); "value" of one estimate on that scale; "number" with ``digits``; "share" as per cent; "p" for p-values; "count".
    """

    heading: str
    columns: tuple[str, ...]
    kind: str = "text"
    digits: int = 2


@dataclass(frozen=True, slots=True)
class View:
    """A table as the report shows it: texts by row; ``words`` are the headings of columns of words."""

    title: str
    head: tuple[str, ...]
    rows: list[list[str]]
    words: tuple[str, ...]
    file: str


@dataclass(frozen=True, slots=True)
class Part:
    """One further analysis.

    ``name``: the variable that holds the result in the reproducing script. ``lead``: one sentence on what it shows and
    how it is read; ``notes``: sentences with its main results. ``code``: the script's lines, with ``imports``; both are
    empty when it couldn't be done, which ``notes`` then say. ``texts``: what summary.txt holds of it, each with the
    expression by which the script prints it.
    """

    name: str
    section: str
    title: str
    lead: str
    notes: tuple[str, ...] = ()
    tables: tuple[ResultTable, ...] = ()
    views: tuple[View, ...] = ()
    code: str = ""
    imports: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    result: Any = field(default=None, repr=False)


def heading(text: str) -> tuple[str, str]:
    """A line of summary.txt above what follows."""
    return repr(text), text


def table_of(name: str, title: str, result: Any, measure: str = "") -> ResultTable:
    """The table of ``result.to_frame()``; with a ratio ``measure`` also the ratios of its estimates and limits."""
    columns: dict[str, list[Cell]] = {key: [_plain(x) for x in cells] for key, cells in columns_of(result).items()}
    if measure in RATIO_MEASURES:
        for key in [key for key in columns if key.rpartition("_")[2] in ("estimate", "difference", "lower", "upper")]:
            stem, _, kind = key.rpartition("_")
            ratio = "_".join(part for part in (stem, measure, kind if kind != "estimate" else "") if part)
            columns.setdefault(ratio, [_ratio(x) for x in columns[key]])
    return ResultTable(name, title, columns)


def view_of(
    table: ResultTable, measure: str, shown: Sequence[Shown], *, rows: Sequence[int] | None = None, second: str = ""
) -> View:
    """The table as the report shows it; ``rows``: which, in which order (default: all); ``second``: another measure."""
    chosen = range(len(table)) if rows is None else rows
    errors = np.array([x for x in table.columns.get("se", []) if isinstance(x, int | float)], dtype=float)
    digits = scale.digits_for(errors)
    return View(
        table.title,
        tuple(column.heading for column in shown),
        [
            [
                _text(table.columns, row, column, second if column.kind == "second" else measure, digits)
                for column in shown
            ]
            for row in chosen
        ],
        tuple(column.heading for column in shown if column.kind == "text"),
        f"tables/{table.name}.csv",
    )


def by(table: ResultTable, column: str, largest_first: bool = False) -> list[int]:
    """The rows of a table sorted by a column of numbers, missing ones last."""
    values = np.array([number(x) for x in table.columns[column]])
    order = np.argsort(-values if largest_first else values, kind="stable")
    return [int(i) for i in order]


def number(value: Cell) -> float:
    """A cell as a number, NaN where there is none."""
    return float(value) if isinstance(value, int | float) else float("nan")


def p_text(p: float) -> str:
    """ "p = 0.0314", "p < .0001" or "p not estimable", for the middle of a sentence."""
    text = p_value(p)
    return "p not estimable" if text == "." else f"p {text}" if text.startswith("<") else f"p = {text}"


def _text(columns: Mapping[str, list[Cell]], row: int, shown: Shown, measure: str, digits: int) -> str:
    cells = [columns[name][row] for name in shown.columns]
    if shown.kind == "text":
        return " : ".join("–" if cell is None else str(cell) for cell in cells)
    values = [number(cell) for cell in cells]
    if shown.kind in ("effect", "second"):
        estimate, lower, upper = values
        return scale.estimate_text(measure, estimate, lower, upper, digits) or "–"
    if shown.kind == "value":
        return scale.number_text(_natural(measure, values[0]), digits)
    if shown.kind == "p":
        return p_value(values[0])
    if shown.kind == "count":
        return "–" if np.isnan(values[0]) else f"{values[0]:.0f}"
    if shown.kind == "share":
        return scale.number_text(100.0 * values[0], 0) + " %"
    return scale.number_text(values[0], shown.digits)


def _plain(value: Any) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, int | str) else str(value)


def _ratio(value: Cell) -> Cell:
    ratio = _natural("OR", float(value)) if isinstance(value, int | float) else float("nan")
    return ratio if np.isfinite(ratio) else None


def _natural(measure: str, value: float) -> float:
    with np.errstate(over="ignore"):
        return float(natural(measure, value))
