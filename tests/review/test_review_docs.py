"""docs/review-folder.md says what the reader does."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.certainty.grade import Body, rate
from equipoise.review.describing import reference
from equipoise.review.rows import TABLES, Row
from equipoise.review.vocabulary import CERTAINTY_DOMAINS, TABLES_TO_SET_ASIDE

DOCS = Path(__file__).parents[2] / "docs" / "review-folder.md"


def test_the_page_is_up_to_date() -> None:
    assert DOCS.read_text(encoding="utf-8") == reference(), (
        "write it again: python -m equipoise.review.describing > docs/review-folder.md"
    )


@pytest.mark.parametrize("kind", TABLES.values(), ids=lambda kind: kind.table)
def test_every_column_says_what_it_means(kind: type[Row]) -> None:
    assert [name for name, column in kind.columns().items() if not column.meaning] == []
    assert [name for name, column in kind.columns().items() if column.pattern and not column.example] == []


def test_the_tables_that_rows_are_set_aside_from_are_all_the_others() -> None:
    assert set(TABLES_TO_SET_ASIDE) == set(TABLES) - {"set_aside"}


def test_the_domains_of_certainty_are_those_that_are_rated() -> None:
    body = Body(estimate=0.0, ci_low=-1.0, ci_high=1.0, trials=(), important=None, large=None)
    assert tuple(rating.domain for rating in rate(body)) == CERTAINTY_DOMAINS
