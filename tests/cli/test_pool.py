"""`equipoise pool`, as a new user meets it."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import datasets
from equipoise.cli import equipoise
from equipoise.cli.pooling.names import Meaning, meaning
from equipoise.errors import DataError, OutputError


def pool(data: Path, *words: str, figures: str = "none", out: str = "out") -> Result:
    folder = str(data.parent / out)
    return CliRunner().invoke(equipoise, ["pool", str(data), "--figures", figures, "--out", folder, *words])


def table(folder: Path, text: str, name: str = "data.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def error_of(result: Result) -> str:
    """What the user reads; errors raised on purpose are printed by `main`."""
    if isinstance(result.exception, DataError | OutputError):
        assert result.exit_code == 1
        return str(result.exception)
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


@pytest.fixture
def bcg(tmp_path: Path) -> Path:
    """The table as metafor ships it: fourfold cells, author and year apart."""
    data = datasets.BCG
    path = tmp_path / "bcg.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "author", "year", "tpos", "tneg", "cpos", "cneg", "ablat", "alloc"])
        for i, study in enumerate(data["study"]):
            e1, n1, e2, n2 = (data[name][i] for name in ("events1", "n1", "events2", "n2"))
            writer.writerow(
                [i + 1, study[:-5], data["year"][i], e1, n1 - e1, e2, n2 - e2, data["ablat"][i], data["alloc"][i]]
            )
    return path


def results(data: Path, out: str = "out") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data.parent / out / "results.json").read_text(encoding="utf-8"))
    return found


def test_roles_are_guessed_and_said_and_the_summary_is_printed(bcg: Path) -> None:
    result = pool(bcg, "--measure", "rr")
    assert result.exit_code == 0, result.output
    for part in (
        "author + year",
        "tpos (treated), cpos (comparator)",
        "tneg (treated), cneg (comparator)",
        "no role     trial, ablat, alloc",
        "Random-effects model (k = 13; τ² estimator: REML)",
        "τ² = 0.3132",
    ):
        assert part in result.output
    # metafor 3.8-1: rma(ai=tpos, bi=tneg, ci=cpos, di=cneg, data=dat.bcg, measure="RR")
    found = results(bcg)["pooled"]
    assert found["estimate"] == pytest.approx(-0.7145323, abs=5e-8)
    assert found["se"] == pytest.approx(0.1797815, abs=5e-8)
    assert found["tau2"] == pytest.approx(0.3132433, abs=5e-7)


def test_figures_results_and_script_are_written(bcg: Path) -> None:
    result = pool(bcg, "--measure", "OR", figures="forest,funnel")
    assert result.exit_code == 0, result.output
    written = {path.name for path in (bcg.parent / "out").iterdir()}
    pictures = {f"{name}.{kind}" for name in ("forest", "funnel") for kind in ("svg", "pdf", "png")}
    assert written == pictures | {"results.json", "results.csv", "studies.csv", "summary.txt", "reproduce.py"}
    with (bcg.parent / "out" / "studies.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["study"] for row in rows] == datasets.BCG["study"]
    assert sum(float(row["weight_percent"]) for row in rows) == pytest.approx(100)


@pytest.mark.parametrize(
    "words",
    [
        ("--measure", "OR", "--ci", "hksj", "--by", "alloc", "--moderator", "ablat + year"),
        ("--measure", "RD", "--method", "DL", "--level", "90", "--prediction", "HTS"),
        ("--measure", "OR", "--method", "MH", "--add", "0.25", "--to", "all"),
    ],
)
def test_the_script_repeats_the_numbers(bcg: Path, words: tuple[str, ...]) -> None:
    assert pool(bcg, *words).exit_code == 0
    _same_numbers(bcg)


def _same_numbers(data: Path) -> None:
    path = str(data.parent / "out" / "reproduce.py")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", [path])
        repeated = runpy.run_path(path)
    found = results(data)
    fit = repeated["fit"]
    assert fit.estimate == found["pooled"]["estimate"]
    assert list(fit.ci) == found["pooled"]["ci"]
    assert fit.tau2 == found["pooled"]["tau2"]
    assert list(fit.studies) == [study["study"] for study in found["studies"]]
    if "subgroups" in found:
        groups = found["subgroups"]["groups"]
        assert {group: one.estimate for group, one in repeated["by_group"].groups.items()} == {
            group: one["estimate"] for group, one in groups.items()
        }
    if "regression" in found:
        terms = found["regression"]["coefficients"]
        assert repeated["regression"].coefficients.tolist() == [term["estimate"] for term in terms]


WIDE = "study,events.e,n.e,event.c,n.c\nA,1,10,2,36\nB,5,20,3,20\nC,6,30,9,31\n"
FORMS = {
    "wide pairs of meta": (WIDE, ("--measure", "OR")),
    "groups by their own names": (
        "Study,events_magnesium,n_magnesium,events_placebo,n_placebo\nA,1,10,2,36\nB,5,20,3,20\n",
        ("--measure", "OR"),
    ),
    "long, semicolons and decimal commas": (
        "study;arm;n;mean;sd\nA;drug;20;3,5;1,2\nA;placebo;22;4,1;1,1\nB;drug;50;3,0;1,5\nB;placebo;48;3,9;1,4\n",
        ("--measure", "SMD"),
    ),
    "log estimates with variances": ("slab,yi,vi\nA,-0.5,0.04\nB,0.1,0.09\n", ("--measure", "OR")),
    "ratios with intervals": (
        "Author,Year,OR,Lower,Upper\nSmith,2001,0.8,0.5,1.28\nLee,2003,0.6,0.4,0.9\n",
        ("--measure", "OR"),
    ),
    "estimates of an unnamed effect": ("study,estimate,se\nA,0.1,0.2\nB,0.4,0.3\n", ()),
    "one group": ("study,cases,total\nA,8,20\nB,3,33\n", ("--measure", "PLO")),
    "correlations": ("study,r,n\nA,0.8,20\nB,0.3,33\n", ("--measure", "ZCOR")),
    "the same author twice": ("author,yi,sei\nLi,0.1,0.2\nLi,0.4,0.3\nKim,0.2,0.3\n", ()),
    "tabs": (WIDE.replace(",", "\t"), ("--measure", "RR")),
    "columns named by options": (
        "name;a1;b1;a2;b2\nA;1;10;2;36\nB;5;20;3;20\n",
        ("--measure", "OR", "--events", "a1,a2", "--n", "b1,b2", "--study", "name"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_many_forms_of_data_are_read_and_repeated(form: str, tmp_path: Path) -> None:
    text, words = FORMS[form]
    data = table(tmp_path, text, "data.tsv" if form == "tabs" else "data.csv")
    result = pool(data, *words)
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    _same_numbers(data)


def test_forms_of_the_same_data_agree(tmp_path: Path) -> None:
    wide = table(tmp_path, WIDE)
    rows = [row.split(",") for row in WIDE.split()[1:]]
    arms = [f"{s},{arm},{e},{n}" for s, e1, n1, e2, n2 in rows for arm, e, n in (("drug", e1, n1), ("placebo", e2, n2))]
    long = table(tmp_path, "\n".join(["study,treatment,events,n", *arms]), "long.csv")
    turned = table(tmp_path, "\n".join(["study,treatment,events,n", *arms[::-1]]), "turned.csv")
    for data, out in ((wide, "wide"), (long, "long"), (turned, "turned")):
        assert pool(data, "--measure", "OR", out=out).exit_code == 0
    estimates = [results(wide, out)["pooled"]["estimate"] for out in ("wide", "long", "turned")]
    assert estimates == pytest.approx([estimates[0]] * 3)


def test_published_intervals_give_their_standard_errors(tmp_path: Path) -> None:
    data = table(tmp_path, "study,hr,lower,upper\nA,0.8,0.5,1.28\nB,0.6,0.4,0.9\n")
    assert pool(data).exit_code == 0
    found = results(data)
    assert found["pooled"]["measure"] == "HR"
    wanted = (np.log([1.28, 0.9]) - np.log([0.5, 0.4])) / (2 * 1.959963984540054)
    assert [study["variance"] for study in found["studies"]] == pytest.approx(wanted**2)


def test_studies_that_cannot_be_used_are_listed_with_the_reason(tmp_path: Path) -> None:
    data = table(tmp_path, "study,e1,n1,e2,n2\nA,1,10,2,36\nB,NA,20,3,20\nC,0,10,0,10\nD,4,20,3,22\n")
    result = pool(data, "--measure", "OR", "--drop00")
    assert result.exit_code == 0, result.output
    assert "Left out: B (events missing, treated group)" in result.output
    assert "Left out: C" in result.output
    assert [study["study"] for study in results(data)["left_out"]] == ["B", "C"]


def test_studies_without_a_moderator_leave_the_regression_only(bcg: Path) -> None:
    text = bcg.read_text(encoding="utf-8").replace(",44,random", ",NA,random", 1)
    data = table(bcg.parent, text)
    result = pool(data, "--measure", "OR", "--moderator", "ablat")
    assert "Left out of the regression: Aronson 1948 (ablat missing)" in result.output
    found = results(data)
    assert found["pooled"]["k"] == 13
    assert found["regression"]["k"] == 12
    _same_numbers(data)


WRONG_DATA = {
    "3 00": ("study,e1,n1,e2,n2\nA,1,10,2,36\nB,5,3 00,3,20\nC,5,30,3,20\n", "row 3, column 'n1': '3 00' is not a number"),
    "thousands": ('study,e1,n1,e2,n2\nA,1,"1,200",2,36\nB,5,30,3,20\n', "row 2, column 'n1': '1,200' is not a number; write 1200"),
    "more events": ("study,e1,n1,e2,n2\nA,12,10,2,36\n", "row 2: A, treated group: events = 12: more events than people"),
    "short row": ("study,e1,n1,e2,n2\nA,12,10,2\n", "row 2: 4 cells, but the header has 5"),
    "no rows": ("study,e1,n1,e2,n2\n", "has a header and no rows"),
    "nothing": ("", "is empty; the first row names the columns"),
    "no header": ("1,2,3,4\n5,6,7,8\n", "the first row holds numbers; it should name the columns"),
    "twice": ("study,n,n\nA,1,2\n", "several columns are called 'n'"),
    "one column": ("study\nA\n", "one column only"),
    "nameless study": ("study,e1,n1,e2,n2\nA,1,10,2,36\n,5,30,3,20\n", "row 3, column 'study': empty"),
    "open quote": ('study,e1\n"A,1\n', "row 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_DATA)
def test_what_is_wrong_in_a_file_is_named_with_its_place(case: str, tmp_path: Path) -> None:
    text, wanted = WRONG_DATA[case]
    data = table(tmp_path, text)
    result = pool(data, "--measure", "OR")
    message = error_of(result)
    assert wanted in message
    assert str(data) in message
    assert result.exit_code == 1


WRONG_OPTIONS = {
    "no measure": ((), "events and group sizes of two groups; say what to pool, as --measure OR (or RR, RD)"),
    "unknown measure": (("--measure", "XY"), "'XY': choose from OR, RR"),
    "unknown method": (("--measure", "OR", "--method", "reml2"), "choose from DL"),
    "unknown interval": (("--measure", "OR", "--ci", "hartung"), "choose from z, t, hksj"),
    "wrong kind": (("--measure", "MD"), "MD needs mean, sd, n; not found: mean, sd"),
    "one column": (("--measure", "OR", "--events", "tpos"), "--events needs two columns"),
    "no such column": (("--measure", "OR", "--events", "a,b"), "has no column 'a'; it has trial"),
    "no such group": (("--measure", "OR", "--by", "region"), "has no column 'region'"),
    "no such moderator": (("--measure", "OR", "--moderator", "ablat + x"), "has no column 'x'"),
    "level as a share": (("--measure", "OR", "--level", "0.95"), "did you mean 95?"),
    "subgroups of MH": (("--measure", "OR", "--method", "MH", "--by", "alloc"), "--by pools by inverse variance"),
    "unknown figure": (("--measure", "OR", "--figures", "pie"), "pie: choose from forest, funnel"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_OPTIONS)
def test_wrong_options_say_what_there_is(case: str, bcg: Path) -> None:
    words, wanted = WRONG_OPTIONS[case]
    result = pool(bcg, *words)
    assert wanted in error_of(result)
    assert result.exit_code == 2
    assert not (bcg.parent / "out").exists()


def test_a_ratio_on_an_unknown_scale_is_asked_about(tmp_path: Path) -> None:
    data = table(tmp_path, "study,estimate,se\nA,0.8,0.2\nB,1.3,0.3\n")
    assert "could be OR or log OR: say --scale natural or --scale log" in error_of(pool(data, "--measure", "OR"))
    for scale in ("natural", "log"):
        assert pool(data, "--measure", "OR", "--scale", scale, out=scale).exit_code == 0
    logged = [study["estimate"] for study in results(data, "log")["studies"]]
    assert logged == pytest.approx([0.8, 1.3])
    natural = [study["estimate"] for study in results(data, "natural")["studies"]]
    assert natural == pytest.approx(np.log([0.8, 1.3]))


def test_three_treatments_need_a_reference(tmp_path: Path) -> None:
    arms = "A,x,1,10\nA,y,2,36\nB,x,5,20\nB,z,3,20\n"
    data = table(tmp_path, f"study,treatment,events,n\n{arms}")
    assert "has 3 treatments (x, y, z)" in error_of(pool(data, "--measure", "OR"))
    result = pool(data, "--measure", "OR", "--reference", "x")
    assert result.exit_code == 0, result.output


def test_a_missing_file_names_its_neighbours_and_a_spreadsheet_its_mend(bcg: Path) -> None:
    assert "there are bcg.csv" in error_of(pool(bcg.parent / "bgc.csv", "--measure", "OR"))
    book = bcg.parent / "book.xlsx"
    book.write_bytes(b"PK\x03\x04 whatever")
    assert "save the sheet as “CSV UTF-8”" in error_of(pool(book, "--measure", "OR"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_files_of_other_programs_are_read(encoding: str, tmp_path: Path) -> None:
    data = table(tmp_path, WIDE.replace("A,", "Müller,"), encoding=encoding)
    assert pool(data, "--measure", "OR").exit_code == 0
    assert results(data)["studies"][0]["study"] == "Müller"


def test_files_that_equipoise_did_not_write_are_kept(bcg: Path) -> None:
    out = bcg.parent / "out"
    out.mkdir()
    (out / "results.csv").write_text("mine", encoding="utf-8")
    assert "results.csv, which Equipoise didn't write" in error_of(pool(bcg, "--measure", "OR"))
    assert (out / "results.csv").read_text(encoding="utf-8") == "mine"
    assert pool(bcg, "--measure", "OR", "--overwrite").exit_code == 0
    assert pool(bcg, "--measure", "OR").exit_code == 0


def test_figures_that_the_data_do_not_allow_are_told(tmp_path: Path) -> None:
    data = table(tmp_path, "study,yi,vi\nA,-0.5,0.04\nB,0.1,0.09\nC,0.3,0.09\n")
    result = pool(data, figures="labbe,cumulative,baujat")
    assert result.exit_code == 0, result.output
    assert "Not drawn: labbe: a L'Abbé plot needs the events of two groups" in result.output
    assert "Not drawn: cumulative: the order of studies isn't known" in result.output
    assert (tmp_path / "out" / "baujat.svg").exists()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ai", Meaning("events", "1")),
        ("n2i", Meaning("n", "2")),
        ("event.e", Meaning("events", "1")),
        ("n.c", Meaning("n", "2")),
        ("meanTreat", Meaning("mean", "1")),
        ("SD (control)", Meaning("sd", "2")),
        ("Total_placebo", Meaning("n", "2")),
        ("events_magnesium", Meaning("events", "magnesium")),
        ("seTE", Meaning("se")),
        ("95% CI lower", Meaning("ci_low")),
        ("ci_low", Meaning("ci_low")),
        ("region", None),
    ],
)
def test_column_names_are_understood(name: str, wanted: Meaning | None) -> None:
    assert meaning(name) == wanted
