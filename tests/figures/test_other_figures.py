"""Funnel, radial, drapery, L'Abbé, Baujat, influence, GOSH and series plots: geometry, and files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from simulated import simulated

import datasets
from equipoise import figures
from equipoise.errors import DataError, MissingExtra, OutputError
from equipoise.figures.drapery import p_values
from equipoise.figures.influence import panels
from equipoise.synthesis.measures.effect_sizes import EffectSizes, effect_sizes
from equipoise.synthesis.pairwise.baujat import baujat
from equipoise.synthesis.pairwise.cumulative import cumulative
from equipoise.synthesis.pairwise.gosh import gosh
from equipoise.synthesis.pairwise.influence import influence
from equipoise.synthesis.pairwise.leave_one_out import leave_one_out
from equipoise.synthesis.pairwise.pooling import pool
from geometry import outside, overlapping, text_boxes, xs, ys

Draw = Callable[[EffectSizes, Axes | None], Axes]


def _numbers(effects: EffectSizes) -> tuple[Any, Any]:
    return effects.estimates, effects.variances


DRAW: dict[str, Draw] = {
    "funnel": lambda e, ax: figures.funnel(pool(e), ax=ax),
    "radial": lambda e, ax: figures.radial(pool(e), ax=ax),
    "drapery": lambda e, ax: figures.drapery(pool(e), ax=ax),
    "baujat": lambda e, ax: figures.baujat(baujat(*_numbers(e), studies=e.studies), ax=ax),
    "influence": lambda e, ax: figures.influence(influence(*_numbers(e), studies=e.studies), ax=ax),
    "gosh": lambda e, ax: figures.gosh(gosh(*_numbers(e), studies=e.studies, subsets=2000), pool(e), ax=ax),
    "cumulative": lambda e, ax: figures.series(cumulative(*_numbers(e), studies=e.studies), pool(e), ax=ax),
    "leave-one-out": lambda e, ax: figures.series(leave_one_out(*_numbers(e), studies=e.studies), pool(e), ax=ax),
}


@pytest.fixture
def bcg() -> EffectSizes:
    return effect_sizes(
        datasets.BCG, measure="RR", study="study", events=("events1", "events2"), n=("n1", "n2")
    )  # fmt: skip


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize(("k", "measure"), [(5, "SMD"), (30, "RR"), (150, "MD")])
def test_texts_never_collide_nor_leave_the_figure(name: str, k: int, measure: str) -> None:
    ax = DRAW[name](simulated(k, measure), None)
    boxes = text_boxes(ax)
    assert outside(ax, boxes) == []
    assert overlapping(boxes, tolerance=2.0) == []


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_goes_into_axes_of_the_users(name: str, bcg: EffectSizes) -> None:
    _, ax = plt.subplots(figsize=(9, 7))
    assert DRAW[name](bcg, ax) is ax


def points(ax: Axes, marker: str = "o") -> tuple[np.ndarray, np.ndarray]:
    (line,) = [line for line in ax.lines if line.get_marker() == marker]
    return xs(line), ys(line)


def test_the_funnel_shows_each_study_with_the_most_precise_on_top(bcg: EffectSizes) -> None:
    ax = figures.funnel(pool(bcg))
    x, y = points(ax)
    assert x == pytest.approx(np.exp(bcg.estimates))
    assert y == pytest.approx(np.sqrt(bcg.variances))
    assert ax.yaxis_inverted()
    low, high = ax.get_xlim()
    assert low <= x.min() <= x.max() <= high


def test_the_funnels_regions_are_bounded_by_their_p_values(bcg: EffectSizes) -> None:
    ax = figures.funnel(pool(bcg), contours=(0.05,))
    (region,) = ax.collections
    corners = np.asarray(region.get_paths()[0].vertices)
    deepest = corners[:, 1].max()
    assert np.log(corners[:, 0].max()) == pytest.approx(1.959963984540054 * deepest)
    assert np.log(corners[:, 0].min()) == pytest.approx(-1.959963984540054 * deepest)


def test_studies_that_were_imputed_are_hollow_in_the_funnel(bcg: EffectSizes) -> None:
    ax = figures.funnel(pool(bcg), added=([0.5, 0.9], [0.2, 0.3]))
    hollow = [line for line in ax.lines if line.get_label() == "Imputed study"]
    assert xs(hollow[0]) == pytest.approx(np.exp([0.5, 0.9]))
    assert hollow[0].get_markerfacecolor() == "white"


def test_slopes_in_the_radial_plot_are_the_estimates(bcg: EffectSizes) -> None:
    x, z = points(figures.radial(pool(bcg, model="common")))
    assert z / x == pytest.approx(bcg.estimates)
    assert x == pytest.approx(1 / np.sqrt(bcg.variances))


def test_curves_of_the_drapery_plot_cross_5_per_cent_at_the_interval(bcg: EffectSizes) -> None:
    fit = pool(bcg, ci="hksj")
    at_ends = p_values(np.array(fit.ci), fit.estimate, fit.se, fit.df)
    assert at_ends == pytest.approx(0.05)
    assert p_values(np.array([0.0]), fit.estimate, fit.se, fit.df)[0] == pytest.approx(fit.p_value)


def test_the_labbe_plot_sets_risk_against_risk(bcg: EffectSizes) -> None:
    ax = figures.labbe(pool(bcg), bcg, groups=("BCG", "None"))
    (bubbles,) = ax.collections
    at = np.asarray(bubbles.get_offsets())
    data = datasets.BCG
    assert at[:, 1] == pytest.approx(np.array(data["events1"]) / np.array(data["n1"]))
    assert at[:, 0] == pytest.approx(np.array(data["events2"]) / np.array(data["n2"]))
    assert ax.get_ylabel() == "Risk: BCG"
    assert outside(ax, text_boxes(ax)) == []


def test_means_have_no_labbe_plot() -> None:
    effects = simulated(5, "MD")
    with pytest.raises(DataError, match="needs the events of two groups"):
        figures.labbe(pool(effects), effects)


def test_the_furthest_studies_of_the_baujat_plot_are_named(bcg: EffectSizes) -> None:
    result = baujat(bcg.estimates, bcg.variances, studies=bcg.studies)
    ax = figures.baujat(result, named=2)
    x, y = points(ax)
    assert x == pytest.approx(result.heterogeneity)
    assert y == pytest.approx(result.influence)
    far = np.argsort(-np.hypot(x / x.max(), y / y.max()))[:2]
    assert {text.get_text() for text in ax.texts} == {bcg.studies[i] for i in far}


def test_the_influence_panel_has_a_row_a_study_and_eight_diagnostics(bcg: EffectSizes) -> None:
    result = influence(bcg.estimates, bcg.variances, studies=bcg.studies)
    ax = figures.influence(result)
    assert len(ax.child_axes) == len(panels(result)) == 8
    first = ax.child_axes[0]
    assert [text.get_text() for text in first.get_yticklabels()] == list(bcg.studies)
    drawn = np.concatenate([xs(line) for line in first.lines if line.get_marker() == "o"])
    assert sorted(drawn) == pytest.approx(sorted(result.studentised))


def test_a_series_ends_in_the_diamond_of_all_studies(bcg: EffectSizes) -> None:
    fit = pool(bcg)
    ax = figures.series(cumulative(bcg.estimates, bcg.variances, datasets.BCG["year"], studies=bcg.studies), fit)
    at = [float(xs(line)[0]) for line in ax.lines if line.get_marker() == "o"]
    assert len(at) == 13
    assert at[-1] == pytest.approx(np.exp(fit.estimate))
    assert "Adding" in [text for text, _ in text_boxes(ax)]


def test_files_hold_their_type_as_text_and_are_the_same_twice(bcg: EffectSizes, tmp_path: Path) -> None:
    fit = pool(bcg)
    first = figures.write(figures.forest(fit, bcg), tmp_path / "a")
    second = figures.write(figures.forest(fit, bcg), tmp_path / "b")
    assert [path.suffix for path in first] == [".svg", ".pdf", ".png"]
    svg = first[0].read_text(encoding="utf-8")
    assert ">Ferguson &amp; Simes 1949</text>" in svg
    assert b"/Subtype /Type0" in first[1].read_bytes() or b"/CIDFontType2" in first[1].read_bytes()
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_an_unknown_format_is_refused(bcg: EffectSizes, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="'bmp'; choose from svg, pdf, png"):
        figures.write(figures.funnel(pool(bcg)), tmp_path / "a", ["bmp"])


def test_without_matplotlib_the_extra_is_named(bcg: EffectSizes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (figures.forest, figures.funnel, figures.radial, figures.drapery):
        with pytest.raises(MissingExtra, match=r"pip install 'equipoise\[figures\]'"):
            draw(pool(bcg))
