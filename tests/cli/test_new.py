"""`equipoise new DIR --question "…"`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from equipoise.cli import equipoise
from equipoise.errors import OutputError, QuestionError

QUESTION = "Does magnesium help with dyskinesia?"


def new(folder: Path, question: str = QUESTION) -> Result:
    return CliRunner().invoke(equipoise, ["new", str(folder), "--question", question])


def test_it_starts_a_review_that_passes_check_and_says_what_it_understood(tmp_path: Path) -> None:
    folder = tmp_path / "reviews" / "magnesium"
    result = new(folder)
    assert result.exit_code == 0
    assert result.output == (
        f"Started a review in {folder}\n"
        "  treatment: magnesium\n"
        "  condition: dyskinesia\n"
        f"Next: fill in the tables as {folder / 'README.md'} explains, then: equipoise check {folder}\n"
    )
    assert CliRunner().invoke(equipoise, ["check", str(folder)]).exit_code == 0


def test_it_says_what_it_could_not_read(tmp_path: Path) -> None:
    result = new(tmp_path / "new", "Which treatments reduce dyskinesia?")
    assert result.exit_code == 0
    assert "The question names no condition in words that could be read: name it in review.toml." in result.output


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    assert new(tmp_path).exit_code == 0


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = new(tmp_path)
    assert isinstance(result.exception, OutputError)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_question_is_needed(tmp_path: Path) -> None:
    assert CliRunner().invoke(equipoise, ["new", str(tmp_path / "new")]).exit_code == 2
    assert isinstance(new(tmp_path / "new", " ").exception, QuestionError)
    assert not (tmp_path / "new").exists()
