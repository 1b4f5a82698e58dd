"""What must hold for every network, and what degenerate ones must give."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_datasets import NETWORKS, parkinson, senn, study_of_arms, two_arms
from numpy.testing import assert_allclose
from random_networks import networks, renamed, shuffled

from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.network import merge_arms


def same(one: NetworkFit, other: NetworkFit, atol: float = 1e-7) -> None:
    assert one.treatments == other.treatments
    assert_allclose(one.estimates, other.estimates, atol=atol)
    assert_allclose(one.standard_errors, other.standard_errors, atol=atol)
    assert_allclose(one.tau2, other.tau2, atol=atol)
    assert_allclose(one.q, other.q, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(networks(), st.randoms(use_true_random=False), st.sampled_from(["DL", "REML", "ML"]))
def test_the_order_of_studies_and_arms_changes_nothing(
    found: list[StudyContrasts], random: Random, method: Tau2Method
) -> None:
    one = Network.from_studies(found).fit(method=method)
    other = Network.from_studies(shuffled(found, random)).fit(method=method)
    # τ² near 0 is found to the square root of rounding only.
    same(one, other, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(networks())
def test_naming_treatments_otherwise_permutes_the_league_table(found: list[StudyContrasts]) -> None:
    names = dict(zip("ABCDEF", "zyxwvu", strict=True))
    one = Network.from_studies(found).fit(method="DL")
    other = Network.from_studies(renamed(found, names)).fit(method="DL")
    place = [other.treatments.index(names[t]) for t in one.treatments]
    assert_allclose(other.estimates[np.ix_(place, place)], one.estimates, atol=1e-9)
    assert_allclose(other.standard_errors[np.ix_(place, place)], one.standard_errors, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(networks())
def test_swapping_signs_swaps_every_estimate(found: list[StudyContrasts]) -> None:
    flipped = [StudyContrasts(s.study, s.treatments, -s.estimates, s.covariance) for s in found]
    one, other = Network.from_studies(found).fit(method="DL"), Network.from_studies(flipped).fit(method="DL")
    assert_allclose(other.estimates, -one.estimates, atol=1e-10)
    assert_allclose(other.standard_errors, one.standard_errors, atol=1e-10)
    assert_allclose(one.estimates, -one.estimates.T, atol=0)


@settings(max_examples=30, deadline=None)
@given(networks(), st.floats(0.01, 100))
def test_a_change_of_units_scales_everything(found: list[StudyContrasts], unit: float) -> None:
    scaled = [StudyContrasts(s.study, s.treatments, unit * s.estimates, unit**2 * s.covariance) for s in found]
    one, other = Network.from_studies(found).fit(method="DL"), Network.from_studies(scaled).fit(method="DL")
    assert_allclose(other.estimates, unit * one.estimates, rtol=1e-7, atol=1e-9 * unit)
    assert_allclose(other.tau2, unit**2 * one.tau2, rtol=1e-6, atol=1e-9 * unit**2)
    assert_allclose(other.q, one.q, rtol=1e-8, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(networks())
def test_everything_can_be_computed_for_every_network(found: list[StudyContrasts]) -> None:
    fit = Network.from_studies(found).fit(method="DL")
    ranking = fit.ranking(samples=64)
    for part in fit.subnetworks:
        place = [fit.treatments.index(t) for t in part]
        assert ranking.p_scores[place].mean() == pytest.approx(0.5)
    contributions = fit.contributions()
    assert_allclose(contributions.matrix.sum(axis=1), 1.0, atol=1e-9)
    decomposition = fit.inconsistency()
    assert decomposition.within.q + decomposition.between.q == pytest.approx(decomposition.total.q, abs=1e-7)
    for method in ("back-calculation", "sidde", "node"):
        split = fit.split(method)
        assert (np.nan_to_num(split.indirect_se, nan=1.0) > 0).all()
    for table in (fit, fit.effects(), fit.direct(), fit.league(), fit.loops(), fit.unrelated(), fit.measures()):
        assert isinstance(table.summary(), str)


def test_two_subnetworks_are_two_analyses_and_the_text_says_so() -> None:
    net = Network.from_studies([*senn().studies, *parkinson().studies])
    assert [len(part) for part in net.subnetworks] == [10, 5]
    fit = net.fit(method="DL", reference="plac")
    alone = parkinson().fit(method="DL")
    place = np.ix_(*[[fit.treatments.index(t) for t in alone.treatments]] * 2)
    assert_allclose(fit.estimates[place], alone.estimates, atol=1e-12)
    assert_allclose(fit.tau2, [senn().fit(method="DL").tau2[0], alone.tau2[0]], rtol=1e-12)
    assert np.isnan(fit.estimates[fit.treatments.index("plac"), fit.treatments.index("A")])
    assert set(fit.effects().comparator) == {"plac", "A"}
    assert "Not connected: 2 subnetworks, each analysed by itself" in fit.summary()


def test_a_star_has_direct_evidence_only() -> None:
    star = Network.from_studies([two_arms(t, t, "P", 0.3, 0.1) for t in "ABC"]).fit()
    split = star.split()
    direct = split.studies > 0
    assert_allclose(split.proportion[direct], 1.0)
    assert np.isnan(split.indirect[direct]).all()
    assert star.df.tolist() == [0]
    assert star.tau2.tolist() == [0.0]
    assert np.isnan(star.p).all()


def test_without_degrees_of_freedom_there_is_no_t_interval_and_the_text_says_why() -> None:
    one = Network.from_studies([two_arms("s", "B", "A", 0.3, 0.1)])
    assert np.isfinite(one.fit().lower[0, 1])
    for ci in ("t", "hksj"):
        fit = one.fit(ci=ci)
        assert np.isnan(fit.lower[0, 1])
        assert "No degrees of freedom" in fit.summary()


def test_hartung_knapp_says_when_it_narrows_the_intervals() -> None:
    fit = parkinson().fit(ci="hksj")
    assert "narrower" in fit.summary()


def test_identical_studies_have_no_heterogeneity() -> None:
    net = Network.from_studies([two_arms(str(k), "B", "A", 0.3, 0.1) for k in range(5)])
    for method in ("DL", "REML", "ML"):
        fit = net.fit(method=method)
        assert_allclose(fit.tau2, 0.0, atol=1e-12)
        assert_allclose(fit.standard_errors[0, 1], np.sqrt(0.1 / 5))


def test_one_study_with_sixty_arms() -> None:
    values = np.random.default_rng(1).uniform(0.1, 1, (60, 2))
    study = study_of_arms("s", {f"t{k:02d}": (y, v) for k, (y, v) in enumerate(values.tolist())})
    fit = Network.from_studies([study]).fit()
    assert_allclose(fit.estimates[7, 3], values[7, 0] - values[3, 0], rtol=1e-10)
    assert_allclose(fit.standard_errors[7, 3] ** 2, values[7, 1] + values[3, 1], rtol=1e-10)
    assert not fit.split("sidde").mixed.any()


def test_a_tiny_study_hardly_moves_the_others() -> None:
    net = Network.from_studies([*parkinson().studies, two_arms("tiny", "F", "A", 5.0, 1e6)])
    fit, alone = net.fit(method="DL"), parkinson().fit(method="DL")
    assert_allclose(fit.estimates[:5, :5], alone.estimates, atol=1e-9)
    assert_allclose(fit.standard_errors[5, 0], 1e3, rtol=1e-6)


def test_variances_of_very_different_size_are_handled() -> None:
    net = Network.from_studies(
        [two_arms("1", "B", "A", 0.3, 1e-6), two_arms("2", "C", "B", 0.2, 1e4), two_arms("3", "C", "A", -0.1, 1.0)]
    )
    fit = net.fit(model="common")
    assert_allclose(fit.standard_errors[0, 1] ** 2, 1 / (1 / 1e-6 + 1 / (1e4 + 1)), rtol=1e-9)


def test_merging_arms_leaves_the_information_of_the_others() -> None:
    study = study_of_arms("s", {"A": (0.0, 0.1), "B": (0.5, 0.2), "C": (0.1, 0.4)})
    doubled = StudyContrasts("s", ("A", "B", "A"), study.estimates, study.covariance)
    merged = merge_arms(doubled)
    assert merged.treatments == ("A", "B")
    # A is known from two arms with variances 0.1 and 0.4.
    pooled, variance = (0.0 / 0.1 + 0.1 / 0.4) / (1 / 0.1 + 1 / 0.4), 1 / (1 / 0.1 + 1 / 0.4)
    assert merged.estimates[0] == pytest.approx(0.5 - pooled)
    assert merged.covariance[0, 0] == pytest.approx(0.2 + variance)


@pytest.mark.parametrize("name", NETWORKS)
def test_frames_have_a_row_for_everything(name: str) -> None:
    fit = NETWORKS[name]().fit(method="DL")
    n = len(fit.treatments)
    pairs = n * (n - 1) // 2
    assert len(fit.to_frame()) == pairs
    assert len(fit.effects().to_frame()) == n - 1
    assert len(fit.split().to_frame()) == pairs
    assert len(fit.ranking().to_frame()) == n
    assert len(fit.direct().to_frame()) == (np.triu(fit.network.pair_counts()) > 0).sum()
    assert len(fit.inconsistency().to_frame()) == len(fit.network.designs)
    assert len(fit.predict().to_frame()) == n - 1
    assert len(fit.measures().to_frame()) == pairs
    assert len(fit.categories().to_frame()) == n
