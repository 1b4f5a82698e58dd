"""Node-splitting with τ² anew for each pair equals fits of the larger model one by one, whose rows are written out."""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import NETWORKS, study_of_arms, two_arms
from numpy.testing import assert_allclose
from test_network_split_refits import random_network

from equipoise.synthesis.network import Network, NetworkFit
from equipoise.synthesis.network.own_effects import refitted
from equipoise.synthesis.network.splitting import Split

TOLERANCE = {"DL": 1e-8, "REML": 1e-6, "ML": 1e-6}


def holds(fit: NetworkFit, split: Split, step: int = 1) -> int:
    """Compare every ``step``-th pair with direct and indirect evidence; returns how many there were."""
    bound = TOLERANCE[fit.method]
    compared = np.flatnonzero(np.isfinite(split.difference_se) & (split.studies > 0))[::step]
    part = fit.part_of()
    for k in compared:
        a, b = fit.treatments.index(split.treatment[k]), fit.treatments.index(split.comparator[k])
        blocks = [block.take(part[block.arms[:, 0]] == part[a]) for block in fit.network.blocks]
        treatments = np.flatnonzero(part == part[a])
        expected = refitted([block for block in blocks if len(block.studies)], treatments, a, b, fit.method)
        found = (split.direct[k], split.direct_se[k], split.indirect[k], split.indirect_se[k], split.difference_se[k])
        assert_allclose(found[::2], (expected[0], expected[2], np.sqrt(expected[4])), rtol=bound, atol=bound)
        assert_allclose(found[1:4:2], np.sqrt([expected[1], expected[3]]), rtol=bound)
    return len(compared)


@pytest.mark.parametrize("method", TOLERANCE)
@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks(name: str, method: str) -> None:
    fit = NETWORKS[name]().fit(method=method)  # type: ignore[arg-type]
    assert holds(fit, fit.split("node", "each")) > 0


@pytest.mark.parametrize(("seed", "method", "heterogeneity", "widest"), [
    (1, "DL", 0.2, 0.3), (2, "DL", 0.0, 0.3), (3, "REML", 0.2, 0.3), (4, "REML", 0.01, 0.3), (5, "REML", 0.0, 0.3),
    (6, "ML", 0.2, 0.3), (7, "ML", 0.01, 5.0), (8, "REML", 3.0, 5.0),
])  # fmt: skip
def test_all_pairs_of_a_large_network_at_once(seed: int, method: str, heterogeneity: float, widest: float) -> None:
    fit = random_network(seed, 12, 80, heterogeneity, widest).fit(method=method)  # type: ignore[arg-type]
    assert holds(fit, fit.split("node", "each"), step=5) > 10


@pytest.mark.parametrize("method", TOLERANCE)
def test_two_subnetworks_and_a_pair_whose_inconsistency_is_all_heterogeneity(method: str) -> None:
    # Without an effect of its own A : B raises τ², with it τ² is 0.
    odd = [two_arms(f"AB{i}", "B", "A", 3.0 + 0.01 * i, 0.1) for i in range(3)]
    odd += [two_arms(f"AC{i}", "C", "A", 0.02 * i, 0.1) for i in range(3)]
    odd += [two_arms(f"CB{i}", "C", "B", 0.03 * i, 0.1) for i in range(3)]
    apart = [
        study_of_arms("x1", {"X": (0.0, 0.1), "Y": (0.3, 0.1), "Z": (0.9, 0.2)}),
        two_arms("x2", "Y", "X", 1.0, 0.2),
        two_arms("x3", "Z", "X", -0.4, 0.1),
    ]
    fit = Network.from_studies([*odd, *apart]).fit(method=method)  # type: ignore[arg-type]
    assert fit.tau2[0] > 0.5
    split = fit.split("node", "each")
    assert holds(fit, split) == 4
    k = list(zip(split.treatment, split.comparator, strict=True)).index(("A", "B"))
    assert split.difference_se[k] == pytest.approx(np.sqrt(3 * 0.1 / 3), rel=1e-6)


@pytest.mark.parametrize("variance", [1e-8, 1e-11])
def test_indirect_evidence_hardly_visible_beside_the_direct(variance: float) -> None:
    studies = [
        two_arms("AB", "B", "A", 0.1, variance),
        *(two_arms(f"AC{i}", "C", "A", 0.1 * i, 100.0) for i in range(3)),
        *(two_arms(f"CB{i}", "C", "B", 10.0 + 0.1 * i, 100.0) for i in range(3)),
    ]
    fit = Network.from_studies(studies).fit(method="DL")
    assert fit.tau2[0] == 0.0
    # A : B by hand: the means of three studies each.
    for split in (fit.split("node"), fit.split("node", "each")):
        assert split.indirect[0] == pytest.approx(10.0, rel=1e-9)
        assert split.indirect_se[0] == pytest.approx(np.sqrt(200.0 / 3.0), rel=1e-9)
        assert split.direct[0] == pytest.approx(-0.1, rel=1e-9)
        assert split.difference_se[0] == pytest.approx(np.sqrt(200.0 / 3.0 + variance), rel=1e-9)
