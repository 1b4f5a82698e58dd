"""How much a network posterior depends on the priors: the same network under each of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.tables import decimals, interval, natural, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior

Priors = Mapping[str, Prior | tuple[Prior | None, Prior] | None]
"""By name: a prior of τ (None: a common effect), or one of τ and one of effects."""


@dataclass(frozen=True)
class NetworkPriorSensitivity:
    """Posteriors by the name of the prior; ``threshold`` is the effect, on the analysis scale, whose side is asked for."""

    posteriors: Mapping[str, NetworkPosterior]
    threshold: float

    def to_frame(self) -> Any:
        """One row for each prior and treatment: the effect against the reference, its prediction, τ and the evidence.

        On the analysis scale. ``log_evidence`` is NaN where an improper prior's constant keeps it from being compared;
        where all have flat effects, it can be.
        """
        rows = [
            (name, fit, treatment, comparator)
            for name, fit in self.posteriors.items()
            for treatment, comparator in _pairs(fit)
        ]
        fits = [fit for _, fit, _, _ in rows]
        evidence = dict(zip(self.posteriors, _evidence(self.posteriors.values()), strict=True))
        pairs = [(treatment, comparator) for _, _, treatment, comparator in rows]
        effects = [fit.contrast(*pair) for fit, pair in zip(fits, pairs, strict=True)]
        new = [
            (np.nan, np.nan) if fit.model == "common" else fit.predict(*pair).interval(fit.level)
            for fit, pair in zip(fits, pairs, strict=True)
        ]
        limits = [effect.interval(fit.level) for effect, fit in zip(effects, fits, strict=True)]
        taus = [fit.taus[int(fit.part_of()[fit.network.position(a)])] for fit, (a, _) in zip(fits, pairs, strict=True)]
        tau_limits = [tau.interval(fit.level) for tau, fit in zip(taus, fits, strict=True)]
        return make_frame(
            {
                "prior": [name for name, _, _, _ in rows],
                "heterogeneity": [described(fit.heterogeneity) for fit in fits],
                "treatment": [a for a, _ in pairs],
                "comparator": [b for _, b in pairs],
                "mean": [float(effect.mean) for effect in effects],
                "sd": [float(effect.sd) for effect in effects],
                "lower": [float(low) for low, _ in limits],
                "upper": [float(high) for _, high in limits],
                "prediction_low": [float(low) for low, _ in new],
                "prediction_high": [float(high) for _, high in new],
                "probability_below": [float(effect.cdf(self.threshold)) for effect in effects],
                "tau_median": [float(tau.median) for tau in taus],
                "tau_low": [low for low, _ in tau_limits],
                "tau_high": [high for _, high in tau_limits],
                "log_evidence": [evidence[name] for name, _, _, _ in rows],
            }
        )

    def summary(self) -> str:
        """τ and evidence by prior, then effects (medians; ratio measures as ratios), as text."""
        fits = self.posteriors
        first = next(iter(fits.values()))
        level = f"{100 * first.level:g}%"
        tau_columns = {
            f"tau [{level}]" if len(first.parts) == 1 else f"tau [{level}], {part[0]}, …": [
                f"{decimals(float(fit.taus[k].median))} {interval(*fit.taus[k].interval(fit.level))}"
                for fit in fits.values()
            ]
            for k, part in enumerate(first.subnetworks)
        }
        by_prior = {"prior": list(fits), **tau_columns, "log evidence": [decimals(x) for x in _evidence(fits.values())]}
        effects = {name: [fit.contrast(*pair) for pair in _pairs(fit)] for name, fit in fits.items()}
        shown: dict[str, list[str]] = {first.measure: [f"{a} : {b}" for a, b in _pairs(first)]}
        for name, fit in fits.items():
            cells = [natural(fit.measure, effect.quantile([0.5, *_tails(fit.level)])) for effect in effects[name]]
            shown[name] = [f"{decimals(middle)} {interval(low, high)}" for middle, low, high in cells]
        below = {f"P(< {natural(first.measure, self.threshold):.4g})": shown[first.measure]} | {
            name: [decimals(float(effect.cdf(self.threshold)), 3) for effect in each] for name, each in effects.items()
        }
        notes = [f"{name}: {fit.notes[0]}" for name, fit in fits.items()]
        notes += [f"{name}: {note}" for name, fit in fits.items() for note in fit.notes[1:]]
        return "\n\n".join([text_table(by_prior), text_table(shown), text_table(below), "\n".join(notes)])

    def __str__(self) -> str:
        return self.summary()


def network_prior_sensitivity(
    network: Network, priors: Priors, threshold: float, level: float, reference: str | None
) -> NetworkPriorSensitivity:
    """See `prior_sensitivity.prior_sensitivity`."""
    found = {}
    for name, given in priors.items():
        tau, effects = given if isinstance(given, tuple) else (given, None)
        try:
            found[name] = network.posterior(tau, effects, "common" if tau is None else "random", reference, level)
        except DataError as error:
            raise DataError(f"prior {name!r}: {error}") from None
    return NetworkPriorSensitivity(found, threshold)


def described(prior: Prior | None) -> str:
    """A prior of τ in words, "τ = 0" for none."""
    return "τ = 0" if prior is None else prior.describe()


def _pairs(fit: NetworkPosterior) -> list[tuple[str, str]]:
    """Every treatment against its reference."""
    return [(t, base) for part, base in zip(fit.subnetworks, fit.references(), strict=True) for t in part if t != base]


def _tails(level: float) -> tuple[float, float]:
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0


def _evidence(fits: Iterable[NetworkPosterior]) -> list[float]:
    """Logarithms of the marginal likelihoods; NaN where an arbitrary constant keeps them from being compared.

    That of a flat prior of effects cancels where all have one.
    """
    each = list(fits)
    flat = [tuple(part.posterior.model.prior.proper for part in fit.parts) for fit in each]
    same = len(set(flat)) == 1
    return [
        fit.log_evidence
        if (fit.heterogeneity is None or fit.heterogeneity.proper) and (same or all(proper))
        else float("nan")
        for fit, proper in zip(each, flat, strict=True)
    ]
