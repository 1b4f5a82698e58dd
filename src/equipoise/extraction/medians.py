"""Mean and standard deviation from a median with quartiles, range or both, and whether the data look too skewed for
it.

Means after Luo et al. (2018, Stat Methods Med Res 27:1785), SDs after Wan et al. (2014, BMC Med Res Methodol 14:135),
for all five numbers Shi et al. (2020, Res Synth Methods 11:641); the choice of metafor's `conv.fivenum` and of meta.
The test of skewness is that of Shi et al. (2023, Stat Methods Med Res 32:1338), at the 5 % level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from equipoise.extraction.converted import Converted, require

_LUO = "Luo et al. 2018"
_WAN = "Wan et al. 2014"
_SHI = "Shi et al. 2020"


@dataclass(frozen=True, slots=True)
class Skewness:
    """Shi et al.'s test: ``statistic`` against ``critical``; ``skewed`` when it isn't below."""

    statistic: float
    critical: float

    @property
    def skewed(self) -> bool:
        """Whether the data are significantly skewed, so that mean and SD had better not be derived from them."""
        return self.statistic >= self.critical


@dataclass(frozen=True, slots=True)
class MeanSD:
    """A mean and an SD from a median with other quantiles, and the test of skewness that they passed or failed."""

    mean: Converted
    sd: Converted
    skewness: Skewness


def mean_sd_from_median(
    median: float,
    n: float,
    *,
    q1: float | None = None,
    q3: float | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    sd_method: str = "default",
) -> MeanSD:
    """Mean and SD of a group of n people from its median and quartiles (``q1``, ``q3``), range, or all.

    ``sd_method`` "wan" uses Wan's SD for all five numbers too. Skewed data are converted all the same, with a note.
    Raises ``DataError`` unless the numbers are in order, a pair is complete, and n ≥ 5.
    """
    quartiles, extremes = _pair("q1", q1, "q3", q3), _pair("minimum", minimum, "maximum", maximum)
    require(quartiles is not None or extremes is not None, "a median alone has no SD: quartiles or range are needed")
    require(n >= 5, f"n = {n:g}; these methods need at least 5 people")
    require(sd_method in {"default", "wan"}, f"sd_method = {sd_method!r}; say 'default' or 'wan'")
    ordered = [x for x in (minimum, q1, median, q3, maximum) if x is not None]
    require(ordered == sorted(ordered), f"not in order: {', '.join(f'{x:g}' for x in ordered)}")
    inputs = {
        name: x
        for name, x in (("min", minimum), ("q1", q1), ("median", median), ("q3", q3), ("max", maximum), ("n", n))
        if x is not None
    }
    if extremes is None:
        assert quartiles is not None
        mean, sd, skewness = _from_quartiles(median, n, *quartiles)
    elif quartiles is None:
        mean, sd, skewness = _from_range(median, n, *extremes)
    else:
        mean, sd, skewness = _from_five(median, n, quartiles, extremes, sd_method)
    notes: tuple[str, ...] = ()
    if skewness.skewed:
        notes = (
            f"skewed (Shi et al. 2023: {skewness.statistic:.3f} ≥ {skewness.critical:.3f}): mean and SD are "
            "doubtful; prefer the medians, or logs",
        )
    return MeanSD(
        Converted(mean[0], mean[1], inputs, mean[2], notes=notes),
        Converted(sd[0], sd[1], inputs, sd[2], notes=notes),
        skewness,
    )


_Part = tuple[float, str, str]


def _from_range(median: float, n: float, low: float, high: float) -> tuple[_Part, _Part, Skewness]:
    w = 4 / (4 + n**0.75)
    mean = w * (low + high) / 2 + (1 - w) * median
    sd = (high - low) / _range_width(n)
    statistic = _asymmetry(low, median, high)
    return (
        (mean, "w·(min + max)/2 + (1 − w)·median, w = 4/(4 + n^0.75)", f"{_LUO}, eq. 7"),
        (sd, "(max − min)/(2·Φ⁻¹((n − 0.375)/(n + 0.25)))", f"{_WAN}, eq. 9"),
        Skewness(statistic, 1 / math.log(n + 9) + 2.5 / (n + 1)),
    )


def _from_quartiles(median: float, n: float, q1: float, q3: float) -> tuple[_Part, _Part, Skewness]:
    w = 0.7 + 0.39 / n
    mean = w * (q1 + q3) / 2 + (1 - w) * median
    sd = (q3 - q1) / _quartile_width(n)
    return (
        (mean, "w·(q1 + q3)/2 + (1 − w)·median, w = 0.7 + 0.39/n", f"{_LUO}, eq. 11"),
        (sd, "(q3 − q1)/(2·Φ⁻¹((0.75n − 0.125)/(n + 0.25)))", f"{_WAN}, eq. 16"),
        Skewness(_asymmetry(q1, median, q3), 2.65 / math.sqrt(n) - 6 / n**2),
    )


def _from_five(
    median: float, n: float, quartiles: tuple[float, float], extremes: tuple[float, float], sd_method: str
) -> tuple[_Part, _Part, Skewness]:
    (q1, q3), (low, high) = quartiles, extremes
    w1, w2 = 2.2 / (2.2 + n**0.75), 0.7 - 0.72 / n**0.55
    mean = w1 * (low + high) / 2 + w2 * (q1 + q3) / 2 + (1 - w1 - w2) * median
    by_range, by_quartiles = (high - low) / _range_width(n), (q3 - q1) / _quartile_width(n)
    if sd_method == "wan":
        sd = (0.5 * (by_range + by_quartiles), "half (max − min)/ξ(n) + half (q3 − q1)/η(n)", _WAN)
    else:
        w = 1 / (1 + 0.07 * n**0.6)
        formula = "w·(max − min)/ξ(n) + (1 − w)·(q3 − q1)/η(n), w = 1/(1 + 0.07·n^0.6)"
        sd = (w * by_range + (1 - w) * by_quartiles, formula, f"{_SHI}, eq. 10")
    statistic = max(
        2.65 * math.log(0.6 * n) / math.sqrt(n) * _asymmetry(low, median, high), _asymmetry(q1, median, q3)
    )
    formula = (
        "w1·(min + max)/2 + w2·(q1 + q3)/2 + (1 − w1 − w2)·median, w1 = 2.2/(2.2 + n^0.75), w2 = 0.7 − 0.72/n^0.55"
    )
    return (mean, formula, f"{_LUO}, eq. 15"), sd, Skewness(statistic, 3 / math.sqrt(n) - 40 / n**3)


def _range_width(n: float) -> float:
    """The expected range of n standard normal values."""
    return 2 * float(ndtri((n - 0.375) / (n + 0.25)))


def _quartile_width(n: float) -> float:
    """The expected distance between the quartiles of n standard normal values."""
    return 2 * float(ndtri((0.75 * n - 0.125) / (n + 0.25)))


def _asymmetry(low: float, middle: float, high: float) -> float:
    return abs(low + high - 2 * middle) / (high - low) if high > low else 0.0


def _pair(first: str, a: float | None, second: str, b: float | None) -> tuple[float, float] | None:
    require((a is None) == (b is None), f"{first} and {second} go together")
    return None if a is None or b is None else (a, b)
