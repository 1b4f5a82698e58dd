"""Everything that can go wrong, as one tree.

    EquipoiseError
    ├── QuestionError            a question that can't be answered as asked
    │   ├── NotCovered           no review at hand covers the treatment or the condition
    │   └── Ambiguous            several treatments or conditions fit the words
    ├── ReviewError              a review folder that can't be used
    │   └── InvalidReview        its tables break the rules; carries every problem at once
    ├── DataError (ValueError)   arrays or frames that no analysis can be made of
    │   ├── InconsistentVariances   a multi-arm study's variances contradict each other
    │   └── NotConverged         an iteration that found no answer
    ├── MissingExtra (ImportError)  an optional dependency isn't installed
    ├── GroundsError             a sentence of an article that rests on nothing
    └── OutputError (OSError)    a place that can't be written to, or holds somebody else's files

A message says what is wrong, where, and what to do about it. Empty evidence is a result, not an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from equipoise.review.problem import Problem


class EquipoiseError(Exception):
    """Any error that Equipoise raises on purpose; its text is fit to show to a user."""


class QuestionError(EquipoiseError):
    """A question that can't be answered as asked."""


class NotCovered(QuestionError):
    """No review at hand covers what was asked; ``covered`` lists what is."""

    def __init__(self, message: str, covered: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.covered = tuple(covered)


class Ambiguous(QuestionError):
    """Several readings fit equally well; ``candidates`` lists them."""

    def __init__(self, message: str, candidates: Sequence[str]) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class ReviewError(EquipoiseError):
    """A review folder that can't be used."""


class InvalidReview(ReviewError):
    """A review folder whose tables break the rules; ``problems`` holds all of them."""

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class DataError(EquipoiseError, ValueError):
    """Numbers that no analysis can be made of."""


class InconsistentVariances(DataError):
    """The variances of a multi-arm study's contrasts can't all be true."""


class NotConverged(DataError):
    """An iteration found no answer within its limit."""


class MissingExtra(EquipoiseError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'equipoise[{extra}]'")


class GroundsError(EquipoiseError):
    """A sentence rests on nothing, or on something that isn't in the answer."""


class OutputError(EquipoiseError, OSError):
    """A place that can't be written to."""
