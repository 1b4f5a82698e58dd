"""The posterior of one connected part of a network of arms: weighted points, and distributions made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.evidence import Evidence
from equipoise.synthesis.bayes.arm_level.importance import DOUBTFUL
from equipoise.synthesis.bayes.arm_level.likelihoods import recession
from equipoise.synthesis.bayes.arm_level.sampling import (
    REPLICATES,
    Nodes,
    Proposal,
    Weighted,
    adapted,
    corrected,
    draw,
    first_proposal,
    fixed_node,
    node_error,
    tau_nodes,
)
from equipoise.synthesis.bayes.arm_level.table import ArmTable
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Flat, Prior
from equipoise.synthesis.bayes.quadrature import TauPosterior
from equipoise.synthesis.network.blocks import IntArray

_EVEN = 0.9
"""The effective share of the points below which more of them are taken."""
_FEW = 0.05
"""The effective share of the points below which results are doubtful."""
_ATTEMPTS = 12
_CELLS = 384
_FEW_CELLS = 96
_STRAIGHT = 0.03
"""The skewness given τ that is as good as none."""
_GROUPS = 120
_ENOUGH = 64
"""Points at a node from which its own mean and spread are taken, not the proposal's."""
_BANDWIDTH = 0.05
"""Of the kernel that smooths the points, in standard deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class ArmPart:
    """A connected part.

    ``treatments``: indices in the table; ``reference``: the place among them of the one with effect 0; ``tau``: the
    posterior of τ, None with a common effect; ``points``: weighted d; ``settled``: whether their
    proposal has about their mean and spread; ``effects``: shape (points, treatments), against
    the reference; ``log_evidence``: with every constant of likelihood and priors.
    """

    treatments: IntArray
    reference: int
    evidence: Evidence
    nodes: Nodes
    proposal: Proposal
    points: Weighted
    settled: bool
    tau: TauPosterior | None
    log_evidence: float
    effects: FloatArray = field(repr=False)

    @property
    def size(self) -> int:
        """The number of treatments."""
        return len(self.treatments)

    def differences(self, i: int, j: int, new_study: bool = False) -> NormalMixture:
        """The distribution of treatment i minus j, by places within the part; ``new_study``: in a new study."""
        if new_study:
            return self._predicted(i, j)
        values = self.effects[:, i] - self.effects[:, j]
        masses, means, sds, rest = self._proposed(i, j)
        mean = float(masses @ means + rest @ values)
        sd = float(np.sqrt(masses @ (sds**2 + (means - mean) ** 2) + rest @ (values - mean) ** 2))
        if self.points.effective > 0.5 * len(values):
            grid, weights, widths = _cells(values, rest, _CELLS, _BANDWIDTH * sd)
            return NormalMixture(
                np.concatenate([masses, weights]),
                np.concatenate([means, grid]),
                np.concatenate([sds, widths]),
            )
        weights = self.points.weights
        mean = float(weights @ values)
        sd = float(np.sqrt(weights @ (values - mean) ** 2))
        return _shrunk(*_cells(values, weights, _CELLS, _BANDWIDTH * sd), mean, sd)

    def _proposed(self, i: int, j: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The proposal's normal components, and what the points' weights have beyond it (sum 0)."""
        identity = np.insert(np.eye(self.size - 1), self.reference, 0.0, axis=0)
        row = (identity[i] - identity[j]) @ self.proposal.roots
        means = (identity[i] - identity[j]) @ self.proposal.modes.T + row @ self.proposal.centre
        sds = np.linalg.norm(row @ self.proposal.shape, axis=1)
        count = np.bincount(self.points.node, minlength=len(sds))
        masses = np.bincount(self.points.node, weights=self.points.weights, minlength=len(sds)).astype(float)
        rest = self.points.weights - (masses / np.maximum(count, 1))[self.points.node]
        return masses, means, np.asarray(sds, dtype=float), rest

    def _predicted(self, i: int, j: int) -> NormalMixture:
        """The effect in a new study: at every τ with the mean and spread that the points at its neighbours have."""
        if self.tau is None:
            raise DataError("a common-effect model predicts no spread between studies; take the random-effects model")
        points = self.points
        values = self.effects[:, i] - self.effects[:, j]
        masses, means, sds, _ = self._proposed(i, j)
        count = np.bincount(points.node, minlength=len(means))
        known = (count >= _ENOUGH) & (masses > 0)
        share = points.weights / np.where(masses > 0, masses, 1.0)[points.node]
        own = np.bincount(points.node, share * values, len(means))
        square = np.bincount(points.node, share * (values - own[points.node]) ** 2, len(means))
        means, variances = np.where(known, own, means), np.where(known, square, sds**2)
        tau, weights = _grouped(self.tau.tau, self.tau.weights)
        x = np.arcsinh(tau / self.nodes.scale)
        mean, variance = (np.interp(x, self.nodes.x, of) for of in (means, variances))
        y = (values - means[points.node]) / np.sqrt(variances)[points.node]
        if abs(float(points.weights @ y**3)) < _STRAIGHT:
            return NormalMixture(weights, mean, np.sqrt(variance + tau**2))
        # Skew: the points' common shape about their nodes' means takes the normal's place.
        shape = _shrunk(*_cells(y, points.weights, _FEW_CELLS), 0.0, 1.0)
        sd = np.sqrt(variance)[:, None]
        spread = np.hypot(shape.sds * sd, tau[:, None])
        return NormalMixture(
            np.outer(weights, shape.weights).ravel(), (mean[:, None] + sd * shape.means).ravel(), spread.ravel()
        )

    def error(self) -> float:
        """How far P(effect ≤ q) may be off, q the 2.5, 50 and 97.5 % quantiles of a basic parameter.

        Three standard errors by the spread between the independently scrambled replicates, and what the nodes of τ
        leave of its quadrature.
        """
        worst = 0.0
        for i in range(self.size):
            if i == self.reference:
                continue
            values = self.effects[:, i] - self.effects[:, self.reference]
            smooth = self.points.effective > 0.5 * len(values)
            *_, rest = self._proposed(i, self.reference)
            weights = rest if smooth else self.points.weights
            for q in weighted_quantiles(values, self.points.weights, np.array([0.025, 0.5, 0.975])):
                worst = max(worst, 3.0 * replicate_error((values <= q).astype(float), weights, self.points))
        if self.tau is None:
            return worst
        masses = np.bincount(self.points.node, self.points.weights, len(self.nodes.tau)).astype(float)
        return worst + self.tau.error + 0.4 * node_error(self.nodes, masses, self.tau)


def replicate_error(values: FloatArray, weights: FloatArray, points: Weighted) -> float:
    """The standard error of Σ weight·value from the replicates."""
    sums = np.bincount(points.replicate, weights=weights * values, minlength=REPLICATES)
    totals = np.bincount(points.replicate, weights=points.weights, minlength=REPLICATES)
    centre = float(points.weights @ values) if weights is points.weights else 0.0
    each = (sums - centre * totals) * REPLICATES
    return float(np.std(each, ddof=1) / np.sqrt(REPLICATES))


def weighted_quantiles(values: FloatArray, weights: FloatArray, p: FloatArray) -> FloatArray:
    """Quantiles of weighted points."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return np.asarray(values[order][np.minimum(np.searchsorted(reached, p), len(values) - 1)])


def _cells(
    values: FloatArray, weights: FloatArray, cells: int, bandwidth: float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A grid, what falls to its points when weights are shared linearly, and the kernels' widths."""
    low = float(values.min())
    step = max((float(values.max()) - low) / cells, 1e-12 * (1.0 + abs(low)))
    place = (values - low) / step
    cell = np.clip(place.astype(np.intp), 0, cells - 1)
    share = place - cell
    binned = np.bincount(cell, weights * (1.0 - share), cells + 1) + np.bincount(cell + 1, weights * share, cells + 1)
    kept = np.flatnonzero(binned)
    grid = np.asarray(low + step * kept, dtype=float)
    return grid, binned[kept].astype(float), np.full(len(grid), max(bandwidth, 1.5 * step))


def _grouped(tau: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Neighbouring nodes of τ put together, each group with the mean square of its members."""
    group = np.floor(np.cumsum(weights) * _GROUPS - 1e-9).astype(np.intp)
    group = np.unique(np.clip(group, 0, _GROUPS), return_inverse=True)[1]
    mass = np.bincount(group, weights)
    square = np.bincount(group, weights * tau**2)
    kept = mass > 0
    return np.sqrt(square[kept] / mass[kept]), mass[kept] / mass[kept].sum()


def _shrunk(grid: FloatArray, weights: FloatArray, widths: FloatArray, mean: float, sd: float) -> NormalMixture:
    """The mixture with its components drawn towards the mean, so that smoothing adds no variance."""
    inner = float(weights @ (grid - mean) ** 2)
    wanted = sd**2 - float(weights @ widths**2)
    factor = float(np.sqrt(max(wanted, 0.0) / inner)) if inner > 0 else 1.0
    return NormalMixture(weights, mean + (grid - mean) * factor, widths)


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
    evidence = evidence.with_curves()
    if heterogeneity is None:
        evidence, nodes = fixed_node(evidence)
    else:
        evidence, nodes = tau_nodes(evidence, heterogeneity)
    proposal = first_proposal(nodes.modes)
    for attempt in range(_ATTEMPTS):
        first = draw(evidence, nodes, proposal, max(power - 3, 5), seed + attempt, rough=True)
        proposal, settled = adapted(proposal, first)
        if settled:
            break
    points = draw(evidence, nodes, proposal, power, seed + _ATTEMPTS)
    better, settled = adapted(proposal, points)
    if points.effective < _EVEN * len(points.weights) or not settled:
        proposal = better
        points = draw(evidence, nodes, proposal, power + 2, seed + _ATTEMPTS + 1)
        _, settled = adapted(proposal, points)
    tau = None
    total = points.log_mean + float(nodes.log_laplace[0])
    if heterogeneity is not None:
        tau, points = corrected(nodes, points, heterogeneity)
        total = tau.log_evidence
    arms = part.likelihood
    total += float(arms.constant().sum())
    carried = arms.precision[arms.precision > 0]
    total += float(0.5 * (np.log(carried) - np.log(2.0 * np.pi)).sum())
    effects = np.insert(points.d, place, 0.0, axis=1)
    indices = np.array([table.treatments.index(t) for t in part.treatments], dtype=np.intp)
    return ArmPart(indices, place, evidence, nodes, proposal, points, settled, tau, total, effects)


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


def doubts(part: ArmPart, name: str) -> list[str]:
    """What to doubt, in words."""
    points = part.points
    lines = [
        f"Integration{name}: {len(points.weights)} points, effective sample size {points.effective:.0f}, "
        f"Pareto k {'< 0' if points.pareto < 0 else f'{points.pareto:.2f}'}."
    ]
    if points.pareto > DOUBTFUL or points.effective < _FEW * len(points.weights) or not part.settled:
        lines.append(
            f"Doubtful{name}: the weights of the points vary too much (Pareto k above {DOUBTFUL:g}, or few effective points); "
            "give a more informative prior for the effects, or sample the model: equipoise.synthesis.bayes.nuts.sample."
        )
    return lines
