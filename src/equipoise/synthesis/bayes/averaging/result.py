"""What model averaging finds, and its text as users of RoBMA know it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import make_frame
from equipoise.synthesis.bayes.averaging.bias import PEESE, PET, SelectionWeights
from equipoise.synthesis.bayes.averaging.distribution import Distribution, average, point
from equipoise.synthesis.bayes.averaging.likelihood import Posterior
from equipoise.synthesis.bayes.averaging.models import AveragedModel
from equipoise.synthesis.pairwise.tables import number, table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """One model of the ensemble after the data.

    ``log_marginal_likelihood`` has the relative error ``error`` at most (of the marginal likelihood). ``inclusion_bf``:
    posterior over prior odds of the model against all others. ``mu``, ``tau``, ``slope`` (PET's or PEESE's) and
    ``weights`` (ω_2, ω_3, … of the selection model's p-value intervals; ω_1 = 1) are posterior given the model.
    """

    model: AveragedModel
    prior_probability: float
    posterior_probability: float
    log_marginal_likelihood: float
    inclusion_bf: float
    error: float
    mu: Distribution
    tau: Distribution
    slope: Distribution | None
    weights: tuple[Distribution, ...]

    @property
    def name(self) -> str:
        """As in "effect, random effects, PET"."""
        return self.model.name


@dataclass(frozen=True, slots=True)
class Component:
    """The evidence for effect, heterogeneity or bias.

    ``models`` of ``out_of`` have it. ``bayes_factor``: posterior over prior odds of its inclusion, NaN where all models
    or none have it; ``error``: the bound on its relative error.
    """

    name: str
    models: int
    out_of: int
    prior_probability: float
    posterior_probability: float
    bayes_factor: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Posterior distributions, averaged over models: over all, or over those that have the parameter in question.

    Analysis scale. ``weights``: for each interval of one-sided p-values in ``intervals``, in the direction that
    selection favours. None where no model has the parameter.
    """

    mu: Distribution | None
    tau: Distribution | None
    pet: Distribution | None
    peese: Distribution | None
    intervals: tuple[tuple[float, float], ...]
    weights: tuple[Distribution, ...]

    def rows(self) -> list[tuple[str, Distribution]]:
        """Each parameter that there is, with its name."""
        named = [("mu", self.mu), ("tau", self.tau)]
        named += [(f"omega[{low:g}, {high:g}]", w) for (low, high), w in zip(self.intervals, self.weights, strict=True)]
        named += [("PET", self.pet), ("PEESE", self.peese)]
        return [(name, distribution) for name, distribution in named if distribution is not None]


@dataclass(frozen=True, slots=True, eq=False)
class ModelAverage:
    """An ensemble of models, weighted by their posterior probabilities.

    ``effect``, ``heterogeneity``, ``bias``: inclusion Bayes factors. ``averaged``: posteriors over all models, spikes
    included; ``conditional``: over the models with the parameter. ``error``: the bound on the error of posterior model
    probabilities, from the quadrature's coarser rules. ``notes``: the priors' origin, and doubts.
    """

    models: tuple[FittedModel, ...]
    effect: Component
    heterogeneity: Component
    bias: Component
    averaged: Estimates
    conditional: Estimates
    k: int
    measure: str | None
    alternative: str
    level: float
    error: float
    notes: tuple[str, ...] = ()

    @property
    def mu(self) -> Distribution:
        """The effect, averaged over all models."""
        return self.averaged.mu or point(0.0)

    @property
    def tau(self) -> Distribution:
        """The heterogeneity standard deviation, averaged over all models."""
        return self.averaged.tau or point(0.0)

    def weight_function(self, conditional: bool = False) -> tuple[tuple[tuple[float, float], ...], FloatArray]:
        """The intervals of one-sided p-values, and the mean and equal-tailed limits of each weight, (intervals, 3)."""
        chosen = self.conditional if conditional else self.averaged
        rows = [(w.mean, *w.interval(self.level)) for w in chosen.weights]
        return chosen.intervals, np.array(rows).reshape(-1, 3)

    def to_frame(self) -> Any:
        """One row a model: priors, probabilities, marginal likelihood, and the mean and sd of μ and τ."""
        words = [fit.model.describe() for fit in self.models]
        return make_frame(
            {
                "model": [fit.name for fit in self.models],
                "prior_effect": [w[0] for w in words],
                "prior_heterogeneity": [w[1] for w in words],
                "prior_bias": [w[2] for w in words],
                "prior_probability": [fit.prior_probability for fit in self.models],
                "posterior_probability": [fit.posterior_probability for fit in self.models],
                "log_marginal_likelihood": [fit.log_marginal_likelihood for fit in self.models],
                "inclusion_bf": [fit.inclusion_bf for fit in self.models],
                "mu": [fit.mu.mean for fit in self.models],
                "mu_sd": [fit.mu.sd for fit in self.models],
                "tau": [fit.tau.mean for fit in self.models],
                "tau_sd": [fit.tau.sd for fit in self.models],
                "error": [fit.error for fit in self.models],
            }
        )

    def summary(self, conditional: bool = False) -> str:
        """The components' Bayes factors, then the estimates."""
        components = [
            [
                c.name,
                f"{c.models}/{c.out_of}",
                f"{c.prior_probability:.3f}",
                f"{c.posterior_probability:.3f}",
                "" if np.isnan(c.bayes_factor) else number(c.bayes_factor),
            ]
            for c in (self.effect, self.heterogeneity, self.bias)
        ]
        chosen = self.conditional if conditional else self.averaged
        tail = f"{(1 - self.level) / 2:.3g}", f"{(1 + self.level) / 2:.3g}"
        rows = []
        for name, posterior in chosen.rows():
            low, high = posterior.interval(self.level)
            rows.append([name, *(number(x) for x in (posterior.mean, posterior.median, low, high))])
        scale = "" if self.measure is None else f", scale of {self.measure}"
        return "\n".join(
            [
                f"Model-averaged meta-analysis (k = {self.k}; {len(self.models)} models{scale})",
                "",
                table(["", "Models", "Prior prob.", "Post. prob.", "Inclusion BF"], components),
                "",
                f"{'Conditional' if conditional else 'Model-averaged'} estimates",
                table(["", "Mean", "Median", *tail], rows),
                *(
                    ["(weights omega by one-sided p-values in the direction that selection favours)"]
                    if chosen.weights
                    else []
                ),
                "",
                f"Quadrature: posterior probabilities are off by {self.error:.1g} at most.",
                *(f"Note: {note}" for note in self.notes),
            ]
        )


def assemble(
    models: Sequence[AveragedModel],
    posteriors: Sequence[Posterior],
    k: int,
    measure: str | None,
    alternative: str,
    level: float,
    notes: tuple[str, ...],
) -> ModelAverage:
    """Posterior probabilities from marginal likelihoods, and the averages that they give."""
    prior = np.array([model.prior_weight for model in models])
    prior = prior / prior.sum()
    evidence = np.array([posterior.log_evidence for posterior in posteriors])
    joint = np.log(prior) + evidence
    probability = np.exp(joint - joint.max())
    probability /= probability.sum()
    errors = np.array([posterior.error for posterior in posteriors])
    fitted = tuple(
        FittedModel(
            model=model,
            prior_probability=float(prior[i]),
            posterior_probability=float(probability[i]),
            log_marginal_likelihood=posterior.log_evidence,
            inclusion_bf=_inclusion(np.arange(len(models)) == i, prior, joint, errors)[0],
            error=posterior.error,
            mu=posterior.mu,
            tau=posterior.tau,
            slope=posterior.slope,
            weights=posterior.weights,
        )
        for i, (model, posterior) in enumerate(zip(models, posteriors, strict=True))
    )

    def component(name: str, has: Callable[[AveragedModel], bool]) -> Component:
        inside = np.array([has(model) for model in models])
        factor, error = _inclusion(inside, prior, joint, errors)
        return Component(
            name, int(inside.sum()), len(models), float(prior[inside].sum()), float(probability[inside].sum()), factor, error
        )  # fmt: skip

    conditional = _conditional(fitted)
    averaged = _averaged(fitted, conditional)
    return ModelAverage(
        models=fitted,
        effect=component("Effect", lambda m: m.has_effect),
        heterogeneity=component("Heterogeneity", lambda m: m.heterogeneity is not None),
        bias=component("Bias", lambda m: m.bias is not None),
        averaged=averaged,
        conditional=conditional,
        k=k,
        measure=measure,
        alternative=alternative,
        level=level,
        error=2.0 * float(probability @ errors),
        notes=notes,
    )


def _inclusion(
    inside: NDArray[np.bool_], prior: FloatArray, joint: FloatArray, errors: FloatArray
) -> tuple[float, float]:
    """The inclusion Bayes factor and the bound on its relative error."""
    if inside.all() or not inside.any():
        return float("nan"), float("nan")
    logs, bounds = [], 0.0
    for part in (inside, ~inside):
        top = joint[part].max()
        share = np.exp(joint[part] - top)
        logs.append(top + np.log(share.sum()) - np.log(prior[part].sum()))
        bounds += float(share @ errors[part] / share.sum())
    with np.errstate(over="ignore"):
        return float(np.exp(logs[0] - logs[1])), bounds


Has = Callable[[FittedModel], bool]
_PRESENT: dict[str, Has] = {
    "mu": lambda fit: fit.model.has_effect,
    "tau": lambda fit: fit.model.heterogeneity is not None,
    "pet": lambda fit: isinstance(fit.model.bias, PET),
    "peese": lambda fit: isinstance(fit.model.bias, PEESE),
    "weights": lambda fit: isinstance(fit.model.bias, SelectionWeights),
}
"""Which models have a parameter."""


def _conditional(fitted: Sequence[FittedModel]) -> Estimates:
    def over(has: Has, part: Callable[[FittedModel], Distribution | None]) -> Distribution | None:
        found = [(fit.posterior_probability, part(fit)) for fit in fitted if has(fit)]
        kept = [(probability, part) for probability, part in found if part is not None]
        if not kept:
            return None
        # Models that all but vanish are averaged by themselves in logarithms.
        if sum(probability for probability, _ in kept) < 1e-290:
            kept = [(1.0, kept[int(np.argmax([p for p, _ in kept]))][1])]
        return average([p for p, _ in kept], [part for _, part in kept])

    intervals = p_value_intervals([fit.model.bias for fit in fitted if isinstance(fit.model.bias, SelectionWeights)])

    def weight(p: float) -> Distribution | None:
        return over(_PRESENT["weights"], lambda fit: _weight_at(fit, p))

    weights = [weight(0.5 * (low + high)) for low, high in intervals]
    return Estimates(
        mu=over(_PRESENT["mu"], lambda fit: fit.mu),
        tau=over(_PRESENT["tau"], lambda fit: fit.tau),
        pet=over(_PRESENT["pet"], lambda fit: fit.slope),
        peese=over(_PRESENT["peese"], lambda fit: fit.slope),
        intervals=intervals,
        weights=tuple(w for w in weights if w is not None),
    )


def _averaged(fitted: Sequence[FittedModel], conditional: Estimates) -> Estimates:
    """Over all models: those without a parameter have a spike where its absence puts it."""

    def over(name: str, present: Distribution | None, absent: float | None) -> Distribution | None:
        spikes: dict[float, float] = {}
        for fit in fitted:
            if not _PRESENT[name](fit):
                place = fit.mu.mean if absent is None else absent
                spikes[place] = spikes.get(place, 0.0) + fit.posterior_probability
        share = sum(fit.posterior_probability for fit in fitted if _PRESENT[name](fit))
        parts = [] if present is None else [(share, present)]
        parts += [(probability, point(place)) for place, probability in spikes.items()]
        return average([p for p, _ in parts], [part for _, part in parts])

    return Estimates(
        mu=over("mu", conditional.mu, None),
        tau=over("tau", conditional.tau, 0.0),
        pet=None if conditional.pet is None else over("pet", conditional.pet, 0.0),
        peese=None if conditional.peese is None else over("peese", conditional.peese, 0.0),
        intervals=conditional.intervals,
        weights=tuple(w for part in conditional.weights if (w := over("weights", part, 1.0)) is not None),
    )


def p_value_intervals(biases: Sequence[SelectionWeights]) -> tuple[tuple[float, float], ...]:
    """The intervals of one-sided p-values on which every one of the weight functions is constant."""
    if not biases:
        return ()
    edges = {0.0, 1.0}
    for bias in biases:
        edges |= set(bias.steps) if bias.sides == 1 else {e for s in bias.steps for e in (s / 2.0, 1.0 - s / 2.0)}
    ordered = sorted(edges)
    # The same cut from one-sided and two-sided steps may differ in the last digit.
    ordered = [edge for i, edge in enumerate(ordered) if i == 0 or edge - ordered[i - 1] > 1e-12]
    return tuple(pairwise(ordered))


def _weight_at(fit: FittedModel, p: float) -> Distribution | None:
    """The weight at a one-sided p-value."""
    bias = fit.model.bias
    if not isinstance(bias, SelectionWeights):
        return None
    own = p if bias.sides == 1 else 2.0 * min(p, 1.0 - p)
    place = int(np.searchsorted(bias.steps, own, side="left"))
    return point(1.0) if place == 0 else fit.weights[place - 1]
