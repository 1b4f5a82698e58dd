"""Is V built as metafor's `vcalc` builds it? Reference values: metafor 3.8-1, tests/data/multilevel.json "vcalc"."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.synthesis.pairwise.sampling_covariance import sampling_covariance
from reference import CLOSED_FORM, agrees, reference

CASE = reference("multilevel")["vcalc"]
V = np.array([0.04, 0.05, 0.06, 0.07, 0.02, 0.03])
STUDY = [1, 1, 1, 1, 2, 2]
OUTCOME = list("aabbab")
SCALE = list("xyxyxx")
ARMS: dict[str, Any] = {"group1": list("tututt"), "group2": list("cccccc"), "outcome": OUTCOME, "rho": 0.5}
SIZES: dict[str, Any] = {"size1": [20, 30, 20, 30, 25, 25], "size2": [40, 40, 40, 40, 22, 22]}


def lower(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lower triangle, by columns, as R's ``V[lower.tri(V, diag = TRUE)]``."""
    return matrix.T[np.triu_indices(len(matrix))]


def test_outcomes_and_instruments() -> None:
    both = sampling_covariance(V, STUDY, outcome=OUTCOME, observation=SCALE, rho=(0.8, 0.5))
    agrees(lower(both), CASE["outcome"], CLOSED_FORM)
    few = [0, 1, 4]
    one = sampling_covariance(V[few], [1, 1, 2], observation=["x", "y", "x"], rho=0.6)
    agrees(lower(one), CASE["scale"], CLOSED_FORM)
    agrees(lower(sampling_covariance(V, STUDY, rho=0.6)), CASE["constant"], CLOSED_FORM)


def test_repeated_measurements() -> None:
    repeated = sampling_covariance(V, STUDY, outcome=OUTCOME, time1=[1, 2, 1, 3, 1, 1], rho=0.5, phi=0.8)
    agrees(lower(repeated), CASE["time"], CLOSED_FORM)
    change = sampling_covariance(
        [0.1, 0.2], [1, 1], group1=[1, 1], group2=[1, 1], time1=[2, 3], time2=[1, 1], phi=0.9
    )
    agrees(lower(change), CASE["within"], CLOSED_FORM)


def test_shared_arms() -> None:
    agrees(lower(sampling_covariance(V, STUDY, **ARMS, **SIZES)), CASE["arms"], CLOSED_FORM)
    agrees(lower(sampling_covariance(V, STUDY, **ARMS)), CASE["equal"], CLOSED_FORM)


def test_two_contrasts_with_one_control_of_equal_arms_are_correlated_by_a_half() -> None:
    shared = sampling_covariance([0.2, 0.2], ["s", "s"], group1=["a", "b"], group2=["c", "c"])
    assert_allclose(shared, [[0.2, 0.1], [0.1, 0.2]])


def test_swapping_the_groups_of_a_contrast_turns_its_covariances() -> None:
    one = sampling_covariance([0.2, 0.2], ["s", "s"], group1=["a", "b"], group2=["c", "c"])
    two = sampling_covariance([0.2, 0.2], ["s", "s"], group1=["a", "c"], group2=["c", "b"])
    assert_allclose(two[0, 1], -one[0, 1])


def test_subgroups_are_independent() -> None:
    known = sampling_covariance(V, STUDY, subgroup=list("ppqqpp"), rho=0.6)
    assert known[0, 2] == 0
    assert known[0, 1] > 0


def test_correlations_of_named_pairs() -> None:
    known = sampling_covariance(
        [1.0, 1.0, 1.0], [1, 1, 1], outcome=list("abc"), rho={("a", "b"): 0.3, ("b", "c"): 0.4, ("c", "a"): 0.5}
    )
    assert_allclose(known, [[1, 0.3, 0.5], [0.3, 1, 0.4], [0.5, 0.4, 1]])
    with pytest.raises(DataError, match="no correlation for 'a' with 'c'"):
        sampling_covariance([1.0, 1.0], [1, 1], outcome=["a", "c"], rho={("a", "b"): 0.3})


def test_impossible_input_says_so() -> None:
    with pytest.raises(DataError, match="need rho"):
        sampling_covariance(V, STUDY, outcome=OUTCOME)
    with pytest.raises(DataError, match="needs phi"):
        sampling_covariance(V, STUDY, time1=[1, 2, 1, 3, 1, 1])
    with pytest.raises(DataError, match="between -1 and 1"):
        sampling_covariance(V, STUDY, rho=1.2)
    with pytest.raises(DataError, match="cluster '1': the covariance of its 4 estimates isn't positive definite"):
        sampling_covariance(V, STUDY, observation=SCALE, rho=0.5)
    with pytest.raises(DataError, match="contrasts a condition with itself"):
        sampling_covariance([1.0], [1], group1=["a"], group2=["a"])
