"""Bayesian meta-regression of one comparison: y ~ N(Xβ, v + τ²) with priors of β and τ, without sampling.

The model of bayesmeta's `bmr` (Röver & Friede 2023, Research Synthesis Methods 14:895), here with mixtures and Student
priors of coefficients besides flat and normal ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.coefficients import (
    CoefficientPosteriors,
    describe_priors,
    priors_of,
    tabulate,
)
from equipoise.synthesis.bayes.criticism import Criticism, criticise_estimates, deviance, single_rows
from equipoise.synthesis.bayes.deviance_information import DevianceInformation
from equipoise.synthesis.bayes.linear import independent_priors, linear_model
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity, LinearPosterior, posterior_of
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_studies import moments_of
from equipoise.synthesis.bayes.priors import Prior, check_heterogeneity_prior
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.network.tables import decimals
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import Design, design_matrix
from equipoise.synthesis.pairwise.regression_data import complete_rows

Priors = Prior | Mapping[str, Prior] | None


@dataclass(frozen=True, slots=True, eq=False)
class MetaRegressionPosterior(DevianceInformation):
    """The posterior of a meta-regression.

    ``coefficients``: their posteriors, on the analysis scale; ``tau``: that of the residual heterogeneity;
    ``deviance``, ``leverage``: of every study, shape (k,), at its own true effect.
    """

    model: Literal["random", "common"]
    level: float
    coefficients: CoefficientPosteriors
    deviance: FloatArray
    leverage: FloatArray
    notes: tuple[str, ...]
    heterogeneity: Prior | None
    studies: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    design: Design = field(repr=False)
    posterior: LinearPosterior = field(repr=False)

    @property
    def tau(self) -> Heterogeneity:
        """The posterior of τ."""
        return self.posterior.heterogeneity

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood, with a constant of 1 for a unit of every flat coefficient."""
        return self.tau.log_evidence

    def criticism(self) -> Criticism:
        """Residual deviance, leverage, DIC, WAIC, leave-one-study-out prediction and predictive p-values."""
        return criticise_estimates(self.posterior, self.heterogeneity, self.studies)

    def predict(self, X: Any, new_study: bool = False) -> NormalMixture:
        """The mean effect for each row of moderators, or the effect in a new study with them.

        ``X``: a frame or mapping for a formula, else a matrix (m, p) or one row (p,).
        """
        each = self.posterior.mixture(self.design.rows(X))
        if not new_study:
            return each
        if self.model == "common":
            raise DataError("a common-effect model predicts no spread between studies; take the random-effects model")
        return NormalMixture(each.weights, each.means, np.sqrt(each.sds**2 + self.posterior.tau[:, None] ** 2))

    def to_frame(self) -> Any:
        """One row a coefficient."""
        return self.coefficients.to_frame()

    def summary(self) -> str:
        """Coefficients, heterogeneity and fit, as text."""
        lines = [f"Bayesian meta-regression ({len(self.deviance)} studies)", "", self.coefficients.summary(), ""]
        if self.model == "random":
            lines.append(f"Residual heterogeneity: tau {decimals(float(self.tau.quantile(0.5)))} (median)")
        lines.append(
            f"Residual deviance {decimals(self.total_deviance, 2)}, pD {decimals(self.p_d, 2)}, DIC "
            f"{decimals(self.dic, 2)}"
        )
        lines += [f"Left out: {study} ({reason})" for study, reason in self.left_out]
        return "\n".join([*lines, *self.notes])


def meta_regression_posterior(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    formula: str | None = None,
    data: Any = None,
    heterogeneity: Prior | None = None,
    coefficients: Priors = None,
    model: Literal["random", "common"] = "random",
    level: float = 0.95,
    names: Sequence[str] | None = None,
    studies: Sequence[Any] | None = None,
) -> MetaRegressionPosterior:
    """Regress estimates (k,) with sampling variances (k,) on moderators, with priors.

    Moderators as in ``eq.meta_regression``: ``X`` (k, p) with its own column of ones, or ``formula`` over ``data``.
    ``heterogeneity``: the prior of τ, which has no default; ``coefficients``: None (flat), one prior for all, or one by
    name, the others flat.

    A study with a missing value is left out and listed. Raises ``DataError`` for unusable numbers, redundant moderators,
    unknown names and an improper posterior.
    """
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    if (heterogeneity is None) == (model == "random"):
        raise DataError(
            "state a prior for τ: heterogeneity=HalfNormal(0.5), say; there is no default worth having"
            if model == "random"
            else "a common-effect model has no τ: leave heterogeneity out, or choose model='random'"
        )
    estimates, variances, studies = inputs.unpacked(estimates, variances, studies)
    labels = [f"study {i + 1}" for i in range(np.size(estimates))] if studies is None else list(map(str, studies))
    rows = complete_rows(estimates, variances, X, formula, data, labels)
    y, v = rows.y, rows.v
    design = design_matrix(
        rows.X, len(y), formula=formula, data=rows.data, names=None if names is None else tuple(names)
    )
    prior = independent_priors(priors_of(design.names, coefficients))
    linear = linear_model(y, v, design.X, prior)
    found = posterior_of(linear, check_heterogeneity_prior(heterogeneity) if heterogeneity is not None else None)
    dbar, leverage = deviance(next(moments_of(found, [single_rows(y, v)])), found)
    tau = f"τ {heterogeneity.describe()}" if heterogeneity is not None else "no heterogeneity"
    return MetaRegressionPosterior(
        model=model,
        level=level,
        coefficients=tabulate(design.names, found.mixture(np.eye(linear.parameters)), level),
        deviance=dbar,
        leverage=leverage,
        notes=(f"Priors: {tau}; coefficients {describe_priors(coefficients)}.",),
        heterogeneity=heterogeneity,
        studies=rows.studies,
        left_out=rows.left_out,
        design=design,
        posterior=found,
    )
