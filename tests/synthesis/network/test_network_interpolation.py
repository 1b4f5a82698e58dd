"""Functions of τ² read off a few of its values."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.synthesis.network.interpolation import chebyshev_points, interpolation_weights, share_points


def quotient(tau2: np.ndarray) -> np.ndarray:
    """What weighted averages are made of."""
    return np.asarray((3 / (0.01 + tau2) - 2 / (0.5 + tau2)) / (1 / (0.01 + tau2) + 1 / (0.2 + tau2)))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.02), (0.1, 0.4), (1e-9, 1e-8), (5.0, 5.0)])
def test_a_quotient_is_read_off_to_rounding(low: float, high: float) -> None:
    points = chebyshev_points(low, high, 0.01)
    assert points is not None
    places = np.linspace(low, high, 17)
    read = interpolation_weights(points, places) @ quotient(points)
    np.testing.assert_allclose(read, quotient(places), rtol=1e-12)


def test_a_place_that_is_a_point_gets_its_value() -> None:
    points = chebyshev_points(0.1, 0.4, 0.01)
    assert points is not None
    np.testing.assert_array_equal(interpolation_weights(points, points), np.eye(len(points)))


def test_an_interval_that_takes_too_many_points_is_refused() -> None:
    assert chebyshev_points(0.0, 1.0, 1e-9) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_every_place_belongs_to_one_group_that_fixes_it(seed: int) -> None:
    draw = np.random.default_rng(seed)
    places = np.concatenate([np.zeros(3), draw.lognormal(-2, 1.5, 200), [1e-7, 40.0]])
    read = np.full(len(places), np.nan)
    for members, points in share_points(places, 0.01):
        assert np.isnan(read[members]).all()
        read[members] = interpolation_weights(points, places[members]) @ quotient(points)
    np.testing.assert_allclose(read, quotient(places), rtol=1e-12)
