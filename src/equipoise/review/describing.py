"""The review folder in words, made from the rules that the reader goes by.

python -m equipoise.review.describing > docs/review-folder.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from equipoise.review.columns import Column
from equipoise.review.protocol import FILE, KEYS
from equipoise.review.rows import TABLES, Row

_INTRODUCTION = f"""\
A review is a folder of plain files that can be kept in git, compared and merged: decisions in `{FILE}`, data in
tables of comma-separated values (UTF-8). A table that isn't there means that there is none of it. `equipoise check`
names everything in the folder that breaks these rules, with its place and how to mend it.

- A missing value is an empty cell. Nothing else means “missing”.
- Every row that carries a fact says where it was seen: `source_url`, `source_kind`, `source_quality`.
- An id that one table uses must have its row in the table that defines it.
- Numbers have a decimal point and no separators, percent signs or units. Ratios are on the natural scale.
- A list's items are separated by `; `.
- Columns that the format doesn't know are kept and reported; nothing reads them.
- A link that leads out of the folder is refused.
"""
_SELECTORS = """\
A ground selects rows: `studies?study_id=smith2001`, `safety?substance=zinc&kind=dose-limit`, or a table's name for all
of its rows. Every condition must hold. Numbers are compared as numbers, texts letter by letter; a list fits when one of
its items does. Each ground must select at least one row, and none from `set_aside.csv`.
"""
_KINDS = {
    "text": "text",
    "texts": "list of texts",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "table": "`[table]`",
    "tables": "`[[tables]]`",
}


def reference() -> str:
    """The whole format as a page of Markdown."""
    return "\n".join(["# The review folder", "", _INTRODUCTION, *_decisions(), *_tables()])


def describe_table(kind: type[Row]) -> str:
    """What a row of the table is, and a Markdown table of its columns."""
    lines = [f"## {kind.table}.csv", "", f"Each row is {_row(kind)}", "", *_header("column")]
    for name, column in kind.columns().items():
        lines.append(_line(name, _holds(column), column.required, column.meaning))
    if kind.key:
        lines += ["", f"No two rows have the same {_and(kind.key)}."]
    return "\n".join(lines)


def _decisions() -> Iterator[str]:
    yield f"## {FILE}"
    yield ""
    yield "The decisions of the review, in [TOML](https://toml.io)."
    titles = {
        "": "At the top",
        "question": "`[question]`",
        "condition": "`[condition]`",
        "analysis": "`[[analysis]]`: one synthesis each",
        "remark": "`[[background]]`, `[[conflict]]`, `[[gap]]`: remarks in the review's own words",
    }
    for table, keys in KEYS.items():
        yield ""
        yield f"### {titles[table]}"
        yield ""
        yield from _header("key")
        for name, key in keys.items():
            yield _line(name, _KINDS[key.kind], key.required, key.meaning)
    yield ""
    yield _SELECTORS


def _tables() -> Iterator[str]:
    for kind in TABLES.values():
        yield describe_table(kind)
        yield ""


def _header(first: str) -> Iterator[str]:
    yield f"| {first} | holds | needed | meaning |"
    yield "| --- | --- | --- | --- |"


def _line(name: str, holds: str, needed: bool, meaning: str) -> str:
    return f"| `{name}` | {holds} | {'yes' if needed else ''} | {meaning.replace('|', chr(92) + '|')} |"


def _row(kind: type[Row]) -> str:
    words = (kind.__doc__ or "").strip().split("\n")[0]
    return words[:1].lower() + words[1:]


def _holds(column: Column) -> str:
    """What a cell may be, in words."""
    if column.refers_to:
        table, target = column.refers_to
        return f"{'list of' if column.kind == 'list' else 'a'} `{target}` in {table}.csv"
    if column.choices:
        words = ", ".join(f"`{choice}`" for choice in column.choices)
        return f"{'some' if column.kind == 'list' else 'one'} of {words}"
    if column.kind in ("integer", "number"):
        return f"{_KINDS[column.kind]}{_bounds(column)}"
    if column.pattern:
        return f"text like `{column.example}`"
    return {
        "text": "text",
        "list": "list",
        "url": "web address",
        "boolean": _KINDS["boolean"],
        "p_value": "p-value: `0.03`, `<0.001`, `>0.05`",
    }[column.kind]


def _bounds(column: Column) -> str:
    if column.above is not None:
        return f" above {column.above:g}"
    if column.minimum is not None and column.maximum is not None:
        return f" from {column.minimum:g} to {column.maximum:g}"
    return "" if column.minimum is None else f", {column.minimum:g} or more"


def _and(names: Iterable[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


if __name__ == "__main__":
    print(reference(), end="")
