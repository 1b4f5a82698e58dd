"""The posterior of τ: against adaptive quadrature by scipy in another variable, and against its own stated error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import logsumexp

from equipoise.errors import DataError
from equipoise.synthesis.bayes.priors import (
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    HalfStudent,
    InverseGamma,
    LogNormal,
    LogStudent,
    Mixture,
    OnVariance,
    Prior,
    Uniform,
)
from equipoise.synthesis.bayes.quadrature import TauPosterior, integrate_tau

FloatArray = NDArray[np.float64]

SCHOOLS = np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16])
SCHOOL_ERRORS = np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6])
"""SAT coaching: Rubin (1981), J Educ Stat 6:377; as in Gelman et al., Bayesian Data Analysis."""

PRIORS: list[Prior] = [
    HalfNormal(10.0),
    HalfCauchy(25.0),
    HalfStudent(10.0, 4.0),
    Exponential(10.0),
    Flat(),
    Uniform(40.0),
    Uniform(40.0, lower=2.0),
    LogNormal(1.0, 1.0),
    LogStudent(1.0, 1.3, 5.0),
    LogStudent(-30.0, 10.0, 5.0),
    OnVariance(LogNormal(3.0, 1.74)),
    OnVariance(LogStudent(3.0, 2.6, 5.0)),
    OnVariance(InverseGamma(0.001, 0.001)),
    OnVariance(InverseGamma(1.0, 50.0)),
    HalfNormal(1e-9),
    HalfNormal(1e11),
    HalfCauchy(1e-9),
    Mixture((HalfNormal(0.01), HalfNormal(30.0)), (0.5, 0.5)),
    Mixture((LogNormal(2.0, 1e-4), HalfNormal(10.0)), (0.3, 0.7)),
    Mixture((Uniform(3.0, lower=2.0), Exponential(10.0)), (0.4, 0.6)),
]
IDS = [prior.describe() for prior in PRIORS]


def log_likelihood(y: FloatArray, s: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Of τ with the effect integrated over the line (Röver 2020, J Stat Softw 93(6), eq. 8)."""

    def at(tau: FloatArray) -> FloatArray:
        w = 1.0 / (s**2 + np.asarray(tau)[:, None] ** 2)
        total = w.sum(axis=1)
        mean = (w * y).sum(axis=1) / total
        rss = (w * (y - mean[:, None]) ** 2).sum(axis=1)
        return np.asarray(0.5 * (np.log(w).sum(axis=1) - np.log(total) - rss))

    return at


SCHOOLS_LIKELIHOOD = log_likelihood(SCHOOLS, SCHOOL_ERRORS)


LOWEST, HIGHEST = -300.0, 60.0


def brute(likelihood: Callable[[FloatArray], FloatArray], prior: Prior, marks: FloatArray) -> FloatArray:
    """Logarithms of the integrals of likelihood × prior from 0 to each of ``marks`` and beyond.

    By Gauss–Legendre rules with 24 nodes on 4000 pieces of log τ, cut where the prior jumps or has a spike.
    """
    parts = prior.components if isinstance(prior, Mixture) else (prior,)
    inner = [np.log(b) for part in parts for b in part.support if 0 < b < np.inf]
    inner += [u for e in (1e-15, 1e-9, 1e-3, 0.5, 0.999, 1 - 1e-9, 1 - 1e-15) for u in _log_quantiles(prior, e)]
    cuts = np.unique(np.concatenate([np.linspace(LOWEST, HIGHEST, 4001), np.log(marks), inner]))
    cuts = cuts[(cuts >= LOWEST) & (cuts <= HIGHEST)]
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = 0.5 * np.diff(cuts)
    u = cuts[:-1, None] + half[:, None] * (1.0 + nodes)
    tau = np.exp(u.ravel())
    log = (likelihood(tau) + prior.logpdf(tau)).reshape(u.shape) + u
    top = log.max()
    pieces = (np.exp(log - top) @ weights) * half
    below = 0.0
    if prior.proper:  # where the likelihood no longer changes
        below = float(prior.cdf(np.exp(LOWEST)) * np.exp(likelihood(np.zeros(1))[0] - top))
    upto = np.concatenate([[below], below + np.cumsum(pieces)])
    return np.asarray(np.log(np.append(upto[np.searchsorted(cuts, np.log(marks))], upto[-1])) + top)


def _log_quantiles(prior: Prior, p: float) -> list[float]:
    if isinstance(prior, Mixture):
        return [u for part in prior.components for u in _log_quantiles(part, p)]
    if not prior.proper or isinstance(prior, Uniform):
        return []
    with np.errstate(divide="ignore"):
        return [float(np.log(prior.quantile(p)))]


@pytest.mark.parametrize("prior", PRIORS, ids=IDS)
def test_probabilities_and_evidence_are_within_the_stated_error(prior: Prior) -> None:
    found = integrate_tau(SCHOOLS_LIKELIHOOD, prior, 11.0)
    p = np.array([0.02, 0.25, 0.5, 0.75, 0.98])
    marks = found.quantile(p)
    *upto, all_of_it = brute(SCHOOLS_LIKELIHOOD, prior, marks)
    assert np.exp(np.array(upto) - all_of_it) == pytest.approx(p, abs=found.error + 1e-12)
    assert found.log_evidence == pytest.approx(all_of_it, abs=found.error + 1e-12)
    assert found.error < 1e-7
    assert found.cdf(marks) == pytest.approx(p, abs=1e-12)
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-13)
    assert np.all(np.diff(found.tau) > 0)


def everything(found: TauPosterior) -> FloatArray:
    quantiles = found.quantile(np.array([0.005, 0.025, 0.25, 0.5, 0.75, 0.975, 0.995]))
    return np.array([found.log_evidence, *found.cdf(quantiles), *quantiles])


@pytest.mark.parametrize("prior", PRIORS, ids=IDS)
def test_refining_tenfold_changes_nothing_beyond_the_stated_error(prior: Prior) -> None:
    loose = integrate_tau(SCHOOLS_LIKELIHOOD, prior, 11.0, tolerance=1e-5)
    fine = integrate_tau(SCHOOLS_LIKELIHOOD, prior, 11.0, tolerance=1e-12)
    at = fine.quantile(np.array([0.005, 0.025, 0.25, 0.5, 0.75, 0.975, 0.995]))
    assert np.abs(loose.cdf(at) - fine.cdf(at)).max() <= loose.error
    assert abs(loose.log_evidence - fine.log_evidence) <= 2.0 * loose.error
    means = [abs(fine.expect(f.tau) if f is fine else f.expect(f.tau)) for f in (loose, fine)]
    assert abs(means[0] - means[1]) <= float(loose.error_of(loose.tau)) + 1e-12 * abs(means[1])


@pytest.mark.parametrize("prior", PRIORS, ids=IDS)
def test_density_distribution_function_and_quantiles_belong_together(prior: Prior) -> None:
    found = integrate_tau(SCHOOLS_LIKELIHOOD, prior, 11.0)
    t = found.quantile(np.linspace(0.01, 0.99, 15))
    step = 1e-6 * t
    slope = (found.cdf(t + step) - found.cdf(t - step)) / (2.0 * step)
    assert slope == pytest.approx(found.pdf(t), rel=1e-4)
    low, high = found.shortest_interval(0.9)
    equal = found.interval(0.9)
    assert float(found.probability(low, high)) == pytest.approx(0.9, abs=1e-9)
    assert high - low <= (equal[1] - equal[0]) * (1 + 1e-12)
    scan = np.linspace(0.0, 0.1, 401)[1:-1]
    assert high - low <= (found.quantile(scan + 0.9) - found.quantile(scan)).min() * (1 + 1e-9)


@pytest.mark.parametrize("prior", [HalfNormal(10.0), LogNormal(1.0, 1.0), Uniform(40.0, lower=2.0), HalfCauchy(25.0)])
def test_the_mode_is_the_highest_point(prior: Prior) -> None:
    found = integrate_tau(SCHOOLS_LIKELIHOOD, prior, 11.0)
    grid = np.linspace(max(prior.support[0], 0.0), 30.0, 30001)
    density = np.exp(SCHOOLS_LIKELIHOOD(grid) + prior.logpdf(grid))
    assert found.mode == pytest.approx(grid[density.argmax()], abs=1.1e-3)


@given(st.floats(-8.0, 8.0), st.floats(0.1, 4.0))
@settings(max_examples=20, deadline=None)
def test_the_unit_does_not_matter(shift: float, ratio: float) -> None:
    unit = 10.0**shift
    one = integrate_tau(SCHOOLS_LIKELIHOOD, HalfNormal(10.0 * ratio), 11.0)
    other = integrate_tau(
        log_likelihood(SCHOOLS * unit, SCHOOL_ERRORS * unit), HalfNormal(10.0 * ratio * unit), 11.0 * unit
    )
    p = np.array([0.025, 0.5, 0.975])
    assert other.quantile(p) / unit == pytest.approx(one.quantile(p), rel=1e-8)
    assert other.sd / unit == pytest.approx(one.sd, rel=1e-8)


def test_heavy_tails_have_infinite_moments() -> None:
    few = log_likelihood(SCHOOLS[:3], SCHOOL_ERRORS[:3])
    flat = integrate_tau(few, Flat(), 11.0)
    assert flat.mean == np.inf
    assert flat.sd == np.inf
    four = integrate_tau(log_likelihood(SCHOOLS[:4], SCHOOL_ERRORS[:4]), Flat(), 11.0)
    assert np.isfinite(four.mean)
    assert four.sd == np.inf
    assert np.isfinite(integrate_tau(few, HalfNormal(5.0), 11.0).sd)


def test_the_mean_of_a_slowly_falling_density() -> None:
    """k = 4 under a flat prior: the density falls as τ^−3; its mean by quad in τ."""
    likelihood = log_likelihood(SCHOOLS[:4], SCHOOL_ERRORS[:4])

    def density(tau: float) -> float:
        return float(np.exp(likelihood(np.array([tau]))[0]))

    def integral(power: int) -> float:
        near = quad(lambda t: t**power * density(t), 0.0, 50.0, epsrel=1e-12)[0]
        far = quad(lambda u: u ** (-power - 2) * density(1.0 / u), 0.0, 0.02, epsrel=1e-12)[0]
        return float(near + far)

    assert integrate_tau(likelihood, Flat(), 11.0).mean == pytest.approx(integral(1) / integral(0), rel=1e-8)


def test_an_improper_posterior_is_refused() -> None:
    with pytest.raises(DataError, match="improper"):
        integrate_tau(log_likelihood(SCHOOLS[:2], SCHOOL_ERRORS[:2]), Flat(), 11.0)


@pytest.mark.parametrize("prior", [LogStudent(0.0, 1.3, 5.0), LogNormal(0.0, 3.0), HalfCauchy(1.0), HalfNormal(2.0)])
def test_without_information_the_posterior_is_the_prior(prior: Prior) -> None:
    found = integrate_tau(log_likelihood(SCHOOLS[:1], SCHOOL_ERRORS[:1]), prior, 15.0)
    p = np.array([1e-12, 1e-6, 0.01, 0.3, 0.8, 0.999])
    assert found.quantile(p) == pytest.approx(prior.quantile(p), rel=1e-6)
    t = prior.quantile(np.array([0.01, 0.5, 0.99]))
    assert found.pdf(t) == pytest.approx(np.exp(prior.logpdf(t)), rel=1e-7)


def test_prior_and_data_in_conflict_leave_two_modes() -> None:
    """Huge heterogeneity against a half-Cauchy prior with a tiny scale."""
    y, s = np.array([-9.0, -3.0, 4.0, 8.0]), np.full(4, 2.0)
    prior = HalfCauchy(1e-4)
    likelihood = log_likelihood(y, s)
    found = integrate_tau(likelihood, prior, 2.0)
    grid = np.exp(np.linspace(np.log(1e-12), np.log(1e9), 400001))
    log = likelihood(grid) + prior.logpdf(grid) + np.log(grid)
    share = np.exp(logsumexp(log[grid < 0.1]) - logsumexp(log))
    assert 0.001 < share < 0.999
    assert float(found.cdf(0.1)) == pytest.approx(share, rel=1e-3)
    assert found.mode == 0.0
