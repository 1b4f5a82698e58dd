"""What an analysis of estimates and variances accepts, checked with the study and value named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError
from equipoise.synthesis.measures.effect_sizes import EffectSizes

FloatArray = NDArray[np.float64]


def estimates_and_variances(
    estimates: ArrayLike | EffectSizes, variances: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Both as float64 arrays (k,), k ≥ 1; those of `EffectSizes` where these are given alone.

    Raises ``DataError`` naming the first study (counted from 1) whose estimate isn't finite or whose sampling
    variance isn't positive and finite, and for comparisons that share arms.
    """
    estimates, variances = _unpacked(estimates, variances)
    y = column(estimates, "estimates")
    v = column(variances, "variances", len(y))
    if not len(y):
        raise DataError("no studies: estimates is empty")
    _refuse(~np.isfinite(y), y, "estimates", "a finite number is needed; leave the study out and say so")
    _refuse(~np.isfinite(v) | (v <= 0), v, "variances", "a sampling variance must be positive and finite")
    return y, v


def studies_of(estimates: ArrayLike | EffectSizes, studies: Sequence[Any] | None) -> Sequence[Any] | None:
    """The studies' names as given, else those of `EffectSizes`, else None."""
    return estimates.studies if studies is None and isinstance(estimates, EffectSizes) else studies


def unpacked(
    estimates: ArrayLike | EffectSizes, variances: ArrayLike | None, studies: Sequence[Any] | None
) -> tuple[ArrayLike, ArrayLike, Sequence[Any] | None]:
    """Estimates, variances and names, unchecked; those of `EffectSizes` where these are given alone."""
    return (*_unpacked(estimates, variances), studies_of(estimates, studies))


def _unpacked(estimates: ArrayLike | EffectSizes, variances: ArrayLike | None) -> tuple[ArrayLike, ArrayLike]:
    if not isinstance(estimates, EffectSizes):
        if hasattr(estimates, "estimates"):
            raise DataError(
                "a result isn't taken: give its .estimates and .variances (and its method), or the EffectSizes"
            )
        if variances is None:
            raise DataError("variances are needed beside estimates (or EffectSizes alone)")
        return estimates, variances
    if variances is not None:
        raise DataError("effect sizes carry their variances; leave variances out")
    if estimates.shared is not None:
        raise DataError(
            "comparisons share arms: their estimates are correlated, which this analysis doesn't allow for; take "
            "multilevel with their covariance, or one comparison a study"
        )
    return estimates.estimates, estimates.variances


def column(values: ArrayLike, name: str, k: int | None = None) -> FloatArray:
    """One number a study, as float64 of length ``k``."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: numbers are needed ({error})") from None
    if array.ndim != 1:
        raise DataError(f"{name}: one number a study is needed, got an array of shape {array.shape}")
    if k is not None and len(array) != k:
        raise DataError(f"{name} has {len(array)} values, but there are {k} studies")
    return array


def positive(values: ArrayLike, name: str, k: int) -> FloatArray:
    """One positive finite number a study."""
    array = column(values, name, k)
    _refuse(~np.isfinite(array) | (array <= 0), array, name, "a positive number is needed")
    return array


def counts(values: ArrayLike, name: str, k: int | None = None) -> FloatArray:
    """One finite number ≥ 0 a study (a count; halves after a continuity correction are accepted)."""
    array = column(values, name, k)
    _refuse(~np.isfinite(array) | (array < 0), array, name, "a count of 0 or more is needed")
    return array


def two_by_two(
    events_treatment: ArrayLike, n_treatment: ArrayLike, events_control: ArrayLike, n_control: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Events and group sizes of two arms, each (k,).

    Raises ``DataError`` naming the study whose group is empty or has more events than participants.
    """
    et = counts(events_treatment, "events_treatment")
    nt = positive(n_treatment, "n_treatment", len(et))
    ec = counts(events_control, "events_control", len(et))
    nc = positive(n_control, "n_control", len(et))
    _refuse(et > nt, et, "events_treatment", "more events than participants")
    _refuse(ec > nc, ec, "events_control", "more events than participants")
    return et, nt, ec, nc


def labels(values: Sequence[Any] | NDArray[Any] | None, k: int, name: str = "labels") -> tuple[str, ...]:
    """One name a study; "1", "2", … when none are given."""
    if values is None:
        return tuple(str(number) for number in range(1, k + 1))
    if len(values) != k:
        raise DataError(f"{name} has {len(values)} values, but there are {k} studies")
    return tuple(str(value) for value in values)


def probability(value: float, name: str) -> float:
    """A number strictly between 0 and 1."""
    if not 0 < value < 1:
        raise DataError(f"{name} is {value!r}; a number between 0 and 1 is needed")
    return float(value)


def choice(value: str, allowed: Sequence[str], name: str) -> str:
    """One of the named options."""
    if value not in allowed:
        raise DataError(f"{name} is {value!r}; choose one of {', '.join(map(repr, allowed))}")
    return value


def _refuse(bad: NDArray[np.bool_], values: FloatArray, name: str, mend: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(f"{name}, study {row + 1}: {values[row]:g}; {mend}")
