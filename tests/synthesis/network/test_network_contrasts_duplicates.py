"""Contrast tables in which a study has two arms of one treatment."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.errors import DataError
from equipoise.synthesis.network.network import Network


def table(*rows: tuple[str, str, str, float, float]) -> dict[str, list[object]]:
    names = ("study", "treatment", "comparator", "estimate", "se")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


TWO_ARMS_AGAINST_PLACEBO = table(
    ("a", "drug", "drug", 0.2, np.sqrt(0.3)),
    ("a", "drug", "placebo", 1.1, np.sqrt(0.25)),
    ("a", "drug", "placebo", 0.9, np.sqrt(0.25)),
)


def test_arms_of_one_treatment_are_merged_and_reported() -> None:
    """Arms with variances 0.15, 0.15 and 0.10: the drug's two average to 1.0 with variance 0.15/2 + 0.10."""
    network = Network.from_contrasts(TWO_ARMS_AGAINST_PLACEBO)
    fit = network.fit(model="common", reference="placebo")
    drug, placebo = (fit.treatments.index(name) for name in ("drug", "placebo"))
    assert fit.estimates[drug, placebo] == pytest.approx(1.0, rel=1e-12)
    assert fit.standard_errors[drug, placebo] ** 2 == pytest.approx(0.175, rel=1e-12)
    assert [(change.study, "drug" in change.what) for change in network.changes] == [("a", True)]


def test_a_study_of_one_treatment_alone_is_left_out_and_reported() -> None:
    other = table(("a", "drug", "drug", 0.2, 0.5), ("b", "drug", "placebo", 1.0, 0.4))
    network = Network.from_contrasts(other)
    assert [study.study for study in network.studies] == ["b"]
    assert [(out.what, out.reason) for out in network.left_out] == [("a", "only one treatment, so it compares nothing")]


def test_rows_from_which_the_arms_do_not_follow_are_refused() -> None:
    rows = table(
        ("a", "drug", "placebo", 1.1, 0.5), ("a", "drug", "drug", 0.2, 0.5), ("a", "drug", "placebo", 0.9, 0.5)
    )
    with pytest.raises(DataError, match=r"study 'a', row 2 \(drug – drug\): a treatment is compared with itself"):
        Network.from_contrasts(rows)
