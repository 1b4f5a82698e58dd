"""Diagnostics of chains against ArviZ 0.23.4, which follows Vehtari et al. 2021."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.convergence import ess_bulk, ess_mean, ess_tail, rhat

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it announces its next version on import
    arviz: Any = pytest.importorskip("arviz")


def chains(correlation: float, seed: int, count: int = 4, n: int = 500, shift: float = 0.0) -> FloatArray:
    """Autoregressive chains, the last one shifted."""
    random = np.random.default_rng(seed)
    x = np.empty((count, n))
    x[:, 0] = random.normal(size=count)
    for t in range(1, n):
        x[:, t] = correlation * x[:, t - 1] + np.sqrt(1 - correlation**2) * random.normal(size=count)
    x[-1] += shift
    return x


CHAINS = [
    chains(0.0, 1),
    chains(0.6, 2),
    chains(0.95, 3),
    chains(-0.5, 4),
    chains(0.5, 5, shift=1.0),
    np.exp(2.0 * chains(0.7, 6, count=2, n=301)),
    chains(0.3, 7, count=1),
]


@pytest.mark.parametrize("x", CHAINS, ids=range(len(CHAINS)))
def test_the_same_as_arviz(x: FloatArray) -> None:
    stacked = x[..., None]
    if len(x) > 1:  # ArviZ has no R-hat of a single chain, which can be split all the same
        assert rhat(stacked)[0] == pytest.approx(float(arviz.rhat(x)), rel=1e-8)
    assert ess_bulk(stacked)[0] == pytest.approx(float(arviz.ess(x, method="bulk")), rel=1e-8)
    assert ess_tail(stacked)[0] == pytest.approx(float(arviz.ess(x, method="tail")), rel=1e-8)
    assert ess_mean(stacked)[0] == pytest.approx(float(arviz.ess(x, method="mean")), rel=1e-8)


def test_quantities_side_by_side() -> None:
    stacked = np.stack(CHAINS[:4], axis=-1)
    for function in (rhat, ess_bulk, ess_tail):
        np.testing.assert_allclose(function(stacked), [function(x[..., None])[0] for x in CHAINS[:4]], rtol=1e-12)


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(DataError, match="too few to judge"):
        rhat(np.zeros((4, 3, 1)))
