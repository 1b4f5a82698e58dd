"""Threshold analysis: against the worked example of nmathresh, and against refitting with shifted data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from network_datasets import parkinson, senn

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, NetworkFit, StudyContrasts
from equipoise.synthesis.network.threshold import Thresholds, comparison_thresholds, study_thresholds

# Boland et al. 2003, Keeley et al. 2003; Caldwell, Ades & Higgins 2005, BMJ 331:897: deaths within 35 days of
# treatments for myocardial infarction, "study: treatment events/participants".
THROMBOLYTICS = """\
1: 1 1472/20251, 3 652/10396, 4 723/10374
2: 1 9/130, 2 6/123
3: 1 5/63, 2 2/59
4: 1 3/65, 2 3/64
5: 1 887/10396, 2 929/10372
6: 1 1455/13780, 2 1418/13746
7: 1 7/85, 2 4/86
8: 1 12/159, 2 7/157
9: 1 10/135, 2 5/135
10: 1 4/107, 4 6/109
11: 1 285/3004, 5 270/3006
34: 3 522/8488, 6 523/8461
35: 3 356/4921, 5 757/10138
36: 3 13/155, 5 7/169
"""


def thrombolytics() -> NetworkFit:
    studies = []
    for line in THROMBOLYTICS.splitlines():
        name, rest = line.split(": ")
        arms = [arm.split(" ") for arm in rest.split(", ")]
        events, sizes = np.array([[float(x) for x in counts.split("/")] for _, counts in arms]).T
        log_odds, variances = np.log(events / (sizes - events)), 1 / events + 1 / (sizes - events)
        covariance = variances[0] + np.diag(variances[1:])
        studies.append(
            StudyContrasts(name, tuple(treatment for treatment, _ in arms), log_odds[1:] - log_odds[0], covariance)
        )
    return Network.from_studies(studies, "OR").fit(model="common")


def row(result: Thresholds, source: str, treatment: str, comparator: str) -> int:
    rows = list(zip(result.source, result.treatment, result.comparator, strict=True))
    return rows.index((source, treatment, comparator))


class TestThrombolytics:
    """nmathresh's vignette "Examples" and Phillippo et al. 2018 work from WinBUGS' posterior of a binomial model; the
    normal approximation to its likelihood gives the printed digits but for the last of the upper threshold (0.87)."""

    def test_study_11(self) -> None:
        result = study_thresholds(thrombolytics())
        assert result.best == ("3",)
        place = row(result, "11", "5", "1")
        assert round(result.estimates[place], 2) == -0.06
        assert round(result.lower[place], 2) == -0.14
        assert round(result.estimates[place] + result.lower[place], 2) == -0.20
        assert result.best_below[place] == "5"
        assert result.upper[place] == pytest.approx(0.87, abs=0.015)
        assert result.best_above[place] == "2"

    def test_the_decision_is_sensitive_to_three_studies(self) -> None:
        result = study_thresholds(thrombolytics())
        assert {s for s, flag in zip(result.source, result.sensitive, strict=True) if flag} == {"34", "35", "11"}
        assert [result.source[i] for i in result.order()[:3]] == ["34", "35", "11"]

    def test_comparisons_with_one_study_agree_with_that_study(self) -> None:
        fit = thrombolytics()
        study, comparison = study_thresholds(fit), comparison_thresholds(fit)
        one, all_of_them = row(study, "34", "6", "3"), row(comparison, "all studies", "3", "6")
        assert comparison.upper[all_of_them] == pytest.approx(-study.lower[one], rel=1e-9)
        assert comparison.best_above[all_of_them] == study.best_below[one] == "6"


def shifted(fit: NetworkFit, source: str, treatment: str, comparator: str, by: float) -> NetworkFit:
    """The network with one contrast of one study moved, at the same τ²."""
    studies = []
    for study in fit.network.studies:
        if study.study == source:
            estimates = study.estimates.copy()
            estimates[study.treatments.index(treatment) - 1] += by
            study = replace(study, estimates=estimates)
            assert comparator == study.treatments[0]
        studies.append(study)
    covariances = [s.covariance + fit.tau2[0] * (np.eye(len(s.estimates)) + 1) / 2 for s in studies]
    fixed = [replace(s, covariance=c) for s, c in zip(studies, covariances, strict=True)]
    return Network.from_studies(fixed, fit.measure).fit(model="common")


def best(fit: NetworkFit, smaller: bool) -> str:
    effects = fit.estimates[:, 0]
    return fit.treatments[int(effects.argmin() if smaller else effects.argmax())]


@pytest.mark.parametrize("smaller", [True, False])
@pytest.mark.parametrize("network", [senn, parkinson])
def test_refitting_changes_its_mind_exactly_at_the_threshold(network: Callable[[], Network], smaller: bool) -> None:
    fit = network().fit(method="DL")
    result = study_thresholds(fit, smaller_is_better=smaller)
    checked = 0
    for i in range(len(result)):
        where = result.source[i], result.treatment[i], result.comparator[i]
        for limit, newcomer in ((result.lower[i], result.best_below[i]), (result.upper[i], result.best_above[i])):
            if not np.isfinite(limit):
                assert newcomer is None
                continue
            assert best(shifted(fit, *where, 0.999 * limit), smaller) == result.best[0]
            assert best(shifted(fit, *where, 1.001 * limit), smaller) == newcomer
            checked += 1
    assert checked >= 7


def test_influences_are_the_changes_of_the_effects() -> None:
    fit = parkinson().fit(method="DL")
    result = study_thresholds(fit)
    place = result.source.index("s7")
    moved = shifted(fit, "s7", result.treatment[place], result.comparator[place], 0.3)
    change = 0.3 * result.influence[:, place]
    assert moved.estimates[:, 0] == pytest.approx(fit.estimates[:, 0] + change - change[0], abs=1e-10)


def test_the_best_two() -> None:
    result = study_thresholds(senn().fit(method="DL"), best=2)
    alone = study_thresholds(senn().fit(method="DL"), best=1)
    assert result.best[0] == alone.best[0]
    assert len(result.best) == 2


def test_candidates_restrict_the_decision() -> None:
    fit = senn().fit(method="DL")
    result = study_thresholds(fit, candidates=("metf", "piog", "acar"))
    assert result.best[0] in {"metf", "piog"}
    assert set(filter(None, result.best_below + result.best_above)) <= {"metf", "piog", "acar"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": ("metf", "aspirin")}, "no treatment 'aspirin'"),
        ({"candidates": ("metf",)}, "leaves no decision"),
        ({"best": 10}, "leaves no decision"),
    ],
)
def test_impossible_decisions(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        study_thresholds(senn().fit(), **options)  # type: ignore[arg-type]


def test_the_frame_and_the_text() -> None:
    result = study_thresholds(thrombolytics())
    assert len(result.to_frame()) == 15
    assert result.summary().startswith("Best (smallest effect): 3")
