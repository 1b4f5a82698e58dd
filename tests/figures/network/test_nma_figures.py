"""Figures of a network: do they show the numbers they are given, in the right places, and can they be read?"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose

from geometry import outside, text_boxes
from nma_samples import apart, made_up, senn

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Circle, Polygon, Wedge

from equipoise.errors import DataError, MissingExtra
from equipoise.figures import network as figures
from equipoise.figures.network import circle, forest, graph, labels, league, scale, style
from equipoise.figures.network.contribution_matrix import COLUMNS
from equipoise.figures.network.heat import shown
from equipoise.figures.network.split_forest import mixed_rows
from equipoise.synthesis.network import Network, StudyContrasts, study_thresholds
from equipoise.synthesis.network.hierarchy import benefit_harm, partial_order
from equipoise.synthesis.network.small_study import comparison_adjusted

SIZES = {"5 treatments": (5, 12), "41 treatments": (41, 100)}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(params=list(SIZES.values()), ids=list(SIZES))
def network(request: pytest.FixtureRequest) -> Network:
    return made_up(*request.param)


def texts(ax: Axes) -> list[str]:
    found = [t.get_text() for t in ax.texts]
    return found + [t.get_text() for t in (*ax.get_xticklabels(), *ax.get_yticklabels())]


def boxes(ax: Axes, gid: str) -> list[tuple[str, mpl.transforms.Bbox]]:
    """The texts of a kind with what they cover on paper, in pixels; their own white ground left out."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    found = []
    for text in ax.texts:
        if (text.get_gid() or "").startswith(gid):
            text.set_bbox(None)
            found.append((text.get_text(), text.get_window_extent(renderer)))
    return found


def overlapping(found: list[tuple[str, mpl.transforms.Bbox]]) -> list[tuple[str, str]]:
    return [
        (a, b) for (a, one), (b, two) in combinations(found, 2) if one.shrunk(0.98, 0.9).overlaps(two.shrunk(0.98, 0.9))
    ]


# ------------------------------------------------------------------------------------------------- network graph


def test_no_two_labels_of_the_graph_overlap(network: Network) -> None:
    found = boxes(figures.network_graph(network), "label")
    assert len(found) == len(network.treatments)
    assert overlapping(found) == []


def test_circle_areas_are_proportional_to_participants() -> None:
    network = made_up(5, 12)
    ax = figures.network_graph(network)
    areas = np.array([p.radius**2 for p in ax.patches if isinstance(p, Circle)])
    participants = dict.fromkeys(network.treatments, 0)
    for study in network.studies:
        for t, n in zip(study.treatments, study.participants, strict=True):
            participants[t] += n or 0
    expected = np.array([participants[t] for t in network.treatments], dtype=float)
    assert_allclose(areas / areas.max(), expected / expected.max())


def test_line_widths_are_proportional_to_studies_or_to_precision() -> None:
    network = senn()
    kinds: tuple[Literal["studies", "precision"], ...] = ("studies", "precision")
    for edges in kinds:
        shown_graph = graph.graph_of(network, edges)
        widths = np.array([line.get_linewidth() for line in figures.network_graph(network, edges=edges).lines])
        thick = widths > 0.5
        assert thick.sum() > 5
        assert_allclose((widths / widths.max())[thick], (shown_graph.strengths / shown_graph.strengths.max())[thick])
    metf_plac = shown_graph.edges.index((shown_graph.treatments.index("metf"), shown_graph.treatments.index("plac")))
    # Willms1999 enters with its own contrast: four studies.
    assert shown_graph.strengths[metf_plac] == pytest.approx(sum(s**-2 for s in (0.1414, 0.0992, 0.4356, 0.3758)))


def test_every_multi_arm_study_is_shaded_once_a_design() -> None:
    assert graph.graph_of(senn()).multi_arm == ((0, 2, 5),)
    polygons = [p for p in figures.network_graph(senn()).patches if isinstance(p, Polygon)]
    assert len(polygons) == 1
    assert polygons[0].get_xy().shape == (4, 2)
    assert not [
        p for p in figures.network_graph(senn(), shade_multi_arm=False).patches if type(p).__name__ == "Polygon"
    ]


def test_risk_of_bias_colours_lines_and_divides_circles() -> None:
    network = senn()
    bias = {s.study: "low" for s in network.studies} | {
        "Kipnes2001": "high",
        "Lewin2007": "high",
        "DeFronzo1995": "high",
    }
    shown_graph = graph.graph_of(network, risk_of_bias=bias)
    assert shown_graph.bias is not None
    assert shown_graph.edge_bias is not None
    by_pair = {
        tuple(shown_graph.treatments[i] for i in e): b
        for e, b in zip(shown_graph.edges, shown_graph.edge_bias, strict=True)
    }
    assert by_pair["piog", "plac"] == "high"
    assert by_pair["plac", "rosi"] == "low"
    assert by_pair["metf", "plac"] == "high"  # two of four: the worse counts
    assert shown_graph.bias[shown_graph.treatments.index("piog")] == pytest.approx((2 / 3, 0.0, 1 / 3))
    ax = figures.network_graph(network, risk_of_bias=bias)
    assert sum(isinstance(p, Wedge) for p in ax.patches) >= len(network.treatments)
    assert {mpl.colors.to_hex(str(line.get_color())) for line in ax.lines} == {style.BIAS["low"], style.BIAS["high"]}


def test_wrong_risks_of_bias_name_the_study() -> None:
    with pytest.raises(DataError, match="'DeFronzo1995' has no risk of bias"):
        figures.network_graph(senn(), risk_of_bias={})
    with pytest.raises(DataError, match="'terrible' isn't known; choose low, some concerns, high"):
        figures.network_graph(senn(), risk_of_bias={s.study: "terrible" for s in senn().studies})


def test_subnetworks_stand_side_by_side_in_their_own_colours() -> None:
    shown_graph = graph.graph_of(apart())
    assert shown_graph.treatments == ("A", "B", "placebo", "U", "V", "W")
    assert shown_graph.part == (0, 0, 0, 1, 1, 1)
    ax = figures.network_graph(apart())
    assert len({p.get_facecolor() for p in ax.patches if isinstance(p, Circle)}) == 2


@pytest.mark.parametrize("count", [2, 3, 4, 7, 30, 60])
def test_items_on_the_circle_keep_their_distance(count: int) -> None:
    heights = [8.0 + 9.0 * (k % 3) for k in range(count)]
    radius = max(50.0, circle.needed_radius(heights))
    places = circle.spots(heights, radius)
    assert_allclose([math.hypot(s.x, s.y) for s in places], radius)
    for side in ("left", "right"):
        chosen = sorted((s.y, h) for s, h in zip(places, heights, strict=True) if s.side == side)
        for (low, h1), (high, h2) in pairwise(chosen):
            assert high - low >= 0.5 * (h1 + h2) - 1e-6


# ------------------------------------------------------------------------------------------------------- forest


def test_forest_shows_every_treatment_with_its_numbers() -> None:
    fit = senn().fit(reference="plac")
    ax = figures.network_forest(fit)
    shown_texts = texts(ax)
    assert {"rosi", "sulf", "−1.23 (−1.48 to −0.99)", "MD (95% CI)"} <= set(shown_texts)
    points = [np.asarray(line.get_xdata(), dtype=float)[0] for line in ax.lines if line.get_marker() == "s"]
    column = fit.network.position("plac")
    expected = sorted(fit.estimates[i, column] for i in range(10) if i != column)
    assert_allclose(points, expected)


def test_forest_rows_never_overlap(network: Network) -> None:
    found = boxes(figures.network_forest(network.fit(), smaller_is_better=True), "cell")
    assert overlapping(found) == []


def test_forest_of_ratios_is_drawn_on_the_log_scale_and_labelled_in_ratios() -> None:
    network = Network.from_studies(senn().studies, "OR")
    fit = network.fit(reference="plac")
    ax = figures.network_forest(fit)
    ticks = dict(zip(ax.get_xticks(), [t.get_text() for t in ax.get_xticklabels()], strict=True))
    assert all(math.exp(at) == pytest.approx(float(text)) for at, text in ticks.items())
    assert "1" in ticks.values()
    assert "0.29 (0.23 to 0.37)" in texts(ax)


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    low, high = scale.limits(np.array([-1.0, 0.5]), np.array([-1.2, -50.0]), np.array([-0.8, 50.0]))
    assert -10 < low < -1.2
    assert 0.5 < high < 10
    ax = plt.figure().add_subplot()
    forest.whisker(ax, 0.0, -50.0, 0.7, low, high, 2.0, "k")
    assert [line.get_marker() for line in ax.lines] == ["None", "<"]


def test_each_subnetwork_has_its_own_reference_in_the_forest() -> None:
    rows = forest.rows_of(apart().fit(reference="placebo"))
    assert [row.label for row in rows] == [
        "Subnetwork 1, against placebo",
        "A",
        "B",
        "Subnetwork 2, against U",
        "V",
        "W",
    ]


# ------------------------------------------------------------------------------------------------------- league


def test_league_colours_tell_direction_and_strength() -> None:
    fit = senn().fit(reference="plac")
    table = fit.league(order=fit.ranking().order)
    fills = league.colours(table)
    best_against_worst = fills[0][9]

    def blueness(colour: str) -> int:
        return int(colour[5:7], 16) - int(colour[1:3], 16)

    assert table.treatments[0] == "rosi"
    assert blueness(best_against_worst) > 80
    assert blueness(fills[9][0]) < -50
    assert blueness(best_against_worst) > blueness(fills[0][1]) >= 0
    assert league.colours(table, smaller_is_better=False)[9][0] == best_against_worst


def test_a_second_outcome_is_coloured_by_its_own_direction() -> None:
    fit = senn().fit()
    both = fit.league(other=fit)
    alike, apart_ = league.colours(both, (True, True)), league.colours(both, (True, False))
    for i, j in combinations(range(len(both.treatments)), 2):
        assert alike[j][i] == apart_[j][i]
        assert (alike[i][j] == apart_[i][j]) == (alike[i][j] == "#ffffff")


def test_league_csv_and_html_hold_the_numbers_and_escape_names() -> None:
    fit = senn().fit(reference="plac")
    table = fit.league("direct")
    lines = league.league_csv(table).splitlines()
    assert lines[0] == ",acar,benf,metf,migl,piog,plac,rosi,sita,sulf,vild"
    assert lines[7].split(",")[6] == "-1.23 (-1.48 to -0.99)"
    html = league.league_html(table)
    assert "−1.48 to −0.99" in html
    assert html.count("<tr") == 11
    assert "class=" not in html  # word processors keep styles in the cells only
    hostile = Network.from_studies(
        [
            type(s)(s.study, tuple(t.replace("acar", "<b>acar</b>") for t in s.treatments), s.estimates, s.covariance)
            for s in senn().studies
        ]
    )
    assert "&lt;b&gt;acar&lt;/b&gt;" in league.league_html(hostile.fit().league())


def test_large_league_pictures_show_estimates_only(network: Network) -> None:
    ax = figures.league_picture(network.fit().league())
    intervals = [t for t in texts(ax) if " to " in t]
    assert bool(intervals) == (len(network.treatments) <= league.INTERVALS)
    assert len(ax.collections[0].get_paths()) == len(network.treatments) ** 2


# -------------------------------------------------------------------------------------- ranking, inconsistency, …


def test_rankogram_bars_are_the_rank_probabilities() -> None:
    ranking = senn().fit().ranking()
    ax = figures.rankogram(ranking)
    bars = ax.collections[0].get_paths()
    heights = np.array([np.ptp(np.asarray(path.vertices)[:, 1]) for path in bars]).reshape(10, 10)
    expected = ranking.rank_probabilities[[ranking.treatments.index(t) for t in ranking.order]]
    assert_allclose(heights / heights.max(), expected / expected.max(), atol=1e-12)


def test_rankogram_rows_never_overlap(network: Network) -> None:
    assert overlapping(boxes(figures.rankogram(network.fit().ranking()), "label")) == []


def test_net_heat_shows_the_change_of_q_as_colour_and_the_weight_as_area() -> None:
    heat = senn().fit().net_heat()
    ax = figures.net_heat_plot(heat)
    rows = shown(heat)
    assert len(rows) == int(heat.informative.sum())
    assert_allclose(np.asarray(ax.collections[0].get_array()), heat.change[np.ix_(rows, rows)])
    areas = [np.ptp(np.asarray(path.vertices)[:, 0]) ** 2 for path in ax.collections[1].get_paths()]
    assert max(areas) == pytest.approx(0.92**2 * np.abs(heat.hat[np.ix_(rows, rows)]).max())


def test_net_heat_of_a_star_says_that_there_is_none() -> None:
    with pytest.raises(DataError, match="no design can disagree"):
        figures.net_heat_plot(apart().fit().net_heat())


def test_split_forest_puts_the_least_consistent_comparison_on_top() -> None:
    split = senn().fit().split()
    rows = mixed_rows(split)
    assert (np.diff(split.p[rows]) >= 0).all()
    ax = figures.split_forest(split)
    first = f"{split.treatment[rows[0]]} vs {split.comparator[rows[0]]}"
    assert first == "rosi vs sulf"
    assert first in texts(ax)
    points: dict[object, list[float]] = {line.get_marker(): [] for line in ax.lines}
    for line in ax.lines:
        points[line.get_marker()].append(float(np.asarray(line.get_xdata(), dtype=float)[0]))
    assert_allclose(points["s"], split.direct[rows])
    assert_allclose(points["D"], split.indirect[rows])
    assert_allclose(points["o"], split.network[rows])


def test_split_forest_without_indirect_evidence_says_so() -> None:
    with pytest.raises(DataError, match="no comparison has both direct and indirect evidence"):
        figures.split_forest(apart().fit().split())


def test_the_sure_order_is_an_order_and_its_diagram_leaves_out_what_follows(network: Network) -> None:
    order = figures.sure_order(network.fit().ranking(), 0.9)
    above = order.above.astype(int)
    assert not np.diag(order.above).any()
    assert ((above @ above > 0) <= order.above).all()
    assert not (order.covers & (above @ above > 0)).any()


def test_boxes_of_the_hasse_diagram_never_overlap_and_lines_run_to_the_right(network: Network) -> None:
    from equipoise.figures.network.hasse import layout

    order = figures.sure_order(network.fit().ranking(), 0.9)
    with style.drawing():
        placed = layout(order, list(order.treatments), style.SIZE)
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(placed.boxes.tolist(), 2):
        assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 + 1e-6 or y2 + h2 <= y1 + 1e-6
    assert len(placed.ways) == int(order.covers.sum())
    for way in placed.ways:
        assert all(a[0] < b[0] for a, b in pairwise(way))


def test_hasse_diagram_of_two_outcomes_names_every_treatment() -> None:
    ranking = senn().fit().ranking()
    opposite = senn().fit().ranking(smaller_is_better=False)
    ax = figures.hasse_diagram(partial_order({"one": ranking, "other": opposite}))
    assert sum((t.get_gid() or "").startswith("label") for t in ax.texts) == 10
    assert "None is above another." in texts(ax)


def test_contribution_matrix_shows_per_cent() -> None:
    contributions = senn().fit(reference="plac").contributions(pairs=[("rosi", "plac"), ("sita", "plac")])
    ax = figures.contribution_matrix(contributions)
    drawn = np.asarray(ax.collections[0].get_array())
    assert drawn[1].max() == pytest.approx(100.0)
    assert_allclose(drawn.sum(axis=1), 100.0)
    assert "100" in texts(ax)


def test_contributions_of_many_comparisons_are_lumped_and_still_add_up() -> None:
    fit = made_up(41, 100).fit()
    contributions = fit.contributions(pairs=[(t, fit.treatments[0]) for t in fit.treatments[1:]])
    ax = figures.contribution_matrix(contributions)
    drawn = np.asarray(ax.collections[0].get_array())
    assert drawn.shape[1] <= COLUMNS + 1 < contributions.matrix.shape[1]
    assert_allclose(drawn.sum(axis=1), 100.0)
    assert f"{contributions.matrix.shape[1] - drawn.shape[1] + 1} others" in texts(ax)


def test_benefit_harm_plane_has_better_to_the_right_and_upwards() -> None:
    fit = senn().fit(reference="plac")
    result = benefit_harm(fit, fit, "plac")
    ax = figures.benefit_harm_plane(result)
    assert ax.xaxis_inverted()
    assert ax.yaxis_inverted()
    upright = figures.benefit_harm_plane(result, smaller_is_better=(False, True))
    assert not upright.xaxis_inverted()


def test_labels_of_the_plane_cover_no_other(network: Network) -> None:
    fit = network.fit()
    other = made_up(len(network.treatments), len(network.studies), seed=2).fit()
    ax = figures.benefit_harm_plane(benefit_harm(fit, other, fit.treatments[0]))
    found = boxes(ax, "label")
    assert len(found) == len(network.treatments) - 1
    assert len(overlapping(found)) <= len(found) // 20


def test_placed_labels_stay_on_the_sheet_and_apart() -> None:
    points = np.random.default_rng(4).uniform(60, 340, (25, 2))
    placed = labels.place_labels(points, [40.0] * 25, 9.0, (400.0, 400.0))
    assert all(b.x >= 0 and b.y >= 0 and b.x + b.width <= 400 and b.y + b.height <= 400 for b in placed)
    assert not any(a.overlaps(b) for a, b in combinations(placed, 2))


def test_funnel_points_are_the_adjusted_estimates() -> None:
    fit = senn().fit(reference="plac")
    result = comparison_adjusted(fit, fit.treatments)
    ax = figures.network_funnel(result)
    points = np.concatenate(
        [np.asarray(line.get_xdata()) for line in ax.lines if line.get_marker() not in ("None", "")]
    )
    assert_allclose(sorted(points), sorted(result.adjusted))
    assert ax.get_ylim()[1] == 0.0


# ------------------------------------------------------------------------------------------------------- the page


def short_names() -> Network:
    """Three treatments called by a letter, in a loop that doesn't quite close."""
    pairs = [("A", "B", 0.3), ("B", "C", 0.2), ("A", "C", 0.9), ("A", "B", 0.1)]
    return Network.from_studies(
        [
            StudyContrasts(str(k), (a, b), np.array([y]), np.array([[0.02 + 0.01 * k]]))
            for k, (a, b, y) in enumerate(pairs)
        ],
        "MD",
    )


def all_drawn(network: Network) -> dict[str, Axes]:
    fit = network.fit()
    ranking, pairs = fit.ranking(), [(t, fit.treatments[0]) for t in fit.treatments[1:]]
    return {
        "graph": figures.network_graph(network),
        "forest": figures.network_forest(fit, smaller_is_better=True),
        "league": figures.league_picture(fit.league("direct")),
        "rankogram": figures.rankogram(ranking),
        "hasse": figures.hasse_diagram(figures.sure_order(ranking)),
        "heat": figures.net_heat_plot(fit.net_heat()),
        "split": figures.split_forest(fit.split(), rows=mixed_rows(fit.split())[:10]),
        "contributions": figures.contribution_matrix(fit.contributions(pairs=pairs)),
        "thresholds": figures.threshold_forest(study_thresholds(fit)),
        "funnel": figures.network_funnel(comparison_adjusted(fit, ranking.order)),
        "plane": figures.benefit_harm_plane(benefit_harm(fit, fit, fit.treatments[0])),
    }


def test_no_text_is_cut_off(network: Network) -> None:
    drawn = all_drawn(network)
    assert {name: outside(ax, text_boxes(ax)) for name, ax in drawn.items()} == {name: [] for name in drawn}


def test_no_text_is_cut_off_where_three_treatments_leave_little_room() -> None:
    drawn = all_drawn(short_names())
    assert {name: outside(ax, text_boxes(ax)) for name, ax in drawn.items()} == {name: [] for name in drawn}


# --------------------------------------------------------------------------------------------------------- files


def test_text_stays_text_and_files_are_the_same_every_time(tmp_path: Path) -> None:
    fit = senn().fit(reference="plac")
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for ending in ("svg", "pdf", "png"):
            figures.save(figures.network_forest(fit), folder / f"forest.{ending}", 60)
    svg = (tmp_path / "one" / "forest.svg").read_text(encoding="utf-8")
    assert ">rosi</text>" in re.sub(r"\s*\n\s*", "", svg)
    assert "sans-serif" in svg
    for ending in ("svg", "pdf", "png"):
        assert (tmp_path / "one" / f"forest.{ending}").read_bytes() == (
            tmp_path / "two" / f"forest.{ending}"
        ).read_bytes()


def test_names_are_never_read_as_formulas(tmp_path: Path) -> None:
    network = Network.from_studies(
        [type(s)(s.study, tuple(f"${t}_1$" for t in s.treatments), s.estimates, s.covariance) for s in senn().studies]
    )
    figures.save(figures.network_graph(network), tmp_path / "graph.svg")
    assert "$rosi_1$" in (tmp_path / "graph.svg").read_text(encoding="utf-8")


def test_a_figure_goes_into_the_axes_it_is_given() -> None:
    figure, axes = plt.subplots(1, 2, figsize=(14, 6))
    network = senn()
    assert figures.network_graph(network, axes[0]) is axes[0]
    assert figures.network_forest(network.fit(), axes[1]) is axes[1]
    assert len(figure.axes) == 2
    assert axes[1].get_position().x0 > 0.5


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"pip install 'equipoise\[figures\]'"):
        figures.network_graph(senn())
