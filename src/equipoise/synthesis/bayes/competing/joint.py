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
    # In the order of each factor's nodes.
    orders = [np.argsort(node, kind="stable") for _, node in placed]
    sources: list[list[tuple[int, int, int]]] = [[] for _ in times]
    groups = []
    for number, factor in enumerate(factors):
        groups.append(_groups(placed[number][1][orders[number]], len(factor.part.nodes.tau)))
        for block, studies in enumerate(factor.studies):
            for k, study in enumerate(studies.tolist()):
                sources[study].append((number, block, k))
    total = np.zeros(count)
    for study, found in zip(times, sources, strict=True):
        if not found:
            continue
        each = np.empty((count, len(study.log_weights)))
        each[:] = study.log_weights
        shifts = study.shifts[:, 1:] - study.shifts[:, :1]
        for number, block, k in found:
            evidence, order = factors[number].part.evidence, orders[number]
            arms = evidence.blocks[block][k]
            design = evidence.design(arms[None])[0]
            moved = (placed[number][0] @ (design[1:] - design[0]).T)[order][:, None] + shifts
            terms = np.empty(each.shape)
            for j, here in groups[number]:
                tau = float(factors[number].part.nodes.tau[j])
                if len(arms) == 2:
                    terms[here] = _two_arms(evidence, k, moved[here, :, 0], tau)
                else:
                    terms[here] = _more_arms(evidence, arms, moved[here], tau)
            each[order] += terms
        total += logsumexp(each, axis=1)
    return total


def _groups(node: NDArray[np.intp], count: int) -> list[tuple[int, slice]]:
    """Which nodes have points, and where they are among those sorted by node."""
    ends = np.searchsorted(node, np.arange(count + 1))
    return [(j, slice(int(ends[j]), int(ends[j + 1]))) for j in range(count) if ends[j + 1] > ends[j]]


def _two_arms(evidence: Evidence, study: int, s: FloatArray, tau: float) -> FloatArray:
    """log g of a two-arm study, the number ``study`` of the evidence's curves, at contrasts ``s`` of any shape."""
    assert evidence.curves is not None
    low = float(s.min())
    grid = np.linspace(low, max(float(s.max()), low + 1e-6), _CELLS + 1)
    heights = smoothed(evidence.curves.of(study), grid[:, None], np.full(len(grid), tau))[0][:, 0]
    return np.asarray(CubicSpline(grid, heights)(s))


def _more_arms(evidence: Evidence, arms: IntArray, s: FloatArray, tau: float) -> FloatArray:
    """log g of a study with more ``arms`` at contrasts ``s``, shape (…, arms − 1): by a polynomial fitted over them."""
    likelihood = evidence.likelihood.take(arms[None])
    flat = s.reshape(-1, s.shape[-1])
    powers = exponents(s.shape[-1], _DEGREES.get(s.shape[-1], _LEAST))
    wanted = 3 * len(powers)
    if len(flat) > wanted:
        radius = np.abs((flat - flat.mean(axis=0)) / np.maximum(flat.std(axis=0), 1e-12)).max(axis=1)
        outermost = np.argpartition(-radius, len(powers))[: len(powers)]
        chosen = np.r_[outermost, np.linspace(0, len(flat) - 1, wanted - len(powers)).astype(np.intp)]
    else:
        chosen = np.arange(len(flat))
    at = np.concatenate([np.zeros((len(chosen), 1)), flat[chosen]], axis=1)
    known = study_values(likelihood, at[:, None], np.full(len(at), tau), MIDDLE)[:, 0]
    if len(flat) <= wanted:
        return known.reshape(s.shape[:-1])
    low, high = flat.min(axis=0), flat.max(axis=0)
    place = (2.0 * flat - low - high) / np.maximum(high - low, 1e-9)
    fitted = np.linalg.lstsq(chebyshev_products(place[chosen], powers), known, rcond=None)[0]
    return np.asarray((chebyshev_products(place, powers) @ fitted).reshape(s.shape[:-1]))
