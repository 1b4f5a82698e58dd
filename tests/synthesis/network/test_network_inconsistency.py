"""Designs, loops and unrelated effects against metafor's rma.mv (network_reference.json) and against definitions."""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import NETWORKS, dong, parkinson, reference, senn, study_of_arms, two_arms
from numpy.testing import assert_allclose

from equipoise.synthesis.network import Network
from equipoise.synthesis.network.designs import by_design
from equipoise.synthesis.network.gls import solve
from equipoise.synthesis.network.unrelated import solve_unrelated

CLOSED_FORM = 1e-8
ITERATIVE = 1e-6
AT_ZERO = 1e-7


@pytest.mark.parametrize("name", NETWORKS)
def test_q_splits_into_heterogeneity_within_and_inconsistency_between_designs(name: str) -> None:
    found, expected = NETWORKS[name]().fit().inconsistency(), reference()[name]["decomposition"]
    assert_allclose(found.total.q, expected["total"], rtol=CLOSED_FORM)
    assert_allclose(found.within.q, expected["within"], rtol=CLOSED_FORM)
    assert_allclose(found.between.q, expected["total"] - expected["within"], rtol=CLOSED_FORM)
    assert found.total.df == expected["total_df"]
    assert found.within.df == expected["within_df"]
    assert found.between.df == expected["total_df"] - expected["within_df"]
    assert_allclose(found.q_between.sum(), found.between.q, rtol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_design_by_treatment_test_uses_the_heterogeneity_within_designs(name: str) -> None:
    found, expected = NETWORKS[name]().fit().inconsistency(), reference()[name]["decomposition"]
    assert_allclose(found.tau2_within, [expected["tau2_within"]], rtol=CLOSED_FORM, atol=1e-12)
    assert_allclose(found.between_random.q, expected["between_random"], rtol=CLOSED_FORM)
    restricted = NETWORKS[name]().fit().inconsistency("REML")
    assert_allclose(restricted.tau2_within, [expected["tau2_within_reml"]], rtol=ITERATIVE, atol=AT_ZERO)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_design_has_its_own_heterogeneity_and_leaves_its_own_inconsistency(name: str) -> None:
    found = NETWORKS[name]().fit().inconsistency()
    expected = {d["design"]: d for d in reference()[name]["decomposition"]["designs"]}
    assert len(expected) == len(found.designs)
    for k, design in enumerate(found.designs):
        row = expected[":".join(design)]
        assert_allclose(found.q_within[k], row["q_within"], rtol=CLOSED_FORM, atol=1e-10)
        assert found.df_within[k] == row["df_within"]
        left = np.nan if row["q_detached"] in (None, "NA") else row["q_detached"]
        assert_allclose(found.q_detached[k], left, rtol=1e-7, atol=1e-9)


def test_the_text_is_laid_out_as_netmeta_lays_it_out() -> None:
    text = senn().fit().inconsistency().summary()
    assert "Within designs" in text
    assert "Full design-by-treatment interaction" in text


@pytest.mark.parametrize("name", NETWORKS)
def test_the_net_heat_matrix_shows_what_detaching_each_design_changes(name: str) -> None:
    net = NETWORKS[name]()
    heat, found = net.fit().net_heat(), net.fit().inconsistency()
    assert_allclose(np.diag(heat.change).sum(), found.between.q, rtol=1e-10)
    for k, design in enumerate(found.designs):
        columns = [i for i, d in enumerate(heat.designs) if d == design]
        # What is left after detaching is the total less the change of all rows; its own row's change is its share.
        off = [i for i, d in enumerate(heat.designs) if d != design]
        if np.isfinite(found.q_detached[k]):
            change = heat.change[off, columns[0]].sum() + found.q_between[k]
            assert_allclose(found.between.q - change, found.q_detached[k], rtol=1e-7, atol=1e-9)


def test_the_hat_matrix_of_the_net_heat_plot_gives_the_network_estimates() -> None:
    fit = senn().fit(model="common")
    heat = fit.net_heat()
    system = fit.systems[0]
    model, sets = by_design(system)
    own = solve_unrelated(model).estimates
    direct = np.concatenate([own[designs.parameters].ravel() for designs in sets])
    index = {t: i for i, t in enumerate(fit.treatments)}
    network = [fit.estimates[index[t], index[c]] for t, c in zip(heat.treatment, heat.comparator, strict=True)]
    assert_allclose(heat.hat @ direct, network, rtol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_unrelated_mean_effects_equal_rma_mv(name: str) -> None:
    net = NETWORKS[name]()
    found, expected = net.fit(method="REML").unrelated(), reference()[name]["unrelated"]
    assert_allclose(found.tau2, [expected["tau2"]], rtol=ITERATIVE, atol=AT_ZERO)
    assert_allclose(found.q, [expected["q"]], rtol=CLOSED_FORM)
    index = {pair: k for k, pair in enumerate(expected["pairs"])}
    assert len(index) == len(found.treatment)
    for k, (treatment, comparator) in enumerate(zip(found.treatment, found.comparator, strict=True)):
        at = index[f"{treatment} {comparator}"]
        assert_allclose(found.estimates[k], expected["estimates"][at], rtol=ITERATIVE, atol=AT_ZERO)
        assert_allclose(found.standard_errors[k], expected["se"][at], rtol=ITERATIVE, atol=AT_ZERO)


def test_the_loop_of_three_two_arm_studies_is_bucher_s() -> None:
    studies = [
        two_arms("1", "B", "A", 0.5, 0.1),
        two_arms("2", "C", "B", 0.2, 0.2),
        two_arms("3", "C", "A", 0.1, 0.3),
    ]
    loops = Network.from_studies(studies).fit(model="common").loops()
    assert loops.loops == (("A", "B", "C"),)
    assert_allclose(loops.differences, [0.5 + 0.2 - 0.1])
    assert_allclose(loops.standard_errors, [np.sqrt(0.6)])


def test_a_loop_with_a_multi_arm_study_takes_its_covariance_into_account() -> None:
    # The sum around the loop is a linear function of the studies' arms, whose variance can be written down.
    three = study_of_arms("1", {"A": (0.0, 0.1), "B": (0.5, 0.2), "C": (0.1, 0.4)})
    two = two_arms("2", "B", "A", 0.9, 0.3)
    loops = Network.from_studies([three, two]).fit(model="common").loops()
    share = (1 / 0.3) / (1 / 0.3 + 1 / 0.3)  # of the three-arm study in A–B
    arms = share * np.array([1.0, -1.0, 0.0]) + np.array([0.0, 1.0, -1.0]) + np.array([-1.0, 0.0, 1.0])
    variance = (arms**2 * np.array([0.1, 0.2, 0.4])).sum() + (1 - share) ** 2 * 0.3
    assert len(loops) == 1
    assert_allclose(loops.standard_errors, [np.sqrt(variance)], rtol=1e-12)
    assert_allclose(loops.differences, [abs(share * -0.5 + (1 - share) * -0.9 + 0.4 + 0.1)], rtol=1e-12)


def test_a_loop_of_one_multi_arm_study_cannot_be_inconsistent() -> None:
    only = study_of_arms("1", {"A": (0.0, 0.1), "B": (0.5, 0.2), "C": (0.1, 0.4)})
    loops = Network.from_studies([only]).fit().loops()
    assert len(loops) == 0
    assert "No loop" in loops.summary()


def test_four_treatments_in_a_ring_are_one_loop_and_a_diagonal_makes_it_two_triangles() -> None:
    ring = [two_arms(str(i), "ABCD"[(i + 1) % 4], "ABCD"[i], 0.1, 0.1) for i in range(4)]
    assert Network.from_studies(ring).fit().loops().loops == (("A", "B", "C", "D"),)
    both = Network.from_studies([*ring, two_arms("d", "C", "A", 0.1, 0.1)]).fit().loops()
    assert both.loops == (("A", "B", "C"), ("A", "C", "D"))


def test_a_tree_of_studies_has_nothing_to_be_inconsistent_about() -> None:
    star = Network.from_studies([two_arms(str(i), t, "P", 0.1 * i, 0.1) for i, t in enumerate("ABCABC")])
    found = star.fit().inconsistency()
    assert found.between.df == 0
    assert np.isnan(found.between.p)
    assert_allclose(found.within.q, found.total.q)


def test_the_decomposition_of_a_disconnected_network_adds_up_over_its_parts() -> None:
    parts = [*senn().studies, *parkinson().studies]
    both = Network.from_studies(parts).fit().inconsistency()
    one, other = senn().fit().inconsistency(), parkinson().fit().inconsistency()
    for test in ("total", "within", "between", "between_random"):
        total = getattr(both, test)
        assert total.q == pytest.approx(getattr(one, test).q + getattr(other, test).q)
        assert total.df == getattr(one, test).df + getattr(other, test).df
    assert len(both.designs) == len(one.designs) + len(other.designs)


def test_q_at_the_fit_is_the_weighted_sum_of_squared_residuals() -> None:
    fit = dong().fit(model="common")
    q = 0.0
    for study in fit.network.studies:
        index = [fit.treatments.index(t) for t in study.treatments]
        residual = study.estimates - fit.estimates[index[1:], index[0]]
        q += float(residual @ np.linalg.solve(study.covariance, residual))
    assert_allclose(solve(fit.systems[0]).q, q, rtol=1e-12)
