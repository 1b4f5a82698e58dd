"""Figures draw posteriors as they draw fits, and say that the intervals are credible."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes

from equipoise.figures.network import league_html, league_picture, network_forest, rankogram, split_forest
from equipoise.figures.network.forest import rows_of
from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
from equipoise.synthesis.bayes.priors import HalfNormal
from nma_samples import senn


@pytest.fixture(scope="module", name="posterior")
def _posterior() -> NetworkPosterior:
    return senn().posterior(HalfNormal(1.0), reference="plac")


def texts(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def test_the_forest_shows_credible_and_prediction_intervals(posterior: NetworkPosterior) -> None:
    rows = {row.label: row for row in rows_of(posterior)}
    assert len(rows) == 9
    assert rows["rosi"].prediction_upper == pytest.approx(float(posterior.predict("rosi", "plac").quantile(0.975)))
    shown = texts(network_forest(posterior, smaller_is_better=True))
    assert "MD (95% CrI)" in shown
    assert "credible interval" in shown


def test_league_rankogram_and_split_forest(posterior: NetworkPosterior) -> None:
    league = posterior.league("prediction", order=posterior.ranking().order)
    assert "credible interval" in league_html(league)
    assert "new study" in texts(league_picture(league))
    assert "SUCRA" in texts(rankogram(posterior.ranking(samples=512)))
    assert "CrI" in texts(split_forest(posterior.split()))
