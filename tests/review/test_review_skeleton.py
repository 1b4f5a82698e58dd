"""A new review folder: sound from the start, with what its question names."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.errors import OutputError, QuestionError
from equipoise.review.reading import inspect, read
from equipoise.review.rows import TABLES
from equipoise.review.skeleton import Asked, read_words, start


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Does magnesium help with dyskinesia?", Asked("magnesium", "dyskinesia")),
        ("does  magnesium help with dyskinesia", Asked("magnesium", "dyskinesia")),
        ("Do probiotics work for IBS?", Asked("probiotics", "IBS")),
        ("Does lithium help patients with bipolar disorder?", Asked("lithium", "bipolar disorder")),
        ("Does ginkgo reduce the symptoms of tardive dyskinesia?", Asked("ginkgo", "tardive dyskinesia")),
        ("Is vitamin E better than placebo for tics?", Asked("vitamin E", "tics", "placebo")),
        ("Does exercise help with back pain compared with rest?", Asked("exercise", "back pain", "rest")),
        ("Is ketamine an effective treatment for depression in older adults?",
         Asked("ketamine", "depression", population="older adults")),
        ("What is the effect of statins on mortality?", Asked("statins", "mortality")),
        ("Magnesium for dyskinesia", Asked("Magnesium", "dyskinesia")),
        ("Which treatments reduce dyskinesia?", Asked()),
        ("dyskinesia", Asked()),
    ],
)  # fmt: skip
def test_treatment_and_condition_are_taken_out_of_the_question(question: str, asked: Asked) -> None:
    assert read_words(question) == asked


@pytest.mark.parametrize(
    "question",
    [
        "Does magnesium help with dyskinesia?",
        "Which treatments reduce dyskinesia?",
        'Does "quoted" \\ help with <b>x</b>?',
        "Hilft Magnesium bei Dyskinesie? 二重",
    ],
)
def test_a_new_review_passes_every_check(tmp_path: Path, question: str) -> None:
    start(tmp_path / "new", question)
    review, problems = inspect(tmp_path / "new")
    assert problems == []
    assert review is not None
    assert review.protocol.question.text == question
    assert all(rows == () for _, rows in review.tables())


def test_what_the_question_names_is_filled_in(tmp_path: Path) -> None:
    start(tmp_path, "Is vitamin E better than sugar pills for tardive dyskinesia in older adults?")
    protocol = read(tmp_path).protocol
    assert protocol.title == "Vitamin E for tardive dyskinesia"
    assert protocol.condition.name == "tardive dyskinesia"
    assert protocol.question.interventions == ("vitamin E",)
    assert protocol.question.comparators == ("sugar pills",)
    assert protocol.question.population == "Older adults with tardive dyskinesia"


def test_every_file_is_there_and_explained(tmp_path: Path) -> None:
    start(tmp_path, "Does magnesium help with dyskinesia?")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"review.toml", "README.md", *(f"{name}.csv" for name in TABLES)}
    read_me = (tmp_path / "README.md").read_text(encoding="utf-8")
    for name, kind in TABLES.items():
        assert f"## {name}.csv" in read_me
        assert all(f"| `{column}` |" in read_me for column in kind.columns())


def test_the_marked_examples_are_right(tmp_path: Path) -> None:
    """Taking the marks off the examples in review.toml leaves TOML that only lacks its rows."""
    start(tmp_path, "Does magnesium help with dyskinesia?")
    file = tmp_path / "review.toml"
    lines = file.read_text(encoding="utf-8").split("\n")
    shown = [
        line.removeprefix("# ") if line.startswith("# ") and (" = " in line or "[[" in line[:4]) else line
        for line in lines
    ]
    file.write_text("\n".join(shown), encoding="utf-8")
    assert [(problem.column, problem.value) for problem in inspect(tmp_path)[1]] == [
        ("outcome", "severity"),
        ("reference", "placebo"),
        ("grounds", "studies?study_id=smith2001"),
    ]


def test_a_folder_that_holds_something_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(
        OutputError, match=r"already holds mine.txt; name a new or empty folder \(nothing was touched\)"
    ):
        start(tmp_path, "Does magnesium help with dyskinesia?")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"mine.txt is a file"):
        start(tmp_path / "mine.txt", "Does magnesium help with dyskinesia?")
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_question_is_needed(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="say the question"):
        start(tmp_path / "new", "  ")
    assert not (tmp_path / "new").exists()
