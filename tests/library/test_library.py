"""The reviews that ship with the package are found by name, and by nothing else."""

from __future__ import annotations

import pytest

from equipoise import library
from equipoise.errors import ReviewError


def test_the_reviews_that_ship() -> None:
    assert library.names() == ("tardive-dyskinesia",)


def test_every_name_leads_to_a_review_folder() -> None:
    for name in library.names():
        assert (library.path(name) / "review.toml").is_file()


@pytest.mark.parametrize("name", ["", ".", "../review", "/etc", "tardive"])
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ReviewError, match="tardive-dyskinesia"):
        library.path(name)
