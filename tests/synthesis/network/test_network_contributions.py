"""Evidence flow and contributions, against the definitions worked out by enumeration."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_datasets import NETWORKS, dong, parkinson, senn, smoking, two_arms
from numpy.testing import assert_allclose

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, StudyContrasts, shortest_path
from equipoise.synthesis.network.contributions import Contributions
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.gls import build, solve

Edge = tuple[str, str]


def flows(fit: NetworkFit) -> list[tuple[Edge, dict[Edge, float]]]:
    """For every comparison, its directed edges with their flow."""
    flow = fit.evidence_flow()
    edges = list(zip(flow.edge_treatment, flow.edge_comparator, strict=True))
    rows = []
    for k, pair in enumerate(zip(flow.treatment, flow.comparator, strict=True)):
        row: dict[Edge, float] = {}
        for (a, b), h in zip(edges, flow.matrix[k].tolist(), strict=True):
            row[(a, b) if h > 0 else (b, a)] = abs(h) if abs(h) > 1e-13 else 0.0
        rows.append((pair, row))
    return rows


def every_path(row: dict[Edge, float], source: str, sink: str) -> dict[Edge, float]:
    """Davies et al. 2022: each path's probability over its length, to each of its edges."""
    share = dict.fromkeys(row, 0.0)

    def walk(path: list[str], probability: float) -> None:
        if path[-1] == sink:
            for edge in pairwise(path):
                share[edge] += probability / (len(path) - 1)
            return
        out = {edge: h for edge, h in row.items() if edge[0] == path[-1] and h > 0}
        for (_, following), h in out.items():
            walk([*path, following], probability * h / sum(out.values()))

    walk([source], 1.0)
    return share


def shortest_first(row: dict[Edge, float], source: str, sink: str) -> dict[Edge, float]:
    """Papakonstantinou et al. 2018: breadth-first search, the smallest flow along the path taken out, until none is.

    Treatments are numbered as they first appear among the row's edges, written along the flow (as igraph does).
    """
    number: dict[str, int] = {}
    for edge in row:
        for node in edge:
            number.setdefault(node, len(number))
    left, share = dict(row), dict.fromkeys(row, 0.0)
    while True:
        before: dict[str, str | None] = {source: None}
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for following in sorted((b for (a, b), h in left.items() if a == node and h > 0), key=number.__getitem__):
                if following not in before:
                    before[following] = node
                    queue.append(following)
        if sink not in before:
            return share
        path = [sink]
        while (previous := before[path[-1]]) is not None:
            path.append(previous)
        edges = list(zip(path[:0:-1], path[-2::-1], strict=True))
        smallest = min(left[edge] for edge in edges)
        for edge in edges:
            share[edge] += smallest / len(edges)
            left[edge] -= smallest


def undirected(contributions: Contributions, k: int) -> dict[frozenset[str], float]:
    edges = zip(contributions.edge_treatment, contributions.edge_comparator, strict=True)
    return {frozenset(edge): value for edge, value in zip(edges, contributions.matrix[k].tolist(), strict=True)}


@pytest.mark.parametrize(("method", "by_hand"), [("random walk", every_path), ("shortest path", shortest_first)])
@pytest.mark.parametrize("name", NETWORKS)
def test_contributions_equal_their_definition(name: str, method: str, by_hand: object) -> None:
    fit = NETWORKS[name]().fit(method="DL")
    found = fit.contributions(method)  # type: ignore[arg-type]
    for k, ((source, sink), row) in enumerate(flows(fit)):
        expected = {frozenset(edge): share for edge, share in by_hand(row, source, sink).items()}  # type: ignore[operator]
        assert undirected(found, k) == pytest.approx(expected, abs=1e-12)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Connected networks of 4 to 7 treatments, two-arm studies, some pairs compared more than once."""
    n = draw(st.integers(4, 7))
    names = "ABCDEFG"[:n]
    pairs = [(names[draw(st.integers(0, i - 1))], names[i]) for i in range(1, n)]
    more = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=10))
    pairs += [(a, b) for a, b in more if a != b]
    variances = draw(st.lists(st.floats(0.01, 1.0), min_size=len(pairs), max_size=len(pairs)))
    return Network.from_studies(
        [two_arms(str(k), b, a, 0.1, v) for k, ((a, b), v) in enumerate(zip(pairs, variances, strict=True))]
    )


@settings(max_examples=40, deadline=None)
@given(networks())
def test_contributions_of_any_network_equal_their_definition(net: Network) -> None:
    fit = net.fit(model="common")
    walk, path = fit.contributions("random walk"), fit.contributions("shortest path")
    for k, ((source, sink), row) in enumerate(flows(fit)):
        by_walk = {frozenset(e): s for e, s in every_path(row, source, sink).items()}
        by_path = {frozenset(e): s for e, s in shortest_first(row, source, sink).items()}
        assert undirected(walk, k) == pytest.approx(by_walk, abs=1e-11)
        assert undirected(path, k) == pytest.approx(by_path, abs=1e-11)


def test_shortest_paths_of_a_large_network_equal_their_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long paths and many ties, the rows worked on in several parts.
    monkeypatch.setattr(shortest_path, "ENTRIES_AT_ONCE", 5000)
    draw = np.random.default_rng(7)
    pairs = {(int(draw.integers(max(0, i - 4), i)), i) for i in range(1, 25)}
    pairs |= {tuple(sorted(draw.choice(25, 2, replace=False).tolist())) for _ in range(50)}
    names = draw.permutation([f"t{i:02d}" for i in range(25)])
    fit = Network.from_studies(
        [two_arms(str(k), names[b], names[a], 0.1, draw.choice([0.1, 0.2])) for k, (a, b) in enumerate(sorted(pairs))]
    ).fit(model="common")
    found = fit.contributions("shortest path")
    for k, ((source, sink), row) in enumerate(flows(fit)):
        expected = {frozenset(edge): share for edge, share in shortest_first(row, source, sink).items()}
        assert undirected(found, k) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", ["random walk", "shortest path"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_row_sums_to_one_by_comparison_and_by_study(name: str, method: str) -> None:
    found = NETWORKS[name]().fit(method="DL").contributions(method)  # type: ignore[arg-type]
    assert_allclose(found.matrix.sum(axis=1), 1.0, atol=1e-12)
    assert_allclose(found.study_matrix.sum(axis=1), 1.0, atol=1e-12)
    assert found.matrix.min() >= 0


def test_the_random_walk_doesn_t_depend_on_the_names_of_treatments() -> None:
    fit = senn().fit(method="DL")
    names = {t: f"{chr(122 - k)}{t}" for k, t in enumerate(fit.treatments)}
    studies = [
        type(s)(s.study, tuple(names[t] for t in s.treatments), s.estimates, s.covariance) for s in fit.network.studies
    ]
    one, other = fit.contributions(), Network.from_studies(studies).fit(method="DL").contributions()
    place = {frozenset(p): k for k, p in enumerate(zip(other.treatment, other.comparator, strict=True))}
    for k, (a, b) in enumerate(zip(one.treatment, one.comparator, strict=True)):
        renamed = {frozenset(names[t] for t in edge): v for edge, v in undirected(one, k).items()}
        assert undirected(other, place[frozenset((names[a], names[b]))]) == pytest.approx(renamed, abs=1e-12)


def test_evidence_is_conserved_at_every_treatment() -> None:
    fit = dong().fit(method="DL")
    for (source, sink), row in flows(fit):
        for treatment in fit.treatments:
            out = sum(h for (a, _), h in row.items() if a == treatment)
            into = sum(h for (_, b), h in row.items() if b == treatment)
            expected = 1.0 if treatment == source else -1.0 if treatment == sink else 0.0
            assert out - into == pytest.approx(expected, abs=1e-10)


def test_a_chain_shares_equally_among_its_links() -> None:
    chain = Network.from_studies([two_arms(str(k), "ABCDE"[k + 1], "ABCDE"[k], 0.1, 0.1 + k) for k in range(4)])
    found = chain.fit().contributions(pairs=[("A", "E")])
    assert_allclose(found.matrix, [[0.25, 0.25, 0.25, 0.25]])


def test_only_the_pairs_asked_for_are_worked_out() -> None:
    fit = smoking().fit(method="DL")
    whole, some = fit.contributions(), fit.contributions(pairs=[("B", "A"), ("D", "C")])
    assert (some.treatment, some.comparator) == (("B", "D"), ("A", "C"))
    assert_allclose(some.matrix[0], whole.matrix[0], atol=1e-12)
    with pytest.raises(DataError, match="'A' and 'A' are the same"):
        fit.contributions(pairs=[("A", "A")])


def test_studies_share_a_comparison_by_their_weight() -> None:
    studies = [two_arms("s", "B", "A", 0.1, 0.1), two_arms("t", "B", "A", 0.3, 0.3)]
    found = Network.from_studies(studies).fit(model="common").contributions()
    assert_allclose(found.study_matrix, [[0.75, 0.25]])


@pytest.mark.parametrize("name", ["senn", "dong"])
def test_importance_is_the_precision_lost_by_leaving_a_study_out(name: str) -> None:
    net = NETWORKS[name]()
    fit = net.fit(method="DL")
    found = fit.importance()
    for k, left_out in enumerate(net.studies):
        rest = Network.from_studies([s for s in net.studies if s is not left_out])
        index = {t: i for i, t in enumerate(rest.treatments)}
        variance: dict[frozenset[str], float] = {}
        for part in rest.subnetworks:
            members = np.array([index[t] for t in part])
            without = solve(build(rest.blocks, members, len(index)), float(fit.tau2[0])).variances()
            variance |= {frozenset((a, b)): without[i, j] for i, a in enumerate(part) for j, b in enumerate(part)}
        for row, (a, b) in enumerate(zip(found.treatment, found.comparator, strict=True)):
            i, j = net.treatments.index(a), net.treatments.index(b)
            whole = fit.standard_errors[i, j] ** 2
            expected = 1 - whole / variance.get(frozenset((a, b)), np.inf)
            assert found.by_study[row, k] == pytest.approx(expected, abs=1e-10)


def test_taking_a_direct_comparison_out_leaves_the_rest_of_the_network() -> None:
    studies = [
        two_arms("1", "B", "A", 0.3, 0.1),
        two_arms("2", "C", "B", -0.2, 0.2),
        two_arms("3", "C", "A", 0.4, 0.15),
        two_arms("4", "D", "C", 0.1, 0.1),
    ]
    found = Network.from_studies(studies).fit(model="common").importance()
    rows = list(zip(found.treatment, found.comparator, strict=True))
    edges = list(zip(found.edge_treatment, found.edge_comparator, strict=True))
    at = rows.index(("A", "B")), edges.index(("A", "B"))
    assert found.standard_errors[at] == pytest.approx(np.sqrt(0.35))
    assert found.by_edge[at] == pytest.approx(1 - (0.1 * 0.35 / 0.45) / 0.35)
    bridge = rows.index(("C", "D")), edges.index(("C", "D"))
    assert found.standard_errors[bridge] == np.inf
    assert found.by_edge[bridge] == 1.0
    assert found.by_edge[at[0], bridge[1]] == 0.0


def test_measures_of_a_direct_comparison_and_of_a_two_step_path() -> None:
    chain = Network.from_studies([two_arms("1", "B", "A", 0.3, 0.1), two_arms("2", "C", "B", 0.3, 0.1)])
    found = chain.fit().measures()
    assert list(zip(found.treatment, found.comparator, strict=True)) == [("A", "B"), ("A", "C"), ("B", "C")]
    assert_allclose(found.proportion, [1.0, 0.0, 1.0])
    assert_allclose(found.mean_path_length, [1.0, 2.0, 1.0])
    assert_allclose(found.minimal_parallelism, [1.0, 1.0, 1.0])


def test_two_equal_studies_run_in_parallel_within_one_design() -> None:
    pair = Network.from_studies([two_arms("1", "B", "A", 0.3, 0.1), two_arms("2", "B", "A", 0.3, 0.1)])
    found = pair.fit().measures()
    assert_allclose(found.minimal_parallelism, [1.0])
    assert_allclose(found.minimal_parallelism_studies, [2.0])


def test_contributions_of_a_disconnected_network_stay_within_its_parts() -> None:
    both = Network.from_studies([*senn().studies, *parkinson().studies]).fit(method="DL").contributions()
    alone = parkinson().fit(method="DL").contributions()
    k = list(zip(both.treatment, both.comparator, strict=True)).index(("A", "E"))
    expected = undirected(alone, list(zip(alone.treatment, alone.comparator, strict=True)).index(("A", "E")))
    found = {edge: share for edge, share in undirected(both, k).items() if share > 0}
    assert found == pytest.approx({edge: share for edge, share in expected.items() if share > 0})
    assert_allclose(both.study_matrix.sum(axis=1), 1.0)


def two_arm_network(seed: int) -> Network:
    draw = np.random.default_rng(seed)
    arms = [(k, k + 1) for k in range(6)] + [tuple(sorted(draw.choice(7, 2, replace=False))) for _ in range(20)]
    return Network.from_studies(
        StudyContrasts(str(i), (f"t{a}", f"t{b}"), draw.normal(size=1), np.array([[draw.uniform(0.01, 0.1)]]))
        for i, (a, b) in enumerate(arms)
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_measures_follow_from_the_flow_of_evidence(seed: int) -> None:
    """With two-arm studies alone every direct comparison is a design, and its studies share the flow by weight."""
    fit = two_arm_network(seed).fit(model="common")
    flow, measures = fit.evidence_flow(), fit.measures()
    assert flow.treatment == measures.treatment
    np.testing.assert_allclose(measures.mean_path_length, np.abs(flow.matrix).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(measures.minimal_parallelism, 1 / np.abs(flow.matrix).max(axis=1), rtol=1e-12)
    strongest = []
    for a, b in zip(flow.edge_treatment, flow.edge_comparator, strict=True):
        weights = [1 / s.covariance[0, 0] for s in fit.network.studies if {a, b} == set(s.treatments)]
        strongest.append(max(weights) / sum(weights))
    through = (np.abs(flow.matrix) * np.array(strongest)).max(axis=1)
    np.testing.assert_allclose(measures.minimal_parallelism_studies, 1 / through, rtol=1e-12)


def test_what_can_t_fit_says_what_to_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = two_arm_network(1).fit()
    monkeypatch.setattr("equipoise.synthesis.network.importance.MOST_ENTRIES", 100)
    monkeypatch.setattr("equipoise.synthesis.network.contributions.MOST_ENTRIES", {"shortest path": 100})
    with pytest.raises(DataError, match="pairs="):
        fit.importance()
    with pytest.raises(DataError, match="pairs=, or for method='random walk'"):
        fit.contributions("shortest path")
    assert len(fit.importance([("t0", "t1")]).treatment) == 1
    assert len(fit.contributions("shortest path", [("t0", "t1")]).treatment) == 1
