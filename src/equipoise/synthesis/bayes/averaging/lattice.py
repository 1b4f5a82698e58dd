"""Integration over one to five parameters on a lattice of equal steps that adapts itself to the posterior.

The rule's error is the posterior's Fourier transform at the frequencies 2π/step (Poisson's summation formula). The
lattice itself gives the transform up to π/step, in each parameter and along the diagonals of each pair. It is extrapolated:
log-linearly in one and two dimensions, which is an upper bound for transforms that fall off at least exponentially, as
those of analytic densities do; with more, log-linearly in a power of the frequency that the transform itself shows, at
most 1.3 (2 would be a normal density). The other bound is how far the previous lattice, coarser in every parameter, was
off; the smaller of the two counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from equipoise.errors import NotConverged
from equipoise.synthesis.bayes.averaging.coordinates import Coordinate
from equipoise.synthesis.bayes.averaging.warp import Warped, unwarped, warp

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
LogDensity = Callable[[Sequence[FloatArray], IntArray], FloatArray]

TARGETS = {1: 1e-9, 2: 1e-8, 3: 1e-6, 4: 1e-5, 5: 5e-4}
"""The stated relative error of the evidence that is aimed at, by the number of parameters."""
DEPTHS = {1: 27.0, 2: 24.0, 3: 20.0, 4: 18.0, 5: 16.0}
"""How far, in logarithms, below its maximum the density is taken as 0."""
FINENESS = {1: 0.3, 2: 0.4, 3: 0.6, 4: 0.7, 5: 0.8}
"""The first step, in posterior standard deviations."""
COARSER = {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.3, 5: 1.7}
"""How many times longer than usual the steps of a first look are."""
_SHARES = np.array([0.45, 0.55, 0.85, 0.95])
"""The frequencies, as shares of the highest that the lattice shows, from which its error is extrapolated."""
_SAFETY = 10.0
"""What the extrapolated error is multiplied by."""
MOST_POWER = {1: 1.0, 2: 1.0, 3: 1.3, 4: 1.3, 5: 1.3}
"""The transform's logarithm is extrapolated as at most this power of the frequency; it would be 2 for a normal density."""
_MOST_NODES = 4_000_000
_MOST_PASSES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """The posterior on a lattice.

    ``nodes``: equal steps of u, one array a parameter; ``weights``: posterior masses, one axis a parameter, sum 1;
    ``log_evidence``: the logarithm of the integral; ``error``: the bound on its relative error.
    """

    coordinates: tuple[Warped, ...]
    nodes: tuple[FloatArray, ...]
    weights: FloatArray
    log_evidence: float
    error: float

    @property
    def places(self) -> list[FloatArray]:
        """The nodes in x."""
        return [c.bend(u) for c, u in zip(self.coordinates, self.nodes, strict=True)]

    def values(self, axis: int) -> FloatArray:
        """A parameter at its nodes."""
        return self.coordinates[axis].value(self.nodes[axis])

    def margin(self, axis: int) -> FloatArray:
        """The posterior masses of one parameter's nodes."""
        return np.asarray(self.weights.sum(axis=tuple(d for d in range(self.weights.ndim) if d != axis)))

    def finer(self, axis: int, times: int) -> Lattice:
        """With as many times more nodes of one parameter, masses by a cubic spline through their logarithms."""
        nodes = list(self.nodes)
        nodes[axis] = np.linspace(nodes[axis][0], nodes[axis][-1], times * (len(nodes[axis]) - 1) + 1)
        log = np.log(np.maximum(self.weights, 1e-20 * self.weights.max()))
        weights = np.exp(CubicSpline(self.nodes[axis], log, axis=axis)(nodes[axis]))
        return Lattice(self.coordinates, tuple(nodes), weights / weights.sum(), self.log_evidence, self.error)


def integrate(log_density: LogDensity, coordinates: Sequence[Coordinate]) -> Lattice:
    """The integral and the posterior of a density in x.

    ``log_density``: from arrays of x, one a parameter, to the logarithm of the density at the flat places on their
    lattice that it also gets (the slopes of the coordinates included).
    Raises ``NotConverged`` where the density vanishes everywhere it was looked at.
    """
    count = len(coordinates)
    if count == 0:
        return Lattice((), (), np.ones(()), float(log_density((), np.zeros(1, dtype=np.intp))[0]), 0.0)
    warps = [unwarped(c) for c in coordinates]
    ranges = [_whole_steps(low, high, step * COARSER[count]) for low, high, step in (c.start for c in coordinates)]
    fineness, depth = FINENESS[count], DEPTHS[count]
    kept = np.arange(int(np.prod([round((high - low) / step) + 1 for low, high, step in ranges])))
    before = float("inf")
    for attempt in range(_MOST_PASSES):
        nodes = [_nodes(low, high, step) for low, high, step in ranges]
        shape = tuple(len(u) for u in nodes)
        places = [w.bend(u) for w, u in zip(warps, nodes, strict=True)]
        log = log_density(places, kept) + _slopes(warps, nodes, kept)
        top = float(np.max(log))
        if not np.isfinite(top):
            raise NotConverged("likelihood times prior is 0 or infinite wherever it was tried; check priors and data")
        log -= top
        mass = np.exp(log)
        total = float(mass.sum())
        weights = np.zeros(shape)
        weights.ravel()[kept] = mass / total
        sums = _Sums(weights)
        margins = [sums.over((d,)) for d in range(count)]
        evidence = top + float(np.log(total) + np.sum(np.log([step for _, _, step in ranges])))
        aliasing, shrink = _aliasing(sums, TARGETS[count])
        # Another bound: how far the last lattice was off, all steps of which were longer.
        aliasing = min(aliasing, 5.0 * abs(evidence - before))
        # What was cut off is about as much as what lies just inside the cut.
        error = aliasing + float(mass[log < 2.0 - depth].sum()) / total
        looks = [
            _look(w, u, m, r, fineness, np.exp(-depth), last_bend=attempt > 2)
            for w, u, m, r in zip(warps, nodes, margins, ranges, strict=True)
        ]
        settled = all(look.settled for look in looks)
        if settled:
            if aliasing <= TARGETS[count]:
                break
            proposed = [
                _whole_steps(look.range[0], look.range[1], look.range[2] * float(factor))
                for look, factor in zip(looks, shrink, strict=True)
            ]
        else:
            proposed = [look.range for look in looks]
        size = float(np.prod([round((high - low) / step) + 1 for low, high, step in proposed]))
        if attempt == _MOST_PASSES - 1 or size > _MOST_NODES:
            break
        changed = [abs(np.log(new[2] / now[2])) > 0.1 for now, new in zip(ranges, proposed, strict=True)]
        before = evidence if all(changed) else float("inf")
        high = np.zeros(weights.size, dtype=bool)
        high[kept[log > -depth]] = True
        nearest = [
            np.searchsorted(0.5 * (x[1:] + x[:-1]), look.warp.bend(_nodes(*r)))
            for x, look, r in zip(places, looks, proposed, strict=True)
        ]
        kept = _neighbourhood(high, shape, nearest)
        warps = [look.warp for look in looks]
        ranges = proposed
    return Lattice(tuple(warps), tuple(nodes), weights, evidence, error if settled else 1.0)


def _slopes(warps: Sequence[Warped], nodes: Sequence[FloatArray], kept: IntArray) -> FloatArray:
    """The sum of the warps' log slopes at flat places: from a table for the first parameters and one for the others."""
    slopes = [w.log_bend_slope(u) for w, u in zip(warps, nodes, strict=True)]
    tables = []
    for part in (slopes[: len(slopes) // 2], slopes[len(slopes) // 2 :]):
        table = np.zeros(1)
        for slope in part:
            table = np.add.outer(table, slope).ravel()
        tables.append(table)
    row, column = np.divmod(kept, len(tables[1]))
    return np.asarray(tables[0][row] + tables[1][column])


class _Sums:
    """Masses on a lattice, summed over all parameters but some; sums that are there already are gone on from."""

    def __init__(self, masses: FloatArray) -> None:
        everything = tuple(range(masses.ndim))
        self.count = masses.ndim
        self._known = {everything: masses}

    def over(self, axes: tuple[int, ...]) -> FloatArray:
        """The masses by ``axes`` (ascending)."""
        if axes not in self._known:
            # One parameter more: the last that isn't among them.
            extra = max(d for d in range(self.count) if d not in axes)
            larger = tuple(sorted((*axes, extra)))
            self._known[axes] = self.over(larger).sum(axis=larger.index(extra))
        return self._known[axes]


def _neighbourhood(high: NDArray[np.bool_], shape: tuple[int, ...], nearest: Sequence[IntArray]) -> IntArray:
    """Flat places on a new lattice whose nearest old node is at, or next to, one where the density isn't negligible.

    ``high``: whether it isn't at the old nodes, flat; ``nearest``: of each new node, by axis.
    """
    stride = 1
    for size in shape[::-1]:
        # Shifted as a whole, the ends of a line reach into the next, which is harmless.
        wide = high.copy()
        wide[stride:] |= high[:-stride]
        wide[:-stride] |= high[stride:]
        high = wide
        stride *= size
    found = high.reshape(shape)
    for axis, index in enumerate(nearest):
        found = found.take(index, axis=axis)
    return np.flatnonzero(found)


class _Look(NamedTuple):
    """What one parameter's margin asks for."""

    warp: Warped
    range: tuple[float, float, float]
    settled: bool


def _look(
    now: Warped, u: FloatArray, margin: FloatArray, present: tuple[float, float, float], fineness: float,
    negligible: float, last_bend: bool,
) -> _Look:  # fmt: skip
    """The warp, range and step for the next pass, and whether the present ones will do."""
    low, high, step = present
    seen = np.flatnonzero(margin > negligible * margin.max())
    first, last = int(seen[0]), int(seen[-1])
    bottom, ceiling = now.bounds
    open_low = first == 0 and low > bottom + 1e-9
    open_high = last == len(u) - 1 and high < ceiling - 1e-9
    if open_low or open_high:
        reach = 0.5 * (high - low)
        low = max(bottom, low - reach) if open_low else low
        high = min(ceiling, high + reach) if open_high else high
        return _Look(now, _whole_steps(low, high, step), False)
    new_low, new_high = max(low, u[first] - step), min(high, u[last] + step)
    sd = float(np.sqrt(margin @ (u - margin @ u) ** 2))
    if sd < 0.6 * step:  # too coarse to say more than where to look
        return _Look(now, _whole_steps(new_low, new_high, step / 2.0), False)
    if step <= fineness * sd or (now.fitted and (last_bend or 0.5 < sd < 2.0)):
        return _Look(now, _whole_steps(new_low, new_high, step), True)
    better = warp(now.base, now.bend(u), margin)
    ends = better.unbend(now.bend(np.array([new_low, new_high])))
    # A little more, since the new margin may fall off more slowly.
    low, high = max(better.bounds[0], float(ends[0]) - fineness), min(better.bounds[1], float(ends[1]) + fineness)
    return _Look(better, _whole_steps(low, high, fineness), False)


def _whole_steps(low: float, high: float, step: float) -> tuple[float, float, float]:
    """The range with a step, no longer than ``step``, that divides it."""
    pieces = max(int(np.ceil((high - low) / max(step, (high - low) / 400.0) - 1e-9)), 4)
    return low, high, (high - low) / pieces


def _aliasing(sums: _Sums, target: float) -> tuple[float, FloatArray]:
    """The bound on the trapezoidal rule's relative error, and the factors on the steps that would bring it to target."""
    count = sums.count
    margins = [sums.over((d,)) for d in range(count)]
    waves = [np.exp(1j * np.pi * np.outer(_SHARES, np.arange(len(m)))) for m in margins]
    axes: list[tuple[int, ...]] = [(d,) for d in range(count)]
    found = [np.abs(wave @ m) for wave, m in zip(waves, margins, strict=True)]
    for a, b in combinations(range(count), 2):
        half = waves[a] @ sums.over((a, b))
        # Near its end the steeper diagonal only shows the image of the other one: the larger counts, for both.
        one, other = np.abs((half * waves[b]).sum(axis=1)), np.abs((half * waves[b].conj()).sum(axis=1))
        axes.append((a, b))
        found.append(np.maximum(one, other))
    # (lines, shares)
    log = np.minimum(np.log(np.maximum(found, 1e-15)), -1e-6)
    high, low = _SHARES[2:], _SHARES[:2]
    # From two pairs of frequencies, lest one of them is near a zero of the transform.
    last = log[:, 2:]
    slope = np.minimum((last - log[:, :2]) / (high - low), -0.1)
    power = np.clip(np.log(last / log[:, :2]) / np.log(high / low), 1.0, MOST_POWER[count])
    # A transform that falls off ever more slowly goes on with its last slope.
    slow = slope * high > last
    extrapolated = np.where(slow, last + slope * (2.0 - high), last * (2.0 / high) ** power)
    lines = np.array([len(parameters) for parameters in axes])
    total = _SAFETY * float(lines @ np.exp(extrapolated.max(axis=1)))
    goal = np.log(target / (_SAFETY * lines.sum()))
    needed = np.where(slow, high + (goal - last) / slope, high * (goal / last) ** (1.0 / power)).max(axis=1)
    factors = np.clip(2.0 / np.maximum(needed, 2.0), 0.75, 0.9 if count < 4 else 1.0)
    shrink = np.array([min(f for f, among in zip(factors, axes, strict=True) if d in among) for d in range(count)])
    return total, shrink


def _nodes(low: float, high: float, step: float) -> FloatArray:
    return np.asarray(low + step * np.arange(round((high - low) / step) + 1), dtype=np.float64)
