"""The review as plain data: the protocol and the rows of every table, all frozen dataclasses.

The rows' own classes are in `equipoise.review.rows`; their names are here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from equipoise.review.rows import (
    TABLES,
    Arm,
    CertaintyOverride,
    Contrast,
    Finding,
    Intervention,
    Judgement,
    Mechanism,
    Outcome,
    Row,
    SafetyStatement,
    SetAside,
    SourcedRow,
    Study,
    Synthesis,
)

if TYPE_CHECKING:
    from equipoise.report.answer import Answer

__all__ = [
    "TABLES",
    "Analysis",
    "Arm",
    "CertaintyOverride",
    "Condition",
    "Contrast",
    "Finding",
    "Intervention",
    "Judgement",
    "Mechanism",
    "Outcome",
    "Protocol",
    "Question",
    "Remark",
    "Review",
    "Row",
    "SafetyStatement",
    "SetAside",
    "SourcedRow",
    "Study",
    "Synthesis",
]


@dataclass(frozen=True, slots=True)
class Question:
    """The PICO question of a review, from `[question]` in review.toml."""

    text: str
    population: str
    interventions: tuple[str, ...] = ()
    comparators: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """What the review is about, and the words by which people ask for it.

    ``broader`` are words that mean more than the review covers; a question that uses one is answered for the
    condition, and told so.
    """

    name: str
    abbreviation: str = ""
    synonyms: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence in the review's own words, with what it rests on.

    ``about`` is `condition` or a treatment's node. Each of ``grounds`` selects rows: ``studies?study_id=smith2001``,
    ``safety?substance=zinc&kind=dose-limit``. ``lead`` puts it into the quick summary.
    """

    about: tuple[str, ...]
    text: str
    grounds: tuple[str, ...]
    lead: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """One synthesis to make, from `[[analysis]]` in review.toml.

    ``smallest_important_difference`` is on the measure's natural scale: a difference above 0, or a ratio above 1.
    """

    outcome: str
    measure: str
    primary: bool = False
    model: str = "random"
    method: str = "REML"
    reference: str = "placebo"
    smallest_important_difference: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """review.toml: the decisions of a review."""

    title: str
    question: Question
    condition: Condition
    analyses: tuple[Analysis, ...] = ()
    background: tuple[Remark, ...] = ()
    conflicts: tuple[Remark, ...] = ()
    gaps: tuple[Remark, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """A review folder in memory."""

    protocol: Protocol
    outcomes: tuple[Outcome, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    studies: tuple[Study, ...] = ()
    arms: tuple[Arm, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    findings: tuple[Finding, ...] = ()
    syntheses: tuple[Synthesis, ...] = ()
    appraisal: tuple[Judgement, ...] = ()
    mechanisms: tuple[Mechanism, ...] = ()
    safety: tuple[SafetyStatement, ...] = ()
    certainty: tuple[CertaintyOverride, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    name: str = field(default="", compare=False)
    """The folder's name; not part of its content."""

    @staticmethod
    def read(directory: str | Path) -> Review:
        """The review in a folder; see `equipoise.review.reading.read`."""
        from equipoise.review.reading import read

        return read(directory)

    def write(self, directory: str | Path) -> None:
        """Write the review as a folder; see `equipoise.review.writing.write`."""
        from equipoise.review.writing import write

        write(self, directory)

    def answer(self, question: str) -> Answer:
        """The answer to a question, or about a treatment by its name; see `equipoise.report.build.answer_question`."""
        from equipoise.report.build import answer_question

        return answer_question(question, [self])

    def rows(self, table: str) -> tuple[Row, ...]:
        """The rows of a table by its name."""
        rows: tuple[Row, ...] = getattr(self, table)
        return rows

    def tables(self) -> Iterator[tuple[str, tuple[Row, ...]]]:
        """Every table with its rows, in the order of the pipeline."""
        for table in TABLES:
            yield table, self.rows(table)

    def study(self, study_id: str) -> Study:
        """The study of that id; KeyError when there is none."""
        for study in self.studies:
            if study.study_id == study_id:
                return study
        raise KeyError(study_id)
