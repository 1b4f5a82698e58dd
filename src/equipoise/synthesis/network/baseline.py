"""Contrast-level input with one row an arm, each against its study's baseline arm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.errors import DataError, InconsistentVariances
from equipoise.frames import FloatArray
from equipoise.synthesis.network.contrasts import StudyContrasts


def studies_from_baseline(
    studies: Sequence[str],
    treatments: Sequence[str],
    estimates: FloatArray,
    errors: FloatArray,
    counts: FloatArray | None = None,
) -> list[StudyContrasts]:
    """The studies of such a table; all sequences have one entry a row, NaN where missing.

    The row without an estimate is the baseline's, and its standard error that of the arm itself. Raises as
    ``Network.from_baseline``.
    """
    rows_of: dict[str, list[int]] = {}
    for row, study in enumerate(studies):
        rows_of.setdefault(study, []).append(row)
    return [_study(study, rows, treatments, estimates, errors, counts) for study, rows in rows_of.items()]


def _study(
    study: str,
    rows: list[int],
    treatments: Sequence[str],
    estimates: FloatArray,
    errors: FloatArray,
    counts: FloatArray | None,
) -> StudyContrasts:
    base = [row for row in rows if np.isnan(estimates[row])]
    others = [row for row in rows if row not in base]
    if len(base) != 1:
        raise DataError(f"study {study!r} has {len(base)} arms without an estimate; its baseline arm is the only one")
    shared = float(errors[base[0]])
    if len(others) > 1 and np.isnan(shared):
        raise DataError(
            f"study {study!r}, row {base[0] + 1}: the baseline arm's standard error is missing; without it the "
            f"covariance of its {len(others)} estimates is unknown"
        )
    for row in others:
        if not errors[row] > 0 or not np.isfinite(errors[row]) or not np.isfinite(estimates[row]):
            raise DataError(
                f"study {study!r}, row {row + 1} ({treatments[row]}): estimate {estimates[row]:g} and standard error "
                f"{errors[row]:g} must be finite and the standard error positive"
            )
        if len(others) > 1 and not errors[row] > shared > 0:
            raise InconsistentVariances(
                f"study {study!r}, row {row + 1} ({treatments[row]}): the estimate's standard error {errors[row]:g} "
                f"must be larger than that of the baseline arm alone ({shared:g}), and that positive"
            )
    covariance = np.full((len(others), len(others)), 0.0 if len(others) < 2 else shared**2)
    np.fill_diagonal(covariance, errors[others] ** 2)
    ordered = [*base, *others]
    participants: tuple[int | None, ...] = ()
    if counts is not None:
        participants = tuple(round(float(counts[row])) if np.isfinite(counts[row]) else None for row in ordered)
    return StudyContrasts(study, tuple(treatments[row] for row in ordered), estimates[others], covariance, participants)
