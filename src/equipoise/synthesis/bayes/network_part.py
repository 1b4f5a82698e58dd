"""One connected part of a network as a Gaussian linear model, and its posterior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.effects_posterior import EffectsPrior
from equipoise.synthesis.bayes.linear import (
    GaussianPrior,
    LinearModel,
    flat_prior,
    independent_priors,
    linear_model,
    normal_prior,
)
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity, LinearPosterior, posterior_of
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Flat, Normal, Prior
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import System, build
from equipoise.synthesis.network.network import Network

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.linear import Sparse

PriorOn = Literal["basic parameters", "all contrasts"]


@dataclass(frozen=True, eq=False)
class PartPosterior:
    """The posterior of one connected part with n treatments.

    ``system``: its studies; ``reference``, ``ground``: local indices: what its basic parameters were given a prior
    against, and the treatment whose effect is 0 in ``posterior``, whose p = n − 1 parameters are the others' effects
    against it. ``rows``: the study (network position) of every row of the linear model, shape (N,).
    """

    system: System
    reference: int
    ground: int
    posterior: LinearPosterior
    rows: IntArray = field(repr=False)

    @property
    def size(self) -> int:
        """Number of treatments."""
        return self.system.size

    @property
    def treatments(self) -> IntArray:
        """The network's index of each treatment, shape (n,)."""
        return self.system.treatments

    @cached_property
    def means(self) -> FloatArray:
        """Effects against the ground in each component, shape (C, n)."""
        return np.insert(self.posterior.means, self.ground, 0.0, axis=1)

    @cached_property
    def covariances(self) -> FloatArray:
        """Their covariances, shape (C, n, n)."""
        wide = np.insert(self.posterior.covariances, self.ground, 0.0, axis=1)
        return np.insert(wide, self.ground, 0.0, axis=2)

    @property
    def heterogeneity(self) -> Heterogeneity:
        """The posterior of τ."""
        return self.posterior.heterogeneity

    @property
    def components(self) -> int:
        """How many normal distributions a posterior is made of."""
        return len(self.posterior.weights)

    def errors(self, rows: IntArray, columns: IntArray, pairs: NormalMixture, points: FloatArray) -> FloatArray:
        """How far the probabilities of ``pairs``, rows minus columns, may be off at ``points``, (s, q), at worst: (q,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            each = ndtr((points - pairs.means[:, None, :]) / pairs.sds[:, None, :])
        return np.asarray(self.posterior.error_of(each).max(axis=0))

    def draws(self, n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draws of τ, shape (n,), and of the effects against the ground, (n, treatments)."""
        tau, theta = self.posterior.draws(n, random)
        return tau, np.insert(theta, self.ground, 0.0, axis=1)

    def prior_difference(self, row: int, column: int) -> NormalMixture | None:
        """The prior of treatment ``row`` minus ``column`` (local indices); None where it is flat."""
        prior = self.posterior.model.prior
        wanted = np.zeros(self.size)
        wanted[row] += 1.0
        wanted[column] -= 1.0
        wanted = np.delete(wanted, self.ground)
        # Flat directions have precision 0, in every component the same ones.
        inverse = np.linalg.pinv(prior.precisions, hermitian=True)
        if not np.allclose(prior.precisions[0] @ inverse[0] @ wanted, wanted):
            return None
        eigen = np.linalg.eigvalsh(prior.precisions)
        spread = np.log(eigen, where=eigen > 1e-12 * eigen.max(axis=1, keepdims=True), out=np.zeros_like(eigen))
        shares = prior.log_constants - 0.5 * spread.sum(axis=1)
        shares = np.exp(shares - shares.max())
        return NormalMixture(shares / shares.sum(), prior.means @ wanted, np.sqrt(inverse @ wanted @ wanted))

    def differences(self, rows: IntArray | int, columns: IntArray | int, new_study: bool = False) -> NormalMixture:
        """Effects of treatments ``rows`` minus ``columns`` (local indices); ``new_study``: in a study to come."""
        means = self.means[:, rows] - self.means[:, columns]
        diagonal = np.diagonal(self.covariances, axis1=1, axis2=2)
        variances = diagonal[:, rows] + diagonal[:, columns] - 2.0 * self.covariances[:, rows, columns]
        if new_study:
            tau = self.posterior.tau.reshape((-1,) + (1,) * (means.ndim - 1))
            variances = variances + tau**2
        tail = self.posterior.heterogeneity.tail if new_study else self.effects_tail
        return NormalMixture(self.posterior.weights, means, np.sqrt(np.maximum(variances, 0.0)), tail)

    @property
    def effects_tail(self) -> float:
        """Moments of effects of this order and above don't exist: with flat priors their variance grows as τ² does."""
        return np.inf if self.posterior.model.prior.proper else self.posterior.heterogeneity.tail


def part_posterior(
    network: Network,
    treatments: IntArray,
    reference: int,
    heterogeneity: Prior | None,
    effects: EffectsPrior,
    prior_on: PriorOn,
) -> PartPosterior:
    """The posterior of the part that consists of ``treatments`` (network indices)."""
    system = build(network.blocks, treatments, len(network.treatments))
    local = int(np.flatnonzero(treatments == reference)[0])
    names = [network.treatments[i] for i in treatments]
    # With a flat prior any ground gives the same posterior; the best-connected one keeps rounding errors small.
    ground = local if not _flat(effects) and prior_on == "basic parameters" else best_connected(system)
    others = [name for i, name in enumerate(names) if i != ground]
    model, rows = part_model(system, ground, effects_prior(effects, others, prior_on))
    return PartPosterior(system, local, ground, posterior_of(model, heterogeneity), rows)


def part_model(system: System, ground: int, prior: GaussianPrior) -> tuple[LinearModel, IntArray]:
    """The rows of a system with the effects against ``ground`` as parameters, and each row's study."""
    rows, variances, values, jacobian = stacked(system)
    design = arm_design(system)
    kept = np.delete(np.arange(system.size), ground)
    return linear_model(values, variances, design[:, kept], prior, jacobian), rows


def stacked(system: System) -> tuple[IntArray, FloatArray, FloatArray, float]:
    """Study (network position), variance and value of every row, and the logarithm of the rotation's determinant.

    K of `blocks.py` has determinant √((q + 1)/2^q) for q contrasts, and the rotation its inverse.
    """
    studies, variances, values, jacobian = [], [], [], 0.0
    for block in system.rotated:
        k, q = block.values.shape
        studies.append(np.repeat(block.studies, q))
        variances.append(block.variances.ravel())
        values.append(block.values.ravel())
        jacobian -= 0.5 * k * (np.log(q + 1.0) - q * np.log(2.0))
    return np.concatenate(studies), np.concatenate(variances), np.concatenate(values), float(jacobian)


def arm_design(system: System) -> Sparse:
    """The rows' coefficients on all treatments, shape (N, n)."""
    places, columns, entries, start = [], [], [], 0
    for block in system.rotated:
        k, q, m = block.coefficients.shape
        places.append(np.repeat(np.arange(start, start + k * q), m))
        columns.append(np.broadcast_to(block.arms[:, None, :], (k, q, m)).ravel())
        entries.append(np.asarray(block.coefficients).ravel())
        start += k * q
    place = (np.concatenate(places), np.concatenate(columns))
    return csr_array((np.concatenate(entries), place), shape=(start, system.size))


def effects_prior(effects: EffectsPrior, names: list[str], prior_on: PriorOn) -> GaussianPrior:
    """The prior of the effects of ``names`` against the ground."""
    p = len(names)
    if _flat(effects):
        return flat_prior(p)
    if prior_on == "all contrasts":
        if not isinstance(effects, Normal) or effects.mean != 0.0:
            raise DataError(
                "a prior of all contrasts is the same in both directions: give Normal(0, sd), or put the prior on the "
                "basic parameters"
            )
        # Arms with independent effects of variance sd²/2 give every contrast the variance sd².
        return normal_prior(np.zeros(p), 0.5 * effects.sd**2 * (np.eye(p) + 1.0))
    if isinstance(effects, Mapping):
        return independent_priors([effects.get(name) for name in names])
    return independent_priors([effects] * p)


def best_connected(system: System) -> int:
    """The treatment with the most rows."""
    counts = np.zeros(system.size)
    for block in system.rotated:
        counts += np.bincount(block.arms.ravel(), minlength=system.size)
    return int(np.argmax(counts))


def _flat(effects: EffectsPrior) -> bool:
    return effects is None or isinstance(effects, Flat) or (isinstance(effects, Mapping) and not effects)
