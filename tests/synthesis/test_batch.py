"""Does `pool_many` give what `pool` gives analysis by analysis, ragged or not, and refuse what `pool` refuses?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from equipoise.errors import DataError
from equipoise.synthesis.pairwise import batch
from equipoise.synthesis.pairwise.batch import PooledMany, pool_many
from equipoise.synthesis.pairwise.heterogeneity import METHODS
from equipoise.synthesis.pairwise.pooling import pool

rng = np.random.default_rng(20)
N, K = 60, 8
V = 10 ** rng.uniform(-3, 2, (N, K))
Y = rng.normal(size=(N, 1)) + rng.normal(size=(N, K)) * np.sqrt(V + rng.choice([0, 0.3], (N, 1)))
MASK = rng.random((N, K)) < 0.6
MASK[0] = False
MASK[1] = [True] + [False] * (K - 1)


def one_by_one(mask: Any, **options: Any) -> list[Any]:
    """`pool` on each analysis in turn, None where it has no study."""
    results = []
    for i in range(N):
        here = np.ones(K, bool) if mask is None else mask[i]
        chosen = {key: (value[i][here] if key == "weights" else value) for key, value in options.items()}
        results.append(pool(Y[i][here], V[i][here], **chosen) if here.any() else None)
    return results


def assert_same(many: PooledMany, single: list[Any]) -> None:
    """Every number of the batch is that of the analysis on its own."""
    low, high = many.prediction()
    for i, one in enumerate(single):
        if one is None:
            assert np.isnan([many.estimate[i], many.se[i], many.tau2[i], many.q[i], many.i2[i], many.p_value[i]]).all()
            continue
        ours = [
            many.estimate[i],
            many.se[i],
            many.ci_low[i],
            many.ci_high[i],
            many.p_value[i],
            many.tau2[i],
            many.q[i],
        ]
        theirs = [one.estimate, one.se, *one.ci, one.p_value, one.tau2, one.q]
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        assert_allclose([many.q_p[i], many.i2[i], many.h2[i]], [one.q_p, one.i2, one.h2], rtol=1e-8, atol=1e-8)
        assert_allclose([low[i], high[i]], one.prediction, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ci", ["z", "t", "hksj", "hksj-floored"])
@pytest.mark.parametrize("method", ["CE", *METHODS])
@pytest.mark.parametrize("mask", [None, MASK], ids=["full", "ragged"])
def test_a_batch_equals_its_analyses_one_by_one(mask: Any, method: str, ci: str) -> None:
    assert_same(pool_many(Y, V, mask, method=method, ci=ci), one_by_one(mask, method=method, ci=ci))


def test_stated_weights_are_used_analysis_by_analysis() -> None:
    many = pool_many(Y, V, MASK, method="GENQ", weights=1 / np.sqrt(V))
    single = one_by_one(MASK, method="GENQ", weights=1 / np.sqrt(V))
    assert_allclose(many.tau2[2:], [one.tau2 for one in single[2:]], rtol=1e-9, atol=1e-12)


def test_q_profile_intervals_equal_those_of_the_analyses() -> None:
    low, high = pool_many(Y, V, MASK).tau2_interval()
    for i, one in enumerate(one_by_one(MASK)):
        expected = (np.nan, np.nan) if one is None else one.tau2_ci
        assert_allclose([low[i], high[i]], expected, rtol=1e-9, atol=1e-12)


def test_missing_values_count_as_absent() -> None:
    holes = np.where(MASK, Y, np.nan)
    assert_allclose(pool_many(holes, V).estimate, pool_many(Y, V, MASK).estimate, rtol=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pool_many(Y, V, MASK)
    monkeypatch.setattr(batch, "_BLOCK", 5 * K)
    parts = pool_many(Y, V, MASK)
    assert_allclose(parts.tau2, whole.tau2, rtol=1e-12, atol=1e-15)
    assert_allclose(parts.estimate, whole.estimate, rtol=1e-12)


@given(seed=st.integers(0, 500), spread=st.floats(0, 6))
def test_several_maxima_are_told_apart_in_a_batch_too(seed: int, spread: float) -> None:
    """Variances that differ by up to six orders of magnitude make some likelihoods bimodal."""
    draw = np.random.default_rng(seed)
    v = 10 ** draw.uniform(0, spread, (40, 4))
    y = draw.normal(size=(40, 4)) * np.sqrt(v)
    for method in ("ML", "REML"):
        assert_allclose(
            pool_many(y, v, method=method).tau2,
            [pool(y[i], v[i], method=method).tau2 for i in range(40)],
            rtol=1e-7,
            atol=1e-9,
        )


def test_the_frame_has_a_row_an_analysis() -> None:
    frame = pool_many(Y, V).to_frame()
    assert len(frame) == N
    assert list(frame.columns) == ["k", "estimate", "se", "ci_low", "ci_high", "p_value", "tau2", "q", "q_p", "i2"]


def test_what_cannot_be_pooled_is_refused_with_its_place() -> None:
    bad = V.copy()
    bad[7, 3] = 0.0
    with pytest.raises(DataError, match=r"analysis 7, study 3 \(counted from 0\): .* sampling variance 0"):
        pool_many(Y, bad)
    infinite = Y.copy()
    infinite[2, 1] = np.inf
    with pytest.raises(DataError, match=r"analysis 2, study 1"):
        pool_many(infinite, V)
    with pytest.raises(DataError, match=r"both need to be \(n, k\)"):
        pool_many(Y[0], V[0])
    with pytest.raises(DataError, match=r"the mask has shape"):
        pool_many(Y, V, MASK[:, :3])
    with pytest.raises(DataError, match=r"unknown method: 'XX'; known are CE, DL"):
        pool_many(Y, V, method="XX")
    with pytest.raises(DataError, match=r"GENQ needs weights"):
        pool_many(Y, V, method="GENQ")
    with pytest.raises(DataError, match=r"GENQM has no vectorised form"):
        pool_many(Y, V, method="GENQM", weights=1 / V)


def test_no_analyses_are_an_empty_result() -> None:
    assert pool_many(np.empty((0, 5)), np.empty((0, 5))).estimate.shape == (0,)
