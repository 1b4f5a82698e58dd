"""Bayesian network meta-analysis of arms with counts in ordered categories.

The probability that somebody in arm k of study i lies above cutpoint c is F(μ_i + δ_ik − z_c), F the standard normal
(probit) or logistic (logit) distribution function, z_1 = 0, the same increasing z in all studies, δ_i as in
``arm_level.posterior`` (Dias et al. 2011, NICE DSU Technical Support Document 2, example 6, whose effects have the other
sign). A positive effect moves people to higher categories. With two categories it is the binomial model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from equipoise.errors import DataError
from equipoise.synthesis.bayes.arm_level.part import doubts
from equipoise.synthesis.bayes.arm_level.weighted_posterior import WeightedPosterior
from equipoise.synthesis.bayes.effects_posterior import (
    EffectsPrior,
    Model,
    check_named,
    check_priors,
    position_in,
    references_of,
)
from equipoise.synthesis.bayes.ordered.absolute import CategoryProbabilities, category_probabilities
from equipoise.synthesis.bayes.ordered.cutpoints import Cutpoints, summarise
from equipoise.synthesis.bayes.ordered.part import OrderedPart, part_posterior
from equipoise.synthesis.bayes.ordered.statistics import OrderedFit, fit_statistics
from equipoise.synthesis.bayes.ordered.table import OrderedTable
from equipoise.synthesis.bayes.priors import Flat, Normal, Prior


@dataclass(frozen=True, eq=False)
class OrderedPosterior(WeightedPosterior[OrderedPart]):
    """What is believed of every treatment against every other after the data; see ``EffectsPosterior``.

    Effects are standardised mean differences of the latent outcome (probit) or log odds ratios of a higher category
    (logit). ``baseline``: the prior of the studies' baselines; ``distance_prior``: of the distances between cutpoints.
    """

    table: OrderedTable = field(repr=False)
    baseline: Prior
    distance_prior: Prior

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """The priors, and what to doubt."""
        lines = [
            f"Likelihood: {len(self.table.categories)} ordered categories, {self.table.link} link; a positive effect "
            "moves people to higher ones.",
            f"Priors: {self._tau_text()}; {self._basic_text()}; baselines {self.baseline.describe()}; distances between "
            f"cutpoints {self.distance_prior.describe()}.",
            *self._several(),
        ]
        for number, (part, error) in enumerate(zip(self.parts, self._errors(), strict=True)):
            lines += [*doubts(part, self._where(number), error, sampler=False), *self._conflict(number)]
        lines += [
            f"{study}: its arms report different categories; are they one study?"
            for study in self.table.uneven_studies()
        ]
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.table.left_out]
        return tuple(lines)

    def cutpoints(self) -> Cutpoints:
        """The cutpoints between categories on the scale of η, the first 0."""
        return summarise(self)

    def absolute(
        self, baseline: Normal | float, treatment: str | None = None, new_study: bool = False
    ) -> CategoryProbabilities:
        """The probabilities of reaching each category under every treatment connected with ``treatment`` (default: the
        reference).

        ``baseline``: under that treatment, ``Normal(mean, sd)`` of the probit or logit of the probability of being above
        the lowest category, or that probability as a number; independent of the network's data. ``new_study``: with the
        spread between studies.
        """
        return category_probabilities(self, baseline, treatment, new_study)

    def fit_statistics(self) -> OrderedFit:
        """Residual deviance, leverage, pD and DIC, arm by arm."""
        return fit_statistics(self)


def posterior_from_ordered(
    table: OrderedTable,
    heterogeneity: Prior | None = None,
    effects: EffectsPrior = None,
    baseline: Prior | None = None,
    cutpoints: Prior | None = None,
    model: Model = "random",
    reference: str | None = None,
    level: float = 0.95,
    points: int = 2**14,
    seed: int = 1,
) -> OrderedPosterior:
    """Bayesian network meta-analysis of ordered categories (``read_ordered``), subnetwork by subnetwork.

    ``heterogeneity``: the prior of τ, which has no default (``HalfNormal(0.5)``, say); none with ``model="common"``.
    ``effects``: None for flat, one prior for all effects against the reference, or one for each of some treatments (the
    others flat). ``baseline``: of every study's first arm's probit (logit) of being above the lowest category: flat
    (default) or ``Normal(mean, sd)``. ``cutpoints``: of every distance between neighbouring cutpoints, flat by default.
    ``reference``: the treatment that effects are against (default: the first by name, in each subnetwork). ``points``,
    ``seed``: of the importance sampling; results with another seed differ by ``error``.

    Raises ``DataError`` for unknown options, a prior stated for another measure, and an improper posterior.
    """
    if points < 512:
        raise DataError(f"points {points} is too few; 512 at least, a power of two best")
    check_priors(table.measure, heterogeneity, effects, model, level)
    prior: Prior | Mapping[str, Prior] = Flat() if effects is None else effects
    base = Flat() if baseline is None else baseline
    distance = Flat() if cutpoints is None else cutpoints
    if not isinstance(distance, Flat) and distance.support[0] < 0:
        raise DataError(
            f"cutpoints={cutpoints!r}: distances between cutpoints are positive; give a prior such as HalfNormal(1) or "
            "Uniform(0, 5)"
        )
    table = table.with_baseline(base)
    parts = table.parts()
    wanted = reference if reference is not None else parts[0][0]
    position_in(table.treatments, wanted)
    references = references_of(parts, wanted)
    check_named(prior, table.treatments, references)
    power = max(int(np.ceil(np.log2(points / 8))), 6)
    found = []
    for members, base_of in zip(parts, references, strict=True):
        others = [t for t in members if t != base_of]
        priors = [prior.get(t, Flat()) if isinstance(prior, Mapping) else prior for t in others]
        spread = heterogeneity if model == "random" else None
        found.append(part_posterior(table, members, base_of, spread, priors, distance, power, seed))
    return OrderedPosterior(model, heterogeneity, prior, wanted, level, tuple(found), table, base, distance)
