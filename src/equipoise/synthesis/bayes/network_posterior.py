"""Bayesian network meta-analysis with normal likelihoods, without sampling.

Contrasts of study s are N(δ_s, V_s), their true values δ_s N(Xd, τ²R) with 1 on R's diagonal and ½ off it, d the
effects against the reference (Lu & Ades 2004, Statistics in Medicine 23:3105; Dias et al. 2013, Medical Decision Making
33:607). Given τ everything is normal in closed form; τ is integrated by adaptive quadrature, so that every posterior is
a mixture of normals (as Röver's bayesmeta for one comparison, Journal of Statistical Software 2020, 93(6)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_criticism import NetworkCriticism, criticise
from equipoise.synthesis.bayes.network_part import EffectsPrior, PartPosterior, PriorOn, part_posterior
from equipoise.synthesis.bayes.network_ranks import rank
from equipoise.synthesis.bayes.network_splitting import PosteriorSplit, split
from equipoise.synthesis.bayes.network_studies import StudyEffects, study_effects
from equipoise.synthesis.bayes.network_table import EffectsTable
from equipoise.synthesis.bayes.network_unrelated import UnrelatedPosterior, unrelated
from equipoise.synthesis.bayes.priors import (
    Flat,
    Prior,
    check_effect_prior,
    check_heterogeneity_prior,
    check_measure,
    conflict_with_prior,
)
from equipoise.synthesis.bayes.quadrature import TauPosterior
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.league import League, ordered
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.prediction import Predictions
from equipoise.synthesis.network.ranking import Ranking
from equipoise.synthesis.network.tables import decimals, interval

Model = Literal["random", "common"]
_CHUNK = 2**21


@dataclass(frozen=True, eq=False)
class NetworkPosterior:
    """What is believed of every treatment against every other after the data.

    Arrays over pairs have shape (treatments, treatments), row minus column on the analysis scale, NaN between
    subnetworks: ``estimates`` (posterior means), ``standard_errors`` (posterior standard deviations), ``medians``,
    ``lower`` and ``upper`` (equal-tailed, at ``level``). Each subnetwork has a τ of its own, ``taus``; a prior of
    effects, even a proper one, doesn't connect subnetworks, since it would be all that the comparison rests on.
    ``heterogeneity`` and ``effects_prior`` are the priors; ``prior_on``: what the prior of effects is of.
    """

    network: Network
    model: Model
    heterogeneity: Prior | None
    effects_prior: EffectsPrior
    prior_on: PriorOn
    reference: str
    level: float
    parts: tuple[PartPosterior, ...] = field(repr=False)

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""
        return self.network.treatments

    @property
    def subnetworks(self) -> tuple[tuple[str, ...], ...]:
        """The connected parts, in the order of ``taus``."""
        return self.network.subnetworks

    @property
    def measure(self) -> str:
        """The effect measure."""
        return self.network.measure

    @property
    def interval_name(self) -> str:
        """What its intervals are: "credible"."""
        return "credible"

    @property
    def taus(self) -> tuple[Heterogeneity, ...]:
        """The posterior of τ in each subnetwork."""
        return tuple(part.posterior.heterogeneity for part in self.parts)

    @property
    def tau(self) -> Heterogeneity:
        """The posterior of τ. Raises ``DataError`` where subnetworks have one each (``taus``)."""
        if len(self.parts) > 1:
            raise DataError("the network isn't connected, and each subnetwork has a τ of its own: see taus")
        return self.taus[0]

    @property
    def estimates(self) -> FloatArray:
        """Posterior means of all pairs."""
        return self._pairs["mean"]

    @property
    def central(self) -> FloatArray:
        """Posterior means of all pairs, medians where the tails are too heavy for a mean."""
        return np.where(np.isnan(self.estimates), self.medians, self.estimates)

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
        """A bound on the error of the probabilities: of τ, and of every pair at no effect and at its limits."""
        return float(np.nanmax(self._pairs["error"]))

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood, subnetworks multiplied.

        A flat prior of effects has an arbitrary constant (here 1 for a unit of every basic parameter), so that models
        can be compared only where the same effects have it. Proper priors make it absolute.
        """
        return float(sum(tau.log_evidence for tau in self.taus))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """The priors, and what to doubt."""
        lines = [self._prior_text()]
        if len(self.parts) > 1:
            lines.append(
                f"{len(self.parts)} subnetworks, each analysed by itself with a τ of its own under the same prior."
            )
        for part, tau in zip(self.parts, self.taus, strict=True):
            where = f" (subnetwork of {self.treatments[part.treatments[0]]}, …)" if len(self.parts) > 1 else ""
            if self.heterogeneity is None:
                continue
            if part.system.df == 0 and part.posterior.model.df == 0:
                lines.append(f"The data say nothing of τ{where}: its posterior is its prior.")
            elif conflict := conflict_with_prior(self.heterogeneity, float(tau.quantile(0.5))):
                lines.append(f"{conflict[:-1]}{where}.")
            if part.effects_tail <= 2.0:
                lines.append(
                    f"Standard deviations{where} are infinite{', and there are no means' * (part.effects_tail <= 1.0)}: "
                    "the prior of τ has a heavy tail, and studies are few."
                )
        if self.error > 1e-4:
            lines.append(f"Probabilities may be wrong by {self.error:.1g}.")
        return tuple(lines)

    def part_of(self) -> IntArray:
        """The number of the subnetwork each treatment lies in, shape (treatments,)."""
        part = np.empty(len(self.treatments), dtype=np.intp)
        for number, found in enumerate(self.parts):
            part[found.treatments] = number
        return part

    def references(self, reference: str | None = None) -> tuple[str, ...]:
        """What each subnetwork is compared with: the reference, or the first by name where that one isn't in it."""
        if reference is not None:
            self.network.position(reference)
        return _references(self.network, reference or self.reference)

    def contrast(self, treatment: str, comparator: str) -> NormalMixture:
        """The posterior of ``treatment`` minus ``comparator``; raises ``DataError`` for an unconnected pair."""
        part, i, j = self._locate(treatment, comparator)
        return part.differences(i, j)

    def prior_of(self, treatment: str, comparator: str) -> NormalMixture | None:
        """The prior of ``treatment`` minus ``comparator`` that the priors of effects amount to; None where it is flat."""
        part, i, j = self._locate(treatment, comparator)
        return part.prior_difference(i, j)

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

    def effects(self, reference: str | None = None) -> EffectsTable:
        """Every treatment against the reference (each subnetwork against its own)."""
        bases = self.references(reference)
        pairs = [(t, base) for part, base in zip(self.subnetworks, bases, strict=True) for t in part if t != base]
        return self._table(pairs, f"Posterior of effects ({self.model_text}) against {', '.join(bases)}")

    def comparisons(self) -> EffectsTable:
        """Every pair of treatments that is connected, once each, the first by name minus the second."""
        pairs = [(a, b) for part in self.subnetworks for i, a in enumerate(part) for b in part[i + 1 :]]
        return self._table(pairs, f"Posterior of effects ({self.model_text})")

    def league(
        self, upper_triangle: Literal["network", "prediction"] = "network", order: Sequence[str] | None = None
    ) -> League:
        """The league table: posterior means (medians where there are none) and credible intervals, row minus column.

        The upper triangle shows the same, or the effects in a new study (``upper_triangle="prediction"``). ``order``
        lists the treatments as they shall appear (for example ``ranking().order``).
        """
        names, place = ordered(self.treatments, order)
        estimates, lower, upper = (a[place].copy() for a in (self.central, self.lower, self.upper))
        if upper_triangle == "prediction":
            predicted = self.predict()
            above = np.triu(np.ones_like(estimates, dtype=bool), k=1)
            for target, source in ((lower, predicted.lower), (upper, predicted.upper)):
                target[above] = source[place][above]
        elif upper_triangle != "network":
            raise DataError(f"upper_triangle {upper_triangle!r} isn't known; choose 'network' or 'prediction'")
        return League(
            names, self.measure, self.measure, upper_triangle, self.level, estimates, lower, upper, self.interval_name
        )

    def ranking(
        self, smaller_is_better: bool = True, threshold: float = 0.0, samples: int | None = None, seed: int = 0
    ) -> Ranking:
        """SUCRA, mean ranks and probabilities of ranks; each subnetwork ranked by itself.

        ``smaller_is_better``: whether a smaller value on the analysis scale is the better outcome; ``threshold``: the
        difference that matters, for ``Ranking.better``; ``samples``, ``seed``: of the integration where a probability
        of a rank has no closed form (more than three treatments).
        """
        return rank(self, smaller_is_better, threshold, samples, seed)

    def draws(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        """Independent draws from the posterior, for those who want draws.

        τ: shape (n,), or (n, subnetworks) where there are several; effects: shape (n, treatments), each against its
        subnetwork's reference, which has 0.
        """
        random = np.random.default_rng(seed)
        effects = np.zeros((n, len(self.treatments)))
        taus = np.empty((n, len(self.parts)))
        for number, (part, base) in enumerate(zip(self.parts, self.references(), strict=True)):
            taus[:, number], theta = part.posterior.draws(n, random)
            wide = np.insert(theta, part.ground, 0.0, axis=1)
            local = int(np.flatnonzero(part.treatments == self.network.position(base))[0])
            effects[:, part.treatments] = wide - wide[:, [local]]
        return (taus[:, 0] if len(self.parts) == 1 else taus), effects

    def study_effects(self) -> StudyEffects:
        """The true effects of every study, shrunken towards the network's; raises for a common-effect model."""
        return study_effects(self)

    def criticism(self) -> NetworkCriticism:
        """Residual deviance, leverage, DIC, WAIC, leave-one-study-out prediction and predictive p-values."""
        return criticise(self)

    def split(self, difference: Prior | None = None) -> PosteriorSplit:
        """Node-splitting: direct against indirect evidence of every comparison that has both.

        ``difference``: the prior of direct minus indirect, None for a flat one or ``Normal(0, sd)``, which also gives
        a Bayes factor.
        """
        return split(self, difference)

    def unrelated(self, effects: Prior | None = None) -> UnrelatedPosterior:
        """The model without consistency (unrelated mean effects) and its DIC next to this model's.

        ``effects``: the prior of every comparison's effect (None: flat); τ has the same prior as here. Raises
        ``DataError`` where too few studies are left to determine τ under an improper prior.
        """
        return unrelated(self, effects)

    @property
    def model_text(self) -> str:
        """The model in words."""
        if self.heterogeneity is None:
            return "common effect"
        return f"random effects, tau {self.heterogeneity.describe()}"

    def pair_counts(self) -> IntArray:
        """How many studies compare each pair directly, shape (treatments, treatments)."""
        return self.network.pair_counts()

    def to_frame(self) -> Any:
        """Every connected pair, one a row."""
        return self.comparisons().to_frame()

    def summary(self) -> str:
        """Effects against the reference, heterogeneity and priors, as text."""
        lines = [self.network.summary(), "", self.effects().summary(), ""]
        for part, tau in zip(self.subnetworks, self.taus, strict=True):
            if not isinstance(tau, TauPosterior):
                continue
            name = f" (subnetwork of {part[0]}, …)" if len(self.parts) > 1 else ""
            tail = (1.0 - self.level) / 2.0
            middle, low, high = tau.quantile(np.array([0.5, tail, 1.0 - tail])).tolist()
            lines.append(
                f"Heterogeneity{name}: tau {decimals(middle)} (median), {100 * self.level:g}% CrI {interval(low, high)}"
            )
        return "\n".join([*lines, *self.notes])

    @cached_property
    def _pairs(self) -> dict[str, FloatArray]:
        return self._all_pairs(new_study=False)

    def _all_pairs(self, new_study: bool) -> dict[str, FloatArray]:
        n = len(self.treatments)
        names = ("mean", "sd", "lower", "median", "upper", "below", "error")
        found = {name: np.full((n, n), np.nan) for name in names}
        tail = (1.0 - self.level) / 2.0
        for part in self.parts:
            members = part.treatments
            for name in names:
                found[name][members, members] = 0.0
            found["below"][members, members] = np.nan
            rows, columns = np.triu_indices(part.size, 1)
            step = max(1, _CHUNK // len(part.posterior.weights))
            for start in range(0, len(rows), step):
                i, j = rows[start : start + step], columns[start : start + step]
                pair = part.differences(i, j, new_study)
                low, middle, high = pair.quantile(np.array([tail, 0.5, 1.0 - tail]))
                error = part.posterior.error_of(_cdfs(pair, np.stack([low, np.zeros(len(i)), high])))
                below = pair.cdf(0.0)
                sd = pair.sd
                forward = (pair.mean, sd, low, middle, high, below, error.max(axis=0))
                backward = (-pair.mean, sd, -high, -middle, -low, 1.0 - below, error.max(axis=0))
                for name, there, back in zip(names, forward, backward, strict=True):
                    found[name][members[i], members[j]] = there
                    found[name][members[j], members[i]] = back
        return found

    def _locate(self, treatment: str, comparator: str) -> tuple[PartPosterior, int, int]:
        first, second = self.network.position(treatment), self.network.position(comparator)
        for part in self.parts:
            i, j = np.flatnonzero(part.treatments == first), np.flatnonzero(part.treatments == second)
            if i.size and j.size:
                return part, int(i[0]), int(j[0])
        raise DataError(f"{treatment} and {comparator} lie in different subnetworks, so they can't be compared")

    def _table(self, pairs: list[tuple[str, str]], title: str) -> EffectsTable:
        place = tuple(np.array([self.network.position(pair[side]) for pair in pairs], dtype=np.intp) for side in (0, 1))
        found = {name: values[place] for name, values in self._pairs.items()}
        return EffectsTable(
            title=title,
            measure=self.measure,
            level=self.level,
            treatment=tuple(a for a, _ in pairs),
            comparator=tuple(b for _, b in pairs),
            studies=self.pair_counts()[place],
            estimates=found["mean"],
            standard_errors=found["sd"],
            medians=found["median"],
            lower=found["lower"],
            upper=found["upper"],
            below=found["below"],
        )

    def _prior_text(self) -> str:
        tau = "no heterogeneity" if self.heterogeneity is None else f"τ {self.heterogeneity.describe()}"
        prior = self.effects_prior
        if prior is None or isinstance(prior, Flat) or (isinstance(prior, Mapping) and not prior):
            return f"Priors: {tau}; effects flat."
        if isinstance(prior, Mapping):
            each = "; ".join(f"{name} {p.describe()}" for name, p in prior.items())
            return f"Priors: {tau}; basic parameters (effects against {', '.join(self.references())}): {each}; others flat."
        on = "all contrasts" if self.prior_on == "all contrasts" else f"effects against {', '.join(self.references())}"
        return f"Priors: {tau}; {on} {prior.describe()}."


def network_posterior(
    network: Network,
    heterogeneity: Prior | None,
    effects: EffectsPrior,
    model: Model,
    reference: str | None,
    level: float,
    prior_on: PriorOn,
) -> NetworkPosterior:
    """See ``Network.posterior``."""
    check_options(network, heterogeneity, effects, model, level, prior_on)
    if reference is not None:
        network.position(reference)
    base = reference if reference is not None else network.subnetworks[0][0]
    bases = _references(network, base)
    prior = heterogeneity if model == "random" else None
    if isinstance(effects, Mapping):
        unknown = [t for t in effects if t not in network.treatments or t in bases]
        if unknown:
            raise DataError(
                f"a prior is given for {unknown[0]!r}, which has no basic parameter; those with one are "
                f"{', '.join(t for t in network.treatments if t not in bases)}"
            )
    parts = [
        part_posterior(
            network,
            np.array([network.position(t) for t in part], dtype=np.intp),
            network.position(base_of),
            prior,
            effects,
            prior_on,
        )
        for part, base_of in zip(network.subnetworks, bases, strict=True)
    ]
    return NetworkPosterior(network, model, prior, effects, prior_on, base, level, tuple(parts))


def check_options(
    network: Network, heterogeneity: Prior | None, effects: EffectsPrior, model: Model, level: float, prior_on: PriorOn
) -> None:
    """Raise ``DataError`` for priors or options that can't be used."""
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    if prior_on not in ("basic parameters", "all contrasts"):
        raise DataError(f"prior_on {prior_on!r} isn't known; choose 'basic parameters' or 'all contrasts'")
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    if model == "random":
        if heterogeneity is None:
            raise DataError(
                "state a prior for τ: heterogeneity=HalfNormal(0.5), say, or the empirical prior for the type of "
                "outcome and comparison, empirical_heterogeneity('OR', …) (Turner et al.) or ('SMD', …) (Rhodes et "
                "al.); there is no default worth having"
            )
        check_measure(check_heterogeneity_prior(heterogeneity), network.measure)
    elif heterogeneity is not None:
        raise DataError("a common-effect model has no τ: leave heterogeneity out, or choose model='random'")
    for prior in effects.values() if isinstance(effects, Mapping) else (effects,):
        if prior is not None:
            check_measure(check_effect_prior(prior), network.measure)


def _references(network: Network, wanted: str) -> tuple[str, ...]:
    return tuple(wanted if wanted in part else part[0] for part in network.subnetworks)


def _cdfs(pair: NormalMixture, points: FloatArray) -> FloatArray:
    """Every component's distribution function at ``points``, shape (s, q): (C, s, q)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(ndtr((points - pair.means[:, None, :]) / pair.sds[:, None, :]))
