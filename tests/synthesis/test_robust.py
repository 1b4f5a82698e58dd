"""Does cluster-robust inference agree with the R packages clubSandwich and metafor?

Reference values: clubSandwich 0.5.8 and metafor 3.8-1, calls in tests/data/robust.json, written by
validation/metafor/robust.R.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from datasets import BCG, PERIODONTAL, SCHOOL_CALENDAR
from datasets_more import column, log_risk_ratio
from equipoise.errors import DataError
from equipoise.synthesis.pairwise.multilevel import Multilevel, multilevel
from equipoise.synthesis.pairwise.pooling import pool
from equipoise.synthesis.pairwise.random_effects import nested, structured
from equipoise.synthesis.pairwise.regression import MetaRegression, meta_regression
from equipoise.synthesis.pairwise.robust import KINDS, robust
from reference import ITERATIVE, agrees, reference

CASES = reference("robust")
Y, V = log_risk_ratio(BCG)
AUTHOR = [1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 10, 10, 10]


def schools() -> Multilevel:
    X = np.column_stack([np.ones(56), (column(SCHOOL_CALENDAR, "year") - 1990) / 10])
    y, v = column(SCHOOL_CALENDAR, "yi"), column(SCHOOL_CALENDAR, "vi")
    return multilevel(y, v, X, random=nested(SCHOOL_CALENDAR["district"], SCHOOL_CALENDAR["school"]))


def periodontal() -> Multilevel:
    rows = np.column_stack([column(PERIODONTAL, "v1i"), column(PERIODONTAL, "v2i")])
    known = np.zeros((10, 10))
    for start in range(0, 10, 2):
        known[start : start + 2, start : start + 2] = rows[start : start + 2]
    X = np.array([[outcome == "AL", outcome == "PD"] for outcome in PERIODONTAL["outcome"]], dtype=float)
    term = structured(PERIODONTAL["outcome"], PERIODONTAL["trial"], "CS")
    return multilevel(column(PERIODONTAL, "yi"), known, X, random=term)


def latitude() -> MetaRegression:
    return meta_regression(Y, V, formula="ablat", data=BCG)


FITS: dict[str, tuple[Callable[[], MetaRegression | Multilevel], Any, list[int]]] = {
    "bcg rows": (lambda: meta_regression(Y, V, formula="ablat + alloc", data=BCG), list(range(13)), [2, 3]),
    "bcg authors": (latitude, AUTHOR, [0, 1]),
    "schools": (schools, SCHOOL_CALENDAR["district"], [0, 1]),
    "periodontal": (periodontal, PERIODONTAL["trial"], [0, 1]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(FITS))
def test_standard_errors_degrees_of_freedom_and_joint_tests(name: str, kind: str) -> None:
    case = CASES[f"{name} {kind}"]
    make, cluster, columns = FITS[name]
    result = robust(make(), cluster, kind=kind)
    agrees(result.covariance.ravel(), case["covariance"], ITERATIVE, 1e-12)
    agrees(result.se, case["se"], ITERATIVE)
    agrees(result.df, case["df"], ITERATIVE)
    agrees(result.p_value, case["p_value"], 1e-5)
    joint = result.test(columns)
    agrees([joint.statistic, joint.df2], [case["f"], case["df2"]], ITERATIVE)
    agrees(joint.p_value, case["f_p"], 1e-5)


def test_the_default_of_metafor() -> None:
    case = CASES["metafor robust"]
    fit = meta_regression(Y, V, formula="ablat + alloc", data=BCG)
    result = robust(fit, range(13), kind="CR1p", df="residual")
    agrees(result.se, case["se"], ITERATIVE)
    agrees(result.p_value, case["p_value"], ITERATIVE)
    agrees(result.ci[:, 0], case["ci_low"], ITERATIVE)
    joint = result.test([1, 2, 3])
    agrees([joint.statistic, joint.p_value], [case["qm"], case["qm_p"]], ITERATIVE)


def test_a_pooled_mean() -> None:
    case = CASES["metafor robust mean"]
    result = robust(pool(Y, V), AUTHOR, kind="CR1p", df="residual")
    agrees([result.se[0], result.p_value[0]], [case["se"], case["p_value"]], ITERATIVE)


@settings(max_examples=20)
@given(st.permutations(range(13)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    one = robust(latitude(), AUTHOR)
    data = {"ablat": [BCG["ablat"][i] for i in order]}
    two = robust(meta_regression(Y[order], V[order], formula="ablat", data=data), [AUTHOR[i] for i in order])
    assert_allclose(one.se, two.se, rtol=1e-7)
    assert_allclose(one.df, two.df, rtol=1e-7)


def test_clusters_that_cut_through_random_effects_are_refused() -> None:
    with pytest.raises(DataError, match="cluster on the outermost level"):
        robust(schools(), SCHOOL_CALENDAR["study"])


def test_too_few_clusters() -> None:
    with pytest.raises(DataError, match="one cluster only"):
        robust(latitude(), ["a"] * 13)
    with pytest.raises(DataError, match="2 clusters can't support 2 coefficients"):
        robust(latitude(), ["a"] * 6 + ["b"] * 7, kind="CR1p")
    joint = robust(meta_regression(Y, V, formula="ablat + year", data=BCG), ["a"] * 6 + ["b"] * 7).test([0, 1, 2])
    assert np.isnan(joint.statistic)
    assert np.isnan(joint.p_value)


def test_few_degrees_of_freedom_are_said_to_be_doubtful() -> None:
    result = robust(latitude(), BCG["alloc"])
    assert result.doubtful.all()
    assert "can't be trusted" in result.summary()
    assert list(result.to_frame()["term"]) == ["intercept", "ablat"]
