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
from equipoise.synthesis.network.gls import Solution, System, solve, weights_at
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.removal import Group, clique, remove
from equipoise.synthesis.network.tables import decimals, p_value, text_table
from equipoise.synthesis.network.unrelated import (
    Unrelated,
    by_design,
    estimate_unrelated_tau2,
    solve_unrelated,
)

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
            f"Q = {decimals(r.q, 2)}, d.f. = {r.df}, p = {p_value(r.p)}, tau² within designs = {tau2}"
        )
        return "\n\n".join(sections)


@dataclass(frozen=True, slots=True, eq=False)
class Designs:
    """The designs of a connected network at one τ²; lists have one entry a design.

    ``arms``: local indices, increasing; ``information``: the design's Laplacian without its first arm, (m−1, m−1);
    ``effects``: its own estimates, other arms minus the first; ``residuals``: those minus the network's.
    ``q``: the statistic between designs, ``shares``: each design's part of it.
    """

    arms: list[IntArray]
    parameters: list[IntArray]
    information: list[FloatArray]
    effects: list[FloatArray]
    residuals: list[FloatArray]
    shares: FloatArray
    q: float


def pool_designs(model: Unrelated, designs: list[tuple[IntArray, IntArray]], solution: Solution) -> Designs:
    """Each design's own estimates against the network's ``solution``, at the same τ²."""
    own = solve_unrelated(model, solution.tau2)
    information, effects, residuals = [], [], []
    for arms, parameters in designs:
        first = int(parameters[0])
        owner = model.block_of[first]
        size = int(model.sizes[owner])
        start = int(model.offsets[owner])
        inverse = own.inverse[start : start + size * size].reshape(size, size)
        network = solution.potentials[arms[1:]] - solution.potentials[arms[0]]
        information.append(np.asarray(np.linalg.inv(inverse), dtype=float))
        effects.append(own.estimates[parameters])
        residuals.append(own.estimates[parameters] - network)
    shares = np.array([float(r @ w @ r) for r, w in zip(residuals, information, strict=True)])
    arms_list = [arms for arms, _ in designs]
    return Designs(arms_list, [p for _, p in designs], information, effects, residuals, shares, float(shares.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Detached:
    """What detaching each design in turn does; one entry a design, None where it holds the network together.

    ``q``: the statistic left between designs; ``shift``: how the potentials of all treatments change, shape (n,).
    """

    q: list[float | None]
    shift: list[FloatArray | None]


def detach(system: System, designs: Designs, solution: Solution) -> Detached:
    """Effects of its own for each design in turn, by closed-form updates of the one solution."""
    groups = []
    counts = _study_counts(system, designs)
    for number, (arms, information) in enumerate(zip(designs.arms, designs.information, strict=True)):
        laplacian = _bordered(information)
        groups.append(Group(arms, laplacian, np.zeros(len(arms)), counts[number] * clique(len(arms))))
    q: list[float | None] = []
    shift: list[FloatArray | None] = []
    for number, remainder in enumerate(remove(system, solution, groups)):
        if not remainder.connected.all():
            q.append(None)
            shift.append(None)
            continue
        arms, w, r = designs.arms[number], designs.information[number], designs.residuals[number]
        g = solution.inverse[:, arms[1:]] - solution.inverse[:, arms[:1]]
        covariance = g[arms[1:]] - g[arms[0]]
        score = w @ r
        own = np.linalg.solve(w - w @ covariance @ w, score)
        q.append(max(0.0, designs.q - float(score @ own)))
        shift.append(-g @ (w @ own))
    return Detached(q, shift)


def _study_counts(system: System, designs: Designs) -> list[int]:
    counts: dict[bytes, int] = {}
    for block in system.rotated:
        for arms in np.sort(block.arms, axis=1):
            counts[arms.tobytes()] = counts.get(arms.tobytes(), 0) + 1
    return [counts[arms.tobytes()] for arms in designs.arms]


def _bordered(information: FloatArray) -> FloatArray:
    """The Laplacian whose part without the first arm is ``information``."""
    size = len(information) + 1
    laplacian = np.empty((size, size))
    laplacian[1:, 1:] = information
    laplacian[0, 1:] = laplacian[1:, 0] = -information.sum(axis=0)
    laplacian[0, 0] = information.sum()
    return laplacian


def inconsistency(fit: NetworkFit, method: Tau2Method = "DL") -> Inconsistency:
    """See ``NetworkFit.inconsistency``."""
    names, studies, detached, taus = [], [], [], []
    q_within, df_within, q_between, df_detached = [], [], [], []
    total, between, between_random = [0.0, 0], [0.0, 0], [0.0, 0]
    for system in fit.systems:
        common = solve(system)
        model, designs = by_design(system)
        pooled = pool_designs(model, designs, common)
        counts = _study_counts(system, pooled)
        parameters = sum(len(p) for p in pooled.parameters)
        df = parameters - (system.size - 1)
        tau2 = estimate_unrelated_tau2(model, method)
        random = solve(system, tau2)
        within = _within(model, designs)
        names += [tuple(fit.treatments[system.treatments[a]] for a in arms) for arms in pooled.arms]
        studies += counts
        q_within += within
        df_within += [(k - 1) * len(p) for k, p in zip(counts, pooled.parameters, strict=True)]
        q_between += pooled.shares.tolist()
        for q, p in zip(detach(system, pooled, common).q, pooled.parameters, strict=True):
            left = df - len(p)
            detached.append(float("nan") if q is None or left < 0 else q)
            df_detached.append(max(left, 0))
        total[0] += common.q
        total[1] += system.df
        between[0] += pooled.q
        between[1] += df
        between_random[0] += pool_designs(model, designs, random).q
        between_random[1] += df
        taus.append(tau2)
    order = sorted(range(len(names)), key=lambda i: (len(names[i]), names[i]))
    within_df = np.array(df_within, dtype=np.intp)[order]
    within_q = np.where(within_df > 0, np.array(q_within)[order], 0.0)
    left_df = np.array(df_detached, dtype=np.intp)[order]
    left_q = np.array(detached)[order]
    return Inconsistency(
        total=_test(total[0], total[1]),
        within=_test(float(within_q.sum()), int(within_df.sum())),
        between=_test(between[0], between[1]),
        between_random=_test(between_random[0], between_random[1]),
        tau2_within=np.array(taus),
        designs=tuple(names[i] for i in order),
        studies=np.array(studies, dtype=np.intp)[order],
        q_within=within_q,
        df_within=within_df,
        q_between=np.array(q_between)[order],
        q_detached=left_q,
        df_detached=left_df,
        p_within=_tail(within_q, within_df),
        p_detached=_tail(left_q, left_df),
    )


def _within(model: Unrelated, designs: list[tuple[IntArray, IntArray]]) -> list[float]:
    """Q within each design at τ² = 0."""
    own = solve_unrelated(model)
    first = {int(parameters[0]): number for number, (_, parameters) in enumerate(designs)}
    q = np.zeros(len(designs))
    for a, residual, w in zip(model.assignments, own.residuals, weights_at(model.system, 0.0), strict=True):
        owner = [first[int(p)] for p in a.parameters[:, 0]]
        np.add.at(q, owner, (w * residual**2).sum(axis=1))
    return q.tolist()


def _test(q: float, df: float) -> QTest:
    return QTest(float(q) if df > 0 else 0.0, int(df), float(chdtrc(df, q)) if df > 0 else float("nan"))


def _tail(q: FloatArray, df: IntArray) -> FloatArray:
    known = (df > 0) & np.isfinite(q)
    return np.where(known, chdtrc(np.maximum(df, 1), np.where(known, q, 0.0)), np.nan)
