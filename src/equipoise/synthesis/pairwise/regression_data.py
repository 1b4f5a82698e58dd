"""The studies that a meta-regression can use: those with an estimate, a variance and every moderator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError
from equipoise.frames import read_columns
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import Design, formula_columns

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RegressionData:
    """Estimates ``y`` and variances ``v`` (k,) with their moderators (``X``, or ``data`` for a formula) and labels.

    ``weights`` as they were given, for the same studies; ``left_out``: studies with a missing value, and what of.
    """

    y: FloatArray
    v: FloatArray
    X: Any
    data: Any
    studies: tuple[str, ...]
    weights: ArrayLike | None
    left_out: tuple[LeftOut, ...]


def complete_rows(
    estimates: ArrayLike,
    variances: ArrayLike,
    X: Any,
    formula: str | None,
    data: Any,
    studies: Sequence[str],
    weights: ArrayLike | None = None,
) -> RegressionData:
    """Without the studies that have a missing value (NaN), as `pool` and R's na.omit leave them out.

    Raises ``DataError`` for other numbers that can't be used, counted as given, and where no study is left.
    """
    y = inputs.column(estimates, "estimates")
    v = inputs.column(variances, "variances", len(y))
    if len(studies) != len(y):
        raise DataError(f"studies has {len(studies)} names, but there are {len(y)} estimates")
    reasons: list[list[str]] = [[] for _ in y]
    for values, reason in ((y, "estimate"), (v, "sampling variance")):
        for i in np.flatnonzero(np.isnan(values)):
            reasons[i].append(reason)
    matrix = _matrix(X, len(y))
    if matrix is not None:
        for i in np.flatnonzero(np.isnan(matrix).any(axis=1)):
            reasons[i].append("moderator")
    columns = {} if formula is None or data is None else read_columns(data, formula_columns(formula, data))
    for name, column in columns.items():
        if len(column) == len(y):
            for i in np.flatnonzero(_missing(column)):
                reasons[i].append(name)
    kept = np.array([not reason for reason in reasons], dtype=bool)
    # What can't be used is counted among the studies as they were given.
    unknown = np.isnan(y) | np.isnan(v)
    inputs.estimates_and_variances(np.where(unknown, 0.0, y), np.where(unknown, 1.0, v))
    if kept.all():
        return RegressionData(y, v, X, data, tuple(studies), weights, ())
    if not kept.any():
        raise DataError("no study has an estimate, a sampling variance and every moderator; there is nothing to fit")
    if matrix is not None and np.isinf(matrix).any():
        row, j = np.argwhere(np.isinf(matrix))[0]
        raise DataError(f"moderator column {j + 1}, row {row + 1}: {matrix[row, j]:g}; a finite number is needed")
    left_out = tuple(
        LeftOut(study, f"no {', no '.join(reason)}") for study, reason in zip(studies, reasons, strict=True) if reason
    )
    if weights is not None and np.shape(weights) == y.shape:
        weights = np.asarray(weights)[kept]
    if isinstance(X, Design):
        X = replace(X, X=X.X[kept])
    elif X is not None:
        X = np.asarray(X)[kept]
    if columns:
        data = {name: _as_numbers(column[kept]) for name, column in columns.items()}
    labels = tuple(study for study, there in zip(studies, kept, strict=True) if there)
    return RegressionData(y[kept], v[kept], X, data, labels, weights, left_out)


def _matrix(X: Any, k: int) -> FloatArray | None:
    """The moderators as numbers, one row a study; None where they aren't that, which the design then says."""
    if X is None:
        return None
    try:
        matrix = np.asarray(X.X if isinstance(X, Design) else X, dtype=float)
    except (TypeError, ValueError):
        return None
    return matrix.reshape(k, -1) if matrix.ndim in (1, 2) and len(matrix) == k else None


def _missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """None or NaN."""
    return np.array([value is None or value != value for value in column.tolist()], dtype=bool)


def _as_numbers(column: NDArray[Any]) -> NDArray[Any]:
    """Numbers that stood beside a None, and so among objects, as numbers: objects would be taken for categories."""
    if column.dtype == object and all(isinstance(value, Real) for value in column):
        return column.astype(float)
    return column
