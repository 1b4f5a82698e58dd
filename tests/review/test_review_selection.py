"""Selecting rows: ``table?column=value&column=value``."""

from __future__ import annotations

import pytest
from small_review import sound, write_folder

from equipoise.errors import ReviewError
from equipoise.review.model import Review
from equipoise.review.reading import read
from equipoise.review.selection import select


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    tables = sound()
    tables["arms"][0]["note"] = "a=b & c (see table 2)"
    tables["arms"][1]["baseline"] = "12.5"
    return read(write_folder(tmp_path_factory.mktemp("review"), tables))


def lines(review: Review, selector: str) -> list[int]:
    return [row.line for row in select(review, selector)]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("arms", [2, 3, 4, 5]),
        ("arms?study_id=ash2001", [2, 3, 4, 5]),
        ("arms?study_id=ash2001&treatment=placebo", [3, 5]),
        ("arms?outcome=response >=50%", [4, 5]),
        ("arms?outcome=response >=50%&treatment=borvanil 10 mg", [4]),
        ("arms?note=a=b & c (see table 2)", [2]),
        ("arms?note=a=b & c (see table 2)&n=40", [2]),
        ("arms?n=39", [3, 5]),
        ("arms?timepoint_weeks=6.0", [2, 3, 4, 5]),  # a number, however it is written
        ("arms?n=many", []),
        ("arms?mean=", [4, 5]),
        ("arms?baseline=12.5", [3]),  # a column that the format doesn't know
        ("contrasts?p=<0.01", [2]),
        ("contrasts?p=0.01", []),
        ("outcomes?lower_is_better=true", [2]),
        ("interventions?synonyms=BV-1", [3]),  # one item of a list
        ("interventions?synonyms=Borvan; BV-1", [3]),  # or the whole list
        ("interventions?synonyms=BV", []),
        ("syntheses?treatment=borvanil 20 mg", [2]),
        ("safety?with=alcohol", [2]),
        ("set_aside?table=studies&study_id=dogwood2004", [2]),
        ("studies?study_id=nobody", []),
    ],
)
def test_rows_are_selected_by_their_cells(review: Review, selector: str, expected: list[int]) -> None:
    assert lines(review, selector) == expected


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("study?study_id=a", "there is no table 'study'; did you mean 'studies'?"),
        ("trials", "there is no table 'trials'"),
        ("studies?id=a", "studies.csv has no column 'id'"),
        ("studies?sutdy_id=a", "studies.csv has no column 'sutdy_id'; did you mean 'study_id'?"),
        ("studies?ash2001", "it can't be read at 'ash2001'; write it like studies?study_id=smith2001"),
        ("studies?", "it can't be read at ''"),
    ],
)
def test_a_selector_that_can_select_nothing_is_an_error(review: Review, selector: str, message: str) -> None:
    with pytest.raises(ReviewError) as raised:
        select(review, selector)
    assert str(raised.value).startswith(f"{selector!r}: {message}")
