"""What a network posterior says of its studies: their true effects, shrunken towards the network's.

A study's rotated rows are η_r ~ N(x_r·θ, τ²) and y_r ~ N(η_r, d_r), all independent given θ and τ. Given τ, η is normal
with mean By + (1 − B)m and covariance (1 − B)S(1 − B) + dB, where B = τ²/(d + τ²) and m, S are the posterior mean and
covariance of the rows' x_r·θ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.linear_posterior import LinearPosterior
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_part import PartPosterior
from equipoise.synthesis.network.blocks import Rotated
from equipoise.synthesis.network.tables import decimals, interval, natural, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior


@dataclass(frozen=True, slots=True, eq=False)
class RowMoments:
    """One block's rows under the posterior: ``means``, shape (C, k, q), and ``covariances``, (C, k, q, q), of x_r·θ."""

    block: Rotated
    means: FloatArray
    covariances: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class StudyEffects:
    """Every study's contrasts against its first arm: as observed, and their true values under the posterior.

    Arrays have one entry a contrast, on the analysis scale; ``estimates``, ``standard_errors``: posterior means and
    standard deviations; ``lower``, ``upper``: equal-tailed limits at ``level``; ``distribution``: all of it.
    """

    measure: str
    level: float
    study: tuple[str, ...]
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    observed: FloatArray
    observed_se: FloatArray
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    distribution: tuple[NormalMixture, ...]

    def to_frame(self) -> Any:
        """One row a contrast."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.study,
                "treatment": self.treatment,
                "comparator": self.comparator,
                "observed": self.observed,
                "observed_se": self.observed_se,
                "mean": self.estimates,
                "sd": self.standard_errors,
                "lower": self.lower,
                "upper": self.upper,
            }
        )

    def summary(self) -> str:
        """The same as text; ratio measures as ratios."""
        observed, middle, lower, upper = (
            natural(self.measure, x) for x in (self.observed, self.estimates, self.lower, self.upper)
        )
        return text_table(
            {
                "study": list(self.study),
                "comparison": [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)],
                "observed": [decimals(x) for x in observed],
                self.measure: [decimals(x) for x in middle],
                f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(lower, upper, strict=True)],
            }
        )


def row_moments(part: PartPosterior, means: FloatArray, covariances: FloatArray) -> Iterator[RowMoments]:
    """The rows of every block, given the effects' means, (C, n), and covariances, (C, n, n)."""
    for block in part.system.rotated:
        z = block.coefficients
        mean = np.matmul(z, means[:, block.arms][..., None])[..., 0]
        inner = covariances[:, block.arms[:, :, None], block.arms[:, None, :]]
        yield RowMoments(block, mean, z @ inner @ z.transpose(0, 2, 1))


def moments_of(posterior: LinearPosterior, blocks: Sequence[Rotated]) -> Iterator[RowMoments]:
    """The same for any linear model whose rows are those of ``blocks`` one after the other."""
    x = posterior.model.design.toarray()
    start = 0
    for block in blocks:
        k, q = block.values.shape
        rows = x[start : start + k * q]
        start += k * q
        mean = (posterior.means @ rows.T).reshape(-1, k, q)
        left = (rows @ posterior.covariances).reshape(-1, k, q, x.shape[1])
        yield RowMoments(block, mean, left @ rows.reshape(k, q, -1).transpose(0, 2, 1))


def true_rows(moments: RowMoments, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means, (C, k, q), and covariances, (C, k, q, q), of η given each component's ``tau``."""
    d, y = moments.block.variances, moments.block.values
    with np.errstate(over="ignore"):
        t2 = tau[:, None, None] ** 2
    shrink = 1.0 / (1.0 + t2 / d)
    means = y + shrink * (moments.means - y)
    covariances = shrink[..., :, None] * moments.covariances * shrink[..., None, :]
    q = d.shape[1]
    covariances[..., np.arange(q), np.arange(q)] += d * (1.0 - shrink)
    return means, covariances


def to_contrasts(block: Rotated) -> FloatArray:
    """What turns a study's rows back into contrasts against its first arm, shape (k, q, q)."""
    return np.asarray(np.linalg.inv(block.coefficients[:, :, 1:]))


def study_effects(posterior: NetworkPosterior) -> StudyEffects:
    """See ``NetworkPosterior.study_effects``."""
    if posterior.model == "common":
        raise DataError("in a common-effect model every study has the network's effect: see effects and comparisons")
    tail = (1.0 - posterior.level) / 2.0
    found: dict[tuple[int, int], tuple[float, float, float, float, NormalMixture]] = {}
    for part in posterior.parts:
        for moments in row_moments(part, part.means, part.covariances):
            means, covariances = true_rows(moments, part.posterior.tau)
            back = to_contrasts(moments.block)
            means = np.matmul(back, means[..., None])[..., 0]
            variances = np.einsum("kij,ckjl,kil->cki", back, covariances, back, optimize=True)
            count, k, q = means.shape
            each = NormalMixture(
                part.posterior.weights, means.reshape(count, -1), np.sqrt(variances).reshape(count, -1)
            )
            limits = each.quantile(np.array([tail, 1.0 - tail])).reshape(2, k, q)
            mean, sd = each.mean.reshape(k, q), each.sd.reshape(k, q)
            for i, position in enumerate(moments.block.studies.tolist()):
                for j in range(q):
                    found[position, j] = (
                        float(mean[i, j]), float(sd[i, j]), float(limits[0, i, j]), float(limits[1, i, j]),
                        each.take(i * q + j),
                    )  # fmt: skip
    studies = posterior.network.studies
    rows = [(s, j) for s, study in enumerate(studies) for j in range(len(study.estimates))]
    numbers = np.array([found[row][:4] for row in rows])
    return StudyEffects(
        measure=posterior.measure,
        level=posterior.level,
        study=tuple(studies[s].study for s, _ in rows),
        treatment=tuple(studies[s].treatments[j + 1] for s, j in rows),
        comparator=tuple(studies[s].treatments[0] for s, _ in rows),
        observed=np.array([float(studies[s].estimates[j]) for s, j in rows]),
        observed_se=np.array([float(np.sqrt(studies[s].covariance[j, j])) for s, j in rows]),
        estimates=numbers[:, 0],
        standard_errors=numbers[:, 1],
        lower=numbers[:, 2],
        upper=numbers[:, 3],
        distribution=tuple(found[row][4] for row in rows),
    )
