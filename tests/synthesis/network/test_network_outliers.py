"""Outlying and influential studies.

Pinned values come from `Rscript validation/network/outliers.R` (R 4.2.2): the restricted likelihood maximised with
dense matrices (1e-6; its optimiser's own precision is about 1e-7), deletion measures by refitting (1e-8).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arm_counts import SMOKING, log_odds_ratios
from network_datasets import senn
from scipy.stats import chi2

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.forward_search import forward_search
from equipoise.synthesis.network.outliers import diagnose, shift_variance

NETWORK = log_odds_ratios(SMOKING)


def at_tau2(network: Network, tau2: float) -> Network:
    """The same network with τ² as part of the sampling covariances."""
    return Network.from_studies(
        (replace(s, covariance=s.covariance + tau2 * (np.eye(len(s.estimates)) + 1) / 2) for s in network.studies),
        network.measure,
    )


class TestDiagnostics:
    @pytest.mark.parametrize(
        ("study", "q", "cook", "covratio"),
        [
            ("1", 5.85557445615749, 0.175809889190624, 1.09007308702518),
            ("2", 2.75400285748714, 0.280514432823172, 1.42037212401448),
            ("7", 5.32205096718554, 0.0815180746067179, 1.04595112397983),
        ],
    )
    def test_deletion_measures_equal_refitting(self, study: str, q: float, cook: float, covratio: float) -> None:
        result = diagnose(at_tau2(NETWORK, 0.4).fit(model="common"))
        place = result.studies.index(study)
        assert result.deletion_q[place] == pytest.approx(q, rel=1e-8)
        assert result.cook[place] == pytest.approx(cook, rel=1e-8)
        assert result.covratio[place] == pytest.approx(covratio, rel=1e-8)
        assert result.deletion_p[place] == pytest.approx(chi2.sf(q, result.contrasts[place]), rel=1e-8)

    def test_leverages_add_up_to_the_number_of_parameters(self) -> None:
        result = diagnose(senn().fit())
        assert float((result.leverage * result.contrasts).sum()) == pytest.approx(9, rel=1e-10)

    def test_a_study_that_holds_the_network_together_has_nothing_to_be_compared_with(self) -> None:
        result = diagnose(senn().fit())
        place = result.studies.index("Hermansen2007")
        assert result.leverage[place] == pytest.approx(1, rel=1e-10)
        assert np.isnan(result.deletion_q[place])
        assert np.isinf(result.covratio[place])

    def test_the_text_starts_with_the_most_outlying(self) -> None:
        assert diagnose(senn().fit()).summary().splitlines()[3].startswith("DeFronzo1995")


class TestShiftVariance:
    @pytest.mark.parametrize(
        ("study", "tau2", "omega", "statistic"),
        [
            ("1", 0.190218161586981, 2.71222561428448, 4.34724880014656),
            ("2", 0.438489634601595, 0.174594978051924, 0.0384925254919608),
            ("7", 0.365665666343061, 3.63264190516924, 2.61565225021006),
        ],
    )
    def test_smoking_cessation(self, study: str, tau2: float, omega: float, statistic: float) -> None:
        result = shift_variance(NETWORK.fit())
        place = result.studies.index(study)
        assert result.tau2[place] == pytest.approx(tau2, rel=1e-5)
        assert result.omega[place] == pytest.approx(omega, rel=1e-5)
        assert result.statistic[place] == pytest.approx(statistic, rel=1e-6)
        assert result.p[place] == pytest.approx(0.5 * chi2.sf(statistic, 1), rel=1e-6)

    def test_effects_are_those_with_the_inflated_variance(self) -> None:
        result = shift_variance(NETWORK.fit(reference="A"))
        place = result.studies.index("2")
        inflated = at_tau2(NETWORK, float(result.tau2[place]))
        extra = result.omega[place] * (np.eye(2) + 1) / 2
        studies = [replace(s, covariance=s.covariance + extra) if s.study == "2" else s for s in inflated.studies]
        refitted = Network.from_studies(studies, "OR").fit(model="common")
        assert result.estimates[place] == pytest.approx(refitted.estimates[:, 0], abs=1e-10)

    def test_a_planted_outlier_is_found(self) -> None:
        planted = [replace(s, estimates=s.estimates + 6.0) if s.study == "Kim2007" else s for s in senn().studies]
        result = shift_variance(Network.from_studies(planted, "MD").fit())
        assert result.studies[int(result.p_adjusted.argmin())] == "Kim2007"
        assert result.p_adjusted.min() < 1e-6
        assert "Kim2007" in result.summary().splitlines()[3]

    def test_homogeneous_studies_have_no_outlier(self) -> None:
        alike = [StudyContrasts(str(i), ("a", "b"), np.array([0.3]), np.array([[0.1]])) for i in range(5)]
        result = shift_variance(Network.from_studies(alike).fit())
        assert result.omega.tolist() == [0.0] * 5
        assert result.p.tolist() == [1.0] * 5


class TestForwardSearch:
    def test_outliers_come_in_last(self) -> None:
        """DeFronzo 1995 and study 1 are those that deletion and shifted variance point at."""
        assert forward_search(senn().fit(method="DL")).entered[-1] == "DeFronzo1995"
        search = forward_search(NETWORK.fit(method="DL"))
        assert search.entered[-1] == "1"
        assert search.tau2[-1] > 3 * search.tau2[-2]

    def test_it_ends_with_the_full_network(self) -> None:
        fit = senn().fit(method="DL", reference="plac")
        search = forward_search(fit)
        assert search.tau2[-1] == pytest.approx(fit.tau2[0], rel=1e-10)
        assert search.q[-1] == pytest.approx(fit.q[0], rel=1e-10)
        column = fit.treatments.index("plac")
        assert search.estimates[-1] == pytest.approx(fit.estimates[:, column], abs=1e-10)
        assert search.standard_errors[-1] == pytest.approx(fit.standard_errors[:, column], abs=1e-10)
        assert set(search.initial) | set(search.entered) == {s.study for s in fit.network.studies}

    def test_every_step_compares_all_treatments(self) -> None:
        search = forward_search(senn().fit(method="DL"), start=1)
        assert np.isfinite(search.estimates).all()
        assert search.p_scores.mean(axis=1) == pytest.approx(np.full(len(search.tau2), 0.5), abs=1e-12)

    def test_it_is_reproducible(self) -> None:
        fit = NETWORK.fit(method="DL")
        assert forward_search(fit, seed=7).entered == forward_search(fit, seed=7).entered

    def test_each_subnetwork_can_be_searched(self) -> None:
        studies = [
            StudyContrasts(str(i), pair, np.array([0.1 * i]), np.array([[0.1]]))
            for i, pair in enumerate([("a", "b"), ("a", "b"), ("a", "c"), ("x", "y"), ("x", "y")])
        ]
        fit = Network.from_studies(studies).fit(method="DL")
        assert forward_search(fit, subnetwork=1).treatments == ("x", "y")
        with pytest.raises(DataError, match="subnetwork 2 doesn't exist"):
            forward_search(fit, subnetwork=2)

    def test_the_frame_and_the_text(self) -> None:
        search = forward_search(NETWORK.fit(method="DL"))
        assert len(search.to_frame()) == len(search.entered) + 1
        assert search.summary().splitlines()[-1].startswith("1 ")
