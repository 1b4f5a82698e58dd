"""Figures of a network meta-analysis; each takes a result and an optional matplotlib Axes and returns the Axes."""

from equipoise.figures.network.forest import network_forest
from equipoise.figures.network.graph import network_graph
from equipoise.figures.network.league import league_csv, league_html, league_picture

__all__ = ["league_csv", "league_html", "league_picture", "network_forest", "network_graph"]
