"""Writing a review folder: the same review always becomes the same bytes, and reads back as itself."""

from __future__ import annotations

from typing import Any

from equipoise.review.columns import number
from equipoise.review.model import Row


def cells(row: Row) -> dict[str, str]:
    """A row's cells as its file has them, by column; columns that the format doesn't know come last."""
    kind = type(row)
    attributes = kind.attributes()
    texts = {column: _text(getattr(row, attributes[column])) for column in kind.columns()}
    texts.update(row.extra)
    return texts


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, tuple):
        return "; ".join(value)
    return str(value)
