"""The figures of `equipoise nma`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from equipoise.cli.network.analysis import Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "pdf", "png")

SPLIT_PAGE = 24
"""Comparisons on one page of the forest plot of direct and indirect evidence."""
HEAT_MOST = 90
MATRIX_MOST = 120


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure to be drawn: ``name`` is its file's, ``section`` the report's that shows it."""

    name: str
    section: str
    title: str
    draw: Callable[[], Axes]


def figures(analysis: Analysis, risk_of_bias: Mapping[str, str] | None) -> list[Figure]:
    """Those that these results allow, in the report's order."""
    from equipoise.figures import network as drawn

    fit, settings = analysis.fit, analysis.settings
    smaller = settings.smaller_is_better
    order = analysis.ranking.order
    found = [
        Figure(
            "network", "network", "Network graph", lambda: drawn.network_graph(fit.network, risk_of_bias=risk_of_bias)
        ),
        Figure(
            "forest",
            "effects",
            "Effects against the reference",
            lambda: drawn.network_forest(fit, order=order, smaller_is_better=smaller),
        ),
        Figure(
            "league", "league", "League table", lambda: drawn.league_picture(analysis.league, smaller_is_better=smaller)
        ),
    ]
    return found


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
