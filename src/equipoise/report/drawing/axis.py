"""The axis of a forest plot: what it spans, where values fall on it, which ticks it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

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
        return _log(value) if self.logarithmic else value

    def ticks(self) -> tuple[float, ...]:
        """Round values within the span, at most six."""
        ticks = _logarithmic_ticks(self.low, self.high) if self.logarithmic else ()
        return ticks if len(ticks) > 2 else _linear_ticks(self.low, self.high)


def axis_for(plot: ForestPlot, left: float, right: float) -> Axis:
    """The axis that shows every estimate and, unless they are far wider than most, every interval.

    It reaches beyond the estimates by at most 1.2 times the median half-width of the intervals (or 0.6 times the
    estimates' range, if that is more): an interval that goes on is cut with an arrow.
    """
    scaled = _log if plot.logarithmic else float
    core = [
        scaled(value) for value in (plot.null, *(plot.important or ()), *(row.figures.estimate for row in plot.rows))
    ]
    ends = [(scaled(row.figures.ci_low), scaled(row.figures.ci_high)) for row in plot.rows]
    known = [value for value in core if math.isfinite(value)]
    low, high = min(known), max(known)
    half_widths = [(upper - lower) / 2 for lower, upper in ends if math.isfinite(upper - lower)]
    room = max(0.6 * (high - low), 1.2 * median(half_widths or [0.0])) or 1.0
    low = max(low - room, min([low, *(lower for lower, _ in ends)]))
    high = min(high + room, max([high, *(upper for _, upper in ends)]))
    margin = 0.04 * (high - low) or 0.5
    back = math.exp if plot.logarithmic else float
    return Axis(back(low - margin), back(high + margin), left, right, plot.logarithmic)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


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
