"""Subgroup analysis: a pooled effect in each group and a test of their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.heterogeneity import METHODS, solve
from equipoise.synthesis.pairwise.pooling import pool_arrays
from equipoise.synthesis.pairwise.projection import Moderators
from equipoise.synthesis.pairwise.refits import COMMON
from equipoise.synthesis.pairwise.regression import WaldTest
from equipoise.synthesis.pairwise.result import Pooled
from equipoise.synthesis.pairwise.tables import number, p_cell, table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Subgroups:
    """Pooled effects by group, in the order in which the groups first appear, and ``overall``.

    ``between`` tests that the groups' effects are equal: Σ (θ_g − θ̄)²/se_g² on g − 1 degrees of freedom (Borenstein
    & Higgins 2013, Prevention Science 14:134). ``common_tau2`` says whether the groups share τ².
    """

    groups: dict[str, Pooled]
    overall: Pooled
    between: WaldTest
    common_tau2: bool

    def to_frame(self) -> Any:
        """One row a group, and one for all studies."""
        fits = [*self.groups.values(), self.overall]
        return make_frame(
            {
                "group": [*self.groups, "all"],
                "k": [fit.k for fit in fits],
                "estimate": [fit.estimate for fit in fits],
                "se": [fit.se for fit in fits],
                "ci_low": [fit.ci[0] for fit in fits],
                "ci_high": [fit.ci[1] for fit in fits],
                "p_value": [fit.p_value for fit in fits],
                "tau2": [fit.tau2 for fit in fits],
                "i2": [fit.i2 for fit in fits],
                "q": [fit.q for fit in fits],
            }
        )

    def summary(self) -> str:
        """The groups as a table, and the test between them."""
        rows = [
            [name, str(fit.k), number(fit.estimate), *map(number, fit.ci), p_cell(fit.p_value), number(fit.tau2)]
            for name, fit in [*self.groups.items(), ("all", self.overall)]
        ]
        shared = "common τ²" if self.common_tau2 else "τ² by group"
        return "\n".join(
            [
                f"Subgroups (k = {self.overall.k}; {self.overall.method}, {shared})",
                "",
                table(["group", "k", "estimate", "ci.low", "ci.high", "p", "τ²"], rows),
                "",
                f"Test for subgroup differences: {self.between}",
            ]
        )

    def __str__(self) -> str:
        return self.summary()


def subgroups(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    method: str = "REML",
    ci: str = "z",
    common_tau2: bool = False,
    level: float = 0.95,
    studies: Sequence[Any] | None = None,
) -> Subgroups:
    """Pool the studies of each group, and test the difference between groups.

    ``groups`` holds one label a study. ``method`` as in `pool`, "CE" for a common effect. With ``common_tau2`` one τ²
    is estimated within groups over all studies (as a meta-regression on the groups does) and used in each.

    Raises ``DataError`` for a study without a group, for a single group, and when ``common_tau2`` has no group of
    two studies to go by.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    if groups is None:
        raise DataError("groups are needed: one label a study")
    if len(groups) != k:
        raise DataError(f"groups has {len(groups)} values, but there are {k} studies")
    for row, group in enumerate(groups, start=1):
        if group is None or group == "" or (isinstance(group, float) and np.isnan(group)):
            raise DataError(f"groups, study {row}: empty; name its group, or leave the study out and say so")
    names = inputs.labels(groups, k, "groups")
    labels = inputs.labels(inputs.studies_of(estimates, studies), k, "studies")
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) < 2:
        raise DataError(f"one group only ({distinct[0]!r}): there is nothing to compare")
    member = np.array([[name == group for name in names] for group in distinct])
    common = method in COMMON
    if not common:
        inputs.choice(method, [*METHODS, *COMMON], "method")
    shared: float | None = None
    if common_tau2 and not common:
        if k <= len(distinct):
            raise DataError("a common τ² needs a group of two studies or more")
        shared = float(solve(method, Moderators(y, v, member.T.astype(float))).value)

    def fit(rows: NDArray[np.bool_], tau2: float | None) -> Pooled:
        picked = np.flatnonzero(rows)
        return pool_arrays(
            y[picked], v[picked], tuple(labels[i] for i in picked), method=method, ci=ci, level=level, tau2=tau2
        )

    fits = {group: fit(rows, shared) for group, rows in zip(distinct, member, strict=True)}
    effect = np.array([fit.estimate for fit in fits.values()])
    weight = np.array([fit.se for fit in fits.values()]) ** -2.0
    mean = float(weight @ effect / weight.sum())
    q = float(weight @ (effect - mean) ** 2)
    df = len(distinct) - 1
    return Subgroups(
        groups=fits,
        overall=fit(np.ones(k, dtype=bool), None),
        between=WaldTest(q, df, float("nan"), float(chdtrc(df, q))),
        common_tau2=shared is not None,
    )
