"""Leaving out each study and each treatment in one pass equals refitting the network without it."""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import senn

from equipoise.errors import DataError
from equipoise.synthesis.network import Network, NetworkFit, StudyContrasts
from equipoise.synthesis.network.leave_out import LeaveOneOut, leave_one_study_out, leave_one_treatment_out


def contrast(study: str, base: str, treatment: str, estimate: float) -> StudyContrasts:
    return StudyContrasts(study, (base, treatment), np.array([estimate]), np.array([[0.04]]))


def same_as(result: LeaveOneOut, row: int, refitted: NetworkFit) -> None:
    """One row of the result is what the refitted network says."""
    reference = result.references[row]
    part = next(p for p in refitted.subnetworks if reference in p)
    column = refitted.treatments.index(reference)
    for number, treatment in enumerate(result.treatments):
        if treatment not in part:
            assert np.isnan(result.estimates[row, number])
            continue
        place = refitted.treatments.index(treatment), column
        assert result.estimates[row, number] == pytest.approx(refitted.estimates[place], abs=1e-10)
        assert result.standard_errors[row, number] == pytest.approx(refitted.standard_errors[place], abs=1e-10)
        assert result.upper[row, number] == pytest.approx(refitted.upper[place], abs=1e-10)
    number = refitted.subnetworks.index(part)
    assert result.tau2[row] == pytest.approx(refitted.tau2[number], abs=1e-10)
    assert result.q[row] == pytest.approx(refitted.q[number], rel=1e-10)
    assert result.df[row] == refitted.df[number]


@pytest.mark.parametrize("options", [
    {"model": "common"},
    {"model": "random", "method": "DL"},
    {"model": "random", "method": "DL", "ci": "hksj"},
    {"model": "random", "method": "REML", "ci": "t"},
])  # fmt: skip
def test_every_study_in_turn(options: dict[str, str]) -> None:
    network = senn()
    result = leave_one_study_out(network.fit(reference="plac", **options))  # type: ignore[arg-type]
    assert result.left_out == tuple(s.study for s in network.studies)
    for row, gone in enumerate(network.studies):
        rest = Network.from_studies((s for s in network.studies if s is not gone), "MD")
        same_as(result, row, rest.fit(reference="plac", **options))  # type: ignore[arg-type]


def test_every_treatment_in_turn() -> None:
    network = senn()
    result = leave_one_treatment_out(network.fit(reference="plac", method="DL"))
    arms = {s.study: s for s in network.studies}
    three = arms["Willms1999"]
    for row, gone in enumerate(network.treatments):
        rest = [s for s in network.studies if gone not in s.treatments]
        if gone in three.treatments:
            values = dict(zip(three.treatments, np.r_[0, three.estimates], strict=True))
            spread = np.pad(three.covariance, ((1, 0), (1, 0)))
            first, second = (t for t in three.treatments if t != gone)
            i, j = three.treatments.index(first), three.treatments.index(second)
            variance = spread[i, i] + spread[j, j] - 2 * spread[i, j]
            rest.append(
                StudyContrasts("Willms1999", (first, second), np.array([values[second] - values[first]]),
                               np.array([[variance]]))
            )  # fmt: skip
        same_as(result, row, Network.from_studies(rest, "MD").fit(reference=result.references[row], method="DL"))
    assert result.references[network.treatments.index("plac")] == "acar"
    assert "benf, migl, plac, sita, vild" in result.summary()


def test_the_networks_tau2_can_be_kept() -> None:
    network = senn()
    fit = network.fit(reference="plac")
    result = leave_one_study_out(fit, tau2="network")
    assert result.tau2 == pytest.approx(np.full(len(network.studies), fit.tau2[0]), rel=1e-12)


def test_a_study_that_holds_the_network_together() -> None:
    network = Network.from_studies(
        [contrast("1", "a", "b", 0.1), contrast("2", "a", "b", 0.3), contrast("3", "b", "c", 0.5)]
    )
    result = leave_one_study_out(network.fit(reference="a", model="common"))
    assert np.isnan(result.estimates[2, 2])
    assert result.estimates[2, 1] == pytest.approx(0.2, rel=1e-12)
    assert result.estimates[0].tolist() == pytest.approx([0, 0.3, 0.8], abs=1e-12)


def test_each_part_of_an_unconnected_network_has_its_own_reference() -> None:
    network = Network.from_studies(
        [contrast("1", "a", "b", 0.1), contrast("2", "a", "b", 0.3), contrast("3", "x", "y", 0.5),
         contrast("4", "x", "y", 0.7)]
    )  # fmt: skip
    result = leave_one_study_out(network.fit(model="common", reference="a"))
    assert result.references == ("a", "a", "x", "x")
    assert result.estimates[2, 3] == pytest.approx(0.7, rel=1e-12)
    assert np.isnan(result.estimates[2, 1])


def test_a_single_study_is_an_error() -> None:
    fit = Network.from_studies([contrast("1", "a", "b", 0.1)]).fit()
    with pytest.raises(DataError, match="'1' is the only study"):
        leave_one_study_out(fit)
    with pytest.raises(DataError, match="two treatments"):
        leave_one_treatment_out(fit)


def test_the_frame_compares_with_the_full_analysis() -> None:
    fit = senn().fit(reference="plac")
    frame = leave_one_study_out(fit).to_frame()
    row = frame[(frame["left_out"] == "Lewin2007") & (frame["treatment"] == "metf")].iloc[0]
    assert row["full"] == pytest.approx(fit.estimates[fit.treatments.index("metf"), fit.treatments.index("plac")])
    assert row["estimate"] != row["full"]


def random_network(seed: int, treatments: int, studies: int, heterogeneity: float) -> Network:
    """A random tree of treatments, then studies of two to four arms."""
    draw = np.random.default_rng(seed)
    found = []
    for k in range(studies):
        tree = [int(draw.integers(0, k + 1)), k + 1] if k < treatments - 1 else None
        arms = tree or draw.choice(treatments, int(draw.integers(2, 5)), replace=False).tolist()
        variances = draw.uniform(0.01, 0.3, len(arms))
        means = 0.1 * np.array(arms) + draw.normal(0, np.sqrt(variances + heterogeneity / 2))
        covariance = np.diag(variances[1:]) + variances[0]
        found.append(StudyContrasts(f"s{k}", tuple(f"t{a}" for a in arms), means[1:] - means[0], covariance))
    return Network.from_studies(found)


@pytest.mark.parametrize(("seed", "method", "heterogeneity"), [
    (1, "REML", 0.2), (2, "ML", 0.2), (3, "REML", 0.02), (4, "ML", 0.0), (5, "DL", 0.1),
])  # fmt: skip
def test_all_studies_of_a_large_network_at_once(seed: int, method: str, heterogeneity: float) -> None:
    network = random_network(seed, 8, 60, heterogeneity)
    options = {"method": method, "reference": "t0", "ci": "hksj"}
    result = leave_one_study_out(network.fit(**options))  # type: ignore[arg-type]
    for row in range(0, 60, 3):
        rest = Network.from_studies(s for k, s in enumerate(network.studies) if k != row)
        same_as(result, row, rest.fit(**options))  # type: ignore[arg-type]
