"""Rankings: closed forms against definitions, rank probabilities against independent integration."""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import NETWORKS, dong, parkinson, reference, senn, smoking, two_arms
from numpy.testing import assert_allclose
from scipy import stats

from equipoise.errors import DataError
from equipoise.synthesis.network import Network
from equipoise.synthesis.network.hierarchy import Certainty, benefit_harm, partial_order
from equipoise.synthesis.network.ranking import Ranking, bivariate_normal


@pytest.mark.parametrize("name", NETWORKS)
def test_p_scores_are_mean_one_sided_p_values(name: str) -> None:
    expected = reference()[name]["models"]["DL"]
    z = np.array(expected["estimates"]) / np.where(np.eye(len(expected["se"])) > 0, 1.0, expected["se"])
    chance = stats.norm.cdf(-z)
    np.fill_diagonal(chance, 0.0)
    ranking = NETWORKS[name]().fit(method="DL").ranking(smaller_is_better=True)
    assert_allclose(ranking.p_scores, chance.sum(axis=1) / (len(z) - 1), rtol=1e-8)


@pytest.mark.parametrize("name", NETWORKS)
def test_p_scores_average_one_half_and_flip_with_the_direction(name: str) -> None:
    fit = NETWORKS[name]().fit()
    small, large = fit.ranking(smaller_is_better=True), fit.ranking(smaller_is_better=False)
    assert small.p_scores.mean() == pytest.approx(0.5)
    assert_allclose(small.p_scores, 1 - large.p_scores, atol=1e-12)
    assert small.order[0] == large.order[-1]


@pytest.mark.parametrize("name", NETWORKS)
def test_rank_probabilities_are_doubly_stochastic_and_have_the_exact_mean(name: str) -> None:
    ranking = NETWORKS[name]().fit().ranking()
    p = ranking.rank_probabilities
    assert_allclose(p.sum(axis=0), 1.0, atol=1e-12)
    assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    ranks = np.arange(1, p.shape[1] + 1)
    assert_allclose(p @ ranks, ranking.mean_ranks, atol=max(5 * ranking.error * len(ranks), 1e-9))
    assert_allclose(ranking.mean_ranks, 1 + (len(p) - 1) * (1 - ranking.sucra), rtol=1e-12)


def test_rank_probabilities_agree_with_plain_simulation() -> None:
    fit = smoking().fit(method="DL")
    ranking = fit.ranking(smaller_is_better=False)
    draws = np.random.default_rng(1).multivariate_normal(
        fit.solutions[0].potentials, fit.solutions[0].inverse, size=200_000, method="eigh"
    )
    best = np.bincount(draws.argmax(axis=1), minlength=4) / len(draws)
    assert_allclose(ranking.best, best, atol=5 * np.sqrt(0.25 / len(draws)) + 3 * ranking.error)
    assert ranking.error < 0.003


def test_three_treatments_are_ranked_exactly() -> None:
    studies = [
        two_arms("1", "B", "A", 0.3, 0.1),
        two_arms("2", "C", "B", -0.5, 0.2),
        two_arms("3", "C", "A", 0.1, 0.3),
    ]
    fit = Network.from_studies(studies).fit(model="common")
    ranking = fit.ranking(smaller_is_better=True)
    assert ranking.error == 0.0
    # P(A is best) by adaptive integration over its two differences.
    differences = np.array([[-1.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])
    mean = differences @ fit.solutions[0].potentials
    spread = differences @ fit.solutions[0].inverse @ differences.T
    expected = stats.multivariate_normal(-mean, spread).cdf([0.0, 0.0])
    assert ranking.best[0] == pytest.approx(expected, abs=1e-6)
    assert_allclose(ranking.rank_probabilities @ [1, 2, 3], ranking.mean_ranks, atol=1e-12)


@pytest.mark.parametrize(("h", "k", "r"), [(0.3, -0.7, 0.5), (1.0, 1.0, -0.95), (0.0, 0.0, 0.999), (2.0, -1.0, 0.99)])
def test_the_bivariate_normal_equals_scipy_s(h: float, k: float, r: float) -> None:
    expected = stats.multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([h, k])
    assert bivariate_normal(h, k, r) == pytest.approx(expected, abs=1e-9)


def test_two_treatments_are_ranked_by_their_one_p_value() -> None:
    fit = Network.from_studies([two_arms("1", "B", "A", 0.4, 0.04)]).fit(model="common")
    ranking = fit.ranking(smaller_is_better=False)
    assert_allclose(ranking.best, [stats.norm.cdf(-2), stats.norm.cdf(2)])
    assert_allclose(ranking.p_scores, ranking.best)


def test_the_same_seed_gives_the_same_ranks_and_another_nearly_so() -> None:
    fit = senn().fit(method="DL")
    one, same, other = fit.ranking(seed=1), fit.ranking(seed=1), fit.ranking(seed=2)
    assert_allclose(one.rank_probabilities, same.rank_probabilities, atol=0)
    assert_allclose(one.rank_probabilities, other.rank_probabilities, atol=8 * max(one.error, other.error))


def test_a_rank_interval_holds_the_mean_and_covers_at_its_level() -> None:
    ranking = senn().fit(method="DL").ranking()
    assert (ranking.rank_lower <= ranking.mean_ranks + 1e-9).all()
    assert (ranking.rank_upper >= ranking.mean_ranks - 1e-9).all()
    for i, (low, high) in enumerate(zip(ranking.rank_lower, ranking.rank_upper, strict=True)):
        assert ranking.rank_probabilities[i, int(low) - 1 : int(high)].sum() >= 0.95 - 1e-9


def test_better_by_a_threshold_is_a_normal_tail() -> None:
    fit = senn().fit(method="DL")
    better = fit.ranking(smaller_is_better=True, threshold=0.5).better
    i, j = fit.treatments.index("rosi"), fit.treatments.index("plac")
    expected = stats.norm.cdf((-fit.estimates[i, j] - 0.5) / fit.standard_errors[i, j])
    assert better[i, j] == pytest.approx(expected)
    with pytest.raises(DataError, match="negative"):
        fit.ranking(threshold=-0.5)


def test_subnetworks_are_ranked_apart() -> None:
    both = Network.from_studies([*senn().studies, *parkinson().studies]).fit(method="DL").ranking()
    alone = parkinson().fit(method="DL").ranking()
    place = [both.treatments.index(t) for t in alone.treatments]
    assert_allclose(both.p_scores[place], alone.p_scores, rtol=1e-10)
    assert np.isnan(both.rank_probabilities[place, 5:]).all()
    assert np.isnan(both.better[place[0], both.treatments.index("plac")])
    assert "can't be compared" in both.summary()


def scored(treatments: str, scores: list[float]) -> Ranking:
    values = np.array(scores)
    nothing = np.full(len(values), np.nan)
    square = np.full((len(values), len(values)), np.nan)
    names = tuple(treatments)
    return Ranking(names, True, 0.0, 0.95, values, values, nothing, nothing, nothing, square, 0.0, square, (names,))


def test_a_partial_order_needs_agreement_of_all_outcomes_and_a_hasse_diagram_skips_what_follows() -> None:
    order = partial_order({"x": scored("abcd", [0.9, 0.6, 0.3, 0.2]), "y": scored("abcd", [0.8, 0.5, 0.1, 0.6])})
    assert order.edges == (("a", "b"), ("a", "d"), ("b", "c"))
    assert order.best == ("a",)
    assert order.levels.tolist() == [2, 1, 0, 0]
    assert order.above[0, 2]
    assert not order.covers[0, 2]


def test_a_partial_order_is_over_the_treatments_that_all_outcomes_rank() -> None:
    order = partial_order({"x": scored("abc", [0.9, 0.6, 0.0]), "y": scored("bad", [0.5, 0.6, 0.4])})
    assert order.treatments == ("a", "b")
    with pytest.raises(DataError, match="two treatments"):
        partial_order({"x": scored("ab", [0.5, 0.5]), "y": scored("cd", [0.5, 0.5])})


def test_categories_follow_the_intervals_against_the_reference_and_among_the_better() -> None:
    studies = [
        two_arms("1", "best", "placebo", -2.0, 0.01),
        two_arms("2", "good", "placebo", -1.0, 0.01),
        two_arms("3", "unsure", "placebo", -0.1, 0.04),
        two_arms("4", "bad", "placebo", 1.0, 0.01),
        two_arms("5", "worst", "placebo", 2.0, 0.01),
    ]
    fit = Network.from_studies(studies).fit(model="common", reference="placebo")
    found = fit.categories(certainty={"best": "moderate", "good": "very low"})
    level = dict(zip(found.treatments, found.levels.tolist(), strict=True))
    assert level == {"best": 2, "good": 1, "unsure": 0, "placebo": 0, "bad": -1, "worst": -2}
    assert dict(zip(found.treatments, found.certain, strict=True))["good"] is False
    assert found.review == ()
    # A difference that matters of 1.5 leaves only the largest effects different from placebo.
    strict = fit.categories(threshold=1.5)
    assert {t for t, k in zip(strict.treatments, strict.levels.tolist(), strict=True) if k} == {"best", "worst"}
    words = dict(zip(strict.treatments, strict.labels, strict=True))
    assert words["placebo"] == "the reference"
    assert words["good"] == "not shown to differ importantly from the reference"
    assert dict(zip(found.treatments, found.labels, strict=True))["unsure"] == "not shown to differ from the reference"


def test_only_the_treatment_whose_ranking_contradicts_its_category_is_to_be_reviewed() -> None:
    """One large, imprecise effect is in the reference's category: that one is odd, not the seven that it outranks."""
    studies = [two_arms(str(i), f"good {i}", "placebo", -1.0 - i / 10, 0.01) for i in range(7)]
    wide = two_arms("wide", "wide", "placebo", -2.5, 4.0)
    fit = Network.from_studies([*studies, wide]).fit(model="common", reference="placebo")
    assert fit.categories(threshold=0.5).review == ("wide",)
    # GRADE puts treatments of low certainty apart, so that they aren't held against the others.
    rated: dict[str, Certainty] = {f"good {i}": "high" for i in range(7)}
    assert fit.categories(threshold=0.5, certainty={**rated, "wide": "low"}).review == ()


def test_categories_don_t_depend_on_the_order_of_treatments() -> None:
    fit = dong().fit(method="DL")
    renamed = Network.from_studies(
        [
            type(s)(s.study, tuple(f"{99 - ord(t[0])}{t}" for t in s.treatments), s.estimates, s.covariance)
            for s in fit.network.studies
        ]
    ).fit(method="DL")
    one, other = fit.categories("Placebo"), renamed.categories(f"{99 - ord('P')}Placebo")
    named = {t.lstrip("-0123456789"): k for t, k in zip(other.treatments, other.levels.tolist(), strict=True)}
    assert named == dict(zip(one.treatments, one.levels.tolist(), strict=True))


def test_benefit_and_harm_name_the_treatments_that_none_beats_in_both() -> None:
    benefit = Network.from_studies([two_arms(t, t, "P", y, 0.1) for t, y in zip("ABC", (-3, -2, -1), strict=True)])
    harm = Network.from_studies([two_arms(t, t, "P", y, 0.1) for t, y in zip("ABC", (2, 1, 3), strict=True)])
    plane = benefit_harm(benefit.fit(), harm.fit(), "P")
    assert plane.treatments == ("A", "B", "C")
    assert plane.front == ("A", "B")
    assert_allclose(plane.benefit[:, 0], [-3, -2, -1])


def test_a_league_table_in_ranking_order_shows_direct_estimates_above_the_diagonal() -> None:
    fit = senn().fit(method="DL")
    order = fit.ranking().order
    league = fit.league("direct", order=order)
    assert league.treatments == order
    rosi, plac = order.index("rosi"), order.index("plac")
    i, j = fit.treatments.index("rosi"), fit.treatments.index("plac")
    assert league.estimates[plac, rosi] == fit.estimates[j, i]
    assert league.estimates[rosi, plac] == fit.direct().estimates[i, j]
    sita, vild = order.index("sita"), order.index("vild")
    assert league.cell(min(sita, vild), max(sita, vild)) == "."
    assert league.to_frame().shape == (10, 10)
    with pytest.raises(DataError, match="order must list every treatment once"):
        fit.league(order=order[1:])


def test_a_league_table_of_two_outcomes_holds_one_in_each_triangle() -> None:
    one, other = senn().fit(method="DL"), senn().fit(model="common")
    league = one.league(other=other)
    assert league.estimates[3, 1] == one.estimates[3, 1]
    assert league.estimates[1, 3] == other.estimates[1, 3]
