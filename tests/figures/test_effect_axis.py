"""Ticks, limits and numbers of the effect axis, and the breaking of long texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.figures.effect_axis import effect_scale, limits, tick_text, ticks
from equipoise.figures.numerals import decimal, decimals_of, digits_for
from equipoise.figures.text_extent import widest, wrap
from equipoise.synthesis.measures.scale import IDENTITY, LOG


@given(st.floats(-6, 6), st.floats(0.05, 14), st.integers(3, 8))
def test_log_ticks_are_few_inside_and_rising(centre: float, span: float, most: int) -> None:
    low, high = float(np.exp(centre - span / 2)), float(np.exp(centre + span / 2))
    places = ticks(low, high, True, most)
    assert 1 <= len(places) <= most
    assert places == sorted(places)
    assert all(low * 0.999 <= place <= high * 1.001 for place in places)


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.integers(3, 8))
def test_linear_ticks_are_few_inside_and_told_apart(low: float, span: float, most: int) -> None:
    places = ticks(low, low + span, False, most)
    assert 2 <= len(places) <= most
    texts = [tick_text(place, places, False) for place in places]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(("low", "high"), [(0.05, 20), (0.3, 3), (0.8, 1.25), (0.001, 4)])
def test_one_is_a_tick_of_ratios(low: float, high: float) -> None:
    assert 1.0 in ticks(low, high, True, 7)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 40)), min_size=1, max_size=20))
def test_limits_hold_every_estimate_and_the_null(studies: list[tuple[float, float]]) -> None:
    y, half = np.array(studies).T
    for scale in (IDENTITY, LOG):
        shown = effect_scale(None, "effect", scale)
        natural = [shown.natural(values) for values in (y, y - half, y + half)]
        low, high = limits(shown, *natural)
        assert low < high
        assert np.all((natural[0] >= low) & (natural[0] <= high))
        assert low <= shown.null <= high


def test_numbers_have_true_minus_signs_and_no_negative_zero() -> None:
    assert decimal(-0.345, 2) in {"−0.34", "−0.35"}
    assert decimal(-0.001, 2) == "0.00"
    assert decimal(float("inf"), 2) == "∞"
    assert tick_text(-2.5, [-2.5, 0.0, 2.5], False) == "−2.5"


def test_decimals_follow_the_precision_of_the_numbers() -> None:
    assert digits_for([0.2, 0.3], ratio=True) == 2
    assert digits_for([0.2, 0.3], ratio=False) == 2
    assert digits_for([8.0, 12.0], ratio=False) == 1
    assert digits_for([0.003], ratio=False) == 4
    assert decimals_of([1.0, 2.0]) == 0
    assert decimals_of([1.5, 2.25]) == 2


@given(st.text(alphabet="abc défg-", max_size=80), st.floats(0.3, 3.0))
def test_wrapped_lines_fit_and_keep_every_letter(text: str, limit: float) -> None:
    wrapped = wrap(text, limit, 9.0)
    assert "".join(wrapped.split()) == "".join(text.split())
    assert widest([wrapped], 9.0) <= limit + 1e-9
