"""Priors of an effect as mixtures of normals: with them, given τ, everything about one comparison is in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, loggamma

from equipoise.errors import DataError
from equipoise.synthesis.bayes.priors import Flat, Mixture, Normal, Prior, Student, is_prior

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NormalComponents:
    """Components (c,): ``log_weights``, ``means``, ``precisions`` (0: the improper flat density 1).

    ``error`` bounds the relative error of the density that they make.
    """

    log_weights: FloatArray
    means: FloatArray
    precisions: FloatArray
    error: float = 0.0


def normal_components(prior: Prior, farthest: float) -> NormalComponents:
    """An effect's prior as a mixture of normals, exact to rounding.

    ``farthest``: the largest distance from zero, in the effect's units, at which the density has to be right. A
    Student prior is a normal one whose precision has a gamma distribution; its integral over log precision by the
    trapezoidal rule converges geometrically. Raises ``DataError`` for what isn't a prior of an effect.
    """
    if isinstance(prior, Flat):
        return NormalComponents(np.zeros(1), np.zeros(1), np.zeros(1))
    if isinstance(prior, Normal):
        return NormalComponents(np.zeros(1), np.array([prior.mean]), np.array([prior.sd**-2.0]))
    if isinstance(prior, Student):
        return _student(prior, farthest)
    if isinstance(prior, Mixture):
        parts = [normal_components(part, farthest) for part in prior.components]
        shares = np.log(prior.weights)
        return NormalComponents(
            np.concatenate([part.log_weights + share for part, share in zip(parts, shares, strict=True)]),
            np.concatenate([part.means for part in parts]),
            np.concatenate([part.precisions for part in parts]),
            max(part.error for part in parts),
        )
    name = prior.describe() if is_prior(prior) else repr(prior)
    raise DataError(f"{name} is not a prior for an effect; give Flat(), Normal, Student or a Mixture of these")


def _student(prior: Student, farthest: float) -> NormalComponents:
    shape = 0.5 * prior.df
    grown = shape + 0.5  # of the gamma density times the normal's root of the precision
    # The rule's relative error is 2|Γ(grown + iy)|/Γ(grown) at y = 2π/step (Poisson's summation formula).
    frequency = np.geomspace(8.0, 8.0 + 60.0 * np.sqrt(grown), 400)
    decay = loggamma(grown + 1j * frequency).real - gammaln(grown)
    step = 2.0 * np.pi / float(frequency[np.argmax(decay < -28.0)])
    far = ((abs(prior.location) + farthest) / prior.scale) ** 2
    # Below, the density falls as precision^grown; distances z shift its peak by the factor 1 + z²/df.
    low = -38.0 / grown - np.log1p(far / prior.df) - 9.0 / np.sqrt(grown)
    high = np.log1p(38.0 / shape) + 9.0 / np.sqrt(shape) / (1.0 + 1.0 / shape)
    count = int(np.ceil((high - low) / step)) + 1
    log_precision = low + step * np.arange(count)
    log_weights = (
        np.log(step) + shape * np.log(shape) - gammaln(shape) + shape * (log_precision - np.exp(log_precision))
    )
    return NormalComponents(log_weights, np.full(count, prior.location), np.exp(log_precision) / prior.scale**2, 1e-10)
