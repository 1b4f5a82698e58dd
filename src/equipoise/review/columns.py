"""What a column of a review table may hold, as data: the reader, the checks and the docs all interpret this."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "choice", "integer", "number", "boolean", "p_value", "url", "list"]


def number(value: float) -> str:
    """The shortest text that reads back as exactly this number, whole ones without a decimal point."""
    return repr(float(value)).removesuffix(".0")


@dataclass(frozen=True, slots=True)
class PValue:
    """A p-value as printed: exact (``=``) or only bounded (``<`` or ``>``)."""

    value: float
    relation: Literal["=", "<", ">"] = "="

    def __str__(self) -> str:
        return f"{'' if self.relation == '=' else self.relation}{number(self.value)}"


@dataclass(frozen=True, slots=True)
class Column:
    """The rules for one column.

    ``minimum``/``above`` bound numbers (inclusive/exclusive); ``refers_to`` is (table, column) that must hold the
    value; ``choices`` are the words allowed; ``example`` fits ``pattern``; a ``list`` is separated
    by ``; ``.
    """

    kind: Kind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    example: str = ""
    refers_to: tuple[str, str] | None = None
    meaning: str = ""


def column(meaning: str, kind: Kind = "text", **rules: Any) -> Any:
    """A dataclass field for a table column; empty cells become ``""``, None or an empty tuple by kind."""
    spec = Column(kind=kind, meaning=meaning, **rules)
    default: Any = {"text": "", "choice": "", "url": "", "list": ()}.get(kind)
    return field(default=default, metadata={"column": spec})
