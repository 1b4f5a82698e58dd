"""Summaries: readable however large the network, and saying what a subnetwork can't tell."""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import senn, two_arms

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, NetworkFit
from equipoise.synthesis.network.forward_search import forward_search
from equipoise.synthesis.network.hierarchy import partial_order
from equipoise.synthesis.network.leave_out import leave_one_study_out
from equipoise.synthesis.network.regression import fit_regression
from equipoise.synthesis.network.small_study import small_study_regression
from equipoise.synthesis.network.threshold import study_thresholds


def large() -> NetworkFit:
    random = np.random.default_rng(3)
    names = [f"treatment number {i}" for i in range(70)]
    pairs = [(i, (i + 1) % 70) for i in range(70)] + [tuple(random.choice(70, 2, replace=False)) for _ in range(80)]
    studies = [
        two_arms(f"Author {k}", names[i], names[j], random.normal(), 0.1 + 0.01 * k) for k, (i, j) in enumerate(pairs)
    ]
    return Network.from_studies(studies).fit(method="DL")


def two_parts() -> NetworkFit:
    random = np.random.default_rng(8)
    pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("x", "y"), ("x", "y"), ("y", "z")] * 3
    studies = [two_arms(str(i), s, t, random.normal(), 0.1 + 0.01 * i) for i, (s, t) in enumerate(pairs)]
    return Network.from_studies(studies).fit(method="DL", reference="a")


def widest(text: str) -> int:
    return max(map(len, text.split("\n")))


def test_summaries_of_large_networks_show_the_first_rows_and_say_how_many_there_are() -> None:
    fit = large()
    pairs = len(fit.comparisons())
    for result in (fit.measures(), fit.importance(), fit.evidence_flow(), fit.contributions()):
        lines = result.summary().split("\n")
        assert lines[-1] == f"… and {pairs - 60} more comparisons; to_frame() has them all"
        assert len(lines) < 70
        assert widest(result.summary()) <= 200
    assert widest(fit.league().summary()) <= 160
    assert widest(forward_search(fit, candidates=2).summary()) <= 120


def test_a_wide_league_table_has_every_cell_once_under_its_treatment() -> None:
    fit = large()
    league = fit.league()
    text = league.summary()
    n = len(fit.treatments)
    assert text.count(" to ") == n * (n - 1)
    last = text.split("\n\n")[-2].split("\n")
    assert last[0].endswith(fit.treatments[-1])
    assert last[1].startswith(fit.treatments[0])
    assert last[1].endswith(league.cell(0, n - 1))


def test_contributions_that_are_too_many_for_a_line_add_up_to_all() -> None:
    fit = large()
    treatment = next(t for t in fit.treatments if t != fit.reference)
    text = fit.contributions(pairs=[(treatment, fit.reference)]).summary().split("\n")[2]
    shares = [float(part.split()[-1]) for part in text.split(";")]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert "others" in text


def test_the_summary_of_net_heat_orders_contrasts_by_their_share_of_q() -> None:
    heat = senn().fit(method="DL", reference="plac").net_heat()
    rows = heat.summary().split("\n")[3:]
    assert len(rows) == heat.informative.sum()
    own = np.sort(np.diag(heat.change)[heat.informative])[::-1]
    assert [row.split("  ")[0].strip() for row in rows[:1]] == [heat.labels[int(np.argmax(np.diag(heat.change)))]]
    first = next(float(word) for word in rows[0].split() if "." in word)
    assert first == pytest.approx(own[0], abs=0.005)
    i = int(np.argmax(np.diag(heat.change)))
    others = {heat.labels[j]: heat.change[i, j] for j in range(len(heat.labels)) if heat.designs[j] != heat.designs[i]}
    assert float(rows[0].split()[-1]) == pytest.approx(np.nanmax(list(others.values())), abs=0.005)
    star = Network.from_studies([two_arms(t, t, "P", 1.0, 0.1) for t in "AB"]).fit()
    assert "no contrast contributes" in star.net_heat().summary()


def test_subnetworks_are_named_where_an_analysis_looks_at_one() -> None:
    fit = two_parts()
    assert "of a, b, c" in study_thresholds(fit).summary()
    assert "subnetwork a, b, c" in forward_search(fit, candidates=5).summary()


def test_a_partial_order_never_compares_subnetworks() -> None:
    ranking = two_parts().ranking()
    order = partial_order({"one": ranking})
    part = {t: i for i, names in enumerate(ranking.subnetworks) for t in names}
    assert order.edges
    assert all(part[better] == part[worse] for better, worse in order.edges)


def test_regressions_show_every_subnetwork_against_its_own_reference() -> None:
    fit = two_parts()
    data = {"study": [s.study for s in fit.network.studies], "year": [float(s.study) for s in fit.network.studies]}
    regression = fit_regression(fit.network, data, "year", reference="a")
    assert regression.references == ("a", "x")
    assert "z : x" in regression.summary()
    small = small_study_regression(fit.network, reference="a")
    frame = small.to_frame()
    found = dict(
        zip(frame["treatment"], zip(frame["comparator"], frame["adjusted_estimate"], strict=True), strict=True)
    )
    assert set(found) == {"b", "c", "y", "z"}
    assert found["z"][0] == "x"
    position = small.adjusted.position
    assert found["z"][1] == small.adjusted.estimates[position("z"), position("x")]


def test_without_a_study_a_subnetwork_may_be_gone() -> None:
    studies = [two_arms(str(i), "a", "b", i / 3, 0.1) for i in range(4)]
    result = leave_one_study_out(Network.from_studies([*studies, two_arms("only", "x", "y", 1, 0.1)]).fit())
    row = result.left_out.index("only")
    assert result.df[row] == 0
    assert np.isnan(result.q[row])
    assert "x, y" in result.summary()


def test_what_can_t_be_estimated_is_said() -> None:
    one = Network.from_studies([two_arms("1", "a", "b", 1.0, 0.1)]).fit()
    assert "Heterogeneity: can't be estimated" in one.summary()
    assert "no prediction interval" in one.predict().summary()
    assert two_parts().predict(reference="z").references == ("a", "z")
    with pytest.raises(DataError, match="level 2 must lie between 0 and 1"):
        one.predict(level=2)


def test_nothing_is_written_as_minus_zero() -> None:
    pairs = (("A", "B"), ("B", "C"), ("A", "C"))
    studies = [two_arms(f"{a}{b}", b, a, -0.001, 0.5) for a, b in pairs]
    text = Network.from_studies(studies).fit().league().summary()
    assert "0.00 (" in text
    assert "-0.00" not in text
