"""Contributions by repeatedly taking out the shortest path (Papakonstantinou et al. 2018, F1000Research 7:610).

Of the paths with fewest edges the one whose treatments come first is taken, with the smallest flow along it, which is
removed; until nothing flows. netmeta finds the same paths by breadth-first search, whose first shortest path is the
lexicographically smallest in the order in which treatments first appear among the row's edges, written along the
flow. The paths of one length are those of a blocking flow in the layered network (Dinic 1970), searched depth first.

All rows are worked on side by side, as one network without connections between rows: treatment t of row r is the
place r·size + t.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray

ENTRIES_AT_ONCE = 2_000_000
"""How many edges of all rows are worked on together; each takes about a hundred bytes."""

EMPTIED = 0.2
"""The share of emptied arcs at which the others are moved together."""

FEW = 0.1
"""The share of paths below which dead ends are left to the next time that a path meets them."""

FAR = 1 << 30
"""Distance of what doesn't lead to the sink."""


def shortest_path_shares(
    flow: FloatArray, low: IntArray, high: IntArray, sources: IntArray, sinks: IntArray, size: int
) -> None:
    """Turn each row of ``flow`` into the shares of the edges, in place.

    ``flow``: shape (rows, edges), from ``low`` to ``high`` where positive; ``size``: number of treatments.
    """
    orders, which = _orders(flow, low, high, size)
    arcs = [_arcs(low, high, order, size) for order in orders]
    rows = np.argsort(which, kind="stable")
    together = max(1, ENTRIES_AT_ONCE // len(low))
    for start in range(0, len(rows), together):
        part = rows[start : start + together]
        carried = _carried(flow[part], which[part], arcs, size)
        first = np.arange(len(part)) * size
        shares = np.zeros(len(part) * len(low))
        _take_paths(carried, first + sources[part], first + sinks[part], len(part) * size, shares)
        flow[part] = shares.reshape(len(part), -1)


def _orders(flow: FloatArray, low: IntArray, high: IntArray, size: int) -> tuple[list[IntArray], IntArray]:
    """The orders in which rows may see the treatments appear (each treatment's place), and which each row does.

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
    orders = []
    for pattern in patterns:
        forward = dict(zip(together, pattern.tolist(), strict=True))
        listed: dict[int, None] = {}
        for e, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            for node in (a, b) if forward.get(e, True) else (b, a):
                listed.setdefault(node)
        place = np.empty(size, dtype=np.intp)
        place[list(listed)] = np.arange(len(listed))
        orders.append(place)
    return orders, which.ravel()


@dataclass(frozen=True, slots=True, eq=False)
class _Arcs:
    """Every edge in both directions, ordered by tail and then by the head's place."""

    tail: IntArray
    head: IntArray
    edge: IntArray
    sign: IntArray


def _arcs(low: IntArray, high: IntArray, order: IntArray, size: int) -> _Arcs:
    tail, head = np.concatenate([low, high]), np.concatenate([high, low])
    edge = np.tile(np.arange(len(low)), 2)
    sign = np.repeat(np.array([1, -1]), len(low))
    sorted_ = np.argsort(tail * size + order[head])
    return _Arcs(tail[sorted_], head[sorted_], edge[sorted_], sign[sorted_])


@dataclass(frozen=True, slots=True, eq=False)
class _Carried:
    """The arcs that carry evidence, by row, tail and order of the head.

    ``tail``, ``head``: places; ``entry``: of the row's edge among those of all rows; ``left``: the flow not yet taken
    out; ``share``: of the paths taken out.
    """

    tail: IntArray
    head: IntArray
    entry: IntArray
    left: FloatArray
    share: FloatArray

    def at(self, index: IntArray) -> _Carried:
        return _Carried(self.tail[index], self.head[index], self.entry[index], self.left[index], self.share[index])


def _carried(flow: FloatArray, which: IntArray, arcs: list[_Arcs], size: int) -> _Carried:
    edges = flow.shape[1]
    pieces = []
    for number in np.unique(which).tolist():
        some = arcs[number]
        rows = np.flatnonzero(which == number)
        directed = flow[rows].take(some.edge, axis=1)
        directed *= some.sign
        found = np.flatnonzero(directed > 0)
        row = found // len(some.edge)
        arc = found - row * len(some.edge)
        row = rows.take(row)
        tail, head = row * size + some.tail.take(arc), row * size + some.head.take(arc)
        pieces.append((tail, head, row * edges + some.edge.take(arc), directed.ravel().take(found)))
    tail, head, entry, left = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    return _Carried(tail, head, entry, left, np.zeros(len(left)))


def _take_paths(carried: _Carried, sources: IntArray, sinks: IntArray, places: int, shares: FloatArray) -> None:
    """Take the paths out of every row, all paths of one length at a time, and enter the ``shares``."""
    current = np.empty(places + 1, dtype=np.intp)
    towards = _Towards.sinks(carried, sinks, places)
    emptied = 0
    while len(carried.left):
        distance = towards.distances()
        length = int(distance[sources].min())
        if length == FAR:
            # Rounding may leave flow that reaches the sink no more.
            break
        ahead = distance.take(carried.tail)
        admissible = np.flatnonzero((ahead - distance.take(carried.head) == 1) & (ahead <= length))
        tail = carried.tail.take(admissible)
        before = carried.left.take(admissible)
        none = len(admissible)
        starts = np.append(0, np.flatnonzero(tail[1:] != tail[:-1]) + 1)
        following = np.arange(1, none + 3)
        following[starts[1:] - 1] = following[none - 1 :] = none
        current.fill(none)
        current[tail[starts]] = starts
        current[places] = none + 1
        left, head = np.append(before, [0.0, np.inf]), np.append(carried.head.take(admissible), [places, places])
        _block(left, head, following, current, sources[distance[sources] == length], length)
        left = left[:none]
        carried.left[admissible] = left
        before -= left
        before /= length
        carried.share[admissible] += before
        gone = admissible[left <= 0.0]
        emptied += len(gone)
        if emptied <= EMPTIED * len(carried.left):
            towards.remove(gone, carried.head[gone])
            carried.head[gone] = carried.tail[gone]
            continue
        done = carried.left <= 0.0
        shares[carried.entry[done]] = carried.share[done]
        carried = carried.at(np.flatnonzero(~done))
        towards = _Towards.sinks(carried, sinks, places)
        emptied = 0
    shares[carried.entry] = carried.share


@dataclass(frozen=True, slots=True, eq=False)
class _Towards:
    """The arcs turned round, from heads to tails, with one more place from which all sinks are reached.

    ``position``: of each arc in the graph.
    """

    graph: csr_array
    position: IntArray

    @classmethod
    def sinks(cls, carried: _Carried, sinks: IntArray, places: int) -> _Towards:
        arcs = len(carried.left)
        pointers = np.zeros(places + 1, dtype=np.int32)
        np.cumsum(np.bincount(carried.tail, minlength=places), out=pointers[1:])
        number = np.arange(arcs, dtype=np.int32)
        turned = csr_array((number, carried.head.astype(np.int32), pointers), shape=(places, places)).tocsc()
        position = np.empty(arcs, dtype=np.intp)
        position[turned.data] = number
        indices = np.append(turned.indices, sinks.astype(np.int32))
        pointers = np.append(turned.indptr, np.int32(len(indices)))
        return cls(csr_array((np.ones(len(indices)), indices, pointers), shape=(places + 1, places + 1)), position)

    def remove(self, arcs: IntArray, head: IntArray) -> None:
        """Let ``arcs`` lead from their ``head`` back to it."""
        self.graph.indices[self.position[arcs]] = head

    def distances(self) -> IntArray:
        """Edges to the sink, shape (places + 1,); ``FAR`` from places that don't lead to one."""
        start = self.graph.shape[0] - 1
        order, before = breadth_first_order(self.graph, start)
        distance: IntArray = np.full(start + 1, FAR, dtype=np.int32)
        distance[start] = level = -1
        reached = 1
        while reached < len(order):
            # Places of one level are visited together, after those of the level before.
            following = bisect_left(
                range(len(order)), True, lo=reached, key=lambda k: bool(distance[before[order[k]]] == FAR)
            )
            level += 1
            distance[order[reached:following]] = level
            reached = following
        distance[start] = FAR
        return distance


def _block(
    left: FloatArray, head: IntArray, following: IntArray, current: IntArray, sources: IntArray, length: int
) -> None:
    """Take out every path of ``length`` edges from the ``sources``, in place, in each row the smallest first.

    Every place has a ``current`` arc, the first that may lead to the sink, so that the smallest path follows the
    current arcs. Arcs that a path empties, and arcs to places without any arc left, are passed over for good.

    ``left``, ``head``: flow and head of the admissible arcs and of two more, that of places without any arc left,
    which is empty, and that of the place to which these two lead, the last; ``following``: the next arc with the same
    tail.
    """
    none = len(left) - 2
    while rows := len(sources):
        place = np.empty((length, rows), dtype=np.intp)
        path = np.empty((length, rows), dtype=np.intp)
        place[0] = sources
        for k in range(length):
            current.take(place[k], out=path[k], mode="clip")
            if k + 1 < length:
                head.take(path[k], out=place[k + 1], mode="clip")
        flow = left.take(path)
        flow -= flow.min(axis=0)
        left[path] = flow
        passed = np.flatnonzero(flow <= 0.0)
        exhausted = False
        while len(passed):
            arc = following.take(path.take(passed))
            current[place.take(passed)] = arc
            passed = passed[arc == none]
            if len(passed) and passed[0] < rows:
                exhausted = True
                passed = passed[passed >= rows]
            passed -= rows
            if len(passed) < FEW * rows:
                break
        if exhausted:
            sources = sources[current.take(sources) != none]
