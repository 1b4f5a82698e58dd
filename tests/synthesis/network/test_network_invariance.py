"""What every output must keep when the same network is written down otherwise."""

from __future__ import annotations

from random import Random
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_datasets import NETWORKS, two_arms
from numpy.testing import assert_allclose
from random_networks import networks, renamed, shuffled

from equipoise.frames import FloatArray
from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.inference import Interval
from equipoise.synthesis.pairwise.pooling import pool

REVERSED = dict(zip("ABCDEF", "zyxwvu", strict=True))

Cells = dict[tuple[object, ...], FloatArray]


def signed(treatment: tuple[str, ...], comparator: tuple[str, ...], *values: FloatArray) -> Cells:
    """Values of treatment against comparator, which change sign with the direction, both ways round."""
    found: Cells = {}
    for i, (t, c) in enumerate(zip(treatment, comparator, strict=True)):
        row = np.array([v[i] for v in values])
        found[t, c], found[c, t] = row, -row
    return found


def unsigned(treatment: tuple[str, ...], comparator: tuple[str, ...], *values: FloatArray) -> Cells:
    pairs = zip(treatment, comparator, strict=True)
    return {(frozenset(pair),): np.array([v[i] for v in values]) for i, pair in enumerate(pairs)}


def matrix(rows: list[object], columns: list[object], values: FloatArray) -> Cells:
    return {(row, column): values[i, j] for i, row in enumerate(rows) for j, column in enumerate(columns)}


def outputs(fit: NetworkFit) -> dict[str, Cells]:
    """Every output by the names of what it is about."""
    found: dict[str, Cells] = {}
    for method in ("back-calculation", "sidde", "node"):
        split = fit.split(method)
        pair = split.treatment, split.comparator
        found[method] = signed(*pair, split.direct, split.indirect, split.difference, split.statistic)
        found[f"{method}: errors"] = unsigned(
            *pair, split.direct_se, split.indirect_se, split.difference_se, split.p, split.proportion
        )
    measures = fit.measures()
    found["measures"] = unsigned(
        measures.treatment,
        measures.comparator,
        measures.proportion,
        measures.mean_path_length,
        measures.minimal_parallelism,
        measures.minimal_parallelism_studies,
    )
    ranking = fit.ranking(samples=64)
    found["ranking"] = {(t,): ranking.p_scores[i] for i, t in enumerate(ranking.treatments)}
    found["better"] = matrix(list(ranking.treatments), list(ranking.treatments), ranking.better)
    walk = fit.contributions("random walk")
    rows: list[object] = [frozenset(pair) for pair in zip(walk.treatment, walk.comparator, strict=True)]
    columns: list[object] = [frozenset(pair) for pair in zip(walk.edge_treatment, walk.edge_comparator, strict=True)]
    found["contributions"] = matrix(rows, columns, walk.matrix)
    found["contributions of studies"] = matrix(rows, list(walk.studies), walk.study_matrix)
    importance = fit.importance()
    found["importance"] = matrix(rows, list(importance.studies), importance.by_study)
    found["importance of edges"] = matrix(rows, columns, importance.by_edge)
    inconsistency = fit.inconsistency()
    tests = (inconsistency.total, inconsistency.within, inconsistency.between, inconsistency.between_random)
    found["Q"] = {("Q",): np.array([[test.q, test.df] for test in tests])}
    found["Q of designs"] = {
        (frozenset(design),): np.array(
            [inconsistency.q_within[i], inconsistency.q_between[i], inconsistency.q_detached[i]]
        )
        for i, design in enumerate(inconsistency.designs)
    }
    loops = fit.loops()
    found["loops"] = {
        (frozenset(loop),): np.array([abs(loops.differences[i]), loops.standard_errors[i]])
        for i, loop in enumerate(loops.loops)
    }
    return found


def unrelated(fit: NetworkFit) -> dict[str, Cells]:
    """Unlike the others these depend on each study's baseline, and so on the reference, if there are multi-arm ones."""
    found = fit.unrelated()
    return {
        "estimates": signed(found.treatment, found.comparator, found.estimates),
        "errors": unsigned(found.treatment, found.comparator, found.standard_errors),
        "Q": {("Q",): np.array([found.difference, found.difference_df])},
    }


def assert_same(one: dict[str, Cells], other: dict[str, Cells], names: dict[str, str], atol: float) -> None:
    def named(key: object) -> object:
        if isinstance(key, frozenset):
            return frozenset(names.get(name, name) for name in key)
        return names.get(str(key), key)

    for output, cells in one.items():
        moved = {tuple(named(part) for part in key): value for key, value in cells.items()}
        assert moved.keys() == other[output].keys(), output
        for key, value in moved.items():
            assert_allclose(other[output][key], value, rtol=atol, atol=atol, err_msg=f"{output} {key}")


@settings(max_examples=12, deadline=None)
@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_studies_and_arms_changes_no_output(found: list[StudyContrasts], random: Random) -> None:
    one = Network.from_studies(found).fit(method="DL")
    other = Network.from_studies(shuffled(found, random)).fit(method="DL")
    assert_same(outputs(one), outputs(other), {}, 1e-6)
    assert_same(unrelated(one), unrelated(other), {}, 1e-6)


@settings(max_examples=12, deadline=None)
@given(networks())
def test_the_order_of_treatments_changes_no_output(found: list[StudyContrasts]) -> None:
    one = Network.from_studies(found).fit(method="DL")
    other = Network.from_studies(renamed(found, REVERSED)).fit(method="DL")
    assert_same(outputs(one), outputs(other), REVERSED, 1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_changes_no_output(name: str) -> None:
    network = NETWORKS[name]()
    first = outputs(network.fit())
    for reference in network.treatments[1::5]:
        assert_same(first, outputs(network.fit(reference=reference)), {}, 1e-9)


@settings(max_examples=20, deadline=None)
@given(networks(), st.sampled_from(["DL", "REML"]))
def test_the_league_table_of_every_network_is_consistent(found: list[StudyContrasts], method: Tau2Method) -> None:
    fit = Network.from_studies(found).fit(method=method)
    n = len(fit.treatments)
    by_way = fit.estimates[:, :, None] + fit.estimates[None, :, :]
    there = np.isfinite(by_way)
    assert_allclose(by_way[there], np.broadcast_to(fit.estimates[:, None, :], (n, n, n))[there], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(networks(), st.sampled_from(["random walk", "shortest path"]))
def test_the_contributions_to_every_estimate_sum_to_one(
    found: list[StudyContrasts], method: Literal["random walk", "shortest path"]
) -> None:
    contributions = Network.from_studies(found).fit(method="DL").contributions(method)
    assert_allclose(contributions.matrix.sum(axis=1), 1.0, atol=1e-9)
    assert_allclose(contributions.study_matrix.sum(axis=1), 1.0, atol=1e-9)
    assert (contributions.matrix >= -1e-12).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(0.02, 2), st.booleans()), min_size=2, max_size=8),
    st.sampled_from(["DL", "REML", "ML"]),
    st.sampled_from([("normal", "z"), ("t", "t"), ("hksj", "hksj")]),
)
def test_two_treatments_are_a_pairwise_meta_analysis(
    drawn: list[tuple[float, float, bool]], method: Tau2Method, ci: tuple[Interval, str]
) -> None:
    found = [
        two_arms(f"s{k}", "A", "B", -y, v) if turned else two_arms(f"s{k}", "B", "A", y, v)
        for k, (y, v, turned) in enumerate(drawn)
    ]
    fit = Network.from_studies(found).fit(method=method, ci=ci[0])
    pooled = pool([y for y, _, _ in drawn], [v for _, v, _ in drawn], method=method, ci=ci[1])
    assert_allclose(fit.tau2[0], pooled.tau2, rtol=1e-6, atol=1e-6)
    assert_allclose([fit.q[0], fit.df[0], fit.p[0]], [pooled.q, pooled.q_df, pooled.q_p], rtol=1e-9, atol=1e-12)
    assert_allclose(
        [fit.estimates[1, 0], fit.standard_errors[1, 0], fit.lower[1, 0], fit.upper[1, 0]],
        [pooled.estimate, pooled.se, *pooled.ci],
        rtol=1e-5,
        atol=1e-6,
    )


@settings(max_examples=30, deadline=None)
@given(networks(), st.sampled_from(["DL", "REML"]))
def test_a_network_s_information_is_the_sum_of_its_studies_however_many_arms(
    found: list[StudyContrasts], method: Tau2Method
) -> None:
    fit = Network.from_studies(found).fit(method=method)
    n = len(fit.treatments)
    part = fit.part_of()
    information, weighted = np.zeros((n, n)), np.zeros(n)
    for study in found:
        arms = [fit.treatments.index(t) for t in study.treatments]
        contrasts = np.zeros((len(arms) - 1, n))
        contrasts[:, arms[0]] = -1.0
        contrasts[np.arange(len(arms) - 1), arms[1:]] = 1.0
        heterogeneity = 0.5 * fit.tau2[part[arms[0]]] * (np.eye(len(arms) - 1) + 1.0)
        weight = np.linalg.inv(study.covariance + heterogeneity)
        information += contrasts.T @ weight @ contrasts
        weighted += contrasts.T @ weight @ study.estimates
    covariance = np.linalg.pinv(information, rcond=1e-12, hermitian=True)
    effects = covariance @ weighted
    spread = np.diag(covariance)
    known = np.isfinite(fit.estimates)
    assert (known == (part[:, None] == part[None, :])).all()
    assert_allclose(fit.estimates[known], (effects[:, None] - effects[None, :])[known], rtol=1e-7, atol=1e-8)
    variances = spread[:, None] + spread[None, :] - 2.0 * covariance
    assert_allclose(fit.standard_errors[known] ** 2, variances[known], rtol=1e-7, atol=1e-8)
