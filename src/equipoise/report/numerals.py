"""Numbers as a reader sees them: true minus signs, thin-spaced thousands, digits fit for the interval."""

from __future__ import annotations

import math

from equipoise.report.answer import Figures

MINUS = "\N{MINUS SIGN}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def decimals(figures: Figures) -> int:
    """Digits after the point: two, fewer for wide intervals, more where two would hide the interval."""
    half_width = (figures.ci_high - figures.ci_low) / 2
    if not math.isfinite(half_width) or half_width <= 0:
        return 2
    if half_width >= 10:
        return 0 if half_width >= 50 else 1
    return min(max(2, 1 - math.floor(math.log10(half_width))), 6)


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


def interval(figures: Figures) -> str:
    """``low to high``."""
    places = decimals(figures)
    return f"{number(figures.ci_low, places)} to {number(figures.ci_high, places)}"


def estimate(figures: Figures) -> str:
    """``estimate (low to high)``; the estimate alone if the interval isn't known."""
    places = decimals(figures)
    if math.isnan(figures.ci_low) and math.isnan(figures.ci_high):
        return number(figures.estimate, places)
    return f"{number(figures.estimate, places)} ({interval(figures)})"


def general(value: float, digits: int = 4) -> str:
    """A number of any size to `digits` significant digits, without an exponent where that can be read."""
    return f"{value:.{digits}g}".replace("-", MINUS)


def percentage(value: float) -> str:
    """A percentage that is already in percent."""
    return f"{number(value, 0 if value >= 10 or value == 0 else 1)}%"
