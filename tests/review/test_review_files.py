"""Files as programs save them: encodings, line ends, separators, quotes, headers, shapes."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_review import problems_of, sound, with_cell, write_folder

from equipoise.errors import InvalidReview, ReviewError
from equipoise.review.problem import Problem
from equipoise.review.reading import inspect, read
from equipoise.review.rows import TABLES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "review")


def only(folder: Path) -> Problem:
    (problem,) = inspect(folder)[1]
    return problem


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")


# ------------------------------------------------------------------------------------------------------ what is fine


@pytest.mark.parametrize("file", ["arms.csv", "review.toml"])
@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_byte_order_marks_and_all_line_ends_are_fine(folder: Path, file: str, ends: str, mark: bytes) -> None:
    expected = read(folder)
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_bytes(mark + text.replace("\n", ends).encode("utf-8"))
    assert inspect(folder) == (expected, [])
    assert [arm.line for arm in read(folder).arms] == [2, 3, 4, 5]


def test_a_table_without_rows_is_fine(folder: Path) -> None:
    (folder / "safety.csv").write_text(",".join(TABLES["safety"].columns()) + "\n", encoding="utf-8")
    review, problems = inspect(folder)
    assert problems == []
    assert review is not None
    assert review.safety == ()


def test_a_table_that_is_absent_is_fine(folder: Path) -> None:
    (folder / "safety.csv").unlink()
    assert read(folder).safety == ()


def test_columns_may_stand_in_any_order_and_optional_ones_be_absent(folder: Path) -> None:
    (folder / "appraisal.csv").write_text(
        "judgement,source_kind,study_id,source_quality,tool,source_url,domain\n"
        "low,full-text,ash2001,primary,RoB 2,https://example.org/1,randomisation\n",
        encoding="utf-8",
    )
    assert read(folder).appraisal[0].judgement == "low"
    assert read(folder).appraisal[0].support == ""


def test_rows_are_counted_as_an_editor_counts_lines(folder: Path) -> None:
    tables = with_cell("arms", 2, "note", "first line\nsecond line")
    tables["arms"][1]["mean"] = "x"
    assert [problem.place for problem in problems_of(folder, tables)] == ["arms.csv:4:mean"]


def test_blank_lines_are_no_rows_but_are_counted(folder: Path) -> None:
    rewrite(folder / "arms.csv", "\nash2001", "\n\nash2001")
    with (folder / "arms.csv").open("a", encoding="utf-8") as file:
        file.write("\n\n")
    assert [arm.line for arm in read(folder).arms] == [3, 4, 5, 6]


# --------------------------------------------------------------------------------------------------------- encodings


def test_latin_1_is_named_with_the_character_and_its_place(folder: Path) -> None:
    write_folder(folder, with_cell("arms", 3, "note", "naïve"))
    text = (folder / "arms.csv").read_text(encoding="utf-8")
    (folder / "arms.csv").write_bytes(text.encode("latin-1"))
    problem = only(folder)
    character = text.split("\n")[2].index("ï") + 1
    assert (problem.place, problem.value) == (f"arms.csv:3:{character}", "ï")
    assert f"character {character} isn't UTF-8 (byte 0xEF); read as Windows-1252 it says" in problem.what
    assert "naïve" in problem.what
    assert problem.mend == "save it as “CSV UTF-8”, or convert it: iconv -f WINDOWS-1252 -t UTF-8 arms.csv"


@pytest.mark.parametrize(("encoding", "name"), [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-32", "UTF-32")])
def test_utf_16_is_named(folder: Path, encoding: str, name: str) -> None:
    text = (folder / "arms.csv").read_text(encoding="utf-8")
    (folder / "arms.csv").write_bytes(text.encode(encoding))
    problem = only(folder)
    assert problem.place == "arms.csv:1"
    assert problem.what.startswith(f"the file is {name}")
    assert f"iconv -f {name} -t UTF-8 arms.csv" in problem.mend


def test_a_zero_byte_is_named(folder: Path) -> None:
    rewrite(folder / "arms.csv", "-0.4", "-0.4\0")
    assert only(folder).place == "arms.csv:3"
    assert only(folder).what == "the file holds a zero byte: it is damaged or not a text file"


# ------------------------------------------------------------------------------------------------------------ shapes


@pytest.mark.parametrize("data", [b"", b"\n\n", codecs.BOM_UTF8])
def test_an_empty_file_is_an_error(folder: Path, data: bytes) -> None:
    (folder / "safety.csv").write_bytes(data)
    problem = only(folder)
    assert (problem.place, problem.what) == ("safety.csv", "the file is empty")
    assert problem.mend.startswith("delete it, or begin it with the header substance,kind,with,")


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_named(folder: Path, separator: str, name: str) -> None:
    text = (folder / "safety.csv").read_text(encoding="utf-8")
    (folder / "safety.csv").write_text(text.replace(",", separator), encoding="utf-8")
    problem = only(folder)
    assert problem.place == "safety.csv:1"
    assert problem.what == f"the columns are separated by {name}, not by commas"
    assert problem.mend == "save it as a comma-separated CSV file"


def test_a_row_with_too_few_cells(folder: Path) -> None:
    rewrite(folder / "appraisal.csv", ",primary", "")
    problem = only(folder)
    assert (problem.place, problem.value) == ("appraisal.csv:2", "full-text")
    assert problem.what == "the row has 7 cells where the header has 8"
    assert problem.mend == "give every column a cell, empty where nothing is known"


def test_a_row_with_too_many_cells(folder: Path) -> None:
    rewrite(folder / "appraisal.csv", "randomisation", "randomisation, allocation")
    problem = only(folder)
    assert (problem.place, problem.value) == ("appraisal.csv:2", "primary")
    assert problem.what == "the row has 9 cells where the header has 8"
    assert problem.mend == 'put a cell that holds a comma in quotes: "a, b"'


def test_what_a_spreadsheet_leaves_behind_is_worth_a_look(folder: Path) -> None:
    """Commas after the last column and rows of nothing but commas."""
    rewrite(folder / "appraisal.csv", "primary\n", "primary,,\n,,,,,,,\n")
    found = [(problem.place, problem.what, problem.severity) for problem in inspect(folder)[1]]
    assert found == [
        ("appraisal.csv:2", "commas after the last column", "warning"),
        ("appraisal.csv:3", "an empty row", "warning"),
    ]
    assert len(read(folder).appraisal) == 1


def test_a_quote_that_never_closes(folder: Path) -> None:
    rewrite(folder / "arms.csv", "placebo,,39", 'placebo,"10 mg,39')
    problems = [problem for problem in inspect(folder)[1] if problem.file == "arms.csv"]
    assert [problem.place for problem in problems] == ["arms.csv:3"]
    assert problems[0].what == "a quote opens here and never closes, so that the rest of the file can't be read"
    assert problems[0].mend == 'close the quote; write a quote inside a quoted cell twice ("")'


def test_text_after_a_closing_quote(folder: Path) -> None:
    rewrite(folder / "arms.csv", "placebo,,39", 'placebo,"10" mg,39')
    problem = next(problem for problem in inspect(folder)[1] if problem.file == "arms.csv")
    assert (problem.place, problem.value[:8]) == ("arms.csv:3", "ash2001,")
    assert problem.what == "a quoted cell goes on after its closing quote, so that the rest of the file can't be read"
    assert problem.mend == 'write a quote inside a quoted cell twice ("")'


def test_a_cell_of_enormous_length(folder: Path) -> None:
    problem = problems_of(folder, with_cell("arms", 2, "note", "x" * 200_000))[0]
    assert problem.place == "arms.csv:2"
    assert problem.what == "a cell is longer than 131,072 characters, or its quote never closes"


@pytest.mark.parametrize(("old", "new"), [("ash2001,", "ash2001,,,"), ("ash2001,", '"ash2001,')])
def test_ids_in_rows_that_can_not_be_read_are_not_unknown(folder: Path, old: str, new: str) -> None:
    """One mistake in studies.csv doesn't make every row about its studies a mistake."""
    rewrite(folder / "studies.csv", old, new)
    assert [problem.place for problem in inspect(folder)[1]] == ["studies.csv:2"]


@pytest.mark.parametrize(
    ("table", "column"), [("studies", "study_id"), ("outcomes", "outcome"), ("interventions", "node")]
)
def test_a_missing_column_of_ids_makes_no_id_unknown(folder: Path, table: str, column: str) -> None:
    rewrite(folder / f"{table}.csv", column, "zzz")
    errors = [problem.place for problem in inspect(folder)[1] if problem.severity == "error"]
    assert [place for place in errors if not place.startswith("review.toml")] == [f"{table}.csv:1:{column}"]


# ----------------------------------------------------------------------------------------------------------- headers


def test_a_needed_column_that_is_missing(folder: Path) -> None:
    tables = sound()
    columns = [column for column in TABLES["appraisal"].columns() if column != "domain"]
    write_folder(folder, tables)
    (folder / "appraisal.csv").write_text(",".join(columns) + "\n", encoding="utf-8")
    problem = only(folder)
    assert (problem.place, problem.what) == ("appraisal.csv:1:domain", "the column is missing")
    assert problem.mend == "add the column: the domain of the tool"


def test_a_needed_column_under_another_name(folder: Path) -> None:
    rewrite(folder / "appraisal.csv", "study_id", "Study ID")
    problem = only(folder)
    assert (problem.place, problem.what) == ("appraisal.csv:1:study_id", "the column is missing")
    assert problem.mend == "rename the column 'Study ID'"


def test_a_misspelt_column_is_an_error_since_all_its_values_would_be_lost(folder: Path) -> None:
    rewrite(folder / "appraisal.csv", "support", "suport")
    problem = only(folder)
    assert (problem.place, problem.value, problem.severity) == ("appraisal.csv:1:suport", "suport", "error")
    assert problem.what == "not a column of the format"
    assert problem.mend == "did you mean 'support'? There is no such column"


def test_a_column_like_no_other_is_kept(folder: Path) -> None:
    tables = sound()
    tables["arms"][0]["baseline"] = "12.5"
    (problem,) = problems_of(folder, tables)
    assert (problem.place, problem.severity) == ("arms.csv:1:baseline", "warning")
    assert problem.mend == "it is kept, but nothing reads it"
    assert [arm.extra for arm in read(folder).arms] == [(("baseline", text),) for text in ("12.5", "", "", "")]


def test_what_is_set_aside_keeps_the_columns_that_it_had(folder: Path) -> None:
    """Its rows come from any table, so that no column is unknown there."""
    tables = sound()
    tables["set_aside"][0]["exposure"] = "high"
    assert problems_of(folder, tables) == []
    assert dict(read(folder).set_aside[0].extra)["exposure"] == "high"


def test_two_columns_of_one_name(folder: Path) -> None:
    rewrite(folder / "appraisal.csv", "support", "domain")
    problem = only(folder)
    assert (problem.place, problem.value) == ("appraisal.csv:1:domain", "domain")
    assert (problem.what, problem.mend) == ("2 columns have this name", "keep one, or rename the others")


def test_a_column_without_a_name(folder: Path) -> None:
    (folder / "appraisal.csv").write_text(_with_column("", ""), encoding="utf-8")
    assert (only(folder).what, only(folder).mend) == ("column 9 has no name", "delete the empty column")
    assert only(folder).severity == "warning"
    (folder / "appraisal.csv").write_text(_with_column("", "something"), encoding="utf-8")
    assert (only(folder).what, only(folder).mend) == ("column 9 has no name", "name the column, or delete it")
    assert only(folder).severity == "error"


def _with_column(name: str, cell: str) -> str:
    columns = ",".join(TABLES["appraisal"].columns())
    return f"{columns},{name}\nash2001,RoB 2,randomisation,low,,https://example.org/1,full-text,primary,{cell}\n"


# ------------------------------------------------------------------------------------------------------- the folder


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"there is no folder .*nowhere; start a review with: equipoise new"):
        read(tmp_path / "nowhere")


def test_a_file_instead_of_a_folder(folder: Path) -> None:
    with pytest.raises(ReviewError, match=r"review.toml is a file; name the folder that holds review.toml"):
        read(folder / "review.toml")


def test_a_folder_without_decisions(folder: Path) -> None:
    with pytest.raises(ReviewError, match=rf"it has no review.toml; did you mean {folder}\?"):
        read(folder.parent)
    (folder / "review.toml").unlink()
    with pytest.raises(ReviewError, match=r"is not a review folder: it has no review.toml"):
        read(folder)


@pytest.mark.parametrize("file", ["arms.csv", "review.toml"])
def test_a_link_that_leads_out_of_the_folder_is_refused(folder: Path, tmp_path: Path, file: str) -> None:
    outside = tmp_path / file
    (folder / file).rename(outside)
    (folder / file).symlink_to(outside)
    problem = inspect(folder)[1][0]
    assert (problem.place, problem.value) == (file, str(outside))
    assert problem.what == "a link that leads out of the review folder"
    assert problem.mend == "put the file itself into the folder"
    assert inspect(folder)[0] is None


def test_a_link_within_the_folder_and_a_folder_behind_a_link_are_fine(folder: Path, tmp_path: Path) -> None:
    (folder / "arms.csv").rename(folder / "arms-2026.txt")
    (folder / "arms.csv").symlink_to("arms-2026.txt")
    (tmp_path / "linked").symlink_to(folder, target_is_directory=True)
    assert len(read(tmp_path / "linked").arms) == 4


def test_a_link_that_leads_nowhere(folder: Path) -> None:
    (folder / "safety.csv").unlink()
    (folder / "safety.csv").symlink_to("absent.csv")
    assert (only(folder).place, only(folder).what) == ("safety.csv", "a link that leads nowhere")


def test_a_folder_where_a_table_should_be(folder: Path) -> None:
    (folder / "safety.csv").unlink()
    (folder / "safety.csv").mkdir()
    assert (only(folder).place, only(folder).what) == ("safety.csv", "not a file")


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("saftey.csv", "rename it to safety.csv"),
        ("Safety.CSV", "rename it to safety.csv"),
        ("safety.xlsx", "save it as CSV UTF-8 under the name safety.csv"),
        ("drawings.csv", "it is left alone, and nothing reads it"),
    ],
)
def test_a_table_that_the_format_does_not_know(folder: Path, name: str, mend: str) -> None:
    (folder / "safety.csv").rename(folder / name)
    problem = only(folder)
    assert (problem.place, problem.severity) == (name, "warning")
    assert (problem.what, problem.mend) == ("not a table of the format", mend)


# ------------------------------------------------------------------------------------------------------ all at once

JUNK = st.sampled_from(
    ['"', ",", "\n", "\r", "\0", ";", "=", "[", "]", "é", "\u202e", "9" * 30, "1e400", "\t", "nan", "&"]
)


@given(
    file=st.sampled_from(["review.toml", "arms.csv", "interventions.csv", "set_aside.csv"]),
    mistakes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), JUNK), min_size=1, max_size=5),
    encoding=st.sampled_from(["utf-8", "utf-8", "latin-1", "utf-16"]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_file_holds_reading_ends_in_a_review_or_in_problems(
    tmp_path_factory: pytest.TempPathFactory, file: str, mistakes: list[tuple[float, int, str]], encoding: str
) -> None:
    folder = write_folder(tmp_path_factory.mktemp("review"))
    text = (folder / file).read_text(encoding="utf-8")
    for where, cut, junk in mistakes:
        place = int(where * len(text))
        text = text[:place] + junk + text[place + cut :]
    (folder / file).write_bytes(text.encode(encoding, errors="ignore"))
    review, problems = inspect(folder)
    assert (review is None) == any(problem.severity == "error" for problem in problems)
    assert all(problem.what and problem.mend for problem in problems)


def test_every_problem_is_reported_at_once_in_the_order_of_the_files(folder: Path) -> None:
    tables = with_cell("arms", 4, "events", "41")
    tables["arms"][0].update(n="many", study_id="ash2002")
    tables["outcomes"][1]["type"] = "Binary"
    toml = (folder / "review.toml").read_text(encoding="utf-8").replace('measure = "MD"', 'measure = "M"')
    found = [problem.place for problem in problems_of(folder, tables, toml)]
    assert found == [
        "review.toml:14:measure",
        "outcomes.csv:3:type",
        "arms.csv:2:study_id",
        "arms.csv:2:n",
        "arms.csv:4:events",
    ]
    assert found == [problem.place for problem in inspect(folder)[1]]


def test_an_invalid_review_carries_its_problems(folder: Path) -> None:
    write_folder(folder, with_cell("arms", 2, "mean", "1,5"))
    with pytest.raises(InvalidReview) as raised:
        read(folder)
    (problem,) = raised.value.problems
    assert str(raised.value) == f"the review in {folder} has 1 error:\n  {problem}"
    assert str(problem) == "arms.csv:2:mean: '1,5': a decimal comma; write '1.5'"


def test_a_long_list_of_errors_is_shortened_in_the_message_alone(folder: Path) -> None:
    tables = sound()
    tables["findings"] = [{**tables["findings"][0], "n": f"n{i}"} for i in range(25)]
    write_folder(folder, tables)
    with pytest.raises(InvalidReview, match=r"and 5 more: equipoise check .* lists them all") as raised:
        read(folder)
    assert len(raised.value.problems) == 25


def test_warnings_do_not_stop_reading(folder: Path) -> None:
    write_folder(folder, with_cell("arms", 2, "se", "2.6"))
    assert read(folder).arms[0].se == 2.6
