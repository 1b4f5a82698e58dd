"""Effect sizes of any number of studies, with long and short names, for looking at figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from equipoise.synthesis.measures.effect_sizes import EffectSizes, effect_sizes

AUTHORS = (
    "Müller",
    "van der Berg",
    "O’Connor & Garcia-Hernandez",
    "Li",
    "The International Study of Infarct Survival Collaborative Group (ISIS-4), multicentre",
    "Hospitalisationsvermeidungsforschungsverbundstudiengruppe",
    "Costs < $5 and > $2",
)


def simulated(k: int, measure: str, seed: int = 1) -> EffectSizes:
    """``k`` studies of OR, RR or RD (events) or of MD, SMD or ROM (means), the same for the same seed."""
    rng = np.random.default_rng(seed)
    names = [f"{AUTHORS[i % len(AUTHORS)]} {1970 + i % 50}{'abc'[i // 50]}" for i in range(k)]
    n = rng.integers(12, 2000, size=(2, k))
    data: dict[str, Any] = {"study": names, "n1": n[0], "n2": n[1]}
    if measure in {"OR", "RR", "RD"}:
        risk = 0.05 + 0.3 * rng.random(k)
        data["e1"] = rng.binomial(n[0], risk * np.exp(-0.4 + 0.3 * rng.standard_normal(k)).clip(0, 1))
        data["e2"] = rng.binomial(n[1], risk)
        return effect_sizes(data, measure=measure, study="study", events=("e1", "e2"), n=("n1", "n2"))
    data["m1"], data["m2"] = np.round(48 + 5 * rng.standard_normal((2, k)), 1)
    data["s1"], data["s2"] = np.round(9 + 5 * rng.random((2, k)), 1)
    return effect_sizes(
        data, measure=measure, study="study", mean=("m1", "m2"), sd=("s1", "s2"), n=("n1", "n2")
    )  # fmt: skip
