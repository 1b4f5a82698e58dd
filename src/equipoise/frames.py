"""Any dataframe in, any dataframe out.

The numerical core works on NumPy arrays; this is the one place that knows about dataframes. pandas, Polars and
PyArrow are read through narwhals; a plain mapping of column names to sequences is accepted as well.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError, MissingExtra

FloatArray = NDArray[np.float64]


def read_columns(frame: Any, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The named columns of a dataframe or mapping, as arrays of equal length.

    Raises ``DataError`` when a column is missing (naming those there are) or lengths differ.
    """
    available, get = _reader(frame)
    missing = [name for name in names if name not in available]
    if missing:
        raise DataError(
            f"no column {', '.join(map(repr, missing))}; the data has {', '.join(map(repr, available)) or 'none'}"
        )
    columns = {name: get(name) for name in names}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"columns of different lengths: {lengths}")
    return columns


def column_names(frame: Any) -> list[str]:
    """The column names of a dataframe or mapping, in order."""
    return _reader(frame)[0]


def numbers(values: NDArray[Any], name: str) -> FloatArray:
    """A column as float64, missing values as NaN.

    Raises ``DataError`` naming the row (counted from 1) and the value that isn't a number.
    """
    try:
        return np.array([np.nan if _missing(value) else float(value) for value in values], dtype=float)
    except (TypeError, ValueError):
        for row, value in enumerate(values, start=1):
            try:
                if not _missing(value):
                    float(value)
            except (TypeError, ValueError):
                raise DataError(f"column {name!r}, row {row}: {str(value)!r} is not a number") from None
        raise


def labels(values: NDArray[Any], name: str) -> list[str]:
    """A column as text.

    Raises ``DataError`` naming the row (counted from 1) that is empty.
    """
    for row, value in enumerate(values, start=1):
        if _missing(value):
            raise DataError(f"column {name!r}, row {row}: empty, a label is needed")
    return [str(value) for value in values]


def make_frame(columns: Mapping[str, Any]) -> Any:
    """The columns as a dataframe of whichever library is installed (pandas, then Polars, then PyArrow).

    Raises ``MissingExtra`` when there is none.
    """
    plain = {name: np.asarray(values).tolist() for name, values in columns.items()}
    if _AS_LISTS.get():
        return plain
    import narwhals as nw

    for backend in ("pandas", "polars", "pyarrow"):
        if importlib.util.find_spec(backend) is not None:
            return nw.from_dict(plain, backend=backend).to_native()
    raise MissingExtra("pandas, Polars or PyArrow", "frames", "a dataframe")


_AS_LISTS: ContextVar[bool] = ContextVar("as lists", default=False)


def columns_of(result: Any) -> dict[str, list[Any]]:
    """What ``result.to_frame()`` holds, as lists by column: without a dataframe library, whose import takes long."""
    token = _AS_LISTS.set(True)
    try:
        found: dict[str, list[Any]] = result.to_frame()
    finally:
        _AS_LISTS.reset(token)
    return found


def _reader(frame: Any) -> tuple[list[str], Any]:
    if isinstance(frame, Mapping):
        return list(frame), lambda name: np.asarray(frame[name])
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise DataError(f"expected a dataframe or a mapping of columns, got {type(frame).__name__}") from error
    return list(wrapped.columns), lambda name: wrapped[name].to_numpy()


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and np.isnan(value)) or _is_na(value)


def _is_na(value: Any) -> bool:
    return type(value).__name__ in {"NAType", "NaTType"}
