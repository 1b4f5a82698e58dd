"""Figures of model averaging: what is drawn is what the result says."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt

import equipoise as eq
from equipoise.errors import DataError
from equipoise.figures import averaged_effect, averaged_weights

Y, V = np.array([0.42, 0.31, 0.55, 0.05]), np.array([0.20, 0.14, 0.25, 0.12]) ** 2
AVERAGED = eq.model_average(Y, V, measure="OR", bias="2w")


@pytest.fixture(autouse=True)
def closed() -> object:
    yield
    plt.close("all")


def test_the_effect_is_drawn_with_its_spike() -> None:
    ax = averaged_effect(AVERAGED)
    curves = {line.get_label(): line for line in ax.lines}
    for label, distribution in (
        ("Density, all models", AVERAGED.mu),
        ("Density, models\nwith an effect", AVERAGED.conditional.mu),
    ):
        x, y = (np.asarray(values, dtype=float) for values in curves[label].get_data())
        assert distribution is not None
        assert y == pytest.approx(distribution.pdf(np.log(x)))
    right = next(other for other in ax.figure.axes if other is not ax)
    x, y = (np.asarray(values, dtype=float) for values in right.lines[0].get_data())
    assert x == pytest.approx([1.0, 1.0])
    assert y == pytest.approx([0.0, AVERAGED.mu.spike(0.0)])
    assert ax.get_xlabel().startswith("Odds ratio")
    assert right.get_ylim() == (0.0, 1.0)


def test_without_null_models_there_is_no_spike() -> None:
    ax = averaged_effect(eq.model_average(Y, V, measure="SMD", bias=None, effect_probability=1.0))
    assert ax.figure.axes == [ax]


def test_weights_are_drawn_by_interval() -> None:
    for conditional in (False, True):
        ax = averaged_weights(AVERAGED, conditional=conditional)
        intervals, weights = AVERAGED.weight_function(conditional)
        assert np.asarray(ax.lines[0].get_ydata(), dtype=float)[:-1] == pytest.approx(weights[:, 0])
        ticks = [float(tick.get_text()) for tick in ax.get_xticklabels()]
        assert ticks == pytest.approx([0.0, *(high for _, high in intervals)])
    with pytest.raises(DataError, match="no weights"):
        averaged_weights(eq.model_average(Y, V, measure="SMD", bias="pp"))
