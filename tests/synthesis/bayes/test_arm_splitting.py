"""Node-splitting of arms: against that of contrasts, where both are the same model, and its own properties."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from test_arm_level import SMOKING, binomial

from equipoise.figures.network import split_forest
from equipoise.synthesis.bayes.arm_level import posterior_from_arms, read_arms
from equipoise.synthesis.bayes.priors import HalfNormal
from equipoise.synthesis.network.network import Network

ROWS = [
    ("1", "A", 1.0, 0.3), ("1", "B", 1.9, 0.3),
    ("2", "A", -0.4, 0.2), ("2", "B", 0.1, 0.25),
    ("3", "A", 2.0, 0.3), ("3", "C", 2.2, 0.3),
    ("4", "B", 0.3, 0.2), ("4", "C", 0.1, 0.2),
    ("5", "A", 0.3, 0.2), ("5", "C", 1.4, 0.3),
    ("6", "A", 0.3, 0.2), ("6", "D", 0.9, 0.2),
]  # fmt: skip


def test_normal_arms_split_as_their_contrasts_do() -> None:
    study, treatment, mean, se = zip(*ROWS, strict=True)
    columns = {"study": study, "treatment": treatment, "y": mean, "se": se}
    arms = posterior_from_arms(read_arms(columns, likelihood="normal", mean="y", se="se"), HalfNormal(1.0)).split()
    network = Network.from_arms(columns, study="study", treatment="treatment", mean="y", se="se", measure="MD")
    wanted = network.posterior(HalfNormal(1.0)).split()
    assert set(zip(arms.treatment, arms.comparator, strict=True)) == {("A", "B"), ("A", "C"), ("B", "C")}
    for row, pair in enumerate(zip(arms.treatment, arms.comparator, strict=True)):
        place = list(zip(wanted.treatment, wanted.comparator, strict=True)).index(pair)
        for name in ("direct", "indirect", "difference"):
            assert getattr(arms, name)[row] == pytest.approx(getattr(wanted, name)[place], abs=3e-3)
            found, other = getattr(arms, f"{name}_se")[row], getattr(wanted, f"{name}_se")[place]
            assert found == pytest.approx(other, rel=3e-3)
        assert arms.p[row] == pytest.approx(wanted.p[place], abs=2e-3)


def test_smoking_cessation() -> None:
    posterior = posterior_from_arms(binomial(SMOKING), HalfNormal(1.0), points=2048)
    found = posterior.split()
    assert len(found) == 6
    assert "Node-splitting" in found.summary()
    assert np.all((found.p > 0.02) & (found.p <= 1.0))
    assert isinstance(split_forest(found), Axes)
    low, high = np.minimum(found.direct, found.indirect), np.maximum(found.direct, found.indirect)
    # What direct and indirect evidence say together lies about between them.
    assert np.all((found.network > low - 0.15) & (found.network < high + 0.15))
