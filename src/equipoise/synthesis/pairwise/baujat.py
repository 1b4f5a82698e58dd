"""Baujat's plot in numbers: which studies make for the heterogeneity, and which of them move the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise.influence import influence
from equipoise.synthesis.pairwise.tables import number, table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Baujat:
    """``heterogeneity`` (k,): each study's squared Pearson residual, its share in Q; ``influence`` (k,): the squared
    difference that it makes to its own predicted effect, in standard errors of the prediction without it."""

    studies: tuple[str, ...]
    heterogeneity: FloatArray
    influence: FloatArray
    left_out: tuple[LeftOut, ...] = ()

    def to_frame(self) -> Any:
        """One row a study."""
        return make_frame(
            {"study": list(self.studies), "heterogeneity": self.heterogeneity, "influence": self.influence}
        )

    def summary(self) -> str:
        """The studies as a table."""
        rows = [
            [study, number(x), number(y)]
            for study, x, y in zip(self.studies, self.heterogeneity, self.influence, strict=True)
        ]
        text = table(["", "contribution to Q", "influence on the result"], rows)
        return "\n".join([text, *(f"Left out: {study} ({reason})" for study, reason in self.left_out)])


def baujat(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    formula: str | None = None,
    data: Any = None,
    method: str = "CE",
    studies: Sequence[Any] | None = None,
) -> Baujat:
    """The coordinates of Baujat's plot (Baujat et al. 2002, Statistics in Medicine 21:2641).

    ``method`` "CE" is the authors' definition; with random effects both axes use v + τ², as metafor does.
    """
    found = influence(estimates, variances, X, formula=formula, data=data, method=method, studies=studies)
    fit = found.fit
    return Baujat(
        studies=found.studies,
        heterogeneity=(fit.estimates - fit.fitted) ** 2 / (fit.variances + fit.tau2),
        influence=found.prediction_shift,
        left_out=fit.left_out,
    )
