"""Posteriors of one comparison: against bayesmeta's published output and against dense integration over (μ, τ)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pair_data import CRINS, MAGNESIUM, PAIRS, SCHOOLS, THREE, Pair
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.synthesis.bayes.pair import PairPosterior, posterior
from equipoise.synthesis.bayes.priors import (
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    LogNormal,
    LogStudent,
    Mixture,
    Normal,
    OnVariance,
    Prior,
    Student,
    Uniform,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Dense:
    """The posterior on a grid of μ by nodes in log τ, from the joint likelihood alone."""

    y: FloatArray
    v: FloatArray
    heterogeneity: Prior
    effect: Prior
    centre: float
    reach: float

    @cached_property
    def tau(self) -> tuple[FloatArray, FloatArray]:
        scale = np.sqrt(np.median(self.v))
        cuts = np.log(scale) + np.concatenate([np.linspace(-35, -7, 6), np.linspace(-6.9, 7, 60)])
        end = self.heterogeneity.support[1]
        cuts = np.unique(np.append(cuts[np.exp(cuts) < end], np.log(end) if np.isfinite(end) else []))
        nodes, weights = np.polynomial.legendre.leggauss(8)
        half = 0.5 * np.diff(cuts)
        u = cuts[:-1, None] + half[:, None] * (1.0 + nodes)
        return np.exp(u.ravel()), (half[:, None] * weights).ravel() * np.exp(u.ravel())

    @cached_property
    def mu(self) -> FloatArray:
        return np.linspace(self.centre - self.reach, self.centre + self.reach, 1501)

    @cached_property
    def mass(self) -> FloatArray:
        tau, weights = self.tau
        w = 1.0 / (self.v + tau[:, None] ** 2)
        d = self.y - self.centre
        m = self.mu - self.centre
        square = (w @ d**2)[:, None] - 2.0 * (w @ d)[:, None] * m + w.sum(axis=1)[:, None] * m**2
        log = 0.5 * np.log(w).sum(axis=1)[:, None] - 0.5 * square + self.heterogeneity.logpdf(tau)[:, None]
        log = log + self.effect.logpdf(self.mu) - 0.5 * len(self.y) * np.log(2 * np.pi)
        self.__dict__["top"] = log.max()
        return np.asarray(np.exp(log - log.max()) * weights[:, None])

    @property
    def log_evidence(self) -> float:
        step = self.mu[1] - self.mu[0]
        return float(np.log(self.mass.sum() * step) + self.__dict__["top"])

    def expect(self, values: FloatArray) -> float:
        return float((self.mass * values).sum() / self.mass.sum())


def compare(found: PairPosterior, y: FloatArray, v: FloatArray, heterogeneity: Prior, effect: Prior) -> None:
    se = found.se
    dense = Dense(y, v, heterogeneity, effect, found.estimate, 30.0 * se)
    tau, mu = dense.tau[0][:, None], dense.mu
    mean, tau_mean = dense.expect(mu[None]), dense.expect(tau)
    assert found.estimate == pytest.approx(mean, abs=1e-6 * se)
    assert se == pytest.approx(np.sqrt(dense.expect((mu[None] - mean) ** 2)), rel=1e-5)
    assert found.tau.mean == pytest.approx(tau_mean, rel=1e-6)
    assert found.tau.sd == pytest.approx(np.sqrt(dense.expect((tau - tau_mean) ** 2)), rel=1e-5)
    if np.isfinite(found.log_evidence):
        assert found.log_evidence == pytest.approx(dense.log_evidence, abs=1e-6)
    marginal = dense.mass.sum(axis=0) / dense.mass.sum() / (mu[1] - mu[0])
    assert np.abs(found.effect.pdf(mu) - marginal).max() * se < 1e-6
    assert found.effect.cdf(found.effect.quantile(np.array([0.025, 0.5, 0.975]))) == pytest.approx([0.025, 0.5, 0.975])
    # A kernel makes the step that the distribution function is, where τ is 0, smooth on both sides alike.
    kernel = 0.2 * se
    new = float(found.new_effect.quantile(0.975))
    blurred = ndtr((new - found.new_effect.means) / np.hypot(found.new_effect.sds, kernel))
    wide = dense.expect(ndtr((new - mu) / np.hypot(tau, kernel)))
    assert wide == pytest.approx(float(found.new_effect.weights @ blurred), abs=1e-6)
    for i in (0, len(y) - 1):
        share = tau**2 / (v[i] + tau**2)
        own_mean, own_sd = share * y[i] + (1 - share) * mu, np.sqrt(v[i] * share)
        theta, at = dense.expect(own_mean), found.shrunken.take(i)
        assert float(at.mean) == pytest.approx(theta, abs=1e-6 * se)
        assert float(at.sd) == pytest.approx(np.sqrt(dense.expect((own_mean - theta) ** 2 + own_sd**2)), rel=1e-5)
        low = float(at.quantile(0.025))
        blurred = ndtr((low - at.means) / np.hypot(at.sds, kernel))
        wide = dense.expect(ndtr((low - own_mean) / np.hypot(own_sd, kernel)))
        assert wide == pytest.approx(float(at.weights @ blurred), abs=1e-6)


def priors(unit: float) -> list[tuple[Prior, Prior]]:
    return [
        (HalfNormal(unit), Flat()),
        (HalfCauchy(2.0 * unit), Normal(0.0, 4.0 * unit)),
        (Uniform(10.0 * unit), Flat()),
        (OnVariance(LogNormal(-2.56 + 2 * np.log(unit), 1.74)), Student(0.0, 2.0 * unit, 4.0)),
        (Exponential(unit), Mixture((Normal(0.0, 0.5 * unit), Normal(unit, 10.0 * unit)), (0.8, 0.2))),
    ]


CASES = [(name, which) for name, (y, _) in PAIRS.items() for which in range(5) if which != 3 or len(y) <= 8]
"""All but Student priors with many studies, which are no different, and slow to integrate densely."""


@pytest.mark.parametrize(("name", "which"), CASES)
def test_everything_against_dense_integration(name: str, which: int) -> None:
    y, v = PAIRS[name]
    heterogeneity, effect = priors(float(np.sqrt(np.median(v))))[which]
    found = posterior(y, v, heterogeneity=heterogeneity, effect=effect)
    compare(found, y, v, heterogeneity, effect)


def test_the_eight_schools_as_bayesmeta_prints_them() -> None:
    """bayesmeta 1.9's vignette: half-Cauchy(25) and N(0, 50²).

    Its effect distribution is a mixture with a stated tolerance (delta 0.01, epsilon 1e-4), which leaves about
    3e-4 standard deviations; τ is integrated to 1e-11, its modes and shortest ends optimised to about 1e-4.
    """
    y, v = SCHOOLS
    found = posterior(y, v, heterogeneity=HalfCauchy(25.0), effect=Normal(0.0, 50.0))
    assert [found.tau.median, found.tau.mean, found.tau.sd] == pytest.approx([4.758539, 5.884511, 4.869904], rel=1e-6)
    assert found.tau.mode == 0.0
    assert found.tau.shortest_interval() == pytest.approx((0.0, 15.165894), rel=1e-6)
    effect = found.effect
    printed = [7.929503, 7.962961, 7.985729, 4.995762]
    assert [float(x) for x in (effect.mode, effect.median, effect.mean, effect.sd)] == pytest.approx(printed, rel=2e-4)
    assert effect.shortest_interval() == pytest.approx([-1.823353, 17.824562], abs=6e-4 * 4.995762)
    ml, mode = found.maximum_likelihood, found.maximum_a_posteriori
    assert ml.joint == pytest.approx((0.0, 7.870546), abs=1e-4)
    assert ml.marginal == pytest.approx((0.0, 7.998270), abs=2e-3)
    assert mode.joint == pytest.approx((0.0, 7.816294), abs=1e-4)
    assert mode.marginal == pytest.approx((0.0, 7.929503), abs=2e-3)


class Jeffreys:
    """The Jeffreys prior of τ for given sampling variances, a prior that a user may write."""

    proper = False
    measure = None
    support = (0.0, float("inf"))

    def __init__(self, v: FloatArray) -> None:
        self.v = v

    def logpdf(self, x: object) -> FloatArray:
        t = np.asarray(x, dtype=float)[..., None]
        with np.errstate(divide="ignore"):
            return np.asarray(0.5 * np.log(((t / (self.v + t * t)) ** 2).sum(axis=-1)))

    def cdf(self, x: object) -> FloatArray:
        raise NotImplementedError

    quantile = cdf

    def describe(self) -> str:
        return "Jeffreys"


def test_three_studies_under_the_jeffreys_prior_as_bayesmeta_prints_them() -> None:
    y, v = THREE
    found = posterior(y, v, heterogeneity=Jeffreys(v))
    assert [found.tau.mode, found.tau.median, found.tau.mean] == pytest.approx(
        [1.39055194, 2.35487034, 3.67647047], rel=1e-4
    )
    assert found.tau.sd == np.inf  # printed as NA
    assert found.tau.shortest_interval() == pytest.approx((0.02912476, 10.14895476), rel=2e-3)
    effect = found.effect
    assert [float(effect.mode), float(effect.median), found.estimate] == pytest.approx(
        [12.693292, 12.855986, 12.980341], rel=4e-3
    )
    mean, median = [11.4133994, 12.9395931, 14.588030], [11.4313117, 12.9298433, 14.439061]
    assert found.shrunken.mean == pytest.approx(mean, abs=2e-3)
    assert found.shrunken.median == pytest.approx(median, abs=2e-3)
    assert found.shrunken.sd == pytest.approx([0.9927761, 0.9349359, 1.888808], rel=2e-3)
    # Its joint optimum stops where the log-likelihood no longer changes by 1e-8, to which ours is not inferior.
    ml = found.maximum_likelihood.joint
    assert ml == pytest.approx((0.9470004, 12.64934), abs=1e-3)
    at = found.likelihood.joint_log_likelihood(np.array([ml[1], 12.64934]), np.array([ml[0], 0.9470004]))
    assert at[0] >= at[1]
    assert found.maximum_likelihood.marginal[0] == pytest.approx(1.7512716, abs=1e-4)
    assert found.maximum_a_posteriori.joint == pytest.approx((1.0070604, 12.66894), abs=1e-3)


@pytest.mark.parametrize("prior", [HalfNormal(0.5), LogStudent(-1.7, 1.3, 5.0), Flat(), HalfCauchy(0.5)])
@pytest.mark.parametrize("effect", [Flat(), Normal(0.0, 1.0), Student(0.0, 1.0, 3.0)])
def test_refining_tenfold_changes_nothing_beyond_the_stated_error(prior: Prior, effect: Prior) -> None:
    y, v = CRINS
    loose = posterior(y, v, heterogeneity=prior, effect=effect, tolerance=1e-6)
    fine = posterior(y, v, heterogeneity=prior, effect=effect, tolerance=1e-11)
    assert loose.error < 1e-4
    for name in ("effect", "new_effect", "shrunken", "tau"):
        at = getattr(fine, name).quantile(np.array([0.025, 0.5, 0.975]))
        one, other = getattr(loose, name), getattr(fine, name)
        if name == "shrunken":
            off = [np.abs(one.take(i).cdf(at[:, i]) - other.take(i).cdf(at[:, i])).max() for i in range(len(y))]
        else:
            off = [np.abs(one.cdf(at) - other.cdf(at)).max()]
        assert max(off) <= loose.error + fine.error + 1e-13


def test_bayes_factors_are_ratios_of_marginal_likelihoods() -> None:
    y, v = CRINS
    heterogeneity, effect = HalfNormal(0.5), Normal(0.0, 2.0)
    found = posterior(y, v, heterogeneity=heterogeneity, effect=effect)
    dense = Dense(y, v, heterogeneity, effect, found.estimate, 16 * found.se)
    tau, weights = dense.tau
    variance = v + tau[:, None] ** 2
    likelihood = np.exp(-0.5 * (np.log(2 * np.pi * variance) + y**2 / variance).sum(axis=1))
    at_zero = float(np.log(weights @ (likelihood * np.exp(heterogeneity.logpdf(tau)))))
    assert found.log_bayes_factor_effect == pytest.approx(dense.log_evidence - at_zero, abs=1e-6)
    none = posterior(y, v, heterogeneity=None, effect=effect)
    assert found.log_bayes_factor_heterogeneity == pytest.approx(found.log_evidence - none.log_evidence, abs=1e-10)
    assert none.log_evidence == pytest.approx(
        posterior(y, v, heterogeneity=HalfNormal(1e-9), effect=effect).log_evidence, abs=1e-9
    )
    for prior, flat in ((Flat(), effect), (heterogeneity, Flat())):
        improper = posterior(y, v, heterogeneity=prior, effect=flat)
        assert np.isnan(improper.log_evidence)
        with pytest.raises(DataError, match="proper priors"):
            improper.log_bayes_factor_effect  # noqa: B018
        with pytest.raises(DataError, match="proper priors"):
            improper.log_bayes_factor_heterogeneity  # noqa: B018


def test_a_common_effect_is_conjugate() -> None:
    y, v = CRINS
    found = posterior(y, v, heterogeneity=None, effect=Normal(0.5, 2.0))
    precision = (1 / v).sum() + 0.25
    mean = ((y / v).sum() + 0.125) / precision
    assert [found.estimate, found.se] == pytest.approx([mean, precision**-0.5], rel=1e-14)
    assert found.model == "common"
    assert np.isnan(found.prediction[0])
    assert found.shrunken.mean == pytest.approx(np.full(6, mean), rel=1e-14)
    assert "common-effect" in found.summary()
    with pytest.raises(DataError, match="heterogeneity"):
        found.log_bayes_factor_heterogeneity  # noqa: B018


def test_the_joint_density_integrates_to_the_marginal_one() -> None:
    y, v = CRINS
    found = posterior(y, v, heterogeneity=HalfNormal(0.5), effect=Student(0.0, 1.0, 4.0))
    tau = np.linspace(0.0, 3.0, 3001)
    mu = np.array([-2.0, -1.5, -1.0])
    along = found.joint_pdf(mu[:, None], tau)
    assert np.trapezoid(along, tau, axis=1) == pytest.approx(found.effect.pdf(mu), rel=1e-5)


def test_weights_and_conditional_moments() -> None:
    y, v = CRINS
    found = posterior(y, v, heterogeneity=HalfNormal(0.5))
    assert found.weights.sum() == pytest.approx(100.0)
    assert found.estimate == pytest.approx(float(found.tau.expect(found.given_tau.weights @ y)))
    mean, sd = found.conditional_moments(np.array([0.0, 0.7]))
    w = 1 / (v + 0.49)
    assert [mean[1], sd[1]] == pytest.approx([(w * y).sum() / w.sum(), w.sum() ** -0.5])
    with_prior = posterior(y, v, heterogeneity=HalfNormal(0.5), effect=Normal(0.0, 1.0))
    assert with_prior.weights.sum() < 95.0
    tau, mu = found.draws(20000, seed=1)
    assert mu.mean() == pytest.approx(found.estimate, abs=5 * found.se / 20000**0.5)
    assert tau.mean() == pytest.approx(found.tau.mean, abs=5 * found.tau.sd / 20000**0.5)


@given(st.permutations(range(6)), st.floats(-5, 5), st.floats(0.01, 100.0))
@settings(max_examples=15, deadline=None)
def test_order_origin_and_unit_do_not_matter(order: list[int], shift: float, unit: float) -> None:
    y, v = CRINS
    one = posterior(y, v, heterogeneity=HalfNormal(0.5))
    other = posterior(unit * (y[order] + shift), unit**2 * v[order], heterogeneity=HalfNormal(0.5 * unit))
    assert other.estimate == pytest.approx(unit * (one.estimate + shift), rel=1e-8, abs=1e-8 * unit)
    assert other.prediction == pytest.approx(unit * (np.array(one.prediction) + shift), rel=1e-7, abs=1e-7 * unit)
    assert other.tau.median == pytest.approx(unit * one.tau.median, rel=1e-8)


def extreme(pair: Pair, heterogeneity: Prior, effect: Prior | None = None) -> PairPosterior:
    return posterior(*pair, heterogeneity=heterogeneity, effect=effect)


def test_one_study() -> None:
    found = extreme((np.array([0.4]), np.array([0.09])), HalfNormal(0.5))
    assert found.estimate == pytest.approx(0.4)
    assert found.tau.median == pytest.approx(0.5 * 0.6744897501960817, rel=1e-9)
    # var μ = v + E τ²
    assert found.se == pytest.approx(np.sqrt(0.09 + 0.25), rel=1e-9)
    assert found.prediction[0] < found.ci[0]
    heavy = extreme((np.array([0.4]), np.array([0.09])), HalfCauchy(0.5))
    assert np.isnan(heavy.estimate)  # the mean of a distribution with tails like Cauchy's
    assert heavy.se == np.inf
    assert float(heavy.effect.median) == pytest.approx(0.4)
    with pytest.raises(DataError, match="improper"):
        extreme((np.array([0.4]), np.array([0.09])), Flat())
    with pytest.raises(DataError, match="improper"):
        extreme((np.array([0.4]), np.array([0.09])), Flat(), Normal(0.0, 1.0))


def test_two_studies_under_a_flat_prior_need_a_proper_effect() -> None:
    pair = (np.array([0.4, 0.9]), np.array([0.09, 0.1]))
    with pytest.raises(DataError, match="too few studies"):
        extreme(pair, Flat())
    assert np.isfinite(extreme(pair, Flat(), Normal(0.0, 1.0)).ci).all()


def test_three_studies_under_a_flat_prior_have_quantiles_and_no_mean_of_tau() -> None:
    found = extreme((np.array([0.4, 0.9, 0.1]), np.array([0.09, 0.1, 0.2])), Flat())
    assert found.tau.mean == np.inf
    assert found.se == np.inf
    assert np.isfinite(found.ci).all()
    assert "inf" in found.summary()


def test_identical_estimates_pile_up_at_zero() -> None:
    found = extreme((np.full(6, 0.3), np.full(6, 0.04)), HalfNormal(1.0))
    assert found.tau.mode == 0.0
    assert found.tau.shortest_interval()[0] == 0.0
    assert found.estimate == pytest.approx(0.3, rel=1e-12)


def test_a_thousand_studies() -> None:
    rng = np.random.default_rng(7)
    v = rng.uniform(0.01, 0.1, 1000)
    y = rng.normal(0.2, np.sqrt(v + 0.09))
    found = extreme((y, v), HalfCauchy(1.0))
    assert found.error < 1e-8
    assert found.tau.median == pytest.approx(0.3, abs=0.03)
    w = 1 / (v + found.tau.median**2)
    assert found.estimate == pytest.approx((w * y).sum() / w.sum(), abs=0.05 * found.se)


def test_sampling_variances_of_very_different_size() -> None:
    y, v = np.array([0.1, 0.5, -0.4, 0.3]), np.array([1e-12, 0.04, 0.09, 1e8])
    prior = HalfNormal(0.3)
    found = extreme((y, v), prior)
    grid = np.exp(np.linspace(np.log(1e-14), np.log(10.0), 200001))
    log = found.likelihood.log_likelihood(grid) + prior.logpdf(grid) + np.log(grid)
    mass = np.exp(log - log.max())
    assert found.tau.median == pytest.approx(grid[np.searchsorted(np.cumsum(mass), 0.5 * mass.sum())], rel=1e-3)
    assert found.tau.mean == pytest.approx((mass * grid).sum() / mass.sum(), rel=1e-7)


@pytest.mark.parametrize("sd", [1e-10, 1e10])
def test_an_effect_prior_far_narrower_or_wider_than_the_data(sd: float) -> None:
    found = extreme(CRINS, HalfNormal(0.5), Normal(0.2, sd))
    if sd < 1:
        assert found.estimate == pytest.approx(0.2, abs=1e-9)
        assert found.se == pytest.approx(sd, rel=1e-6)
    else:
        flat = extreme(CRINS, HalfNormal(0.5))
        assert found.estimate == pytest.approx(flat.estimate, rel=1e-9)
        assert found.ci == pytest.approx(flat.ci, rel=1e-9)


def test_data_that_contradict_the_prior_of_the_effect() -> None:
    """A Student prior yields to data far away, a normal one doesn't."""
    y, v = np.array([9.8, 10.1, 10.0]), np.array([0.04, 0.04, 0.04])
    assert extreme((y, v), HalfNormal(0.2), Student(0.0, 0.1, 3.0)).estimate > 9.5
    assert extreme((y, v), HalfNormal(0.2), Normal(0.0, 0.1)).estimate < 9.5


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ((np.array([0.1, 0.2]), np.array([0.1, 0.0])), "Study 2"),
        ((np.array([0.1, np.inf]), np.array([0.1, 0.1])), "Study 2"),
        ((np.array([np.nan]), np.array([0.1])), "nothing to pool"),
    ],
)
def test_impossible_data_are_refused(pair: Pair, said: str) -> None:
    with pytest.raises(DataError, match=said):
        posterior(*pair, heterogeneity=HalfNormal(1.0))


def test_what_is_not_a_prior_is_refused() -> None:
    with pytest.raises(DataError, match="not a prior for an effect"):
        posterior(*MAGNESIUM, heterogeneity=HalfNormal(1.0), effect=HalfNormal(1.0))
    with pytest.raises(DataError, match="not a prior for the heterogeneity"):
        posterior(*MAGNESIUM, heterogeneity=0.5)  # type: ignore[arg-type]


def test_likelihood_that_is_highest_without_heterogeneity_prints_zero() -> None:
    found = posterior(np.array([0.1, 0.12, 0.09, 0.11]), np.full(4, 0.04), heterogeneity=HalfNormal(0.5))
    assert found.maximum_likelihood.joint[0] == 0.0
    assert found.maximum_likelihood.marginal[0] == 0.0
    assert found.maximum_a_posteriori.joint[0] == 0.0
    assert "e-" not in found.summary()
    # Under a flat prior of μ, its marginal likelihood is its posterior density: the route for other priors agrees.
    nearly = posterior(found.estimates, found.variances, heterogeneity=HalfNormal(0.5), effect=Normal(0.0, 1e6))
    assert found.maximum_likelihood.marginal[1] == pytest.approx(nearly.maximum_likelihood.marginal[1], abs=1e-9)
