"""The informative statements of GRADE guidelines 26: every certainty and size, and no other verbs."""

from __future__ import annotations

import pytest

from equipoise.certainty.sizes import bands
from equipoise.certainty.wording import LEVELS, Level, Size, informative_statement, lowered

TABLE: dict[tuple[Level, Size], str] = {
    ("high", "large"): "X results in a large reduction in Y",
    ("high", "moderate"): "X reduces Y",
    ("high", "small"): "X reduces Y slightly",
    ("high", "trivial"): "X results in little to no difference in Y",
    ("moderate", "large"): "X probably results in a large reduction in Y",
    ("moderate", "moderate"): "X probably reduces Y",
    ("moderate", "small"): "X probably reduces Y slightly",
    ("moderate", "trivial"): "X probably results in little to no difference in Y",
    ("low", "large"): "X may result in a large reduction in Y",
    ("low", "moderate"): "X may reduce Y",
    ("low", "small"): "X may reduce Y slightly",
    ("low", "trivial"): "X may result in little to no difference in Y",
    ("very low", "large"): "The evidence is very uncertain about the effect of X on Y",
    ("very low", "moderate"): "The evidence is very uncertain about the effect of X on Y",
    ("very low", "small"): "The evidence is very uncertain about the effect of X on Y",
    ("very low", "trivial"): "The evidence is very uncertain about the effect of X on Y",
}


@pytest.mark.parametrize(("choice", "words"), TABLE.items())
def test_reductions_follow_the_table(choice: tuple[Level, Size], words: str) -> None:
    assert informative_statement("X", "Y", *choice, increases=False) == words


@pytest.mark.parametrize(("choice", "words"), TABLE.items())
def test_increases_use_the_same_words(choice: tuple[Level, Size], words: str) -> None:
    expected = words.replace("reduction", "increase").replace("reduces", "increases").replace("reduce ", "increase ")
    assert informative_statement("X", "Y", *choice, increases=True) == expected


def test_plural_names_take_plural_verbs() -> None:
    assert informative_statement("Xs", "Y", "high", "moderate", increases=False, plural=True) == "Xs reduce Y"
    assert (
        informative_statement("Xs", "Y", "moderate", "large", increases=True, plural=True)
        == "Xs probably result in a large increase in Y"
    )


def test_rating_down_stops_at_very_low() -> None:
    assert [lowered("high", down) for down in range(5)] == [*LEVELS, "very low"]


@pytest.mark.parametrize(
    ("measure", "estimate", "size"),
    [
        ("SMD", 0.19, "trivial"),
        ("SMD", -0.2, "small"),
        ("SMD", 0.5, "moderate"),
        ("SMD", -0.8, "large"),
        ("RR", 0.22, "trivial"),  # ratio 1.246
        ("RR", 0.23, "moderate"),  # 1.259
        ("RR", -0.69, "moderate"),  # 0.502
        ("RR", 0.70, "large"),  # 2.014
    ],
)
def test_sizes_follow_the_stated_limits(measure: str, estimate: float, size: Size) -> None:
    limits = bands(measure, None)
    assert limits is not None
    assert limits.size(estimate) == size


def test_a_mean_difference_has_no_bands_without_a_smallest_important_difference() -> None:
    assert bands("MD", None) is None
    limits = bands("MD", 2.0)
    assert limits is not None
    assert limits.size(1.9) == "trivial"
