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
LogDensity = Callable[[Sequence[FloatArray], Sequence[FloatArray], IntArray], FloatArray]

TARGETS = {1: 1e-9, 2: 3e-9, 3: 2e-7, 4: 1e-5, 5: 2e-4}
"""The stated relative error of the evidence that is aimed at, by the number of parameters."""
DEPTHS = {1: 27.0, 2: 26.0, 3: 21.0, 4: 18.0, 5: 16.5}
"""How far, in logarithms, below its maximum the density is taken as 0."""
FINENESS = {1: 0.3, 2: 0.38, 3: 0.52, 4: 0.54, 5: 0.62}
"""The first step, in posterior standard deviations."""
COARSER = {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.3, 5: 1.7}
"""How many times longer than usual the steps of a first look are."""
FIRST = {1: 0.3, 2: 0.35, 3: 0.5, 4: 1.3, 5: 1.4}
"""The step of a first look where it is known about where the posterior lies, in standard deviations of that."""
_SHARES = np.array([0.45, 0.55, 0.85, 0.95])
"""The frequencies, as shares of the highest that the lattice shows, from which its error is extrapolated."""
_SAFETY = 10.0
"""What the extrapolated error is multiplied by."""
MOST_POWER = {1: 1.0, 2: 1.0, 3: 1.15, 4: 1.3, 5: 1.3}
"""The transform's logarithm is extrapolated as at most this power of the frequency; it would be 2 for a normal density."""
_BEYOND = 0.1
"""How much farther at each end than a similar posterior's region the first look reaches, as a share of that."""
_FAR_OFF = 1e-3
"""The share of a margin's maximum at an end that tells that the posterior is somewhere else."""
_CENTRAL = 6.0
"""How far, in logarithms, below its maximum a posterior's curvature is looked at."""
_STEEPEST = 6.0
"""How much the logarithm may fall from one node to the next."""
_UNSEEN = 3.0
"""How far below what is looked at nodes that were left out are taken to lie, in logarithms."""
_FEW = 25_000
"""Nodes that are fewer than this are all looked at."""
_MOST_NODES = 8_000_000
_MOST_PASSES = 12


@dataclass(frozen=True, slots=True)
class Region:
    """Where a parameter's posterior lies: from ``low`` to ``high`` in the u of ``warp``."""

    warp: Warped
    low: float
    high: float


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

    @property
    def regions(self) -> list[Region]:
        """Where each parameter's posterior lies, as far out as one of a parameter more would be looked at."""
        negligible = float(np.exp(-DEPTHS[min(len(self.nodes) + 1, max(DEPTHS))]))
        parts = [
            (c, u, self.margin(axis)) for axis, (c, u) in enumerate(zip(self.coordinates, self.nodes, strict=True))
        ]
        return [Region(c, *_ends(u, margin, negligible)) for c, u, margin in parts]

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


def integrate(
    log_density: LogDensity, coordinates: Sequence[Coordinate], regions: Sequence[Region | None] = ()
) -> Lattice:
    """The integral and the posterior of a density in x.

    ``log_density``: from arrays of x, one a parameter, and from what is to be added at them, to the logarithm of the
    density at flat places, ascending, on their lattice (the slopes of the coordinates included). ``regions``: about where to look, as a similar
    posterior has it; by default everywhere.
    Raises ``NotConverged`` where the density vanishes everywhere it was looked at.
    """
    count = len(coordinates)
    if count == 0:
        return Lattice((), (), np.ones(()), float(log_density((), (), np.zeros(1, dtype=np.intp))[0]), 0.0)
    warps, ranges = _first_look(coordinates, regions or [None] * count)
    fineness, depth = FINENESS[count], DEPTHS[count]
    kept = np.arange(int(np.prod([round((high - low) / step) + 1 for low, high, step in ranges])))
    before = float("inf")
    for attempt in range(_MOST_PASSES):
        nodes = [_nodes(low, high, step) for low, high, step in ranges]
        shape = tuple(len(u) for u in nodes)
        places = [w.bend(u) for w, u in zip(warps, nodes, strict=True)]
        log = log_density(places, [w.log_bend_slope(u) for w, u in zip(warps, nodes, strict=True)], kept)
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
        looks = [
            _look(w, u, m, r, fineness, np.exp(-depth), COARSER[count], last_bend=attempt > 2)
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
        wanted = [look.warp.bend(_nodes(*r)) for look, r in zip(looks, proposed, strict=True)]
        kept = _promising(kept, log, places, wanted, depth)
        warps = [look.warp for look in looks]
        ranges = proposed
    # What was cut off is about as much as what lies just inside the cut.
    cut = max(float(mass[log < 2.0 - depth].sum()), float(mass[_border(kept, shape)].sum())) / total
    return Lattice(tuple(warps), tuple(nodes), weights, evidence, aliasing + cut if settled else 1.0)


def _first_look(
    coordinates: Sequence[Coordinate], regions: Sequence[Region | None]
) -> tuple[list[Warped], list[tuple[float, float, float]]]:
    """The warps, ranges and steps to begin with."""
    count = len(coordinates)
    warps, ranges = [], []
    for coordinate, region in zip(coordinates, regions, strict=True):
        if region is None:
            everywhere = _everywhere(coordinate, COARSER[count])
            warps.append(everywhere[0])
            ranges.append(everywhere[1])
        else:
            bottom, ceiling = region.warp.bounds
            warps.append(region.warp)
            beyond = _BEYOND * (region.high - region.low)
            low, high = max(bottom, region.low - beyond), min(ceiling, region.high + beyond)
            ranges.append(_whole_steps(low, high, FIRST[count]))
    return warps, ranges


def _everywhere(coordinate: Coordinate, coarser: float) -> tuple[Warped, tuple[float, float, float]]:
    low, high, step = coordinate.start
    return unwarped(coordinate), _whole_steps(low, high, step * coarser)


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


def _border(kept: IntArray, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of the flat places ``kept`` are next to one that isn't, or at an end."""
    inside = np.zeros(shape, dtype=bool)
    flat = inside.ravel()
    flat[kept] = True
    middle = np.zeros(shape, dtype=bool)
    middle[tuple(slice(1, -1) for _ in shape)] = True
    deep, stride = middle.ravel()[kept], 1
    for size in shape[::-1]:
        deep &= flat.take(kept - stride, mode="clip") & flat.take(kept + stride, mode="clip")
        stride *= size
    return ~deep


def _promising(
    kept: IntArray, log: FloatArray, places: Sequence[FloatArray], wanted: Sequence[FloatArray], depth: float
) -> IntArray:
    """Flat places on a new lattice where the density won't be negligible, by straight lines between the old nodes.

    ``log``: the logarithm of the density at the flat places ``kept`` of the old one.
    """
    size = int(np.prod([len(x) for x in wanted]))
    if size < _FEW:
        return np.arange(size)
    shape = tuple(len(x) for x in places)
    table = np.full(int(np.prod(shape)), -np.inf, dtype=np.float32)
    table[kept] = log
    # Concave logarithms lie above the lines: by up to an eighth of their second differences.
    lowest = -depth - _dents(table, shape, kept[log > -_CENTRAL])
    # Nodes that were left out might have been just below.
    np.maximum(table, lowest - _UNSEEN, out=table)
    # Where the density breaks off, or was cut off, there may be more of it between the nodes.
    stride = 1
    for size in shape[::-1]:
        # Shifted as a whole, the ends of a line reach into the next, which is harmless.
        before = table[:-stride] - _STEEPEST
        np.maximum(table[:-stride], table[stride:] - _STEEPEST, out=table[:-stride])
        np.maximum(table[stride:], before, out=table[stride:])
        stride *= size
    found = table.reshape(shape)
    # From the last on: while the array is small its lines are short.
    for axis in reversed(range(len(shape))):
        x, new = places[axis], wanted[axis]
        left = np.clip(np.searchsorted(x, new) - 1, 0, len(x) - 2)
        part = np.clip((new - x[left]) / (x[left + 1] - x[left]), 0.0, 1.0).astype(np.float32)
        rise = found.take(left + 1, axis=axis)
        found = found.take(left, axis=axis)
        rise -= found
        rise *= part.reshape(-1, *(1,) * (len(shape) - 1 - axis))
        found += rise
    return np.flatnonzero(found > lowest)


def _dents(table: NDArray[np.float32], shape: tuple[int, ...], centre: IntArray) -> float:
    """How far straight lines between nodes lie below a concave logarithm, at most, all parameters together.

    ``centre``: the flat places at which its second differences are looked at.
    """
    total, stride = 0.0, 1
    for size in shape[::-1]:
        place = centre // stride % size
        inner = centre[(place > 0) & (place < size - 1)]
        bends = 2.0 * table[inner] - table[inner - stride] - table[inner + stride]
        bends = bends[np.isfinite(bends)]
        total += float(np.clip(np.quantile(bends, 0.8) / 8.0, 0.0, 2.0)) if len(bends) else 1.0
        stride *= size
    return total


class _Look(NamedTuple):
    """What one parameter's margin asks for."""

    warp: Warped
    range: tuple[float, float, float]
    settled: bool


def _look(
    now: Warped, u: FloatArray, margin: FloatArray, present: tuple[float, float, float], fineness: float,
    negligible: float, coarser: float, last_bend: bool,
) -> _Look:  # fmt: skip
    """The warp, range and step for the next pass, and whether the present ones will do."""
    low, high, step = present
    bottom, ceiling = now.bounds
    # The ends found by the last look may lie a little inside.
    much = 10.0 * negligible * margin.max()
    open_low = margin[0] > much and low > bottom + 1e-9
    open_high = margin[-1] > much and high < ceiling - 1e-9
    # A normal distribution's range is two thirds of this.
    most = 3.0 * np.sqrt(-2.0 * np.log(negligible))
    if now.fitted and not last_bend and (open_low * margin[0] + open_high * margin[-1]) > _FAR_OFF * margin.max():
        return _Look(*_everywhere(now.base, coarser), False)
    if open_low or open_high:
        bent, step = now, max(step, fineness)
        if high - low > most and not last_bend:
            # Tails this heavy are looked for in a coordinate that is bent for them.
            bent = warp(now.base, now.bend(u), margin)
            low, high = (float(end) for end in bent.unbend(now.bend(np.array([low, high]))))
            bottom, ceiling = bent.bounds
        reach = 0.5 * (high - low)
        low = max(bottom, low - reach) if open_low else low
        high = min(ceiling, high + reach) if open_high else high
        return _Look(bent, _whole_steps(low, high, step), False)
    new_low, new_high = _ends(u, margin, negligible)
    sd = float(np.sqrt(margin @ (u - margin @ u) ** 2))
    if sd < 0.6 * step:  # too coarse to say more than where to look
        return _Look(now, _whole_steps(new_low, new_high, step / 2.0), False)
    good = now.fitted and (last_bend or (0.6 < sd < 1.7 and new_high - new_low < most))
    if step <= fineness * max(sd, 1.01 * good) and (good or not now.fitted):
        return _Look(now, _whole_steps(new_low, new_high, step), True)
    if good:
        return _Look(now, _whole_steps(new_low, new_high, fineness), False)
    better = warp(now.base, now.bend(u), margin)
    ends = better.unbend(now.bend(np.array([new_low, new_high])))
    # A little more, since the new margin may fall off more slowly.
    low, high = max(better.bounds[0], float(ends[0]) - fineness), min(better.bounds[1], float(ends[1]) + fineness)
    return _Look(better, _whole_steps(low, high, fineness), False)


def _ends(u: FloatArray, margin: FloatArray, negligible: float) -> tuple[float, float]:
    """Where a margin falls to ``negligible`` of its maximum, by its logarithm between nodes."""
    level = np.log(negligible)
    log = np.log(np.maximum(margin / margin.max(), negligible**2))
    seen = np.flatnonzero(log > level)
    first, last = int(seen[0]), int(seen[-1])
    low, high = float(u[0]), float(u[-1])
    if first > 0:
        low = float(np.interp(level, log[first - 1 : first + 1], u[first - 1 : first + 1])) - 0.5 * (u[1] - u[0])
    if last < len(u) - 1:
        high = float(np.interp(level, log[last : last + 2][::-1], u[last : last + 2][::-1])) + 0.5 * (u[1] - u[0])
    return low, high


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
