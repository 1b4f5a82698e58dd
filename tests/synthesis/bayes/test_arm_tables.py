"""Posteriors of arms offer what those of contrasts do: tables, league, heterogeneity, figures."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from test_arm_level import SMALL, SMOKING, binomial

from equipoise.errors import DataError
from equipoise.figures.network import league_html, league_picture, network_forest, rankogram
from equipoise.figures.network.forest import rows_of
from equipoise.synthesis.bayes.arm_level import ArmPosterior, posterior_from_arms
from equipoise.synthesis.bayes.linear_posterior import NoHeterogeneity
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import HalfNormal


@pytest.fixture(scope="module", name="posterior")
def _posterior() -> ArmPosterior:
    return posterior_from_arms(binomial(SMOKING), HalfNormal(1.0), points=2048)


def texts(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def test_tables_agree_with_the_distributions_of_their_pairs(posterior: ArmPosterior) -> None:
    table = posterior.effects("B")
    assert table.comparator == ("B", "B", "B")
    assert table.treatment == ("A", "C", "D")
    for row, name in enumerate(table.treatment):
        pair = posterior.contrast(name, "B")
        assert table.estimates[row] == pytest.approx(float(pair.mean), abs=1e-12)
        assert [table.lower[row], table.upper[row]] == pytest.approx(pair.interval().tolist(), abs=1e-9)
        assert table.below[row] == pytest.approx(float(pair.cdf(0.0)), abs=1e-12)
    assert table.studies.tolist() == [3, 2, 2]  # studies 10, 11, 16; 2, 21; 2, 22
    assert len(posterior.comparisons().treatment) == 6
    assert posterior.medians[2, 0] == -posterior.medians[0, 2]


def test_the_league_in_the_order_of_the_ranks(posterior: ArmPosterior) -> None:
    order = posterior.ranking(smaller_is_better=False).order
    league = posterior.league("prediction", order=order)
    assert league.interval_name == "credible"
    assert league.treatments == tuple(order)
    top, bottom = order[0], order[-1]
    assert league.upper[0, -1] == pytest.approx(float(posterior.predict(top, bottom).quantile(0.975)), abs=1e-9)
    assert league.upper[-1, 0] == pytest.approx(float(posterior.contrast(bottom, top).quantile(0.975)), abs=1e-9)
    with pytest.raises(DataError, match="upper_triangle"):
        posterior.league("direct")  # type: ignore[arg-type]


def test_figures(posterior: ArmPosterior) -> None:
    rows = {row.label: row for row in rows_of(posterior)}
    assert rows["C"].prediction_upper == pytest.approx(float(posterior.predict("C", "A").quantile(0.975)))
    shown = texts(network_forest(posterior, smaller_is_better=False))
    assert "OR (95% CrI)" in shown
    ranking = posterior.ranking(smaller_is_better=False)
    league = posterior.league("prediction", order=ranking.order)
    assert "credible interval" in league_html(league)
    assert "new study" in texts(league_picture(league))
    assert "SUCRA" in texts(rankogram(ranking))


def test_a_common_effect_has_no_heterogeneity() -> None:
    found = posterior_from_arms(binomial(SMALL), model="common", points=512)
    assert isinstance(found.tau, NoHeterogeneity)
    assert found.tau.interval() == (0.0, 0.0)
    assert found.log_evidence == found.tau.log_evidence
    tau, effects = found.draws(100)
    assert not tau.any()
    assert effects.shape == (100, 2)
    with pytest.raises(DataError, match="common-effect"):
        found.predict("B", "A")
    assert np.isnan(rows_of(found)[0].prediction_lower)


def test_every_quantity_may_have_its_own_weights() -> None:
    random = np.random.default_rng(1)
    weights, means, sds = random.dirichlet(np.ones(5), 3).T, random.normal(size=(5, 3)), random.uniform(0.2, 2, (5, 3))
    several = NormalMixture(weights, means, sds)
    for q in range(3):
        one = NormalMixture(weights[:, q], means[:, q], sds[:, q])
        assert several.mean[q] == pytest.approx(float(one.mean), abs=1e-14)
        assert several.sd[q] == pytest.approx(float(one.sd), abs=1e-14)
        assert several.quantile(0.1)[q] == pytest.approx(float(one.quantile(0.1)), abs=1e-10)
        np.testing.assert_allclose(several.shortest_interval()[:, q], one.shortest_interval(), atol=1e-8)
        np.testing.assert_allclose(several.take(q).pdf([0.0, 1.0]), one.pdf([0.0, 1.0]), atol=1e-14)
