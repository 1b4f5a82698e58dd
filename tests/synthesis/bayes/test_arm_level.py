"""Posteriors of networks of arms: against brute force, long chains and published results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import binom, norm, poisson

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level import ArmPosterior, ArmTable, posterior_from_arms, read_arms
from equipoise.synthesis.bayes.arm_level.importance import smooth_weights
from equipoise.synthesis.bayes.arm_level.integrals import FINE, study_terms, study_values
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.bayes.priors import Flat, HalfNormal, Normal, Student, Uniform

# Hasselblad 1998, Med Decis Making 18:37: smoking cessation; A no contact, B self-help, C individual, D group counselling.
SMOKING = """\
1 | A 9/140; C 23/140; D 10/138
2 | B 11/78; C 12/85; D 29/170
3 | A 75/731; C 363/714
4 | A 2/106; C 9/205
5 | A 58/549; C 237/1561
6 | A 0/33; C 9/48
7 | A 3/100; C 31/98
8 | A 1/31; C 26/95
9 | A 6/39; C 17/77
10 | A 79/702; B 77/694
11 | A 18/671; B 21/535
12 | A 64/642; C 107/761
13 | A 5/62; C 8/90
14 | A 20/234; C 34/237
15 | A 0/20; D 9/20
16 | A 8/116; B 19/149
17 | A 95/1107; C 143/1031
18 | A 15/187; C 36/504
19 | A 78/584; C 73/675
20 | A 69/1177; C 54/888
21 | B 20/49; C 16/43
22 | B 7/66; D 32/127
23 | C 12/76; D 20/74
24 | C 9/55; D 3/26
"""

# NICE DSU Technical Support Document 2, example 2 (Hooper et al. 2000): deaths per person-years, diets with usual and
# with reduced fat; one trial has two arms of the latter.
DIET = """\
DART | usual 113/1917; reduced 111/1925
London Corn/Olive | usual 1/43.6; reduced 5/41.3; reduced 3/38
London Low Fat | usual 24/393.5; reduced 20/373.9
Minnesota | usual 248/4715; reduced 269/4823
MRC Soya | usual 31/715; reduced 28/751
Oslo | usual 65/885; reduced 48/895
STARS | usual 3/87.8; reduced 1/91
Sydney | usual 28/1011; reduced 39/939
Veterans Administration | usual 177/1544; reduced 174/1588
Veterans Diet & Skin | usual 2/125; reduced 1/123
"""

# NICE DSU Technical Support Document 2, example 3 (Elliott & Meyer 2007): new diabetes under antihypertensive drugs;
# years of follow-up after the trial's name.
DIABETES = """\
MRC-E, 5.8 | Diuretic 43/1081; Placebo 34/2213; BB 37/1102
EWPH, 4.7 | Diuretic 29/416; Placebo 20/424
SHEP, 3 | Diuretic 140/1631; Placebo 118/1578
HAPPHY, 3.8 | Diuretic 75/3272; BB 86/3297
ALLHAT, 4 | Diuretic 302/6766; CCB 154/3954; ACEi 119/4096
INSIGHT, 3 | Diuretic 176/2511; CCB 136/2508
ANBP-2, 4.1 | Diuretic 200/2826; ACEi 138/2800
ALPINE, 1 | Diuretic 8/196; ARB 1/196
FEVER, 3.3 | Placebo 154/4870; CCB 177/4841
DREAM, 3 | Placebo 489/2646; ACEi 449/2623
HOPE, 4.5 | Placebo 155/2883; ACEi 102/2837
PEACE, 4.8 | Placebo 399/3472; ACEi 335/3432
CHARM, 3.1 | Placebo 202/2721; ARB 163/2715
SCOPE, 3.7 | Placebo 115/2175; ARB 93/2167
AASK, 3.8 | BB 70/405; CCB 32/202; ACEi 45/410
STOP-2, 4 | BB 97/1960; CCB 95/1965; ACEi 93/1970
ASCOT, 5.5 | BB 799/7040; CCB 567/7072
NORDIL, 4.5 | BB 251/5059; CCB 216/5095
INVEST, 4 | BB 665/8078; CCB 569/8098
CAPPP, 6.1 | BB 380/5230; ACEi 337/5183
LIFE, 4.8 | BB 320/3979; ARB 242/4020
VALUE, 4.2 | CCB 845/5074; ARB 690/5087
"""

SMALL = "1 | A 5/50; B 10/50\n2 | A 7/60; B 13/55\n3 | A 0/40; B 6/45\n4 | A 3/30; B 2/31\n"


def columns(text: str, size: str = "n") -> dict[str, list[Any]]:
    """Lines "study | treatment events/size; …" as a table of arms; a study's time after a comma."""
    table: dict[str, list[Any]] = {"study": [], "treatment": [], "events": [], size: [], "years": []}
    for line in text.strip().splitlines():
        study, arms = line.split(" | ")
        name, _, years = study.partition(", ")
        for arm in arms.split("; "):
            treatment, counts = arm.split(" ")
            events, n = counts.split("/")
            row = (name, treatment, float(events), float(n), float(years or 1))
            for column, value in zip(table, row, strict=True):
                table[column].append(value)
    return table


def binomial(text: str, **options: Any) -> ArmTable:
    return read_arms(columns(text), events="events", n="n", **options)


def distribution(posterior: ArmPosterior, a: str, b: str) -> FloatArray:
    """Mean, sd, 2.5 %, 50 % and 97.5 % quantile."""
    found = posterior.contrast(a, b)
    return np.array([float(found.mean), float(found.sd), *found.quantile(np.array([0.025, 0.5, 0.975])).tolist()])


@pytest.fixture(scope="module")
def smoking() -> ArmPosterior:
    return posterior_from_arms(binomial(SMOKING), Uniform(5.0), effects=Normal(0, 10), baseline=Normal(0, 10))


# Long chains of JAGS 4.3.1 for these priors (4 chains of 130,000 draws, delta parametrised as in TSD 2): mean, sd,
# 2.5 %, 50 % and 97.5 % quantiles, and their Monte Carlo standard errors.
CHAINS = {
    "tau": (
        (0.83639996, 0.18538345, 0.54575316, 0.81243235, 1.26574995),
        (0.00095772, 0.00064813, 0.00072646, 0.00094335, 0.00274368),
    ),
    "B": (
        (0.48541631, 0.40001767, -0.28978832, 0.47962962, 1.29477189),
        (0.00111719, 0.00066079, 0.00212167, 0.00119359, 0.00246844),
    ),
    "C": (
        (0.83702351, 0.23769685, 0.38700653, 0.82961231, 1.32975671),
        (0.00081148, 0.00045829, 0.00106396, 0.00082354, 0.00190867),
    ),
    "D": (
        (1.08976896, 0.43660563, 0.25949957, 1.07857622, 1.9865138),
        (0.00150251, 0.00082965, 0.00205747, 0.00145731, 0.00318814),
    ),
}
NEW_STUDY = {"B": (0.94687754, 0.00155608), "C": (0.88943036, 0.00142929), "D": (0.96118548, 0.00152533)}
"""The standard deviation of the effect in a new study, and its Monte Carlo standard error."""


@pytest.mark.parametrize("name", CHAINS)
def test_smoking_cessation_agrees_with_long_chains(smoking: ArmPosterior, name: str) -> None:
    wanted, off = (np.array(x) for x in CHAINS[name])
    if name == "tau":
        tau = smoking.tau
        found = np.array([tau.mean, tau.sd, *np.asarray(tau.quantile(np.array([0.025, 0.5, 0.975]))).tolist()])
    else:
        found = distribution(smoking, name, "A")
    assert np.all(np.abs(found - wanted) < 3.0 * off)


@pytest.mark.parametrize("name", NEW_STUDY)
def test_the_effect_in_a_new_study_agrees_with_long_chains(smoking: ArmPosterior, name: str) -> None:
    sd, off = NEW_STUDY[name]
    assert abs(float(smoking.predict(name, "A").sd) - sd) < 3.0 * off


def test_deviance_and_ranks_agree_with_long_chains(smoking: ArmPosterior) -> None:
    fit = smoking.fit_statistics()
    assert abs(fit.residual_deviance - 54.16235629) < 3 * 0.03111188
    assert abs(fit.pd - 43.79794798) < 3 * 0.04092502
    assert fit.dic == pytest.approx(fit.residual_deviance + fit.pd)
    best = smoking.ranking(smaller_is_better=False).best
    assert np.all(np.abs(best - [0.00002308, 0.05649231, 0.24009423, 0.70339038]) < 3 * 0.001)


def test_dietary_fat_agrees_with_technical_support_document_2() -> None:
    table = read_arms(columns(DIET, "time"), likelihood="poisson", events="events", time="time")
    vague = {"effects": Normal(0, 100), "reference": "usual"}
    common = posterior_from_arms(table, model="common", **vague)  # type: ignore[arg-type]
    assert distribution(common, "reduced", "usual") == pytest.approx([-0.01, 0.054, -0.11, -0.01, 0.10], abs=0.006)
    random = posterior_from_arms(table, Uniform(5.0), **vague)  # type: ignore[arg-type]
    assert distribution(random, "reduced", "usual") == pytest.approx([-0.02, 0.09, -0.19, -0.01, 0.16], abs=0.011)
    assert [random.tau.mean, random.tau.sd] == pytest.approx([0.13, 0.12], abs=0.006)
    fit = random.fit_statistics()
    # JAGS says 13.47 (0.02); the document's 13.3 has a larger Monte Carlo error.
    assert [fit.residual_deviance, fit.pd] == pytest.approx([21.5, 13.3], abs=0.35)


def test_diabetes_agrees_with_technical_support_document_2() -> None:
    table = binomial(DIABETES, link="cloglog", time="years")
    assert table.measure == "HR"
    options = {"effects": Normal(0, 100), "reference": "Diuretic"}
    wanted_common = {"Placebo": (-0.25, 0.06, -0.36, -0.25, -0.14), "ARB": (-0.45, 0.06, -0.58, -0.45, -0.33)}
    wanted_random = {
        "Placebo": (-0.29, 0.09, -0.47, -0.29, -0.12),
        "BB": (-0.07, 0.09, -0.25, -0.07, 0.10),
        "CCB": (-0.24, 0.08, -0.41, -0.24, -0.08),
        "ACEi": (-0.40, 0.09, -0.58, -0.40, -0.24),
        "ARB": (-0.47, 0.11, -0.70, -0.47, -0.27),
    }
    common = posterior_from_arms(table, model="common", **options)  # type: ignore[arg-type]
    for name, wanted in wanted_common.items():
        assert distribution(common, name, "Diuretic") == pytest.approx(wanted, abs=0.011)
    fit = common.fit_statistics()
    assert [fit.residual_deviance, fit.pd] == pytest.approx([78.25, 27.0], abs=0.15)
    random = posterior_from_arms(table, Uniform(5.0), **options)  # type: ignore[arg-type]
    for name, wanted in wanted_random.items():
        assert distribution(random, name, "Diuretic") == pytest.approx(wanted, abs=0.011)
    assert [random.tau.mean, random.tau.sd] == pytest.approx([0.13, 0.04], abs=0.006)
    fit = random.fit_statistics()
    assert [fit.residual_deviance, fit.pd] == pytest.approx([53.7, 38.0], abs=0.3)


def brute_force(text: str, scale: float, effect: Normal | Flat) -> dict[str, float]:
    """Two treatments, binomial logit, flat baselines, half-normal τ: everything on dense grids in the model's own
    parametrisation (baseline μ, study effect δ)."""
    data = columns(text)
    mu, delta = np.linspace(-12, 4, 641), np.linspace(-14, 16, 1501)
    d, tau = np.linspace(-3, 5, 201), np.linspace(0.05, 3.5, 70)
    tau = np.concatenate([[0.0], tau])
    log = np.zeros((len(tau), len(d)))
    spread = np.exp(-0.5 * ((delta[None, :, None] - d) / tau[1:, None, None]) ** 2)
    spread /= spread.sum(axis=1, keepdims=True)
    for k in range(0, len(data["study"]), 2):
        (r, s), (n, m) = data["events"][k : k + 2], data["n"][k : k + 2]
        first = np.asarray(binom.pmf(r, n, 1 / (1 + np.exp(-mu))))
        second = np.asarray(binom.pmf(s, m, 1 / (1 + np.exp(-(mu[:, None] + delta)))))
        of_delta = np.asarray(first @ second) * (mu[1] - mu[0])
        log[0] += np.log(np.interp(d, delta, of_delta))
        log[1:] += np.log(of_delta @ spread)
    log += np.log(2.0) + norm.logpdf(tau / scale)[:, None] - np.log(scale)
    if isinstance(effect, Normal):
        log += norm.logpdf(d, effect.mean, effect.sd)
    density = np.exp(log - log.max())
    density[0] *= 0.5
    total = density.sum()
    of_d = density.sum(axis=0) / total
    mean, mean_tau = float(of_d @ d), float(density.sum(axis=1) @ tau / total)
    return {
        "mean": mean,
        "sd": float(np.sqrt(of_d @ (d - mean) ** 2)),
        "below": float(of_d[d < 0.5].sum() + 0.5 * of_d[d == 0.5].sum()),
        "tau": mean_tau,
        "evidence": float(np.log(total * (d[1] - d[0]) * (tau[1] - tau[0])) + log.max()),
    }


@pytest.mark.parametrize("effect", [Normal(0, 2.0), Flat()])
def test_two_treatments_agree_with_dense_grids(effect: Normal | Flat) -> None:
    wanted = brute_force(SMALL, 0.7, effect)
    found = posterior_from_arms(binomial(SMALL), HalfNormal(0.7), effects=effect)
    pair = found.contrast("B", "A")
    assert float(pair.mean) == pytest.approx(wanted["mean"], abs=1e-3 * wanted["sd"])
    assert float(pair.sd) == pytest.approx(wanted["sd"], rel=1e-3)
    assert float(pair.cdf(0.5)) == pytest.approx(wanted["below"], abs=1e-3)
    assert found.tau.mean == pytest.approx(wanted["tau"], rel=2e-3)
    assert found.log_evidence == pytest.approx(wanted["evidence"], abs=2e-3)


def arms(family: str, link: str, y: list[float], size: list[float]) -> ArmLikelihood:
    shape = (1, len(y))
    nothing = np.zeros(shape)
    values = np.array(y).reshape(shape), np.array(size).reshape(shape)
    return ArmLikelihood(family, link, *values, nothing, nothing, nothing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "link", "y", "size"),
    [
        ("binomial", "logit", [3.0, 8.0, 12.0], [40.0, 41.0, 44.0]),
        ("binomial", "logit", [0.0, 8.0, 2.0], [40.0, 41.0, 44.0]),
        ("binomial", "cloglog", [3.0, 8.0, 12.0], [40.0, 41.0, 44.0]),
        ("binomial", "probit", [3.0, 8.0, 12.0], [40.0, 41.0, 44.0]),
        ("poisson", "log", [3.0, 8.0, 12.0], [1.0, 1.0, 1.0]),
    ],
)
def test_three_arms_agree_with_a_dense_integral(family: str, link: str, y: list[float], size: list[float]) -> None:
    """∫ over μ, δ_2, δ_3 of likelihood times N(δ; (0.6, −0.2), τ²R), by the trapezoidal rule in three dimensions."""
    tau, d = 0.5, np.array([0.6, -0.2])
    mu = np.linspace(-9, 6, 241)
    delta = np.linspace(-3.4, 3.4, 137)
    first, second = np.meshgrid(delta, delta, indexing="ij")
    precision = np.linalg.inv(tau**2 * np.array([[1.0, 0.5], [0.5, 1.0]]))
    off = np.stack([first, second], axis=-1)
    weight = np.exp(-0.5 * np.einsum("abi,ij,abj->ab", off, precision, off)) * np.sqrt(np.linalg.det(precision))
    weight *= (delta[1] - delta[0]) ** 2 / (2 * np.pi)

    def density(k: int, eta: FloatArray) -> FloatArray:
        if family == "poisson":
            return np.asarray(poisson.pmf(y[k], np.exp(eta)))
        p = {"logit": 1 / (1 + np.exp(-eta)), "cloglog": -np.expm1(-np.exp(eta)), "probit": norm.cdf(eta)}[link]
        return np.asarray(binom.pmf(y[k], size[k], p))

    a = density(0, mu)
    b = density(1, mu[:, None] + d[0] + delta)
    c = density(2, mu[:, None] + d[1] + delta)
    dense = np.einsum("m,ma,mb,ab->", a, b, c, weight, optimize=True) * (mu[1] - mu[0])
    study = arms(family, link, y, size)
    effects = np.array([[[0.0, *d]]])
    value = float(study_values(study, effects, np.array([tau]), FINE)[0, 0] + study.constant().sum())
    assert value == pytest.approx(np.log(dense), abs=2e-5)
    log, slope, bend = study_terms(study, effects, np.array([tau]), FINE)
    assert log[0, 0] + study.constant().sum() == pytest.approx(value, abs=1e-9)
    step = 1e-3
    for k in range(3):
        move = np.zeros((1, 1, 3))
        move[0, 0, k] = step
        up, down = (study_terms(study, effects + sign * move, np.array([tau]), FINE) for sign in (1, -1))
        assert slope[0, 0, k] == pytest.approx((up[0] - down[0])[0, 0] / (2 * step), abs=1e-4)
        assert bend[0, 0, k] == pytest.approx((up[1] - down[1])[0, 0] / (2 * step), abs=2e-3)


@pytest.mark.parametrize("link", ["logit", "cloglog", "probit"])
def test_likelihoods_and_their_derivatives(link: str) -> None:
    study = arms("binomial", link, [0.0, 7.0, 20.0], [20.0, 20.0, 20.0])
    eta = np.linspace(-4, 2, 25)[:, None, None] * np.ones((1, 1, 3))
    p = study.fitted(eta)
    assert study.value(eta) + study.constant() == pytest.approx(binom.logpmf(study.y, study.size, p), abs=1e-9)
    assert study.value_at(p) == pytest.approx(study.value(eta), abs=1e-9)
    _, first, second = study.terms(eta)
    up, down = study.terms(eta + 1e-5), study.terms(eta - 1e-5)
    assert first == pytest.approx((up[0] - down[0]) / 2e-5, abs=1e-5)
    assert second == pytest.approx((up[1] - down[1]) / 2e-5, abs=1e-5)
    assert study.saturated() == pytest.approx(
        binom.logpmf(study.y, study.size, study.y / study.size) - study.constant(), abs=1e-9
    )


def test_normal_arms_agree_with_the_linear_model() -> None:
    """Given τ the posterior is normal in closed form; τ by a fine grid."""
    rows = [
        ("1", "A", 1.0, 0.3), ("1", "B", 1.9, 0.3), ("1", "C", 0.7, 0.4),
        ("2", "A", -0.4, 0.2), ("2", "B", 0.1, 0.25),
        ("3", "A", 2.0, 0.3), ("3", "C", 2.2, 0.3),
        ("4", "B", 0.3, 0.2), ("4", "C", 0.1, 0.2),
    ]  # fmt: skip
    study, treatment, mean, se = zip(*rows, strict=True)
    table = read_arms(
        {"study": study, "treatment": treatment, "y": mean, "se": se}, likelihood="normal", mean="y", se="se"
    )
    found = posterior_from_arms(table, HalfNormal(1.0))
    baselines = np.array([[s == str(i) for i in range(1, 5)] for s in study], dtype=float)
    effects = np.array([[t == "B", t == "C"] for t in treatment], dtype=float)
    X, y = np.hstack([baselines, effects]), np.array(mean)
    tau = np.linspace(0, 6, 6001)
    logs, means, squares = [], [], []
    for t in tau:
        # Arms' independent random effects with variance τ²/2 give contrasts the covariance τ²R.
        w = 1.0 / (np.array(se) ** 2 + t * t / 2)
        information = (X * w[:, None]).T @ X
        estimate = np.linalg.solve(information, X.T @ (w * y))
        residual = y - X @ estimate
        logs.append(0.5 * (np.log(w).sum() - np.linalg.slogdet(information)[1] - residual @ (w * residual)) - t * t / 2)
        means.append(estimate[4:])
        squares.append(np.diag(np.linalg.inv(information))[4:] + estimate[4:] ** 2)
    weight = np.exp(np.array(logs) - max(logs))
    weight[0] *= 0.5
    weight /= weight.sum()
    mean_d = weight @ np.array(means)
    sd_d = np.sqrt(weight @ np.array(squares) - mean_d**2)
    place = [table.treatments.index(t) for t in "BC"]
    assert found.estimates[place, 0] == pytest.approx(mean_d, abs=2e-4)
    assert found.standard_errors[place, 0] == pytest.approx(sd_d, rel=3e-4)
    assert found.tau.mean == pytest.approx(float(weight @ tau), rel=1e-5)
    assert found.effective_size > 16000


def test_the_reference_changes_nothing_under_flat_priors() -> None:
    one, other = (posterior_from_arms(binomial(SMOKING), HalfNormal(1.0), reference=r) for r in "AC")
    assert one.estimates == pytest.approx(other.estimates, abs=1e-3)
    assert one.standard_errors == pytest.approx(other.standard_errors, rel=2e-3, abs=1e-12)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-4)
    assert one.reference == "A"
    assert other.references() == ("C",)


def test_another_seed_differs_by_the_stated_error() -> None:
    one, other = (posterior_from_arms(binomial(SMALL), HalfNormal(0.7), points=2048, seed=s) for s in (1, 50))
    x = np.linspace(-1, 3, 21)
    difference = one.contrast("B", "A").cdf(x) - other.contrast("B", "A").cdf(x)
    assert np.abs(difference).max() < one.error + other.error


def test_the_order_of_studies_changes_nothing() -> None:
    turned = "\n".join(reversed(SMALL.strip().splitlines()))
    one, other = (posterior_from_arms(binomial(text), HalfNormal(0.7)) for text in (SMALL, turned))
    assert one.estimates == pytest.approx(other.estimates, abs=1e-9)


def test_draws_have_the_posteriors_mean_and_spread(smoking: ArmPosterior) -> None:
    tau, effects = smoking.draws(40_000, seed=5)
    assert tau.shape == (40_000,)
    assert np.all(effects[:, 0] == 0)
    sds = smoking.standard_errors[:, 0]
    assert np.abs(effects.mean(axis=0) - smoking.estimates[:, 0]).max() < 5 * sds.max() / 200
    assert effects.std(axis=0) == pytest.approx(sds, rel=0.02)
    assert tau.std() == pytest.approx(smoking.tau.sd, rel=0.03)


def test_tables_and_text(smoking: ArmPosterior) -> None:
    frame = smoking.to_frame()
    assert len(frame) == 6
    text = smoking.summary()
    assert "Priors: τ uniform" in text
    assert "C : A" in text
    np.testing.assert_array_equal(smoking.league().estimates, smoking.medians)
    assert f"{np.exp(smoking.medians[2, 0]):.2f} (" in smoking.league().summary()
    assert "row against column, posterior medians." in smoking.league().summary()
    assert smoking.pair_counts()[0, 2] == 15
    assert "pD" in smoking.fit_statistics().summary()
    assert smoking.pareto_k < 0.7
    new = smoking.predict()
    assert new.lower[2, 0] == pytest.approx(smoking.predict("C", "A").interval()[0])


SEPARATED = "1 | A 5/50; B 0/50\n2 | A 7/60; B 0/55\n3 | A 3/40; C 6/45\n"


def test_separation_needs_a_proper_prior() -> None:
    with pytest.raises(DataError, match=r"effect of B against A.*proper prior"):
        posterior_from_arms(binomial(SEPARATED), HalfNormal(0.5))
    found = posterior_from_arms(binomial(SEPARATED), HalfNormal(0.5), effects=Normal(0, 2))
    assert found.upper[1, 0] < -0.5
    assert not any("Doubtful" in note for note in found.notes)
    one = posterior_from_arms(binomial(SEPARATED), HalfNormal(0.5), effects={"B": Normal(0, 2)})
    assert one.estimates[1, 0] == pytest.approx(found.estimates[1, 0], abs=0.1)


def test_a_posterior_that_is_far_from_normal_is_called_doubtful() -> None:
    """A prior so narrow and so long-tailed, against data far from it, that there are two modes, one of them very sharp."""
    data = "1 | A 5/50; B 14/50\n2 | A 7/60; B 20/55\n"
    found = posterior_from_arms(binomial(data), HalfNormal(0.5), effects=Student(0, 0.01, 1))
    assert any("Doubtful" in note for note in found.notes)


def test_studies_without_events_say_nothing_under_flat_baselines() -> None:
    empty = "0 | A 0/50; B 0/70\n"
    one, other = (posterior_from_arms(binomial(text), HalfNormal(0.7)) for text in (SMALL, empty + SMALL))
    assert one.estimates == pytest.approx(other.estimates, abs=1e-9)
    assert any(out.what == "0" for out in other.table.left_out)
    with pytest.raises(DataError, match="proper priors"):
        posterior_from_arms(binomial(empty), HalfNormal(0.7))
    proper = posterior_from_arms(binomial(empty), HalfNormal(0.7), effects=Normal(0, 1), baseline=Normal(-3, 2))
    assert float(proper.contrast("B", "A").sd) < 1.0


def test_a_vague_baseline_is_nearly_a_flat_one() -> None:
    one = posterior_from_arms(binomial(SMALL), HalfNormal(0.7))
    other = posterior_from_arms(binomial(SMALL), HalfNormal(0.7), baseline=Normal(0, 100))
    assert other.estimates == pytest.approx(one.estimates, abs=2e-3)


def test_unconnected_networks_are_analysed_part_by_part() -> None:
    found = posterior_from_arms(binomial("1 | A 5/50; B 10/50\n2 | C 5/50; D 14/50\n"), HalfNormal(0.5))
    assert len(found.taus) == 2
    assert np.isnan(found.estimates[0, 2])
    with pytest.raises(DataError, match="different subnetworks"):
        found.contrast("A", "C")
    with pytest.raises(DataError, match="taus"):
        _ = found.tau
    assert found.draws(10)[0].shape == (10, 2)


def test_one_study_needs_a_proper_prior_of_tau() -> None:
    table = binomial("1 | A 5/50; B 10/50\n")
    with pytest.raises(DataError, match="improper"):
        posterior_from_arms(table, Flat())
    found = posterior_from_arms(table, HalfNormal(0.5))
    assert found.tau.mean == pytest.approx(0.5 * np.sqrt(2 / np.pi), rel=0.02)


def test_priors_against_the_data_are_pointed_out() -> None:
    table = binomial("1 | A 5/500; B 400/500\n2 | A 400/500; B 5/500\n3 | A 5/50; B 4/50\n")
    assert any("Prior–data conflict" in n for n in posterior_from_arms(table, HalfNormal(0.05)).notes)


@pytest.mark.parametrize("prior", [HalfNormal(1e-6), Uniform(0.2, 0.1)])
def test_narrow_priors_of_tau(prior: Any) -> None:
    found = posterior_from_arms(binomial(SMALL), prior)
    assert np.isfinite(found.estimates).all()
    assert 0 < found.tau.mean < 1


def test_effects_may_have_heavy_tailed_priors() -> None:
    heavy = posterior_from_arms(binomial(SMALL), HalfNormal(0.5), effects=Student(0, 2.5, 30))
    normal = posterior_from_arms(binomial(SMALL), HalfNormal(0.5), effects=Normal(0, 2.5))
    assert heavy.estimates == pytest.approx(normal.estimates, abs=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "state a prior for τ"),
        ({"heterogeneity": HalfNormal(1), "model": "common"}, "has no τ"),
        ({"heterogeneity": HalfNormal(1, measure="MD")}, "stated for the measure MD"),
        ({"heterogeneity": HalfNormal(1), "reference": "Z"}, "no treatment 'Z'"),
        ({"heterogeneity": HalfNormal(1), "effects": {"A": Normal(0, 1)}}, "no basic parameter"),
        ({"heterogeneity": HalfNormal(1), "baseline": Student(0, 1, 4)}, "Flat"),
        ({"heterogeneity": HalfNormal(1), "model": "fixed"}, "isn't known"),
        ({"heterogeneity": HalfNormal(1), "level": 95}, "between 0 and 1"),
        ({"heterogeneity": HalfNormal(1), "points": 10}, "too few"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        posterior_from_arms(binomial(SMALL), **options)


def test_arms_that_cannot_be_true() -> None:
    with pytest.raises(DataError, match=r"study '1', row 2 \(B\): 60 events among 50"):
        binomial("1 | A 5/50; B 60/50\n")
    with pytest.raises(DataError, match="poisson likelihood needs time"):
        read_arms(columns(SMALL), likelihood="poisson", events="events")
    with pytest.raises(DataError, match="doesn't go with"):
        binomial(SMALL, link="identity")
    with pytest.raises(DataError, match="isn't known"):
        read_arms(columns(SMALL), likelihood="gamma", events="events")  # type: ignore[arg-type]


def test_arms_left_out_are_reported() -> None:
    data = columns(SMALL + "5 | A 1/20; A 2/20\n6 | B 4/20; E 3/20\n")
    data["events"][-1] = float("nan")
    table = read_arms(data, events="events", n="n")
    assert [out.what for out in table.left_out] == ["6: E (row 12)", "5", "6", "treatment E"]


def test_pareto_weights() -> None:
    """Ratios of densities of exponentials have a tail of known shape: w = u^(−k), u uniform."""
    u = (np.arange(20_000) + 0.5) / 20_000
    for k in (0.3, 0.8):
        weights, found = smooth_weights(-k * np.log(u))
        assert found == pytest.approx(k, abs=0.08)
        assert weights.sum() == pytest.approx(1.0)
    assert smooth_weights(1e-6 * np.sin(u))[1] == -np.inf


def test_constants_are_those_of_the_densities() -> None:
    counts = arms("poisson", "log", [3.0], [1.0])
    assert counts.constant()[0, 0] == pytest.approx(-gammaln(4.0))
    assert counts.value(np.array([[0.4]])) + counts.constant() == pytest.approx(poisson.logpmf(3, np.exp(0.4)))
    means = arms("normal", "identity", [1.2], [0.3])
    assert means.value(np.array([[0.4]])) + means.constant() == pytest.approx(norm.logpdf(1.2, 0.4, 0.3))
