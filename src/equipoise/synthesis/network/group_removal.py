"""The fit without each of several groups of studies, τ² estimated anew, for all groups at once.

Taking a group out changes the Laplacian L on its arms U only (see `removal`). With H = G_·U K the harmonic extension
from U, what remains has the generalised inverse G − HG_U· + H(K − ΔL)⁺Hᵀ, its determinant is that of L times
|K − ΔL|/|K|, and the effects change by −H(K − ΔL)⁺Δb: the (restricted) likelihood of τ² and its slope follow from
matrices as large as U. Arms that go with the group are zero rows of K − ΔL and do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import Solution, System, solve
from equipoise.synthesis.network.heterogeneity import Tau2Method, estimate_tau2
from equipoise.synthesis.network.interpolation import interpolation_weights, share_points
from equipoise.synthesis.network.projection import Projection, WithoutStudy
from equipoise.synthesis.network.removal import Groups, all_rows, choose, remove
from equipoise.synthesis.network.subsets import connected_part
from equipoise.synthesis.network.tau2_search import search_tau2, smallest_variance


def likelihoods_without(
    groups: Groups, whole: Projection, weights: FloatArray, residuals: FloatArray, restricted: bool
) -> WithoutStudy:
    """The likelihood of τ² without each group, shape (k,) each; meaningless unless ``groups.whole``.

    ``weights``, ``residuals``: of all rows at the projection's τ².
    """
    solution, here = whole.solution, (groups.arms[:, :, None], groups.arms[:, None, :])
    left = remove(groups, solution, weights, residuals)
    squares = weights * weights
    own = groups.laplacians(squares)
    twice = np.matmul(np.matmul(left.reduced, whole.twice[here]), left.reduced)
    # tr (K N) with N = G XᵀW²X G on the arms; K times it is tr (K N K K⁺).
    gone = (left.reduced * whole.twice[here]).sum(axis=(1, 2))
    trace_of_fit = whole.weight - whole.trace - gone + (left.inverse * (twice - own)).sum(axis=(1, 2))
    weight = whole.weight - groups.totals(weights)
    weighted = weights * residuals
    q = solution.q - groups.totals(weighted * residuals) + (left.pushed * left.moved).sum(axis=1)
    spread = whole.spread + groups.totals(np.log(weights))
    moved = left.moved[:, :, None]
    score = np.matmul(left.reduced, whole.push[groups.arms][:, :, None])[:, :, 0] - groups.right(weights * weighted)
    square = (
        whole.squares
        - groups.totals(weighted * weighted)
        - 2.0 * (left.moved * score).sum(axis=1)
        + np.matmul(np.matmul(moved.transpose(0, 2, 1), twice - own), moved)[:, 0, 0]
    )
    if restricted:
        height = -0.5 * (spread + q + solution.log_determinant + left.log_determinant)
        return WithoutStudy(height, 0.5 * (square - weight + trace_of_fit), q, weight - trace_of_fit)
    return WithoutStudy(-0.5 * (spread + q), 0.5 * (square - weight), q, weight - trace_of_fit)


def tau2_without_groups(
    system: System,
    common: Solution,
    method: Tau2Method,
    whole: float,
    sets: Sequence[IntArray],
    groups: Sequence[Groups],
    remain: IntArray,
) -> FloatArray:
    """τ² by ``method`` without each of ``sets`` of studies, shape (sets,); ``groups``: the same as groups.

    The arms that other studies have must stay connected (``Groups.whole``); ``remain``: one of them for each set.
    ``common``: the fit at τ² = 0; ``whole``: τ² with all studies. Raises ``NotConverged`` where a likelihood has no
    maximum.
    """
    df = np.empty(len(sets), dtype=np.intp)
    for group in groups:
        rows = np.bincount(group.owners, minlength=len(group.numbers))
        df[group.numbers] = system.df - rows + group.only.sum(axis=1)
    return search_tau2(
        system,
        common,
        method,
        whole,
        df,
        lambda some: _likelihoods(system, choose(groups, some), len(some), method != "ML"),
        lambda k: estimate_tau2(part_without(system, sets[k], int(remain[k])), method, near=whole),
    )


def part_without(system: System, studies: IntArray, treatment: int) -> System:
    """What connects with ``treatment`` (local index) without some studies."""
    inside = np.ones(system.studies, dtype=bool)
    inside[studies] = False
    return connected_part(system, inside, treatment)


def pairs_without_groups(
    system: System, groups: Sequence[Groups], pairs: IntArray, owners: IntArray, tau2: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Estimates and variances of ``pairs``, local indices, shape (p, 2), each without its own group, shape (p,).

    ``owners``: shape (p,), the numbers of their groups; ``tau2``: shape (groups,), by number. Meaningless for pairs
    that don't stay connected.
    """
    values, variances = np.zeros(len(pairs)), np.zeros(len(pairs))
    for members, points in share_points(tau2, smallest_variance(system)):
        counts = np.zeros((len(tau2), len(points)))
        counts[members] = interpolation_weights(points, tau2[members])
        chosen = np.sort(members)
        own = np.flatnonzero(np.isin(owners, members))
        some = choose(groups, chosen)
        places = [locate(group, pairs[own], np.searchsorted(chosen, owners[own])) for group in some]
        for point, count in zip(points.tolist(), counts[owners[own]].T, strict=True):
            solution = solve(system, point)
            rows = all_rows(system, solution)
            for group, at in zip(some, places, strict=True):
                value, variance = pair_estimates(group, at, solution, rows)
                values[own[at.pairs]] += count[at.pairs] * value
                variances[own[at.pairs]] += count[at.pairs] * variance
    return values, variances


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where p pairs are in some groups: which ``pairs``, whose, and their arms' places there; shape (p,) each."""

    pairs: IntArray
    groups: IntArray
    first: IntArray
    second: IntArray


def locate(groups: Groups, pairs: IntArray, owners: IntArray) -> Places:
    """The ``pairs``, shape (p, 2), whose ``owners``, shape (p,), are among ``groups.numbers``."""
    position = np.minimum(np.searchsorted(groups.numbers, owners), len(groups.numbers) - 1)
    chosen = np.flatnonzero(groups.numbers[position] == owners)
    position = position[chosen]
    first, second = ((groups.arms[position] == pairs[chosen, side, None]).argmax(axis=1) for side in (0, 1))
    return Places(chosen, position, first, second)


def pair_estimates(
    groups: Groups, at: Places, solution: Solution, rows: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Estimates and variances of pairs without their groups, shape (p,) each, at the solution's τ².

    ``rows``: weights and residuals of all rows at that τ².
    """
    left = remove(groups, solution, *rows)
    effects = solution.potentials[groups.arms] + left.moved
    k, a, b = at.groups, at.first, at.second
    inverse = left.inverse
    return effects[k, a] - effects[k, b], inverse[k, a, a] + inverse[k, b, b] - 2.0 * inverse[k, a, b]


def _likelihoods(
    system: System, groups: Sequence[Groups], count: int, restricted: bool
) -> Callable[[Projection], WithoutStudy]:
    def at(whole: Projection) -> WithoutStudy:
        rows = all_rows(system, whole.solution)
        found = np.empty((len(WithoutStudy.__slots__), count))
        for group in groups:
            one = likelihoods_without(group, whole, *rows, restricted)
            found[:, group.numbers] = [getattr(one, name) for name in WithoutStudy.__slots__]
        return WithoutStudy(*found)

    return at
