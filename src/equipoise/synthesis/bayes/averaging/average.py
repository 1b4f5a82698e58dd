"""The door to model averaging."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DataError
from equipoise.synthesis.bayes.averaging.likelihood import Studies, fit_all
from equipoise.synthesis.bayes.averaging.models import (
    AveragedModel,
    Ensemble,
    check_models,
    crossed,
    default_effect,
    default_heterogeneity,
    default_unit,
    robma_bias,
)
from equipoise.synthesis.bayes.averaging.result import ModelAverage, assemble
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs


def model_average(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    measure: str | None = None,
    effect: Prior | None = None,
    heterogeneity: Prior | None = None,
    bias: str | Ensemble | None = "psma",
    null: float = 0.0,
    effect_probability: float = 0.5,
    heterogeneity_probability: float = 0.5,
    bias_probability: float = 0.5,
    models: Sequence[AveragedModel] | None = None,
    alternative: str = "greater",
    sizes: ArrayLike | None = None,
    level: float = 0.95,
) -> ModelAverage:
    """Bayesian model averaging over effect, heterogeneity and publication bias.

    Marginal likelihoods by deterministic quadrature, with a bound on their error. By default the 36 models of
    RoBMA-PSMA (Bartoš et al. 2023, Research Synthesis Methods 14:99): effect present or not × heterogeneity present or
    not × no bias, six weight functions, PET, PEESE. Without bias models it is the averaging of Gronau et al. (2017,
    Comprehensive Results in Social Psychology 2:123; 2021, AMPPS 4:1), as in metaBMA.

    ``estimates``: `EffectSizes`, or one estimate a study (analysis scale, log for ratios) with ``variances``.
    ``effect``, ``heterogeneity``: proper priors of μ and τ; by default, for standardised mean differences ("SMD" and
    its kin), odds ratios ("OR") and Fisher-transformed correlations ("ZCOR"), RoBMA's Normal(0, 1) and
    InverseGamma(1, 0.15) on the scale of Cohen's d, taken to that of ``measure`` (1, π/√3, ½). ``bias``: "psma", "pp"
    (PET and PEESE), "2w" (two two-sided weight functions; Maier et al. 2023), None, or pairs of a bias model
    (`SelectionWeights`, `PET`, `PEESE`) and its share. ``null``: the effect if there is none. The three probabilities
    are prior ones of presence, independent of each other; 0 or 1 leaves the other models out. ``models`` replaces all
    of these by models of one's own. ``alternative``: the direction that selection favoured, "greater" or "less"; PET's
    and PEESE's slopes count as positive in it.

    ``sizes``: sample sizes n, (k,). With them p-values are those of t with n − 2 degrees of freedom, taken to the
    measure's scale by Cohen's d = 2t/√n as RoBMA does it (log odds ratio d·π/√3, Fisher's z arsinh(d/2)); for other
    measures t is estimate/standard error. Without, estimate/standard error is taken as standard normal.

    Raises ``DataError`` for impossible input, priors that are improper, and measures without default priors.
    """
    if isinstance(estimates, EffectSizes):
        if measure is not None and measure != estimates.measure:
            raise DataError(f"measure = {measure!r}, but the effect sizes are {estimates.measure}")
        measure = estimates.measure
    y, v = inputs.estimates_and_variances(estimates, variances)
    inputs.choice(alternative, ("greater", "less"), "alternative")
    inputs.probability(level, "level")
    notes: list[str] = []
    if models is None:
        probabilities = (effect_probability, heterogeneity_probability, 0.0 if bias is None else bias_probability)
        for name, value in zip(("effect", "heterogeneity", "bias"), probabilities, strict=True):
            if not 0 <= value <= 1:
                raise DataError(f"{name}_probability = {value}; a number from 0 to 1 is needed")
        pairs: Ensemble = ()
        if isinstance(bias, str):
            # The scale of PEESE's slope is the only default with a unit.
            unit = default_unit(measure, "bias=") if bias != "2w" else 1.0
            pairs = robma_bias(bias, unit)
        elif bias is not None:
            pairs = tuple(bias)
            if not pairs or not all(np.isfinite(share) and share > 0 for _, share in pairs):
                raise DataError("bias: pairs of a bias model and its positive share are needed")
        if effect is None or heterogeneity is None:
            notes.append(f"RoBMA's default priors, scaled by {default_unit(measure, 'effect='):.4g} from Cohen's d")
        mu = default_effect(measure) if effect is None else effect
        tau = default_heterogeneity(measure) if heterogeneity is None else heterogeneity
        chosen: tuple[AveragedModel, ...] = crossed(mu, null, tau, pairs, probabilities)
        check_models([AveragedModel(mu, tau)], measure)
    else:
        chosen = tuple(models)
    check_models(chosen, measure)
    sign = 1.0 if alternative == "greater" else -1.0
    biased = any(model.bias is not None for model in chosen)
    if biased and sign * float(np.sum(y / v)) < 0:
        notes.append(
            f"the estimates point the other way than alternative = {alternative!r}, in which selection is modelled"
        )
    if len(y) == 1:
        notes.append("one study: what is said about heterogeneity and bias comes from the priors")
    n = None if sizes is None else np.asarray(sizes, dtype=float)
    if n is not None:
        if n.shape != y.shape:
            raise DataError(f"sizes: {n.size} sample sizes for {len(y)} estimates")
        if not np.all(n > 2):
            first = int(np.argmin(n > 2))
            raise DataError(f"sizes: {n[first]:g} for study {first + 1}; a t test needs more than 2 participants")
    studies = Studies(y, v, sign, n, measure)
    return assemble(chosen, fit_all(studies, chosen), len(y), measure, alternative, level, tuple(notes))
