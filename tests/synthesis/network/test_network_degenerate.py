"""Networks at the edge: each analysis gives the right thing, or an error that names the mend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, NetworkFit, StudyContrasts
from equipoise.synthesis.network.binary_arms import BinaryArms, binary_arms
from equipoise.synthesis.network.components import fit_components
from equipoise.synthesis.network.forward_search import forward_search
from equipoise.synthesis.network.hypergeometric import hypergeometric
from equipoise.synthesis.network.leave_out import leave_one_study_out, leave_one_treatment_out
from equipoise.synthesis.network.mantel_haenszel import mantel_haenszel
from equipoise.synthesis.network.outliers import diagnose, shift_variance
from equipoise.synthesis.network.penalised import penalised_logistic
from equipoise.synthesis.network.small_study import comparison_adjusted, small_study_regression
from equipoise.synthesis.network.threshold import comparison_thresholds, study_thresholds

DESIGNS: dict[str, list[tuple[str, ...]]] = {
    "star": [("c", "a"), ("c", "b"), ("c", "d"), ("c", "e")],
    "chain": [("a", "b"), ("b", "c"), ("c", "d")],
    "one loop": [("a", "b"), ("b", "c"), ("a", "c")],
    "one study": [("a", "b")],
    "one study of three arms": [("a", "b", "c")],
    "all of several arms": [("a", "b", "c"), ("b", "c", "d"), ("a", "c", "d"), ("a", "b", "d")],
    "two subnetworks": [("a", "b"), ("a", "b"), ("x", "y"), ("x", "y"), ("x", "z")],
    "sixty arms": [tuple(f"t{i:02d}" for i in range(60)), ("t00", "t01"), ("t00", "t02")],
    "one comparison": [("a", "b")] * 5,
}


def counts(designs: list[tuple[str, ...]]) -> BinaryArms:
    random = np.random.default_rng(5)
    rows = [(str(i), t, int(random.integers(12, 40)), 100) for i, design in enumerate(designs) for t in design]
    studies, treatments, events, sizes = zip(*rows, strict=True)
    return binary_arms(studies, treatments, events, sizes)


def network(designs: list[tuple[str, ...]]) -> Network:
    arms = counts(designs)
    studies = []
    for number, name in enumerate(arms.studies):
        own = arms.study == number
        log_odds = np.log(arms.events[own] / arms.nonevents[own])
        variances = 1 / arms.events[own] + 1 / arms.nonevents[own]
        covariance = variances[0] + np.diag(variances[1:])
        treatments = tuple(arms.treatments[t] for t in arms.treatment[own])
        studies.append(StudyContrasts(name, treatments, log_odds[1:] - log_odds[0], covariance))
    return Network.from_studies(studies, "OR")


ANALYSES: dict[str, Callable[[NetworkFit], Any]] = {
    "components": lambda fit: fit_components(fit.network),
    "leave one study out": leave_one_study_out,
    "leave one treatment out": leave_one_treatment_out,
    "study thresholds": study_thresholds,
    "comparison thresholds": comparison_thresholds,
    "diagnostics": diagnose,
    "shift variance": shift_variance,
    "forward search": lambda fit: forward_search(fit, candidates=5),
    "funnel": lambda fit: comparison_adjusted(fit, fit.treatments),
    "small studies": lambda fit: small_study_regression(fit.network),
}

CANT = {  # what can't be done, and what the error says
    ("one study", "leave one study out"): "is the only study",
    ("one study of three arms", "leave one study out"): "is the only study",
    ("one study", "leave one treatment out"): "two treatments",
    ("one comparison", "leave one treatment out"): "two treatments",
    ("one study", "funnel"): "three comparisons at least",
    ("one study", "small studies"): "equally precise",
    ("one study of three arms", "small studies"): "equally precise",
    ("star", "small studies"): "choose another reference",
    ("chain", "small studies"): "choose another reference",
}


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("name", DESIGNS)
def test_an_answer_or_the_mend(name: str, analysis: str) -> None:
    fit = network(DESIGNS[name]).fit(method="DL")
    if (name, analysis) in CANT:
        with pytest.raises(DataError, match=CANT[name, analysis]):
            ANALYSES[analysis](fit)
        return
    result = ANALYSES[analysis](fit)
    assert result.summary()
    assert len(result.to_frame())


@pytest.mark.parametrize("name", DESIGNS)
def test_binary_models_agree_with_each_other_when_events_abound(name: str) -> None:
    """With dozens of events an arm the four models differ by less than a quarter of a standard error."""
    arms = counts(DESIGNS[name])
    fits = [
        mantel_haenszel(arms),
        hypergeometric(arms, likelihood="exact"),
        penalised_logistic(arms),
    ]
    errors = fits[0].standard_errors
    for fit in fits[1:]:
        gap = np.abs(fit.estimates - fits[0].estimates) / np.where(errors > 0, errors, 1.0)
        assert np.nanmax(gap) < 0.25
        assert np.array_equal(np.isnan(fit.estimates), np.isnan(fits[0].estimates))


@pytest.mark.parametrize("name", ["star", "chain", "one study", "one study of three arms"])
def test_without_degrees_of_freedom_there_is_no_heterogeneity_to_see(name: str) -> None:
    fit = fit_components(network(DESIGNS[name]), separator="")
    assert fit.df == 0
    assert fit.tau2 == 0
    assert np.isnan(fit.p)


def test_a_study_of_three_participants_changes_nothing_much() -> None:
    designs = DESIGNS["one loop"] * 3
    arms = counts(designs)
    rows = [
        (arms.studies[s], arms.treatments[t], e, n)
        for s, t, e, n in zip(arms.study, arms.treatment, arms.events, arms.participants, strict=True)
    ]
    tiny = [*rows, ("tiny", "a", 1, 3), ("tiny", "b", 0, 3)]
    for method in (mantel_haenszel, penalised_logistic):
        before, after = (method(binary_arms(*zip(*table, strict=True))) for table in (rows, tiny))
        assert after.estimates == pytest.approx(before.estimates, abs=0.1)
        assert (after.standard_errors <= before.standard_errors + 1e-3).all()
