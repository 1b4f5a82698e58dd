"""What do the explanations and sensitivity analyses do with studies at the edge of what can be analysed?

Each gives a defined result or an error of the package that says what to do: never a warning of NumPy's, never an
infinite number, never an effect outside the range of the studies where it is a weighted mean of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.synthesis.pairwise.asymmetry import begg, egger, thompson
from equipoise.synthesis.pairwise.baujat import baujat
from equipoise.synthesis.pairwise.cumulative import cumulative
from equipoise.synthesis.pairwise.excess_significance import excess_significance
from equipoise.synthesis.pairwise.fail_safe import fail_safe
from equipoise.synthesis.pairwise.gosh import gosh
from equipoise.synthesis.pairwise.influence import influence
from equipoise.synthesis.pairwise.leave_one_out import leave_one_out
from equipoise.synthesis.pairwise.limit_meta_analysis import limit_meta_analysis
from equipoise.synthesis.pairwise.location_scale import location_scale
from equipoise.synthesis.pairwise.multilevel import multilevel
from equipoise.synthesis.pairwise.pet_peese import pet_peese
from equipoise.synthesis.pairwise.random_effects import intercepts, nested
from equipoise.synthesis.pairwise.regression import meta_regression
from equipoise.synthesis.pairwise.robust import robust
from equipoise.synthesis.pairwise.selection import selection_model
from equipoise.synthesis.pairwise.subgroups import subgroups
from equipoise.synthesis.pairwise.trim_and_fill import trim_and_fill

FloatArray = NDArray[np.float64]
RNG = np.random.default_rng(11)
SPREAD = RNG.normal(0.3, 0.5, 12)

STUDIES: dict[str, tuple[FloatArray, FloatArray]] = {
    "one": (np.array([0.4]), np.array([0.1])),
    "two": (np.array([0.4, -0.1]), np.array([0.1, 0.2])),
    "three": (np.array([0.4, -0.1, 0.2]), np.array([0.1, 0.2, 0.05])),
    "identical": (np.full(12, 0.25), np.full(12, 0.04)),
    "identical estimates": (np.full(12, 0.25), np.linspace(0.01, 0.4, 12)),
    "all zero": (np.zeros(12), np.linspace(0.01, 0.4, 12)),
    "variance ratio 1e12": (SPREAD, np.concatenate([[1e12], np.linspace(0.5, 1.0, 11)])),
    "one study with all the weight": (SPREAD, np.concatenate([[1e-6], np.linspace(0.5, 1.0, 11)])),
    "huge heterogeneity": (1e6 * SPREAD, np.linspace(0.01, 0.4, 12)),
    "tiny units": (1e-8 * SPREAD, 1e-16 * np.linspace(0.01, 0.4, 12)),
    "huge units": (1e8 * SPREAD, 1e16 * np.linspace(0.01, 0.4, 12)),
}


def groups(y: FloatArray) -> list[str]:
    return [str(i // 2) for i in range(len(y))]


ANALYSES: dict[str, Callable[[FloatArray, FloatArray], Any]] = {
    "mean": lambda y, v: meta_regression(y, v, np.ones((len(y), 1))).coefficients,
    "mean ML": lambda y, v: meta_regression(y, v, np.ones((len(y), 1)), method="ML", ci="hksj").coefficients,
    "subgroups": lambda y, v: [fit.estimate for fit in subgroups(y, v, groups(y)).groups.values()],
    "multilevel": lambda y, v: multilevel(y, v, random=nested(groups(y), range(len(y)))).coefficients,
    "robust": lambda y, v: robust(multilevel(y, v, random=intercepts(groups(y))), groups(y)).coefficients,
    "location-scale": lambda y, v: location_scale(y, v).location.estimate,
    "leave one out": lambda y, v: leave_one_out(y, v).estimate,
    "cumulative": lambda y, v: cumulative(y, v).estimate,
    "gosh": lambda y, v: gosh(y, v, method="DL").estimate,
    "gosh REML": lambda y, v: gosh(y, v, method="REML", subsets=300).estimate,
}
OTHERS: dict[str, Callable[[FloatArray, FloatArray], Any]] = {
    "influence": influence,
    "baujat": baujat,
    "egger": egger,
    "thompson": thompson,
    "begg": begg,
    "trim and fill": trim_and_fill,
    "trim and fill left": lambda y, v: trim_and_fill(y, v, side="left", estimator="R0", method="CE"),
    "PET-PEESE": pet_peese,
    "limit": limit_meta_analysis,
    "excess significance": excess_significance,
    "selection": selection_model,
    "selection half-normal": lambda y, v: selection_model(y, v, weight="half-normal"),
    "fail-safe": fail_safe,
    "Rosenberg": lambda y, v: fail_safe(y, v, method="rosenberg"),
    "Orwin": lambda y, v: fail_safe(y, v, method="orwin", target=0.1),
}

LISTING: dict[str, Callable[[FloatArray, FloatArray], Any]] = {
    "mean": lambda y, v: meta_regression(y, v, np.ones((len(y), 1))),
    "mean ML": lambda y, v: meta_regression(y, v, np.ones((len(y), 1)), method="ML", ci="hksj"),
    "influence": influence,
    "baujat": baujat,
}
"""Analyses that leave out what is missing and list it."""

TOO_FEW = {
    "selection": 2,
    "selection half-normal": 2,
    "mean": 1, "mean ML": 1, "leave one out": 1, "multilevel": 1, "subgroups": 2, "robust": 2, "location-scale": 2,
    "influence": 2, "baujat": 2, "trim and fill": 2, "PET-PEESE": 2, "limit": 2,
}  # fmt: skip
"""The largest number of studies for which an analysis is refused."""

UNDEFINED = {
    # One precision only: there is no slope on it.
    ("trim and fill", "identical"), ("PET-PEESE", "identical"), ("limit", "identical"),
    # Rows of a group that differ by a million standard errors, and no effect to explain it.
    ("robust", "huge heterogeneity"),
}  # fmt: skip


@pytest.mark.parametrize("studies", list(STUDIES))
@pytest.mark.parametrize("analysis", list(ANALYSES))
def test_effects_lie_within_the_studies(analysis: str, studies: str) -> None:
    y, v = STUDIES[studies]
    if len(y) <= TOO_FEW.get(analysis, 0) or (analysis, studies) in UNDEFINED:
        with pytest.raises(DataError, match=r"stud|group|cluster|estimates|maximum"):
            ANALYSES[analysis](y, v)
        return
    effects = np.asarray(ANALYSES[analysis](y, v), dtype=float)
    assert np.isfinite(effects).all()
    slack = 1e-9 * np.abs(y).max()
    assert effects.min() >= y.min() - slack
    assert effects.max() <= y.max() + slack


@pytest.mark.parametrize("studies", list(STUDIES))
@pytest.mark.parametrize("analysis", list(OTHERS))
def test_a_result_can_always_be_told(analysis: str, studies: str) -> None:
    y, v = STUDIES[studies]
    if len(y) <= TOO_FEW.get(analysis, 0) or (analysis, studies) in UNDEFINED:
        with pytest.raises(DataError, match=r"stud|precision"):
            OTHERS[analysis](y, v)
        return
    result = OTHERS[analysis](y, v)
    text = result.summary()
    assert text
    assert "inf" not in text.replace("infl", "")
    assert len(result.to_frame())


@pytest.mark.parametrize("analysis", [*ANALYSES, *OTHERS])
@pytest.mark.parametrize(
    ("estimate", "variance"), [(np.nan, 0.1), (0.1, np.nan), (0.1, 0.0), (0.1, -1.0), (np.inf, 1.0)]
)
def test_what_is_missing_or_impossible_is_refused(analysis: str, estimate: float, variance: float) -> None:
    y, v = np.append(SPREAD, estimate), np.append(np.linspace(0.01, 0.4, 12), variance)
    if analysis in LISTING and np.isnan([estimate, variance]).any():
        complete, found = (LISTING[analysis](*studies) for studies in ((y[:12], v[:12]), (y, v)))
        lines = found.summary().splitlines()
        assert [line for line in lines if "Left out" not in line] == complete.summary().splitlines()
        assert any(line.startswith("Left out: 13 (no ") for line in lines)
        return
    with pytest.raises(DataError, match="13"):
        {**ANALYSES, **OTHERS}[analysis](y, v)
