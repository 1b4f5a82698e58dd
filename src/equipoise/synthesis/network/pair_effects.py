"""Effects of all pairs of treatments: their intervals, and the table of chosen pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.comparisons import Comparisons
from equipoise.synthesis.network.inference import infer


@dataclass(frozen=True, slots=True, eq=False)
class PairEffects:
    """Every treatment against every other: arrays of shape (n, n), row minus column, NaN where not estimable.

    ``statistics`` is estimate / standard error, ``p_values`` two-sided, intervals and p-values normal at ``level``;
    ``studies`` counts the studies that compare the pair directly.
    """

    measure: str
    level: float
    treatments: tuple[str, ...]
    studies: IntArray
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    statistics: FloatArray
    p_values: FloatArray

    def table(self, pairs: Sequence[tuple[str, str]], title: str) -> Comparisons:
        """The given pairs, the first of each against the second."""
        rows, columns = (np.array([self.position(pair[side]) for pair in pairs], dtype=np.intp) for side in (0, 1))
        place = (rows, columns)
        return Comparisons(
            title=title,
            measure=self.measure,
            level=self.level,
            treatment=tuple(a for a, _ in pairs),
            comparator=tuple(b for _, b in pairs),
            studies=self.studies[place],
            estimates=self.estimates[place],
            standard_errors=self.standard_errors[place],
            lower=self.lower[place],
            upper=self.upper[place],
            statistics=self.statistics[place],
            p=self.p_values[place],
        )

    def against(self, reference: str, title: str) -> Comparisons:
        """Every treatment against ``reference``, as far as it can be estimated."""
        base = self.position(reference)
        known = np.isfinite(self.estimates[:, base])
        return self.table(
            [(t, reference) for t, k in zip(self.treatments, known, strict=True) if k and t != reference], title
        )

    def all_pairs(self, title: str) -> Comparisons:
        """Every pair that can be estimated, once, in the order of the treatments."""
        known = np.argwhere(np.triu(np.isfinite(self.estimates), 1))
        return self.table([(self.treatments[i], self.treatments[j]) for i, j in known], title)

    def position(self, treatment: str) -> int:
        """The index of a treatment; raises ``DataError`` naming those there are."""
        if treatment not in self.treatments:
            raise DataError(f"no treatment {treatment!r} in the network; it has {', '.join(self.treatments)}")
        return self.treatments.index(treatment)


def pair_effects(
    measure: str,
    treatments: tuple[str, ...],
    studies: IntArray,
    estimates: FloatArray,
    standard_errors: FloatArray,
    level: float,
) -> PairEffects:
    """The effects with normal intervals; raises ``DataError`` for a level outside 0 … 1."""
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    inference = infer("normal", level, float("nan"), 0)
    missing = np.where(np.isnan(standard_errors), np.nan, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.where(standard_errors > 0, estimates / standard_errors, missing)
    return PairEffects(
        measure=measure,
        level=level,
        treatments=treatments,
        studies=studies,
        estimates=estimates,
        standard_errors=standard_errors,
        lower=estimates - inference.quantile * standard_errors,
        upper=estimates + inference.quantile * standard_errors,
        statistics=statistics,
        p_values=inference.p_values(statistics),
    )
