"""Direct and indirect evidence apart: the studies of a pair taken out, or given an effect of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray, Rotated
from equipoise.synthesis.network.connectivity import components
from equipoise.synthesis.network.gls import Solution, System, build, solve
from equipoise.synthesis.network.heterogeneity import Tau2Method, estimate_tau2
from equipoise.synthesis.network.linear_model import make_rows, solve_rows, tau2_of_rows
from equipoise.synthesis.network.removal import make_group, pair_groups, remove, study_information


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
    information = study_information(system, solution.tau2)
    sets = pair_groups(system)
    groups = [make_group(information, studies) for studies, _ in sets]
    found = []
    for group, remainder, (_, pairs) in zip(groups, remove(system, solution, groups), sets, strict=True):
        local = np.searchsorted(group.arms, pairs)
        kept = remainder.connected[local[:, 0], local[:, 1]]
        if not kept.any():
            continue
        first, second = local[kept].T
        if method == "sidde":
            inverse, potentials = remainder.inverse, remainder.potentials
            value = potentials[first] - potentials[second]
            variance = inverse[first, first] + inverse[second, second] - 2.0 * inverse[first, second]
            nothing = np.full(len(value), np.nan)
            found.append((pairs[kept], nothing, nothing, value, variance, nothing))
            continue
        shift = np.zeros((len(first), len(group.arms)))
        shift[np.arange(len(first)), first], shift[np.arange(len(first)), second] = 0.5, -0.5
        here = np.ix_(group.arms, group.arms)
        pushed = shift @ group.laplacian
        precision = np.einsum("pu,pu->p", pushed, shift) - np.einsum(
            "pu,uv,pv->p", pushed, solution.inverse[here], pushed
        )
        theta = solution.potentials[group.arms]
        gap = (shift @ group.right - pushed @ theta) / precision
        contrast = 2.0 * shift
        share = np.einsum("pu,uv,pv->p", contrast, solution.inverse[here], pushed)
        network = contrast @ theta
        variance = np.einsum("pu,uv,pv->p", contrast, solution.inverse[here], contrast)
        found.append(
            (
                pairs[kept],
                network + (1.0 - share) * gap,
                variance + (1.0 - share) ** 2 / precision,
                network - share * gap,
                variance + share**2 / precision,
                1.0 / precision,
            )
        )
    return _collect(system, found)


def _collect(system: System, found: Sequence[tuple[FloatArray | IntArray, ...]]) -> Separated:
    if not found:
        none, nothing = np.empty(0, dtype=np.intp), np.empty(0)
        return Separated(none, none, *(nothing for _ in range(5)))
    pairs = system.treatments[np.concatenate([f[0] for f in found]).astype(np.intp)]
    values = [np.concatenate([f[k] for f in found]) for k in range(1, 6)]
    return Separated(pairs[:, 0], pairs[:, 1], *values)


def refit(
    blocks: Sequence[Block],
    size: int,
    treatments: IntArray,
    found: Separated,
    method: Literal["sidde", "node"],
    tau2_method: Tau2Method,
) -> Separated:
    """The same pairs with τ² estimated anew for each, from the remaining studies or with the extra parameter.

    ``blocks``: the network's studies; ``size``: its treatments; ``treatments``: those of this connected part.
    """
    part = [b.take(np.isin(b.arms[:, 0], treatments)) for b in blocks]
    part = [b for b in part if len(b.studies)]
    values = np.array(
        [
            _without_studies(part, size, a, b, tau2_method)
            if method == "sidde"
            else _with_own_effect(part, treatments, a, b, tau2_method)
            for a, b in zip(found.rows.tolist(), found.columns.tolist(), strict=True)
        ]
    ).reshape(-1, 5)
    return Separated(found.rows, found.columns, *values.T)


def _without_studies(
    blocks: Sequence[Block], size: int, a: int, b: int, method: Tau2Method
) -> tuple[float, float, float, float, float]:
    kept = [block.take(~((block.arms == a).any(axis=1) & (block.arms == b).any(axis=1))) for block in blocks]
    label = components(size, ((np.broadcast_to(k.arms[:, :1], k.arms[:, 1:].shape), k.arms[:, 1:]) for k in kept))
    members = np.flatnonzero(label == label[a])
    system = build(kept, members, size)
    solution = solve(system, estimate_tau2(system, method) if system.df > 0 else 0.0)
    i, j = np.searchsorted(members, [a, b])
    inverse = solution.inverse
    variance = inverse[i, i] + inverse[j, j] - 2.0 * inverse[i, j]
    nan = float("nan")
    return nan, nan, float(solution.potentials[i] - solution.potentials[j]), float(variance), nan


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
