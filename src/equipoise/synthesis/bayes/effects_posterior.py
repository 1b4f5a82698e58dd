"""What every posterior of a network offers, whatever the likelihood: pairs, tables, league, ranks and draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeVar, overload

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_table import EffectsTable
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
from equipoise.synthesis.network.prediction import Predictions
from equipoise.synthesis.network.tables import decimals, interval

Model = Literal["random", "common"]
EffectsPrior = Prior | Mapping[str, Prior] | None
"""One prior for all effects, one for each named treatment, or None: flat."""


class ConnectedPart(Protocol):
    """The posterior of one connected part of a network; treatments by their places within the part."""

    @property
    def treatments(self) -> IntArray: ...
    @property
    def size(self) -> int: ...
    @property
    def heterogeneity(self) -> Heterogeneity: ...
    @property
    def components(self) -> int: ...
    def differences(self, rows: IntArray | int, columns: IntArray | int, new_study: bool = False) -> NormalMixture: ...
    def errors(self, rows: IntArray, columns: IntArray, pairs: NormalMixture, points: FloatArray) -> FloatArray: ...
    def draws(self, n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]: ...


Part = TypeVar("Part", bound=ConnectedPart)
_NAMES = ("mean", "sd", "lower", "median", "upper", "below", "error")
_CHUNK = 2**21


@dataclass(frozen=True, eq=False)
class EffectsPosterior(ABC, Generic[Part]):
    """What is believed of every treatment against every other after the data.

    Arrays over pairs have shape (treatments, treatments), row minus column on the analysis scale, NaN between
    subnetworks: ``estimates`` (posterior means), ``standard_errors`` (posterior standard deviations), ``medians``,
    ``lower`` and ``upper`` (equal-tailed, at ``level``). Each subnetwork has a τ of its own, ``taus``.
    ``heterogeneity`` and ``effects_prior`` are the priors.
    """

    model: Model
    heterogeneity: Prior | None
    effects_prior: EffectsPrior
    reference: str
    level: float
    parts: tuple[Part, ...] = field(repr=False)

    @property
    @abstractmethod
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""

    @property
    @abstractmethod
    def measure(self) -> str:
        """The effect measure."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """The priors, and what to doubt."""

    @abstractmethod
    def pair_counts(self) -> IntArray:
        """How many studies compare each pair directly, shape (treatments, treatments)."""

    @property
    def subnetworks(self) -> tuple[tuple[str, ...], ...]:
        """The connected parts, in the order of ``taus``."""
        return tuple(tuple(self.treatments[i] for i in part.treatments) for part in self.parts)

    @property
    def interval_name(self) -> str:
        """What its intervals are: "credible"."""
        return "credible"

    @property
    def taus(self) -> tuple[Heterogeneity, ...]:
        """The posterior of τ in each subnetwork."""
        return tuple(part.heterogeneity for part in self.parts)

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

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood, subnetworks multiplied.

        A flat prior of effects has an arbitrary constant (here 1 for a unit of every basic parameter), so that models
        can be compared only where the same effects have it. Proper priors make it absolute.
        """
        return float(sum(tau.log_evidence for tau in self.taus))

    def part_of(self) -> IntArray:
        """The number of the subnetwork each treatment lies in, shape (treatments,)."""
        part = np.empty(len(self.treatments), dtype=np.intp)
        for number, found in enumerate(self.parts):
            part[found.treatments] = number
        return part

    def references(self, reference: str | None = None) -> tuple[str, ...]:
        """What each subnetwork is compared with: the reference, or the first by name where that one isn't in it."""
        wanted = reference or self.reference
        self.position(wanted)
        return references_of(self.subnetworks, wanted)

    def position(self, treatment: str) -> int:
        """The index of a treatment; raises ``DataError`` naming those there are."""
        return position_in(self.treatments, treatment)

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
        arrays = (found[name] for name in ("mean", "sd", "lower", "upper"))
        return Predictions(self.treatments, self.references(), self.measure, self.level, *arrays)

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
        """The league table: posterior medians and credible intervals, row minus column.

        The upper triangle shows the same, or the effects in a new study (``upper_triangle="prediction"``). ``order``
        lists the treatments as they shall appear (for example ``ranking().order``).
        """
        names, place = ordered(self.treatments, order)
        estimates, lower, upper = (a[place].copy() for a in (self.medians, self.lower, self.upper))
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

    def draws(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        """Draws from the posterior, for those who want draws.

        τ: shape (n,), or (n, subnetworks) where there are several; effects: shape (n, treatments), each against its
        subnetwork's reference, which has 0.
        """
        random = np.random.default_rng(seed)
        effects = np.zeros((n, len(self.treatments)))
        taus = np.empty((n, len(self.parts)))
        for number, (part, base) in enumerate(zip(self.parts, self.references(), strict=True)):
            taus[:, number], wide = part.draws(n, random)
            local = int(np.flatnonzero(part.treatments == self.position(base))[0])
            effects[:, part.treatments] = wide - wide[:, [local]]
        return (taus[:, 0] if len(self.parts) == 1 else taus), effects

    @property
    def model_text(self) -> str:
        """The model in words."""
        if self.heterogeneity is None:
            return "common effect"
        return f"random effects, tau {self.heterogeneity.describe()}"

    def to_frame(self) -> Any:
        """Every connected pair, one a row."""
        return self.comparisons().to_frame()

    def summary(self) -> str:
        """Effects against the reference, heterogeneity, priors and doubts, as text."""
        lines = [self.effects().summary(), ""]
        for number, tau in enumerate(self.taus):
            if isinstance(tau, TauPosterior):
                tail = (1.0 - self.level) / 2.0
                middle, low, high = tau.quantile(np.array([0.5, tail, 1.0 - tail])).tolist()
                lines.append(
                    f"Heterogeneity{self._where(number)}: tau {decimals(middle)} (median), "
                    f"{100 * self.level:g}% CrI {interval(low, high)}"
                )
        return "\n".join([*lines, *self.notes])

    @cached_property
    def _pairs(self) -> dict[str, FloatArray]:
        return self._all_pairs(new_study=False)

    def _all_pairs(self, new_study: bool) -> dict[str, FloatArray]:
        n = len(self.treatments)
        found = {name: np.full((n, n), np.nan) for name in _NAMES}
        tail = (1.0 - self.level) / 2.0
        for part in self.parts:
            members = part.treatments
            for name in _NAMES:
                found[name][members, members] = 0.0
            found["below"][members, members] = np.nan
            rows, columns = np.triu_indices(part.size, 1)
            step = max(1, _CHUNK // part.components)
            for start in range(0, len(rows), step):
                i, j = rows[start : start + step], columns[start : start + step]
                pair = part.differences(i, j, new_study)
                low, middle, high = pair.quantile(np.array([tail, 0.5, 1.0 - tail]))
                error = part.errors(i, j, pair, np.stack([low, np.zeros(len(i)), high]))
                below = pair.cdf(0.0)
                forward = (pair.mean, pair.sd, low, middle, high, below, error)
                backward = (-pair.mean, pair.sd, -high, -middle, -low, 1.0 - below, error)
                for name, there, back in zip(_NAMES, forward, backward, strict=True):
                    found[name][members[i], members[j]] = there
                    found[name][members[j], members[i]] = back
        return found

    def _locate(self, treatment: str, comparator: str) -> tuple[Part, int, int]:
        first, second = self.position(treatment), self.position(comparator)
        for part in self.parts:
            i, j = np.flatnonzero(part.treatments == first), np.flatnonzero(part.treatments == second)
            if i.size and j.size:
                return part, int(i[0]), int(j[0])
        raise DataError(f"{treatment} and {comparator} lie in different subnetworks, so they can't be compared")

    def _table(self, pairs: list[tuple[str, str]], title: str) -> EffectsTable:
        place = tuple(np.array([self.position(pair[side]) for pair in pairs], dtype=np.intp) for side in (0, 1))
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

    def _where(self, number: int) -> str:
        """Which subnetwork, in words; nothing where there is only one."""
        if len(self.parts) == 1:
            return ""
        return f" (subnetwork of {self.treatments[self.parts[number].treatments[0]]}, …)"

    def _several(self) -> list[str]:
        """That subnetworks are apart, where there are several."""
        if len(self.parts) == 1:
            return []
        return [f"{len(self.parts)} subnetworks, each analysed by itself with a τ of its own under the same prior."]

    def _tau_text(self) -> str:
        return "no heterogeneity" if self.heterogeneity is None else f"τ {self.heterogeneity.describe()}"

    def _basic_text(self) -> str:
        """The prior of the basic parameters in words."""
        prior = self.effects_prior
        if prior is None or isinstance(prior, Flat) or (isinstance(prior, Mapping) and not prior):
            return "effects flat"
        on = f"effects against {', '.join(self.references())}"
        if isinstance(prior, Mapping):
            each = "; ".join(f"{name} {p.describe()}" for name, p in prior.items())
            return f"basic parameters ({on}): {each}; others flat"
        return f"{on} {prior.describe()}"

    def _conflict(self, number: int) -> list[str]:
        """Whether τ's posterior contradicts its prior."""
        if self.heterogeneity is None:
            return []
        found = conflict_with_prior(self.heterogeneity, float(self.taus[number].quantile(0.5)))
        return [f"{found[:-1]}{self._where(number)}."] if found else []


def position_in(treatments: tuple[str, ...], treatment: str) -> int:
    """The index of a treatment; raises ``DataError`` naming those there are."""
    try:
        return treatments.index(treatment)
    except ValueError:
        raise DataError(f"no treatment {treatment!r} in the network; it has {', '.join(treatments)}") from None


def references_of(subnetworks: tuple[tuple[str, ...], ...], wanted: str) -> tuple[str, ...]:
    """In each subnetwork the treatment that effects are against."""
    return tuple(wanted if wanted in part else part[0] for part in subnetworks)


def check_priors(measure: str, heterogeneity: Prior | None, effects: EffectsPrior, model: Model, level: float) -> None:
    """Raise ``DataError`` for priors or options that can't be used."""
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    if model == "random":
        if heterogeneity is None:
            raise DataError(
                "state a prior for τ: heterogeneity=HalfNormal(0.5), say, or the empirical prior for the type of "
                "outcome and comparison, empirical_heterogeneity('OR', …) (Turner et al.) or ('SMD', …) (Rhodes et "
                "al.); there is no default worth having"
            )
        check_measure(check_heterogeneity_prior(heterogeneity), measure)
    elif heterogeneity is not None:
        raise DataError("a common-effect model has no τ: leave heterogeneity out, or choose model='random'")
    for prior in effects.values() if isinstance(effects, Mapping) else (effects,):
        if prior is not None:
            check_measure(check_effect_prior(prior), measure)


def check_named(effects: EffectsPrior, treatments: tuple[str, ...], references: tuple[str, ...]) -> None:
    """Raise ``DataError`` for a prior of a treatment without a basic parameter."""
    unknown = [t for t in effects if t not in treatments or t in references] if isinstance(effects, Mapping) else []
    if unknown:
        raise DataError(
            f"a prior is given for {unknown[0]!r}, which has no basic parameter; those with one are "
            f"{', '.join(t for t in treatments if t not in references)}"
        )
