"""Node-splitting: the studies that compare a pair have an effect of their own there, for all pairs at once.

The model has one more column c, half of which falls on either arm of the pair in the studies that have both. With P of
the network (see `projection`), cᵀPc is the precision of the coefficient and cᵀPy its score; the additional column turns
P into P − Pc(Pc)ᵀ/cᵀPc, from which the (restricted) likelihood of τ² and its slope follow. XᵀWc is not 0 on the arms of
the pair's studies only, so that matrices as large as these tell everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray, Rotated
from equipoise.synthesis.network.gls import Solution, System, solve
from equipoise.synthesis.network.group_removal import Places, locate
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.interpolation import interpolation_weights, share_points
from equipoise.synthesis.network.linear_model import Rows, make_rows, solve_rows, tau2_of_rows
from equipoise.synthesis.network.projection import Projection, WithoutStudy
from equipoise.synthesis.network.removal import Groups, all_rows, choose
from equipoise.synthesis.network.tau2_search import search_tau2, smallest_variance

CANCELLED = 1e7
"""A column of which the treatments' effects explain almost all, but for this factor, gets a fit of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """The additional columns c of p pairs at one τ².

    ``pushed``: XᵀWc on the u arms of the pair's studies, shape (p, u); ``spread``: (XᵀWX)⁻¹ of that, (p, u); ``total``:
    cᵀWc, ``precision``: cᵀPc, ``score``: cᵀPy, shape (p,).
    """

    pushed: FloatArray
    spread: FloatArray
    total: FloatArray
    precision: FloatArray
    score: FloatArray


def _column(groups: Groups, at: Places, solution: Solution, rows: tuple[FloatArray, FloatArray]) -> _Column:
    weights, residuals = rows
    arms = groups.arms[at.groups]
    pushed = _halves(at, groups.laplacians(weights))
    spread = np.matmul(solution.inverse[arms[:, :, None], arms[:, None, :]], pushed[:, :, None])[:, :, 0]
    each = np.arange(len(arms))
    total = 0.5 * (pushed[each, at.first] - pushed[each, at.second])
    score = _halves(at, groups.right(weights * residuals))
    return _Column(pushed, spread, total, total - (pushed * spread).sum(axis=1), score)


def _halves(at: Places, values: FloatArray) -> FloatArray:
    """Half the difference between the pair's arms, of ``values`` with shape (groups, u, …)."""
    halves: FloatArray = 0.5 * (values[at.groups, at.first] - values[at.groups, at.second])
    return halves


def with_own_effects(groups: Groups, at: Places, solution: Solution, rows: tuple[FloatArray, FloatArray]) -> FloatArray:
    """The pairs' direct and indirect estimates at the solution's τ², shape (5, p): the rows of `Separated`.

    ``rows``: weights and residuals of all rows at that τ².
    """
    column = _column(groups, at, solution, rows)
    each = np.arange(len(at.pairs))
    gap = column.score / column.precision
    share = column.spread[each, at.first] - column.spread[each, at.second]
    first, second = groups.arms[at.groups, at.first], groups.arms[at.groups, at.second]
    network = solution.potentials[first] - solution.potentials[second]
    variance = solution.inverse[first, first] + solution.inverse[second, second] - 2.0 * solution.inverse[first, second]
    return np.stack(
        [
            network + (1.0 - share) * gap,
            variance + (1.0 - share) ** 2 / column.precision,
            network - share * gap,
            variance + share**2 / column.precision,
            1.0 / column.precision,
        ]
    )


def clear(groups: Groups, at: Places, solution: Solution, rows: tuple[FloatArray, FloatArray]) -> NDArray[np.bool_]:
    """For which pairs rounding leaves enough of the additional column, shape (p,)."""
    column = _column(groups, at, solution, rows)
    return np.asarray(column.precision * CANCELLED > column.total)


def likelihoods_with_own(
    groups: Groups, at: Places, whole: Projection, rows: tuple[FloatArray, FloatArray], restricted: bool
) -> WithoutStudy:
    """The likelihood of τ² with an effect of their own for each pair's studies, shape (p,) each."""
    weights, residuals = rows
    column = _column(groups, at, whole.solution, rows)
    arms = groups.arms[at.groups]
    each = np.arange(len(arms))
    squared = _halves(at, groups.laplacians(weights * weights))
    twice = np.matmul(whole.twice[arms[:, :, None], arms[:, None, :]], column.pushed[:, :, None])[:, :, 0]
    # cᵀP²c and cᵀP²y
    square = 0.5 * (squared[each, at.first] - squared[each, at.second]) - 2.0 * (squared * column.spread).sum(axis=1)
    square += (column.pushed * twice).sum(axis=1)
    cross = _halves(at, groups.right(weights * weights * residuals))
    cross -= (column.pushed * whole.push[arms]).sum(axis=1)
    gap = column.score / column.precision
    q = whole.solution.q - column.score * gap
    trace = whole.trace - square / column.precision
    squares = whole.squares - 2.0 * gap * cross + gap**2 * square
    if restricted:
        height = -0.5 * (whole.spread + q + whole.solution.log_determinant + np.log(column.precision))
        return WithoutStudy(height, 0.5 * (squares - trace), q, trace)
    return WithoutStudy(-0.5 * (whole.spread + q), 0.5 * (squares - whole.weight), q, trace)


def own_effects_each(
    system: System,
    common: Solution,
    method: Tau2Method,
    whole: float,
    groups: Sequence[Groups],
    pairs: IntArray,
    owners: IntArray,
    refit: Callable[[int], float],
) -> FloatArray:
    """As `with_own_effects`, each pair at its own τ², estimated by ``method``.

    ``common``: the fit at τ² = 0; ``whole``: the network's τ²; ``pairs``: local indices, shape (p, 2), with the numbers
    of their groups, ``owners``, shape (p,); ``refit``: τ² of a pair, by position, from a fit of its own.
    """

    def likelihoods(some: IntArray) -> Callable[[Projection], WithoutStudy]:
        chosen, places = _located(groups, pairs[some], owners[some])

        def at(here: Projection) -> WithoutStudy:
            rows = all_rows(system, here.solution)
            found = np.empty((len(WithoutStudy.__slots__), len(some)))
            for group, place in zip(chosen, places, strict=True):
                one = likelihoods_with_own(group, place, here, rows, method != "ML")
                found[:, place.pairs] = [getattr(one, name) for name in WithoutStudy.__slots__]
            return WithoutStudy(*found)

        return at

    df = np.full(len(pairs), system.df - 1)
    tau2 = search_tau2(system, common, method, whole, df, likelihoods, refit)
    values = np.zeros((5, len(pairs)))
    for members, points in share_points(tau2, smallest_variance(system)):
        chosen, places = _located(groups, pairs[members], owners[members])
        for point, count in zip(points.tolist(), interpolation_weights(points, tau2[members]).T, strict=True):
            solution = solve(system, point)
            rows = all_rows(system, solution)
            for group, place in zip(chosen, places, strict=True):
                values[:, members[place.pairs]] += count[place.pairs] * with_own_effects(group, place, solution, rows)
    return values


def _located(groups: Sequence[Groups], pairs: IntArray, owners: IntArray) -> tuple[list[Groups], list[Places]]:
    """The groups of these pairs, and where the pairs are in them."""
    numbers, own = np.unique(owners, return_inverse=True)
    chosen = choose(groups, numbers)
    return chosen, [locate(group, pairs, own) for group in chosen]


def rows_with_own(blocks: Sequence[Block], treatments: IntArray, a: int, b: int) -> Rows:
    """The rows of the model for one pair: effects of all ``treatments`` but b, then the studies' own effect of a : b."""
    basic = treatments[treatments != b]

    def columns(block: Rotated) -> FloatArray:
        arms = block.arms
        both = ((arms == a).any(axis=1) & (arms == b).any(axis=1))[:, None]
        own = 0.5 * both * ((arms == a).astype(float) - (arms == b))
        return np.concatenate([(arms[:, :, None] == basic).astype(float), own[:, :, None]], axis=2)

    return make_rows(blocks, columns)


def refitted(
    blocks: Sequence[Block], treatments: IntArray, a: int, b: int, tau2: float | Tau2Method
) -> tuple[float, float, float, float, float]:
    """One pair's row of `Separated`, from a fit of its own; ``tau2``: given, or how it is estimated."""
    rows = rows_with_own(blocks, treatments, a, b)
    fitted = solve_rows(rows, tau2_of_rows(rows, tau2) if isinstance(tau2, str) else tau2)
    indirect, gap = np.zeros(len(treatments)), np.zeros(len(treatments))
    indirect[np.flatnonzero(treatments[treatments != b] == a)] = 1.0
    gap[-1] = 1.0
    values, errors = fitted.estimate(np.stack([indirect + gap, indirect, gap]))
    variances = errors**2
    return float(values[0]), float(variances[0]), float(values[1]), float(variances[1]), float(variances[2])
