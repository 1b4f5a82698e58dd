"""Does `effect_sizes` read arm data in every form, say what it changed and left out, and refuse what can't be?"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from datasets import BCG, CATHETERS, STROKE_STAY
from equipoise.errors import DataError
from equipoise.synthesis.measures.effect_sizes import effect_sizes

PAIRS: dict[str, Any] = {"events": ("events1", "events2"), "n": ("n1", "n2")}


def long(table: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """A wide two-group table of counts as one row an arm."""
    rows: dict[str, list[Any]] = {"study": [], "arm": [], "r": [], "n": []}
    for i, study in enumerate(table["study"]):
        for arm, group in (("vaccine", "1"), ("control", "2")):
            rows["study"].append(study)
            rows["arm"].append(arm)
            rows["r"].append(table[f"events{group}"][i])
            rows["n"].append(table[f"n{group}"][i])
    return rows


@pytest.mark.parametrize(
    "make", [dict, pl.DataFrame, lambda table: pl.DataFrame(table).to_arrow()], ids=["mapping", "polars", "pyarrow"]
)
def test_wide_and_long_tables_of_any_library_give_the_same(make: Any) -> None:
    wide = effect_sizes(make(BCG), measure="OR", study="study", **PAIRS)
    arms = effect_sizes(make(long(BCG)), measure="OR", study="study", treatment="arm", events="r", n="n")
    assert wide.studies == arms.studies
    assert_allclose(arms.estimates, wide.estimates, rtol=1e-15)
    assert set(arms.comparators) == {"control"}


def test_the_reference_sets_the_direction_of_long_arms() -> None:
    named: dict[str, Any] = {"measure": "RR", "study": "study", "treatment": "arm", "events": "r", "n": "n"}
    one = effect_sizes(long(BCG), reference="control", **named)
    other = effect_sizes(long(BCG), reference="vaccine", **named)
    assert_allclose(one.estimates, -other.estimates)


def test_non_events_stand_in_for_sizes() -> None:
    data = {**BCG, "neg1": [n - r for n, r in zip(BCG["n1"], BCG["events1"], strict=True)]}
    data["neg2"] = [n - r for n, r in zip(BCG["n2"], BCG["events2"], strict=True)]
    one = effect_sizes(data, measure="OR", events=("events1", "events2"), non_events=("neg1", "neg2"))
    assert_allclose(one.estimates, effect_sizes(BCG, measure="OR", **PAIRS).estimates, rtol=1e-15)


def test_multi_arm_studies_come_with_their_covariance() -> None:
    data = {
        "study": ["A", "A", "A", "B", "B"],
        "arm": ["high", "low", "placebo", "high", "placebo"],
        "mean": [5.0, 4.0, 3.0, 6.0, 4.0],
        "sd": [2.0, 2.0, 3.0, 2.0, 2.0],
        "n": [20, 25, 30, 40, 40],
    }
    named: dict[str, Any] = {
        "study": "study",
        "treatment": "arm",
        "reference": "placebo",
        "mean": "mean",
        "sd": "sd",
        "n": "n",
    }
    md = effect_sizes(data, measure="MD", **named)
    assert md.studies == ("A", "A", "B")
    assert md.treatments == ("high", "low", "high")
    assert md.shared is not None
    assert_allclose(md.covariance, [[0.5, 0.3, 0], [0.3, 0.46, 0], [0, 0, 0.2]], rtol=1e-12)
    smd = effect_sizes(data, measure="SMD", **named)
    g = smd.estimates
    assert_allclose(smd.covariance[0, 1], 1 / 30 + g[0] * g[1] / (2 * 75), rtol=1e-12)
    assert smd.covariance[0, 2] == 0


def test_two_group_studies_have_a_diagonal_covariance() -> None:
    es = effect_sizes(BCG, measure="OR", **PAIRS)
    assert es.shared is None
    assert_allclose(es.covariance, np.diag(es.variances))


def test_changes_for_zero_cells_are_reported() -> None:
    es = effect_sizes(CATHETERS, measure="OR", study="study", **PAIRS)
    changed = [
        s
        for s, a, c in zip(CATHETERS["study"], CATHETERS["events1"], CATHETERS["events2"], strict=True)
        if not a or not c
    ]
    assert [change.study for change in es.zero_cells] == changed
    assert {change.added for change in es.zero_cells} == {0.5}
    assert es.arms is not None
    assert_allclose(es.arms.columns["events1"], CATHETERS["events1"])  # as they were given


def test_a_zero_in_one_arm_changes_all_arms_of_its_study() -> None:
    data = {"s": ["A"] * 3, "t": ["x", "y", "p"], "r": [0, 4, 6], "n": [20, 20, 20]}
    es = effect_sizes(data, measure="OR", study="s", treatment="t", reference="p", events="r", n="n")
    assert_allclose(es.variances[1], 1 / 4.5 + 1 / 16.5 + 1 / 6.5 + 1 / 14.5, rtol=1e-12)
    assert [change.study for change in es.zero_cells] == ["A"]


def test_what_is_left_out_comes_with_its_reason() -> None:
    data = {
        "study": ["fine", "no mean", "negative", "tiny"],
        "m1": [5.0, None, -2.0, 5.0],
        "m2": [4.0, 4.0, 4.0, 4.0],
        "s1": [1.0, 1.0, 1.0, 1.0],
        "s2": [1.0, 1.0, 1.0, 1.0],
        "n1": [20, 20, 20, 20],
        "n2": [20, 20, 20, 20],
    }
    es = effect_sizes(data, measure="ROM", study="study", mean=("m1", "m2"), sd=("s1", "s2"), n=("n1", "n2"))
    assert es.studies == ("fine", "tiny")
    assert dict(es.left_out) == {
        "no mean": "mean missing, treated group",
        "negative": "the measure isn't defined for these numbers",
    }


def test_studies_without_the_reference_arm_are_left_out() -> None:
    data = {"s": ["A", "A", "B", "B", "C"], "t": ["x", "p", "x", "y", "p"], "r": [1, 2, 3, 4, 5], "n": [9] * 5}
    es = effect_sizes(data, measure="RD", study="s", treatment="t", reference="p", events="r", n="n")
    assert es.studies == ("A",)
    assert dict(es.left_out) == {"B": "no p arm", "C": "only a p arm"}


def test_double_zero_studies_stay_unless_drop00_says_otherwise() -> None:
    data = {"s": ["A", "B"], "a": [0, 3], "c": [0, 5], "m": [10, 10], "n": [10, 10]}
    named: dict[str, Any] = {"measure": "OR", "study": "s", "events": ("a", "c"), "n": ("m", "n")}
    assert effect_sizes(data, **named).studies == ("A", "B")
    dropped = effect_sizes(data, drop00=True, **named)
    assert dropped.studies == ("B",)
    assert dropped.left_out[0].study == "A"
    assert dropped.zero_cells == ()


def test_standard_errors_entered_as_sds_are_noticed() -> None:
    data = {**STROKE_STAY, "sd1": [s / 12 for s in STROKE_STAY["sd1"]], "sd2": [s / 12 for s in STROKE_STAY["sd2"]]}
    es = effect_sizes(data, measure="SMD", study="study", mean=("mean1", "mean2"), sd=("sd1", "sd2"), n=("n1", "n2"))
    assert any("standard errors entered as SDs" in note for note in es.notes)


def test_the_frame_lists_the_comparisons() -> None:
    frame = effect_sizes(long(BCG), measure="OR", study="study", treatment="arm", events="r", n="n").to_frame()
    assert list(frame.columns) == ["study", "treatment", "comparator", "estimate", "variance", "se"]
    assert len(frame) == 13


WRONG = [
    (
        {"events": ("a", "c"), "n": ("m", "n"), "measure": "OR"},
        {"a": [11]},
        r"A, treated group: events = 11: more events than people",
    ),
    (
        {"events": ("a", "c"), "n": ("m", "n"), "measure": "OR"},
        {"c": [-1]},
        r"A, comparator group: events = -1: a count can't be negative",
    ),
    (
        {"events": ("a", "c"), "n": ("m", "n"), "measure": "OR"},
        {"n": [0]},
        r"A, comparator group: n = 0: must be above 0",
    ),
    ({"events": ("a", "zz"), "n": ("m", "n"), "measure": "OR"}, {}, r"no column 'zz'"),
    ({"events": ("a", "c"), "measure": "OR"}, {}, r"OR needs events, n; name the columns of n"),
    ({"events": "a", "n": ("m", "n"), "measure": "OR"}, {}, r"say events=\(treated, comparator\)"),
    ({"events": ("a", "c"), "n": ("m", "n"), "measure": "OR", "variance": "UB"}, {}, r"OR has no variance 'UB'"),
    ({"events": ("a", "c"), "n": ("m", "n"), "measure": "OR", "to": "some"}, {}, r"to='some' isn't known"),
    ({"events": ("a", "c"), "n": ("m", "n"), "measure": "OR", "add": -1.0}, {}, r"add=-1.0"),
    ({"r": "a", "n": "m", "measure": "ZCOR"}, {"a": [1.5]}, r"A: r = 1.5: a correlation lies between"),
    ({"events": ("a", "s"), "n": ("m", "n"), "measure": "OR"}, {}, r"column 's', row 1: .*'A'.* is not a number"),
    ({"estimate": "a", "measure": "OR"}, {}, r"estimate= needs se="),
    ({"estimate": "a", "ci_low": "m", "ci_high": "c", "measure": "OR"}, {}, r"A: m = 10 is above c = 2"),
    (
        {"estimate": "a", "se": "c", "measure": "PLO"},
        {},
        r"published estimates are read for differences and ratios only",
    ),
]


@pytest.mark.parametrize(("arguments", "change", "message"), WRONG, ids=[w[2] for w in WRONG])
def test_what_cannot_be_is_refused_with_the_study_named(
    arguments: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    data = {"s": ["A"], "a": [1], "c": [2], "m": [10], "n": [10]} | change
    with pytest.raises(DataError, match=message):
        effect_sizes(data, study="s", **arguments)


def test_long_arms_refuse_duplicates_and_unknown_references() -> None:
    data = {"s": ["A", "A", "A"], "t": ["x", "p", "p"], "r": [1, 2, 3], "n": [9, 9, 9]}
    named: dict[str, Any] = {"measure": "OR", "study": "s", "treatment": "t", "events": "r", "n": "n"}
    with pytest.raises(DataError, match=r"A: two rows for 'p' \(the second is row 3\)"):
        effect_sizes(data, **named)
    with pytest.raises(DataError, match=r"no arm has the reference 'q'; the treatments are x, p"):
        effect_sizes(data, reference="q", **named)
    three = {"s": ["A", "A", "A"], "t": ["x", "y", "p"], "r": [1, 2, 3], "n": [9, 9, 9]}
    with pytest.raises(DataError, match=r"say which treatment is the comparator: reference= one of x, y, p"):
        effect_sizes(three, **named)
