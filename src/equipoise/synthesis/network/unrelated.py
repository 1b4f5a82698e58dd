"""Models without consistency: every design, or every comparison, has an effect of its own.

A study's contrasts against one of its arms each get a parameter. Parameters meet only in multi-arm studies, so the
normal equations fall into small independent blocks, which are solved side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.connectivity import components
from equipoise.synthesis.network.gls import System, weights_at
from equipoise.synthesis.network.heterogeneity import Tau2Method, maximise, search_limit


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Which parameter each contrast of a block has.

    ``base``: shape (k,), the position of each study's baseline arm; ``others``: (k, m−1), the positions of the other
    arms; ``parameters``: (k, m−1), the parameter of each of them minus the baseline.
    """

    base: IntArray
    others: IntArray
    parameters: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Unrelated:
    """A model in which contrasts have parameters of their own; one ``Assignment`` a block of ``system``.

    ``treatments``, ``baselines``: shape (parameters,), local indices; a parameter is treatment minus baseline.
    ``block_of``, ``place_in``: the independent block of each parameter and its position there; ``sizes``,
    ``offsets``: of the blocks, in the flat storage of all their matrices.
    """

    system: System
    assignments: tuple[Assignment, ...]
    treatments: IntArray
    baselines: IntArray
    block_of: IntArray
    place_in: IntArray
    sizes: IntArray
    offsets: IntArray

    @property
    def df(self) -> int:
        """Degrees of freedom: contrasts minus parameters."""
        return self.system.contrasts - len(self.treatments)


@dataclass(frozen=True, slots=True, eq=False)
class UnrelatedSolution:
    """The fit at one τ²: ``estimates`` and ``variances``, shape (parameters,); the residual ``q``.

    ``inverse``: the blocks of the parameters' covariance, flat; ``residuals``: one array (k, m−1) a block.
    """

    tau2: float
    estimates: FloatArray
    variances: FloatArray
    inverse: FloatArray
    log_determinant: float
    q: float
    residuals: tuple[FloatArray, ...]


def unrelated(system: System, assignments: Sequence[Assignment]) -> Unrelated:
    """The model with these parameters, its normal equations split into independent blocks."""
    count = 1 + max(int(a.parameters.max()) for a in assignments)
    treatments, baselines = np.zeros(count, dtype=np.intp), np.zeros(count, dtype=np.intp)
    for block, a in zip(system.rotated, assignments, strict=True):
        treatments[a.parameters] = np.take_along_axis(block.arms, a.others, axis=1)
        baselines[a.parameters] = np.take_along_axis(block.arms, a.base[:, None], axis=1)
    label = components(
        count,
        ((np.broadcast_to(a.parameters[:, :1], a.parameters[:, 1:].shape), a.parameters[:, 1:]) for a in assignments),
    )
    sizes = np.bincount(label)
    order = np.argsort(label, kind="stable")
    place = np.empty(count, dtype=np.intp)
    place[order] = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Blocks of one size lie side by side, so that they can be inverted together.
    by_size = np.argsort(sizes, kind="stable")
    offsets = np.empty(len(sizes), dtype=np.intp)
    offsets[by_size] = np.cumsum(sizes[by_size] ** 2) - sizes[by_size] ** 2
    return Unrelated(system, tuple(assignments), treatments, baselines, label, place, sizes, offsets)


def by_comparison(system: System, reference: int) -> Unrelated:
    """The unrelated-mean-effects model; each study's baseline is ``reference`` (local) or its first arm by index."""
    n = system.size
    pairs, bases, others = [], [], []
    for block in system.rotated:
        preferred = np.where(block.arms == reference, -1, block.arms)
        order = np.argsort(preferred, axis=1)
        bases.append(order[:, 0])
        others.append(order[:, 1:])
        base = np.take_along_axis(block.arms, order[:, :1], axis=1)
        pairs.append(np.take_along_axis(block.arms, order[:, 1:], axis=1) * n + base)
    # The baseline comes first in one fixed order of the treatments, so that a pair has the same sign in every study.
    _, index = np.unique(np.concatenate([p.ravel() for p in pairs]), return_inverse=True)
    assignments, start = [], 0
    for pair, base, other in zip(pairs, bases, others, strict=True):
        assignments.append(Assignment(base, other, index[start : start + pair.size].reshape(pair.shape)))
        start += pair.size
    return unrelated(system, assignments)


def solve_unrelated(model: Unrelated, tau2: float = 0.0) -> UnrelatedSolution:
    """The fit with heterogeneity variance ``tau2``."""
    weights = weights_at(model.system, tau2)
    inverse, log_determinant = _invert(model, _normal(model, weights))
    right = np.zeros(len(model.treatments))
    for block, a, w in zip(model.system.rotated, model.assignments, weights, strict=True):
        part = np.matmul((w * block.values)[:, None, :], _columns(block.coefficients, a))[:, 0, :]
        right += np.bincount(a.parameters.ravel(), weights=part.ravel(), minlength=len(right))
    estimates, variances = np.empty(len(right)), np.empty(len(right))
    for size, blocks in _by_size(model):
        members = _members(model, size, blocks)
        part = _matrices(model, inverse, size, blocks)
        estimates[members] = np.matmul(part, right[members][:, :, None])[:, :, 0]
        variances[members] = np.diagonal(part, axis1=1, axis2=2)
    residuals, q = [], 0.0
    for block, a, w in zip(model.system.rotated, model.assignments, weights, strict=True):
        fitted = np.matmul(_columns(block.coefficients, a), estimates[a.parameters][:, :, None])[:, :, 0]
        residuals.append(block.values - fitted)
        q += float((w * residuals[-1] ** 2).sum())
    return UnrelatedSolution(tau2, estimates, variances, inverse, log_determinant, q, tuple(residuals))


def estimate_unrelated_tau2(model: Unrelated, method: Tau2Method) -> float:
    """τ² of the model; 0 without degrees of freedom."""
    if model.df < 1:
        return 0.0
    common = solve_unrelated(model)
    weights = weights_at(model.system, 0.0)
    divisor = sum(float(w.sum()) for w in weights) - _trace(model, common.inverse, weights)
    moments = max(0.0, (common.q - model.df) / divisor) if divisor > 0 else 0.0
    if method == "DL":
        return moments
    restricted = method == "REML"

    def height(tau2: float) -> float:
        fit = solve_unrelated(model, tau2)
        spread = sum(float(np.log(b.variances + tau2).sum()) for b in model.system.rotated)
        return -0.5 * (spread + fit.q + (fit.log_determinant if restricted else 0.0))

    def slope(tau2: float) -> float:
        fit = solve_unrelated(model, tau2)
        w = weights_at(model.system, tau2)
        trace = sum(float(x.sum()) for x in w) - (_trace(model, fit.inverse, w) if restricted else 0.0)
        return 0.5 * (sum(float(((x * e) ** 2).sum()) for x, e in zip(w, fit.residuals, strict=True)) - trace)

    return maximise(height, slope, search_limit(model.system, moments))


def _columns(coefficients: FloatArray, a: Assignment) -> FloatArray:
    """The rows' coefficients on the study's contrasts with its baseline, shape (k, m−1, m−1)."""
    return np.take_along_axis(coefficients, a.others[:, None, :], axis=2)


def _normal(model: Unrelated, weights: Sequence[FloatArray]) -> FloatArray:
    """The blocks of Σ Zᵀ diag(w) Z, flat."""
    total = np.zeros(int((model.sizes**2).sum()))
    for block, a, w in zip(model.system.rotated, model.assignments, weights, strict=True):
        z = _columns(block.coefficients, a)
        part = np.matmul((z * w[:, :, None]).transpose(0, 2, 1), z)
        owner = model.block_of[a.parameters]
        local = model.place_in[a.parameters]
        place = model.offsets[owner][:, :, None] + local[:, :, None] * model.sizes[owner][:, :, None]
        place = place + local[:, None, :]
        total += np.bincount(place.ravel(), weights=part.ravel(), minlength=len(total))
    return total


def _trace(model: Unrelated, inverse: FloatArray, weights: Sequence[FloatArray]) -> float:
    """The trace of the parameters' covariance times Σ Zᵀ diag(w²) Z."""
    return float((inverse * _normal(model, [w * w for w in weights])).sum())


def _invert(model: Unrelated, matrices: FloatArray) -> tuple[FloatArray, float]:
    inverse, log_determinant = np.empty_like(matrices), 0.0
    for size, blocks in _by_size(model):
        part = _matrices(model, matrices, size, blocks)
        start = int(model.offsets[blocks].min())
        inverse[start : start + part.size] = np.linalg.inv(part).ravel()
        log_determinant += float(np.linalg.slogdet(part)[1].sum())
    return inverse, log_determinant


def _by_size(model: Unrelated) -> list[tuple[int, IntArray]]:
    """Block sizes and the blocks that have them, in the order of storage."""
    return [(int(size), np.flatnonzero(model.sizes == size)) for size in np.unique(model.sizes)]


def _matrices(model: Unrelated, flat: FloatArray, size: int, blocks: IntArray) -> FloatArray:
    start = int(model.offsets[blocks].min())
    return flat[start : start + len(blocks) * size * size].reshape(len(blocks), size, size)


def _members(model: Unrelated, size: int, blocks: IntArray) -> IntArray:
    """The parameters of each block, shape (blocks, size), blocks in the order of storage."""
    members = np.empty((len(blocks), size), dtype=np.intp)
    position = np.full(len(model.sizes), -1, dtype=np.intp)
    position[blocks[np.argsort(model.offsets[blocks])]] = np.arange(len(blocks))
    chosen = np.flatnonzero(position[model.block_of] >= 0)
    members[position[model.block_of[chosen]], model.place_in[chosen]] = chosen
    return members
