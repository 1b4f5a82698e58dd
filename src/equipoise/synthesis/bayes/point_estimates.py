"""Maximum likelihood and posterior modes of (τ, μ), joint and marginal, as bayesmeta reports them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from equipoise.errors import DataError
from equipoise.synthesis.bayes.effect_prior import NormalComponents
from equipoise.synthesis.bayes.pair_model import PairModel
from equipoise.synthesis.bayes.priors import LOG_2PI, Flat
from equipoise.synthesis.bayes.quadrature import integrate_tau

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.pair import PairPosterior

FloatArray = NDArray[np.float64]

_FLAT = NormalComponents(np.zeros(1), np.zeros(1), np.zeros(1))


@dataclass(frozen=True, slots=True)
class PointEstimate:
    """``joint``: (τ, μ) at the highest point of the surface; ``marginal``: each where its own curve is highest."""

    joint: tuple[float, float]
    marginal: tuple[float, float]


def maximum_likelihood(result: PairPosterior) -> PointEstimate:
    """Joint: of the likelihood of (τ, μ). Marginal: τ where μ is integrated over its prior, μ where τ is over its.

    The marginal estimate of μ is NaN where τ can't be integrated, its prior being improper.
    """
    flat = PairModel(result.likelihood.y, result.likelihood.v, _FLAT)
    if result.heterogeneity_prior is None:
        mean = float(flat.given(np.zeros(1)).means[0, 0])
        return PointEstimate((0.0, mean), (0.0, mean))

    def profile(tau: FloatArray) -> FloatArray:
        return flat.joint_log_likelihood(flat.given(tau).means[:, 0], tau)

    grid = _grid(result)
    tau = _highest(profile, grid)
    joint = (tau, float(flat.given(np.array([tau])).means[0, 0]))
    highest = _highest(result.likelihood.log_likelihood, grid)
    if isinstance(result.effect_prior, Flat):
        # Its posterior is then proportional to its likelihood with τ integrated over the prior.
        return PointEstimate(joint, (highest, result.maximum_a_posteriori.marginal[1]))
    try:
        over_tau = integrate_tau(flat.log_likelihood, result.heterogeneity_prior, float(np.sqrt(flat.v.mean())))
        mu = float(replace(result, tau=over_tau, likelihood=flat, effect_prior=Flat()).effect.mode)
    except DataError:
        mu = float("nan")
    return PointEstimate(joint, (highest, mu))


def maximum_a_posteriori(result: PairPosterior) -> PointEstimate:
    """Joint: of the posterior density of (τ, μ). Marginal: the modes of both."""
    prior = result.heterogeneity_prior
    marginal = (result.tau.mode, float(result.effect.mode))
    if prior is None:
        return PointEstimate((0.0, marginal[1]), marginal)

    def profile(tau: FloatArray) -> FloatArray:
        mu = _best_mu(result.likelihood, tau)
        with np.errstate(divide="ignore"):
            return np.asarray(
                result.likelihood.joint_log_likelihood(mu, tau)
                + _log_prior(result.likelihood.prior, mu)
                + prior.logpdf(tau)
            )

    tau = _highest(profile, _grid(result))
    return PointEstimate((tau, float(_best_mu(result.likelihood, np.array([tau]))[0])), marginal)


def _best_mu(model: PairModel, tau: FloatArray) -> FloatArray:
    """The μ at which likelihood times prior is highest, for each τ (j,).

    Under a mixture of normals by an EM algorithm from the best of the components' means, with Aitken's acceleration.
    """
    at = model.given(tau)
    if at.means.shape[1] == 1:
        return at.means[:, 0]
    w = 1.0 / (model.v + tau[:, None] ** 2)
    total, weighted = w.sum(axis=1), w @ model.y
    centre = weighted / total
    fit = -0.5 * total[:, None] * (at.means - centre[:, None]) ** 2
    mu = at.means[np.arange(len(tau)), (fit + _log_prior(model.prior, at.means)).argmax(axis=1)]
    prior = model.prior

    def climb(mu: FloatArray) -> FloatArray:
        z2 = prior.precisions * (mu[:, None] - prior.means) ** 2
        log = prior.log_weights + 0.5 * (np.log(prior.precisions) - z2)
        share = np.exp(log - log.max(axis=1)[:, None])
        share /= share.sum(axis=1)[:, None]
        return np.asarray((weighted + share @ (prior.precisions * prior.means)) / (total + share @ prior.precisions))

    for _ in range(40):
        one = climb(mu)
        two = climb(one)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = mu - (one - mu) ** 2 / (two - 2.0 * one + mu)
        near = np.abs(far - two) <= 20.0 * np.abs(two - one)
        new = np.where(np.isfinite(far) & near, far, two)
        moved = np.abs(new - mu)
        mu = new
        if np.all(moved <= 1e-13 * (np.abs(mu) + 1.0 / np.sqrt(total))):
            break
    return np.asarray(mu)


def _log_prior(prior: NormalComponents, mu: FloatArray) -> FloatArray:
    if prior.precisions[0] == 0.0:
        return np.zeros_like(mu)
    z2 = prior.precisions * (mu[..., None] - prior.means) ** 2
    return np.asarray(logsumexp(prior.log_weights + 0.5 * (np.log(prior.precisions) - LOG_2PI - z2), axis=-1))


def _grid(result: PairPosterior) -> FloatArray:
    """τ from the start of the support to beyond its posterior and the spread of the estimates."""
    y, v = result.likelihood.y, result.likelihood.v
    assert result.heterogeneity_prior is not None  # the callers see to it
    low, high = (max(end, 0.0) for end in result.heterogeneity_prior.support)
    reach = float(np.ptp(y) + np.sqrt(v.max()))
    spaced = reach * np.logspace(-4, 1, 60)
    nodes = np.concatenate([[low], spaced, result.tau.tau[::10], [high] if np.isfinite(high) else []])
    return np.unique(nodes[(nodes >= low) & (nodes <= high) & (nodes < 1e150)])


def _highest(function: Callable[[FloatArray], FloatArray], grid: FloatArray) -> float:
    """Where the function is highest, from the best point of a grid."""
    heights = function(grid)
    heights = np.where(np.isnan(heights) | np.isposinf(heights), -np.inf, heights)
    best = int(np.argmax(heights))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda t: -float(function(np.array([t]))[0]),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12 * high},
    )
    # Rounding alone must not move it off the grid: the highest point may be τ = 0.
    return float(found.x) if -found.fun > heights[best] + 1e-13 * (1.0 + abs(heights[best])) else float(grid[best])
