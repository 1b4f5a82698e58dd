"""Priors of an effect from other evidence (earlier trials, non-randomised or animal studies), at a stated discount.

All are mixtures of normals, so that posteriors with them stay exact; ``describe`` says the discount.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.synthesis.bayes.effect_prior import NormalComponents, normal_components
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.pair import PairPosterior
from equipoise.synthesis.bayes.priors import Mixture, Normal, Prior, check_heterogeneity_prior
from equipoise.synthesis.bayes.quadrature import integrate_tau

FloatArray = NDArray[np.float64]

_NO_SHARE = 1e-12


@dataclass(frozen=True, slots=True)
class BorrowedPrior(Mixture):
    """A mixture of normals with an account of where it comes from."""

    account: str = ""

    def describe(self) -> str:
        """What was borrowed, and at which discount."""
        return self.account


def power_prior(evidence: PairPosterior | Normal, discount: float) -> BorrowedPrior:
    """Other evidence that counts as the share ``discount`` of its size (a₀, 0 < a₀ ≤ 1).

    The likelihood of a normal estimate to the power a₀ is that of an estimate with the variance 1/a₀ times as large
    (Ibrahim & Chen 2000, Stat Sci 15:46); of a ``PairPosterior``, that of its mean effect given τ is discounted, with
    τ as the other evidence has it. Raises ``DataError`` for another discount.
    """
    if not 0 < discount <= 1:
        raise DataError(f"discount = {discount}: the share of the other evidence that counts, above 0 and up to 1")
    said = f"power prior: {_said(evidence)}, counting {100 * discount:g} %"
    if isinstance(evidence, Normal):
        discounted = replace(evidence, sd=evidence.sd / np.sqrt(discount))
        return BorrowedPrior((discounted,), (1.0,), said)
    effect = evidence.effect
    return _from_mixture(replace(effect, sds=effect.sds / np.sqrt(discount)), evidence.measure, said)


def commensurate_prior(evidence: PairPosterior | Normal, between: Prior) -> BorrowedPrior:
    """Other evidence about an effect that differs from ours by N(0, τ_c²), τ_c with the prior ``between``.

    A scale mixture of normals (Hobbs et al. 2011, Biometrics 67:1047): the smaller τ_c, the more is borrowed. Raises
    ``DataError`` for an improper prior of τ_c.
    """
    check_heterogeneity_prior(between)
    if not between.proper:
        raise DataError(f"commensurate prior: {between.describe()} is improper; the difference needs a proper prior")
    base = evidence.effect if isinstance(evidence, PairPosterior) else _one(evidence)
    spread = float(base.sds.min())
    nodes = integrate_tau(np.zeros_like, between, spread)
    used = nodes.weights > _NO_SHARE
    weights = np.outer(base.weights, nodes.weights[used]).ravel()
    sds = np.hypot(base.sds[:, None], nodes.tau[used]).ravel()
    means = np.repeat(base.means, int(used.sum()))
    said = f"commensurate prior: {_said(evidence)}, our effect differing by a standard deviation with {between.describe()} prior"
    return _from_mixture(NormalMixture(weights, means, sds), evidence.measure, said)


def meta_analytic_predictive(evidence: PairPosterior) -> BorrowedPrior:
    """The distribution of the effect in a new study of the same kind (Neuenschwander et al. 2010, Clin Trials 7:5)."""
    said = f"meta-analytic-predictive prior of {_said(evidence)}"
    return _from_mixture(evidence.new_effect, evidence.measure, said)


def robust_prior(informative: Prior, vague: Prior, weight: float) -> BorrowedPrior:
    """``informative`` with the probability ``weight``, else ``vague`` (Schmidli et al. 2014, Biometrics 70:1023).

    Where the data contradict the informative part they shift the weight to the vague one. Raises ``DataError`` for a
    weight that isn't between 0 and 1, and for an improper part.
    """
    if not 0 < weight < 1:
        raise DataError(f"weight = {weight}: the probability of the informative part, between 0 and 1")
    mixture = Mixture((informative, vague), (weight, 1.0 - weight))
    said = f"robust prior: {100 * weight:g} % {informative.describe()}, {100 * (1 - weight):g} % {vague.describe()}"
    return BorrowedPrior(mixture.components, mixture.weights, said)


def effective_sample_size(prior: Prior, unit_variance: float) -> float:
    """How many observations with sampling variance ``unit_variance`` an effect's prior is worth.

    The expected local-information-ratio (Neuenschwander et al. 2020, Biometrics 76:578): for a normal prior the
    ratio of the variances. Raises ``DataError`` for an improper prior and for a variance that isn't positive.
    """
    if not (np.isfinite(unit_variance) and unit_variance > 0):
        raise DataError(f"unit_variance = {unit_variance}: a positive number is needed")
    if not prior.proper:
        raise DataError(f"{prior.describe()}: an improper prior is worth no number of observations")
    # Integrating by parts, E(−d² log p) = ∫ p′²/p, in which nothing cancels.
    parts = normal_components(prior, 0.0)
    x, step = _grid(prior, parts)
    sds = parts.precisions**-0.5
    z = (x[:, None] - parts.means) / sds
    density = np.exp(parts.log_weights - 0.5 * z * z) / (sds * np.sqrt(2.0 * np.pi))
    slope = (-density * z / sds).sum(axis=1)
    whole = density.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(unit_variance * (np.nan_to_num(slope**2 / whole) * step).sum())


def _grid(prior: Prior, parts: NormalComponents) -> tuple[FloatArray, FloatArray]:
    """Points x = centre + s·sinh(u), fine near the narrowest component and wide enough for the widest, with dx."""
    centre = float(prior.quantile(0.5))
    narrow = float(parts.precisions.max() ** -0.5)
    wide = float(np.abs(np.asarray(prior.quantile(np.array([1e-13, 1 - 1e-13]))) - centre).max())
    u = np.linspace(-1.0, 1.0, 8001) * np.arcsinh(wide / narrow)
    return centre + narrow * np.sinh(u), narrow * np.cosh(u) * (u[1] - u[0])


def _one(prior: Normal) -> NormalMixture:
    return NormalMixture(np.ones(1), np.array([prior.mean]), np.array([prior.sd]))


def _said(evidence: PairPosterior | Normal) -> str:
    if isinstance(evidence, Normal):
        return evidence.describe()
    return f"{evidence.k} stud{'y' if evidence.k == 1 else 'ies'} (mean {evidence.estimate:.4g}, sd {evidence.se:.4g})"


def _from_mixture(mixture: NormalMixture, measure: str | None, account: str) -> BorrowedPrior:
    used = mixture.weights > _NO_SHARE
    weights = mixture.weights[used] / mixture.weights[used].sum()
    parts = zip(mixture.means[used].tolist(), mixture.sds[used].tolist(), strict=True)
    return BorrowedPrior(tuple(Normal(mean, sd, measure) for mean, sd in parts), tuple(weights.tolist()), account)
