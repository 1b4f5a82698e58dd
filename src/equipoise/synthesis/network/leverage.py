"""Leverages and residuals of studies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Rotated
from equipoise.synthesis.network.gls import Solution


@dataclass(frozen=True, slots=True, eq=False)
class Leverages:
    """A block's studies at one τ², r = arms − 1 rows each, all weighted by √w with w = 1/(d + τ²).

    ``weights``: w, shape (k, r); ``rows``: the weighted rows of coefficients, (k, r, m); ``residuals``: (k, r);
    ``leverage``: H, the study's block of the hat matrix, (k, r, r); ``inflation``: (I − H)⁻¹, (k, r, r), a pseudo-
    inverse where the study holds the network together.
    """

    weights: FloatArray
    rows: FloatArray
    residuals: FloatArray
    leverage: FloatArray
    inflation: FloatArray


def leverages(block: Rotated, solution: Solution) -> Leverages:
    """The leverages of a block's studies under ``solution``."""
    weights = 1.0 / (block.variances + solution.tau2)
    root = np.sqrt(weights)
    rows = block.coefficients * root[:, :, None]
    effects = np.matmul(block.coefficients, solution.potentials[block.arms][:, :, None])[:, :, 0]
    within = solution.inverse[block.arms[:, :, None], block.arms[:, None, :]]
    leverage = np.matmul(np.matmul(rows, within), rows.transpose(0, 2, 1))
    inflation = np.linalg.pinv(np.eye(leverage.shape[1]) - leverage, rcond=1e-10, hermitian=True)
    return Leverages(weights, rows, root * (block.values - effects), leverage, inflation)
