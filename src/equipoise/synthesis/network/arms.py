"""Arm-level input: one row an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.arm_effects import (
    BINARY,
    ArmValues,
    SmdForm,
    contrasts,
    needed,
    sparse_studies,
    uninformative_studies,
)
from equipoise.synthesis.network.contrasts import StudyContrasts

COLUMNS = ("events", "n", "mean", "sd", "se", "time")

DoubleZero = Literal["leave out", "keep"]


@dataclass(slots=True)
class Arm:
    """One arm: the table's row (counted from 1), its treatment and what is known of it, by column."""

    row: int
    treatment: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class ArmInput:
    """What ``studies_from_arms`` makes of a table: the studies, and (study, text) of what was left out or changed."""

    studies: list[StudyContrasts]
    left_out: list[tuple[str, str]]
    changes: list[tuple[str, str]]


def studies_from_arms(
    labels: Sequence[str],
    treatments: Sequence[str],
    columns: Mapping[str, FloatArray],
    measure: str,
    increment: float = 0.5,
    double_zero: DoubleZero = "leave out",
    smd: SmdForm = "hedges",
) -> ArmInput:
    """The studies of an arm-level table; ``columns`` maps names of ``COLUMNS`` to one number an arm, NaN if missing.

    Arms with a missing value are left out, arms of one study with the same treatment merged, studies left with one
    arm left out, continuity corrections made, each reported. ``double_zero``: what to do with a study that has no
    event (or nothing but events) in any arm, when the measure is a ratio.

    Raises ``DataError`` naming study, row and value for a number that can't be true.
    """
    wanted = _wanted(measure, columns)
    left_out: list[tuple[str, str]] = []
    changes: list[tuple[str, str]] = []
    grouped: dict[str, list[Arm]] = {}
    for row, (label, treatment) in enumerate(zip(labels, treatments, strict=True)):
        values = {name: float(columns[name][row]) for name in wanted}
        missing = [name for name, value in values.items() if np.isnan(value)]
        if missing:
            left_out.append((f"{label}: {treatment} (row {row + 1})", f"its {' and '.join(missing)} is missing"))
            grouped.setdefault(label, [])
            continue
        arm = Arm(row + 1, treatment, values)
        check_arm(label, arm, measure)
        grouped.setdefault(label, []).append(arm)
    by_arms: dict[int, list[tuple[str, list[Arm]]]] = {}
    for label, arms in grouped.items():
        merged = _merged(label, arms, changes)
        if measure == "ROM" and merged:
            _check_signs(label, merged)
        if len(merged) < 2:
            left_out.append((label, "fewer than two treatments, so it compares nothing"))
        else:
            by_arms.setdefault(len(merged), []).append((label, merged))
    made: dict[str, StudyContrasts] = {}
    for members in by_arms.values():
        for study in _make(members, measure, increment, double_zero, smd, left_out, changes):
            made[study.study] = study
    return ArmInput([made[label] for label in grouped if label in made], left_out, changes)


def _wanted(measure: str, columns: Mapping[str, FloatArray]) -> tuple[str, ...]:
    """The columns to be used; raises ``DataError`` naming those a measure lacks."""
    names: list[str] = []
    for name in needed(measure):
        if name != "spread":
            names.append(name)
        elif "sd" in columns and "n" in columns:
            names += ["sd", "n"]
        else:
            names.append("se")
    lacking = [name for name in names if name not in columns]
    if lacking:
        also = " (or sd and n)" if "se" in lacking else ""
        raise DataError(f"measure {measure} needs {', '.join(lacking)}{also} of every arm; name the column")
    if measure == "HR" and "time" in columns:
        names.append("time")
    return tuple(names)


def check_arm(label: str, arm: Arm, measure: str) -> None:
    """Raise ``DataError`` naming study, row and value of a number that can't be true."""
    values = arm.values
    where = f"study {label!r}, row {arm.row} ({arm.treatment})"
    for name, value in values.items():
        if not np.isfinite(value):
            raise DataError(f"{where}: {name} is {value}; it must be finite")
        if name in ("n", "time", "sd", "se") and value <= 0:
            raise DataError(f"{where}: {name} is {value:g}; it must be positive")
    events = values.get("events")
    if events is not None and events < 0:
        raise DataError(f"{where}: {events:g} events; there can't be fewer than none")
    if events is not None and measure in BINARY and events > values["n"]:
        raise DataError(f"{where}: {events:g} events among {values['n']:g} participants; check the two numbers")
    if measure == "ROM" and values["mean"] == 0:
        raise DataError(f"{where}: mean 0; a ratio of means needs means other than 0; use MD or SMD")


def _check_signs(label: str, arms: list[Arm]) -> None:
    """A ratio of means needs means of one sign: all above 0, or all below."""
    means = [arm.values["mean"] for arm in arms]
    if min(means) < 0 < max(means):
        given = ", ".join(f"{arm.treatment} {mean:g}" for arm, mean in zip(arms, means, strict=True))
        raise DataError(f"study {label!r}: means of both signs ({given}) have no ratio; use MD or SMD")


def _merged(label: str, arms: list[Arm], changes: list[tuple[str, str]]) -> list[Arm]:
    """The arms with those of the same treatment merged into one."""
    by_treatment: dict[str, list[Arm]] = {}
    for arm in arms:
        by_treatment.setdefault(arm.treatment, []).append(arm)
    merged = []
    for treatment, same in by_treatment.items():
        if len(same) > 1:
            rows = " and ".join(str(arm.row) for arm in same)
            changes.append((label, f"arms with the same treatment merged: {treatment} (rows {rows})"))
        merged.append(Arm(same[0].row, treatment, _combine([arm.values for arm in same])) if len(same) > 1 else same[0])
    return merged


def _combine(arms: list[dict[str, float]]) -> dict[str, float]:
    """Counts and times add up; means and standard deviations as of one group (Cochrane Handbook, table 6.5.a).

    Arms known by mean and standard error alone are averaged with inverse-variance weights.
    """
    total: dict[str, float]
    total = {name: float(sum(arm[name] for arm in arms)) for name in ("events", "n", "time") if name in arms[0]}
    if "mean" not in arms[0]:
        return total
    mean = np.array([arm["mean"] for arm in arms])
    if "sd" in arms[0]:
        n = np.array([arm["n"] for arm in arms])
        sd = np.array([arm["sd"] for arm in arms])
        overall = float((n * mean).sum() / n.sum())
        squares = ((n - 1) * sd**2).sum() + (n * (mean - overall) ** 2).sum()
        return {**total, "mean": overall, "sd": float(np.sqrt(squares / (n.sum() - 1)))}
    weight = np.array([arm["se"] for arm in arms]) ** -2.0
    return {**total, "mean": float((weight * mean).sum() / weight.sum()), "se": float(weight.sum() ** -0.5)}


def _make(
    members: list[tuple[str, list[Arm]]],
    measure: str,
    increment: float,
    double_zero: DoubleZero,
    smd: SmdForm,
    left_out: list[tuple[str, str]],
    changes: list[tuple[str, str]],
) -> list[StudyContrasts]:
    """The studies with equally many arms."""
    names = members[0][1][0].values
    arrays = {name: np.array([[arm.values[name] for arm in arms] for _, arms in members]) for name in names}
    values = ArmValues(**arrays)
    empty = uninformative_studies(measure, values)
    if double_zero == "leave out" and empty.any():
        for k in np.flatnonzero(empty).tolist():
            left_out.append(
                (members[k][0], f"no event, or nothing but events, in any arm: it says nothing about the {measure}")
            )
        members = [member for member, out in zip(members, empty, strict=True) if not out]
        values = ArmValues(**{name: array[~empty] for name, array in arrays.items()})
        if not members:
            return []
    corrected = sparse_studies(measure, values) if increment > 0 else np.zeros(len(members), dtype=bool)
    for k in np.flatnonzero(corrected).tolist():
        changes.append(
            (members[k][0], f"{increment:g} added to the counts of all its arms, one of which has a zero cell")
        )
    estimates, covariances = contrasts(measure, values, corrected, increment, smd)
    studies = []
    for k, (label, arms) in enumerate(members):
        counts = tuple(round(arm.values["n"]) for arm in arms) if "n" in names else ()
        treatments = tuple(arm.treatment for arm in arms)
        studies.append(StudyContrasts(label, treatments, estimates[k], covariances[k], counts))
    return studies
