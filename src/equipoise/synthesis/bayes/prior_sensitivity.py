"""How much a posterior depends on the priors: the same data under each of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.bayes.network_sensitivity import (
    NetworkPriorSensitivity,
    Priors,
    described,
    network_prior_sensitivity,
)
from equipoise.synthesis.bayes.pair import PairPosterior, posterior
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.pairwise.tables import number, table


@dataclass(frozen=True)
class PriorSensitivity:
    """Posteriors by the name of the prior; ``threshold`` is the effect whose side is asked for."""

    posteriors: Mapping[str, PairPosterior]
    threshold: float

    def probability_below(self, name: str) -> float:
        """P(μ < threshold) under that prior."""
        return self.posteriors[name].probability(high=self.threshold)

    def to_frame(self) -> Any:
        """One row a prior: what it is, τ, μ, the prediction interval, P(μ < threshold), the log marginal likelihood."""
        fits = list(self.posteriors.values())
        intervals = [fit.tau.interval(fit.level) for fit in fits]
        return make_frame(
            {
                "prior": list(self.posteriors),
                "heterogeneity": [described(fit.heterogeneity_prior) for fit in fits],
                "effect": [fit.effect_prior.describe() for fit in fits],
                "tau_median": [fit.tau.median for fit in fits],
                "tau_low": [low for low, _ in intervals],
                "tau_high": [high for _, high in intervals],
                "estimate": [fit.estimate for fit in fits],
                "se": [fit.se for fit in fits],
                "ci_low": [fit.ci[0] for fit in fits],
                "ci_high": [fit.ci[1] for fit in fits],
                "prediction_low": [fit.prediction[0] for fit in fits],
                "prediction_high": [fit.prediction[1] for fit in fits],
                "probability_below": [self.probability_below(name) for name in self.posteriors],
                "log_evidence": [fit.log_evidence for fit in fits],
            }
        )

    def summary(self) -> str:
        """The table as text."""
        rows = []
        for name, fit in self.posteriors.items():
            low, high = fit.tau.interval(fit.level)
            rows.append(
                [
                    name, f"{number(fit.tau.median)} {_ends(low, high)}", number(fit.estimate), _ends(*fit.ci),
                    _ends(*fit.prediction), number(self.probability_below(name)), number(fit.log_evidence),
                ]
            )  # fmt: skip
        level = f"{100 * next(iter(self.posteriors.values())).level:g} %"
        header = ["prior", f"τ [{level}]", "μ", level, "prediction", f"P(μ < {self.threshold:g})", "log evidence"]
        priors = [
            f"{name}: {described(fit.heterogeneity_prior)}; effect {fit.effect_prior.describe()}"
            for name, fit in self.posteriors.items()
        ]
        return "\n".join([table(header, rows), "", *priors])

    def __str__(self) -> str:
        return self.summary()


@overload
def prior_sensitivity(
    data: Network,
    variances: None = None,
    *,
    priors: Priors,
    threshold: float = 0.0,
    level: float = 0.95,
    reference: str | None = None,
) -> NetworkPriorSensitivity: ...


@overload
def prior_sensitivity(
    data: EffectSizes | ArrayLike,
    variances: ArrayLike | None = None,
    *,
    priors: Priors,
    threshold: float = 0.0,
    level: float = 0.95,
) -> PriorSensitivity: ...


def prior_sensitivity(
    data: Any,
    variances: ArrayLike | None = None,
    *,
    priors: Priors,
    threshold: float = 0.0,
    level: float = 0.95,
    reference: str | None = None,
) -> PriorSensitivity | NetworkPriorSensitivity:
    """The posterior under each of ``priors``.

    They are priors of τ (None: a common effect) or pairs of one of τ and one of effects, by name. ``data`` is a
    ``Network``, for which effects are against ``reference``, or what `pair.posterior` takes, with its ``variances``.
    ``threshold``: the effect, on the analysis scale, for which the probability of a smaller one is given.

    Raises ``DataError`` as the posteriors do, naming the prior.
    """
    if not isinstance(priors, Mapping) or not priors:
        raise DataError("priors are given by name, as in priors={'half-normal': HalfNormal(0.5)}")
    if isinstance(data, Network):
        if variances is not None:
            raise DataError("a network has its variances: leave variances out")
        return network_prior_sensitivity(data, priors, threshold, level, reference)
    if reference is not None:
        raise DataError("reference belongs to a network: leave it out")
    found = {}
    for name, given in priors.items():
        heterogeneity, effect = given if isinstance(given, tuple) else (given, None)
        try:
            found[name] = posterior(data, variances, heterogeneity=heterogeneity, effect=effect, level=level)
        except DataError as error:
            raise DataError(f"prior {name!r}: {error}") from None
    return PriorSensitivity(found, threshold)


def _ends(low: float, high: float) -> str:
    return "–" if np.isnan(low) else f"[{number(low)}, {number(high)}]"
