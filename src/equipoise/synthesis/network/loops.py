"""Loop inconsistency: around a closed loop of direct comparisons the effects should add up to nothing.

Each edge's direct estimate is pooled with the network's τ²; the sum around the loop is tested against 0 (Bucher et
al. 1997, J Clin Epidemiol 50:683; for all triangles and quadrilaterals Veroniki et al. 2013, Int J Epidemiol 42:332).
Studies with three or more arms of the loop enter several edges; their covariance is taken into account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray
from equipoise.synthesis.network.contrasts import pairwise_variances
from equipoise.synthesis.network.direct import Pooled, pool_direct
from equipoise.synthesis.network.tables import decimals, interval, natural, p_value, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


@dataclass(frozen=True, slots=True, eq=False)
class Loops:
    """Every informative loop of three or four treatments; arrays have one entry a loop, analysis scale.

    ``loops``: the treatments in the order of the loop; ``differences``: the direct effects summed around it (its sign
    is arbitrary, so it is given as positive); loops formed by the same multi-arm studies alone can't be inconsistent
    and are left out, and so are quadrilaterals with a diagonal, which fall into triangles.
    """

    measure: str
    level: float
    loops: tuple[tuple[str, ...], ...]
    differences: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    statistics: FloatArray
    p: FloatArray

    def __len__(self) -> int:
        return len(self.loops)

    def to_frame(self) -> Any:
        """One row a loop."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "loop": [" - ".join(loop) for loop in self.loops],
                "difference": self.differences,
                "se": self.standard_errors,
                "lower": self.lower,
                "upper": self.upper,
                "statistic": self.statistics,
                "p": self.p,
            }
        )

    def summary(self) -> str:
        """The loops as text, ratio measures as ratios of ratios."""
        if not self.loops:
            return "No loop of direct comparisons that could be inconsistent."
        shown = [natural(self.measure, x) for x in (self.differences, self.lower, self.upper)]
        return text_table(
            {
                "loop": [" - ".join(loop) for loop in self.loops],
                "RoR" if natural(self.measure, 0.0) == 1.0 else "Diff": [decimals(x) for x in shown[0]],
                f"{100 * self.level:g}%-CI": [interval(a, b) for a, b in zip(shown[1], shown[2], strict=True)],
                "z": [decimals(x, 2) for x in self.statistics],
                "p-value": [p_value(x) for x in self.p],
            }
        )


def loop_inconsistency(fit: NetworkFit) -> Loops:
    """See ``NetworkFit.loops``."""
    n = len(fit.treatments)
    part = fit.part_of()
    direct = pool_direct(fit.network.blocks, n, fit.tau2[part])
    triangles = _triangles(direct.studies)
    covariance, same = _shared(fit.network.blocks, fit.tau2[part], direct, triangles)
    counts = [direct.studies[triangles[:, i], triangles[:, (i + 1) % 3]] for i in range(3)]
    informative = ~np.logical_and.reduce([count == same for count in counts])
    found = [
        _around(direct, triangles[informative], covariance[informative]),
        _around(direct, _quadrilaterals(direct.studies), 0.0),
    ]
    corners = [loop for loops, _, _ in found for loop in loops.tolist()]
    sums, variances = (np.concatenate([f[k] for f in found]) for k in (1, 2))
    parts = part[[loop[0] for loop in corners]] if corners else np.empty(0, dtype=np.intp)
    differences = np.abs(sums)
    standard_errors = np.sqrt(variances) * np.array([i.scale for i in fit.inferences])[parts]
    statistics = differences / standard_errors
    p = np.full(len(corners), np.nan)
    for number, inference in enumerate(fit.inferences):
        p[parts == number] = inference.p_values(statistics[parts == number])
    half = np.array([i.quantile for i in fit.inferences])[parts] * standard_errors
    return Loops(
        fit.measure,
        fit.level,
        tuple(tuple(fit.treatments[i] for i in loop) for loop in corners),
        differences,
        standard_errors,
        differences - half,
        differences + half,
        statistics,
        p,
    )


def _around(direct: Pooled, loops: IntArray, covariance: FloatArray | float) -> tuple[IntArray, FloatArray, FloatArray]:
    """The loops, the sum of the direct effects around each, and its variance."""
    following = np.roll(loops, -1, axis=1)
    sums = direct.estimates[loops, following].sum(axis=1)
    variances = direct.variances[loops, following].sum(axis=1) + covariance
    return loops, sums, np.maximum(variances, 0.0)


def _triangles(studies: IntArray) -> IntArray:
    """All a < b < c that are compared pairwise, shape (triangles, 3)."""
    linked = np.triu(studies > 0)
    found = []
    for a, b in np.argwhere(linked):
        third = np.flatnonzero(linked[a] & linked[b])
        found.append(np.column_stack([np.full(len(third), a), np.full(len(third), b), third]))
    return np.concatenate(found) if found else np.empty((0, 3), dtype=np.intp)


def _quadrilaterals(studies: IntArray) -> IntArray:
    """All loops a, b, c, d without diagonals, a the smallest and b < d, shape (quadrilaterals, 4)."""
    linked = studies > 0
    apart = ~linked & ~np.eye(len(studies), dtype=bool)
    found = []
    for a, c in np.argwhere(np.triu(apart)):
        common = np.flatnonzero(linked[a] & linked[c])
        common = common[common > a]
        if len(common) > 1:
            first, second = np.nonzero(np.triu(apart[np.ix_(common, common)]))
            b, d = common[first], common[second]
            found.append(np.column_stack([np.full(len(b), a), b, np.full(len(b), c), d]))
    return np.concatenate(found) if found else np.empty((0, 4), dtype=np.intp)


def _shared(
    blocks: Sequence[Block], tau2: FloatArray, direct: Pooled, triangles: IntArray
) -> tuple[FloatArray, IntArray]:
    """What studies with all three treatments add to each triangle's variance by covariance, and how many they are.

    ``tau2``: of each treatment's subnetwork. cov(a − b, b − c) = (var(a − c) − var(a − b) − var(b − c))/2.
    """
    n = len(direct.studies)
    key = (triangles[:, 0] * n + triangles[:, 1]) * n + triangles[:, 2]
    covariance, same = np.zeros(len(key)), np.zeros(len(key), dtype=np.intp)
    for block in blocks:
        m = block.arms.shape[1]
        if m < 3:
            continue
        order = np.argsort(block.arms, axis=1)
        arms = np.take_along_axis(block.arms, order, axis=1)
        variances = pairwise_variances(block.covariances) + tau2[arms[:, 0]][:, None, None]
        variances = np.take_along_axis(variances, order[:, :, None], axis=1)
        variances = np.take_along_axis(variances, order[:, None, :], axis=2)
        corners = np.array(list(combinations(range(m), 3)), dtype=np.intp)
        a, b, c = (arms[:, corners[:, i]] for i in range(3))
        ab, bc, ca = (variances[:, corners[:, i], corners[:, (i + 1) % 3]] for i in range(3))
        share = [direct.variances[first, second] / own for first, second, own in ((a, b, ab), (b, c, bc), (c, a, ca))]
        added = (
            share[0] * share[1] * (ca - ab - bc)
            + share[1] * share[2] * (ab - bc - ca)
            + share[2] * share[0] * (bc - ca - ab)
        )
        place = np.searchsorted(key, ((a * n + b) * n + c).ravel())
        covariance += np.bincount(place, weights=added.ravel(), minlength=len(key))
        same += np.bincount(place, minlength=len(key))
    return covariance, same
