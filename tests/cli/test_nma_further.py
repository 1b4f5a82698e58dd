"""`equipoise nma` beyond the fit: what every report has, what is asked for, and that the script repeats it."""

from __future__ import annotations

import csv
import json
import math
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from equipoise.cli import equipoise
from equipoise.errors import DataError
from equipoise.frames import columns_of
from nma_samples import SENN

ALWAYS = (
    "categories", "loops", "unrelated", "without_each", "thresholds", "thresholds_by_comparison", "outliers",
    "shifted_variances", "small_studies",
)  # fmt: skip


def nma(*words: object) -> Result:
    return CliRunner().invoke(equipoise, ["nma", *map(str, words), "--figures", "none"])


def arms(designs: list[tuple[str, ...]], seed: int = 7, rate: float = 0.3) -> str:
    """A simulated table of arms; the treatments' names are "drug_dose" or combinations."""
    rng = np.random.default_rng(seed)
    lines = ["study,treatment,events,n,drug,dose,year,region"]
    for number, treatments in enumerate(designs):
        year, region = 2000 + number % 11, ("Asia", "Europe")[number % 2]
        for treatment in treatments:
            drug, _, dose = treatment.partition("_")
            n = int(rng.integers(40, 90))
            events = int(rng.binomial(n, min(rate * (1 + 0.02 * float(dose or 5)), 0.9)))
            lines.append(f"s{number},{treatment},{events},{n},{drug},{dose or 0},{year},{region}")
    return "\n".join(lines) + "\n"


DOSES = arms(
    [("p_0", "A_5"), ("p_0", "A_20"), ("p_0", "B_10"), ("A_5", "A_20"), ("A_20", "B_10"), ("p_0", "A_5", "A_20")] * 2
    + [("p_0", "B_40"), ("B_10", "B_40"), ("p_0", "A_20")]
)
COMBINED = arms([("nil", "X"), ("nil", "Y"), ("nil", "X + Y"), ("X", "X + Y"), ("X", "Y")] * 2)
RARE = arms([("p", "A"), ("p", "B"), ("A", "B")] * 3, rate=0.03)


def put(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def rows_of(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def same(written: list[str], computed: list[Any]) -> bool:
    """Whether a column of a CSV file holds these values, unrounded."""
    found = []
    for cell, value in zip(written, computed, strict=True):
        if isinstance(value, bool):
            found.append(cell == ("yes" if value else "no"))
        elif value is None or (isinstance(value, float) and not math.isfinite(value)):
            found.append(cell == "")
        else:
            found.append(cell == str(value))
    return all(found)


def repeated(out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The variables of the reproducing script, run here, which must print the summary."""
    capsys.readouterr()
    variables = runpy.run_path(str(out / "analysis.py"))
    assert capsys.readouterr().out == (out / "summary.txt").read_text(encoding="utf-8")
    return variables


def test_the_script_computes_every_number_of_every_table_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "out", put(tmp_path, DOSES.replace("A_5", "A_7"), "harm.csv")
    asked = (
        "--moderator",
        "year",
        "--moderator",
        "region",
        "--by",
        "region",
        "--dose",
        "dose",
        "--likelihood",
        "penalised",
        "--forward-search",
    )
    result = nma(
        put(tmp_path, DOSES), *asked, "--second", other, "--important-difference", 1.3, "--level", 90, "--out", out
    )
    assert result.exit_code == 0, result.output
    variables = repeated(out, capsys)
    tables = {
        **{name: variables[name] for name in ALWAYS},
        "moderator_slopes": variables["moderator"],
        "moderator_2_slopes": variables["moderator_2"],
        "subgroups": variables["subgroups"],
        "dose_parameters": variables["dose_response"],
        "rare_events": variables["rare_events"].effects(),
        "forward_search": variables["search"],
        "benefit_harm": variables["both_outcomes"],
        "second_effects": variables["second_fit"].effects(),
        "small_studies_slopes": variables["small_studies"].regression.slopes,
    }
    for name, computed in tables.items():
        written = rows_of(out / "tables" / f"{name}.csv")
        for column, values in columns_of(computed).items():
            if column in written:
                assert same(written[column], values), (name, column)
        assert {"estimate", "p", "difference", "tau2", "p_score", "benefit", "leverage"} & set(written), name
    settings = json.loads((out / "results.json").read_bytes())["settings"]
    assert settings["important_difference"] == pytest.approx(math.log(1.3))
    assert variables["moderator"].covariates == ("year",)
    assert variables["moderator_2"].covariates == ("region[Europe]",)
    assert variables["both_outcomes"].harm_measure == "OR"


def test_contributions_are_by_the_method_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, DOSES)
    matrices = {}
    for method in ("random walk", "shortest path"):
        out = tmp_path / method
        assert nma(path, "--contributions", method.replace(" ", "-"), "--out", out).exit_code == 0
        computed = repeated(out, capsys)["contributions"]
        written = rows_of(out / "tables" / "contributions.csv")
        matrices[method] = np.array([[float(x) for x in column] for column in list(written.values())[2:]]).T
        assert computed.method == method
        assert json.loads((out / "results.json").read_bytes())["settings"]["contributions"] == method
        np.testing.assert_allclose(matrices[method], 100 * computed.matrix, atol=1e-10)
    assert np.abs(matrices["random walk"] - matrices["shortest path"]).max() > 0.1


def test_the_forward_search_names_the_outlier_that_enters_last(tmp_path: Path) -> None:
    lines = ["study,treat1,treat2,TE,seTE,measure"]
    rng = np.random.default_rng(3)
    for number in range(12):
        first, second = ("ab", "ac", "bc")[number % 3]
        effect = 0.1 * (ord(second) - ord(first)) + rng.normal(0, 0.1) + (2.0 if number == 7 else 0.0)
        lines.append(f"s{number},{first},{second},{effect},0.1,MD")
    out = tmp_path / "out"
    assert nma(put(tmp_path, "\n".join(lines)), "--measure", "MD", "--forward-search", "--out", out).exit_code == 0
    entered = rows_of(out / "tables" / "forward_search.csv")["entered"]
    assert entered[-1] == "s7"
    assert "τ² rises most with s7" in json.loads((out / "results.json").read_bytes())["notes"]["search"][0]
    effects = rows_of(out / "tables" / "forward_search_effects.csv")
    assert len(effects["step"]) == 3 * len(entered)
    assert set(rows_of(out / "tables" / "forward_search_residuals.csv")["study"]) == {f"s{k}" for k in range(12)}
    without = nma(put(tmp_path, "\n".join(lines)), "--measure", "MD", "--out", tmp_path / "other")
    assert without.exit_code == 0
    assert not (tmp_path / "other" / "tables" / "forward_search.csv").exists()


def test_components_are_fitted_and_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    result = nma(put(tmp_path, COMBINED), "--components", "--reference", "nil", "--inactive", "nil", "--out", out)
    assert result.exit_code == 0, result.output
    fitted = repeated(out, capsys)["components"]
    written = rows_of(out / "tables" / "components.csv")
    assert written["name"] == ["X", "Y"]
    assert same(written["estimate"], fitted.effects.estimates.tolist())
    assert float(written["OR"][0]) == pytest.approx(math.exp(fitted.effects.estimates[0]))
    sums = rows_of(out / "tables" / "component_treatments.csv")
    both = sums["treatment"].index("X + Y")
    assert float(sums["estimate"][both]) == pytest.approx(float(fitted.effects.estimates.sum()))


def test_a_combination_may_differ_from_its_sum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    options = ("--components", "--reference", "nil", "--inactive", "nil", "--interaction", "X * Y", "--out", out)
    result = nma(put(tmp_path, COMBINED), *options)
    assert result.exit_code == 0, result.output
    fitted = repeated(out, capsys)["components"]
    assert fitted.components == ("X", "Y", "X*Y")
    assert rows_of(out / "tables" / "components.csv")["name"] == ["X", "Y", "X*Y"]
    wrong = nma(put(tmp_path, COMBINED), "--components", "--interaction", "X*Q", "--out", tmp_path / "other")
    assert wrong.exit_code == 1
    assert "needs two or more active components; there are X, Y" in str(wrong.exception)
    alone = nma(put(tmp_path, COMBINED), "--interaction", "X*Y", "--out", tmp_path / "other")
    assert "--interaction goes with --components" in alone.output


def test_a_placebo_as_reference_is_inactive_unless_said_otherwise(tmp_path: Path) -> None:
    text = COMBINED.replace("nil", "Placebo")
    result = nma(put(tmp_path, text), "--components", "--out", tmp_path / "out")
    assert "Inactive: Placebo" in result.output
    active = nma(put(tmp_path, text), "--components", "--reference", "X", "--out", tmp_path / "out")
    assert "Inactive" not in active.output


def test_combinations_and_doses_are_pointed_out(tmp_path: Path) -> None:
    said = nma(put(tmp_path, COMBINED), "--out", tmp_path / "out").output
    assert "'X + Y' looks like a combination; --components fits a component model" in said
    assert "the table has doses; --dose dose --agent drug" in said
    assert "looks like" not in nma(put(tmp_path, DOSES), "--out", tmp_path / "out").output


def test_the_sign_of_components_may_follow_or_the_table(tmp_path: Path) -> None:
    path = put(tmp_path, COMBINED.replace("X + Y", "X & Y"))
    assert nma(path, "--components", "&", "--out", tmp_path / "out").exit_code == 0
    assert nma("--out", tmp_path / "out", "--components", put(tmp_path, COMBINED)).exit_code == 0


def test_sparse_data_name_the_command_that_helps_and_it_runs(tmp_path: Path) -> None:
    path = put(tmp_path, RARE, "rare events.csv")
    said = nma(path, "--larger-is-better", "--reference", "p", "--measure", "RR", "--out", tmp_path / "out").output
    found = re.search(r"compare: (equipoise nma .*)", said)
    assert found is not None
    words = shlex.split(found[1])
    assert words[:2] == ["equipoise", "nma"]
    assert words[2] == str(path)
    assert words[words.index("--measure") + 1] == "OR"
    assert words.count("--measure") == 1
    again = CliRunner().invoke(equipoise, words[1:])
    assert again.exit_code == 0, again.output
    assert "Mantel–Haenszel" in again.output
    assert "compare:" not in again.output
    assert "compare:" not in nma(put(tmp_path, DOSES), "--out", tmp_path / "out").output


@pytest.mark.parametrize("likelihood", ["mantel-haenszel", "hypergeometric", "penalised"])
def test_models_for_few_events_stand_beside_the_main_one(
    likelihood: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert nma(put(tmp_path, RARE), "--likelihood", likelihood, "--reference", "p", "--out", out).exit_code == 0
    fitted = repeated(out, capsys)["rare_events"]
    written = rows_of(out / "tables" / "rare_events.csv")
    assert same(written["estimate"], fitted.effects().estimates.tolist())
    main = rows_of(out / "tables" / "effects.csv")
    assert written["normal_estimate"] == main["estimate"]


def test_an_important_ratio_is_the_same_either_way_round(tmp_path: Path) -> None:
    written = []
    for value in (1.25, 0.8):
        out = tmp_path / str(value)
        assert nma(put(tmp_path, DOSES), "--important-difference", value, "--out", out).exit_code == 0
        settings = json.loads((out / "results.json").read_bytes())["settings"]
        assert settings["important_difference"] == pytest.approx(math.log(1.25))
        written.append((out / "tables" / "categories.csv").read_text())
    assert written[0] == written[1]
    out = tmp_path / "difference"
    assert nma(put(tmp_path, SENN), "--measure", "MD", "--important-difference", 0.5, "--out", out).exit_code == 0
    assert json.loads((out / "results.json").read_bytes())["settings"]["important_difference"] == 0.5


def test_two_outcomes_share_a_league_table_and_need_the_same_reference(tmp_path: Path) -> None:
    first, second = put(tmp_path, DOSES), put(tmp_path, DOSES.replace(",s", ",t"), "harm.csv")
    out = tmp_path / "out"
    given = ("--second", second, "--second-measure", "RR", "--outcomes", "Response, Dropout", "--larger-is-better")
    assert nma(first, *given, "--second-smaller-is-better", "--out", out).exit_code == 0
    table = (out / "tables" / "league_outcomes.html").read_text(encoding="utf-8")
    assert "Lower triangle: Response (OR); upper triangle: Dropout (RR)" in table
    assert "Response and Dropout" in (out / "report.html").read_text(encoding="utf-8")
    apart = put(tmp_path, DOSES.replace("p_0", "pill_0"), "other.csv")
    refused = nma(first, "--reference", "p_0", "--second", apart, "--out", out)
    assert refused.exit_code == 1
    assert "the second table has no treatment 'p_0'" in str(refused.exception)


def test_the_report_has_an_index_and_folds_long_tables(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert nma(put(tmp_path, SENN), "--measure", "MD", "--components", "o", "--out", out).exit_code == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section id="([^"]+)">\s*<h2>', page)
    assert re.findall(r'<a href="#([^"]+)">', page.partition("</nav>")[0]) == sections
    assert {"robustness", "small-studies", "components"} <= set(sections)
    unfolded = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    assert max(body.count("<tr") for body in re.findall(r"<tbody>(.*?)</tbody>", unfolded, flags=re.DOTALL)) <= 12
    folded = re.findall(r"<details><summary>(.*?)</summary>", page)
    assert any("26 rows" in title for title in folded)


def test_what_the_data_do_not_allow_is_said_and_the_rest_is_done(tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = "study,treatment,events,n\nA,x,3,20\nA,y,5,20\n"
    assert nma(put(tmp_path, text), "--out", out).exit_code == 0
    results = json.loads((out / "results.json").read_bytes())
    assert "Not possible" in results["not_possible"]["without_each"]
    assert "categories" in results["tables"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--moderator", "age"], "--moderator: there is no column 'age'; the table has study, treatment"),
        (["--by", "age"], "--by: there is no column 'age'"),
        (["--dose", "mg"], "--dose: there is no column 'mg'"),
        (["--agent", "drug"], "--agent goes with --dose COLUMN"),
        (["--dose-shape", "emax"], "--dose-shape goes with --dose"),
        (["--inactive", "p_0"], "--inactive goes with --components"),
        (["--second-measure", "RR"], "--second-measure goes with --second DATA2"),
        (["--important-difference", "1"], "1 is no important OR; give the ratio that matters"),
        (["--important-difference", "-2"], "-2 is no important OR"),
        (["--likelihood", "exact"], "'mantel-haenszel', 'hypergeometric', 'penalised'"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(options: list[str], told: str, tmp_path: Path) -> None:
    result = nma(put(tmp_path, DOSES), *options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert told in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        (DOSES, ["--components", "&"], "no treatment has '&' in its name"),
        (DOSES.replace("s1,p_0", "s1,A_5"), ["--dose", "dose"], "treatment 'A_5' is p 0|A 5 before and p 0 here"),
        (DOSES.replace(",A,5,", ",A,five,", 1), ["--dose", "dose"], "column 'dose', row 2: 'five' is not a number"),
        (DOSES, ["--measure", "RR", "--likelihood", "penalised"], "analyses odds ratios .* --measure OR"),
        (DOSES.replace(",2001,", ",2002,", 1), ["--moderator", "year"], "must be the same in all rows of a study"),
    ],
)  # fmt: skip
def test_columns_that_cannot_be_used_say_why_and_nothing_is_written(
    text: str, options: list[str], told: str, tmp_path: Path
) -> None:
    result = nma(put(tmp_path, text), *options, "--out", tmp_path / "out")
    if result.exit_code == 0:
        pytest.fail(result.output)
    assert result.exit_code == 1
    assert isinstance(result.exception, DataError)
    assert re.search(told, str(result.exception))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", ["'--help'", "'nma', '--help'"])
def test_help_comes_without_the_numerical_libraries(words: str) -> None:
    code = (
        "import sys; from equipoise.cli import equipoise\n"
        f"try: equipoise([{words}])\n"
        "except SystemExit: print('numpy' in sys.modules, 'matplotlib' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert ran.stdout.rstrip().endswith("False False")


def test_help_names_its_groups() -> None:
    said = CliRunner().invoke(equipoise, ["nma", "--help"]).output
    titles = ("The analysis:", "Further analyses:", "The report:", "Columns whose names don't tell:")
    positions = [said.index(title) for title in titles]
    assert positions == sorted(positions)
    assert positions[0] < said.index("--important-difference") < positions[1] < said.index("--moderator") < positions[2]
