"""Inconsistency: do designs that compare other sets of treatments agree?

Cochran's Q splits into heterogeneity within designs and inconsistency between them (Krahn, Binder & König 2013, BMC
Med Res Methodol 13:35, eqs 6–8; Higgins et al. 2012, Research Synthesis Methods 3:98). Detaching a design gives it
effects of its own, which is a closed-form change of the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.designs import by_design, detach, pool_designs, q_within
from equipoise.synthesis.network.gls import solve
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.tables import decimals, p_statement, p_value, text_table
from equipoise.synthesis.network.unrelated import estimate_unrelated_tau2

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


@dataclass(frozen=True, slots=True)
class QTest:
    """A chi-squared statistic, its degrees of freedom and p-value (NaN without degrees of freedom)."""

    q: float
    df: int
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class Inconsistency:
    """The decomposition of Q, all subnetworks together and design by design.

    ``total`` = ``within`` designs + ``between`` designs, at τ² = 0; ``between_random``: the design-by-treatment
    interaction test with the heterogeneity ``tau2_within`` (one a subnetwork) estimated within designs. One entry a
    design: ``designs`` (sets of treatments), ``studies``, ``q_within`` with ``df_within``, ``q_between`` (its share
    of ``between``), and ``q_detached`` with ``df_detached``: what would be left between designs with effects of its
    own for this one (NaN where the network needs the design to hold together, or is left without degrees of freedom).
    """

    total: QTest
    within: QTest
    between: QTest
    between_random: QTest
    tau2_within: FloatArray
    designs: tuple[tuple[str, ...], ...]
    studies: IntArray
    q_within: FloatArray
    df_within: IntArray
    q_between: FloatArray
    q_detached: FloatArray
    df_detached: IntArray
    p_within: FloatArray
    p_detached: FloatArray

    def to_frame(self) -> Any:
        """One row a design."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "design": [" : ".join(d) for d in self.designs],
                "studies": self.studies,
                "q_within": self.q_within,
                "df_within": self.df_within,
                "p_within": self.p_within,
                "q_between": self.q_between,
                "q_detached": self.q_detached,
                "df_detached": self.df_detached,
                "p_detached": self.p_detached,
            }
        )

    def summary(self) -> str:
        """The decomposition as text, in netmeta's layout."""
        tests = {"Total": self.total, "Within designs": self.within, "Between designs": self.between}
        overall = text_table(
            {
                "": list(tests),
                "Q": [decimals(t.q, 2) for t in tests.values()],
                "d.f.": [str(t.df) for t in tests.values()],
                "p-value": [p_value(t.p) for t in tests.values()],
            }
        )
        several = np.flatnonzero(self.df_within > 0)
        detached = np.flatnonzero(np.isfinite(self.q_detached))
        names = [" : ".join(d) for d in self.designs]
        sections = [f"Q statistics to assess homogeneity / consistency\n\n{overall}"]
        for title, rows, q, df, p in (
            ("Within designs", several, self.q_within, self.df_within, self.p_within),
            (
                "Between designs after detaching of single designs",
                detached,
                self.q_detached,
                self.df_detached,
                self.p_detached,
            ),
        ):
            if len(rows):
                table = text_table(
                    {
                        "design": [names[i] for i in rows],
                        "Q": [decimals(q[i], 2) for i in rows],
                        "d.f.": [str(df[i]) for i in rows],
                        "p-value": [p_value(p[i]) for i in rows],
                    }
                )
                sections.append(f"{title}\n\n{table}")
        r = self.between_random
        tau2 = ", ".join(decimals(x) for x in self.tau2_within)
        sections.append(
            "Full design-by-treatment interaction, random effects: "
            f"Q = {decimals(r.q, 2)}, d.f. = {r.df}, {p_statement(r.p)}, tau² within designs = {tau2}"
        )
        return "\n\n".join(sections)


def inconsistency(fit: NetworkFit, method: Tau2Method = "DL") -> Inconsistency:
    """See ``NetworkFit.inconsistency``."""
    names: list[tuple[str, ...]] = []
    treatments = fit.treatments
    studies, contrasts, within, shares, detached, left_df, taus = [], [], [], [], [], [], []
    total, between, between_random = (_Sum() for _ in range(3))
    for system in fit.systems:
        common = solve(system)
        model, sets = by_design(system)
        pooled = pool_designs(model, sets, common)
        tau2 = estimate_unrelated_tau2(model, method)
        df = len(model.treatments) - (system.size - 1)
        for designs in sets:
            names += [tuple([treatments[i] for i in arms]) for arms in system.treatments[designs.arms].tolist()]
            studies.append(designs.studies)
            contrasts.append(np.full(len(designs), designs.contrasts))
            left_df.append(np.full(len(designs), df - designs.contrasts))
        within += q_within(model, sets)
        shares += pooled.shares
        detached.append(detach(system, pooled, common).q)
        taus.append(tau2)
        total.add(common.q, system.df)
        between.add(pooled.q, df)
        between_random.add(pool_designs(model, sets, solve(system, tau2)).q, df)
    order = np.array(sorted(range(len(names)), key=lambda i: (len(names[i]), names[i])), dtype=np.intp)
    counts = np.concatenate(studies)[order]
    df_within = (counts - 1) * np.concatenate(contrasts)[order]
    q_of_designs = np.where(df_within > 0, np.concatenate(within)[order], 0.0)
    df_detached = np.concatenate(left_df)[order]
    q_detached = np.where(df_detached >= 0, np.concatenate(detached)[order], np.nan)
    return Inconsistency(
        total=_test(total),
        within=_test(_Sum(float(q_of_designs.sum()), int(df_within.sum()))),
        between=_test(between),
        between_random=_test(between_random),
        tau2_within=np.array(taus),
        designs=tuple(names[i] for i in order.tolist()),
        studies=counts,
        q_within=q_of_designs,
        df_within=df_within,
        q_between=np.concatenate(shares)[order],
        q_detached=q_detached,
        df_detached=np.maximum(df_detached, 0),
        p_within=_tail(q_of_designs, df_within),
        p_detached=_tail(q_detached, df_detached),
    )


@dataclass(slots=True)
class _Sum:
    q: float = 0.0
    df: int = 0

    def add(self, q: float, df: int) -> None:
        self.q += q
        self.df += df


def _test(total: _Sum) -> QTest:
    """A statistic without degrees of freedom is rounding, and 0."""
    if total.df < 1:
        return QTest(0.0, 0, float("nan"))
    return QTest(total.q, total.df, float(chdtrc(total.df, total.q)))


def _tail(q: FloatArray, df: IntArray) -> FloatArray:
    known = (df > 0) & np.isfinite(q)
    return np.where(known, chdtrc(np.maximum(df, 1), np.where(known, q, 0.0)), np.nan)
