"""Which treatments are connected by studies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.intp]


def components(size: int, edges: Iterable[tuple[IntArray, IntArray]]) -> IntArray:
    """The component each of ``size`` nodes belongs to, numbered from 0; ``edges`` as pairs of index arrays."""
    pairs = list(edges)
    starts = np.concatenate([a.ravel() for a, _ in pairs]) if pairs else np.empty(0, dtype=np.intp)
    ends = np.concatenate([b.ravel() for _, b in pairs]) if pairs else np.empty(0, dtype=np.intp)
    graph = coo_array((np.ones(len(starts)), (starts, ends)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)


def subnetworks(treatments: Sequence[str], arms: Iterable[IntArray]) -> tuple[tuple[str, ...], ...]:
    """The treatments of each connected part, largest part first, then by name.

    ``arms``: arrays of treatment indices, shape (studies, arms), one array for each number of arms.
    """
    edges = ((np.broadcast_to(a[:, :1], a[:, 1:].shape), a[:, 1:]) for a in arms)
    label = components(len(treatments), edges)
    parts: dict[int, list[str]] = {}
    for treatment, part in zip(treatments, label.tolist(), strict=True):
        parts.setdefault(part, []).append(treatment)
    return tuple(sorted((tuple(sorted(part)) for part in parts.values()), key=lambda part: (-len(part), part)))
