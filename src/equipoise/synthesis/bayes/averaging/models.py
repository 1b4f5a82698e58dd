"""The models that are averaged, and the ensembles of RoBMA with the priors that they were proposed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.errors import DataError
from equipoise.synthesis.bayes.averaging.bias import PEESE, PET, Bias, SelectionWeights
from equipoise.synthesis.bayes.priors import (
    HalfCauchy,
    InverseGamma,
    Normal,
    Prior,
    check_heterogeneity_prior,
    check_measure,
)

STANDARDISED = ("SMD", "SMDH", "SMD1", "SMD1H")
"""The measures that Cohen's d stands for."""
UNITS: dict[str, float] = dict.fromkeys(STANDARDISED, 1.0) | {"OR": float(np.pi / np.sqrt(3.0)), "ZCOR": 0.5}
"""What one unit of Cohen's d is on the scale of a measure, as in RoBMA: log odds ratio = d·π/√3 (Hasselblad & Hedges
1995, Psychological Bulletin 117:167), Fisher's z ≈ d/2."""

Ensemble = Sequence[tuple[Bias, float]]


@dataclass(frozen=True, slots=True)
class AveragedModel:
    """One model: y_i ~ N(μ + β·se_i^q, se_i² + τ²), published with a likelihood that its p-value decides.

    ``effect``: the prior of μ, or the value that μ has if there is no effect; ``heterogeneity``: the prior of τ, or
    None for τ = 0; ``bias``: None, or a prior of selection or slope; ``prior_weight``: its prior probability, up to a
    factor common to all models.
    """

    effect: Prior | float
    heterogeneity: Prior | None = None
    bias: Bias | None = None
    prior_weight: float = 1.0

    @property
    def has_effect(self) -> bool:
        """Whether μ is free."""
        return not isinstance(self.effect, int | float)

    @property
    def parameters(self) -> int:
        """How many there are."""
        bias = self.bias.parameters if isinstance(self.bias, SelectionWeights) else int(self.bias is not None)
        return self.has_effect + (self.heterogeneity is not None) + bias

    def describe(self) -> tuple[str, str, str]:
        """Effect, heterogeneity and bias in words."""
        effect = f"{self.effect:g}" if isinstance(self.effect, int | float) else self.effect.describe()
        tau = "0" if self.heterogeneity is None else self.heterogeneity.describe()
        return effect, tau, "none" if self.bias is None else self.bias.describe()

    @property
    def name(self) -> str:
        """As in "effect, random effects, PET"."""
        return ", ".join(
            [
                "effect" if self.has_effect else "no effect",
                "common effect" if self.heterogeneity is None else "random effects",
                "no bias" if self.bias is None else self.bias.name,
            ]
        )


def robma_bias(ensemble: str, unit: float) -> tuple[tuple[Bias, float], ...]:
    """The bias models of RoBMA's "psma" (six weight functions, PET, PEESE), "pp" (PET, PEESE) or "2w" (two-sided
    weights), with their shares of the probability of bias. ``unit`` is that of Cohen's d on the analysis scale."""
    slopes: list[tuple[Bias, float]] = [(PET(HalfCauchy(1.0)), 0.25), (PEESE(HalfCauchy(5.0 / unit)), 0.25)]
    two = [SelectionWeights((0.05,), 2), SelectionWeights((0.05, 0.10), 2)]
    one = [SelectionWeights(steps) for steps in ((0.05,), (0.025, 0.05), (0.05, 0.5), (0.025, 0.05, 0.5))]
    if ensemble == "psma":
        return (*((weights, 1.0 / 12.0) for weights in (*two, *one)), *slopes)
    if ensemble == "pp":
        return tuple((slope, 0.5) for slope, _ in slopes)
    if ensemble == "2w":
        return tuple((weights, 0.5) for weights in two)
    raise DataError(f"bias = {ensemble!r}; 'psma', 'pp', '2w', None or a list of bias models with their shares")


def default_unit(measure: str | None, lacking: str) -> float:
    """The unit of Cohen's d on the scale of ``measure``. Raises ``DataError`` where there is none."""
    if measure in UNITS:
        return UNITS[measure]
    given = "the measure isn't given" if measure is None else f"none is known for the measure {measure}"
    raise DataError(
        f"{lacking}: RoBMA's default priors are for standardised mean differences, odds ratios and correlations, and {given}; "
        f"state effect=, heterogeneity= and bias= (such as Normal(0, 1), HalfNormal(0.5), None), or measure= ({', '.join(UNITS)})"
    )


def default_effect(measure: str | None) -> Prior:
    """RoBMA's: normal with mean 0 and standard deviation 1 on the scale of Cohen's d."""
    return Normal(0.0, default_unit(measure, "effect="), measure)


def default_heterogeneity(measure: str | None) -> Prior:
    """RoBMA's: inverse gamma (1, 0.15) on the scale of Cohen's d, after van Erp et al. (2017)."""
    return InverseGamma(1.0, 0.15 * default_unit(measure, "heterogeneity="), measure)


def crossed(
    effect: Prior,
    null: float,
    heterogeneity: Prior,
    bias: Ensemble,
    probabilities: tuple[float, float, float],
) -> tuple[AveragedModel, ...]:
    """Every combination of effect, heterogeneity and bias; ``probabilities`` are of their presence."""
    shares = sum(share for _, share in bias)
    biases: list[tuple[Bias | None, float]] = [(None, 1.0 - probabilities[2])]
    biases += [(model, probabilities[2] * share / shares) for model, share in bias]
    return tuple(
        AveragedModel(mu, tau, model, a * b * c)
        for mu, a in ((null, 1.0 - probabilities[0]), (effect, probabilities[0]))
        for tau, b in ((None, 1.0 - probabilities[1]), (heterogeneity, probabilities[1]))
        for model, c in biases
        if a * b * c > 0
    )


def check_models(models: Sequence[AveragedModel], measure: str | None) -> None:
    """Raise ``DataError`` where a model's prior is improper, of another measure, or can't be one of τ."""
    if not models:
        raise DataError("no models: give at least one with a positive prior probability")
    for model in models:
        if not (np.isfinite(model.prior_weight) and model.prior_weight > 0):
            raise DataError(f"{model.name}: prior_weight = {model.prior_weight}; a positive number is needed")
        priors: list[Prior] = []
        if isinstance(model.effect, int | float):
            if not np.isfinite(model.effect):
                raise DataError(f"{model.name}: the effect is {model.effect}; a finite number or a prior is needed")
        elif isinstance(model.effect, Prior):
            priors.append(model.effect)
        else:
            raise DataError(f"{model.effect!r} is not a prior for the effect; give one such as Normal(0, 1)")
        if model.heterogeneity is not None:
            priors.append(check_heterogeneity_prior(model.heterogeneity))
        if isinstance(model.bias, PET | PEESE):
            priors.append(model.bias.prior)
        elif not (model.bias is None or isinstance(model.bias, SelectionWeights)):
            raise DataError(f"{model.bias!r} is not a bias model; give SelectionWeights, PET or PEESE")
        for prior in priors:
            if not prior.proper:
                raise DataError(
                    f"{model.name}: the prior {prior.describe()} is improper; a marginal likelihood, and so a Bayes "
                    "factor, needs proper priors"
                )
            check_measure(prior, measure)
