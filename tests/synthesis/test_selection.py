"""Do selection models agree with metafor's `selmodel`, and with its likelihood written out and maximised once more?

Reference values: tests/data/selection.json, written by validation/metafor/selection.R. The estimates are pinned from
an independent maximisation in R (numDeriv) with tight quadrature; metafor's own log-likelihoods are as good as its
`integrate()` at its default tolerance: to 1e-9 for step functions, to 1e-2 at worst for the others.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

from datasets import TEACHER_EXPECTANCY
from datasets_more import column, passive_smoking
from equipoise.errors import DataError
from equipoise.synthesis.pairwise.heterogeneity import tau2
from equipoise.synthesis.pairwise.selection import SelectionModel, selection_model
from equipoise.synthesis.pairwise.selection_functions import WEIGHT_FUNCTIONS, SmoothSelection, p_value_steps
from reference import ITERATIVE, agrees, reference

CASES = reference("selection")
Y, V = passive_smoking()
WEIGHTS = {
    "beta": "beta",
    "halfnorm": "half-normal",
    "negexp": "negative exponential",
    "logistic": "logistic",
    "power": "power",
    "negexppow": "negative exponential power",
}


def matches(fit: SelectionModel, case: dict[str, Any], likelihood: float) -> None:
    free = slice(1, None) if fit.weight == "step" else slice(None)
    ours = [*fit.coefficients, fit.tau2, *fit.delta[free]]
    errors = [*fit.se, fit.tau2_se, *fit.delta_se[free]]
    # Relative to the standard error, where a parameter is near 0.
    agrees(ours, case["parameters"], 2 * ITERATIVE, ITERATIVE * float(np.nanmin(errors)))
    agrees(errors, case["se"], ITERATIVE)
    agrees(fit.log_likelihood, case["polished_log_likelihood"], 1e-9)
    agrees(fit.log_likelihood, case["log_likelihood"], 0.0, likelihood)
    agrees(fit.lrt, case["lrt"], 0.0, 2.5 * likelihood)
    agrees(fit.lrt_tau2, case["lrt_tau2"], 0.0, 2.5 * likelihood)
    assert fit.lrt_df == case["lrt_df"]


@pytest.mark.parametrize("name", ["beta", "halfnorm", "negexp", "logistic", "power", "negexppow"])
def test_smooth_weights_in_favour_of_positive_results(name: str) -> None:
    matches(selection_model(Y, V, weight=WEIGHTS[name]), CASES[f"{name} greater"], 3e-4)


@pytest.mark.parametrize("name", ["beta", "halfnorm", "negexp", "logistic", "power"])
def test_smooth_weights_in_favour_of_significant_results(name: str) -> None:
    fit = selection_model(Y, V, weight=WEIGHTS[name], alternative="two-sided")
    matches(fit, CASES[f"{name} two.sided"], 3e-4)


def test_selection_of_negative_results() -> None:
    matches(selection_model(Y, V, weight="power", alternative="less"), CASES["power less"], 3e-4)


@pytest.mark.parametrize(
    ("label", "weight", "alternative", "steps"),
    [
        ("negexp threshold", "negative exponential", "two-sided", 0.05),
        ("logistic threshold", "logistic", "greater", 0.025),
    ],
)
def test_certain_publication_up_to_a_threshold(label: str, weight: str, alternative: str, steps: float) -> None:
    fit = selection_model(Y, V, weight=weight, alternative=alternative, steps=[steps])
    matches(fit, CASES[label], 1e-2)
    assert_allclose(fit.weights([steps / 2, steps]), 1.0)
    assert_allclose(fit.weights([steps + 1e-9]), 1.0, rtol=1e-6)


def test_imprecision_makes_selection_more_severe() -> None:
    fit = selection_model(Y, V, weight="half-normal", steps=[0.05], imprecision=np.sqrt(V))
    matches(fit, CASES["halfnorm precision"], 3e-4)
    twice = selection_model(Y, V, weight="half-normal", steps=[0.05], imprecision=2 * np.sqrt(V))
    assert_allclose(twice.delta, fit.delta)


@pytest.mark.parametrize(
    ("alternative", "steps"), [("greater", [0.025, 0.1, 0.5]), ("two-sided", [0.05, 0.5]), ("less", [0.5])]
)
def test_step_functions(alternative: str, steps: list[float]) -> None:
    fit = selection_model(Y, V, steps=steps, alternative=alternative)
    matches(fit, CASES[f"stepfun {alternative.replace('-', '.')}"], 1e-8)
    assert fit.delta[0] == 1.0
    assert np.isnan(fit.delta_se[0])


def test_the_three_parameter_model_is_the_default() -> None:
    fit = selection_model(Y, V)
    matches(fit, CASES["three parameters"], 1e-8)
    assert fit.interval_counts.sum() == 37


def test_beside_a_moderator() -> None:
    X = np.column_stack([np.ones(19), column(TEACHER_EXPECTANCY, "weeks")])
    y, v = column(TEACHER_EXPECTANCY, "yi"), column(TEACHER_EXPECTANCY, "vi")
    matches(selection_model(y, v, X, steps=[0.2]), CASES["teachers"], 2e-6)


def test_weights_fixed_beforehand() -> None:
    """Vevea & Woods (2005) Psychological Methods 10:428, table 1: moderate one-tailed selection."""
    steps = [0.005, 0.01, 0.05, 0.10, 0.25, 0.35, 0.50, 0.65, 0.75, 0.90, 0.95, 0.99, 0.995, 1]
    moderate = [1, 0.99, 0.95, 0.80, 0.75, 0.65, 0.60, 0.55, 0.50, 0.50, 0.50, 0.50, 0.50, 0.50]
    fit, case = selection_model(Y, V, steps=steps, delta=moderate), CASES["fixed"]
    agrees([*fit.coefficients, fit.tau2], case["parameters"], ITERATIVE)
    agrees([*fit.se, fit.tau2_se], case["se"], ITERATIVE)
    agrees(fit.log_likelihood, case["log_likelihood"], 1e-8)
    assert np.isnan(fit.lrt)


class TestProperties:
    @settings(max_examples=10)
    @given(st.permutations(range(37)))
    def test_the_order_of_studies_does_not_matter(self, order: list[int]) -> None:
        one, two = selection_model(Y, V), selection_model(Y[order], V[order])
        assert_allclose(two.coefficients, one.coefficients, rtol=1e-6)
        assert_allclose(two.delta, one.delta, rtol=1e-5)

    @pytest.mark.parametrize("weight", ["step", "half-normal", "beta"])
    def test_swapping_the_groups_turns_the_direction(self, weight: str) -> None:
        one = selection_model(Y, V, weight=weight, alternative="greater")
        two = selection_model(-Y, V, weight=weight, alternative="less")
        assert_allclose(two.coefficients, -one.coefficients, rtol=1e-10)
        assert_allclose(two.delta, one.delta, rtol=1e-10)
        assert_allclose(two.ci[:, 0], -one.ci[:, 1], rtol=1e-10)

    def test_without_selection_it_is_maximum_likelihood(self) -> None:
        fit = selection_model(Y, V, steps=[0.025], delta=[1.0, 1.0])
        assert_allclose(fit.tau2, tau2(Y, V, method="ML").value, rtol=1e-7)
        assert_allclose(fit.coefficients, fit.unadjusted_coefficients, rtol=1e-8)

    def test_units_carry_through(self) -> None:
        one, two = selection_model(Y, V), selection_model(100 * Y, 1e4 * V)
        assert_allclose(two.coefficients, 100 * one.coefficients, rtol=1e-6)
        assert_allclose(two.delta, one.delta, rtol=1e-5)

    @pytest.mark.parametrize("family", list(WEIGHT_FUNCTIONS))
    @pytest.mark.parametrize("sides", [1, 2])
    @pytest.mark.parametrize("threshold", [None, 0.05])
    def test_normalising_constants_are_the_integrals(self, family: str, sides: int, threshold: float | None) -> None:
        imprecision = np.array([1.0, 0.4])
        selection = SmoothSelection(WEIGHT_FUNCTIONS[family], sides, threshold, imprecision)
        mean, variance = np.array([0.3, -2.0]), np.array([1.5, 4.0])
        delta = np.array([1.7, 0.6])[: len(WEIGHT_FUNCTIONS[family].null)]
        area, *_ = selection.normaliser(mean, variance, delta)
        breaks = sorted([-1.959963984540054, -1.6448536269514722, 0.0, 1.6448536269514722, 1.959963984540054])
        for i in range(2):
            one = SmoothSelection(WEIGHT_FUNCTIONS[family], sides, threshold, imprecision[i : i + 1])

            def integrand(z: float, one: SmoothSelection = one, i: int = i) -> float:
                weight = np.exp(one.log_weight(np.array([z]), delta)[0][0])
                return float(weight * norm.pdf(z, mean[i], np.sqrt(variance[i])))

            # Two-sided p-values near 1 are censored at z = 1.25e-5; before that the beta weight is steep.
            steep = [1.2533141373e-5, 2e-4, 3e-3, 0.05, 4.264890793922825, 4.417173413467605, 9.0, 40.0]
            edges = sorted([*breaks, *steep, *(-edge for edge in steep)])
            parts = [quad(integrand, a, b, limit=400, epsabs=1e-13)[0] for a, b in pairwise(edges)]
            assert_allclose(area[i], sum(parts), rtol=1e-8)

    @pytest.mark.parametrize("sides", [1, 2])
    def test_step_areas_are_the_integrals(self, sides: int) -> None:
        steps = p_value_steps(np.array([0.01, 0.2, 1.0]), sides, 1)
        delta = np.array([1.0, 0.6, 0.2])
        area, *_ = steps.normaliser(np.array([0.4]), np.array([2.0]), delta)
        z = norm.rvs(0.4, np.sqrt(2), size=500_000, random_state=1)
        p = norm.sf(z) if sides == 1 else 2 * norm.sf(np.abs(z))
        assert_allclose(area, np.mean(delta[np.searchsorted([0.01, 0.2], p)]), rtol=4e-3)


class TestDegenerateInput:
    def test_an_interval_without_studies_is_named(self) -> None:
        fit = selection_model(np.abs(Y) + 3 * np.sqrt(V), V, steps=[0.025])
        assert "interval 2" in fit.warnings[0]
        assert "rests on its bound" in " ".join(fit.warnings)

    def test_no_selection_at_the_bound_has_no_standard_error(self) -> None:
        fit = selection_model(Y, V, weight="half-normal", alternative="less")
        assert fit.delta[0] == 0.0
        assert np.isnan(fit.delta_se[0])
        assert_allclose(fit.lrt, 0.0, atol=1e-12)

    def test_a_common_effect(self) -> None:
        fit = selection_model(Y, V, method="common")
        assert fit.tau2 == 0.0
        assert np.isnan(fit.lrt_tau2)

    def test_impossible_requests(self) -> None:
        with pytest.raises(DataError, match="between 0 and 1"):
            selection_model(Y, V, steps=[0.0, 2.0])
        with pytest.raises(DataError, match="one threshold"):
            selection_model(Y, V, weight="logistic", steps=[0.1, 0.2])
        with pytest.raises(DataError, match="takes no imprecision"):
            selection_model(Y, V, weight="beta", imprecision=V)
        with pytest.raises(DataError, match="needs a direction"):
            selection_model(Y, V, weight="truncation", alternative="two-sided")
        with pytest.raises(DataError, match="delta has 1 values"):
            selection_model(Y, V, delta=[1.0])
        with pytest.raises(DataError, match="choose one of"):
            selection_model(Y, V, weight="normal")

    def test_truncation_recovers_what_was_cut_off(self) -> None:
        """Studies below 0 published one time in ten (seeded): the mean moves towards the truth of 0.1."""
        rng = np.random.default_rng(5)
        v = rng.uniform(0.01, 0.1, 4000)
        y = rng.normal(0.1, np.sqrt(v + 0.04))
        kept = (y > 0) | (rng.random(4000) < 0.1)
        fit = selection_model(y[kept], v[kept], weight="truncation")
        assert_allclose(fit.estimate, 0.1, atol=3 * fit.se[0])
        assert_allclose(fit.delta[1], 0.1, atol=3 * fit.delta_se[1])
        assert fit.unadjusted_coefficients[0] > 0.15


def test_text_and_frame() -> None:
    fit = selection_model(Y, V, steps=[0.025, 0.5])
    assert "Test for selection: LRT(df = 2)" in fit.summary()
    assert list(fit.to_frame()["parameter"]) == ["intercept", "tau2", "delta[1]", "delta[2]", "delta[3]"]
    assert_allclose(fit.weights([0.01, 0.3, 0.9]), fit.delta)
