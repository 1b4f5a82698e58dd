"""How much each direct comparison, and each study, contributes to every network estimate, as a share.

A unit of evidence flows from one treatment of a comparison to the other. Split into paths, each path shares its flow
equally among its edges. The two methods differ in how they choose paths: "random walk" takes every path with the
probability that a walker following the flow takes it (Davies et al. 2022, Statistics in Medicine 41:2091), "shortest
path" takes the shortest path's smallest flow out again and again (Papakonstantinou et al. 2018, F1000Research 7:610).
Only the first has one answer whatever the treatments are called; ties of the second are broken by their order. The
second also takes some six times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.sparse import csr_array, vstack

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.gls import System, weights_at
from equipoise.synthesis.network.hat import (
    ROWS_AT_ONCE,
    Edges,
    block_diagonal,
    chosen_pairs,
    edges,
    hat_rows,
    pair_names,
)
from equipoise.synthesis.network.random_walk import random_walk_shares
from equipoise.synthesis.network.shortest_path import shortest_path_shares
from equipoise.synthesis.network.tables import WIDEST, decimals, long_list, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit

ContributionMethod = Literal["random walk", "shortest path"]

MOST_ENTRIES = {"random walk": 400_000_000, "shortest path": 60_000_000}
"""Comparisons times direct comparisons that are worked out: three gigabytes, or about a minute."""

NEGLIGIBLE = 1e-13
"""Flow smaller than this is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """Shares of direct comparisons and of studies in network estimates; every row sums to 1.

    ``matrix``: shape (rows, edges), the share of each direct comparison (``edge_treatment`` : ``edge_comparator``) in
    the estimate of ``treatment`` against ``comparator``; ``study_shares``: shape (edges, studies), sparse, how each
    direct comparison's weight is made up of its studies'.
    """

    method: str
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    edge_treatment: tuple[str, ...]
    edge_comparator: tuple[str, ...]
    matrix: FloatArray
    studies: tuple[str, ...]
    study_shares: csr_array

    @property
    def study_matrix(self) -> FloatArray:
        """The share of each study in each estimate, shape (rows, studies): that of its comparisons, by its weight."""
        return np.asarray(self.matrix @ self.study_shares)

    def to_frame(self, by: Literal["comparison", "study"] = "comparison") -> Any:
        """One row a comparison and contributing direct comparison, or study."""
        from equipoise.frames import make_frame

        matrix = self.matrix if by == "comparison" else self.study_matrix
        rows, columns = np.nonzero(matrix > 1e-12)
        source: dict[str, Any]
        if by == "comparison":
            source = {
                "edge_treatment": [self.edge_treatment[j] for j in columns],
                "edge_comparator": [self.edge_comparator[j] for j in columns],
            }
        else:
            source = {"study": [self.studies[j] for j in columns]}
        return make_frame(
            {
                "treatment": [self.treatment[i] for i in rows],
                "comparator": [self.comparator[i] for i in rows],
                **source,
                "contribution": matrix[rows, columns],
            }
        )

    def summary(self) -> str:
        """The contributions of direct comparisons as text, in per cent.

        The matrix, or where that would be too wide the three largest of every comparison and what the others add up to.
        """
        pairs = [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)]
        edge = [f"{a} : {b}" for a, b in zip(self.edge_treatment, self.edge_comparator, strict=True)]
        title = f"Contribution of direct comparisons (per cent, {self.method})"
        if max(map(len, pairs), default=0) + sum(2 + len(name) for name in edge) <= WIDEST:
            text = {"": pairs}
            for j, name in enumerate(edge):
                text[name] = [decimals(100.0 * x, 1) if x > 1e-12 else "." for x in self.matrix[:, j]]
            return f"{title}\n\n{text_table(text)}"
        listed = []
        for row, order in zip(self.matrix, np.argsort(-self.matrix, axis=1, kind="stable"), strict=True):
            largest = [j for j in order[:3].tolist() if row[j] > 1e-12]
            others = int((row > 1e-12).sum()) - len(largest)
            rest = f"; {others} others {decimals(100.0 * (1.0 - row[largest].sum()), 1)}" if others else ""
            listed.append("; ".join(f"{edge[j]} {decimals(100.0 * row[j], 1)}" for j in largest) + rest)
        return f"{title}\n\n{long_list(pairs, listed, 'comparisons')}"


def contributions(
    fit: NetworkFit, method: ContributionMethod = "random walk", pairs: Iterable[tuple[str, str]] | None = None
) -> Contributions:
    """See ``NetworkFit.contributions``."""
    if method not in ("random walk", "shortest path"):
        raise DataError(f"method {method!r} isn't known; choose 'random walk' or 'shortest path'")
    chosen = chosen_pairs(fit, pairs)
    entries = sum(len(rows) * len(edges(s, 0.0)) for s, (rows, _) in zip(fit.systems, chosen, strict=True))
    if entries > MOST_ENTRIES[method]:
        raise DataError(
            f"contributions to {sum(len(r) for r, _ in chosen)} comparisons by the {method} method are {entries:,} "
            "numbers, more than can be worked out in minutes; ask for the comparisons of interest with pairs="
            + ("" if method == "random walk" else ", or for method='random walk'")
        )
    matrices, shares, lows, highs = [], [], [], []
    total = len(fit.network.studies)
    for system, solution, (rows, columns) in zip(fit.systems, fit.solutions, chosen, strict=True):
        edge = edges(system, solution.tau2)
        flow = hat_rows(solution, edge, rows, columns)
        for start in range(0, len(flow), ROWS_AT_ONCE):
            part = flow[start : start + ROWS_AT_ONCE]
            part[np.abs(part) < NEGLIGIBLE] = 0.0
        divide = random_walk_shares if method == "random walk" else shortest_path_shares
        divide(flow, edge.low, edge.high, rows, columns, system.size)
        matrices.append(flow)
        shares.append(_study_shares(system, edge, solution.tau2, total))
        lows.append(system.treatments[edge.low])
        highs.append(system.treatments[edge.high])
    names = fit.treatments
    return Contributions(
        method,
        *pair_names(fit, chosen),
        tuple(names[i] for low in lows for i in low.tolist()),
        tuple(names[j] for high in highs for j in high.tolist()),
        block_diagonal(matrices),
        tuple(s.study for s in fit.network.studies),
        csr_array(vstack(shares)),
    )


def _study_shares(system: System, edge: Edges, tau2: float, total: int) -> csr_array:
    """How each edge's weight is made up of its studies', shape (edges, ``total``)."""
    number = np.full((system.size, system.size), -1, dtype=np.intp)
    number[edge.low, edge.high] = number[edge.high, edge.low] = np.arange(len(edge))
    owners, studies, weights = [], [], []
    for block, w in zip(system.rotated, weights_at(system, tau2), strict=True):
        z = block.coefficients
        laplacians = np.matmul((z * w[:, :, None]).transpose(0, 2, 1), z)
        first, second = np.triu_indices(block.arms.shape[1], 1)
        owners.append(number[block.arms[:, first], block.arms[:, second]].ravel())
        weights.append(-laplacians[:, first, second].ravel())
        studies.append(np.repeat(block.studies, len(first)))
    owner, study = np.concatenate(owners), np.concatenate(studies)
    part = np.concatenate(weights) / edge.weight[owner]
    return csr_array((part, (owner, study)), shape=(len(edge), total))
