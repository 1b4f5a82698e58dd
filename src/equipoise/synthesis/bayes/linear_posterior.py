"""The posterior of a Gaussian linear model with heterogeneity: a mixture of normals over nodes of τ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, ndtr

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.condense import TauNodes, condense
from equipoise.synthesis.bayes.known_tau import KnownTau
from equipoise.synthesis.bayes.linear import LinearModel, Solutions, log_likelihood, solve
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.bayes.quadrature import TauPosterior, integrate_tau

_NODES = (16, 32, 64, 128)
_LARGEST = 2**26
"""How many numbers the covariances at the quadrature's nodes may be."""
_AIM = 1e-7
"""The error of probabilities at which no more nodes are taken."""


Heterogeneity = TauPosterior | KnownTau
"""What is known of τ afterwards."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearPosterior:
    """θ and τ given the data: C normal components.

    ``heterogeneity``: the posterior of τ; ``tau``: shape (C,), each component's τ; ``weights``: (C,), sum 1;
    ``means``: (C, p); ``covariances``: (C, p, p); ``checks``: (2, C), null rules that bound errors (`condense.py`).
    """

    model: LinearModel
    heterogeneity: Heterogeneity
    tau: FloatArray
    weights: FloatArray
    means: FloatArray
    covariances: FloatArray
    checks: FloatArray

    def mixture(self, functions: ArrayLike) -> NormalMixture:
        """The distribution of linear functions of θ, shape (q, p) or (p,)."""
        wanted = np.asarray(functions, dtype=float)
        means = self.means @ wanted.T
        spread = ((wanted @ self.covariances) * wanted).sum(axis=-1)
        return NormalMixture(self.weights, means, np.sqrt(np.maximum(spread, 0.0)))

    def covariance(self) -> FloatArray:
        """The posterior covariance of θ, shape (p, p)."""
        deviations = self.means - self.weights @ self.means
        inner = np.tensordot(self.weights, self.covariances, axes=1)
        return np.asarray(inner + (deviations * self.weights[:, None]).T @ deviations)

    def error_of(self, values: FloatArray) -> FloatArray:
        """A bound on the error of the expectation of a bounded function, given at the components, shape (C, …)."""
        off = np.abs(np.tensordot(self.checks, values, axes=1)).sum(axis=0)
        return np.asarray(off + self.heterogeneity.error)

    def draws(self, n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Independent draws of τ, shape (n,), and of θ, shape (n, p)."""
        tau = np.sort(np.asarray(self.heterogeneity.quantile(random.random(n))))
        theta = np.empty((n, self.model.parameters))
        for start, solution in _in_chunks(self.model, tau):
            count = len(solution.tau)
            logs = solution.log_likelihoods
            shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
            chosen = (np.cumsum(shares, axis=1) < random.random(count)[:, None]).sum(axis=1)
            pick = (np.arange(count), np.minimum(chosen, shares.shape[1] - 1))
            roots = np.linalg.cholesky(solution.covariances[pick])
            noise = random.standard_normal((count, theta.shape[1], 1))
            theta[start : start + count] = solution.means[pick] + np.matmul(roots, noise)[:, :, 0]
        order = random.permutation(n)
        return tau[order], theta[order]


def posterior_of(model: LinearModel, heterogeneity: Prior | None) -> LinearPosterior:
    """The posterior; ``heterogeneity`` None: τ = 0 (common effect).

    Raises ``DataError`` where the posterior of τ is improper.
    """
    if heterogeneity is None:
        none = KnownTau(float(log_likelihood(model, 0.0)[0]))
        return _at(model, none, TauNodes(np.zeros(1), np.ones(1), np.zeros((2, 1))))
    tau = integrate_tau(lambda t: log_likelihood(model, t), heterogeneity, float(np.sqrt(np.median(model.variances))))
    for nodes in _NODES:
        found = _at(model, tau, condense(tau, nodes))
        if _off(found) <= _AIM:
            break
    return found


def far_reaching(posterior: LinearPosterior) -> LinearPosterior:
    """The same posterior at the quadrature's own nodes, hundreds of them, which reach far into both tails of τ.

    For what reweights the components. Where many components of a prior would make that too large, it stays as it is.
    """
    tau, model = posterior.heterogeneity, posterior.model
    if len(tau.tau) * len(model.prior.log_constants) * model.parameters**2 > _LARGEST:
        return posterior
    return _at(model, tau, TauNodes(tau.tau, tau.weights, np.zeros((2, len(tau.tau)))))


def at_the_ends(tau: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which components have the smallest and which the largest τ: weight there means that the nodes don't reach far
    enough. The smallest don't count where they are as good as 0."""
    distinct = np.unique(tau)
    count = min(20, len(distinct) // 8)
    small = (tau <= distinct[count]) & (distinct[0] > 1e-3 * distinct[-1])
    return small, tau >= distinct[-1 - count]


def _at(model: LinearModel, heterogeneity: Heterogeneity, nodes: TauNodes) -> LinearPosterior:
    solution = solve(model, nodes.tau)
    logs = solution.log_likelihoods
    shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    count, p = shares.shape[1], model.parameters
    return LinearPosterior(
        model=model,
        heterogeneity=heterogeneity,
        tau=np.repeat(nodes.tau, count),
        weights=(nodes.weights[:, None] * shares).ravel(),
        means=solution.means.reshape(-1, p),
        covariances=solution.covariances.reshape(-1, p, p),
        checks=(nodes.checks[:, :, None] * shares).reshape(2, -1),
    )


def _off(found: LinearPosterior) -> float:
    """How far probabilities of the parameters may be wrong, about the middle and in both tails."""
    each = NormalMixture(found.weights, found.means, np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2)))
    points = each.quantile(np.array([0.025, 0.5, 0.975]))
    values = ndtr((points - found.means[:, None, :]) / each.sds[:, None, :])
    return float(np.abs(np.tensordot(found.checks, values, axes=1)).sum(axis=0).max(initial=0.0))


def _in_chunks(model: LinearModel, tau: FloatArray) -> Iterator[tuple[int, Solutions]]:
    size = max(1, 2**22 // (model.parameters**2 * len(model.prior.log_constants)))
    for start in range(0, len(tau), size):
        yield start, solve(model, tau[start : start + size])
