"""One broken cell, one problem: its place, its value, what is wrong and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_review import Tables, problems_of, sound, with_cell, with_row


def only(tmp_path: Path, tables: Tables, severity: str = "error") -> tuple[str, str, str, str]:
    (problem,) = problems_of(tmp_path, tables)
    assert problem.severity == severity
    return problem.place, problem.value, problem.what, problem.mend


def test_the_sound_review_has_no_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path, sound()) == []


@pytest.mark.parametrize(
    ("table", "line", "column", "value", "what", "mend"),
    [
        # arms
        ("arms", 2, "n", "0", "must be above 0", "correct it, or leave the cell empty"),
        ("arms", 2, "n", "-4", "must be above 0", "correct it"),
        ("arms", 2, "sd", "-2.5", "must be 0 or more", "correct it"),
        ("arms", 2, "se", "0", "must be above 0", "correct it"),
        ("arms", 2, "timepoint_weeks", "-1", "must be 0 or more", "correct it"),
        ("arms", 4, "events", "41", "more events than participants (41 of 40)", "count participants, not occurrences"),
        ("arms", 4, "events", "-1", "must be 0 or more", "correct it"),
        ("arms", 2, "lower_is_better", "false", "outcomes.csv says true for 'severity'", "write the same in both"),
        ("arms", 4, "mean", "3", "a mean or its spread for 'response >=50%', which is binary", "the outcome's type"),
        ("arms", 4, "sd", "3", "a mean or its spread for 'response >=50%', which is binary", "the outcome's type"),
        ("arms", 2, "events", "3", "events for 'severity', which is continuous", "the outcome's type"),
        # contrasts
        ("contrasts", 2, "p", "1.2", "a p-value is from 0 to 1", "correct it"),
        ("contrasts", 2, "p", "-0.1", "a p-value is from 0 to 1", "correct it"),
        ("contrasts", 2, "estimate", "1.5", "the interval (-2.5 to -0.5) doesn't contain the estimate", "check signs"),
        ("contrasts", 2, "ci_low", "-0.4", "the interval is reversed (-0.4 to -0.5)", "exchange ci_low and ci_high"),
        ("contrasts", 2, "comparator", "quillamine", "compared with itself", "name what it was compared with"),
        # syntheses
        ("syntheses", 2, "ci_low", "-0.2", "the interval is reversed (-0.2 to -0.3)", "exchange"),
        ("syntheses", 2, "estimate", "-0.2", "doesn't contain the estimate", "check signs"),
        ("syntheses", 2, "comparator", "borvanil 20 mg", "compared with itself", "name what it was compared with"),
        ("syntheses", 2, "k", "0", "must be above 0", "correct it"),
        # certainty
        ("certainty", 2, "level", "4", "not a number of levels to rate down by", "write 0, 1, 2 or 3"),
        ("certainty", 2, "level", "low", "not a number of levels to rate down by", "write 0, 1, 2 or 3"),
        ("certainty", 2, "domain", "precision", "not a word that the column knows", "did you mean 'imprecision'?"),
        ("certainty", 2, "when", "31.1.2026", "not of the form", "write it like 2026-01-31"),
        ("certainty", 2, "when", "2026-02-31", "no such day", "year-month-day"),
        ("certainty", 2, "comparison", "borvanil vs placebo", "not a comparison", "treatment v comparator"),
        ("certainty", 2, "comparison", "borvanol v placebo", "'borvanol' is no treatment's node", "mean 'borvanil'?"),
        ("certainty", 2, "comparison", "placebo v placebo", "compared with itself", "name what it was compared with"),
        # studies
        ("studies", 2, "year", "19", "must be from 1800 to 2100", "correct it"),
        ("studies", 2, "n_total", "0", "must be above 0", "correct it"),
    ],
)  # fmt: skip
def test_a_cell_that_can_not_be_true_is_an_error(
    tmp_path: Path, table: str, line: int, column: str, value: str, what: str, mend: str
) -> None:
    place, shown, said, mending = only(tmp_path, with_cell(table, line, column, value))
    assert (place, shown) == (f"{table}.csv:{line}:{column}", value)
    assert what in said
    assert mend in mending


def test_an_interval_must_contain_its_mean_even_when_one_limit_is_given(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_cell("arms", 2, "ci_low", "-3.1"))
    assert (place, value) == ("arms.csv:2:mean", "-3.2")
    assert what == "the interval (-3.1 to …) doesn't contain the mean"
    assert mend == "correct the mean or a limit; check signs and the log scale"


def test_a_measure_must_suit_the_type_of_its_outcome(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_cell("contrasts", 2, "outcome", "response >=50%"))
    assert (place, value, what) == ("contrasts.csv:2:measure", "MD", "MD doesn't measure a binary outcome")
    assert mend == "use OR, RR or RD, or name an outcome of the type that MD measures"


def test_an_overall_rating_is_a_certainty(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_cell("certainty", 2, "domain", "overall"))
    assert (place, value, what) == ("certainty.csv:2:level", "1", "not a certainty")
    assert mend == "write one of high, moderate, low, very low"
    tables = with_cell("certainty", 2, "domain", "overall")
    tables["certainty"][0]["level"] = "very low"
    assert problems_of(tmp_path, tables) == []


@pytest.mark.parametrize(
    ("measure", "estimate", "what"),
    [
        ("OR", "0", "a ratio (OR) must be above 0"),
        ("RR", "-0.2", "a ratio (RR) must be above 0"),
        ("RD", "12", "a risk difference must be from -1 to 1"),
    ],
)
def test_an_estimate_that_its_measure_can_not_have(tmp_path: Path, measure: str, estimate: str, what: str) -> None:
    contrast = {"outcome": "response >=50%", "measure": measure, "estimate": estimate, "ci_low": "", "ci_high": ""}
    assert only(tmp_path, with_row("contrasts", **contrast))[:3] == ("contrasts.csv:3:estimate", estimate, what)


@pytest.mark.parametrize(
    ("measure", "estimate"), [("I2 percent", "101"), ("I2 percent", "-1"), ("tau2", "-0.1"), ("rate ratio", "0")]
)
def test_a_published_number_that_can_not_be(tmp_path: Path, measure: str, estimate: str) -> None:
    row = {"measure": measure, "estimate": estimate, "ci_low": "", "ci_high": ""}
    assert only(tmp_path, with_row("syntheses", **row))[:2] == ("syntheses.csv:3:estimate", estimate)


@pytest.mark.parametrize("p", ["<0.001", ">0.05", "0.03", "0", "1", "1e-5"])
def test_p_values_as_printed_are_fine(tmp_path: Path, p: str) -> None:
    assert problems_of(tmp_path, with_cell("contrasts", 2, "p", p)) == []


def test_an_arm_without_size_or_spread_is_kept(tmp_path: Path) -> None:
    tables = with_cell("arms", 2, "n", "")
    tables["arms"][0]["sd"] = ""
    assert problems_of(tmp_path, tables) == []


# ------------------------------------------------------------------------------------------------------ repeated rows


@pytest.mark.parametrize("table", sorted(set(sound()) - {"set_aside"}))
def test_a_row_that_stands_twice_is_an_error(tmp_path: Path, table: str) -> None:
    place, _, what, mend = only(tmp_path, with_row(table))
    first, last = 2, len(sound()[table]) + 2
    assert place.startswith(f"{table}.csv:{last}")
    assert what == f"the row repeats row {first}"
    assert mend == "delete one of them"


def test_two_rows_for_one_arm_are_an_error_whatever_else_they_say(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_row("arms", mean="-3.1", timepoint_weeks="6.0"))
    assert (place, value) == ("arms.csv:6:study_id", "ash2001")
    assert what == "row 2 has the same study_id, outcome, scale, timepoint_weeks, treatment and dose but other cells"
    assert mend == "delete one of them, or correct what tells them apart"


def test_two_doses_are_two_arms(tmp_path: Path) -> None:
    assert problems_of(tmp_path, with_row("arms", dose="15 mg")) == []


# ----------------------------------------------------------------------------------------------- worth a second look


def test_an_arm_larger_than_its_study_is_worth_a_look(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_cell("arms", 2, "n", "81"), "warning")
    assert (place, value) == ("arms.csv:2:n", "81")
    assert what == "more participants than studies.csv gives the whole study (80)"
    assert mend == "correct one of the two"


def test_an_sd_below_its_standard_error_is_worth_a_look(tmp_path: Path) -> None:
    place, value, what, mend = only(tmp_path, with_cell("arms", 2, "se", "2.6"), "warning")
    assert (place, value) == ("arms.csv:2:sd", "2.5")
    assert what == "the SD is smaller than the standard error (2.5 < 2.6)"
    assert mend == "check whether the two are swapped"


@pytest.mark.parametrize("scale", ["", "WSS", "WSS, percent change", "wss items 1-7", "video"])
def test_a_scale_that_begins_with_an_instrument_of_the_outcome_is_known(tmp_path: Path, scale: str) -> None:
    assert problems_of(tmp_path, with_cell("contrasts", 2, "scale", scale)) == []


@pytest.mark.parametrize("scale", ["HAM-D", "WSX total"])
def test_a_scale_that_names_another_instrument_is_unknown(tmp_path: Path, scale: str) -> None:
    place, value, what, mend = only(tmp_path, with_cell("contrasts", 2, "scale", scale))
    assert (place, value, what) == ("contrasts.csv:2:scale", scale, "unknown scale for 'severity'")
    assert mend == "add it to the outcome's scales (WSS total; video count) or correct it"


def test_an_outcome_without_scales_takes_any(tmp_path: Path) -> None:
    tables = with_cell("outcomes", 2, "scales", "")
    tables["contrasts"][0]["scale"] = "HAM-D"
    assert problems_of(tmp_path, tables) == []


def test_a_comparison_rated_both_ways_round_is_rated_twice(tmp_path: Path) -> None:
    tables = sound()
    row = dict(tables["certainty"][0])
    treatment, comparator = row["comparison"].split(" v ")
    tables["certainty"].append(row | {"comparison": f"{comparator} v {treatment}"})
    place, _, what, mend = only(tmp_path, tables)
    assert place == f"certainty.csv:{len(tables['certainty']) + 1}:comparison"
    assert "the same comparison the other way round" in what
    assert mend == "delete one of the two"
