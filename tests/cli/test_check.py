"""`equipoise check DIR`."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from equipoise import library
from equipoise.cli import equipoise
from equipoise.cli.check import LONG
from equipoise.errors import ReviewError
from equipoise.review.skeleton import start

SOURCE = "https://example.org/1,full-text,primary"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A new review with one treatment and two studies in it."""
    folder = tmp_path / "wobble"
    start(folder, "Does borvanil help with wobble syndrome?")
    add(folder, "interventions", f"borvanil,borvanil,,conventional,,,,,{SOURCE}")
    add(folder, "outcomes", "severity,Severity,benefit,continuous,true,,")
    for study, design in (("ash2001", "rct-parallel"), ("birch2002", "animal")):
        add(folder, "studies", f"{study},{study},A study,2001,,,,{design}{',' * 10},{SOURCE}")
    return folder


def add(folder: Path, table: str, *rows: str) -> None:
    with (folder / f"{table}.csv").open("a", encoding="utf-8", newline="") as file:
        file.writelines(f"{row}\n" for row in rows)


def arm(n: str, study: str = "ash2001", note: str = "") -> str:
    return f"{study},severity,,6,borvanil,,{n},-1.5,2.5,,,,,,,,{note},{SOURCE}"


def check(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(equipoise, ["check", str(folder), *options])


def test_when_all_is_well_it_says_what_the_review_holds(folder: Path) -> None:
    add(folder, "arms", arm("40"))
    result = check(folder)
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.split("\n")]
    assert lines[0] == "Borvanil for wobble syndrome: all is well"
    for heading, first in (
        ("rows by table", "outcomes 1"),
        ("studies by design", "rct-parallel 1"),
        ("treatments by role", "conventional 1"),
        ("studies by outcome (in arms and contrasts)", "severity 1"),
        ("rows by quality of source", "primary 4"),
    ):
        assert lines[lines.index(heading) + 1] == first


def test_a_new_review_is_well_and_empty(tmp_path: Path) -> None:
    start(tmp_path / "new", "Does borvanil help with wobble syndrome?")
    result = check(tmp_path / "new")
    assert result.exit_code == 0
    assert result.output.startswith("Borvanil for wobble syndrome: all is well, no rows yet\n")


def test_errors_are_listed_with_place_value_and_mend_and_end_in_one(folder: Path) -> None:
    add(folder, "arms", arm("many"), arm("40", study="ash2010"))
    result = check(folder)
    assert result.exit_code == 1
    assert result.output == (
        "arms.csv:2:n: error: 'many': text in a number column; "
        "write the number, or leave the cell empty when it isn't known\n"
        "arms.csv:3:study_id: error: 'ash2010': unknown study; did you mean 'ash2001'?\n"
        f"\n{folder}: 2 errors, the errors in one file\n"
    )


def test_warnings_are_shown_and_end_in_zero(folder: Path) -> None:
    add(folder, "arms", arm("40", note=" spaced"))
    result = check(folder)
    assert result.exit_code == 0
    assert "arms.csv:2:note: warning: ' spaced': spaces around the value; write 'spaced'\n" in result.output
    assert "Borvanil for wobble syndrome: 1 warning, no errors\n" in result.output
    assert "rows by table" in result.output


def test_a_long_list_is_printed_whole_and_summed_up(folder: Path) -> None:
    add(folder, "arms", *(arm(f"n{i}", note=str(i)) for i in range(LONG + 10)))
    lines = check(folder).output.split("\n")
    assert sum(line.startswith("arms.csv:") and ":n: error: 'n" in line for line in lines) == LONG + 10
    summary = lines[lines.index("problems by column") + 1 :]
    assert [" ".join(line.split()) for line in summary if ":n (errors)" in line] == [f"arms.csv:n (errors) {LONG + 10}"]


def test_the_same_folder_gives_the_same_list(folder: Path) -> None:
    add(folder, "arms", arm("many"), arm("0", study="birch"), arm("12.5", study="ash"))
    assert check(folder).output == check(folder).output


def test_json_for_programs(folder: Path) -> None:
    add(folder, "arms", arm("many"))
    result = check(folder, "--format", "json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["review"], found["ok"], found["errors"], found["warnings"]) == (str(folder), False, 1, 0)
    assert found["summary"] is None
    assert found["problems"] == [
        {
            "file": "arms.csv",
            "row": 2,
            "column": "n",
            "value": "many",
            "what": "text in a number column",
            "mend": "write the number, or leave the cell empty when it isn't known",
            "severity": "error",
        }
    ]


def test_json_of_a_sound_review_holds_the_summary(folder: Path) -> None:
    result = check(folder, "--format", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["ok"] is True
    assert found["summary"]["tables"]["studies"] == 2
    assert found["summary"]["designs"] == {"rct-parallel": 1, "animal": 1}


def test_what_a_terminal_would_obey_is_shown_as_text(folder: Path) -> None:
    add(folder, "arms", arm("\x1b[31m40"))
    output = check(folder).output
    assert "\x1b" not in output
    assert r"\x1b[31m40" in output


@pytest.mark.parametrize("name", library.names())
def test_the_reviews_that_ship_are_well(name: str) -> None:
    assert check(library.path(name)).exit_code == 0


def test_a_folder_that_is_no_review_ends_in_its_message(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert isinstance(result.exception, ReviewError)
    assert "is not a review folder: it has no review.toml" in str(result.exception)


def test_on_a_terminal_it_is_coloured_and_says_the_same(folder: Path) -> None:
    from rich.console import Console

    from equipoise.cli.check import _print_rich
    from equipoise.review.reading import inspect
    from equipoise.review.summary import summarise

    add(folder, "arms", arm("40", note=" spaced"))
    review, problems = inspect(folder)
    assert review is not None
    console = Console(record=True, width=100, force_terminal=True, file=StringIO())
    _print_rich(console, folder, problems, summarise(review))
    text = console.export_text(styles=False)
    assert "arms.csv:2:note warning ' spaced'" in text
    assert "→ write 'spaced'" in text
    assert "Borvanil for wobble syndrome: 1 warning, no errors" in text
    assert "rct-parallel" in text


def test_nothing_heavy_is_imported_for_plain_output(folder: Path) -> None:
    """Neither NumPy nor rich, so that checking starts at once."""
    code = (
        f"import sys; from equipoise.cli import equipoise; equipoise(['check', {str(folder)!r}], standalone_mode=False)"
    )
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    ).stderr
    names = {line.split("|")[-1].strip() for line in imported.split("\n")}
    assert not {"numpy", "scipy", "rich", "matplotlib"} & names
