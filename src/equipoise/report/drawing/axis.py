"""The axis of a forest plot: what it spans, where values fall on it, which ticks it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.report.answer import ForestPlot

_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of values on the natural scale, `low` to `high`, drawn from x = `left` to x = `right`."""

    low: float
    high: float
    left: float
    right: float
    logarithmic: bool

    def x(self, value: float) -> float:
        """Where a value falls; beyond the span it is held at the edge."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def _scaled(self, value: float) -> float:
        if not self.logarithmic:
            return value
        return math.log(value) if value > 0 else -math.inf

    def ticks(self) -> tuple[float, ...]:
        """Round values within the span, at most six."""
        if self.logarithmic and self.high / self.low > 2.5:
            return _logarithmic_ticks(self.low, self.high)
        return _linear_ticks(self.low, self.high)


def axis_for(plot: ForestPlot, left: float, right: float) -> Axis:
    """The axis that shows every estimate and summary; intervals far beyond them are left to be cut with an arrow."""
    scale = math.log if plot.logarithmic else float
    usable = [value for value in _bounds(plot, everything=True) if not plot.logarithmic or value > 0]
    core = [value for value in _bounds(plot, everything=False) if not plot.logarithmic or value > 0]
    low, high = scale(min(core)), scale(max(core))
    if high == low:
        low, high = low - 1, high + 1
    room = 0.6 * (high - low)
    low = max(low - room, min(low, scale(min(usable))))
    high = min(high + room, max(high, scale(max(usable))))
    margin = 0.04 * (high - low)
    back = math.exp if plot.logarithmic else float
    return Axis(back(low - margin), back(high + margin), left, right, plot.logarithmic)


def _bounds(plot: ForestPlot, *, everything: bool) -> list[float]:
    values = [plot.null]
    if plot.important is not None:
        values += plot.important
    for row in plot.rows:
        values.append(row.figures.estimate)
        if everything or (row.role == "summary" and _precise(row.figures.ci_low, row.figures.ci_high, plot)):
            values += [row.figures.ci_low, row.figures.ci_high]
    return values


def _precise(low: float, high: float, plot: ForestPlot) -> bool:
    """Whether an interval is narrow enough to stretch the axis to it."""
    if plot.logarithmic:
        return low > 0 and high / low < 30
    estimates = [row.figures.estimate for row in plot.rows] + [plot.null]
    return high - low < 4 * (max(estimates) - min(estimates) or 1)


def _linear_ticks(low: float, high: float) -> tuple[float, ...]:
    power = math.floor(math.log10(high - low)) - 1
    for exponent, factor in ((exponent, factor) for exponent in (power, power + 1, power + 2) for factor in (1, 2, 5)):
        step = factor * 10.0**exponent
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < _MOST_TICKS:
            return tuple(round(index * step, max(0, -exponent)) for index in range(first, last + 1))
    return ()


def _logarithmic_ticks(low: float, high: float) -> tuple[float, ...]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = range(first, last + 1)
    for pattern in ((1, 2, 5), (1, 3), (1,)):
        ticks = [round(factor * 10.0**decade, 12) for decade in decades for factor in pattern]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= _MOST_TICKS:
            return tuple(inside)
    every = math.ceil((last - first + 1) / _MOST_TICKS)
    return tuple(10.0**decade for decade in decades if decade % every == 0 and low <= 10.0**decade <= high)


def tick_labels(ticks: Sequence[float]) -> tuple[str, ...]:
    """The ticks as text, each with the digits that it needs."""
    return tuple(f"{tick:.10f}".rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}") for tick in ticks)
