"""Student priors as mixtures of normals are Student priors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import t

from equipoise.synthesis.bayes.effect_prior import normal_components
from equipoise.synthesis.bayes.priors import Mixture, Normal, Student


@pytest.mark.parametrize("df", [0.5, 1.0, 2.0, 3.0, 4.5, 7.0, 15.0, 30.0, 100.0, 1000.0])
def test_the_density_is_right_near_and_far(df: float) -> None:
    x = np.array([0.3, 0.4, 1.0, 5.0, -20.0, 300.0, 1e5])
    found = normal_components(Student(0.3, 1.7, df), 1e5)
    z2 = found.precisions[:, None] * (x - 0.3) ** 2
    density = logsumexp(
        found.log_weights[:, None] + 0.5 * (np.log(found.precisions[:, None] / (2 * np.pi)) - z2), axis=0
    )
    assert density == pytest.approx(t.logpdf(x, df, 0.3, 1.7), abs=found.error)


def test_a_mixture_has_the_components_of_its_parts() -> None:
    found = normal_components(Mixture((Normal(0.0, 2.0), Normal(1.0, 0.5)), (0.25, 0.75)), 1.0)
    assert np.exp(found.log_weights) == pytest.approx([0.25, 0.75])
    assert found.means.tolist() == [0.0, 1.0]
    assert found.precisions.tolist() == [0.25, 4.0]
    assert found.error == 0.0
