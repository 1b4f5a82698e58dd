"""Posteriors as ArviZ data."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from network_datasets import parkinson

from equipoise.errors import DataError, MissingExtra
from equipoise.synthesis.bayes.arm_level import posterior_from_arms, read_arms
from equipoise.synthesis.bayes.arviz_export import to_arviz
from equipoise.synthesis.bayes.nuts import sample
from equipoise.synthesis.bayes.pair import posterior
from equipoise.synthesis.bayes.priors import HalfNormal
from equipoise.synthesis.network import Network

Y, V = np.array([-0.9, -0.2, 0.3, -0.6]), np.array([0.1, 0.05, 0.2, 0.08])


def test_a_network() -> None:
    exact = parkinson().posterior(heterogeneity=HalfNormal(0.5), reference="C")
    found = to_arviz(exact, draws=400, seed=2).posterior
    tau, effects = exact.draws(400, seed=2)
    assert found["treatment"].values.tolist() == ["A", "B", "D", "E"]
    np.testing.assert_array_equal(found["tau"].values, tau.reshape(4, 100))
    np.testing.assert_array_equal(found["effect"].sel(treatment="D").values.ravel(), effects[:, 3])


def test_arms() -> None:
    data = {"study": list("aabbcc"), "treatment": list("PAPAPA"), "events": [9, 5, 8, 4, 7, 7], "n": [50] * 6}
    exact = posterior_from_arms(read_arms(data, events="events", n="n"), heterogeneity=HalfNormal(0.5), reference="P")
    found = to_arviz(exact, draws=10).posterior
    assert found["effect"].shape == (4, 3, 1)  # rounded up to a multiple of four
    assert found["tau"].shape == (4, 3)


def test_several_subnetworks_have_a_tau_each() -> None:
    data = {"study": ["1", "2"], "t": ["A", "C"], "c": ["B", "D"], "y": [0.1, 0.2], "se": [0.3, 0.3]}
    exact = Network.from_contrasts(data, treatment="t", comparator="c", estimate="y").posterior(HalfNormal(0.5))
    found = to_arviz(exact, draws=8).posterior
    assert found["tau"].shape == (4, 2, 2)
    assert found["treatment"].values.tolist() == ["B", "D"]


def test_one_comparison() -> None:
    exact = posterior(Y, V, heterogeneity=HalfNormal(0.5))
    found = to_arviz(exact, draws=8, seed=1).posterior
    tau, mu = exact.draws(8, seed=1)
    np.testing.assert_array_equal(found["mu"].values.ravel(), mu)
    np.testing.assert_array_equal(found["tau"].values.ravel(), tau)


def test_a_common_effect_has_no_tau() -> None:
    found = to_arviz(posterior(Y, V, heterogeneity=None), draws=8).posterior
    assert list(found.data_vars) == ["mu"]


def test_sampled_chains_stay_chains() -> None:
    sampled = sample(posterior(Y, V, heterogeneity=HalfNormal(0.5)), draws=30, tune=60, chains=3)
    found = to_arviz(sampled).posterior
    np.testing.assert_array_equal(found["tau"].values, sampled.tau_draws)
    np.testing.assert_array_equal(found["effect"].sel(treatment="treatment").values, sampled.effect_draws[..., 1])


def test_the_call_that_arviz_takes_since_its_version_1(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {}

    def from_dict(data: dict[str, Any], *, coords: Any = None, dims: Any = None) -> str:
        taken.update(data=data, coords=coords, dims=dims)
        return "tree"

    monkeypatch.setitem(sys.modules, "arviz", SimpleNamespace(from_dict=from_dict))
    exact = parkinson().posterior(heterogeneity=HalfNormal(0.5))
    assert to_arviz(exact, draws=8) == "tree"
    assert set(taken["data"]["posterior"]) == {"tau", "effect"}
    assert taken["dims"] == {"effect": ["treatment"]}


def test_no_draws_are_refused() -> None:
    with pytest.raises(DataError, match="at least one"):
        to_arviz(posterior(Y, V, heterogeneity=HalfNormal(0.5)), draws=0)


def test_without_arviz_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(MissingExtra, match=r"equipoise\[arviz\]"):
        to_arviz(posterior(Y, V, heterogeneity=HalfNormal(0.5)))
