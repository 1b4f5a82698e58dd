"""Figures: each takes a result and an optional matplotlib Axes and returns the Axes."""
