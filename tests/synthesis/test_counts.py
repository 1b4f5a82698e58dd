"""Do Mantel–Haenszel, Peto and the mixed models of counts equal metafor's, or, where it is inexact, the integral
itself?

Reference values: metafor 3.8-1, calls in tests/data/counts.json, written by validation/metafor/counts.R. metafor
leaves the optimisation of its mixed models to lme4, which stops after three or four digits (and has one quadrature
point for UM.RS); they are held to that, and to brute-force integration on a grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from published import sizes
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import nchypergeom_fisher

import datasets
from equipoise.errors import DataError
from equipoise.synthesis.measures.effect_sizes import EffectSizes, effect_sizes
from equipoise.synthesis.pairwise.count_families import Hypergeometric
from equipoise.synthesis.pairwise.glmm import fit_glmm
from equipoise.synthesis.pairwise.pooling import pool
from reference import CLOSED_FORM, agrees, reference

CASES = reference("counts")
MH = [name for name in CASES if name.startswith("MH")]
PETO = [name for name in CASES if name.startswith("PETO")]
GLMM = [name for name in CASES if name.startswith("GLMM")]


@pytest.mark.parametrize("name", MH)
def test_mantel_haenszel_equals_metafors(name: str) -> None:
    case, ours = CASES[name], pool(sizes(name.removeprefix("MH ")), method="MH")
    agrees([ours.estimate, ours.se, ours.p_value], [case["estimate"], case["se"], case["p_value"]], CLOSED_FORM, 1e-15)
    agrees([ours.q, ours.q_p, ours.i2, ours.h2], [case["q"], case["q_p"], case["i2"], case["h2"]], CLOSED_FORM, 1e-9)
    agrees(ours.weights, case["weights"], CLOSED_FORM, 1e-12)
    for test, key in (("Cochran–Mantel–Haenszel test", "co"), ("Breslow–Day test", "bd"), ("Tarone's test", "ta")):
        if test in ours.tests:
            statistic, _, p = ours.tests[test]
            agrees([statistic, p], case[key], CLOSED_FORM, 1e-12, test)
    assert (ours.model, ours.tau2) == ("common", 0.0)


@pytest.mark.parametrize("name", PETO)
def test_peto_equals_metafors(name: str) -> None:
    case, ours = CASES[name], pool(sizes(f"{name.removeprefix('PETO ')} OR"), method="PETO")
    expected = [case["estimate"], case["se"], case["q"], case["q_p"], case["i2"]]
    agrees([ours.estimate, ours.se, ours.q, ours.q_p, ours.i2], expected, CLOSED_FORM, 1e-9)
    agrees(ours.weights, case["weights"], CLOSED_FORM, 1e-12)


def test_peto_pools_log_rank_results_too() -> None:
    table = datasets.HEAD_NECK_CHEMOTHERAPY
    ours = pool(effect_sizes(table, measure="HR", o_minus_e="o_minus_e", v="v"), method="PETO")
    assert_allclose(ours.estimate, sum(table["o_minus_e"]) / sum(table["v"]), rtol=1e-12)
    assert_allclose(ours.se, sum(table["v"]) ** -0.5, rtol=1e-12)


def glmm_sizes(name: str) -> tuple[EffectSizes, str]:
    """The effect sizes and the model of a case."""
    _, dataset, model = name.split()
    if model == "PLO":
        return sizes("VASOSPASM PLO"), "RE"
    table = dict(getattr(datasets, dataset))
    if dataset == "CATHETER_DAYS":
        table |= {key: [t / 1000 for t in table[key]] for key in ("time1", "time2")}
        if model == "IRLN":
            return effect_sizes(table, measure="IRLN", study="study", events="events2", time="time2"), "RE"
        named: dict[str, Any] = {"events": ("events1", "events2"), "time": ("time1", "time2")}
        return effect_sizes(table, measure="IRR", study="study", **named), model
    return sizes(f"{dataset} OR"), model


@pytest.mark.parametrize("name", GLMM)
def test_mixed_models_equal_metafors_as_far_as_lme4_goes(name: str) -> None:
    es, model = glmm_sizes(name)
    case, ours = CASES[name], pool(es, model=model)
    loose = 2e-2 if model == "UM.RS" else 1e-3  # a Laplace approximation in metafor
    agrees(ours.estimate, case["estimate"], loose)
    if not 0 < case["tau2"] < 1e-4:  # there version 3.8 differentiates at the boundary, and its standard error is 1e-7
        agrees(ours.se, case["se"], loose)
    agrees(ours.tau2, case["tau2"], 2 * loose, 1e-4)
    if model != "UM.RS":
        agrees([ours.q, ours.q_p], [case["lrt"], case["lrt_p"]], 1e-6)
    else:
        agrees(ours.sigma2, case["sigma2"], 5e-2, 1e-9)


GRID = np.linspace(-9, 9, 721)
DENSITY = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi) * (GRID[1] - GRID[0])


def log_choose(n: Any, x: Any) -> Any:
    return gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)


def lowest(function: Any, start: Any, gtol: float = 1e-6) -> Any:
    """The minimum that BFGS finds from there."""
    search: Any = minimize
    return search(function, start, method="BFGS", options={"gtol": gtol})


def catheters() -> list[Any]:
    """The trials with any infection: events and sizes of both groups."""
    a, n, c, m = (np.array(datasets.CATHETERS[key], float) for key in ("events1", "n1", "events2", "n2"))
    has = a + c > 0
    return [x[has] for x in (a, n, c, m)]


def brute_force(model: str, parameters: Any) -> float:
    """The marginal log-likelihood by the trapezoidal rule over the random effects (exact for such integrands)."""
    a, n, c, m = catheters()
    theta = parameters[0]
    if model in {"CM.EL", "CM.AL"}:
        effect = theta + parameters[-1] * GRID
        if model == "CM.AL":
            eta = effect + np.log(n / m)[:, None]
            log_p = log_choose(a + c, a)[:, None] + a[:, None] * eta - (a + c)[:, None] * np.logaddexp(0, eta)
        else:
            log_p = np.array(
                [nchypergeom_fisher.logpmf(a[i], n[i] + m[i], n[i], a[i] + c[i], np.exp(effect)) for i in range(len(a))]
            )
        return float(np.log(np.exp(log_p) @ DENSITY).sum())
    constant = (log_choose(n, a) + log_choose(m, c))[:, None]

    def joint(first: Any, second: Any) -> Any:
        return (
            constant
            + a[:, None] * first
            - n[:, None] * np.logaddexp(0, first)
            + c[:, None] * second
            - m[:, None] * np.logaddexp(0, second)
        )

    if model == "UM.FS":
        own = parameters[2:][:, None]
        half = 0.5 * parameters[1] * GRID
        return float(np.log(np.exp(joint(own + theta + half, own - half)) @ DENSITY).sum())
    total = np.zeros(len(a))
    for b, weight in zip(GRID[::6], 6 * DENSITY[::6], strict=True):
        level = parameters[1] + parameters[2] * b
        half = 0.5 * parameters[3] * GRID
        total += weight * (np.exp(joint(level + theta + half, level - half)) @ DENSITY)
    return float(np.log(total).sum())


@pytest.mark.parametrize("model", ["CM.EL", "CM.AL", "UM.RS"])
def test_likelihood_and_maximum_are_those_of_brute_force_integration(model: str) -> None:
    fit = fit_glmm("OR", model, *catheters())
    tau = fit.tau2**0.5
    if model == "UM.RS":
        level = lowest(lambda g: -brute_force(model, [fit.estimate, g[0], fit.sigma2**0.5, tau]), [-3.5]).x[0]
        best = np.array([fit.estimate, level, fit.sigma2**0.5, tau])
    else:
        best = np.array([fit.estimate, tau])
    assert_allclose(fit.log_likelihood, brute_force(model, best), rtol=1e-9)
    for step in np.eye(len(best)) * 1e-3:
        up, down = brute_force(model, best + step), brute_force(model, best - step)
        middle = brute_force(model, best)
        assert abs((up - down) / (up - 2 * middle + down)) * 1e-3 / 2 < 1e-5  # the distance to the true maximum


def test_fixed_study_effects_are_profiled_to_their_maximum() -> None:
    fit = fit_glmm("OR", "UM.FS", *catheters())
    a, n, c, m = catheters()
    start = np.concatenate([[fit.estimate, fit.tau2**0.5], np.log((a + c + 0.5) / (n + m - a - c + 0.5))])
    best = lowest(lambda x: -brute_force("UM.FS", x), start)
    assert_allclose(fit.log_likelihood, -best.fun, rtol=1e-9)
    assert_allclose([fit.estimate, fit.tau2], [best.x[0], best.x[1] ** 2], rtol=2e-5)


@pytest.mark.parametrize("model", ["UM.FS", "CM.EL", "CM.AL"])
def test_the_standard_error_is_that_of_the_observed_information(model: str) -> None:
    """By differences of the profile likelihood: two numeric derivatives of an independent fit."""
    counts = catheters()
    fit = fit_glmm("OR", model, *counts)

    def profile(theta: float) -> float:
        def negative(x: Any) -> float:
            return -brute_force(model, np.concatenate([[theta], x]))

        own = np.log((counts[0] + counts[2] + 0.5) / (counts[1] + counts[3] - counts[0] - counts[2] + 0.5))
        start = np.concatenate([[fit.tau2**0.5], own if model == "UM.FS" else []])
        return float(-lowest(negative, start, 1e-7).fun)

    h = 0.05
    curvature = (profile(fit.estimate + h) - 2 * profile(fit.estimate) + profile(fit.estimate - h)) / h**2
    assert_allclose(fit.se, (-curvature) ** -0.5, rtol=3e-3)


def test_homogeneous_counts_sit_on_the_boundary() -> None:
    x = np.array([5.0, 10.0, 20.0])
    fit = fit_glmm("OR", "CM.EL", x, 10 * x, 2 * x, 10 * x)
    assert fit.tau2 == 0.0
    assert np.isnan(fit.tau2_se)
    assert_allclose(fit.estimate, np.log((1 / 9) / (2 / 8)), rtol=0.02)


def test_a_common_effect_of_counts_fixes_tau2() -> None:
    fit = pool(sizes("CATHETERS OR"), model="CM.EL", method="CE")
    assert (fit.tau2, fit.i2) == (0.0, 0.0)
    assert np.isnan(fit.prediction).all()


@pytest.mark.parametrize("model", ["UM.FS", "UM.RS", "CM.EL", "CM.AL"])
def test_swapping_the_groups_flips_the_sign_of_every_model(model: str) -> None:
    a, n, c, m = catheters()
    one, other = fit_glmm("OR", model, a, n, c, m), fit_glmm("OR", model, c, m, a, n)
    assert_allclose([other.estimate, other.se, other.tau2], [-one.estimate, one.se, one.tau2], rtol=1e-6)


def test_the_hypergeometric_terms_are_scipys() -> None:
    family = Hypergeometric(*(np.array([x]) for x in (7.0, 40.0, 15.0, 45.0)))
    eta = np.linspace(-3, 3, 7)[None, :]
    terms = family.at(eta)
    distribution = [nchypergeom_fisher(85, 40, 22, np.exp(e)) for e in eta[0]]
    assert_allclose(terms.value[0], [d.logpmf(7) for d in distribution], rtol=1e-9)
    assert_allclose(terms.first[0], [7 - d.mean() for d in distribution], rtol=1e-8, atol=1e-9)
    assert_allclose(-terms.second[0], [d.var() for d in distribution], rtol=1e-7)


def test_studies_without_information_are_left_out_of_the_models_by_name() -> None:
    fit = pool(sizes("CATHETERS OR"), model="UM.FS")
    assert fit.k == 17
    assert fit.left_out[0].study == "Yucel 2004"
    assert "no events" in fit.left_out[0].reason


def test_tables_that_all_fail_get_a_half_and_say_so() -> None:
    data = {"a": [0, 0], "c": [3, 2], "m": [50, 60], "n": [50, 60]}
    fit = pool(effect_sizes(data, measure="OR", events=("a", "c"), n=("m", "n")), method="MH")
    assert np.isfinite([fit.estimate, fit.se]).all()
    assert any("½ was added" in note for note in fit.warnings)


def test_no_events_at_all_are_an_error_that_says_what_to_do() -> None:
    data = {"a": [0, 0], "c": [0, 0], "m": [50, 60], "n": [50, 60]}
    es = effect_sizes(data, measure="OR", events=("a", "c"), n=("m", "n"))
    with pytest.raises(DataError, match=r"no table has information on the OR: .* report the counts"):
        pool(es, method="MH")
    with pytest.raises(DataError, match="Peto's method can't be used"):
        pool(es, method="PETO")
    with pytest.raises(DataError, match="no study has information on the effect"):
        pool(es, model="CM.EL")


@pytest.mark.parametrize("model", ["UM.FS", "UM.RS", "CM.EL", "CM.AL"])
def test_a_group_without_any_events_has_no_finite_estimate(model: str) -> None:
    none, some, n = np.zeros(2), np.array([20.0, 1.0]), np.array([50.0, 60.0])
    with pytest.raises(DataError, match=r"group 1 has no events in any study: the model's estimate is infinite"):
        fit_glmm("OR", model, none, n, some, n)
    with pytest.raises(DataError, match=r"group 2 has nothing but events in any study"):
        fit_glmm("OR", model, some, n, n, n)


@pytest.mark.parametrize("model", ["UM.FS", "UM.RS", "CM.EL"])
def test_one_study_of_counts_is_its_own_result(model: str) -> None:
    """Its odds ratio and Woolf's standard error; given its margins, the conditional estimate."""
    fit = fit_glmm("OR", model, np.array([5.0]), np.array([50.0]), np.array([10.0]), np.array([50.0]))
    assert fit.tau2 == 0.0
    if model == "CM.EL":
        assert_allclose(5 - nchypergeom_fisher(100, 50, 15, np.exp(fit.estimate)).mean(), 0, atol=1e-7)
    else:
        assert_allclose(fit.estimate, np.log(5 * 40 / (45 * 10)), rtol=1e-7)
        assert_allclose(fit.se, (1 / 5 + 1 / 45 + 1 / 10 + 1 / 40) ** 0.5, rtol=1e-7)


REFUSED = [
    ("BCG AS", {"method": "MH"}, "Mantel–Haenszel pools OR, RR, RD, IRR, IRD, not AS"),
    ("BCG RR", {"method": "PETO"}, "Peto's method pools odds ratios"),
    ("BCG OR", {"method": "MH", "ci": "hksj"}, "MH has a normal interval only"),
    ("BCG OR", {"model": "UM.FS", "ci": "hksj"}, "has ci='z' or 't'"),
    ("BCG RR", {"model": "UM.FS"}, "no UM.FS model for RR"),
    ("CATHETER_DAYS IRR", {"model": "CM.AL"}, "for the rate ratio CM.EL is exact"),
    (
        "PASSIVE_SMOKING OR",
        {"method": "MH"},
        "MH works on counts; these effect sizes were read as published estimates",
    ),
    ("BCG OR", {"method": "MH", "tau2": 0.1}, "belong to inverse-variance pooling"),
]


@pytest.mark.parametrize(("name", "options", "message"), REFUSED, ids=[r[2] for r in REFUSED])
def test_what_a_method_cannot_do_is_said(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        pool(sizes(name), **options)
