"""The answer as JSON, there and back, and the published schema of that JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from equipoise.errors import DataError
from equipoise.report.answer import SCHEMA_VERSION, Answer

SCHEMA_ID = f"urn:equipoise:answer:{SCHEMA_VERSION}"


class _Head(msgspec.Struct):
    schema: str


def to_json(answer: Answer) -> bytes:
    """The answer as UTF-8 JSON, indented by two spaces; the same answer always gives the same bytes.

    Raises
    ------
    DataError
        A number isn't finite: JSON can't hold it, and an article shouldn't.
    """
    for place in _not_finite(answer, "answer"):
        raise DataError(f"{place} is not a finite number. Leave a number that couldn't be estimated out (None).")
    return msgspec.json.format(msgspec.json.encode(answer), indent=2) + b"\n"


def from_json(data: bytes | str) -> Answer:
    """The answer that `to_json` wrote.

    Raises
    ------
    DataError
        The data isn't JSON, isn't an answer, or was written by another version of the schema.
    """
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"This is not an Equipoise answer: {error}. Expected the contents of an answer.json."
        ) from error
    if head.schema != SCHEMA_VERSION:
        raise DataError(
            f"This answer has schema version {head.schema!r}; this version of Equipoise reads {SCHEMA_VERSION!r}. "
            "Answer the question again, or use the version of Equipoise that wrote it."
        )
    try:
        return msgspec.json.decode(data, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"This answer is damaged or was edited by hand: {error}.") from error


def _not_finite(value: object, place: str) -> Iterator[str]:
    if isinstance(value, float):
        if not math.isfinite(value):
            yield place
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _not_finite(item, f"{place}[{index}]")
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _not_finite(getattr(value, name), f"{place}.{name}")


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) that every answer.json follows; published as docs/answer.schema.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Equipoise answer",
        "description": (
            "One question about a treatment, answered: every sentence with its grounds, every number with its "
            "studies, every study with the place where its data were seen."
        ),
        **msgspec.json.schema(Answer),
    }
