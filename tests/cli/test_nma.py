"""`equipoise nma`, as a new user meets it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import equipoise as package
from equipoise.cli import equipoise
from equipoise.cli.network.columns import guess
from equipoise.cli.network.table import read_table
from equipoise.errors import DataError, OutputError
from nma_samples import SENN, senn

ARMS = """\
Study ID;Arm;Responders;Total;RoB
Alpha;Placebo;10;50;low
Alpha;Drug A;18;52;low
Beta;Placebo;7;40;high
Beta;Drug B;15;41;high
Gamma;Drug A;20;60;some concerns
Gamma;Drug B;25;61;some concerns
Delta;Placebo;0;20;low
Delta;Drug A;4;20;low
Epsilon;Drug B;3;9;low
"""

BASELINE = """\
study,treatment,diff,se
s1,A,,0.5
s1,C,-0.31,0.67
s2,A,,
s2,B,-1.7,0.38
s3,A,,0.5
s3,B,-2.3,0.72
s3,C,-0.9,0.69
"""


def nma(*words: object) -> Result:
    return CliRunner().invoke(equipoise, ["nma", *map(str, words)])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "senn.csv"
    path.write_text(SENN, encoding="utf-8")
    return path


def run_script(out: Path) -> str:
    """What analysis.py prints, with the package under test."""
    found = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "analysis.py"], cwd=out, capture_output=True, check=True, encoding="utf-8", env=found
    )
    return ran.stdout


def put(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_one_line_gives_the_summary_and_a_folder_with_everything(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = ("--measure", "MD", "--reference", "plac", "--smaller-is-better", "--figures", "svg,pdf,png")
    result = nma(table, *given, "--out", out)
    assert result.exit_code == 0, result.output
    for part in (
        "28 rows, read as one row a pair of arms",
        "study = study; treatment = treat1; comparator = treat2; estimate = TE; se = seTE",
        "Reference: plac (as asked for)",
        "rosi : plac  6  -1.2337  [-1.4757; -0.9918]",
        "Q = 96.99, df = 18",
        "P-score",
        "report.html",
    ):
        assert part in result.output
    assert {p.name for p in out.iterdir()} == {
        "report.html", "results.json", "summary.txt", "analysis.py", "data.csv", "figures", "tables",
    }  # fmt: skip
    drawn = {
        "network", "forest", "league", "rankogram", "hasse", "net_heat", "split_forest", "contributions", "funnel",
        "thresholds", "thresholds_by_comparison",
    }  # fmt: skip
    assert {p.name for p in (out / "figures").iterdir()} == {f"{f}.{e}" for f in drawn for e in ("svg", "pdf", "png")}
    assert {p.stem for p in (out / "tables").iterdir()} >= {
        "effects", "comparisons", "direct", "league", "split", "ranking", "inconsistency", "designs", "contributions",
        "loops", "unrelated", "without_each", "outliers", "shifted_variances", "thresholds", "categories", "small_studies",
        "thresholds_by_comparison",
    }  # fmt: skip


def test_the_script_gives_the_same_numbers(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert (
        nma(table, "--measure", "MD", "--figures", "none", "--method", "dl", "--ci", "hksj", "--out", out).exit_code
        == 0
    )
    printed = run_script(out)
    assert printed == (out / "summary.txt").read_text(encoding="utf-8")
    assert "(DL)" in printed


@pytest.mark.parametrize("text", [ARMS, BASELINE], ids=["arms", "against the baseline arm"])
def test_the_script_reads_every_form_of_table(text: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measure = [] if text is ARMS else ["--measure", "MD"]
    result = nma(put(tmp_path, text), *measure, "--figures", "none", "--out", out)
    assert result.exit_code == 0, result.output
    printed = run_script(out)
    assert printed == (out / "summary.txt").read_text(encoding="utf-8")


def test_json_and_csv_hold_the_fit_unrounded(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    nma(table, "--measure", "MD", "--reference", "plac", "--figures", "none", "--out", out)
    fit = senn().fit(reference="plac")
    results = json.loads((out / "results.json").read_bytes())
    effects = results["tables"]["effects"]
    rosi = effects["treatment"].index("rosi")
    assert effects["estimate"][rosi] == fit.estimates[fit.network.position("rosi"), fit.network.position("plac")]
    assert results["subnetworks"][0]["tau2"] == fit.tau2[0]
    with (out / "tables" / "effects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[rosi]["estimate"]) == effects["estimate"][rosi]
    contributions = results["tables"]["contributions"]
    shares = [column for name, column in contributions.items() if " : " in name]
    assert sum(column[0] for column in shares) == pytest.approx(100.0)


def test_the_report_is_complete_in_itself(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    nma(table, "--measure", "MD", "--figures", "svg", "--out", out)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert "<script" not in page
    assert page.count("<svg") == 10  # the league table is a table here
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="((?:figures|tables)/[^"]+)"', page):
        assert (out / target).exists()
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert anchor in ids


def test_treatment_names_are_text_in_the_report(tmp_path: Path) -> None:
    hostile = SENN.replace("rosi", "<script>alert(1)</script>")
    out = tmp_path / "out"
    assert nma(put(tmp_path, hostile), "--measure", "MD", "--figures", "svg", "--out", out).exit_code == 0
    assert "<script" not in (out / "report.html").read_text(encoding="utf-8")


def test_arms_with_other_names_and_semicolons_are_understood(tmp_path: Path) -> None:
    result = nma(put(tmp_path, ARMS), "--figures", "none", "--larger-is-better", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for part in (
        "study = Study ID; treatment = Arm; events = Responders; n = Total; risk of bias = RoB",
        "Measure: OR (suggested by the columns",
        "Reference: Placebo (by its name)",
        "Left out: Epsilon: fewer than two treatments",
        "Changed: Delta: 0.5 added",
    ):
        assert part in result.output
    left_out = (tmp_path / "out" / "tables" / "left_out.csv").read_text(encoding="utf-8")
    assert "Epsilon,left out" in left_out


def test_options_name_columns_that_names_do_not_tell(tmp_path: Path) -> None:
    text = ARMS.replace("Responders", "PASI75").replace("Arm", "Behandlung")
    path = put(tmp_path, text)
    refused = nma(path)
    assert refused.exit_code == 2
    assert "--treatment COLUMN" in refused.output
    named = nma(path, "--treatment", "Behandlung", "--events", "PASI75", "--figures", "none", "--out", tmp_path / "out")
    assert named.exit_code == 0, named.output
    assert "events = PASI75 (named)" in named.output


def test_the_reference_is_found_whatever_its_case(tmp_path: Path) -> None:
    result = nma(put(tmp_path, ARMS), "--reference", "PLACEBO", "--figures", "none", "--out", tmp_path / "out")
    assert "Reference: Placebo (the table's name for 'PLACEBO')" in result.output


def test_a_network_in_two_parts_is_analysed_part_by_part_and_says_so(tmp_path: Path) -> None:
    text = SENN.replace("benf,plac", "benf,other")
    out = tmp_path / "out"
    result = nma(put(tmp_path, text), "--measure", "MD", "--reference", "plac", "--figures", "svg", "--out", out)
    assert result.exit_code == 0, result.output
    assert "Not connected: 2 subnetworks" in result.output
    assert "each part was analysed by itself" in result.output
    assert "The network is not connected" in (out / "report.html").read_text(encoding="utf-8")
    assert [s["reference"] for s in json.loads((out / "results.json").read_bytes())["subnetworks"]] == ["plac", "benf"]


def test_a_single_study_and_two_treatments_are_enough(tmp_path: Path) -> None:
    text = "study,treatment,events,n\nA,x,3,20\nA,y,5,20\n"
    result = nma(put(tmp_path, text), "--figures", "svg", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "No comparison has both direct and indirect" in (tmp_path / "out" / "report.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--measure", "logit"], "'logit' isn't known; choose OR"),
        (["--measure", "SMD"], "needs mean and sd of every arm"),
        (["--study", "trial"], "no column 'trial'; the table has Study ID"),
        (["--figures", "docx"], "docx: choose from svg, pdf, png"),
        (["--level", "20"], "not a confidence level"),
    ],
)
def test_wrong_options_are_refused_with_the_mend(options: list[str], told: str, tmp_path: Path) -> None:
    result = nma(put(tmp_path, ARMS), *options)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())


def test_ordered_categories_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = put(tmp_path, "study,treatment,n,PASI50,PASI75\nA,x,30,12,5\nA,y,31,20,11\n")
    refused = nma(path)
    assert refused.exit_code == 2
    said = " ".join(refused.output.split())
    assert "PASI50, PASI75 look like ordered categories" in said
    assert "--events COLUMN" in said
    assert nma(path, "--events", "PASI75", "--figures", "none", "--out", tmp_path / "out").exit_code == 0


def test_contrasts_need_their_measure(table: Path) -> None:
    result = nma(table)
    assert result.exit_code == 2
    assert "say --measure" in result.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("study,treatment,events,n\n", "has headings .* but no rows"),
        ("study,treatment,events,n\nA,x,3,20,5\n", "line 2: 5 cells for 4 headings"),
        ("study,treatment,n,n\nA,x,3,20\n", "two columns called 'n'"),
        ("study treatment\nA x\n", "single column"),
        ("study,treatment,events,n\nA,x,three,20\nA,y,5,20\n", "column 'events', row 1: 'three' is not a number"),
        ("study,treatment,events,n\nA,x,30,20\nA,y,5,20\n", "30 events among 20 participants"),
        ("study,treatment,events,n\nA,x,3,20\nB,y,5,20\n", "no study compares two treatments"),
        ("study,treatment,diff,se\nA,x,,\nA,y,1,1\nA,z,2,1\n", "baseline arm's standard error is missing"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_used_say_where_and_why(text: str, told: str, tmp_path: Path) -> None:
    result = nma(put(tmp_path, text), "--figures", "none", "--measure", "MD" if "diff" in text else "OR")
    assert result.exit_code == 1
    assert isinstance(result.exception, DataError)
    assert re.search(told, str(result.exception))


def test_an_unknown_reference_names_those_alike(table: Path) -> None:
    result = nma(table, "--measure", "MD", "--reference", "placebo")
    assert result.exit_code == 1
    assert "did you mean 'plac'?" in str(result.exception)


def test_a_spreadsheet_is_told_apart_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="save it as CSV"):
        read_table(path)


def test_ratios_that_look_unlogged_are_doubted(tmp_path: Path) -> None:
    text = re.sub(r",-(\d)", r",\1", SENN).replace("Kim2007,rosi,metf,0,", "Kim2007,rosi,metf,0.1,")
    text = "\n".join(line for line in text.splitlines() if "Willms" not in line)
    result = nma(put(tmp_path, text), "--measure", "OR", "--figures", "none", "--out", tmp_path / "out")
    assert "must hold log OR" in result.output


def test_a_direction_nobody_gave_is_said(table: Path, tmp_path: Path) -> None:
    result = nma(table, "--measure", "MD", "--figures", "none", "--out", tmp_path / "out")
    assert "ranked as if smaller values of the MD were better" in result.output
    given = nma(table, "--measure", "MD", "--figures", "none", "--larger-is-better", "--out", tmp_path / "out")
    assert "ranked as if" not in given.output
    assert "plac        0.98" in given.output


def test_files_of_somebody_else_are_left_alone(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("words", encoding="utf-8")
    result = nma(table, "--measure", "MD", "--figures", "none", "--out", out)
    assert result.exit_code == 1
    assert isinstance(result.exception, OutputError)
    assert [p.name for p in out.iterdir()] == ["thesis.txt"]
    assert nma(table, "--measure", "MD", "--figures", "none", "--out", out, "--overwrite").exit_code == 0
    assert nma(table, "--measure", "MD", "--figures", "none", "--out", out).exit_code == 0


def test_decimal_commas_and_windows_letters_are_read(tmp_path: Path) -> None:
    path = tmp_path / "german.csv"
    path.write_bytes(
        "Studie;treatment;mean;sd;n\nMüller;Plazebo;1,5;2,0;30\nMüller;Verum;0,5;2,1;31\n".encode("cp1252")
    )
    table = read_table(path)
    assert table.columns["mean"] == ["1.5", "0.5"]
    assert table.columns["Studie"] == ["Müller", "Müller"]
    assert any("Windows-1252" in note for note in table.notes)
    assert any("Decimal commas" in note for note in table.notes)


def test_columns_are_guessed_whatever_their_case_and_signs(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, "Trial_ID,TREAT,Std.Dev,Sample size,Mean\na,x,1,2,3\n"))
    assert guess(table, {}).columns == {
        "study": "Trial_ID", "treatment": "TREAT", "n": "Sample size", "mean": "Mean", "sd": "Std.Dev",
    }  # fmt: skip


def test_the_command_is_listed_with_the_others() -> None:
    listed = CliRunner().invoke(equipoise, ["--help"]).output
    assert "nma" in listed
    assert "network meta-analysis" in listed
