"""Does the analysis of events without normal approximation give what R's netmetabin prints?

As test_network_netmeta, from the pages dat.dong2013 and dat.gurusamy2011 of metadat.
"""

from __future__ import annotations

import numpy as np
import pytest
from arm_counts import DONG_2013, GURUSAMY_2011, arms_of
from printed import agrees, assert_rows, rows

from equipoise.synthesis.network.binary_split import split_binary
from equipoise.synthesis.network.mantel_haenszel import mantel_haenszel

MANTEL_HAENSZEL = [
    (
        DONG_2013,
        "Placebo",
        """
ICS | 1.03 0.88 1.21 0.35 0.7292
LABA | 0.93 0.79 1.08 -0.96 0.3363
LABA-ICS | 0.79 0.67 0.94 -2.69 0.0072
TIO-HH | 0.92 0.81 1.05 -1.26 0.2077
TIO-SMI | 1.52 1.05 2.19 2.24 0.0251
""",
        "37 6 10 8.35 9 0.4994",
    ),
    (
        GURUSAMY_2011,
        "Control/Placebo",
        """
Aprotonin | 0.36 0.13 0.99 -1.97 0.0488
EACA | 0.74 0.14 3.89 -0.36 0.7188
Tranexamic acid | 0.77 0.23 2.61 -0.43 0.6707
rFVIIa | 1.54 0.31 7.53 0.53 0.5957
""",
        "10 5 5 1.88 2 0.3907",
    ),
]


@pytest.mark.parametrize(("data", "reference", "printed", "heterogeneity"), MANTEL_HAENSZEL)
def test_mantel_haenszel(data: str, reference: str, printed: str, heterogeneity: str) -> None:
    fit = mantel_haenszel(arms_of(data), reference=reference)
    assert_rows(fit.effects(), printed)
    found = [len(fit.arms.studies), len(fit.treatments), len(fit.arms.designs()[0]), fit.q, fit.df, fit.p]
    assert all(map(agrees, found, heterogeneity.split()))


# treatment : comparator, studies; direct OR with limits, indirect OR with limits, their ratio with limits, z and p
SPLITS = [
    (
        DONG_2013,
        """
ICS : LABA | 6 1.17 0.96 1.41 0.90 0.56 1.47 1.29 0.77 2.17 0.96 0.3380
ICS : LABA-ICS | 6 1.30 1.07 1.57 1.26 0.73 2.18 1.03 0.58 1.85 0.10 0.9193
LABA : LABA-ICS | 14 1.09 0.91 1.32 2.35 1.26 4.38 0.47 0.24 0.89 -2.30 0.0216
LABA : Placebo | 12 0.90 0.75 1.08 1.02 0.73 1.42 0.88 0.60 1.29 -0.64 0.5223
LABA : TIO-HH | 2 1.31 0.95 1.82 0.90 0.72 1.12 1.45 0.98 2.16 1.87 0.0622
LABA-ICS : Placebo | 8 0.80 0.66 0.97 0.73 0.48 1.12 1.10 0.69 1.75 0.38 0.7031
LABA-ICS : TIO-HH | 1 0.54 0.32 0.94 0.92 0.74 1.14 0.59 0.33 1.06 -1.77 0.0775
TIO-HH : Placebo | 9 0.92 0.80 1.06 0.88 0.63 1.22 1.05 0.74 1.50 0.27 0.7853
""",
    ),
    (
        GURUSAMY_2011,
        """
Aprotonin : Control/Placebo | 3 0.47 0.15 1.45 0.08 0.01 1.04 5.97 0.36 98.99 1.25 0.2125
Aprotonin : Tranexamic acid | 2 0.16 0.02 1.40 0.97 0.16 5.96 0.17 0.01 2.78 -1.25 0.2125
Tranexamic acid : Control/Placebo | 3 0.47 0.12 1.85 2.90 0.26 32.65 0.16 0.01 2.62 -1.28 0.2000
""",
    ),
]


@pytest.mark.parametrize(("data", "printed"), SPLITS)
def test_direct_against_indirect_design_evidence_of_events(data: str, printed: str) -> None:
    split = split_binary(arms_of(data))
    found: dict[str, list[float]] = {}
    for k in np.flatnonzero(split.mixed).tolist():
        for a, b, sign in ((split.treatment[k], split.comparator[k], 1), (split.comparator[k], split.treatment[k], -1)):
            numbers = [float(split.studies[k])]
            for kind in ("direct", "indirect", "difference"):
                estimate = sign * getattr(split, kind)[k]
                half = split.quantile[k] * getattr(split, f"{kind}_se")[k]
                numbers += np.exp([estimate, estimate - half, estimate + half]).tolist()
            found[f"{a} : {b}"] = [*numbers, sign * split.statistic[k], split.p[k]]
    expected = rows(printed)
    assert len(expected) == split.mixed.sum()
    for pair, texts in expected.items():
        assert all(map(agrees, found[pair], texts)), (pair, found[pair], texts)


def test_direct_estimates_of_events() -> None:
    # the upper triangle of the league table of Dong et al. 2013, row against column
    expected = rows("""
ICS : LABA | 1.17 0.96 1.41
ICS : LABA-ICS | 1.30 1.07 1.57
ICS : Placebo | 1.01 0.86 1.20
LABA : LABA-ICS | 1.09 0.91 1.32
LABA : Placebo | 0.90 0.75 1.08
LABA : TIO-HH | 1.31 0.95 1.82
LABA-ICS : Placebo | 0.80 0.66 0.97
LABA-ICS : TIO-HH | 0.54 0.32 0.94
Placebo : TIO-HH | 1.08 0.94 1.24
Placebo : TIO-SMI | 0.66 0.46 0.95
""")
    split = split_binary(arms_of(DONG_2013))
    lower, upper = split.limits("direct")
    compared = np.flatnonzero(split.studies > 0).tolist()
    found = {
        f"{split.treatment[k]} : {split.comparator[k]}": np.exp([split.direct[k], lower[k], upper[k]]).tolist()
        for k in compared
    }
    assert set(found) == set(expected)
    assert all(
        agrees(x, text) for pair, numbers in expected.items() for x, text in zip(found[pair], numbers, strict=True)
    )
