"""Figures of a network meta-analysis; each takes a result and an optional matplotlib Axes and returns the Axes."""

from equipoise.figures.network.benefit_harm import benefit_harm_plane
from equipoise.figures.network.component_forest import component_forest
from equipoise.figures.network.contribution_matrix import contribution_matrix
from equipoise.figures.network.dose_curves import dose_curves
from equipoise.figures.network.forest import network_forest
from equipoise.figures.network.funnel import network_funnel
from equipoise.figures.network.graph import network_graph
from equipoise.figures.network.hasse import hasse_diagram, sure_order
from equipoise.figures.network.heat import net_heat_plot
from equipoise.figures.network.league import league_csv, league_html, league_picture
from equipoise.figures.network.rankogram import rankogram
from equipoise.figures.network.split_forest import split_forest
from equipoise.figures.network.style import save
from equipoise.figures.network.threshold_forest import threshold_forest

__all__ = [
    "benefit_harm_plane",
    "component_forest",
    "contribution_matrix",
    "dose_curves",
    "hasse_diagram",
    "league_csv",
    "league_html",
    "league_picture",
    "net_heat_plot",
    "network_forest",
    "network_funnel",
    "network_graph",
    "rankogram",
    "save",
    "split_forest",
    "sure_order",
    "threshold_forest",
]
