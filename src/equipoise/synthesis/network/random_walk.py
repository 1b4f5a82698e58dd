"""Contributions by the random walk that follows the flow of evidence (Davies et al. 2022, Stat Med 41:2091).

A walker starts at the source and takes each outgoing edge with probability proportional to its flow. A path of
length L gives each of its edges the path's probability over L. Summing over all paths needs no enumeration: with
f_k(v) the probability of reaching v in k steps and g_l(v) that of having l steps left to the sink, an edge u → v
taken with probability p gets p Σ f_k(u) g_l(v)/(k + l + 1), and 1/(k + l + 1) = ∫₀¹ xᵏxˡ dx turns the double sum into
a product of generating functions under an integral that Gauss–Legendre quadrature does exactly.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray

ROWS_AT_ONCE = 512
MASS = 1e-16
"""Probability that is left to rounding."""


def random_walk_shares(
    flow: FloatArray, low: IntArray, high: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> FloatArray:
    """Shares of the edges in each row, shape (rows, edges).

    ``flow``: shape (rows, edges), from ``low`` to ``high`` where positive; ``size``: number of treatments.
    """
    shares = np.zeros_like(flow)
    for start in range(0, len(flow), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        shares[part] = _shares(flow[part], low, high, sources[part], sinks[part], size)
    return shares


def _shares(
    flow: FloatArray, low: IntArray, high: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> FloatArray:
    rows = len(flow)
    if rows == 0:
        return np.zeros_like(flow)
    # Each edge is two arcs in a fixed order, of which one carries the row's flow and the other none.
    tails, heads = np.concatenate([low, high]), np.concatenate([high, low])
    probability = np.concatenate([np.maximum(flow, 0.0), np.maximum(-flow, 0.0)], axis=1)
    probability[sinks[:, None] == tails[None, :]] = 0.0
    position = np.arange(rows)[:, None] * size
    outflow = np.bincount((position + tails).ravel(), weights=probability.ravel(), minlength=rows * size)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_unit = np.where(outflow > 0, 1.0 / outflow, 0.0).reshape(rows, size)
    probability *= per_unit[:, tails]
    walk = _transitions(probability, tails, heads, rows, size)
    forward = _steps(walk, np.arange(rows) * size + sources, rows * size, size)
    backward = _steps(walk.T.tocsr(), np.arange(rows) * size + sinks, rows * size, size)
    nodes, weights = np.polynomial.legendre.leggauss((len(forward) + len(backward)) // 2 + 1)
    powers = 0.5 * (nodes + 1.0)
    shares = np.zeros_like(probability)
    for x, w in zip(powers, 0.5 * weights, strict=True):
        reach = _generating(forward, x).reshape(rows, size)
        left = _generating(backward, x).reshape(rows, size)
        shares += w * reach[:, tails] * left[:, heads]
    shares *= probability
    edges = len(low)
    combined: FloatArray = shares[:, :edges] + shares[:, edges:]
    return combined


def _transitions(probability: FloatArray, tails: IntArray, heads: IntArray, rows: int, size: int) -> csr_array:
    """The walks of all rows as one matrix: entry (head, tail), row after row along the diagonal."""
    order = np.lexsort((tails, heads))
    counts = np.bincount(heads, minlength=size)
    pointers = np.concatenate([[0], np.cumsum(np.tile(counts, rows))])
    columns = (np.arange(rows)[:, None] * size + tails[order]).ravel()
    return csr_array((probability[:, order].ravel(), columns, pointers), shape=(rows * size, rows * size))


def _steps(walk: csr_array, starts: IntArray, length: int, size: int) -> FloatArray:
    """The mass at every place after 0, 1, 2, … steps from ``starts``, shape (steps, length)."""
    mass: FloatArray = np.zeros(length)
    mass[starts] = 1.0
    steps = [mass]
    # Evidence flows from higher to lower potential, so that no path is longer than the number of treatments. The
    # bound is twice that because the weight of a comparison can be negative in an odd multi-arm study.
    for _ in range(2 * size):
        mass = walk @ mass
        if not (mass > MASS).any():
            break
        steps.append(mass)
    return np.stack(steps)


def _generating(steps: FloatArray, x: float) -> FloatArray:
    """Σ steps_k xᵏ."""
    value: FloatArray = (x ** np.arange(len(steps))) @ steps
    return value
