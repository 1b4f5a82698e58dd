"""A pooled effect over a series of sets of studies: cumulative meta-analysis, leave-one-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.figures import numerals
from equipoise.figures.effect_axis import effect_scale
from equipoise.figures.forest_drawing import draw
from equipoise.figures.forest_rows import Column, ForestRows, Row, model_name, summary_row
from equipoise.synthesis.pairwise.result import Pooled
from equipoise.synthesis.pairwise.series import PooledSeries

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIRST = {"adding": "Adding", "without": "Leaving out"}
COLUMNS = (Column("", "k"), Column("", "I²"))


def series(
    result: PooledSeries,
    fit: Pooled,
    *,
    favours: tuple[str, str] | None = None,
    xlim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The pooled effect of each set of studies as a row, above that of all of them (``fit``, which brings the measure).

    For `cumulative` a row adds its study to those above, for `leave_one_out` it leaves its study out. ``favours`` and
    ``xlim`` as in `forest`. Raises ``MissingExtra`` without matplotlib.
    """
    shown = effect_scale(fit.measure, fit.label, fit.scale)
    digits = numerals.digits_for(result.se, shown.log)
    values = np.column_stack([result.estimate, result.ci])
    natural: list[list[float]] = [shown.scale.natural(row, fit.sizes).tolist() for row in values]
    cells = [(str(k), f"{i2:.0f}%" if np.isfinite(i2) else "") for k, i2 in zip(result.k, result.i2, strict=True)]
    rows = [
        Row("study", name, y, low, high, 1.0, cell, (numerals.decimal(y, digits) or "–", _ends(low, high, digits)))
        for name, (y, low, high), cell in zip(result.rows, natural, cells, strict=True)
    ]
    total = summary_row(fit, shown, fit.sizes, "summary", model_name(fit), digits)
    last = (str(fit.k), f"{fit.i2:.0f}%")
    content = ForestRows(
        rows=(*rows, Row("summary", total.label, total.estimate, total.low, total.high, cells=last, text=total.text)),
        columns=COLUMNS,
        shown=shown,
        heading=f"{shown.short} [{100 * result.level:g}% CI]",
        reference=total.estimate,
        weights=False,
        points=True,
        first=FIRST.get(result.title, "Study"),
    )
    return draw(content, ax, favours, xlim)


def _ends(low: float, high: float, digits: int) -> str:
    return f"[{numerals.decimal(low, digits)}, {numerals.decimal(high, digits)}]" if np.isfinite(low + high) else ""
