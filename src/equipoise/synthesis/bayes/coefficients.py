"""A table of the posteriors of coefficients: slopes, intercepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.network.tables import decimals, interval, text_table


@dataclass(frozen=True, slots=True, eq=False)
class CoefficientPosteriors:
    """Named coefficients on the analysis scale, one a row: posterior means, standard deviations, medians, equal-tailed
    limits at ``level``, and ``below``, the probability of being below 0. ``distribution``: all of them side by side.
    """

    names: tuple[str, ...]
    level: float
    estimates: FloatArray
    standard_errors: FloatArray
    medians: FloatArray
    lower: FloatArray
    upper: FloatArray
    below: FloatArray
    distribution: NormalMixture

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> NormalMixture:
        """The distribution of one coefficient; raises ``DataError`` naming those there are."""
        if name not in self.names:
            raise DataError(f"no coefficient {name!r}; there are {', '.join(self.names)}")
        return self.distribution.take(self.names.index(name))

    def to_frame(self) -> Any:
        """One row a coefficient."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "name": self.names,
                "mean": self.estimates,
                "sd": self.standard_errors,
                "median": self.medians,
                "lower": self.lower,
                "upper": self.upper,
                "below": self.below,
            }
        )

    def summary(self, heading: str = "mean") -> str:
        """The table as text, on the analysis scale, which ``heading`` names."""
        return text_table(
            {
                "": list(self.names),
                heading: [decimals(x) for x in self.estimates],
                "sd": [decimals(x) for x in self.standard_errors],
                f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(self.lower, self.upper, strict=True)],
                "P(< 0)": [decimals(x, 3) for x in self.below],
            }
        )


def tabulate(names: Sequence[str], distribution: NormalMixture, level: float) -> CoefficientPosteriors:
    """The table of quantities side by side."""
    tail = (1.0 - level) / 2.0
    low, middle, high = distribution.quantile(np.array([tail, 0.5, 1.0 - tail]))
    return CoefficientPosteriors(
        names=tuple(names),
        level=level,
        estimates=distribution.mean,
        standard_errors=distribution.sd,
        medians=middle,
        lower=low,
        upper=high,
        below=distribution.cdf(0.0),
        distribution=distribution,
    )


def priors_of(
    names: Sequence[str], given: Prior | Mapping[str, Prior] | None, what: str = "coefficient"
) -> list[Prior | None]:
    """One prior a name: the same for all, those of a mapping (the others flat), or none. Raises for unknown names."""
    if not isinstance(given, Mapping):
        return [given] * len(names)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise DataError(f"a prior is given for {unknown[0]!r}, which is no {what}; there are {', '.join(names)}")
    return [given.get(name) for name in names]


def describe_priors(given: Prior | Mapping[str, Prior] | None) -> str:
    """Such priors in words."""
    if given is None or (isinstance(given, Mapping) and not given):
        return "flat"
    if isinstance(given, Mapping):
        return f"{'; '.join(f'{name} {prior.describe()}' for name, prior in given.items())}; others flat"
    return given.describe()
