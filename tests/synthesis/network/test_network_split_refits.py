"""Indirect evidence by "sidde" equals a fit of its own without the studies that compare the pair, τ² and all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_datasets import NETWORKS, study_of_arms, two_arms
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from random_networks import networks

from equipoise.errors import DataError, NotConverged
from equipoise.synthesis.network import Network, NetworkFit, StudyContrasts
from equipoise.synthesis.network.splitting import Split, SplitMethod, SplitTau2

TOLERANCE = {"DL": 1e-8, "REML": 1e-6, "ML": 1e-6}


def random_network(seed: int, treatments: int, studies: int, heterogeneity: float, widest: float = 0.3) -> Network:
    """A random tree of treatments, then studies of two to four arms; every study of the first treatment, a hub, often."""
    draw = np.random.default_rng(seed)
    found = []
    for k in range(studies):
        tree = [int(draw.integers(0, k + 1)), k + 1] if k < treatments - 1 else None
        arms = tree or draw.choice(treatments, int(draw.integers(2, 5)), replace=False).tolist()
        if tree is None and 0 not in arms and draw.random() < 0.3:
            arms[0] = 0
        variances = draw.uniform(0.01, widest, len(arms))
        means = 0.1 * np.array(arms) + draw.normal(0, np.sqrt(variances + heterogeneity / 2))
        covariance = np.diag(variances[1:]) + variances[0]
        found.append(StudyContrasts(f"s{k}", tuple(f"t{a:02d}" for a in arms), means[1:] - means[0], covariance))
    return Network.from_studies(found)


def holds(
    fit: NetworkFit,
    split: Split,
    step: int = 1,
    tolerance: float | None = None,
    among: NDArray[np.intp] | None = None,
) -> int:
    """Compare every ``step``-th pair that is compared directly with a fit of its own; returns how many were estimated."""
    studies, bound = fit.network.studies, tolerance or TOLERANCE[fit.method]
    direct = np.flatnonzero(split.studies > 0) if among is None else among
    estimated = 0
    for k in direct[::step]:
        a, b = split.treatment[k], split.comparator[k]
        rest = [s for s in studies if not {a, b} <= set(s.treatments)]
        refitted = Network.from_studies(rest).fit(model=fit.model, method=fit.method) if rest else None
        part = next((p for p in refitted.subnetworks if a in p), ()) if refitted else ()
        if refitted is None or b not in part:
            assert np.isnan(split.indirect[k])
            continue
        place = refitted.treatments.index(a), refitted.treatments.index(b)
        assert_allclose(split.indirect[k], refitted.estimates[place], rtol=bound, atol=bound)
        assert_allclose(split.indirect_se[k], refitted.standard_errors[place], rtol=bound)
        expected = np.hypot(split.direct_se[k], split.indirect_se[k])
        assert_allclose([split.difference_se[k]], [expected], rtol=1e-12)
        estimated += 1
    return estimated


@pytest.mark.parametrize("method", TOLERANCE)
@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks(name: str, method: str) -> None:
    fit = NETWORKS[name]().fit(method=method)  # type: ignore[arg-type]
    assert holds(fit, fit.split("sidde")) > 0


@pytest.mark.parametrize(("seed", "method", "heterogeneity", "widest"), [
    (1, "DL", 0.2, 0.3), (2, "DL", 0.0, 0.3), (3, "REML", 0.2, 0.3), (4, "REML", 0.01, 0.3), (5, "REML", 0.0, 0.3),
    (6, "ML", 0.2, 0.3), (7, "ML", 0.01, 5.0), (8, "REML", 3.0, 5.0),
])  # fmt: skip
def test_all_pairs_of_a_large_network_at_once(seed: int, method: str, heterogeneity: float, widest: float) -> None:
    network = random_network(seed, 12, 80, heterogeneity, widest)
    fit = network.fit(method=method)  # type: ignore[arg-type]
    assert holds(fit, fit.split("sidde"), step=3) > 10


@pytest.mark.parametrize("method", ["DL", "REML"])
def test_sparse_networks_whose_arms_go_with_the_studies(method: str) -> None:
    # A tree of 25 treatments and ten studies more: many arms are in one study only, many removals cut off more.
    network = random_network(11, 25, 34, 0.1)
    fit = network.fit(method=method)  # type: ignore[arg-type]
    assert holds(fit, fit.split("sidde")) > 5


@settings(max_examples=20, deadline=None)
@given(studies=networks(), method=st.sampled_from(["DL", "REML"]))
def test_any_network(studies: list[StudyContrasts], method: str) -> None:
    try:
        fit = Network.from_studies(studies).fit(method=method)  # type: ignore[arg-type]
        split = fit.split("sidde")
    except NotConverged:
        return
    holds(fit, split, tolerance=1e-6)


def test_what_the_removal_cuts_off_does_not_hide_the_indirect_evidence() -> None:
    """Without study 1 X, Y and Z fall off as a network of their own, heterogeneous as it is; netmeta gives NA."""
    studies = [
        study_of_arms("1", {"A": (0.0, 0.1), "B": (0.5, 0.1), "X": (0.2, 0.1)}),
        two_arms("2", "C", "A", 0.1, 0.1),
        two_arms("3", "C", "A", 1.0, 0.1),
        two_arms("4", "C", "B", -0.1, 0.2),
        two_arms("5", "Y", "X", 3.0, 0.01),
        two_arms("6", "Y", "X", -3.0, 0.01),
        two_arms("7", "Z", "Y", 0.0, 0.01),
        two_arms("8", "Z", "X", 2.0, 0.01),
    ]
    fit = Network.from_studies(studies).fit(method="DL")
    split = fit.split("sidde")
    k = list(zip(split.treatment, split.comparator, strict=True)).index(("A", "B"))
    # τ² of studies 2 and 3 alone by hand: Q = 0.9²/0.2, weights 10 each, divisor 20 − 200/20.
    tau2 = (0.81 / 0.2 - 1.0) / 10.0
    assert split.indirect[k] == pytest.approx(-0.55 - 0.1, rel=1e-12)
    assert split.indirect_se[k] == pytest.approx(np.sqrt((0.1 + tau2) / 2 + 0.2 + tau2), rel=1e-12)
    holds(fit, split)


def test_which_tau2_is_the_default() -> None:
    fit = NETWORKS["smoking"]().fit(method="DL")
    cases: list[tuple[SplitMethod, SplitTau2, SplitTau2]] = [("sidde", "each", "network"), ("node", "network", "each")]
    for method, default, other in cases:
        errors = fit.split(method).indirect_se
        assert_allclose(errors, fit.split(method, default).indirect_se)
        assert np.nanmax(np.abs(errors / fit.split(method, other).indirect_se - 1.0)) > 1e-3
    assert_allclose(fit.split().indirect_se, fit.split("back-calculation", "network").indirect_se)


def test_a_common_effect_has_no_tau2_to_estimate() -> None:
    fit = NETWORKS["senn"]().fit(model="common")
    assert_allclose(fit.split("sidde").indirect_se, fit.split("sidde", "network").indirect_se, rtol=1e-12)
    assert holds(fit, fit.split("sidde"), tolerance=1e-10) > 0


def test_options_that_mean_nothing_are_refused() -> None:
    fit = NETWORKS["senn"]().fit()
    with pytest.raises(DataError, match="choose 'network' or 'each'"):
        fit.split("sidde", "own")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="choose method 'sidde' or 'node'"):
        fit.split("back-calculation", "each")


@pytest.mark.parametrize("method", ["DL", "REML"])
@pytest.mark.parametrize("arms", ["AB", "ABD"])
@pytest.mark.parametrize("variance", [1e-8, 1e-11])
def test_indirect_evidence_hardly_visible_beside_the_direct(variance: float, arms: str, method: str) -> None:
    """A direct comparison 10¹⁰ times as precise as the rest leaves little of the latter in differences of sums."""
    studies = [
        study_of_arms("1", {arm: (0.1 * k, variance) for k, arm in enumerate(arms)}),
        *(two_arms(f"AC{i}", "C", "A", 0.1 * i, 100.0) for i in range(3)),
        *(two_arms(f"CB{i}", "C", "B", 25.0 * i, 100.0) for i in range(3)),
        *(two_arms(f"DC{i}", "D", "C", 30.0 * i, 100.0) for i in range(3)),
    ]
    fit = Network.from_studies(studies).fit(method=method)  # type: ignore[arg-type]
    split = fit.split("sidde")
    between = np.flatnonzero([a in arms and b in arms for a, b in zip(split.treatment, split.comparator, strict=True)])
    assert holds(fit, split, among=between) == len(arms) * (len(arms) - 1) / 2
