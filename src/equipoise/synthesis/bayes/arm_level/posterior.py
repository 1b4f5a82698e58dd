"""Bayesian network meta-analysis of arms with their own likelihood: no normal approximation, no continuity correction.

η_ik = μ_i + δ_ik with δ_i N(d_t(ik) − d_t(i1), τ²R), R = 1 on and ½ off the diagonal (Dias et al. 2011, NICE DSU
Technical Support Document 2; Lu & Ades 2004, Statistics in Medicine 23:3105). Baselines and random effects are integrated
study by study by adaptive quadrature, τ by quadrature, the effects by importance sampling with low-discrepancy points
about the mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from equipoise.errors import DataError
from equipoise.synthesis.bayes.arm_level.absolute import AbsoluteEffects, Baseline, absolute
from equipoise.synthesis.bayes.arm_level.cross_validation import StudyPrediction, predict_studies
from equipoise.synthesis.bayes.arm_level.part import ArmPart, doubts, part_posterior
from equipoise.synthesis.bayes.arm_level.predictive import PredictiveCheck, predictive_check
from equipoise.synthesis.bayes.arm_level.splitting import split
from equipoise.synthesis.bayes.arm_level.statistics import FitStatistics, fit_statistics
from equipoise.synthesis.bayes.arm_level.table import ArmTable
from equipoise.synthesis.bayes.arm_level.unrelated import UnrelatedArms, unrelated
from equipoise.synthesis.bayes.arm_level.weighted_posterior import WeightedPosterior
from equipoise.synthesis.bayes.effects_posterior import (
    EffectsPrior,
    Model,
    check_named,
    check_priors,
    position_in,
    references_of,
)
from equipoise.synthesis.bayes.network_splitting import PosteriorSplit
from equipoise.synthesis.bayes.priors import Flat, Prior


@dataclass(frozen=True, eq=False)
class ArmPosterior(WeightedPosterior[ArmPart]):
    """What is believed of every treatment against every other after the data, from arms; see ``EffectsPosterior``.

    Effects are on the scale of the link (log odds for the logit). ``baseline``: the prior of the studies' baselines.
    """

    table: ArmTable = field(repr=False)
    baseline: Prior

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """The priors, and what to doubt."""
        arms = self.table.likelihood
        lines = [
            f"Likelihood: {arms.family} arms, {arms.link} link.",
            f"Priors: {self._tau_text()}; {self._basic_text()}; baselines {self.baseline.describe()}.",
            *self._several(),
        ]
        for number, (part, error) in enumerate(zip(self.parts, self._errors(), strict=True)):
            lines += [*doubts(part, self._where(number), error), *self._conflict(number)]
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.table.left_out]
        return tuple(lines)

    def fit_statistics(self) -> FitStatistics:
        """Residual deviance, leverage, pD and DIC, arm by arm."""
        return fit_statistics(self)

    def predictive_check(self, points: int = 1024, seed: int = 1) -> PredictiveCheck:
        """What the model expects of replicates of every arm, and whether the data's deviance is larger than theirs.

        ``points``: of the posterior, one replicate of the data at each; ``seed``: of the replicates.
        """
        return predictive_check(self, points, seed)

    def split(self) -> PosteriorSplit:
        """Node-splitting: direct against indirect evidence of every comparison that has both, one model for each.

        In studies with more arms the difference is put on one of the two treatments, never the reference.
        """
        return split(self)

    def unrelated(self, effects: Prior | None = None) -> UnrelatedArms:
        """The model without consistency (unrelated mean effects), its deviance and DIC next to this model's.

        ``effects``: the prior of every comparison's effect (None: flat); τ has the same prior as here. In studies with more
        arms, comparisons are against the arm on the reference, or else on the first treatment by name; results depend on
        that. Raises ``DataError`` where a comparison's own studies don't limit its effect under a flat prior.
        """
        return unrelated(self, effects)

    def study_prediction(self) -> StudyPrediction:
        """How well each study is predicted by the others: leave-one-study-out, and WAIC."""
        return predict_studies(self)

    def absolute(
        self, baseline: Baseline, treatment: str | None = None, time: float = 1.0, new_study: bool = False
    ) -> AbsoluteEffects:
        """What is expected under every treatment connected with ``treatment`` (default: the reference).

        ``baseline``: under that treatment, ``Normal(mean, sd)`` on the scale of the link or a number on the natural one
        (a probability, a rate, a mean), independent of the network's data; or from its arms, ``StudyBaseline(study)`` or
        ``PooledBaseline(heterogeneity)``. ``time``: of follow-up, with the complementary log-log link, in the data's unit.
        ``new_study``: with the spread of the effects between studies.

        With risk ratios (log link) distributions are those given a risk below 1; raises ``DataError`` where that leaves less
        than 5 % of them.
        """
        return absolute(self, baseline, treatment, time, new_study)


def posterior_from_arms(
    table: ArmTable,
    heterogeneity: Prior | None = None,
    effects: EffectsPrior = None,
    baseline: Prior | None = None,
    model: Model = "random",
    reference: str | None = None,
    level: float = 0.95,
    points: int = 2**14,
    seed: int = 1,
) -> ArmPosterior:
    """Bayesian network meta-analysis of arms (``read_arms``), subnetwork by subnetwork.

    ``heterogeneity``: the prior of τ, which has no default (``HalfNormal(0.5)``, say); none with ``model="common"``.
    ``effects``: None for flat, one prior for all effects against the reference, or one for each of some treatments (the
    others flat). ``baseline``: of every study's baseline, the linear predictor of its first arm: flat (default) or
    ``Normal(mean, sd)``. With the binomial log link (risk ratios) that is the logarithm of a risk: flat means flat in it,
    below 0, and wherever an arm's predictor, random effect included, would be 0 or more, prior times likelihood is 0; what is
    left isn't normalised anew. ``reference``: the treatment that effects are against (default: the first by name, in each
    subnetwork). ``points``, ``seed``: of the importance sampling; results with another seed differ by ``error``.

    Raises ``DataError`` for unknown options, a prior stated for another measure, and an improper posterior.
    """
    if points < 512:
        raise DataError(f"points {points} is too few; 512 at least, a power of two best")
    check_priors(table.measure, heterogeneity, effects, model, level)
    prior: Prior | Mapping[str, Prior] = Flat() if effects is None else effects
    base = Flat() if baseline is None else baseline
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
        found.append(
            part_posterior(table, members, base_of, heterogeneity if model == "random" else None, priors, power, seed)
        )
    return ArmPosterior(model, heterogeneity, prior, wanted, level, tuple(found), table, base)
