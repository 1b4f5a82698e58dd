"""The design matrix of a meta-regression: from an array or from a formula, with its terms named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError, MissingExtra
from equipoise.frames import column_names, read_columns

FloatArray = NDArray[np.float64]

_CODINGS = ("treatment", "sum", "helmert", "poly", "diff", "sas")
FUNCTIONS = frozenset({
    "C", "I", "log", "log2", "log10", "log1p", "exp", "exp10", "expm1", "center", "scale", "poly",
    "bs", "cs", "cc", "cr", *(f"contr.{coding}" for coding in _CODINGS),
})  # fmt: skip
"""What a formula may call. formulaic evaluates any Python expression; a formula may come from a web page."""


@dataclass(frozen=True, slots=True)
class Design:
    """Moderators as a matrix of full column rank.

    ``X`` (k, p); ``names`` one a column; ``terms`` maps each term of the formula (for an array: each column) to
    its column indices; ``intercept`` is the index of the column of ones, or None. ``formula`` and ``spec`` let new
    data be coded the same way.
    """

    X: FloatArray
    names: tuple[str, ...]
    terms: Mapping[str, tuple[int, ...]]
    intercept: int | None
    formula: str | None = None
    spec: Any = field(default=None, compare=False, repr=False)

    @property
    def tested(self) -> tuple[int, ...]:
        """The columns of the omnibus test: all but the intercept, or the intercept when it is alone."""
        others = tuple(j for j in range(self.X.shape[1]) if j != self.intercept)
        return others or tuple(range(self.X.shape[1]))

    @property
    def intercept_only(self) -> bool:
        return self.X.shape[1] == 1 and self.intercept == 0

    def contrast(self, term: Any) -> FloatArray:
        """L of a test Lβ = 0: for a term by name, columns by index, or L (m, p) itself."""
        p = self.X.shape[1]
        if isinstance(term, str):
            if term not in self.terms:
                raise DataError(f"no term {term!r}; the model has {', '.join(map(repr, self.terms))}")
            return np.eye(p)[list(self.terms[term])]
        given = np.asarray(term)
        return np.eye(p)[given] if given.ndim == 1 else np.asarray(given, dtype=float)

    def rows(self, data: Any) -> FloatArray:
        """New data (a frame or mapping for a formula, else a matrix) as rows of this design."""
        if self.spec is not None:
            frame = _as_pandas(data, _columns(str(self.formula), self.spec, data))
            return np.asarray(self.spec.get_model_matrix(frame), dtype=float)
        rows = np.atleast_2d(np.asarray(data, dtype=float))
        if rows.shape[1] != self.X.shape[1]:
            raise DataError(f"new data has {rows.shape[1]} columns; the model has {', '.join(self.names)}")
        return rows


def design_matrix(
    X: Any = None,
    k: int | None = None,
    *,
    formula: str | None = None,
    data: Any = None,
    names: tuple[str, ...] | None = None,
) -> Design:
    """The design of ``k`` studies.

    ``X``: None for an intercept alone, an array (k, p) that holds its own column of ones, or a `Design`. ``formula``
    (e.g. "~ latitude + C(allocation)") is read by formulaic against ``data``; text columns are coded against their
    first level in sorted order.

    Raises ``DataError`` for a length that doesn't fit, missing or infinite values (row and column named) and
    redundant columns; ``MissingExtra`` for a formula without formulaic.
    """
    if isinstance(X, Design):
        design = X
    elif formula is not None:
        design = _from_formula(formula, data)
    elif X is None:
        if k is None:
            raise DataError("give X, or a formula and data")
        design = Design(np.ones((k, 1)), ("intercept",), {"intercept": (0,)}, 0)
    else:
        design = _from_array(X, names)
    if k is not None and len(design.X) != k:
        raise DataError(f"the moderators have {len(design.X)} rows, but there are {k} studies")
    _check(design)
    return design


def _from_array(X: Any, names: tuple[str, ...] | None) -> Design:
    try:
        matrix = np.asarray(X, dtype=float)
    except (TypeError, ValueError):
        raise DataError("X holds values that aren't numbers; name categorical moderators in a formula") from None
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2:
        raise DataError(f"X must be a matrix with one row a study, got shape {matrix.shape}")
    ones = np.flatnonzero(np.all(matrix == 1, axis=0))
    intercept = int(ones[0]) if ones.size else None
    if names is None:
        names = tuple("intercept" if j == intercept else f"x{j + (intercept is None)}" for j in range(matrix.shape[1]))
    if len(names) != matrix.shape[1]:
        raise DataError(f"{len(names)} names for {matrix.shape[1]} columns")
    return Design(matrix, names, {name: (j,) for j, name in enumerate(names)}, intercept)


def _from_formula(formula: str, data: Any) -> Design:
    try:
        from formulaic import Formula
        from formulaic.errors import FormulaicError
    except ImportError:
        raise MissingExtra("formulaic", "regression", "a formula") from None
    if data is None:
        raise DataError(f"the formula {formula!r} needs data")
    _refuse_code(formula)
    try:
        # A name in a formula is a column; never a variable of the caller's.
        parsed = Formula(formula.split("~", 1)[-1].strip())
        matrix = parsed.get_model_matrix(_as_pandas(data, _columns(formula, parsed, data)), context={})
    except (FormulaicError, SyntaxError) as error:
        raise DataError(f"formula {formula!r}: {error}") from error
    X = np.asarray(matrix, dtype=float)
    names = tuple("intercept" if str(name) == "Intercept" else str(name) for name in matrix.columns)
    terms = {
        "intercept" if str(term) == "1" else str(term): tuple(range(columns.start, columns.stop))
        for term, columns in matrix.model_spec.term_slices.items()
    }
    ones = np.flatnonzero(np.all(X == 1, axis=0))
    return Design(X, names, terms, int(ones[0]) if ones.size else None, formula, matrix.model_spec)


def _columns(formula: str, parsed: Any, data: Any) -> list[str]:
    """The columns that a formula needs, which the data may lack."""
    return sorted(set(parsed.required_variables) | set(formula_columns(formula, data)))


def formula_columns(formula: str, data: Any) -> list[str]:
    """The columns of ``data`` that a formula uses, those within its functions included."""
    words = set(re.findall(r"`([^`]*)`", formula)) | set(re.findall(r"[A-Za-z_]\w*", formula)) - FUNCTIONS
    return sorted(words.intersection(column_names(data)))


def _refuse_code(formula: str) -> None:
    """Column names, numbers, operators and the listed functions, nothing else."""
    quoted = re.sub(r"`[^`]*`", "x", formula)
    called = re.findall(r"([A-Za-z_][\w.]*)\s*\(", quoted)
    dotted = re.findall(r"[A-Za-z_]\w*(?:\s*\.\s*\w+)+", re.sub(r"\"[^\"]*\"|'[^']*'", "x", quoted))
    strange = [name for name in [*called, *dotted] if name not in FUNCTIONS]
    if strange or re.search(r"__|[\[\]{};@\\]|\)\s*[.(]|\blambda\b|\bfor\b", quoted):
        raise DataError(
            f"formula {formula!r}: only columns, numbers, + - : * / ^ ( ) and the functions "
            f"{', '.join(sorted(FUNCTIONS))} are allowed; put a column with another name in backticks"
        )


def _as_pandas(data: Any, columns: list[str]) -> Any:
    pd = import_module("pandas")  # formulaic's own frame
    if not columns:
        first = column_names(data)[:1]
        return pd.DataFrame(read_columns(data, first))
    frame = pd.DataFrame(read_columns(data, columns))
    for name in columns:
        missing = np.flatnonzero(frame[name].isna())
        if missing.size:
            raise DataError(f"moderator {name!r}, row {missing[0] + 1}: missing; leave the study out and say so")
    return frame


def _check(design: Design) -> None:
    X = design.X
    bad = np.argwhere(~np.isfinite(X))
    if len(bad):
        row, j = bad[0]
        raise DataError(f"moderator {design.names[j]!r}, row {row + 1}: {X[row, j]:g}; a finite number is needed")
    if X.shape[1] == 0:
        raise DataError("the model has no coefficients")
    scaled = X / np.maximum(np.linalg.norm(X, axis=0), 1e-300)
    for j in range(X.shape[1]):
        if np.linalg.matrix_rank(scaled[:, : j + 1], tol=1e-10) <= j:
            raise DataError(
                f"moderator {design.names[j]!r} is redundant: over these {len(X)} studies it is a combination of "
                f"{', '.join(design.names[:j]) or 'nothing'}; leave it out"
            )
