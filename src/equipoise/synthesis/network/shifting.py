"""A variance of its own for each study in turn: τ², the study's ω and the likelihood, all studies at once.

With a study's own block of P and its own entries of Py at τ² (see `projection`), the restricted likelihood for any ω
is a closed form, and so is its slope in τ²: every study's maximum is found on interpolants that all studies share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray, Rotated
from equipoise.synthesis.network.gls import System, solve
from equipoise.synthesis.network.heterogeneity import estimate_tau2, search_limit
from equipoise.synthesis.network.interpolation import chebyshev_points, interpolation_weights, share_points
from equipoise.synthesis.network.projection import Projection, own_blocks, projection
from equipoise.synthesis.network.subsets import take

NEGLIGIBLE = 1e-10
"""A smaller rise of the likelihood is rounding."""

NEAR = 1.3
"""τ² with a study's own variance is first sought within this factor of τ² without."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """Each study's own variance, in the order of the system's blocks: shape (k,), ``potentials`` (k, n).

    ``tau2``: the other studies' heterogeneity; ``omega``: the study's additional variance; ``gain``: the rise of the
    restricted log likelihood; ``potentials``: the effects then, up to a constant.
    """

    tau2: FloatArray
    omega: FloatArray
    gain: FloatArray
    potentials: FloatArray


def shift_each(system: System) -> Shifted:
    """The shift-variance model of every study of one connected network, by restricted maximum likelihood."""
    path = _Path(system)
    null = estimate_tau2(system, "REML") if system.df > 0 else 0.0
    height = path.at(null).height(True)
    grid = np.concatenate([[0.0], search_limit(system, 0.0) * np.logspace(-7, 0, 29)])
    parts = [_shift(path, block, null, height, grid) for block in system.rotated]
    return Shifted(*(np.concatenate([getattr(p, name) for p in parts]) for name in Shifted.__slots__))


class _Path:
    """P of a system at every τ² that was asked for."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.smallest = min(float(block.variances.min()) for block in system.rotated)
        self.known: dict[float, Projection] = {}

    def at(self, tau2: float) -> Projection:
        if tau2 not in self.known:
            self.known[tau2] = projection(self.system, solve(self.system, tau2))
        return self.known[tau2]

    def pieces(self, block: Rotated, points: FloatArray) -> _Pieces:
        """The likelihood of the block's studies at all points."""
        wholes = [self.at(t) for t in points.tolist()]
        own = [own_blocks(block, whole) for whole in wholes]
        return _Pieces(
            np.array([w.height(True) for w in wholes]),
            np.array([w.slope(True) for w in wholes]),
            *(np.stack([getattr(o, name) for o in own], axis=1) for name in ("within", "scores", "squared", "twice")),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """What the likelihood of k studies with r rows each is made of, at t values of τ².

    ``height``, ``slope``: of the whole without ω, shape (t,); ``within``, ``scores``, ``squared``, ``twice``: the
    studies' own (see `Own`), shape (k, t, r, r) or (k, t, r).
    """

    height: FloatArray
    slope: FloatArray
    within: FloatArray
    scores: FloatArray
    squared: FloatArray
    twice: FloatArray

    def take(self, studies: IntArray) -> _Pieces:
        """Some of the studies."""
        own = (getattr(self, name)[studies] for name in ("within", "scores", "squared", "twice"))
        return _Pieces(self.height, self.slope, *own)

    def between(self, counts: FloatArray) -> _Own:
        """At one τ² for each study, ``counts`` being the weights of the points there, shape (k, t)."""
        own = (np.matmul(counts[:, None, :], x.reshape(*x.shape[:2], -1))[:, 0].reshape(x.shape[0], *x.shape[2:])
               for x in (self.within, self.scores, self.squared, self.twice))  # fmt: skip
        return _Own(counts @ self.height, counts @ self.slope, *own)

    def each(self, point: int) -> _Own:
        """At one of the points."""
        k = len(self.scores)
        own = (x[:, point] for x in (self.within, self.scores, self.squared, self.twice))
        return _Own(np.full(k, self.height[point]), np.full(k, self.slope[point]), *own)


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """The same at one τ² a study."""

    height: FloatArray
    slope: FloatArray
    within: FloatArray
    scores: FloatArray
    squared: FloatArray
    twice: FloatArray

    def best(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The best ω, the likelihood with it, and its slope in τ²; shape (k,) each."""
        values, vectors = np.linalg.eigh(self.within)
        turned = np.matmul(vectors.transpose(0, 2, 1), self.scores[:, :, None])[:, :, 0]
        largest = np.abs(self.squared).max(axis=(1, 2))
        tiny = values <= 1e-9 * np.sqrt(largest)[:, None]
        values, turned = np.where(tiny, 0.0, values), np.where(tiny, 0.0, turned)
        omega = _best_omega(values, turned)
        shrunk = vectors / (1.0 + omega[:, None] * values)[:, None, :]
        inflated = np.matmul(shrunk, vectors.transpose(0, 2, 1))
        pulled = omega[:, None] * np.matmul(inflated, self.scores[:, :, None])[:, :, 0]
        slope = self.slope + 0.5 * (
            omega * np.einsum("krs,ksr->k", inflated, self.squared)
            - 2.0 * (self.twice * pulled).sum(axis=1)
            + np.einsum("kr,krs,ks->k", pulled, self.squared, pulled)
        )
        return omega, self.height + _gain(omega[:, None], values, turned), slope


def _shift(path: _Path, block: Rotated, null: float, height: float, grid: FloatArray) -> Shifted:
    """All studies of one block; ``height``: the likelihood at ``null``, the best τ² without ω."""
    k = len(block.studies)
    tau2, omega, gain = np.full(k, null), np.zeros(k), np.zeros(k)
    potentials = np.tile(path.at(null).solution.potentials, (k, 1))
    found = [path.pieces(block, np.array([t])).each(0).best() for t in [null, *grid.tolist()]]
    heights = np.array([h for _, h, _ in found[1:]])
    sought = np.flatnonzero((found[0][1] > height) | (heights.max(axis=0) > height))
    if len(sought):
        falling = found[1][2][sought] <= 0
        best, own, top = _search(path, take(block, sought), null, grid, heights[:, sought].argmax(axis=0), falling)
        better = top - height > NEGLIGIBLE
        chosen = sought[better]
        tau2[chosen], omega[chosen], gain[chosen] = best[better], own[better], top[better] - height
        potentials[chosen] = _downweighted(path, take(block, chosen), tau2[chosen], omega[chosen])
    return Shifted(tau2, omega, gain, potentials)


def _search(
    path: _Path, block: Rotated, null: float, grid: FloatArray, at: IntArray, falling: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The best τ², ω and likelihood of each study of the block.

    ``at``: each study's highest point of the grid; ``falling``: whether its likelihood falls from τ² = 0 on.
    """
    k = len(at)
    tau2, omega, top = (np.zeros(k) for _ in range(3))
    left = np.ones(k, dtype=bool)

    def enter(members: IntArray, own: _Own, places: FloatArray) -> None:
        tau2[members], left[members] = places, False
        omega[members], top[members], _ = own.best()

    none = np.flatnonzero((at == 0) & falling)
    if len(none):
        enter(none, path.pieces(take(block, none), np.zeros(1)).each(0), np.zeros(len(none)))
    near = int(np.searchsorted(grid, null))
    brackets = [(null / NEAR, null * NEAR, (at == near) | (at == near - 1))] if null > 0 else []
    last = len(grid) - 1
    brackets += [
        (float(grid[max(a - 1, 0)]), float(grid[min(a + 1, last)]), at == a) for a in np.unique(at[left]).tolist()
    ]
    for low, high, inside in brackets:
        members = np.flatnonzero(left & inside)
        points = chebyshev_points(low, high, path.smallest)
        if not len(members) or points is None:
            continue
        pieces = path.pieces(take(block, members), points)
        turning = np.flatnonzero((pieces.each(0).best()[2] > 0) & (pieces.each(len(points) - 1).best()[2] < 0))
        if len(turning):
            pieces = pieces.take(turning)
            lower, upper = np.full(len(turning), low), np.full(len(turning), high)
            for _ in range(48):
                middle = (lower + upper) / 2.0
                rising = pieces.between(interpolation_weights(points, middle)).best()[2] > 0
                lower, upper = np.where(rising, middle, lower), np.where(rising, upper, middle)
            middle = (lower + upper) / 2.0
            enter(members[turning], pieces.between(interpolation_weights(points, middle)), middle)
    for member in np.flatnonzero(left).tolist():
        one = take(block, np.array([member]))
        place = _maximum(path, one, float(grid[max(at[member] - 1, 0)]), float(grid[min(at[member] + 1, last)]))
        enter(np.array([member]), path.pieces(one, np.array([place])).each(0), np.array([place]))
    return tau2, omega, top


def _maximum(path: _Path, one: Rotated, low: float, high: float) -> float:
    """The τ² between ``low`` and ``high`` at which the likelihood of a single study is highest."""

    def lack(tau2: float) -> float:
        return -float(path.pieces(one, np.array([float(tau2)])).each(0).best()[1][0])

    found = minimize_scalar(lack, bounds=(low, high), method="bounded", options={"xatol": 1e-10 * high})
    return low if lack(low) <= float(found.fun) else float(found.x)


def _downweighted(path: _Path, block: Rotated, tau2: FloatArray, omega: FloatArray) -> FloatArray:
    """The effects with each study's variance raised by its ω at its τ², shape (k, n)."""
    effects = np.zeros((len(tau2), path.system.size))
    for members, points in share_points(tau2, path.smallest):
        chosen, own_omega = take(block, members), omega[members]
        for point, counts in zip(points.tolist(), interpolation_weights(points, tau2[members]).T, strict=True):
            whole = path.at(point)
            own = own_blocks(chosen, whole)
            inflated = np.eye(own.scores.shape[1]) + own_omega[:, None, None] * own.within
            pulled = own_omega[:, None] * np.linalg.solve(inflated, own.scores[:, :, None])[:, :, 0]
            towards = np.matmul((own.weights * pulled)[:, None, :], chosen.coefficients)
            across = np.matmul(towards, whole.solution.inverse[chosen.arms])[:, 0]
            effects[members] += counts[:, None] * (whole.solution.potentials - across)
    return effects


def _gain(omega: FloatArray, values: FloatArray, scores: FloatArray) -> FloatArray:
    """The rise of the restricted log likelihood, −½Σ[log(1+ωλ) − ωg²/(1+ωλ)], for ω broadcast against (…, r)."""
    inflated = 1 + omega * values
    gain: FloatArray = -0.5 * (np.log(inflated) - omega * scores**2 / inflated).sum(axis=-1)
    return gain


def _best_omega(values: FloatArray, scores: FloatArray) -> FloatArray:
    """The ω ≥ 0 of the highest rise for each study, shape (k,), from a grid, then by bisection of the derivative."""
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(values > 0, (scores**2 / values - 1) / values, 0.0)
    top = np.maximum(alone.max(axis=1), 0.0)
    if values.shape[1] == 1:
        return np.asarray(top)
    grid = np.concatenate([[0.0], np.logspace(-4, 0, 33)])[:, None] * top[None, :]
    heights = _gain(grid[:, :, None], values, scores)
    at = heights.argmax(axis=0)
    k = np.arange(len(top))
    low, high = grid[np.maximum(at - 1, 0), k], grid[np.minimum(at + 1, len(grid) - 1), k]
    for _ in range(60):  # bisection on the derivative, which falls through 0 between the neighbours of the maximum
        middle = (low + high) / 2
        inflated = 1 + middle[:, None] * values
        slope = (scores**2 / inflated**2 - values / inflated).sum(axis=1)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    best: FloatArray = np.where(at == 0, np.where(high < 1e-12 * top, 0.0, high), (low + high) / 2)
    return best
