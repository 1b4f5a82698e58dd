"""Generalised least squares on one connected network.

The normal equations are a weighted Laplacian of the treatments, L = Σ Cᵀ(V + τ²R)⁻¹C, where C holds each study's
contrasts. One Cholesky factorisation of L with one treatment grounded gives every pair: with G the (centred)
inverse, var(i − j) = G_ii + G_jj − 2G_ij (Rücker 2012, Research Synthesis Methods 3:312).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray, Rotated, rotate


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """One connected network, ready to be solved at any τ².

    ``treatments``: shape (n,), the network's index of each local treatment; the rotated blocks use local indices.
    """

    treatments: IntArray
    rotated: tuple[Rotated, ...]

    @property
    def size(self) -> int:
        """Number of treatments, n."""
        return len(self.treatments)

    @property
    def contrasts(self) -> int:
        """Independent contrasts, Σ(arms−1)."""
        return sum(block.values.size for block in self.rotated)

    @property
    def studies(self) -> int:
        """Number of studies."""
        return sum(len(block.studies) for block in self.rotated)

    @property
    def df(self) -> int:
        """Degrees of freedom of Q: Σ(arms−1) − (n−1)."""
        return self.contrasts - (self.size - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The fit at one τ².

    ``potentials``: shape (n,), sum 0; the effect of i against j is potentials[i] − potentials[j].
    ``inverse``: shape (n, n), the pseudo-inverse of the Laplacian; ``log_determinant``: of the grounded Laplacian.
    ``q``: the weighted sum of squared residuals at this τ².
    """

    tau2: float
    potentials: FloatArray
    inverse: FloatArray
    log_determinant: float
    q: float

    def differences(self) -> FloatArray:
        """Estimates of all pairs, shape (n, n), row minus column."""
        estimates: FloatArray = self.potentials[:, None] - self.potentials[None, :]
        return estimates

    def variances(self) -> FloatArray:
        """Variances of all pairs, shape (n, n)."""
        return resistances(self.inverse)


def resistances(inverse: FloatArray) -> FloatArray:
    """var(i − j) for all pairs from the Laplacian's (generalised) inverse."""
    diagonal = np.diag(inverse)
    variances: FloatArray = np.maximum(diagonal[:, None] + diagonal[None, :] - 2.0 * inverse, 0.0)
    np.fill_diagonal(variances, 0.0)
    return variances


def build(blocks: Sequence[Block], treatments: IntArray, size: int) -> System:
    """The system of the studies among ``treatments`` (network indices); ``size`` counts the network's treatments."""
    local = np.full(size, -1, dtype=np.intp)
    local[treatments] = np.arange(len(treatments))
    rotated = []
    for block in blocks:
        inside = local[block.arms[:, 0]] >= 0
        if inside.any():
            part = block if inside.all() else block.take(inside)
            rotated.append(rotate(Block(part.studies, local[part.arms], part.estimates, part.covariances)))
    return System(np.asarray(treatments, dtype=np.intp), tuple(rotated))


def accumulate(system: System, weights: Sequence[FloatArray]) -> FloatArray:
    """Σ Zᵀ diag(w) Z over all rows, shape (n, n); ``weights`` holds one array (k, m−1) a block."""
    n = system.size
    total = np.zeros(n * n)
    for block, weight in zip(system.rotated, weights, strict=True):
        z = block.coefficients
        part = np.matmul((z * weight[:, :, None]).transpose(0, 2, 1), z)
        place = block.arms[:, :, None] * n + block.arms[:, None, :]
        total += np.bincount(place.ravel(), weights=part.ravel(), minlength=n * n)
    return total.reshape(n, n)


def project(system: System, values: Sequence[FloatArray]) -> FloatArray:
    """Σ Zᵀv over all rows, shape (n,); ``values`` holds one array (k, m−1) a block."""
    total = np.zeros(system.size)
    for block, value in zip(system.rotated, values, strict=True):
        part = np.matmul(value[:, None, :], block.coefficients)
        total += np.bincount(block.arms.ravel(), weights=part.ravel(), minlength=system.size)
    return total


def fitted(system: System, potentials: FloatArray) -> list[FloatArray]:
    """Zθ, one array (k, m−1) a block."""
    return [np.matmul(b.coefficients, potentials[b.arms][:, :, None])[:, :, 0] for b in system.rotated]


def weights_at(system: System, tau2: float) -> list[FloatArray]:
    """1/(d + τ²), one array (k, m−1) a block."""
    return [1.0 / (block.variances + tau2) for block in system.rotated]


def invert(laplacian: FloatArray) -> tuple[FloatArray, float]:
    """The Laplacian's pseudo-inverse and the log determinant of the grounded Laplacian.

    Raises ``DataError`` when it isn't positive definite, that is when the network isn't connected.
    """
    n = len(laplacian)
    if n == 1:
        return np.zeros((1, 1)), 0.0
    # Grounding the best-connected treatment keeps the inverse's entries, and so their cancellation, small.
    ground = int(np.argmax(np.diag(laplacian)))
    rest = np.delete(np.arange(n), ground)
    factor, failed = dpotrf(laplacian[np.ix_(rest, rest)], lower=1, clean=1)
    if failed:
        raise DataError("the normal equations are singular: the network isn't connected, or a variance is infinite")
    log_determinant = 2.0 * float(np.log(np.diag(factor)).sum())
    lower, _ = dpotri(factor, lower=1)
    lower = np.tril(lower)
    inner = lower + np.tril(lower, -1).T
    full = np.zeros((n, n))
    full[np.ix_(rest, rest)] = inner
    means = full.mean(axis=1)
    centred: FloatArray = full - means[:, None] - means[None, :] + means.mean()
    return centred, log_determinant


def solve(system: System, tau2: float = 0.0) -> Solution:
    """The fit with heterogeneity variance ``tau2`` (0: common effect)."""
    weights = weights_at(system, tau2)
    inverse, log_determinant = invert(accumulate(system, weights))
    right = project(system, [w * b.values for w, b in zip(weights, system.rotated, strict=True)])
    potentials = inverse @ right
    potentials -= potentials.mean()
    residuals = [b.values - f for b, f in zip(system.rotated, fitted(system, potentials), strict=True)]
    q = float(sum((w * e * e).sum() for w, e in zip(weights, residuals, strict=True)))
    return Solution(tau2, potentials, inverse, log_determinant, q)
