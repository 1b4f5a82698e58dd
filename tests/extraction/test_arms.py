"""Are combined arms what the people in them would have given, and split arms a fair share?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from equipoise.errors import DataError
from equipoise.extraction.arms import (
    ContinuousArm,
    CountArm,
    combine_continuous,
    combine_counts,
    split_continuous,
    split_counts,
)


@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(2, 40), min_size=2, max_size=5))
def test_combined_arms_have_the_mean_and_sd_of_all_their_people(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    people = [rng.normal(rng.normal(), 1 + i, n) for i, n in enumerate(sizes)]
    combined = combine_continuous([ContinuousArm(len(p), float(p.mean()), float(p.std(ddof=1))) for p in people])
    everybody = np.concatenate(people)
    assert combined.n.value == len(everybody)
    assert_allclose(combined.mean.value, everybody.mean(), rtol=1e-9, atol=1e-12)
    assert_allclose(combined.sd.value, everybody.std(ddof=1), rtol=1e-9)


def test_two_arms_give_the_handbooks_formula() -> None:
    """Cochrane Handbook, table 6.5.a, for n = 20 and 30, means 5 and 7, SDs 2 and 3."""
    sd = np.sqrt((19 * 4 + 29 * 9 + 20 * 30 / 50 * (25 + 49 - 2 * 35)) / 49)
    combined = combine_continuous([ContinuousArm(20, 5, 2), ContinuousArm(30, 7, 3)])
    assert_allclose(combined.sd.value, sd, rtol=1e-12)
    assert combined.mean.inputs == {"n1": 20, "mean1": 5, "sd1": 2, "n2": 30, "mean2": 7, "sd2": 3}


def test_counts_add_up_and_split_evenly() -> None:
    assert combine_counts([CountArm(20, 3), CountArm(30, 5)]) == CountArm(50, 8)
    assert split_counts(CountArm(50, 5), 2) == CountArm(25, 2.5)
    assert split_continuous(ContinuousArm(50, 3.0, 1.5), 2) == ContinuousArm(25, 3.0, 1.5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="at least two arms"):
        combine_continuous([ContinuousArm(20, 5, 2)])
    with pytest.raises(DataError, match="can't be negative"):
        combine_continuous([ContinuousArm(20, 5, 2), ContinuousArm(20, 5, -2)])
    with pytest.raises(DataError, match="9 events among 8 people"):
        combine_counts([CountArm(8, 9), CountArm(20, 3)])
    with pytest.raises(DataError, match="a split makes at least two"):
        split_counts(CountArm(8, 1), 1)
    with pytest.raises(DataError, match="1 people can't be split into 2"):
        split_continuous(ContinuousArm(1, 5, 2), 2)
