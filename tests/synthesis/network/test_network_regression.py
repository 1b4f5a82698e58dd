"""Network meta-regression and subgroup networks.

Pinned values come from `Rscript validation/network/regression.R` (R 4.2.2, metafor 3.8-1, rma.mv with the full
covariances): common effect to 1e-8, REML to 1e-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arm_counts import CERTOLIZUMAB, SMOKING, log_odds_ratios
from scipy.stats import chi2

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.regression import fit_regression
from equipoise.synthesis.network.subgroups import fit_subgroups

NETWORK = log_odds_ratios(SMOKING)
# Made up, as on netmeta's help page of netmetareg: 1, 2, 1, 2, … over the studies in order.
ROB: dict[str, list[Any]] = {"study": [str(i) for i in range(1, 25)], "rob": [1 + (i + 1) % 2 for i in range(1, 25)]}


class TestSharedSlope:
    def test_common_effect(self) -> None:
        fit = fit_regression(NETWORK, ROB, "rob", model="common", reference="A")
        assert fit.centre.tolist() == [1.5]
        assert fit.slopes["rob"] == pytest.approx((-0.400420143062954, 0.1156173014528002), rel=1e-8)
        assert fit.estimates[1:, 0] == pytest.approx(
            [0.126332598755854, 0.597217626687449, 0.670950516570173], rel=1e-8
        )
        assert fit.standard_errors[1:, 0] == pytest.approx(
            [0.1277524101296631, 0.0610674419108931, 0.1883834860880219], rel=1e-8
        )
        assert fit.q == pytest.approx(190.624259993564, rel=1e-8)
        assert fit.df == 22
        assert fit.qm == pytest.approx(11.9946112194146, rel=1e-8)
        assert fit.qm_p == pytest.approx(chi2.sf(11.9946112194146, 1), rel=1e-6)

    def test_random_effects(self) -> None:
        fit = fit_regression(NETWORK, ROB, "rob", reference="A")
        assert fit.tau2 == pytest.approx(0.46179558058831, rel=1e-6)
        assert fit.slopes["rob"] == pytest.approx((-0.388282880565924, 0.371240304852545), rel=1e-6)
        assert fit.estimates[1:, 0] == pytest.approx(
            [0.426152959736828, 0.708811090208551, 0.890240898202643], rel=1e-6
        )

    def test_effects_at_another_value(self) -> None:
        fit = fit_regression(NETWORK, ROB, "rob", reference="A")
        at_two = fit.effects_at(rob=2)
        assert at_two.estimates[1:, 0] == pytest.approx(fit.estimates[1:, 0] + 0.5 * fit.slopes["rob"][0], rel=1e-10)
        assert at_two.estimates[1:, 1:] == pytest.approx(fit.estimates[1:, 1:], abs=1e-12)

    def test_where_it_is_centred_does_not_matter(self) -> None:
        fit = fit_regression(NETWORK, ROB, "rob", reference="A")
        for centre in (False, {"rob": 2.0}):
            other = fit_regression(NETWORK, ROB, "rob", reference="A", centre=centre)
            assert other.slopes.estimates == pytest.approx(fit.slopes.estimates, rel=1e-6)
            assert other.effects_at(rob=1.5).estimates == pytest.approx(fit.estimates, rel=1e-6, abs=1e-9)

    def test_a_category_is_the_same_as_its_indicator(self) -> None:
        named = {"study": ROB["study"], "rob": ["low" if x == 1 else "some" for x in ROB["rob"]]}
        fit = fit_regression(NETWORK, named, "rob", reference="A")
        assert fit.slopes.names == ("rob[some]",)
        assert fit.slopes["rob[some]"] == pytest.approx((-0.388282880565924, 0.371240304852545), rel=1e-6)


class TestTreatmentSpecificSlopes:
    def test_common_effect(self) -> None:
        fit = fit_regression(NETWORK, ROB, "rob", slopes="treatment", model="common", reference="A")
        assert fit.slopes.names == ("rob: B", "rob: C", "rob: D")
        assert fit.slopes.estimates == pytest.approx(
            [0.203791318147286, -0.502564799662432, -0.193169022629376], rel=1e-8
        )
        assert fit.slopes.standard_errors == pytest.approx(
            [0.262262527541094, 0.122218002503894, 0.381189519389776], rel=1e-8
        )
        assert fit.qm == pytest.approx(18.6410409770513, rel=1e-8)

    def test_random_effects(self) -> None:
        fit = fit_regression(NETWORK, ROB, "rob", slopes="treatment", reference="A")
        assert fit.tau2 == pytest.approx(0.515879782288201, rel=1e-6)
        assert fit.slopes.estimates == pytest.approx(
            [-0.104697966305179, -0.459727051588736, -0.391518352217996], rel=1e-6
        )

    def test_fits_equally_well_whatever_the_reference(self) -> None:
        fits = [fit_regression(NETWORK, ROB, "rob", slopes="treatment", reference=r) for r in "ABCD"]
        for other in fits[1:]:
            assert other.tau2 == pytest.approx(fits[0].tau2, rel=1e-8)
            assert other.q == pytest.approx(fits[0].q, rel=1e-10)
            assert other.estimates == pytest.approx(fits[0].estimates, abs=1e-8)

    def test_classes_of_one_treatment_are_treatment_slopes(self) -> None:
        by_class = fit_regression(NETWORK, ROB, "rob", slopes={"B": "b", "C": "c", "D": "d"}, reference="A")
        own = fit_regression(NETWORK, ROB, "rob", slopes="treatment", reference="A")
        assert by_class.slopes.estimates == pytest.approx(own.slopes.estimates, rel=1e-10)

    def test_what_one_study_cannot_tell_is_missing_and_named(self) -> None:
        duration = {
            "study": ["Abe2006", "ARMADA", "ATTEST", "CHARISMA", "DE019", "Kim2007", "OPTION", "RAPID1", "RAPID2",
                      "START", "Strand2006", "Weinblatt1999"],
            "years": [8.3, 11.65, 7.85, 0.915, 10.95, 6.85, 7.65, 6.15, 5.85, 8.1, 11.25, 13],
        }  # fmt: skip
        fit = fit_regression(log_odds_ratios(CERTOLIZUMAB), duration, "years", slopes="treatment", reference="Placebo")
        assert np.isnan(fit.slopes["years: Etanercept"][0])
        assert "can't be estimated: Etanercept, Rituximab" in fit.summary()


class TestWhatIsLeftOut:
    def test_studies_without_a_value_are_named(self) -> None:
        gaps = {"study": ROB["study"], "rob": [None, *ROB["rob"][1:]]}
        fit = fit_regression(NETWORK, gaps, "rob", reference="A")
        assert [(o.what, o.reason) for o in fit.left_out] == [("1", "no value for rob")]
        assert len(fit.network.studies) == 23

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ({"study": ["1", "1"], "rob": [1, 2]}, "must be the same in all rows of a study"),
            ({"study": ["one"], "rob": [1]}, "no study of the network occurs"),
            ({"study": ["1", "2"], "rob": [3, 3]}, "explains nothing"),
            ({"study": ["1"], "age": [3]}, "no column 'rob'"),
        ],
    )
    def test_unusable_covariates(self, data: dict[str, list[object]], message: str) -> None:
        with pytest.raises(DataError, match=message):
            fit_regression(NETWORK, data, "rob")

    def test_a_slope_that_no_comparison_shows(self) -> None:
        chain = Network.from_studies(
            [
                StudyContrasts("1", ("a", "b"), np.array([0.1]), np.array([[0.1]])),
                StudyContrasts("2", ("a", "c"), np.array([0.3]), np.array([[0.1]])),
            ]
        )
        with pytest.raises(DataError, match="the slope of x can't be estimated"):
            fit_regression(chain, {"study": ["1", "2"], "x": [0, 1]}, "x")


class TestSubgroups:
    def test_each_subgroup_is_a_network_of_its_own(self) -> None:
        result = fit_subgroups(NETWORK, ROB, "rob")
        assert result.names == ("1", "2")
        assert result.fits[0].tau2[0] == pytest.approx(0.892478865347966, rel=1e-6)
        assert result.fits[1].tau2[0] == pytest.approx(0.155782926915488, rel=1e-6)
        assert result.estimates[0, 1:, 0] == pytest.approx(
            [0.525288625168165, 1.009199993331208, 1.219328563912856], rel=1e-6
        )
        assert result.standard_errors[1, 1:, 0] == pytest.approx(
            [0.302770312919211, 0.190222223034568, 0.355833931441237], rel=1e-6
        )

    def test_pairs_are_tested_like_independent_estimates(self) -> None:
        result = fit_subgroups(NETWORK, ROB, "rob", model="common")
        expected = (0.8427267469506412 - 0.340161947288209) ** 2 / (0.0744091513524171**2 + 0.0969562701997913**2)
        assert result.q[2, 0] == pytest.approx(expected, rel=1e-8)
        assert result.df[2, 0] == 1
        assert result.p[2, 0] == pytest.approx(chi2.sf(expected, 1), rel=1e-8)

    def test_the_overall_test_is_that_of_treatment_specific_slopes(self) -> None:
        """With two subgroups, a slope for every treatment separates them completely."""
        result = fit_subgroups(NETWORK, ROB, "rob")
        regression = fit_regression(NETWORK, ROB, "rob", slopes="treatment", model="common")
        assert result.q_between == pytest.approx(regression.qm, rel=1e-8)
        assert result.df_between == regression.qm_df

    def test_the_frame_and_the_text(self) -> None:
        result = fit_subgroups(NETWORK, ROB, "rob")
        assert len(result.to_frame()) == 12
        assert "All comparisons (common effect): Q = 18.64, df = 3" in result.summary()

    def test_one_subgroup_is_none(self) -> None:
        with pytest.raises(DataError, match="subgroups need two"):
            fit_subgroups(NETWORK, {"study": ["1"], "x": ["only"]}, "x")
