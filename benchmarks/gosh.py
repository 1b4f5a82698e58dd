"""How long do all subsets of the studies take (GOSH)?

    python benchmarks/gosh.py [--studies 20] [--rounds 3]

Prints seconds, and the ratio to fitting the same subsets one by one with `pool` (timed on a sample of them).
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from equipoise.synthesis.pairwise.gosh import gosh
from equipoise.synthesis.pairwise.pooling import pool

SAMPLE = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    k = options.studies
    variances = rng.uniform(0.05, 1.0, k)
    estimates = 0.3 + rng.normal(size=k) * np.sqrt(variances + 0.25)
    picked = [np.flatnonzero(row) for row in rng.random((SAMPLE, k)) < 0.5]
    picked = [rows for rows in picked if len(rows) > 1]
    print(f"{2**k - 1} subsets of {k} studies")
    for method in ("CE", "DL", "PM", "HE", "REML"):
        best, one = np.inf, np.inf
        for _ in range(options.rounds):
            start = time.perf_counter()
            gosh(estimates, variances, method=method)
            best = min(best, time.perf_counter() - start)
            start = time.perf_counter()
            for rows in picked:
                pool(estimates[rows], variances[rows], method=method)
            one = min(one, (time.perf_counter() - start) / len(picked))
        print(f"{method:5s} {best:6.2f} s; one by one would take {one * (2**k - 1) / best:6.0f} times as long")


if __name__ == "__main__":
    main()
