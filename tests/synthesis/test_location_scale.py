"""Do location–scale models agree with metafor's `rma` with ``scale``?

Reference values: metafor 3.8-1, calls in tests/data/location_scale.json, written by
validation/metafor/location_scale.R; its standard errors of the scale part are numerical derivatives (1e-5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from datasets import BCG, WRITING_TO_LEARN
from datasets_more import column, log_risk_ratio
from equipoise.errors import DataError
from equipoise.synthesis.pairwise.location_scale import LocationScale, location_scale
from equipoise.synthesis.pairwise.regression import meta_regression
from reference import CLOSED_FORM, ITERATIVE, agrees, reference

CASES = reference("location_scale")
WRITING = {name: column(WRITING_TO_LEARN, name) for name in ("yi", "vi", "n", "meta")}
Y, V = log_risk_ratio(BCG)


def matches(fit: LocationScale, case: dict[str, Any], flat: float = 1e-5) -> None:
    agrees(fit.log_likelihood, case["log_likelihood"], 1e-8)
    agrees(fit.location.estimate, case["beta"], ITERATIVE)
    agrees(fit.location.se, case["se"], ITERATIVE)
    agrees(fit.location.p_value, case["p_value"], 1e-5)
    agrees(fit.location.ci[:, 0], case["ci_low"], ITERATIVE)
    agrees(fit.scale.estimate, case["alpha"], flat)
    agrees(fit.scale.se, case["alpha_se"], flat)
    agrees(fit.scale.p_value, case["alpha_p"], 1e-4)
    agrees(fit.scale.ci[:, 1], case["alpha_ci_high"], flat)
    agrees(fit.residual_test.statistic, case["qe"], CLOSED_FORM)
    agrees(fit.location.test.statistic, case["qm"], 1e-5)
    agrees(fit.scale.test.statistic, case["qs"], 1e-4)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("test", ["z", "t"])
def test_sample_size_as_moderator_of_both(method: str, test: str) -> None:
    data = {"ni100": WRITING["n"] / 100}
    fit = location_scale(
        WRITING["yi"], WRITING["vi"], formula="ni100", scale="ni100", data=data, method=method, test=test
    )
    matches(fit, CASES[f"writing {method} {test}"])
    agrees(fit.tau2, CASES[f"writing {method} {test}"]["tau2"], 1e-5)


def test_a_binary_moderator_of_the_scale() -> None:
    known = ~np.isnan(WRITING["meta"])
    Z = np.column_stack([np.ones(known.sum()), WRITING["meta"][known]])
    fit = location_scale(WRITING["yi"][known], WRITING["vi"][known], Z=Z)
    matches(fit, CASES["writing meta"])
    assert_allclose(fit.tau2_at([[1, 0], [1, 1]]), np.exp([fit.scale.estimate[0], fit.scale.estimate.sum()]))


def test_different_moderators() -> None:
    data = {"lat": column(BCG, "ablat") - 33, "decade": (column(BCG, "year") - 1960) / 10}
    matches(location_scale(Y, V, formula="lat", scale="decade", data=data), CASES["bcg"])


def test_a_constant_scale_is_the_random_effects_model() -> None:
    fit, simple = location_scale(Y, V), meta_regression(Y, V)
    matches(fit, CASES["bcg constant"])
    assert_allclose(fit.tau2, simple.tau2, rtol=1e-8)
    assert_allclose(fit.log_likelihood, simple.log_likelihood, rtol=1e-12)


@settings(max_examples=15)
@given(st.floats(0.01, 100), st.floats(-5, 5))
def test_the_units_of_a_moderator_do_not_matter(scale: float, shift: float) -> None:
    x = WRITING["n"] / 100
    one, two = (
        location_scale(WRITING["yi"], WRITING["vi"], Z=np.column_stack([np.ones(48), moderator]))
        for moderator in (x, scale * x + shift)
    )
    assert_allclose(two.tau2, one.tau2, rtol=1e-5)
    assert_allclose(two.scale.estimate[1] * scale, one.scale.estimate[1], rtol=1e-5)
    assert_allclose(two.scale.statistic[1], one.scale.statistic[1], rtol=1e-5)


def test_no_heterogeneity_leaves_the_scale_open() -> None:
    rng = np.random.default_rng(2)
    x = np.linspace(-1, 1, 12)
    fit = location_scale(0.3 + 0.01 * rng.normal(size=12), np.full(12, 0.1), Z=np.column_stack([np.ones(12), x]))
    assert np.isnan(fit.scale.se).all()
    assert fit.tau2.max() < 1e-6
    assert "no standard errors" in fit.warnings[0]
    assert_allclose(fit.location.se, np.sqrt(0.1 / 12), rtol=1e-6)


def test_too_few_studies() -> None:
    with pytest.raises(DataError, match="can't support"):
        location_scale(Y[:3], V[:3], Z=np.column_stack([np.ones(3), [1.0, 2.0, 4.0]]))


def test_text_and_frame() -> None:
    fit = location_scale(Y, V, formula="ablat", scale="ablat", data=BCG)
    assert "Scale (log τ²)" in fit.summary()
    assert list(fit.to_frame()["part"]) == ["location", "location", "scale", "scale"]
