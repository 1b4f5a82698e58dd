"""The league table: every treatment against every other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.direct import DirectEvidence
from equipoise.synthesis.network.tables import WIDEST, decimals, natural, text_table, wide_table


class Compared(Protocol):
    """A fit with an estimate of every treatment against every other: arrays over pairs, row minus column."""

    @property
    def treatments(self) -> tuple[str, ...]: ...
    @property
    def measure(self) -> str: ...
    @property
    def level(self) -> float: ...
    @property
    def estimates(self) -> FloatArray: ...
    @property
    def lower(self) -> FloatArray: ...
    @property
    def upper(self) -> FloatArray: ...


@dataclass(frozen=True, slots=True, eq=False)
class League:
    """A league table on the analysis scale: arrays of shape (treatments, treatments), row minus column.

    The lower triangle holds the network estimates. The upper one holds what ``upper_triangle`` says: "network" (the
    same estimates), "direct" (direct evidence only, NaN where there is none), a second outcome's network estimates or,
    for a posterior, "prediction" (effects in a new study).
    The measure of the upper triangle is ``upper_measure``. ``interval_name``: "confidence" or "credible".
    """

    treatments: tuple[str, ...]
    measure: str
    upper_measure: str
    upper_triangle: str
    level: float
    estimates: FloatArray
    lower: FloatArray
    upper: FloatArray
    interval_name: str = "confidence"

    def cell(self, row: int, column: int) -> str:
        """The text of one cell: the treatment's name on the diagonal, a dot where there is no estimate."""
        return _cell(self, row, column, digits=2)

    def texts(self, digits: int = 2) -> list[list[str]]:
        """All cells as text, ratio measures as ratios."""
        n = len(self.treatments)
        return [[_cell(self, i, j, digits) for j in range(n)] for i in range(n)]

    def to_frame(self, digits: int = 2) -> Any:
        """The table of texts, one column a treatment, in table order."""
        from equipoise.frames import make_frame

        cells = self.texts(digits)
        return make_frame({t: [row[j] for row in cells] for j, t in enumerate(self.treatments)})

    def summary(self, digits: int = 2) -> str:
        """The table as text; where it is wide, in blocks of columns as R prints matrices."""
        cells = self.texts(digits)
        columns = {" " * (j + 1): [row[j] for row in cells] for j in range(len(self.treatments))}
        network = "network estimates" if self.interval_name == "confidence" else "posterior medians"
        upper = network if self.upper_triangle == "network" else f"{self.upper_triangle} estimates"
        note = f"Lower triangle: {self.measure}, row against column, {network}."
        note += f" Upper triangle: {self.upper_measure}, row against column, {upper}."
        table = text_table(columns).lstrip("\n ")
        if max(map(len, table.split("\n"))) > WIDEST:
            table = wide_table({"": self.treatments, **dict(zip(self.treatments, columns.values(), strict=True))})
        return f"{table}\n\n{note}"


def _cell(league: League, row: int, column: int, digits: int) -> str:
    if row == column:
        return league.treatments[row]
    measure = league.measure if row > column else league.upper_measure
    values = [league.estimates[row, column], league.lower[row, column], league.upper[row, column]]
    if not np.isfinite(values[0]):
        return "."
    estimate, lower, upper = (decimals(float(natural(measure, value)), digits) for value in values)
    return f"{estimate} ({lower} to {upper})"


def ordered(treatments: tuple[str, ...], order: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[IntArray, ...]]:
    """The treatments as they shall appear, and where a table in that order has its entries in arrays over pairs."""
    names = tuple(order) if order is not None else treatments
    if sorted(names) != sorted(treatments):
        raise DataError(f"order must list every treatment once: {', '.join(treatments)}")
    positions = np.array([treatments.index(t) for t in names], dtype=np.intp)
    return names, np.ix_(positions, positions)


def league_table(
    fit: Compared,
    direct: DirectEvidence | None = None,
    other: Compared | None = None,
    order: Sequence[str] | None = None,
) -> League:
    """The league table of ``fit``, above the diagonal with ``direct`` evidence or another fit; see ``NetworkFit``."""
    names, place = ordered(fit.treatments, order)
    estimates, lower, upper = (a[place].copy() for a in (fit.estimates, fit.lower, fit.upper))
    above = np.triu(np.ones_like(estimates, dtype=bool), k=1)
    upper_measure, upper_triangle = fit.measure, "network"
    if other is not None:
        upper_measure, upper_triangle = other.measure, "second outcome's network"
        second = [other.treatments.index(t) if t in other.treatments else -1 for t in names]
        known = np.array(second) >= 0
        both = np.ix_(second, second)
        absent = ~(known[:, None] & known[None, :])
        for target, source in ((estimates, other.estimates), (lower, other.lower), (upper, other.upper)):
            target[above] = np.where(absent, np.nan, source[both])[above]
    elif direct is not None:
        upper_triangle = "direct"
        for target, source in ((estimates, direct.estimates), (lower, direct.lower), (upper, direct.upper)):
            target[above] = source[place][above]
    return League(names, fit.measure, upper_measure, upper_triangle, fit.level, estimates, lower, upper)
