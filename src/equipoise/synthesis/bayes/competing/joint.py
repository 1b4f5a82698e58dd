"""Points of all outcomes' effects and heterogeneities together, weighted by the exact likelihood.

Given the time at risk the outcomes are independent, and that time is nearly known: outcomes are proposed independently,
each from its own Poisson model with a typical time at risk, and the weights bring in what ties them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from equipoise.synthesis.bayes.arm_level.sampling import REPLICATES
from equipoise.synthesis.network.blocks import IntArray

_CELLS = 160
_DEGREES = {2: 7, 3: 5}
_LEAST = 3


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


def draw(factors: Sequence[Factor], times: Sequence[Times], power: int, seed: int) -> list[Weighted]:
    """2^``power`` points in each of the replicates, weighted; the same weights for every factor."""
    sizes = [1 + factor.part.evidence.dimension for factor in factors]
    uniform = points(REPLICATES, power, sum(sizes), seed)
    replicate = np.repeat(np.arange(REPLICATES), uniform.shape[1])
    columns = np.split(uniform.reshape(-1, sum(sizes)), np.cumsum(sizes)[:-1], axis=1)
    ratio = np.zeros(len(replicate))
    placed = []
    for factor, own in zip(factors, columns, strict=True):
        part = factor.part
        node = np.minimum(np.searchsorted(np.cumsum(part.nodes.masses), own[:, 0]), len(part.nodes.masses) - 1)
        d, density = part.proposal.place(normal_points(own[:, 1:]), node)
        ratio += part.evidence.log_prior(d) - density - part.nodes.log_laplace[node]
        placed.append((d, node))
    ratio += _log_likelihood(factors, times, placed)
    weights, pareto = smooth_weights(ratio)
    log_mean = float(logsumexp(ratio) - np.log(len(ratio)))
    size = effective_size(weights)
    return [Weighted(d, node, weights, replicate, log_mean, pareto, size, 0.0) for d, node in placed]


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
        each = np.empty((count, len(study.log_weights)))
        each[:] = study.log_weights
        shifts = study.shifts[:, 1:] - study.shifts[:, :1]
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
        total += logsumexp(each, axis=1)
    return total


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
