"""Posteriors of competing events: against brute force, chains of JAGS and independent outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import norm

from equipoise.errors import DataError
from equipoise.frames import FloatArray, columns_of
from equipoise.synthesis.bayes.competing import CompetingPosterior, posterior_from_competing, read_competing
from equipoise.synthesis.bayes.competing.exposure import exposures
from equipoise.synthesis.bayes.priors import HalfNormal, Normal

# Simulated: four treatments, three outcomes; events, people, follow-up.
SIMULATED = """\
1 A 18 1 8 45 52
1 B 14 3 15 60 52
2 A 23 8 19 159 26
2 B 16 6 14 145 26
3 A 31 25 33 191 46
3 C 12 23 28 158 46
4 B 10 22 28 145 52
4 C 6 10 16 70 52
5 A 7 5 2 44 39
5 B 8 10 6 78 39
5 D 7 7 4 55 39
6 C 9 18 41 160 52
6 D 3 2 4 44 52
7 A 7 5 15 102 28
7 D 8 2 12 113 28
8 B 25 18 13 87 104
8 C 44 66 31 192 104
9 A 58 19 49 207 52
9 C 8 16 25 106 52
"""
OUTCOMES = ["relapse", "harm", "other"]
NAMES = ["study", "treatment", *OUTCOMES, "n", "time"]


def columns(text: str, names: list[str]) -> dict[str, list[Any]]:
    rows = [line.split() for line in text.strip().splitlines()]
    return {name: [row[k] if k < 2 else float(row[k]) for row in rows] for k, name in enumerate(names)}


@pytest.fixture(scope="module")
def simulated() -> CompetingPosterior:
    table = read_competing(columns(SIMULATED, NAMES), OUTCOMES)
    return posterior_from_competing(table, HalfNormal(1), Normal(0, 2))


@pytest.mark.parametrize(
    ("events", "n", "time"), [(30, 100, 42.0), (90, 100, 26.0), (3, 10, 52.0), (1, 2, 1.0), (0, 9, 3.0)]
)
def test_the_time_at_risk_gives_the_likelihood_of_the_total_hazard(events: int, n: int, time: float) -> None:
    rule = exposures(events, n, time)
    rates = -np.log1p(-(events + 0.5) / (n + 1)) / time * np.array([0.7, 0.9, 1.0, 1.2, 1.4])
    exact = events * np.log(-np.expm1(-rates * time) / rates) - rates * time * (n - events)
    found = logsumexp(rule.log_weights - rates[:, None] * np.exp(rule.log_time), axis=1)
    assert found == pytest.approx(exact, abs=0.003)


TINY = "1 A 5 2 30 2\n1 B 9 1 32 2\n2 A 7 3 25 1\n2 B 8 6 24 1\n"


def log_likelihood(counts: tuple[float, ...], log_hazards: list[FloatArray]) -> FloatArray:
    """The multinomial log-probability of events of two kinds among n in a time; ``log_hazards``: broadcastable."""
    *events, n, time = counts
    hazards = [np.exp(log) for log in log_hazards]
    total = hazards[0] + hazards[1]
    log_some = np.log(-np.expm1(-total * time)) - np.log(total)
    found = gammaln(n + 1) - gammaln(n - sum(events) + 1) - total * time * (n - sum(events))
    for number, log in zip(events, log_hazards, strict=True):
        found = found + number * (log + log_some) - gammaln(number + 1)
    return np.asarray(found)


def test_a_tiny_network_is_what_dense_quadrature_gives() -> None:
    names = ["study", "treatment", "one", "two", "n", "time"]
    table = read_competing(columns(TINY, names), ["one", "two"])
    posterior = posterior_from_competing(table, None, Normal(0, 1.5), model="common", points=2**13)
    rows = [tuple(float(x) for x in line.split()[2:]) for line in TINY.splitlines()]
    one, two = np.linspace(-2.5, 3.5, 31), np.linspace(-4.5, 6.0, 43)
    total = norm.logpdf(one, 0, 1.5)[:, None] + norm.logpdf(two, 0, 1.5)
    mu, nu = np.linspace(-7.0, 2.0, 46), np.linspace(-13.0, 1.5, 59)
    cell = (mu[1] - mu[0]) * (nu[1] - nu[0])
    for first, second in (rows[:2], rows[2:]):
        # λ of B on the sums of grids: a baseline and an effect.
        log = np.empty((len(one), len(two)))
        base = log_likelihood(first, [mu[:, None], nu])
        for i, d in enumerate(one):
            for j, e in enumerate(two):
                log[i, j] = logsumexp(base + log_likelihood(second, [(mu + d)[:, None], nu + e]))
        total += log + np.log(cell)
    density = np.exp(total)
    share = density / density.sum()
    for grid, weights, outcome in ((one, share.sum(axis=1), "one"), (two, share.sum(axis=0), "two")):
        mean = weights @ grid
        found = posterior.of(outcome).contrast("B", "A")
        assert float(found.mean) == pytest.approx(mean, abs=0.003)
        assert float(found.sd) == pytest.approx(np.sqrt(weights @ (grid - mean) ** 2), abs=0.003)
    evidence = np.log(density.sum() * (one[1] - one[0]) * (two[1] - two[0]))
    assert posterior.log_evidence == pytest.approx(evidence, abs=0.01)


# Chains of JAGS 4.3.1 (4 × 400,000 draws, every tenth kept; validation/bayes/competing.bug): mean, sd, 2.5 %, 50 % and 97.5 %
# quantiles, effective number of draws.
CHAINS = {
    ("relapse", "B"): (-0.606080, 0.240158, -1.073887, -0.607998, -0.126894, 99967),
    ("relapse", "C"): (-0.823462, 0.248049, -1.300576, -0.828394, -0.313301, 98725),
    ("relapse", "D"): (-0.320818, 0.356104, -1.027656, -0.318601, 0.374628, 136712),
    ("harm", "B"): (-0.109198, 0.289954, -0.661298, -0.115856, 0.484728, 71453),
    ("harm", "C"): (0.255807, 0.258249, -0.244116, 0.252243, 0.778902, 68209),
    ("harm", "D"): (-0.463766, 0.416357, -1.300043, -0.456363, 0.336441, 127208),
    ("other", "B"): (-0.082267, 0.232675, -0.526149, -0.087504, 0.389475, 100333),
    ("other", "C"): (0.066796, 0.208163, -0.321827, 0.059882, 0.504547, 90281),
    ("other", "D"): (-0.540331, 0.322410, -1.172367, -0.541645, 0.099640, 135760),
    ("relapse", "tau"): (0.245224, 0.191896, 0.010091, 0.204805, 0.719933, 97190),
    ("harm", "tau"): (0.254326, 0.206319, 0.009932, 0.207971, 0.770996, 79472),
    ("other", "tau"): (0.197698, 0.171677, 0.006898, 0.154324, 0.634985, 84272),
}


@pytest.mark.parametrize(("outcome", "name"), CHAINS)
def test_chains_of_jags_agree(outcome: str, name: str, simulated: CompetingPosterior) -> None:
    *chain, draws = CHAINS[outcome, name]
    posterior = simulated.of(outcome)
    found = posterior.tau if name == "tau" else posterior.contrast(name, "A")
    p = np.array([0.025, 0.5, 0.975])
    points = found.quantile(p)
    here = np.r_[found.mean, found.sd, points]
    # Tails are as heavy as a kurtosis of 6 and mix more slowly, by a half, than the means.
    error = np.r_[chain[1], np.sqrt(1.5 * 5.0 / 4.0) * chain[1], np.sqrt(1.5 * p * (1 - p)) / found.pdf(points)]
    assert np.all(np.abs(here - chain) <= 3.0 * error / np.sqrt(draws) + 0.001)


def test_diagnostics_are_good(simulated: CompetingPosterior) -> None:
    assert simulated.error < 2e-3
    assert simulated.pareto_k < 0.7
    assert not any("Doubtful" in note for outcome in simulated.outcomes for note in outcome.notes)
    assert "Outcome: harm" in simulated.summary()
    assert simulated.of("relapse").effects().measure == "HR"


def test_rare_events_are_independent_poisson_counts() -> None:
    # Few events among many: the time at risk is known, and the outcomes have nothing to do with each other.
    from equipoise.synthesis.bayes.arm_level import posterior_from_arms, read_arms

    data = columns(SIMULATED, NAMES)
    data["n"] = [1e6] * len(data["n"])
    joint = posterior_from_competing(read_competing(data, OUTCOMES), HalfNormal(1), Normal(0, 2), points=2**13)
    data["persons"] = [1e6 * time for time in data["time"]]
    for outcome in OUTCOMES:
        table = read_arms(data, likelihood="poisson", events=outcome, time="persons")
        alone = posterior_from_arms(table, HalfNormal(1), Normal(0, 2))
        assert joint.of(outcome).estimates == pytest.approx(alone.estimates, abs=0.01)
        assert joint.of(outcome).standard_errors == pytest.approx(alone.standard_errors, abs=0.01)


def test_probabilities_of_outcomes_add_up(simulated: CompetingPosterior) -> None:
    hazards: dict[str, Normal | float] = {"relapse": 0.006, "harm": 0.002, "other": Normal(-5.3, 0.1)}
    found = simulated.absolute(hazards, time=52)
    means = found.mean.reshape(4, 4)
    assert means.sum(axis=1) == pytest.approx(1.0)
    total = 0.008 + np.exp(-5.3 + 0.005)
    assert means[0, 3] == pytest.approx(np.exp(-52 * total), abs=0.003)
    assert columns_of(found)["outcome"][:4] == [*OUTCOMES, "none"]
    wide = simulated.absolute(hazards, time=52, new_study=True)
    assert wide.sd[4] > found.sd[4]
    assert wide.mean[:4] == pytest.approx(found.mean[:4])
    with pytest.raises(DataError, match="no hazard of other"):
        simulated.absolute({"relapse": 0.006, "harm": 0.002})


def test_an_outcome_without_events_says_nothing_of_its_effects() -> None:
    data = columns(SIMULATED, NAMES)
    for row in (0, 1):
        data["harm"][row] = 0.0
    found = posterior_from_competing(read_competing(data, OUTCOMES), HalfNormal(1), Normal(0, 2), points=1024)
    assert any("Left out: 1 (harm): no such event in any arm" in note for note in found.of("harm").notes)
    assert not any("Left out" in note for note in found.of("other").notes)


def changed(column: str, row: int, value: float) -> dict[str, list[Any]]:
    data = columns(SIMULATED, NAMES)
    data[column][row] = value
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed("harm", 1, -2.0), r"study '1', row 2 \(B\): harm is -2"),
        (changed("harm", 1, 50.0), r"study '1', row 2 \(B\): 79 events among 60 people"),
        (changed("harm", 1, 31.0), r"study '1', row 2 \(B\): everybody had an event"),
        (changed("time", 0, 0.0), "time is 0; it must be positive"),
    ],
)
def test_what_cant_be_true_is_named(data: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_competing(data, OUTCOMES)


def test_options_are_checked(simulated: CompetingPosterior) -> None:
    table = read_competing(columns(SIMULATED, NAMES), OUTCOMES)
    with pytest.raises(DataError, match="no prior for harm"):
        posterior_from_competing(table, {"relapse": HalfNormal(1), "other": HalfNormal(1)})
    with pytest.raises(DataError, match="state a prior for τ"):
        posterior_from_competing(table)
    left = read_competing(changed("harm", 2, float("nan")), OUTCOMES).left_out
    assert left[0].what == "2: A (row 3)"
    with pytest.raises(DataError, match="no outcome 'death'"):
        simulated.of("death")
