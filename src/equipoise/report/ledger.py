"""What an answer rests on, collected while it is written.

`Ledger.say` is the one door through which a sentence enters an answer: it takes the sentence's grounds and refuses a
sentence without them. Whatever is named as a ground is registered with everything below it (a result with its rows, a
row with its study), so that nothing is cited that the answer doesn't hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from equipoise.errors import GroundsError
from equipoise.mechanism.paths import Path
from equipoise.report.answer import (
    CausalPath,
    Cell,
    Ground,
    PathLink,
    ResultCard,
    Rule,
    SourceRow,
    Statement,
    StudyCard,
)
from equipoise.report.rules import RULES
from equipoise.report.words import DESIGN_NAMES, capitalised, sentence, study_label
from equipoise.review.model import Review, Row, Study
from equipoise.review.writing import cells

_STUDY_COLUMNS = {"study_id", "review_id"}


class Ledger:
    """The results, studies, rows, rules and paths that an answer's sentences rest on."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._studies = {study.study_id: study for study in review.studies}
        ids = sorted((re.escape(id_) for id_ in self._studies), key=len, reverse=True)
        self._ids = re.compile(rf"(?<![\w-])(?:{'|'.join(ids)})(?![\w-])") if ids else re.compile(r"(?!)")
        self._results: dict[str, ResultCard] = {}
        self._rows: dict[str, SourceRow] = {}
        self._cards: dict[str, StudyCard] = {}
        self._rules: dict[str, Rule] = {}
        self._paths: dict[str, CausalPath] = {}

    def say(self, text: str, *grounds: Ground | Iterable[Ground]) -> Statement:
        """A sentence with its grounds, each named once. Raises ``GroundsError`` when there are none."""
        return Statement(sentence(self._named(text)), _flat(text, grounds))

    def cell(self, text: str, *grounds: Ground | Iterable[Ground]) -> Statement:
        """The content of a table's cell with its grounds: as a sentence, but without a full stop."""
        return Statement(capitalised(self._named(text).strip()), _flat(text, grounds))

    def _named(self, text: str) -> str:
        """The text with studies called by name where the tables' notes call them by id."""
        return self._ids.sub(lambda match: study_label(self._studies[match[0]]), text)

    def row(self, row: Row) -> Ground:
        """The ground for a row of a review table; for a study, the study itself."""
        if isinstance(row, Study):
            return self.study(row.study_id)
        id_ = f"{row.table}:{row.line}"
        if id_ not in self._rows:
            values = cells(row)
            study = next((values[column] for column in _STUDY_COLUMNS if values.get(column) in self._studies), None)
            self._rows[id_] = SourceRow(
                id=id_,
                table=row.table,
                line=row.line,
                study=study,
                cells=tuple(
                    Cell(column, value)
                    for column, value in values.items()
                    if value and column not in {"source_url", "source_kind", "source_quality"}
                ),
                source_url=values.get("source_url", ""),
                source_kind=values.get("source_kind", ""),
                source_quality=values.get("source_quality", ""),
            )
            if study:
                self.study(study)
        return Ground("row", id_)

    def rows(self, rows: Iterable[Row]) -> tuple[Ground, ...]:
        """The grounds for several rows."""
        return tuple(self.row(row) for row in rows)

    def study(self, study_id: str) -> Ground:
        """The ground for a study."""
        if study_id not in self._cards:
            study = self._studies[study_id]
            self._cards[study_id] = StudyCard(
                id=study_id,
                number=None,
                label=study_label(study),
                citation=study.citation,
                title=study.title,
                year=study.year,
                design=DESIGN_NAMES[study.design],
                condition=study.condition,
                participants=study.n_total,
                funding=study.funding,
                seen=study.verified,
                doi=study.doi,
                pmid=study.pmid,
                registry=study.nct,
                source_url=study.source_url,
                source_kind=study.source_kind,
                source_quality=study.source_quality,
                rows=(),
            )
        return Ground("study", study_id)

    def studies(self, studies: Iterable[Study]) -> tuple[Ground, ...]:
        """The grounds for several studies."""
        return tuple(self.study(study.study_id) for study in studies)

    def result(self, card: ResultCard) -> Ground:
        """The ground for a result, kept by its id; its rows and parts must be registered already."""
        known = self._results.setdefault(card.id, card)
        if known != card:
            raise GroundsError(f"two different results are called {card.id!r}")
        return Ground("result", card.id)

    def rule(self, id_: str) -> Ground:
        """The ground for one of the stated rules."""
        self._rules[id_] = RULES[id_]
        return Ground("rule", id_)

    def decision(self, rule: Rule) -> Ground:
        """The ground for a decision that the review itself states."""
        self._rules[rule.id] = rule
        return Ground("rule", rule.id)

    def path(self, path: Path) -> Ground:
        """The ground for a causal path, with the statements behind its links."""
        label = path.links[0].subject + "".join(
            f" {'→' if link.sign > 0 else '⊣'} {link.object}" for link in path.links
        )
        links = tuple(
            PathLink(
                subject=link.subject,
                relation=link.relation,
                object=link.object,
                supporting=tuple(ground.id for ground in self.rows(link.supporting)),
                opposing=tuple(ground.id for ground in self.rows(link.opposing)),
                unproven=tuple(ground.id for ground in self.rows(link.unproven)),
            )
            for link in path.links
        )
        for id_, known in self._paths.items():
            if known.links == links:
                return Ground("path", id_)
        id_ = f"path-{len(self._paths) + 1}"
        self._paths[id_] = CausalPath(id=id_, label=label, sign=path.sign, links=links)
        return Ground("path", id_)

    def study_of(self, ground: Ground) -> tuple[str, ...]:
        """The studies that a ground leads to, in order."""
        if ground.kind == "study":
            return (ground.id,)
        if ground.kind == "row":
            study = self._rows[ground.id].study
            return (study,) if study else ()
        if ground.kind == "result":
            card = self._results[ground.id]
            below = [Ground("row", row) for row in card.rows] + [Ground("result", part) for part in card.parts]
            return tuple(dict.fromkeys(study for one in below for study in self.study_of(one)))
        if ground.kind == "path":
            rows = [
                row
                for link in self._paths[ground.id].links
                for row in (*link.supporting, *link.opposing, *link.unproven)
            ]
            return tuple(dict.fromkeys(study for row in rows for study in self.study_of(Ground("row", row))))
        return ()

    def results(self) -> tuple[ResultCard, ...]:
        return tuple(self._results.values())

    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._rules.values())

    def paths(self) -> tuple[CausalPath, ...]:
        return tuple(self._paths.values())

    def source_rows(self) -> tuple[SourceRow, ...]:
        return tuple(self._rows.values())

    def study_cards(self, order: Iterable[str]) -> tuple[StudyCard, ...]:
        """The studies, numbered in the order in which the article first cites them; uncited ones follow unnumbered."""
        numbers = {study: number for number, study in enumerate(dict.fromkeys(order), start=1)}
        rows: dict[str, list[str]] = {}
        for row in self._rows.values():
            if row.study:
                rows.setdefault(row.study, []).append(row.id)
        cards = [
            msgspec.structs.replace(card, number=numbers.get(card.id), rows=tuple(rows.get(card.id, ())))
            for card in self._cards.values()
        ]
        return tuple(sorted(cards, key=lambda card: (card.number is None, card.number or 0, card.id)))


def _flat(text: str, grounds: Iterable[Ground | Iterable[Ground]]) -> tuple[Ground, ...]:
    flat: dict[Ground, None] = {}
    for ground in grounds:
        for one in (ground,) if isinstance(ground, Ground) else ground:
            flat[one] = None
    if not flat:
        raise GroundsError(f"a sentence rests on nothing: {text!r}")
    return tuple(flat)
