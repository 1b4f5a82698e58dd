"""Tables of results as plain text, in the layout R users know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

RATIO_MEASURES = frozenset({"OR", "RR", "HR", "IRR", "ROM", "DOR"})
"""Measures analysed on the log scale; only display exponentiates."""

MEASURES = RATIO_MEASURES | {"RD", "ASD", "MD", "SMD", "IRD", "IRSD"}


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
    """A number with fixed decimals; a dot where there is none."""
    return "." if not np.isfinite(value) else f"{value:.{digits}f}"


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
