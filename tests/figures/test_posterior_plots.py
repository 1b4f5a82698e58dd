"""Figures of posteriors: what is drawn is what the result says."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt

import datasets
import equipoise as eq
from equipoise.errors import DataError
from equipoise.figures import forest, posterior_density, prior_sensitivity
from equipoise.figures.forest_rows import forest_rows

BCG = eq.effect_sizes(datasets.BCG, measure="OR", study="study", events=("events1", "events2"), n=("n1", "n2"))
POSTERIOR = eq.pool(BCG, prior=eq.HalfNormal(0.5), effect_prior=eq.Normal(0.0, 1.0))


@pytest.fixture(autouse=True)
def closed() -> object:
    yield
    plt.close("all")


def test_a_forest_plot_shows_the_posterior() -> None:
    rows = forest_rows(POSTERIOR, BCG)
    summary = next(row for row in rows.rows if row.kind == "summary")
    assert [summary.estimate, summary.low, summary.high] == pytest.approx(np.exp([POSTERIOR.estimate, *POSTERIOR.ci]))
    assert summary.label == "Random effects (Bayesian)"
    assert "CrI" in rows.heading
    assert "half-normal (scale 0.5)" in rows.footnotes[0]
    prediction = next(row for row in rows.rows if row.kind == "prediction")
    assert [prediction.low, prediction.high] == pytest.approx(np.exp(POSTERIOR.prediction))
    assert forest(POSTERIOR, BCG) is not None
    common = forest_rows(eq.pool(BCG, model="common", effect_prior=eq.Flat()))
    assert not common.footnotes
    assert all(row.kind != "prediction" for row in common.rows)


@pytest.mark.parametrize("quantity", ["effect", "tau"])
def test_densities_are_drawn_with_their_priors(quantity: str) -> None:
    ax = posterior_density(POSTERIOR, quantity)  # type: ignore[arg-type]
    curves = {line.get_label(): line for line in ax.lines}
    x, y = (np.asarray(values, dtype=float) for values in curves["Posterior"].get_data())
    at = np.log(x) if quantity == "effect" else x
    distribution = POSTERIOR.effect if quantity == "effect" else POSTERIOR.tau
    prior = POSTERIOR.effect_prior if quantity == "effect" else POSTERIOR.heterogeneity_prior
    assert prior is not None
    assert y == pytest.approx(distribution.pdf(at))
    assert np.asarray(curves["Prior"].get_ydata(), dtype=float) == pytest.approx(np.exp(prior.logpdf(at)))
    assert ax.get_xlabel().startswith("Odds ratio" if quantity == "effect" else "Heterogeneity τ")


def test_densities_that_do_not_exist_are_refused() -> None:
    with pytest.raises(DataError, match="common-effect"):
        posterior_density(eq.pool(BCG, model="common", effect_prior=eq.Flat()), "tau")
    with pytest.raises(DataError, match="effect or tau"):
        posterior_density(POSTERIOR, "theta")  # type: ignore[arg-type]


def test_sensitivity_shows_every_prior_with_its_numbers() -> None:
    found = eq.prior_sensitivity(BCG, priors={"narrow": eq.HalfNormal(0.1), "wide": eq.HalfNormal(2.0), "common": None})
    ax = prior_sensitivity(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["common", "wide", "narrow"]
    texts = [text.get_text() for text in ax.texts]
    wide = found.posteriors["wide"].natural
    assert f"{wide['estimate']:.2f} [{wide['ci_low']:.2f}, {wide['ci_high']:.2f}]" in texts
    assert len(texts) == 3 * 3 + 3
    assert len([line for line in ax.lines if line.get_marker() == "o"]) == 3
