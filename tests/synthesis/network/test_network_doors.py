"""Ways into the network, how options may be spelt, and what a network and a fit say of themselves."""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import senn

import equipoise as eq
from equipoise.errors import DataError, InconsistentVariances
from equipoise.synthesis.network import Network, StudyContrasts, fit_components, fit_doses

# Parkinson's disease, mean off-time reduction (Franchini et al. 2012; NICE DSU TSD 2, example 7): the study's
# differences against its first arm, and the standard error of that arm.
PARKINSON = """\
1,A,,0.504
1,C,-0.31,0.668089651
2,A,,0.282
2,B,-1.7,0.382640605
3,A,,0.505
3,B,-0.3,0.718
3,D,-1.2,0.6
4,C,,0.265
4,D,-0.35,0.441941738
"""


def baseline_table() -> dict[str, list[object]]:
    rows = [line.split(",") for line in PARKINSON.splitlines()]
    return {
        "study": [r[0] for r in rows],
        "treatment": [r[1] for r in rows],
        "diff": [float(r[2]) if r[2] else None for r in rows],
        "se": [float(r[3]) for r in rows],
    }


class TestBaseline:
    def test_the_baseline_arm_s_error_gives_the_covariance(self) -> None:
        net = Network.from_baseline(baseline_table(), estimate="diff")
        three = net.studies[2]
        assert three.treatments == ("A", "B", "D")
        np.testing.assert_allclose(three.covariance, [[0.718**2, 0.505**2], [0.505**2, 0.6**2]], rtol=1e-14)
        np.testing.assert_allclose(three.estimates, [-0.3, -1.2])

    def test_it_is_the_network_of_the_contrasts_with_comparator_errors(self) -> None:
        table = baseline_table()
        own = Network.from_baseline(table, estimate="diff").fit(reference="A")
        rows = [i for i, d in enumerate(table["diff"]) if d is not None]
        base = {s: i for i, (s, d) in enumerate(zip(table["study"], table["diff"], strict=True)) if d is None}
        contrasts = {
            "study": [table["study"][i] for i in rows],
            "treatment": [table["treatment"][i] for i in rows],
            "comparator": [table["treatment"][base[table["study"][i]]] for i in rows],
            "estimate": [table["diff"][i] for i in rows],
            "se": [table["se"][i] for i in rows],
            "base": [table["se"][base[table["study"][i]]] for i in rows],
        }
        other = Network.from_contrasts(contrasts, comparator_se="base").fit(reference="A")
        np.testing.assert_allclose(own.estimates, other.estimates, atol=1e-12)
        np.testing.assert_allclose(own.standard_errors, other.standard_errors, atol=1e-12)

    @pytest.mark.parametrize(("row", "column", "value", "message"), [
        (0, "diff", 1.0, r"study '1' has 0 arms without an estimate"),
        (5, "diff", None, r"study '3' has 2 arms without an estimate"),
        (4, "se", None, r"study '3', row 5: the baseline arm's standard error is missing"),
        (1, "se", None, r"study '1', row 2 \(C\)"),
        (1, "se", -1.0, r"study '1', row 2 \(C\)"),
    ])  # fmt: skip
    def test_what_can_t_be_used_is_named(self, row: int, column: str, value: float | None, message: str) -> None:
        table = baseline_table()
        table[column][row] = value
        with pytest.raises(DataError, match=message):
            Network.from_baseline(table, estimate="diff")

    def test_a_baseline_arm_less_sure_than_the_difference_is_impossible(self) -> None:
        table = baseline_table()
        table["se"][4] = 0.65
        with pytest.raises(InconsistentVariances, match=r"study '3', row 7 \(D\).*0\.6 .*0\.65"):
            Network.from_baseline(table, estimate="diff")


def four_arms(digits: int, cd: float | None = None) -> dict[str, list[object]]:
    """All pairs of a study whose arms have standard errors 0.1, 0.2, 0.3 and 0.4, rounded."""
    own = dict(zip("abcd", (0.1, 0.2, 0.3, 0.4), strict=True))
    pairs = [(x, y) for i, x in enumerate("abcd") for y in "abcd"[i + 1 :]]
    errors: list[object] = [round(float(np.hypot(own[x], own[y])), digits) for x, y in pairs]
    if cd is not None:
        errors[-1] = cd
    return {
        "study": ["Four"] * 6, "treatment": [x for x, _ in pairs], "comparator": [y for _, y in pairs],
        "estimate": [0.0] * 6, "se": errors,
    }  # fmt: skip


class TestVariancesOfIndependentArms:
    @pytest.mark.parametrize("digits", [1, 2, 3, 4, 8, 15])
    def test_rounding_is_no_reason_for_a_note(self, digits: int) -> None:
        assert Network.from_contrasts(four_arms(digits)).notes == ()

    def test_another_variance_is_noted_with_study_arms_and_numbers(self) -> None:
        (note,) = Network.from_contrasts(four_arms(4, cd=0.4)).notes
        assert "study 'Four'" in note
        assert "c – d 0.4" in note
        assert "as given" in note

    def test_the_note_is_in_the_summary(self) -> None:
        assert "independent arms" in Network.from_contrasts(four_arms(4, cd=0.4)).summary()

    def test_standardised_differences_aren_t_expected_to_be_additive(self) -> None:
        assert Network.from_contrasts(four_arms(4, cd=0.4), measure="SMD").notes == ()


class TestSpelling:
    def test_measures_and_options_in_any_case(self) -> None:
        net = senn()
        usual, lower = net.fit(method="REML", ci="hksj"), net.fit(method="reml", ci="HKSJ", model="Random")  # type: ignore[arg-type]
        np.testing.assert_array_equal(usual.upper, lower.upper)
        assert (lower.method, lower.ci, lower.model) == ("REML", "hksj", "random")

    @pytest.mark.parametrize("measure", ["or", "Or", "OR"])
    def test_arm_level_measures(self, measure: str) -> None:
        table = {"study": [1, 1], "treatment": ["a", "b"], "events": [3, 5], "n": [20, 20]}
        assert Network.from_arms(table, events="events", n="n", measure=measure).measure == "OR"

    def test_contrasts_of_log_hazard_ratios(self) -> None:
        table = {"study": [1], "treatment": ["a"], "comparator": ["b"], "estimate": [np.log(0.5)], "se": [0.1]}
        net = Network.from_contrasts(table, measure="hr")
        assert net.measure == "HR"
        assert "0.5000" in net.fit(reference="b").effects().summary()

    def test_unknown_ones_stay_unknown(self) -> None:
        with pytest.raises(DataError, match="pauly"):
            senn().fit(method="pauly")  # type: ignore[arg-type]

    def test_pairwise(self) -> None:
        y, v = np.array([0.1, 0.5, 0.9]), np.array([0.02, 0.03, 0.05])
        assert eq.pool(y, v, method="reml", ci="HKSJ").estimate == eq.pool(y, v, method="REML", ci="hksj").estimate


def test_intervals_of_i2_and_h_as_netmeta_prints_them_for_senn_2013() -> None:
    """netmeta: I² = 81.4% [72.0%; 87.7%], H = 2.32 [1.89; 2.85] (Balduzzi et al. 2023, J Stat Softw 106(2))."""
    fit = senn().fit(method="DL")
    np.testing.assert_allclose(fit.i2_interval()[0], [0.720, 0.877], atol=5e-4)
    np.testing.assert_allclose([fit.h[0], *fit.h_interval()[0]], [2.32, 1.89, 2.85], atol=5e-3)
    assert "I² = 81.4% [72.0; 87.7], H = 2.32 [1.89; 2.85]" in fit.summary()


def ratio_network() -> Network:
    names = [("placebo_0", "x_10"), ("placebo_0", "x_20"), ("x_10", "x_20")]
    studies = [
        StudyContrasts(str(i), pair, np.array([np.log(2.0 if i < 3 else 1.5)]), np.array([[0.04]]))
        for i, pair in enumerate(names * 2)
    ]
    return Network.from_studies(studies, "OR")


def test_components_of_a_ratio_measure_are_shown_as_ratios() -> None:
    fit = fit_components(ratio_network(), inactive="placebo_0")
    odds = np.exp(fit.effects["x_10"][0])
    assert f"{odds:.4f}" in fit.summary()
    frame = fit.to_frame(exponentiate=True)
    assert np.isclose(np.asarray(frame["estimate"])[0], odds)
    assert np.isclose(np.asarray(fit.to_frame()["estimate"])[0], np.log(odds))


def test_doses_of_a_ratio_measure_are_shown_as_ratios() -> None:
    fit = fit_doses(ratio_network(), shape="linear")
    curve = fit.curve("x", [10.0, 20.0])
    assert f"x 20  {np.exp(curve.estimates[1]):.4f}" in fit.summary()
    assert np.allclose(np.asarray(curve.to_frame(exponentiate=True)["estimate"]), np.exp(curve.estimates))
    assert np.allclose(np.asarray(curve.to_frame()["estimate"]), curve.estimates)
