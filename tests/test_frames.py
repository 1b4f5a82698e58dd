"""Any dataframe in: what is read, and what a wrong cell or column says."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from equipoise.errors import DataError
from equipoise.frames import column_names, labels, make_frame, numbers, read_columns

COLUMNS = {"study": ["a", "b"], "events": [3, 5], "risk": [0.25, None]}


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_every_kind_of_frame_reads_the_same(make: type) -> None:
    frame = make(COLUMNS)
    assert column_names(frame) == ["study", "events", "risk"]
    columns = read_columns(frame, ["study", "risk"])
    assert labels(columns["study"], "study") == ["a", "b"]
    risk = numbers(columns["risk"], "risk")
    assert risk[0] == 0.25
    assert math.isnan(risk[1])


def test_a_missing_column_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError, match=r"no column 'n'; the data has 'study', 'events', 'risk'"):
        read_columns(COLUMNS, ["n"])


def test_text_in_a_number_column_names_row_and_value() -> None:
    with pytest.raises(DataError, match=r"column 'n', row 2: 'twelve' is not a number"):
        numbers(np.array(["4", "twelve"]), "n")


def test_an_empty_label_names_its_row() -> None:
    with pytest.raises(DataError, match=r"column 'study', row 2: empty"):
        labels(np.array(["a", None], dtype=object), "study")


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="different lengths"):
        read_columns({"a": [1, 2], "b": [1]}, ["a", "b"])


def test_something_else_is_no_frame() -> None:
    with pytest.raises(DataError, match="expected a dataframe"):
        column_names(3)


def test_a_frame_made_reads_back() -> None:
    frame = make_frame({"x": [1.0, 2.0], "y": ["a", "b"]})
    assert list(numbers(read_columns(frame, ["x"])["x"], "x")) == [1.0, 2.0]
