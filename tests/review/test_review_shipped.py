"""The reviews that ship with the package keep the rules of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise import library
from equipoise.review.reading import inspect, read
from equipoise.review.selection import select


@pytest.mark.parametrize("name", library.names())
def test_a_shipped_review_has_no_errors(name: str) -> None:
    review, problems = inspect(library.path(name))
    assert [str(problem) for problem in problems if problem.severity == "error"] == []
    assert review is not None


@pytest.mark.parametrize("name", library.names())
def test_every_ground_of_its_remarks_selects_rows(name: str) -> None:
    review = read(library.path(name))
    remarks = (*review.protocol.background, *review.protocol.conflicts, *review.protocol.gaps)
    assert [ground for remark in remarks for ground in remark.grounds if not select(review, ground)] == []
    assert remarks


@pytest.mark.parametrize("name", library.names())
def test_it_reads_back_as_it_was(tmp_path: Path, name: str) -> None:
    review = read(library.path(name))
    review.write(tmp_path)
    assert read(tmp_path) == review
