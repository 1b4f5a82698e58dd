"""How long exact posteriors take, beside what NUTS needs for 1,000 effective draws of the same posterior in the same run.

python benchmarks/bayes.py [REPEATS]        (NUTS needs the extra nuts; OPENBLAS_NUM_THREADS=1 is best)

Exact: mean, standard deviation and interval of every pair and of tau, warm, best of several. NUTS: four chains of 1,000
draws after 1,000 of tuning (the defaults), study effects as parameters, the density in NumPy; 1,000 effective draws are
reckoned in proportion, by the smallest bulk ESS of tau and the basic parameters.
Both are processor time, since the machine may be shared; the wall time of the exact posterior stands beside it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from network import random_studies

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / "tests" / "synthesis" / part) for part in ("bayes", "network")
]

from network_data import TABLES  # noqa: E402

from equipoise.synthesis.bayes.arm_level import ArmPosterior, ArmTable, posterior_from_arms, read_arms  # noqa: E402
from equipoise.synthesis.bayes.convergence import ess_bulk  # noqa: E402
from equipoise.synthesis.bayes.network_posterior import NetworkPosterior  # noqa: E402
from equipoise.synthesis.bayes.nuts import sample  # noqa: E402
from equipoise.synthesis.bayes.pair import PairPosterior, posterior  # noqa: E402
from equipoise.synthesis.bayes.priors import HalfNormal, Normal  # noqa: E402
from equipoise.synthesis.network import Network  # noqa: E402

LONG = 1.0
"""Seconds after which a posterior is computed no more than three times."""
PRIOR = HalfNormal(0.5)


def one_comparison(k: int = 20) -> Callable[[], PairPosterior]:
    draw = np.random.default_rng(1)
    variances = draw.uniform(0.02, 0.2, k)
    estimates = draw.normal(0.3, np.sqrt(variances + 0.04))

    def compute() -> PairPosterior:
        found = posterior(estimates, variances, heterogeneity=PRIOR)
        _ = found.estimate, found.se, found.ci, found.prediction, found.tau.interval(0.95)
        return found

    return compute


def contrasts(treatments: int, studies: int) -> Callable[[], NetworkPosterior]:
    network = Network.from_studies(random_studies(treatments, studies), "OR")

    def compute() -> NetworkPosterior:
        found = network.posterior(heterogeneity=PRIOR, effects=Normal(0.0, 10.0))
        _ = found.estimates, found.lower, found.tau.interval(0.95)
        return found

    return compute


def arms(table: ArmTable) -> Callable[[], ArmPosterior]:
    def compute() -> ArmPosterior:
        found = posterior_from_arms(table, heterogeneity=PRIOR, effects=Normal(0.0, 10.0))
        _ = found.estimates, found.lower, found.tau.interval(0.95)
        return found

    return compute


def smoking() -> ArmTable:
    table = TABLES["smoking"]
    data = {"study": table.study, "treatment": table.treatment, "events": table.value, "n": table.size}
    return read_arms(data, events="events", n="n")


def random_arms(treatments: int, studies: int) -> ArmTable:
    """Events in about a fifth of 40 to 400 participants an arm."""
    draw = np.random.default_rng(2)
    effects = draw.normal(0.0, 0.4, treatments)
    rows: dict[str, list[Any]] = {"study": [], "treatment": [], "events": [], "n": []}
    for study in random_studies(treatments, studies, seed=2):
        baseline, size = draw.normal(-1.4, 0.4), int(draw.integers(40, 400))
        for name in study.treatments:
            eta = baseline + effects[int(name[1:])] + draw.normal(0.0, 0.15)
            rows["study"].append(study.study)
            rows["treatment"].append(name)
            rows["events"].append(int(draw.binomial(size, 1.0 / (1.0 + np.exp(-eta)))))
            rows["n"].append(size)
    return read_arms(rows, events="events", n="n")


def best(compute: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """The least processor and wall time of a call, in seconds."""
    compute()
    used, walls = [], []
    while len(used) < repeats and not (len(used) >= 3 and min(walls) > LONG):
        start, wall = time.process_time(), time.perf_counter()
        compute()
        used.append(time.process_time() - start)
        walls.append(time.perf_counter() - wall)
    return min(used), min(walls)


def by_nuts(found: Any) -> tuple[float, float, float, int]:
    """Processor seconds of a run and for 1,000 effective draws, the effective draws, and the divergences."""
    start = time.process_time()
    chains = sample(found, seed=1)
    used = time.process_time() - start
    others = [i for i, t in enumerate(chains.treatments) if t != chains.reference]
    parameters = np.concatenate([chains.tau_draws[..., None], chains.effect_draws[..., others]], axis=-1)
    effective = float(ess_bulk(parameters).min())
    return used, used * 1000.0 / effective, effective, chains.convergence.divergences


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    cases: list[tuple[str, float, Callable[[], Any]]] = [
        ("pair, 20 studies", 0.003, one_comparison()),
        ("normal network, 30 treatments, 150 studies", 0.1, contrasts(30, 150)),
        ("binomial, smoking cessation (4, 24)", 0.3, arms(smoking())),
        ("binomial network, 20 treatments, 100 studies", 3.0, arms(random_arms(20, 100))),
    ]
    sample(cases[0][2](), draws=10, tune=10, chains=1)  # imports the sampler
    print(f"{'':45} {'exact, ms':>10} {'wall, ms':>9} {'target':>7} {'NUTS, s for 1,000':>18} {'ratio':>8}")
    for name, target, compute in cases:
        used, wall = best(compute, repeats)
        spent, needed, effective, divergences = by_nuts(compute())
        print(
            f"{name:45} {1e3 * used:10.1f} {1e3 * wall:9.1f} {1e3 * target:7.0f} {needed:18.1f} {needed / used:8.0f}"
            f"   (run of {spent:.0f} s: {effective:.0f} effective, {divergences} divergences)",
            flush=True,
        )


if __name__ == "__main__":
    main()
