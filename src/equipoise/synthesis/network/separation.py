"""Direct and indirect evidence apart: the studies of a pair taken out, or given an effect of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray, Rotated
from equipoise.synthesis.network.gls import Solution, System, solve
from equipoise.synthesis.network.group_removal import (
    Places,
    locate,
    pair_estimates,
    pairs_without_groups,
    part_without,
    tau2_without_groups,
)
from equipoise.synthesis.network.heterogeneity import Tau2Method, estimate_tau2
from equipoise.synthesis.network.linear_model import make_rows, solve_rows, tau2_of_rows
from equipoise.synthesis.network.removal import Groups, all_rows, cancellation, choose, compared_pairs, make_groups

CANCELLED = 1e7
"""A group whose removal takes almost all information away, by this factor, leaves the rest to a fit of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Separated:
    """Pairs with direct and indirect evidence; all arrays have one entry a pair.

    ``rows``, ``columns``: treatments as indices of the network, estimates are row minus column. ``direct`` is NaN
    where the method takes the pooled direct estimate as it is; ``difference_variance``: of direct minus indirect.
    """

    rows: IntArray
    columns: IntArray
    direct: FloatArray
    direct_variance: FloatArray
    indirect: FloatArray
    indirect_variance: FloatArray
    difference_variance: FloatArray


def separate(system: System, solution: Solution, method: Literal["sidde", "node"]) -> Separated:
    """Every pair of a connected network whose two treatments stay connected without the studies comparing them."""
    split = _node if method == "node" else _taken_out
    sets, pairs, owners = compared_pairs(system)
    rows = all_rows(system, solution)
    values = np.full((5, len(pairs)), np.nan)
    known = np.zeros(len(pairs), dtype=bool)
    for groups in make_groups(system, sets):
        at = locate(groups, pairs, owners)
        known[at.pairs] = groups.connected[at.groups, at.first, at.second]
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, at.pairs] = split(groups, at, solution, rows)
    return _separated(system, pairs[known], values[:, known])


def separate_each(system: System, solution: Solution, method: Tau2Method) -> Separated:
    """As `separate` by "sidde", with τ² estimated anew from what connects with the pair without its studies."""
    sets, pairs, owners = compared_pairs(system)
    known, whole = np.zeros(len(pairs), dtype=bool), np.zeros(len(sets), dtype=bool)
    groups = make_groups(system, sets)
    common = solution if solution.tau2 == 0.0 else solve(system)
    rows = all_rows(system, common)
    for group in groups:
        at = locate(group, pairs, owners)
        known[at.pairs] = group.connected[at.groups, at.first, at.second]
        whole[group.numbers] = group.whole & (cancellation(group, common, *rows) < CANCELLED)
    values = np.full((5, len(pairs)), np.nan)
    together = np.flatnonzero(known & whole[owners])
    if len(together):
        chosen, first, own = np.unique(owners[together], return_index=True, return_inverse=True)
        some = choose(groups, chosen)
        tau2 = tau2_without_groups(
            system, common, method, solution.tau2, [sets[k] for k in chosen], some, pairs[together[first], 0]
        )
        values[2:4, together] = pairs_without_groups(system, some, pairs[together], own, tau2)
    for k in np.flatnonzero(known & ~whole[owners]).tolist():
        part = part_without(system, sets[owners[k]], int(pairs[k, 0]))
        left = solve(part, estimate_tau2(part, method, near=solution.tau2) if part.df > 0 else 0.0)
        i, j = np.searchsorted(part.treatments, system.treatments[pairs[k]])
        values[2:4, k] = left.potentials[i] - left.potentials[j], left.variances()[i, j]
    return _separated(system, pairs[known], values[:, known])


def _taken_out(groups: Groups, at: Places, solution: Solution, rows: tuple[FloatArray, FloatArray]) -> FloatArray:
    nothing = np.full(len(at.pairs), np.nan)
    return np.stack([nothing, nothing, *pair_estimates(groups, at, solution, rows), nothing])


def _node(groups: Groups, at: Places, solution: Solution, rows: tuple[FloatArray, FloatArray]) -> FloatArray:
    """With one more parameter, the studies' own shift of the pair, half of it on either arm: rows of `Separated`."""
    weights, residuals = rows
    k, a, b = at.groups, at.first, at.second
    each = np.arange(len(k))
    own, score = groups.laplacians(weights), groups.right(weights * residuals)
    pushed = 0.5 * (own[k, a] - own[k, b])
    arms = groups.arms[k]
    inverse = solution.inverse[arms[:, :, None], arms[:, None, :]]
    spread = np.matmul(inverse, pushed[:, :, None])[:, :, 0]
    precision = 0.5 * (pushed[each, a] - pushed[each, b]) - (pushed * spread).sum(axis=1)
    gap = 0.5 * (score[k, a] - score[k, b]) / precision
    share = spread[each, a] - spread[each, b]
    first, second = arms[each, a], arms[each, b]
    network = solution.potentials[first] - solution.potentials[second]
    variance = solution.inverse[first, first] + solution.inverse[second, second] - 2.0 * solution.inverse[first, second]
    return np.stack(
        [
            network + (1.0 - share) * gap,
            variance + (1.0 - share) ** 2 / precision,
            network - share * gap,
            variance + share**2 / precision,
            1.0 / precision,
        ]
    )


def _separated(system: System, pairs: IntArray, values: FloatArray) -> Separated:
    named = system.treatments[pairs]
    return Separated(named[:, 0], named[:, 1], *values)


def refit_nodes(blocks: Sequence[Block], treatments: IntArray, found: Separated, tau2_method: Tau2Method) -> Separated:
    """The same pairs by "node" with τ² estimated anew for each.

    ``blocks``: the network's studies; ``treatments``: those of this connected part.
    """
    part = [b.take(np.isin(b.arms[:, 0], treatments)) for b in blocks]
    part = [b for b in part if len(b.studies)]
    values = np.array(
        [
            _with_own_effect(part, treatments, a, b, tau2_method)
            for a, b in zip(found.rows.tolist(), found.columns.tolist(), strict=True)
        ]
    ).reshape(-1, 5)
    return Separated(found.rows, found.columns, *values.T)


def _with_own_effect(
    blocks: Sequence[Block], treatments: IntArray, a: int, b: int, method: Tau2Method
) -> tuple[float, float, float, float, float]:
    basic = treatments[treatments != b]

    def columns(block: Rotated) -> FloatArray:
        arms = block.arms
        both = ((arms == a).any(axis=1) & (arms == b).any(axis=1))[:, None]
        own = 0.5 * both * ((arms == a).astype(float) - (arms == b))
        return np.concatenate([(arms[:, :, None] == basic).astype(float), own[:, :, None]], axis=2)

    rows = make_rows(blocks, columns)
    fitted = solve_rows(rows, tau2_of_rows(rows, method))
    indirect = np.zeros(len(basic) + 1)
    indirect[np.flatnonzero(basic == a)] = 1.0
    gap = np.zeros(len(basic) + 1)
    gap[-1] = 1.0
    values, errors = fitted.estimate(np.stack([indirect + gap, indirect, gap]))
    variances = errors**2
    return float(values[0]), float(variances[0]), float(values[1]), float(variances[1]), float(variances[2])
