"""Treatments without events, or with nothing else: their posteriors follow the prior far to one side and end steeply on the
other, and have to be followed there. Reference values are sums over dense grids, good to about 0.0001."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from equipoise.synthesis.bayes.arm_level import ArmPosterior, posterior_from_arms, read_arms
from equipoise.synthesis.bayes.priors import Flat, HalfNormal, Normal, Prior, Student, Uniform

POINTS = (0.025, 0.25, 0.5, 0.75, 0.975)
Z, W = np.polynomial.hermite_e.hermegauss(31)
TAU = np.linspace(0.01, 2.5, 60)
Counts = tuple[int, int, int, int]
ONE: tuple[tuple[str, Counts], ...] = (("B", (5, 50, 0, 50)), ("B", (7, 60, 0, 55)), ("C", (3, 40, 6, 45)))
"""Treatment compared with A; events and participants of A, then of it."""
TWO: tuple[tuple[str, Counts], ...] = (*ONE[:2], ("C", (3, 40, 0, 45)), ("C", (8, 60, 0, 30)))
OFF = 5e-4


def averaged(counts: Counts, x: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The study's likelihood of effects d at every τ, shape (d, τ): ∫∫ Bin(r₁ | μ) Bin(r₂ | μ + δ) dμ N(δ | d, τ²) dδ."""
    r1, n1, r2, n2 = counts
    mu = np.linspace(-14.0, 9.0, 1151)
    eta = mu + x[:, None]
    log = r1 * mu - n1 * np.logaddexp(0.0, mu) + r2 * eta - n2 * np.logaddexp(0.0, eta)
    likelihood = np.exp(log - log.max()).sum(axis=1)
    return np.asarray(np.interp(d[:, None, None] + TAU[:, None] * Z, x, likelihood) @ (W / W.sum()))


def quantiles_by_grids(studies: tuple[tuple[str, Counts], ...], prior: Prior, far: float) -> np.ndarray:
    """Of B against A, by sums over effects and τ; no study compares B with C, so both are summed by themselves."""
    x = np.r_[-np.geomspace(30.0, 1.4 * far + 60.0, 50)[::-1], np.linspace(-29.9, 30.0, 2400)]
    d = np.r_[np.linspace(5.0, -12.0, 341), -np.geomspace(12.05, far + 13.0, 400)][::-1]
    whole = np.exp(-0.5 * (TAU / 0.5) ** 2) * np.ones((len(d), 1))
    for treatment in ("B", "C"):
        terms = [averaged(counts, x, d) for name, counts in studies if name == treatment]
        own = np.prod(terms, axis=0) * np.exp(prior.logpdf(d))[:, None]
        whole = whole * (own if treatment == "B" else (own * np.gradient(d)[:, None]).sum(axis=0))
    mass = whole.sum(axis=1) * np.gradient(d)
    mass /= mass.sum()
    return np.asarray(np.interp(POINTS, np.cumsum(mass) - 0.5 * mass, d))


def posterior(studies: list[dict[str, tuple[int, int]]], effects: Prior, tau: Prior | None = None) -> ArmPosterior:
    rows: dict[str, list[object]] = {"study": [], "treatment": [], "events": [], "n": []}
    for number, arms in enumerate(studies):
        for name, (events, n) in arms.items():
            for column, value in zip(rows, (f"s{number}", name, events, n), strict=True):
                rows[column].append(value)
    return posterior_from_arms(read_arms(rows, events="events", n="n"), tau or HalfNormal(0.5), effects=effects)


def pairs(studies: tuple[tuple[str, Counts], ...], turned: bool = False) -> list[dict[str, tuple[int, int]]]:
    """``turned``: what didn't happen counted as the event."""
    flip: Callable[[int, int], tuple[int, int]] = (lambda r, n: (n - r, n)) if turned else (lambda r, n: (r, n))
    return [{"A": flip(r1, n1), t: flip(r2, n2)} for t, (r1, n1, r2, n2) in studies]


def check(found: ArmPosterior, quantiles: np.ndarray, points: np.ndarray | tuple[float, ...] = POINTS) -> None:
    """Right, no more than three times as far off as stated, and not doubted."""
    off = np.abs(found.contrast("B", "A").cdf(quantiles) - points).max()
    assert off < OFF
    assert off < 3.0 * found.error
    assert found.error < 0.0015
    assert not any("Doubtful" in note for note in found.notes)


@pytest.mark.parametrize("sd", [2.0, 10.0, 20.0, 100.0])
def test_a_treatment_without_events_agrees_with_dense_grids(sd: float) -> None:
    quantiles = quantiles_by_grids(ONE, Normal(0.0, sd), 5.0 * sd)
    check(posterior(pairs(ONE), Normal(0.0, sd)), quantiles)


@pytest.mark.parametrize("df", [1, 4])
def test_heavy_tailed_priors_agree_with_dense_grids(df: int) -> None:
    prior = Student(0.0, 2.5, df)
    check(posterior(pairs(ONE), prior), quantiles_by_grids(ONE, prior, 1e8 if df == 1 else 1e4))


def test_two_treatments_without_events_agree_with_dense_grids() -> None:
    prior = Normal(0.0, 40.0)
    check(posterior(pairs(TWO), prior), quantiles_by_grids(TWO, prior, 200.0))


def test_one_event_against_many_under_a_flat_prior_agrees_with_dense_grids() -> None:
    sparse: tuple[tuple[str, Counts], ...] = (("B", (23, 59, 1, 30)), ("C", (37, 67, 5, 62)), ("C", (81, 207, 19, 200)))
    check(posterior(pairs(sparse), Flat()), quantiles_by_grids(sparse, Flat(), 60.0))


def test_nothing_but_events_is_the_mirror_of_none() -> None:
    prior = Normal(0.0, 20.0)
    quantiles = quantiles_by_grids(ONE, prior, 100.0)
    check(posterior(pairs(ONE, turned=True), prior), -quantiles[::-1])


def by_sums(studies: list[dict[str, tuple[int, int]]], sd: float, tau: Prior, top: float) -> tuple[np.ndarray, ...]:
    """The effect of B against A and its distribution function, of studies that all have the arms A, B and C or two of them
    with A, by sums over both effects, ν and τ."""
    b = np.r_[-np.geomspace(14.0, 5.0 * sd + 15.0, 100)[::-1], np.linspace(-13.9, 8.0, 160)]
    c = np.r_[-np.geomspace(14.0, 5.0 * sd + 15.0, 50)[::-1], np.linspace(-13.8, 9.0, 120)]
    nu = np.linspace(-22.0, 10.0, 300)
    v = np.linspace(-7.0, 7.0, 141)
    grid = np.linspace(-100.0, 25.0, 501)
    share = np.exp(-0.5 * v * v) / np.exp(-0.5 * v * v).sum()
    nodes, weights = np.polynomial.legendre.leggauss(14)
    total = np.zeros((len(b), len(c)))
    for t, w in zip(0.5 * top * (nodes + 1.0), weights, strict=True):
        part = np.full_like(total, w * np.exp(tau.logpdf(np.array([t]))[0]))
        for arms in studies:
            curves = {}
            for name, (r, n) in arms.items():
                eta = grid[:, None] + t / np.sqrt(2.0) * v
                curves[name] = CubicSpline(grid, np.exp(r * eta - n * np.logaddexp(0.0, eta)) @ share)
            first = curves["A"](nu)
            sides = [
                curves[name](np.maximum(nu + d[:, None], grid[0])) if name in arms else np.ones((len(d), len(nu)))
                for name, d in (("B", b), ("C", c))
            ]
            part *= (sides[0] * first) @ sides[1].T
        total += part
    total *= np.exp(-0.5 * (b / sd) ** 2)[:, None] * np.exp(-0.5 * (c / sd) ** 2)
    mass = (total * np.gradient(c)).sum(axis=1) * np.gradient(b)
    return b, (np.cumsum(mass) - 0.5 * mass) / mass.sum()


@pytest.mark.parametrize(("tau", "top"), [(HalfNormal(0.5), 2.5), (Uniform(4.0), 4.0)], ids=["small", "large"])
def test_studies_with_more_arms_without_events_agree_with_sums(tau: Prior, top: float) -> None:
    studies = [{"A": (5, 50), "B": (0, 50), "C": (0, 40)}, {"A": (7, 60), "B": (0, 55), "C": (2, 50)}]
    studies += [{"A": (3, 40), "C": (6, 45)}, {"A": (9, 70), "C": (7, 75)}]
    d, reached = by_sums(studies, 10.0, tau, top)
    chosen = np.searchsorted(reached, POINTS)
    check(posterior(studies, Normal(0.0, 10.0), tau), d[chosen], reached[chosen])
