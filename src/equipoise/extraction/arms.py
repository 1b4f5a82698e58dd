"""Combining a study's arms into one, and splitting a shared comparator between comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.extraction.converted import COCHRANE, Converted, require, require_positive


@dataclass(frozen=True, slots=True)
class ContinuousArm:
    """An arm's size, mean and SD."""

    n: float
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class CountArm:
    """An arm's size and number of people with the event."""

    n: float
    events: float


@dataclass(frozen=True, slots=True)
class CombinedContinuous:
    """One arm made of several."""

    n: Converted
    mean: Converted
    sd: Converted


def combine_continuous(arms: Sequence[ContinuousArm]) -> CombinedContinuous:
    """The arms as if they had been one: Σn, the weighted mean, and the SD of all people together.

    SD² = (Σ (n − 1) sd² + Σ n (mean − overall)²)/(Σn − 1), of which the Handbook gives the form for two arms.
    """
    require(len(arms) >= 2, "at least two arms are needed to combine")
    for arm in arms:
        require_positive(n=arm.n)
        require(arm.sd >= 0, f"SD = {arm.sd:g}; a standard deviation can't be negative")
    inputs = {f"{name}{i}": getattr(arm, name) for i, arm in enumerate(arms, 1) for name in ("n", "mean", "sd")}
    source = f"{COCHRANE}, table 6.5.a"
    n = math.fsum(arm.n for arm in arms)
    mean = math.fsum(arm.n * arm.mean for arm in arms) / n
    within = math.fsum((arm.n - 1) * arm.sd**2 for arm in arms)
    between = math.fsum(arm.n * (arm.mean - mean) ** 2 for arm in arms)
    return CombinedContinuous(
        Converted(n, "Σn", inputs, source),
        Converted(mean, "Σ n·mean/Σn", inputs, source),
        Converted(
            math.sqrt((within + between) / (n - 1)),
            "√((Σ (n − 1)·SD² + Σ n·(mean − overall)²)/(Σn − 1))",
            inputs,
            source,
        ),
    )


def combine_counts(arms: Sequence[CountArm]) -> CountArm:
    """The arms as if they had been one: people and events added up."""
    require(len(arms) >= 2, "at least two arms are needed to combine")
    for arm in arms:
        require(0 <= arm.events <= arm.n, f"{arm.events:g} events among {arm.n:g} people can't be")
    return CountArm(math.fsum(arm.n for arm in arms), math.fsum(arm.events for arm in arms))


def split_continuous(arm: ContinuousArm, parts: int) -> ContinuousArm:
    """A shared comparator's share in each of ``parts`` comparisons: n/parts, the same mean and SD.

    Cochrane Handbook 6.4, 23.3.4. It only partly removes the correlation: keep the arm whole and use its covariance
    (`EffectSizes.shared`) where the analysis can.
    """
    require(parts >= 2, f"parts = {parts}; a split makes at least two")
    require(arm.n >= parts, f"{arm.n:g} people can't be split into {parts}")
    return ContinuousArm(arm.n / parts, arm.mean, arm.sd)


def split_counts(arm: CountArm, parts: int) -> CountArm:
    """A shared comparator's share in each of ``parts`` comparisons: n/parts and events/parts, fractions kept."""
    require(parts >= 2, f"parts = {parts}; a split makes at least two")
    require(arm.n >= parts, f"{arm.n:g} people can't be split into {parts}")
    return CountArm(arm.n / parts, arm.events / parts)
