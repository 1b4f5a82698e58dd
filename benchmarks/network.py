"""How long the analyses of a large network take, and how that compares with the textbook and with metafor.

python benchmarks/network.py [TREATMENTS STUDIES]

The first table times each analysis of one random network (default 100 treatments, 1,000 studies, a fifth with three
or four arms). The second holds the fit and all splits against the textbook's way on a smaller network in the same
run: dense generalised least squares in NumPy, refitted for every pair, and metafor's rma.mv when Rscript finds it.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from equipoise.synthesis.network import (
    Network,
    StudyContrasts,
    diagnose,
    leave_one_study_out,
    leave_one_treatment_out,
    shift_variance,
    study_thresholds,
)
from equipoise.synthesis.network.forward_search import forward_search

MULTI_ARM = 0.2
"""Share of studies with more than two arms."""
HUB = 0.3
"""Share of studies with an arm of the first treatment, as placebo has in real networks."""

LONG = 2.0
"""Seconds after which an analysis isn't timed again."""


def random_studies(treatments: int, studies: int, seed: int = 1) -> list[StudyContrasts]:
    """A connected network: first a random tree, then studies of treatments drawn at random."""
    draw = np.random.default_rng(seed)
    effects = draw.normal(0.0, 0.5, treatments)
    found = []
    for k in range(studies):
        if k < treatments - 1:
            arms = [int(draw.integers(0, k + 1)) if draw.random() > HUB else 0, k + 1]
        else:
            size = int(draw.integers(3, 5)) if draw.random() < MULTI_ARM else 2
            arms = draw.choice(treatments, size, replace=False).tolist()
            if draw.random() < HUB and 0 not in arms:
                arms[0] = 0
        variances = draw.uniform(0.01, 0.1, len(arms))
        means = effects[arms] + draw.normal(0.0, np.sqrt(variances)) + draw.normal(0.0, 0.15, len(arms))
        names = tuple(f"t{a:03d}" for a in arms)
        covariance = np.diag(variances[1:]) + variances[0]
        found.append(StudyContrasts(f"s{k}", names, means[1:] - means[0], covariance))
    return found


def timed(action: Callable[[], object], repeats: int = 3) -> float:
    """The best time of several, of one if that takes long; in milliseconds."""
    best = float("inf")
    for _ in range(repeats):
        if np.isfinite(best) and best > LONG:
            break
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return 1000.0 * best


def dense(studies: list[StudyContrasts], names: list[str], tau2: float) -> tuple[np.ndarray, np.ndarray]:
    """The textbook: one design matrix, one covariance matrix, its inverse."""
    index = {t: i for i, t in enumerate(names)}
    rows = sum(len(s.estimates) for s in studies)
    X, V, y = np.zeros((rows, len(names))), np.zeros((rows, rows)), np.zeros(rows)
    at = 0
    for s in studies:
        m = len(s.estimates)
        part = slice(at, at + m)
        X[np.arange(at, at + m), [index[t] for t in s.treatments[1:]]] += 1.0
        X[part, index[s.treatments[0]]] -= 1.0
        V[part, part] = s.covariance + tau2 * (0.5 + 0.5 * np.eye(m))
        y[part] = s.estimates
        at += m
    W = np.linalg.inv(V)
    C = np.linalg.pinv(X.T @ W @ X)
    return C @ X.T @ W @ y, C


def dense_splits(studies: list[StudyContrasts], names: list[str], tau2: float) -> None:
    """Every pair's indirect evidence by a refit without its studies."""
    pairs = {(a, b) for s in studies for a in s.treatments for b in s.treatments if a < b}
    for a, b in sorted(pairs):
        dense([s for s in studies if not {a, b} <= set(s.treatments)], names, tau2)


def refits(studies: list[StudyContrasts]) -> None:
    """The network without each study, by a fit of its own."""
    for study in studies:
        Network.from_studies((s for s in studies if s is not study), "MD").fit()


def split_refits(studies: list[StudyContrasts]) -> None:
    """The network without the studies of each pair, by a fit of its own."""
    for a, b in sorted({(a, b) for s in studies for a in s.treatments for b in s.treatments if a < b}):
        Network.from_studies((s for s in studies if not {a, b} <= set(s.treatments)), "MD").fit()


R_FIT = """
suppressMessages(library(metafor))
y <- scan("y", quiet = TRUE); V <- as.matrix(read.table("V")); X <- as.matrix(read.table("X"))
study <- scan("study", quiet = TRUE); d <- data.frame(y = y, row = seq_along(y), study = study)
colnames(X) <- paste0("t", seq_len(ncol(X)))
cat(system.time(rma.mv(y, V, mods = X, intercept = FALSE, random = ~ row | study, struct = "CS", rho = 0.5,
                       data = d, sparse = TRUE))["elapsed"])
"""


def metafor_fit(studies: list[StudyContrasts], names: list[str]) -> float | None:
    """Seconds that rma.mv needs for the same REML fit, by R's own clock; None without R or metafor."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = [(k, s, j) for k, s in enumerate(studies) for j in range(len(s.estimates))]
        X = np.array(
            [[(t == s.treatments[j + 1]) - float(t == s.treatments[0]) for t in names[1:]] for _, s, j in rows]
        )
        V = np.zeros((len(rows), len(rows)))
        for i, (k, s, j) in enumerate(rows):
            for other, (k2, _, j2) in enumerate(rows[max(0, i - 4) : i + 5], start=max(0, i - 4)):
                if k == k2:
                    V[i, other] = s.covariance[j, j2]
        np.savetxt(folder / "X", X)
        np.savetxt(folder / "V", V)
        np.savetxt(folder / "y", [s.estimates[j] for _, s, j in rows])
        np.savetxt(folder / "study", [k for k, _, _ in rows])
        run = subprocess.run(["Rscript", "-e", R_FIT], cwd=folder, capture_output=True, text=True, check=False)
        return float(run.stdout) if run.returncode == 0 and run.stdout else None


def main() -> None:
    treatments, count = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (100, 1000)
    studies = random_studies(treatments, count)
    net = Network.from_studies(studies, "MD")
    fit, moments = net.fit(method="REML"), net.fit(method="DL")
    against = [(t, fit.reference) for t in fit.treatments if t != fit.reference]
    together: dict[str, Callable[[], object]] = {
        "fit, REML": lambda: net.fit(method="REML"),
        "league table": fit.league,
        "ranking with rank probabilities": fit.ranking,
        "decomposition of Q": fit.inconsistency,
    }
    steps: dict[str, Callable[[], object]] = {
        "network": lambda: Network.from_studies(studies, "MD"),
        "fit, DL": lambda: net.fit(method="DL"),
        **together,
        "fit, league, ranking, Q together": lambda: [step() for step in together.values()],
        "splits, back-calculation": fit.split,
        "splits, design-based, DL": lambda: moments.split("sidde"),
        "splits, design-based, REML": lambda: fit.split("sidde"),
        "splits, design-based, tau² kept": lambda: fit.split("sidde", tau2="network"),
        "splits, node-splitting": lambda: fit.split("node"),
        "splits, node-splitting, τ² anew": lambda: fit.split("node", "each"),
        "net heat": fit.net_heat,
        "loops": fit.loops,
        "unrelated effects": fit.unrelated,
        "measures": fit.measures,
        "contributions, random walk, all pairs": fit.contributions,
        "contributions, shortest path, reference": lambda: fit.contributions("shortest path", against),
        "importance, against the reference": lambda: fit.importance(against),
        "diagnostics": lambda: diagnose(fit),
        "each study left out, tau² kept": lambda: leave_one_study_out(fit, "network"),
        "each study left out, tau² anew": lambda: leave_one_study_out(fit),
        "variance of each study shifted": lambda: shift_variance(fit),
        "study thresholds": lambda: study_thresholds(fit),
    }
    if treatments <= 100:
        steps |= {
            "contributions, shortest path, all pairs": lambda: fit.contributions("shortest path"),
            "importance, all pairs": fit.importance,
            "each treatment left out, tau² anew": lambda: leave_one_treatment_out(fit),
            "forward search": lambda: forward_search(fit),
        }
    print(f"{treatments} treatments, {count} studies")
    for name, step in steps.items():
        print(f"  {name:42s}{timed(step):10.1f} ms", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  memory at most{peak:34.1f} GB")

    small = random_studies(20, 120)
    net = Network.from_studies(small, "MD")
    names, fit = list(net.treatments), net.fit(method="REML")
    tau2 = float(fit.tau2[0])
    print("20 treatments, 120 studies: how many times as long")
    one = timed(lambda: net.fit(method="REML"))
    print(f"  dense fit at a given tau²{timed(lambda: dense(small, names, tau2)) / one:24.1f} × our fit with REML")
    ours = timed(lambda: fit.split("sidde", tau2="network"))
    print(f"  dense refits, all splits, tau² kept{timed(lambda: dense_splits(small, names, tau2), 1) / ours:14.1f} ×")
    ours = timed(lambda: fit.split("sidde"))
    print(f"  splits, tau² anew, by fits of their own{timed(lambda: split_refits(small), 1) / ours:10.1f} ×")
    ours = timed(lambda: leave_one_study_out(fit))
    one_by_one = timed(lambda: refits(small), 1)
    print(f"  each study left out by a fit of its own{one_by_one / ours:10.1f} ×")
    seconds = metafor_fit(small, names)
    print("  rma.mv, REML" + (f"{1000 * seconds / one:37.1f} ×" if seconds is not None else ": R or metafor not found"))


if __name__ == "__main__":
    main()
