"""Bayesian network meta-analysis of arms with their own likelihood: no normal approximation, no continuity correction.

η_ik = μ_i + δ_ik with δ_i N(d_t(ik) − d_t(i1), τ²R), R = 1 on and ½ off the diagonal (Dias et al. 2011, NICE DSU
Technical Support Document 2; Lu & Ades 2004, Statistics in Medicine 23:3105). Baselines and random effects are integrated
study by study by adaptive quadrature, τ by quadrature, the effects by importance sampling with low-discrepancy points
about the mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.part import ArmPart, doubts, part_posterior
from equipoise.synthesis.bayes.arm_level.ranks import rank
from equipoise.synthesis.bayes.arm_level.statistics import FitStatistics, fit_statistics
from equipoise.synthesis.bayes.arm_level.table import ArmTable
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Flat, Prior, check_heterogeneity_prior, check_measure
from equipoise.synthesis.bayes.quadrature import TauPosterior
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.league import League
from equipoise.synthesis.network.prediction import Predictions
from equipoise.synthesis.network.ranking import Ranking
from equipoise.synthesis.network.tables import decimals, interval, natural, text_table

Model = Literal["random", "common"]
_COLUMNS = ("mean", "sd", "median", "lower", "upper", "below")


@dataclass(frozen=True, eq=False)
class ArmPosterior:
    """What is believed of every treatment against every other after the data.

    Arrays over pairs have shape (treatments, treatments), row minus column on the scale of the link (log odds for the logit),
    NaN between subnetworks: ``estimates`` (posterior means), ``standard_errors`` (posterior standard deviations),
    ``medians``, ``lower`` and ``upper`` (equal-tailed, at ``level``). Each subnetwork has a τ of its own.
    ``heterogeneity``, ``effects_prior``, ``baseline`` are the priors; ``left_out`` says what the data lost.
    """

    table: ArmTable = field(repr=False)
    subnetworks: tuple[tuple[str, ...], ...]
    model: Model
    heterogeneity: Prior | None
    effects_prior: Prior | Mapping[str, Prior]
    baseline: Prior
    reference: str
    level: float
    parts: tuple[ArmPart, ...] = field(repr=False)

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""
        return self.table.treatments

    @property
    def measure(self) -> str:
        """The effect measure."""
        return self.table.measure

    @property
    def taus(self) -> tuple[TauPosterior, ...]:
        """The posterior of τ in each subnetwork; empty with a common effect."""
        return tuple(part.tau for part in self.parts if part.tau is not None)

    @property
    def tau(self) -> TauPosterior:
        """The posterior of τ. Raises ``DataError`` where there is none, or subnetworks have one each (``taus``)."""
        if not self.taus:
            raise DataError("a common-effect model has no heterogeneity")
        if len(self.taus) > 1:
            raise DataError("the network isn't connected, and each subnetwork has a τ of its own: see taus")
        return self.taus[0]

    @property
    def estimates(self) -> FloatArray:
        """Posterior means of all pairs."""
        return self._pairs["mean"]

    @property
    def standard_errors(self) -> FloatArray:
        """Posterior standard deviations of all pairs."""
        return self._pairs["sd"]

    @property
    def medians(self) -> FloatArray:
        """Posterior medians of all pairs."""
        return self._pairs["median"]

    @property
    def lower(self) -> FloatArray:
        """Lower limits of the equal-tailed credible intervals."""
        return self._pairs["lower"]

    @property
    def upper(self) -> FloatArray:
        """Upper limits of the equal-tailed credible intervals."""
        return self._pairs["upper"]

    @cached_property
    def error(self) -> float:
        """How far probabilities of the effects may be off: three standard errors of the integration."""
        return max(part.error() for part in self.parts)

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood, subnetworks multiplied; flat priors count as densities of 1."""
        return float(sum(part.log_evidence for part in self.parts))

    @property
    def pareto_k(self) -> float:
        """The largest k̂; above 0.7 results aren't to be trusted."""
        return max(part.points.pareto for part in self.parts)

    @property
    def effective_size(self) -> float:
        """The smallest effective sample size of the weighted points."""
        return min(part.points.effective for part in self.parts)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """The priors, and what to doubt."""
        tau = "no heterogeneity" if self.heterogeneity is None else f"τ {self.heterogeneity.describe()}"
        if isinstance(self.effects_prior, Mapping):
            each = "; ".join(f"{name} {prior.describe()}" for name, prior in self.effects_prior.items())
            effects = (
                f"effects against {', '.join(self.references())}: {each or 'flat'}{'; others flat' if each else ''}"
            )
        else:
            effects = f"effects against {', '.join(self.references())} {self.effects_prior.describe()}"
        arms = self.table.likelihood
        lines = [
            f"Likelihood: {arms.family} arms, {arms.link} link.",
            f"Priors: {tau}; {effects}; baselines {self.baseline.describe()}.",
        ]
        several = len(self.parts) > 1
        if several:
            lines.append(f"{len(self.parts)} subnetworks, each analysed by itself with a τ of its own.")
        for part in self.parts:
            name = f" (subnetwork of {self.treatments[part.treatments[0]]}, …)" if several else ""
            lines += doubts(part, name)
            if part.tau is not None and self.heterogeneity is not None and self.heterogeneity.proper:
                middle = float(part.tau.quantile(0.5))
                if float(self.heterogeneity.cdf(middle)) > 0.99:
                    lines.append(
                        f"Prior–data conflict{name}: the posterior median of τ, {middle:.3g}, lies beyond the 99 % "
                        "quantile of its prior."
                    )
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.table.left_out]
        return tuple(lines)

    def references(self, reference: str | None = None) -> tuple[str, ...]:
        """What each subnetwork is compared with: the reference, or the first by name where that one isn't in it."""
        wanted = reference or self.reference
        self._position(wanted)
        return _references(self.subnetworks, wanted)

    def contrast(self, treatment: str, comparator: str) -> NormalMixture:
        """The posterior of ``treatment`` minus ``comparator``; raises ``DataError`` for an unconnected pair."""
        part, i, j = self._locate(treatment, comparator)
        return part.differences(i, j)

    @overload
    def predict(self, treatment: str, comparator: str) -> NormalMixture: ...
    @overload
    def predict(self, treatment: None = None, comparator: None = None) -> Predictions: ...
    def predict(self, treatment: str | None = None, comparator: str | None = None) -> NormalMixture | Predictions:
        """The effect in a new study: its distribution for one pair, or the intervals of all pairs.

        Raises ``DataError`` for an unconnected pair and for a common-effect model.
        """
        if self.model == "common":
            raise DataError("a common-effect model predicts no spread between studies; take the random-effects model")
        if treatment is not None and comparator is not None:
            part, i, j = self._locate(treatment, comparator)
            return part.differences(i, j, new_study=True)
        found = self._all_pairs(new_study=True)
        return Predictions(
            self.treatments,
            self.references(),
            self.measure,
            self.level,
            found["mean"],
            found["sd"],
            found["lower"],
            found["upper"],
        )

    def league(self) -> League:
        """The league table: posterior means and credible intervals, row minus column."""
        return League(
            self.treatments,
            self.measure,
            self.measure,
            "network",
            self.level,
            self.estimates,
            self.lower,
            self.upper,
        )

    def ranking(self, smaller_is_better: bool = True, threshold: float = 0.0) -> Ranking:
        """SUCRA, mean ranks and probabilities of ranks; each subnetwork ranked by itself.

        ``smaller_is_better``: whether a smaller value on the analysis scale is the better outcome; ``threshold``: the
        difference that matters, for ``Ranking.better``.
        """
        return rank(self, smaller_is_better, threshold)

    def fit_statistics(self) -> FitStatistics:
        """Residual deviance, leverage, pD and DIC, arm by arm."""
        return fit_statistics(self)

    def to_frame(self) -> Any:
        """Every connected pair, one a row: the first by name minus the second, on the analysis scale."""
        from equipoise.frames import make_frame

        rows, columns = np.nonzero(np.triu(np.isfinite(self.estimates), 1))
        values = {name: self._pairs[name][rows, columns] for name in _COLUMNS}
        return make_frame(
            {
                "treatment": [self.treatments[i] for i in rows],
                "comparator": [self.treatments[j] for j in columns],
                "studies": self.pair_counts()[rows, columns],
                **values,
            }
        )

    def summary(self) -> str:
        """Effects against the reference, heterogeneity, priors and doubts, as text; ratio measures as ratios."""
        pairs = [
            (self._position(t), self._position(base), t, base)
            for part, base in zip(self.subnetworks, self.references(), strict=True)
            for t in part
            if t != base
        ]
        place = tuple(np.array([pair[side] for pair in pairs], dtype=np.intp) for side in (0, 1))
        middle, low, high = (natural(self.measure, self._pairs[name][place]) for name in ("median", "lower", "upper"))
        none = natural(self.measure, 0.0)
        lines = [
            text_table(
                {
                    "comparison": [f"{a} : {b}" for *_, a, b in pairs],
                    f"{self.measure} (median)": [decimals(x) for x in middle],
                    f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(low, high, strict=True)],
                    f"P(< {none:g})": [decimals(x, 3) for x in self._pairs["below"][place]],
                }
            ),
            "",
        ]
        tail = (1.0 - self.level) / 2.0
        for tau in self.taus:
            middle_tau, low_tau, high_tau = (float(tau.quantile(p)) for p in (0.5, tail, 1.0 - tail))
            lines.append(
                f"Heterogeneity: tau {decimals(middle_tau)} (median), {100 * self.level:g}% CrI {interval(low_tau, high_tau)}"
            )
        return "\n".join([*lines, *self.notes])

    def pair_counts(self) -> IntArray:
        """How many studies compare each pair directly, shape (treatments, treatments)."""
        n = len(self.treatments)
        has = np.zeros((len(self.table.studies), n), dtype=np.intp)
        has[self.table.study, self.table.treatment] = 1
        counts: IntArray = has.T @ has
        np.fill_diagonal(counts, 0)
        return counts

    def draws(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        """Draws from the posterior, by resampling the weighted points.

        τ: shape (n,), or (n, subnetworks) where there are several; effects: shape (n, treatments), each against its
        subnetwork's reference, which has 0.
        """
        random = np.random.default_rng(seed)
        effects = np.zeros((n, len(self.treatments)))
        taus = np.zeros((n, len(self.parts)))
        for number, part in enumerate(self.parts):
            taus[:, number], effects[:, part.treatments] = _resampled(part, n, random)
        return (taus[:, 0] if len(self.parts) == 1 else taus), effects

    @cached_property
    def _pairs(self) -> dict[str, FloatArray]:
        return self._all_pairs(new_study=False)

    def _all_pairs(self, new_study: bool) -> dict[str, FloatArray]:
        n = len(self.treatments)
        names = ("mean", "sd", "lower", "median", "upper", "below")
        found = {name: np.full((n, n), np.nan) for name in names}
        tail = (1.0 - self.level) / 2.0
        for part in self.parts:
            for name in names[:-1]:
                found[name][part.treatments, part.treatments] = 0.0
            for a in range(part.size):
                for b in range(a + 1, part.size):
                    pair = part.differences(a, b, new_study)
                    low, middle, high = pair.quantile(np.array([tail, 0.5, 1.0 - tail])).tolist()
                    mean, sd, below = float(pair.mean), float(pair.sd), float(pair.cdf(0.0))
                    i, j = part.treatments[a], part.treatments[b]
                    there = (mean, sd, low, middle, high, below)
                    back = (-mean, sd, -high, -middle, -low, 1.0 - below)
                    for name, x, y in zip(names, there, back, strict=True):
                        found[name][i, j], found[name][j, i] = x, y
        return found

    def _position(self, treatment: str) -> int:
        try:
            return self.treatments.index(treatment)
        except ValueError:
            raise DataError(f"no treatment {treatment!r} in the network; it has {', '.join(self.treatments)}") from None

    def _locate(self, treatment: str, comparator: str) -> tuple[ArmPart, int, int]:
        first, second = self._position(treatment), self._position(comparator)
        for part in self.parts:
            i, j = np.flatnonzero(part.treatments == first), np.flatnonzero(part.treatments == second)
            if i.size and j.size:
                return part, int(i[0]), int(j[0])
        raise DataError(f"{treatment} and {comparator} lie in different subnetworks, so they can't be compared")


def _resampled(part: ArmPart, n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draws of τ, (n,), and of the effects, (n, treatments): at a τ between two nodes, a point of either."""
    points = part.points
    if part.tau is None:
        chosen = random.choice(len(points.weights), size=n, p=points.weights)
        return np.zeros(n), part.effects[chosen]
    tau = np.asarray(part.tau.quantile(random.random(n)))
    masses = np.bincount(points.node, weights=points.weights, minlength=len(part.nodes.tau))
    there = np.flatnonzero(masses > 0)
    x, at = np.arcsinh(tau / part.nodes.scale), part.nodes.x[there]
    right = np.clip(np.searchsorted(at, x), 1, len(at) - 1) if len(at) > 1 else np.zeros(n, dtype=np.intp)
    left = np.maximum(right - 1, 0)
    share = np.clip((x - at[left]) / np.maximum(at[right] - at[left], 1e-300), 0.0, 1.0)
    node = there[np.where(random.random(n) < share, right, left)]
    effects = np.empty((n, part.size))
    for j in np.unique(node).tolist():
        wanted = np.flatnonzero(node == j)
        members = np.flatnonzero(points.node == j)
        p = points.weights[members] / points.weights[members].sum()
        effects[wanted] = part.effects[random.choice(members, size=len(wanted), p=p)]
    return tau, effects


def _references(parts: tuple[tuple[str, ...], ...], wanted: str) -> tuple[str, ...]:
    return tuple(wanted if wanted in part else part[0] for part in parts)


def posterior_from_arms(
    table: ArmTable,
    heterogeneity: Prior | None = None,
    effects: Prior | Mapping[str, Prior] | None = None,
    baseline: Prior | None = None,
    model: Model = "random",
    reference: str | None = None,
    level: float = 0.95,
    points: int = 2**14,
    seed: int = 1,
) -> ArmPosterior:
    """Bayesian network meta-analysis of arms (``read_arms``), subnetwork by subnetwork.

    ``heterogeneity``: the prior of τ, which has no default (``HalfNormal(0.5)``, say); none with ``model="common"``.
    ``effects``: None for flat, one prior for all effects against the reference, or one for each of some treatments (the
    others flat). ``baseline``: of every study's baseline, the linear predictor of its first arm: flat (default) or
    ``Normal(mean, sd)``. ``reference``: the treatment that effects are against (default: the first by name, in each
    subnetwork). ``points``, ``seed``: of the importance sampling; results with another seed differ by ``error``.

    Raises ``DataError`` for unknown options, a prior stated for another measure, and an improper posterior.
    """
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    if points < 512:
        raise DataError(f"points {points} is too few; 512 at least, a power of two best")
    if model == "random":
        if heterogeneity is None:
            raise DataError(
                "state a prior for τ: heterogeneity=HalfNormal(0.5), say, or the empirical prior for the type of "
                "outcome and comparison; there is no default worth having"
            )
        check_measure(check_heterogeneity_prior(heterogeneity), table.measure)
    elif heterogeneity is not None:
        raise DataError("a common-effect model has no τ: leave heterogeneity out, or choose model='random'")
    prior: Prior | Mapping[str, Prior] = Flat() if effects is None else effects
    for each in prior.values() if isinstance(prior, Mapping) else (prior,):
        check_measure(each, table.measure)
    base = Flat() if baseline is None else baseline
    table = table.with_baseline(base)
    parts = table.parts()
    wanted = reference if reference is not None else parts[0][0]
    if wanted not in table.treatments:
        raise DataError(f"no treatment {wanted!r} in the network; it has {', '.join(table.treatments)}")
    references = _references(parts, wanted)
    if isinstance(prior, Mapping):
        unknown = [t for t in prior if t not in table.treatments or t in references]
        if unknown:
            raise DataError(
                f"a prior is given for {unknown[0]!r}, which has no basic parameter; those with one are "
                f"{', '.join(t for t in table.treatments if t not in references)}"
            )
    power = max(int(np.ceil(np.log2(points / 8))), 6)
    found = []
    for members, base_of in zip(parts, references, strict=True):
        others = [t for t in members if t != base_of]
        priors = [prior.get(t, Flat()) if isinstance(prior, Mapping) else prior for t in others]
        found.append(
            part_posterior(table, members, base_of, heterogeneity if model == "random" else None, priors, power, seed)
        )
    return ArmPosterior(table, parts, model, heterogeneity, prior, base, wanted, level, tuple(found))
