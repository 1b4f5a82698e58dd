"""Some of a system's studies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.network.blocks import IntArray, Rotated
from equipoise.synthesis.network.connectivity import components
from equipoise.synthesis.network.gls import System


def take(block: Rotated, chosen: NDArray[np.bool_] | IntArray) -> Rotated:
    """The chosen studies of a block, by mask or by number."""
    return Rotated(
        block.studies[chosen],
        block.arms[chosen],
        block.variances[chosen],
        block.values[chosen],
        block.coefficients[chosen],
    )


def subset(system: System, inside: NDArray[np.bool_]) -> System:
    """The system of the studies for which ``inside``, shape (studies,), is true, in the order of its blocks."""
    blocks, start = [], 0
    for block in system.rotated:
        keep = inside[start : start + len(block.studies)]
        start += len(block.studies)
        if keep.all():
            blocks.append(block)
        elif keep.any():
            blocks.append(take(block, keep))
    return System(system.treatments, tuple(blocks))


def parts_of(system: System, studies: IntArray) -> System:
    """The system of ``studies``, numbered in the order of its blocks; without regard to whether they connect."""
    inside = np.zeros(system.studies, dtype=bool)
    inside[studies] = True
    return subset(system, inside)


def connected_part(system: System, inside: NDArray[np.bool_], treatment: int) -> System:
    """The studies for which ``inside`` is true that connect with ``treatment`` (local index), and their treatments."""
    left = subset(system, inside).rotated
    label = components(
        system.size, ((np.broadcast_to(b.arms[:, :1], b.arms[:, 1:].shape), b.arms[:, 1:]) for b in left)
    )
    members = np.flatnonzero(label == label[treatment])
    local = np.full(system.size, -1, dtype=np.intp)
    local[members] = np.arange(len(members))
    found = []
    for block in left:
        part = take(block, local[block.arms[:, 0]] >= 0)
        if len(part.studies):
            found.append(replace(part, arms=local[part.arms]))
    return System(system.treatments[members], tuple(found))
