"""A distribution of one parameter that may have spikes: one model's, or averaged over models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.sparse import csr_array
from scipy.special import sici

from equipoise.errors import DataError
from equipoise.synthesis.bayes.averaging.coordinates import Coordinate, Interval
from equipoise.synthesis.bayes.averaging.lattice import Lattice
from equipoise.synthesis.bayes.averaging.warp import Warped
from equipoise.synthesis.bayes.shortest import shortest_interval

FloatArray = NDArray[np.float64]

_FINER = 10
"""How many times finer than the lattice a distribution is tabulated."""
_MOST_VALUES = 1500


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Spikes, and a continuous part that is tabulated.

    ``spikes``: pairs (value, probability). ``values``: (n,), ascending; ``below``: the probability of the continuous
    part up to them; ``density``: its density there. Both add up to the continuous part's share.
    """

    mean: float
    sd: float
    spikes: tuple[tuple[float, float], ...]
    values: FloatArray
    below: FloatArray
    density: FloatArray

    @property
    def continuous(self) -> float:
        """The probability of the continuous part."""
        return 1.0 - sum(probability for _, probability in self.spikes)

    def spike(self, value: float) -> float:
        """The probability of exactly ``value``."""
        return sum(probability for place, probability in self.spikes if place == value)

    def pdf(self, x: ArrayLike) -> FloatArray:
        """The density of the continuous part; it integrates to ``continuous``."""
        x = np.asarray(x, dtype=float)
        if not len(self.values):
            return np.zeros_like(x)
        inside = (x >= self.values[0]) & (x <= self.values[-1])
        return np.where(inside, self._smooth(x)[1], 0.0)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """The probability of at most ``x``, spikes included."""
        x = np.asarray(x, dtype=float)
        total = self._smooth(x)[0] if len(self.values) else np.zeros_like(x)
        for place, probability in self.spikes:
            total = total + probability * (x >= place)
        return np.asarray(total)

    def _smooth(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The continuous part's probability up to x and its density, x beyond the table taken as its end."""
        x = np.minimum(np.maximum(x, self.values[0]), self.values[-1])
        right = np.minimum(np.maximum(np.searchsorted(self.values, x), 1), len(self.values) - 1)
        t = (x - self.values[right - 1]) / (self.values[right] - self.values[right - 1])
        # Tails are far straighter in logarithms.
        log = np.log(np.maximum(self.density, 1e-300))
        density = np.exp(log[right - 1] + t * (log[right] - log[right - 1]))
        low, first, second, third = self._cubics(right)
        return low + t * (first + t * (second + t * third)), density

    def _cubics(self, right: NDArray[np.intp]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The continuous part's probability between the values before ``right`` and at it, as cubics of a share t.

        With the tabulated slopes, made monotone (Fritsch & Carlson 1980).
        """
        width = self.values[right] - self.values[right - 1]
        rise = self.below[right] - self.below[right - 1]
        start, end = (np.minimum(self.density[i] * width, 3.0 * rise) for i in (right - 1, right))
        return self.below[right - 1], start, 3.0 * rise - 2.0 * start - end, start + end - 2.0 * rise

    def probability(self, low: float = -np.inf, high: float = np.inf) -> float:
        """The probability of more than ``low`` and at most ``high``."""
        return max(float(self.cdf(high)) - float(self.cdf(low)), 0.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """The smallest value up to which at least ``p`` of the probability lies."""
        p = np.asarray(p, dtype=float)
        if np.any(~((p >= 0) & (p <= 1))):
            raise DataError("a probability lies between 0 and 1")
        ends = [*(place for place, _ in self.spikes), *(self.values[[0, -1]] if len(self.values) else ())]
        found = np.full(p.shape, max(ends))
        after = [(place, float(self.cdf(place)), probability) for place, probability in self.spikes]
        if len(self.values):
            # What is left to the continuous part when spikes that lie lower are taken off.
            rest = p - sum((probability * (p > total) for _, total, probability in after), np.zeros(p.shape))
            right = np.clip(np.searchsorted(self.below, rest), 1, len(self.values) - 1)
            start, first, second, third = self._cubics(right)
            low, high = np.zeros(p.shape), np.ones(p.shape)
            for _ in range(45):
                t = 0.5 * (low + high)
                enough = start + t * (first + t * (second + t * third)) >= rest
                low, high = np.where(enough, low, t), np.where(enough, t, high)
            found = self.values[right - 1] + high * (self.values[right] - self.values[right - 1])
        for place, total, probability in after:
            found = np.where((p > total - probability) & (p <= total), place, found)
        return np.where(p > 0, found, min(ends))

    @property
    def median(self) -> float:
        """The median."""
        return float(self.quantile(0.5))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval between equal tails."""
        if not 0 < level < 1:
            raise DataError(f"level = {level}: a probability between 0 and 1 is needed, such as 0.95")
        low, high = self.quantile(np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0]))
        return float(low), float(high)

    def shortest_interval(self, level: float = 0.95) -> tuple[float, float]:
        """The shortest interval that holds ``level``; one mode is presumed."""
        return shortest_interval(self.quantile, self.pdf, level)


def point(value: float) -> Distribution:
    """All probability at one value."""
    nothing = np.zeros(0)
    return Distribution(value, 0.0, ((value, 1.0),), nothing, nothing, nothing)


def tabulate(coordinate: Coordinate | Warped, x: FloatArray, masses: FloatArray) -> Distribution:
    """The distribution with these masses at equal steps of x.

    By a cubic spline through their logarithms, which is exact for a normal density in x, however long the steps.
    """
    value = coordinate.value(x)
    mean = float(masses @ value)
    sd = float(np.sqrt(masses @ (value - mean) ** 2))
    seen = np.flatnonzero(masses > 1e-14 * masses.max())
    first, last = max(int(seen[0]) - 1, 0), min(int(seen[-1]) + 1, len(x) - 1)
    log = np.log(np.maximum(masses[first : last + 1], 1e-20 * masses.max()))
    spline = CubicSpline(x[first : last + 1], log)
    fine = np.linspace(x[first], x[last], _FINER * (last - first) + 1)
    density = np.exp(spline(fine))
    slope = density * spline(fine, 1)
    step = fine[1] - fine[0]
    # The trapezoidal rule with its first correction.
    panels = 0.5 * step * (density[1:] + density[:-1]) - step**2 / 12.0 * np.diff(slope)
    below = np.concatenate([[0.0], np.cumsum(np.maximum(panels, 0.0))])
    density = density / below[-1] / np.exp(coordinate.log_slope(fine))
    return _table(mean, sd, coordinate.value(fine), below / below[-1], density)


def finer(x: FloatArray, times: int = _FINER) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A finer grid of x, and the matrices from masses at ``x`` to probabilities below and to densities in x."""
    step, n = x[1] - x[0], len(x)
    fine = np.linspace(x[0] - step, x[-1] + step, times * (n + 1) + 1)
    # Distances are multiples of the finer step: one table serves all.
    apart = np.arange(-n * times, (n + 1) * times + 1) / times
    table = np.stack([0.5 + sici(np.pi * apart)[0] / np.pi, np.sinc(apart) / step])
    places = np.arange(len(fine))[:, None] + times * (n - 1 - np.arange(n))
    return fine, table[0][places], table[1][places]


def tabulate_weights(lattice: Lattice, first: int, count: int) -> tuple[Distribution, ...]:
    """The weights ω_2, …, ω_{count + 1}: products of the ratios at the lattice's axes from ``first`` on."""
    masses = lattice.weights.sum(axis=tuple(range(first)))
    found = [tabulate(lattice.coordinates[first], lattice.nodes[first], _sum_after(masses, 1))]
    product, joint = np.ones(1), masses[None]
    for c in range(1, count):
        # The ratios so far become one factor, on a finer grid: the distribution function of a product has a kink where
        # a factor by itself reaches the argument.
        fine, _, bell = finer(lattice.nodes[first + c - 1], 8)
        rest = joint.shape[2:]
        joint = _products(joint.reshape(*joint.shape[:2], -1).swapaxes(1, 2), bell * (fine[1] - fine[0])).swapaxes(1, 2)
        values = np.multiply.outer(product, lattice.coordinates[first + c - 1].value(fine)).ravel()
        product, joint = _gather(values, joint.reshape(len(values), *rest))
        found.append(_product(lattice, first + c, product, _sum_after(joint, 2)))
    return tuple(found)


def _sum_after(masses: FloatArray, axes: int) -> FloatArray:
    return np.asarray(masses.sum(axis=tuple(range(axes, masses.ndim))))


def _gather(values: FloatArray, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Masses at shares between 0 and 1 moved to the two nearest points of a grid of x, in proportion."""
    grid = np.linspace(-3.4, 3.4, 273)
    step = grid[1] - grid[0]
    table = masses.reshape(len(values), -1)
    size = np.abs(np.einsum("ij->i", table))
    some = size > 1e-11 * size.max()
    values, table = values[some], table[some]
    with np.errstate(divide="ignore"):
        place = (np.arcsinh((np.log(values) - np.log1p(-values)) / np.pi) - grid[0]) / step
    place = np.clip(np.nan_to_num(place, posinf=len(grid), neginf=0.0), 0.0, len(grid) - 1.000001)
    left = place.astype(np.intp)
    shares = np.stack([left + 1 - place, place - left], axis=1)
    ends = np.stack([left, left + 1], axis=1)
    move = csr_array(
        (shares.ravel(), ends.ravel(), np.arange(0, 2 * len(values) + 1, 2)), shape=(len(values), len(grid))
    )
    moved = move.T @ table
    total = np.einsum("ij->i", moved)
    likely = total > 1e-8 * total.max()
    return Interval().value(grid[likely]), moved[likely].reshape(-1, *masses.shape[1:])


def _product(lattice: Lattice, axis: int, factor: FloatArray, masses: FloatArray) -> Distribution:
    """The distribution of ``factor``, (J,), times the parameter at ``axis``, their joint ``masses`` being (J, n)."""
    x = lattice.nodes[axis]
    product = factor[:, None] * lattice.values(axis)
    mean = float(np.sum(masses * product))
    # Interpolated masses may be a little below 0.
    sd = float(np.sqrt(max(np.sum(masses * (product - mean) ** 2), 0.0)))
    fine, cumulative, bell = finer(x)
    below, density = _products(masses, cumulative), _products(masses, bell)
    density = density / np.exp(lattice.coordinates[axis].log_slope(fine))
    grid = Interval().value(np.linspace(-3.0, 3.0, 181))
    # Where on the fine grid the parameter is the argument over the factor.
    shares = np.log(lattice.coordinates[axis].value(fine))
    place = np.interp(np.log(grid) - np.log(factor)[:, None], shares, np.arange(len(fine)), left=0.0)
    place = np.minimum(place, len(fine) - 1.000001)
    left = place.astype(np.intp)
    part = place - left
    flat = left + len(fine) * np.arange(len(factor))[:, None]

    def interpolate(table: FloatArray) -> FloatArray:
        first = table.take(flat)
        return np.asarray((first + part * (table.take(flat + 1) - first)).sum(axis=0))

    total = np.clip(np.maximum.accumulate(interpolate(below)), 0.0, 1.0)
    return _table(mean, sd, grid, total, np.maximum(interpolate(density / factor[:, None]), 0.0))


def _products(masses: FloatArray, table: FloatArray) -> FloatArray:
    """``masses`` (…, n) times the transpose of ``table`` (m, n), in blocks that are too small to be threaded."""
    flat = masses.reshape(-1, masses.shape[-1])
    rows = max(1, 200_000 // table.size)
    found = np.concatenate([flat[i : i + rows] @ table.T for i in range(0, len(flat), rows)])
    return found.reshape(*masses.shape[:-1], len(table))


def average(weights: Sequence[float], parts: Sequence[Distribution]) -> Distribution:
    """The mixture of ``parts`` with ``weights`` (which are made to sum to 1)."""
    w = np.asarray(weights, dtype=float) / np.sum(weights)
    mean = float(sum(a * part.mean for a, part in zip(w, parts, strict=True)))
    second = sum(a * (part.sd**2 + (part.mean - mean) ** 2) for a, part in zip(w, parts, strict=True))
    spikes: dict[float, float] = {}
    for a, part in zip(w, parts, strict=True):
        for place, probability in part.spikes:
            spikes[place] = spikes.get(place, 0.0) + float(a) * probability
    tabulated = [(a, part) for a, part in zip(w, parts, strict=True) if len(part.values) and a > 0]
    values = np.zeros(0)
    if tabulated:
        values = np.unique(np.concatenate([part.values for a, part in tabulated if a >= 1e-7 * w.max()]))
        values = np.union1d(values[:: max(1, len(values) // _MOST_VALUES)], values[-1:])
    below, density = np.zeros_like(values), np.zeros_like(values)
    for a, part in tabulated:
        first, last = np.searchsorted(values, part.values[[0, -1]])
        last += values[min(last, len(values) - 1)] == part.values[-1]
        up_to, height = part._smooth(values[first:last])
        below[first:last] += a * up_to
        density[first:last] += a * height
        below[last:] += a * part.below[-1]
    return Distribution(mean, float(np.sqrt(second)), tuple(sorted(spikes.items())), values, below, density)


def _table(mean: float, sd: float, values: FloatArray, below: FloatArray, density: FloatArray) -> Distribution:
    """Ascending, without values that double precision can't tell apart."""
    if values[0] > values[-1]:
        values, below, density = values[::-1], 1.0 - below[::-1], density[::-1]
    apart = np.concatenate([[True], np.diff(values) > 0])
    return Distribution(mean, sd, (), values[apart], below[apart], density[apart])
