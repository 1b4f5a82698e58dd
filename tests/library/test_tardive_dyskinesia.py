"""The shipped review holds what its evidence base holds: no number more, no row lost, nothing set aside let in."""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from functools import cache
from typing import Any
from urllib.parse import urlparse

import pytest

from equipoise import library

FOLDER = library.path("tardive-dyskinesia")
TABLES = {
    "studies": 156,
    "interventions": 93,
    "outcomes": 47,
    "arms": 140,
    "contrasts": 22,
    "syntheses": 90,
    "findings": 42,
    "mechanisms": 66,
    "safety": 91,
    "appraisal": 47,
    "set_aside": 19,
}
SOURCED = sorted(set(TABLES) - {"outcomes", "set_aside"})
STUDY_COLUMNS = {"study_id", "review_id", "includes"}


@cache
def rows(table: str) -> list[dict[str, str]]:
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def decisions() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "review.toml").read_text(encoding="utf-8"))


def one(table: str, /, **cells: str) -> dict[str, str]:
    found = [row for row in rows(table) if all(row[column] == value for column, value in cells.items())]
    assert len(found) == 1, (table, cells, len(found))
    return found[0]


def node(name: str) -> str:
    return one("interventions", name=name)["node"]


# ----------------------------------------------------------------------------------------------------- every row


@pytest.mark.parametrize(("table", "count"), TABLES.items())
def test_every_row_of_the_evidence_is_here(table: str, count: int) -> None:
    assert len(rows(table)) == count


@pytest.mark.parametrize("table", SOURCED)
def test_every_fact_says_where_it_was_seen(table: str) -> None:
    for row in rows(table):
        address = urlparse(row["source_url"])
        assert address.scheme in {"http", "https"}
        assert "." in address.netloc
        assert row["source_quality"] in {"primary", "official", "secondary", "low"}


@pytest.mark.parametrize("table", SOURCED)
def test_nothing_rests_on_a_blog_or_a_consumer_site(table: str) -> None:
    assert not {"blog", "consumer-site"} & {row["source_kind"] for row in rows(table)}


def test_only_three_rows_are_of_low_quality() -> None:
    low = [(table, row["study_id"]) for table in ("arms", "contrasts") for row in rows(table) if _is_low(row)]
    assert low == [("arms", "obrien2015-kinect2")] * 2 + [("contrasts", "kinect1-nct01688037")]
    assert not [row for table in set(SOURCED) - {"arms", "contrasts"} for row in rows(table) if _is_low(row)]


def _is_low(row: dict[str, str]) -> bool:
    return row["source_quality"] == "low"


# ---------------------------------------------------------------------------------------------------- what stays out


def test_a_study_that_is_set_aside_appears_nowhere_else() -> None:
    set_aside = {row["study_id"] for row in rows("set_aside") if row["table"] == "studies"}
    assert set_aside == {"jkinect-posthoc", "lohr1996-vitE", "richardson1999-bcaa"}
    used = {
        study
        for table in set(TABLES) - {"set_aside"}
        for row in rows(table)
        for column in STUDY_COLUMNS & set(row)
        for study in row[column].split("; ")
    }
    assert not set_aside & used
    grounds = "\n".join(ground for remark in remarks() for ground in remark["grounds"])
    assert not [study for study in set_aside if study in grounds]


def test_a_result_that_is_set_aside_is_in_no_analysis() -> None:
    cells = ("study_id", "outcome", "scale", "timepoint_weeks", "treatment")
    for table in ("arms", "contrasts"):
        kept = {tuple(row[cell] for cell in cells) for row in rows(table)}
        out = {tuple(row[cell] for cell in cells) for row in rows("set_aside") if row["table"] == table}
        assert out
        assert not kept & out


def test_what_is_set_aside_keeps_its_cells_and_a_reason() -> None:
    assert all(row["why"] for row in rows("set_aside"))
    assert one("set_aside", table="arms", study_id="richardson2003-bcaa")["mean"] == "-36.5"
    assert one("set_aside", table="safety", substance="valbenazine")["with"].startswith("severe renal impairment")


# --------------------------------------------------------------------------------------------------------- magnesium


def test_magnesium_has_no_place_in_any_network() -> None:
    nodes = {node(row["treatment"]) for row in rows("arms")}
    nodes |= {node(row[side]) for row in rows("contrasts") for side in ("treatment", "comparator")}
    assert not [name for name in nodes if "magnesium" in name]


def test_no_published_synthesis_is_passed_off_as_one_of_magnesium() -> None:
    assert not [row for row in rows("syntheses") if "magnesium" in row["treatment"]]


def test_magnesium_appears_through_findings_mechanisms_and_safety() -> None:
    assert {node(row["intervention"]) for row in rows("findings")} >= {"magnesium", "magnesium status"}
    assert "magnesium" in {row["intervention"] for row in rows("mechanisms")}
    assert "magnesium" in {row["substance"] for row in rows("safety")}


def test_observing_magnesium_is_not_giving_it() -> None:
    for name in ("magnesium status (not given)", "low calcium and magnesium diet"):
        row = one("interventions", name=name)
        assert row["node"] != "magnesium"
        assert row["related"] == "magnesium"


def test_a_lack_of_magnesium_is_not_magnesium() -> None:
    lacking = [row for row in rows("mechanisms") if "deficiency" in row["subject"] or "low " in row["subject"]]
    assert {row["subject"] for row in lacking} >= {"Mg2+ deficiency (Mg-free medium)", "low dietary magnesium"}
    assert all(not row["intervention"] for row in lacking)
    assert "magnesium" not in {row["subject_concept"] for row in lacking}


def test_magnesium_reaches_dyskinesia_only_where_the_sources_say_so() -> None:
    """NMDA block leads to the animal model; muscle acetylcholine and the Cav3.1 channel lead nowhere."""
    following: dict[str, set[str]] = defaultdict(set)
    for row in rows("mechanisms"):
        following[row["subject_concept"] or row["subject"]].add(row["object_concept"] or row["object"])
    assert "drug-induced dyskinesia (animal)" in following["NMDA receptor activity"]
    assert "NMDA receptor activity" in following["magnesium"]
    assert "tardive dyskinesia" not in following["magnesium"]
    assert "calcium influx" not in following["magnesium"]
    for dead_end in (
        "acetylcholine release at the nerve-muscle junction",
        "monovalent current of the Cav3.1 channel",
    ):
        assert dead_end in following["magnesium"]
        assert dead_end not in following


def test_catalepsy_is_not_dyskinesia() -> None:
    concepts = {row["object_concept"] for row in rows("mechanisms") if "catalepsy" in row["object"]}
    assert concepts == {"haloperidol-induced catalepsy (animal parkinsonism)"}
    assert "not of dyskinesia" in one("outcomes", outcome="catalepsy")["definition"]


# ----------------------------------------------------------------------------------------------- published numbers


@pytest.mark.parametrize(
    ("review", "treatment", "measure", "estimate", "low", "high"),
    [
        ("artukoglu2020-ma", "VMAT2 inhibitors", "SMD", -0.63, -0.85, -0.41),
        ("solmi2018-vmat2", "valbenazine", "SMD", -0.58, -0.91, -0.26),
        ("solmi2018-vmat2", "deutetrabenazine", "SMD", -0.40, -0.62, -0.19),
        ("artukoglu2020-ma", "vitamin B6", "SMD", -1.41, -1.85, -0.98),
        ("cochrane-b6-2015", "vitamin B6", "MD", -4.07, -6.36, -1.79),
        ("zheng2016-egb", "ginkgo EGb-761", "MD", -2.30, -3.04, -1.55),
        ("artukoglu2020-ma", "amantadine", "SMD", -0.46, -0.87, -0.05),
        ("artukoglu2020-ma", "vitamin E", "SMD", -0.31, -0.46, -0.16),
        ("sun2017-melatonin", "melatonin", "MD", -1.52, -3.24, 0.20),
    ],
)
def test_published_pooled_results_on_severity(
    review: str, treatment: str, measure: str, estimate: float, low: float, high: float
) -> None:
    row = one("syntheses", review_id=review, treatment=treatment, outcome="TD severity", measure=measure)
    assert row["comparator"] == "placebo"
    assert (float(row["estimate"]), float(row["ci_low"]), float(row["ci_high"])) == (estimate, low, high)


def test_a_limit_that_was_not_seen_stays_empty() -> None:
    row = one("syntheses", review_id="artukoglu2020-ma", treatment="calcium channel blockers")
    assert (row["estimate"], row["ci_low"], row["ci_high"]) == ("-0.31", "", "")


# ---------------------------------------------------------------------------------------- what the model adds


def test_the_pooled_safety_report_names_the_trials_that_it_pools() -> None:
    including = {row["study_id"]: row["includes"] for row in rows("studies") if row["includes"]}
    assert including == {"deutet-pooled-safety": "fernandez2017-armtd; anderson2017-aimtd"}


@pytest.mark.parametrize("table", ["arms", "contrasts"])
def test_crossover_trials_are_marked_except_where_the_first_period_is_given(table: str) -> None:
    for row in rows(table):
        crossover = one("studies", study_id=row["study_id"])["design"] == "rct-crossover"
        expected = crossover and row["study_id"] != "lerner2007-b6"
        assert ("crossover as parallel" in row["caution"]) == expected, row["study_id"]


def test_arm_sizes_are_marked_as_assumed_where_the_split_is() -> None:
    assumed = {
        row["study_id"]
        for table in ("arms", "contrasts")
        for row in rows(table)
        if "arm size assumed" in row["caution"]
    }
    assert assumed == {"chan2010-ris-olz", "khedr2019-rtms", "woods2008-levetiracetam", "lerner2007-b6"}


def test_a_bound_is_marked_as_one() -> None:
    for row in rows("contrasts"):
        assert row["p"].startswith("<") == ("p is a bound" in row["caution"])


def test_a_derived_number_says_how_it_was_derived() -> None:
    """ "assumed risk" in a note is Cochrane's term for the control group's risk, not an assumed arm size."""
    row = one("arms", study_id="kazamatsuri-tbz-hal", outcome="deterioration of TD", treatment="haloperidol")
    assert row["caution"] == "count derived"
    assert "assumed risk per 1000" in row["note"]
    for arm in rows("arms"):
        if "derived" in arm["note"]:
            assert "derived" in arm["caution"], arm


def test_a_class_is_marked_as_one() -> None:
    classes = {row["name"] for row in rows("interventions") if row["is_class"] == "true"}
    assert {"VMAT2 inhibitors", "benzodiazepines", "GABA agonists", "calcium channel blockers"} <= classes
    assert one("interventions", name="valbenazine")["class"] == one("interventions", name="VMAT2 inhibitors")["class"]
    assert not classes & {row["treatment"] for row in rows("arms")}


# --------------------------------------------------------------------------------------- the review's own words


def remarks() -> list[dict[str, Any]]:
    return [remark for kind in ("background", "conflict", "gap") for remark in decisions()[kind]]


def selected(ground: str) -> list[dict[str, str]]:
    table, _, conditions = ground.partition("?")
    found = rows(table)
    for condition in conditions.split("&"):
        column, _, value = condition.partition("=")
        found = [row for row in found if value in (row[column], *row[column].split("; "))]
    return found


def test_every_remark_rests_on_rows() -> None:
    for remark in remarks():
        assert remark["grounds"], remark["text"]
        for ground in remark["grounds"]:
            assert not ground.startswith("set_aside")
            assert selected(ground), ground


def test_every_remark_is_about_the_condition_or_a_treatment() -> None:
    nodes = {row["node"] for row in rows("interventions")} | {"condition"}
    for remark in remarks():
        assert set(remark["about"]) <= nodes, remark["about"]


def test_every_remark_is_short_and_plain() -> None:
    for remark in remarks():
        text = remark["text"]
        assert text.endswith(".")
        assert text.count(". ") <= 1 + text.count("p. "), text
        assert len(text) <= 330, text
        assert "—" not in text
        assert " - " not in text


@pytest.mark.parametrize(
    ("about", "studies"),
    [
        ("valbenazine", {"ismail2024-nma", "solmi2018-vmat2", "hauser2017-kinect3"}),
        ("deutetrabenazine", {"ismail2024-nma", "solmi2018-vmat2", "anderson2017-aimtd"}),
        ("valbenazine", {"kinect1-nct01688037"}),
        ("valbenazine", {"obrien2015-kinect2"}),
        ("vitamin E", {"ismail2024-nma", "artukoglu2020-ma", "cochrane-vitE-2018", "adler1999-vitE"}),
        ("ethyl-EPA", {"emsley2006-epa"}),
        ("condition", {"molpsych2024-nma"}),
        ("magnesium", {"attinger2025-thyromag", "mgso4-nifedipine-2005", "miyaue2023-mgo-levodopa"}),
        ("magnesium", {"loonen1992-diltiazem", "shen2019-mgt", "nct01804920-dserine", "medan2019-erythroMg"}),
    ],
)
def test_the_known_conflicts_between_sources_are_told(about: str, studies: set[str]) -> None:
    grounds = [ground for remark in decisions()["conflict"] if about in remark["about"] for ground in remark["grounds"]]
    told = {row.get("study_id") or row.get("review_id") for ground in grounds for row in selected(ground)}
    assert studies <= told


def test_the_upper_limits_of_vitamin_b6_are_told_side_by_side() -> None:
    (text,) = [remark["text"] for remark in decisions()["conflict"] if "upper limit" in remark["text"]]
    assert "100 mg" in text
    assert "12 mg" in text


def test_the_absence_of_trials_of_magnesium_is_told_first() -> None:
    first = next(remark for remark in decisions()["gap"] if "magnesium" in remark["about"])
    assert first["text"].startswith("No controlled trial of magnesium")
    assert "Untested does not mean ineffective" in first["text"]


def test_every_analysis_has_data() -> None:
    analyses = decisions()["analysis"]
    assert [analysis["outcome"] for analysis in analyses if analysis.get("primary")] == ["TD severity"]
    measured = {row["outcome"] for table in ("arms", "contrasts") for row in rows(table)}
    for analysis in analyses:
        outcome = one("outcomes", outcome=analysis["outcome"])
        assert outcome["outcome"] in measured
        assert analysis["measure"] == ("SMD" if outcome["type"] == "continuous" else "RR")
        assert analysis["smallest_important_difference"] == (0.2 if outcome["type"] == "continuous" else 1.25)
        assert analysis["why"]


def test_failure_and_response_are_analysed_apart() -> None:
    for analysis in decisions()["analysis"]:
        failure = one("outcomes", outcome=analysis["outcome"])["lower_is_better"]
        reported = {row["lower_is_better"] for row in rows("arms") if row["outcome"] == analysis["outcome"]}
        assert reported <= {failure}
