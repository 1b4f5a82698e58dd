"""What the likelihood knows of each study by itself.

With weights W = 1/(d + τ²) the matrix P = W − WX(XᵀWX)⁻¹XᵀW gives everything: Q = yᵀPy, and dP/dτ² = −P². A study's
own block of P and its own entries of Py say how the (restricted) likelihood of τ² changes when the study is left out
or given a variance of its own (Harville 1977, JASA 72:320; Gumedze & Jackson 2011, BMC Med Res Methodol 11:19).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Rotated
from equipoise.synthesis.network.gls import Solution, System, accumulate, project, weights_at


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """P of a whole system at one τ².

    ``spread``: Σ log(d + τ²); ``trace``: of P; ``weight``: Σ W; ``squares``: yᵀP²y. ``push``: (XᵀWX)⁻¹XᵀW²e, shape
    (n,); ``twice``: (XᵀWX)⁻¹XᵀW²X(XᵀWX)⁻¹, shape (n, n), with e the residuals.
    """

    solution: Solution
    spread: float
    trace: float
    weight: float
    squares: float
    push: FloatArray
    twice: FloatArray

    def height(self, restricted: bool) -> float:
        """The (restricted) log likelihood, up to a constant."""
        solution = self.solution
        return -0.5 * (self.spread + solution.q + (solution.log_determinant if restricted else 0.0))

    def slope(self, restricted: bool) -> float:
        """Its derivative with respect to τ²."""
        return 0.5 * (self.squares - (self.trace if restricted else self.weight))


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """The blocks of P of k studies, r = arms − 1 rows each.

    ``weights``: W, shape (k, r); ``within``: P, (k, r, r); ``scores``: Py, (k, r); ``squared``: P², (k, r, r);
    ``twice``: P²y, (k, r).
    """

    weights: FloatArray
    within: FloatArray
    scores: FloatArray
    squared: FloatArray
    twice: FloatArray


def projection(system: System, solution: Solution) -> Projection:
    """P at the solution's τ²."""
    weights = weights_at(system, solution.tau2)
    residuals = [_residuals(block, solution) for block in system.rotated]
    squared = accumulate(system, [w * w for w in weights])
    weight = sum(float(w.sum()) for w in weights)
    right = project(system, [w * w * e for w, e in zip(weights, residuals, strict=True)])
    return Projection(
        solution=solution,
        spread=-sum(float(np.log(w).sum()) for w in weights),
        trace=weight - float((solution.inverse * squared).sum()),
        weight=weight,
        squares=sum(float(((w * e) ** 2).sum()) for w, e in zip(weights, residuals, strict=True)),
        push=solution.inverse @ right,
        twice=solution.inverse @ squared @ solution.inverse,
    )


def own_blocks(block: Rotated, whole: Projection) -> Own:
    """The blocks of P of the studies in ``block``."""
    solution = whole.solution
    weights = 1.0 / (block.variances + solution.tau2)
    scores = weights * _residuals(block, solution)
    rows = block.coefficients * weights[:, :, None]
    place = block.arms[:, :, None], block.arms[:, None, :]
    leverage = np.matmul(np.matmul(rows, solution.inverse[place]), rows.transpose(0, 2, 1))
    beyond = np.matmul(np.matmul(rows, whole.twice[place]), rows.transpose(0, 2, 1))
    diagonal = np.arange(weights.shape[1])
    within = -leverage
    within[:, diagonal, diagonal] += weights
    squared = beyond - leverage * (weights[:, :, None] + weights[:, None, :])
    squared[:, diagonal, diagonal] += weights**2
    pushed = np.matmul(block.coefficients, whole.push[block.arms][:, :, None])[:, :, 0]
    return Own(weights, within, scores, squared, weights * (scores - pushed))


def _residuals(block: Rotated, solution: Solution) -> FloatArray:
    fitted = np.matmul(block.coefficients, solution.potentials[block.arms][:, :, None])[:, :, 0]
    residuals: FloatArray = block.values - fitted
    return residuals


@dataclass(frozen=True, slots=True, eq=False)
class WithoutStudy:
    """The likelihood of τ² without each of k studies, shape (k,): ``height`` up to a constant, ``slope``, and Q."""

    height: FloatArray
    slope: FloatArray
    q: FloatArray
    trace: FloatArray


def without_each(whole: Projection, own: Own, restricted: bool) -> WithoutStudy:
    """The likelihood without each study; meaningless for studies that hold the network together.

    Leaving a study out takes uᵀP⁻¹u from Q (u = Py on its rows) and turns |XᵀWX| Π(d + τ²) into itself times |P|.
    """
    scores = own.scores[:, :, None]
    inverse = np.linalg.inv(own.within)
    lifted = np.matmul(inverse, scores)
    fall = np.matmul(scores.transpose(0, 2, 1), lifted)[:, 0, 0]
    turned = np.matmul(np.matmul(lifted.transpose(0, 2, 1), own.squared), lifted)[:, 0, 0]
    trace = whole.trace - np.einsum("krs,ksr->k", inverse, own.squared)
    squares = whole.squares - 2.0 * (own.twice * lifted[:, :, 0]).sum(axis=1) + turned
    q = whole.solution.q - fall
    if restricted:
        height = whole.height(True) + 0.5 * (fall - np.linalg.slogdet(own.within)[1])
        return WithoutStudy(height, 0.5 * (squares - trace), q, trace)
    height = -0.5 * (whole.spread + np.log(own.weights).sum(axis=1) + q)
    return WithoutStudy(height, 0.5 * (squares - whole.weight + own.weights.sum(axis=1)), q, trace)


def joined(parts: Sequence[WithoutStudy]) -> WithoutStudy:
    """The studies of several blocks in a row."""
    return WithoutStudy(*(np.concatenate([getattr(p, n) for p in parts]) for n in WithoutStudy.__slots__))
