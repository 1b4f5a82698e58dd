"""Posteriors by quadrature against long chains of JAGS (validation/bayes/long_chains.R): within Monte Carlo error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from network_data import TABLES
from network_datasets import parkinson, senn

from equipoise.synthesis.bayes.arm_level import ArmPosterior, posterior_from_arms
from equipoise.synthesis.bayes.arm_level.likelihoods import Link
from equipoise.synthesis.bayes.arm_level.table import arm_table
from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
from equipoise.synthesis.bayes.priors import HalfNormal, Normal, Prior, Uniform

CHAINS = Path(__file__).with_name("long_chains")
QUANTILES = {"q025": 0.025, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q975": 0.975}


def long_chain(name: str) -> dict[str, Any]:
    """What JAGS found, with Monte Carlo standard errors."""
    found: dict[str, Any] = json.loads((CHAINS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def heterogeneity(chain: dict[str, Any]) -> Prior:
    """The prior of τ that the chain had."""
    value = chain["priors"]["tau_parameter"]
    return Uniform(value) if chain["priors"]["tau_family"] == "uniform" else HalfNormal(value)


def deviations(posterior: Any, chain: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Each statistic of each quantity: its name, the difference from the chain in Monte Carlo standard errors, and the
    posterior's own error in the same units (where it states one, a bound on probabilities, taken through the density).
    """
    for name, seen in chain["quantities"].items():
        kind, _, treatment = name.rstrip("]").partition("[")
        reference = chain["treatments"][0]
        if kind == "tau":
            found = posterior.tau
        else:
            found = (posterior.contrast if kind == "d" else posterior.predict)(treatment, reference)
        for moment in ("mean", "sd"):
            yield (
                f"{name} {moment}",
                (float(getattr(found, moment)) - seen[moment]) / seen[f"mcse_{moment}"],
                posterior.error * seen["sd"] / seen[f"mcse_{moment}"],
            )
        for label, p in QUANTILES.items():
            # compared as probabilities: the share of the posterior below the chain's quantile
            off = float(found.cdf(seen[label])) - p
            se = seen[f"mcse_{label}"] * float(found.pdf(seen[label]))
            yield f"{name} {label}", -off / se, posterior.error / se


def check(posterior: Any, chain: dict[str, Any]) -> None:
    """Means within 3 standard errors; of the many other statistics none beyond 4, and together no more than chance.

    The posterior's own error is allowed on top. Of several hundred correlated statistics a few lie beyond 3.
    """
    rows = list(deviations(posterior, chain))
    assert len(rows) == 7 * len(chain["quantities"])
    far = [
        (name, round(z, 2), round(own, 2))
        for name, z, own in rows
        if abs(z) > own + (3.0 if name.endswith("mean") else 4.0)
    ]
    assert not far, f"{chain['name']}, {chain['priors']['tau']}: {far}"
    beyond = [max(abs(z) - own, 0.0) for _, z, own in rows]
    assert np.sqrt(np.mean(np.square(beyond))) < 2.0


def of_contrasts(chain: dict[str, Any]) -> NetworkPosterior:
    network = {"senn": senn, "parkinson_contrasts": parkinson}[chain["name"]]()
    return network.posterior(
        heterogeneity=heterogeneity(chain),
        effects=Normal(0.0, chain["priors"]["effect_sd"]),
        reference=chain["treatments"][0],
    )


def of_arms(chain: dict[str, Any]) -> ArmPosterior:
    table = TABLES[chain["name"]]
    values, sizes = {"binomial": ("events", "n"), "poisson": ("events", "time"), "normal": ("mean", "se")}[
        table.likelihood
    ]
    columns = {values: np.array(table.value), sizes: np.array(table.size)}
    if table.years is not None:
        columns["time"] = np.array(table.years)
    link: Link | None = "cloglog" if table.link == "cloglog" else None
    return posterior_from_arms(
        arm_table(table.study, table.treatment, columns, table.likelihood, link),
        heterogeneity=heterogeneity(chain),
        effects=Normal(0.0, chain["priors"]["effect_sd"]),
        baseline=Normal(0.0, chain["priors"]["baseline_sd"]),
        reference=chain["treatments"][0],
    )


@pytest.mark.parametrize(
    "name", ["parkinson_contrasts_uniform5", "parkinson_contrasts_halfnormal1", "senn_uniform5", "senn_halfnormal05"]
)
def test_network_with_normal_likelihood(name: str) -> None:
    chain = long_chain(name)
    check(of_contrasts(chain), chain)


@pytest.mark.parametrize(
    "name",
    [
        "smoking_uniform5",
        "smoking_halfnormal1",
        "blocker_uniform5",
        "blocker_halfnormal05",
        "dietary_fat_uniform5",
        "dietary_fat_halfnormal05",
        "diabetes_uniform5",
        "diabetes_halfnormal05",
        "statins_uniform5",
        "statins_halfnormal05",
        "sparse_halfnormal1",
        "thrombolytics_uniform5",
        "thrombolytics_halfnormal05",
        "parkinson_arms_uniform5",
        "parkinson_arms_halfnormal1",
    ],
)
def test_network_of_arms(name: str) -> None:
    chain = long_chain(name)
    check(of_arms(chain), chain)
