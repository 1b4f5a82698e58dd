"""Numbers as a reader sees them: true minus signs, digits by size; one rule for texts, registers and drawings."""

from __future__ import annotations

import math

from equipoise.report.answer import Figures

MINUS = "\N{MINUS SIGN}"


def number(value: float, places: int = 2) -> str:
    """`places` digits after the point below 10, one below 100, none above; a small number keeps one figure."""
    if math.isnan(value):
        return "not estimable"
    size = abs(value)
    if math.isinf(value):
        text = "∞"
    elif size >= 100:
        text = f"{size:,.0f}"
    elif size >= 10:
        text = f"{size:.{min(places, 1)}f}"
    else:
        text = f"{size:.{places}f}"
        if float(text) == 0 and size > 0 and places:
            text = f"{size:.1g}" if size > 1e-4 else "0"
    return MINUS + text if value < 0 and text.strip("0.") else text


def count(value: int) -> str:
    """`14`, `1,250`."""
    return f"{value:,}"


def point(figures: Figures, measure: str = "") -> str:
    """The estimate alone; numbers needed to treat are whole."""
    return number(figures.estimate, _places(measure))


def interval(figures: Figures, measure: str = "") -> str:
    """`−3.70 to −2.10`."""
    return f"{number(figures.ci_low, _places(measure))} to {number(figures.ci_high, _places(measure))}"


def estimate(figures: Figures, measure: str = "") -> str:
    """`−2.90 (−3.70 to −2.10)`."""
    return f"{point(figures, measure)} ({interval(figures, measure)})"


def general(value: float, digits: int = 4) -> str:
    """A number of any size to `digits` significant digits."""
    return f"{value:.{digits}g}".replace("-", MINUS)


def percentage(value: float) -> str:
    """A percentage that is already in percent."""
    return f"{value:.{0 if value >= 10 or value == 0 else 1}f}%"


def _places(measure: str) -> int:
    return 0 if measure == "NNT" else 2
