"""A small sound review, all of it invented, for tests to break at one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from equipoise.review.problem import Problem
from equipoise.review.reading import inspect
from equipoise.review.rows import TABLES
from equipoise.review.writing import table_text

Tables = dict[str, list[dict[str, str]]]

SEEN = {"source_url": "https://example.org/1", "source_kind": "full-text", "source_quality": "primary"}

TOML = """\
format = 1
title = "Treatments for wobble syndrome"
version = "0.1"

[question]
text = "Does borvanil help with wobble syndrome?"
population = "People with wobble syndrome"

[condition]
name = "wobble syndrome"

[[analysis]]
outcome = "severity"
measure = "MD"
primary = true
smallest_important_difference = 0.5

[[background]]
about = ["condition", "borvanil"]
text = "Borvanil is an invented medicine."
grounds = ["studies?study_id=ash2001", "interventions?name=borvanil 10 mg&role=conventional"]
"""


def sound() -> Tables:
    """The tables, each row with only the cells that are filled in; the first row of a table is line 2 of its file."""
    return {
        "outcomes": [
            {
                "outcome": "severity",
                "label": "Severity",
                "kind": "benefit",
                "type": "continuous",
                "lower_is_better": "true",
                "scales": "WSS total; video count",
            },
            {
                "outcome": "response >=50%",
                "label": "Response",
                "kind": "benefit",
                "type": "binary",
                "lower_is_better": "false",
                "scales": "WSS",
            },
        ],
        "interventions": [
            {"name": "placebo", "node": "placebo", "role": "control", **SEEN},
            {"name": "borvanil 10 mg", "node": "borvanil", "role": "conventional", "synonyms": "Borvan; BV-1", **SEEN},
            {"name": "borvanil 20 mg", "node": "borvanil", "role": "conventional", **SEEN},
            {"name": "quillamine", "node": "quillamine", "role": "supplement", "synonyms": "Quillex", **SEEN},
        ],
        "studies": [
            {"study_id": "ash2001", "citation": "Ash, 2001", "title": "A trial", "n_total": "80", **SEEN},
            {"study_id": "birch2002", "citation": "Birch, 2002", "title": "Another trial", "year": "2002", **SEEN},
            {"study_id": "cedar2003", "citation": "Cedar, 2003", "title": "A review", **SEEN},
        ],
        "arms": [
            _arm("borvanil 10 mg", "severity", n="40", mean="-3.2", sd="2.5"),
            _arm("placebo", "severity", n="39", mean="-0.4", sd="2.25"),
            _arm("borvanil 10 mg", "response >=50%", n="40", events="18"),
            _arm("placebo", "response >=50%", n="39", events="7"),
        ],
        "contrasts": [
            {
                "study_id": "birch2002",
                "outcome": "severity",
                "scale": "WSS total",
                "timepoint_weeks": "6",
                "treatment": "quillamine",
                "comparator": "placebo",
                "measure": "MD",
                "estimate": "-1.5",
                "ci_low": "-2.5",
                "ci_high": "-0.5",
                "p": "<0.01",
                **SEEN,
            }
        ],
        "findings": [
            {
                "study_id": "birch2002",
                "stream": "animal",
                "intervention": "quillamine",
                "outcome": "severity",
                "direction": "improves",
                **SEEN,
            }
        ],
        "syntheses": [
            {
                "review_id": "cedar2003",
                "treatment": "borvanil 10 mg; borvanil 20 mg",
                "comparator": "placebo",
                "outcome": "severity",
                "measure": "SMD",
                "estimate": "-0.6",
                "ci_low": "-0.9",
                "ci_high": "-0.3",
                **SEEN,
            }
        ],
        "appraisal": [{"study_id": "ash2001", "tool": "RoB 2", "domain": "randomisation", "judgement": "low", **SEEN}],
        "mechanisms": [
            {
                "subject": "borvanil",
                "relation": "blocks",
                "object": "wobble channel",
                "status": "supports",
                "study_id": "birch2002",
                **SEEN,
            }
        ],
        "safety": [{"substance": "quillamine", "kind": "interaction", "with": "alcohol", **SEEN}],
        "certainty": [
            {
                "comparison": "borvanil v placebo",
                "outcome": "severity",
                "domain": "imprecision",
                "level": "1",
                "by": "A. Reviewer",
                "when": "2026-01-31",
                "why": "few participants",
            }
        ],
        "set_aside": [{"table": "studies", "why": "retracted", "study_id": "dogwood2004", "title": "Retracted"}],
    }


def _arm(treatment: str, outcome: str, **cells: str) -> dict[str, str]:
    place = {"study_id": "ash2001", "outcome": outcome, "scale": "WSS total", "timepoint_weeks": "6"}
    return {**place, "treatment": treatment, **cells, **SEEN}


def with_cell(table: str, line: int, column: str, value: str) -> Tables:
    """The sound review with one cell changed; ``line`` is the line in the file."""
    tables = sound()
    tables[table][line - 2][column] = value
    return tables


def with_row(table: str, **cells: str) -> Tables:
    """The sound review with one row more: the table's first row with some cells changed."""
    tables = sound()
    tables[table].append({**tables[table][0], **cells})
    return tables


def write_folder(
    directory: Path, tables: Mapping[str, Iterable[Mapping[str, str]]] | None = None, toml: str = TOML
) -> Path:
    """Write a folder of all columns that the format knows and those that the rows have besides."""
    directory.mkdir(exist_ok=True)
    (directory / "review.toml").write_text(toml, encoding="utf-8")
    for name, filled in (sound() if tables is None else tables).items():
        rows = list(filled)
        columns = dict.fromkeys([*TABLES[name].columns(), *(column for row in rows for column in row)])
        text = table_text(columns, [[row.get(column, "") for column in columns] for row in rows])
        (directory / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    return directory


def problems_of(
    directory: Path, tables: Mapping[str, Iterable[Mapping[str, str]]] | None = None, toml: str = TOML
) -> list[Problem]:
    """What is found in such a folder."""
    return inspect(write_folder(directory, tables, toml))[1]
