"""A table of posteriors: which treatment against which, how much, how sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.tables import decimals, interval, natural, text_table


@dataclass(frozen=True, slots=True, eq=False)
class EffectsTable:
    """Posteriors of ``treatment`` minus ``comparator``, one a row, on the analysis scale (log for ratios).

    ``estimates`` are posterior means, ``standard_errors`` posterior standard deviations, ``lower`` and ``upper``
    equal-tailed limits; ``below``: the probability that the effect is below 0 (a ratio below 1); ``studies`` counts
    the studies that compare the two directly.
    """

    title: str
    measure: str
    level: float
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    studies: IntArray
    estimates: FloatArray
    standard_errors: FloatArray
    medians: FloatArray
    lower: FloatArray
    upper: FloatArray
    below: FloatArray

    def __len__(self) -> int:
        return len(self.treatment)

    def to_frame(self, exponentiate: bool = False) -> Any:
        """One row a comparison; with ``exponentiate`` mean, median and limits of a ratio measure are ratios.

        The mean is exponentiated after averaging: it is the geometric mean of the ratio.
        """
        from equipoise.frames import make_frame

        def scale(values: FloatArray) -> FloatArray:
            return np.asarray(natural(self.measure, values)) if exponentiate else values

        return make_frame(
            {
                "treatment": self.treatment,
                "comparator": self.comparator,
                "studies": self.studies,
                "mean": scale(self.estimates),
                "sd": self.standard_errors,
                "median": scale(self.medians),
                "lower": scale(self.lower),
                "upper": scale(self.upper),
                "below": self.below,
            }
        )

    def summary(self) -> str:
        """The table as text; ratio measures as ratios."""
        medians, lower, upper = (natural(self.measure, x) for x in (self.medians, self.lower, self.upper))
        none = natural(self.measure, 0.0)
        return f"{self.title}\n\n" + text_table(
            {
                "comparison": [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)],
                "k": [str(k) for k in self.studies],
                f"{self.measure} (median)": [decimals(x) for x in medians],
                f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(lower, upper, strict=True)],
                f"P(< {none:g})": [decimals(x, 3) for x in self.below],
            }
        )
