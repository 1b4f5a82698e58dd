"""Direct and indirect evidence apart: the studies of a pair taken out, or given an effect of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray
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
from equipoise.synthesis.network.linear_model import tau2_of_rows
from equipoise.synthesis.network.own_effects import clear, own_effects_each, refitted, rows_with_own, with_own_effects
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


def separate(
    system: System, solution: Solution, method: Literal["sidde", "node"], blocks: Sequence[Block] | None = None
) -> Separated:
    """Every pair of a connected network whose two treatments stay connected without the studies comparing them.

    ``blocks``: the network's studies, for "node" where rounding asks for a fit of its own.
    """
    split = with_own_effects if method == "node" else _taken_out
    sets, pairs, owners = compared_pairs(system)
    rows = all_rows(system, solution)
    values = np.full((5, len(pairs)), np.nan)
    known, distinct = np.zeros(len(pairs), dtype=bool), np.ones(len(pairs), dtype=bool)
    for groups in make_groups(system, sets):
        at = locate(groups, pairs, owners)
        known[at.pairs] = groups.connected[at.groups, at.first, at.second]
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, at.pairs] = split(groups, at, solution, rows)
        if method == "node" and blocks is not None:
            distinct[at.pairs] = clear(groups, at, solution, rows)
    if blocks is not None:
        _refit(blocks, system, pairs, np.flatnonzero(known & ~distinct), solution.tau2, values)
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


def split_each(blocks: Sequence[Block], system: System, solution: Solution, method: Tau2Method) -> Separated:
    """As `separate` by "node", with τ² estimated anew for each pair; ``blocks``: the network's studies."""
    sets, pairs, owners = compared_pairs(system)
    known, distinct = np.zeros(len(pairs), dtype=bool), np.zeros(len(pairs), dtype=bool)
    groups = make_groups(system, sets)
    common = solution if solution.tau2 == 0.0 else solve(system)
    rows = all_rows(system, common)
    for group in groups:
        at = locate(group, pairs, owners)
        known[at.pairs] = group.connected[at.groups, at.first, at.second]
        distinct[at.pairs] = clear(group, at, common, rows)
    values = np.full((5, len(pairs)), np.nan)
    together = np.flatnonzero(known & distinct)

    def refit(number: int) -> float:
        first, second = system.treatments[pairs[together[number]]].tolist()
        return tau2_of_rows(rows_with_own(_inside(blocks, system), system.treatments, first, second), method)

    if len(together):
        values[:, together] = own_effects_each(
            system, common, method, solution.tau2, groups, pairs[together], owners[together], refit
        )
    _refit(blocks, system, pairs, np.flatnonzero(known & ~distinct), method, values)
    return _separated(system, pairs[known], values[:, known])


def _refit(
    blocks: Sequence[Block],
    system: System,
    pairs: IntArray,
    some: IntArray,
    tau2: float | Tau2Method,
    values: FloatArray,
) -> None:
    """Enter ``some`` of the pairs, by fits of their own, into the columns of ``values``."""
    inside = _inside(blocks, system) if len(some) else []
    for k in some.tolist():
        first, second = system.treatments[pairs[k]].tolist()
        values[:, k] = refitted(inside, system.treatments, first, second, tau2)


def _inside(blocks: Sequence[Block], system: System) -> list[Block]:
    """The studies of this subnetwork."""
    part = [b.take(np.isin(b.arms[:, 0], system.treatments)) for b in blocks]
    return [b for b in part if len(b.studies)]


def _taken_out(groups: Groups, at: Places, solution: Solution, rows: tuple[FloatArray, FloatArray]) -> FloatArray:
    nothing = np.full(len(at.pairs), np.nan)
    return np.stack([nothing, nothing, *pair_estimates(groups, at, solution, rows), nothing])


def _separated(system: System, pairs: IntArray, values: FloatArray) -> Separated:
    named = system.treatments[pairs]
    return Separated(named[:, 0], named[:, 1], *values)
