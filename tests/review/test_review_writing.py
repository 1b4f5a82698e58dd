"""What is written reads back as it was, always in the same bytes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_review import sound, write_folder

from equipoise.errors import InvalidReview, OutputError
from equipoise.review.columns import Column, PValue
from equipoise.review.model import Analysis, Condition, Protocol, Question, Remark, Review
from equipoise.review.protocol import read_protocol
from equipoise.review.reading import read
from equipoise.review.rows import TABLES, Row
from equipoise.review.sheet import parse_table
from equipoise.review.tables import read_table
from equipoise.review.writing import cells, protocol_text, rows_text, write

# ---------------------------------------------------------------------------------------------- any row reads back

_PRINTABLE = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"], include_characters='\n,;"'
)
TEXTS = st.text(_PRINTABLE, max_size=12).map(str.strip)
WORDS = st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def values(column: Column) -> st.SearchStrategy[Any]:
    """Whatever a column may hold."""
    if column.kind == "choice":
        return st.sampled_from([*column.choices, *([] if column.required else [""])])
    if column.kind == "list":
        items = st.sampled_from(column.choices) if column.choices else WORDS
        return st.lists(items, min_size=int(column.required), max_size=3).map(tuple)
    if column.kind == "url":
        return WORDS.map(lambda word: f"https://example.org/{word}")
    if column.pattern:
        return st.from_regex(
            column.pattern, fullmatch=True, alphabet=st.characters(min_codepoint=33, max_codepoint=126)
        )
    if column.kind == "text":
        return (WORDS if column.required else TEXTS).filter(lambda text: not text.startswith("\ufeff"))
    if column.kind == "boolean":
        return st.booleans() if column.required else st.none() | st.booleans()
    if column.kind == "p_value":
        return st.none() | st.builds(PValue, st.floats(0.001, 0.999), st.sampled_from(["=", "<", ">"]))
    numbers: st.SearchStrategy[Any]
    low = column.minimum if column.minimum is not None else column.above
    if column.kind == "integer":
        numbers = st.integers(
            math.floor(low) + 1 if low is not None else None, None if column.maximum is None else int(column.maximum)
        )
    else:
        numbers = st.floats(
            low, column.maximum, exclude_min=column.above is not None, allow_nan=False, allow_infinity=False
        )
    return numbers if column.required else st.none() | numbers


def rows(kind: type[Row]) -> st.SearchStrategy[list[Row]]:
    """Rows of one table; the columns that the format doesn't know are the same in all, as they are in a file."""
    columns = {kind.attributes()[name]: values(column) for name, column in kind.columns().items()}
    unknown = [] if kind.table == "set_aside" else ["baseline", "länge"]

    def with_unknown(names: list[str]) -> st.SearchStrategy[list[Row]]:
        extra = st.tuples(*(st.tuples(st.just(name), TEXTS) for name in names))
        return st.lists(st.builds(kind, extra=extra, **columns), max_size=4)

    return st.lists(st.sampled_from(unknown), unique=True).flatmap(with_unknown) if unknown else with_unknown([])


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
def test_a_table_reads_back_as_it_was(name: str, data: st.DataObject) -> None:
    made = tuple(data.draw(rows(TABLES[name])))
    text, problems = rows_text(name, made)
    assert problems == []
    table, _ = read_table(name, text)
    assert table is not None
    sheet, _ = parse_table(TABLES[name], table)
    assert sheet.rows() == made
    assert rows_text(name, sheet.rows()) == (text, [])


LISTS = st.lists(TEXTS, max_size=3).map(tuple)
NEEDED = WORDS
REMARKS = st.lists(
    st.builds(Remark, st.lists(WORDS, min_size=1).map(tuple), NEEDED, st.lists(WORDS, min_size=1).map(tuple)),
    max_size=2,
).map(tuple)
PROTOCOLS = st.builds(
    Protocol,
    title=NEEDED,
    question=st.builds(Question, NEEDED, NEEDED, LISTS, LISTS, LISTS),
    condition=st.builds(Condition, NEEDED, TEXTS, LISTS, LISTS),
    analyses=st.lists(
        st.builds(
            Analysis,
            outcome=NEEDED,
            measure=st.sampled_from(["MD", "SMD", "RR"]),
            primary=st.booleans(),
            model=st.sampled_from(["random", "common"]),
            method=st.sampled_from(["REML", "DL"]),
            reference=NEEDED,
            smallest_important_difference=st.none() | st.floats(1.01, 1e9),
            why=TEXTS,
        ),
        max_size=3,
    ).map(tuple),
    background=REMARKS,
    conflicts=REMARKS,
    gaps=REMARKS,
    version=TEXTS,
)


@given(PROTOCOLS)
@settings(max_examples=50, deadline=None)
def test_the_decisions_read_back_as_they_were(protocol: Protocol) -> None:
    again, _, problems = read_protocol(protocol_text(protocol))
    assert problems == []
    assert again == protocol


# ------------------------------------------------------------------------------------------------------ a whole review


def test_a_review_reads_back_as_it_was_and_is_always_the_same_bytes(tmp_path: Path) -> None:
    tables = sound()
    tables["arms"][0]["baseline"] = "12.5, of 28"
    review = read(write_folder(tmp_path / "a", tables))
    review.write(tmp_path / "b")
    assert Review.read(tmp_path / "b") == review
    Review.read(tmp_path / "b").write(tmp_path / "c")
    assert contents(tmp_path / "b") == contents(tmp_path / "c")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_utf_8_with_plain_line_ends_and_few_quotes(tmp_path: Path) -> None:
    tables = sound()
    tables["safety"][0].update({"with": "alcohol, much", "effect": "naïve"})
    read(write_folder(tmp_path / "a", tables)).write(tmp_path / "b")
    assert (tmp_path / "b" / "safety.csv").read_bytes().decode("utf-8") == (
        "substance,kind,with,effect,mechanism,severity,management,source_name,source_url,source_kind,source_quality\n"
        'quillamine,interaction,"alcohol, much",naïve,,,,,https://example.org/1,full-text,primary\n'
    )


def test_columns_that_the_format_does_not_know_come_last_in_their_order(tmp_path: Path) -> None:
    tables = sound()
    tables["appraisal"][0].update({"zeal": "1", "assessor": "2"})
    read(write_folder(tmp_path / "a", tables)).write(tmp_path / "b")
    header = (tmp_path / "b" / "appraisal.csv").read_text(encoding="utf-8").split("\n")[0]
    assert header.endswith("source_quality,zeal,assessor")


def test_a_table_that_became_empty_is_written_as_its_header(tmp_path: Path) -> None:
    review = read(write_folder(tmp_path))
    replace(review, safety=()).write(tmp_path)
    assert read(tmp_path).safety == ()
    assert read(tmp_path).arms == review.arms


def test_cells_are_the_texts_that_the_file_has(tmp_path: Path) -> None:
    tables = sound()
    tables["contrasts"][0].update({"estimate": "-1.50", "baseline": "12.50"})
    row = read(write_folder(tmp_path, tables)).contrasts[0]
    found = cells(row)
    assert list(found) == [*row.columns(), "baseline"]
    assert {name: found[name] for name in ("timepoint_weeks", "estimate", "p", "se", "caution", "baseline")} == {
        "timepoint_weeks": "6",
        "estimate": "-1.5",
        "p": "<0.01",
        "se": "",
        "caution": "",
        "baseline": "12.50",
    }
    assert cells(read(tmp_path).syntheses[0])["treatment"] == "borvanil 10 mg; borvanil 20 mg"
    assert cells(read(tmp_path).outcomes[0])["lower_is_better"] == "true"
    assert cells(read(tmp_path).safety[0])["with"] == "alcohol"


@pytest.mark.parametrize(
    ("change", "place", "what"),
    [
        ({"mean": math.nan}, "arms.csv:2:mean", "not a finite number"),
        ({"n": 0}, "arms.csv:2:n", "must be above 0"),
        ({"treatment": ""}, "arms.csv:2:treatment", "the cell is empty"),
        ({"note": " spaced "}, "arms.csv:2:note", "it reads back as 'spaced'"),
        ({"extra": (("mean", "1"),)}, "arms.csv:1:mean", "an extra column can't have this name"),
    ],
)
def test_what_would_not_read_back_is_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, Any], place: str, what: str
) -> None:
    review = read(write_folder(tmp_path))
    before = contents(tmp_path)
    broken = replace(review, arms=(replace(review.arms[0], **change),))
    with pytest.raises(InvalidReview) as raised:
        write(broken, tmp_path)
    (problem,) = raised.value.problems
    assert problem.place == place
    assert what in problem.what
    assert contents(tmp_path) == before


def test_a_list_item_with_a_semicolon_is_refused(tmp_path: Path) -> None:
    review = read(write_folder(tmp_path))
    broken = replace(review.interventions[0], synonyms=("a; b",))
    with pytest.raises(InvalidReview, match="take semicolons out of the items"):
        write(replace(review, interventions=(broken,)), tmp_path)


def test_a_place_that_can_not_be_written_to(tmp_path: Path) -> None:
    review = read(write_folder(tmp_path / "a"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write to"):
        write(review, tmp_path / "file" / "b")


def test_no_half_written_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    review = read(write_folder(tmp_path / "a"))
    before = contents(tmp_path / "a")

    def fail(*_: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        write(replace(review, arms=()), tmp_path / "a")
    assert contents(tmp_path / "a") == before
