"""Contributions by the random walk that follows the flow of evidence (Davies et al. 2022, Stat Med 41:2091).

A walker starts at the source and takes each outgoing edge with probability proportional to its flow. A path of
length L gives each of its edges the path's probability over L. Summing over all paths needs no enumeration: with
f_k(v) the probability of reaching v in k steps and g_l(v) that of having l steps left to the sink, an edge u → v
taken with probability p gets p Σ f_k(u) g_l(v)/(k + l + 1), and 1/(k + l + 1) = ∫₀¹ xᵏxˡ dx turns the double sum into
a product of generating functions under an integral that Gauss–Legendre quadrature does exactly.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray

ENTRIES_AT_ONCE = 4_000_000
"""How many treatment pairs are worked on together, to bound the memory."""

MASS = 1e-16
"""Probability that is left to rounding."""

QUADRATURE = 1e-15
"""How much of a row the quadrature may miss."""


def random_walk_shares(
    flow: FloatArray, low: IntArray, high: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> FloatArray:
    """Shares of the edges in each row, shape (rows, edges).

    ``flow``: shape (rows, edges), from ``low`` to ``high`` where positive; ``size``: number of treatments.
    """
    shares = np.zeros_like(flow)
    together = max(1, ENTRIES_AT_ONCE // size**2)
    for start in range(0, len(flow), together):
        part = slice(start, start + together)
        shares[part] = _shares(flow[part], low, high, sources[part], sinks[part], size)
    return shares


def _shares(
    flow: FloatArray, low: IntArray, high: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> FloatArray:
    rows = len(flow)
    here = np.arange(rows)
    # Each edge is two arcs in a fixed order, of which one carries the row's flow and the other none.
    tails, heads = np.concatenate([low, high]), np.concatenate([high, low])
    probability = np.concatenate([np.maximum(flow, 0.0), np.maximum(-flow, 0.0)], axis=1)
    order = np.lexsort((heads, tails))
    first = np.flatnonzero(np.diff(tails[order], prepend=-1))
    outflow = np.zeros((rows, size))
    outflow[:, tails[order][first]] = np.add.reduceat(probability[:, order], first, axis=1)
    outflow[here, sinks] = np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        per_unit = np.where(outflow > 0, 1.0 / outflow, 0.0)
    probability *= per_unit[:, tails]
    walk = _transitions(probability, tails, heads, rows, size)
    forward = _steps(walk, here * size + sources, size)
    backward = _steps(walk.T, here * size + sinks, size)
    lengths = forward.reshape(len(forward), rows, size)[:, here, sinks].max(axis=1)
    nodes, weights = _quadrature(lengths)
    reach = _generating(forward, nodes).reshape(len(nodes), rows, size)
    left = _generating(backward, nodes).reshape(len(nodes), rows, size)
    joint = np.matmul((reach * weights[:, None, None]).transpose(1, 2, 0), left.transpose(1, 0, 2))
    probability *= joint.reshape(rows, size * size)[:, tails * size + heads]
    edges = len(low)
    combined: FloatArray = probability[:, :edges] + probability[:, edges:]
    return combined


def _transitions(probability: FloatArray, tails: IntArray, heads: IntArray, rows: int, size: int) -> csr_array:
    """The walks of all rows as one matrix: entry (head, tail), row after row along the diagonal."""
    order = np.lexsort((tails, heads))
    counts = np.bincount(heads, minlength=size)
    pointers = np.concatenate([[0], np.cumsum(np.tile(counts, rows))])
    columns = (np.arange(rows)[:, None] * size + tails[order]).ravel()
    return csr_array((probability[:, order].ravel(), columns, pointers), shape=(rows * size, rows * size))


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


def _quadrature(lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes in [0, 1] and weights that integrate the powers which paths of these lengths need.

    ``lengths[k]``: the largest probability of a path with k edges. Exact for all of them when there are few; for long
    and improbable ones as many nodes as their probability calls for.
    """
    longest = len(lengths)
    powers = np.arange(max(longest - 1, 1))
    for count in range(2, longest // 2 + 2):
        nodes, weights = np.polynomial.legendre.leggauss(count)
        nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
        if 2 * count >= longest:
            break
        missed = np.abs(1.0 - (powers + 1.0) * ((nodes ** powers[:, None]) @ weights))
        if (missed[2 * count :] * lengths[1:][2 * count :]).sum() < QUADRATURE:
            break
    else:
        nodes, weights = np.array([0.5]), np.array([1.0])
    return nodes, weights


def _generating(steps: FloatArray, nodes: FloatArray) -> FloatArray:
    """Σ steps_k xᵏ at every node x, shape (nodes, places)."""
    values: FloatArray = nodes[:, None] ** np.arange(len(steps)) @ steps
    return values
