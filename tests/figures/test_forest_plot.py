"""The forest plot: what it shows, in which order, and that nothing collides however many the studies."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from simulated import simulated

import datasets
from equipoise.errors import DataError
from equipoise.figures import forest
from equipoise.figures.forest_rows import forest_rows
from equipoise.synthesis.measures.effect_sizes import EffectSizes, effect_sizes
from equipoise.synthesis.pairwise.pooling import pool
from equipoise.synthesis.pairwise.subgroups import subgroups
from geometry import figure_of, outside, overlapping, text_boxes, xs, ys


@pytest.fixture
def bcg() -> EffectSizes:
    return effect_sizes(
        datasets.BCG, measure="OR", study="study", events=("events1", "events2"), n=("n1", "n2")
    )  # fmt: skip


def squares(ax: Axes) -> list[tuple[float, float, float]]:
    """x, y and side of the studies' squares, from the top."""
    found = [line for line in ax.lines if line.get_marker() == "s"]
    return [(float(xs(line)[0]), float(ys(line)[0]), line.get_markersize()) for line in found]


@pytest.mark.parametrize("measure", ["OR", "RD", "MD", "ROM"])
@pytest.mark.parametrize("k", [1, 2, 5, 30, 150])
def test_texts_never_collide_nor_leave_the_figure(k: int, measure: str) -> None:
    effects = simulated(k, measure)
    ax = forest(pool(effects), effects, favours=("Favours the new treatment", "Favours standard care"))
    boxes = text_boxes(ax)
    assert len(boxes) > 3 * k
    assert overlapping(boxes) == []
    assert outside(ax, boxes) == []


def test_texts_never_collide_with_the_panel() -> None:
    effects = simulated(30, "SMD")
    ax = forest(pool(effects), effects)
    panel = ax.get_window_extent()
    within = [
        text
        for text, box in text_boxes(ax)
        if box.x1 > panel.x0 and box.x0 < panel.x1 and box.y1 > panel.y0 and box.y0 < panel.y1
    ]
    assert within == []


def test_the_figure_grows_with_the_studies_and_with_their_names() -> None:
    sizes = {}
    for k in (5, 30, 150):
        effects = simulated(k, "OR")
        sizes[k] = figure_of(forest(pool(effects), effects)).get_size_inches()
    assert sizes[5][1] < sizes[30][1] < sizes[150][1]
    assert sizes[5][1] < 4
    assert all(6 < size[0] < 12 for size in sizes.values())


def test_studies_stand_in_the_given_order_with_areas_in_proportion_to_weights(bcg: EffectSizes) -> None:
    fit = pool(bcg)
    drawn = squares(forest(fit, bcg))
    assert [x for x, _, _ in drawn] == pytest.approx(np.exp(fit.estimates))
    down = [y for _, y, _ in drawn]
    assert down == sorted(down)
    areas = np.array([side**2 for _, _, side in drawn])
    assert areas / areas.max() == pytest.approx(fit.weights / fit.weights.max())


def test_studies_can_be_sorted_by_estimate_and_by_weight(bcg: EffectSizes) -> None:
    fit = pool(bcg)
    assert [x for x, _, _ in squares(forest(fit, sort="estimate"))] == sorted(np.exp(fit.estimates))
    sides = [side for _, _, side in squares(forest(fit, sort="weight"))]
    assert sides == sorted(sides, reverse=True)


def test_the_diamond_spans_the_interval_and_ratios_have_a_log_axis(bcg: EffectSizes) -> None:
    fit = pool(bcg)
    ax = forest(fit, bcg)
    assert ax.get_xscale() == "log"
    (diamond,) = [patch for patch in ax.patches if isinstance(patch, Polygon)]
    corners = diamond.get_xy()
    assert corners[:, 0].min() == pytest.approx(np.exp(fit.ci[0]))
    assert corners[:, 0].max() == pytest.approx(np.exp(fit.ci[1]))
    assert corners[1, 0] == pytest.approx(np.exp(fit.estimate))
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert "1" in ticks


def test_differences_have_a_linear_axis_with_zero_on_it() -> None:
    effects = effect_sizes(
        datasets.STROKE_STAY, measure="MD", study="study", mean=("mean1", "mean2"), sd=("sd1", "sd2"), n=("n1", "n2")
    )
    ax = forest(pool(effects), effects)
    assert ax.get_xscale() == "linear"
    assert "0" in [text.get_text() for text in ax.get_xticklabels()]
    texts = [text for text, _ in text_boxes(ax)]
    assert "Mean" in texts
    assert "SD" in texts
    assert "N" in texts
    assert "−20.0" in texts  # Edinburgh: 55 − 75 days


def test_each_groups_numbers_and_their_totals_are_shown(bcg: EffectSizes) -> None:
    texts = [text for text, _ in text_boxes(forest(pool(bcg), bcg, groups=("BCG vaccine", "No vaccine")))]
    assert "BCG vaccine" in texts
    assert "No vaccine" in texts
    assert "4/123" in texts
    assert "11/139" in texts
    assert f"{sum(datasets.BCG['events1'])}/{sum(datasets.BCG['n1'])}" in texts


def test_weights_add_up_and_the_prediction_interval_has_its_row(bcg: EffectSizes) -> None:
    rows = forest_rows(pool(bcg), bcg).rows
    assert sum(row.weight for row in rows if row.kind == "study") == pytest.approx(100)
    (prediction,) = [row for row in rows if row.kind == "prediction"]
    # metafor 3.8-1, rma(measure="OR", data=dat.bcg) with exp(predict()): 0.1435 to 1.5696
    assert prediction.text[1] == "[0.14, 1.57]"


def test_a_common_effect_has_no_prediction_interval(bcg: EffectSizes) -> None:
    rows = forest_rows(pool(bcg, model="common"), bcg).rows
    assert "prediction" not in [row.kind for row in rows]


def test_subgroups_have_headings_diamonds_and_shares_of_the_weight(bcg: EffectSizes) -> None:
    result = subgroups(bcg.estimates, bcg.variances, datasets.BCG["alloc"], studies=bcg.studies)
    content = forest_rows(result, bcg)
    kinds = [row.kind for row in content.rows]
    assert [row.label for row in content.rows if row.kind == "heading"] == ["random", "alternate", "systematic"]
    assert kinds.count("subtotal") == 3
    assert sum(row.weight for row in content.rows if row.kind == "subtotal") == pytest.approx(100)
    assert content.shown.log
    systematic = content.rows[[row.label for row in content.rows].index("systematic") + 1 :]
    assert [row.label for row in systematic[:4]] == [bcg.studies[i] for i in (9, 10, 11, 12)]
    ax = forest(result, bcg)
    assert len([patch for patch in ax.patches if isinstance(patch, Polygon)]) == 4
    boxes = text_boxes(ax)
    assert overlapping(boxes) == []
    assert outside(ax, boxes) == []


def test_an_interval_beyond_the_axis_ends_in_an_arrow(bcg: EffectSizes) -> None:
    ax = forest(pool(bcg), xlim=(0.3, 1.2))
    left = [line for line in ax.lines if line.get_marker() == "<"]
    right = [line for line in ax.lines if line.get_marker() == ">"]
    half = 1.959963984540054 * np.sqrt(bcg.variances)
    # The prediction interval is cut off as well, on both sides.
    assert len(left) == np.sum(np.exp(bcg.estimates - half) < 0.3) + 1
    assert len(right) == np.sum(np.exp(bcg.estimates + half) > 1.2) + 1
    assert {float(xs(line)[0]) for line in left} == {0.3}
    assert all(0.3 <= x <= 1.2 for x, _, _ in squares(ax))


def test_one_imprecise_study_does_not_squeeze_the_others() -> None:
    fit = pool([0.1, 0.2, 0.15, 0.1], [0.01, 0.02, 0.01, 400.0])
    low, high = forest(fit).get_xlim()
    assert high - low < 3


def test_a_study_without_an_estimate_is_shown_as_such() -> None:
    data = {"study": ["A", "B", "C"], "e1": [1, 0, 4], "n1": [10, 10, 20], "e2": [2, 0, 3], "n2": [36, 10, 22]}
    effects = effect_sizes(
        data, measure="OR", study="study", events=("e1", "e2"), n=("n1", "n2"), drop00=True
    )  # fmt: skip
    rows = forest_rows(pool(effects), effects).rows
    (absent,) = [row for row in rows if row.kind == "left out"]
    assert absent.label == "B"
    assert absent.cells == ("0/10", "0/10")
    total = next(row for row in rows if row.kind == "summary")
    assert total.cells == ("5/30", "5/58")
    assert "not estimable" in [text for text, _ in text_boxes(forest(pool(effects), effects))]


@pytest.mark.parametrize("k", [5, 30, 150])
def test_in_axes_of_the_users_everything_stays_within_their_area(k: int) -> None:
    effects = simulated(k, "OR")
    figure, (left, right) = plt.subplots(1, 2, figsize=(18, 0.25 * k + 3))
    area = right.get_window_extent().frozen()
    ax = forest(pool(effects), effects, ax=right)
    assert ax is right
    left.set_axis_off()
    for text, box in text_boxes(ax):
        assert area.x0 - 2 <= box.x0, text
        assert box.x1 <= area.x1 + 2, text
        assert area.y0 - 2 <= box.y0, text
        assert box.y1 <= area.y1 + 2, text
    assert figure is figure_of(ax)


def test_effects_of_another_analysis_are_refused(bcg: EffectSizes) -> None:
    with pytest.raises(DataError, match="effects hold 5 estimates, but the result has 13"):
        forest(pool(bcg), simulated(5, "OR"))
