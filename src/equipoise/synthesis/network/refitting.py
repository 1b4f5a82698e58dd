"""The fit without each study, τ² estimated anew, for all studies at once.

The likelihood without a study follows from the fit with it (see `projection`), so that a grid of τ² shows where each
of them is highest, and a root of its slope is read off an interpolant that all studies share. The estimates at a
study's own τ² are interpolated in the same way (see `interpolation`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray, Rotated
from equipoise.synthesis.network.gls import Solution, System, solve
from equipoise.synthesis.network.heterogeneity import (
    Tau2Method,
    estimate_tau2,
    likelihood_grid,
)
from equipoise.synthesis.network.interpolation import chebyshev_points, interpolation_weights, share_points
from equipoise.synthesis.network.leverage import leverages
from equipoise.synthesis.network.projection import WithoutStudy, joined, own_blocks, projection, without_each
from equipoise.synthesis.network.subsets import parts_of, subset

NEAR = 1.3
"""τ² without a study is first sought within this factor of τ² with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Removed:
    """The fit without each of k studies at a given τ².

    ``potentials``: shape (k, n), up to a constant each; ``variances``: against the reference, shape (k, n); ``q``:
    shape (k,), at that τ². Meaningless for studies that hold the network together.
    """

    potentials: FloatArray
    variances: FloatArray
    q: FloatArray


def removed_at(system: System, solution: Solution, base: int) -> Removed:
    """The fit without each study in turn at the solution's τ²; ``base``: the local reference."""
    parts = [_removed(block, solution, base) for block in system.rotated]
    return Removed(*(np.concatenate([getattr(p, name) for p in parts]) for name in Removed.__slots__))


def _removed(block: Rotated, solution: Solution, base: int) -> Removed:
    own = leverages(block, solution)
    across = np.matmul(solution.inverse[:, block.arms].transpose(1, 0, 2), own.rows.transpose(0, 2, 1))
    towards = across - across[:, base : base + 1, :]
    inflated = np.matmul(own.inflation, own.residuals[:, :, None])[:, :, 0]
    return Removed(
        solution.potentials - np.matmul(across, inflated[:, :, None])[:, :, 0],
        solution.variances()[base] + (np.matmul(towards, own.inflation) * towards).sum(axis=2),
        solution.q - (own.residuals * inflated).sum(axis=1),
    )


def tau2_without_each(
    system: System, common: Solution, method: Tau2Method, whole: float, intact: NDArray[np.bool_]
) -> FloatArray:
    """τ² by ``method`` without each study for which ``intact``, shape (studies,); NaN for the others.

    ``common``: the fit at τ² = 0; ``whole``: τ² with all studies. Raises ``NotConverged`` where a likelihood has no maximum.
    """
    df = system.df - np.concatenate([np.full(len(b.studies), b.values.shape[1]) for b in system.rotated])
    tau2 = np.where(intact, 0.0, np.nan)
    sought = np.flatnonzero(intact & (df > 0))
    if not len(sought):
        return tau2
    if method == "DL":
        at_zero = _likelihoods(system, common, sought, True)
        tau2[sought] = np.maximum(0.0, (at_zero.q - df[sought]) / at_zero.trace)
        return tau2
    restricted = method == "REML"
    grid = likelihood_grid(system, common)
    heights = np.array([_likelihoods(system, solve(system, float(t)), sought, restricted).height for t in grid])
    best = heights.argmax(axis=0)
    falling = _likelihoods(system, common, sought, restricted).slope <= 0
    left = ~((best == 0) & falling)
    for low, high, inside in _brackets(whole, grid, best):
        members = np.flatnonzero(left & inside)
        points = chebyshev_points(low, high, _smallest(system)) if len(members) > 2 else None
        if points is None:
            continue
        slopes = np.array(
            [_likelihoods(system, solve(system, float(t)), sought[members], restricted).slope for t in points]
        )
        turning = (slopes[0] > 0) & (slopes[-1] < 0)
        tau2[sought[members[turning]]] = _root(points, slopes[:, turning])
        left[members[turning]] = False
    for study in sought[left].tolist():
        tau2[study] = estimate_tau2(subset(system, np.arange(len(intact)) != study), method)
    return tau2


def fits_without_each(system: System, tau2: FloatArray, base: int) -> Removed:
    """The fit without each study at its own ``tau2``, shape (studies,); NaN where that is NaN."""
    count = len(tau2)
    potentials, variances, q = np.full((count, system.size), np.nan), np.full((count, system.size), np.nan), tau2 + 0.0
    known = np.flatnonzero(np.isfinite(tau2))
    for positions, points in share_points(tau2[known], _smallest(system)):
        members = known[positions]
        counts = interpolation_weights(points, tau2[members])
        potentials[members], variances[members], q[members] = 0.0, 0.0, 0.0
        chosen = parts_of(system, members)
        for point, count_of in zip(points.tolist(), counts.T, strict=True):
            at = removed_at(chosen, solve(system, point), base)
            back = np.argsort(np.argsort(members))
            potentials[members] += count_of[:, None] * at.potentials[back]
            variances[members] += count_of[:, None] * at.variances[back]
            q[members] += count_of * at.q[back]
    return Removed(potentials, variances, q)


def _likelihoods(system: System, solution: Solution, studies: IntArray, restricted: bool) -> WithoutStudy:
    """The likelihoods without each of ``studies`` (increasing) at the solution's τ²."""
    whole = projection(system, solution)
    return joined([without_each(whole, own_blocks(b, whole), restricted) for b in parts_of(system, studies).rotated])


def _smallest(system: System) -> float:
    return min(float(block.variances.min()) for block in system.rotated)


def _brackets(whole: float, grid: FloatArray, best: IntArray) -> list[tuple[float, float, NDArray[np.bool_]]]:
    """Intervals of τ² to look in, and for which studies: near τ² with all studies, then around each grid point."""
    found = []
    if whole > 0:
        at = int(np.searchsorted(grid, whole))
        found.append((whole / NEAR, whole * NEAR, (best == at) | (best == at - 1)))
    for at in np.unique(best).tolist():
        if at + 1 < len(grid):
            found.append((float(grid[max(at - 1, 0)]), float(grid[at + 1]), best == at))
    return found


def _root(points: FloatArray, slopes: FloatArray) -> FloatArray:
    """Where each column of ``slopes``, shape (points, k), positive at the first point and negative at the last, is 0."""
    low = np.full(slopes.shape[1], points[0])
    high = np.full(slopes.shape[1], points[-1])
    for _ in range(60):
        middle = (low + high) / 2.0
        rising = (interpolation_weights(points, middle) * slopes.T).sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    root: FloatArray = (low + high) / 2.0
    return root
