"""Bayesian network meta-regression: posteriors of effects that depend on characteristics of the studies.

The model of `network/regression.py`: the effect of treatment t against its reference in study s is
d_t + β_t·(x_s − centre), the slopes shared, one a treatment, or one a class (Cooper et al. 2009, Statistics in Medicine
28:1861; NICE DSU TSD 3). τ and the slopes are the same in all subnetworks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.coefficients import (
    CoefficientPosteriors,
    describe_priors,
    priors_of,
    tabulate,
)
from equipoise.synthesis.bayes.criticism import deviance
from equipoise.synthesis.bayes.deviance_information import DevianceInformation
from equipoise.synthesis.bayes.effects_posterior import Model, check_priors
from equipoise.synthesis.bayes.linear import independent_priors, linear_model
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity, LinearPosterior, posterior_of
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_part import stacked
from equipoise.synthesis.bayes.network_studies import moments_of
from equipoise.synthesis.bayes.network_table import EffectsTable
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.network.blocks import rotate
from equipoise.synthesis.network.gls import System
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.regression import Slopes, arm_columns, moderators_of
from equipoise.synthesis.network.tables import analysis_scale, decimals

Priors = Prior | Mapping[str, Prior] | None


@dataclass(frozen=True, slots=True, eq=False)
class RegressionPosterior(DevianceInformation):
    """The posterior of a network meta-regression.

    ``covariates`` names the columns of covariates, ``centre`` what was subtracted from each; ``slopes``: their
    posteriors; ``tau``: that of the residual heterogeneity; ``deviance``, ``leverage``: of every study (contrasts, as in
    `network_criticism.py`), shape (studies,). ``posterior``: of all parameters, the effects first.
    """

    network: Network
    model: Model
    reference: str
    level: float
    covariates: tuple[str, ...]
    centre: FloatArray
    slopes: CoefficientPosteriors
    deviance: FloatArray
    leverage: FloatArray
    notes: tuple[str, ...]
    posterior: LinearPosterior = field(repr=False)
    arms: FloatArray = field(repr=False)
    groups: FloatArray = field(repr=False)

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments."""
        return self.network.treatments

    @property
    def measure(self) -> str:
        """The effect measure."""
        return self.network.measure

    @property
    def tau(self) -> Heterogeneity:
        """The posterior of τ, the heterogeneity that the covariates leave."""
        return self.posterior.heterogeneity

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood, with a constant of 1 for a unit of every flat parameter."""
        return self.tau.log_evidence

    def contrast(self, treatment: str, comparator: str, **values: float) -> NormalMixture:
        """``treatment`` minus ``comparator`` in studies with the given values of covariates (others at their centre).

        Raises ``DataError`` for an unknown covariate or an unconnected pair.
        """
        row = self._arms_at(values)
        i, j = self.network.position(treatment), self.network.position(comparator)
        if not any(treatment in part and comparator in part for part in self.network.subnetworks):
            raise DataError(f"{treatment} and {comparator} lie in different subnetworks, so they can't be compared")
        return self.posterior.mixture(row[i] - row[j])

    def effects_at(self, **values: float) -> EffectsTable:
        """Every treatment against its subnetwork's reference at the given values of covariates."""
        row = self._arms_at(values)
        network = self.network
        bases = [self.reference if self.reference in part else part[0] for part in network.subnetworks]
        pairs = [(t, base) for part, base in zip(network.subnetworks, bases, strict=True) for t in part if t != base]
        first, second = (np.array([network.position(pair[k]) for pair in pairs], dtype=np.intp) for k in (0, 1))
        each = self.posterior.mixture(row[first] - row[second])
        tail = (1.0 - self.level) / 2.0
        low, middle, high = each.quantile(np.array([tail, 0.5, 1.0 - tail]))
        given = {name: values.get(name, float(c)) for name, c in zip(self.covariates, self.centre, strict=True)}
        at = ", ".join(f"{name} = {value:.4g}" for name, value in given.items())
        return EffectsTable(
            title=f"Posterior of effects against {', '.join(bases)} at {at}",
            measure=self.measure,
            level=self.level,
            treatment=tuple(a for a, _ in pairs),
            comparator=tuple(b for _, b in pairs),
            studies=network.pair_counts()[first, second],
            estimates=each.mean,
            standard_errors=each.sd,
            medians=middle,
            lower=low,
            upper=high,
            below=each.cdf(0.0),
        )

    def to_frame(self) -> Any:
        """One row a slope."""
        return self.slopes.to_frame()

    def summary(self) -> str:
        """Effects at the centre, slopes, heterogeneity and fit, as text."""
        lines = [
            self.effects_at().summary(),
            "",
            "Change of the effect for one unit of the covariate:",
            self.slopes.summary(analysis_scale(self.measure)),
            "",
        ]
        if self.model == "random":
            middle = float(self.tau.quantile(0.5))
            lines.append(f"Residual heterogeneity: tau {decimals(middle)} (median)")
        lines.append(
            f"Residual deviance {decimals(self.total_deviance, 2)}, pD {decimals(self.p_d, 2)}, DIC "
            f"{decimals(self.dic, 2)}"
        )
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.network.left_out]
        return "\n".join([*lines, *self.notes])

    def _arms_at(self, values: Mapping[str, float]) -> FloatArray:
        unknown = [name for name in values if name not in self.covariates]
        if unknown:
            raise DataError(f"no covariate {unknown[0]!r}; there are {', '.join(self.covariates)}")
        given = [values.get(name, c) for name, c in zip(self.covariates, self.centre, strict=True)]
        x = np.array(given, dtype=float) - self.centre
        slopes = np.einsum("c,tg->tcg", x, self.groups).reshape(len(self.groups), -1)
        return np.hstack([self.arms, slopes])


def regression_posterior(
    network: Network,
    data: Any,
    covariates: str | Sequence[str],
    *,
    heterogeneity: Prior | None = None,
    study: str = "study",
    slopes: Slopes = "shared",
    centre: bool | Mapping[str, float] = True,
    reference: str | None = None,
    effects: Priors = None,
    slope_priors: Priors = None,
    model: Model = "random",
    level: float = 0.95,
) -> RegressionPosterior:
    """Regress treatment effects on characteristics of the studies, with priors.

    ``data``, ``covariates``, ``study``, ``slopes``, ``centre``, ``reference``: as in ``fit_regression``.
    ``heterogeneity``: the prior of the residual τ; ``effects``: of the effects against the reference at the centre, and
    ``slope_priors``: of the slopes: None (flat), one for all, or one by name, the others flat.

    Raises ``DataError`` for unknown columns, options and names, and where a flat prior leaves a slope undetermined.
    """
    check_priors(network.measure, heterogeneity, None, model, level)
    wanted = (covariates,) if isinstance(covariates, str) else tuple(covariates)
    moderators = moderators_of(network, data, wanted, study, slopes, centre, reference)
    network, bases, groups = moderators.network, moderators.bases, moderators.groups
    x, names = moderators.values, moderators.slope_names
    basic = [t for t in network.treatments if t not in bases]
    system = System(np.arange(len(network.treatments)), tuple(rotate(block) for block in network.blocks))
    rows = np.concatenate(
        [
            np.matmul(block.coefficients, arm_columns(block, groups, x)).reshape(block.values.size, -1)
            for block in system.rotated
        ]
    )
    kept = [i for i, t in enumerate(network.treatments) if t not in bases]
    design = np.hstack([rows[:, kept], rows[:, len(network.treatments) :]])
    _, variances, values, jacobian = stacked(system)
    priors = independent_priors(
        [*priors_of(basic, effects, "basic parameter"), *priors_of(names, slope_priors, "slope")]
    )
    try:
        linear = linear_model(values, variances, design, priors, jacobian)
    except DataError as error:
        raise DataError(
            f"{error} (the slope of {', '.join(wanted)} takes several studies with different values that compare "
            f"{' or '.join(bases)} with the treatments that share it: share slopes, choose another reference, or give "
            "slope_priors)"
        ) from None
    found = posterior_of(linear, heterogeneity if model == "random" else None)
    dbar, leverage = np.zeros(len(network.studies)), np.zeros(len(network.studies))
    for moments in moments_of(found, system.rotated):
        dbar[moments.block.studies], leverage[moments.block.studies] = deviance(moments, found)
    tau = f"τ {heterogeneity.describe()}" if heterogeneity is not None else "no heterogeneity"
    return RegressionPosterior(
        network=network,
        model=model,
        reference=reference if reference is not None else network.subnetworks[0][0],
        level=level,
        covariates=moderators.names,
        centre=moderators.centre,
        slopes=tabulate(names, found.mixture(np.eye(linear.parameters)[len(basic) :]), level),
        deviance=dbar,
        leverage=leverage,
        notes=(
            f"Priors: {tau}; effects against {', '.join(bases)} {describe_priors(effects)}; slopes "
            f"{describe_priors(slope_priors)}.",
        ),
        posterior=found,
        arms=np.array([[float(t == b) for b in basic] for t in network.treatments]).reshape(-1, len(basic)),
        groups=groups,
    )
