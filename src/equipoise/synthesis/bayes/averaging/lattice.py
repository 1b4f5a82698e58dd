"""Integration over one to five parameters on a lattice of equal steps that adapts itself to the posterior.

The rule's error is the posterior's Fourier transform at the frequencies 2π/step (Poisson's summation formula). The
lattice itself gives the transform up to π/step, in each parameter and along the diagonals of each pair; it is extrapolated
log-linearly, which is an upper bound for transforms that fall off at least exponentially, as those of analytic densities
do. The other bound is how far the previous lattice, coarser in every parameter, was off; the smaller of the two counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import NotConverged
from equipoise.synthesis.bayes.averaging.coordinates import Coordinate
from equipoise.synthesis.bayes.averaging.warp import Warped, unwarped, warp

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LogDensity = Callable[[Sequence[FloatArray], BoolArray | None], FloatArray]

TARGETS = {1: 1e-9, 2: 1e-8, 3: 1e-6, 4: 1e-5, 5: 2e-4}
"""The stated relative error of the evidence that is aimed at, by the number of parameters."""
DEPTHS = {1: 27.0, 2: 24.0, 3: 20.0, 4: 18.0, 5: 16.0}
"""How far, in logarithms, below its maximum the density is taken as 0."""
FINENESS = {1: 0.3, 2: 0.4, 3: 0.5, 4: 0.6, 5: 0.75}
"""The first step, in posterior standard deviations."""
_SHARES = np.array([0.45, 0.55, 0.85, 0.95])
"""The frequencies, as shares of the highest that the lattice shows, from which its error is extrapolated."""
_SAFETY = 10.0
"""What the extrapolated error is multiplied by."""
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
        return _margin(self.weights, axis)


def integrate(
    log_density: LogDensity,
    coordinates: Sequence[Coordinate],
    starts: Sequence[tuple[float, float, float]] | None = None,
) -> Lattice:
    """The integral and the posterior of a density in x.

    ``log_density``: from arrays of x, one a parameter, to the logarithm of the density on their lattice (the slopes of
    the coordinates included); where the mask that it also gets is false the density is negligible and may be −∞.
    Raises ``NotConverged`` where the density vanishes everywhere it was looked at.
    """
    count = len(coordinates)
    if count == 0:
        return Lattice((), (), np.ones(()), float(log_density((), None)), 0.0)
    warps = [unwarped(c) for c in coordinates]
    ranges = [c.start if starts is None else starts[d] for d, c in enumerate(coordinates)]
    fineness, depth = FINENESS[count], DEPTHS[count]
    mask: BoolArray | None = None
    before = float("inf")
    for attempt in range(_MOST_PASSES):
        nodes = [_nodes(low, high, step) for low, high, step in ranges]
        places = [w.bend(u) for w, u in zip(warps, nodes, strict=True)]
        log = log_density(places, mask)
        for d in range(count):
            slope = warps[d].log_bend_slope(nodes[d])
            log = np.asarray(log + slope.reshape(-1, *(1,) * (count - d - 1)))
        top = float(np.max(log))
        if not np.isfinite(top):
            raise NotConverged("likelihood times prior is 0 or infinite wherever it was tried; check priors and data")
        mass = np.exp(log - top)
        total = float(mass.sum())
        margins = [_margin(mass, d) / total for d in range(count)]
        evidence = top + float(np.log(total) + np.sum(np.log([step for _, _, step in ranges])))
        aliasing, shrink = _aliasing(mass / total, margins, TARGETS[count])
        # Another bound: how far the last lattice was off, all steps of which were longer.
        aliasing = min(aliasing, 5.0 * abs(evidence - before))
        # What was cut off is about as much as what lies just inside the cut.
        error = aliasing + float(mass.sum(where=mass < np.exp(2.0 - depth))) / total
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
        warps = [look.warp for look in looks]
        mask = _mask(mass > np.exp(-depth), places, warps, proposed)
        ranges = proposed
    return Lattice(tuple(warps), tuple(nodes), mass / total, evidence, error if settled else 1.0)


def _mask(
    high: BoolArray,
    old: Sequence[FloatArray],
    warps: Sequence[Warped],
    new: Sequence[tuple[float, float, float]],
) -> BoolArray:
    """Where on the new lattice the density may not be negligible: next to the old nodes at which it isn't."""
    index = []
    for d, (places, (low, top, step)) in enumerate(zip(old, new, strict=True)):
        wide = high.copy()
        here, there = [slice(None)] * high.ndim, [slice(None)] * high.ndim
        here[d], there[d] = slice(1, None), slice(None, -1)
        wide[tuple(here)] |= high[tuple(there)]
        wide[tuple(there)] |= high[tuple(here)]
        high = wide
        x = warps[d].bend(_nodes(low, top, step))
        index.append(np.searchsorted(0.5 * (places[1:] + places[:-1]), x))
    return np.asarray(high[np.ix_(*index)])


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
        return _Look(now, _whole_steps(new_low, new_high, step / 3.0), False)
    if step <= fineness * sd or (now.fitted and (last_bend or 0.5 < sd < 2.0)):
        return _Look(now, _whole_steps(new_low, new_high, step), True)
    better = warp(now.base, now.bend(u), margin)
    ends = better.unbend(now.bend(np.array([new_low, new_high])))
    return _Look(better, _whole_steps(float(ends[0]), float(ends[1]), fineness), False)


def _whole_steps(low: float, high: float, step: float) -> tuple[float, float, float]:
    """The range with a step, no longer than ``step``, that divides it."""
    pieces = max(int(np.ceil((high - low) / max(step, (high - low) / 400.0) - 1e-9)), 4)
    return low, high, (high - low) / pieces


def _aliasing(mass: FloatArray, margins: Sequence[FloatArray], target: float) -> tuple[float, FloatArray]:
    """The bound on the trapezoidal rule's relative error, and the factors on the steps that would bring it to target."""
    count = mass.ndim
    waves = [np.exp(1j * np.pi * np.outer(_SHARES, np.arange(len(m)))) for m in margins]
    lines: list[tuple[tuple[int, ...], FloatArray]] = [
        ((d,), np.abs(wave @ m)) for d, (wave, m) in enumerate(zip(waves, margins, strict=True))
    ]
    for a in range(count):
        for b in range(a + 1, count):
            pair = mass.sum(axis=tuple(d for d in range(count) if d not in (a, b)))
            half = waves[a] @ pair
            lines.append(((a, b), np.abs((half * waves[b]).sum(axis=1))))
            lines.append(((a, b), np.abs((half * waves[b].conj()).sum(axis=1))))
    goal = np.log(target / (_SAFETY * len(lines)))
    total, shrink = 0.0, np.full(count, 0.87)
    for parameters, transform in lines:
        log = np.log(np.maximum(transform, 1e-15))
        # From two pairs of frequencies, lest one of them is near a zero of the transform.
        slope = np.minimum((log[2:] - log[:2]) / (_SHARES[2:] - _SHARES[:2]), -0.1)
        extrapolated = log[2:] + slope * (2.0 - _SHARES[2:])
        worst = int(np.argmax(extrapolated))
        total += _SAFETY * float(np.exp(min(extrapolated[worst], 0.0)))
        needed = _SHARES[2 + worst] + (goal - log[2 + worst]) / slope[worst]
        shrink[list(parameters)] = np.minimum(shrink[list(parameters)], np.clip(2.0 / max(needed, 2.0), 0.78, 0.87))
    return total, shrink


def _nodes(low: float, high: float, step: float) -> FloatArray:
    return np.asarray(low + step * np.arange(round((high - low) / step) + 1), dtype=np.float64)


def _margin(mass: FloatArray, axis: int) -> FloatArray:
    return np.asarray(mass.sum(axis=tuple(d for d in range(mass.ndim) if d != axis)))
