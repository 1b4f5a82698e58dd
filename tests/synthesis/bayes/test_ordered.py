"""Posteriors of ordered categories: against published results, chains of JAGS, brute force and the binomial model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp
from scipy.stats import multinomial, norm

from equipoise.errors import DataError
from equipoise.frames import FloatArray, columns_of
from equipoise.synthesis.bayes.arm_level import posterior_from_arms, read_arms
from equipoise.synthesis.bayes.nuts import sample
from equipoise.synthesis.bayes.ordered import OrderedPosterior, OrderedTable, posterior_from_ordered, read_ordered
from equipoise.synthesis.bayes.ordered.part import evidence_of
from equipoise.synthesis.bayes.priors import Flat, HalfNormal, Normal, Uniform

# Woolacott et al. 2006, Health Technol Assess 10(46), as in NICE DSU Technical Support Document 2, example 6: people whose
# PASI fell by 50 to 75, 75 to 90 and 90 % or more, of all; "." not reported by itself. The treatments: supportive care,
# etanercept 25 and 50 mg, efalizumab, ciclosporin, Fumaderm, infliximab, methotrexate.
PSORIASIS = """\
Elewski 2004 | SC 12 5 1 193; E25 59 46 21 196; E50 54 56 40 194
Gottlieb 2003 | SC 5 1 0 55; E25 23 11 6 57
Lebwohl 2003 | SC 13 5 1 122; Ef 68 42 10 232
Leonardi 2003 | SC 18 5 1 166; E25 39 36 19 162; E50 40 45 36 164
Gordon 2003 | SC 18 8 . 187; Ef 118 98 . 369
ACD2058g 2004 | SC 25 . . 170; Ef 99 . . 162
ACD2600g 2004 | SC 33 . . 263; Ef 234 . . 450
Guenther 1991 | SC 1 . . 11; Ci 12 . . 12
IMP24011 2004 | SC 38 . . 264; Ef 284 . . 529
Altmeyer 1994 | SC . 1 . 51; Fu . 12 . 49
Chaudari 2001 | SC . 2 . 11; In . 9 . 11
Ellis 1991 | SC . 0 . 25; Ci . 9 . 25; Ci . 13 . 20
Gottlieb 2004 | SC . 3 . 51; In . 71 . 99; In . 87 . 99
Heydendael 2003 | Ci . 30 . 42; MTX . 26 . 43
Meffert 1997 | SC . 2 . 43; Ci . 4 . 41
Van Joost 1988 | SC . 0 . 10; Ci . 7 . 10
"""
PASI = ["PASI50", "PASI75", "PASI90"]


def psoriasis() -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = {name: [] for name in ("study", "treatment", *PASI, "n")}
    for line in PSORIASIS.strip().splitlines():
        study, arms = line.split(" | ")
        for arm in arms.split("; "):
            treatment, *counts = arm.split(" ")
            row = (study, treatment, *(np.nan if c == "." else float(c) for c in counts))
            for column, value in zip(table.values(), row, strict=True):
                column.append(value)
    return table


@pytest.fixture(scope="module")
def random() -> OrderedPosterior:
    table = read_ordered(psoriasis(), PASI, n="n")
    return posterior_from_ordered(table, HalfNormal(2.5), Normal(0, 10), Normal(0, 100), reference="SC")


@pytest.fixture(scope="module")
def common() -> OrderedPosterior:
    table = read_ordered(psoriasis(), PASI, n="n")
    return posterior_from_ordered(
        table, None, Normal(0, 10), Normal(0, 100), model="common", reference="SC", points=2**13
    )


# multinma's vignette "Plaque psoriasis HTA report" (Phillippo 2026), for these priors: mean, sd, 2.5 %, 50 % and 97.5 %
# quantiles to two decimals, and the effective number of draws.
COMMON = {
    "Ci": (1.92, 0.33, 1.31, 1.91, 2.61, 1525),
    "Ef": (1.19, 0.06, 1.07, 1.19, 1.30, 1886),
    "E25": (1.51, 0.10, 1.32, 1.51, 1.70, 2002),
    "E50": (1.92, 0.10, 1.72, 1.92, 2.11, 2100),
    "Fu": (1.48, 0.48, 0.63, 1.44, 2.49, 2793),
    "In": (2.33, 0.27, 1.84, 2.32, 2.88, 2568),
    "MTX": (1.62, 0.44, 0.77, 1.61, 2.49, 1833),
    "PASI75": (0.76, 0.03, 0.70, 0.76, 0.82, 5083),
    "PASI90": (1.56, 0.05, 1.46, 1.56, 1.67, 5920),
}
RANDOM = {
    "Ci": (2.02, 0.42, 1.30, 1.99, 2.95, 3445),
    "Ef": (1.18, 0.18, 0.82, 1.19, 1.55, 4612),
    "E25": (1.53, 0.25, 1.02, 1.52, 2.05, 4159),
    "E50": (1.93, 0.27, 1.35, 1.93, 2.51, 4818),
    "Fu": (1.48, 0.63, 0.27, 1.45, 2.77, 7699),
    "In": (2.31, 0.38, 1.55, 2.31, 3.07, 8199),
    "MTX": (1.70, 0.62, 0.54, 1.67, 3.00, 4511),
    "PASI75": (0.76, 0.03, 0.70, 0.76, 0.82, 14642),
    "PASI90": (1.56, 0.05, 1.46, 1.56, 1.66, 16421),
    "tau": (0.31, 0.22, 0.02, 0.27, 0.85, 947),
}


def summary(posterior: OrderedPosterior, name: str) -> FloatArray:
    """Mean, sd, 2.5 %, 50 % and 97.5 % quantile."""
    if name in PASI:
        cuts = posterior.cutpoints()
        k = cuts.category.index(name)
        return np.array([x[k] for x in (cuts.mean, cuts.sd, cuts.lower, cuts.median, cuts.upper)])
    found = posterior.tau if name == "tau" else posterior.contrast(name, "SC")
    return np.array([float(found.mean), float(found.sd), *found.quantile(np.array([0.025, 0.5, 0.975])).tolist()])


def density(posterior: OrderedPosterior, name: str, at: FloatArray) -> FloatArray:
    if name in PASI:
        cuts = posterior.cutpoints()
        k = cuts.category.index(name)
        return np.asarray(norm.pdf(at, cuts.mean[k], cuts.sd[k]))
    return (posterior.tau if name == "tau" else posterior.contrast(name, "SC")).pdf(at)


@pytest.mark.parametrize("name", RANDOM)
def test_multinmas_published_results(name: str, random: OrderedPosterior, common: OrderedPosterior) -> None:
    for posterior, published in ((random, RANDOM), (common, COMMON)):
        if name not in published:
            continue
        *values, draws = published[name]
        found = summary(posterior, name)
        # Standard errors of mean, sd and quantiles from so many draws, and the rounding.
        p = np.array([0.025, 0.5, 0.975])
        # For its tails the vignette has two thirds as many effective draws as for the bulk.
        error = np.r_[values[1], 0.8 * values[1], np.sqrt(1.5 * p * (1 - p)) / density(posterior, name, found[2:])]
        assert np.all(np.abs(found - values) <= 3.0 * error / np.sqrt(draws) + 0.0051)


# Chains of JAGS 4.3.1 for the same priors (4 × 400,000 draws, every twentieth kept; validation/bayes/ordered.bug): mean, sd,
# 2.5 %, 50 % and 97.5 % quantiles, effective number of draws.
CHAINS = {
    "Ci": (2.027419, 0.430200, 1.288502, 1.993034, 2.982124, 20938),
    "Ef": (1.188487, 0.176998, 0.815991, 1.189038, 1.557677, 10834),
    "E25": (1.526574, 0.245661, 1.031552, 1.523301, 2.033560, 12890),
    "E50": (1.928136, 0.274578, 1.369248, 1.925998, 2.498532, 12258),
    "Fu": (1.485601, 0.614376, 0.340667, 1.459946, 2.779654, 46333),
    "In": (2.313518, 0.377889, 1.556383, 2.312862, 3.059014, 35085),
    "MTX": (1.719770, 0.632436, 0.584492, 1.685278, 3.097087, 27432),
    "tau": (0.303753, 0.220573, 0.017487, 0.258806, 0.854782, 8064),
    "PASI75": (0.756809, 0.031234, 0.696457, 0.756539, 0.818757, 79238),
    "PASI90": (1.563813, 0.052003, 1.463503, 1.563220, 1.667014, 78636),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_of_jags_agree(name: str, random: OrderedPosterior) -> None:
    *chain, draws = CHAINS[name]
    found = summary(random, name)
    p = np.array([0.025, 0.5, 0.975])
    # Tails are as heavy as a kurtosis of 6 and mix more slowly, by a half, than the means.
    error = np.r_[
        chain[1], np.sqrt(1.5 * 5.0 / 4.0) * chain[1], np.sqrt(1.5 * p * (1 - p)) / density(random, name, found[2:])
    ]
    assert np.all(np.abs(found - chain) <= 3.0 * error / np.sqrt(draws) + 0.001)


def test_the_fit_is_multinmas(random: OrderedPosterior, common: OrderedPosterior) -> None:
    for posterior, deviance, pd in ((random, 62.6, 33.3), (common, 74.7, 25.2)):
        fit = posterior.fit_statistics()
        assert fit.data_points.sum() == 58
        assert fit.residual_deviance == pytest.approx(deviance, abs=0.7)
        assert fit.pd == pytest.approx(pd, abs=0.7)
        assert "Meffert 1997" in fit.summary()


def test_probabilities_of_categories_are_multinmas(random: OrderedPosterior) -> None:
    found = random.absolute(Normal(-1.097, 123**-0.5))
    published = {
        ("SC", "PASI50"): (0.14, 0.02, 0.10, 0.18),
        ("Ef", "PASI75"): (0.26, 0.06, 0.14, 0.40),
        ("E50", "PASI90"): (0.24, 0.09, 0.09, 0.45),
        ("In", "PASI50"): (0.87, 0.08, 0.67, 0.98),
        ("MTX", "PASI75"): (0.44, 0.21, 0.09, 0.88),
    }
    for (treatment, category), values in published.items():
        k = list(zip(found.treatment, found.category, strict=True)).index((treatment, category))
        here = [found.mean[k], found.sd[k], found.lower[k], found.upper[k]]
        assert here == pytest.approx(values, abs=0.012)
    by_treatment = found.within.reshape(8, 3).sum(axis=1)
    assert by_treatment == pytest.approx(found.mean.reshape(8, 3)[:, 0])
    wide = random.absolute(0.14, new_study=True)
    k = wide.treatment.index("In")
    assert wide.upper[k] - wide.lower[k] > found.upper[k] - found.lower[k]
    assert wide.mean[wide.treatment.index("SC")] == pytest.approx(0.14, abs=1e-6)


def test_ranks_are_multinmas(random: OrderedPosterior) -> None:
    ranking = random.ranking(smaller_is_better=False)
    best = dict(zip(random.treatments, ranking.best, strict=True))
    assert best["In"] == pytest.approx(0.58, abs=0.02)
    assert best["Ci"] == pytest.approx(0.17, abs=0.02)
    assert "MTX" in random.league().summary()


def test_diagnostics_are_good_and_another_seed_says_the_same(random: OrderedPosterior) -> None:
    assert random.error < 2e-3
    assert random.pareto_k < 0.7
    assert not any("Doubtful" in note for note in random.notes)
    other = posterior_from_ordered(
        read_ordered(psoriasis(), PASI, n="n"), HalfNormal(2.5), Normal(0, 10), Normal(0, 100), reference="SC", seed=2
    )
    for name in ("Ci", "MTX"):
        a, b = random.contrast(name, "SC"), other.contrast(name, "SC")
        points = np.linspace(0.0, 4.0, 9)
        assert np.abs(a.cdf(points) - b.cdf(points)).max() < random.error + other.error


# Two small trials with three categories, the second reports only the lower bound of the middle one.
TINY = {
    "study": ["1", "1", "2", "2"],
    "treatment": ["A", "B", "A", "B"],
    "none": [20.0, 12.0, 15.0, 9.0],
    "some": [8.0, 9.0, 5.0, 12.0],
    "full": [2.0, 9.0, np.nan, np.nan],
}


def test_a_tiny_network_is_what_dense_quadrature_gives() -> None:
    posterior = posterior_from_ordered(
        read_ordered(TINY, ["none", "some", "full"]), HalfNormal(0.7), Normal(0, 2), Normal(0.2, 1.5), Uniform(5)
    )
    d = np.linspace(-6.0, 7.0, 131)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    gaps, tau = 0.05 + 1.2 * (nodes + 1.0), 2.0 * (nodes + 1.0)
    x, shares = np.polynomial.hermite_e.hermegauss(30)
    mu, delta = np.linspace(-3.5, 3.5, 71), np.linspace(-14.0, 15.0, 291)
    total = np.zeros((len(d), len(gaps), len(tau)))
    # log ∫ f_1(μ) f_2(μ + δ) p(μ) dμ as a curve of δ, then δ ~ N(d, τ²).
    near = d[:, None, None] + tau[:, None] * x
    for first, second in (([20, 8, 2], [12, 9, 9]), ([15, 5], [9, 12])):
        for g, gap in enumerate(gaps):
            log = log_multinomial(first, mu, gap) + log_multinomial(second, mu + delta[:, None], gap)
            heights = logsumexp(log + norm.logpdf(mu, 0.2, 1.5), axis=1) + np.log(mu[1] - mu[0])
            curve = CubicSpline(delta, np.maximum(heights, -300.0))
            total[:, g] += np.log(np.exp(curve(near)) @ shares / np.sqrt(2.0 * np.pi))
    total += norm.logpdf(d, 0, 2)[:, None, None] + norm.logpdf(tau, 0, 0.7) + np.log(2.0) + np.log(1 / 5)
    density = np.exp(total) * (d[1] - d[0]) * (1.2 * weights)[:, None] * (2.0 * weights)
    evidence = np.log(density.sum())
    share = density / density.sum()
    mean = share.sum(axis=(1, 2)) @ d
    sd = np.sqrt(share.sum(axis=(1, 2)) @ (d - mean) ** 2)
    found = posterior.contrast("B", "A")
    assert float(found.mean) == pytest.approx(mean, abs=0.005)
    assert float(found.sd) == pytest.approx(sd, abs=0.005)
    assert posterior.cutpoints().mean[1] == pytest.approx(share.sum(axis=(0, 2)) @ gaps, abs=0.003)
    assert float(posterior.tau.mean) == pytest.approx(share.sum(axis=(0, 1)) @ tau, abs=0.01)
    assert posterior.log_evidence == pytest.approx(evidence, abs=0.02)


def log_multinomial(counts: list[int], eta: FloatArray, gap: float) -> FloatArray:
    edges = [0.0, gap] if len(counts) == 3 else [0.0]
    reached = np.stack([np.ones_like(eta), *(norm.cdf(eta - z) for z in edges), np.zeros_like(eta)], axis=-1)
    return np.asarray(multinomial.logpmf(counts, sum(counts), -np.diff(reached, axis=-1)))


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_two_categories_are_the_binomial_model(link: Any) -> None:
    events, n = [5.0, 10.0, 7.0, 13.0, 3.0, 6.0, 3.0, 8.0], [50.0, 50.0, 60.0, 55.0, 40.0, 45.0, 30.0, 31.0]
    data = {"study": list("11223344"), "treatment": list("ABABACBC"), "events": events, "n": n}
    priors: Any = (HalfNormal(0.5), Normal(0, 2), Normal(-1, 2))
    binomial = posterior_from_arms(read_arms(data, events="events", n="n", link=link), *priors)
    ordered = posterior_from_ordered(read_ordered(data, ["events"], n="n", link=link), *priors)
    assert ordered.log_evidence == pytest.approx(binomial.log_evidence, abs=0.01)
    assert ordered.estimates == pytest.approx(binomial.estimates, abs=0.005)
    assert ordered.standard_errors == pytest.approx(binomial.standard_errors, abs=0.005)
    assert float(ordered.tau.mean) == pytest.approx(float(binomial.tau.mean), abs=0.003)
    assert ordered.measure == binomial.measure


def test_a_treatment_without_events_is_followed_far_under_a_wide_prior() -> None:
    data = {"study": list("112233"), "treatment": list("ABACAC"), "n": [50.0, 50.0, 60.0, 60.0, 40.0, 40.0]}
    data["events"] = [7.0, 0.0, 11.0, 35.0, 5.0, 21.0]
    priors: Any = (HalfNormal(0.5), Normal(0, 40))
    binomial = posterior_from_arms(read_arms(data, events="events", n="n", link="probit"), *priors)
    ordered = posterior_from_ordered(read_ordered(data, ["events"], n="n"), *priors)
    points = [0.025, 0.25, 0.5, 0.75, 0.975]
    reached = ordered.contrast("B", "A").cdf(binomial.contrast("B", "A").quantile(points))
    np.testing.assert_allclose(reached, points, atol=1e-3)
    assert ordered.error < 2e-3


def test_turning_the_categories_round_turns_the_effects_round() -> None:
    order = ["none", "some", "full"]
    data = {**TINY, "full": [2.0, 9.0, 1.0, 4.0]}
    priors: Any = (HalfNormal(0.5), Normal(0, 2))
    found = posterior_from_ordered(read_ordered(data, order, link="logit"), *priors)
    turned = posterior_from_ordered(read_ordered(data, order[::-1], link="logit"), *priors)
    assert float(turned.contrast("B", "A").mean) == pytest.approx(-float(found.contrast("B", "A").mean), abs=0.005)
    assert turned.cutpoints().mean[1] == pytest.approx(found.cutpoints().mean[1], abs=0.003)


def test_the_posteriors_slopes_are_those_of_its_values() -> None:
    table = read_ordered(psoriasis(), PASI, n="n", link="logit")
    evidence = evidence_of(table, table.treatments.index("SC"), (Flat(),) * 7, HalfNormal(2))
    tau = np.array([0.4])
    at = evidence.start(0.4)[None]
    _, first, second = evidence._posterior(at, tau)
    steps = 1e-4 * np.eye(at.shape[1])
    ends = [[evidence._posterior(at + side * step, tau) for side in (1.0, -1.0)] for step in steps]
    slopes = np.array([(up[0][0] - down[0][0]) / 2e-4 for up, down in ends])
    bends = np.array([(up[1][0] - down[1][0]) / 2e-4 for up, down in ends])
    assert first[0] == pytest.approx(slopes, abs=0.02)
    assert second[0] == pytest.approx(bends, abs=1e-3 * np.abs(second).max())


def test_inclusive_counts_are_taken_apart() -> None:
    data = psoriasis()
    exclusive = np.array([data[c] for c in PASI])
    above = np.nancumsum(exclusive[::-1], axis=0)[::-1]
    inclusive = {**data, **dict(zip(PASI, np.where(np.isnan(exclusive), np.nan, above), strict=True))}
    one, other = read_ordered(data, PASI, n="n"), read_ordered(inclusive, PASI, n="n", inclusive=True)
    assert np.array_equal(one.counts, other.counts, equal_nan=True)
    columns = {**data, "none": one.counts[:, 0]}
    assert np.array_equal(read_ordered(columns, ["none", *PASI]).counts, one.counts, equal_nan=True)


def changed(**cells: tuple[int, float]) -> dict[str, list[Any]]:
    data = {name: list(column) for name, column in psoriasis().items()}
    for column, (row, value) in cells.items():
        data[column][row] = value
    return data


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (changed(PASI50=(1, -1.0)), {}, r"study 'Elewski 2004', row 2 \(E25\): PASI50 is -1"),
        (changed(PASI75=(3, 60.0)), {}, r"study 'Gottlieb 2003', row 4 \(SC\): 65 in the categories, but 55 people"),
        (changed(PASI75=(0, 20.0)), {"inclusive": True}, r"row 1 \(SC\): 20 in PASI75 or higher, but 12 in PASI50"),
        (changed(n=(0, 0.0)), {}, "row 1"),
        (psoriasis(), {"link": "cloglog"}, "cloglog"),
        ({**psoriasis(), "PASI90": [np.nan] * 36}, {}, "no arm that can be used reports the category 'PASI90'"),
    ],
)
def test_what_cant_be_true_is_named(data: Any, options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_ordered(data, PASI, n="n", **options)


def test_what_is_left_out_is_said() -> None:
    data = changed(n=(1, np.nan))
    data["study"] += ["alone"]
    data["treatment"] += ["X"]
    for column, value in zip([*PASI, "n"], (1.0, 2.0, 3.0, 10.0), strict=True):
        data[column].append(value)
    table = read_ordered(data, PASI, n="n")
    said = {o.what: o.reason for o in table.left_out}
    assert said["Elewski 2004: E25 (row 2)"] == "its number of people is missing"
    assert said["alone"] == "fewer than two treatments, so it compares nothing"
    assert "treatment X" in said


def small(rows: list[tuple[str, str, float, float, float]]) -> OrderedTable:
    names = ("study", "treatment", "none", "some", "full")
    return read_ordered(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), ["none", "some", "full"])


def test_improper_posteriors_are_refused() -> None:
    best = small([("1", "A", 5, 3, 2), ("1", "B", 0, 0, 9), ("2", "A", 5, 2, 2), ("2", "C", 4, 3, 2)])
    with pytest.raises(DataError, match="the effect of B"):
        posterior_from_ordered(best, HalfNormal(0.5))
    assert posterior_from_ordered(best, HalfNormal(0.5), Normal(0, 2), points=512).estimates.shape == (3, 3)
    nan = float("nan")
    apart = small([("1", "A", 5, 3, nan), ("1", "B", 4, 5, nan), ("2", "A", 5, nan, 2), ("2", "B", 4, nan, 3)])
    with pytest.raises(DataError, match="the distance between the lower bounds of 'some' and 'full'"):
        posterior_from_ordered(apart, HalfNormal(0.5))


def test_studies_with_one_category_only_are_left_out_under_flat_baselines() -> None:
    nobody = small([("1", "A", 5, 3, 2), ("1", "B", 4, 4, 4), ("2", "A", 5, 0, 0), ("2", "B", 4, 0, 0)])
    found = posterior_from_ordered(nobody, HalfNormal(0.5), Normal(0, 2), Flat(), points=512)
    assert any("Left out: 2: everybody is in the lowest category" in note for note in found.notes)


def test_frames_have_a_row_for_each() -> None:
    table = small([("1", "A", 5, 3, 2), ("1", "B", 4, 4, 4), ("2", "C", 5, 2, 2), ("2", "D", 4, 3, 5)])
    found = posterior_from_ordered(table, HalfNormal(0.5), Normal(0, 1), cutpoints=HalfNormal(1), points=512)
    assert len(found.subnetworks) == 2
    cuts = columns_of(found.cutpoints())
    assert cuts["subnetwork"] == ["A", "A", "C", "C"]
    assert "full (C)" in found.cutpoints().summary()
    assert columns_of(found.absolute(0.5))["treatment"] == ["A", "A", "B", "B"]
    assert len(columns_of(found.fit_statistics())["study"]) == 4


def test_nuts_doesnt_know_the_model(random: OrderedPosterior) -> None:
    posterior: Any = random
    with pytest.raises(DataError, match="OrderedPosterior can't be sampled"):
        sample(posterior)
