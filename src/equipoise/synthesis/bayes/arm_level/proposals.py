"""Distributions of d from which points are taken: at every node of τ normal, or normal but for some skew directions.

d = mode + root·y with y = centre + shape·w. Of the standard normal z the proposal takes w = z; where a treatment has no
events (or nothing else) and the priors are wide, differences of effects have one steep side and one long one: those come
first, each w_k a monotone function of z_k, so that the others are normal given them (a triangular transport; Marzouk,
Moselhy, Parno & Spantini 2016, in Handbook of Uncertainty Quantification).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, CubicHermiteSpline
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtri

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.evidence import Modes
from equipoise.synthesis.bayes.arm_level.importance import Weighted
from equipoise.synthesis.bayes.priors import Prior, Student

_GROWN = 1.5
"""How many times as large as the proposal's the points' variance may be."""
_LONG_TAIL = 0.4
"""The k̂ from which the proposal is widened."""
_LOG_2PI = float(np.log(2.0 * np.pi))
_BENT = 0.01, 0.004
"""From which share of a direction's variance that isn't normal on it is skew: the first, and others once there is one."""
_SOME = 8_192
"""Points that tell skew directions."""
_MOST = 8
"""The largest number of skew directions."""
_END = 7.3
_STEP = 0.1
_KNOTS = 0.35
_OUTER = 30.0
"""How many effective points lie beyond the part that is fitted."""
_FLATTEST = 0.03
"""The least slope of a skew direction's function, as a part of its mean one."""
_HEAVIEST = 4.0
_FAR = 2.6
"""The normal score beyond which values count as tails."""
_MOST_GROWTH = 14.0
_SMOOTH = 1e-5
"""The penalty of third differences, which keeps the function steady where points are few."""


@dataclass(frozen=True, slots=True, eq=False)
class Skew:
    """A monotone function of a standard normal variable."""

    curve: CubicHermiteSpline

    def __call__(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Its value and the logarithm of its slope."""
        return np.asarray(self.curve(z)), np.log(self.curve(z, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """One distribution a node; ``modes``: shape (j, p), ``roots``: (j, p, p), ``skew``: of the first coordinates;
    ``heavy``: 1/degrees of freedom of the priors' tails; ``basis``: (p, p), rows whose directions y follows, None for d's.
    """

    modes: FloatArray
    roots: FloatArray
    centre: FloatArray
    shape: FloatArray
    skew: tuple[Skew, ...] = ()
    heavy: float = 0.0
    basis: FloatArray | None = None

    def at(self, modes: Modes) -> Proposal:
        """The same in shape, at other nodes."""
        return replace(self, modes=modes.d, roots=_roots(modes, self.basis))

    def place(self, z: FloatArray, node: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """d at standard normal ``z`` and the logarithm of the density there."""
        density = -0.5 * (z * z).sum(axis=1) - 0.5 * z.shape[1] * _LOG_2PI
        w = z.copy() if self.skew else z
        for k, skew in enumerate(self.skew):
            w[:, k], slope = skew(z[:, k])
            density -= slope
        whitened = self.centre + w @ self.shape.T
        d = np.empty_like(z)
        for j in np.unique(node).tolist():
            here = node == j
            d[here] = self.modes[j] + whitened[here] @ self.roots[j].T
        return d, density - np.linalg.slogdet(self.roots)[1][node] - np.linalg.slogdet(self.shape)[1]

    def whiten(self, d: FloatArray, node: NDArray[np.intp]) -> FloatArray:
        """y of ``d``."""
        y = np.empty_like(d)
        for j in np.unique(node).tolist():
            here = node == j
            y[here] = np.linalg.solve(self.roots[j], (d[here] - self.modes[j]).T).T
        return y


def first_proposal(modes: Modes) -> Proposal:
    """By mode and curvature."""
    p = modes.d.shape[1]
    return Proposal(modes.d, _roots(modes, None), np.zeros(p), np.eye(p))


def _roots(modes: Modes, basis: FloatArray | None) -> FloatArray:
    """Roots of the covariances, so that the first k rows of ``basis`` take the first k elements of y alone."""
    if basis is None:
        return np.linalg.cholesky(np.linalg.inv(modes.precision))
    # From the precisions: rounding leaves rotated covariances indefinite where parameters' scales are far apart.
    inverse = np.linalg.inv(basis)
    turned = inverse.T @ modes.precision @ inverse
    lower = np.linalg.cholesky(turned[:, ::-1, ::-1])[:, ::-1, ::-1]
    return np.asarray(inverse @ np.linalg.inv(lower).swapaxes(1, 2))


def adapted(proposal: Proposal, found: Weighted) -> tuple[Proposal, bool]:
    """The proposal with the mean, covariance and skew directions of weighted points, and whether it had the first two
    before, about.

    Wider where the weights have a long tail: the posterior's tails are then longer than the proposal's.
    """
    skew = len(proposal.skew)
    weights = _held(found.weights) if skew else found.weights
    y = proposal.whiten(found.d, found.node)
    whitened = np.concatenate([_without_tails(y[:, :skew], weights), y[:, skew:]], axis=1)
    centre = weights @ whitened
    off = whitened - centre
    covariance = (off * weights[:, None]).T @ off
    moved = np.linalg.solve(proposal.shape, centre - proposal.centre)
    grown = np.linalg.solve(proposal.shape, np.linalg.solve(proposal.shape, covariance).T)
    settled = bool(np.abs(moved).max() < 0.5 and np.linalg.eigvalsh(grown).max() < _GROWN)
    covariance = covariance + 1e-6 * np.trace(covariance) / len(centre) * np.eye(len(centre))
    shape = np.asarray(np.linalg.cholesky(covariance), dtype=float)
    if not skew:
        wider = 1.0 + 0.25 / np.sqrt(len(centre)) if found.pareto > _LONG_TAIL else 1.0
        return replace(proposal, centre=centre, shape=wider * shape), settled
    w = np.linalg.solve(shape, (y - centre).T)
    functions = tuple(fitted(w[k], weights, proposal.heavy) for k in range(skew))
    return replace(proposal, centre=centre, shape=shape, skew=functions), settled


def skewed(modes: Modes, found: Weighted, priors: Sequence[Prior]) -> Proposal | None:
    """A proposal with the skew directions that weighted points show; None where they show none.

    ``priors``: of the effects, the first parameters.
    """
    some = slice(_SOME)
    directions = _directions(modes, found.d[some], found.node[some], _held(found.weights[some]), len(priors))
    if not len(directions):
        return None
    rest = np.linalg.svd(directions)[2][len(directions) :]
    basis = np.concatenate([directions, rest])
    unit = Skew(CubicHermiteSpline([-1.0, 1.0], [-1.0, 1.0], [1.0, 1.0]))
    p = len(basis)
    heavy = max(1.0 / prior.df if isinstance(prior, Student) else 0.0 for prior in priors)
    roots = _roots(modes, basis)
    turned = Proposal(modes.d, roots, np.zeros(p), np.eye(p), (unit,) * len(directions), heavy, basis)
    return adapted(turned, found)[0]


def _held(weights: FloatArray) -> FloatArray:
    """The weights without the excess of the largest, so that single points don't make the proposal (Ionides 2008, J Comput
    Graph Stat 17:295)."""
    held = np.minimum(weights, weights.sum() / np.sqrt(len(weights)))
    return np.asarray(held / held.sum())


def _without_tails(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The values, (points, q), with those far out drawn in: heavy tails have no variance."""
    drawn = values.copy()
    for column in drawn.T:
        ordered, _, z = _scores(column, weights)
        np.clip(column, *np.interp([-_FAR, _FAR], z, ordered), out=column)
    return drawn


def _directions(modes: Modes, d: FloatArray, node: NDArray[np.intp], weights: FloatArray, effects: int) -> FloatArray:
    """Differences of effects, and other parameters, that are far from normal given τ and those before, shape (at most 8,
    parameters)."""
    p = d.shape[1]
    first, second = np.triu_indices(effects + 1, 1)
    each = np.concatenate([np.eye(effects, p), np.zeros((1, p))])
    pairs = np.concatenate([each[first] - each[second], np.eye(p)[effects:]])
    spread = np.sqrt(np.einsum("qp,jpr,qr->jq", pairs, np.linalg.inv(modes.precision), pairs))
    values = ((d - modes.d[node]) @ pairs.T) / spread[node]
    values = _without_tails(values, weights)
    values -= weights @ values
    values /= np.sqrt(weights @ values**2)
    found: list[int] = []
    while len(found) < min(_MOST, p):
        scale = np.sqrt(weights @ values**2)
        # What is nearly a combination of those before has nothing of its own.
        left = pairs - pairs @ np.linalg.pinv(pairs[found]) @ pairs[found] if found else pairs
        own = np.flatnonzero((scale > 0.1) & (np.abs(left).max(axis=1) > 1e-6))
        bent = np.array([_bent(values[:, q] / scale[q], weights) for q in own.tolist()])
        if not len(own) or bent.max() < _BENT[bool(found)]:
            break
        best = int(own[np.argmax(bent)])
        found.append(best)
        chosen = values[:, best].copy()
        values -= np.outer(chosen, (weights * chosen) @ values / scale[best] ** 2)
    return np.asarray(pairs[found])


def _scores(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The values in ascending order, their weights and normal scores."""
    order = np.argsort(values)
    w = weights[order]
    return values[order], w, ndtri(np.clip(np.cumsum(w) - 0.5 * w, 1e-12, 1.0 - 1e-12))


def _bent(values: FloatArray, weights: FloatArray) -> float:
    """The share of the variance of standardised values that isn't linear in their normal scores (Shapiro & Francia)."""
    ordered, w, z = _scores(values, weights)
    return float(1.0 - ((w * z) @ ordered) ** 2 / ((w * z) @ z))


def fitted(values: FloatArray, weights: FloatArray, heavy: float) -> Skew:
    """The function that takes a standard normal variable to the distribution of weighted, standardised values."""
    ordered, w, z = _scores(values, weights)
    end = float(-ndtri(min(_OUTER * float(weights @ weights), 0.1)))
    inner = np.linspace(-end, end, int(np.ceil(2.0 * end / _KNOTS)) + 1)
    knots = np.concatenate([np.full(3, -end), inner, np.full(3, end)])
    inside = np.abs(z) <= end
    design = BSpline.design_matrix(z[inside], knots, 3).toarray()
    rough = np.diff(np.eye(design.shape[1]), 3, axis=0)
    weighted = design * w[inside, None]
    target = weighted.T @ np.arcsinh(ordered[inside])
    level = np.linalg.solve(weighted.T @ design + _SMOOTH * rough.T @ rough, target)
    # A spline whose coefficients ascend does so itself. Its hyperbolic sine is what is sought: tails may be long.
    rises = np.maximum(np.diff(level), max(_FLATTEST * (level[-1] - level[0]) / len(level), 1e-6))
    middle = len(level) // 2
    level = level[middle] + np.cumsum(np.append(0.0, rises)) - rises[:middle].sum()
    spline = BSpline(knots, level, 3)
    grid = _STEP * np.arange(-round(_END / _STEP), round(_END / _STEP) + 1)
    near = np.clip(grid, -end, end)
    slope = gaussian_filter1d(np.log(spline(near, 1)) + np.log(np.cosh(spline(near))), 1.0)
    for side in (-1.0, 1.0):
        # As far out as the slope is known it may grow: as exp(z²/2ν) where the tail is a Student distribution's.
        place, back = side * (end - 0.25), side * (end - 1.25)
        start, before = np.interp([place, back], grid, slope)
        growth = float(np.clip(start - before, max(0.1, heavy * end), _HEAVIEST))
        beyond = np.maximum(side * (grid - place), 0.0)
        more = np.minimum(growth * beyond + 0.5 * growth / abs(place) * beyond**2, _MOST_GROWTH)
        slope = np.where(beyond > 0, start + more, slope)
    slope = np.exp(slope)
    panels, middle = 0.5 * _STEP * (slope[1:] + slope[:-1]), len(grid) // 2
    below, above = np.cumsum(panels[:middle][::-1])[::-1], np.cumsum(panels[middle:])
    rise = np.concatenate([-below, [0.0], above])
    return Skew(CubicHermiteSpline(grid, np.sinh(float(spline(0.0))) + rise, slope))
