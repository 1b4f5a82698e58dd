"""Numbers as readers see them."""

from __future__ import annotations

import pytest

from equipoise.report import numerals
from equipoise.report.answer import Figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1.9, "−1.90"),
        (0.645, "0.65"),
        (12.26, "12.3"),
        (-180.4, "−180"),
        (1250.4, "1,250"),
        (0.004, "0.004"),
        (-0.0012, "−0.001"),
        (0.0, "0.00"),
        (-0.0, "0.00"),
        (1e-9, "0"),
        (-1e-9, "0"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        (float("nan"), "not estimable"),
    ],
)
def test_digits_go_by_size(value: float, text: str) -> None:
    assert numerals.number(value) == text


def test_an_estimate_has_its_interval() -> None:
    assert numerals.estimate(Figures(-1.9, -3.126, -0.674)) == "−1.90 (−3.13 to −0.67)"
    assert numerals.estimate(Figures(1.9, 0.02, 180.0), "OR") == "1.90 (0.02 to 180)"
    assert numerals.estimate(Figures(4.8, 3.6, 12.4), "NNT") == "5 (4 to 12)"


def test_counts_have_commas() -> None:
    assert [numerals.count(value) for value in (0, 999, 1079, 1234567)] == ["0", "999", "1,079", "1,234,567"]


def test_percentages() -> None:
    assert [numerals.percentage(value) for value in (0.0, 0.93, 38.2, 100.0)] == ["0%", "0.9%", "38%", "100%"]
