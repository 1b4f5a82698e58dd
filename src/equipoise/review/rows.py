"""The rows of the review folder's tables: one frozen dataclass a table, its columns with their rules.

An empty cell is ``""`` for text, None for numbers and yes/no, an empty tuple for lists. ``line`` is the row's line
in its file (the header is line 1; 0 for a row that was not read from a file); ``extra`` keeps columns that the
format doesn't know, so that nothing is lost on writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import ClassVar

from equipoise.review.columns import Column, PValue, column
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
    """An outcome."""

    table: ClassVar[str] = "outcomes"
    key: ClassVar[tuple[str, ...]] = ("outcome",)

    outcome: str = column("its name, as used in the other tables", required=True)
    label: str = column("how the article writes it", required=True)
    kind: str = column(
        "benefit: what the treatment is for; harm: what it may do besides",
        "choice",
        choices=("benefit", "harm"),
        required=True,
    )
    type: str = column(
        "continuous: a mean; binary: people with an event; rate: events over time; time-to-event",
        "choice",
        choices=("continuous", "binary", "rate", "time-to-event"),
        required=True,
    )
    lower_is_better: bool | None = column("true when a smaller value is better", "boolean", required=True)
    scales: tuple[str, ...] = column("the scales that measure it", "list")
    definition: str = column("what is counted or rated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention(SourcedRow):
    """A treatment, or a control."""

    table: ClassVar[str] = "interventions"
    key: ClassVar[tuple[str, ...]] = ("name",)

    name: str = column("its name, as used in the other tables", required=True)
    node: str = column("the treatment it is lumped into (doses and salts)", required=True)
    class_: str = field(
        default="", metadata={"name": "class", "column": Column(meaning="pharmacological or other class")}
    )
    role: str = column(
        "conventional: an established medicine; supplement; investigational; control: what others are compared with",
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
    """A study, whatever its kind."""

    table: ClassVar[str] = "studies"
    key: ClassVar[tuple[str, ...]] = ("study_id",)

    study_id: str = column("a short stable id", required=True)
    citation: str = column("authors, year, journal", required=True)
    title: str = column("as published", required=True)
    year: int | None = column("of publication", "integer", minimum=1800, maximum=2100)
    doi: str = column("digital object identifier", pattern=r"10\.\d{4,9}/\S+", example="10.1056/NEJMoa2034577")
    pmid: str = column("PubMed's number", pattern=r"\d{1,8}", example="26346941")
    nct: str = column(
        "numbers at ClinicalTrials.gov", pattern=r"NCT\d{8}(; NCT\d{8})*", example="NCT02274558; NCT01733121"
    )
    design: str = column("how it was done", "choice", choices=DESIGNS)
    species: str = column("human, rat, …")
    condition: str = column("who or what was studied")
    n_total: int | None = column("participants (or animals) in all", "integer", above=0)
    interventions: tuple[str, ...] = column(
        "what was given, by the names of interventions.csv", "list", refers_to=("interventions", "name")
    )
    duration_weeks: float | None = column("length of the controlled period, in weeks", "number", minimum=0)
    blinding: str = column("who did not know the treatment")
    funding: str = column("who paid")
    verified: str = column("what was seen of it: abstract, full text, registry, …")
    includes: tuple[str, ...] = column(
        "studies whose participants this one pools; never analysed together with them",
        "list",
        refers_to=("studies", "study_id"),
    )
    notes: str = column("anything else worth knowing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm(SourcedRow):
    """An arm's result for an outcome."""

    table: ClassVar[str] = "arms"
    key: ClassVar[tuple[str, ...]] = ("study_id", "outcome", "scale", "timepoint_weeks", "treatment", "dose")

    study_id: str = column("the study, as in studies.csv", required=True, refers_to=("studies", "study_id"))
    outcome: str = column("the outcome, as in outcomes.csv", required=True, refers_to=("outcomes", "outcome"))
    scale: str = column("the instrument or way of counting")
    timepoint_weeks: float | None = column("weeks from the start of treatment", "number", minimum=0)
    treatment: str = column(
        "what the arm got, as in interventions.csv", required=True, refers_to=("interventions", "name")
    )
    dose: str = column("with its unit")
    n: int | None = column("participants analysed in the arm", "integer", above=0)
    mean: float | None = column("in the scale's own units", "number")
    sd: float | None = column("as printed, never worked out", "number", minimum=0)
    se: float | None = column("standard error of the mean", "number", above=0)
    ci_low: float | None = column("95% confidence interval of the mean", "number")
    ci_high: float | None = column("upper limit", "number")
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
    note: str = column("how the numbers were come by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast(SourcedRow):
    """A between-arm result, where only that is reported."""

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

    study_id: str = column("the study, as in studies.csv", required=True, refers_to=("studies", "study_id"))
    outcome: str = column("the outcome, as in outcomes.csv", required=True, refers_to=("outcomes", "outcome"))
    scale: str = column("the instrument or way of counting")
    timepoint_weeks: float | None = column("weeks from the start of treatment", "number", minimum=0)
    treatment: str = column(
        "the treatment, as in interventions.csv", required=True, refers_to=("interventions", "name")
    )
    comparator: str = column(
        "what it was compared with, as in interventions.csv", required=True, refers_to=("interventions", "name")
    )
    measure: str = column(
        "difference of means (MD; SMD standardised), ratio of means (ROM), odds (OR), risks (RR), rates (IRR) "
        "or hazards (HR), difference of risks (RD)",
        "choice",
        choices=MEASURES,
        required=True,
    )
    estimate: float | None = column(
        "treatment minus comparator, or their ratio on the natural scale", "number", required=True
    )
    se: float | None = column("standard error; of the log for ratios", "number", above=0)
    ci_low: float | None = column("95% confidence interval, on the estimate's scale", "number")
    ci_high: float | None = column("upper limit", "number")
    p: PValue | None = column("as printed, `<0.001` allowed", "p_value", minimum=0, maximum=1)
    n_treatment: int | None = column("participants analysed on the treatment", "integer", above=0)
    n_comparator: int | None = column("participants analysed on the comparator", "integer", above=0)
    caution: tuple[str, ...] = column(
        "what a sensitivity run would leave out",
        "list",
        choices=("arm size assumed", "count derived", "n derived", "crossover as parallel", "p is a bound"),
    )
    note: str = column("how the numbers were come by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(SourcedRow):
    """A finding that can't be pooled with trials: uncontrolled, observational, animal, in vitro."""

    table: ClassVar[str] = "findings"

    study_id: str = column("the study, as in studies.csv", required=True, refers_to=("studies", "study_id"))
    stream: str = column(
        "the kind of evidence",
        "choice",
        choices=("human-uncontrolled", "human-observational", "animal", "in-vitro"),
        required=True,
    )
    intervention: str = column(
        "what was given, as in interventions.csv", required=True, refers_to=("interventions", "name")
    )
    model_or_condition: str = column("the animal model, preparation or illness")
    species: str = column("human, rat, …")
    dose: str = column("with its unit")
    route: str = column("by mouth, into a vein, …")
    timing: str = column("when and for how long it was given")
    outcome: str = column("the outcome, as in outcomes.csv", required=True, refers_to=("outcomes", "outcome"))
    direction: str = column(
        "improves or worsens the outcome; no-effect; association: seen together; unclear",
        "choice",
        choices=("improves", "worsens", "no-effect", "association", "unclear"),
        required=True,
    )
    n: int | None = column("participants, or animals in all groups", "integer", above=0)
    mean_treated: float | None = column("in the units named in detail", "number")
    sd_treated: float | None = column("standard deviation, as printed", "number", minimum=0)
    mean_control: float | None = column("in the units named in detail", "number")
    sd_control: float | None = column("standard deviation, as printed", "number", minimum=0)
    detail: str = column("what was seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis(SourcedRow):
    """A published pooled result, to hold ours against."""

    table: ClassVar[str] = "syntheses"

    review_id: str = column("the published review, as in studies.csv", required=True, refers_to=("studies", "study_id"))
    treatment: tuple[str, ...] = column(
        "what was pooled, as in interventions.csv", "list", required=True, refers_to=("interventions", "name")
    )
    comparator: str = column("what it was compared with, as in interventions.csv", refers_to=("interventions", "name"))
    outcome: str = column("the outcome, as in outcomes.csv", required=True, refers_to=("outcomes", "outcome"))
    measure: str = column(
        "what the estimate is; `recommendation` and `narrative` have none",
        "choice",
        choices=SYNTHESIS_MEASURES,
        required=True,
    )
    estimate: float | None = column("ratios on the natural scale", "number")
    ci_low: float | None = column("95% confidence interval", "number")
    ci_high: float | None = column("upper limit", "number")
    p: PValue | None = column("as printed", "p_value", minimum=0, maximum=1)
    k: int | None = column("studies", "integer", above=0)
    n: int | None = column("participants", "integer", above=0)
    certainty: str = column("the review's own rating or recommendation level")
    note: str = column("what else the review says of it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(SourcedRow):
    """A risk-of-bias judgement."""

    table: ClassVar[str] = "appraisal"
    key: ClassVar[tuple[str, ...]] = ("study_id", "tool", "domain")

    study_id: str = column("the study, as in studies.csv", required=True, refers_to=("studies", "study_id"))
    tool: str = column("the instrument of appraisal", required=True)
    domain: str = column("the domain of the tool", required=True)
    judgement: str = column(
        "the risk of bias, or the answer to a yes-or-no item",
        "choice",
        choices=("low", "unclear", "some concerns", "high", "yes", "no", "not applicable"),
        required=True,
    )
    support: str = column("why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism(SourcedRow):
    """A signed causal statement."""

    table: ClassVar[str] = "mechanisms"

    subject: str = column("what acts, as the source words it", required=True)
    relation: str = column(
        "what the one does to the other",
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
    study_id: str = column("the study, as in studies.csv", required=True, refers_to=("studies", "study_id"))
    subject_concept: str = column("the subject's name where statements join into paths (empty: as worded)")
    object_concept: str = column("the object's name where statements join into paths (empty: as worded)")
    intervention: str = column("the treatment that the subject is", refers_to=("interventions", "name"))
    note: str = column("anything else worth knowing")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyStatement(SourcedRow):
    """A safety statement."""

    table: ClassVar[str] = "safety"

    substance: str = column(
        "the treatment, as in interventions.csv", required=True, refers_to=("interventions", "name")
    )
    kind: str = column(
        "what kind of statement it is",
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
    mechanism: str = column("why it happens")
    severity: str = column("how bad it is", "choice", choices=("major", "moderate", "minor"))
    management: str = column("what to do")
    source_name: str = column("the name of the source")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertaintyOverride(Row):
    """A person's override of a proposed rating."""

    table: ClassVar[str] = "certainty"
    key: ClassVar[tuple[str, ...]] = ("comparison", "outcome", "domain")

    comparison: str = column("treatment v comparator, as nodes", required=True)
    outcome: str = column("the outcome, as in outcomes.csv", required=True, refers_to=("outcomes", "outcome"))
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
