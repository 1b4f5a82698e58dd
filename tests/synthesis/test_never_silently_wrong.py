"""Input from which only a wrong number could come is refused, or pointed out."""

from __future__ import annotations

import numpy as np
import pytest

import equipoise as eq
from equipoise.errors import DataError
from equipoise.synthesis.pairwise.asymmetry import begg

SAME = np.full(12, 0.2), np.linspace(0.1, 1.0, 12)


@pytest.mark.parametrize("method", ["DL", "REML"])
@pytest.mark.parametrize("smallest", [1e-10, 1e-12])
def test_a_regression_refuses_a_study_of_absurd_precision(method: str, smallest: float) -> None:
    v = np.concatenate([[smallest], np.ones(14)])
    X = np.column_stack([np.ones(15), np.arange(1.0, 16.0)])
    with pytest.raises(DataError, match="study 1, is less than a billionth"):
        eq.meta_regression([0.1, 0.3, -0.2, 0.5, 0.4] * 3, v, X, method=method)


@pytest.mark.parametrize("test", [eq.egger, begg])
def test_identical_studies_show_no_asymmetry(test) -> None:  # type: ignore[no-untyped-def]
    found = test(*SAME)
    assert np.isnan(found.p_value)
    assert not found.can_tell
    assert "test" in found.note


def test_no_events_anywhere_give_no_risk_difference() -> None:
    table = {"study": ["a", "b"], "e1": [0, 0], "n1": [10, 20], "e2": [0, 0], "n2": [10, 20]}
    sizes = eq.effect_sizes(table, measure="RD", study="study", events=("e1", "e2"), n=("n1", "n2"))
    with pytest.raises(DataError, match="report the counts"):
        eq.pool(sizes, method="MH")


def _published(estimate: float, low: float, high: float) -> eq.EffectSizes:
    table = {"hr": [estimate, 0.8], "low": [low, 0.5], "high": [high, 1.28]}
    return eq.effect_sizes(table, measure="HR", estimate="hr", ci_low="low", ci_high="high")


def test_an_estimate_outside_its_interval_is_refused() -> None:
    with pytest.raises(DataError, match=r"Study 1: hr = 7 lies outside its own interval \[0.5, 0.98\]"):
        _published(7, 0.5, 0.98)


def test_a_lopsided_interval_is_pointed_out() -> None:
    assert "Study 1: hr = 0.8 is far from the middle" in _published(0.8, 0.6, 10.7).notes[0]
    assert _published(0.8, 0.6, 1.07).notes == ()


def test_a_selection_model_needs_as_many_studies_as_parameters() -> None:
    with pytest.raises(DataError, match="1 studies can't tell the 3 parameters"):
        eq.selection_model([0.3], [0.1], weight="half-normal")


def test_numbers_whose_squares_overflow_are_refused() -> None:
    with pytest.raises(DataError, match="use another unit"):
        eq.pool([1e160, -1e160, 0.0], [1.0, 1.0, 1.0])
