"""Figures: each takes a result and an optional matplotlib Axes and returns the Axes.

    from equipoise.figures import forest, write
    write(forest(fit, effects), "forest")          # forest.svg, forest.pdf, forest.png

matplotlib is imported when a figure is drawn (``pip install 'equipoise[figures]'``).
"""

from __future__ import annotations

from equipoise.figures.baujat import baujat as baujat
from equipoise.figures.drapery import drapery as drapery
from equipoise.figures.forest import forest as forest
from equipoise.figures.funnel import funnel as funnel
from equipoise.figures.gosh import gosh as gosh
from equipoise.figures.influence import influence as influence
from equipoise.figures.labbe import labbe as labbe
from equipoise.figures.model_average import averaged_effect as averaged_effect
from equipoise.figures.model_average import averaged_weights as averaged_weights
from equipoise.figures.posterior import posterior_density as posterior_density
from equipoise.figures.posterior import prior_sensitivity as prior_sensitivity
from equipoise.figures.radial import radial as radial
from equipoise.figures.series import series as series
from equipoise.figures.writing import write as write

__all__ = [
    "averaged_effect",
    "averaged_weights",
    "baujat",
    "drapery",
    "forest",
    "funnel",
    "gosh",
    "influence",
    "labbe",
    "posterior_density",
    "prior_sensitivity",
    "radial",
    "series",
    "write",
]
