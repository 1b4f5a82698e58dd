"""What is left of a network when some of its studies are taken out, without refitting.

Studies on the arms U change the Laplacian on U only. With G the network's inverse Laplacian, K = (centred G_UU)⁺ is
its Kron reduction to U: the Laplacian on U with the same effects and variances. Taking out studies with information
ΔL and right-hand side Δb leaves K − ΔL and Kθ − Δb, whatever the rest of the network looks like.

Whether two treatments stay connected is a question of structure, not of weights; it is answered by the same algebra
on the network with unit weights, whose numbers are too plain for rounding to matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import Solution, System, invert, weights_at

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class StudyInformation:
    """What each study of a system adds to the normal equations; one entry a study, in the order of ``studies``.

    ``studies``: network positions; ``arms``: local treatment indices; ``laplacians``: shape (m, m); ``right``: (m,).
    """

    studies: IntArray
    arms: list[IntArray]
    laplacians: list[FloatArray]
    right: list[FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Studies that are taken out together.

    ``arms``: shape (u,), their treatments (local indices, increasing); ``laplacian``: (u, u) and ``right``: (u,),
    their information; ``unit``: (u, u), their Laplacian with unit weights.
    """

    arms: IntArray
    laplacian: FloatArray
    right: FloatArray
    unit: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """The network without a group, on the group's arms.

    ``inverse``: shape (u, u), generalised inverse of the remaining Laplacian; ``potentials``: (u,), the remaining
    effects; ``connected``: (u, u), whether two of the arms stay connected (estimates of others mean nothing).
    """

    inverse: FloatArray
    potentials: FloatArray
    connected: BoolArray


def study_information(system: System, tau2: float) -> StudyInformation:
    """Every study's Laplacian Cᵀ(V + τ²R)⁻¹C and right-hand side Cᵀ(V + τ²R)⁻¹y."""
    studies: list[IntArray] = []
    arms: list[IntArray] = []
    laplacians: list[FloatArray] = []
    right: list[FloatArray] = []
    for block, w in zip(system.rotated, weights_at(system, tau2), strict=True):
        z = block.coefficients
        studies.append(block.studies)
        arms.extend(block.arms)
        laplacians.extend(np.matmul((z * w[:, :, None]).transpose(0, 2, 1), z))
        right.extend(np.matmul((w * block.values)[:, None, :], z)[:, 0, :])
    return StudyInformation(np.concatenate(studies), arms, laplacians, right)


def pair_groups(system: System) -> list[tuple[IntArray, IntArray]]:
    """For every set of studies that is exactly the set comparing some pair: the studies and those pairs.

    Studies are numbered as in ``StudyInformation``; pairs are local indices a < b, shape (pairs, 2).
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
    grouped: dict[bytes, tuple[IntArray, list[int]]] = {}
    for pair, studies in zip(key[starts].tolist(), np.split(member, starts[1:]), strict=True):
        grouped.setdefault(studies.tobytes(), (studies, []))[1].append(pair)
    return [
        (studies, np.stack(np.divmod(np.array(pairs, dtype=np.intp), n), axis=1)) for studies, pairs in grouped.values()
    ]


def make_group(information: StudyInformation, studies: Sequence[int] | IntArray) -> Group:
    """The joint information of ``studies`` (numbered as in ``information``)."""
    chosen = [int(s) for s in studies]
    if len(chosen) == 1:
        only = chosen[0]
        order = np.argsort(information.arms[only])
        laplacian = information.laplacians[only][np.ix_(order, order)]
        return Group(information.arms[only][order], laplacian, information.right[only][order], clique(len(order)))
    arms = np.unique(np.concatenate([information.arms[s] for s in chosen]))
    size = len(arms)
    if size == 2:
        laplacian = np.zeros((2, 2))
        right = np.zeros(2)
        for s in chosen:
            forward = 1.0 if information.arms[s][0] == arms[0] else -1.0
            laplacian += information.laplacians[s]
            right += forward * information.right[s]
        return Group(arms, laplacian, right, len(chosen) * clique(2))
    laplacian, right, unit = np.zeros((size, size)), np.zeros(size), np.zeros((size, size))
    for s in chosen:
        place = np.searchsorted(arms, information.arms[s])
        square = np.ix_(place, place)
        laplacian[square] += information.laplacians[s]
        right[place] += information.right[s]
        unit[square] += clique(len(place))
    return Group(arms, laplacian, right, unit)


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


def remove(system: System, solution: Solution, groups: Sequence[Group]) -> list[Remainder]:
    """What is left when each group in turn is taken out; groups with equally many arms are done together."""
    plain = unit_inverse(system)
    left: list[Remainder | None] = [None] * len(groups)
    by_size: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        by_size.setdefault(len(group.arms), []).append(number)
    for numbers in by_size.values():
        arms = np.stack([groups[g].arms for g in numbers])
        unit = _reduced(plain, arms) - np.stack([groups[g].unit for g in numbers])
        connected, rank = _structure(unit)
        reduced = _reduced(solution.inverse, arms)
        remaining = reduced - np.stack([groups[g].laplacian for g in numbers])
        right = np.matmul(reduced, solution.potentials[arms][:, :, None])[:, :, 0]
        right -= np.stack([groups[g].right for g in numbers])
        inverse = _inverse_of_rank(remaining, rank)
        potentials = np.matmul(inverse, right[:, :, None])[:, :, 0]
        for position, number in enumerate(numbers):
            left[number] = Remainder(inverse[position], potentials[position], connected[position])
    return [remainder for remainder in left if remainder is not None]


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


def _inverse_of_rank(matrices: FloatArray, rank: IntArray) -> FloatArray:
    """Generalised inverses that use the ``rank`` largest eigenvalues of each matrix."""
    size = matrices.shape[1]
    if size == 2:
        return _inverse_of_edge(matrices, rank)
    values, vectors = np.linalg.eigh(matrices)
    kept = np.arange(size)[None, :] >= size - rank[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        inverted = np.where(kept & (values > 0), 1.0 / values, 0.0)
    inverse: FloatArray = np.matmul(vectors * inverted[:, None, :], vectors.transpose(0, 2, 1))
    return inverse


def _inverse_of_edge(matrices: FloatArray, rank: IntArray) -> FloatArray:
    weight = matrices[:, 0, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where((rank > 0) & (weight > 0), 0.25 / weight, 0.0)
    edges: FloatArray = factor[:, None, None] * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return edges
