"""A treatment without events: its posterior follows the prior far to one side, and has to be followed there."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.synthesis.bayes.arm_level import posterior_from_arms, read_arms
from equipoise.synthesis.bayes.priors import HalfNormal, Normal

STUDIES = (("B", 5, 50, 0, 50), ("B", 7, 60, 0, 55), ("C", 3, 40, 6, 45))
"""Treatment compared with A; events and participants of A, then of it."""
POINTS = (0.025, 0.25, 0.5, 0.75, 0.975)
Z, W = np.polynomial.hermite_e.hermegauss(31)
TAU = np.linspace(0.01, 2.5, 60)


def averaged(counts: list[int], x: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The study's likelihood of effects d at every τ, shape (d, τ): ∫∫ Bin(r₁ | μ) Bin(r₂ | μ + δ) dμ N(δ | d, τ²) dδ."""
    r1, n1, r2, n2 = counts
    mu = np.linspace(-14.0, 9.0, 1151)
    eta = mu + x[:, None]
    log = r1 * mu - n1 * np.logaddexp(0.0, mu) + r2 * eta - n2 * np.logaddexp(0.0, eta)
    likelihood = np.exp(log - log.max()).sum(axis=1)
    return np.asarray(np.interp(d[:, None, None] + TAU[:, None] * Z, x, likelihood) @ (W / W.sum()))


def quantiles_by_grids(sd: float) -> np.ndarray:
    """Of B against A, by sums over effects and τ; no study compares B with C, so both are summed by themselves."""
    x = np.r_[-np.geomspace(30.0, 7.0 * sd + 60.0, 50)[::-1], np.linspace(-29.9, 30.0, 2400)]
    d = np.r_[np.linspace(5.0, -12.0, 341), -np.geomspace(12.05, 5.0 * sd + 13.0, 400)][::-1]
    c = np.linspace(-6.0, 8.0, 300)
    whole = np.exp(-0.5 * (TAU / 0.5) ** 2) * np.exp(-0.5 * (d / sd) ** 2)[:, None]
    for treatment, *counts in STUDIES:
        if treatment == "B":
            whole = whole * averaged(counts, x, d)
        else:
            whole = whole * (averaged(counts, x, c) * np.exp(-0.5 * (c / sd) ** 2)[:, None]).sum(axis=0)
    mass = whole.sum(axis=1) * np.gradient(d)
    mass /= mass.sum()
    return np.asarray(np.interp(POINTS, np.cumsum(mass) - 0.5 * mass, d))


@pytest.mark.parametrize("sd", [2.0, 10.0, 100.0])
def test_a_treatment_without_events_agrees_with_dense_grids(sd: float) -> None:
    """Probabilities to 0.003, which is more than the posterior states under wide priors; the grids are good to 0.0001."""
    rows: dict[str, list[object]] = {"study": [], "treatment": [], "events": [], "n": []}
    for number, (treatment, r1, n1, r2, n2) in enumerate(STUDIES):
        for name, values in zip(rows, ((number, number), ("A", treatment), (r1, r2), (n1, n2)), strict=True):
            rows[name] += values
    found = posterior_from_arms(read_arms(rows, events="events", n="n"), HalfNormal(0.5), effects=Normal(0.0, sd))
    np.testing.assert_allclose(found.contrast("B", "A").cdf(quantiles_by_grids(sd)), POINTS, atol=0.003)
