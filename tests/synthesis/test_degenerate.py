"""Has every degenerate set of studies a defined result, or an error that says what to do?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

from equipoise.errors import DataError
from equipoise.synthesis.measures.effect_sizes import effect_sizes
from equipoise.synthesis.pairwise.heterogeneity import METHODS, tau2
from equipoise.synthesis.pairwise.pooling import pool

CI = ["z", "t", "hksj", "hksj-floored"]


@pytest.mark.parametrize("ci", CI)
@pytest.mark.parametrize("method", ["CE", *METHODS])
def test_one_study_is_its_own_result(method: str, ci: str) -> None:
    """metafor: rma(1, 0.25) gives the study with tau^2 = 0, Q = 0, I^2 = 0, H^2 = 1 and the normal distribution."""
    one = pool([1.0], [0.25], method=method, ci=ci)
    assert (one.estimate, one.se, one.tau2, one.q, one.q_p, one.i2, one.h2) == (1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 1.0)
    assert_allclose(one.ci, (1 - 0.98, 1 + 0.98), atol=1e-4)
    assert np.isnan(one.prediction).all()
    assert np.isnan(one.tau2_ci).all()
    if method != "CE":
        assert any("one study" in note for note in one.warnings)


@pytest.mark.parametrize("method", METHODS)
def test_two_studies_have_every_result(method: str) -> None:
    two = pool([0.0, 2.0], [0.5, 0.5], method=method, ci="hksj")
    assert_allclose(two.estimate, 1.0)
    assert two.df == 1
    assert np.isfinite(two.ci).all()
    assert np.isfinite(two.prediction).all()
    assert np.isnan(pool([0.0, 2.0], [0.5, 0.5], prediction="HTS").prediction).all()  # t with 0 degrees of freedom


@pytest.mark.parametrize("method", ["DL", "HE", "REML", "PM"])
def test_two_equal_variances_have_the_textbook_answer(method: str) -> None:
    """(y₁ − y₂)²/2 − v: the unbiased variance of two numbers less their sampling variance."""
    assert_allclose(tau2([0.0, 2.0], [0.5, 0.5], method=method).value, 1.5, rtol=1e-9)


@pytest.mark.parametrize("ci", CI)
@pytest.mark.parametrize("method", ["CE", *METHODS])
def test_identical_studies_have_no_heterogeneity(method: str, ci: str) -> None:
    same = pool([0.3] * 5, [0.1] * 5, method=method, ci=ci)
    assert_allclose(same.estimate, 0.3, rtol=1e-14)
    assert same.tau2 == 0
    assert same.i2 == 0
    assert_allclose(same.q, 0, atol=1e-25)
    if ci == "hksj":
        assert_allclose(same.se, 0, atol=1e-15)
        assert any("makes the standard error smaller" in note for note in same.warnings)
    else:
        assert_allclose(same.se, np.sqrt(0.02), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_boundary_is_exactly_zero_and_says_so(method: str) -> None:
    result = tau2([0.1, 0.12, 0.08, 0.11], [0.2, 0.3, 0.25, 0.4], method=method)
    if method == "SJ":  # never 0 unless the studies are identical
        assert 0 < result.value < 1e-3
        assert not result.boundary
    else:
        assert result.value == 0.0
        assert result.boundary


@pytest.mark.parametrize("method", ["CE", *METHODS])
def test_variances_a_million_million_apart_lose_no_digits(method: str) -> None:
    """The precise study alone decides where τ² = 0; each result equals that of exact rational arithmetic."""
    y, v = np.array([1.0, 1.2, 0.7, 1.4]), np.array([1e-6, 1e6, 2e6, 3e6])
    result = pool(y, v, method=method)
    assert_allclose(result.estimate, 1.0, rtol=1e-6)
    assert np.isfinite([result.se, result.tau2, result.q, result.i2, *result.ci]).all()
    assert_allclose(result.q, ((y - 1.0) ** 2 / v).sum(), rtol=1e-6)
    assert any("times the smallest" in note for note in result.warnings)
    assert any("all but that study's" in note for note in result.warnings)


def test_a_dominating_study_does_not_hide_heterogeneity() -> None:
    """Where imprecise studies disagree with a precise one by more than they can, τ² must see it: DerSimonian and
    Laird from the definition, in exact rational arithmetic."""
    y = [Fraction(x) for x in (0, 5, -4, 6)]
    v = [Fraction(x) for x in ("1/1000000000000", "1", "2", "3")]
    w = [1 / x for x in v]
    total = sum(w)
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / total
    q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
    exact = (q - 3) / (total - sum(a * a for a in w) / total)
    assert_allclose(tau2([float(b) for b in y], [float(x) for x in v], method="DL").value, float(exact), rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_one_study_with_nearly_all_the_weight_is_named(method: str) -> None:
    result = pool([0.2, 0.25, 0.1], [1e-6, 1.0, 1.0], method=method, studies=["ISIS-4", "A", "B"])
    if result.tau2 < 1e-5:
        assert any(note.startswith(("ISIS-4 has 99.", "ISIS-4 has 100")) for note in result.warnings)
    assert np.isfinite([result.estimate, result.se]).all()


def test_missing_values_are_left_out_and_listed() -> None:
    result = pool([0.1, np.nan, 0.3, 0.2], [0.1, 0.1, np.nan, 0.2], studies=["A", "B", "C", "D"])
    assert result.studies == ("A", "D")
    assert dict(result.left_out) == {"B": "no estimate", "C": "no sampling variance"}
    assert "Left out: B (no estimate)" in result.summary()


def test_weights_of_studies_that_are_left_out_go_with_them() -> None:
    result = pool([0.1, np.nan, 0.3], [0.1, 0.1, 0.1], weights=[1.0, 5.0, 3.0])
    assert_allclose(result.estimate, (0.1 + 0.9) / 4, rtol=1e-12)


@pytest.mark.parametrize(("variance", "said"), [(0.0, "variance 0"), (-1.0, "variance -1"), (np.inf, "variance inf")])
def test_variances_that_cannot_be_are_refused_by_name(variance: float, said: str) -> None:
    with pytest.raises(
        DataError, match=rf"Study 2: estimate 0.2 with sampling {said}; .* Correct it, or leave the study out"
    ):
        pool([0.1, 0.2], [0.1, variance])


def test_nothing_to_pool_is_said() -> None:
    with pytest.raises(DataError, match="there is nothing to pool"):
        pool([np.nan], [0.1])
    with pytest.raises(DataError, match="there is nothing to pool"):
        pool([], [])


def test_shapes_and_words_are_refused() -> None:
    with pytest.raises(DataError, match=r"both need to be \(k,\)"):
        pool([0.1, 0.2], [0.1])
    with pytest.raises(DataError, match="numbers are needed"):
        pool(["a", "b"], [0.1, 0.2])
    with pytest.raises(DataError, match="variances are needed"):
        pool([0.1, 0.2])


def test_studies_without_any_events_stay_uninformative_or_go() -> None:
    data = {"a": [0, 0, 3], "c": [0, 0, 5], "m": [50, 60, 40], "n": [50, 60, 40]}
    columns = {"measure": "OR", "events": ("a", "c"), "n": ("m", "n")}
    kept = pool(effect_sizes(data, **columns))  # type: ignore[arg-type]
    assert kept.k == 3
    dropped = pool(effect_sizes(data, drop00=True, **columns))  # type: ignore[arg-type]
    assert dropped.k == 1
    assert len(dropped.left_out) == 2


def test_a_risk_difference_without_spread_is_refused_with_its_study() -> None:
    """With nothing added, 0 of 10 against 0 of 10 has a risk difference of 0 known without error, which can't be."""
    data = {"s": ["A", "B"], "a": [0, 3], "c": [0, 5], "m": [10, 10], "n": [10, 10]}
    es = effect_sizes(data, measure="RD", study="s", events=("a", "c"), n=("m", "n"), to="none")
    assert any("A: a sampling variance of 0" in note for note in es.notes)
    with pytest.raises(DataError, match="A: estimate 0 with sampling variance 0"):
        pool(es)


def test_too_few_studies_for_a_design_are_refused() -> None:
    with pytest.raises(DataError, match="τ² needs more studies than coefficients; there are 1 and 1"):
        tau2([0.1], [0.2])
    with pytest.raises(DataError, match="depend on each other"):
        tau2([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], X=np.array([[1, 2], [1, 2], [1, 2]]))
