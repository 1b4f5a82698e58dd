"""Ranks of treatments under a posterior: probabilities of pairs exactly, of whole orders as exactly as can be.

P(i better than j) is a mixture of normal distribution functions, and SUCRA and the mean rank follow from it. The
probability of a rank has a closed form for two treatments, is a sum of bivariate normal orthants for three, and is
otherwise integrated by scrambled Sobol points over the mixture, one coordinate choosing the component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.network_part import PartPosterior
from equipoise.synthesis.network.ranking import (
    COORDINATES,
    REPLICATES,
    Ranking,
    low_discrepancy,
    root_of,
    three_treatments,
)

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior


def rank(
    posterior: NetworkPosterior, smaller_is_better: bool, threshold: float, samples: int | None, seed: int
) -> Ranking:
    """See ``NetworkPosterior.ranking``."""
    if threshold < 0:
        raise DataError(f"threshold {threshold} is negative; give the size of a difference that matters")
    if samples is not None and samples < REPLICATES:
        raise DataError(f"samples {samples} is too few; {REPLICATES} at least, a power of two best")
    n = len(posterior.treatments)
    largest = max(len(part) for part in posterior.subnetworks)
    scores, mean_ranks, rank_lower, rank_upper = (np.full(n, np.nan) for _ in range(4))
    probabilities, better = np.full((n, largest), np.nan), np.full((n, n), np.nan)
    error, tail = 0.0, (1.0 - posterior.level) / 2.0
    sign = -1.0 if smaller_is_better else 1.0
    for part in posterior.parts:
        members, size = part.treatments, part.size
        ahead = probability_of_gain(part, sign, 0.0)
        scores[members] = np.nansum(ahead, axis=1) / (size - 1)
        mean_ranks[members] = 1.0 + (size - 1) * (1.0 - scores[members])
        better[np.ix_(members, members)] = ahead if threshold == 0 else probability_of_gain(part, sign, threshold)
        found, off = rank_probabilities(part, sign, COORDINATES // size if samples is None else samples, seed)
        probabilities[members, :size] = found
        error = max(error, off)
        reached = np.cumsum(found, axis=1)
        rank_lower[members] = 1 + (reached < tail - 1e-12).sum(axis=1)
        rank_upper[members] = 1 + (reached < 1.0 - tail - 1e-12).sum(axis=1)
    return Ranking(
        posterior.treatments,
        smaller_is_better,
        threshold,
        posterior.level,
        scores,
        scores.copy(),
        mean_ranks,
        rank_lower,
        rank_upper,
        probabilities,
        error,
        better,
        posterior.subnetworks,
    )


def probability_of_gain(part: PartPosterior, sign: float, threshold: float) -> FloatArray:
    """P(sign·(row − column) > threshold), shape (n, n), NaN on the diagonal."""
    n = part.size
    rows, columns = np.triu_indices(n, 1)
    found = np.full((n, n), np.nan)
    step = max(1, 2**21 // len(part.posterior.weights))
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        pair = part.differences(i, j)
        gain = sign * pair.means
        found[i, j] = pair.weights @ ndtr((gain - threshold) / pair.sds)
        found[j, i] = pair.weights @ ndtr((-gain - threshold) / pair.sds)
    return found


def rank_probabilities(part: PartPosterior, sign: float, samples: int, seed: int) -> tuple[FloatArray, float]:
    """The probability of every rank, shape (n, n), and its largest standard error of integration (0: exact)."""
    n, weights = part.size, part.posterior.weights
    if n == 2:
        first = float(probability_of_gain(part, sign, 0.0)[0, 1])
        return np.array([[first, 1.0 - first], [1.0 - first, first]]), 0.0
    kept = weights > 1e-12
    gains, covariances, weights = sign * part.means[kept], part.covariances[kept], weights[kept] / weights[kept].sum()
    if n == 3 and len(weights) <= 256:
        each = [three_treatments(g, c) for g, c in zip(gains, covariances, strict=True)]
        return np.asarray(np.tensordot(weights, np.array(each), axes=1)), 0.0
    return _integrated(gains, covariances, weights, samples, seed)


def _integrated(
    gains: FloatArray, covariances: FloatArray, weights: FloatArray, samples: int, seed: int
) -> tuple[FloatArray, float]:
    n = gains.shape[1]
    centred = covariances - covariances.mean(axis=1, keepdims=True)
    centred -= centred.mean(axis=2, keepdims=True)
    roots = [root_of(c) for c in centred]
    power = max(int(np.ceil(np.log2(samples / REPLICATES))), 0)
    random = np.random.default_rng(seed)
    points = low_discrepancy(power, n, random)
    bounds = np.cumsum(weights)[:-1]
    each = np.empty((REPLICATES, n, n))
    for replicate, shift in enumerate(random.random((REPLICATES, n))):
        moved = (points + shift) % 1.0
        moved = moved[np.argsort(moved[:, 0])]
        ends = np.searchsorted(moved[:, 0], bounds)
        normal = ndtri(np.clip(moved[:, 1:], 1e-15, 1.0 - 1e-15))
        pieces = zip(np.split(normal, ends), gains, roots, strict=True)
        draws = np.concatenate([g + z @ root.T for z, g, root in pieces])
        order = np.argsort(-draws, axis=1)
        counts = np.bincount((order * n + np.arange(n)).ravel(), minlength=n * n)
        each[replicate] = counts.reshape(n, n) / len(draws)
    error = float((each.std(axis=0, ddof=1) / np.sqrt(REPLICATES)).max())
    return each.mean(axis=0), error
