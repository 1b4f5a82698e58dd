"""Reading arm data, wide (one row a study) or long (one row an arm), as the arguments of a measure's formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.frames import labels, numbers, read_columns
from equipoise.synthesis.measures.table import Measure

FloatArray = NDArray[np.float64]
Column = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """One row a comparison: study labels, the two groups' labels ("" when they have none), and the formula's
    arguments.

    ``study_index`` numbers the studies, so that comparisons of a multi-arm study share a number; ``multi_arm`` says
    whether any do. ``left_out`` are the studies that gave no comparison.
    """

    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    comparators: tuple[str, ...]
    study_index: NDArray[np.intp]
    arguments: Mapping[str, FloatArray]
    left_out: tuple[tuple[str, str], ...] = ()


def read_wide(data: Any, measure: Measure, study: str | None, columns: Mapping[str, Column]) -> Comparisons:
    """One row a study; a role that both groups have is a pair of column names, the treated group's first.

    Raises ``DataError`` when a column is missing or has a value that isn't a number.
    """
    arguments: dict[str, FloatArray] = {}
    for role in measure.roles:
        per_group = f"{role}1" in measure.needs
        names = columns[role]
        if per_group and isinstance(names, str):
            raise DataError(
                f"{measure.code}: {role}={names!r} names one column; say {role}=(treated, comparator) for one row a "
                "study, or treatment=… for one row an arm"
            )
        if not per_group and not isinstance(names, str):
            raise DataError(f"{measure.code}: {role} needs one column, got {names!r}")
        each = (names,) if isinstance(names, str) else tuple(names)
        if per_group and len(each) != 2:
            raise DataError(f"{measure.code}: {role} needs two columns, (treated, comparator), got {names!r}")
        values = read_columns(data, each)
        for suffix, name in zip(("1", "2") if per_group else ("",), each, strict=True):
            arguments[role + suffix] = numbers(values[name], name)
    k = len(next(iter(arguments.values())))
    names_of_studies = _study_labels(data, study, k)
    return Comparisons(names_of_studies, ("",) * k, ("",) * k, np.arange(k), arguments)


def read_long(
    data: Any,
    measure: Measure,
    study: str | None,
    treatment: str,
    reference: str | None,
    columns: Mapping[str, Column],
) -> Comparisons:
    """One row an arm: every other arm of a study against its ``reference`` arm.

    Without ``reference`` there may be two treatments only, and the one in the first row is the treated group. A study
    without the reference is left out. Raises ``DataError`` when a study has a treatment twice.
    """
    if study is None:
        raise DataError("one row an arm needs study=…, the column that says which arms belong together")
    for role, name in columns.items():
        if not isinstance(name, str):
            raise DataError(f"{role}={name!r}: with treatment=… each role needs one column")
    roles = [str(columns[role]) for role in measure.roles]
    raw = read_columns(data, [study, treatment, *roles])
    study_of, treatment_of = labels(raw[study], study), labels(raw[treatment], treatment)
    values = {role: numbers(raw[name], name) for role, name in zip(measure.roles, roles, strict=True)}

    seen = list(dict.fromkeys(treatment_of))
    if reference is None:
        if len(seen) != 2:
            raise DataError(f"say which treatment is the comparator: reference= one of {', '.join(seen)}")
        reference = seen[1]
    elif reference not in seen:
        raise DataError(f"no arm has the reference {reference!r}; the treatments are {', '.join(seen)}")

    arms: dict[str, dict[str, int]] = {}
    for row, (name, arm) in enumerate(zip(study_of, treatment_of, strict=True)):
        if arm in arms.setdefault(name, {}):
            raise DataError(
                f"{name}: two rows for {arm!r} (the second is row {row + 1}); combine them into one arm first"
            )
        arms[name][arm] = row
    pairs: list[tuple[str, str, int, int, int]] = []
    left_out: list[tuple[str, str]] = []
    for index, (name, rows) in enumerate(arms.items()):
        if reference not in rows:
            left_out.append((name, f"no {reference} arm"))
        elif len(rows) == 1:
            left_out.append((name, f"only a {reference} arm"))
        else:
            pairs += [(name, arm, row, rows[reference], index) for arm, row in rows.items() if arm != reference]
    treated = np.array([pair[2] for pair in pairs], dtype=int)
    compared = np.array([pair[3] for pair in pairs], dtype=int)
    arguments = {}
    for need in measure.needs:
        column = values[need.rstrip("12")]
        arguments[need] = column[compared] if need.endswith("2") else column[treated]
    return Comparisons(
        tuple(pair[0] for pair in pairs),
        tuple(pair[1] for pair in pairs),
        (reference,) * len(pairs),
        np.array([pair[4] for pair in pairs], dtype=np.intp),
        arguments,
        tuple(left_out),
    )


def _study_labels(data: Any, study: str | None, k: int) -> tuple[str, ...]:
    if study is None:
        return tuple(f"Study {i}" for i in range(1, k + 1))
    return tuple(labels(read_columns(data, [study])[study], study))


_SIZES = {"n", "time"}


def check(comparisons: Comparisons, measure: Measure) -> None:
    """Raises ``DataError`` naming the study and the value for numbers that can't be: negative counts or SDs, more
    events than people, sizes that aren't positive, correlations beyond ±1. Missing values pass."""
    arguments = comparisons.arguments
    for need, values in sorted(arguments.items(), key=lambda item: item[0].rstrip("12") not in _SIZES):
        role = need.rstrip("12")
        _refuse(comparisons, need, np.isinf(values), f"{measure.code} needs finite numbers")
        if role in _SIZES:
            _refuse(comparisons, need, values <= 0, "must be above 0")
        elif role == "events":
            _refuse(comparisons, need, values < 0, "a count can't be negative")
            size = arguments.get("n" + need[len(role) :], arguments.get("n"))
            if size is not None:
                _refuse(comparisons, need, values > size, "more events than people")
        elif role == "sd":
            _refuse(comparisons, need, values < 0, "a standard deviation can't be negative")
        elif role == "r":
            _refuse(comparisons, need, np.abs(values) > 1, "a correlation lies between −1 and 1")


def _refuse(comparisons: Comparisons, need: str, bad: NDArray[np.bool_], why: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        arm = _arm(comparisons, need, row)
        value = comparisons.arguments[need][row]
        raise DataError(f"{comparisons.studies[row]}{arm}: {need.rstrip('12')} = {value:g}: {why}")


def _arm(comparisons: Comparisons, need: str, row: int) -> str:
    if not need[-1].isdigit():
        return ""
    label = (comparisons.treatments if need.endswith("1") else comparisons.comparators)[row]
    return f", {label}" if label else (", treated group" if need.endswith("1") else ", comparator group")


def why_undefined(
    comparisons: Comparisons, measure: Measure, row: int, estimate: float, variance: float
) -> str | None:
    """Why a comparison has no usable estimate, or None when it has one."""
    missing = [need for need in measure.needs if np.isnan(comparisons.arguments[need][row])]
    if missing:
        return ", ".join(f"{need.rstrip('12')} missing{_arm(comparisons, need, row)}" for need in missing)
    for need in measure.positive:
        if not comparisons.arguments[need][row] > 0:
            return f"{need.rstrip('12')} isn't above 0{_arm(comparisons, need, row)}"
    if np.isfinite(estimate) and np.isfinite(variance) and variance >= 0:
        return None
    if "events1" in comparisons.arguments:
        return "no information: no events, or nothing but events"
    return "the measure isn't defined for these numbers"


def select(values: Sequence[str], keep: NDArray[np.bool_]) -> tuple[str, ...]:
    """The values where ``keep`` is true."""
    return tuple(value for value, kept in zip(values, keep, strict=True) if kept)
