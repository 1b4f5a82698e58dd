"""An answer survives being written and read, and its schema is published."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from article_sample import sample
from msgspec.structs import replace

from equipoise.errors import DataError
from equipoise.report.answer import Figures
from equipoise.report.exchange import from_json, schema, to_json

PUBLISHED = Path(__file__).parents[2] / "docs" / "answer.schema.json"


def test_what_is_written_is_read_back_the_same() -> None:
    answer = sample()
    assert from_json(to_json(answer)) == answer


def test_the_same_answer_gives_the_same_bytes_indented() -> None:
    data = to_json(sample())
    assert data == to_json(from_json(data))
    assert data.startswith(b'{\n  "schema": "1",\n')
    assert data.endswith(b"}\n")


def test_answers_follow_the_schema() -> None:
    jsonschema.validate(json.loads(to_json(sample())), schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_refuses_what_is_not_an_answer() -> None:
    document = json.loads(to_json(sample()))
    document["verdict"] = "It works."
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_is_a_schema_with_a_name() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert {"$schema", "$id", "title", "description"} <= schema().keys()


def test_the_published_schema_is_current() -> None:
    current = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    assert PUBLISHED.read_text(encoding="utf-8") == current, (
        "docs/answer.schema.json is out of date: write json.dumps(schema(), indent=2, ensure_ascii=False) and a "
        "line feed to it"
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not an Equipoise answer"),
        (b"PK\x03\x04", "not an Equipoise answer"),
        (b"\xff\xfe{}", "not an Equipoise answer"),
        (b"[1, 2]", "not an Equipoise answer"),
        (b'{"title": "something else"}', "not an Equipoise answer"),
        (b'{"schema": "0"}', "schema version '0'"),
        (b'{"schema": "1", "title": "cut short"}', "damaged"),
    ],
)
def test_foreign_data_gets_a_clear_error(data: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        from_json(data)


def test_an_answer_changed_by_hand_is_refused_with_the_place() -> None:
    document = json.loads(to_json(sample()))
    document["results"][0]["figures"]["estimate"] = "minus three"
    with pytest.raises(DataError, match=r"results\[0\]\.figures\.estimate"):
        from_json(msgspec.json.encode(document))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_is_refused_with_the_place(value: float) -> None:
    answer = sample()
    broken = replace(answer.results[2], figures=Figures(1.0, 0.5, value))
    with pytest.raises(DataError, match=r"results\[2\]\.figures\.ci_high is not a finite number"):
        to_json(replace(answer, results=(*answer.results[:2], broken, *answer.results[3:])))
