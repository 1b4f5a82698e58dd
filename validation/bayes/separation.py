"""A treatment without events, by dense grids: how right are arm-level posteriors under ever wider priors of effects?

    PYTHONPATH=src python validation/bayes/separation.py

Three studies: A against B twice, B without events; A against C. With flat baselines two-arm studies depend on the effect
alone, so that the posterior of B against A is a sum over a grid of effects and of τ: the study's likelihood as a function
of its own effect x, ∫ Bin(r₁ | μ) Bin(r₂ | μ + x) dμ, averaged over x ~ N(d, τ²).
"""

from __future__ import annotations

import numpy as np

from equipoise.synthesis.bayes.arm_level import posterior_from_arms, read_arms
from equipoise.synthesis.bayes.priors import HalfNormal, Normal

STUDIES = (("B", 5, 50, 0, 50), ("B", 7, 60, 0, 55), ("C", 3, 40, 6, 45))
"""Treatment compared with A; events and participants of A, then of it."""
POINTS = (0.025, 0.25, 0.5, 0.75, 0.975)
Z, W = np.polynomial.hermite_e.hermegauss(41)
TAU = np.linspace(0.005, 2.5, 120)


def averaged(counts: tuple[int, int, int, int], x: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The study's likelihood of effects d at every τ, shape (d, τ)."""
    r1, n1, r2, n2 = counts
    mu = np.linspace(-14.0, 9.0, 2301)
    eta = mu + x[:, None]
    log = r1 * mu - n1 * np.logaddexp(0.0, mu) + r2 * eta - n2 * np.logaddexp(0.0, eta)
    likelihood = np.exp(log - log.max()).sum(axis=1)
    return np.einsum("dtz,z->dt", np.interp(d[:, None, None] + TAU[:, None] * Z, x, likelihood), W / W.sum())


def by_grids(sd: float) -> tuple[float, float, np.ndarray]:
    """Mean, standard deviation and quantiles of B against A."""
    x = np.r_[-np.geomspace(30.0, 7.0 * sd + 60.0, 50)[::-1], np.linspace(-29.9, 30.0, 2400)]
    d = np.r_[np.linspace(5.0, -12.0, 341), -np.geomspace(12.05, 5.0 * sd + 13.0, 400)][::-1]
    c = np.linspace(-6.0, 8.0, 400)
    whole = np.exp(-0.5 * (TAU / 0.5) ** 2) * np.exp(-0.5 * (d / sd) ** 2)[:, None]
    for treatment, *counts in STUDIES:
        if treatment == "B":
            whole = whole * averaged(tuple(counts), x, d)
        else:
            whole = whole * (averaged(tuple(counts), x, c) * np.exp(-0.5 * (c / sd) ** 2)[:, None]).sum(axis=0)
    mass = whole.sum(axis=1) * np.gradient(d)
    mass /= mass.sum()
    mean = float(mass @ d)
    spread = float(np.sqrt(mass @ (d - mean) ** 2))
    return mean, spread, np.interp(POINTS, np.cumsum(mass) - 0.5 * mass, d)


def main() -> None:
    rows: dict[str, list[object]] = {"study": [], "treatment": [], "events": [], "n": []}
    for i, (treatment, r1, n1, r2, n2) in enumerate(STUDIES):
        for name, values in zip(rows, ((i, i), ("A", treatment), (r1, r2), (n1, n2)), strict=True):
            rows[name] += values
    rows["study"] = [f"s{i}" for i in rows["study"]]
    table = read_arms(rows, events="events", n="n")
    print(
        "effects' sd   mean (grids, posterior)   sd (grids, posterior)   largest error of probabilities, stated, doubted"
    )
    for sd in (2.0, 5.0, 10.0, 20.0, 40.0, 100.0):
        mean, spread, quantiles = by_grids(sd)
        found = posterior_from_arms(table, HalfNormal(0.5), effects=Normal(0.0, sd))
        b = found.contrast("B", "A")
        off = float(np.abs(b.cdf(quantiles) - POINTS).max())
        doubted = any("Doubtful" in note for note in found.notes)
        print(
            f"{sd:8g} {mean:14.3f} {float(b.mean):9.3f} {spread:14.3f} {float(b.sd):9.3f} {off:16.4f} {found.error:16.4f}"
            f"   {'yes' if doubted else 'no'}"
        )


if __name__ == "__main__":
    main()
