"""The axis on which effects are shown: natural values, on a logarithmic axis for ratios, with round ticks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.synthesis.measures.scale import IDENTITY, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

SHORT = {
    "OR": "OR", "RR": "RR", "RD": "RD", "MD": "MD", "SMD": "SMD", "SMDH": "SMD", "IRR": "IRR", "IRD": "IRD", "HR": "HR",
    "ROM": "RoM", "PETO": "Peto OR",
}  # fmt: skip
"""Abbreviations that stand in column headings; other measures are called "Estimate"."""


@dataclass(frozen=True, slots=True)
class EffectScale:
    """How effects are shown.

    ``log`` says whether the axis is logarithmic, ``null`` is the value of no effect on the natural scale (NaN for
    measures that have none), ``label`` names the axis and ``short`` the column.
    """

    scale: Scale
    label: str
    short: str

    @property
    def log(self) -> bool:
        return self.scale.name == "log"

    @property
    def null(self) -> float:
        return float(self.scale.natural(self.scale.null)) if np.isfinite(self.scale.null) else np.nan

    @property
    def title(self) -> str:
        """The axis's name: "Odds ratio (log scale)"."""
        name = self.label[:1].upper() + self.label[1:]
        return f"{name} (log scale)" if self.log else name

    def natural(self, values: ArrayLike, sizes: ArrayLike | None = None) -> FloatArray:
        """Values of studies on the natural scale, each taken back by its own size where the scale needs one."""
        x = np.asarray(values, dtype=float)
        if not self.scale.needs_sizes or sizes is None:
            return self.scale.natural(x, sizes)
        n = np.asarray(sizes, dtype=float)
        return np.array([float(self.scale.natural(one, [size])) for one, size in zip(x, n, strict=True)])

    def position(self, natural: ArrayLike) -> FloatArray:
        """Natural values as distances along the axis."""
        x = np.asarray(natural, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x) if self.log else x


def straight(shown: EffectScale) -> EffectScale:
    """The scale itself for differences and ratios; for others that of pooling, on which standard errors hold."""
    if shown.scale.name in {"identity", "log"}:
        return shown
    return EffectScale(
        Scale("identity", shown.scale.null, IDENTITY.natural), f"{shown.label} ({shown.scale.name})", shown.short
    )


def effect_scale(measure: str | None, label: str, scale: Scale | None) -> EffectScale:
    """The scale for a result's measure; natural values as they are when the result names none."""
    return EffectScale(scale or IDENTITY, label, SHORT.get(measure or "", "Estimate"))


def limits(
    shown: EffectScale, estimates: ArrayLike, low: ArrayLike, high: ArrayLike, must: ArrayLike = ()
) -> tuple[float, float]:
    """Natural limits that hold all estimates, ``must`` (summaries) and the null, and intervals as far as is sensible.

    An interval may reach beyond the estimates by their own range; what lies further is cut off, to be drawn with an
    arrow. Limits never lie closer than the widths of typical intervals need.
    """
    inner = shown.position(np.concatenate([np.atleast_1d(estimates), np.atleast_1d(must), [shown.null]]))
    inner = inner[np.isfinite(inner)]
    ends = [shown.position(np.atleast_1d(end)) for end in (low, high)]
    both = np.isfinite(ends[0]) & np.isfinite(ends[1])
    below, above = ends[0][both], ends[1][both]
    if not inner.size:
        return (0.1, 10.0) if shown.log else (-1.0, 1.0)
    typical = float(np.median(above - below)) if below.size else 0.0
    room = max(float(np.ptp(inner)), 1.5 * typical)
    if room <= 0:
        room = max(abs(float(inner[0])), 1.0)
    first = max(float(below.min()), inner.min() - room) if below.size else inner.min()
    last = min(float(above.max()), inner.max() + room) if above.size else inner.max()
    first, last = min(first, inner.min()), max(last, inner.max())
    margin = 0.03 * (last - first) or 0.1 * room
    first, last = first - margin, last + margin
    return (float(np.exp(first)), float(np.exp(last))) if shown.log else (float(first), float(last))


def ticks(low: float, high: float, log: bool, most: int) -> list[float]:
    """At most ``most`` round values from ``low`` to ``high``; on a log axis 1 is among them when it is in range."""
    from matplotlib.ticker import MaxNLocator

    if log:
        for candidates in _log_candidates(low, high):
            round_values = [value for value in candidates if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
            if 3 <= len(round_values) <= most:
                return round_values
    inside: list[float] = []
    for bins in range(max(most - 1, 2), 2 * most):
        values = MaxNLocator(nbins=bins, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        inside = [float(v) for v in values if low - 1e-12 <= v <= high + 1e-12 and (v > 0 or not log)]
        if len(inside) >= 3:
            break
    return inside[:: 1 + (len(inside) - 1) // most] if len(inside) > most else inside


def _log_candidates(low: float, high: float) -> list[list[float]]:
    """Sets of round values, the finest first."""
    first, last = int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1
    powers = range(first, last + 1)
    doublings = range(int(np.floor(np.log2(low))), int(np.ceil(np.log2(high))) + 1)
    return [
        [m * 10.0**e for e in powers for m in (1, 1.5, 2, 3, 4, 5, 7)],
        [m * 10.0**e for e in powers for m in (1, 1.5, 2, 3, 5, 7)],
        [m * 10.0**e for e in powers for m in (1, 2, 5)],
        [2.0**e for e in doublings],
        [m * 10.0**e for e in powers for m in (1, 3)],
        [10.0**e for e in powers],
        [10.0**e for e in powers if e % 2 == 0],
        [10.0**e for e in powers if e % 3 == 0],
        [10.0**e for e in powers if e % 5 == 0],
    ]


def tick_text(value: float, values: list[float], log: bool) -> str:
    """A tick's number: no more decimals than its neighbours need, a true minus sign."""
    size = abs(value)
    if size >= 1e5 or (0 < size < 1e-4):
        exponent = int(np.floor(np.log10(size) + 1e-9))
        mantissa = value / 10.0**exponent
        power = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        text = f"10{power}" if np.isclose(mantissa, 1) else f"{mantissa:g}×10{power}"
    elif log:
        text = f"{value:.4g}"
    else:
        step = min((abs(b - a) for a, b in pairwise(values)), default=1.0)
        decimals = next((d for d in range(6) if abs(step - round(step, d)) < 1e-9 * max(step, 1)), 6)
        text = f"{0.0 if size < 1e-12 else value:.{decimals}f}"
    return text.replace("-", "−")


def set_effect_axis(ax: Axes, shown: EffectScale, low: float, high: float, width: float, size: float) -> None:
    """Scale, limits, ticks and their numbers on the x-axis, given its width in inches."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    ax.set_xscale("log" if shown.log else "linear")
    ax.set_xlim(low, high)
    places = ticks(low, high, shown.log, int(np.clip(width / (0.055 * size), 3, 8)))
    ax.xaxis.set_major_locator(FixedLocator(places))
    ax.xaxis.set_major_formatter(FixedFormatter([tick_text(value, places, shown.log) for value in places]))
    ax.xaxis.set_minor_locator(NullLocator())
