"""review.toml: the decisions of a review, read with every problem named at its line."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from equipoise.review.model import Analysis, Condition, Protocol, Question, Remark
from equipoise.review.nearest import did_you_mean, nearest
from equipoise.review.problem import Problem, Severity
from equipoise.review.toml_lines import Place, TomlLines
from equipoise.review.vocabulary import MEASURES, METHODS, MODELS, RATIOS

FILE = "review.toml"
FORMAT = 1
"""The version of the folder's format that this version reads and writes."""


@dataclass(frozen=True, slots=True)
class Key:
    """The rules for one key of review.toml."""

    kind: str
    meaning: str
    required: bool = False


KEYS: Mapping[str, Mapping[str, Key]] = {
    "": {
        "format": Key("integer", "the version of this format, 1"),
        "title": Key("text", "the review's title", required=True),
        "version": Key("text", "the review's own version"),
        "question": Key("table", "the question", required=True),
        "condition": Key("table", "the condition", required=True),
        "analysis": Key("tables", "the syntheses to make"),
        "background": Key("tables", "remarks on what the condition and the treatments are"),
        "conflict": Key("tables", "remarks on where the sources disagree"),
        "gap": Key("tables", "remarks on what is not known"),
    },
    "question": {
        "text": Key("text", "the question as a sentence", required=True),
        "population": Key("text", "whom it is about", required=True),
        "interventions": Key("texts", "the treatments asked about"),
        "comparators": Key("texts", "what they are compared with"),
        "outcomes": Key("texts", "what is measured"),
    },
    "condition": {
        "name": Key("text", "its name as the article writes it", required=True),
        "abbreviation": Key("text", "its short form"),
        "synonyms": Key("texts", "other words for it, by which questions find this review"),
        "broader": Key("texts", "words that mean more than this review covers, which people use for it"),
    },
    "analysis": {
        "outcome": Key("text", "an outcome of outcomes.csv", required=True),
        "measure": Key("text", f"the effect measure: {', '.join(MEASURES)}", required=True),
        "primary": Key("boolean", "true for the analysis that answers the question"),
        "model": Key("text", f"{' or '.join(MODELS)} effects; random when left out"),
        "method": Key("text", f"estimator of the heterogeneity: {', '.join(METHODS)}; REML when left out"),
        "reference": Key("text", "the node that treatments are compared with; placebo when left out"),
        "smallest_important_difference": Key(
            "number", "on the natural scale of the measure: a difference above 0, a ratio above 1"
        ),
        "why": Key("text", "the reason for these choices"),
    },
    "remark": {
        "about": Key("texts", "`condition`, or nodes of interventions.csv", required=True),
        "text": Key("text", "one or two sentences", required=True),
        "grounds": Key(
            "texts", "the rows that the text rests on, each `table?column=value&column=value`", required=True
        ),
        "lead": Key("boolean", "true where it belongs in the quick summary"),
    },
}
"""Table of review.toml → its keys; ``""`` is the top, ``remark`` stands for background, conflict and gap."""
_REMARKS = ("background", "conflict", "gap")
_KINDS = {
    "text": "a text in quotes",
    "texts": "a list of texts in square brackets",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "table": "a table",
    "tables": "a table in double square brackets",
}


@dataclass(slots=True)
class _Reader:
    """Reads the tables of review.toml and collects what is wrong with them."""

    lines: TomlLines
    problems: list[Problem] = field(default_factory=list)

    def report(self, place: Place, value: Any, what: str, mend: str, severity: Severity = "error") -> None:
        table, number, key = place
        shown = "" if value is None else value if isinstance(value, str) else str(value)
        line = self.lines.line(table, number, key, shown if isinstance(value, str) else "")
        self.problems.append(Problem(FILE, line, key or table or None, shown, what, mend, severity))

    def table(self, values: Mapping[str, Any], name: str, number: int, rules: Mapping[str, Key]) -> dict[str, Any]:
        """The values of a table that are as the rules say."""
        good: dict[str, Any] = {}
        absent = [key for key, rule in rules.items() if rule.required and key not in values]
        for key, value in values.items():
            rule = rules.get(key)
            if rule is None:
                match = nearest(key, absent) or nearest(key, rules)
                absent = [other for other in absent if other != match]
                inside = f"[{name}]" if name else "the top of the file"
                mend = f"did you mean {match!r}?" if match else f"{inside} knows {', '.join(rules)}"
                self.report((name, number, key), None, f"unknown key {key!r}", mend)
            elif not _is(rule.kind, value):
                mend = f"write {_KINDS[rule.kind]}: {rule.meaning}"
                self.report((name, number, key), value, f"not {_KINDS[rule.kind]}", mend)
            elif rule.required and rule.kind in ("text", "texts") and not _filled(value):
                self.report((name, number, key), None, f"{key} is empty", f"fill it in: {rule.meaning}")
            else:
                good[key] = tuple(value) if rule.kind == "texts" else value
        for key in absent:
            what = f"{f'[{name}]' if name else 'the file'} has no {key}"
            mend = f"add [{key}]" if rules[key].kind == "table" else f"add {key} = …: {rules[key].meaning}"
            self.report((name, number, ""), None, what, mend)
        return good


def read_protocol(text: str) -> tuple[Protocol | None, TomlLines, list[Problem]]:
    """The protocol in the text of review.toml, where its keys stand, and everything that is wrong with it.

    The protocol is None when the text isn't TOML or lacks its title, question or condition.
    """
    lines = TomlLines(text)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, lines, [_syntax(str(error), text)]
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets in brackets without end
        what = "the file holds something too large to be read"
        return None, lines, [Problem(FILE, None, None, "", what, "take it out")]
    reader = _Reader(lines)
    top = reader.table(values, "", 0, KEYS[""])
    if top.get("format", FORMAT) != FORMAT:
        mend = f"upgrade Equipoise: this version reads format {FORMAT}"
        reader.report(("", 0, "format"), top["format"], "a format that this version doesn't know", mend)
    question = reader.table(top.get("question", {}), "question", 0, KEYS["question"]) if "question" in top else {}
    condition = reader.table(top.get("condition", {}), "condition", 0, KEYS["condition"]) if "condition" in top else {}
    analyses = [_analysis(reader, values, i) for i, values in enumerate(top.get("analysis", []))]
    remarks = {name: [_remark(reader, name, each, i) for i, each in enumerate(top.get(name, []))] for name in _REMARKS}
    if not ("title" in top and "text" in question and "population" in question and "name" in condition):
        return None, lines, reader.problems
    return (
        Protocol(
            title=top["title"],
            question=Question(**question),
            condition=Condition(**condition),
            analyses=tuple(each for each in analyses if each),
            background=tuple(each for each in remarks["background"] if each),
            conflicts=tuple(each for each in remarks["conflict"] if each),
            gaps=tuple(each for each in remarks["gap"] if each),
            version=top.get("version", ""),
        ),
        lines,
        reader.problems,
    )


def _filled(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _is(rule: str, value: Any) -> bool:
    if rule == "text":
        return isinstance(value, str)
    if rule == "texts":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if rule == "table":
        return isinstance(value, dict)
    if rule == "tables":
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    if rule == "boolean":
        return isinstance(value, bool)
    if rule == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _syntax(message: str, text: str) -> Problem:
    """`tomllib` says where in words: "… (at line 3, column 5)", or "(at end of document)"."""
    found = re.fullmatch(r"(?s)(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    what = found[1] if found else message
    row = int(found[2]) if found and found[2] else text.rstrip("\n").count("\n") + 1
    column = found[3] if found and found[3] else None
    line = text.split("\n")[row - 1].strip() if row <= text.count("\n") + 1 else ""
    mend = "texts stand in quotes, lists in [ ], a table's name in [ ] on a line of its own"
    return Problem(FILE, row, column, line[:80], f"not TOML: {what[:1].lower()}{what[1:]}", mend)


def _analysis(reader: _Reader, values: Mapping[str, Any], number: int) -> Analysis | None:
    good = reader.table(values, "analysis", number, KEYS["analysis"])

    def one_of(key: str, known: tuple[str, ...]) -> None:
        if key in good and good[key] not in known:
            mend = did_you_mean(good[key], known, f"write one of {', '.join(known)}")
            reader.report(("analysis", number, key), good[key], f"unknown {key}", mend)
            del good[key]

    one_of("measure", MEASURES)
    one_of("model", MODELS)
    one_of("method", METHODS)
    size = good.get("smallest_important_difference")
    if size is not None:
        ratio = good.get("measure") in RATIOS
        if size <= (1 if ratio else 0):
            what = "the smallest important ratio must be above 1" if ratio else "it must be above 0"
            mend = "write 1.25 for a change by a quarter either way" if ratio else "write its size without a sign"
            reader.report(("analysis", number, "smallest_important_difference"), size, what, mend)
        good["smallest_important_difference"] = float(size)
    return Analysis(**good) if "outcome" in good and "measure" in good else None


def _remark(reader: _Reader, name: str, values: Mapping[str, Any], number: int) -> Remark | None:
    good = reader.table(values, name, number, KEYS["remark"])
    needed = {key for key, rule in KEYS["remark"].items() if rule.required}
    return Remark(**good) if needed <= set(good) else None
