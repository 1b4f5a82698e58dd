"""The likelihood of τ² of one connected network, made for many values of τ².

What doesn't depend on τ² is laid out once: every row's zzᵀ as a column of a sparse matrix, so that the Laplacian is a
product with the weights; a value of τ² then costs one Cholesky factorisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.sparse import csr_array

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.gls import System


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """Independent rows of a system: ``variances`` d and ``values`` y, shape (N,).

    ``rows``: z with one treatment grounded, shape (N, n−1); ``outer``: zzᵀ as columns, shape ((n−1)², N); sparse.
    """

    variances: FloatArray
    values: FloatArray
    rows: csr_array
    columns: csr_array
    outer: csr_array

    def height(self, tau2: float, restricted: bool) -> float:
        """The (restricted) log likelihood at ``tau2``, up to a constant that doesn't depend on it."""
        weights = 1.0 / (self.variances + tau2)
        factor, residuals = self._fit(weights)
        q = float((weights * residuals * residuals).sum())
        spread = -float(np.log(weights).sum())
        if restricted:
            spread += 2.0 * float(np.log(np.diag(factor)).sum())
        return -0.5 * (spread + q)

    def slope(self, tau2: float, restricted: bool) -> float:
        """The derivative of ``height``."""
        weights = 1.0 / (self.variances + tau2)
        factor, residuals = self._fit(weights)
        trace = float(weights.sum())
        if restricted and len(factor):
            size = len(factor)
            lower = np.tril(dpotri(factor, lower=1)[0])
            squared = (self.outer @ (weights * weights)).reshape(size, size)
            trace -= 2.0 * float((lower * squared).sum()) - float((np.diag(lower) * np.diag(squared)).sum())
        return 0.5 * (float(((weights * residuals) ** 2).sum()) - trace)

    def q(self, tau2: float) -> float:
        """The weighted residual sum of squares."""
        weights = 1.0 / (self.variances + tau2)
        return float((weights * self._fit(weights)[1] ** 2).sum())

    def _fit(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The Cholesky factor of the grounded Laplacian, and the residuals."""
        size = self.rows.shape[1]
        factor, failed = dpotrf((self.outer @ weights).reshape(size, size), lower=1, clean=0)
        if failed:
            raise DataError("the normal equations are singular: the network isn't connected, or a variance is infinite")
        effects, _ = dpotrs(factor, self.columns @ (weights * self.values), lower=1)
        return factor, self.values - self.rows @ effects


def make_likelihood(system: System) -> Likelihood:
    """The likelihood of τ² of a connected network of two treatments or more."""
    n = system.size
    tails, places, entries, row = [], [], [], 0
    outer_places, outer_tails, outer_entries = [], [], []
    # Grounding the treatment with most arms keeps the effects, and so their rounding, small.
    ground = int(np.argmax(np.bincount(np.concatenate([b.arms.ravel() for b in system.rotated]), minlength=n)))
    for block in system.rotated:
        k, r, m = block.coefficients.shape
        number = np.arange(row, row + k * r).reshape(k, r)
        row += k * r
        tails.append(np.repeat(number.ravel(), m))
        places.append(np.broadcast_to(block.arms[:, None, :], (k, r, m)).ravel())
        entries.append(block.coefficients.ravel())
        z = block.coefficients
        outer_entries.append((z[..., :, None] * z[..., None, :]).ravel())
        outer_tails.append(np.repeat(number.ravel(), m * m))
        pair = block.arms[:, :, None] * n + block.arms[:, None, :]
        outer_places.append(np.broadcast_to(pair[:, None], (k, r, m, m)).ravel())
    kept = np.delete(np.arange(n), ground)
    local = np.full(n, -1, dtype=np.intp)
    local[kept] = np.arange(n - 1)

    place, tail, entry = np.concatenate(places), np.concatenate(tails), np.concatenate(entries)
    inside = place != ground
    rows = csr_array((entry[inside], (tail[inside], local[place[inside]])), shape=(row, n - 1))
    first, second = np.divmod(np.concatenate(outer_places), n)
    both = (first != ground) & (second != ground)
    where = local[first[both]] * (n - 1) + local[second[both]]
    outer = csr_array(
        (np.concatenate(outer_entries)[both], (where, np.concatenate(outer_tails)[both])), shape=((n - 1) ** 2, row)
    )
    return Likelihood(
        np.concatenate([b.variances.ravel() for b in system.rotated]),
        np.concatenate([b.values.ravel() for b in system.rotated]),
        rows,
        csr_array(rows.T),
        outer,
    )
