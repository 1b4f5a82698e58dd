"""What chains of draws say of a posterior: the same questions as its exact form answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DataError
from equipoise.frames import FloatArray, make_frame
from equipoise.synthesis.bayes.convergence import ess_bulk, ess_mean, ess_tail, rhat
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.ranking import Ranking
from equipoise.synthesis.network.tables import decimals, interval, natural, text_table


@dataclass(frozen=True, eq=False)
class Quantity:
    """The draws of one quantity, shape (chains, draws), on the analysis scale."""

    values: FloatArray = field(repr=False)

    @property
    def mean(self) -> float:
        """The mean of the draws."""
        return float(self.values.mean())

    @property
    def sd(self) -> float:
        """Their standard deviation."""
        return float(self.values.std(ddof=1))

    @property
    def median(self) -> float:
        """Their median."""
        return float(np.median(self.values))

    @cached_property
    def rhat(self) -> float:
        """R̂ of split, rank-normalised chains; 1.01 is the usual limit."""
        return float(rhat(self.values[..., None])[0])

    @cached_property
    def ess_bulk(self) -> float:
        """Effective number of draws in the bulk."""
        return float(ess_bulk(self.values[..., None])[0])

    @cached_property
    def ess_tail(self) -> float:
        """Effective number of draws in the tails."""
        return float(ess_tail(self.values[..., None])[0])

    @property
    def mcse(self) -> float:
        """The Monte Carlo standard error of the mean."""
        return float(self.sd / np.sqrt(ess_mean(self.values[..., None])[0]))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """The share of draws of at most ``x``."""
        ordered = np.sort(self.values, axis=None)
        return np.asarray(np.searchsorted(ordered, np.asarray(x, dtype=float), side="right") / ordered.size)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """The values below which shares ``p`` of the draws lie."""
        return np.asarray(np.quantile(self.values, np.asarray(p, dtype=float)))

    def interval(self, level: float = 0.95) -> FloatArray:
        """The interval between equal tails, shape (2,)."""
        tail = (1.0 - level) / 2.0
        return self.quantile(np.array([tail, 1.0 - tail]))

    def shortest_interval(self, level: float = 0.95) -> FloatArray:
        """The shortest interval that holds a share ``level`` of the draws, shape (2,)."""
        ordered = np.sort(self.values, axis=None)
        held = min(int(np.ceil(level * ordered.size)), ordered.size - 1)
        start = int(np.argmin(ordered[held:] - ordered[:-held]))
        return ordered[[start, start + held]]

    def probability(self, low: float = -np.inf, high: float = np.inf) -> float:
        """The share of draws between ``low`` and ``high``."""
        return float(((self.values >= low) & (self.values <= high)).mean())


@dataclass(frozen=True, slots=True)
class Convergence:
    """How the chains did, over all parameters, those of single studies too.

    ``rhat``: the largest; ``ess_bulk``, ``ess_tail``: the smallest; ``divergences``: draws after tuning at which the
    trajectory left the density; ``seconds``: the sampler's wall time, tuning included.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    seconds: float

    def doubts(self) -> list[str]:
        """What to doubt, in words; the limits are those of Vehtari et al. 2021, Bayesian Analysis 16:667."""
        lines = []
        if not self.rhat < 1.01:
            lines.append(f"Doubtful: chains disagree (R-hat {self.rhat:.3f}, above 1.01); take more draws.")
        if min(self.ess_bulk, self.ess_tail) < 400:
            lines.append(
                f"Doubtful: few effective draws ({min(self.ess_bulk, self.ess_tail):.0f}, below 400); take more draws."
            )
        if self.divergences:
            lines.append(
                f"Doubtful: {self.divergences} divergent draws; a target_accept nearer to 1 may help, or a more "
                "informative prior."
            )
        return lines


@dataclass(frozen=True, eq=False)
class SampledPosterior:
    """Chains of a network's posterior, or of one comparison's (treatments "control" and "treatment").

    ``tau_draws``: shape (chains, draws), 0 for a common effect; ``effect_draws``: (chains, draws, treatments), each
    against ``reference``, which has 0; ``studies``: (treatments, treatments), how many compare each pair directly;
    ``convergence``: to look at first.
    """

    treatments: tuple[str, ...]
    reference: str
    measure: str
    model: str
    level: float
    priors: tuple[str, ...]
    studies: IntArray = field(repr=False)
    tau_draws: FloatArray = field(repr=False)
    effect_draws: FloatArray = field(repr=False)
    convergence: Convergence

    @cached_property
    def tau(self) -> Quantity:
        """The heterogeneity τ. Raises ``DataError`` for a common effect."""
        if self.model == "common":
            raise DataError("a common-effect model has no heterogeneity")
        return Quantity(self.tau_draws)

    @cached_property
    def estimates(self) -> FloatArray:
        """Posterior means of all pairs, row minus column, shape (treatments, treatments)."""
        means = self.effect_draws.mean(axis=(0, 1))
        return np.asarray(means[:, None] - means)

    @cached_property
    def standard_errors(self) -> FloatArray:
        """Posterior standard deviations of all pairs."""
        flat = self.effect_draws.reshape(-1, len(self.treatments))
        covariance = np.atleast_2d(np.cov(flat.T))
        variance = np.diag(covariance)
        return np.asarray(np.sqrt(np.maximum(variance[:, None] + variance - 2.0 * covariance, 0.0)))

    @property
    def lower(self) -> FloatArray:
        """Lower limits of the equal-tailed credible intervals of all pairs."""
        return np.asarray(self._limits[0])

    @property
    def upper(self) -> FloatArray:
        """Upper limits of the equal-tailed credible intervals of all pairs."""
        return np.asarray(self._limits[1])

    @property
    def notes(self) -> tuple[str, ...]:
        """The priors, the chains, and what to doubt."""
        chains, n = self.tau_draws.shape
        found = self.convergence
        return (
            *self.priors,
            f"{chains} chains of {n} draws by NUTS: R-hat at most {found.rhat:.3f}, effective draws at least "
            f"{found.ess_bulk:.0f} (bulk) and {found.ess_tail:.0f} (tails), {found.divergences} divergences.",
            *found.doubts(),
        )

    def contrast(self, treatment: str, comparator: str) -> Quantity:
        """``treatment`` minus ``comparator``."""
        i, j = self._position(treatment), self._position(comparator)
        return Quantity(self.effect_draws[..., i] - self.effect_draws[..., j])

    def predict(self, treatment: str, comparator: str, seed: int = 0) -> Quantity:
        """The effect in a new study. Raises ``DataError`` for a common effect."""
        if self.model == "common":
            raise DataError("a common-effect model predicts no spread between studies; take the random-effects model")
        spread = np.random.default_rng(seed).standard_normal(self.tau_draws.shape)
        return Quantity(self.contrast(treatment, comparator).values + self.tau_draws * spread)

    def ranking(self, smaller_is_better: bool = True, threshold: float = 0.0) -> Ranking:
        """SUCRA, mean ranks and probabilities of ranks, as shares of draws."""
        if threshold < 0:
            raise DataError(f"threshold {threshold} is negative; give the size of a difference that matters")
        flat = self.effect_draws.reshape(-1, len(self.treatments)) * (1.0 if smaller_is_better else -1.0)
        draws, n = flat.shape
        place = np.argsort(np.argsort(flat, axis=1), axis=1)
        ranks = np.array([np.bincount(place[:, i], minlength=n) for i in range(n)]) / draws
        mean = 1.0 + ranks @ np.arange(n)
        scores = (n - mean) / (n - 1.0)
        better = np.array([(flat[:, [i]] < flat - threshold).mean(axis=0) for i in range(n)])
        np.fill_diagonal(better, np.nan)
        reached, tail = np.cumsum(ranks, axis=1), (1.0 - self.level) / 2.0
        lower, upper = (1.0 + (reached < p - 1e-12).sum(axis=1) for p in (tail, 1.0 - tail))
        error = float(np.sqrt(ranks * (1.0 - ranks) / min(draws, self.convergence.ess_bulk)).max())
        return Ranking(
            self.treatments, smaller_is_better, threshold, self.level, scores, scores.copy(), mean, lower, upper,
            ranks, error, better, (self.treatments,),
        )  # fmt: skip

    def draws(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        """``n`` of the draws chosen at random: τ, shape (n,), and effects against the reference, (n, treatments).

        Without replacement as long as there are enough.
        """
        tau, effects = self.tau_draws.ravel(), self.effect_draws.reshape(-1, len(self.treatments))
        chosen = np.random.default_rng(seed).choice(len(tau), size=n, replace=n > len(tau))
        return tau[chosen], effects[chosen]

    def to_frame(self) -> Any:
        """Every pair, one a row: the first by name minus the second, with its own diagnostics."""
        pairs = [(a, b) for i, a in enumerate(self.treatments) for b in self.treatments[i + 1 :]]
        found = [self.contrast(a, b) for a, b in pairs]
        draws = np.stack([quantity.values for quantity in found], axis=-1)
        limits = np.array([quantity.interval(self.level) for quantity in found])
        return make_frame(
            {
                "treatment": [a for a, _ in pairs],
                "comparator": [b for _, b in pairs],
                "studies": [int(self.studies[self._position(a), self._position(b)]) for a, b in pairs],
                "mean": draws.mean(axis=(0, 1)),
                "sd": draws.std(axis=(0, 1), ddof=1),
                "median": np.median(draws, axis=(0, 1)),
                "lower": limits[:, 0],
                "upper": limits[:, 1],
                "below": (draws < 0.0).mean(axis=(0, 1)),
                "rhat": rhat(draws),
                "ess_bulk": ess_bulk(draws),
                "ess_tail": ess_tail(draws),
            }
        )

    def summary(self) -> str:
        """Effects against the reference, heterogeneity, priors and doubts, as text; ratio measures as ratios."""
        others = [t for t in self.treatments if t != self.reference]
        found = [self.contrast(t, self.reference) for t in others]
        none = natural(self.measure, 0.0)
        limits = [natural(self.measure, quantity.interval(self.level)) for quantity in found]
        lines = [
            text_table(
                {
                    "comparison": [f"{t} : {self.reference}" for t in others],
                    f"{self.measure} (median)": [decimals(float(natural(self.measure, q.median))) for q in found],
                    f"{100 * self.level:g}%-CrI": [interval(float(low), float(high)) for low, high in limits],
                    f"P(< {none:g})": [decimals(float(q.cdf(0.0)), 3) for q in found],
                }
            ),
            "",
        ]
        if self.model != "common":
            low, high = self.tau.interval(self.level).tolist()
            lines.append(
                f"Heterogeneity: tau {decimals(self.tau.median)} (median), {100 * self.level:g}% CrI {interval(low, high)}"
            )
        return "\n".join([*lines, *self.notes])

    @cached_property
    def _limits(self) -> FloatArray:
        tail = (1.0 - self.level) / 2.0
        flat = self.effect_draws.reshape(-1, len(self.treatments))
        return np.stack(
            [np.quantile(flat[:, [i]] - flat, [tail, 1.0 - tail], axis=0) for i in range(flat.shape[1])], axis=1
        )

    def _position(self, treatment: str) -> int:
        if treatment not in self.treatments:
            raise DataError(f"no treatment {treatment!r} in the network; it has {', '.join(self.treatments)}")
        return self.treatments.index(treatment)
