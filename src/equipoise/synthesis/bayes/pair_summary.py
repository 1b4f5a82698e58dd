"""The text of a posterior of one comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.synthesis.pairwise.tables import number, table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.pair import PairPosterior


def summary(fit: PairPosterior) -> str:
    """Priors, point estimates, the marginal distributions, probabilities, and what a reader should know."""
    percent = f"{100 * fit.level:g} %"
    common = fit.heterogeneity_prior is None
    lines = [f"Bayesian {'common-effect' if common else 'random-effects'} model (k = {fit.k})", ""]
    if fit.heterogeneity_prior is not None:
        lines += [f"Prior of τ: {_named(fit.heterogeneity_prior.describe(), fit.heterogeneity_prior.proper)}"]
    lines += [f"Prior of μ: {_named(fit.effect_prior.describe(), fit.effect_prior.proper)}", ""]
    mode = fit.maximum_a_posteriori
    if not common:
        ml = fit.maximum_likelihood
        points = [
            ("ML joint", ml.joint), ("ML marginal", ml.marginal), ("MAP joint", mode.joint), ("MAP marginal", mode.marginal),
        ]  # fmt: skip
        lines += [table(["", "τ", "μ"], [[name, *map(number, pair)] for name, pair in points]), ""]
    shown = [("μ", fit.effect)] if common else [("τ", fit.tau), ("μ", fit.effect), ("new study", fit.new_effect)]
    central = [quantity.interval(fit.level) for _, quantity in shown]
    shortest = [quantity.shortest_interval(fit.level) for _, quantity in shown]
    # τ's and μ's modes are among the point estimates.
    modes = [mode.marginal[1]] if common else [*mode.marginal, float(fit.new_effect.mode)]
    rows: list[tuple[str, list[float]]] = [("mode", modes)]
    rows += [(name, [float(getattr(quantity, name)) for _, quantity in shown]) for name in ("median", "mean", "sd")]
    rows += [(f"{percent} lower", [float(ends[0]) for ends in central])]
    rows += [(f"{percent} upper", [float(ends[1]) for ends in central])]
    rows += [(f"{percent} lower, shortest", [float(ends[0]) for ends in shortest])]
    rows += [(f"{percent} upper, shortest", [float(ends[1]) for ends in shortest])]
    lines += [table(["posterior", *(name for name, _ in shown)], [[name, *map(number, x)] for name, x in rows]), ""]
    null = 0.0 if fit.scale is None or np.isnan(fit.scale.null) else fit.scale.null
    if fit.scale is None or np.isfinite(fit.scale.null):
        lines += [f"P(μ < {null:g}) = {number(fit.probability(high=null))}"]
    if np.isfinite(fit.i2):
        lines += [f"I² at the median of τ: {fit.i2:.2f} %"]
    lines += _bayes_factors(fit)
    if fit.scale is not None and fit.scale.name != "identity":
        back = fit.natural
        text = f"{fit.label}: {number(back['estimate'])}, {percent} credible interval "
        text += f"[{number(back['ci_low'])}, {number(back['ci_high'])}]"
        if not common:
            text += f", prediction interval [{number(back['prediction_low'])}, {number(back['prediction_high'])}]"
        lines += [text]
    lines += [fit.conflict] if fit.conflict else []
    lines += [f"Left out: {study} ({reason})" for study, reason in fit.left_out]
    lines += [f"Note: {warning}" for warning in fit.warnings]
    return "\n".join(lines)


def _named(description: str, proper: bool) -> str:
    return description if proper or "improper" in description else f"{description} (improper)"


def _bayes_factors(fit: PairPosterior) -> list[str]:
    try:
        text = [f"for an effect {_factor(fit.log_bayes_factor_effect)}"]
        if fit.heterogeneity_prior is not None:
            text += [f"for heterogeneity {_factor(fit.log_bayes_factor_heterogeneity)}"]
    except DataError:
        return []  # an improper prior, named above
    return [f"Log marginal likelihood {number(fit.log_evidence)}; Bayes factors: {', '.join(text)}"]


def _factor(log: float) -> str:
    return f"{np.exp(log):.4g}" if abs(log) < 500 else f"exp({log:.1f})"
