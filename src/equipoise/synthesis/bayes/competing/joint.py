"""Points of all outcomes' effects and heterogeneities together, weighted by the exact likelihood.

Given the time at risk the outcomes are independent, and that time is nearly known: each outcome's own Poisson model with a
typical time at risk proposes the nodes of its τ and, given them, effects, whose means and covariances across outcomes are then
adapted; the weights bring in the rest of what ties the outcomes together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.curves import smoothed
from equipoise.synthesis.bayes.arm_level.evidence import Evidence
from equipoise.synthesis.bayes.arm_level.importance import (
    Weighted,
    effective_size,
    normal_points,
    points,
    smooth_weights,
)
from equipoise.synthesis.bayes.arm_level.integrals import MIDDLE, study_values
from equipoise.synthesis.bayes.arm_level.part import ArmPart
from equipoise.synthesis.bayes.arm_level.polynomials import chebyshev_products, exponents
from equipoise.synthesis.bayes.arm_level.proposals import Proposal
from equipoise.synthesis.bayes.arm_level.sampling import REPLICATES
from equipoise.synthesis.network.blocks import IntArray

_CELLS = 160
_GROWN = 1.5
"""How many times as large as the proposal's the points' variance may be."""
_LONG_TAIL = 0.4
"""The k̂ from which the proposal is widened."""
_DEGREES = {2: 7, 3: 5}
_LEAST = 3
_ACROSS = {1: 5, 2: 4}
"""How many shifts there are for every contrast of a study with so many."""


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """One outcome in one connected part of its network.

    ``outcome``: its number; ``part``: its Poisson model's posterior; ``studies``: for each block of the evidence the
    studies' numbers in the table, (k,).
    """

    outcome: int
    part: ArmPart
    studies: tuple[IntArray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """A study's rule for the time at risk: ``shifts``, (nodes, arms), of its logarithm; ``log_weights``, (nodes,)."""

    shifts: FloatArray
    log_weights: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class JointProposal:
    """The factors' own proposals take z to d; z of all of them in turn is normal, centre + shape·u.

    ``centre``: shape (p,); ``shape``: (p, p).
    """

    centre: FloatArray
    shape: FloatArray

    def of(self, factors: Sequence[Factor]) -> list[Proposal]:
        """Every factor's own, the others integrated out; one that is skew stays as it is."""
        ends = np.cumsum([factor.part.evidence.dimension for factor in factors])
        covariance = self.shape @ self.shape.T
        found = []
        for factor, end in zip(factors, ends.tolist(), strict=True):
            own, proposal = slice(end - factor.part.evidence.dimension, end), factor.part.proposal
            if not proposal.skew:
                centre = proposal.centre + proposal.shape @ self.centre[own]
                shape = proposal.shape @ np.linalg.cholesky(covariance[own, own])
                proposal = replace(proposal, centre=centre, shape=shape)
            found.append(proposal)
        return found


def independent(factors: Sequence[Factor]) -> JointProposal:
    """The factors' own proposals."""
    size = sum(factor.part.evidence.dimension for factor in factors)
    return JointProposal(np.zeros(size), np.eye(size))


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """``points``: of every factor, all with the same weights; ``z``: shape (points, p)."""

    points: list[Weighted]
    z: FloatArray


def draw(factors: Sequence[Factor], proposal: JointProposal, times: Sequence[Times], power: int, seed: int) -> Drawn:
    """2^``power`` points in each of the replicates, weighted."""
    count = len(factors)
    uniform = points(REPLICATES, power, count + len(proposal.centre), seed)
    replicate = np.repeat(np.arange(REPLICATES), uniform.shape[1])
    flat = uniform.reshape(-1, uniform.shape[2])
    u = normal_points(flat[:, count:])
    z = proposal.centre + u @ proposal.shape.T
    # The factors' densities take z for standard normal.
    ratio = 0.5 * ((u * u).sum(axis=1) - (z * z).sum(axis=1)) + np.linalg.slogdet(proposal.shape)[1]
    placed, start = [], 0
    for number, factor in enumerate(factors):
        part = factor.part
        own = z[:, start : start + part.evidence.dimension]
        start += part.evidence.dimension
        node = np.minimum(np.searchsorted(np.cumsum(part.nodes.masses), flat[:, number]), len(part.nodes.masses) - 1)
        d, density = part.proposal.place(own, node)
        ratio += part.evidence.log_prior(d) - density - part.nodes.log_laplace[node]
        placed.append((d, node))
    ratio += _log_likelihood(factors, times, placed)
    weights, pareto = smooth_weights(ratio)
    log_mean = float(logsumexp(ratio) - np.log(len(ratio)))
    size = effective_size(weights)
    return Drawn([Weighted(d, node, weights, replicate, log_mean, pareto, size, 0.0) for d, node in placed], z)


def adapted(proposal: JointProposal, found: Drawn) -> tuple[JointProposal, bool]:
    """The proposal with the mean and covariance of the weighted points, and whether it had them before, about.

    As ``arm_level.proposals.adapted``: wider where the weights have a long tail.
    """
    weights, pareto = found.points[0].weights, found.points[0].pareto
    size = len(proposal.centre)
    centre = weights @ found.z
    off = found.z - centre
    covariance = (off * weights[:, None]).T @ off
    moved = np.linalg.solve(proposal.shape, centre - proposal.centre)
    grown = np.linalg.solve(proposal.shape, np.linalg.solve(proposal.shape, covariance).T)
    settled = bool(np.abs(moved).max() < 0.5 and np.linalg.eigvalsh(grown).max() < _GROWN)
    if pareto > _LONG_TAIL:
        covariance = covariance * (1.0 + 0.25 / np.sqrt(size)) ** 2
    covariance = covariance + 1e-6 * np.trace(covariance) / size * np.eye(size)
    return JointProposal(centre, np.asarray(np.linalg.cholesky(covariance), dtype=float)), settled


def _log_likelihood(
    factors: Sequence[Factor], times: Sequence[Times], placed: Sequence[tuple[FloatArray, NDArray[np.intp]]]
) -> FloatArray:
    """The logarithm of the studies' likelihoods at the points, shape (points,)."""
    count = len(placed[0][0])
    sources: list[list[tuple[int, int, int]]] = [[] for _ in times]
    orders, groups, curves = [], [], []
    for number, (factor, (d, node)) in enumerate(zip(factors, placed, strict=True)):
        # In the order of the nodes.
        order = np.argsort(node, kind="stable")
        orders.append(order)
        groups.append(_groups(node[order], len(factor.part.nodes.tau)))
        widest = []
        for block, studies in enumerate(factor.studies):
            for k, study in enumerate(studies.tolist()):
                sources[study].append((number, block, k))
            if factor.part.evidence.blocks[block].shape[1] == 2:
                widest = [np.ptp(times[study].shifts, axis=1).max() for study in studies.tolist()]
        curves.append(_curves(factor.part, d[order], groups[-1], np.array(widest)))
    total = np.zeros(count)
    for study, found in zip(times, sources, strict=True):
        if not found:
            continue
        shifts, to_nodes = _between_shifts(study.shifts[:, 1:] - study.shifts[:, :1])
        each = np.zeros((count, len(shifts)))
        for number, block, k in found:
            part, order = factors[number].part, orders[number]
            arms = part.evidence.blocks[block][k]
            design = part.evidence.design(arms[None])[0]
            s = (placed[number][0] @ (design[1:] - design[0]).T)[order]
            terms = np.empty(each.shape)
            for place, (j, here) in enumerate(groups[number]):
                if len(arms) == 2:
                    terms[here] = curves[number][place].at(s[here] + shifts[:, 0], k)
                else:
                    terms[here] = _more_arms(part.evidence, arms, s[here], shifts, float(part.nodes.tau[j]))
            each[order] += terms
        total += logsumexp(each @ to_nodes + study.log_weights, axis=1)
    return total


def _between_shifts(wanted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A few shifts, (k, contrasts), and the matrix, (k, q), that takes a function's values there to those at ``wanted``.

    They are so small that a polynomial through Chebyshev points is as good as the logarithm of a likelihood itself.
    """
    contrasts = wanted.shape[1]
    low, high = wanted.min(axis=0), wanted.max(axis=0)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    across = _ACROSS.get(contrasts, 3)
    axes = [np.cos(np.pi * (np.arange(across) + 0.5) / across) if h > 0 else np.zeros(1) for h in half.tolist()]
    places = np.array(list(product(*axes)))
    matrix = np.ones((len(places), len(wanted)))
    for axis, nodes in enumerate(axes):
        if len(nodes) == 1:
            continue
        powers = np.polynomial.chebyshev.chebvander((wanted[:, axis] - middle[axis]) / half[axis], across - 1)
        weights = powers @ np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, across - 1))
        matrix *= weights[:, np.searchsorted(-nodes, -places[:, axis])].T
    return middle + half * places, matrix


@dataclass(frozen=True, slots=True, eq=False)
class _Splines:
    """log g of two-arm studies at one τ: ``low``, ``step``: (k,); ``cubics``: (4, cells, k), highest power first."""

    low: FloatArray
    step: FloatArray
    cubics: FloatArray

    def at(self, s: FloatArray, study: int) -> FloatArray:
        place = (s - self.low[study]) / self.step[study]
        cell = np.clip(place.astype(np.intp), 0, self.cubics.shape[1] - 1)
        x = place - cell
        a, b, c, e = self.cubics[:, :, study]
        return np.asarray(((a[cell] * x + b[cell]) * x + c[cell]) * x + e[cell])


def _curves(part: ArmPart, d: FloatArray, groups: Sequence[tuple[int, slice]], widest: FloatArray) -> list[_Splines]:
    """Splines at every node that has points, so far as the points and shifts up to ``widest``, (k,), reach."""
    evidence = part.evidence
    pairs = [block for block in evidence.blocks if block.shape[1] == 2]
    if not pairs or evidence.curves is None:
        return []
    design = evidence.design(pairs[0])
    s = d @ (design[:, 1] - design[:, 0]).T
    unit = np.arange(_CELLS + 1.0)
    found = []
    for j, here in groups:
        low, high = s[here].min(axis=0) - widest, s[here].max(axis=0) + widest
        step = np.maximum(high - low, 1e-6) / _CELLS
        heights = smoothed(evidence.curves, low + step * unit[:, None], np.full(len(unit), part.nodes.tau[j]))[0]
        found.append(_Splines(low, step, np.ascontiguousarray(CubicSpline(unit, heights).c)))
    return found


def _groups(node: NDArray[np.intp], count: int) -> list[tuple[int, slice]]:
    """Which nodes have points, and where they are among those sorted by node."""
    ends = np.searchsorted(node, np.arange(count + 1))
    return [(j, slice(int(ends[j]), int(ends[j + 1]))) for j in range(count) if ends[j + 1] > ends[j]]


def _more_arms(evidence: Evidence, arms: IntArray, s: FloatArray, shifts: FloatArray, tau: float) -> FloatArray:
    """log g of a study with more ``arms`` at contrasts ``s``, shape (points, arms − 1), plus each of the ``shifts``, (q,
    arms − 1): by a polynomial fitted over them.
    """
    likelihood = evidence.likelihood.take(arms[None])
    powers = exponents(s.shape[1], _DEGREES.get(s.shape[1], _LEAST))
    wanted = 3 * len(powers)
    low, high = s.min(axis=0) + shifts.min(axis=0), s.max(axis=0) + shifts.max(axis=0)
    middle, half = 0.5 * (low + high), np.maximum(0.5 * (high - low), 1e-9)
    if len(s) <= wanted:
        at = (s[:, None] + shifts).reshape(-1, s.shape[1])
    else:
        # Points from everywhere and the outermost ones, each with some of the shifts.
        radius = np.abs((s - s.mean(axis=0)) / np.maximum(s.std(axis=0), 1e-12)).max(axis=1)
        outermost = np.argpartition(-radius, len(powers))[: len(powers)]
        chosen = np.r_[outermost, np.linspace(0, len(s) - 1, wanted - len(powers)).astype(np.intp)]
        at = s[chosen] + shifts[np.arange(wanted) * 7 % len(shifts)]
    wide = np.concatenate([np.zeros((len(at), 1)), at], axis=1)
    known = study_values(likelihood, wide[:, None], np.full(len(at), tau), MIDDLE)[:, 0]
    if len(s) <= wanted:
        return known.reshape(len(s), len(shifts))
    basis = chebyshev_products((at - middle) / half, powers)
    fitted = np.linalg.lstsq(basis, known, rcond=None)[0]
    # A polynomial moved is a polynomial of the same degree.
    moved = np.stack([chebyshev_products((at + shift - middle) / half, powers) @ fitted for shift in shifts], axis=1)
    coefficients = np.linalg.lstsq(basis, moved, rcond=None)[0]
    return np.asarray(chebyshev_products((s - middle) / half, powers) @ coefficients)
