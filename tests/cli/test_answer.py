"""`equipoise answer`, as a new user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from equipoise.cli import equipoise
from equipoise.errors import OutputError
from equipoise.report import exchange


def ask(*words: str) -> Result:
    return CliRunner().invoke(equipoise, ["answer", *words])


def test_a_question_ends_in_a_verdict_and_three_files(tmp_path: Path) -> None:
    result = ask("Does magnesium help with dyskinesia?", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    for part in (
        "Does magnesium help with tardive dyskinesia?",
        "Read as: magnesium for tardive dyskinesia",
        "holds no randomised trial",
        "Certainty: not rated.",
        "Lines of evidence",
        "Published syntheses",
        "deutetrabenazine",
        "Safety",
        "article.html",
    ):
        assert part in " ".join(result.output.split())
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"article.html", "answer.json", "article.md"}


def test_the_json_fits_its_published_schema(tmp_path: Path) -> None:
    ask("valbenazine for TD", "--out", str(tmp_path), "--format", "json")
    answer = json.loads((tmp_path / "answer.json").read_bytes())
    jsonschema.validate(answer, exchange.schema())


def test_only_the_formats_asked_for_are_written(tmp_path: Path) -> None:
    assert ask("ginkgo for TD", "--out", str(tmp_path), "--format", "md").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["article.md"]


def test_an_unknown_format_is_refused() -> None:
    result = ask("ginkgo for TD", "--format", "docx")
    assert result.exit_code == 2
    assert "docx" in result.output


def test_a_question_nothing_covers_lists_what_is_covered_and_offers_a_new_review(tmp_path: Path) -> None:
    result = ask("Does aspirin help with headache?", "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert "no review at hand covers “aspirin” and “headache”" in result.output
    assert "magnesium" in result.output
    assert "equipoise new my-review --question 'Does aspirin help with headache?'" in result.output
    assert not (tmp_path / "out").exists()


def test_an_ambiguous_question_lists_the_candidates() -> None:
    result = ask("Does vitamin help with dyskinesia?")
    assert result.exit_code == 2
    assert "• vitamin E" in result.output
    assert "• vitamin B6" in result.output


def test_a_misspelt_question_is_answered_and_says_how_it_was_read(tmp_path: Path) -> None:
    result = ask("does", "magnezium", "help", "with", "diskinesia", "--out", str(tmp_path))
    assert result.exit_code == 0
    assert "“magnezium” was read as “magnesium”" in result.output


def test_an_earlier_answer_is_replaced(tmp_path: Path) -> None:
    for question in ("magnesium for TD", "valbenazine for TD"):
        assert ask(question, "--out", str(tmp_path)).exit_code == 0
    assert "valbenazine" in (tmp_path / "article.md").read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize("name", ["article.html", "answer.json", "article.md"])
def test_somebody_elses_file_is_not_overwritten_unasked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("my notes")
    result = ask("magnesium for TD", "--out", str(tmp_path))
    assert isinstance(result.exception, OutputError)
    assert name in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert ask("magnesium for TD", "--out", str(tmp_path), "--overwrite").exit_code == 0


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    result = ask("magnesium for TD", "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, OutputError)
    assert "is, or lies below, a file" in str(result.exception)


def test_a_folder_that_cannot_be_written_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    result = ask("magnesium for TD", "--out", str(tmp_path))
    assert isinstance(result.exception, OutputError)
    assert "Permission denied" in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_a_broken_review_names_every_problem(tmp_path: Path) -> None:
    assert (
        CliRunner().invoke(equipoise, ["new", str(tmp_path / "mine"), "--question", "Does X help with Y?"]).exit_code
        == 0
    )
    with (tmp_path / "mine" / "arms.csv").open("a", encoding="utf-8") as file:
        file.write("nobody,nothing\n")
    result = ask("X for Y", "--review", str(tmp_path / "mine"))
    assert result.exit_code == 1
    assert "arms.csv" in result.output
    assert "equipoise check" in result.output


def test_help_names_every_option() -> None:
    text = CliRunner().invoke(equipoise, ["answer", "--help"]).output
    for option in ("--review", "--out", "--format", "--open", "--overwrite"):
        assert option in text
