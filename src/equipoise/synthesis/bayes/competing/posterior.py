"""Bayesian network meta-analysis of competing events: hazards of several outcomes that exclude each other.

log λ_ikm = μ_im + δ_ikm for outcome m in arm k of study i, constant over time; δ_im as in ``arm_level.posterior``, with
effects and a τ of its own for every outcome, independent between outcomes (NICE DSU Technical Support Document 2, example
4; Ades et al. 2010, Pharmacoeconomics 28:847). The likelihood is the exact multinomial one (``exposure.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from equipoise.errors import DataError
from equipoise.synthesis.bayes.arm_level.importance import DOUBTFUL, Weighted
from equipoise.synthesis.bayes.arm_level.part import ArmPart, doubts, part_posterior
from equipoise.synthesis.bayes.arm_level.sampling import between, corrected
from equipoise.synthesis.bayes.arm_level.table import ArmTable
from equipoise.synthesis.bayes.arm_level.weighted_posterior import WeightedPosterior
from equipoise.synthesis.bayes.competing.absolute import OutcomeProbabilities, outcome_probabilities
from equipoise.synthesis.bayes.competing.exposure import together
from equipoise.synthesis.bayes.competing.joint import Factor, Times, adapted, draw, independent
from equipoise.synthesis.bayes.competing.table import CompetingTable
from equipoise.synthesis.bayes.condense import condense
from equipoise.synthesis.bayes.effects_posterior import (
    EffectsPrior,
    Model,
    check_named,
    check_priors,
    position_in,
    references_of,
)
from equipoise.synthesis.bayes.known_tau import KnownTau
from equipoise.synthesis.bayes.priors import Flat, Normal, Prior
from equipoise.synthesis.network.blocks import IntArray

_PLACES = 48
"""Of τ's rule."""
_ATTEMPTS = 4
_FIRST_POWER = 7
"""Of the points of each outcome's own model, which only propose."""


@dataclass(frozen=True, eq=False)
class OutcomePosterior(WeightedPosterior[ArmPart]):
    """One outcome's effects (log hazard ratios) after the data of all of them; see ``EffectsPosterior``.

    ``joint_log_evidence``: of all outcomes together.
    """

    table: ArmTable = field(repr=False)
    outcome: str
    joint_log_evidence: float

    @property
    def measure(self) -> str:
        """The effect measure: hazard ratios."""
        return "HR"

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood of all outcomes together; see ``EffectsPosterior.log_evidence``."""
        return self.joint_log_evidence

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """The priors, and what to doubt."""
        lines = [
            f"Likelihood: competing events with constant hazards; outcome {self.outcome}.",
            f"Priors: {self._tau_text()}; {self._basic_text()}; baselines flat.",
            *self._several(),
        ]
        for number, (part, error) in enumerate(zip(self.parts, self._errors(), strict=True)):
            lines += [*doubts(part, self._where(number), error, sampler=False), *self._conflict(number)]
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.table.left_out]
        return tuple(lines)


@dataclass(frozen=True, eq=False)
class CompetingPosterior:
    """The posteriors of all outcomes, ``of(name)`` each; ``points``: weighted effects of each outcome's parts in turn."""

    outcomes: tuple[OutcomePosterior, ...]
    table: CompetingTable = field(repr=False)
    points: tuple[tuple[Weighted, ...], ...] = field(repr=False)

    def of(self, outcome: str) -> OutcomePosterior:
        """One outcome's posterior. Raises ``DataError`` naming those there are."""
        if outcome not in self.table.outcomes:
            raise DataError(f"no outcome {outcome!r}; there are {', '.join(self.table.outcomes)}")
        return self.outcomes[self.table.outcomes.index(outcome)]

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood; flat baselines and effects have an arbitrary constant."""
        return self.outcomes[0].log_evidence

    @property
    def error(self) -> float:
        """How far probabilities of the effects may be off: three standard errors of the integration."""
        return max(outcome.error for outcome in self.outcomes)

    @property
    def pareto_k(self) -> float:
        """The largest k̂; above 0.7 results aren't to be trusted."""
        return max(outcome.pareto_k for outcome in self.outcomes)

    def absolute(
        self,
        baseline: Mapping[str, Normal | float],
        treatment: str | None = None,
        time: float = 1.0,
        new_study: bool = False,
    ) -> OutcomeProbabilities:
        """The probabilities of each outcome, and of none, by ``time`` under every treatment that all outcomes connect with
        ``treatment`` (default: the reference).

        ``baseline``: for every outcome its hazard under that treatment, ``Normal(mean, sd)`` of the logarithm or a number,
        per unit of the data's time; independent of the network's data. ``new_study``: with the spread between studies.
        """
        return outcome_probabilities(self, baseline, treatment, time, new_study)

    def summary(self) -> str:
        """Every outcome's effects against the reference, heterogeneity and doubts, as text."""
        lines = [line for o in self.outcomes for line in (f"Outcome: {o.outcome}", o.summary(), "")]
        return "\n".join([*lines, *(f"Left out: {o.what}: {o.reason}" for o in self.table.left_out)]).rstrip()


def posterior_from_competing(
    table: CompetingTable,
    heterogeneity: Prior | Mapping[str, Prior] | None = None,
    effects: EffectsPrior = None,
    model: Model = "random",
    reference: str | None = None,
    level: float = 0.95,
    points: int = 2**14,
    seed: int = 1,
) -> CompetingPosterior:
    """Bayesian network meta-analysis of competing events (``read_competing``).

    ``heterogeneity``: the prior of every outcome's τ, or one for each outcome by name, which has no default
    (``HalfNormal(0.5)``, say); none with ``model="common"``. ``effects``: of every outcome's effects: None for flat, one
    prior for all effects against the reference, or one for each of some treatments (the others flat). Baselines are flat.
    ``reference``: the treatment that effects are against (default: the first by name, in each subnetwork). ``points``,
    ``seed``: of the importance sampling; results with another seed differ by ``error``.

    Raises ``DataError`` for unknown options, a prior stated for another measure, and an improper posterior.
    """
    if points < 512:
        raise DataError(f"points {points} is too few; 512 at least, a power of two best")
    given = _by_outcome(table, heterogeneity)
    for each in given:
        check_priors("HR", each, effects, model, level)
    wanted = reference if reference is not None else table.treatments[0]
    position_in(table.treatments, wanted)
    prior: Prior | Mapping[str, Prior] = Flat() if effects is None else effects
    rules = table.exposures()
    typical = np.array([rule.centre for rule in rules])
    first = np.flatnonzero(np.r_[True, table.study[1:] != table.study[:-1]])
    arms = np.split(np.arange(len(table.study)), first[1:])
    totals = table.events.sum(axis=1)
    times = []
    for own in arms:
        shifts, log_weights = together([rules[a] for a in own.tolist()])
        # A Poisson count's density has λE to the power of the events, a hazard's λ.
        times.append(Times(shifts, log_weights - shifts @ totals[own]))
    tables = [table.arms_of(m, typical).with_baseline(Flat()) for m in range(len(table.outcomes))]
    factors = []
    bases = []
    for m, own_table in enumerate(tables):
        parts = own_table.parts()
        base = wanted if wanted in own_table.treatments else parts[0][0]
        references = references_of(parts, base)
        check_named(prior, table.treatments, references)
        bases.append(base)
        for members, base_of in zip(parts, references, strict=True):
            others = [t for t in members if t != base_of]
            priors = [prior.get(t, Flat()) if isinstance(prior, Mapping) else prior for t in others]
            spread = given[m] if model == "random" else None
            try:
                part = part_posterior(own_table, members, base_of, spread, priors, _FIRST_POWER, seed)
            except DataError as error:
                raise DataError(f"outcome {table.outcomes[m]!r}: {error}") from None
            factors.append(Factor(m, part, _studies(table, own_table, part)))
    power = max(int(np.ceil(np.log2(points / 8))), 6)
    proposal = independent(factors)
    drawn = draw(factors, proposal, times, max(power - 2, 6), seed)
    for attempt in range(1, _ATTEMPTS + 1):
        proposal, _ = adapted(proposal, drawn)
        drawn = draw(factors, proposal, times, power, seed + attempt)
        _, settled = adapted(proposal, drawn)
        # A long tail of the weights widens the next proposal.
        if settled and drawn.points[0].pareto <= DOUBTFUL:
            break
    found = drawn.points
    factors = [
        replace(f, part=replace(f.part, proposal=own)) for f, own in zip(factors, proposal.of(factors), strict=True)
    ]
    sizes = [_log_size(f.part, given[f.outcome]) for f in factors]
    constant = table.constant() - float(totals @ typical)
    evidence = found[0].log_mean + sum(sizes) + constant
    outcomes, kept = [], []
    for m, name in enumerate(table.outcomes):
        places = [k for k, f in enumerate(factors) if f.outcome == m]
        finished = tuple(_finished(factors[k].part, found[k], settled, given[m]) for k in places)
        outcomes.append(
            OutcomePosterior(model, given[m], prior, bases[m], level, finished, tables[m], name, float(evidence))
        )
        kept.append(tuple(found[k] for k in places))
    return CompetingPosterior(tuple(outcomes), table, tuple(kept))


def _by_outcome(table: CompetingTable, heterogeneity: Prior | Mapping[str, Prior] | None) -> list[Prior | None]:
    if not isinstance(heterogeneity, Mapping):
        return [heterogeneity] * len(table.outcomes)
    unknown = sorted(set(heterogeneity) - set(table.outcomes))
    lacking = [name for name in table.outcomes if name not in heterogeneity]
    if unknown or lacking:
        raise DataError(
            f"heterogeneity: {'no outcome ' + unknown[0] if unknown else 'no prior for ' + lacking[0]}; give one for each "
            f"of {', '.join(table.outcomes)}"
        )
    return [heterogeneity[name] for name in table.outcomes]


def _studies(table: CompetingTable, own: ArmTable, part: ArmPart) -> tuple[IntArray, ...]:
    """For every block of a part its studies' numbers in the table."""
    inside = np.flatnonzero(np.isin(own.treatment, part.treatments))
    number = {name: k for k, name in enumerate(table.studies)}
    return tuple(
        np.array([number[own.studies[s]] for s in own.study[inside[block[:, 0]]].tolist()], dtype=np.intp)
        for block in part.evidence.blocks
    )


def _log_size(part: ArmPart, prior: Prior | None) -> float:
    """The logarithm of the integral over d and τ that the proposals stand for."""
    nodes = part.nodes
    if prior is None or isinstance(part.heterogeneity, KnownTau):
        return float(nodes.log_laplace[0])
    j = int(np.argmax(nodes.masses))
    log_prior = float(prior.logpdf(nodes.tau[j])) + float(np.log(nodes.scale * np.cosh(nodes.x[j])))
    return float(np.log(nodes.lengths[j]) + log_prior + nodes.log_laplace[j] - np.log(nodes.masses[j]))


def _finished(part: ArmPart, points: Weighted, settled: bool, prior: Prior | None) -> ArmPart:
    """The part with the joint weights."""
    effects = np.insert(points.d, part.reference, 0.0, axis=1)
    if prior is None or isinstance(part.heterogeneity, KnownTau):
        return replace(part, points=points, settled=settled, effects=effects)
    tau, points = corrected(part.nodes, points, prior)
    rule = condense(tau, _PLACES)
    return replace(
        part,
        points=points,
        settled=settled,
        heterogeneity=tau,
        effects=effects,
        tau=rule.tau,
        shares=rule.weights,
        between=between(part.nodes, rule.tau),
    )
