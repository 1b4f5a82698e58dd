"""Ranks of treatments under a posterior: probabilities of pairs exactly, of whole orders as exactly as can be.

P(i better than j) is a mixture of normal distribution functions, and SUCRA and the mean rank follow from it. The
probability of a rank has a closed form for two treatments and is a sum of bivariate normal orthants for three. Where all
studies compare something with one centre, the effects against it are independent given τ: then a treatment's rank given
its effect counts independent events, and one integral over that effect remains. Otherwise scrambled Sobol points are
taken over the mixture, one coordinate choosing the component.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.effects_posterior import ConnectedPart, EffectsPosterior, Part
from equipoise.synthesis.bayes.network_part import PartPosterior
from equipoise.synthesis.network.ranking import (
    REPLICATES,
    Ranking,
    low_discrepancy,
    root_of,
    three_treatments,
)

_LARGEST_STAR = 40
"""Up to so many treatments the ranks of a star are integrated in one dimension."""


def rank(
    posterior: EffectsPosterior[Part],
    smaller_is_better: bool,
    threshold: float,
    chances: Callable[[Part, float], tuple[FloatArray, float]],
) -> Ranking:
    """See ``NetworkPosterior.ranking``.

    ``chances``: the probabilities of ranks in a part, row i of treatment i, and their error; its second argument is 1
    where larger is better, else −1.
    """
    if threshold < 0:
        raise DataError(f"threshold {threshold} is negative; give the size of a difference that matters")
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
        found, off = chances(part, sign)
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
        "SUCRA",
    )


def probability_of_gain(part: ConnectedPart, sign: float, threshold: float) -> FloatArray:
    """P(sign·(row − column) > threshold), shape (n, n), NaN on the diagonal."""
    n = part.size
    rows, columns = np.triu_indices(n, 1)
    found = np.full((n, n), np.nan)
    step = max(1, 2**21 // part.components)
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        pair = part.differences(i, j)
        below, at_most = pair.cdf(-threshold), pair.cdf(threshold)
        found[i, j], found[j, i] = (1.0 - at_most, below) if sign > 0 else (below, 1.0 - at_most)
    return np.asarray(np.clip(found, 0.0, 1.0))


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
    centre = _centre(part)
    if centre is not None and n <= _LARGEST_STAR and len(weights) <= 256:
        return _star(gains, covariances, weights, centre)
    return _integrated(gains, covariances, weights, samples, seed)


def _centre(part: PartPosterior) -> int | None:
    """The treatment with which every study compares one other, if that leaves the effects independent given τ."""
    if any(block.arms.shape[1] > 2 for block in part.system.rotated):
        return None
    arms = np.concatenate([block.arms for block in part.system.rotated])
    common = [t for t in set(arms[0].tolist()) if np.all((arms == t).any(axis=1))]
    shared = np.delete(np.delete(part.covariances, part.ground, axis=1), part.ground, axis=2)
    apart = shared - np.diagonal(shared, axis1=1, axis2=2)[:, :, None] * np.eye(part.size - 1)
    return part.ground if part.ground in common and not np.abs(apart).max() > 0 else None


def _star(gains: FloatArray, covariances: FloatArray, weights: FloatArray, centre: int) -> tuple[FloatArray, float]:
    """Ranks of independent effects against a centre, by Gauss–Legendre panels; the error by a coarser rule."""
    fine, coarse = (_star_with(gains, covariances, weights, centre, count) for count in (14, 10))
    return fine, float(np.abs(fine - coarse).max())


def _star_with(gains: FloatArray, covariances: FloatArray, weights: FloatArray, centre: int, count: int) -> FloatArray:
    components, n = gains.shape
    sds = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    others = np.delete(np.arange(n), centre)
    found = np.zeros((n, n))
    ahead = ndtr(gains[:, others] / sds[:, others])
    found[centre] = weights @ _counts(np.moveaxis(ahead, 1, 0))
    nodes, rule = np.polynomial.legendre.leggauss(count)
    for k in others:
        mean, sd = gains[:, k], sds[:, k]
        ends = mean[:, None] + sd[:, None] * np.linspace(-8.5, 8.5, 25)
        # The centre's own place is a jump at 0.
        edges = np.sort(np.concatenate([ends, np.clip(np.zeros(components), ends[:, 0], ends[:, -1])[:, None]], axis=1))
        half = 0.5 * np.diff(edges, axis=1)[:, :, None]
        x = (0.5 * (edges[:, 1:] + edges[:, :-1])[:, :, None] + half * nodes).reshape(components, -1)
        z = (x - mean[:, None]) / sd[:, None]
        mass = (half * rule).reshape(components, -1) * np.exp(-0.5 * z * z) / (sd[:, None] * np.sqrt(2.0 * np.pi))
        rest = others[others != k]
        above = ndtr((gains[:, rest, None] - x[:, None, :]) / sds[:, rest, None])
        counts = _counts(np.moveaxis(above, 1, 0))
        below, over = mass * (x < 0), mass * (x >= 0)
        found[k, 1:] += weights @ (below[..., None] * counts).sum(axis=1)
        found[k, :-1] += weights @ (over[..., None] * counts).sum(axis=1)
    return found


def _counts(chances: FloatArray) -> FloatArray:
    """The distribution of how many of m independent events happen; ``chances``: (m, …) → (…, m + 1)."""
    found = np.zeros((*chances.shape[1:], len(chances) + 1))
    found[..., 0] = 1.0
    for number, chance in enumerate(chances, start=1):
        moved = found[..., :number] * chance[..., None]
        found[..., :number] *= 1.0 - chance[..., None]
        found[..., 1 : number + 1] += moved
    return found


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
