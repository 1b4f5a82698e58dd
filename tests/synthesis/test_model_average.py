"""Model averaging: published results of RoBMA and metaBMA, brute force, limits and edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import beta, invgamma, norm
from scipy.stats import t as student

import equipoise as eq
from equipoise.errors import DataError
from equipoise.synthesis.bayes.averaging import lattice
from equipoise.synthesis.bayes.averaging.average import model_average
from equipoise.synthesis.bayes.averaging.bias import PEESE, PET, SelectionWeights
from equipoise.synthesis.bayes.averaging.models import AveragedModel, Ensemble
from equipoise.synthesis.bayes.priors import Flat, HalfCauchy, HalfNormal, InverseGamma, Normal, Student, Uniform
from equipoise.synthesis.bayes.truncation import Truncated

FloatArray = NDArray[np.float64]

ROBMA_TAU = InverseGamma(1.0, 0.15)

# Gronau et al. (2017), six preregistered power-pose studies; effect sizes and standard errors as in metaBMA's power_pose.
POSE = np.array([0.2507640, 0.2275180, 0.3186069, 0.2832082, 0.1463949, 0.1509773])
POSE_SE = np.array([0.2071399, 0.1931046, 0.1423228, 0.1421356, 0.1416107, 0.1221166])

# Bem (2011) as coded by Bem, Utts & Johnson (2011): RoBMA's Bem2011.
BEM = np.array([0.25, 0.20, 0.26, 0.23, 0.22, 0.15, 0.09, 0.19, 0.42])
BEM_SE = np.array(
    [0.10155048, 0.08246211, 0.10323629, 0.10182427, 0.10120277, 0.08210765, 0.07085372, 0.10089846, 0.14752627]
)


@pytest.mark.parametrize(
    ("prior", "common", "random", "inclusion"),
    [
        (HalfCauchy(1 / np.sqrt(2)), 89.570, 9.374, 33.136),
        (Truncated(Student(0.34999, 0.1021, 3), 0.0), 191.751, 20.689, 71.373),
    ],
)
def test_gronau_2017_power_pose(prior: eq.Truncated, common: float, random: float, inclusion: float) -> None:
    """Bayes factors as printed in Gronau et al. (2017) and held to in metaBMA's tests (test_gronau2017powerpose.R)."""
    found = model_average(POSE, POSE_SE**2, effect=prior, heterogeneity=ROBMA_TAU, bias=None)
    log = [fit.log_marginal_likelihood for fit in found.models]
    assert np.exp(log[2] - log[0]) == pytest.approx(common, abs=1e-3)
    assert np.exp(log[3] - log[1]) == pytest.approx(random, abs=1e-3)
    assert found.effect.bayes_factor == pytest.approx(inclusion, abs=1e-3)


def test_metabma_posterior_probabilities_of_power_pose() -> None:
    """The inclusion table of metaBMA that RoBMA's vignette "Reproducing BMA" prints."""
    found = model_average(POSE, POSE_SE**2, effect=HalfCauchy(1 / np.sqrt(2)), heterogeneity=ROBMA_TAU, bias=None)
    assert [fit.posterior_probability for fit in found.models] == pytest.approx(
        [0.00868, 0.02061, 0.77745, 0.19325], abs=1e-5
    )


def test_robma_summary_of_power_pose() -> None:
    """RoBMA 3.2's vignette "Reproducing BMA": inclusion BFs 33.112, 0.273; estimates from 15,000 draws."""
    found = model_average(POSE, POSE_SE**2, effect=HalfCauchy(1 / np.sqrt(2)), heterogeneity=ROBMA_TAU, bias=None)
    assert found.effect.bayes_factor == pytest.approx(33.112, rel=2e-3)
    assert found.heterogeneity.bayes_factor == pytest.approx(0.273, abs=2e-3)
    assert (found.mu.mean, found.mu.median, *found.mu.interval()) == pytest.approx((0.213, 0.217, 0.0, 0.348), abs=4e-3)
    assert (found.tau.mean, found.tau.median) == pytest.approx((0.022, 0.0), abs=1e-3)
    assert found.tau.interval()[1] == pytest.approx(0.178, abs=8e-3)
    # The same without the null models, where the effect's prior is Cauchy.
    found = model_average(
        POSE, POSE_SE**2, effect=Student(0, 1 / np.sqrt(2), 1), heterogeneity=ROBMA_TAU, bias=None, effect_probability=1
    )
    assert np.isnan(found.effect.bayes_factor)
    assert found.heterogeneity.bayes_factor == pytest.approx(0.250, abs=2e-3)
    assert (found.mu.mean, *found.mu.interval()) == pytest.approx((0.220, 0.096, 0.346), abs=3e-3)
    # metaBMA's highest density interval in the same vignette.
    assert found.mu.shortest_interval() == pytest.approx((0.09, 0.34), abs=6e-3)


ROBMA_K3 = (
    -0.83, -0.30, -0.38, -0.29, 0.03, 0.56, 0.80, 0.16, -0.86, -0.62, -0.35, -0.51, -0.27, -0.04, 0.65, 0.80, -0.11, -0.97,
    -0.03, -0.11, -0.38, -0.28, -0.29, 0.23, 0.27, -0.59, -1.53, -0.39, -0.52, -0.82, -0.63, -0.66, 0.03, 0.05, -0.87, -1.71,
)  # fmt: skip
"""log(marglik) of the 36 models in RoBMA's tests/results/summary.models/1.txt: r = .1, .2, .3 with n = 15, 20, 50."""


def test_robma_psma_marginal_likelihoods() -> None:
    """Every one of RoBMA-PSMA's 36 models, to the error of bridge sampling."""
    r, n = np.array([0.1, 0.2, 0.3]), np.array([15.0, 20.0, 50.0])
    found = model_average(np.arctanh(r), 1 / (n - 3), measure="ZCOR", sizes=n)
    assert len(found.models) == 36
    assert [fit.log_marginal_likelihood for fit in found.models] == pytest.approx(list(ROBMA_K3), abs=0.025)
    assert [fit.prior_probability for fit in found.models[:9]] == pytest.approx([1 / 8] + [1 / 96] * 6 + [1 / 32] * 2)


def test_robma_psma_of_bem_2011() -> None:
    """The summary in RoBMA 2.0's README: RoBMA(d = Bem2011$d, se = Bem2011$se, seed = 1)."""
    n = (4 + BEM**2 / 2) / BEM_SE**2
    found = model_average(np.arcsinh(BEM / 2), 1 / (n - 3), measure="ZCOR", sizes=n)
    assert found.effect.posterior_probability == pytest.approx(0.324, abs=3e-3)
    assert found.heterogeneity.posterior_probability == pytest.approx(0.125, abs=2e-3)
    assert found.bias.posterior_probability == pytest.approx(0.942, abs=2e-3)
    assert found.effect.bayes_factor == pytest.approx(0.479, rel=0.01)
    assert found.heterogeneity.bayes_factor == pytest.approx(0.143, rel=0.02)
    assert found.bias.bayes_factor == pytest.approx(16.323, rel=0.02)
    # Printed on the scale of Cohen's d, twice Fisher's z.
    assert 2 * found.mu.mean == pytest.approx(0.037, abs=2e-3)
    assert 2 * np.array(found.mu.interval()) == pytest.approx([-0.041, 0.213], abs=8e-3)
    assert 2 * found.tau.mean == pytest.approx(0.010, abs=1e-3)
    printed = [1.0, 0.935, 0.780, 0.768, 0.786, 0.801]
    assert [w.mean for w in found.averaged.weights] == pytest.approx(printed, abs=5e-3)
    assert [high for _, high in found.averaged.intervals] == pytest.approx([0.025, 0.05, 0.5, 0.95, 0.975, 1.0])
    assert found.averaged.weights[1].interval()[0] == pytest.approx(0.338, abs=0.015)
    assert found.averaged.weights[2].interval()[0] == pytest.approx(0.009, abs=2e-3)
    assert found.averaged.pet is not None
    assert found.averaged.peese is not None
    assert (found.averaged.pet.mean, found.averaged.pet.interval()[1]) == pytest.approx((0.759, 2.805), rel=0.02)
    assert (found.averaged.peese.mean / 2, found.averaged.peese.interval()[1] / 2) == pytest.approx(
        (6.183, 25.463), rel=0.02
    )


def test_robma_custom_ensemble_of_bem_2011() -> None:
    """RoBMA's vignette "Fitting custom meta-analytic ensembles": BFs 0.584, 0.132 and 3.21, P(no effect) 0.81."""
    n = (4 + BEM**2 / 2) / BEM_SE**2
    effect = Truncated(Normal(0.075, 0.05), 0.0)  # Normal(0.15, 0.10) on d
    models = [AveragedModel(0.0), AveragedModel(effect), AveragedModel(effect, InverseGamma(1, 0.075))]
    biases = (SelectionWeights((0.05,)), SelectionWeights((0.05, 0.10)), PET(), PEESE(HalfCauchy(10.0)))
    models += [AveragedModel(0.0, None, bias) for bias in biases]
    found = model_average(np.arcsinh(BEM / 2), 1 / (n - 3), measure="ZCOR", sizes=n, models=models)
    assert found.effect.bayes_factor == pytest.approx(0.584, abs=2e-3)
    assert found.heterogeneity.bayes_factor == pytest.approx(0.132, abs=1e-3)
    assert found.bias.bayes_factor == pytest.approx(3.21, abs=0.02)
    assert found.mu.spike(0.0) == pytest.approx(0.81, abs=5e-3)


# Brute force: likelihoods written out anew, integrated by adaptive or dense quadrature.

Y, SE = np.array([0.42, 0.31, 0.55, 0.05]), np.array([0.20, 0.14, 0.25, 0.12])


def gauss(low: float, high: float, count: int) -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(count)
    return low + (high - low) * (x + 1) / 2, w * (high - low) / 2


def normal_pdf(x: FloatArray, sd: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * (x / sd) ** 2) / (sd * np.sqrt(2 * np.pi)))


def density(mu: FloatArray, tau: FloatArray, slope: FloatArray, power: int = 1) -> FloatArray:
    """The likelihood without selection, (mu, tau, slope)."""
    value = np.ones((len(mu), len(tau), len(slope)))
    for y, se in zip(Y, SE, strict=True):
        mean = mu[:, None, None] + slope * se**power
        value = value * normal_pdf(y - mean, np.hypot(se, tau)[:, None])
    return value


def dense(
    steps: tuple[float, ...], mu: FloatArray, tau: FloatArray, omega: list[FloatArray], sides: int = 1
) -> FloatArray:
    """The selection likelihood, (mu, tau, weights): each density times its weight over the probability of publication."""
    cuts = norm.isf(np.array([0.0, *steps, 1.0]) / sides)
    weights = np.stack([np.ones_like(omega[0]), *omega], axis=-1)
    value = np.ones((len(mu), len(tau), len(weights)))
    for y, se in zip(Y, SE, strict=True):
        sd = np.hypot(se, tau)
        below = ndtr((cuts * se - mu[:, None, None]) / sd[:, None])
        masses = below[..., :-1] - below[..., 1:]
        if sides == 2:
            above = ndtr((-cuts * se - mu[:, None, None]) / sd[:, None])
            masses = masses + above[..., 1:] - above[..., :-1]
        p = norm.sf(y / se) if sides == 1 else 2 * norm.sf(abs(y) / se)
        mine = weights[:, np.searchsorted(steps, p)]
        value = value * normal_pdf(y - mu[:, None], sd)[..., None] * mine / (masses @ weights.T)
    return value


def evidence(model: AveragedModel) -> tuple[float, float]:
    found = model_average(Y, SE**2, models=[model])
    return float(np.exp(found.models[0].log_marginal_likelihood)), found.models[0].error


def test_brute_force_random_effects() -> None:
    value, error = evidence(AveragedModel(Normal(0.1, 0.7), HalfNormal(0.4)))
    mu, wm = gauss(-4.0, 4.0, 200)
    tau, wt = gauss(0.0, 4.0, 200)
    joint = density(mu, tau, np.zeros(1))[..., 0] * (norm.pdf(mu, 0.1, 0.7) * wm)[:, None]
    assert value == pytest.approx(float(np.sum(joint * 2 * norm.pdf(tau, 0, 0.4) * wt)), rel=1e-8)
    assert error < 1e-7


@pytest.mark.parametrize(("bias", "power", "scale"), [(PET(HalfCauchy(1.0)), 1, 1.0), (PEESE(HalfCauchy(5.0)), 2, 5.0)])
def test_brute_force_slopes(bias: PET | PEESE, power: int, scale: float) -> None:
    value, _ = evidence(AveragedModel(Normal(0.0, 1.0), None, bias))
    mu, wm = gauss(-6.0, 4.0, 300)
    # The half-Cauchy prior is uniform in this u.
    u, wu = gauss(0.0, 1.0, 300)
    joint = density(mu, np.zeros(1), scale * np.tan(np.pi / 2 * u), power)[:, 0]
    assert value == pytest.approx(float((norm.pdf(mu) * wm) @ joint @ wu), rel=1e-8)


def test_brute_force_slope_with_a_prior_that_is_not_normal() -> None:
    value, _ = evidence(AveragedModel(Truncated(Student(0.2, 0.3, 3), 0.0), None, PET(Normal(0.0, 1.0))))
    mu, wm = gauss(0.0, 3.0, 150)
    slope, wb = gauss(-7.0, 7.0, 150)
    prior = student.pdf((mu - 0.2) / 0.3, 3) / 0.3 / student.sf(-0.2 / 0.3, 3)
    wanted = (prior * wm) @ density(mu, np.zeros(1), slope)[:, 0] @ (norm.pdf(slope) * wb)
    assert value == pytest.approx(float(wanted), rel=1e-8)


def test_brute_force_one_sided_selection() -> None:
    value, _ = evidence(AveragedModel(Normal(0.0, 1.0), None, SelectionWeights((0.05,), 1, (2.0, 3.0))))
    mu, wm = gauss(-3.0, 2.0, 200)
    omega, ww = gauss(0.0, 1.0, 200)
    wanted = (norm.pdf(mu) * wm) @ dense((0.05,), mu, np.zeros(1), [omega])[:, 0] @ (beta.pdf(omega, 3, 2) * ww)
    assert value == pytest.approx(float(wanted), rel=1e-7)


def test_brute_force_fixed_weights() -> None:
    """With known weights, more than three of them, only μ and τ are left."""
    steps, weights = (0.01, 0.025, 0.05, 0.5), (0.9, 0.4, 0.5, 0.1)
    value, error = evidence(AveragedModel(Normal(0.0, 1.0), HalfNormal(0.4), SelectionWeights(steps, fixed=weights)))
    mu, wm = gauss(-6.0, 4.0, 250)
    tau, wt = gauss(0.0, 4.0, 250)
    joint = dense(steps, mu, tau, [np.array([w]) for w in weights])[..., 0] * (norm.pdf(mu) * wm)[:, None]
    assert value == pytest.approx(float(np.sum(joint * 2 * norm.pdf(tau, 0, 0.4) * wt)), rel=1e-8)
    assert error < 1e-7
    known = SelectionWeights(steps, fixed=weights)
    null = model_average(Y, SE**2, models=[AveragedModel(0.0, None, known), AveragedModel(0.0)])
    wanted = dense(steps, np.zeros(1), np.zeros(1), [np.array([w]) for w in weights]).item()
    assert np.exp(null.models[0].log_marginal_likelihood) == pytest.approx(wanted, rel=1e-12)
    assert [w.mean for w in null.conditional.weights] == [1.0, *weights]
    assert "fixed at 0.9, 0.4, 0.5, 0.1" in known.describe()
    assert null.summary()


def test_brute_force_two_sided_selection_with_two_steps() -> None:
    """θ ~ Dirichlet(1, 1, 1) makes the ordered weights uniform, with density 2."""
    value, _ = evidence(AveragedModel(0.0, None, SelectionWeights((0.05, 0.10), 2)))
    b, wb = gauss(0.0, 1.0, 80)
    second, ratio = (x.ravel() for x in np.meshgrid(b, b, indexing="ij"))
    area = 2 * np.outer(b * wb, wb).ravel()
    wanted = dense((0.05, 0.10), np.zeros(1), np.zeros(1), [second, second * ratio], sides=2).ravel() @ area
    assert value == pytest.approx(float(wanted), rel=1e-8)


def test_brute_force_random_effects_with_selection() -> None:
    mu, wm = gauss(-6.0, 4.0, 150)
    x, wx = gauss(-4.5, 5.0, 90)
    tau = np.exp(x)
    # Far below 0 only weights next to 0 leave a likelihood: nodes are packed there.
    u, wu = gauss(0.0, 1.0, 60)
    omega, ww = u**8, wu * 8 * u**7
    prior = (norm.pdf(mu) * wm)[:, None] * (invgamma.pdf(tau, 1, scale=0.15) * tau * wx)
    wanted = float(np.sum(dense((0.025,), mu, tau, [omega]) * prior[..., None] * ww))
    value, error = evidence(AveragedModel(Normal(0.0, 1.0), ROBMA_TAU, SelectionWeights((0.025,))))
    assert value == pytest.approx(wanted, rel=1e-5)
    assert error < 1e-5


def test_brute_force_three_steps() -> None:
    """Ordered weights, uniform with density 6: products of three ratios on a dense grid."""
    b, wb = gauss(0.0, 1.0, 24)
    ratios = np.stack(np.meshgrid(b, b, b, indexing="ij"), axis=-1).reshape(-1, 3)
    jacobian = np.stack(np.meshgrid(b**2 * wb, b * wb, wb, indexing="ij"), axis=-1).reshape(-1, 3).prod(axis=1)
    omega = list(np.cumprod(ratios, axis=1).T)
    mu, wm = gauss(-2.5, 1.5, 50)
    steps = (0.025, 0.05, 0.5)
    value, error = evidence(AveragedModel(Normal(0.0, 0.5), None, SelectionWeights(steps)))
    likelihoods = dense(steps, mu, np.zeros(1), omega)[:, 0] @ (6 * jacobian)
    assert value == pytest.approx(float(likelihoods @ (norm.pdf(mu, 0, 0.5) * wm)), rel=max(3e-5, 5 * error))


def test_posterior_moments_by_brute_force() -> None:
    """μ and ω under selection, against a dense grid, and the distribution function of μ."""
    u, wu = gauss(0.0, 1.0, 120)
    omega, ww = u**6, wu * 6 * u**5

    def part(low: float, high: float) -> tuple[FloatArray, FloatArray]:
        mu, wm = gauss(low, high, 160)
        return mu, dense((0.05,), mu, np.zeros(1), [omega])[:, 0] * (norm.pdf(mu) * wm)[:, None] * ww

    fit = model_average(Y, SE**2, models=[AveragedModel(Normal(0.0, 1.0), None, SelectionWeights((0.05,)))]).models[0]
    (mu_below, below), (mu_above, above) = part(-5.0, 0.1), part(0.1, 3.0)
    total = below.sum() + above.sum()
    assert float(fit.mu.cdf(0.1)) == pytest.approx(float(below.sum() / total), abs=1e-5)
    mu = np.concatenate([mu_below, mu_above])
    joint = np.concatenate([below, above]) / total
    mean = float(joint.sum(axis=1) @ mu)
    assert fit.mu.mean == pytest.approx(mean, rel=1e-7)
    assert fit.mu.sd == pytest.approx(float(np.sqrt(joint.sum(axis=1) @ (mu - mean) ** 2)), rel=1e-7)
    assert fit.weights[0].mean == pytest.approx(float(joint.sum(axis=0) @ omega), rel=1e-7)


def test_the_tail_of_the_effect_under_pet_by_brute_force() -> None:
    """Given the slope, μ is known far better than it moves along with the slope."""
    fit = model_average(BEM, BEM_SE**2, models=[AveragedModel(Normal(0.0, 1.0), None, PET())]).models[0]
    u, wu = gauss(0.0, 1.0, 2000)
    slope = np.tan(np.pi / 2 * u)
    mu = np.linspace(-0.45, 0.3, 16)

    def joint(at: FloatArray) -> FloatArray:
        residuals = BEM - at[:, None, None] - slope[:, None] * BEM_SE
        return np.asarray(norm.pdf(at) * (normal_pdf(residuals, BEM_SE).prod(axis=2) @ wu))

    whole, dw = gauss(-1.5, 1.0, 300)
    wanted = joint(mu) / float(joint(whole) @ dw)
    assert fit.mu.pdf(mu) == pytest.approx(wanted, rel=2e-3)


def test_a_product_of_ratios_has_the_distribution_that_simulation_gives() -> None:
    """The prior of ω_4 comes back where the data say nothing about it: one study far from every cut."""
    model = AveragedModel(0.0, None, SelectionWeights((0.025, 0.05, 0.5)))
    found = model_average([0.0], [1e-8], models=[model]).models[0]
    # With sd 1e-4 and estimate 0 the study lies at p = 0.5: weighted by ω there, over E ω.
    rng = np.random.default_rng(1)
    theta = rng.dirichlet(np.ones(4), 400_000)
    omega = theta[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    shares = np.array([0.025, 0.025, 0.45, 0.5])
    importance = omega[:, 1] / (shares[0] + omega @ shares[1:])
    for c in range(3):
        order = np.argsort(omega[:, c])
        below = np.cumsum(importance[order]) / importance.sum()
        for q in (0.1, 0.5, 0.9):
            assert float(found.weights[c].quantile(q)) == pytest.approx(
                float(omega[order, c][np.searchsorted(below, q)]), abs=6e-3
            )


@pytest.mark.parametrize("steps", [(0.05,), (0.025, 0.05)])
@pytest.mark.parametrize("tau", [None, ROBMA_TAU])
def test_stated_errors_hold_for_many_studies(
    steps: tuple[float, ...], tau: InverseGamma | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against lattices that are finer, reach farther, and don't rely on the extrapolation's power."""
    rng = np.random.default_rng(3)
    se = rng.uniform(0.08, 0.4, 25)
    y = 0.15 + 0.1 * rng.standard_normal(25) + se * rng.standard_normal(25)
    models = [AveragedModel(Normal(0.0, 1.0), tau, SelectionWeights(steps))]
    found = model_average(y, se**2, models=models).models[0]
    parameters = 1 + len(steps) + (tau is not None)
    finer = {"TARGETS": 1e-9, "DEPTHS": 24.0, "FINENESS": 0.42, "MOST_POWER": 1.0}
    for name, value in finer.items():
        monkeypatch.setitem(getattr(lattice, name), parameters, value)
    best = model_average(y, se**2, models=models).models[0]
    off = abs(np.expm1(found.log_marginal_likelihood - best.log_marginal_likelihood))
    assert 0 < off <= found.error + best.error
    assert found.error < 2e-5


# Limits and consistency.


def test_other_models_tell_where_to_look_and_no_more() -> None:
    """Selection as strong as it gets without an effect, and next to none with one: the posteriors lie far apart."""
    rng = np.random.default_rng(50)
    se = 2 / np.sqrt(rng.integers(30, 300, 200))
    y = 0.2 + 0.15 * rng.standard_normal(200) + se * rng.standard_normal(200)
    kept = np.flatnonzero((y / se > 1.96) | (rng.random(200) < 0.3))[:50]
    y, v = y[kept], se[kept] ** 2
    biases = [(SelectionWeights((0.05,)), 1.0), (SelectionWeights((0.025, 0.05)), 1.0)]
    together = model_average(y, v, measure="SMD", bias=biases)
    for fit in together.models:
        alone = model_average(y, v, measure="SMD", models=[fit.model]).models[0]
        off = abs(np.expm1(fit.log_marginal_likelihood - alone.log_marginal_likelihood))
        assert off <= fit.error + alone.error
        assert fit.error < 3e-5
        assert fit.mu.mean == pytest.approx(alone.mu.mean, abs=1e-5)
        assert fit.tau.mean == pytest.approx(alone.tau.mean, abs=1e-5)


@pytest.mark.parametrize("measure", ["SMD", "OR", "MD"])
def test_p_values_of_large_t_tests_are_those_of_normal_deviates(measure: str) -> None:
    """With variances 4/n (times the squared unit) and n of millions, t is estimate/standard error, standard normal."""
    n = np.array([4e7, 5e7, 6e7, 8e7])
    unit = np.pi / np.sqrt(3) if measure == "OR" else 1.0
    se = unit * 2 / np.sqrt(n)
    y = np.array([1.2, 2.1, 1.8, -0.3]) * se
    models = [
        AveragedModel(0.0, None, bias) for bias in (SelectionWeights((0.025, 0.05)), SelectionWeights((0.05,), 2))
    ]
    normal, t = (model_average(y, se**2, measure=measure, models=models, sizes=sizes) for sizes in (None, n))
    for a, b in zip(normal.models, t.models, strict=True):
        assert a.log_marginal_likelihood == pytest.approx(b.log_marginal_likelihood, rel=1e-6)


def test_p_values_of_small_t_tests() -> None:
    """z = 1.8 of 12 participants isn't significant at one-sided .05, since the critical value of t is 1.812."""
    y, se, bias = np.array([1.8]), np.array([1.0]), SelectionWeights((0.05,))
    found = model_average(y, se**2, measure="MD", models=[AveragedModel(0.0, None, bias)], sizes=[12])
    # The weight is uniform, and the study has it: density times the mean of w/(a + w(1 - a)), a = P(z > 1.812).
    cut = float(student.isf(0.05, 10))
    w, dw = gauss(0.0, 1.0, 40)
    a = norm.sf(cut)
    wanted = norm.pdf(1.8) * float(np.sum(dw * w / (a + w * (1 - a))))
    assert np.exp(found.models[0].log_marginal_likelihood) == pytest.approx(wanted, rel=1e-8)


def test_weights_near_one_are_no_selection() -> None:
    plain, _ = evidence(AveragedModel(Normal(0.0, 1.0), HalfNormal(0.3)))
    nearly, _ = evidence(AveragedModel(Normal(0.0, 1.0), HalfNormal(0.3), SelectionWeights((0.05,), 1, (1.0, 1e7))))
    assert nearly == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("bias", [None, PET(), SelectionWeights((0.05,)), SelectionWeights((0.05, 0.5))])
@pytest.mark.parametrize("tau", [None, ROBMA_TAU])
def test_savage_dickey(bias: PET | SelectionWeights | None, tau: InverseGamma | None) -> None:
    """The Bayes factor against a nested null is the ratio of posterior to prior density there."""
    prior = Normal(0.1, 0.6)
    null, full = model_average(Y, SE**2, models=[AveragedModel(0.0, tau, bias), AveragedModel(prior, tau, bias)]).models
    ratio = float(full.mu.pdf(0.0)) / float(np.exp(prior.logpdf(0.0)))
    assert ratio == pytest.approx(np.exp(null.log_marginal_likelihood - full.log_marginal_likelihood), rel=3e-3)


def test_the_unit_of_the_measure_does_not_matter() -> None:
    """Odds ratios are differences times π/√3: with the default priors carried over, nothing else changes."""
    unit = np.pi / np.sqrt(3)
    one = model_average(Y, SE**2, measure="SMD", bias="pp")
    other = model_average(Y * unit, (SE * unit) ** 2, measure="OR", bias="pp")
    for a, b in ((one.effect, other.effect), (one.heterogeneity, other.heterogeneity), (one.bias, other.bias)):
        assert a.bayes_factor == pytest.approx(b.bayes_factor, rel=1e-6)
    assert other.mu.mean == pytest.approx(unit * one.mu.mean, rel=1e-6)


def test_selection_for_small_values_is_the_mirror_image() -> None:
    bias: Ensemble = [(SelectionWeights((0.025, 0.05)), 1.0), (PET(), 1.0)]
    one = model_average(Y, SE**2, measure="SMD", bias=bias)
    other = model_average(-Y, SE**2, measure="SMD", bias=bias, alternative="less")
    assert other.bias.bayes_factor == pytest.approx(one.bias.bayes_factor, rel=1e-4)
    assert other.mu.mean == pytest.approx(-one.mu.mean, rel=1e-4)
    assert other.mu.interval() == pytest.approx(tuple(-x for x in one.mu.interval()[::-1]), abs=1e-4)


def test_prior_and_posterior_odds_agree_with_bayes_factors() -> None:
    found = model_average(Y, SE**2, measure="SMD", bias="pp", effect_probability=0.3)
    assert sum(fit.prior_probability for fit in found.models) == pytest.approx(1)
    assert sum(fit.posterior_probability for fit in found.models) == pytest.approx(1)
    assert found.effect.prior_probability == pytest.approx(0.3)
    p = found.effect.posterior_probability
    assert found.effect.bayes_factor == pytest.approx(p / (1 - p) / (0.3 / 0.7), rel=1e-9)
    assert found.mu.spike(0.0) == pytest.approx(1 - p)
    assert float(found.mu.cdf(np.inf)) == pytest.approx(1)
    assert found.conditional.mu is not None
    assert found.mu.mean == pytest.approx(p * found.conditional.mu.mean)


@settings(max_examples=4, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_the_distribution_averaged_over_models_is_one(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    se = rng.uniform(0.05, 0.5, k)
    found = model_average(rng.normal(0.2, 0.4, k), se**2, measure="SMD", bias="pp")
    for _, distribution in (*found.averaged.rows(), *found.conditional.rows()):
        p = np.linspace(0.005, 0.995, 23)
        x = distribution.quantile(p)
        assert np.all(np.diff(x) >= 0)
        assert np.all(distribution.cdf(x) >= p - 1e-9)
        low, high = distribution.interval(0.9)
        assert distribution.probability(np.nextafter(low, -np.inf), high) >= 0.9 - 1e-6


# Edges.


@pytest.mark.parametrize(
    ("y", "se"),
    [
        ([0.4], [0.2]),
        ([0.4, 0.1], [0.2, 0.1]),
        ([0.1, 0.2, 0.3], [0.1, 0.1, 0.1]),  # equal standard errors: the slope and μ can't be told apart
        ([0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.2, 0.25]),  # all significant
        ([0.1, -0.1, 0.05, 0.0], [0.2, 0.2, 0.3, 0.1]),  # none significant
        ([2.0, 3.0, 2.5], [0.05, 0.06, 0.04]),  # z of 50
        ([-1.5, 1.5, -0.5, 2.0, 0.1], [0.05, 0.04, 0.05, 0.06, 0.05]),  # heterogeneity far beyond the prior
        ([1e-3, 2e-3], [1e-3, 2e-3]),
    ],
)
def test_edges(y: list[float], se: list[float]) -> None:
    bias: Ensemble = [
        (SelectionWeights((0.05,), 2), 1.0),
        (SelectionWeights((0.025, 0.05)), 1.0),
        (PET(), 1.0),
        (PEESE(), 1.0),
    ]
    found = model_average(y, np.square(se), measure="SMD", bias=bias)
    assert np.isfinite([fit.log_marginal_likelihood for fit in found.models]).all()
    assert max(fit.error for fit in found.models) < 0.1
    assert found.error < 5e-3
    assert found.mu.interval()[0] <= found.mu.median <= found.mu.interval()[1]
    assert "Inclusion BF" in found.summary()
    assert found.summary(conditional=True)


def test_a_bounded_prior() -> None:
    value, _ = evidence(AveragedModel(Uniform(1.0, -1.0), Uniform(0.5), SelectionWeights((0.05,))))
    mu, wm = gauss(-1.0, 1.0, 120)
    tau, wt = gauss(0.0, 0.5, 80)
    omega, ww = gauss(0.0, 1.0, 60)
    wanted = np.sum(dense((0.05,), mu, tau, [omega]) * (wm / 2)[:, None, None] * (wt / 0.5)[:, None] * ww)
    assert value == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (Truncated(Normal(0.0, 0.3), 0.0), "normal (mean 0, sd 0.3) above 0"),
        (Truncated(HalfCauchy(0.5), 0.0, 1.0), "half-Cauchy (scale 0.5) below 1"),
        (Truncated(Normal(0.0, 0.3), -1.0, 2.0), "normal (mean 0, sd 0.3) between -1 and 2"),
        (Truncated(HalfNormal(0.5)), "half-normal (scale 0.5)"),
    ],
)
def test_truncated_priors_in_words(prior: eq.Truncated, words: str) -> None:
    assert prior.describe() == words


def test_a_truncated_prior_of_the_heterogeneity() -> None:
    """A normal prior above 0 is a half-normal one; one cut at 1 is the whole one times a constant."""
    whole = eq.pool(Y, SE**2, prior=HalfNormal(0.3), effect_prior=Normal(0.0, 1.0))
    same = eq.pool(Y, SE**2, prior=Truncated(Normal(0.0, 0.3), 0.0), effect_prior=Normal(0.0, 1.0))
    assert same.ci == pytest.approx(whole.ci, rel=1e-6)
    assert same.tau.quantile(0.9) == pytest.approx(whole.tau.quantile(0.9), rel=1e-6)
    assert "normal (mean 0, sd 0.3) above 0" in same.summary()
    cut = eq.pool(Y, SE**2, prior=Truncated(HalfNormal(0.3), 0.0, 0.2), effect_prior=Normal(0.0, 1.0))
    assert cut.tau.quantile(0.5) == pytest.approx(whole.tau.quantile(0.5 * float(whole.tau.cdf(0.2))), rel=1e-6)


def test_one_study_is_said_to_be_little() -> None:
    assert any("one study" in note for note in model_average([0.4], [0.04], measure="SMD", bias="pp").notes)


def test_refusals() -> None:
    with pytest.raises(DataError, match="improper"):
        model_average(Y, SE**2, effect=Flat(), heterogeneity=ROBMA_TAU, bias=None)
    with pytest.raises(DataError, match="improper"):
        model_average(Y, SE**2, effect=Normal(0, 1), heterogeneity=Flat(), bias=None)
    with pytest.raises(DataError, match="none is known for the measure MD"):
        model_average(Y, SE**2, measure="MD")
    with pytest.raises(DataError, match="isn't given"):
        model_average(Y, SE**2)
    with pytest.raises(DataError, match="stated for the measure OR"):
        model_average(Y, SE**2, measure="RR", effect=Normal(0, 1, "OR"), heterogeneity=ROBMA_TAU, bias=None)
    with pytest.raises(DataError, match="pairs of a bias model"):
        model_average(Y, SE**2, measure="SMD", bias=[])
    with pytest.raises(DataError, match="'psma'"):
        model_average(Y, SE**2, measure="SMD", bias="all")
    with pytest.raises(DataError, match="number from 0 to 1"):
        model_average(Y, SE**2, measure="SMD", effect_probability=1.2)
    with pytest.raises(DataError, match="variances are needed"):
        model_average(Y)
    with pytest.raises(DataError, match="ascending"):
        SelectionWeights((0.05, 0.025))
    with pytest.raises(DataError, match="at most 3"):
        SelectionWeights((0.01, 0.025, 0.05, 0.5))
    with pytest.raises(DataError, match="a positive number for each step"):
        SelectionWeights((0.025, 0.05), fixed=(0.5,))
    with pytest.raises(DataError, match="leave concentration out"):
        SelectionWeights((0.05,), 1, (1.0, 1.0), fixed=(0.5,))
    with pytest.raises(DataError, match="3 positive numbers"):
        SelectionWeights((0.025, 0.05), 1, (1.0, 1.0))
    with pytest.raises(DataError, match="no probability"):
        Truncated(HalfNormal(1.0), -3.0, -1.0)
    with pytest.raises(DataError, match="3 sample sizes for 4"):
        model_average(Y, SE**2, measure="SMD", sizes=[10, 20, 30])
    with pytest.raises(DataError, match="2 for study 2"):
        model_average(Y, SE**2, measure="SMD", sizes=[10, 2, 30, 40])
    with pytest.raises(DataError, match="no models"):
        model_average(Y, SE**2, models=[])


def test_effect_sizes_bring_their_measure() -> None:
    data = {"e": [10, 20, 15], "n": [100, 120, 90], "f": [15, 22, 20], "m": [100, 118, 95]}
    es = eq.effect_sizes(data, measure="OR", events=("e", "f"), n=("n", "m"))
    found = eq.model_average(es, bias=None)
    assert found.measure == "OR"
    assert any("1.814" in note for note in found.notes)
    frame = found.to_frame()
    assert list(frame["posterior_probability"]) == pytest.approx([fit.posterior_probability for fit in found.models])


def test_two_sided_weights_only() -> None:
    """Maier et al. (2023): twelve models."""
    found = model_average(Y, SE**2, measure="SMD", bias="2w")
    assert len(found.models) == 12
    intervals, limits = found.weight_function()
    assert len(intervals) == len(limits) == 5
    # Two-sided selection is symmetric.
    assert limits[0] == pytest.approx(limits[-1])
    assert limits[1] == pytest.approx(limits[-2])
