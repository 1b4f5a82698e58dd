"""From the likelihood to weighted points of (d, τ).

1. τ's range and its posterior by Laplace's method in d; nodes of Clenshaw–Curtis in x = arsinh(τ/scale).
2. Every node's conditional posterior of d is proposed as a normal distribution, at first by mode and curvature, then by the
   mean and covariance that a first set of weighted points found, and by the shape of skew directions (``proposals``).
   Low-discrepancy points choose the node by their first coordinate and d by the others.
3. The weights correct the proposals; what they say of each node's integral, smoothed over x, corrects the posterior of τ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BarycentricInterpolator, CubicSpline, PchipInterpolator
from scipy.special import logsumexp, ndtr

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.evidence import Modes
from equipoise.synthesis.bayes.arm_level.importance import (
    Weighted,
    effective_size,
    normal_points,
    points,
    smooth_weights,
)
from equipoise.synthesis.bayes.arm_level.proposals import Proposal
from equipoise.synthesis.bayes.condense import condense
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.bayes.quadrature import TauPosterior, integrate_tau

REPLICATES = 8
_DROP = 14.0
"""How far, in logarithms, below its maximum the density of x is beyond the nodes."""
_NODES = 17, 33
_FINE = 64
_UNEVEN = 1e-3
"""How far probabilities by the nodes alone may be off: those of the proposals are summed by a finer rule."""
_LIKELY = 8.0
"""As ``_DROP``, for nodes that must not fail."""
_BEYOND = 2e-6
"""The probability of a τ beyond the nodes."""
_SLOWEST = 0.2
_FARTHEST = 18.0


class Integrand(Protocol):
    """A likelihood in parameters d and τ, all else integrated out, with the prior of d."""

    @property
    def dimension(self) -> int: ...
    def scale(self) -> float: ...
    def start(self, tau: float) -> FloatArray: ...
    def modes(self, tau: FloatArray, start: FloatArray) -> Modes: ...
    def reaching(self, tau: FloatArray, modes: Modes, likely: NDArray[np.bool_]) -> Self: ...
    def values(self, d: FloatArray, tau: float, rough: bool = False) -> tuple[FloatArray, float]: ...
    def log_prior(self, d: FloatArray) -> FloatArray: ...


AnyIntegrand = TypeVar("AnyIntegrand", bound=Integrand)


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Values of τ that stand for its posterior.

    ``tau``, ``x``: shape (j,), x = arsinh(τ/scale); ``lengths``: (j,), of quadrature in x; ``masses``:
    (j,), sum 1, by Laplace's method; ``modes``: of d; ``log_laplace``: of the integral over d at each.
    """

    tau: FloatArray
    x: FloatArray
    scale: float
    lengths: FloatArray
    masses: FloatArray
    modes: Modes
    log_laplace: FloatArray


def fixed_node(evidence: AnyIntegrand) -> tuple[AnyIntegrand, Nodes]:
    """The single node τ = 0 of a common-effect model."""
    tau = np.zeros(1)
    evidence, modes = _located(evidence, tau, evidence.start(0.0)[None], np.zeros(1))
    return evidence, Nodes(tau, tau, 1.0, np.ones(1), np.ones(1), modes, modes.laplace())


def tau_nodes(evidence: AnyIntegrand, prior: Prior, uneven: float = _UNEVEN) -> tuple[AnyIntegrand, Nodes]:
    """The nodes where τ's posterior is, and the evidence with curves that reach as far as they need.

    ``uneven``: how far probabilities by fewer nodes may be off before more are taken.
    """
    scale = evidence.scale()
    low = float(np.arcsinh(max(prior.support[0], 0.0) / scale))
    high = float(np.arcsinh(min(prior.support[1], 1e30) / scale))
    first = np.linspace(low, min(high, low + 2.5), 6)
    start = np.stack([evidence.start(t) for t in scale * np.sinh(first)])
    modes = evidence.modes(scale * np.sinh(first), start)
    grid, heights, found = first, modes.laplace(), modes.d
    while True:
        left, right, falling = _range(grid, heights, prior, scale, high)
        if falling or grid[-1] >= high:
            break
        if grid[-1] >= _FARTHEST:
            raise DataError(
                f"the posterior of τ is improper or nearly so: under the prior {prior.describe()} its density doesn't fall as "
                "τ grows, since there are too few studies; give a proper prior for τ"
            )
        more = np.unique(np.minimum(grid[-1] + np.array([0.5, 1.0, 1.5]), high))
        modes = evidence.modes(scale * np.sinh(more), np.repeat(found[-1:], len(more), axis=0))
        grid = np.concatenate([grid, more])
        heights = np.concatenate([heights, modes.laplace()])
        found = np.concatenate([found, modes.d])
    for count in _NODES:
        half = 0.5 * (right - left)
        x = 0.5 * (left + right) - half * np.cos(np.pi * np.arange(count) / (count - 1))
        tau = np.maximum(scale * np.sinh(x), max(prior.support[0], 0.0))
        evidence, modes = _located(evidence, tau, _between(x, grid, found), _log_prior(prior, x, scale))
        nodes = Nodes(tau, x, scale, half * _clenshaw_curtis(count), np.ones(count), modes, modes.laplace())
        posterior = _integrated(nodes, nodes.log_laplace, prior)
        nodes = replace(nodes, masses=_masses(nodes, nodes.log_laplace, prior))
        if node_error(nodes, posterior) < uneven:
            break
    return evidence, nodes


def between(nodes: Nodes, tau: FloatArray) -> FloatArray:
    """A matrix, shape (k, nodes), that takes values at the nodes to those at ``tau``, (k,), by cubic splines in x."""
    if len(nodes.tau) == 1:
        return np.ones((len(tau), 1))
    x = np.clip(np.arcsinh(tau / nodes.scale), nodes.x[0], nodes.x[-1])
    return np.asarray(CubicSpline(nodes.x, np.eye(len(nodes.x)), bc_type="natural")(x))


def node_error(nodes: Nodes, posterior: TauPosterior) -> float:
    """How far probabilities of basic parameters are off, summed over the nodes, where each is normal given τ."""
    rule = condense(posterior, _FINE)
    to_rule = between(nodes, rule.tau)
    mode, sd = nodes.modes.d, np.sqrt(np.linalg.inv(nodes.modes.precision).diagonal(axis1=1, axis2=2))
    centre = nodes.masses @ mode
    spread = np.sqrt(nodes.masses @ (sd**2 + (mode - centre) ** 2))
    points = centre + spread * np.array([-2.0, 0.0, 2.0])[:, None]
    coarse, fine = (
        np.tensordot(w, ndtr((points - m[:, None]) / s[:, None]), axes=1)
        for w, m, s in ((nodes.masses, mode, sd), (rule.weights, to_rule @ mode, np.exp(to_rule @ np.log(sd))))
    )
    return float(np.abs(coarse - fine).max())


def _located(
    evidence: AnyIntegrand, tau: FloatArray, start: FloatArray, measure: FloatArray
) -> tuple[AnyIntegrand, Modes]:
    """The modes at ``tau``, with the two-arm studies' curves extended to where the contrasts are if they must."""
    modes = evidence.modes(tau, start)
    height = modes.laplace() + measure
    if not modes.found[height > height.max() - _LIKELY].all():
        raise NotConverged(
            "the mode of the effects wasn't found for every τ that the posterior allows; give proper priors for the effects, "
            "or a prior for τ with a shorter tail"
        )
    reaching = evidence.reaching(tau, modes, height > height.max() - _DROP)
    if reaching is not evidence:
        evidence, modes = reaching, reaching.modes(tau, modes.d)
    return evidence, modes


def _between(x: FloatArray, grid: FloatArray, values: FloatArray) -> FloatArray:
    """Rows of ``values``, given at ``grid``, interpolated linearly at ``x``."""
    return np.stack([np.interp(x, grid, column) for column in values.T], axis=1)


def _log_prior(prior: Prior, x: FloatArray, scale: float) -> FloatArray:
    """The logarithm of the prior density of x = arsinh(τ/scale)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.asarray(prior.logpdf(scale * np.sinh(x)) + np.log(scale * np.cosh(x)))
    return np.where(np.isnan(log), -np.inf, log)


def _range(grid: FloatArray, heights: FloatArray, prior: Prior, scale: float, high: float) -> tuple[float, float, bool]:
    """Where x is, from exp(−drop) of its largest density on up to a negligible probability, and whether the grid reaches
    beyond that."""
    start, width = grid[0], grid[-1] - grid[0]
    fine = np.unique(np.concatenate([start + width * np.logspace(-6, 0, 200), np.linspace(start, grid[-1], 2001)]))
    with np.errstate(divide="ignore"):
        curve = PchipInterpolator(grid, heights)(fine) + _log_prior(prior, fine, scale)
    curve = np.where(np.isfinite(curve), curve, -np.inf)
    top = curve.max()
    if not np.isfinite(top):
        raise NotConverged("likelihood times prior is 0 wherever τ was tried; check the prior and the data")
    first = max(int(np.flatnonzero(curve > top - _DROP)[0]) - 1, 0)
    density = np.exp(curve - top)
    panels = 0.5 * np.diff(fine) * (density[1:] + density[:-1])
    # Beyond the grid it falls as a power of τ, exponentially in x.
    back = len(fine) - 20
    fall = (curve[back] - curve[-1]) / (fine[-1] - fine[back]) if np.isfinite(curve[-1]) else np.inf
    beyond = density[-1] / fall if fall > _SLOWEST else np.inf
    above = np.append(np.cumsum(panels[::-1])[::-1], 0.0) + beyond
    enough = np.flatnonzero(above < _BEYOND * panels.sum())
    last = int(enough[0]) if len(enough) else len(fine) - 1
    return float(fine[first]), min(float(fine[last]), high), len(enough) > 0


def _integrated(nodes: Nodes, log_integrals: FloatArray, prior: Prior) -> TauPosterior:
    """τ's posterior from the logarithm of the integral over d at the nodes, a polynomial in x between them."""
    curve = BarycentricInterpolator(nodes.x, log_integrals, rng=0)

    low, high = nodes.x[0], nodes.x[-1]
    # Straight on beyond the nodes: far out the likelihood is a power of τ, which is a straight line in x.
    step = 1e-3 * (high - low)
    start, after, before, end = curve(np.array([low, low + step, high - step, high])).tolist()
    rise, fall = max((after - start) / step, 0.0), min((end - before) / step, -1.0)

    def log_likelihood(tau: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            x = np.minimum(np.arcsinh(tau / nodes.scale), 700.0)
        beyond = fall * np.maximum(x - high, 0.0) - rise * np.maximum(low - x, 0.0)
        return np.asarray(curve(np.clip(x, low, high)) + beyond)

    return integrate_tau(log_likelihood, prior, nodes.scale, tolerance=1e-7)


def _masses(nodes: Nodes, log_integrals: FloatArray, prior: Prior) -> FloatArray:
    """The nodes' posterior masses by Clenshaw–Curtis, sum 1."""
    with np.errstate(divide="ignore"):
        log = np.log(nodes.lengths) + _log_prior(prior, nodes.x, nodes.scale) + log_integrals
    return np.asarray(np.exp(log - logsumexp(log)))


def _clenshaw_curtis(count: int) -> FloatArray:
    """The weights of the Chebyshev points of the second kind on −1 … 1."""
    n = count - 1
    even = np.arange(0, n + 1, 2)
    factors = np.where((even == 0) | (even == n), 0.5, 1.0) * 2.0 / (1.0 - even**2)
    weights = np.cos(np.outer(np.pi * np.arange(n + 1) / n, even)) @ factors * 2.0 / n
    weights[[0, -1]] *= 0.5
    return np.asarray(weights)


def draw(evidence: Integrand, nodes: Nodes, proposal: Proposal, power: int, seed: int, rough: bool = False) -> Weighted:
    """2^``power`` points in each of the replicates, weighted."""
    uniform = points(REPLICATES, power, evidence.dimension + 1, seed)
    replicate = np.repeat(np.arange(REPLICATES), uniform.shape[1])
    flat = uniform.reshape(-1, evidence.dimension + 1)
    node = np.minimum(np.searchsorted(np.cumsum(nodes.masses), flat[:, 0]), len(nodes.masses) - 1)
    d, density = proposal.place(normal_points(flat[:, 1:]), node)
    log = np.empty(len(d))
    surrogate = 0.0
    for j in np.unique(node).tolist():
        here = np.flatnonzero(node == j)
        with np.errstate(over="ignore", invalid="ignore"):
            log[here], off = evidence.values(d[here], float(nodes.tau[j]), rough)
        surrogate = max(surrogate, off)
    log += evidence.log_prior(d)
    # Heavy tails are tried so far out that integrals overflow, where the posterior is nothing.
    log = np.where(np.isfinite(log), log, -np.inf)
    # Against the node's Laplace approximation, so that all nodes' weights are near 1.
    ratio = log - density - nodes.log_laplace[node]
    weights, pareto = smooth_weights(ratio)
    log_mean = float(logsumexp(ratio) - np.log(len(ratio)))
    return Weighted(d, node, weights, replicate, log_mean, pareto, effective_size(weights), surrogate)


def corrected(nodes: Nodes, found: Weighted, prior: Prior) -> tuple[TauPosterior, Weighted]:
    """τ's posterior with each node's integral corrected by the weights, and the points reweighted to agree with it.

    The corrections are smoothed over x by a polynomial of degree 4 at most.
    """
    counts = np.bincount(found.node, minlength=len(nodes.tau)).astype(float)
    sums = np.bincount(found.node, weights=found.weights, minlength=len(nodes.tau))
    seen = (counts >= 8) & (sums > 0)
    log = np.log(sums[seen] / counts[seen] * len(found.weights)) + found.log_mean
    z = 2.0 * (nodes.x - nodes.x[0]) / (nodes.x[-1] - nodes.x[0]) - 1.0
    degree = min(4, int(seen.sum()) // 2)
    coefficients = np.polynomial.chebyshev.chebfit(z[seen], log, degree, w=np.sqrt(counts[seen]))
    inside = np.clip(z, z[seen].min(), z[seen].max())
    correction = np.polynomial.chebyshev.chebval(inside, coefficients)
    posterior = _integrated(nodes, nodes.log_laplace + correction, prior)
    wanted = _masses(nodes, nodes.log_laplace + correction, prior)
    factor = np.divide(wanted, sums, out=np.zeros_like(wanted), where=sums > 0)
    weights = found.weights * factor[found.node]
    return posterior, replace(found, weights=weights / weights.sum())
