"""review.toml: its shape, its words, and whether the tables hold what it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_review import TOML, problems_of, sound, write_folder

from equipoise.review.model import Analysis, Remark
from equipoise.review.problem import Problem
from equipoise.review.reading import inspect, read


def changed(tmp_path: Path, old: str, new: str) -> list[Problem]:
    assert old in TOML
    return problems_of(tmp_path, toml=TOML.replace(old, new, 1))


def test_the_protocol_is_read(tmp_path: Path) -> None:
    protocol = read(write_folder(tmp_path)).protocol
    assert protocol.title == "Treatments for wobble syndrome"
    assert protocol.question.population == "People with wobble syndrome"
    assert protocol.condition.name == "wobble syndrome"
    assert protocol.analyses == (
        Analysis(outcome="severity", measure="MD", primary=True, smallest_important_difference=0.5),
    )
    assert protocol.background == (
        Remark(
            about=("condition", "borvanil"),
            text="Borvanil is an invented medicine.",
            grounds=("studies?study_id=ash2001", "interventions?name=borvanil 10 mg&role=conventional"),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "place", "value", "what"),
    [
        ('name = "wobble syndrome"', 'name = "wobble', "review.toml:10:15", 'name = "wobble', "not TOML: illegal character '\\n'"),
        ('measure = "MD"', "measure = MD", "review.toml:14:11", "measure = MD", "not TOML: invalid value"),
        ("[condition]", "[question]", "review.toml:9:10", "[question]", "not TOML: cannot declare ('question',) twice"),
        ("grounds = [", "grounds = [[", "review.toml:21", "grounds = [[", "not TOML: unclosed array"),
    ],
)  # fmt: skip
def test_what_is_not_toml_is_named_with_line_and_column(
    tmp_path: Path, old: str, new: str, place: str, value: str, what: str
) -> None:
    problem = changed(tmp_path, old, new)[0]
    assert (problem.place, problem.what) == (place, what)
    assert problem.value.startswith(value)
    assert problem.mend.startswith("texts stand in quotes, lists in [ ]")


@pytest.mark.parametrize(
    ("old", "new", "place", "value", "what", "mend"),
    [
        # keys
        ('version = "0.1"', 'versoin = "0.1"', "3:versoin", "", "unknown key 'versoin'", "did you mean 'version'?"),
        ("primary = true", "primary = true\nmain = 1", "16:main", "", "unknown key 'main'", "[analysis] knows outcome, meas"),
        ("[condition]", "[conditions]", "9:conditions", "", "unknown key 'conditions'", "did you mean 'condition'?"),
        ('population =', '# population =', "5:question", "", "[question] has no population", "add population = …: whom"),
        ('title = "Treatments for wobble syndrome"', "", ":", "", "the file has no title", "add title = …: the review's"),
        ('name = "wobble syndrome"', 'name = " "', "10:name", "", "name is empty", "fill it in: its name as the article"),
        # values
        ("format = 1", "format = 2", "1:format", "2", "a format that this version doesn't know", "upgrade Equipoise"),
        ("format = 1", 'format = "1"', "1:format", "1", "not a whole number", "write a whole number"),
        ("primary = true", 'primary = "yes"', "15:primary", "yes", "not true or false", "write true or false"),
        ('about = ["condition", "borvanil"]', 'about = "condition"', "19:about", "condition",
         "not a list of texts in square brackets", "write a list of texts"),
        ('about = ["condition", "borvanil"]', "about = []", "19:about", "", "about is empty", "fill it in: `condition`"),
        # analyses
        ('measure = "MD"', 'measure = "WMD"', "14:measure", "WMD", "unknown measure", "did you mean 'MD'?"),
        ("primary = true", 'primary = true\nmodel = "fixed"', "16:model", "fixed", "unknown model", "write one of random, common"),
        ("primary = true", 'primary = true\nmethod = "PM"', "16:method", "PM", "unknown method", "write one of REML, DL, ML"),
        ('outcome = "severity"', 'outcome = "severty"', "13:outcome", "severty", "unknown outcome", "mean 'severity'?"),
        ('measure = "MD"', 'measure = "RD"', "14:measure", "RD", "RD doesn't measure a continuous outcome", "MD or SMD or"),
        ("primary = true", 'primary = true\nreference = "plcebo"', "16:reference", "plcebo",
         "the reference is no treatment's node", "did you mean 'placebo'?"),
        ("difference = 0.5", "difference = 0", "16:smallest_important_difference", "0", "it must be above 0", "its size"),
        ("difference = 0.5", "difference = nan", "16:smallest_important_difference", "nan", "not a number", "a number"),
        # remarks
        ('"borvanil"]', '"borvanol"]', "19:about", "borvanol", "neither “condition” nor a treatment's node", "'borvanil'?"),
        ("studies?", "studeis?", "21:grounds", "studeis?study_id=ash2001", "there is no table 'studeis'", "'studies'?"),
        ("study_id=ash", "study=ash", "21:grounds", "studies?study=ash2001", "studies.csv has no column 'study'", "'study_id'?"),
        ("ash2001", "ash2010", "21:grounds", "studies?study_id=ash2010", "no row of studies.csv has study_id 'ash2010'",
         "did you mean 'ash2001'?"),
        ("role=conventional", "role=control", "21:grounds", "interventions?name=borvanil 10 mg&role=control",
         "no row of interventions.csv has role 'control' among the rows that fit the rest", "did you mean 'conventional'?"),
        ("studies?study_id=ash2001", "studies?ash2001", "21:grounds", "studies?ash2001", "it can't be read at 'ash2001'",
         "write it like studies?study_id=smith2001"),
        ("studies?study_id=ash2001", "set_aside?study_id=dogwood2004", "21:grounds", "set_aside?study_id=dogwood2004",
         "what is set aside can't be a ground", "rest the sentence on rows that are part of the review"),
    ],
)  # fmt: skip
def test_a_decision_that_can_not_stand_is_named_at_its_line(
    tmp_path: Path, old: str, new: str, place: str, value: str, what: str, mend: str
) -> None:
    (problem,) = changed(tmp_path, old, new)
    assert problem.place == f"review.toml:{place}".rstrip(":")
    assert (problem.value, problem.severity) == (value, "error")
    assert what in problem.what
    assert mend in problem.mend


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000])
def test_what_no_one_wrote_by_hand_is_refused(tmp_path: Path, value: str) -> None:
    problem = changed(tmp_path, "format = 1", f"format = {value}")[0]
    assert (problem.place, problem.what) == ("review.toml", "the file holds something too large to be read")


def test_the_smallest_important_ratio_is_above_one(tmp_path: Path) -> None:
    toml = TOML.replace('"severity"', '"response >=50%"').replace('"MD"', '"RR"')
    (problem,) = problems_of(tmp_path, toml=toml)
    assert (problem.place, problem.value) == ("review.toml:16:smallest_important_difference", "0.5")
    assert problem.what == "the smallest important ratio must be above 1"
    assert problems_of(tmp_path, toml=toml.replace("0.5", "1.25")) == []


def test_the_reference_is_placebo_unless_it_is_named(tmp_path: Path) -> None:
    tables = {name: rows for name, rows in sound().items() if name in ("outcomes", "interventions")}
    tables["interventions"] = tables["interventions"][1:]
    toml = TOML[: TOML.index("[[background]]")]
    found = [problem for problem in problems_of(tmp_path, tables, toml) if problem.severity == "error"]
    assert [(problem.place, problem.value) for problem in found] == [("review.toml:12:reference", "placebo")]
    assert found[0].what == "the reference is no treatment's node (placebo unless reference = … says else)"


def test_an_analysis_is_asked_for_once(tmp_path: Path) -> None:
    (problem,) = changed(
        tmp_path, "[[background]]", '[[analysis]]\noutcome = "severity"\nmeasure = "MD"\n\n[[background]]'
    )
    assert (problem.place, problem.value) == ("review.toml:19:outcome", "severity")
    assert (problem.what, problem.mend) == ("the same analysis is asked for twice", "delete one of them")


def test_an_analysis_without_results_is_worth_a_look(tmp_path: Path) -> None:
    tables = sound()
    tables["arms"], tables["contrasts"] = [], []
    (problem,) = problems_of(tmp_path, tables)
    assert (problem.place, problem.severity) == ("review.toml:13:outcome", "warning")
    assert problem.what == "no row of arms.csv or contrasts.csv reports this outcome"


def test_a_second_primary_analysis_is_an_error(tmp_path: Path) -> None:
    second = '\n[[analysis]]\noutcome = "response >=50%"\nmeasure = "RR"\nprimary = true\n'
    problems = problems_of(tmp_path, toml=TOML + second)
    assert [(problem.column, problem.what) for problem in problems] == [("primary", "a second analysis is primary")]


def test_analyses_without_a_primary_one_are_worth_a_look(tmp_path: Path) -> None:
    (problem,) = changed(tmp_path, "primary = true\n", "")
    assert (problem.place, problem.severity) == ("review.toml:12:primary", "warning")
    assert problem.mend == "write primary = true in the analysis that answers the question"


def test_every_mistake_of_review_toml_and_of_the_tables_is_named_at_once(tmp_path: Path) -> None:
    toml = TOML.replace('"MD"', '"M"').replace("ash2001", "ash2010").replace('name = "wobble syndrome"', "")
    tables = sound()
    tables["arms"][0]["n"] = "many"
    found = [problem.place for problem in problems_of(tmp_path, tables, toml)]
    assert found == ["review.toml:9:condition", "review.toml:14:measure", "arms.csv:2:n"]


def test_grounds_in_a_table_that_can_not_be_read_are_not_blamed(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "interventions.csv").write_bytes(b"")
    assert [problem.place for problem in inspect(folder)[1]] == ["interventions.csv"]


def test_places_are_found_beside_texts_of_many_lines(tmp_path: Path) -> None:
    toml = TOML.replace('"Borvanil is an invented medicine."', '"""\n[analysis]\ngrounds = "no"\n"""').replace(
        "ash2001", "ash2010"
    )
    (problem,) = problems_of(tmp_path, toml=toml)
    assert problem.place == "review.toml:24:grounds"
