"""Dose–response curves and the thresholds of studies: do they show the numbers they are given?"""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose

from geometry import outside, overlapping, text_boxes
from nma_samples import made_up, senn

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from equipoise.errors import DataError
from equipoise.figures import network as figures
from equipoise.synthesis.network import (
    Network,
    StudyContrasts,
    comparison_thresholds,
    fit_components,
    fit_doses,
    study_thresholds,
)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def doses() -> Network:
    """Two agents at several doses, one at a single dose, each study against placebo; made up."""
    names = ("A_10", "A_20", "A_40", "B_1", "B_3", "C_5")
    return Network.from_studies(
        [
            StudyContrasts(f"{name}{k}", ("placebo_0", name), np.array([-0.1 * j - 0.05 * k]), np.array([[0.03]]))
            for j, name in enumerate(names)
            for k in range(2)
        ],
        "OR",
    )


def test_a_forest_plot_of_components_shows_each_with_its_interval() -> None:
    pairs = [("placebo", "A"), ("placebo", "B"), ("placebo", "A + B"), ("A", "A + B"), ("C", "C + D long name")]
    studies = [
        StudyContrasts(f"{k}{i}", pair, np.array([-0.3 - 0.1 * k + 0.02 * i]), np.array([[0.02]]))
        for k, pair in enumerate(pairs)
        for i in range(2)
    ]
    fit = fit_components(Network.from_studies(studies, "OR"), inactive="placebo")
    assert fit.unidentified == ("C",)
    ax = figures.component_forest(fit)
    points = [float(np.asarray(line.get_xdata())[0]) for line in ax.lines if line.get_marker() == "s"]
    assert_allclose(points, np.sort(fit.effects.estimates[np.isfinite(fit.effects.estimates)]))
    texts = [text.get_text() for text in ax.texts]
    assert "not identified" in texts
    counts = {name: texts[texts.index(name) + 1] for name in fit.components}
    assert counts == {"A": "2", "B": "2", "C": "2", "D long name": "1"}
    found = text_boxes(ax)
    assert not overlapping(found)
    assert not outside(ax, found)


def test_curves_and_points_are_those_of_the_results() -> None:
    network = doses()
    fit, response = network.fit(reference="placebo_0"), fit_doses(network, shape="log")
    ax = figures.dose_curves(response, fit)
    panels = {panel.get_title(loc="left"): panel for panel in ax.child_axes if isinstance(panel, Axes)}
    assert list(panels) == ["A", "B", "C"]
    curve = next(line for line in panels["A"].lines if len(np.asarray(line.get_xdata())) > 2)
    expected = response.curve("A", np.asarray(curve.get_xdata(), dtype=float))
    assert_allclose(np.asarray(curve.get_ydata(), dtype=float), expected.estimates)
    points = {
        float(np.asarray(line.get_xdata(), dtype=float)[0]): float(np.asarray(line.get_ydata(), dtype=float)[0])
        for line in panels["A"].lines
        if line.get_marker() == "o"
    }
    base = network.position("placebo_0")
    assert points == pytest.approx(
        {dose: float(fit.estimates[network.position(f"A_{dose}"), base]) for dose in (10, 20, 40)}
    )
    assert outside(ax, text_boxes(ax)) == []


def test_without_a_treatment_at_dose_0_there_are_curves_only() -> None:
    network = Network.from_studies(
        [
            StudyContrasts(f"s{k}", pair, np.array([0.2]), np.array([[0.04]]))
            for k, pair in enumerate([("A_10", "A_20"), ("A_20", "A_40"), ("A_10", "A_40")])
        ]
    )
    ax = figures.dose_curves(fit_doses(network, shape="linear"), network.fit())
    assert not any(line.get_marker() == "o" for panel in ax.child_axes for line in panel.lines)


def short() -> Network:
    """Three treatments and studies with one letter each."""
    pairs = (("A", "B"), ("B", "C"), ("A", "C"))
    return Network.from_studies(
        [StudyContrasts(str(k), pair, np.array([0.1 * k]), np.array([[0.04]])) for k, pair in enumerate(pairs)]
    )


@pytest.mark.parametrize(
    "network", [senn(), made_up(41, 100), short()], ids=["10 treatments", "41 treatments", "short names"]
)
def test_the_most_sensitive_studies_come_first_and_nothing_collides(network: Network) -> None:
    result = study_thresholds(network.fit())
    ax = figures.threshold_forest(result)
    order = result.order()[:25]
    squares = [line for line in ax.lines if line.get_marker() == "s"]
    assert_allclose([float(np.asarray(line.get_xdata(), dtype=float)[0]) for line in squares], result.estimates[order])
    first = order[0]
    assert text_boxes(ax)[0][0]
    names = [text for text, _ in text_boxes(ax)]
    assert f"{result.source[first]}: {result.treatment[first]} – {result.comparator[first]}" in names
    assert outside(ax, text_boxes(ax)) == []
    assert overlapping(text_boxes(ax), tolerance=2.0) == []
    low, high = ax.get_xlim()
    band = ax.collections[0].get_paths()[0].get_extents()
    stays = np.clip(result.estimates[first] + np.array([result.lower[first], result.upper[first]]), low, high)
    assert_allclose([band.x0, band.x1], stays)


def test_comparisons_are_named_without_a_study() -> None:
    result = comparison_thresholds(senn().fit())
    texts = text_boxes(figures.threshold_forest(result))
    names = [text for text, _ in texts]
    assert "Comparison" in names
    assert {f"{a} – {b}" for a, b in zip(result.treatment, result.comparator, strict=True)} <= set(names)
    assert overlapping(texts, tolerance=2.0) == []


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="nothing to show"):
        figures.threshold_forest(study_thresholds(senn().fit()), rows=[])
