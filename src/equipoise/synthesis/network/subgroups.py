"""Subgroup networks: the same treatments in different kinds of studies.

Every subgroup's studies are a network of their own. For each pair of treatments that several subgroups can compare,
Q = Σ (d_g − d̄)²/s_g² tests whether they agree (as `subgroup` of R's netmeta does). Over all pairs, in the
common-effect model, Q of the whole network minus the subgroups' is χ² distributed if they agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.covariates import restrict, values_by_study
from equipoise.synthesis.network.fit import Model, NetworkFit
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.inference import Interval
from equipoise.synthesis.network.network import LeftOut, Network
from equipoise.synthesis.network.tables import decimals, long_table, natural, p_statement, p_value


@dataclass(frozen=True, slots=True, eq=False)
class Subgroups:
    """Network meta-analyses of subgroups of studies.

    ``names`` and ``fits``: one a subgroup. ``estimates``, ``standard_errors``: shape (subgroups, treatments,
    treatments), NaN where a subgroup can't compare the pair. ``q``, ``df``, ``p``: shape (treatments, treatments),
    the test of each pair (NaN with fewer than two subgroups). ``q_between`` …: the test of all pairs at once in the
    common-effect model.
    """

    network: Network
    names: tuple[str, ...]
    fits: tuple[NetworkFit, ...]
    estimates: FloatArray
    standard_errors: FloatArray
    q: FloatArray
    df: IntArray
    p: FloatArray
    q_between: float
    df_between: int
    p_between: float
    left_out: tuple[LeftOut, ...]

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments of the whole network, in the order of the arrays."""
        return self.network.treatments

    def to_frame(self) -> Any:
        """One row a pair and subgroup, with the pair's test."""
        from equipoise.frames import make_frame

        rows = [(i, j, g) for i, j in self._compared() for g in range(len(self.names)) if self._has(g, i, j)]
        return make_frame(
            {
                "treatment": [self.treatments[i] for i, _, _ in rows],
                "comparator": [self.treatments[j] for _, j, _ in rows],
                "subgroup": [self.names[g] for _, _, g in rows],
                "estimate": [float(self.estimates[g, i, j]) for i, j, g in rows],
                "se": [float(self.standard_errors[g, i, j]) for i, j, g in rows],
                "q": [float(self.q[i, j]) for i, j, _ in rows],
                "df": [int(self.df[i, j]) for i, j, _ in rows],
                "p": [float(self.p[i, j]) for i, j, _ in rows],
            }
        )

    def summary(self) -> str:
        """Every pair that two subgroups or more can compare, and the overall test, as text."""
        measure = self.network.measure
        pairs = [(i, j) for i, j in self._compared() if self.df[i, j] > 0]
        columns = {"comparison": [f"{self.treatments[i]} : {self.treatments[j]}" for i, j in pairs]}
        for number, name in enumerate(self.names):
            values = [natural(measure, self.estimates[number, i, j]) for i, j in pairs]
            columns[f"{measure} ({name})"] = [decimals(value) for value in values]
        columns["Q"] = [decimals(self.q[i, j], 2) for i, j in pairs]
        columns["p-value"] = [p_value(self.p[i, j]) for i, j in pairs]
        lines = [f"Subgroup networks: {', '.join(self.names)}", "", long_table(columns, "comparisons"), ""]
        if self.df_between > 0:
            lines.append(
                f"All comparisons (common effect): Q = {decimals(self.q_between, 2)}, df = {self.df_between}, "
                f"{p_statement(self.p_between)}"
            )
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.left_out]
        return "\n".join(lines)

    def _compared(self) -> list[tuple[int, int]]:
        known = np.isfinite(self.estimates).any(axis=0)
        return [(int(i), int(j)) for i, j in np.argwhere(np.triu(known, 1))]

    def _has(self, subgroup: int, i: int, j: int) -> bool:
        return bool(np.isfinite(self.estimates[subgroup, i, j]))


def fit_subgroups(
    network: Network,
    data: Any,
    by: str,
    *,
    study: str = "study",
    model: Model = "random",
    method: Tau2Method = "REML",
    ci: Interval = "normal",
    level: float = 0.95,
) -> Subgroups:
    """Fit every subgroup's network and test whether they agree.

    ``data``: a dataframe or mapping with the columns ``study`` and ``by``, constant within a study. Each subgroup
    has a τ² of its own. A study without a subgroup is left out and reported. Raises ``DataError`` for unknown columns
    or options and when there are fewer than two subgroups.
    """
    groups = values_by_study(network, data, by, study)
    missing = np.array([group is None for group in groups])
    reasons = [LeftOut(s.study, f"no value for {by}") for s, m in zip(network.studies, missing, strict=True) if m]
    levels = sorted({group for group in groups if group is not None}, key=_order)
    if len(levels) < 2:
        raise DataError(f"column {by!r} has {len(levels)} value(s) for the network's studies; subgroups need two")
    whole = restrict(network, ~missing, reasons)
    n = len(whole.treatments)
    fits = []
    estimates, errors = np.full((len(levels), n, n), np.nan), np.full((len(levels), n, n), np.nan)
    q_within, df_within = 0.0, 0
    for number, value in enumerate(levels):
        part = restrict(network, np.array([group == value for group in groups]))
        fit = part.fit(model=model, method=method, ci=ci, level=level)
        place = np.array([whole.treatments.index(t) for t in part.treatments])
        estimates[number][np.ix_(place, place)] = fit.estimates
        errors[number][np.ix_(place, place)] = fit.standard_errors
        q_within, df_within = q_within + float(fit.q.sum()), df_within + int(fit.df.sum())
        fits.append(fit)
    total = whole.fit(model="common", method="DL")
    q, df, p = _agreement(estimates, errors)
    q_between = max(0.0, float(total.q.sum()) - q_within)
    df_between = int(total.df.sum()) - df_within
    return Subgroups(
        network=whole,
        names=tuple(f"{value:g}" if isinstance(value, float) else str(value) for value in levels),
        fits=tuple(fits),
        estimates=estimates,
        standard_errors=errors,
        q=q,
        df=df,
        p=p,
        q_between=q_between,
        df_between=df_between,
        p_between=float(chdtrc(df_between, q_between)) if df_between > 0 else float("nan"),
        left_out=tuple(reasons),
    )


def _agreement(estimates: FloatArray, errors: FloatArray) -> tuple[FloatArray, IntArray, FloatArray]:
    """Q between the subgroups for every pair, with its degrees of freedom and p-value."""
    n = estimates.shape[1]
    known = np.isfinite(estimates) & ~np.eye(n, dtype=bool)
    weights = np.where(known, 1 / np.where(known, errors, 1.0) ** 2, 0.0)
    values = np.where(known, estimates, 0.0)
    total = weights.sum(axis=0)
    mean = (weights * values).sum(axis=0) / np.where(total > 0, total, 1.0)
    df = np.maximum(known.sum(axis=0) - 1, 0)
    q = np.where(df > 0, (weights * (values - mean) ** 2).sum(axis=0), np.nan)
    return q, df.astype(np.intp), np.where(df > 0, chdtrc(np.maximum(df, 1), q), np.nan)


def _order(value: Any) -> tuple[bool, Any]:
    return (isinstance(value, str), value)
