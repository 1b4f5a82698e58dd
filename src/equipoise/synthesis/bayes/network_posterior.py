"""Bayesian network meta-analysis with normal likelihoods, without sampling.

Contrasts of study s are N(δ_s, V_s), their true values δ_s N(Xd, τ²R) with 1 on R's diagonal and ½ off it, d the
effects against the reference (Lu & Ades 2004, Statistics in Medicine 23:3105; Dias et al. 2013, Medical Decision Making
33:607). Given τ everything is normal in closed form; τ is integrated by adaptive quadrature, so that every posterior is
a mixture of normals (as Röver's bayesmeta for one comparison, Journal of Statistical Software 2020, 93(6)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.effects_posterior import (
    EffectsPosterior,
    EffectsPrior,
    Model,
    check_named,
    check_priors,
    references_of,
)
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_criticism import NetworkCriticism, criticise
from equipoise.synthesis.bayes.network_part import PartPosterior, PriorOn, part_posterior
from equipoise.synthesis.bayes.network_ranks import rank, rank_probabilities
from equipoise.synthesis.bayes.network_splitting import PosteriorSplit, split
from equipoise.synthesis.bayes.network_studies import StudyEffects, study_effects
from equipoise.synthesis.bayes.network_unrelated import UnrelatedPosterior, unrelated
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.ranking import COORDINATES, REPLICATES, Ranking


@dataclass(frozen=True, eq=False)
class NetworkPosterior(EffectsPosterior[PartPosterior]):
    """What is believed of every treatment against every other after the data, from contrasts.

    See ``EffectsPosterior``. Each subnetwork has a τ of its own; a prior of effects, even a proper one, doesn't connect
    subnetworks, since it would be all that the comparison rests on. ``prior_on``: what the prior of effects is of.
    """

    network: Network
    prior_on: PriorOn

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""
        return self.network.treatments

    @property
    def measure(self) -> str:
        """The effect measure."""
        return self.network.measure

    @cached_property
    def error(self) -> float:
        """A bound on the error of the probabilities: of τ, and of every pair at no effect and at its limits."""
        return float(np.nanmax(self._pairs["error"]))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """The priors, and what to doubt."""
        lines = [self._prior_text(), *self._several()]
        for number, part in enumerate(self.parts):
            where = self._where(number)
            if self.heterogeneity is None:
                continue
            if part.system.df == 0 and part.posterior.model.df == 0:
                lines.append(f"The data say nothing of τ{where}: its posterior is its prior.")
            else:
                lines += self._conflict(number)
            if part.effects_tail <= 2.0:
                lines.append(
                    f"Standard deviations{where} are infinite{', and there are no means' * (part.effects_tail <= 1.0)}: "
                    "the prior of τ has a heavy tail, and studies are few."
                )
        if self.error > 1e-4:
            lines.append(f"Probabilities may be wrong by {self.error:.1g}.")
        return tuple(lines)

    def prior_of(self, treatment: str, comparator: str) -> NormalMixture | None:
        """The prior of ``treatment`` minus ``comparator`` that the priors of effects amount to; None where it is flat."""
        part, i, j = self._locate(treatment, comparator)
        return part.prior_difference(i, j)

    def ranking(
        self, smaller_is_better: bool = True, threshold: float = 0.0, samples: int | None = None, seed: int = 0
    ) -> Ranking:
        """SUCRA, mean ranks and probabilities of ranks; each subnetwork ranked by itself.

        ``smaller_is_better``: whether a smaller value on the analysis scale is the better outcome; ``threshold``: the
        difference that matters, for ``Ranking.better``; ``samples``, ``seed``: of the integration where a probability
        of a rank has no closed form (more than three treatments).
        """

        def chances(part: PartPosterior, sign: float) -> tuple[FloatArray, float]:
            return rank_probabilities(part, sign, COORDINATES // part.size if samples is None else samples, seed)

        if samples is not None and samples < REPLICATES:
            raise DataError(f"samples {samples} is too few; {REPLICATES} at least, a power of two best")
        return rank(self, smaller_is_better, threshold, chances)

    def study_effects(self) -> StudyEffects:
        """The true effects of every study, shrunken towards the network's; raises for a common-effect model."""
        return study_effects(self)

    def criticism(self) -> NetworkCriticism:
        """Residual deviance, leverage, DIC, WAIC, leave-one-study-out prediction and predictive p-values."""
        return criticise(self)

    def split(self, difference: Prior | None = None) -> PosteriorSplit:
        """Node-splitting: direct against indirect evidence of every comparison that has both.

        ``difference``: the prior of direct minus indirect, None for a flat one or ``Normal(0, sd)``, which also gives
        a Bayes factor.
        """
        return split(self, difference)

    def unrelated(self, effects: Prior | None = None) -> UnrelatedPosterior:
        """The model without consistency (unrelated mean effects) and its DIC next to this model's.

        ``effects``: the prior of every comparison's effect (None: flat); τ has the same prior as here. Raises
        ``DataError`` where too few studies are left to determine τ under an improper prior.
        """
        return unrelated(self, effects)

    def pair_counts(self) -> IntArray:
        """How many studies compare each pair directly, shape (treatments, treatments)."""
        return self.network.pair_counts()

    def summary(self) -> str:
        """The network, effects against the reference, heterogeneity and priors, as text."""
        return f"{self.network.summary()}\n\n{super().summary()}"

    def _prior_text(self) -> str:
        basic = self._basic_text()
        if (
            self.prior_on == "all contrasts"
            and basic.startswith("effects against")
            and not isinstance(self.effects_prior, Mapping)
        ):
            assert self.effects_prior is not None
            basic = f"all contrasts {self.effects_prior.describe()}"
        return f"Priors: {self._tau_text()}; {basic}."


def network_posterior(
    network: Network,
    heterogeneity: Prior | None,
    effects: EffectsPrior,
    model: Model,
    reference: str | None,
    level: float,
    prior_on: PriorOn,
) -> NetworkPosterior:
    """See ``Network.posterior``."""
    if prior_on not in ("basic parameters", "all contrasts"):
        raise DataError(f"prior_on {prior_on!r} isn't known; choose 'basic parameters' or 'all contrasts'")
    check_priors(network.measure, heterogeneity, effects, model, level)
    base = reference if reference is not None else network.subnetworks[0][0]
    network.position(base)
    bases = references_of(network.subnetworks, base)
    prior = heterogeneity if model == "random" else None
    check_named(effects, network.treatments, bases)
    parts = [
        part_posterior(
            network,
            np.array([network.position(t) for t in part], dtype=np.intp),
            network.position(base_of),
            prior,
            effects,
            prior_on,
        )
        for part, base_of in zip(network.subnetworks, bases, strict=True)
    ]
    return NetworkPosterior(model, prior, effects, base, level, tuple(parts), network, prior_on)
