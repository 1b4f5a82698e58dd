"""Does every effect measure equal metafor's `escalc`, and behave as a comparison of two groups must?

Reference values: metafor 3.8-1 (with the variances of 4.6 where versions differ), calls in tests/data/measures.json,
written by validation/metafor/measures.R.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from published import columns
from scipy.integrate import quad
from scipy.special import betaln

import datasets
from equipoise.errors import DataError
from equipoise.synthesis.measures import scale as scales
from equipoise.synthesis.measures.continuous import hedges_correction
from equipoise.synthesis.measures.effect_sizes import effect_sizes
from equipoise.synthesis.measures.shared_arms import arm_variance, shared_covariance, shared_smd_covariance
from equipoise.synthesis.measures.table import MEASURES, measure
from reference import CLOSED_FORM, agrees, reference

CASES = reference("measures")
VARIANTS = ("all", "if0all", "none", "drop00")


def table(name: str) -> dict[str, list[Any]]:
    """The dataset of a case, as validation/metafor/measures.R changes it."""
    if name == "PAIRED":
        stroke = datasets.STROKE_STAY
        return {**{key: stroke[key] for key in ("mean1", "sd1", "mean2", "sd2")}, "n": stroke["n1"], "r": [0.6] * 9}
    if name == "CROSSOVER":
        return {"events1": [12, 20, 7], "events2": [8, 15, 9], "n": [40, 55, 30], "r": [0.3, 0.5, 0.1]}
    data = dict(getattr(datasets, name))
    if name == "CATHETER_DAYS":
        data["events1"] = [0 if i == 1 else x for i, x in enumerate(data["events1"])]
    return data


def arguments(dataset: str, code: str) -> dict[str, Any]:
    """The columns of a case."""
    if dataset == "PAIRED":
        roles: dict[str, Any] = {"mean": ("mean1", "mean2"), "sd": ("sd1", "sd2"), "n": "n", "r": "r"}
        return {role: roles[role] for role in measure(code).roles}
    if dataset == "CROSSOVER":
        return {"events": ("events1", "events2"), "n": "n", "r": "r"}
    if dataset == "CATHETER_DAYS" and measure(code).groups == 1:
        return {"events": "events1", "time": "time1"}
    if dataset == "STROKE_STAY" and measure(code).groups == 1:
        roles = {"mean": "mean1", "sd": "sd1", "n": "n1"}
        return {role: roles[role] for role in measure(code).roles}
    given = columns(dataset, code)
    return {role: given[role] for role in measure(code).roles}


@pytest.mark.parametrize("name", [name for name in CASES if name != "back"])
def test_estimates_and_variances_equal_escalc(name: str) -> None:
    dataset, code, *variant = name.split()
    options: dict[str, Any] = {}
    if variant and variant[0] in VARIANTS:
        options = {"drop00": True} if variant[0] == "drop00" else {"add": 0.25, "to": variant[0]}
    elif variant:
        options = {"variance": variant[0]}
    es = effect_sizes(table(dataset), measure=code, **arguments(dataset, code), **options)
    defined = [
        i for i, (y, v) in enumerate(zip(CASES[name]["yi"], CASES[name]["vi"], strict=True)) if None not in (y, v)
    ]
    assert [int(study.split()[1]) - 1 for study in es.studies] == defined
    agrees(es.estimates, [CASES[name]["yi"][i] for i in defined], CLOSED_FORM, 1e-15)
    agrees(es.variances, [CASES[name]["vi"][i] for i in defined], CLOSED_FORM)
    assert len(es.left_out) == len(CASES[name]["yi"]) - len(defined)


def test_every_measure_has_a_reference_case_or_its_own_test() -> None:
    covered = {name.split()[1] for name in CASES if name != "back"} | {"HR", "UCOR", "SMCRP"}
    assert covered == set(MEASURES)


def test_the_unbiased_correlation_is_olkin_and_pratts() -> None:
    """Against the integral definition of the hypergeometric function, r·F(½, ½; (n − 2)/2; 1 − r²)."""
    r, n = 0.4, 12.0
    b, c = 0.5, (n - 2) / 2
    integral = quad(lambda t: t ** (b - 1) * (1 - t) ** (c - b - 1) * (1 - (1 - r**2) * t) ** -0.5, 0, 1)[0]
    es = effect_sizes({"r": [r], "n": [n]}, measure="UCOR", r="r", n="n")
    assert_allclose(es.estimates[0], r * integral / np.exp(betaln(b, c - b)), rtol=1e-8)
    assert_allclose(es.variances[0], (1 - es.estimates[0] ** 2) ** 2 / (n - 1), rtol=1e-12)


def test_the_pooled_standardised_change_follows_cousineau() -> None:
    """Cousineau (2020): g on 2(n − 1)/(1 + r²) degrees of freedom, computed by hand for one study."""
    data = {"m1": [12.0], "m2": [10.0], "s1": [4.0], "s2": [3.0], "n": [20.0], "r": [0.5]}
    es = effect_sizes(data, measure="SMCRP", mean=("m1", "m2"), sd=("s1", "s2"), n="n", r="r")
    d = 2.0 / np.sqrt(12.5)
    g = float(hedges_correction(np.array(38 / 1.25))) * d
    assert_allclose(es.estimates[0], g, rtol=1e-12)
    assert_allclose(es.variances[0], 2 * 0.5 / 20 + g**2 * 1.25 / 80, rtol=1e-12)


def test_hedges_correction_is_exact_not_the_usual_approximation() -> None:
    """Γ(m/2)/(√(m/2)Γ((m − 1)/2)) in closed form for m = 2 and m = 4: √(1/π) and √(2/π)."""
    assert_allclose(hedges_correction(np.array([2.0, 4.0])), [np.sqrt(1 / np.pi), np.sqrt(2 / np.pi)], rtol=1e-12)
    assert np.isnan(hedges_correction(np.array([1.0]))).all()


def test_hazard_ratios_come_from_o_minus_e_or_from_intervals() -> None:
    data = {"oe": [-5.0], "v": [10.0], "hr": [0.6], "low": [0.4], "high": [0.9]}
    log_rank = effect_sizes(data, measure="HR", o_minus_e="oe", v="v")
    assert (log_rank.estimates[0], log_rank.variances[0]) == (-0.5, 0.1)
    printed = effect_sizes(data, measure="HR", estimate="hr", ci_low="low", ci_high="high")
    assert_allclose(printed.estimates[0], np.log(0.6), rtol=1e-12)
    assert_allclose(printed.variances[0], (np.log(0.9 / 0.4) / (2 * 1.959963984540054)) ** 2, rtol=1e-12)


def test_the_ways_back_equal_metafors() -> None:
    case = CASES["back"]
    sizes = [10.0, 20.0, 50.0]
    agrees(scales.DOUBLE_ARCSINE.natural([0.3, 0.7, 1.2], sizes), case["ipft"], CLOSED_FORM)
    agrees(scales.FREEMAN_TUKEY_RATE.natural([0.5, 0.1], [4.0]), case["iirft"], CLOSED_FORM)
    agrees(scales.LOGIT.natural([-1, 2]), case["ilogit"], CLOSED_FORM)
    agrees(scales.ARCSINE.natural([0.4, 1.1]), case["iarcsin"], CLOSED_FORM)


@pytest.mark.parametrize("code", ["PR", "PLO", "PAS", "PFT", "PLN"])
@given(x=st.integers(1, 39))
def test_a_proportion_survives_the_way_there_and_back(code: str, x: int) -> None:
    es = effect_sizes({"x": [x], "n": [40]}, measure=code, events="x", n="n")
    assert_allclose(es.scale.natural(es.estimates, es.sizes), x / 40, rtol=1e-9)


@pytest.mark.parametrize("code", ["IR", "IRLN", "IRS", "IRFT"])
@given(x=st.integers(1, 500))
def test_a_rate_survives_the_way_there_and_back(code: str, x: int) -> None:
    es = effect_sizes({"x": [x], "t": [37.5]}, measure=code, events="x", time="t")
    assert_allclose(es.scale.natural(es.estimates, es.sizes), x / 37.5, rtol=1e-9)


SYMMETRIC = ("OR", "RR", "RD", "AS", "PETO")


@pytest.mark.parametrize("code", SYMMETRIC)
@given(a=st.integers(0, 30), b=st.integers(1, 30), c=st.integers(0, 30), d=st.integers(1, 30))
def test_swapping_the_groups_flips_the_sign(code: str, a: int, b: int, c: int, d: int) -> None:
    data = {"x": [a], "y": [c], "m": [a + b], "n": [c + d]}
    one = effect_sizes(data, measure=code, events=("x", "y"), n=("m", "n"))
    other = effect_sizes(data, measure=code, events=("y", "x"), n=("n", "m"))
    assert_allclose(one.estimates, -other.estimates, rtol=1e-9, atol=1e-12)
    assert_allclose(one.variances, other.variances, rtol=1e-9)


@pytest.mark.parametrize("code", ["MD", "SMD", "SMDH", "ROM", "CVR"])
@given(shift=st.floats(0.1, 50), spread=st.floats(0.5, 20), n=st.integers(3, 200))
def test_swapping_the_groups_flips_the_sign_of_means(code: str, shift: float, spread: float, n: int) -> None:
    data = {"m": [60 + shift], "o": [60.0], "s": [spread], "t": [7.0], "k": [n], "j": [25]}
    one = effect_sizes(data, measure=code, mean=("m", "o"), sd=("s", "t"), n=("k", "j"))
    other = effect_sizes(data, measure=code, mean=("o", "m"), sd=("t", "s"), n=("j", "k"))
    assert_allclose(one.estimates, -other.estimates, rtol=1e-9, atol=1e-12)
    assert_allclose(one.variances, other.variances, rtol=1e-9)


@given(unit=st.floats(1e-3, 1e3))
def test_standardised_differences_and_ratios_have_no_unit(unit: float) -> None:
    stroke = datasets.STROKE_STAY
    scaled = {
        key: [x * unit if key[:2] in {"me", "sd"} else x for x in stroke[key]] for key in stroke if key != "study"
    }
    args: dict[str, Any] = {"mean": ("mean1", "mean2"), "sd": ("sd1", "sd2"), "n": ("n1", "n2")}
    for code in ("SMD", "SMDH", "SMD1", "ROM", "CVR", "VR"):
        roles = {role: args[role] for role in measure(code).roles}
        plain, changed = (effect_sizes(data, measure=code, **roles) for data in (stroke, scaled))
        assert_allclose(changed.estimates, plain.estimates, rtol=1e-9, atol=1e-12)
        assert_allclose(changed.variances, plain.variances, rtol=1e-9)


def test_contrasts_that_share_an_arm_covary_by_its_variance() -> None:
    """Var(c₁ − c₂) must be that of the contrast between the two treated arms, for every difference-type measure."""
    arms = {
        "events": np.array([12.0, 20.0]),
        "n": np.array([50.0, 60.0]),
        "sd": np.array([3.0, 4.0]),
        "mean": np.array([5.0, 6.0]),
    }
    shared = {"events": 9.0, "n": 40.0, "sd": 2.0, "mean": 4.0}
    for code in ("OR", "RR", "RD", "MD", "ROM", "AS"):
        treated, comparator = arm_variance(code, arms), float(arm_variance(code, shared))
        V = shared_covariance(treated + comparator, comparator)
        contrast = np.array([1.0, -1.0])
        assert_allclose(contrast @ V @ contrast, treated.sum(), rtol=1e-12)


def test_standardised_differences_covary_after_gleser_and_olkin() -> None:
    """Eq. 19.19 by hand: 1/n₀ + g₁g₂/2N."""
    V = shared_smd_covariance([0.5, 0.8], [20, 30], 25)
    assert_allclose(V[0, 1], 1 / 25 + 0.5 * 0.8 / (2 * 75), rtol=1e-12)
    assert_allclose(V[0, 0], 1 / 20 + 1 / 25 + 0.25 / (2 * 75), rtol=1e-12)
    assert np.all(np.linalg.eigvalsh(V) > 0)


def test_an_unknown_measure_lists_those_there_are() -> None:
    with pytest.raises(DataError, match=r"unknown measure: 'LOL'; known are OR, RR, RD"):
        measure("LOL")
