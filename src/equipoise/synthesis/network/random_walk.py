"""Contributions by the random walk that follows the flow of evidence (Davies et al. 2022, Stat Med 41:2091).

A walker starts at the source and takes each outgoing edge with probability proportional to its flow. A path of
length L gives each of its edges the path's probability over L. Summing over all paths needs no enumeration: with
f_k(v) the probability of reaching v in k steps and g_l(v) that of having l steps left to the sink, an edge u → v
taken with probability p gets p Σ f_k(u) g_l(v)/(k + l + 1), and 1/(k + l + 1) = ∫₀¹ xᵏxˡ dx turns the double sum into
a product of generating functions under an integral that Gauss–Legendre quadrature does exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.sparse import csc_array, csr_array

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray

ENTRIES_AT_ONCE = 160_000
"""How many edges of all rows are worked on together, so that they stay in the processor's cache."""

MASS = 1e-16
"""Probability that is left to rounding."""

QUADRATURE = 1e-15
"""How much of a row the quadrature may miss."""


def random_walk_shares(
    flow: FloatArray, low: IntArray, high: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> None:
    """Turn each row of ``flow`` into the shares of the edges, in place.

    ``flow``: shape (rows, edges), from ``low`` to ``high`` where positive; ``size``: number of treatments.
    """
    arcs = _arcs(low, high)
    together = max(1, ENTRIES_AT_ONCE // len(low))
    for start in range(0, len(flow), together):
        part = slice(start, start + together)
        _share(flow[part], arcs, sources[part], sinks[part], size)


@dataclass(frozen=True, slots=True, eq=False)
class _Arcs:
    """Every edge in both directions, ordered by head and then by tail."""

    tail: IntArray
    head: IntArray
    edge: IntArray
    sign: IntArray


def _arcs(low: IntArray, high: IntArray) -> _Arcs:
    tail, head = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.lexsort((tail, head))
    edge = np.tile(np.arange(len(low)), 2)
    sign = np.repeat(np.array([1, -1]), len(low))
    return _Arcs(tail[order], head[order], edge[order], sign[order])


def _share(flow: FloatArray, arcs: _Arcs, sources: IntArray, sinks: IntArray, size: int) -> None:
    rows = len(flow)
    here = np.arange(rows)
    directed = flow.take(arcs.edge, axis=1)
    directed *= arcs.sign
    found = np.flatnonzero(directed > 0)
    carried = directed.ravel().take(found)
    row = found // len(arcs.edge)
    arc = found - row * len(arcs.edge)
    start = row * size
    tail, head = start + arcs.tail.take(arc), start + arcs.head.take(arc)
    outflow = np.bincount(tail, weights=carried, minlength=rows * size)
    outflow[here * size + sinks] = np.inf
    probability = carried / outflow.take(tail)
    # The walks of all rows as one matrix, entry (head, tail), row after row along the diagonal.
    pointers = np.concatenate([[0], np.cumsum(np.bincount(head, minlength=rows * size))])
    walk = csr_array((probability, tail, pointers), shape=(rows * size, rows * size))
    forward = _steps(walk, here * size + sources, size)
    backward = _steps(walk.T, here * size + sinks, size)
    lengths = forward.reshape(len(forward), rows, size)[:, here, sinks].max(axis=1)
    nodes, weights = _quadrature(lengths)
    reach, left = _generating(forward, nodes) * weights, _generating(backward, nodes)
    flow[:] = 0.0
    flow[row, arcs.edge.take(arc)] = probability * np.einsum(
        "aq,aq->a", reach.take(tail, axis=0), left.take(head, axis=0)
    )


def _steps(walk: csr_array | csc_array, starts: IntArray, size: int) -> FloatArray:
    """The mass at every place after 0, 1, 2, … steps from ``starts``, shape (steps, places)."""
    mass: FloatArray = np.zeros(walk.shape[0])
    mass[starts] = 1.0
    steps = [mass]
    # Evidence flows from higher to lower potential, so that no path is longer than the number of treatments. The
    # bound is twice that because the weight of a comparison can be negative in an odd multi-arm study.
    for _ in range(2 * size):
        mass = walk @ mass
        if not mass.max() > MASS:
            break
        steps.append(mass)
    return np.stack(steps)


@cache
def _gauss(count: int) -> tuple[FloatArray, FloatArray]:
    """Gauss–Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def _quadrature(lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes in [0, 1] and weights that integrate the powers which paths of these lengths need.

    ``lengths[k]``: the largest probability of a path with k edges. Exact for all of them when there are few; for long
    and improbable ones as many nodes as their probability calls for.
    """
    longest = len(lengths)
    powers = np.arange(max(longest - 1, 1))
    for count in range(2, longest // 2 + 2):
        nodes, weights = _gauss(count)
        if 2 * count >= longest:
            break
        missed = np.abs(1.0 - (powers + 1.0) * ((nodes ** powers[:, None]) @ weights))
        if (missed[2 * count :] * lengths[1:][2 * count :]).sum() < QUADRATURE:
            break
    else:
        nodes, weights = np.array([0.5]), np.array([1.0])
    return nodes, weights


def _generating(steps: FloatArray, nodes: FloatArray) -> FloatArray:
    """Σ steps_k xᵏ at every node x, shape (places, nodes)."""
    values: FloatArray = steps.T @ nodes ** np.arange(len(steps))[:, None]
    return values
