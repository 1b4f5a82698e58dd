"""From the likelihood to weighted points of (d, τ).

1. τ's range and its posterior by Laplace's method in d; nodes of Clenshaw–Curtis in x = arsinh(τ/scale).
2. Every node's conditional posterior of d is proposed as a normal distribution, at first by mode and curvature, then by the
   mean and covariance that a first set of weighted points found. Low-discrepancy points choose the node by their
   first coordinate and d by the others.
3. The weights correct the proposals; what they say of each node's integral, smoothed over x, corrects the posterior of τ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BarycentricInterpolator, PchipInterpolator
from scipy.special import logsumexp

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.evidence import Evidence, Modes, prior_terms
from equipoise.synthesis.bayes.arm_level.importance import (
    effective_size,
    normal_points,
    points,
    smooth_weights,
)
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.bayes.quadrature import TauPosterior, integrate_tau

REPLICATES = 8
_DROP = 15.0
_NODES = 17
_FARTHEST = 16.0
_LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Values of τ with quadrature weights.

    ``tau``, ``x``: shape (j,); ``log_measure``: logarithm of quadrature weight, Jacobian and prior; ``modes``: of d;
    ``log_laplace``: of the integral over d at each; ``scale``: of x = arsinh(τ/scale).
    """

    tau: FloatArray
    x: FloatArray
    log_measure: FloatArray
    modes: Modes
    log_laplace: FloatArray
    scale: float

    @property
    def masses(self) -> FloatArray:
        """Approximate posterior masses, sum 1."""
        log = self.log_measure + self.log_laplace
        return np.asarray(np.exp(log - logsumexp(log)))


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Weighted points.

    ``d``: (points, parameters); ``node``: (points,); ``weights``: (points,), sum 1; ``replicate``: (points,);
    ``log_integral``: of likelihood times priors; ``pareto``: k̂; ``effective``: effective sample size; ``surrogate``: the
    largest error of the polynomials in place of studies with many arms.
    """

    d: FloatArray
    node: NDArray[np.intp]
    weights: FloatArray
    replicate: NDArray[np.intp]
    log_integral: float
    pareto: float
    effective: float
    surrogate: float
    correction: FloatArray
    tau: TauPosterior | None = None


def fixed_node(evidence: Evidence) -> tuple[Evidence, Nodes]:
    """The single node τ = 0 of a common-effect model."""
    tau = np.zeros(1)
    evidence, modes = _located(evidence, tau, evidence.start(0.0)[None], np.zeros(1))
    return evidence, Nodes(tau, tau.copy(), np.zeros(1), modes, modes.laplace(), 1.0)


def tau_nodes(evidence: Evidence, prior: Prior) -> tuple[Evidence, Nodes]:
    """The nodes where τ's posterior is, and the evidence with curves that reach as far as they need."""
    scale = evidence.scale()
    low = float(np.arcsinh(max(prior.support[0], 0.0) / scale))
    high = float(np.arcsinh(min(prior.support[1], 1e30) / scale))
    first = np.linspace(low, min(high, low + 2.5), 6)
    start = np.stack([evidence.start(t) for t in scale * np.sinh(first)])
    modes = evidence.modes(scale * np.sinh(first), start)
    grid, heights, found = first, modes.laplace() + _log_prior(prior, first, scale), modes.d
    while grid[-1] < high and heights[-1] > heights.max() - _DROP:
        if grid[-1] >= _FARTHEST:
            raise DataError(
                f"the posterior of τ is improper or nearly so: under the prior {prior.describe()} its density doesn't fall as "
                "τ grows, since there are too few studies; give a proper prior for τ"
            )
        more = np.unique(np.minimum(grid[-1] + np.array([0.5, 1.0, 1.5]), high))
        modes = evidence.modes(scale * np.sinh(more), np.repeat(found[-1:], len(more), axis=0))
        grid = np.concatenate([grid, more])
        heights = np.concatenate([heights, modes.laplace() + _log_prior(prior, more, scale)])
        found = np.concatenate([found, modes.d])
    left, right = _range(grid, heights, low, high)
    x, weight = _clenshaw_curtis(left, right)
    tau = scale * np.sinh(x)
    tau[0] = max(tau[0], max(prior.support[0], 0.0))
    with np.errstate(divide="ignore"):
        measure = np.log(weight) + _log_prior(prior, x, scale)
    evidence, modes = _located(evidence, tau, _between(x, grid, found), measure)
    return evidence, Nodes(tau, x, measure, modes, modes.laplace(), scale)


def _located(
    evidence: Evidence, tau: FloatArray, start: FloatArray, measure: FloatArray
) -> tuple[Evidence, Modes]:
    """The modes at ``tau``, with the two-arm studies' curves extended to where the contrasts are if they must."""
    modes = evidence.modes(tau, start, certain=True)
    pairs = [block for block in evidence.blocks if block.shape[1] == 2]
    if pairs:
        design = evidence.design(pairs[0])
        contrast = design[:, 1] - design[:, 0]
        centre = modes.d @ contrast.T
        spread = np.sqrt(np.einsum("kp,jpq,kq->jk", contrast, np.linalg.inv(modes.precision), contrast))
        likely = modes.laplace() + measure
        likely = likely > likely.max() - _DROP
        reach = np.stack([(centre - 7.0 * spread)[likely].min(axis=0), (centre + 7.0 * spread)[likely].max(axis=0)])
        assert evidence.curves is not None
        curves = evidence.curves
        end = curves.low + curves.step * curves.cubics.shape[2]
        if np.any(reach[0] < curves.low) or np.any(reach[1] > end):
            evidence = evidence.with_curves(reach)
            modes = evidence.modes(tau, modes.d, certain=True)
    return evidence, modes


def _between(x: FloatArray, grid: FloatArray, values: FloatArray) -> FloatArray:
    """Rows of ``values``, given at ``grid``, interpolated linearly at ``x``."""
    return np.stack([np.interp(x, grid, column) for column in values.T], axis=1)


def _log_prior(prior: Prior, x: FloatArray, scale: float) -> FloatArray:
    """The logarithm of the prior density of x = arsinh(τ/scale)."""
    return np.asarray(prior.logpdf(scale * np.sinh(x)) + np.log(scale * np.cosh(x)))


def _range(grid: FloatArray, heights: FloatArray, low: float, high: float) -> tuple[float, float]:
    """Where the density is more than exp(−drop) of its maximum."""
    finite = np.maximum(heights, heights.max() - 200.0)
    fine = np.linspace(grid[0], grid[-1], 2001)
    curve = PchipInterpolator(grid, finite)(fine)
    seen = np.flatnonzero(curve > curve.max() - _DROP)
    left, right = fine[max(seen[0] - 1, 0)], fine[min(seen[-1] + 1, 2000)]
    if not right > left:
        raise NotConverged("the posterior of τ is too narrow to be found; check the prior against the data")
    return max(float(left), low), min(float(right), high)


def _clenshaw_curtis(low: float, high: float) -> tuple[FloatArray, FloatArray]:
    n = _NODES - 1
    angles = np.pi * np.arange(n + 1) / n
    even = np.arange(0, n + 1, 2)
    moments = 2.0 / (1.0 - even**2)
    factors = np.where((even == 0) | (even == n), 0.5, 1.0) * moments
    weights = (np.cos(np.outer(angles, even)) @ factors) * 2.0 / n
    weights[[0, -1]] *= 0.5
    half = 0.5 * (high - low)
    return (low + high) / 2.0 - half * np.cos(angles), half * weights


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Normal distributions of d, one a node: d = mode + root(centre + shape·z), roots of shape (j, p, p)."""

    modes: FloatArray
    roots: FloatArray
    centre: FloatArray
    shape: FloatArray

    def place(self, z: FloatArray, node: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """d at standard normal ``z`` and the logarithm of the density there."""
        whitened = self.centre + z @ self.shape.T
        d = np.empty_like(z)
        for j in np.unique(node).tolist():
            here = node == j
            d[here] = self.modes[j] + whitened[here] @ self.roots[j].T
        size = np.linalg.slogdet(self.roots)[1][node] + np.linalg.slogdet(self.shape)[1]
        return d, -0.5 * (z * z).sum(axis=1) - 0.5 * z.shape[1] * _LOG_2PI - size


def first_proposal(modes: Modes) -> Proposal:
    """By mode and curvature."""
    roots = np.linalg.cholesky(np.linalg.inv(modes.precision))
    p = modes.d.shape[1]
    return Proposal(modes.d, roots, np.zeros(p), np.eye(p))


def draw(evidence: Evidence, nodes: Nodes, proposal: Proposal, power: int, seed: int, rough: bool = False) -> Weighted:
    """2^``power`` points in each of the replicates, weighted."""
    uniform = points(REPLICATES, power, evidence.count, seed)
    replicate = np.repeat(np.arange(REPLICATES), uniform.shape[1])
    flat = uniform.reshape(-1, evidence.count)
    masses = nodes.masses
    node = np.minimum(np.searchsorted(np.cumsum(masses), flat[:, 0]), len(masses) - 1)
    d, density = proposal.place(normal_points(flat[:, 1:]), node)
    log = np.empty(len(d))
    surrogate = 0.0
    for j in np.unique(node).tolist():
        here = np.flatnonzero(node == j)
        log[here], off = evidence.values(d[here], float(nodes.tau[j]), rough)
        surrogate = max(surrogate, off)
    log += prior_terms(evidence.priors, d)[0].sum(axis=1)
    # Against the node's Laplace approximation, so that all nodes' weights are near 1.
    ratio = log - density - nodes.log_laplace[node]
    weights, pareto = smooth_weights(ratio)
    total = logsumexp(ratio) - np.log(len(ratio)) + logsumexp(nodes.log_measure + nodes.log_laplace)
    return Weighted(
        d, node, weights, replicate, float(total), pareto, effective_size(weights), surrogate, np.zeros(1)
    )


def adapted(proposal: Proposal, nodes: Nodes, found: Weighted) -> Proposal:
    """The proposal with the mean and covariance of the weighted points, on the scale of mode and curvature."""
    whitened = np.empty_like(found.d)
    for j in np.unique(found.node).tolist():
        here = found.node == j
        whitened[here] = np.linalg.solve(proposal.roots[j], (found.d[here] - proposal.modes[j]).T).T
    centre = found.weights @ whitened
    off = whitened - centre
    covariance = (off * found.weights[:, None]).T @ off
    return replace(proposal, centre=centre, shape=np.linalg.cholesky(covariance))


def tau_posterior(nodes: Nodes, found: Weighted, prior: Prior) -> tuple[TauPosterior, FloatArray]:
    """τ's posterior with each node's integral corrected by the weights; the corrections' logarithms, (j,)."""
    counts = np.bincount(found.node, minlength=len(nodes.tau)).astype(float)
    sums = np.bincount(found.node, weights=found.weights, minlength=len(nodes.tau))
    seen = (counts >= 8) & (sums > 0)
    log = np.log(sums[seen] / counts[seen] * len(found.weights))
    middle, half = 0.5 * (nodes.x[0] + nodes.x[-1]), 0.5 * (nodes.x[-1] - nodes.x[0]) or 1.0
    degree = min(4, max(int(seen.sum()) - 2, 0))
    z = (nodes.x - middle) / half
    coefficients = np.polynomial.chebyshev.chebfit(z[seen], log, degree, w=np.sqrt(counts[seen]))
    inside = np.clip(z, z[seen].min(), z[seen].max())
    correction = np.polynomial.chebyshev.chebval(inside, coefficients)
    curve = BarycentricInterpolator(nodes.x, nodes.log_laplace + correction, rng=0)
    posterior = integrate_tau(_within(curve, nodes), prior, nodes.scale, tolerance=1e-7)
    return posterior, correction


def _within(curve: Callable[[FloatArray], FloatArray], nodes: Nodes) -> Callable[[FloatArray], FloatArray]:
    def log_likelihood(tau: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            x = np.arcsinh(tau / nodes.scale)
        inside = (x >= nodes.x[0] - 1e-9) & (x <= nodes.x[-1] + 1e-9)
        return np.where(inside, curve(np.where(inside, x, nodes.x[0])), -np.inf)

    return log_likelihood


def restored(nodes: Nodes, found: Weighted, correction: FloatArray) -> Weighted:
    """The points with every node given the posterior mass that the smoothed corrections say."""
    log = nodes.log_measure + nodes.log_laplace + correction
    wanted = np.exp(log - logsumexp(log))
    sums = np.bincount(found.node, weights=found.weights, minlength=len(wanted))
    factor = np.divide(wanted, sums, out=np.zeros_like(wanted), where=sums > 0)
    weights = found.weights * factor[found.node]
    return replace(found, weights=weights / weights.sum())
