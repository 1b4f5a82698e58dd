"""How fast is pooling, against PyMARE in the same run?

    pip install pymare==0.0.13
    python benchmarks/pairwise.py [--analyses 100000] [--studies 20] [--rounds 5]

Prints ratios, PyMARE's time over ours, for n analyses of k studies with everything a reader needs (estimate, SE, CI,
Q, I²), the best of several rounds taken in turn so that both meet the same machine; then how time grows with n, how
much memory beyond input and output it takes, and what a single fit costs. Without PyMARE only our own numbers are
printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from equipoise.synthesis.pairwise.batch import pool_many
from equipoise.synthesis.pairwise.pooling import pool

Numbers = np.ndarray[Any, Any]


def simulate(n: int, k: int, seed: int = 0) -> tuple[Numbers, Numbers]:
    """Estimates and variances (n, k) with τ² = 0.25."""
    rng = np.random.default_rng(seed)
    variances = rng.uniform(0.05, 1.0, (n, k))
    return 0.3 + rng.normal(size=(n, k)) * np.sqrt(variances + 0.25), variances


def ours(estimates: Numbers, variances: Numbers, method: str) -> tuple[Numbers, ...]:
    """The numbers that PyMARE's summaries hold as well."""
    result = pool_many(estimates, variances, method=method)
    return result.estimate, result.se, result.ci_low, result.ci_high, result.tau2, result.q, result.i2


def pymares(estimates: Numbers, variances: Numbers, method: str) -> tuple[Numbers, ...]:
    """The same from PyMARE, normal intervals as ours."""
    from pymare import Dataset, estimators

    data = Dataset(estimates.T, variances.T, X=np.ones((estimates.shape[1], 1)), add_intercept=False)
    if method == "DL":
        estimator = estimators.DerSimonianLaird(small_sample_correction="wald")
    else:
        estimator = estimators.VarianceBasedLikelihoodEstimator(method=method, small_sample_correction="wald")
    result = estimator.fit_dataset(data).summary()
    effect, heterogeneity = result.get_fe_stats(), result.get_heterogeneity_stats()
    both = (
        effect["est"],
        effect["se"],
        effect["ci_l"],
        effect["ci_u"],
        result.tau2,
        heterogeneity["Q"],
        heterogeneity["I^2"],
    )
    return tuple(np.ravel(x) for x in both)


def alternately(rounds: int, *calls: Callable[[], object]) -> list[float]:
    """The best time of each call, in seconds, the calls taken in turn."""
    best = [np.inf] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def against_pymare(n: int, k: int, rounds: int) -> None:
    """Ratios, and the largest difference of the estimates they rest on."""
    if importlib.util.find_spec("pymare") is None:
        print("PyMARE isn't installed: no ratios")
        return
    y, v = simulate(n, k)
    for method, times in (("DL", rounds), ("REML", max(1, rounds // 2))):
        theirs, own = alternately(times, partial(pymares, y, v, method), partial(ours, y, v, method))
        apart = float(np.abs(pymares(y[:200], v[:200], method)[0] - ours(y[:200], v[:200], method)[0]).max())
        print(
            f"{method:5} n = {n}, k = {k}: PyMARE {1e6 * theirs / n:.2f}, ours {1e6 * own / n:.3f} µs an analysis, "
            f"ratio {theirs / own:.1f} (estimates differ by {apart:.0e})"
        )


def growth(k: int) -> None:
    """Time and memory against n: linear and flat."""
    for method in ("DL", "REML"):
        line = []
        for n in (20_000, 40_000, 80_000, 160_000):
            y, v = simulate(n, k)
            (seconds,) = alternately(3, partial(ours, y, v, method))
            tracemalloc.start()
            result = pool_many(y, v, method=method)
            peak = tracemalloc.get_traced_memory()[1] - 7 * result.estimate.nbytes
            tracemalloc.stop()
            line.append(f"n = {n}: {1e6 * seconds / n:.3f} µs, {peak / 2**20:.0f} MB")
        print(f"{method:5} per analysis, memory beyond the result: " + "; ".join(line))


def single(k: int = 50, repeats: int = 300) -> None:
    """One fit, everything in the result included."""
    y, v = (x[0] for x in simulate(1, k))
    for method in ("DL", "PM", "REML"):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            pool(y, v, method=method)
            times.append(time.perf_counter() - start)
        print(f"one {method} fit, k = {k}: median {1e6 * float(np.median(times)):.0f} µs, best {1e6 * min(times):.0f}")


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--analyses", type=int, default=100_000)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    against_pymare(given.analyses, given.studies, given.rounds)
    growth(given.studies)
    single()


if __name__ == "__main__":
    main()
