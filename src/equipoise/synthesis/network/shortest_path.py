"""Contributions by repeatedly taking out the shortest path (Papakonstantinou et al. 2018, F1000Research 7:610).

Of the paths with fewest edges the one whose treatments come first is taken, with the smallest flow along it, which is
removed; until nothing flows. netmeta finds the same paths by breadth-first search, whose first shortest path is the
lexicographically smallest in the order in which treatments first appear among the row's edges, written along the
flow. All rows are worked on side by side: the paths of one length are those of a blocking flow in the layered network
(Dinic 1970), searched depth first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray

ROWS_AT_ONCE = 2048


def shortest_path_shares(
    flow: FloatArray, low: IntArray, high: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> None:
    """Turn each row of ``flow`` into the shares of the edges, in place.

    ``flow``: shape (rows, edges), from ``low`` to ``high`` where positive; ``size``: number of treatments.
    """
    for members, order in _orders(flow, low, high, size):
        arcs = _arcs(low, high, order, size)
        for start in range(0, len(members), ROWS_AT_ONCE):
            part = members[start : start + ROWS_AT_ONCE]
            flow[part] = _take_paths(flow[part], arcs, len(low), sources[part], sinks[part], size)


def _orders(flow: FloatArray, low: IntArray, high: IntArray, size: int) -> list[tuple[IntArray, IntArray]]:
    """Rows that see the treatments in the same order of appearance, and each treatment's place in that order.

    Going through the edges, two treatments that appear together for the first time are entered along the flow; the
    order therefore depends on the direction of those few edges only.
    """
    seen = np.zeros(size, dtype=bool)
    together = []
    for e, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        if not seen[a] and not seen[b]:
            together.append(e)
        seen[a] = seen[b] = True
    direction = flow[:, together] > 0
    patterns, which = np.unique(direction, axis=0, return_inverse=True)
    found = []
    for number, pattern in enumerate(patterns):
        forward = dict(zip(together, pattern.tolist(), strict=True))
        listed: dict[int, None] = {}
        for e, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            for node in (a, b) if forward.get(e, True) else (b, a):
                listed.setdefault(node)
        place = np.empty(size, dtype=np.intp)
        place[list(listed)] = np.arange(len(listed))
        found.append((np.flatnonzero(which.ravel() == number), place))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Arcs:
    """Every edge in both directions, ordered by tail and then by the head's place."""

    tail: IntArray
    head: IntArray
    edge: IntArray
    sign: IntArray


def _arcs(low: IntArray, high: IntArray, place: IntArray, size: int) -> _Arcs:
    tail, head = np.concatenate([low, high]), np.concatenate([high, low])
    edge = np.tile(np.arange(len(low)), 2)
    sign = np.repeat(np.array([1, -1]), len(low))
    order = np.argsort(tail * size + place[head])
    return _Arcs(tail[order], head[order], edge[order], sign[order])


def _take_paths(flow: FloatArray, arcs: _Arcs, edges: int, sources: IntArray, sinks: IntArray, size: int) -> FloatArray:
    """Take the paths out of every row, all paths of one length at a time."""
    directed = flow[:, arcs.edge] * arcs.sign
    row, arc = np.nonzero(directed > 0)
    left = directed[row, arc]
    taken = np.zeros(flow.size)
    while len(row):
        distance = _distances(row, arcs.tail[arc], arcs.head[arc], sources, sinks, size)
        lengths = distance[np.arange(len(flow)), sources]
        # Rounding may leave flow that reaches the sink no more.
        useful = lengths[row] < size
        row, arc, left = row[useful], arc[useful], left[useful]
        if not len(row):
            break
        ahead = distance[row, arcs.tail[arc]]
        admissible = np.flatnonzero((ahead == distance[row, arcs.head[arc]] + 1) & (ahead <= lengths[row]))
        live, position = np.unique(row[admissible], return_inverse=True)
        chosen = arc[admissible]
        flows, shares = np.append(left[admissible], np.inf), np.zeros(len(admissible) + 1)
        per_node = np.bincount(position * size + arcs.tail[chosen], minlength=len(live) * size)
        last = np.cumsum(per_node)
        _block(flows, shares, arcs.head[chosen], last - per_node, last, lengths[live], sources[live], size)
        left[admissible] = flows[:-1]
        taken[row[admissible] * edges + arcs.edge[chosen]] += shares[:-1]
        kept = left > 0
        row, arc, left = row[kept], arc[kept], left[kept]
    return taken.reshape(flow.shape)


def _distances(
    row: IntArray, tail: IntArray, head: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> IntArray:
    """Edges to the sink along the given arcs, shape (rows, size); ``size`` where out of reach or past the source."""
    rows = np.arange(len(sources))
    distance = np.full((len(rows), size), size, dtype=np.intp)
    distance[rows, sinks] = 0
    for level in range(size):
        step = (distance[row, head] == level) & (distance[row, tail] == size)
        if not step.any():
            break
        distance[row[step], tail[step]] = level + 1
        waiting = distance[rows, sources] == size
        keep = waiting[row] & (distance[row, tail] == size)
        row, tail, head = row[keep], tail[keep], head[keep]
    return distance


def _block(
    flows: FloatArray,
    shares: FloatArray,
    heads: IntArray,
    current: IntArray,
    last: IntArray,
    lengths: IntArray,
    sources: IntArray,
    size: int,
) -> None:
    """Take out every shortest path of every row, in place, the smallest first.

    ``flows``, ``shares``: of the admissible arcs, rows one after another, each row by tail, and one more arc that
    never empties; ``current``, ``last``: the arcs of each row and treatment; ``lengths``: of each row's paths.
    """
    rows = len(lengths)
    none = len(heads)
    nodes = np.zeros((rows, int(lengths.max()) + 1), dtype=np.intp)
    path = np.full((rows, int(lengths.max())), none, dtype=np.intp)
    nodes[:, 0] = sources
    depth = np.zeros(rows, dtype=np.intp)
    active = np.arange(rows)
    while len(active):
        level = depth[active]
        arrived = level == lengths[active]
        if arrived.any():
            done = active[arrived]
            along = path[done]
            smallest = flows[along].min(axis=1)
            flows[along] -= smallest[:, None]
            shares[along] += (smallest / lengths[done])[:, None]
            emptied = np.argmax(flows[along] <= 0.0, axis=1)
            depth[done] = emptied
        moving = active[~arrived]
        place = moving * size + nodes[moving, depth[moving]]
        arc = current[place]
        stuck = arc >= last[place]
        back = moving[stuck]
        depth[back] -= 1
        behind = back[depth[back] >= 0]
        current[behind * size + nodes[behind, depth[behind]]] += 1
        forward, place, arc = moving[~stuck], place[~stuck], arc[~stuck]
        empty = flows[arc] <= 0.0
        current[place[empty]] += 1
        forward, arc = forward[~empty], arc[~empty]
        path[forward, depth[forward]] = arc
        depth[forward] += 1
        nodes[forward, depth[forward]] = heads[arc]
        if len(back):
            active = active[depth[active] >= 0]
