"""Simulation-based calibration of the exact posteriors (Talts et al. 2018, arXiv:1804.06788; Cook, Gelman & Rubin 2006).

    PYTHONPATH=src python validation/bayes/calibration.py [PAIRS NETWORKS ARMS]

Parameters are drawn from the priors and data from the parameters; where the posterior is right, the posterior probability of
lying below the true value is uniform over replicates, whatever the model. Here that probability is had exactly, not as a rank
among draws. Printed for every quantity: Kolmogorov–Smirnov and chi-square (20 cells) p-values, and how often the true
value lay within the intervals of 50 %, 80 % and 95 %.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from equipoise.synthesis.bayes.arm_level import posterior_from_arms, read_arms
from equipoise.synthesis.bayes.pair import posterior
from equipoise.synthesis.bayes.priors import HalfNormal, Normal
from equipoise.synthesis.network import Network, StudyContrasts

TAU, EFFECT, BASELINE = HalfNormal(0.5), Normal(0.0, 1.0), Normal(-1.5, 1.0)
STUDIES = ("AB", "AB", "AC", "BC", "BD", "ABC", "CD", "ABD")
"""Treatments of each study's arms, the first listed first."""


def pair(draw: np.random.Generator) -> dict[str, float]:
    """Six studies; the mean effect, τ and the true effect in a new study."""
    variances = np.array([0.02, 0.05, 0.1, 0.1, 0.2, 0.4])
    tau, mu = abs(draw.normal(0.0, TAU.scale)), draw.normal(EFFECT.mean, EFFECT.sd)
    found = posterior(draw.normal(mu, np.sqrt(variances + tau**2)), variances, heterogeneity=TAU, effect=EFFECT)
    return {
        "tau": float(found.tau.cdf(tau)),
        "mu": float(found.effect.cdf(mu)),
        "new": float(found.new_effect.cdf(draw.normal(mu, tau))),
    }


def effects_of_studies(draw: np.random.Generator) -> tuple[float, dict[str, float], list[np.ndarray]]:
    """τ, the treatments' effects against A, and every study's true effects against its first arm."""
    tau = abs(draw.normal(0.0, TAU.scale))
    d = {"A": 0.0} | {t: float(draw.normal(EFFECT.mean, EFFECT.sd)) for t in "BCD"}
    true = []
    for arms in STUDIES:
        m = len(arms) - 1
        mean = np.array([d[t] - d[arms[0]] for t in arms[1:]])
        true.append(draw.multivariate_normal(mean, tau**2 * (0.5 * np.eye(m) + 0.5)))
    return tau, d, true


def network(draw: np.random.Generator) -> dict[str, float]:
    """Eight studies of four treatments by contrasts, two with three arms."""
    tau, d, true = effects_of_studies(draw)
    studies = []
    for i, (arms, delta) in enumerate(zip(STUDIES, true, strict=True)):
        variances = 0.02 * (1.0 + (i * np.arange(1, len(arms) + 1)) % 7)
        covariance = np.diag(variances[1:]) + variances[0]
        studies.append(StudyContrasts(f"s{i}", tuple(arms), draw.multivariate_normal(delta, covariance), covariance))
    found = Network.from_studies(studies, "OR").posterior(heterogeneity=TAU, effects=EFFECT, reference="A")
    return quantities(found, tau, d, draw)


def arms(draw: np.random.Generator) -> dict[str, float]:
    """The same network with events in 15 to 60 participants an arm."""
    tau, d, true = effects_of_studies(draw)
    rows: dict[str, list[object]] = {"study": [], "treatment": [], "events": [], "n": []}
    for i, (treatments, delta) in enumerate(zip(STUDIES, true, strict=True)):
        eta = draw.normal(BASELINE.mean, BASELINE.sd) + np.concatenate([[0.0], delta])
        for t, x in zip(treatments, eta, strict=True):
            n = 15 * (1 + (i + ord(t)) % 4)
            for name, value in zip(rows, (f"s{i}", t, draw.binomial(n, 1.0 / (1.0 + np.exp(-x))), n), strict=True):
                rows[name].append(value)
    table = read_arms(rows, events="events", n="n")
    found = posterior_from_arms(table, heterogeneity=TAU, effects=EFFECT, baseline=BASELINE, reference="A")
    return quantities(found, tau, d, draw)


def quantities(found, tau: float, d: dict[str, float], draw: np.random.Generator) -> dict[str, float]:  # type: ignore[no-untyped-def]
    return {
        "tau": float(found.tau.cdf(tau)),
        "B : A": float(found.contrast("B", "A").cdf(d["B"])),
        "D : C": float(found.contrast("D", "C").cdf(d["D"] - d["C"])),
        "new C : B": float(found.predict("C", "B").cdf(draw.normal(d["C"] - d["B"], tau))),
    }


def report(
    name: str, simulate: Callable[[np.random.Generator], dict[str, float]], replicates: int, seed: int
) -> list[float]:
    start = time.process_time()
    streams = np.random.SeedSequence(seed).spawn(replicates)
    found = [simulate(np.random.default_rng(stream)) for stream in streams]
    print(f"\n{name}: {replicates} replicates, {time.process_time() - start:.0f} s of processor time", flush=True)
    least = []
    for quantity in found[0]:
        p = np.array([each[quantity] for each in found])
        counts = np.bincount(np.minimum((20 * p).astype(int), 19), minlength=20)
        kolmogorov, square = stats.kstest(p, "uniform").pvalue, stats.chisquare(counts).pvalue
        inside = [100.0 * float((np.abs(p - 0.5) < level / 2).mean()) for level in (0.5, 0.8, 0.95)]
        least += [float(kolmogorov), float(square)]
        print(
            f"  {quantity:10} KS p {kolmogorov:.3f}   chi-square p {square:.3f}   within 50 %: {inside[0]:.1f}, "
            f"80 %: {inside[1]:.1f}, 95 %: {inside[2]:.1f}",
            flush=True,
        )
    return least


def main() -> None:
    counts = [int(x) for x in sys.argv[1:]] or [2000, 1000, 400]
    cases = (("pair", pair), ("normal network", network), ("binomial network", arms))
    found = [p for i, (name, run) in enumerate(cases) for p in report(name, run, counts[i], seed=i + 1)]
    print(f"\nleast of {len(found)} p-values: {min(found):.4f}; by Bonferroni {min(1.0, min(found) * len(found)):.3f}")


if __name__ == "__main__":
    main()
