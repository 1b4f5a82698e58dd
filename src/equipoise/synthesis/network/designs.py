"""Designs: studies that compare the same set of treatments, pooled, and taken out of the network's consistency.

All designs with equally many arms are worked on together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import Solution, System, weights_at
from equipoise.synthesis.network.removal import clique, stay_connected, unit_inverse
from equipoise.synthesis.network.unrelated import Assignment, Unrelated, solve_unrelated, unrelated


@dataclass(frozen=True, slots=True, eq=False)
class DesignSet:
    """All d designs with m arms.

    ``arms``: shape (d, m), local indices, the baseline first, the others increasing; ``parameters``: (d, m−1), of the
    design-by-treatment interaction model, the other arms minus the baseline; ``studies``: (d,), how many there are; ``design_of``: (k,), the
    design of each study of the system's block with m arms.
    """

    arms: IntArray
    parameters: IntArray
    studies: IntArray
    design_of: IntArray

    @property
    def contrasts(self) -> int:
        """Parameters of one design, m − 1."""
        return int(self.parameters.shape[1])

    def __len__(self) -> int:
        return len(self.arms)


@dataclass(frozen=True, slots=True, eq=False)
class PooledDesigns:
    """The designs' own estimates against the network's, at one τ²; lists have one entry a ``DesignSet``.

    ``information``: (d, m−1, m−1), inverse covariances of the designs' estimates; ``residuals``: (d, m−1), those
    minus the network's; ``shares``: (d,), each design's part of ``q``, the statistic between designs.
    """

    sets: Sequence[DesignSet]
    information: list[FloatArray]
    residuals: list[FloatArray]
    shares: list[FloatArray]
    q: float


@dataclass(frozen=True, slots=True, eq=False)
class Detached:
    """What is left when each design in turn has effects of its own; NaN where the network needs it to hold together.

    ``q``: shape (designs,), the statistic between designs; ``shift``: (designs, n), how the potentials change.
    """

    q: FloatArray
    shift: FloatArray


def by_design(system: System, reference: int | None = None) -> tuple[Unrelated, list[DesignSet]]:
    """The design-by-treatment interaction model and its designs.

    The baseline of a design is ``reference`` (a local index) where it has that treatment, else its first one.
    """
    sets, assignments, start = [], [], 0
    for block in system.rotated:
        key = block.arms if reference is None else np.where(block.arms == reference, -1, block.arms)
        order = np.argsort(key, axis=1)
        ordered = np.take_along_axis(block.arms, order, axis=1)
        arms, design_of, counts = np.unique(ordered, axis=0, return_inverse=True, return_counts=True)
        design_of = design_of.ravel()
        contrasts = arms.shape[1] - 1
        parameters = start + np.arange(arms.shape[0] * contrasts).reshape(-1, contrasts)
        start += parameters.size
        sets.append(DesignSet(arms, parameters, counts, design_of))
        assignments.append(Assignment(order[:, 0], order[:, 1:], parameters[design_of]))
    return unrelated(system, assignments), sets


def pool_designs(model: Unrelated, sets: Sequence[DesignSet], solution: Solution) -> PooledDesigns:
    """Each design's own estimates against the network's ``solution``, at the same τ²."""
    own = solve_unrelated(model, solution.tau2)
    information, residuals, shares = [], [], []
    for designs in sets:
        size = designs.contrasts
        place = model.offsets[model.block_of[designs.parameters[:, 0]]][:, None] + np.arange(size * size)
        weight = np.linalg.inv(own.inverse[place].reshape(-1, size, size))
        network = solution.potentials[designs.arms]
        residual = own.estimates[designs.parameters] - (network[:, 1:] - network[:, :1])
        information.append(weight)
        residuals.append(residual)
        shares.append(np.einsum("di,dij,dj->d", residual, weight, residual))
    return PooledDesigns(sets, information, residuals, shares, float(sum(s.sum() for s in shares)))


def q_within(model: Unrelated, sets: Sequence[DesignSet]) -> list[FloatArray]:
    """Q within each design at τ² = 0, one array a set."""
    residuals = solve_unrelated(model).residuals
    weights = weights_at(model.system, 0.0)
    return [
        np.asarray(np.bincount(designs.design_of, (w * r**2).sum(axis=1), len(designs)), dtype=float)
        for designs, r, w in zip(sets, residuals, weights, strict=True)
    ]


def detach(system: System, pooled: PooledDesigns, solution: Solution) -> Detached:
    """Effects of its own for each design in turn, by closed-form updates of the one solution."""
    plain = unit_inverse(system)
    q, shift = [], []
    for designs, w, r in zip(pooled.sets, pooled.information, pooled.residuals, strict=True):
        arms = designs.arms
        unit = designs.studies[:, None, None] * clique(arms.shape[1])
        free = stay_connected(plain, arms, unit).all(axis=(1, 2))
        # Columns of the inverse Laplacian for the design's contrasts, shape (designs, contrasts, n).
        push = solution.inverse[arms[:, 1:]] - solution.inverse[arms[:, :1]]
        number = np.arange(len(designs))[:, None, None]
        contrast = np.arange(designs.contrasts)[None, :, None]
        covariance = push[number, contrast, arms[:, None, 1:]] - push[number, contrast, arms[:, None, :1]]
        score = np.matmul(w, r[:, :, None])
        remaining = w - w @ covariance @ w
        remaining[~free] = np.eye(w.shape[1])
        effect = np.linalg.solve(remaining, score)
        left = np.maximum(pooled.q - np.matmul(score.transpose(0, 2, 1), effect)[:, 0, 0], 0.0)
        moved = -np.matmul((w @ effect).transpose(0, 2, 1), push)[:, 0, :]
        left[~free], moved[~free] = np.nan, np.nan
        q.append(left)
        shift.append(moved)
    return Detached(np.concatenate(q), np.concatenate(shift))
