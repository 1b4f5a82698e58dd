"""What is left of a network when some of its studies are taken out, without refitting.

Studies on the arms U change the Laplacian on U only. With G the network's inverse Laplacian, K = (centred G_UU)⁺ is
its Kron reduction to U: the Laplacian on U with the same effects and variances. Taking out studies with information
ΔL leaves K − ΔL, whatever the rest of the network looks like; with Δb their weighted residuals on the arms the effects
there change by −(K − ΔL)⁺Δb.

Whether two treatments stay connected is a question of structure, not of weights; it is answered by the same algebra
on the network with unit weights, whose numbers are too plain for rounding to matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import Solution, System, fitted, invert, weights_at

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of studies, each taken out by itself; k groups with u arms each.

    ``numbers``: shape (k,), which of the given groups they are; ``arms``: (k, u), their treatments (local indices,
    increasing); ``only``: (k, u), whether no other study has the arm; ``connected``: (k, u, u), whether two arms
    stay connected without the group; ``rank``: (k,), of the Laplacian that is left on the arms.
    ``rows``: shape (N,), the groups' rows, numbered as those of all blocks in turn; ``owners``: (N,), whose they are;
    ``across``: z as columns, (k·u, N); ``outer``: zzᵀ as columns, (k·u², N); sparse.
    """

    numbers: IntArray
    arms: IntArray
    only: BoolArray
    connected: BoolArray
    rank: IntArray
    rows: IntArray
    owners: IntArray
    across: csr_array
    outer: csr_array

    @property
    def whole(self) -> BoolArray:
        """Whether the arms that other studies have stay connected with each other, shape (k,)."""
        return np.asarray(self.arms.shape[1] - self.rank - self.only.sum(axis=1) <= 1)

    @property
    def intact(self) -> BoolArray:
        """Whether all arms stay connected, shape (k,)."""
        return np.asarray(self.connected.all(axis=(1, 2)))

    def laplacians(self, weights: FloatArray) -> FloatArray:
        """Zᵀ diag(w) Z of each group, shape (k, u, u); ``weights``: of all rows of the system."""
        u = self.arms.shape[1]
        return np.asarray(self.outer @ weights[self.rows], dtype=float).reshape(-1, u, u)

    def right(self, values: FloatArray) -> FloatArray:
        """Zᵀv of each group, shape (k, u); ``values``: of all rows of the system."""
        return np.asarray(self.across @ values[self.rows], dtype=float).reshape(self.arms.shape)

    def totals(self, values: FloatArray) -> FloatArray:
        """The sum of ``values`` over each group's rows, shape (k,)."""
        return np.asarray(np.bincount(self.owners, values[self.rows], len(self.numbers)), dtype=float)


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """The network without each of k groups, on the group's u arms, at one τ².

    ``reduced``: K, shape (k, u, u); ``inverse``: a generalised inverse of what remains of it, (k, u, u);
    ``log_determinant``: of what remains over that of K, (k,), up to a constant that doesn't depend on τ²;
    ``pushed``: Zᵀ of the group's weighted residuals, (k, u); ``moved``: (k, u), by how much the effects change.
    """

    reduced: FloatArray
    inverse: FloatArray
    log_determinant: FloatArray
    pushed: FloatArray
    moved: FloatArray


def compared_pairs(system: System) -> tuple[list[IntArray], IntArray, IntArray]:
    """The sets of studies that compare some pair, the pairs, shape (p, 2), and the number of each pair's set, (p,).

    Studies are numbered in the order of the system's blocks; pairs are local indices a < b.
    """
    n = system.size
    keys, members, start = [], [], 0
    for block in system.rotated:
        k, m = block.arms.shape
        first, second = np.triu_indices(m, 1)
        low = np.minimum(block.arms[:, first], block.arms[:, second])
        high = np.maximum(block.arms[:, first], block.arms[:, second])
        keys.append((low * n + high).ravel())
        members.append(np.repeat(np.arange(start, start + k), len(first)))
        start += k
    key, member = np.concatenate(keys), np.concatenate(members)
    order = np.lexsort((member, key))
    key, member = key[order], member[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    sets: list[IntArray] = []
    known: dict[bytes, int] = {}
    owners = []
    for studies in np.split(member, starts[1:]):
        name = studies.tobytes()
        if name not in known:
            known[name] = len(sets)
            sets.append(studies)
        owners.append(known[name])
    return sets, np.stack(np.divmod(key[starts], n), axis=1), np.array(owners, dtype=np.intp)


def make_groups(system: System, sets: Sequence[IntArray]) -> list[Groups]:
    """Sets of studies (numbered in the order of the system's blocks) as groups, by number of arms."""
    n, plain = system.size, unit_inverse(system)
    owner = np.repeat(np.arange(len(sets)), [len(s) for s in sets])
    study = np.concatenate(sets) if sets else np.empty(0, dtype=np.intp)
    keys, parts, start, first_row = [], [], 0, 0
    for block in system.rotated:
        k, r, _ = block.coefficients.shape
        here = (study >= start) & (study < start + k)
        number, whose = study[here] - start, owner[here]
        keys.append(whose[:, None] * n + block.arms[number])
        parts.append((whose, first_row + number[:, None] * r + np.arange(r), block.coefficients[number]))
        start, first_row = start + k, first_row + k * r
    key, place, count = np.unique(np.concatenate([k.ravel() for k in keys]), return_inverse=True, return_counts=True)
    group, arm = np.divmod(key, n)
    arms = np.bincount(group, minlength=len(sets))
    local = place - (np.cumsum(arms) - arms)[group][place]
    locals_ = np.split(local, np.cumsum([k.size for k in keys])[:-1])
    only = count == np.bincount(np.concatenate([b.arms.ravel() for b in system.rotated]), minlength=n)[arm]
    found = []
    for u in np.unique(arms).tolist():
        numbers = np.flatnonzero(arms == u)
        shape = (len(numbers), u)
        rows, owners, across, outer = _columns(
            parts, [p.reshape(k.shape) for p, k in zip(locals_, keys, strict=True)], numbers, u
        )
        inside = arms[group] == u
        its_arms = arm[inside].reshape(shape)
        # TᵀT = R⁻¹ makes the rows' own Laplacian with unit weights twice a clique's (see `blocks`).
        unit = 0.5 * np.asarray(outer @ np.ones(len(rows)), dtype=float).reshape(-1, u, u)
        connected, rank = _structure(_reduced(plain, its_arms) - unit)
        found.append(
            Groups(numbers, its_arms, only[inside].reshape(shape), connected, rank, rows, owners, across, outer)
        )
    return found


def _columns(
    parts: Sequence[tuple[IntArray, IntArray, FloatArray]], places: Sequence[IntArray], numbers: IntArray, size: int
) -> tuple[IntArray, IntArray, csr_array, csr_array]:
    """The rows of the groups ``numbers`` with ``size`` arms each: which, whose, z and zzᵀ as sparse columns.

    ``parts``, one a block: the studies' groups, (s,), rows, (s, r), and coefficients, (s, r, m); ``places``: their
    arms' places in the group, (s, m).
    """
    rows, owners, down, values, down_outer, outer, repeats = [], [], [], [], [], [], []
    for (whose, row, z), place in zip(parts, places, strict=True):
        position = np.searchsorted(numbers, whose)
        chosen = numbers[np.minimum(position, len(numbers) - 1)] == whose
        z, place, position = z[chosen], place[chosen], position[chosen]
        s, r, m = z.shape
        rows.append(row[chosen].ravel())
        owners.append(np.repeat(position, r))
        repeats.append(np.full(s * r, m))
        values.append(z.ravel())
        down.append(np.broadcast_to((position[:, None] * size + place)[:, None, :], (s, r, m)).ravel())
        outer.append((z[..., :, None] * z[..., None, :]).ravel())
        pair = (position[:, None, None] * size + place[:, :, None]) * size + place[:, None, :]
        down_outer.append(np.broadcast_to(pair[:, None], (s, r, m, m)).ravel())
    row, width = np.concatenate(rows), np.concatenate(repeats)
    column = np.arange(len(row))
    across = csr_array(
        (np.concatenate(values), (np.concatenate(down), np.repeat(column, width))),
        shape=(len(numbers) * size, len(row)),
    )
    squares = csr_array(
        (np.concatenate(outer), (np.concatenate(down_outer), np.repeat(column, width**2))),
        shape=(len(numbers) * size**2, len(row)),
    )
    return row, np.concatenate(owners), across, squares


def choose(groups: Sequence[Groups], numbers: IntArray) -> list[Groups]:
    """The groups with the given ``numbers`` (increasing), which become 0, 1, … in turn."""
    found = []
    for group in groups:
        position = np.minimum(np.searchsorted(numbers, group.numbers), len(numbers) - 1)
        kept = numbers[position] == group.numbers if len(numbers) else np.zeros(len(position), dtype=bool)
        if not kept.any():
            continue
        u = group.arms.shape[1]
        mine = kept[group.owners]
        found.append(
            Groups(
                position[kept],
                group.arms[kept],
                group.only[kept],
                group.connected[kept],
                group.rank[kept],
                group.rows[mine],
                (np.cumsum(kept) - 1)[group.owners[mine]],
                group.across if kept.all() else group.across[np.repeat(kept, u)][:, mine],
                group.outer if kept.all() else group.outer[np.repeat(kept, u * u)][:, mine],
            )
        )
    return found


def clique(size: int) -> FloatArray:
    """The Laplacian of one study with ``size`` arms at unit weights."""
    return np.eye(size) - 1.0 / size


def unit_inverse(system: System) -> FloatArray:
    """The inverse Laplacian of the network with unit weights."""
    n = system.size
    total = np.zeros(n * n)
    for block in system.rotated:
        k, m = block.arms.shape
        place = block.arms[:, :, None] * n + block.arms[:, None, :]
        values = np.broadcast_to(clique(m), (k, m, m))
        total += np.bincount(place.ravel(), weights=values.ravel(), minlength=n * n)
    return invert(total.reshape(n, n))[0]


def remove(groups: Groups, solution: Solution, weights: FloatArray, residuals: FloatArray) -> Remainder:
    """What is left when each group in turn is taken out; ``weights``, ``residuals``: of all rows, see `all_rows`."""
    reduced = _reduced(solution.inverse, groups.arms)
    inverse, log_determinant = _inverse_of_rank(reduced - groups.laplacians(weights), groups.rank)
    pushed = groups.right(weights * residuals)
    size = groups.arms.shape[1]
    log_determinant -= np.linalg.slogdet(reduced + 1.0 / size)[1]
    moved = -np.matmul(inverse, pushed[:, :, None])[:, :, 0]
    return Remainder(reduced, inverse, log_determinant, pushed, moved)


def cancellation(groups: Groups, solution: Solution, weights: FloatArray, residuals: FloatArray) -> FloatArray:
    """By how much rounding is magnified when each group is taken out, at most; shape (k,), infinite where all is lost."""
    left = remove(groups, solution, weights, residuals)
    factor = np.abs(left.reduced).max(axis=(1, 2)) * np.abs(left.inverse).max(axis=(1, 2))
    return np.where(np.isfinite(factor), factor, np.inf)


def all_rows(system: System, solution: Solution) -> tuple[FloatArray, FloatArray]:
    """Weights 1/(d + τ²) and residuals of all rows, block after block, shape (rows,) each."""
    effects = fitted(system, solution.potentials)
    weights = np.concatenate([w.ravel() for w in weights_at(system, solution.tau2)])
    return weights, np.concatenate([(b.values - f).ravel() for b, f in zip(system.rotated, effects, strict=True)])


def stay_connected(plain: FloatArray, arms: IntArray, unit: FloatArray) -> BoolArray:
    """Whether two arms stay connected without a group's studies, shape (groups, u, u).

    ``plain``: from ``unit_inverse``; ``arms``: shape (groups, u); ``unit``: (groups, u, u), their unit Laplacians.
    """
    return _structure(_reduced(plain, arms) - unit)[0]


def _reduced(inverse: FloatArray, arms: IntArray) -> FloatArray:
    """The Kron reduction to each row of ``arms``, shape (groups, u, u)."""
    size = arms.shape[1]
    part = inverse[arms[:, :, None], arms[:, None, :]]
    if size == 2:
        resistance = part[:, 0, 0] + part[:, 1, 1] - 2.0 * part[:, 0, 1]
        return np.array([[1.0, -1.0], [-1.0, 1.0]]) / resistance[:, None, None]
    centred = part - part.mean(axis=1, keepdims=True)
    centred -= centred.mean(axis=2, keepdims=True)
    # The constant vector gets an eigenvalue like the others', so that the inverse is as accurate as it can be.
    level = np.trace(centred, axis1=1, axis2=2) / (size - 1)
    flat = np.full((size, size), 1.0 / size)
    reduced: FloatArray = np.linalg.inv(centred + level[:, None, None] * flat) - flat / level[:, None, None]
    return reduced


def _structure(unit: FloatArray) -> tuple[BoolArray, IntArray]:
    """From remaining unit-weight Laplacians: which arms stay connected, and the Laplacian's rank."""
    size = unit.shape[1]
    values, vectors = np.linalg.eigh(unit)
    scale = np.maximum(np.abs(unit).max(axis=(1, 2)), 1.0)
    null = values < 1e-9 * scale[:, None]
    rank = size - null.sum(axis=1)
    kernel = vectors * null[:, None, :]
    onto = np.matmul(kernel, kernel.transpose(0, 2, 1))
    # Two arms are connected when every vector of the kernel has the same value on both.
    diagonal = np.diagonal(onto, axis1=1, axis2=2)
    apart = diagonal[:, :, None] + diagonal[:, None, :] - 2.0 * onto
    return apart < 1e-6, np.asarray(rank, dtype=np.intp)


def _inverse_of_rank(matrices: FloatArray, rank: IntArray) -> tuple[FloatArray, FloatArray]:
    """Generalised inverses of Laplacians of a given ``rank``, and the logs of the products of their eigenvalues.

    NaN where rounding has left fewer positive eigenvalues than the rank.
    """
    size = matrices.shape[1]
    if size == 2:
        return _inverse_of_edge(matrices, rank)
    inverse, log_determinant = np.empty_like(matrices), np.empty(len(matrices))
    # The constant vector gets an eigenvalue like the others', as in `_reduced`.
    level = np.trace(matrices, axis1=1, axis2=2) / (size - 1)
    full = (rank == size - 1) & (level > 0)
    flat = np.full((size, size), 1.0 / size)
    filled = matrices + np.where(full, level, 1.0)[:, None, None] * flat
    sign, determinant = np.linalg.slogdet(filled)
    full &= sign > 0
    inverse[full] = np.linalg.inv(filled[full]) - flat / level[full, None, None]
    log_determinant[full] = determinant[full] - np.log(level[full])
    if not full.all():
        values, vectors = np.linalg.eigh(matrices[~full])
        kept = np.arange(size)[None, :] >= size - rank[~full, None]
        values = np.where(kept, np.where(values > 0, values, np.nan), 1.0)
        part = vectors * np.where(kept, 1.0 / values, 0.0)[:, None, :]
        inverse[~full] = np.matmul(part, vectors.transpose(0, 2, 1))
        log_determinant[~full] = np.log(values).sum(axis=1)
    return inverse, log_determinant


def _inverse_of_edge(matrices: FloatArray, rank: IntArray) -> tuple[FloatArray, FloatArray]:
    weight = np.where(rank > 0, np.where(matrices[:, 0, 0] > 0, matrices[:, 0, 0], np.nan), 1.0)
    factor = np.where(rank > 0, 0.25 / weight, 0.0)
    return factor[:, None, None] * np.array([[1.0, -1.0], [-1.0, 1.0]]), np.log(2.0 * weight)
