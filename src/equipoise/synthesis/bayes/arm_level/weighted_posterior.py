"""What posteriors made of weighted points offer besides tables of effects: their error, diagnostics and ranks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np

from equipoise.synthesis.bayes.arm_level.part import WeightedPart
from equipoise.synthesis.bayes.arm_level.ranks import rank_probabilities
from equipoise.synthesis.bayes.effects_posterior import EffectsPosterior
from equipoise.synthesis.bayes.network_ranks import rank
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.ranking import Ranking

Points = TypeVar("Points", bound=WeightedPart[Any])


class Arms(Protocol):
    """A table of arms; ``study`` and ``treatment``: shape (arms,), indices into ``studies`` and ``treatments``."""

    @property
    def studies(self) -> tuple[str, ...]: ...
    @property
    def treatments(self) -> tuple[str, ...]: ...
    @property
    def study(self) -> IntArray: ...
    @property
    def treatment(self) -> IntArray: ...
    @property
    def measure(self) -> str: ...


@dataclass(frozen=True, eq=False)
class WeightedPosterior(EffectsPosterior[Points]):
    """A posterior whose parts are weighted points; see ``EffectsPosterior``. ``table``: the data."""

    table: Arms = field(repr=False)

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""
        return self.table.treatments

    @property
    def measure(self) -> str:
        """The effect measure."""
        return self.table.measure

    @cached_property
    def error(self) -> float:
        """How far probabilities of the effects may be off: three standard errors of the integration."""
        return max(self._errors())

    @property
    def pareto_k(self) -> float:
        """The largest k̂; above 0.7 results aren't to be trusted."""
        return max(part.points.pareto for part in self.parts)

    @property
    def effective_size(self) -> float:
        """The smallest effective sample size of the weighted points."""
        return min(part.points.effective for part in self.parts)

    def ranking(self, smaller_is_better: bool = True, threshold: float = 0.0) -> Ranking:
        """SUCRA, mean ranks and probabilities of ranks; each subnetwork ranked by itself.

        ``smaller_is_better``: whether a smaller value on the analysis scale is the better outcome; ``threshold``: the
        difference that matters, for ``Ranking.better``.
        """
        return rank(self, smaller_is_better, threshold, rank_probabilities)

    def pair_counts(self) -> IntArray:
        """How many studies compare each pair directly, shape (treatments, treatments)."""
        n = len(self.treatments)
        has = np.zeros((len(self.table.studies), n), dtype=np.intp)
        has[self.table.study, self.table.treatment] = 1
        counts: IntArray = has.T @ has
        np.fill_diagonal(counts, 0)
        return counts

    def _errors(self) -> list[float]:
        """The largest error in each part."""
        return [float(self._pairs["error"][np.ix_(part.treatments, part.treatments)].max()) for part in self.parts]
