"""The hat matrix: how direct comparisons make up every network estimate, as flow of evidence.

Aggregated over studies, the network is one of resistors: the edge a–b has weight W_ab, minus the Laplacian's entry
(multi-arm studies enter with their equivalent two-arm weights, Rücker & Schwarzer 2014, Statistics in Medicine
33:4353). The row of a comparison i–j is a unit flow from i to j (König, Krahn & Binder 2013, Statistics in Medicine
32:5414): what flows into a treatment flows out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.distance import pdist

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import Solution, System, accumulate, weights_at
from equipoise.synthesis.network.tables import decimals, long_list, long_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


ROWS_AT_ONCE = 1024
"""Rows of a large matrix that are worked on together, to bound the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """The direct comparisons of a connected network: ``low`` < ``high`` local indices, ``weight`` their precision."""

    low: IntArray
    high: IntArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.low)


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceFlow:
    """The hat matrix, one a row a comparison, one a column a direct comparison, all subnetworks together.

    ``matrix``: shape (rows, edges); entry: how much the direct effect ``edge_treatment`` minus ``edge_comparator``
    counts in the network effect ``treatment`` minus ``comparator``; as a flow it runs from treatment to comparator.
    """

    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    edge_treatment: tuple[str, ...]
    edge_comparator: tuple[str, ...]
    matrix: FloatArray

    def to_frame(self) -> Any:
        """One row a comparison and edge with flow."""
        from equipoise.frames import make_frame

        rows, columns = np.nonzero(np.abs(self.matrix) > 1e-12)
        return make_frame(
            {
                "treatment": [self.treatment[i] for i in rows],
                "comparator": [self.comparator[i] for i in rows],
                "edge_treatment": [self.edge_treatment[j] for j in columns],
                "edge_comparator": [self.edge_comparator[j] for j in columns],
                "flow": self.matrix[rows, columns],
            }
        )

    def summary(self, most: int = 3) -> str:
        """The largest flows of every comparison, ``most`` of them, as text; of many comparisons the first."""
        largest = np.argsort(-np.abs(self.matrix), axis=1, kind="stable")[:, :most]
        edge = [f"{a} : {b}" for a, b in zip(self.edge_treatment, self.edge_comparator, strict=True)]
        listed = [
            "; ".join(f"{edge[j]} {decimals(row[j], 2)}" for j in columns.tolist() if abs(row[j]) > 1e-12)
            for row, columns in zip(self.matrix, largest, strict=True)
        ]
        pairs = [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)]
        title = f"Evidence flow: the largest entries of the hat matrix, at most {most} a comparison"
        return f"{title}\n\n{long_list(pairs, listed, 'comparisons')}"


@dataclass(frozen=True, slots=True, eq=False)
class NetworkMeasures:
    """How each network estimate rests on the evidence (König, Krahn & Binder 2013, section 3.4); one entry a pair.

    ``proportion``: of direct evidence; ``mean_path_length``: direct comparisons combined in series, on average (above
    two: mostly indirect); ``minimal_parallelism``: at least how many designs run in parallel,
    ``minimal_parallelism_studies``: at least how many studies.
    """

    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    proportion: FloatArray
    mean_path_length: FloatArray
    minimal_parallelism: FloatArray
    minimal_parallelism_studies: FloatArray

    def to_frame(self) -> Any:
        """One row a comparison."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "treatment": self.treatment,
                "comparator": self.comparator,
                "proportion_direct": self.proportion,
                "mean_path_length": self.mean_path_length,
                "minimal_parallelism": self.minimal_parallelism,
                "minimal_parallelism_studies": self.minimal_parallelism_studies,
            }
        )

    def summary(self) -> str:
        """The table as text; of many comparisons the first."""
        return long_table(
            {
                "comparison": [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)],
                "direct": [decimals(x, 2) for x in self.proportion],
                "mean path": [decimals(x, 2) for x in self.mean_path_length],
                "min. parallel": [decimals(x, 2) for x in self.minimal_parallelism],
                "(studies)": [decimals(x, 2) for x in self.minimal_parallelism_studies],
            },
            "comparisons",
        )


def edges(system: System, tau2: float) -> Edges:
    """The direct comparisons with their weights at ``tau2``."""
    n = system.size
    laplacian = accumulate(system, weights_at(system, tau2))
    compared = np.zeros((n, n), dtype=bool)
    for block in system.rotated:
        compared[block.arms[:, :, None], block.arms[:, None, :]] = True
    low, high = np.nonzero(np.triu(compared, 1))
    return Edges(low, high, -laplacian[low, high])


def hat_rows(solution: Solution, edge: Edges, rows: IntArray, columns: IntArray) -> FloatArray:
    """Rows of the hat matrix for the comparisons ``rows[k]`` minus ``columns[k]``, shape (comparisons, edges)."""
    push = (solution.inverse[:, edge.low] - solution.inverse[:, edge.high]) * edge.weight
    flow: FloatArray = push[rows]
    for start in range(0, len(flow), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        flow[part] -= push[columns[part]]
    return flow


def chosen_pairs(fit: NetworkFit, pairs: Iterable[tuple[str, str]] | None) -> list[tuple[IntArray, IntArray]]:
    """For each subnetwork the local indices of the pairs asked for, or of all its pairs (first by name first).

    Raises ``DataError`` for a pair that isn't connected.
    """
    if pairs is None:
        return [np.triu_indices(system.size, 1) for system in fit.systems]
    part = fit.part_of()
    wanted: list[list[tuple[int, int]]] = [[] for _ in fit.systems]
    for first, second in pairs:
        a, b = fit.network.position(first), fit.network.position(second)
        if part[a] != part[b] or a == b:
            why = "are the same" if a == b else "lie in different subnetworks, which nothing connects"
            raise DataError(f"{first!r} and {second!r} {why}; choose another pair")
        members = fit.systems[part[a]].treatments
        wanted[part[a]].append((int(np.searchsorted(members, a)), int(np.searchsorted(members, b))))
    return [(np.array([a for a, _ in w], dtype=np.intp), np.array([b for _, b in w], dtype=np.intp)) for w in wanted]


def evidence_flow(fit: NetworkFit, pairs: Iterable[tuple[str, str]] | None = None) -> EvidenceFlow:
    """See ``NetworkFit.evidence_flow``."""
    chosen = chosen_pairs(fit, pairs)
    found = []
    for system, solution, (rows, columns) in zip(fit.systems, fit.solutions, chosen, strict=True):
        edge = edges(system, solution.tau2)
        found.append(
            (system.treatments[edge.low], system.treatments[edge.high], hat_rows(solution, edge, rows, columns))
        )
    matrix = block_diagonal([m for _, _, m in found])
    names = fit.treatments
    return EvidenceFlow(
        *pair_names(fit, chosen),
        tuple(names[i] for low, _, _ in found for i in low.tolist()),
        tuple(names[j] for _, high, _ in found for j in high.tolist()),
        matrix,
    )


def pair_names(fit: NetworkFit, chosen: Sequence[tuple[IntArray, IntArray]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The treatments and comparators of local pairs, subnetwork after subnetwork."""
    rows = [system.treatments[r] for system, (r, _) in zip(fit.systems, chosen, strict=True)]
    columns = [system.treatments[c] for system, (_, c) in zip(fit.systems, chosen, strict=True)]
    return (
        tuple(fit.treatments[i] for part in rows for i in part.tolist()),
        tuple(fit.treatments[j] for part in columns for j in part.tolist()),
    )


def block_diagonal(parts: Sequence[FloatArray]) -> FloatArray:
    """The matrices side by side along the diagonal, zeros elsewhere."""
    if len(parts) == 1:
        return parts[0]
    whole = np.zeros((sum(len(p) for p in parts), sum(p.shape[1] for p in parts)))
    row = column = 0
    for part in parts:
        whole[row : row + len(part), column : column + part.shape[1]] = part
        row, column = row + len(part), column + part.shape[1]
    return whole


def network_measures(fit: NetworkFit) -> NetworkMeasures:
    """See ``NetworkFit.measures``."""
    chosen = chosen_pairs(fit, None)
    split = fit.split()
    mean_path, parallel, parallel_studies = [], [], []
    for system, solution in zip(fit.systems, fit.solutions, strict=True):
        total, largest, through_study = _flows(system, solution)
        mean_path.append(total)
        parallel.append(1.0 / largest)
        parallel_studies.append(1.0 / through_study)
    treatment, comparator = pair_names(fit, chosen)
    index = {pair: k for k, pair in enumerate(zip(split.treatment, split.comparator, strict=True))}
    position = [index[pair] for pair in zip(treatment, comparator, strict=True)]
    return NetworkMeasures(
        treatment,
        comparator,
        split.proportion[position],
        np.concatenate(mean_path),
        np.concatenate(parallel),
        np.concatenate(parallel_studies),
    )


def _flows(system: System, solution: Solution) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The evidence that flows through all designs together, and most through one design and one study.

    One entry a pair of treatments, in the order of ``np.triu_indices``. A study's push z·w·G, shape (m, n), makes
    the flow ½Σ|push_i − push_j| over its arms: a distance between columns.
    """
    n = system.size
    pairs = n * (n - 1) // 2
    total, largest, through_study = np.zeros(pairs), np.zeros(pairs), np.zeros(pairs)
    for block, w in zip(system.rotated, weights_at(system, solution.tau2), strict=True):
        order = np.argsort(block.arms, axis=1)
        arms = np.take_along_axis(block.arms, order, axis=1)
        z = np.take_along_axis(block.coefficients, order[:, None, :], axis=2)
        laplacians = np.matmul((z * w[:, :, None]).transpose(0, 2, 1), z)
        designs, of_design = np.unique(arms, axis=0, return_inverse=True)
        pooled = np.zeros((len(designs), *laplacians.shape[1:]))
        np.add.at(pooled, of_design.ravel(), laplacians)
        if arms.shape[1] == 2:
            # The flow through a pair's studies is proportional to their weight.
            strongest = np.zeros(len(designs))
            np.maximum.at(strongest, of_design.ravel(), laplacians[:, 0, 0])
            push = solution.inverse[designs[:, 0]] - solution.inverse[designs[:, 1]]
            own = np.ascontiguousarray((pooled[:, :1, 0] * push).T)
            total += pdist(own, "cityblock")
            np.maximum(largest, pdist(own, "chebyshev"), out=largest)
            own = np.ascontiguousarray((strongest[:, None] * push).T)
            np.maximum(through_study, pdist(own, "chebyshev"), out=through_study)
            continue
        for laplacian, members in zip(pooled, designs, strict=True):
            through = _through(solution, members, laplacian)
            total += through
            np.maximum(largest, through, out=largest)
        for laplacian, members in zip(laplacians, arms, strict=True):
            np.maximum(through_study, _through(solution, members, laplacian), out=through_study)
    return total, largest, through_study


def _through(solution: Solution, arms: IntArray, laplacian: FloatArray) -> FloatArray:
    """The evidence of every comparison that flows through these studies, one entry a pair of treatments."""
    push = np.ascontiguousarray((laplacian @ solution.inverse[arms]).T)
    flow: FloatArray = 0.5 * pdist(push, "cityblock")
    return flow
