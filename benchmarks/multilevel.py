"""How long do multilevel models and refits take, against R's metafor on the same machine when it is there?

    python benchmarks/multilevel.py [--rounds 5]

Prints milliseconds a fit; with Rscript and metafor installed also the ratio, metafor's time over ours.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable

import numpy as np

from equipoise.synthesis.pairwise.influence import influence
from equipoise.synthesis.pairwise.leave_one_out import leave_one_out
from equipoise.synthesis.pairwise.multilevel import multilevel
from equipoise.synthesis.pairwise.random_effects import nested
from equipoise.synthesis.pairwise.selection import selection_model

R = """
suppressMessages(library(metafor)); set.seed(1)
best <- function(f, n) min(sapply(seq_len(n), function(i) system.time(f())[["elapsed"]]))
sim <- function(m) {
  d <- data.frame(study = rep(seq_len(m), each = 3)); d$id <- seq_len(nrow(d)); d$vi <- runif(nrow(d), .02, .2)
  d$yi <- rnorm(m, 0, .3)[d$study] + rnorm(nrow(d), 0, sqrt(.05 + d$vi)); d
}
for (m in c(20, 100, 300)) {
  d <- sim(m)
  cat("multilevel", m, best(function() rma.mv(yi, vi, random = ~ 1 | study/id, data = d, sparse = TRUE), 3), "\\n")
}
d <- sim(17)[1:50, ]; r <- rma(yi, vi, data = d); m <- rma(yi, vi, data = d, method = "ML")
cat("leave-one-out 50", best(function() leave1out(r), 3), "\\n")
cat("influence 50", best(function() influence(r, progbar = FALSE), 3), "\\n")
cat("selection 50", best(function() selmodel(m, type = "stepfun", steps = .025), 3), "\\n")
"""


def simulate(m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three estimates of each of m studies."""
    rng = np.random.default_rng(seed)
    study = np.repeat(np.arange(m), 3)
    v = rng.uniform(0.02, 0.2, 3 * m)
    y = rng.normal(0, 0.3, m)[study] + rng.normal(size=3 * m) * np.sqrt(0.05 + v)
    return y, v, study


def best(call: Callable[[], object], rounds: int) -> float:
    """The best time in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    ours: dict[str, float] = {}
    for m in (20, 100, 300, 10_000):
        y, v, study = simulate(m)
        terms = nested(study, np.arange(3 * m))
        ours[f"multilevel {m}"] = best(lambda y=y, v=v, terms=terms: multilevel(y, v, random=terms), rounds)  # type: ignore[misc]
    y, v, _ = simulate(17)
    y, v = y[:50], v[:50]
    ours["leave-one-out 50"] = best(lambda: leave_one_out(y, v), rounds)
    ours["influence 50"] = best(lambda: influence(y, v), rounds)
    ours["selection 50"] = best(lambda: selection_model(y, v), rounds)
    theirs: dict[str, float] = {}
    if shutil.which("Rscript"):
        done = subprocess.run(["Rscript", "-e", R], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            name, seconds = line.strip().rsplit(" ", 1)
            theirs[name] = float(seconds)
    for name, taken in ours.items():
        ratio = f"  metafor takes {theirs[name] / taken:.0f} times as long" if name in theirs else ""
        print(f"{name:18s} {1e3 * taken:9.2f} ms{ratio}")


if __name__ == "__main__":
    main()
