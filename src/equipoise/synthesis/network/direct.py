"""Direct evidence: for each pair, the studies that compare the two, pooled.

Each study enters with its own contrast of the pair, whatever other arms it has, and the network's τ².
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray
from equipoise.synthesis.network.comparisons import Comparisons, tabulate
from equipoise.synthesis.network.contrasts import pairwise_variances

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Inverse-variance pooled direct estimates of all pairs, shape (treatments, treatments), row minus column.

    NaN where no study compares the two. ``studies`` counts those that do; ``q`` is Cochran's Q among them at τ² = 0.
    """

    estimates: FloatArray
    variances: FloatArray
    studies: IntArray
    q: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class DirectEvidence:
    """Direct estimates of every pair that a study compares.

    Arrays have shape (treatments, treatments), row minus column on the analysis scale, NaN where there is no direct
    evidence. ``studies`` counts the studies; ``q`` is Cochran's Q among them at τ² = 0, with studies − 1 degrees of
    freedom.
    """

    treatments: tuple[str, ...]
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    studies: IntArray
    q: FloatArray
    table: Comparisons

    @property
    def i2(self) -> FloatArray:
        """(Q − df)/Q among a pair's studies, at least 0, shape (treatments, treatments); NaN with fewer than two."""
        df = self.studies - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(self.q > df, (self.q - df) / self.q, 0.0)
        return np.where(df > 0, shares, np.nan)

    def to_frame(self, exponentiate: bool = False) -> Any:
        """One row a compared pair."""
        return self.table.to_frame(exponentiate)

    def summary(self) -> str:
        """The compared pairs as text."""
        return self.table.summary()


def direct_evidence(fit: NetworkFit) -> DirectEvidence:
    """Direct estimates with the fit's τ² and kind of interval; see ``NetworkFit.direct``."""
    n = len(fit.treatments)
    part = fit.part_of()
    pooled = pool_direct(fit.network.blocks, n, fit.tau2[part])
    errors = np.sqrt(pooled.variances) * np.array([i.scale for i in fit.inferences])[part][:, None]
    half = np.array([i.quantile for i in fit.inferences])[part][:, None] * errors
    rows, columns = np.nonzero(np.triu(pooled.studies))
    table = tabulate(fit, f"Direct estimates ({fit.model_text})", rows, columns, pooled.estimates, errors)
    return DirectEvidence(
        fit.treatments,
        pooled.estimates,
        errors,
        pooled.estimates - half,
        pooled.estimates + half,
        pooled.studies,
        pooled.q,
        table,
    )


def pairs_of(block: Block, tau2: FloatArray | float = 0.0) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """All ordered pairs of arms of a block: row and column treatments, estimates, variances, each (k, m, m).

    ``tau2`` (a number, or one a study) is added to the variance of every pair; the diagonal's variance is infinite.
    """
    k, m = block.arms.shape
    levels = np.concatenate([np.zeros((k, 1)), block.estimates], axis=1)
    differences = levels[:, :, None] - levels[:, None, :]
    variances = pairwise_variances(block.covariances) + np.reshape(tau2, (-1, 1, 1))
    variances[:, np.arange(m), np.arange(m)] = np.inf
    rows = np.broadcast_to(block.arms[:, :, None], (k, m, m))
    columns = np.broadcast_to(block.arms[:, None, :], (k, m, m))
    return rows, columns, differences, variances


def pool_direct(blocks: Sequence[Block], size: int, tau2: FloatArray | float) -> Pooled:
    """Direct evidence of all pairs; ``tau2`` is a number, or one a treatment (its subnetwork's)."""
    weight_sum, weighted, information, effects, squares = (np.zeros(size * size) for _ in range(5))
    counts = np.zeros(size * size, dtype=np.intp)
    per_treatment = np.broadcast_to(np.asarray(tau2, dtype=float), (size,))

    def add(total: FloatArray, place: IntArray, values: FloatArray) -> None:
        total += np.bincount(place, weights=values.ravel(), minlength=size * size)

    for block in blocks:
        rows, columns, y, v0 = pairs_of(block)
        place = (rows * size + columns).ravel()
        w = 1.0 / (v0 + per_treatment[block.arms[:, 0]][:, None, None])
        w0 = 1.0 / v0
        add(weight_sum, place, w)
        add(weighted, place, w * y)
        add(information, place, w0)
        add(effects, place, w0 * y)
        add(squares, place, w0 * y * y)
        counts += np.bincount(place, minlength=size * size)
    shape = (size, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = (weighted / weight_sum).reshape(shape)
        variances = np.where(weight_sum > 0, 1.0 / weight_sum, np.nan).reshape(shape)
        q = (squares - effects**2 / information).reshape(shape)
    studies = counts.reshape(shape)
    np.fill_diagonal(studies, 0)
    return Pooled(estimates, variances, studies, np.maximum(q, 0.0))
