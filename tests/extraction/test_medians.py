"""Do mean and SD from a median follow the published formulas, recover those of normal data, and notice skewness?"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from equipoise.errors import DataError
from equipoise.extraction.medians import mean_sd_from_median


def test_quartiles_by_hand() -> None:
    """n = 36: Luo eq. 11 with w = 0.7 + 0.39/36; Wan eq. 16 with Φ⁻¹(26.875/36.25)."""
    result = mean_sd_from_median(10.0, 36, q1=8.0, q3=13.0)
    w = 0.7 + 0.39 / 36
    assert_allclose(result.mean.value, w * 10.5 + (1 - w) * 10, rtol=1e-12)
    assert_allclose(result.sd.value, 5 / (2 * NormalDist().inv_cdf(26.875 / 36.25)), rtol=1e-9)


def test_a_range_by_hand() -> None:
    """n = 25: Luo eq. 7 with w = 4/(4 + 25^0.75); Wan eq. 9, which their table 1 gives exactly as ξ = 3.931."""
    result = mean_sd_from_median(10.0, 25, minimum=2.0, maximum=20.0)
    w = 4 / (4 + 25**0.75)
    assert_allclose(result.mean.value, w * 11 + (1 - w) * 10, rtol=1e-12)
    assert_allclose(result.sd.value, 18 / 3.931, rtol=1e-3)


def test_all_five_numbers_by_hand() -> None:
    """n = 49: Luo eq. 15; Shi eq. 10 with w = 1/(1 + 0.07·49^0.6); Wan's is the plain mean of both widths."""
    five: dict[str, Any] = {"minimum": 1.0, "q1": 6.0, "q3": 12.0, "maximum": 19.0}
    result, wan = mean_sd_from_median(9.0, 49, **five), mean_sd_from_median(9.0, 49, sd_method="wan", **five)
    w1, w2 = 2.2 / (2.2 + 49**0.75), 0.7 - 0.72 / 49**0.55
    assert_allclose(result.mean.value, w1 * 10 + w2 * 9 + (1 - w1 - w2) * 9, rtol=1e-12)
    by_range = mean_sd_from_median(9.0, 49, minimum=1.0, maximum=19.0).sd.value
    by_quartiles = mean_sd_from_median(9.0, 49, q1=6.0, q3=12.0).sd.value
    w = 1 / (1 + 0.07 * 49**0.6)
    assert_allclose(result.sd.value, w * by_range + (1 - w) * by_quartiles, rtol=1e-12)
    assert_allclose(wan.sd.value, (by_range + by_quartiles) / 2, rtol=1e-12)


@pytest.mark.parametrize("given", [("q1", "q3"), ("minimum", "maximum"), ("minimum", "q1", "q3", "maximum")])
def test_mean_and_sd_of_normal_samples_are_recovered_on_average(given: tuple[str, ...]) -> None:
    rng = np.random.default_rng(3)
    samples = rng.normal(50, 10, (400, 60))
    numbers = dict(
        zip(
            ("minimum", "q1", "median", "q3", "maximum"),
            np.quantile(samples, [0, 0.25, 0.5, 0.75, 1], axis=1),
            strict=True,
        )
    )

    def chosen(i: int) -> dict[str, Any]:
        return {name: float(numbers[name][i]) for name in given}

    results = [mean_sd_from_median(float(numbers["median"][i]), 60, **chosen(i)) for i in range(400)]
    assert_allclose(np.mean([r.mean.value for r in results]), 50, atol=0.3)
    assert_allclose(np.mean([r.sd.value for r in results]), 10, rtol=0.04)
    assert np.mean([r.skewness.skewed for r in results]) < 0.1  # a test at the 5 % level


def test_skewed_data_are_noticed_and_converted_with_a_note() -> None:
    rng = np.random.default_rng(4)
    low, q1, median, q3, high = np.quantile(rng.lognormal(0, 1, 200), [0, 0.25, 0.5, 0.75, 1])
    result = mean_sd_from_median(median, 200, minimum=low, q1=q1, q3=q3, maximum=high)
    assert result.skewness.skewed
    assert "skewed (Shi et al. 2023" in result.sd.provenance


def test_critical_values_are_the_published_ones() -> None:
    """Shi et al. (2023): 1/ln(n + 9) + 2.5/(n + 1); 2.65/√n − 6/n²; 3/√n − 40/n³."""
    n = 50.0
    assert_allclose(mean_sd_from_median(5, n, minimum=0, maximum=9).skewness.critical, 1 / np.log(59) + 2.5 / 51)
    assert_allclose(mean_sd_from_median(5, n, q1=3, q3=8).skewness.critical, 2.65 / n**0.5 - 6 / n**2)
    five = mean_sd_from_median(5, n, minimum=0, q1=3, q3=8, maximum=9).skewness
    assert_allclose(five.critical, 3 / n**0.5 - 40 / n**3)
    assert_allclose(five.statistic, max(2.65 * np.log(0.6 * n) / n**0.5 * 1 / 9, 1 / 5))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "a median alone has no SD"),
    ({"q1": 3.0}, "q1 and q3 go together"),
    ({"q1": 6.0, "q3": 8.0}, "not in order: 6, 5, 8"),
    ({"q1": 3.0, "q3": 8.0, "n": 4}, "at least 5 people"),
    ({"q1": 3.0, "q3": 8.0, "sd_method": "x"}, "sd_method = 'x'"),
]


@pytest.mark.parametrize(("given", "message"), WRONG, ids=[w[1] for w in WRONG])
def test_what_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        mean_sd_from_median(5.0, **({"n": 50} | given))
