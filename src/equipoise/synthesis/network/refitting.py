"""The fit without each study, τ² estimated anew, for all studies at once.

The likelihood without a study follows from the fit with it (see `projection`), so that τ² is sought for all studies
together (see `tau2_search`). The estimates at a study's own τ² are interpolated (see `interpolation`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray, Rotated
from equipoise.synthesis.network.gls import Solution, System, solve
from equipoise.synthesis.network.heterogeneity import Tau2Method, estimate_tau2
from equipoise.synthesis.network.interpolation import interpolation_weights, share_points
from equipoise.synthesis.network.leverage import leverages
from equipoise.synthesis.network.projection import Projection, WithoutStudy, joined, own_blocks, without_each
from equipoise.synthesis.network.subsets import parts_of, subset
from equipoise.synthesis.network.tau2_search import search_tau2, smallest_variance


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
    rows = np.concatenate([np.full(len(b.studies), b.values.shape[1]) for b in system.rotated])
    chosen = np.flatnonzero(intact)
    tau2 = np.full(len(intact), np.nan)
    tau2[chosen] = search_tau2(
        system,
        common,
        method,
        whole,
        system.df - rows[chosen],
        lambda some: _likelihoods(system, chosen[some], method != "ML"),
        lambda k: estimate_tau2(subset(system, np.arange(len(intact)) != chosen[k]), method),
    )
    return tau2


def fits_without_each(system: System, tau2: FloatArray, base: int) -> Removed:
    """The fit without each study at its own ``tau2``, shape (studies,); NaN where that is NaN."""
    count = len(tau2)
    potentials, variances, q = np.full((count, system.size), np.nan), np.full((count, system.size), np.nan), tau2 + 0.0
    known = np.flatnonzero(np.isfinite(tau2))
    for positions, points in share_points(tau2[known], smallest_variance(system)):
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


def _likelihoods(system: System, studies: IntArray, restricted: bool) -> Callable[[Projection], WithoutStudy]:
    """The likelihoods without each of ``studies`` (increasing) at a projection's τ²."""
    chosen = parts_of(system, studies).rotated

    def at(whole: Projection) -> WithoutStudy:
        return joined([without_each(whole, own_blocks(b, whole), restricted) for b in chosen])

    return at
