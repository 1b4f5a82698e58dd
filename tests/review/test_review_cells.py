"""What a cell may hold, and the mend for what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_review import problems_of, with_cell

from equipoise.review.columns import Column, PValue, number
from equipoise.review.parsing import Unreadable, parse, parse_column
from equipoise.review.reading import read
from equipoise.review.rows import Arm, Contrast, SetAside, Study

NUMBER = Column("number")
COUNT = Column("integer", above=0)


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (NUMBER, "", None),
        (NUMBER, "-3.2", -3.2),
        (NUMBER, "+.5", 0.5),
        (NUMBER, "1e-3", 0.001),
        (COUNT, "40", 40),
        (COUNT, "40.0", 40),  # what a spreadsheet makes of a column with empty cells
        (Column("boolean"), "true", True),
        (Column("boolean"), "FALSE", False),  # likewise
        (Column("boolean"), "", None),
        (Column("p_value"), "<0.001", PValue(0.001, "<")),
        (Column("p_value"), "> 0.05", PValue(0.05, ">")),
        (Column("p_value"), "0.03", PValue(0.03)),
        (Column("list"), "a; b ;c", ("a", "b", "c")),
        (Column("list"), "", ()),
        (Column("text"), "", ""),
        (Column("url"), "https://example.org/a?b=c", "https://example.org/a?b=c"),
        (Study.columns()["doi"], "10.1001/jama.2020.1(2)", "10.1001/jama.2020.1(2)"),
        (Study.columns()["nct"], "NCT00000001; NCT00000002", "NCT00000001; NCT00000002"),
    ],
)
def test_what_a_cell_may_hold(spec: Column, text: str, value: Any) -> None:
    assert parse(spec, text) == value


@pytest.mark.parametrize(
    ("text", "what", "mend"),
    [
        ("1,5", "a decimal comma", "write '1.5'"),
        ("-0,75", "a decimal comma", "write '-0.75'"),
        ("1,234", "a comma in a number", "write '1234', or '1.234' if the comma is a decimal comma"),
        ("1,234,567.5", "a comma in a number", "write '1234567.5'"),
        ("1 234", "separators between thousands", "write '1234'"),
        ("1\u2009234.5", "separators between thousands", "write '1234.5'"),
        ("1.234,5", "separators between thousands", "write '1234.5'"),
        ("1.234.567", "separators between thousands", "write '1234567'"),
        ("45%", "a percent sign in a number column", "write '45' and state the unit in its own column"),
        ("4,5 %", "a percent sign in a number column", "write '4.5' and state the unit in its own column"),
        ("−1.5", "a dash where a minus sign should be", "write '-1.5'"),
        ("–1.5", "a dash where a minus sign should be", "write '-1.5'"),
        ("NA", "a word for a missing value", "leave the cell empty"),
        ("n/a", "a word for a missing value", "leave the cell empty"),
        ("not reported", "a word for a missing value", "leave the cell empty"),
        ("-", "a word for a missing value", "leave the cell empty"),
        ("nan", "not a finite number", "leave the cell empty when the number isn't known"),
        ("inf", "not a finite number", "leave the cell empty when the number isn't known"),
        ("1e999", "not a finite number", "write the number, or leave the cell empty when it isn't known"),
        ("<0.5", "a bound isn't a number", "leave the cell empty and give the bound in the note"),
        ("12.3 (4.5)", "more than one number", "give each number its own column"),
        ("12.3 ± 4.5", "more than one number", "give each number its own column"),
        ("40 mg", "text in a number column", "write the number alone; units and marks belong in a note"),
        ("12*", "text in a number column", "write the number alone; units and marks belong in a note"),
        ("#DIV/0!", "an error value of a spreadsheet", "mend the formula and paste its value"),
        ("1_000", "text in a number column", "write the number alone; units and marks belong in a note"),
        ("٣", "text in a number column", "write the number, or leave the cell empty when it isn't known"),
        ("many", "text in a number column", "write the number, or leave the cell empty when it isn't known"),
    ],
)  # fmt: skip
def test_what_is_not_a_number(tmp_path: Path, text: str, what: str, mend: str) -> None:
    (problem,) = problems_of(tmp_path, with_cell("arms", 2, "mean", text))
    assert (problem.place, problem.value, problem.severity) == ("arms.csv:2:mean", text, "error")
    assert (problem.what, problem.mend) == (what, mend)


@pytest.mark.parametrize(
    ("spec", "text", "what", "mend"),
    [
        (COUNT, "12.5", "not a whole number", "write the count itself; what isn't a count belongs in a note"),
        (COUNT, "0", "an impossible number: it must be above 0", "correct it, or leave the cell empty"),
        (Column("boolean"), "yes", "neither true nor false", "write true"),
        (Column("boolean"), "maybe", "neither true nor false", "write true, false or nothing"),
        (Column("p_value"), "NS", "not a p-value", "leave the cell empty and say “not significant” in the note"),
        (Column("p_value"), "p = 0.03", "more than a p-value", "write '0.03'"),
        (Column("p_value"), "p<.05", "more than a p-value", "write '<.05'"),
        (Column("p_value"), "≤0.05", "more than a p-value", "write '<0.05'"),
        (Column("p_value"), "0,05", "a decimal comma", "write '0.05'"),
        (Column("p_value"), "<0", "an impossible number: a p-value is from 0 to 1",
         "correct it, or leave the cell empty"),
        (Contrast.columns()["measure"], "rr", "not a word that the column knows", "did you mean 'RR'?"),
        (Contrast.columns()["measure"], "WMD", "not a word that the column knows", "did you mean 'MD'?"),
        (Arm.columns()["caution"], "n derived, count derived", "the items are separated by commas",
         "separate items by semicolons: 'n derived; count derived'"),
        (Arm.columns()["caution"], "n deduced", "'n deduced' isn't a word that the column knows",
         "did you mean 'n derived'?"),
        (Column("url"), "doi.org/10.1/x", "not a web address that begins with https:// or http://",
         "write 'https://doi.org/10.1/x'"),
        (Column("url"), "doi: 10.1001/x", "not a web address that begins with https:// or http://",
         "write 'https://doi.org/10.1001/x'"),
        (Column("url"), "javascript:alert(1)", "not a web address that begins with https:// or http://",
         "give the address of the page where the fact was seen"),
        (Column("url"), "https://a.org/x https://b.org", "a web address with a space in it",
         "give one address, with %20 for a space"),
        (Study.columns()["doi"], "https://doi.org/10.1001/x", "not of the form that the column needs",
         "write '10.1001/x'"),
        (Study.columns()["pmid"], "PMID 26346941", "not of the form that the column needs", "write '26346941'"),
        (Study.columns()["nct"], "nct02274558", "not of the form that the column needs", "write 'NCT02274558'"),
        (Study.columns()["nct"], "ISRCTN1", "not of the form that the column needs",
         "write it like NCT02274558; NCT01733121"),
    ],
)  # fmt: skip
def test_what_a_cell_may_not_hold(spec: Column, text: str, what: str, mend: str) -> None:
    with pytest.raises(Unreadable) as raised:
        parse(spec, text)
    assert (raised.value.what, raised.value.mend) == (what, mend)


@pytest.mark.parametrize(
    ("text", "severity", "what", "mend"),
    [
        (" as printed", "warning", "spaces around the value", "write 'as printed'"),
        ("as printed\u00a0", "warning", "spaces around the value", "write 'as printed'"),
        ("  ", "warning", "spaces around the value", "empty the cell"),
        ("as\tprinted", "error", "the cell holds an invisible character, U+0009 (a tab)", "delete it"),
        ("as\x1bprinted", "error", "the cell holds an invisible character, U+001B (a control character)", "delete it"),
        ("as\u200bprinted", "error", "the cell holds an invisible character, U+200B (zero width space)", "delete it"),
        ("as\u2060printed", "error", "the cell holds an invisible character, U+2060 (word joiner)", "delete it"),
        ("caf\ufffd", "warning", "letters were lost when the file was converted (�)", "write them again"),
        ("cafÃ©", "warning", "letters were garbled when the file was converted", "write 'café'"),
    ],
)  # fmt: skip
def test_characters_that_nobody_meant(tmp_path: Path, text: str, severity: str, what: str, mend: str) -> None:
    (problem,) = problems_of(tmp_path, with_cell("arms", 2, "note", text))
    assert (problem.place, problem.value, problem.severity) == ("arms.csv:2:note", text, severity)
    assert (problem.what, problem.mend) == (what, mend)


@pytest.mark.parametrize("text", ["naïve café", "5\u202f000 IU", "τ² ≥ 0", "二重盲検", "first line\nsecond line", "Ø"])
def test_characters_that_are_fine(tmp_path: Path, text: str) -> None:
    assert problems_of(tmp_path, with_cell("arms", 2, "note", text)) == []


def test_a_value_between_spaces_is_read_without_them(tmp_path: Path) -> None:
    problems_of(tmp_path, with_cell("arms", 2, "treatment", " borvanil 10 mg "))
    assert read(tmp_path).arms[0].treatment == "borvanil 10 mg"


def test_a_needed_cell_must_be_filled_in(tmp_path: Path) -> None:
    for value, what in (("", "the cell is empty"), (" ", "the cell holds only spaces")):
        (problem,) = problems_of(tmp_path, with_cell("findings", 2, "direction", value))
        assert (problem.place, problem.value, problem.what) == ("findings.csv:2:direction", value, what)
        assert problem.mend.startswith("fill it in: improves or worsens the outcome")


def test_an_empty_item_in_a_list_is_worth_a_look(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, with_cell("interventions", 3, "synonyms", "Borvan;; BV-1;"))
    assert (problem.severity, problem.what) == ("warning", "an empty item in the list")
    assert problem.mend == "write 'Borvan; BV-1'"


def test_a_table_that_is_set_aside_is_known_by_name() -> None:
    assert parse(SetAside.columns()["table"], "arms") == "arms"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_so_that_it_reads_back_exactly(value: float) -> None:
    assert parse(NUMBER, number(value)) == value


@given(st.lists(st.one_of(st.floats(allow_nan=False, allow_infinity=False).map(number), st.text("0123456789.,-e <"))))
def test_a_column_is_read_like_its_cells(texts: list[str]) -> None:
    """The path that reads a column's numbers all together agrees with the one that reads a single cell."""
    texts = [text.strip() for text in texts]
    values, complaints = parse_column(NUMBER, texts)
    for text, value in zip(texts, values, strict=True):
        found = complaints.get(text)
        assert (value, (found.what, found.mend) if found else None) == alone(text)


def alone(text: str) -> tuple[float | None, tuple[str, str] | None]:
    try:
        return parse(NUMBER, text), None
    except Unreadable as trouble:
        return None, (trouble.what, trouble.mend)
