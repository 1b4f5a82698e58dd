"""Predicting a study from the others: against the ratio of marginal likelihoods with and without it."""

from __future__ import annotations

import numpy as np
import pytest
from test_arm_level import SMOKING, binomial

from equipoise.synthesis.bayes.arm_level import posterior_from_arms
from equipoise.synthesis.bayes.priors import HalfNormal, Normal


def test_leaving_a_study_out_agrees_with_marginal_likelihoods() -> None:
    options = {"effects": Normal(0, 2), "baseline": Normal(-2, 2), "reference": "A"}
    whole = posterior_from_arms(binomial(SMOKING), HalfNormal(1.0), **options)  # type: ignore[arg-type]
    found = whole.study_prediction()
    lines = SMOKING.strip().splitlines()
    # Study 3 contradicts the others, and its k̂ of 0.66 says so.
    for name, tolerance in (("3", 0.1), ("2", 1e-3), ("20", 1e-3)):
        rest = "\n".join(line for line in lines if not line.startswith(f"{name} |"))
        without = posterior_from_arms(binomial(rest), HalfNormal(1.0), **options)  # type: ignore[arg-type]
        place = found.study.index(name)
        assert found.left_out[place] == pytest.approx(whole.log_evidence - without.log_evidence, abs=tolerance)
    assert np.all(found.pareto_k < 0.7)
    assert found.waic == pytest.approx(found.looic, abs=2.0)
    assert "Leave-one-study-out" in found.summary()
    assert len(found.to_frame()) == 24
