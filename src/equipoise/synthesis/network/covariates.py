"""Characteristics of studies, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.frames import FloatArray, labels, read_columns
from equipoise.synthesis.network.network import LeftOut, Network


@dataclass(frozen=True, slots=True, eq=False)
class StudyCovariates:
    """The studies that have all covariates, and their values.

    ``network``: those studies; its ``left_out`` names the others. ``names``: one a column, "covariate[level]" for a
    category's level; ``values``: shape (studies, columns), 0 or 1 for levels; ``categorical``: which columns are.
    """

    network: Network
    names: tuple[str, ...]
    values: FloatArray
    categorical: NDArray[np.bool_]


def restrict(network: Network, keep: NDArray[np.bool_], reasons: Sequence[LeftOut] = ()) -> Network:
    """The network of the studies for which ``keep`` is true; ``reasons`` join what was left out before."""
    if keep.all():
        return replace(network, left_out=(*network.left_out, *reasons)) if reasons else network
    chosen = [s for s, k in zip(network.studies, keep, strict=True) if k]
    return Network.from_studies(chosen, network.measure, (*network.left_out, *reasons), network.changes)


def values_by_study(network: Network, data: Any, column: str, study: str = "study") -> list[Any]:
    """The value of ``column`` for each of the network's studies, None where missing.

    Rows of ``data`` may repeat a study (arms, contrasts) as long as they agree. Raises ``DataError`` otherwise, and
    when no study of the network occurs.
    """
    columns = read_columns(data, (study, column))
    found: dict[str, Any] = {}
    for row, (name, value) in enumerate(zip(labels(columns[study], study), columns[column], strict=True), start=1):
        given = _plain(value)
        if name in found and given is not None and found[name] is not None and found[name] != given:
            raise DataError(
                f"column {column!r}, row {row}: study {name!r} has {given!r} here and {found[name]!r} before; "
                "a covariate must be the same in all rows of a study"
            )
        if found.get(name) is None:
            found[name] = given
    if not any(s.study in found for s in network.studies):
        raise DataError(f"no study of the network occurs in column {study!r}; are the labels the same?")
    return [found.get(s.study) for s in network.studies]


def study_covariates(network: Network, data: Any, names: Sequence[str], study: str = "study") -> StudyCovariates:
    """The covariates of the studies that have them all; see ``values_by_study``.

    Raises ``DataError`` for a covariate that is the same in all studies.
    """
    if not names:
        raise DataError("no covariate named")
    raw = {name: values_by_study(network, data, name, study) for name in names}
    missing = np.array([[value is None for value in column] for column in raw.values()])
    keep = np.asarray(~missing.any(axis=0))
    reasons = [
        LeftOut(s.study, f"no value for {', '.join(n for n, gone in zip(names, missing[:, i], strict=True) if gone)}")
        for i, s in enumerate(network.studies)
        if not keep[i]
    ]
    if not keep.any():
        raise DataError(f"no study has a value for {', '.join(names)}")
    columns, titles, categorical = [], [], []
    for name, column in raw.items():
        values = [value for value, k in zip(column, keep, strict=True) if k]
        levels = sorted(set(values), key=str)
        if len(levels) < 2:
            raise DataError(f"covariate {name!r} is {levels[0]!r} in every study, so it explains nothing")
        if all(isinstance(value, (int, float)) for value in values):
            columns.append(np.array(values, dtype=float))
            titles.append(name)
            categorical.append(False)
            continue
        for other in levels[1:]:
            columns.append(np.array([float(value == other) for value in values]))
            titles.append(f"{name}[{other}]")
            categorical.append(True)
    return StudyCovariates(
        restrict(network, keep, reasons), tuple(titles), np.column_stack(columns), np.array(categorical, dtype=bool)
    )


def _plain(value: Any) -> Any:
    """A Python value; None where missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value == "" or (isinstance(value, float) and np.isnan(value)):
        return None
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    return float(value) if isinstance(value, (int, bool)) else value
