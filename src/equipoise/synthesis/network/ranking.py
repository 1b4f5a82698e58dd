"""Ranking: which treatment is likely best, second best, …

P-scores are closed forms (Rücker & Schwarzer 2015, BMC Med Res Methodol 15:58) and equal SUCRA when the treatment
effects are normal, because SUCRA is one minus the expected rank, rescaled. Rank probabilities have no closed form
beyond three treatments: they are integrated over the estimates' multivariate normal distribution by randomised
low-discrepancy points (scrambled Sobol), with the spread between independent random shifts reported as error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.inference import Inference
from equipoise.synthesis.network.tables import decimals, text_table

REPLICATES = 8
"""Independent random shifts, from whose spread the error is estimated."""

COORDINATES = 2**18
"""Integration points times treatments, unless the number of points is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Connected:
    """One connected network to rank.

    ``treatments``: shape (n,), indices into the fit's; ``potentials``: shape (n,), effects up to a constant;
    ``inverse``: shape (n, n), their covariance up to a constant, to be scaled as ``inference`` says.
    """

    treatments: IntArray
    potentials: FloatArray
    inverse: FloatArray
    inference: Inference


class Rankable(Protocol):
    """A fit whose treatments can be ranked: arrays over pairs, row minus column, and its connected networks."""

    @property
    def treatments(self) -> tuple[str, ...]: ...
    @property
    def subnetworks(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def level(self) -> float: ...
    @property
    def estimates(self) -> FloatArray: ...
    @property
    def standard_errors(self) -> FloatArray: ...
    @property
    def statistics(self) -> FloatArray: ...
    def connected(self) -> Sequence[Connected]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How the treatments rank; rank 1 is the best. Each subnetwork is ranked by itself.

    ``p_scores`` (0 to 1, mean 0.5 in a subnetwork): the mean probability of beating another treatment;
    ``rank_probabilities``: shape (treatments, largest subnetwork), row i the probabilities of ranks 1, 2, …, NaN for
    ranks that treatment's subnetwork doesn't have; ``error``: their largest standard error of integration (0: exact);
    ``sucra``, ``mean_ranks``: from the P-scores exactly; ``rank_lower``, ``rank_upper``: the quantiles of the rank
    distribution at ``level``; ``better``: shape (treatments, treatments), the probability that the row's true effect
    is better than the column's by more than ``threshold`` (analysis scale). ``score_name``: "P-score", or "SUCRA" of a
    posterior.
    """

    treatments: tuple[str, ...]
    smaller_is_better: bool
    threshold: float
    level: float
    p_scores: FloatArray
    sucra: FloatArray
    mean_ranks: FloatArray
    rank_lower: FloatArray
    rank_upper: FloatArray
    rank_probabilities: FloatArray
    error: float
    better: FloatArray
    subnetworks: tuple[tuple[str, ...], ...]
    score_name: str = "P-score"

    @property
    def best(self) -> FloatArray:
        """The probability of being best in the subnetwork."""
        return self.rank_probabilities[:, 0]

    @property
    def cumulative(self) -> FloatArray:
        """The probability of being among the best k, k = 1, 2, …; same shape as ``rank_probabilities``."""
        return np.asarray(np.cumsum(self.rank_probabilities, axis=1))

    @property
    def order(self) -> tuple[str, ...]:
        """The treatments by falling P-score, subnetwork after subnetwork."""
        score = dict(zip(self.treatments, self.p_scores.tolist(), strict=True))
        return tuple(t for part in self.subnetworks for t in sorted(part, key=lambda name: (-score[name], name)))

    def to_frame(self) -> Any:
        """One row a treatment, by falling P-score."""
        from equipoise.frames import make_frame

        rows = [self.treatments.index(t) for t in self.order]
        return make_frame(
            {
                "treatment": list(self.order),
                "p_score": self.p_scores[rows],
                "sucra": self.sucra[rows],
                "mean_rank": self.mean_ranks[rows],
                "rank_lower": self.rank_lower[rows],
                "rank_upper": self.rank_upper[rows],
                "best": self.best[rows],
            }
        )

    def summary(self) -> str:
        """The ranking as text."""
        rows = [self.treatments.index(t) for t in self.order]
        lines = []
        if len(self.subnetworks) > 1:
            lines.append("Treatments are ranked within each subnetwork; ranks of different ones can't be compared.")
        lines.append(
            text_table(
                {
                    "treatment": [self.treatments[i] for i in rows],
                    self.score_name: [decimals(self.p_scores[i]) for i in rows],
                    "mean rank": [decimals(self.mean_ranks[i], 1) for i in rows],
                    f"{100 * self.level:g}%-interval": [
                        f"{self.rank_lower[i]:.0f} to {self.rank_upper[i]:.0f}" for i in rows
                    ],
                    "P(best)": [decimals(self.best[i], 3) for i in rows],
                }
            )
        )
        if self.error > 0:
            lines.append(f"Rank probabilities integrated numerically, standard error at most {self.error:.1g}.")
        return "\n\n".join(lines)


def rank(
    fit: Rankable,
    smaller_is_better: bool = True,
    threshold: float = 0.0,
    samples: int | None = None,
    seed: int = 0,
) -> Ranking:
    """See ``NetworkFit.ranking``."""
    if threshold < 0:
        raise DataError(f"threshold {threshold} is negative; give the size of a difference that matters")
    if samples is not None and samples < REPLICATES:
        raise DataError(f"samples {samples} is too few; {REPLICATES} at least, a power of two best")
    n = len(fit.treatments)
    largest = max(len(part) for part in fit.subnetworks)
    scores = p_scores(fit, smaller_is_better)
    mean_ranks, rank_lower, rank_upper = (np.full(n, np.nan) for _ in range(3))
    probabilities, better = np.full((n, largest), np.nan), np.full((n, n), np.nan)
    error = 0.0
    tail = (1.0 - fit.level) / 2.0
    sign = -1.0 if smaller_is_better else 1.0
    for part in fit.connected():
        members, size = part.treatments, len(part.treatments)
        place = np.ix_(members, members)
        gain = sign * fit.estimates[place]
        errors = fit.standard_errors[place]
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = part.inference.lower_tail((gain - threshold) / errors)
        np.fill_diagonal(beyond, np.nan)
        better[place] = beyond
        mean_ranks[members] = 1.0 + (size - 1) * (1.0 - scores[members])
        points = COORDINATES // size if samples is None else samples
        found, spread = rank_probabilities(sign * part.potentials, part.inverse, part.inference.scale, points, seed)
        probabilities[members, :size] = found
        error = max(error, spread)
        reached = np.cumsum(found, axis=1)
        rank_lower[members] = 1 + (reached < tail - 1e-12).sum(axis=1)
        rank_upper[members] = 1 + (reached < 1.0 - tail - 1e-12).sum(axis=1)
    return Ranking(
        fit.treatments,
        smaller_is_better,
        threshold,
        fit.level,
        scores,
        scores.copy(),
        mean_ranks,
        rank_lower,
        rank_upper,
        probabilities,
        error,
        better,
        fit.subnetworks,
    )


def p_scores(fit: Rankable, smaller_is_better: bool) -> FloatArray:
    """Each treatment's mean probability of beating another one of its subnetwork, shape (treatments,)."""
    scores = np.full(len(fit.treatments), np.nan)
    for part in fit.connected():
        place = np.ix_(part.treatments, part.treatments)
        gain = -fit.statistics[place] if smaller_is_better else fit.statistics[place]
        chance = part.inference.lower_tail(gain)
        np.fill_diagonal(chance, 0.0)
        scores[part.treatments] = chance.sum(axis=1) / (len(part.treatments) - 1)
    return scores


def rank_probabilities(
    gains: FloatArray, inverse: FloatArray, scale: float, samples: int, seed: int
) -> tuple[FloatArray, float]:
    """The probability of every rank, shape (n, n), and its largest standard error of integration.

    ``gains``: larger is better, shape (n,); ``inverse``: their covariance before ``scale``, shape (n, n). Two treatments: closed form; more: Sobol points, ``samples`` in all.
    """
    n = len(gains)
    if not np.isfinite(scale):
        return np.full((n, n), np.nan), 0.0
    covariance = scale**2 * inverse
    if n == 2:
        spread = float(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
        first = float(ndtr((gains[0] - gains[1]) / spread))
        return np.array([[first, 1 - first], [1 - first, first]]), 0.0
    if n == 3:
        return three_treatments(gains, covariance), 0.0
    root = root_of(covariance)
    power = max(int(np.ceil(np.log2(samples / REPLICATES))), 0)
    each = np.empty((REPLICATES, n, n))
    random = np.random.default_rng(seed)
    points = low_discrepancy(power, n - 1, random)
    for replicate, shift in enumerate(random.random((REPLICATES, n - 1))):
        moved = points + shift
        moved -= moved >= 1.0
        draws = gains + ndtri(np.clip(moved, 1e-15, 1.0 - 1e-15, out=moved), out=moved) @ root.T
        order = np.argsort(-draws, axis=1)
        counts = np.bincount((order * n + np.arange(n)).ravel(), minlength=n * n)
        each[replicate] = counts.reshape(n, n) / len(draws)
    error = float((each.std(axis=0, ddof=1) / np.sqrt(REPLICATES)).max())
    return each.mean(axis=0), error


def root_of(covariance: FloatArray) -> FloatArray:
    """A matrix B, shape (n, n−1), with BBᵀ equal to the covariance of rank n−1; its leading columns carry most."""
    values, vectors = np.linalg.eigh(covariance)
    root: FloatArray = vectors[:, :0:-1] * np.sqrt(np.maximum(values[:0:-1], 0.0))
    return root


def low_discrepancy(power: int, dimensions: int, random: np.random.Generator) -> FloatArray:
    """2^power scrambled Sobol points in the unit cube, shape (2^power, dimensions)."""
    from scipy.stats import qmc

    points: FloatArray = qmc.Sobol(dimensions, scramble=True, rng=random).random_base2(power)
    return points


def three_treatments(gains: FloatArray, covariance: FloatArray) -> FloatArray:
    """Rank probabilities of three treatments, exactly: each ordering is a bivariate normal orthant."""
    found = np.zeros((3, 3))
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        steps = np.zeros((2, 3))
        steps[0, order[0]], steps[0, order[1]] = 1.0, -1.0
        steps[1, order[1]], steps[1, order[2]] = 1.0, -1.0
        mean, spread = steps @ gains, steps @ covariance @ steps.T
        deviation = np.sqrt(np.diag(spread))
        correlation = float(np.clip(spread[0, 1] / (deviation[0] * deviation[1]), -1.0, 1.0))
        probability = bivariate_normal(float(mean[0] / deviation[0]), float(mean[1] / deviation[1]), correlation)
        for position, treatment in enumerate(order):
            found[treatment, position] += probability
    return found


@cache
def _legendre() -> tuple[FloatArray, FloatArray]:
    """Gauss–Legendre nodes and weights on [−1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    return nodes, weights


def bivariate_normal(h: float, k: float, correlation: float) -> float:
    """P(X ≤ h, Y ≤ k) of two standard normals: Plackett's integral over the correlation, by Gauss–Legendre."""
    product = float(ndtr(h) * ndtr(k))
    angle = float(np.arcsin(correlation))
    nodes, weights = _legendre()
    theta = 0.5 * angle * (nodes + 1.0)
    sine = np.sin(theta)
    density = np.exp(-(h * h + k * k - 2.0 * h * k * sine) / (2.0 * np.maximum(1.0 - sine * sine, 1e-300)))
    return product + 0.5 * angle * float(weights @ density) / (2.0 * np.pi)
