"""The figures of `equipoise nma`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equipoise.cli.network.analysis import Analysis
from equipoise.cli.network.further import Further

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPLIT_PAGE = 24
"""Comparisons on one page of the forest plot of direct and indirect evidence."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure to be drawn: ``name`` is its file's, ``section`` the report's, or the further analysis, that shows it."""

    name: str
    section: str
    title: str
    draw: Callable[[], Axes]


def figures(analysis: Analysis, risk_of_bias: Mapping[str, str] | None, further: Further | None = None) -> list[Figure]:
    """Those that these results allow, in the report's order."""
    from equipoise.figures import network as drawn

    fit, settings = analysis.fit, analysis.settings
    smaller = settings.smaller_is_better
    order = analysis.ranking.order
    names = {
        "forest": "Every treatment against the reference, sorted by P-score",
        "rankogram": "Probability of every rank",
        "hasse": "Hasse diagram: lines join treatments of which the left one is better with a probability of at least 97.5 %",
        "net_heat": "Net heat plot: which designs drive the inconsistency",
        "contributions": "Contribution of each direct comparison to the estimates against the reference",
        "funnel": "Comparison-adjusted funnel plot",
    }
    found = [
        Figure(
            "network",
            "network",
            "Network graph",
            lambda: drawn.network_graph(fit.network, risk_of_bias=risk_of_bias),
        ),
        Figure(
            "forest",
            "effects",
            names["forest"],
            lambda: drawn.network_forest(fit, order=order, smaller_is_better=smaller),
        ),
        Figure("league", "", "League table", lambda: drawn.league_picture(analysis.league, smaller_is_better=smaller)),
        Figure("rankogram", "ranking", names["rankogram"], lambda: drawn.rankogram(analysis.ranking)),
        Figure("hasse", "ranking", names["hasse"], lambda: drawn.hasse_diagram(drawn.sure_order(analysis.ranking))),
    ]
    if analysis.net_heat.informative.any():
        found.append(
            Figure("net_heat", "inconsistency", names["net_heat"], lambda: drawn.net_heat_plot(analysis.net_heat))
        )
    found += _split_pages(analysis)
    found.append(
        Figure(
            "contributions",
            "contributions",
            names["contributions"],
            lambda: drawn.contribution_matrix(analysis.contributions),
        )
    )
    funnel = analysis.funnel
    if funnel is not None:
        found.append(Figure("funnel", "small-studies", names["funnel"], lambda: drawn.network_funnel(funnel)))
    return found + (_further(further, analysis) if further is not None else [])


def _further(further: Further, analysis: Analysis) -> list[Figure]:
    """The figures of further analyses."""
    from equipoise.figures import network as drawn

    found = []
    for part in further.parts:
        result = part.result
        if part.name == "thresholds" and result is not None and len(result.source):
            title = "How far the most sensitive study contrasts may move before another treatment comes first"
            found.append(
                Figure("thresholds", part.name, title, lambda result=result: drawn.threshold_forest(result))  # type: ignore[misc]
            )
        if part.name == "thresholds_by_comparison" and result is not None and len(result.source):
            title = "How far all direct evidence on a comparison may move before another treatment comes first"
            found.append(
                Figure(part.name, part.name, title, lambda result=result: drawn.threshold_forest(result))  # type: ignore[misc]
            )
        if part.name == "components" and np.isfinite(result.effects.estimates).any():
            title = "What each component adds"
            found.append(
                Figure("components", part.name, title, lambda result=result: drawn.component_forest(result))  # type: ignore[misc]
            )
        if part.name == "dose_response" and result is not None:
            title = "Dose–response curves against dose 0"
            found.append(
                Figure(
                    "dose_response", part.name, title, lambda result=result: drawn.dose_curves(result, analysis.fit)  # type: ignore[misc]
                )
            )  # fmt: skip
    both = further.both
    if both is not None:
        ways = both.smaller_is_better
        found += [
            Figure(
                "benefit_harm",
                "both_outcomes",
                f"{both.names[0]} against {both.names[1]}, better to the right and up",
                lambda: drawn.benefit_harm_plane(both.plane, smaller_is_better=ways, names=both.names),
            ),
            Figure(
                "league_outcomes",
                "",
                "League table of both outcomes",
                lambda: drawn.league_picture(both.league, smaller_is_better=ways, names=both.names),
            ),
        ]
    return found


def _split_pages(analysis: Analysis) -> list[Figure]:
    """The forest plot of direct and indirect evidence, on as many pages as it needs."""
    from equipoise.figures.network.split_forest import mixed_rows, split_forest

    rows = mixed_rows(analysis.split)
    pages = [rows[start : start + SPLIT_PAGE] for start in range(0, len(rows), SPLIT_PAGE)]
    title = "Direct against indirect evidence, the least consistent comparisons first"

    def page(chosen: list[int], number: int) -> Figure:
        several = len(pages) > 1
        name = f"split_forest_{number}" if several else "split_forest"
        part = f" ({number} of {len(pages)})" if several else ""
        return Figure(name, "inconsistency", title + part, lambda: split_forest(analysis.split, rows=chosen))

    return [page(chosen, number) for number, chosen in enumerate(pages, start=1)]


def render(figure: Figure, folder: Path, formats: tuple[str, ...]) -> list[Path]:
    """Draw and write a figure in every format."""
    from matplotlib import pyplot as plt

    from equipoise.figures.network import style

    ax = figure.draw()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{figure.name}.{ending}" for ending in formats]
        for path in paths:
            style.save(ax, path)
        return paths
    finally:
        root = ax.get_figure(root=True)
        assert root is not None
        plt.close(root)
