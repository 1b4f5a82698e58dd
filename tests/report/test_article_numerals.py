"""Numbers as readers see them."""

from __future__ import annotations

import pytest

from equipoise.report import numerals
from equipoise.report.answer import Figures


@pytest.mark.parametrize(
    ("figures", "ratio", "text"),
    [
        (Figures(-1.9, -3.126, -0.674), False, "−1.90 (−3.13 to −0.67)"),
        (Figures(0.001, -0.003, 0.005), False, "0.0010 (−0.0030 to 0.0050)"),
        (Figures(-12.34, -30.2, 5.5), False, "−12.3 (−30.2 to 5.5)"),
        (Figures(1250.4, 1100.2, 1400.6), False, "1250 (1100 to 1401)"),
        (Figures(0.8, 0.645, 0.99), True, "0.80 (0.65 to 0.99)"),
        (Figures(1.9, 0.02, 180.0), True, "1.90 (0.020 to 180)"),
        (Figures(12.26, 3.4, 44.25), True, "12.3 (3.40 to 44.2)"),
    ],
)
def test_digits_fit_the_interval(figures: Figures, ratio: bool, text: str) -> None:
    assert numerals.estimate(figures, ratio=ratio) == text


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert numerals.number(-0.001) == "0.00"
    assert numerals.number(-0.006) == "−0.01"


def test_counts_have_narrow_spaces_from_ten_thousand() -> None:
    assert [numerals.count(value) for value in (0, 1079, 12345, 1234567)] == [
        "0",
        "1079",
        "12\u202f345",
        "1\u202f234\u202f567",
    ]


def test_percentages() -> None:
    assert [numerals.percentage(value) for value in (0.0, 0.93, 38.2, 100.0)] == ["0%", "0.9%", "38%", "100%"]
