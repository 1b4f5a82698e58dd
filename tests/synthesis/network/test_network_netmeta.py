"""Does the engine give what R's netmeta prints?

The numbers are those of the examples in the help pages of R's metadat (version 1.7-2, https://wviechtb.github.io/
metadat/reference, pages dat.linde2015, dat.linde2016, dat.baker2009, dat.dogliotti2014, dat.stowe2010,
dat.franchini2012 and dat.woods2010), printed by netmeta with its defaults (tau² by the
method of moments). They are rounded: a value agrees when it rounds to what is printed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from netmeta_datasets import BAKER_2009, DOGLIOTTI_2014, LINDE_2015, LINDE_2016, STOWE_2010, WOODS_2010
from network_datasets import counts, parkinson
from printed import agrees, assert_rows, rows

from equipoise.synthesis.network import Network, fit_components, partial_order
from equipoise.synthesis.network.fit import Model
from equipoise.synthesis.network.heterogeneity import i2_interval


def odds_ratios(text: str) -> Network:
    return Network.from_arms(counts(text), events="events", n="n", measure="OR")


def linde_2015(outcome: int) -> Network:
    """The response (0) or the remission (1) network; trials that don't report the outcome are left out."""
    table: dict[str, list[object]] = {"study": [], "treatment": [], "events": [], "n": []}
    for line in LINDE_2015.strip().splitlines():
        study, arms = line.split(" | ")
        for arm in arms.split("; "):
            treatment, numbers = arm.rsplit(" ", 1)
            events = numbers.split("/")[outcome]
            n = numbers.split("/")[2]
            value = np.nan if events == "-" else float(events)
            for column, cell in zip(table, (study, treatment, value, float(n)), strict=True):
                table[column].append(cell)
    return Network.from_arms(table, events="events", n="n", measure="OR")


def stowe() -> Network:
    table: dict[str, list[object]] = {"study": [], "treatment": [], "mean": [], "sd": [], "n": []}
    for line in STOWE_2010.strip().splitlines():
        study, arms = line.split(" | ")
        for arm in arms.split("; "):
            treatment, mean, sd, n = arm.rsplit(" ", 3)
            for column, cell in zip(table, (study, treatment, float(mean), float(sd), float(n)), strict=True):
                table[column].append(cell)
    return Network.from_arms(table, mean="mean", sd="sd", n="n", measure="MD")


NETWORKS: dict[str, Callable[[], Network]] = {
    "linde 2016": lambda: odds_ratios(LINDE_2016),
    "linde 2015, response": lambda: linde_2015(0),
    "linde 2015, remission": lambda: linde_2015(1),
    "baker 2009": lambda: odds_ratios(BAKER_2009),
    "dogliotti 2014": lambda: odds_ratios(DOGLIOTTI_2014),
    "stowe 2010": stowe,
    "franchini 2012": parkinson,  # A placebo, B pramipexole, C ropinirole, D bromocriptine, E cabergoline
    "woods 2010": lambda: odds_ratios(WOODS_2010),
}

EFFECTS = [
    (
        "linde 2016",
        "random",
        "Placebo",
        """
SSRI | 1.71 1.46 2.01 6.61 <0.0001
Face-to-face CBT | 2.05 1.26 3.36 2.86 0.0042
Face-to-face interpsy | 1.11 0.76 1.62 0.54 0.5897
Face-to-face PST | 1.39 0.97 2.00 1.77 0.0770
Face-to-face CBT + SSRI | 30.86 4.94 192.81 3.67 0.0002
Face-to-face interpsy + SSRI | 1.75 1.12 2.74 2.47 0.0135
Face-to-face PST + SSRI | 1.54 0.66 3.59 1.01 0.3136
Face-to-face psychodyn | 1.54 0.48 5.00 0.72 0.4700
Other face-to-face | 1.91 1.18 3.12 2.62 0.0089
TCA | 1.75 1.47 2.07 6.40 <0.0001
SNRI | 1.93 1.49 2.49 5.04 <0.0001
NRI | 1.45 0.92 2.27 1.61 0.1066
Low-dose SARI | 1.84 1.25 2.69 3.10 0.0019
NaSSa | 1.22 0.89 1.66 1.25 0.2102
rMAO-A | 1.08 0.73 1.59 0.36 0.7158
Ind drug | 2.54 0.96 6.76 1.87 0.0613
Hypericum | 2.00 1.62 2.47 6.48 <0.0001
Remote CBT | 2.14 1.29 3.54 2.94 0.0033
Self-help CBT | 1.94 1.13 3.32 2.42 0.0156
No contact CBT | 1.77 1.01 3.07 2.01 0.0446
UC | 1.16 0.76 1.76 0.69 0.4882
""",
    ),
    (
        "linde 2015, response",
        "random",
        "Placebo",
        """
TCA | 1.72 1.42 2.09 5.56 <0.0001
SSRI | 1.68 1.40 2.01 5.68 <0.0001
SNRI | 1.74 1.25 2.42 3.27 0.0011
NRI | 1.42 0.84 2.40 1.30 0.1938
Low-dose SARI | 1.78 1.18 2.70 2.73 0.0064
NaSSa | 1.14 0.82 1.60 0.77 0.4399
rMAO-A | 1.05 0.69 1.62 0.24 0.8113
Hypericum | 1.99 1.58 2.49 5.94 <0.0001
""",
    ),
    (
        "linde 2015, remission",
        "random",
        "Placebo",
        """
TCA | 1.92 1.54 2.41 5.71 <0.0001
SSRI | 1.83 1.48 2.27 5.52 <0.0001
SNRI | 2.07 1.51 2.84 4.49 <0.0001
NRI | 1.83 1.06 3.15 2.18 0.0289
Low-dose SARI | 1.91 1.21 3.01 2.76 0.0058
NaSSa | 1.58 1.02 2.45 2.03 0.0424
rMAO-A | 1.57 1.06 2.33 2.26 0.0237
Hypericum | 2.04 1.58 2.63 5.43 <0.0001
""",
    ),
    (
        "baker 2009",
        "random",
        "Placebo",
        """
Budesonide | 0.80 0.59 1.10 -1.37 0.1702
Budesonide+Formoterol | 0.67 0.49 0.90 -2.63 0.0086
Fluticasone | 0.86 0.75 0.99 -2.05 0.0406
Fluticasone+Salmeterol | 0.75 0.66 0.86 -4.17 <0.0001
Formoterol | 1.00 0.80 1.25 -0.00 1.0000
Salmeterol | 0.80 0.72 0.89 -4.06 <0.0001
Tiotropium | 0.69 0.61 0.77 -6.39 <0.0001
""",
    ),
    (
        "dogliotti 2014",
        "common",
        "Placebo/Control",
        """
Apixaban | 0.33 0.25 0.44 -7.79 <0.0001
Aspirin | 0.78 0.63 0.96 -2.28 0.0224
Aspirin+Clopidogtrel | 0.58 0.45 0.74 -4.26 <0.0001
Dabigatran 110mg | 0.38 0.28 0.52 -5.92 <0.0001
Dabigatran 150mg | 0.27 0.19 0.37 -7.77 <0.0001
Rivaroxaban | 0.32 0.24 0.44 -7.21 <0.0001
VKAs | 0.41 0.32 0.52 -7.22 <0.0001
""",
    ),
    (
        "dogliotti 2014",
        "random",
        "Placebo/Control",
        """
Apixaban | 0.33 0.24 0.47 -6.35 <0.0001
Aspirin | 0.76 0.60 0.98 -2.16 0.0310
Aspirin+Clopidogtrel | 0.59 0.43 0.82 -3.17 0.0015
Dabigatran 110mg | 0.38 0.25 0.57 -4.63 <0.0001
Dabigatran 150mg | 0.27 0.18 0.41 -6.17 <0.0001
Rivaroxaban | 0.32 0.22 0.48 -5.56 <0.0001
VKAs | 0.41 0.32 0.54 -6.51 <0.0001
""",
    ),
    (
        "stowe 2010",
        "random",
        "Placebo",
        """
COMTI | -0.95 -1.27 -0.63 -5.79 <0.0001
Dopamine Agonist | -1.49 -1.86 -1.12 -7.88 <0.0001
MAOBI | -1.03 -1.56 -0.50 -3.81 0.0001
""",
    ),
    (
        "franchini 2012",
        "common",
        "D",
        """
E | -0.30 -0.71 0.11 -1.44 0.1497
A | 0.52 -0.41 1.46 1.09 0.2736
B | -1.29 -2.31 -0.26 -2.47 0.0137
C | 0.05 -0.59 0.68 0.14 0.8871
""",
    ),
    (
        "woods 2010",
        "common",
        "Fluticasone",
        """
Placebo | 1.81 0.54 6.10 0.96 0.3355
SFC | 0.52 0.09 2.85 -0.75 0.4514
Salmeterol | 0.77 0.19 3.08 -0.37 0.7078
""",
    ),
]


@pytest.mark.parametrize(("name", "model", "reference", "printed"), EFFECTS)
def test_effects(name: str, model: Model, reference: str, printed: str) -> None:
    assert_rows(NETWORKS[name]().fit(model=model, method="DL", reference=reference).effects(), printed)


# studies, comparisons (all pairs), designs; tau², tau, I² in per cent with its limits; Q, df and p in total, within and
# between designs
HETEROGENEITY = """
linde 2016 | 93 124 40 0.0174 0.1319 15.1 0.0 35.6 102.45 87 0.1234 58.07 54 0.3279 44.38 33 0.0892
linde 2015, response | 59 73 21 0.0352 0.1875 26.9 0.0 47.3 79.37 58 0.0327 49.41 39 0.1226 29.95 19 0.0524
linde 2015, remission | 53 61 18 0.0233 0.1528 19.3 0.0 43.6 60.71 49 0.1218 36.83 36 0.4303 23.88 13 0.0323
baker 2009 | 38 74 13 0.0111 0.1055 24.4 0.0 47.7 60.86 46 0.0700 43.20 34 0.1340 17.66 12 0.1264
dogliotti 2014 | 19 27 10 0.0134 0.1158 14.7 0.0 51.2 18.76 16 0.2815 13.17 11 0.2827 5.59 5 0.3480
stowe 2010 | 29 31 4 0.1518 0.3896 43.9 12.3 64.2 48.15 27 0.0074 46.91 25 0.0050 1.24 2 0.5376
franchini 2012 | 7 9 5 0 0 0 0.0 79.2 2.29 4 0.6830 1.61 2 0.4473 0.68 2 0.7121
woods 2010 | 3 8 2 0 0 0 0.0 89.6 0.57 2 0.7525 0.56 1 0.4524 0.00 1 0.9485
"""


@pytest.mark.parametrize(("name", "printed"), rows(HETEROGENEITY).items())
def test_heterogeneity_and_inconsistency(name: str, printed: list[str]) -> None:
    net = NETWORKS[name]()
    fit = net.fit(method="DL")
    tests = fit.inconsistency()
    found = [
        len(net.studies),
        net.pair_counts().sum() / 2,
        len(net.designs),
        fit.tau2[0],
        np.sqrt(fit.tau2[0]),
        100 * fit.i2[0],
        *(100 * fit.i2_interval()[0]),
        *(x for t in (tests.total, tests.within, tests.between) for x in (t.q, t.df, t.p)),
    ]
    assert all(map(agrees, found, printed)), (found, printed)


P_SCORES = [
    (
        "linde 2015, response",
        False,
        """
Hypericum | 0.8939
Low-dose SARI | 0.7201
SNRI | 0.6892
TCA | 0.6802
SSRI | 0.6164
NRI | 0.4445
NaSSa | 0.2128
rMAO-A | 0.1521
Placebo | 0.0908
""",
    ),
    (
        "linde 2015, remission",
        False,
        """
SNRI | 0.7681
Hypericum | 0.7453
TCA | 0.6481
Low-dose SARI | 0.6155
NRI | 0.5513
SSRI | 0.5111
NaSSa | 0.3346
rMAO-A | 0.3196
Placebo | 0.0063
""",
    ),
    (
        "stowe 2010",
        True,
        """
Dopamine Agonist | 0.9677
MAOBI | 0.5664
COMTI | 0.4659
Placebo | 0.0000
""",
    ),
]


@pytest.mark.parametrize(("name", "smaller", "printed"), P_SCORES)
def test_p_scores(name: str, smaller: bool, printed: str) -> None:
    ranking = NETWORKS[name]().fit(method="DL").ranking(smaller_is_better=smaller, samples=64)
    expected = rows(printed)
    assert list(ranking.order) == list(expected)
    found = dict(zip(ranking.treatments, ranking.p_scores.tolist(), strict=True))
    assert all(agrees(found[t], numbers[0]) for t, numbers in expected.items())


def test_a_rankogram_within_its_simulation_error() -> None:
    # netmeta: 1000 draws, set.seed(1909); three standard errors of a proportion are at most 0.05
    printed = """
Dopamine Agonist | 0.9170 0.0800 0.0030 0.0000
MAOBI | 0.0770 0.5680 0.3550 0.0000
COMTI | 0.0060 0.3520 0.6420 0.0000
Placebo | 0.0000 0.0000 0.0000 1.0000
"""
    ranking = stowe().fit(method="DL").ranking()
    for treatment, numbers in rows(printed).items():
        found = ranking.rank_probabilities[ranking.treatments.index(treatment)]
        drawn = np.array(numbers, dtype=float)
        assert np.abs(found - drawn).max() < 3.0 * np.sqrt(0.25 / 1000)


def test_the_league_table_of_network_and_direct_estimates() -> None:
    # rows from top to bottom; netmeta's lower triangle is column against row, ours row against column
    order = ["Dopamine Agonist", "MAOBI", "COMTI", "Placebo"]
    lower = {(1, 0): "-0.46", (2, 0): "-0.55", (2, 1): "-0.09", (3, 0): "-1.49", (3, 1): "-1.03", (3, 2): "-0.95"}
    upper = {(0, 3): "-1.49", (1, 2): "0.02", (1, 3): "-1.03", (2, 3): "-0.93"}
    fit = stowe().fit(method="DL")
    assert fit.ranking(samples=64).order == tuple(order)
    league = fit.league("direct", order=order)
    assert all(agrees(-league.estimates[cell], text) for cell, text in lower.items())
    assert all(agrees(league.estimates[cell], text) for cell, text in upper.items())
    assert np.isnan(league.estimates[0, 1:3]).all()


def test_treatments_that_rank_above_others_on_both_outcomes() -> None:
    # the P-scores printed for Linde et al. 2015 order these pairs alike for response and remission
    rankings = {
        name: linde_2015(k).fit(method="DL").ranking(smaller_is_better=False, samples=64)
        for k, name in enumerate(("response", "remission"))
    }
    order = partial_order(rankings)
    scores = [rows(printed) for _, _, printed in P_SCORES[:2]]
    for i, a in enumerate(order.treatments):
        for j, b in enumerate(order.treatments):
            above = all(float(s[a][0]) > float(s[b][0]) for s in scores)
            assert order.above[i, j] == above


COMPONENTS = [
    (
        "linde 2016",
        "Placebo",
        """
Face-to-face CBT | 2.31 1.44 3.70 3.48 0.0005
Face-to-face PST | 1.37 0.96 1.96 1.72 0.0856
Face-to-face interpsy | 1.10 0.79 1.54 0.57 0.5693
Face-to-face psychodyn | 1.52 0.47 4.96 0.70 0.4853
Hypericum | 1.99 1.61 2.46 6.41 <0.0001
Ind drug | 2.76 1.04 7.33 2.03 0.0420
Low-dose SARI | 1.83 1.24 2.69 3.05 0.0023
NRI | 1.43 0.90 2.26 1.52 0.1291
NaSSa | 1.21 0.88 1.65 1.18 0.2371
No contact CBT | 1.89 1.10 3.27 2.29 0.0219
Other face-to-face | 2.08 1.29 3.33 3.02 0.0025
Remote CBT | 2.33 1.42 3.81 3.36 0.0008
SNRI | 1.90 1.47 2.46 4.91 <0.0001
SSRI | 1.69 1.45 1.97 6.81 <0.0001
Self-help CBT | 2.08 1.23 3.53 2.72 0.0064
TCA | 1.74 1.47 2.05 6.53 <0.0001
UC | 1.24 0.83 1.85 1.07 0.2862
rMAO-A | 1.07 0.72 1.59 0.33 0.7399
""",
        """
Face-to-face CBT + SSRI | 3.91 2.32 6.59 5.12 <0.0001
Face-to-face PST + SSRI | 2.32 1.52 3.53 3.91 <0.0001
Face-to-face interpsy + SSRI | 1.86 1.25 2.78 3.05 0.0023
""",
        "0.0208 0.1441 17.5 0.0 37.1 109.12 90 0.0832 102.45 87 0.1234 6.67 3 0.0831",
    ),
    (
        "baker 2009",
        None,
        """
Budesonide | 0.74 0.58 0.95 -2.32 0.0202
Fluticasone | 0.92 0.80 1.04 -1.31 0.1892
Formoterol | 0.97 0.77 1.21 -0.29 0.7695
Placebo | 1.04 0.87 1.23 0.41 0.6804
Salmeterol | 0.84 0.72 0.98 -2.25 0.0244
Tiotropium | 0.71 0.58 0.87 -3.30 0.0010
""",
        """
Budesonide+Formoterol | 0.72 0.50 1.03 -1.81 0.0699
Fluticasone+Salmeterol | 0.77 0.61 0.98 -2.13 0.0333
""",
        "0.0114 0.1068 24.9 0.0 47.8 62.62 47 0.0632 60.86 46 0.0700 1.76 1 0.1841",
    ),
]


@pytest.mark.parametrize(("name", "inactive", "components", "combinations", "heterogeneity"), COMPONENTS)
def test_component_networks(
    name: str, inactive: str | None, components: str, combinations: str, heterogeneity: str
) -> None:
    fit = fit_components(NETWORKS[name](), inactive=inactive, method="DL")
    for expected, table in ((rows(components), fit.effects), (rows(combinations), fit.treatment_effects())):
        for component, numbers in expected.items():
            i = table.names.index(component)
            values = [*np.exp([table.estimates[i], table.lower[i], table.upper[i]]), table.statistics[i], table.p[i]]
            assert all(map(agrees, values, numbers)), (component, values, numbers)
    assert set(rows(components)) == set(fit.effects.names)
    tests = [fit.q, fit.df, fit.p, fit.standard_q, fit.standard_df, fit.standard_p]
    tests += [fit.difference_q, fit.difference_df, fit.difference_p]
    limits = 100 * np.array(i2_interval(fit.q, fit.df, 0.95))
    found = [fit.tau2, np.sqrt(fit.tau2), 100 * fit.i2, *limits, *tests]
    assert all(map(agrees, found, heterogeneity.split()))


def test_a_component_network_against_placebo() -> None:
    fit = fit_components(odds_ratios(BAKER_2009), method="DL")
    expected = rows("""
Budesonide | 0.72 0.56 0.92 -2.59 0.0095
Budesonide+Formoterol | 0.69 0.52 0.93 -2.42 0.0155
Fluticasone | 0.88 0.77 1.01 -1.78 0.0754
Fluticasone+Salmeterol | 0.74 0.65 0.85 -4.29 <0.0001
Formoterol | 0.93 0.77 1.14 -0.69 0.4905
Salmeterol | 0.81 0.73 0.90 -3.90 <0.0001
Tiotropium | 0.69 0.61 0.77 -6.36 <0.0001
""")
    for treatment, numbers in expected.items():
        found = fit.combination(treatment, "Placebo")
        values = [*np.exp([found.estimates[0], found.lower[0], found.upper[0]]), found.statistics[0], found.p[0]]
        assert all(map(agrees, values, numbers)), (treatment, values, numbers)
