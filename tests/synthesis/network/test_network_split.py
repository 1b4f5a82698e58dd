"""Direct against indirect evidence: against metafor, and against the formulas of the papers.

Reference values are in network_reference.json: rma.mv without the studies of a pair ("sidde"), and with a parameter
for their disagreement ("node"), at the network's DL τ² and with REML anew for every pair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from network_datasets import NETWORKS, dong, reference, senn, study_of_arms, two_arms
from numpy.testing import assert_allclose

from equipoise.errors import DataError
from equipoise.synthesis.network import Network
from equipoise.synthesis.network.splitting import Split

CLOSED_FORM = 1e-8
ITERATIVE = 1e-6
AT_ZERO = 1e-7


def rows(name: str, split: Split) -> list[tuple[dict[str, Any], int]]:
    """The reference's rows with their place in the split."""
    place = {pair: k for k, pair in enumerate(zip(split.treatment, split.comparator, strict=True))}
    return [(row, place[row["a"], row["b"]]) for row in reference()[name]["splits"]]


@pytest.mark.parametrize("name", NETWORKS)
def test_taking_the_studies_out_equals_a_refit_at_the_networks_tau2(name: str) -> None:
    split = NETWORKS[name]().fit(method="DL").split("sidde", tau2="network")
    for row, k in rows(name, split):
        assert_allclose(split.indirect[k], row.get("sidde", np.nan), rtol=CLOSED_FORM)
        assert_allclose(split.indirect_se[k], row.get("sidde_se", np.nan), rtol=CLOSED_FORM)
        assert_allclose(split.direct[k], row["direct"], rtol=CLOSED_FORM)
        expected = np.hypot(row["direct_se"], row.get("sidde_se", np.nan))
        assert_allclose(split.difference_se[k], expected, rtol=CLOSED_FORM)
    both = sum("sidde" in row for row, _ in rows(name, split))
    assert split.mixed.sum() == both


@pytest.mark.parametrize("name", NETWORKS)
def test_node_splitting_equals_a_model_with_one_more_parameter(name: str) -> None:
    split = NETWORKS[name]().fit(method="DL").split("node")
    for row, k in rows(name, split):
        if "sidde" not in row:
            assert np.isnan(split.indirect[k])
            continue
        assert_allclose(split.indirect[k], row["node_indirect"], rtol=CLOSED_FORM)
        assert_allclose(split.indirect_se[k], row["node_indirect_se"], rtol=CLOSED_FORM)
        assert_allclose(split.direct[k], row["node_direct"], rtol=CLOSED_FORM)
        assert_allclose(split.direct_se[k], row["node_direct_se"], rtol=CLOSED_FORM)
        assert_allclose(split.difference_se[k], row["node_difference_se"], rtol=CLOSED_FORM)


@pytest.mark.parametrize("name", NETWORKS)
def test_tau2_can_be_estimated_anew_for_every_pair(name: str) -> None:
    fit = NETWORKS[name]().fit(method="REML")
    sidde, node = fit.split("sidde", tau2="each"), fit.split("node", tau2="each")
    for row, k in rows(name, sidde):
        if "sidde" in row:
            assert_allclose(sidde.indirect[k], row["sidde_reml"], rtol=ITERATIVE, atol=AT_ZERO)
            assert_allclose(sidde.indirect_se[k], row["sidde_reml_se"], rtol=ITERATIVE, atol=AT_ZERO)
            assert_allclose(node.difference[k], row["node_reml_difference"], rtol=ITERATIVE, atol=AT_ZERO)
            assert_allclose(node.difference_se[k], row["node_reml_difference_se"], rtol=ITERATIVE, atol=AT_ZERO)


@pytest.mark.parametrize("name", NETWORKS)
def test_back_calculation_takes_direct_evidence_out_of_the_network_estimate(name: str) -> None:
    fit = NETWORKS[name]().fit(method="DL")
    split = fit.split()
    for row, k in rows(name, split):
        i, j = fit.treatments.index(row["a"]), fit.treatments.index(row["b"])
        share = (fit.standard_errors[i, j] / row["direct_se"]) ** 2
        assert_allclose(split.proportion[k], share, rtol=CLOSED_FORM)
        if np.isfinite(split.indirect[k]):
            assert_allclose(share * split.direct[k] + (1 - share) * split.indirect[k], split.network[k], rtol=1e-10)
            precision = split.direct_se[k] ** -2 + split.indirect_se[k] ** -2
            assert_allclose(precision, split.network_se[k] ** -2, rtol=1e-10)


def test_without_multi_arm_studies_the_three_methods_agree() -> None:
    studies = [
        two_arms("1", "B", "A", 0.3, 0.1),
        two_arms("2", "C", "B", -0.2, 0.2),
        two_arms("3", "C", "A", 0.4, 0.15),
        two_arms("4", "D", "C", 0.1, 0.1),
        two_arms("5", "D", "A", -0.3, 0.3),
    ]
    fit = Network.from_studies(studies).fit(method="DL")
    one, *others = (fit.split(method, tau2="network") for method in ("back-calculation", "sidde", "node"))
    for other in others:
        assert_allclose(other.indirect, one.indirect, atol=1e-12)
        assert_allclose(other.difference_se, one.difference_se, atol=1e-12)
        assert_allclose(other.p, one.p, atol=1e-12)


def test_indirect_estimates_of_pairs_never_compared_are_the_network_estimates() -> None:
    split = senn().fit(method="DL").split()
    only = split.studies == 0
    assert only.any()
    assert_allclose(split.indirect[only], split.network[only])
    assert np.isnan(split.p[only]).all()


def test_a_bridge_has_no_indirect_evidence() -> None:
    # C hangs on B by one study; A, B and D form a loop.
    studies = [
        two_arms("1", "B", "A", 0.3, 0.1),
        two_arms("2", "C", "B", -0.2, 0.2),
        two_arms("3", "D", "A", 0.4, 0.15),
        two_arms("4", "D", "B", 0.1, 0.1),
    ]
    for method in ("back-calculation", "sidde", "node"):
        split = Network.from_studies(studies).fit().split(method)
        found = dict(zip(zip(split.treatment, split.comparator, strict=True), split.indirect, strict=True))
        assert np.isnan(found["B", "C"])
        assert np.isfinite(found["A", "B"])


def test_a_third_arm_cut_off_by_the_removal_does_not_hide_the_indirect_evidence() -> None:
    # Without the study of A, B and X nothing reaches X, but A and B stay connected through C.
    studies = [
        study_of_arms("1", {"A": (0.0, 0.1), "B": (0.5, 0.1), "X": (0.2, 0.1)}),
        two_arms("2", "C", "A", 0.1, 0.1),
        two_arms("3", "C", "B", -0.1, 0.2),
    ]
    split = Network.from_studies(studies).fit(model="common").split("sidde")
    k = list(zip(split.treatment, split.comparator, strict=True)).index(("A", "B"))
    assert split.indirect[k] == pytest.approx(-0.1 - 0.1)
    assert split.indirect_se[k] == pytest.approx(np.sqrt(0.3))


def test_disagreement_within_multi_arm_studies_alone_is_no_indirect_evidence() -> None:
    net = Network.from_studies([study_of_arms("1", {"A": (0.0, 0.1), "B": (0.5, 0.2), "C": (0.2, 0.1)})])
    for method in ("back-calculation", "sidde", "node"):
        assert not net.fit().split(method).mixed.any()


def test_the_text_has_the_columns_of_netsplit() -> None:
    text = dong().fit(method="DL").split().summary()
    assert "Separate indirect from direct evidence using back-calculation" in text
    for heading in ("comparison", "k", "prop", "nma", "direct", "indir.", "RoR", "z", "p-value"):
        assert heading in text


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(DataError, match="'bucher' isn't known; choose 'back-calculation', 'sidde', 'node'"):
        senn().fit().split("bucher")  # type: ignore[arg-type]
