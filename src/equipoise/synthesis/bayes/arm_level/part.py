"""The posterior of one connected part of a network of arms: weighted points, and distributions made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.evidence import Evidence
from equipoise.synthesis.bayes.arm_level.importance import DOUBTFUL, Weighted
from equipoise.synthesis.bayes.arm_level.likelihoods import recession
from equipoise.synthesis.bayes.arm_level.proposals import Proposal, adapted, first_proposal, skewed
from equipoise.synthesis.bayes.arm_level.sampling import (
    REPLICATES,
    AnyIntegrand,
    Nodes,
    between,
    corrected,
    draw,
    fixed_node,
    tau_nodes,
)
from equipoise.synthesis.bayes.arm_level.smoothing import by_scores, cells
from equipoise.synthesis.bayes.arm_level.table import ArmTable
from equipoise.synthesis.bayes.condense import TauNodes, condense
from equipoise.synthesis.bayes.known_tau import KnownTau
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Flat, Prior
from equipoise.synthesis.network.blocks import IntArray

_EVEN = 0.9
"""The effective share of the points below which more of them are taken."""
_FEW = 0.05
"""The effective share of the points below which results are doubtful."""
_WRONG = 0.005
"""The error of a probability from which results are doubtful."""
_ATTEMPTS = 12
_REFINED = 5
"""How often the proposal of skew directions is adapted at most."""
_UNEVEN = 1e-4
"""How far probabilities of skew distributions may be off by few nodes of τ."""
_REDRAWN = 3
"""How often all points are taken with it at most."""
_STEADY = 0.94
"""The effective share of the points from which on it is adapted no more."""
_CELLS = 384
_FEW_CELLS = 48
_PLACES = 48
"""Of τ's rule."""
_STRAIGHT = 0.03
"""The skewness given τ that is as good as none."""
_ENOUGH = 64
"""Points at a node from which its own mean and spread are taken, not the proposal's."""
_BANDWIDTH = 0.05
"""Of the kernel that smooths the points, in standard deviations or normal scores."""
_BROAD = 0.2
"""As ``_BANDWIDTH``, of few cells."""


@dataclass(frozen=True, slots=True, eq=False)
class WeightedPart(Generic[AnyIntegrand]):
    """A connected part. ``priors``: of the effects against the reference.

    ``treatments``: indices in the table; ``reference``: the place among them of the one with effect 0;
    ``heterogeneity``: the posterior of τ; ``points``: weighted d; ``settled``: whether their proposal has about their mean
    and spread; ``effects``: shape (points, treatments), against the reference. ``tau``, ``shares``: shape (k,), a rule for
    expectations over τ; ``between``: (k, nodes), takes values at the nodes to its places.

    A difference of effects is distributed as its proposals at the rule's places, normal, and what the points' weights say
    beyond that.
    """

    treatments: IntArray
    reference: int
    evidence: AnyIntegrand
    priors: tuple[Prior, ...]
    nodes: Nodes
    proposal: Proposal
    points: Weighted
    settled: bool
    heterogeneity: Heterogeneity
    effects: FloatArray = field(repr=False)
    tau: FloatArray = field(repr=False)
    shares: FloatArray = field(repr=False)
    between: FloatArray = field(repr=False)

    @property
    def size(self) -> int:
        """The number of treatments."""
        return len(self.treatments)

    @property
    def components(self) -> int:
        """How many numbers stand for a posterior."""
        return len(self.points.weights)

    @property
    def effects_tail(self) -> float:
        """Moments of effects of this order and above don't exist: with flat priors their variance grows as τ² does."""
        return self.heterogeneity.tail if any(isinstance(p, Flat) for p in self.priors) else np.inf

    @property
    def even(self) -> bool:
        """Whether the proposals are normal and the points' weights vary so little that they are a part of the result."""
        return not self.proposal.skew and self.points.effective > 0.5 * len(self.points.weights)

    def differences(self, rows: IntArray | int, columns: IntArray | int, new_study: bool = False) -> NormalMixture:
        """Effects of treatments ``rows`` minus ``columns`` (places in the part); ``new_study``: in a study to come."""
        i, j = np.atleast_1d(np.asarray(rows, dtype=np.intp)), np.atleast_1d(np.asarray(columns, dtype=np.intp))
        found = self._predicted(i, j) if new_study else self._differences(i, j)
        found = replace(found, tail=self.heterogeneity.tail if new_study else self.effects_tail)
        return found if np.ndim(rows) or np.ndim(columns) else found.take(0)

    def _differences(self, i: IntArray, j: IntArray) -> NormalMixture:
        values = self.effects[:, i] - self.effects[:, j]
        if not self.even:
            return self.distribution(values)
        weights = self.points.weights
        sd = np.sqrt(weights @ (values - weights @ values) ** 2)
        means, sds = self._proposed(i, j)
        grid, rest, widths = cells(values, self._rest(), _CELLS, _BANDWIDTH * sd)
        shares = np.broadcast_to(self.shares[:, None], (len(self.shares), len(i)))
        return NormalMixture(
            np.concatenate([shares, rest]),
            np.concatenate([self.between @ means, grid]),
            np.concatenate([np.exp(self.between @ np.log(sds)), widths]),
        )

    def _proposed(self, i: IntArray, j: IntArray) -> tuple[FloatArray, FloatArray]:
        """Means and standard deviations of the proposals at the nodes, shape (nodes, q)."""
        identity = np.insert(np.eye(self.size - 1, self.proposal.modes.shape[1]), self.reference, 0.0, axis=0)
        pick = identity[i] - identity[j]
        rows = pick @ self.proposal.roots
        means = self.proposal.modes @ pick.T + rows @ self.proposal.centre
        return means, np.linalg.norm(rows @ self.proposal.shape, axis=2)

    def _rest(self) -> FloatArray:
        """What the points' weights have beyond the proposals; their sum is 0 at every node."""
        points = self.points
        count = np.bincount(points.node, minlength=len(self.nodes.tau))
        return points.weights - (self._masses() / np.maximum(count, 1))[points.node]

    def _masses(self) -> FloatArray:
        return np.bincount(self.points.node, self.points.weights, len(self.nodes.tau)).astype(float)

    def distribution(self, values: FloatArray) -> NormalMixture:
        """The distribution of functions of the parameters, given at the points, shape (points, q)."""
        return by_scores(values, self.points.weights, _CELLS, _BANDWIDTH)

    def _predicted(self, i: IntArray, j: IntArray) -> NormalMixture:
        """The effect in a new study: at every τ with the mean and spread that the points at its neighbours have."""
        if isinstance(self.heterogeneity, KnownTau):
            raise DataError("a common-effect model predicts no spread between studies; take the random-effects model")
        points, many = self.points, len(self.nodes.tau)
        values = self.effects[:, i] - self.effects[:, j]
        masses, count = self._masses(), np.bincount(points.node, minlength=many)
        means, sds = self._proposed(i, j)
        known = (count >= _ENOUGH) & (masses > 0)
        share = points.weights / np.where(masses > 0, masses, 1.0)[points.node]
        gather = csr_array((share, (points.node, np.arange(len(share)))), shape=(many, len(share)))
        own = np.where(known[:, None], np.asarray(gather @ values), means)
        square = np.asarray(gather @ (values - own[points.node]) ** 2)
        variances = np.where(known[:, None], square, sds**2)
        x, at = np.arcsinh(self.tau / self.nodes.scale), self.nodes.x
        moved = np.stack([np.interp(x, at, column) for column in (own - means).T], axis=1)
        grown = np.stack([np.interp(x, at, column) for column in np.log(variances / sds**2).T], axis=1)
        mean = self.between @ means + moved
        variance = np.exp(2.0 * (self.between @ np.log(sds)) + grown)
        tau = self.tau[:, None]
        if not self._skew():
            return NormalMixture(self.shares, mean, np.sqrt(variance + tau**2))
        # Skew: the points' common shape about their nodes' means takes the normal's place.
        y = (values - own[points.node]) / np.sqrt(variances)[points.node]
        shape = by_scores(y, points.weights, _FEW_CELLS, _BROAD)
        sd = np.sqrt(variance)[:, None]
        spread = np.hypot(shape.sds * sd, tau[:, :, None])
        weights = self.shares[:, None, None] * shape.weights
        flat = (-1, len(i))
        return NormalMixture(
            weights.reshape(flat), (mean[:, None] + sd * shape.means).reshape(flat), spread.reshape(flat)
        )

    def _skew(self) -> bool:
        """Whether any basic parameter is noticeably skew, given τ."""
        points = self.points
        masses = self._masses()
        share = points.weights / np.where(masses > 0, masses, 1.0)[points.node]
        gather = csr_array((share, (points.node, np.arange(len(share)))), shape=(len(masses), len(share)))
        y = points.d - np.asarray(gather @ points.d)[points.node]
        sd = np.sqrt(points.weights @ y**2)
        return bool(np.abs(points.weights @ y**3 / sd**3).max() >= _STRAIGHT)

    def errors(self, rows: IntArray, columns: IntArray, pairs: NormalMixture, points: FloatArray) -> FloatArray:
        """How far the probabilities of ``pairs``, rows minus columns, may be off at ``points``, (s, q), at worst: (q,).

        Three standard errors by the spread between the independently scrambled replicates, and what the nodes of τ
        leave of its quadrature.
        """
        values = self.effects[:, rows] - self.effects[:, columns]
        weights = self._rest() if self.even else self.points.weights
        means, sds = self._proposed(rows, columns)
        masses = self._masses()
        coarse, fine = (
            np.tensordot(w, ndtr((points - m[:, None]) / s[:, None]), axes=1)
            for w, m, s in (
                (masses, means, sds),
                (self.shares, self.between @ means, np.exp(self.between @ np.log(sds))),
            )
        )
        apart = np.abs(coarse - fine)
        if self.even:
            # The proposals are summed by the finer rule; only what is beyond them is by the nodes.
            apart *= 0.5 * np.abs(weights).sum()
        worst = np.zeros(len(rows))
        for q, off in zip(points, apart, strict=True):
            worst = np.maximum(worst, 3.0 * replicate_error(values <= q, weights, self.points) + off)
        return np.asarray(worst + self.heterogeneity.error + self._beyond())

    def _beyond(self) -> float:
        """The probability of a τ beyond the nodes."""
        if isinstance(self.heterogeneity, KnownTau):
            return 0.0
        return float(1.0 - self.heterogeneity.cdf(self.nodes.tau[-1]))

    def draws(self, n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draws of τ, (n,), and of the effects, (n, treatments), by resampling: at a τ between two nodes, a point of
        either."""
        points = self.points
        if isinstance(self.heterogeneity, KnownTau):
            chosen = random.choice(len(points.weights), size=n, p=points.weights)
            return np.zeros(n), self.effects[chosen]
        tau = self.heterogeneity.quantile(random.random(n))
        there = np.flatnonzero(self._masses() > 0)
        x, at = np.arcsinh(tau / self.nodes.scale), self.nodes.x[there]
        right = np.clip(np.searchsorted(at, x), 1, len(at) - 1) if len(at) > 1 else np.zeros(n, dtype=np.intp)
        left = np.maximum(right - 1, 0)
        share = np.clip((x - at[left]) / np.maximum(at[right] - at[left], 1e-300), 0.0, 1.0)
        node = there[np.where(random.random(n) < share, right, left)]
        effects = np.empty((n, self.size))
        for j in np.unique(node).tolist():
            wanted = np.flatnonzero(node == j)
            members = np.flatnonzero(points.node == j)
            p = points.weights[members] / points.weights[members].sum()
            effects[wanted] = self.effects[random.choice(members, size=len(wanted), p=p)]
        return tau, effects


ArmPart = WeightedPart[Evidence]


def replicate_error(values: Any, weights: FloatArray, points: Weighted) -> FloatArray:
    """The standard errors of Σ weight·value from the replicates; ``values``: shape (points, q)."""
    gather = csr_array((weights, (points.replicate, np.arange(len(weights)))), shape=(REPLICATES, len(weights)))
    sums = gather @ np.asarray(values, dtype=float)
    totals = np.bincount(points.replicate, weights=points.weights, minlength=REPLICATES)
    centre = sums.sum(axis=0) if weights is points.weights else np.zeros(sums.shape[1])
    each = (sums - totals[:, None] * centre) * REPLICATES
    return np.asarray(each.std(axis=0, ddof=1) / np.sqrt(REPLICATES))


def part_posterior(
    table: ArmTable,
    members: Sequence[str],
    reference: str,
    heterogeneity: Prior | None,
    priors: Sequence[Prior],
    power: int,
    seed: int,
) -> ArmPart:
    """The posterior of the treatments ``members``; ``priors``: of each against ``reference``, which has none."""
    inside = np.isin(np.array(table.treatments)[table.treatment], members)
    part = table.keep(inside)
    place = part.treatments.index(reference)
    evidence = Evidence(part.likelihood, part.treatment, part.blocks(), len(part.treatments), place, tuple(priors))
    _check_proper(part, evidence)
    indices = np.array([table.treatments.index(t) for t in part.treatments], dtype=np.intp)
    constant = float(part.likelihood.constants().sum())
    return integrated_part(evidence.with_curves(), indices, place, tuple(priors), heterogeneity, constant, power, seed)


def integrated_part(
    evidence: AnyIntegrand,
    treatments: IntArray,
    reference: int,
    priors: tuple[Prior, ...],
    heterogeneity: Prior | None,
    constant: float,
    power: int,
    seed: int,
) -> WeightedPart[AnyIntegrand]:
    """The posterior of a part whose first parameters are the effects against its treatment ``reference``.

    ``constant``: added to the logarithm of the evidence; ``power``: of two, the points of each replicate.
    """
    evidence, nodes = fixed_node(evidence) if heterogeneity is None else tau_nodes(evidence, heterogeneity)
    evidence, nodes, proposal, points, settled = _points(evidence, nodes, priors, heterogeneity, power, seed)
    found: Heterogeneity
    if heterogeneity is None:
        found = KnownTau(points.log_mean + float(nodes.log_laplace[0]) + constant)
        rule = TauNodes(np.zeros(1), np.ones(1), np.zeros((2, 1)))
    else:
        tau, points = corrected(nodes, points, heterogeneity)
        found, rule = replace(tau, log_evidence=tau.log_evidence + constant), condense(tau, _PLACES)
    effects = np.insert(points.d[:, : len(treatments) - 1], reference, 0.0, axis=1)
    to_places = between(nodes, rule.tau)
    return WeightedPart(
        treatments,
        reference,
        evidence,
        priors,
        nodes,
        proposal,
        points,
        settled,
        found,
        effects,
        rule.tau,
        rule.weights,
        to_places,
    )


def _points(
    evidence: AnyIntegrand,
    nodes: Nodes,
    priors: Sequence[Prior],
    heterogeneity: Prior | None,
    power: int,
    seed: int,
) -> tuple[AnyIntegrand, Nodes, Proposal, Weighted, bool]:
    """Weighted points, the nodes and the proposal that they are from, and whether it has about their mean and spread."""
    proposal = first_proposal(nodes.modes)
    for attempt in range(_ATTEMPTS):
        first = draw(evidence, nodes, proposal, max(power - 3, 5), seed + attempt, rough=True)
        proposal, settled = adapted(proposal, first)
        if settled:
            break
    points = draw(evidence, nodes, proposal, power, seed + _ATTEMPTS)
    better, settled = adapted(proposal, points)
    if points.effective >= _EVEN * len(points.weights) and settled:
        return evidence, nodes, proposal, points, settled
    proposal = better
    skew = skewed(nodes.modes, points, priors)
    if skew is not None:
        proposal = skew
        if heterogeneity is not None:
            # Skew distributions aren't summed by a finer rule between the nodes.
            evidence, nodes = tau_nodes(evidence, heterogeneity, _UNEVEN)
            proposal = proposal.at(nodes.modes)
        for attempt in range(_REFINED):
            points = draw(evidence, nodes, proposal, power - 1, seed + 2 * _ATTEMPTS + attempt, rough=True)
            proposal, _ = adapted(proposal, points)
            if points.effective > _STEADY * len(points.weights):
                break
    attempt = 0
    while True:
        attempt += 1
        points = draw(evidence, nodes, proposal, power + 2, seed + _ATTEMPTS + attempt)
        better, settled = adapted(proposal, points)
        good = settled and points.pareto < DOUBTFUL and points.effective > _EVEN * len(points.weights)
        if good or not proposal.skew or attempt == _REDRAWN:
            return evidence, nodes, proposal, points, settled
        proposal = better


def _check_proper(table: ArmTable, evidence: Evidence) -> None:
    """Raise ``DataError`` where a direction of flat effects exists along which the likelihood doesn't fall.

    A log-concave function has a finite integral unless it has such a direction; they form a cone, searched by linear
    programming.
    """
    flat = [isinstance(prior, Flat) for prior in evidence.priors]
    low, high = recession(evidence.likelihood)
    if not any(flat) or not (low | high).any():
        return
    studies = len(table.studies)
    columns = np.delete(np.eye(evidence.count), evidence.reference, axis=1)[table.treatment]
    change = np.concatenate([columns, np.eye(studies)[table.study]], axis=1)
    held = ~(low | high) | (evidence.likelihood.precision > 0)
    # Along the direction η of an arm without events must not grow, of one with nothing but events must not fall.
    sign = np.where(low, 1.0, -1.0)[:, None]
    free = ~held
    bounds = [(-1.0, 1.0) if f else (0.0, 0.0) for f in flat] + [(-3.0, 3.0)] * studies
    signed = sign[free] * change[free]
    found = linprog(
        signed.sum(axis=0),
        A_ub=signed,
        b_ub=np.zeros(int(free.sum())),
        A_eq=change[held] if held.any() else None,
        b_eq=np.zeros(int(held.sum())) if held.any() else None,
        bounds=bounds,
    )
    if found.status != 0 or found.x is None:
        return
    moving = np.flatnonzero(np.abs(found.x[: evidence.dimension]) > 1e-7)
    if not len(moving):
        return
    basic = [t for k, t in enumerate(table.treatments) if k != evidence.reference]
    raise DataError(
        f"the data don't limit the effect of {', '.join(basic[k] for k in moving)} against "
        f"{table.treatments[evidence.reference]}: no events, or nothing but events, where it is compared, so that under a "
        "flat prior the posterior is improper; give a proper prior, as effects=Normal(0, 2)"
    )


def doubts(part: WeightedPart[Any], name: str, error: float, sampler: bool = True) -> list[str]:
    """What to doubt, in words; ``sampler``: whether the model can be sampled as well."""
    points = part.points
    lines = [
        f"Integration{name}: {len(points.weights)} points, effective sample size {points.effective:.0f}, "
        f"Pareto k {'< 0' if points.pareto < 0 else f'{points.pareto:.2f}'}."
    ]
    if points.pareto > DOUBTFUL or points.effective < _FEW * len(points.weights) or not part.settled:
        lines.append(
            f"Doubtful{name}: the weights of the points vary too much (Pareto k above {DOUBTFUL:g}, or few effective points); "
            "give a more informative prior for the effects"
            + (", or sample the model: equipoise.synthesis.bayes.nuts.sample." if sampler else ".")
        )
    elif error > _WRONG:
        lines.append(
            f"Doubtful{name}: probabilities may be wrong by {error:.1g}; take more points, or a shorter-tailed prior."
        )
    elif error > 1e-3:
        lines.append(f"Probabilities{name} may be wrong by {error:.1g}.")
    return lines
