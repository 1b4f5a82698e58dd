"""The notes of an article: what its sentences rest on, numbered in the order of the page."""

from __future__ import annotations

from typing import NamedTuple

from equipoise.report.answer import Ground, Statement


class Citation(NamedTuple):
    """The note that a sentence's mark leads to; `first`: no sentence before it had the same grounds."""

    number: int
    first: bool


class Notes:
    """Numbers the grounds in the order of the page; sentences with the same grounds share a note."""

    def __init__(self) -> None:
        self.numbered: dict[tuple[Ground, ...], int] = {}

    def cite(self, statement: Statement) -> Citation:
        first = statement.grounds not in self.numbered
        return Citation(self.numbered.setdefault(statement.grounds, len(self.numbered) + 1), first)
