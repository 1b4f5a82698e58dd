"""A table of coefficients: component effects, slopes, tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.inference import infer
from equipoise.synthesis.network.tables import RATIO_MEASURES, decimals, interval, natural, p_value, text_table


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Named coefficients on the analysis scale, one a row; NaN where the data don't identify one.

    ``measure``: of which they are effects, "" where they aren't effects of one measure; tables of a ratio measure
    show ratios.

    ``statistics`` is estimate / standard error, compared with the normal distribution, or with t where ``df`` is
    finite; ``p`` is two-sided.
    """

    names: tuple[str, ...]
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    statistics: FloatArray
    p: FloatArray
    df: float
    level: float
    measure: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> tuple[float, float]:
        """The estimate and standard error of one coefficient."""
        if name not in self.names:
            raise DataError(f"no coefficient {name!r}; there are {', '.join(self.names)}")
        position = self.names.index(name)
        return float(self.estimates[position]), float(self.standard_errors[position])

    def to_frame(self, exponentiate: bool = False) -> Any:
        """One row a coefficient; with ``exponentiate`` the estimate and its interval of a ratio measure are ratios."""
        from equipoise.frames import make_frame

        def scale(values: FloatArray) -> FloatArray:
            return np.asarray(natural(self.measure, values)) if exponentiate else values

        return make_frame(
            {
                "name": self.names,
                "estimate": scale(self.estimates),
                "se": self.standard_errors,
                "lower": scale(self.lower),
                "upper": scale(self.upper),
                "statistic": self.statistics,
                "p": self.p,
            }
        )

    def summary(self, heading: str = "estimate") -> str:
        """The table as text: effects of a ratio measure as ratios, others under ``heading`` as they are."""
        estimates, lower, upper = (natural(self.measure, x) for x in (self.estimates, self.lower, self.upper))
        ratio = self.measure in RATIO_MEASURES
        return text_table(
            {
                "": list(self.names),
                (self.measure or heading): [decimals(x) for x in estimates],
                **({} if ratio else {"se": [decimals(x) for x in self.standard_errors]}),
                f"{100 * self.level:g}%-CI": [interval(a, b) for a, b in zip(lower, upper, strict=True)],
                "t" if np.isfinite(self.df) else "z": [decimals(x, 2) for x in self.statistics],
                "p-value": [p_value(x) for x in self.p],
            }
        )


def tabulate(
    names: Sequence[str],
    estimates: FloatArray,
    standard_errors: FloatArray,
    level: float = 0.95,
    df: float = float("inf"),
    measure: str = "",
) -> Coefficients:
    """The table with intervals and p-values: normal, or t with ``df`` degrees of freedom; ``measure``: of effects."""
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    estimates, errors = np.asarray(estimates, dtype=float), np.asarray(standard_errors, dtype=float)
    inference = infer("t" if np.isfinite(df) else "normal", level, float("nan"), int(df) if np.isfinite(df) else 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.where(errors > 0, estimates / errors, np.nan)
    return Coefficients(
        names=tuple(names),
        estimates=estimates,
        standard_errors=errors,
        lower=estimates - inference.quantile * errors,
        upper=estimates + inference.quantile * errors,
        statistics=statistics,
        p=inference.p_values(statistics),
        df=float(df),
        level=level,
        measure=measure,
    )
