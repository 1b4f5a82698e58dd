"""Empirical priors: against the quartiles of τ² that CINeMA uses (Turner 2012 for odds ratios, Rhodes 2015)."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.errors import DataError
from equipoise.synthesis.bayes.empirical import (
    ANY_NON,
    NON_NON,
    PHARMACOLOGICAL,
    PLACEBO,
    empirical_heterogeneity,
    empirical_settings,
)
from equipoise.synthesis.bayes.priors import LogNormal, LogStudent

SMD_QUARTILES = {
    "obstetric outcomes": [(0.0029, 0.0161, 0.0881), (0.0023, 0.0123, 0.0658), (0.0040, 0.0185, 0.0857)],
    "resource use, hospital stay or process": [(0.0107, 0.0781, 0.5677), (0.0083, 0.0590, 0.4198), (0.0139, 0.0898, 0.5813)],
    "internal or external structure": [(0.0143, 0.0880, 0.5416), (0.0112, 0.0672, 0.4016), (0.0188, 0.1013, 0.5465)],
    "general physical health, adverse events, pain or quality of life": [
        (0.0069, 0.0424, 0.2610), (0.0054, 0.0321, 0.1888), (0.0094, 0.0488, 0.2540),
    ],
    "signs or symptoms, infection or new disease": [
        (0.0081, 0.0498, 0.3063), (0.0063, 0.0380, 0.2288), (0.0105, 0.0573, 0.3114),
    ],
    "mental health": [(0.0105, 0.0503, 0.2416), (0.0080, 0.0380, 0.1800), (0.0052, 0.0213, 0.0865)],
    "biological markers": [(0.0042, 0.0330, 0.2583), (0.0033, 0.0252, 0.1902), (0.0055, 0.0380, 0.2626)],
    "subjective outcomes (various)": [(0.0097, 0.0633, 0.4127), (0.0074, 0.0483, 0.3173), (0.0126, 0.0728, 0.4195)],
}  # fmt: skip
"""25 %, 50 % and 75 % of τ²: CINeMA's benchmarks, from Rhodes, Turner & Higgins (2015)."""


@pytest.mark.parametrize("outcome", SMD_QUARTILES)
def test_quartiles_for_standardised_mean_differences(outcome: str) -> None:
    for comparison, quartiles in zip((PLACEBO, PHARMACOLOGICAL, ANY_NON), SMD_QUARTILES[outcome], strict=True):
        found = empirical_heterogeneity("SMD", outcome, comparison).quantile(np.array([0.25, 0.5, 0.75])) ** 2
        # Location and scale have two decimals; the published quartiles come from the unrounded ones.
        assert np.log(found) == pytest.approx(np.log(quartiles), abs=0.04)


def test_the_outcomes_are_all_checked() -> None:
    assert set(SMD_QUARTILES) == set(empirical_settings("SMD")[0])


CLASSES_2012 = {
    "all-cause mortality": [(0.0042, 0.0172, 0.0712), (0.0032, 0.0140, 0.0613), (0.0042, 0.0196, 0.0914)],
    "semi-objective outcomes": [(0.0049, 0.0488, 0.4909), (0.0036, 0.0396, 0.4291), (0.0047, 0.0556, 0.6509)],
    "subjective outcomes": [(0.0221, 0.1188, 0.6401), (0.0164, 0.0963, 0.5656), (0.0218, 0.1340, 0.8221)],
}
"""CINeMA's 25 %, 50 % and 75 % of τ², by the classes of Turner et al. (2012)."""


@pytest.mark.parametrize("outcome", CLASSES_2012)
def test_the_classes_of_2012_against_their_benchmarks(outcome: str) -> None:
    """The medians agree. CINeMA's quartiles lie where they would if σ² were the standard deviation of log τ²."""
    for comparison, (low, median, high) in zip((PLACEBO, PHARMACOLOGICAL, ANY_NON), CLASSES_2012[outcome], strict=True):
        prior = empirical_heterogeneity("OR", outcome, comparison, year=2012)
        assert np.log(float(prior.quantile(0.5)) ** 2) == pytest.approx(np.log(median), abs=0.006)
        ours = float(np.log(prior.quantile(0.75) ** 2 / prior.quantile(0.25) ** 2)) / (2 * 0.6744897501960817)
        assert ours**2 * 2 * 0.6744897501960817 == pytest.approx(np.log(high / low), rel=0.01)


def test_parameters_that_others_print() -> None:
    """bayesmeta's TurnerEtAlPrior("all-cause mortality" and "adverse events", "pharmacological", "placebo / control"): μ and
    σ of log τ −1.975 and 0.67, −0.935 and 0.76; the general settings −2.56 and 1.74, −3.44 and 2.59 of log τ²."""
    x = np.array([0.05, 0.3, 1.0])
    mortality = empirical_heterogeneity("OR", "all-cause", PLACEBO)
    assert mortality.logpdf(x) == pytest.approx(LogNormal(-1.975, 0.67).logpdf(x), rel=1e-12)
    events = empirical_heterogeneity("OR", "adverse", PLACEBO)
    assert events.logpdf(x) == pytest.approx(LogNormal(-0.935, 0.76).logpdf(x), rel=1e-12)
    assert empirical_heterogeneity("OR").logpdf(x) == pytest.approx(LogNormal(-1.28, 0.87).logpdf(x), rel=1e-12)
    assert empirical_heterogeneity("SMD").logpdf(x) == pytest.approx(LogStudent(-1.72, 1.295, 5.0).logpdf(x), rel=1e-12)


def test_comparisons_shift_all_outcomes_alike() -> None:
    """Both papers fitted additive effects of outcome and comparison, so that shifts between comparisons are constant
    to rounding; two cells of the published SMD table, of which one is marked suspicious by its users, are not."""
    for measure, skipped in (("OR", set()), ("SMD", {("mental health", ANY_NON)})):
        outcomes, comparisons = empirical_settings(measure)
        for comparison in comparisons[1:]:
            shifts = [
                np.log(float(empirical_heterogeneity(measure, o, comparison).quantile(0.5)))
                - np.log(float(empirical_heterogeneity(measure, o, comparisons[0]).quantile(0.5)))
                for o in outcomes
                if (o, comparison) not in skipped
            ]
            assert np.ptp(shifts) < 0.04


def test_a_prior_says_what_it_is_for_and_where_it_comes_from() -> None:
    prior = empirical_heterogeneity("OR", "pain", NON_NON)
    assert prior.measure == "OR"
    assert prior.describe() == (
        "log-normal (location -1.38, scale 1.45) on τ², empirical for pain, non-pharmacological vs non-pharmacological "
        "(Turner et al. 2015, Stat Med 34:984)"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("RR",), "'OR' \\(2015\\)"),
        (("OR", "mortalty", PLACEBO), "did you mean 'all-cause mortality'"),
        (("OR", "mortality", PLACEBO), "may be 'all-cause mortality', or 'cause-specific"),
        (("OR", "pain", "drug vs placebo"), "did you mean"),
        (("OR", "pain"), "both"),
    ],
)
def test_an_unknown_setting_names_the_nearest(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        empirical_heterogeneity(*arguments)
