"""Numbers and tables as text, for the summaries of results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def number(value: float, digits: int = 4) -> str:
    """A number with a fixed count of decimals; "–" when it isn't defined."""
    if np.isnan(value):
        return "–"
    if value != 0 and (abs(value) >= 1e7 or abs(value) < 0.5 * 10.0**-digits):
        return f"{value:.{digits - 1}e}"
    return f"{value:.{digits}f}"


def p_value(value: float) -> str:
    """A p-value with its sign: "= 0.0312", "< 0.0001"."""
    if np.isnan(value):
        return "= –"
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"


def p_cell(value: float) -> str:
    """A p-value for a table's cell."""
    return p_value(value).removeprefix("= ")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned: the first to the left, the others to the right."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[j]) for row in cells) for j in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if j == 0 else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
