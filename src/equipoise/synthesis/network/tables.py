"""Tables of results as plain text, in the layout R users know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

RATIO_MEASURES = frozenset({"OR", "RR", "HR", "IRR", "ROM", "DOR"})
"""Measures analysed on the log scale; only display exponentiates."""

MEASURES = RATIO_MEASURES | {"RD", "ASD", "MD", "SMD", "IRD", "IRSD"}


WIDEST = 160
"""Characters a line of a table that is laid out anew if it gets wider."""


def spelt(measure: str) -> str:
    """A measure in capitals if it is a known one, otherwise as it is."""
    return measure.upper() if measure.upper() in MEASURES else measure


def analysis_scale(measure: str) -> str:
    """The name of the scale that effects are analysed on: `log OR`, or the measure itself."""
    return f"log {measure}" if measure in RATIO_MEASURES else measure


def natural(measure: str, value: Any) -> Any:
    """``value`` on the scale a reader sees: exponentiated for ratio measures."""
    return np.exp(value) if measure in RATIO_MEASURES else value


def decimals(value: float, digits: int = 4) -> str:
    """A number with fixed decimals and never "-0.00"; a dot where there is none."""
    return "." if not np.isfinite(value) else f"{value:z.{digits}f}"


def p_statement(p: float) -> str:
    """A p-value with its sign, as in "p = 0.0213" or "p < .0001"."""
    return "p < .0001" if p < 1e-4 else f"p = {p_value(p)}"


def p_value(p: float) -> str:
    """A p-value as metafor prints it: four decimals, or <.0001."""
    if not np.isfinite(p):
        return "."
    return "<.0001" if p < 1e-4 else f"{p:.4f}"


def interval(lower: float, upper: float, digits: int = 4) -> str:
    """[lower; upper]."""
    return f"[{decimals(lower, digits)}; {decimals(upper, digits)}]"


def first_of(names: Sequence[str], width: int = 60) -> str:
    """The names; of a list longer than ``width`` characters the first ones and how many more there are."""
    most = int((np.cumsum([len(name) + 2 for name in names]) <= width + 2).sum())
    if most == len(names):
        return ", ".join(names)
    return f"{', '.join(names[: max(1, most)])} and {len(names) - max(1, most)} others"


def long_table(columns: Mapping[str, Sequence[str]], what: str, most: int = 60) -> str:
    """``text_table`` of the first rows of a table that grows with the square of the treatments, and how many more."""
    rows = len(next(iter(columns.values())))
    table = text_table({name: cells[:most] for name, cells in columns.items()})
    return table if rows <= most else f"{table}\n{_more(rows - most, what)}"


def long_list(names: Sequence[str], texts: Sequence[str], what: str, most: int = 60) -> str:
    """A name and a text a line, of the first rows, and how many more there are."""
    width = max(map(len, names[:most]), default=0)
    lines = [f"{name.ljust(width)}  {text}" for name, text in zip(names[:most], texts[:most], strict=True)]
    return "\n".join([*lines, *([_more(len(names) - most, what)] if len(names) > most else [])])


def _more(rows: int, what: str) -> str:
    return f"… and {rows} more {what}; to_frame() has them all"


def wide_table(columns: Mapping[str, Sequence[str]], widest: int = WIDEST) -> str:
    """``text_table`` in blocks of columns no wider than ``widest``, the first column repeated, as R prints matrices."""
    (first, cells), *others = columns.items()
    margin = max(len(first), *map(len, cells))
    blocks: list[dict[str, Sequence[str]]] = []
    used = widest
    for name, column in others:
        width = 2 + max(len(name), *map(len, column))
        if used + width > widest and (not blocks or len(blocks[-1]) > 1):
            blocks.append({first: cells})
            used = margin
        blocks[-1][name] = column
        used += width
    return "\n\n".join(text_table(block) for block in blocks)


def text_table(columns: Mapping[str, Sequence[str]]) -> str:
    """Columns of text under their headings: the first column left-aligned, the others right-aligned."""
    widths = [max(len(name), *(len(cell) for cell in cells), 0) for name, cells in columns.items()]
    lines = []
    for row in [tuple(columns), *zip(*columns.values(), strict=True)]:
        cells = [
            cell.ljust(width) if position == 0 else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
