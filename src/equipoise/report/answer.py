"""The answer as plain data: complete, and the only thing that an article is made from.

Everything that a page shows is here: templates add layout, never content. Each sentence is a `Statement` with its
grounds; each ground names something that the answer itself holds (a result, a study, a row, a rule, a path), so a
reader can go from a sentence to its numbers, from a number to its studies, and from a study to where it was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

SCHEMA_VERSION = "1"

GroundKind = Literal["result", "study", "row", "rule", "path"]
Direction = Literal["favours treatment", "favours comparator", "little or no difference", "uncertain", "mixed", "none"]
Level = Literal["high", "moderate", "low", "very low"]


class Ground(Struct, frozen=True, order=True):
    """What a sentence rests on: an id in `Answer.results`, `.studies`, `.rows`, `.rules` or `.paths`."""

    kind: GroundKind
    id: str


class Statement(Struct, frozen=True):
    """One sentence and what it rests on; the only way that a sentence gets into an answer."""

    text: str
    grounds: tuple[Ground, ...]


class Cell(Struct, frozen=True):
    """A column and its value, as the review's table has it."""

    column: str
    value: str


class SourceRow(Struct, frozen=True):
    """A row of a review table, as it stands in the file; `id` is `table:line`. Empty cells are left out."""

    id: str
    table: str
    line: int
    study: str | None
    cells: tuple[Cell, ...]
    source_url: str
    source_kind: str
    source_quality: str


class StudyCard(Struct, frozen=True):
    """A study as the article shows it; `number` is its place in the reference list (None: not cited).

    `label` is its short name in lists and links ("Woods 2010"); empty: the id is shown.
    """

    id: str
    number: int | None
    citation: str
    title: str
    year: int | None
    design: str
    condition: str
    participants: int | None
    funding: str
    seen: str
    doi: str
    pmid: str
    registry: str
    source_url: str
    source_kind: str
    source_quality: str
    rows: tuple[str, ...]
    label: str = ""


class Derivation(Struct, frozen=True):
    """A value worked out from what a source printed: what, by which formula, from which numbers, after whom."""

    row: str
    quantity: str
    value: float
    formula: str
    source: str


class Figures(Struct, frozen=True):
    """An estimate with its 95% interval, on the measure's natural scale (ratios are not logged)."""

    estimate: float
    ci_low: float
    ci_high: float


class ResultCard(Struct, frozen=True):
    """A number that the answer computed or quotes, and what went into it.

    `kind`: `study` one trial's contrast; `network` a network estimate; `direct` a pooled direct comparison;
    `published` a pooled result of somebody else's; `count` a tally; `certainty` a rating.
    `rows` are the table rows used, `parts` the results that it was computed from. `i2` and `weight` are in percent.
    """

    id: str
    kind: Literal["study", "network", "direct", "published", "count", "certainty"]
    label: str
    outcome: str = ""
    treatment: str = ""
    comparator: str = ""
    measure: str = ""
    figures: Figures | None = None
    prediction: Figures | None = None
    p: str = ""
    tau2: float | None = None
    i2: float | None = None
    studies: int | None = None
    participants: int | None = None
    weight: float | None = None
    method: str = ""
    rows: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    notes: tuple[str, ...] = ()


class Rule(Struct, frozen=True):
    """A stated rule that a sentence follows from, with where it comes from."""

    id: str
    title: str
    text: str
    source: str


class PathLink(Struct, frozen=True):
    """One link of a causal path: the statements for it and against it, as row ids."""

    subject: str
    relation: str
    object: str
    supporting: tuple[str, ...]
    opposing: tuple[str, ...]
    unproven: tuple[str, ...]


class CausalPath(Struct, frozen=True):
    """A chain of signed statements from the treatment to the condition; `sign` -1 would reduce it, +1 increase it."""

    id: str
    label: str
    sign: int
    links: tuple[PathLink, ...]


class DomainRating(Struct, frozen=True):
    """One domain of a certainty rating; `down` None: could not be judged, `needs` says what is missing."""

    domain: str
    down: int | None
    reason: Statement
    needs: str = ""
    overridden_by: str = ""


class Certainty(Struct, frozen=True):
    """How sure the evidence lets one be; `level` None when there is no evidence in people to rate."""

    level: Level | None
    start: Level | None
    summary: Statement
    domains: tuple[DomainRating, ...] = ()


class LineOfEvidence(Struct, frozen=True):
    """One stream of evidence, kept apart from the others."""

    id: Literal["randomised", "uncontrolled", "animal", "laboratory", "mechanism", "syntheses"]
    label: str
    studies: int
    participants: int | None
    direction: str
    summary: Statement


class Interpretation(Struct, frozen=True):
    """How the question was read."""

    asked: str
    treatment: str
    comparator: str
    condition: str
    outcome: str
    review: str
    notes: tuple[str, ...] = ()


# ---------------------------------------------------------------- blocks that sections are made of


class Paragraph(Struct, frozen=True, tag_field="type", tag="paragraph"):
    statements: tuple[Statement, ...]


class Bullets(Struct, frozen=True, tag_field="type", tag="bullets"):
    items: tuple[Statement, ...]


class Subheading(Struct, frozen=True, tag_field="type", tag="subheading"):
    text: str


class TableRow(Struct, frozen=True):
    """`header` names the row; each cell holds statements (none: a dash)."""

    header: str
    cells: tuple[tuple[Statement, ...], ...]
    emphasised: bool = False


class Table(Struct, frozen=True, tag_field="type", tag="table"):
    """`columns` includes the heading of the row headers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


class ForestRow(Struct, frozen=True):
    """A line of a forest plot. `result` is the result's id; `role` decides its mark and place."""

    result: str
    label: str
    detail: str
    figures: Figures
    weight: float | None
    role: Literal["study", "summary", "prediction", "published"]
    group: str = ""


class ForestPlot(Struct, frozen=True, tag_field="type", tag="forest"):
    """`null` and the figures are on the natural scale; `logarithmic` says how to draw the axis.

    `important` is the range of differences too small to matter, if the review states one.
    """

    title: str
    description: str
    measure: str
    logarithmic: bool
    null: float
    left_label: str
    right_label: str
    rows: tuple[ForestRow, ...]
    important: tuple[float, float] | None = None


class NetworkNode(Struct, frozen=True):
    treatment: str
    participants: int
    studies: int
    role: str
    asked: bool = False
    subnetwork: int = 0


class NetworkEdge(Struct, frozen=True):
    """`result` is the direct comparison's id, empty when there is none to show."""

    treatment: str
    comparator: str
    studies: int
    participants: int
    result: str = ""


class NetworkGraph(Struct, frozen=True, tag_field="type", tag="network"):
    """Who was compared with whom; a treatment without trials appears in `absent`, not as a node."""

    title: str
    description: str
    nodes: tuple[NetworkNode, ...]
    edges: tuple[NetworkEdge, ...]
    absent: tuple[str, ...] = ()


class FrequentQuestion(Struct, frozen=True, tag_field="type", tag="faq"):
    question: str
    answer: tuple[Statement, ...]


class References(Struct, frozen=True, tag_field="type", tag="references"):
    """The reference list: study ids in the order of their numbers."""

    studies: tuple[str, ...]


Block = Paragraph | Bullets | Subheading | Table | ForestPlot | NetworkGraph | FrequentQuestion | References


class Section(Struct, frozen=True):
    """A section of the article; `id` is stable and serves as its anchor."""

    id: str
    title: str
    blocks: tuple[Block, ...]


class LeftOut(Struct, frozen=True):
    """A row or study that an analysis did not use, and why."""

    what: str
    why: str
    row: str
    study: str


class Answer(Struct, frozen=True):
    """One question answered. JSON in and out (`to_json`, `from_json` in `equipoise.report.exchange`)."""

    schema: str
    generator: str
    interpretation: Interpretation
    title: str
    verdict: Statement
    certainty: Certainty
    summary: tuple[Statement, ...]
    key_points: tuple[Statement, ...]
    lines: tuple[LineOfEvidence, ...]
    compared: Table
    safety_headlines: tuple[Statement, ...]
    sections: tuple[Section, ...]
    disclaimer: str
    data_version: str
    left_out: tuple[LeftOut, ...]
    results: tuple[ResultCard, ...]
    studies: tuple[StudyCard, ...]
    rows: tuple[SourceRow, ...]
    rules: tuple[Rule, ...]
    paths: tuple[CausalPath, ...]

    def write(
        self, folder: str | Path, formats: Sequence[str] = ("html", "json", "md"), overwrite: bool = False
    ) -> list[Path]:
        """Write the answer into a folder; see `equipoise.report.publishing.publish`."""
        from equipoise.report.publishing import publish

        return publish(self, folder, formats, overwrite)
