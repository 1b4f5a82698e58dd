"""Looking things up in an answer: what an id names, and which studies a result goes back to."""

from __future__ import annotations

from equipoise.report.answer import Answer, CausalPath, Ground, ResultCard, Rule, SourceRow, StudyCard


class Register:
    """The entries of an answer by id."""

    def __init__(self, answer: Answer) -> None:
        self.results: dict[str, ResultCard] = {result.id: result for result in answer.results}
        self.studies: dict[str, StudyCard] = {study.id: study for study in answer.studies}
        self.rows: dict[str, SourceRow] = {row.id: row for row in answer.rows}
        self.rules: dict[str, Rule] = {rule.id: rule for rule in answer.rules}
        self.paths: dict[str, CausalPath] = {path.id: path for path in answer.paths}

    def label(self, ground: Ground) -> str:
        """How a list names what a sentence rests on."""
        match ground.kind:
            case "result":
                return self.results[ground.id].label
            case "study":
                return self.studies[ground.id].label or ground.id
            case "row":
                study = self.rows[ground.id].study
                place = self.row_label(ground.id)
                return f"{self.studies[study].label or study} ({place})" if study is not None else place
            case "rule":
                return self.rules[ground.id].title
            case "path":
                return self.paths[ground.id].label

    def row_label(self, row_id: str) -> str:
        row = self.rows[row_id]
        return f"{row.table}, line {row.line}" if row.line else row.table

    def studies_behind(self, result: ResultCard) -> list[StudyCard]:
        """The studies whose rows went into a result, directly or through its parts, in the order of first use."""
        found: dict[str, StudyCard] = {}
        seen = {result.id}
        waiting = [result]
        while waiting:
            current = waiting.pop(0)
            for row_id in current.rows:
                study = self.rows[row_id].study
                if study is not None:
                    found.setdefault(study, self.studies[study])
            for part in current.parts:
                if part not in seen:
                    seen.add(part)
                    waiting.append(self.results[part])
        return list(found.values())
