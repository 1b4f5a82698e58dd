"""Component network meta-analysis.

Pinned values come from `Rscript validation/network/components.R` (R 4.2.2, metafor 3.8-1): common effect and DL from
their matrix formulas to 1e-8, REML from rma.mv to 1e-6.
"""

from __future__ import annotations

import numpy as np
import pytest
from linde_2016 import linde

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.components import fit_components

FACE_TO_FACE_PST = {"16", "24", "49", "118"}


def study(name: str, treatment: str, comparator: str, estimate: float, variance: float) -> StudyContrasts:
    return StudyContrasts(name, (comparator, treatment), np.array([estimate]), np.array([[variance]]))


UNCONNECTED = Network.from_studies(
    [
        study("1", "A + B", "A", 0.5, 0.04),
        study("2", "A", "P", 0.3, 0.01),
        study("3", "C + B", "C", 0.7, 0.01),
        study("4", "C + A", "C", 0.1, 0.04),
    ]
)


class TestLinde2016:
    def test_the_four_studies_with_problem_solving_therapy(self) -> None:
        fit = fit_components(linde(FACE_TO_FACE_PST), inactive="Placebo", method="DL")
        assert fit.components == ("Face-to-face PST", "SSRI", "TCA", "UC")
        assert fit.q == pytest.approx(5.9892159803256, rel=1e-8)
        assert fit.df == 3
        assert fit.tau2 == pytest.approx(0.143282999090543, rel=1e-8)
        assert fit.effects.estimates == pytest.approx(
            [0.369751771562634, 0.603515003612872, 0.382336006178049, 0.330530771562634], rel=1e-8
        )
        assert fit.effects.standard_errors == pytest.approx(
            [0.321787497484201, 0.340255263669998, 0.582879838367555, 0.601709613049923], rel=1e-8
        )

    def test_common_effect(self) -> None:
        fit = fit_components(linde(FACE_TO_FACE_PST), inactive="Placebo", model="common")
        assert fit.tau2 == 0
        assert fit.effects.estimates == pytest.approx(
            [0.337685083215997, 0.583585715999394, 0.357222525995352, 0.298464083215997], rel=1e-8
        )
        assert fit.effects.standard_errors == pytest.approx(
            [0.208614871707097, 0.208914009076906, 0.465343296550678, 0.398427446979207], rel=1e-8
        )

    def test_all_93_studies(self) -> None:
        fit = fit_components(linde(), inactive="Placebo", method="REML")
        assert fit.tau2 == pytest.approx(0.0168988416091046, rel=1e-6)
        assert fit.effects["Face-to-face CBT"] == pytest.approx((0.8294933901125721, 0.2370778349844647), rel=1e-6)
        assert fit.effects["SSRI"] == pytest.approx((0.5252754657791550, 0.0754495502364862), rel=1e-6)
        assert fit.effects["UC"] == pytest.approx((0.2087627393912246, 0.2005288070378793), rel=1e-6)

    def test_an_interaction(self) -> None:
        fit = fit_components(linde(), inactive="Placebo", method="DL", interactions=[("Face-to-face CBT", "SSRI")])
        assert fit.q == pytest.approx(103.609843509883, rel=1e-8)
        assert fit.df == 89
        assert fit.tau2 == pytest.approx(0.0158939511640715, rel=1e-8)
        assert fit.effects["Face-to-face CBT*SSRI"] == pytest.approx((2.2050739954610252, 0.9620375847745140), rel=1e-8)
        combined, _ = fit.combination("Face-to-face CBT + SSRI")["Face-to-face CBT + SSRI"]
        parts = [fit.effects[c][0] for c in ("Face-to-face CBT", "SSRI", "Face-to-face CBT*SSRI")]
        assert combined == pytest.approx(sum(parts), rel=1e-12)

    def test_the_standard_model_is_the_network_meta_analysis(self) -> None:
        network = linde()
        fit = fit_components(network, inactive="Placebo")
        standard = network.fit()
        assert fit.standard_q == pytest.approx(standard.q[0], rel=1e-10)
        assert fit.standard_df == standard.df[0]
        assert fit.difference_q == pytest.approx(fit.q - fit.standard_q, rel=1e-10)
        assert fit.difference_df == 3

    def test_without_combinations_it_is_the_standard_model(self) -> None:
        network = linde()
        fit = fit_components(network, separator="", inactive="Placebo", method="DL")
        standard = network.fit(method="DL")
        assert fit.estimates == pytest.approx(standard.estimates, abs=1e-10)
        assert fit.standard_errors == pytest.approx(standard.standard_errors, abs=1e-10)
        assert fit.difference_df == 0
        assert np.isnan(fit.difference_p)


class TestUnconnected:
    def test_shared_components_connect_the_parts(self) -> None:
        """B is estimated twice (variances 0.04 and 0.01), A twice (0.01 and 0.04), independently."""
        fit = fit_components(UNCONNECTED, inactive="P", model="common")
        assert len(UNCONNECTED.subnetworks) == 2
        assert fit.effects["A"] == pytest.approx((0.8 * 0.3 + 0.2 * 0.1, np.sqrt(0.008)), rel=1e-12)
        assert fit.effects["B"] == pytest.approx((0.2 * 0.5 + 0.8 * 0.7, np.sqrt(0.008)), rel=1e-12)
        assert fit.q == pytest.approx((0.3 - 0.1) ** 2 / 0.05 + (0.5 - 0.7) ** 2 / 0.05, rel=1e-12)
        assert fit.standard_q == pytest.approx(0, abs=1e-12)
        assert fit.standard_df == 0

    def test_what_is_not_identified_is_named_and_missing(self) -> None:
        fit = fit_components(UNCONNECTED, inactive="P", model="common")
        assert fit.unidentified == ("C",)
        assert np.isnan(fit.effects["C"][0])
        a, c, cb = (UNCONNECTED.treatments.index(t) for t in ("A", "C", "C + B"))
        assert np.isnan(fit.estimates[a, c])
        assert fit.estimates[cb, c] == pytest.approx(fit.effects["B"][0], rel=1e-12)
        assert "Not identified: C" in fit.summary()

    def test_a_combination_nobody_tried(self) -> None:
        fit = fit_components(UNCONNECTED, inactive="P", model="common")
        value, error = fit.combination("B", "A")["B : A"]
        assert value == pytest.approx(0.66 - 0.26, rel=1e-12)
        assert error == pytest.approx(np.sqrt(0.016), rel=1e-12)
        assert np.isnan(fit.combination("A + C").estimates[0])


class TestErrors:
    def test_an_unknown_inactive_component(self) -> None:
        with pytest.raises(DataError, match="inactive 'Q' isn't a component; there are A, B, C, P"):
            fit_components(UNCONNECTED, inactive="Q")

    def test_an_unknown_component_in_a_combination(self) -> None:
        with pytest.raises(DataError, match="no component 'D'"):
            fit_components(UNCONNECTED, inactive="P").combination("A + D")

    def test_an_interaction_nobody_combined(self) -> None:
        with pytest.raises(DataError, match="no treatment combines"):
            fit_components(
                UNCONNECTED, inactive="P", components={t: t.split(" + ") for t in UNCONNECTED.treatments},
                interactions=[("A", "B", "C")],
            )  # fmt: skip

    def test_components_missing_for_a_treatment(self) -> None:
        with pytest.raises(DataError, match="no components given for A \\+ B"):
            fit_components(
                UNCONNECTED, components={"A": ["A"], "P": [], "C": ["C"], "C + A": ["C", "A"], "C + B": ["B"]}
            )

    def test_an_empty_component(self) -> None:
        network = Network.from_studies([study("1", "A +", "P", 0.1, 0.1)])
        with pytest.raises(DataError, match="empty component"):
            fit_components(network)


def test_the_order_of_the_studies_does_not_matter() -> None:
    network = linde(FACE_TO_FACE_PST)
    turned = Network.from_studies(reversed(network.studies), "OR")
    one, other = (fit_components(n, inactive="Placebo") for n in (network, turned))
    assert other.effects.estimates == pytest.approx(one.effects.estimates, abs=1e-9)


def test_the_pairs_add_up() -> None:
    d = fit_components(linde(), inactive="Placebo").estimates
    assert np.abs(d[:, :, None] + d[None, :, :] - d[:, None, :]).max() < 1e-12
