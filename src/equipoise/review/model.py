"""The review as plain data: one frozen dataclass a table row, its columns with their rules, and the protocol.

An empty cell is ``""`` for text, None for numbers and yes/no, an empty tuple for lists. ``line`` is the row's line
in its file (the header is line 1; 0 for a row that was not read from a file); ``extra`` keeps columns that the
format doesn't know, so that nothing is lost on writing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from equipoise.review.columns import Column, PValue, column

if TYPE_CHECKING:
    from equipoise.report.answer import Answer
from equipoise.review.vocabulary import (
    CERTAINTY_DOMAINS,
    DESIGNS,
    MEASURES,
    SOURCE_KINDS,
    SOURCE_QUALITIES,
    SYNTHESIS_MEASURES,
    TABLES_TO_SET_ASIDE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every table row has."""

    table: ClassVar[str] = ""
    key: ClassVar[tuple[str, ...]] = ()
    """The columns that together must not repeat; empty: whole rows must not repeat."""

    line: int = field(default=0, compare=False)
    extra: tuple[tuple[str, str], ...] = ()

    @classmethod
    def columns(cls) -> Mapping[str, Column]:
        """The table's columns by name with their rules, where the fact was seen last."""
        return _columns(cls)  # type: ignore[arg-type]  # mypy takes the class for its instances

    @classmethod
    def attributes(cls) -> Mapping[str, str]:
        """Column → the attribute that holds it; they differ where the column's name is a word of Python."""
        return _attributes(cls)  # type: ignore[arg-type]


@cache
def _columns(kind: type[Row]) -> Mapping[str, Column]:
    named = {f.metadata.get("name", f.name): f.metadata["column"] for f in fields(kind) if f.metadata}
    return dict(sorted(named.items(), key=lambda item: item[0].startswith("source_") and item[0] != "source_name"))


@cache
def _attributes(kind: type[Row]) -> Mapping[str, str]:
    return {f.metadata.get("name", f.name): f.name for f in fields(kind) if f.metadata}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedRow(Row):
    """A row that carries a fact and therefore the place where it was seen."""

    source_url: str = column("where the fact was seen", "url", required=True)
    source_kind: str = column("what was read there", "choice", choices=SOURCE_KINDS, required=True)
    source_quality: str = column(
        "primary: those who made the data; official: regulator, registry, guideline, label; "
        "secondary: passed on by another professional text; low: company release or news",
        "choice",
        choices=SOURCE_QUALITIES,
        required=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Row):
    table: ClassVar[str] = "outcomes"
    key: ClassVar[tuple[str, ...]] = ("outcome",)

    outcome: str = column("its name, as used in the other tables", required=True)
    label: str = column("how the article writes it", required=True)
    kind: str = column("", "choice", choices=("benefit", "harm"), required=True)
    type: str = column("", "choice", choices=("continuous", "binary", "rate", "time-to-event"), required=True)
    lower_is_better: bool | None = column("true when a smaller value is better", "boolean", required=True)
    scales: tuple[str, ...] = column("the scales that measure it", "list")
    definition: str = column("what is counted or rated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention(SourcedRow):
    table: ClassVar[str] = "interventions"
    key: ClassVar[tuple[str, ...]] = ("name",)

    name: str = column("its name, as used in the other tables", required=True)
    node: str = column("the treatment it is lumped into (doses and salts)", required=True)
    class_: str = field(
        default="", metadata={"name": "class", "column": Column(meaning="pharmacological or other class")}
    )
    role: str = column(
        "",
        "choice",
        choices=("conventional", "supplement", "investigational", "control"),
        required=True,
    )
    synonyms: tuple[str, ...] = column("other names, brands and abbreviations", "list")
    status: str = column("approval, labelled dose or limit")
    is_class: bool | None = column("true when the name stands for every member of its class", "boolean")
    related: tuple[str, ...] = column(
        "nodes that this is about without being them: a combination, an exposure, a blood level", "list"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Study(SourcedRow):
    table: ClassVar[str] = "studies"
    key: ClassVar[tuple[str, ...]] = ("study_id",)

    study_id: str = column("a short stable id", required=True)
    citation: str = column("authors, year, journal", required=True)
    title: str = column("", required=True)
    year: int | None = column("", "integer", minimum=1800, maximum=2100)
    doi: str = column("digital object identifier", pattern=r"10\.\d{4,9}/\S+", example="10.1056/NEJMoa2034577")
    pmid: str = column("PubMed's number", pattern=r"\d{1,8}", example="26346941")
    nct: str = column(
        "numbers at ClinicalTrials.gov", pattern=r"NCT\d{8}(; NCT\d{8})*", example="NCT02274558; NCT01733121"
    )
    design: str = column("", "choice", choices=DESIGNS)
    species: str = column("")
    condition: str = column("who or what was studied")
    n_total: int | None = column("participants (or animals) in all", "integer", above=0)
    interventions: tuple[str, ...] = column("", "list", refers_to=("interventions", "name"))
    duration_weeks: float | None = column("", "number", minimum=0)
    blinding: str = column("")
    funding: str = column("")
    verified: str = column("what was seen of it")
    includes: tuple[str, ...] = column(
        "studies whose participants this one pools; never analysed together with them",
        "list",
        refers_to=("studies", "study_id"),
    )
    notes: str = column("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm(SourcedRow):
    table: ClassVar[str] = "arms"
    key: ClassVar[tuple[str, ...]] = ("study_id", "outcome", "scale", "timepoint_weeks", "treatment", "dose")

    study_id: str = column("", required=True, refers_to=("studies", "study_id"))
    outcome: str = column("", required=True, refers_to=("outcomes", "outcome"))
    scale: str = column("the instrument or way of counting")
    timepoint_weeks: float | None = column("", "number", minimum=0)
    treatment: str = column("", required=True, refers_to=("interventions", "name"))
    dose: str = column("with its unit")
    n: int | None = column("participants analysed in the arm", "integer", above=0)
    mean: float | None = column("in the scale's own units", "number")
    sd: float | None = column("as printed, never worked out", "number", minimum=0)
    se: float | None = column("standard error of the mean", "number", above=0)
    ci_low: float | None = column("95% confidence interval of the mean", "number")
    ci_high: float | None = column("", "number")
    events: int | None = column("participants with the event", "integer", minimum=0)
    change_from_baseline: bool | None = column("true when the mean is a change", "boolean")
    lower_is_better: bool | None = column("as in outcomes.csv", "boolean")
    caution: tuple[str, ...] = column(
        "what a sensitivity run would leave out",
        "list",
        choices=(
            "arm size assumed",
            "count derived",
            "n derived",
            "crossover as parallel",
            "SD or SE not stated",
        ),
    )
    note: str = column("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast(SourcedRow):
    table: ClassVar[str] = "contrasts"
    key: ClassVar[tuple[str, ...]] = (
        "study_id",
        "outcome",
        "scale",
        "timepoint_weeks",
        "treatment",
        "comparator",
        "measure",
    )

    study_id: str = column("", required=True, refers_to=("studies", "study_id"))
    outcome: str = column("", required=True, refers_to=("outcomes", "outcome"))
    scale: str = column("the instrument or way of counting")
    timepoint_weeks: float | None = column("", "number", minimum=0)
    treatment: str = column("", required=True, refers_to=("interventions", "name"))
    comparator: str = column("", required=True, refers_to=("interventions", "name"))
    measure: str = column("", "choice", choices=MEASURES, required=True)
    estimate: float | None = column(
        "treatment minus comparator, or their ratio on the natural scale", "number", required=True
    )
    se: float | None = column("standard error; of the log for ratios", "number", above=0)
    ci_low: float | None = column("95% confidence interval, on the estimate's scale", "number")
    ci_high: float | None = column("", "number")
    p: PValue | None = column("as printed, `<0.001` allowed", "p_value", minimum=0, maximum=1)
    n_treatment: int | None = column("", "integer", above=0)
    n_comparator: int | None = column("", "integer", above=0)
    caution: tuple[str, ...] = column(
        "what a sensitivity run would leave out",
        "list",
        choices=("arm size assumed", "count derived", "n derived", "crossover as parallel", "p is a bound"),
    )
    note: str = column("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(SourcedRow):
    table: ClassVar[str] = "findings"

    study_id: str = column("", required=True, refers_to=("studies", "study_id"))
    stream: str = column(
        "",
        "choice",
        choices=("human-uncontrolled", "human-observational", "animal", "in-vitro"),
        required=True,
    )
    intervention: str = column("", required=True, refers_to=("interventions", "name"))
    model_or_condition: str = column("")
    species: str = column("")
    dose: str = column("")
    route: str = column("")
    timing: str = column("")
    outcome: str = column("", required=True, refers_to=("outcomes", "outcome"))
    direction: str = column(
        "",
        "choice",
        choices=("improves", "worsens", "no-effect", "association", "unclear"),
        required=True,
    )
    n: int | None = column("", "integer", above=0)
    mean_treated: float | None = column("", "number")
    sd_treated: float | None = column("", "number", minimum=0)
    mean_control: float | None = column("", "number")
    sd_control: float | None = column("", "number", minimum=0)
    detail: str = column("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis(SourcedRow):
    table: ClassVar[str] = "syntheses"

    review_id: str = column("", required=True, refers_to=("studies", "study_id"))
    treatment: tuple[str, ...] = column("", "list", required=True, refers_to=("interventions", "name"))
    comparator: str = column("", refers_to=("interventions", "name"))
    outcome: str = column("", required=True, refers_to=("outcomes", "outcome"))
    measure: str = column("", "choice", choices=SYNTHESIS_MEASURES, required=True)
    estimate: float | None = column("ratios on the natural scale", "number")
    ci_low: float | None = column("95% confidence interval", "number")
    ci_high: float | None = column("", "number")
    p: PValue | None = column("as printed", "p_value", minimum=0, maximum=1)
    k: int | None = column("studies", "integer", above=0)
    n: int | None = column("participants", "integer", above=0)
    certainty: str = column("the review's own rating or recommendation level")
    note: str = column("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(SourcedRow):
    table: ClassVar[str] = "appraisal"
    key: ClassVar[tuple[str, ...]] = ("study_id", "tool", "domain")

    study_id: str = column("", required=True, refers_to=("studies", "study_id"))
    tool: str = column("the instrument of appraisal", required=True)
    domain: str = column("", required=True)
    judgement: str = column(
        "",
        "choice",
        choices=("low", "unclear", "some concerns", "high", "yes", "no", "not applicable"),
        required=True,
    )
    support: str = column("why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism(SourcedRow):
    table: ClassVar[str] = "mechanisms"

    subject: str = column("what acts, as the source words it", required=True)
    relation: str = column(
        "",
        "choice",
        choices=("inhibits", "activates", "decreases", "increases", "blocks", "binds", "prevents"),
        required=True,
    )
    object: str = column("what is acted on, as the source words it", required=True)
    context: str = column("species, preparation, design")
    status: str = column(
        "whether the source supports the relation as written",
        "choice",
        choices=("supports", "contradicts", "null-result", "hypothesis", "second-hand"),
        required=True,
    )
    study_id: str = column("", required=True, refers_to=("studies", "study_id"))
    subject_concept: str = column("the subject's name where statements join into paths (empty: as worded)")
    object_concept: str = column("the object's name where statements join into paths (empty: as worded)")
    intervention: str = column("the treatment that the subject is", refers_to=("interventions", "name"))
    note: str = column("")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyStatement(SourcedRow):
    table: ClassVar[str] = "safety"

    substance: str = column("", required=True, refers_to=("interventions", "name"))
    kind: str = column(
        "",
        "choice",
        choices=(
            "contraindication",
            "boxed-warning",
            "interaction",
            "adverse-effect",
            "dose-limit",
            "monitoring",
        ),
        required=True,
    )
    with_: str = field(
        default="",
        metadata={"name": "with", "column": Column(meaning="the person, condition or drug it concerns")},
    )
    effect: str = column("what happens")
    mechanism: str = column("")
    severity: str = column("", "choice", choices=("major", "moderate", "minor"))
    management: str = column("what to do")
    source_name: str = column("")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertaintyOverride(Row):
    table: ClassVar[str] = "certainty"
    key: ClassVar[tuple[str, ...]] = ("comparison", "outcome", "domain")

    comparison: str = column("treatment v comparator, as nodes", required=True)
    outcome: str = column("", required=True, refers_to=("outcomes", "outcome"))
    domain: str = column(
        "a domain of the rating, or `overall`", "choice", choices=(*CERTAINTY_DOMAINS, "overall"), required=True
    )
    level: str = column("levels to rate down by for a domain (0, 1, 2, 3); a certainty for `overall`", required=True)
    by: str = column("who", required=True)
    when: str = column("ISO date", required=True, pattern=r"\d{4}-\d{2}-\d{2}", example="2026-01-31")
    why: str = column("the reason", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside(Row):
    """A row kept out of every analysis and page; ``extra`` holds the cells of the table it came from."""

    table: ClassVar[str] = "set_aside"

    from_table: str = field(
        default="",
        metadata={
            "name": "table",
            "column": Column("choice", True, TABLES_TO_SET_ASIDE, meaning="the table it is kept out of"),
        },
    )
    why: str = column("the reason", required=True)


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
    ``safety?substance=zinc&kind=dose-limit``.
    """

    about: tuple[str, ...]
    text: str
    grounds: tuple[str, ...]


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


TABLES: Mapping[str, type[Row]] = {
    row.table: row
    for row in (
        Outcome,
        Intervention,
        Study,
        Arm,
        Contrast,
        Finding,
        Synthesis,
        Judgement,
        Mechanism,
        SafetyStatement,
        CertaintyOverride,
        SetAside,
    )
}
"""Table name → the class of its rows."""
