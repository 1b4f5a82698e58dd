"""The axis of an effect measure, and estimates as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from equipoise.figures.network import style
from equipoise.frames import FloatArray
from equipoise.synthesis.network.tables import RATIO_MEASURES, natural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {
    "OR": "Odds ratio",
    "RR": "Risk ratio",
    "HR": "Hazard ratio",
    "IRR": "Rate ratio",
    "ROM": "Ratio of means",
    "RD": "Risk difference",
    "MD": "Mean difference",
    "SMD": "Standardised mean difference",
    "IRD": "Rate difference",
    "IRSD": "Difference of square-root rates",
    "ASD": "Arcsine difference",
}


def name_of(measure: str) -> str:
    """The measure in words."""
    return NAMES.get(measure, measure)


def interval_words(result: object) -> tuple[str, str]:
    """What the intervals of a result are called, short and long: "CI" of a fit, "CrI" of a posterior."""
    name = getattr(result, "interval_name", "confidence")
    return ("CrI" if name == "credible" else "CI"), f"{name} interval"


def digits_for(standard_errors: FloatArray) -> int:
    """Decimals that an estimate of the usual precision deserves: two, or more for small scales."""
    known = standard_errors[np.isfinite(standard_errors) & (standard_errors > 0)]
    if not known.size:
        return 2
    return int(np.clip(math.ceil(-math.log10(float(np.median(known)))) + 1, 2, 4))


def estimate_text(measure: str, estimate: float, lower: float, upper: float, digits: int = 2) -> str:
    """ "0.52 (0.31 to 0.85)", exponentiated for ratios; empty without an estimate."""
    if not math.isfinite(estimate):
        return ""
    values = [float(natural(measure, value)) for value in (lower, estimate, upper)]
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    places = digits if largest < 100 else 1 if largest < 1000 else 0
    if measure in RATIO_MEASURES and 0.0 < min(values) < 0.095:
        places += 1
    low, middle, high = (number_text(value, places) for value in values)
    return f"{middle} ({low} to {high})"


def number_text(value: float, digits: int = 2) -> str:
    """A number with a proper minus sign and never "-0.00"."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    text = f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.2g}"
    if not float(text):
        text = text.removeprefix("-")
    return text.replace("-", "−")


def limits(estimates: FloatArray, lower: FloatArray, upper: FloatArray) -> tuple[float, float]:
    """A range that shows all estimates and the ordinary intervals; very wide ones will be cut off."""
    known = np.isfinite(estimates)
    if not known.any():
        return -1.0, 1.0
    points = np.append(estimates[known], 0.0)
    widths = (upper - lower)[known]
    widths = widths[np.isfinite(widths)]
    room = max(
        float(np.ptp(points)), 1.6 * float(np.quantile(widths, 0.5, method="lower")) if widths.size else 0.0, 1e-9
    )
    low = float(np.nanmin(np.append(lower[known], points.min())))
    high = float(np.nanmax(np.append(upper[known], points.max())))
    low, high = max(low, float(points.min()) - room), min(high, float(points.max()) + room)
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def effect_axis(ax: Axes, measure: str, low: float, high: float, which: Literal["x", "y"] = "x") -> None:
    """Limits and ticks on the analysis scale; ratios are labelled as ratios."""
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    width, height = style.size_of(ax)
    effect_ticks(ax, measure, low, high, width if which == "x" else height, which)


def effect_ticks(
    ax: Axes, measure: str, low: float, high: float, length: float, which: Literal["x", "y"] = "y"
) -> None:
    """Ticks on an axis of this ``length`` in points; ratios are labelled as ratios."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    ticks = ratio_ticks(low, high, length / 34.0) if measure in RATIO_MEASURES else None
    if ticks is None:
        from matplotlib.ticker import MaxNLocator

        axis.set_major_locator(MaxNLocator(nbins=max(3, int(length / 45.0)), steps=[1, 2, 5, 10]))
    else:
        axis.set_ticks([math.log(t) for t in ticks], labels=[_plain(t) for t in ticks])


def ratio_ticks(low: float, high: float, most: float) -> list[float]:
    """Round ratios between two logarithms, at most about ``most`` of them and always 1 if it is inside."""
    first, last = math.floor(low / math.log(10)), math.ceil(high / math.log(10))
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [s * 10.0**power for power in range(first, last + 1) for s in steps]
        inside = [t for t in ticks if low <= math.log(t) <= high]
        if len(inside) <= most:
            break
    if len(inside) > most:
        inside = inside[:: math.ceil(len(inside) / most)]
    if len(inside) < 2:
        inside = [float(f"{math.exp(low + f * (high - low)):.2g}") for f in (0.15, 0.5, 0.85)]
        inside = sorted({t for t in inside if low <= math.log(t) <= high} | ({1.0} if low <= 0 <= high else set()))
    return inside


def _plain(value: float) -> str:
    return f"{value:.0f}" if value >= 1 and value == round(value) else f"{value:.10f}".rstrip("0").rstrip(".")
