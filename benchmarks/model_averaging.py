"""How long model averaging takes: RoBMA-PSMA's 36 models for 5, 20 and 50 studies, and the four without bias.

    PYTHONPATH=src OPENBLAS_NUM_THREADS=1 python benchmarks/model_averaging.py

Best of five. RoBMA's own tutorial gives one to ten minutes for 18 studies (JAGS and bridge sampling).
"""

from __future__ import annotations

import time

import numpy as np

from equipoise.synthesis.bayes.averaging.average import model_average


def studies(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardised mean differences of which non-significant ones are published with probability 0.3."""
    rng = np.random.default_rng(k)
    n = rng.integers(30, 300, 4 * k)
    se = 2 / np.sqrt(n)
    y = 0.2 + 0.15 * rng.standard_normal(4 * k) + se * rng.standard_normal(4 * k)
    kept = (y / se > 1.96) | (rng.random(4 * k) < 0.3)
    return y[kept][:k], se[kept][:k] ** 2


def main() -> None:
    """Print a line an ensemble."""
    for bias in ("psma", None):
        for k in (5, 20, 50):
            y, v = studies(k)
            times, cpu = [], []
            for _ in range(5):
                start, processor = time.perf_counter(), time.process_time()
                found = model_average(y, v, measure="SMD", bias=bias)
                found.summary()
                times.append(time.perf_counter() - start)
                cpu.append(time.process_time() - processor)
            worst = max(fit.error for fit in found.models)
            print(
                f"{len(found.models):3d} models, k = {k:2d}: {min(times):6.3f} s (processor {min(cpu):.3f} s); "
                f"marginal likelihoods to {worst:.0e}, posterior probabilities to {found.error:.0e}"
            )


if __name__ == "__main__":
    main()
