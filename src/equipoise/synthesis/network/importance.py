"""How much precision every network estimate would lose without a study, or without a direct comparison.

Taking out information of low rank changes a variance in closed form: with L − BᵀB for L, var(c) grows by
‖(I − BGBᵀ)^(−½) BGc‖², where G is the inverse Laplacian (Woodbury). Importance is the share of precision lost,
1 − var/var without (Rücker et al. 2020, BMC Med Res Methodol 20:190; netmeta's netimpact approximates the removal by
a large standard error).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import Solution, System, resistances, weights_at
from equipoise.synthesis.network.hat import Edges, block_diagonal, chosen_pairs, edges, pair_names
from equipoise.synthesis.network.tables import decimals, long_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit

MOST_ENTRIES = 250_000_000
"""Entries of all matrices together, two gigabytes of them."""

ESSENTIAL = 1e-10
"""A direction of which less than this share of the precision would remain holds the network together."""


@dataclass(frozen=True, slots=True, eq=False)
class Importance:
    """The share of precision lost, 0 to 1; 1 where an estimate isn't possible any more. τ² stays as it is.

    ``by_study``: shape (comparisons, studies); ``by_edge``: shape (comparisons, edges), a direct comparison
    (``edge_treatment`` : ``edge_comparator``) taken out of the aggregated network; ``standard_errors``: shape
    (comparisons, edges), what the standard error would then be (infinite where there would be no estimate).
    """

    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    studies: tuple[str, ...]
    by_study: FloatArray
    edge_treatment: tuple[str, ...]
    edge_comparator: tuple[str, ...]
    by_edge: FloatArray
    standard_errors: FloatArray

    def to_frame(self) -> Any:
        """One row a comparison and study."""
        from equipoise.frames import make_frame

        rows, columns = np.nonzero(self.by_study > 1e-12)
        return make_frame(
            {
                "treatment": [self.treatment[i] for i in rows],
                "comparator": [self.comparator[i] for i in rows],
                "study": [self.studies[j] for j in columns],
                "importance": self.by_study[rows, columns],
            }
        )

    def summary(self) -> str:
        """The most important study of each comparison, as text; of many comparisons the first."""
        top = self.by_study.argmax(axis=1)
        return long_table(
            {
                "comparison": [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)],
                "most important study": [self.studies[j] for j in top],
                "importance": [decimals(x, 3) for x in self.by_study[np.arange(len(top)), top]],
            },
            "comparisons",
        )


def importance(fit: NetworkFit, pairs: Iterable[tuple[str, str]] | None = None) -> Importance:
    """See ``NetworkFit.importance``."""
    chosen = chosen_pairs(fit, pairs)
    compared = sum(len(edges(system, 0.0)) for system in fit.systems)
    asked = sum(len(first) for first, _ in chosen)
    if asked * (len(fit.network.studies) + 2 * compared) > MOST_ENTRIES:
        raise DataError(
            f"the importance of {len(fit.network.studies)} studies and {compared} direct comparisons for {asked} "
            "comparisons is more than fits in memory; ask for those of interest with pairs="
        )
    by_study, by_edge, now, errors, lows, highs = [], [], [], [], [], []
    for system, solution, inference, (rows, columns) in zip(
        fit.systems, fit.solutions, fit.inferences, chosen, strict=True
    ):
        variance = resistances(solution.inverse)[rows, columns]
        by_study.append(_without_studies(system, solution, rows, columns, variance, len(fit.network.studies)))
        edge = edges(system, solution.tau2)
        growth = _without_edges(solution, edge, rows, columns, variance)
        by_edge.append(_lost(growth, variance[:, None]))
        now.append(inference.scale * np.sqrt(variance))
        errors.append(inference.scale * np.sqrt(variance[:, None] + growth))
        lows += [fit.treatments[i] for i in system.treatments[edge.low].tolist()]
        highs += [fit.treatments[i] for i in system.treatments[edge.high].tolist()]
    lost = block_diagonal(by_edge)
    # A direct comparison of another subnetwork changes nothing.
    own = block_diagonal([np.ones_like(e) for e in errors]) > 0
    return Importance(
        *pair_names(fit, chosen),
        tuple(s.study for s in fit.network.studies),
        np.concatenate(by_study),
        tuple(lows),
        tuple(highs),
        lost,
        np.where(own, block_diagonal(errors), np.concatenate(now)[:, None]),
    )


def _without_studies(
    system: System, solution: Solution, rows: IntArray, columns: IntArray, variance: FloatArray, count: int
) -> FloatArray:
    """The share of precision each comparison loses without each study, shape (comparisons, ``count``)."""
    lost = np.zeros((len(rows), count))
    for block, weights in zip(system.rotated, weights_at(system, solution.tau2), strict=True):
        roots = block.coefficients * np.sqrt(weights)[:, :, None]
        for study, arms, root in zip(block.studies.tolist(), block.arms, roots, strict=True):
            push = root @ solution.inverse[arms]
            values, vectors = np.linalg.eigh(np.eye(len(root)) - push[:, arms] @ root.T)
            turned = vectors.T @ push
            squares = (turned[:, rows] - turned[:, columns]) ** 2
            growth = np.zeros(len(rows))
            for value, square in zip(values, squares, strict=True):
                growth += _grown(square, float(value), variance)
            lost[:, study] = _lost(growth, variance)
    return lost


def _without_edges(
    solution: Solution, edge: Edges, rows: IntArray, columns: IntArray, variance: FloatArray
) -> FloatArray:
    """By how much each comparison's variance grows without each direct comparison, shape (comparisons, edges)."""
    push = (solution.inverse[:, edge.low] - solution.inverse[:, edge.high]) * np.sqrt(edge.weight)
    squares = (push[rows] - push[columns]) ** 2
    left = 1.0 - edge.weight * resistances(solution.inverse)[edge.low, edge.high]
    return _grown(squares, left, variance[:, None])


def _grown(squares: FloatArray, left: FloatArray | float, variance: FloatArray) -> FloatArray:
    """squares/left, infinite where nothing is left of a direction that the comparison needs."""
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(np.asarray(left) > ESSENTIAL, squares / left, np.inf)
    grown: FloatArray = np.where(squares <= ESSENTIAL * variance, 0.0, growth)
    return grown


def _lost(growth: FloatArray, variance: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        share: FloatArray = np.where(np.isinf(growth), 1.0, growth / (growth + variance))
    return share
