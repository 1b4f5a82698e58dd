"""What a review holds, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from equipoise.review.model import TABLES, Review, SourcedRow
from equipoise.review.vocabulary import DESIGNS, SOURCE_QUALITIES

Count = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts with their names; what there is none of is left out, except among the tables."""

    title: str
    tables: tuple[Count, ...]
    """Rows by table."""
    designs: tuple[Count, ...]
    """Studies by design."""
    roles: tuple[Count, ...]
    """Treatments (nodes) by role."""
    outcomes: tuple[Count, ...]
    """Studies that report an outcome in arms.csv or contrasts.csv, by outcome; most first."""
    qualities: tuple[Count, ...]
    """Rows by the quality of their source."""


def summarise(review: Review) -> Summary:
    """The counts of a review."""
    reporting: dict[str, set[str]] = {outcome.outcome: set() for outcome in review.outcomes}
    for arm in review.arms:
        reporting.setdefault(arm.outcome, set()).add(arm.study_id)
    for contrast in review.contrasts:
        reporting.setdefault(contrast.outcome, set()).add(contrast.study_id)
    outcomes = [(outcome, len(studies)) for outcome, studies in reporting.items() if studies]
    roles = {treatment.node: treatment.role for treatment in reversed(review.interventions)}
    return Summary(
        title=review.protocol.title,
        tables=tuple((name, len(rows)) for name, rows in review.tables()),
        designs=_counted((study.design or "design not given" for study in review.studies), DESIGNS),
        roles=_counted(roles.values(), ("conventional", "supplement", "investigational", "control")),
        outcomes=tuple(sorted(outcomes, key=lambda item: -item[1])),
        qualities=_counted(
            (row.source_quality for name in TABLES for row in review.rows(name) if isinstance(row, SourcedRow)),
            SOURCE_QUALITIES,
        ),
    )


def _counted(values: Iterable[str], order: Iterable[str]) -> tuple[Count, ...]:
    counts = Counter(values)
    known = [value for value in order if value in counts]
    return tuple((value, counts[value]) for value in (*known, *sorted(set(counts) - set(known))))
