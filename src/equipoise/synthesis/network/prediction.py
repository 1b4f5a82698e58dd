"""Prediction intervals: where the effect in a new study of the same kind would lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.tables import decimals, interval, natural, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Prediction intervals of all pairs, arrays of shape (treatments, treatments), row minus column, analysis scale.

    Estimate ± t·√(se² + τ²), t with the degrees of freedom of Q (netmeta's default, "V"). NaN between subnetworks and
    where a subnetwork has no degrees of freedom. Tables list every treatment against ``references``.
    """

    treatments: tuple[str, ...]
    references: tuple[str, ...]
    measure: str
    level: float
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray

    def to_frame(self, exponentiate: bool = False) -> Any:
        """Every treatment against its subnetwork's reference."""
        from equipoise.frames import make_frame

        rows, columns = self._pairs()
        values = {"estimate": self.estimates, "lower": self.lower, "upper": self.upper}
        columns_of_values = {
            name: natural(self.measure, array[rows, columns]) if exponentiate else array[rows, columns]
            for name, array in values.items()
        }
        return make_frame(
            {
                "treatment": [self.treatments[i] for i in rows],
                "comparator": [self.treatments[j] for j in columns],
                **columns_of_values,
                "se": self.standard_errors[rows, columns],
            }
        )

    def summary(self) -> str:
        """The same table as text, ratio measures as ratios."""
        rows, columns = self._pairs()
        estimates, lower, upper = (
            natural(self.measure, array[rows, columns]) for array in (self.estimates, self.lower, self.upper)
        )
        table = text_table(
            {
                "comparison": [
                    f"{self.treatments[i]} : {self.treatments[j]}" for i, j in zip(rows, columns, strict=True)
                ],
                self.measure: [decimals(x) for x in estimates],
                f"{100 * self.level:g}%-PI": [interval(a, b) for a, b in zip(lower, upper, strict=True)],
            }
        )
        unknown = np.isnan(self.lower[rows, columns]) & np.isfinite(self.estimates[rows, columns])
        note = (
            "\n\nWithout degrees of freedom for heterogeneity there is no prediction interval." if unknown.any() else ""
        )
        return table + note

    def _pairs(self) -> tuple[list[int], list[int]]:
        index = {t: i for i, t in enumerate(self.treatments)}
        bases = [index[r] for r in self.references]
        rows, columns = [], []
        for base in bases:
            for i in range(len(self.treatments)):
                if i != base and (np.isfinite(self.estimates[i, base]) or len(bases) == 1):
                    rows.append(i)
                    columns.append(base)
        return rows, columns


def predict(fit: NetworkFit, level: float | None = None, reference: str | None = None) -> Predictions:
    """See ``NetworkFit.predict``."""
    if fit.model == "common":
        raise DataError("a common-effect model predicts no spread between studies; fit the random-effects model")
    level = fit.level if level is None else level
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    n = len(fit.treatments)
    lower, upper, errors = (np.full((n, n), np.nan) for _ in range(3))
    for system, tau2, df in zip(fit.systems, fit.tau2, fit.df, strict=True):
        place = np.ix_(system.treatments, system.treatments)
        error = np.sqrt(fit.standard_errors[place] ** 2 + tau2)
        np.fill_diagonal(error, 0.0)
        half = (stdtrit(df, 0.5 + level / 2) if df > 0 else np.nan) * error
        errors[place] = error
        lower[place], upper[place] = fit.estimates[place] - half, fit.estimates[place] + half
    bases = fit.references(reference)
    return Predictions(fit.treatments, bases, fit.measure, level, fit.estimates, errors, lower, upper)
