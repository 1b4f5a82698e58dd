"""Numbers as a reader sees them: true minus signs, narrow spaces between thousands, digits fit for the interval."""

from __future__ import annotations

import math

from equipoise.report.answer import Figures

MINUS = "\N{MINUS SIGN}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
RATIOS = frozenset({"OR", "RR", "HR", "IRR", "ROM"})
"""Measures whose null is 1; their figures get digits by size, those of differences by the interval's width."""


def number(value: float, places: int = 2) -> str:
    """A number with a true minus sign; what rounds to zero has no sign."""
    if math.isnan(value):
        return "not estimable"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def count(value: int) -> str:
    """A whole number; from 10,000 on with narrow spaces between thousands."""
    return f"{value:,}".replace(",", NARROW_SPACE) if abs(value) >= 10_000 else str(value)


def point(figures: Figures, *, ratio: bool = False) -> str:
    """The estimate alone, with the digits that its interval has."""
    return _number(figures.estimate, figures, ratio)


def interval(figures: Figures, *, ratio: bool = False) -> str:
    """``low to high``."""
    return f"{_number(figures.ci_low, figures, ratio)} to {_number(figures.ci_high, figures, ratio)}"


def estimate(figures: Figures, *, ratio: bool = False) -> str:
    """``estimate (low to high)``."""
    return f"{point(figures, ratio=ratio)} ({interval(figures, ratio=ratio)})"


def general(value: float, digits: int = 4) -> str:
    """A number of any size to `digits` significant digits."""
    return f"{value:.{digits}g}".replace("-", MINUS)


def percentage(value: float) -> str:
    """A percentage that is already in percent."""
    return f"{number(value, 0 if value >= 10 or value == 0 else 1)}%"


def _number(value: float, figures: Figures, ratio: bool) -> str:
    return number(value, _places_of_ratio(value) if ratio else _places_of_difference(figures))


def _places_of_ratio(value: float) -> int:
    if not math.isfinite(value) or value >= 100:
        return 0
    if value >= 10:
        return 1
    return 2 if value >= 0.095 or value <= 0 else min(1 - math.floor(math.log10(value)), 6)


def _places_of_difference(figures: Figures) -> int:
    """Two; fewer for wide intervals, more where two would hide the interval."""
    half_width = (figures.ci_high - figures.ci_low) / 2
    if not math.isfinite(half_width) or half_width <= 0:
        return 2
    if half_width >= 10:
        return 0 if half_width >= 50 else 1
    return min(max(2, 1 - math.floor(math.log10(half_width))), 6)
