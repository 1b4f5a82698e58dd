"""The article in Markdown: a pure function of the answer, with each sentence's grounds as a footnote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from equipoise.report import links, names, numerals
from equipoise.report.answer import (
    Answer,
    Block,
    Bullets,
    Certainty,
    ForestPlot,
    FrequentQuestion,
    Ground,
    NetworkGraph,
    Paragraph,
    References,
    ResultCard,
    Statement,
    StudyCard,
    Subheading,
    Table,
)
from equipoise.report.notes import Notes
from equipoise.report.register import Register


def render(answer: Answer) -> str:
    """The whole article in GitHub's Markdown. The same answer always gives the same text."""
    return _Writer(answer).article()


def escape(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no line breaks, safe in a table cell."""
    line = re.sub(r"\s+", " ", text).strip()
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", line)
    return re.sub(r"^([-+=]|\d+(?=[.)]))", lambda found: _not_a_list(found.group()), line)


def _not_a_list(start: str) -> str:
    return f"\\{start}" if len(start) == 1 and not start.isdigit() else f"{start[:-1]}&#{ord(start[-1])};"


def _link(link: links.Link | None) -> str:
    if link is None:
        return ""
    return escape(link.text) if link.href is None else f"[{escape(link.text)}](<{link.href}>)"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in rows)])


class _Writer:
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.register = Register(answer)
        self.notes = Notes()

    def article(self) -> str:
        answer = self.answer
        asked = answer.interpretation
        question = {
            "Treatment": asked.treatment,
            "Compared with": asked.comparator,
            "Condition": asked.condition,
            "Outcome": asked.outcome,
        }
        parts = [
            f"# {escape(answer.title)}",
            " · ".join(f"{name}: **{escape(value)}**" for name, value in question.items() if value),
            f"> **{escape(answer.verdict.text)}**{self._mark(answer.verdict)}",
            self._certainty(answer.certainty),
            self._sentences(answer.summary),
            *self._domains(answer.certainty),
        ]
        if asked.notes:
            parts.insert(2, f"Asked: “{escape(asked.asked)}”. {' '.join(escape(note) for note in asked.notes)}")
        if answer.key_points:
            parts += ["## Key points", self._bullets(answer.key_points)]
        if answer.lines:
            parts += ["## Lines of evidence", self._lines()]
        for section in answer.sections:
            parts.append(f"## {escape(section.title)}")
            parts += [self._block(block) for block in section.blocks]
        parts += ["---", f"*{escape(answer.disclaimer)}*" if answer.disclaimer.strip() else "", *self._left_out()]
        parts.append(
            f"{escape(answer.generator)} · data: {escape(answer.data_version)} · schema {escape(answer.schema)}"
        )
        parts += ["## Evidence register", *self._entries()]
        parts += [f"[^{number}]: {self._note(grounds)}" for grounds, number in self.notes.numbered.items()]
        return "\n\n".join(part for part in parts if part) + "\n"

    # ---------------------------------------------------------------- sentences

    def _mark(self, statement: Statement) -> str:
        return f"[^{self.notes.cite(statement).number}]"

    def _sentence(self, statement: Statement) -> str:
        return escape(statement.text) + self._mark(statement)

    def _sentences(self, statements: Iterable[Statement]) -> str:
        return " ".join(self._sentence(statement) for statement in statements)

    def _bullets(self, statements: Iterable[Statement]) -> str:
        return "\n".join(f"- {self._sentence(statement)}" for statement in statements)

    # ---------------------------------------------------------------- the summary

    def _certainty(self, certainty: Certainty) -> str:
        steps = names.CERTAINTY_STEPS[certainty.level]
        level = certainty.level or "not rated"
        marks = "⊕" * steps + "◯" * (4 - steps)
        return f"{marks} Certainty of the evidence: **{level}**. {self._sentence(certainty.summary)}"

    def _domains(self, certainty: Certainty) -> Iterable[str]:
        if certainty.domains:
            yield "### How the certainty was rated"
            rows = [
                (
                    escape(domain.domain),
                    names.rating(domain)
                    + (f" (needs {escape(domain.needs)})" if domain.needs else "")
                    + (f" (overridden: {escape(domain.overridden_by)})" if domain.overridden_by else ""),
                    self._sentence(domain.reason),
                )
                for domain in certainty.domains
            ]
            yield _table(("Domain", "Rating", "Why"), rows)
            if certainty.start:
                yield f"The rating started at {certainty.start}."

    def _lines(self) -> str:
        rows = [
            (
                f"**{escape(line.label)}**",
                numerals.count(line.studies) if line.studies else "none",
                "–" if line.participants is None or not line.studies else numerals.count(line.participants),
                escape(line.direction) if line.direction and line.direction != "none" else "–",
                self._sentence(line.summary),
            )
            for line in self.answer.lines
        ]
        return _table(("Line", "Studies", "Participants", "Direction", "In short"), rows)

    # ---------------------------------------------------------------- sections

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph():
                return self._sentences(block.statements)
            case Bullets():
                return self._bullets(block.items)
            case Subheading():
                return f"### {escape(block.text)}"
            case Table():
                rows = [
                    (f"**{escape(row.header)}**", *(self._sentences(cell) or "–" for cell in row.cells))
                    for row in block.rows
                ]
                return f"**{escape(block.caption)}**\n\n{_table([escape(name) for name in block.columns], rows)}"
            case ForestPlot():
                return self._forest(block)
            case NetworkGraph():
                return self._network(block)
            case FrequentQuestion():
                return f"### {escape(block.question)}\n\n{self._sentences(block.answer)}"
            case References():
                return "\n".join(self._reference(self.register.studies[study]) for study in block.studies)

    def _forest(self, plot: ForestPlot) -> str:
        measure = escape(plot.measure)
        rows = [
            (
                escape(row.group),
                f"**{escape(row.label)}**" if row.role == "summary" else escape(row.label),
                escape(row.detail),
                numerals.estimate(row.figures),
                "" if row.weight is None else numerals.percentage(row.weight),
            )
            for row in plot.rows
        ]
        scale = f"{measure}; no difference at {numerals.general(plot.null)}"
        if plot.important is not None:
            low, high = plot.important
            scale += f"; from {numerals.general(low)} to {numerals.general(high)} too small to matter"
        directions = f"lower: {escape(plot.left_label)}; higher: {escape(plot.right_label)}"
        table = _table(("Group", "Study or comparison", "Detail", "Estimate (95% CI)", "Weight"), rows)
        return f"**{escape(plot.title)}.** {escape(plot.description)}\n\n{table}\n\n{scale}; {directions}."

    def _network(self, graph: NetworkGraph) -> str:
        rows = [
            (
                escape(edge.treatment),
                escape(edge.comparator),
                numerals.count(edge.studies),
                numerals.count(edge.participants),
            )
            for edge in graph.edges
        ]
        table = _table(("Treatment", "Compared with", "Trials", "Participants"), rows)
        absent = f"\n\nNot in the network: {escape(', '.join(graph.absent))}." if graph.absent else ""
        return f"**{escape(graph.title)}.** {escape(graph.description)}\n\n{table}{absent}"

    def _reference(self, study: StudyCard) -> str:
        number = f"{study.number}. " if study.number is not None else "- "
        title = f" *{escape(study.title)}*" if study.title and study.title not in study.citation else ""
        return f"{number}{escape(study.citation)}{title} {self._identifiers(study)}".rstrip()

    def _identifiers(self, study: StudyCard) -> str:
        parts = []
        if found := links.doi(study.doi):
            parts.append(f"doi:{_link(found)}")
        if found := links.pmid(study.pmid):
            parts.append(f"PMID {_link(found)}")
        parts += [_link(number) for number in links.registry(study.registry)]
        return " ".join(parts)

    # ---------------------------------------------------------------- grounds

    def _note(self, grounds: Iterable[Ground]) -> str:
        return "; ".join(self._ground(ground) for ground in grounds) + "."

    def _ground(self, ground: Ground) -> str:
        label = escape(self.register.label(ground))
        if ground.kind == "result":
            result = self.register.results[ground.id]
            if result.figures is not None:
                label += f", {self._figures(result)}"
            return label
        if ground.kind == "rule":
            return f"Rule: {label}"
        if ground.kind == "path":
            return f"Causal path: {label}"
        return label

    def _figures(self, result: ResultCard) -> str:
        assert result.figures is not None
        text = numerals.estimate(result.figures, result.measure)
        return f"{escape(result.measure)} {text}".strip()

    def _entries(self) -> Iterable[str]:
        answer = self.answer
        groups: list[tuple[str, list[str]]] = [
            ("Results", [self._result(result) for result in answer.results]),
            ("Studies", [self._study(study) for study in answer.studies]),
            (
                "Rules",
                [f"**{escape(rule.title)}**: {escape(rule.text)} ({escape(rule.source)})" for rule in answer.rules],
            ),
            ("Causal paths", [self._path(path.id) for path in answer.paths]),
            ("Rows of the review’s tables", [self._row(row.id) for row in answer.rows]),
        ]
        for title, entries in groups:
            if entries:
                yield f"### {title}"
                yield "\n".join(f"- {entry}" for entry in entries)

    def _rows(self, rows: Iterable[str]) -> str:
        return ", ".join(escape(self.register.row_label(row)) for row in rows)

    def _result(self, result: ResultCard) -> str:
        behind = self.register.studies_behind(result)
        facts = {
            names.KINDS[result.kind]: escape(names.comparison(result)),
            "outcome": escape(result.outcome),
            names.MEASURES.get(result.measure, result.measure) or "estimate": (
                numerals.estimate(result.figures, result.measure) if result.figures is not None else ""
            ),
            "95% prediction interval": (
                numerals.interval(result.prediction, result.measure) if result.prediction is not None else ""
            ),
            "p": escape(result.p),
            "τ²": "" if result.tau2 is None else numerals.general(result.tau2),
            "I²": "" if result.i2 is None else numerals.percentage(result.i2),
            "studies": "" if result.studies is None else numerals.count(result.studies),
            "participants": "" if result.participants is None else numerals.count(result.participants),
            "weight": "" if result.weight is None else numerals.percentage(result.weight),
            "method": escape(result.method),
            "from": ", ".join(escape(study.label or study.id) for study in behind),
            "rows": self._rows(result.rows),
            "computed from": "; ".join(escape(self.register.results[part].label) for part in result.parts),
            "worked out": "; ".join(
                f"{escape(step.quantity)} = {numerals.general(step.value)}, {escape(step.formula)} "
                f"({escape(step.source)}; {self._rows([step.row])})"
                for step in result.derivations
            ),
            "notes": " ".join(escape(note) for note in result.notes),
        }
        return f"**{escape(result.label)}**. " + _facts(facts.items())

    def _study(self, study: StudyCard) -> str:
        facts = {
            "design": escape(study.design),
            "condition": escape(study.condition),
            "participants": "" if study.participants is None else numerals.count(study.participants),
            "funding": escape(study.funding),
            "read": escape(study.seen),
            "seen at": self._seen(study.source_url, study.source_kind, study.source_quality),
            "rows": self._rows(study.rows),
        }
        head = f"**{escape(study.label or study.id)}**. {escape(study.citation)} {self._identifiers(study)}".rstrip()
        return f"{head}; {_facts(facts.items())}"

    def _row(self, row_id: str) -> str:
        row = self.register.rows[row_id]
        cells = [(escape(cell.column), escape(cell.value)) for cell in row.cells]
        study = self.register.studies[row.study] if row.study is not None else None
        origin = f" ({escape(study.label or study.id)})" if study is not None else ""
        seen = self._seen(row.source_url, row.source_kind, row.source_quality)
        return f"**{escape(self.register.row_label(row_id))}**{origin}. {_facts([*cells, ('seen at', seen)])}"

    def _path(self, path_id: str) -> str:
        path = self.register.paths[path_id]
        steps = [
            f"{escape(step.subject)} {escape(step.relation)} {escape(step.object)} ("
            + (
                _facts(
                    [
                        ("for", self._rows(step.supporting)),
                        ("against", self._rows(step.opposing)),
                        ("not proven", self._rows(step.unproven)),
                    ]
                )
                or "no statement"
            )
            + ")"
            for step in path.links
        ]
        return f"**{escape(path.label)}**. {'; then '.join(steps)}"

    def _seen(self, url: str, kind: str, quality: str) -> str:
        place = _link(links.Link(url, links.web_address(url))) if url else "not recorded"
        qualities = "; ".join(escape(part) for part in (kind, quality) if part)
        return f"{place} ({qualities})" if qualities else place

    def _left_out(self) -> Iterable[str]:
        if not self.answer.left_out:
            return
        yield "### Left out of the analyses"
        items = []
        for left in self.answer.left_out:
            origin = [self.register.studies[left.study].label or left.study] if left.study else []
            origin += [self.register.row_label(left.row)] if left.row else []
            where = f" ({escape('; '.join(origin))})" if origin else ""
            items.append(f"- **{escape(left.what)}**: {escape(left.why)}{where}")
        yield "\n".join(items)


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in facts if value)
