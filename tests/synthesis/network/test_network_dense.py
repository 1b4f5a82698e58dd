"""Does the engine agree with definitions worked out by dense matrices, on networks of all kinds? See dense.py."""

from __future__ import annotations

from itertools import combinations

import dense as brute
import numpy as np
import pytest
from network_datasets import NETWORKS as CLASSIC
from numpy.testing import assert_allclose
from scipy import stats
from test_network_netmeta import NETWORKS as PRINTED

from equipoise.synthesis.network import Network
from equipoise.synthesis.network.fit import NetworkFit

NETWORKS = {**CLASSIC, **{name: made for name, made in PRINTED.items() if name != "franchini 2012"}}
CLOSED_FORM = 1e-8
REFERENCE = {"senn": "plac", "smoking": "D", "dong": "Placebo", "baker 2009": "Placebo", "linde 2016": "Placebo"}


@pytest.fixture(scope="module", params=NETWORKS)
def net(request: pytest.FixtureRequest) -> Network:
    return NETWORKS[request.param]()


@pytest.fixture(scope="module", params=["common", "random"])
def fit(request: pytest.FixtureRequest, net: Network) -> NetworkFit:
    return net.fit(model=request.param, method="DL")


def pairs(net: Network) -> list[tuple[str, str]]:
    return list(combinations(net.treatments, 2))


def test_heterogeneity_and_the_league_table(net: Network, fit: NetworkFit) -> None:
    d = brute.dense(net.studies)
    tau2 = brute.moments(d, d.x) if fit.model == "random" else 0.0
    estimates, errors = brute.league(d, tau2)
    assert d.treatments == fit.treatments
    assert_allclose(fit.tau2, [tau2], rtol=CLOSED_FORM, atol=1e-12)
    assert_allclose(fit.estimates, estimates, rtol=CLOSED_FORM, atol=1e-10)
    assert_allclose(fit.standard_errors, errors, rtol=CLOSED_FORM, atol=1e-12)
    assert_allclose(fit.q, [brute.least_squares(d.y, d.v, d.x)[2]], rtol=CLOSED_FORM)


def test_p_scores_are_mean_one_sided_p_values(net: Network, fit: NetworkFit) -> None:
    estimates, errors = brute.league(brute.dense(net.studies), float(fit.tau2[0]))
    off = ~np.eye(len(estimates), dtype=bool)
    chance = np.where(off, stats.norm.cdf(-estimates / np.where(off, errors, 1.0)), 0.0)
    found = fit.ranking(samples=64)
    assert_allclose(found.p_scores, chance.sum(axis=1) / (len(estimates) - 1), rtol=CLOSED_FORM, atol=1e-12)


def test_direct_and_indirect_evidence(net: Network, fit: NetworkFit) -> None:
    tau2 = float(fit.tau2[0])
    estimates, errors = brute.league(brute.dense(net.studies), tau2)
    back, apart = fit.split(), fit.split("sidde", tau2="network")
    for k, (a, b) in enumerate(pairs(net)):
        i, j = net.treatments.index(a), net.treatments.index(b)
        network, variance = estimates[i, j], errors[i, j] ** 2
        value, spread = brute.direct(net.studies, a, b, tau2)
        assert (back.treatment[k], back.comparator[k]) == (a, b)
        if np.isnan(value):
            assert back.proportion[k] == 0.0
            assert_allclose([back.indirect[k], apart.indirect[k]], network, rtol=CLOSED_FORM, atol=1e-10)
            continue
        share = variance / spread
        assert_allclose([back.proportion[k], apart.proportion[k]], share, rtol=CLOSED_FORM)
        assert_allclose([back.direct[k], apart.direct[k]], value, rtol=CLOSED_FORM, atol=1e-10)
        assert_allclose([back.direct_se[k], apart.direct_se[k]], np.sqrt(spread), rtol=CLOSED_FORM)
        if 1.0 - share > 5e-4:
            indirect, error = (network - share * value) / (1.0 - share), np.sqrt(variance / (1.0 - share))
            assert_allclose([back.indirect[k], back.indirect_se[k]], [indirect, error], rtol=1e-7, atol=1e-9)
            z = (value - indirect) / np.hypot(np.sqrt(spread), error)
            assert_allclose(back.p[k], 2.0 * stats.norm.sf(abs(z)), rtol=1e-6)
        else:
            assert np.isnan(back.indirect[k])
        expected = brute.without_pair(net.studies, a, b, tau2)
        assert_allclose([apart.indirect[k], apart.indirect_se[k]], expected, rtol=1e-7, atol=1e-9)


def test_the_decomposition_of_q(net: Network) -> None:
    d = brute.dense(net.studies)
    parameters, columns = brute.design_columns(d)
    found = net.fit(method="DL").inconsistency()
    within = brute.least_squares(d.y, d.v, columns)[2]
    tau2 = brute.moments(d, columns)
    total = brute.least_squares(d.y, d.v, d.x)[2]
    assert_allclose(found.within.q, within, rtol=CLOSED_FORM, atol=1e-9)
    assert_allclose(found.between.q, total - within, rtol=1e-7, atol=1e-9)
    assert found.within.df == len(d.y) - len(parameters)
    assert found.between.df == len(parameters) - (len(d.treatments) - 1)
    assert_allclose(found.tau2_within, [tau2], rtol=CLOSED_FORM, atol=1e-12)
    random = brute.pool_designs(d, tau2)
    q = brute.least_squares(random.estimates, random.covariance, random.x)[2]
    assert_allclose(found.between_random.q, q, rtol=CLOSED_FORM, atol=1e-9)
    common = brute.pool_designs(d, 0.0)
    theta = brute.least_squares(common.estimates, common.covariance, common.x)[0]
    shares = brute.by_row(common, common.estimates - common.x @ theta)
    for k, design in enumerate(found.designs):
        own = [name == design for name in common.names]
        assert_allclose(found.q_between[k], shares[own].sum(), rtol=1e-7, atol=1e-9)
        residual = brute.detached(common, design)
        if residual is None or found.between.df < sum(own):
            assert np.isnan(found.q_detached[k])
        else:
            assert_allclose(found.q_detached[k], brute.by_row(common, residual).sum(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("model", ["common", "random"])
@pytest.mark.parametrize("name", REFERENCE)
def test_the_net_heat_matrix_against_the_reference(name: str, model: str) -> None:
    net = NETWORKS[name]()
    d = brute.dense(net.studies)
    tau2 = brute.moments(d, brute.design_columns(d)[1]) if model == "random" else 0.0
    pooled = brute.pool_designs(d, tau2, REFERENCE[name])
    found = net.fit(method="DL", reference=REFERENCE[name]).net_heat(model)  # type: ignore[arg-type]
    rows = list(zip(pooled.names, pooled.treatment, pooled.comparator, strict=True))
    order = [rows.index(row) for row in zip(found.designs, found.treatment, found.comparator, strict=True)]
    assert sorted(order) == list(range(len(rows)))
    assert_allclose(found.change, brute.net_heat(pooled)[np.ix_(order, order)], rtol=1e-7, atol=1e-8)


def test_network_measures(net: Network, fit: NetworkFit) -> None:
    d = brute.dense(net.studies)
    tau2, n = float(fit.tau2[0]), len(d.treatments)
    pooled = brute.pool_designs(d, tau2)
    by_design = brute.flows(pooled.x, pooled.covariance, pooled.names, n)
    by_study = brute.flows(d.x, d.v + tau2 * d.r, d.study, n)
    found = fit.measures()
    assert list(zip(found.treatment, found.comparator, strict=True)) == pairs(net)
    assert_allclose(found.mean_path_length, by_design.sum(axis=1), rtol=CLOSED_FORM)
    assert_allclose(found.minimal_parallelism, 1.0 / by_design.max(axis=1), rtol=CLOSED_FORM)
    assert_allclose(found.minimal_parallelism_studies, 1.0 / by_study.max(axis=1), rtol=CLOSED_FORM)


def test_importance_is_the_precision_lost_with_a_study(net: Network, fit: NetworkFit) -> None:
    tau2 = float(fit.tau2[0])
    errors = brute.league(brute.dense(net.studies), tau2)[1]
    found = fit.importance()
    every = max(1, len(found.studies) // 12)  # a dozen studies of the large networks
    for column, left_out in list(enumerate(found.studies))[::every]:
        rest = [s for s in net.studies if s.study != left_out]
        expected = np.ones_like(errors)
        for part in {frozenset(brute.reachable(rest, t)) for t in net.treatments}:
            inside = [s for s in rest if part >= set(s.treatments)]
            if inside:
                place = np.ix_(*[[net.treatments.index(t) for t in sorted(part)]] * 2)
                without = brute.league(brute.dense(inside), tau2)[1]
                np.fill_diagonal(without, 1.0)
                expected[place] = 1.0 - (errors[place] / without) ** 2
        wanted = expected[np.triu_indices(len(errors), 1)]
        assert_allclose(found.by_study[:, column], wanted, rtol=1e-7, atol=1e-8)
