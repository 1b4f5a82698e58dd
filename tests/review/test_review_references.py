"""Ids must resolve; the mend names the nearest one that does."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_review import Tables, problems_of, sound, with_cell, with_row, write_folder

from equipoise.review.reading import inspect


def only(tmp_path: Path, tables: Tables, severity: str = "error") -> tuple[str, str, str, str]:
    (problem,) = problems_of(tmp_path, tables)
    assert problem.severity == severity
    return problem.place, problem.value, problem.what, problem.mend


@pytest.mark.parametrize(
    ("table", "line", "column", "value", "what", "mend"),
    [
        ("arms", 2, "study_id", "ash20001", "unknown study", "did you mean 'ash2001'?"),
        ("arms", 2, "study_id", "Ash2001", "unknown study", "did you mean 'ash2001'?"),
        ("arms", 2, "study_id", "zebrawood", "unknown study", "add it to studies.csv, or correct it"),
        ("arms", 2, "outcome", "severty", "unknown outcome", "did you mean 'severity'?"),
        ("arms", 2, "treatment", "borvanil10 mg", "unknown treatment", "did you mean 'borvanil 10 mg'?"),
        ("contrasts", 2, "treatment", "Quillex", "unknown treatment", "write its name: 'quillamine'"),
        ("contrasts", 2, "comparator", "plcebo", "unknown treatment", "did you mean 'placebo'?"),
        ("findings", 2, "intervention", "quilamine", "unknown treatment", "mean 'quillamine'?"),
        ("syntheses", 2, "review_id", "cedar2030", "unknown study", "did you mean 'cedar2003'?"),
        ("appraisal", 2, "study_id", "ash2002", "unknown study", "did you mean 'ash2001'?"),
        ("mechanisms", 2, "intervention", "borvan", "unknown treatment", "write its name: 'borvanil 10 mg'"),
        ("safety", 2, "substance", "quillamin", "unknown treatment", "mean 'quillamine'?"),
        ("certainty", 2, "outcome", "severities", "unknown outcome", "did you mean 'severity'?"),
        ("studies", 2, "interventions", "placebo; borvanyl 10 mg", "'borvanyl 10 mg' is an unknown treatment", "mean"),
        ("studies", 2, "includes", "birch2020", "unknown study", "did you mean 'birch2002'?"),
        ("studies", 2, "includes", "ash2001", "the study is said to include itself", "whose participants it pools"),
        ("interventions", 3, "related", "quillamin", "'quillamin' is no treatment's node", "mean 'quillamine'?"),
        ("set_aside", 2, "table", "study", "not a word that the column knows", "did you mean 'studies'?"),
    ],
)  # fmt: skip
def test_an_id_that_no_row_defines_is_an_error(
    tmp_path: Path, table: str, line: int, column: str, value: str, what: str, mend: str
) -> None:
    place, shown, said, mending = only(tmp_path, with_cell(table, line, column, value))
    assert (place, shown, said) == (f"{table}.csv:{line}:{column}", value, what)
    assert mend in mending


def test_an_id_with_look_alike_characters_is_told_apart(tmp_path: Path) -> None:
    _, value, what, mend = only(tmp_path, with_cell("arms", 2, "treatment", "borvanil\u00a010 mg"))
    assert (value, what) == ("borvanil\u00a010 mg", "unknown treatment")
    assert mend == "write 'borvanil 10 mg', which looks alike but has other characters (here U+00A0)"


def test_a_study_that_is_set_aside_stays_out_of_the_other_tables(tmp_path: Path) -> None:
    _, value, what, mend = only(tmp_path, with_row("arms", study_id="dogwood2004"))
    assert (value, what) == ("dogwood2004", "unknown study")
    assert mend == "set_aside.csv:2 keeps it out: set this row aside too"


def test_a_table_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    tables = sound()
    del tables["outcomes"]
    found = {problem.place: problem.what for problem in problems_of(tmp_path, tables, NO_DECISIONS)}
    assert found == {
        f"{table}.csv:outcome": "refers to outcomes.csv, which isn't in the folder"
        for table in ("arms", "contrasts", "findings", "syntheses", "certainty")
    }


def test_a_table_that_can_not_be_read_makes_no_id_unknown(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "studies.csv").write_bytes(b"")
    assert [problem.place for problem in inspect(folder)[1]] == ["studies.csv"]


def test_a_synonym_means_one_treatment(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_cell("interventions", 5, "synonyms", "Quillex; borvan"))
    assert (place, value) == ("interventions.csv:5:synonyms", "Quillex; borvan")
    assert what == "'borvan' means 'quillamine' here and 'borvanil' in row 3"
    assert mend == "give both one node, or keep 'borvan' for one of them"


def test_a_name_is_no_other_treatments_node(tmp_path: Path) -> None:
    place, value, what, _ = only(
        tmp_path, with_row("interventions", name="quillamine+", node="placebo", synonyms="quillamine")
    )
    assert (place, value) == ("interventions.csv:6:synonyms", "quillamine")
    assert what == "'quillamine' means 'placebo' here and 'quillamine' in row 5"


def test_nodes_that_differ_in_writing_only_are_worth_a_look(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_cell("interventions", 4, "node", "Borvanil"), "warning")
    assert (place, value) == ("interventions.csv:4:node", "Borvanil")
    assert what == "the node differs from 'borvanil' only in how it is written"
    assert mend == "write 'borvanil', or tell the two apart"


@pytest.mark.parametrize(("table", "column"), [("outcomes", "outcome"), ("studies", "study_id")])
def test_ids_that_differ_in_writing_only_are_worth_a_look(tmp_path: Path, table: str, column: str) -> None:
    first = sound()[table][0][column]
    place, value, what, _ = only(tmp_path, with_row(table, **{column: first.upper()}), "warning")
    last = len(sound()[table]) + 2
    assert (place, value) == (f"{table}.csv:{last}:{column}", first.upper())
    assert what == f"the {column} differs from {first!r} only in how it is written"


def test_thousands_of_unknown_ids_are_all_named(tmp_path: Path) -> None:
    tables = sound()
    tables["findings"] = [{**tables["findings"][0], "study_id": f"nobody{i}"} for i in range(3000)]
    problems = problems_of(tmp_path, tables)
    assert [problem.row for problem in problems] == list(range(2, 3002))


NO_DECISIONS = """\
title = "Treatments for wobble syndrome"
question = { text = "Does anything help?", population = "People" }
condition = { name = "wobble syndrome" }
"""


def test_a_node_is_not_itself_lumped_into_another(tmp_path: Path) -> None:
    tables = sound()
    names = [row["name"] for row in tables["interventions"]]
    first, second = names[0], names[1]
    tables["interventions"][0]["node"] = second
    tables["interventions"][1]["node"] = names[-1]
    what = [problem.what for problem in problems_of(tmp_path, tables) if problem.column == "node"]
    assert f"{second!r} is itself lumped into {names[-1]!r}" in what
    assert first not in " ".join(what)
