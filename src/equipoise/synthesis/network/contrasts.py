"""One study's contrasts: what every network is made of.

A study with arms 0 … m−1 contributes the m−1 contrasts against its first arm and their covariance matrix. Pairwise
input (all m(m−1)/2 comparisons with their standard errors) carries the same information:
cov(c_k, c_l) = (s²_k0 + s²_l0 − s²_kl)/2 for contrasts c_k, c_l against arm 0
(Higgins & Whitehead 1996; Franchini et al. 2012, Research Synthesis Methods 3:142).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.errors import DataError, InconsistentVariances
from equipoise.frames import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class StudyContrasts:
    """A study with any number of arms, as contrasts against its first arm.

    ``treatments``: one label an arm; the first is the study's baseline.
    ``estimates``: shape (arms−1,), ``treatments[k+1]`` minus ``treatments[0]``, analysis scale (log for ratios).
    ``covariance``: shape (arms−1, arms−1), the sampling covariance of ``estimates``.
    ``participants``: one count an arm, None where unknown; empty when none is known.
    """

    study: str
    treatments: tuple[str, ...]
    estimates: FloatArray
    covariance: FloatArray
    participants: tuple[int | None, ...] = ()

    @property
    def arms(self) -> int:
        """Number of arms."""
        return len(self.treatments)

    @property
    def design(self) -> tuple[str, ...]:
        """The set of treatments compared, sorted: studies with the same set share a design."""
        return tuple(sorted(set(self.treatments)))


def check_study(study: StudyContrasts) -> None:
    """Raise ``DataError`` unless the study's shapes and numbers can be analysed.

    Whether the covariance is positive definite is checked for all studies at once by ``check_covariances``.
    """
    contrasts = len(study.treatments) - 1
    shapes = np.shape(study.estimates), np.shape(study.covariance)
    if shapes != ((contrasts,), (contrasts, contrasts)):
        raise DataError(
            f"study {study.study!r} has {contrasts + 1} arms, so needs {contrasts} estimates and a "
            f"{contrasts}×{contrasts} covariance; got shapes {shapes[0]} and {shapes[1]}"
        )
    if study.participants and len(study.participants) != contrasts + 1:
        raise DataError(
            f"study {study.study!r} has {contrasts + 1} arms but {len(study.participants)} participant counts"
        )
    if not (np.isfinite(study.estimates).all() and np.isfinite(study.covariance).all()):
        raise DataError(
            f"study {study.study!r} ({' – '.join(study.treatments)}): an estimate or a (co)variance is missing or "
            "infinite; supply it or leave the study out"
        )


def check_covariances(studies: tuple[StudyContrasts, ...], covariances: FloatArray) -> None:
    """Raise ``InconsistentVariances`` for the first study whose covariance isn't positive definite.

    ``covariances``: shape (studies, m−1, m−1), all studies having m arms.
    """
    diagonal = np.diagonal(covariances, axis1=1, axis2=2)
    asymmetry = np.abs(covariances - covariances.transpose(0, 2, 1)).max(axis=(1, 2))
    smallest = np.linalg.eigvalsh(covariances)[:, 0]
    largest = np.abs(diagonal).max(axis=1)
    wrong = (asymmetry > 1e-8 * largest) | ~(smallest > 1e-12 * largest)
    if not wrong.any():
        return
    study = studies[int(np.argmax(wrong))]
    variances = ", ".join(
        f"{b} – {study.treatments[0]} {v:.6g}"
        for b, v in zip(study.treatments[1:], np.diag(study.covariance), strict=True)
    )
    if len(study.treatments) == 2:
        raise InconsistentVariances(
            f"study {study.study!r}: the variance of {study.treatments[1]} – {study.treatments[0]} is "
            f"{study.covariance[0, 0]:.6g}; it must be positive"
        )
    raise InconsistentVariances(
        f"study {study.study!r} ({', '.join(study.treatments)}): no set of arms can give contrasts with these "
        f"variances ({variances}) and covariances ({_covariances(study)}); check the standard errors, or supply "
        "arm-level data"
    )


def _covariances(study: StudyContrasts) -> str:
    rows, columns = np.triu_indices(len(study.treatments) - 1, 1)
    return ", ".join(
        f"{study.treatments[i + 1]} with {study.treatments[j + 1]} {study.covariance[i, j]:.6g}"
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
    )


def pairwise_variances(covariance: FloatArray) -> FloatArray:
    """Variances of all pairs of arms, shape (…, m, m), from covariances of contrasts with arm 0, (…, m−1, m−1)."""
    size = covariance.shape[-1] + 1
    full = np.zeros((*covariance.shape[:-2], size, size))
    full[..., 1:, 1:] = covariance
    diagonal = np.diagonal(full, axis1=-2, axis2=-1)
    variances: FloatArray = diagonal[..., :, None] + diagonal[..., None, :] - 2.0 * full
    return variances


def contrast_covariances(variances: FloatArray) -> FloatArray:
    """Covariances of the contrasts with arm 0, shape (…, m−1, m−1), from the variances of all pairs, (…, m, m)."""
    with_baseline = variances[..., 1:, 0]
    covariances: FloatArray = (with_baseline[..., :, None] + with_baseline[..., None, :] - variances[..., 1:, 1:]) / 2.0
    return covariances
