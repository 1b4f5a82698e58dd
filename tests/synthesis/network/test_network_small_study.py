"""Small-study effects.

Pinned values come from `Rscript validation/network/small_study.R` (R 4.2.2, metafor 3.8-1): Egger's regression by
base R's lm (1e-8), the network's regression on the variance by rma.mv (1e-6).
"""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import senn
from scipy.stats import t as student

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.small_study import comparison_adjusted, egger, small_study_regression


class TestComparisonAdjustedFunnel:
    def test_active_treatments_against_placebo(self) -> None:
        result = comparison_adjusted(senn().fit(model="common"), ["plac"])
        assert len(result) == 20
        assert set(result.comparator) == {"plac"}
        assert result.egger["bias"] == pytest.approx((-0.1000018276807435, 1.215328707637092), rel=1e-8)
        assert result.egger["limit"] == pytest.approx((0.0138915502722038, 0.182045177660182), rel=1e-8)
        assert result.egger.df == 18
        assert result.egger.p[1] == pytest.approx(0.935329164674709, rel=1e-8)

    def test_points_are_centred_at_their_comparison(self) -> None:
        result = comparison_adjusted(senn().fit(model="common"), ["plac"])
        weights = 1 / result.standard_errors**2
        rosi = np.array([t == "rosi" for t in result.treatment])
        assert float((weights * result.adjusted)[rosi].sum()) == pytest.approx(0, abs=1e-9)

    def test_turning_the_order_flips_the_bias(self) -> None:
        fit = senn().fit(method="DL")
        order = list(fit.treatments)
        one, other = comparison_adjusted(fit, order), comparison_adjusted(fit, order[::-1])
        assert len(one) == len(other) == 28
        assert other.egger["bias"][0] == pytest.approx(-one.egger["bias"][0], rel=1e-10)
        assert other.egger["bias"][1] == pytest.approx(one.egger["bias"][1], rel=1e-10)

    def test_a_planted_asymmetry_is_found(self) -> None:
        random = np.random.default_rng(3)
        errors = np.linspace(0.1, 0.6, 20)
        values = 1.0 + 2.0 * errors + 0.1 * errors * random.standard_normal(20)
        result = egger(values, errors)
        assert result["bias"][0] == pytest.approx(2.0, abs=0.2)
        assert result.p[1] < 1e-6
        assert result.p[1] == pytest.approx(2 * student.sf(abs(result.statistics[1]), 18), rel=1e-10)

    @pytest.mark.parametrize(
        ("order", "message"),
        [
            (["aspirin"], "no treatment 'aspirin'"),
            (["plac", "plac"], "occurs twice"),
            (["vild"], "needs three comparisons at least; these treatments have 1"),
        ],
    )
    def test_orders_that_make_no_sense(self, order: list[str], message: str) -> None:
        with pytest.raises(DataError, match=message):
            comparison_adjusted(senn().fit(), order)

    def test_the_frame_and_the_text(self) -> None:
        result = comparison_adjusted(senn().fit(model="common"), ["plac"])
        assert len(result.to_frame()) == 20
        assert "Test of asymmetry: t = -0.08, df = 18, p = 0.9353" in result.summary()


class TestRegressionOnTheVariance:
    def test_senn_2013(self) -> None:
        result = small_study_regression(senn(), reference="plac")
        assert result.regression.tau2 == pytest.approx(0.0989807420898196, rel=1e-6)
        assert result.regression.slopes["variance"] == pytest.approx((2.652179600205364, 2.152545973060589), rel=1e-6)
        assert result.at == pytest.approx(0.00720801, rel=1e-10)
        column = result.adjusted.position("plac")
        at_zero = result.regression.estimates[:, column]
        assert at_zero[:3] == pytest.approx([-0.948128228526718, -0.881120623045426, -1.241246329070526], rel=1e-6)
        slope = result.regression.slopes["variance"][0]
        assert result.adjusted.estimates[0, column] == pytest.approx(at_zero[0] + slope * 0.00720801, rel=1e-8)

    def test_at_zero_it_is_the_regressions_own_effect(self) -> None:
        result = small_study_regression(senn(), on="se", at="zero", reference="plac")
        assert result.adjusted.estimates == pytest.approx(result.regression.estimates, abs=1e-12)
        assert result.regression.slopes.names == ("se",)

    def test_several_inactive_treatments_have_no_slope(self) -> None:
        classes = {t: None if t == "acar" else "drug" for t in senn().treatments}
        result = small_study_regression(senn(), reference="plac", slopes=classes)
        assert result.regression.slopes.names == ("variance: drug",)
        a, plac = (result.adjusted.position(t) for t in ("acar", "plac"))
        assert result.adjusted.estimates[a, plac] == pytest.approx(result.regression.estimates[a, plac], abs=1e-12)

    def test_equally_precise_studies_are_an_error(self) -> None:
        studies = [StudyContrasts(str(i), ("a", "b"), np.array([0.1 * i]), np.array([[0.04]])) for i in range(4)]
        with pytest.raises(DataError, match="equally precise"):
            small_study_regression(Network.from_studies(studies))

    def test_the_frame_and_the_text(self) -> None:
        result = small_study_regression(senn(), reference="plac")
        assert len(result.to_frame()) == 9
        assert "adjusted to variance 0.007208" in result.summary()
