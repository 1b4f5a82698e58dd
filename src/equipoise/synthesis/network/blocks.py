"""Studies stacked into arrays: all studies with the same number of arms side by side.

Heterogeneity enters every study as τ²R with R = 1 on the diagonal and ½ off it. With R = KKᵀ and the
eigendecomposition K⁻¹VK⁻ᵀ = UDUᵀ, the contrasts become independent for every τ² at once:
(V + τ²R)⁻¹ = Tᵀ diag(1/(d + τ²)) T with T = UᵀK⁻¹. After that rotation a study is a few rows with variances d + τ².
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.network.contrasts import StudyContrasts, check_covariances

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """All studies with m arms, k of them.

    ``studies``: shape (k,), the position of each in the network; ``arms``: shape (k, m), treatment indices;
    ``estimates``: shape (k, m−1); ``covariances``: shape (k, m−1, m−1).
    """

    studies: IntArray
    arms: IntArray
    estimates: FloatArray
    covariances: FloatArray

    @property
    def contrasts(self) -> int:
        """Independent contrasts in all: k(m−1)."""
        return self.estimates.size

    def take(self, keep: NDArray[np.bool_]) -> Block:
        """The studies for which ``keep``, shape (k,), is true."""
        return Block(self.studies[keep], self.arms[keep], self.estimates[keep], self.covariances[keep])


@dataclass(frozen=True, slots=True, eq=False)
class Rotated:
    """A block whose rows are independent for every τ².

    ``variances``: d, shape (k, m−1), row variances without heterogeneity; ``values``: rotated estimates, (k, m−1);
    ``coefficients``: shape (k, m−1, m), the row's coefficients on its study's arms (each row sums to 0).
    """

    studies: IntArray
    arms: IntArray
    variances: FloatArray
    values: FloatArray
    coefficients: FloatArray


def stack(studies: Sequence[StudyContrasts], index: dict[str, int]) -> tuple[Block, ...]:
    """The studies as blocks, by increasing number of arms; ``index`` maps a treatment to its number.

    Raises ``InconsistentVariances`` for a covariance that isn't positive definite.
    """
    by_arms: dict[int, list[int]] = {}
    for position, study in enumerate(studies):
        by_arms.setdefault(len(study.treatments), []).append(position)
    blocks = []
    for _, positions in sorted(by_arms.items()):
        chosen = tuple(studies[p] for p in positions)
        covariances = np.array([s.covariance for s in chosen], dtype=float)
        check_covariances(chosen, covariances)
        blocks.append(
            Block(
                studies=np.array(positions, dtype=np.intp),
                arms=np.array([[index[t] for t in s.treatments] for s in chosen], dtype=np.intp),
                estimates=np.array([s.estimates for s in chosen], dtype=float),
                covariances=(covariances + covariances.transpose(0, 2, 1)) / 2.0,
            )
        )
    return tuple(blocks)


def heterogeneity_structure(contrasts: int) -> FloatArray:
    """R, shape (contrasts, contrasts): 1 on the diagonal, ½ off it."""
    return np.full((contrasts, contrasts), 0.5) + 0.5 * np.eye(contrasts)


def against_baseline(contrasts: int) -> FloatArray:
    """The contrasts with arm 0 as a matrix on the arms, shape (contrasts, contrasts+1)."""
    return np.hstack([-np.ones((contrasts, 1)), np.eye(contrasts)])


def rotate(block: Block) -> Rotated:
    """The block with independent rows (see the module's text)."""
    contrasts = block.estimates.shape[1]
    if contrasts == 1:
        coefficients = np.broadcast_to(against_baseline(1), (len(block.studies), 1, 2))
        return Rotated(block.studies, block.arms, block.covariances[:, :, 0], block.estimates, coefficients)
    inverse = np.linalg.inv(np.linalg.cholesky(heterogeneity_structure(contrasts)))
    variances, vectors = np.linalg.eigh(inverse @ block.covariances @ inverse.T)
    rotation = vectors.transpose(0, 2, 1) @ inverse
    values = np.einsum("krj,kj->kr", rotation, block.estimates)
    return Rotated(block.studies, block.arms, variances, values, rotation @ against_baseline(contrasts))
