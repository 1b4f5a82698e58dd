"""A table of comparisons: which treatment against which, how much, how sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.tables import decimals, interval, natural, p_value, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Effects of ``treatment`` against ``comparator``, one a row, on the analysis scale (log for ratios).

    ``studies`` counts the studies that compare the two directly; ``estimates`` are treatment minus comparator; a row
    is NaN where the two lie in different subnetworks. ``statistics`` is estimate / standard error, ``p`` two-sided.
    """

    title: str
    measure: str
    level: float
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    studies: IntArray
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    statistics: FloatArray
    p: FloatArray

    def __len__(self) -> int:
        return len(self.treatment)

    def to_frame(self, exponentiate: bool = False) -> Any:
        """One row a comparison; with ``exponentiate`` the estimate and its interval of a ratio measure are ratios."""
        from equipoise.frames import make_frame

        def scale(values: FloatArray) -> FloatArray:
            return np.asarray(natural(self.measure, values)) if exponentiate else values

        return make_frame(
            {
                "treatment": self.treatment,
                "comparator": self.comparator,
                "studies": self.studies,
                "estimate": scale(self.estimates),
                "se": self.standard_errors,
                "lower": scale(self.lower),
                "upper": scale(self.upper),
                "statistic": self.statistics,
                "p": self.p,
            }
        )

    def summary(self) -> str:
        """The table as text; ratio measures as ratios."""
        estimates, lower, upper = (natural(self.measure, x) for x in (self.estimates, self.lower, self.upper))
        return f"{self.title}\n\n" + text_table(
            {
                "comparison": [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)],
                "k": [str(k) for k in self.studies],
                self.measure: [decimals(x) for x in estimates],
                f"{100 * self.level:g}%-CI": [interval(a, b) for a, b in zip(lower, upper, strict=True)],
                "z": [decimals(x, 2) for x in self.statistics],
                "p-value": [p_value(x) for x in self.p],
            }
        )


def tabulate(
    fit: NetworkFit, title: str, rows: IntArray, columns: IntArray, estimates: FloatArray, errors: FloatArray
) -> Comparisons:
    """The pairs ``rows[k]``, ``columns[k]`` of estimates and standard errors, with the fit's inference."""
    place = (rows, columns)
    part = fit.part_of()
    y, se = estimates[place], errors[place]
    lower, upper, statistics, p_values = (np.full(len(rows), np.nan) for _ in range(4))
    same = part[rows] == part[columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(se > 0, y / se, np.nan)
    for number, inference in enumerate(fit.inferences):
        inside = same & (part[rows] == number)
        lower[inside] = y[inside] - inference.quantile * se[inside]
        upper[inside] = y[inside] + inference.quantile * se[inside]
        statistics[inside] = z[inside]
        p_values[inside] = inference.p_values(z[inside])
    return Comparisons(
        title=title,
        measure=fit.measure,
        level=fit.level,
        treatment=tuple(fit.treatments[i] for i in rows.tolist()),
        comparator=tuple(fit.treatments[j] for j in columns.tolist()),
        studies=fit.network.pair_counts()[place],
        estimates=y,
        standard_errors=se,
        lower=lower,
        upper=upper,
        statistics=statistics,
        p=p_values,
    )
