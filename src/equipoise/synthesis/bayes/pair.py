"""The exact posterior of one comparison: random effects with a normal likelihood, without simulation.

Given τ everything is normal; τ is integrated by adaptive quadrature with a stated error. The model and the names of
the results follow R's bayesmeta (Röver 2020, J Stat Softw 93(6)), whose discretised mixture is replaced by a
quadrature that is exact to many digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.bayes import pair_summary
from equipoise.synthesis.bayes.criticism import Criticism, criticise_estimates
from equipoise.synthesis.bayes.effect_prior import normal_components
from equipoise.synthesis.bayes.known_tau import KnownTau
from equipoise.synthesis.bayes.linear import GaussianPrior, linear_model
from equipoise.synthesis.bayes.linear_posterior import posterior_of
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.pair_model import GivenTau, PairModel
from equipoise.synthesis.bayes.point_estimates import PointEstimate, maximum_a_posteriori, maximum_likelihood
from equipoise.synthesis.bayes.priors import (
    LOG_2PI,
    Flat,
    Prior,
    check_heterogeneity_prior,
    check_measure,
    conflict_with_prior,
    is_prior,
)
from equipoise.synthesis.bayes.quadrature import TOLERANCE, TauPosterior, integrate_tau
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.measures.scale import Scale

FloatArray = NDArray[np.float64]

_NO_SHARE = 1e-16
"""Components of a mixture with a smaller weight are left away."""


@dataclass(frozen=True, eq=False)
class PairPosterior:
    """The posterior of one comparison, on the scale on which it was pooled (log for ratio measures).

    ``tau`` is the distribution of the heterogeneity τ, ``effect`` that of the mean effect μ, ``new_effect`` that of the
    true effect in a new study, ``shrunken`` those of the studies' own true effects, side by side: each with mean, sd,
    median, mode, pdf, cdf, quantile, interval (equal tails), shortest_interval and probability. ``estimate`` and ``se``
    are the posterior mean and standard deviation of μ, ``ci`` and ``prediction`` the intervals between equal tails
    for μ and a new study. ``heterogeneity_prior`` is None for a common effect (τ = 0).
    """

    heterogeneity_prior: Prior | None
    effect_prior: Prior
    level: float
    tau: TauPosterior | KnownTau
    studies: tuple[str, ...]
    estimates: FloatArray
    variances: FloatArray
    likelihood: PairModel
    measure: str | None = None
    label: str = "Effect"
    scale: Scale | None = None
    sizes: FloatArray | None = None
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()

    method = "Bayes"

    @property
    def k(self) -> int:
        """The number of studies in the result."""
        return len(self.studies)

    @property
    def model(self) -> str:
        """ "random" or "common"."""
        return "common" if self.heterogeneity_prior is None else "random"

    @property
    def estimate(self) -> float:
        """The posterior mean of μ."""
        return float(self.effect.mean)

    @property
    def central(self) -> float:
        """The posterior mean of μ, its median where the tails are too heavy for a mean."""
        return float(self.effect.median) if np.isnan(self.estimate) else self.estimate

    @property
    def se(self) -> float:
        """The posterior standard deviation of μ."""
        return float(self.effect.sd)

    @cached_property
    def ci(self) -> tuple[float, float]:
        """The interval of μ between equal tails."""
        low, high = self.effect.interval(self.level)
        return float(low), float(high)

    @cached_property
    def prediction(self) -> tuple[float, float]:
        """The interval of a new study's true effect between equal tails; NaN for a common effect."""
        if self.model == "common":
            return np.nan, np.nan
        low, high = self.new_effect.interval(self.level)
        return float(low), float(high)

    @cached_property
    def given_tau(self) -> GivenTau:
        """What is known of μ at each node ``tau.tau``."""
        return self.likelihood.given(self.tau.tau)

    @cached_property
    def effect(self) -> NormalMixture:
        """The distribution of μ."""
        at = self.given_tau
        return self._mixture(at.means[:, :, None], at.variances[:, :, None], self._effect_tail)

    @cached_property
    def new_effect(self) -> NormalMixture:
        """The distribution of the true effect in a new study: the meta-analytic-predictive distribution."""
        at = self.given_tau
        spread = at.variances + self.tau.tau[:, None] ** 2
        return self._mixture(at.means[:, :, None], spread[:, :, None], self.tau.tail)

    @cached_property
    def shrunken(self) -> NormalMixture:
        """The distributions of the studies' true effects, (k,) side by side."""
        mean, variance = self.conditional_shrunken(self.given_tau, self.tau.tau)
        return self._mixture(mean, variance, np.inf, squeeze=False)

    def conditional_shrunken(self, at: GivenTau, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and variances of the studies' true effects given τ, (j, c, k) each."""
        square = tau[:, None, None] ** 2
        towards_mean = self.variances / (self.variances + square)
        mean = self.estimates + towards_mean * (at.means[:, :, None] - self.estimates)
        return mean, towards_mean * square + towards_mean**2 * at.variances[:, :, None]

    def conditional_moments(self, tau: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """E(μ | τ) and sd(μ | τ) at each of ``tau`` (j,)."""
        at = self.likelihood.given(np.atleast_1d(np.asarray(tau, dtype=float)))
        mean = (at.shares * at.means).sum(axis=1)
        variance = (at.shares * (at.variances + (at.means - mean[:, None]) ** 2)).sum(axis=1)
        return mean, np.sqrt(variance)

    def joint_pdf(self, mu: ArrayLike, tau: ArrayLike) -> FloatArray:
        """The joint posterior density of μ and τ, of the broadcast shape. Raises ``DataError`` for a common effect."""
        if isinstance(self.tau, KnownTau):
            raise DataError("a common-effect posterior has no joint density of μ and τ: τ is 0")
        m, t = np.broadcast_arrays(np.asarray(mu, dtype=float), np.asarray(tau, dtype=float))
        at = self.likelihood.given(t.ravel())
        z = (m.ravel()[:, None] - at.means) ** 2 / at.variances
        density = (at.shares * np.exp(-0.5 * z) / np.sqrt(2.0 * np.pi * at.variances)).sum(axis=1)
        return np.asarray(density.reshape(m.shape) * self.tau.pdf(t))

    def probability(self, low: float = -np.inf, high: float = np.inf) -> float:
        """The probability that μ lies between ``low`` and ``high``, such as beyond the smallest important difference."""
        return float(self.effect.probability(low, high))

    @cached_property
    def weights(self) -> FloatArray:
        """Posterior mean weights of the studies in μ, per cent (k,); what is missing to 100 is the prior's.

        Röver & Friede 2021, Res Synth Methods 12:678.
        """
        return 100.0 * self.tau.expect(self.given_tau.weights)

    @cached_property
    def i2(self) -> float:
        """I² in per cent at the posterior median of τ, from the typical sampling variance (Higgins & Thompson 2002)."""
        if self.k == 1 or self.model == "common":
            return float("nan")
        w = 1.0 / self.variances
        typical = (self.k - 1) / float(w.sum() - (w**2).sum() / w.sum())
        square = self.tau.median**2
        return float(100.0 * square / (square + typical))

    @property
    def log_evidence(self) -> float:
        """The log marginal likelihood; NaN where a prior is improper, since its constant is arbitrary."""
        proper = self.effect_prior.proper and (self.heterogeneity_prior is None or self.heterogeneity_prior.proper)
        return self.tau.log_evidence if proper else float("nan")

    @cached_property
    def log_bayes_factor_effect(self) -> float:
        """The log Bayes factor for an effect against μ = 0, under the same prior of τ.

        Raises ``DataError`` when a prior is improper.
        """
        whole = self._proper_evidence()

        def none(tau: FloatArray) -> FloatArray:
            return self.likelihood.joint_log_likelihood(np.zeros_like(tau), tau)

        if self.heterogeneity_prior is None:
            return whole - float(none(np.zeros(1))[0])
        return whole - integrate_tau(none, self.heterogeneity_prior, _scale(self.variances)).log_evidence

    @cached_property
    def log_bayes_factor_heterogeneity(self) -> float:
        """The log Bayes factor for heterogeneity against τ = 0, under the same prior of μ.

        Raises ``DataError`` when a prior is improper or τ is 0 anyway.
        """
        if self.heterogeneity_prior is None:
            raise DataError("a common-effect posterior has no heterogeneity to test: give a prior for it")
        return self._proper_evidence() - float(self.likelihood.log_likelihood(np.zeros(1))[0])

    @cached_property
    def maximum_likelihood(self) -> PointEstimate:
        """Joint and marginal maximum likelihood estimates of (τ, μ), as bayesmeta has them."""
        return maximum_likelihood(self)

    @cached_property
    def maximum_a_posteriori(self) -> PointEstimate:
        """The joint and the marginal posterior modes of (τ, μ)."""
        return maximum_a_posteriori(self)

    @cached_property
    def error(self) -> float:
        """A bound on the error of probabilities of τ, μ, the new study and the studies' effects."""
        at, tau = self.given_tau, self.tau.tau
        shrunken = self.conditional_shrunken(at, tau)
        quantities = [
            (self.effect, at.means[:, :, None], at.variances[:, :, None]),
            (self.new_effect, at.means[:, :, None], (at.variances + tau[:, None] ** 2)[:, :, None]),
            (self.shrunken, *shrunken),
        ]
        worst = 0.0
        for p in (0.025, 0.25, 0.5, 0.75, 0.975):
            for mixture, means, variances in quantities:
                z = (np.atleast_1d(mixture.quantile(p)) - means) / np.sqrt(variances)
                conditional = (at.shares[:, :, None] * ndtr(z)).sum(axis=1)
                worst = max(worst, float(self.tau.error_of(conditional).max()))
        return max(worst, self.tau.error) + 2.0 * self.likelihood.prior.error

    def criticism(self) -> Criticism:
        """Residual deviance, leverage, DIC, WAIC, leave-one-study-out prediction and predictive p-values, by study."""
        components = self.likelihood.prior
        with np.errstate(divide="ignore"):
            constants = components.log_weights + 0.5 * (np.log(components.precisions) - LOG_2PI)
        prior = GaussianPrior(
            components.means[:, None],
            components.precisions[:, None, None],
            np.where(components.precisions > 0, constants, components.log_weights),
        )
        model = linear_model(self.estimates, self.variances, np.ones((self.k, 1)), prior)
        return criticise_estimates(
            posterior_of(model, self.heterogeneity_prior), self.heterogeneity_prior, self.studies
        )

    @property
    def conflict(self) -> str | None:
        """What to doubt where the data contradict a prior; None where they don't."""
        prior = self.heterogeneity_prior
        if prior is not None:
            found = conflict_with_prior(prior, float(self.tau.quantile(0.5)))
            if found is not None:
                return found
        if self.effect_prior.proper:
            # Of the effect as the data alone have it, at the posterior median of τ.
            w = 1.0 / (self.variances + self.tau.median**2)
            alone = float(w @ self.estimates / w.sum())
            below = float(self.effect_prior.cdf(alone))
            if not 0.005 < below < 0.995:
                return f"Prior–data conflict: the data's mean effect, {alone:.3g}, lies outside 99 % of its prior."
        return None

    def draws(self, n: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Independent draws of (τ, μ), (n,) each, for those who want draws."""
        rng = np.random.default_rng(seed)
        tau = self.tau.quantile(rng.random(n))
        at = self.likelihood.given(tau)
        component = (rng.random(n)[:, None] > np.cumsum(at.shares, axis=1)[:, :-1]).sum(axis=1)
        rows = np.arange(n)
        return tau, at.means[rows, component] + np.sqrt(at.variances[rows, component]) * rng.standard_normal(n)

    @property
    def natural(self) -> dict[str, float]:
        """Estimate, interval and prediction interval on the natural scale (ratios, proportions, …)."""
        ends = np.array([self.estimate, *self.ci, *self.prediction])
        back = ends if self.scale is None else self.scale.natural(ends, self.sizes)
        names = ("estimate", "ci_low", "ci_high", "prediction_low", "prediction_high")
        return dict(zip(names, map(float, back), strict=True))

    def to_frame(self) -> Any:
        """The studies as a dataframe: study, estimate, se, weight, and the shrunken effect with its interval."""
        low, high = self.shrunken.interval(self.level)
        return make_frame(
            {
                "study": list(self.studies),
                "estimate": self.estimates,
                "se": np.sqrt(self.variances),
                "weight": self.weights,
                "shrunken": self.shrunken.mean,
                "shrunken_sd": self.shrunken.sd,
                "shrunken_low": low,
                "shrunken_high": high,
            }
        )

    def summary(self) -> str:
        """The result as text, in the order in which bayesmeta's users read it."""
        return pair_summary.summary(self)

    def __str__(self) -> str:
        return self.summary()

    @property
    def _effect_tail(self) -> float:
        """Under a flat prior the conditional variance of μ grows with τ²; a proper one bounds it."""
        return self.tau.tail if not self.effect_prior.proper else np.inf

    def _mixture(self, means: FloatArray, variances: FloatArray, tail: float, squeeze: bool = True) -> NormalMixture:
        """From conditional means and variances (j, c, q) to the mixture over nodes and components."""
        weights = (self.tau.weights[:, None] * self.given_tau.shares).ravel()
        used = weights > _NO_SHARE
        flat = [x.reshape(-1, x.shape[2])[used] for x in np.broadcast_arrays(means, variances)]
        means, sds = (x[:, 0] if squeeze else x for x in (flat[0], np.sqrt(flat[1])))
        kept = weights[used]
        return NormalMixture(kept / kept.sum(), means, sds, tail)

    def _proper_evidence(self) -> float:
        if np.isnan(self.log_evidence):
            raise DataError(
                f"a Bayes factor needs proper priors, and {self._improper()} is improper: its constant is arbitrary"
            )
        return self.log_evidence

    def _improper(self) -> str:
        return "that of the effect" if not self.effect_prior.proper else "that of the heterogeneity"


def posterior(
    estimates: Any,
    variances: ArrayLike | None = None,
    *,
    heterogeneity: Prior | None,
    effect: Prior | None = None,
    level: float = 0.95,
    studies: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> PairPosterior:
    """The posterior of one comparison.

    ``estimates`` is an ``EffectSizes``, or the estimates (k,) with their sampling ``variances`` (k,). ``heterogeneity``
    is the prior of τ; None sets τ = 0 (a common effect). ``effect`` is the prior of μ: ``Flat()`` (when not given),
    ``Normal``, ``Student`` or a ``Mixture`` of these. ``level`` is that of all intervals, ``tolerance`` that of the
    quadrature.

    A study whose estimate or variance is missing (NaN) is left out and listed. Raises ``DataError`` for data as
    `pool` does, for a prior that was stated for another measure, and where the posterior is improper: a flat prior
    of τ needs three studies, two with a proper prior of μ.
    """
    from equipoise.synthesis.pairwise.pooling import check_level, complete_studies

    check_level(level)
    effect = Flat() if effect is None else effect
    known: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    before: tuple[LeftOut, ...] = ()
    if isinstance(estimates, EffectSizes):
        data = estimates
        known = {"measure": data.measure, "label": data.label, "scale": data.scale, "sizes": data.sizes}
        notes, before = data.notes, data.left_out
        estimates, variances, studies = data.estimates, data.variances, data.studies
    if variances is None:
        raise DataError("variances are needed: posterior(estimates, variances, heterogeneity=…)")
    y, v, labels, left_out, _ = complete_studies(estimates, variances, studies, None)
    for prior in (heterogeneity, effect):
        if prior is not None and is_prior(prior):
            check_measure(prior, known.get("measure"))
    components = normal_components(effect, float(np.abs(y).max() + 40.0 * np.sqrt(v.max())))
    model = PairModel(y, v, components)
    tau: TauPosterior | KnownTau
    if heterogeneity is None:
        tau = KnownTau(float(model.log_likelihood(np.zeros(1))[0]))
    else:
        tau = integrate_tau(
            model.log_likelihood, check_heterogeneity_prior(heterogeneity), _scale(v), _moments(model), tolerance
        )
    return PairPosterior(
        heterogeneity_prior=heterogeneity,
        effect_prior=effect,
        level=level,
        tau=tau,
        studies=labels,
        estimates=y,
        variances=v,
        likelihood=model,
        left_out=before + left_out,
        warnings=notes,
        **known,
    )


def _scale(v: FloatArray) -> float:
    """The τ that matters: the harmonic mean of the sampling variances, as a standard deviation."""
    return float(np.sqrt(len(v) / (1.0 / v).sum()))


def _moments(model: PairModel) -> Any:
    """What the nodes have to resolve besides the density of τ: the conditional mean and spread of μ."""

    def at(tau: FloatArray) -> FloatArray:
        given = model.given(tau)
        mean = (given.shares * given.means).sum(axis=1)
        variance = (given.shares * (given.variances + (given.means - mean[:, None]) ** 2)).sum(axis=1)
        return np.stack([mean, np.log(variance)], axis=1)

    return at
