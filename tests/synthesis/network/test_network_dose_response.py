"""Dose–response network meta-analysis.

Pinned values come from `Rscript validation/network/dose_response.R` (R 4.2.2, metafor 3.8-1, splines): closed forms
to 1e-8, REML and Emax to 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from arm_counts import TRIPTANS, log_odds_ratios

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.dose import fit_doses
from equipoise.synthesis.network.dose_monotone import fit_monotone

NETWORK = log_odds_ratios(TRIPTANS)


def study(name: str, base: str, treatment: str, estimate: float, variance: float = 0.04) -> StudyContrasts:
    return StudyContrasts(name, (base, treatment), np.array([estimate]), np.array([[variance]]))


class TestShapes:
    def test_linear_common_effect(self) -> None:
        fit = fit_doses(NETWORK, model="common")
        assert fit.parameters.names == ("eletriptan", "rizatriptan", "sumatriptan")
        assert fit.parameters.estimates == pytest.approx(
            [0.895627302916546, 1.075302800785647, 0.543298023043098], rel=1e-8
        )
        assert fit.parameters.standard_errors == pytest.approx(
            [0.0563969502025719, 0.0804042254946828, 0.0308412835366211], rel=1e-8
        )
        assert fit.q == pytest.approx(274.612296392004, rel=1e-8)
        assert fit.df == 41

    def test_linear_random_effects(self) -> None:
        fit = fit_doses(NETWORK)
        assert fit.tau2 == pytest.approx(0.300931139065463, rel=1e-6)
        assert fit.parameters.estimates == pytest.approx(
            [1.029251051127388, 1.268231457526829, 0.692823152682669], rel=1e-6
        )
        assert fit.aic == pytest.approx(82.3205413073059, rel=1e-6)

    def test_spline(self) -> None:
        fit = fit_doses(NETWORK, shape="spline", model="common")
        assert fit.q == pytest.approx(91.7466855271901, rel=1e-8)
        curve = fit.curve("eletriptan", [1.5])
        assert curve.estimates[0] == pytest.approx(1.96591164517325, rel=1e-8)
        assert curve.standard_errors[0] == pytest.approx(0.099441126671402, rel=1e-8)

    def test_emax(self) -> None:
        fit = fit_doses(NETWORK, shape="emax", model="common")
        assert fit.q == pytest.approx(93.8737792940476, rel=1e-8)
        assert fit.parameters.estimates == pytest.approx(
            [2.452365141344071, -0.870399892242367, 2.255346825808928, -0.409717200971230, 1.850340638660877,
             -0.311256269033814],
            rel=1e-6,
        )  # fmt: skip
        assert fit.parameters.standard_errors == pytest.approx(
            [0.210263527011546, 0.281883912331913, 0.717858941920862, 0.747828687654757, 0.202056588942128,
             0.326303132181376],
            rel=1e-6,
        )  # fmt: skip

    def test_emax_with_random_effects_is_least_squares_at_its_own_tau2(self) -> None:
        """With τ² put into the covariances, the common-effect fit is the same curve."""
        fit = fit_doses(NETWORK, shape="emax", ed50="shared", method="DL")
        assert fit.tau2 > 0
        spread = [
            StudyContrasts(
                s.study, s.treatments, s.estimates, s.covariance + fit.tau2 * (np.eye(len(s.estimates)) + 1) / 2
            )
            for s in NETWORK.studies
        ]
        again = fit_doses(Network.from_studies(spread, "OR"), shape="emax", ed50="shared", model="common")
        assert again.parameters.estimates == pytest.approx(fit.parameters.estimates, rel=1e-6)
        assert again.parameters.standard_errors == pytest.approx(fit.parameters.standard_errors, rel=1e-6)

    def test_the_true_curve_is_recovered_exactly_from_exact_data(self) -> None:
        studies = [
            study(f"{dose}{i}", "placebo_0", f"drug_{dose}", 2.0 * dose / (3.0 + dose))
            for dose in (1, 2, 5, 10)
            for i in range(2)
        ]
        fit = fit_doses(Network.from_studies(studies), shape="emax", model="common")
        assert fit.parameters["drug: Emax"][0] == pytest.approx(2.0, rel=1e-7)
        assert np.exp(fit.parameters["drug: log ED50"][0]) == pytest.approx(3.0, rel=1e-7)
        assert fit.q == pytest.approx(0, abs=1e-10)

    @pytest.mark.parametrize(
        ("options", "basis"),
        [
            ({"shape": "log"}, lambda d: np.log1p(d)[:, None]),
            ({"shape": "exponential"}, lambda d: (1 - np.exp(-d))[:, None]),
            ({"shape": "quadratic"}, lambda d: np.column_stack([d, d**2])),
            ({"shape": "fractional", "powers": (0.5,)}, lambda d: np.sqrt(d)[:, None]),
            ({"shape": "fractional", "powers": (1, 1)}, lambda d: np.column_stack([d, d * np.log(d)])),
        ],
    )
    def test_each_shape_fits_its_own_curve(
        self, options: dict[str, Any], basis: Callable[[FloatArray], FloatArray]
    ) -> None:
        doses = np.array([0.5, 1.0, 2.0, 4.0])
        values = basis(doses) @ np.arange(1, basis(doses).shape[1] + 1)
        studies = [study(str(d), "placebo_0", f"drug_{d}", v) for d, v in zip(doses, values, strict=True)]
        fit = fit_doses(Network.from_studies(studies), model="common", **options)
        assert fit.q == pytest.approx(0, abs=1e-10)
        assert fit.curve("drug", doses).estimates == pytest.approx(values, rel=1e-8)


class TestStructure:
    def test_every_shape_reduces_to_the_network_if_each_agent_has_one_dose(self) -> None:
        network = Network.from_studies(
            [
                study("1", "placebo_0", "a_10", 0.4),
                study("2", "placebo_0", "b_5", 0.7),
                study("3", "a_10", "b_5", 0.1),
            ]
        )
        fit, standard = fit_doses(network, model="common"), network.fit(model="common")
        assert fit.estimates == pytest.approx(standard.estimates, abs=1e-12)
        assert fit.standard_errors == pytest.approx(standard.standard_errors, abs=1e-12)
        assert fit.difference_df == 0

    def test_fewer_doses_than_parameters_is_an_error_that_names_the_agent(self) -> None:
        network = Network.from_studies([study("1", "p_0", "a_10", 0.4), study("2", "p_0", "a_20", 0.5)])
        with pytest.raises(DataError, match="agent 'a' has 2 doses, too few for the 3 parameters of shape 'spline'"):
            fit_doses(network, shape="spline", knots=(0.1, 0.4, 0.7, 0.9))

    def test_curves_connect_what_no_study_connects(self) -> None:
        network = Network.from_studies([study("1", "a_0", "a_10", 0.4), study("2", "b_5", "b_10", 0.3)])
        assert len(network.subnetworks) == 2
        fit = fit_doses(network, model="common")
        a, b = (network.treatments.index(t) for t in ("a_10", "b_10"))
        assert fit.estimates[a, b] == pytest.approx(0.4 - 0.6, rel=1e-10)

    def test_an_agent_without_doses_has_an_effect_of_its_own(self) -> None:
        network = Network.from_studies(
            [
                study("1", "placebo", "a1", 0.4),
                study("2", "placebo", "a2", 0.8),
                study("3", "placebo", "talking", 0.5),
            ]
        )
        doses = {"placebo": ("placebo", 0.0), "a1": ("a", 1.0), "a2": ("a", 2.0), "talking": ("talking", None)}
        fit = fit_doses(network, doses, model="common")
        assert fit.parameters["talking"][0] == pytest.approx(0.5, rel=1e-12)
        assert fit.parameters["a"][0] == pytest.approx(0.4, rel=1e-12)

    def test_classes_share_parameters(self) -> None:
        fit = fit_doses(NETWORK, classes=dict.fromkeys(("eletriptan", "rizatriptan", "sumatriptan"), "triptan"))
        assert fit.parameters.names == ("triptan",)

    def test_a_curve_against_another_agents_dose(self) -> None:
        fit = fit_doses(NETWORK, model="common")
        curve = fit.curve("eletriptan", [0, 1, 2], against=("sumatriptan", 1))
        place = [NETWORK.treatments.index(t) for t in ("eletriptan_1", "eletriptan_2")]
        column = NETWORK.treatments.index("sumatriptan_1")
        assert curve.estimates[1:] == pytest.approx(fit.estimates[place, column], rel=1e-12)
        assert curve.standard_errors[1:] == pytest.approx(fit.standard_errors[place, column], rel=1e-10)
        assert "sumatriptan 1" in curve.summary()
        assert len(curve.to_frame()) == 3

    def test_the_pairs_add_up(self) -> None:
        d = fit_doses(NETWORK, shape="emax").estimates
        assert np.abs(d[:, :, None] + d[None, :, :] - d[:, None, :]).max() < 1e-12


class TestMonotone:
    def test_it_is_the_network_where_nothing_turns_back(self) -> None:
        fit = fit_monotone(NETWORK, model="common")
        assert fit.q == pytest.approx(89.233461572677, rel=1e-8)
        assert fit.df == 36
        assert fit.parameters.estimates == pytest.approx(
            [1.128526089221787, 1.766833437544040, 1.951884461758657, 1.007912231174082, 1.361396508657560,
             0.803432925260813, 1.067842973716186, 1.368358068089679],
            rel=1e-8,
        )  # fmt: skip

    def test_doses_that_turn_back_are_pooled(self) -> None:
        """0.8 and 0.6, equally precise, become 0.7; two thirds of the weight pull a less precise pair."""
        studies = [study("1", "p_0", "a_1", 0.2), study("2", "p_0", "a_2", 0.8), study("3", "p_0", "a_3", 0.6)]
        fit = fit_monotone(Network.from_studies(studies), model="common")
        assert fit.parameters.estimates.tolist() == pytest.approx([0.2, 0.7, 0.7], rel=1e-10)
        assert fit.parameters.standard_errors.tolist() == pytest.approx(np.sqrt([0.04, 0.02, 0.02]), rel=1e-10)
        assert fit.q == pytest.approx(2 * 0.1**2 / 0.04, rel=1e-10)
        assert np.isnan(fit.difference_p)

    def test_the_direction_can_be_given_or_found(self) -> None:
        studies = [study("1", "p_0", "a_1", -0.2), study("2", "p_0", "a_2", -0.5), study("3", "p_0", "a_3", -0.4)]
        network = Network.from_studies(studies)
        found = fit_monotone(network, model="common")
        assert found.parameters.estimates.tolist() == pytest.approx([-0.2, -0.45, -0.45], rel=1e-10)
        assert fit_monotone(network, direction="decreasing", model="common").q == pytest.approx(found.q, rel=1e-10)
        flat = fit_monotone(network, direction={"a": "increasing"}, model="common")
        assert flat.parameters.estimates.tolist() == [0.0, 0.0, 0.0]
        with pytest.raises(DataError, match="direction 'up' isn't known"):
            fit_monotone(network, direction="up")  # type: ignore[arg-type]

    def test_the_curve_is_straight_between_doses_and_unknown_beyond(self) -> None:
        studies = [study("1", "p_0", "a_1", 0.2), study("2", "p_0", "a_2", 0.8)]
        curve = fit_monotone(Network.from_studies(studies), model="common").curve("a", [0, 0.5, 1.5, 3])
        assert curve.estimates[:3].tolist() == pytest.approx([0.0, 0.1, 0.5], abs=1e-12)
        assert np.isnan(curve.estimates[3])


class TestErrors:
    def test_names_that_dont_read_as_agent_and_dose(self) -> None:
        network = Network.from_studies([study("1", "placebo", "a_10", 0.4)])
        with pytest.raises(DataError, match="treatment 'placebo' doesn't read as agent_dose"):
            fit_doses(network)
        with pytest.raises(DataError, match="no agent and dose given for treatment 'placebo'"):
            fit_doses(network, {"a_10": ("a", 10)})

    def test_no_dose_at_all(self) -> None:
        network = Network.from_studies([study("1", "a_0", "b_0", 0.4)])
        with pytest.raises(DataError, match="no treatment has a dose above 0"):
            fit_doses(network)

    def test_negative_doses(self) -> None:
        with pytest.raises(DataError, match="negative"):
            fit_doses(Network.from_studies([study("1", "p_0", "a_-5", 0.4)]))
        with pytest.raises(DataError, match="can't be negative"):
            fit_doses(NETWORK).curve("eletriptan", [-1])

    def test_an_unknown_agent(self) -> None:
        with pytest.raises(DataError, match="no agent 'aspirin' with doses; there are eletriptan"):
            fit_doses(NETWORK).curve("aspirin", [1])

    def test_an_ed50_that_the_data_cant_tell(self) -> None:
        studies = [study(str(d), "p_0", f"a_{d}", 0.3 * d) for d in (1, 2, 4)]
        with pytest.raises(NotConverged, match="flat or straight"):
            fit_doses(Network.from_studies(studies), shape="emax")

    def test_an_unknown_shape(self) -> None:
        with pytest.raises(DataError, match="shape 'sigmoid' isn't known"):
            fit_doses(NETWORK, shape="sigmoid")  # type: ignore[arg-type]
