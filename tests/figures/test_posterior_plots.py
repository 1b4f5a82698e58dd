"""Figures of posteriors: what is drawn is what the result says."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy.stats import norm
from scipy.stats import t as student

import datasets
import equipoise as eq
from equipoise.errors import DataError
from equipoise.figures import forest, posterior_density, prior_sensitivity
from equipoise.figures.forest_rows import forest_rows
from equipoise.frames import FloatArray
from nma_samples import senn

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


def test_a_network_shows_contrasts_with_the_prior_that_they_have() -> None:
    network = senn()
    posterior = network.posterior(eq.HalfNormal(0.5), eq.Normal(0.2, 1.0), reference="plac")

    def drawn(*pair: str) -> tuple[FloatArray, dict[str, FloatArray]]:
        ax = posterior_density(posterior, treatment=pair[0], comparator=pair[1] if len(pair) > 1 else None)
        curves = {str(line.get_label()): np.asarray(line.get_ydata(), dtype=float) for line in ax.lines}
        return np.asarray(ax.lines[0].get_xdata(), dtype=float), curves

    x, curves = drawn("metf")
    assert curves["Posterior"] == pytest.approx(posterior.contrast("metf", "plac").pdf(x))
    assert curves["Effect in a new study"] == pytest.approx(posterior.predict("metf", "plac").pdf(x))
    assert curves["Prior"] == pytest.approx(norm.pdf(x, 0.2, 1.0))
    x, curves = drawn("metf", "rosi")  # the difference of two independent basic parameters
    assert curves["Prior"] == pytest.approx(norm.pdf(x, 0.0, np.sqrt(2.0)))
    every = network.posterior(eq.HalfNormal(0.5), eq.Normal(0.0, 1.0), prior_on="all contrasts")
    prior = every.prior_of("metf", "rosi")
    assert prior is not None
    assert (float(prior.mean), float(prior.sd)) == pytest.approx((0.0, 1.0), abs=1e-12)
    some = network.posterior(eq.HalfNormal(0.5), {"metf": eq.Student(0.3, 1.0, 4.0)}, reference="plac")
    prior = some.prior_of("metf", "plac")
    assert prior is not None
    assert prior.pdf(x) == pytest.approx(student.pdf(x, 4.0, 0.3, 1.0), rel=1e-6)
    assert some.prior_of("metf", "rosi") is None


def test_a_network_shows_tau_with_its_prior() -> None:
    posterior = senn().posterior(eq.HalfNormal(0.5))
    ax = posterior_density(posterior, "tau")
    curves = {line.get_label(): line for line in ax.lines}
    x = np.asarray(curves["Prior"].get_xdata(), dtype=float)
    assert np.asarray(curves["Posterior"].get_ydata(), dtype=float) == pytest.approx(posterior.tau.pdf(x))
    assert np.asarray(curves["Prior"].get_ydata(), dtype=float) == pytest.approx(np.exp(eq.HalfNormal(0.5).logpdf(x)))
    with pytest.raises(DataError, match="say which effect"):
        posterior_density(posterior)
    with pytest.raises(DataError, match="common-effect"):
        posterior_density(senn().posterior(model="common"), "tau")
    with pytest.raises(DataError, match="belong to networks"):
        posterior_density(POSTERIOR, treatment="b")


def test_a_forest_plot_shows_the_median_where_there_is_no_mean() -> None:
    posterior = eq.pool([0.3, 0.4, 0.2], [0.09] * 3, prior=eq.Flat())
    assert np.isnan(posterior.estimate)
    summary = next(row for row in forest_rows(posterior).rows if row.kind == "summary")
    assert summary.estimate == pytest.approx(0.3)
