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
from equipoise.synthesis.network.dose import fit_doses
from equipoise.synthesis.network.dose_monotone import fit_monotone
from equipoise.synthesis.network.forward_search import forward_search
from equipoise.synthesis.network.hierarchy import benefit_harm, partial_order
from equipoise.synthesis.network.hypergeometric import hypergeometric
from equipoise.synthesis.network.leave_out import leave_one_study_out, leave_one_treatment_out
from equipoise.synthesis.network.mantel_haenszel import mantel_haenszel
from equipoise.synthesis.network.outliers import diagnose, shift_variance
from equipoise.synthesis.network.penalised import penalised_logistic
from equipoise.synthesis.network.regression import fit_regression
from equipoise.synthesis.network.small_study import comparison_adjusted, small_study_regression
from equipoise.synthesis.network.subgroups import fit_subgroups
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


def few(fit: NetworkFit) -> list[tuple[str, str]]:
    """Some treatments of each subnetwork against its first."""
    return [(part[0], t) for part in fit.subnetworks for t in part[1:4]]


def numbered(net: Network) -> dict[str, list[Any]]:
    count = range(len(net.studies))
    return {
        "study": [s.study for s in net.studies],
        "number": [float(i) for i in count],
        "half": [str(i % 2) for i in count],
    }


ANALYSES: dict[str, Callable[[NetworkFit], Any]] = {
    "components": lambda fit: fit_components(fit.network),
    "leave one study out": leave_one_study_out,
    "leave one treatment out": leave_one_treatment_out,
    "study thresholds": study_thresholds,
    "comparison thresholds": comparison_thresholds,
    "diagnostics": diagnose,
    "shift variance": shift_variance,
    "forward search": lambda fit: forward_search(fit, candidates=5),
    "effects": lambda fit: fit.effects(),
    "direct effects": lambda fit: fit.direct(),
    "predictions": lambda fit: fit.predict(),
    "league table": lambda fit: fit.league("direct"),
    "ranking": lambda fit: fit.ranking(),
    "categories": lambda fit: fit.categories(),
    "partial order": lambda fit: partial_order({"a": fit.ranking(), "b": fit.ranking()}),
    "benefit and harm": lambda fit: benefit_harm(fit, fit, fit.reference),
    "inconsistency": lambda fit: fit.inconsistency("REML"),
    "net heat": lambda fit: fit.net_heat("random", "REML"),
    "loops": lambda fit: fit.loops(),
    "unrelated effects": lambda fit: fit.unrelated(),
    "evidence flow": lambda fit: fit.evidence_flow(),
    "random walk": lambda fit: fit.contributions(pairs=few(fit)),
    "shortest paths": lambda fit: fit.contributions("shortest path", few(fit)),
    "measures": lambda fit: fit.measures(),
    "importance": lambda fit: fit.importance(),
    "back-calculation": lambda fit: fit.split(),
    "design-based splits": lambda fit: fit.split("sidde", "each"),
    "node-splitting": lambda fit: fit.split("node", "each"),
    "leave one study out, tau² kept": lambda fit: leave_one_study_out(fit, "network"),
    "regression": lambda fit: fit_regression(fit.network, numbered(fit.network), "number"),
    "subgroups": lambda fit: fit_subgroups(fit.network, numbered(fit.network), "half"),
    "doses": lambda fit: fit_doses(fit.network, {t: (t[0], 1.0 + i) for i, t in enumerate(fit.treatments)}),
    "monotone doses": lambda fit: fit_monotone(fit.network, {t: (t[0], 1.0 + i) for i, t in enumerate(fit.treatments)}),
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
    ("star", "regression"): "choose another reference",
    ("chain", "regression"): "choose another reference",
    ("one study", "regression"): "is 0.0 in every study",
    ("one study of three arms", "regression"): "is 0.0 in every study",
    ("one study", "subgroups"): "subgroups need two",
    ("one study of three arms", "subgroups"): "subgroups need two",
    ("one study", "leave one study out, tau² kept"): "is the only study",
    ("one study of three arms", "leave one study out, tau² kept"): "is the only study",
}


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("name", DESIGNS)
def test_an_answer_or_the_mend(name: str, analysis: str) -> None:
    fit = network(DESIGNS[name]).fit(method="DL")
    if (name, analysis) in CANT:
        with pytest.raises(DataError, match=CANT[name, analysis]):
            ANALYSES[analysis](fit)
        return
    assert fit.summary()
    result = ANALYSES[analysis](fit)
    for text in (getattr(result, name)() for name in ("summary", "to_frame") if hasattr(result, name)):
        assert len(text) or analysis == "loops"


EDGES: dict[str, list[tuple[str, str, int, int]]] = {
    "a treatment with one study of three participants": [
        ("1", "a", 10, 50), ("1", "b", 20, 50), ("2", "a", 12, 60), ("2", "c", 15, 60), ("3", "b", 10, 40),
        ("3", "c", 12, 40), ("4", "c", 1, 2), ("4", "d", 0, 1),
    ],
    "zero events in some arms": [
        ("1", "a", 0, 50), ("1", "b", 5, 50), ("2", "a", 0, 60), ("2", "b", 0, 60), ("3", "b", 3, 40),
        ("3", "c", 2, 40), ("4", "a", 1, 40), ("4", "c", 2, 40),
    ],
}  # fmt: skip


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("name", EDGES)
def test_sparse_arms(name: str, analysis: str) -> None:
    columns = dict(zip(("study", "treatment", "events", "n"), zip(*EDGES[name], strict=True), strict=True))
    result = ANALYSES[analysis](Network.from_arms(columns, events="events", n="n").fit())
    if hasattr(result, "summary"):
        assert result.summary()


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
