"""Network meta-analysis of events without normal approximation.

Pinned values come from `Rscript validation/network/binary_outcomes.R` (R 4.2.2, metadat 1.2-0 for the data, base R
for the estimators, none of our code). Closed forms to 1e-8, iterative estimators to 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from arm_counts import DONG_2013, GURUSAMY_2011, arms_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.synthesis.network.binary_arms import BinaryArms, binary_arms, read_binary_arms
from equipoise.synthesis.network.binary_fit import BinaryFit
from equipoise.synthesis.network.binary_split import split_binary
from equipoise.synthesis.network.hypergeometric import hypergeometric
from equipoise.synthesis.network.mantel_haenszel import mantel_haenszel
from equipoise.synthesis.network.penalised import penalised_logistic

DONG = arms_of(DONG_2013)
GURUSAMY = arms_of(GURUSAMY_2011)
CONTROL = "Control/Placebo"
Method = Callable[..., BinaryFit]
METHODS: list[Method] = [
    mantel_haenszel,
    hypergeometric,
    partial(hypergeometric, likelihood="exact"),
    penalised_logistic,
]
NAMES = ["Mantel–Haenszel", "Breslow", "exact", "penalised"]


def against(fit: BinaryFit, reference: str, treatments: list[str]) -> tuple[list[float], list[float]]:
    rows = [fit.treatments.index(t) for t in treatments]
    column = fit.treatments.index(reference)
    return fit.estimates[rows, column].tolist(), fit.standard_errors[rows, column].tolist()


class TestRanking:
    @pytest.mark.parametrize("method", [*METHODS, partial(penalised_logistic, model="random")])
    def test_p_scores_and_rank_probabilities_follow_from_the_log_odds_ratios(self, method: Method) -> None:
        fit = method(DONG)
        ranking = fit.ranking(samples=2**14)
        with np.errstate(invalid="ignore"):
            beaten = ndtr(-fit.estimates / fit.standard_errors)
        others = ~np.eye(len(beaten), dtype=bool)
        expected = beaten[others].reshape(len(beaten), -1).mean(axis=1)
        assert ranking.p_scores == pytest.approx(expected, rel=1e-12)
        # The mean rank, from the probability of every rank, by numerical integration.
        ranks = ranking.rank_probabilities @ np.arange(1, len(beaten) + 1)
        assert ranks == pytest.approx(1 + (len(beaten) - 1) * (1 - expected), abs=5e-3)
        assert fit.ranking(smaller_is_better=False, samples=64).p_scores == pytest.approx(1 - expected, rel=1e-12)

    def test_the_league_table_has_the_effects_and_a_second_outcome(self) -> None:
        fit, other = mantel_haenszel(DONG), penalised_logistic(DONG)
        order = fit.ranking(samples=64).order
        league = fit.league(other, order)
        best, worst = (fit.treatments.index(order[i]) for i in (0, -1))
        assert league.treatments == order
        assert league.estimates[-1, 0] == fit.estimates[worst, best]
        assert league.estimates[0, -1] == other.estimates[best, worst]
        assert league.upper[-1, 0] == fit.upper[worst, best]


class TestMantelHaenszel:
    def test_dong_2013(self) -> None:
        fit = mantel_haenszel(DONG, reference="Placebo")
        estimates, errors = against(fit, "Placebo", ["ICS", "LABA", "LABA-ICS", "TIO-HH", "TIO-SMI"])
        assert estimates == pytest.approx(
            [0.0285092480855209, -0.0776828338633891, -0.2350940448222969, -0.0825983919670248, 0.4168814439717473],
            rel=1e-8,
        )
        assert errors == pytest.approx(
            [0.0823587631114249, 0.0807987758890949, 0.0875295208681494, 0.0655612088867473, 0.1861505723601626],
            rel=1e-8,
        )
        assert fit.q == pytest.approx(8.34883676740336, rel=1e-8)
        assert fit.df == 9

    def test_gurusamy_2011(self) -> None:
        fit = mantel_haenszel(GURUSAMY, reference=CONTROL)
        estimates, errors = against(fit, CONTROL, ["Aprotonin", "EACA", "rFVIIa", "Tranexamic acid"])
        assert estimates == pytest.approx(
            [-1.034946210120042, -0.305853773004032, 0.430168381231053, -0.265875583787202], rel=1e-8
        )
        assert errors == pytest.approx(
            [0.525271518596820, 0.849332665489247, 0.810706237819599, 0.625371835293235], rel=1e-8
        )
        assert fit.q == pytest.approx(1.87974998833102, rel=1e-8)
        assert fit.df == 2

    def test_what_is_left_out_is_named(self) -> None:
        reasons = {o.what: o.reason for o in mantel_haenszel(DONG).left_out}
        assert reasons == {
            "id5": "no events in any arm",
            "id25": "no events in any arm",
            "id37": "no events in any arm",
            "Placebo in design LABA-ICS – Placebo": "no events in this design",
            "design LABA-ICS – Placebo": "one arm left, so it compares nothing",
        }
        lost = [o.what for o in mantel_haenszel(GURUSAMY).left_out if "not in the network" in o.reason]
        assert lost == ["Antithrombin III", "Solvent detergent plasma"]

    def test_two_treatments_are_pairwise_mantel_haenszel(self) -> None:
        # metafor 3.8-1: rma.mh(ai=c(3,5,1), n1i=c(40,90,60), ci=c(7,6,4), n2i=c(42,85,61), measure="OR")
        arms = binary_arms(
            ["a", "a", "b", "b", "c", "c"], ["new", "old"] * 3, [3, 7, 5, 6, 1, 4], [40, 42, 90, 85, 60, 61]
        )
        fit = mantel_haenszel(arms)
        assert fit.estimates[0, 1] == pytest.approx(-0.693873515249763, rel=1e-8)
        assert fit.standard_errors[0, 1] == pytest.approx(0.428716893140274, rel=1e-8)

    def test_a_design_that_loses_a_treatment_remains_a_design_of_its_own(self) -> None:
        # C has no events, which leaves A and B of the three-arm studies; metafor 3.8-1: rma.mh(measure="OR") of each
        two, three = (-0.693873515249763, 0.428716893140274), (-0.245187322451631, 0.351469185343777)
        studies = ["a", "a", "b", "b", "c", "c", "d", "d", "d", "e", "e", "e"]
        treatments = ["A", "B"] * 3 + ["A", "B", "C"] * 2
        events = [3, 7, 5, 6, 1, 4, 9, 11, 0, 8, 10, 0]
        n = [40, 42, 90, 85, 60, 61, 70, 72, 30, 66, 64, 30]
        fit = mantel_haenszel(binary_arms(studies, treatments, events, n))
        weights = np.array([two[1], three[1]]) ** -2.0
        assert fit.treatments == ("A", "B")
        assert fit.estimates[0, 1] == pytest.approx(weights @ [two[0], three[0]] / weights.sum(), rel=1e-8)
        assert fit.standard_errors[0, 1] == pytest.approx(weights.sum() ** -0.5, rel=1e-8)
        assert fit.df == 1
        assert fit.q == pytest.approx((two[0] - three[0]) ** 2 / (two[1] ** 2 + three[1] ** 2), rel=1e-8)

    def test_continuity_correction_keeps_sparse_designs_and_says_so(self) -> None:
        fit = mantel_haenszel(DONG, continuity_correction=0.5)
        assert [o.what for o in fit.left_out] == ["id25", "id37", "id5"]
        assert [(c.study, c.what) for c in fit.changes] == [
            ("id34", "0.5 added to the events and non-events of every arm")
        ]
        assert "id34" in fit.arms.studies


class TestHypergeometric:
    def test_dong_2013_breslow(self) -> None:
        fit = hypergeometric(DONG)
        estimates, errors = against(fit, "Placebo", ["ICS", "LABA", "LABA-ICS", "TIO-HH", "TIO-SMI"])
        assert estimates == pytest.approx(
            [0.0241567791123286, -0.0658174060981666, -0.2086840476018158, -0.0759565576953106, 0.4037330990464880],
            rel=1e-6,
        )
        assert errors == pytest.approx(
            [0.0772757104934921, 0.0760426444549731, 0.0828453759746211, 0.0615984725343016, 0.1831998367629241],
            rel=1e-6,
        )

    def test_gurusamy_2011_exact(self) -> None:
        fit = hypergeometric(GURUSAMY, likelihood="exact")
        estimates, errors = against(fit, CONTROL, ["Aprotonin", "EACA", "rFVIIa", "Tranexamic acid"])
        assert estimates == pytest.approx(
            [-1.073856704651045, -0.284261761599186, 0.426830915010121, -0.235378964224361], rel=1e-6
        )
        assert errors == pytest.approx(
            [0.512907561529895, 0.839267067859427, 0.807840529426291, 0.577010115820321], rel=1e-6
        )
        assert fit.log_likelihood == pytest.approx(-11.5627643885471, rel=1e-10)

    def test_the_breslow_approximation_is_good_when_events_are_rare(self) -> None:
        rare = binary_arms(["a", "a", "b", "b"], ["x", "y"] * 2, [4, 7, 6, 5], [40000, 41000, 52000, 50000])
        breslow, exact = hypergeometric(rare), hypergeometric(rare, likelihood="exact")
        assert breslow.estimates[0, 1] == pytest.approx(exact.estimates[0, 1], rel=1e-3)

    def test_an_infinite_odds_ratio_is_an_error_that_names_the_treatment(self) -> None:
        # z has events only where y has none without an event: no non-event of z is ever set against an event of y
        arms = binary_arms(["a", "a", "b", "b"], ["y", "z"] * 2, [0, 1, 3, 5], [5, 5, 5, 5])
        with pytest.raises(DataError, match="penalised"):
            hypergeometric(arms, likelihood="exact")

    def test_the_exact_likelihood_needs_whole_numbers(self) -> None:
        arms = binary_arms(["a", "a"], ["y", "z"], [1.5, 2.5], [10, 10])
        with pytest.raises(DataError, match="whole numbers"):
            hypergeometric(arms, likelihood="exact")


class TestPenalised:
    def test_dong_2013(self) -> None:
        fit = penalised_logistic(DONG)
        estimates, errors = against(fit, "Placebo", ["ICS", "LABA", "LABA-ICS", "TIO-HH", "TIO-SMI"])
        assert estimates == pytest.approx(
            [0.0309139473359291, -0.0735663813431587, -0.2291636228593044, -0.0860639201284224, 0.4079874117114101],
            rel=1e-6,
        )
        assert errors == pytest.approx(
            [0.0820862037930613, 0.0800267911327433, 0.0869675490343443, 0.0650458557580291, 0.1840870419719013],
            rel=1e-6,
        )
        assert fit.log_likelihood == pytest.approx(-126.171455007898, rel=1e-10)

    def test_gurusamy_2011_keeps_every_treatment(self) -> None:
        fit = penalised_logistic(GURUSAMY)
        treatments = [
            "Antithrombin III",
            "Aprotonin",
            "EACA",
            "rFVIIa",
            "Solvent detergent plasma",
            "Tranexamic acid",
        ]
        estimates, errors = against(fit, CONTROL, treatments)
        assert estimates == pytest.approx(
            [-1.537978948451957, -1.033033803994356, -0.269156036347153, 0.280610734096025, 0.076961041136128,
             -0.253460039715446],
            rel=1e-6,
        )  # fmt: skip
        assert errors == pytest.approx(
            [1.652844244230897, 0.477858812770373, 0.794764065063639, 0.710420853497177, 2.118242565654739,
             0.537543306125508],
            rel=1e-6,
        )  # fmt: skip
        assert fit.left_out == ()

    @pytest.mark.parametrize(
        ("dispersion", "dong", "gurusamy"),
        [
            ("pearson", 1.02007439734295, 1.02249447366045),
            ("fletcher", 1.22330151592301, 1.65291330549668),
            ("netmeta", 1.0, 1.0),  # 0.5567… and 0.4456…, raised to 1
        ],
    )
    def test_overdispersion(self, dispersion: str, dong: float, gurusamy: float) -> None:
        for arms, expected in ((DONG, dong), (GURUSAMY, gurusamy)):
            fit = penalised_logistic(arms, model="random", dispersion=dispersion)  # type: ignore[arg-type]
            assert fit.dispersion[0] == pytest.approx(expected, rel=1e-6)
            common = penalised_logistic(arms)
            assert fit.standard_errors == pytest.approx(common.standard_errors * np.sqrt(expected), rel=1e-6)

    def test_a_single_study_with_no_events_gives_no_effect_and_no_dispersion(self) -> None:
        fit = penalised_logistic(binary_arms(["a", "a"], ["x", "y"], [0, 0], [20, 20]), model="random")
        assert fit.estimates[0, 1] == pytest.approx(0, abs=1e-10)
        assert fit.dispersion.tolist() == [1.0]


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
class TestEveryMethod:
    def test_pairs_are_consistent(self, method: Method) -> None:
        fit = method(DONG)
        d = fit.estimates
        assert np.abs(d[:, :, None] + d[None, :, :] - d[:, None, :]).max() < 1e-12

    def test_order_of_the_rows_does_not_matter(self, method: Method) -> None:
        shuffled = np.random.default_rng(1).permutation(len(DONG.study))
        again = binary_arms(
            [DONG.studies[s] for s in DONG.study[shuffled]],
            [DONG.treatments[t] for t in DONG.treatment[shuffled]],
            DONG.events[shuffled],
            DONG.participants[shuffled],
        )
        assert method(again).estimates == pytest.approx(method(DONG).estimates, rel=1e-9, abs=1e-12)

    def test_unconnected_parts_are_analysed_apart(self, method: Method) -> None:
        counts = np.array([[3, 20], [5, 21], [6, 33], [4, 30], [2, 40], [9, 41], [1, 43], [4, 40]])
        studies, treatments = list("aabbccdd"), list("xyxyvwvw")
        both = method(binary_arms(studies, treatments, counts[:, 0], counts[:, 1]))
        assert both.subnetworks == (("v", "w"), ("x", "y"))
        assert np.isnan(both.estimates[both.treatments.index("v"), both.treatments.index("x")])
        alone = method(binary_arms(studies[:4], treatments[:4], counts[:4, 0], counts[:4, 1]))
        assert both.estimates[2, 3] == pytest.approx(alone.estimates[0, 1], rel=1e-9)
        assert both.standard_errors[2, 3] == pytest.approx(alone.standard_errors[0, 1], rel=1e-9)
        assert "Not connected: 2 subnetworks" in both.summary()

    def test_the_frame_has_every_pair_once(self, method: Method) -> None:
        fit = method(DONG, reference="Placebo")
        assert len(fit.to_frame()) == 15
        assert "TIO-SMI : Placebo" in fit.summary()

    def test_an_unknown_reference_is_an_error(self, method: Method) -> None:
        with pytest.raises(DataError, match="'aspirin' isn't in the network"):
            method(DONG, reference="aspirin")


@pytest.mark.parametrize("method", [METHODS[0], *METHODS[2:]], ids=[NAMES[0], *NAMES[2:]])
def test_swapping_events_and_nonevents_flips_the_sign(method: Method) -> None:
    arms = binary_arms(
        ["a", "a", "b", "b", "b", "c", "c"], ["x", "y", "x", "y", "z", "y", "z"], [3, 5, 6, 2, 4, 7, 9],
        [20, 21, 33, 30, 31, 25, 24],
    )  # fmt: skip
    swapped = BinaryArms(arms.studies, arms.treatments, arms.study, arms.treatment, arms.nonevents, arms.participants)
    assert method(swapped).estimates == pytest.approx(-method(arms).estimates, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_in_a_triangle_of_two_arm_studies_indirect_evidence_is_bucher_s(method: Method) -> None:
    arms = binary_arms(["1", "1", "2", "2", "3", "3"], list("ABBCAC"), [9, 12, 7, 5, 10, 15], [60, 55, 48, 50, 62, 58])
    split = split_binary(arms, method)
    assert list(zip(split.treatment, split.comparator, strict=True)) == [("A", "B"), ("A", "C"), ("B", "C")]
    ab, ac, bc = split.direct
    assert split.indirect == pytest.approx([ac - bc, ab + bc, ac - ab], abs=1e-8)
    variances = split.direct_se**2
    assert split.indirect_se**2 == pytest.approx(variances.sum() - variances, rel=1e-8)
    assert split.p == pytest.approx(np.full(3, split.p[0]), rel=1e-6)


def test_a_comparison_without_other_evidence_has_no_indirect_estimate() -> None:
    arms = binary_arms(["1", "1", "2", "2"], list("ABBC"), [9, 12, 7, 5], [60, 55, 48, 50])
    split = split_binary(arms)
    assert split.mixed.tolist() == [False, False, False]
    assert split.studies.tolist() == [1, 0, 1]
    assert split.indirect[1] == split.network[1]


def test_a_reference_without_events_is_named() -> None:
    with pytest.raises(DataError, match="'Antithrombin III' has no informative arm left"):
        mantel_haenszel(GURUSAMY, reference="Antithrombin III")


def test_no_events_at_all_is_an_error_with_a_mend() -> None:
    empty = binary_arms(["a", "a"], ["x", "y"], [0, 0], [10, 10])
    with pytest.raises(DataError, match="penalised logistic regression can use such data"):
        mantel_haenszel(empty)


def test_reading_merges_duplicate_arms_and_reports_single_arm_studies() -> None:
    frame = {
        "trial": ["1", "1", "1", "2"], "drug": ["x", "y", "x", "x"], "dead": [1, 2, 3, 4], "n": [10, 10, 12, 9]
    }  # fmt: skip
    arms = read_binary_arms(frame, study="trial", treatment="drug", events="dead", n="n")
    assert arms.events.tolist() == [4, 2]
    assert arms.participants.tolist() == [22, 10]
    assert [c.study for c in arms.changes] == ["1"]
    assert [o.what for o in arms.left_out] == ["2"]


@pytest.mark.parametrize(("events", "n"), [(11, 10), (-1, 10), (float("nan"), 10), (0, 0)])
def test_impossible_counts_name_the_row(events: float, n: float) -> None:
    with pytest.raises(DataError, match="row 2, study 'a', y"):
        binary_arms(["a", "a"], ["x", "y"], [1, events], [10, n])


counts = st.lists(st.tuples(st.integers(0, 6), st.integers(7, 40)), min_size=4, max_size=8)


@settings(deadline=None, max_examples=40)
@given(counts)
def test_penalised_estimates_are_always_finite(rows: list[tuple[int, int]]) -> None:
    studies = [str(i // 2) for i in range(len(rows))]
    if len(rows) % 2:
        studies[-1] = studies[-2]
    treatments = ["x" if i % 2 == 0 else "y" for i in range(len(rows))]
    treatments[-1] = "z"
    fit = penalised_logistic(binary_arms(studies, treatments, [e for e, _ in rows], [n for _, n in rows]))
    assert np.isfinite(fit.estimates).all()
    assert (fit.standard_errors[~np.eye(3, dtype=bool)] > 0).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(10, 60)), min_size=3, max_size=5))
def test_the_exact_likelihood_sums_to_one(rows: list[tuple[int, int]]) -> None:
    """Over all tables with the observed total, at any odds ratios, the probabilities add up to 1."""
    from itertools import product

    from equipoise.synthesis.network.hypergeometric import Stack, _exact

    sizes = np.array([[n for _, n in rows]], dtype=float)
    total = min(5, int(sum(e for e, _ in rows)) + 1)
    tables = [t for t in product(range(total + 1), repeat=len(rows)) if sum(t) == total]
    potentials = np.linspace(-1.3, 1.1, len(rows))
    index = np.arange(len(rows))[None, :]
    heights = [_exact(Stack(index, np.array([t], dtype=float), sizes), potentials)[0] for t in tables]
    assert float(np.exp(heights).sum()) == pytest.approx(1, rel=1e-10)
