"""The network meta-analysis without each of its studies, and without each of its treatments.

Taking study s out of the normal equations changes them by a matrix of rank arms−1. With e_s its residuals and H_s its
leverages (both weighted), the estimates become θ − G U_s (I − H_s)⁻¹ e_s, and Q falls by e_sᵀ(I − H_s)⁻¹e_s; τ² by
DL follows from the same quantities, so that no refit is needed to find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray
from equipoise.synthesis.network.connectivity import components
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.gls import build, solve
from equipoise.synthesis.network.heterogeneity import estimate_tau2
from equipoise.synthesis.network.inference import infer
from equipoise.synthesis.network.refitting import fits_without_each, removed_at, tau2_without_each
from equipoise.synthesis.network.removal import make_groups
from equipoise.synthesis.network.tables import decimals, natural, text_table

Tau2Choice = Literal["refit", "network"]


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """The analysis without each study or treatment in turn.

    ``left_out``: what was taken out, k of them; ``references``: what the others were then compared with (its
    subnetwork's reference, or the next treatment where that one went). ``estimates``, ``standard_errors``, ``lower``,
    ``upper``: shape (k, treatments), against the reference, NaN where nothing connects the two any more or the
    treatment is gone. ``tau2``, ``q``, ``df``: shape (k,), of the reference's subnetwork.
    """

    fit: NetworkFit
    kind: Literal["study", "treatment"]
    left_out: tuple[str, ...]
    references: tuple[str, ...]
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    tau2: FloatArray
    q: FloatArray
    df: IntArray

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the columns."""
        return self.fit.treatments

    def full(self) -> FloatArray:
        """The estimates with nothing left out against the same references, shape (k, treatments)."""
        columns = [self.treatments.index(reference) for reference in self.references]
        return self.fit.estimates[:, columns].T

    def to_frame(self) -> Any:
        """One row for everything left out and every treatment that can still be compared."""
        from equipoise.frames import make_frame

        known = np.isfinite(self.estimates) & (self._not_reference())
        rows, columns = np.nonzero(known)
        full = self.full()
        return make_frame(
            {
                "left_out": [self.left_out[r] for r in rows],
                "treatment": [self.treatments[c] for c in columns],
                "comparator": [self.references[r] for r in rows],
                "estimate": self.estimates[known],
                "se": self.standard_errors[known],
                "lower": self.lower[known],
                "upper": self.upper[known],
                "full": full[known],
                "tau2": self.tau2[rows],
            }
        )

    def summary(self) -> str:
        """For everything left out: heterogeneity, and the comparison that changes most (in its standard errors)."""
        measure = self.fit.measure
        columns = [self.treatments.index(reference) for reference in self.references]
        errors = self.fit.standard_errors[:, columns].T
        full = self.full()
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.abs(self.estimates - full) / errors
        change = np.where(np.isfinite(change), change, -1.0)
        most = change.argmax(axis=1)
        moved = change.max(axis=1) >= 0
        picked = [(row, int(most[row])) if moved[row] else None for row in range(len(self.left_out))]
        lost = [
            ", ".join(t for t, gone in zip(self.treatments, np.isnan(e) & np.isfinite(f), strict=True) if gone)
            for e, f in zip(self.estimates, full, strict=True)
        ]
        table = text_table(
            {
                f"without {self.kind}": list(self.left_out),
                "tau²": [decimals(x) for x in self.tau2],
                "Q": [decimals(x, 2) for x in self.q],
                "df": [str(x) for x in self.df],
                "most changed": [
                    "." if p is None else f"{self.treatments[p[1]]} : {self.references[p[0]]}" for p in picked
                ],
                f"{measure}": ["." if p is None else decimals(natural(measure, full[p])) for p in picked],
                "becomes": ["." if p is None else decimals(natural(measure, self.estimates[p])) for p in picked],
                "in SE": ["." if p is None else decimals(change[p], 2) for p in picked],
                "no longer compared": lost,
            }
        )
        return f"Network meta-analysis without each {self.kind} ({self.fit.model_text})\n\n{table}"

    def _not_reference(self) -> NDArray[np.bool_]:
        columns = np.array([self.treatments.index(reference) for reference in self.references])
        return np.asarray(np.arange(len(self.treatments))[None, :] != columns[:, None])


def leave_one_study_out(fit: NetworkFit, tau2: Tau2Choice = "refit") -> LeaveOneOut:
    """The analysis without each study in turn, with the fit's model, τ² method, intervals and references.

    ``tau2``: "refit" estimates it anew without the study; "network" keeps the fit's. A study without which the
    network falls apart leaves the part of the reference. Raises ``DataError`` for an unknown option and for a network
    of one study.
    """
    if tau2 not in ("refit", "network"):
        raise DataError(f"tau2 {tau2!r} isn't known; choose 'refit' or 'network'")
    studies = fit.network.studies
    if len(studies) < 2:
        raise DataError(f"{studies[0].study!r} is the only study; nothing is left without it")
    table = _Table(fit, [s.study for s in studies])
    for number, (system, solution) in enumerate(zip(fit.systems, fit.solutions, strict=True)):
        reference = fit.treatments.index(fit.references()[number])
        base = int(np.flatnonzero(system.treatments == reference)[0])
        rows = np.concatenate([b.studies for b in system.rotated])
        intact = np.zeros(len(rows), dtype=bool)
        for groups in make_groups(system, list(np.arange(len(rows))[:, None])):
            intact[groups.numbers] = groups.intact
        common = solution if solution.tau2 == 0.0 else solve(system)
        members = set(rows.tolist())
        table.references = [
            r if i not in members else fit.treatments[reference] for i, r in enumerate(table.references)
        ]
        table.df[rows] = system.df - np.concatenate(
            [np.full(len(b.studies), b.values.shape[1]) for b in system.rotated]
        )
        table.q[rows] = removed_at(system, common, base).q
        refit = fit.model == "random" and tau2 == "refit"
        if refit:
            own = tau2_without_each(system, common, fit.method, solution.tau2, intact)
            left = fits_without_each(system, own, base)
        else:
            own = np.full(len(rows), solution.tau2)
            left = removed_at(system, solution, base)
        for k in np.flatnonzero(intact):
            fitted = left.potentials[k], left.variances[k], float(left.q[k])
            table.enter(int(rows[k]), system.treatments, base, *fitted, float(own[k]))
        for study in rows[~intact]:
            blocks = [block.take(block.studies != study) for block in fit.network.blocks]
            table.enter_blocks(int(study), blocks, reference, solution.tau2 if tau2 == "network" else None)
    return table.result("study")


def leave_one_treatment_out(fit: NetworkFit) -> LeaveOneOut:
    """The analysis without each treatment in turn: its arms are dropped, and studies left with one arm.

    Raises ``DataError`` for a network of two treatments.
    """
    network = fit.network
    if len(network.treatments) < 3:
        raise DataError("the network has two treatments; nothing is left to compare without one of them")
    table = _Table(fit, list(network.treatments))
    part_of, references = fit.part_of(), fit.references()
    for treatment in range(len(network.treatments)):
        blocks = [part for block in network.blocks for part in _without_treatment(block, treatment)]
        others = [t for t in network.subnetworks[part_of[treatment]] if t != network.treatments[treatment]]
        usual = references[part_of[treatment]]
        reference = usual if usual in others else others[0]
        table.enter_blocks(treatment, blocks, network.treatments.index(reference), None)
    return table.result("treatment")


def _without_treatment(block: Block, treatment: int) -> list[Block]:
    """The block's studies without their arm of ``treatment``, if two arms are left."""
    has = (block.arms == treatment).any(axis=1)
    parts = [block.take(~has)]
    arms = block.arms.shape[1]
    if arms > 2 and has.any():
        chosen = block.take(has)
        rest = np.nonzero(chosen.arms != treatment)[1].reshape(-1, arms - 1)
        values = np.pad(chosen.estimates, ((0, 0), (1, 0)))
        spread = np.pad(chosen.covariances, ((0, 0), (1, 0), (1, 0)))
        values = np.take_along_axis(values, rest, axis=1)
        spread = np.take_along_axis(np.take_along_axis(spread, rest[:, :, None], axis=1), rest[:, None, :], axis=2)
        covariances = spread[:, 1:, 1:] - spread[:, 1:, :1] - spread[:, :1, 1:] + spread[:, :1, :1]
        left = np.take_along_axis(chosen.arms, rest, axis=1)
        parts.append(Block(chosen.studies, left, values[:, 1:] - values[:, :1], covariances))
    return [part for part in parts if len(part.studies)]


class _Table:
    """The result while it is filled."""

    def __init__(self, fit: NetworkFit, labels: Sequence[str]) -> None:
        k, n = len(labels), len(fit.treatments)
        self.fit, self.labels = fit, tuple(labels)
        self.references = [fit.reference] * k
        self.estimates, self.errors, self.quantiles = (np.full(s, np.nan) for s in ((k, n), (k, n), (k, 1)))
        self.tau2, self.q, self.df = np.full(k, np.nan), np.full(k, np.nan), np.zeros(k, dtype=np.intp)

    def enter_blocks(self, row: int, blocks: Sequence[Block], reference: int, tau2: float | None) -> None:
        """A row from studies of its own: the part connected with ``reference``, at ``tau2`` or with τ² estimated."""
        fit, size = self.fit, len(self.fit.treatments)
        self.references[row] = fit.treatments[reference]
        label = components(size, ((np.broadcast_to(b.arms[:, :1], b.arms[:, 1:].shape), b.arms[:, 1:]) for b in blocks))
        members = np.flatnonzero(label == label[reference])
        if len(members) < 2:
            return
        system = build(blocks, members, size)
        common = solve(system)
        self.q[row], self.df[row] = common.q, system.df
        if tau2 is None:
            near = float(fit.tau2[fit.part_of()[reference]])
            refit = fit.model == "random" and system.df > 0
            tau2 = estimate_tau2(system, fit.method, common, near) if refit else 0.0
        solution = solve(system, tau2)
        base = int(np.flatnonzero(members == reference)[0])
        self.enter(row, members, base, solution.potentials, solution.variances()[base], solution.q, tau2)

    def enter(
        self,
        row: int,
        place: IntArray,
        base: int,
        potentials: FloatArray,
        variances: FloatArray,
        q: float,
        tau2: float,
    ) -> None:
        """Effects against local treatment ``base`` and their variances; ``q`` is that at ``tau2``."""
        inference = infer(self.fit.ci, self.fit.level, q, int(self.df[row]))
        self.estimates[row, place] = potentials - potentials[base]
        self.errors[row, place] = inference.scale * np.sqrt(np.maximum(variances, 0.0))
        self.quantiles[row] = inference.quantile
        self.tau2[row] = tau2

    def result(self, kind: Literal["study", "treatment"]) -> LeaveOneOut:
        half = self.quantiles * self.errors
        return LeaveOneOut(
            fit=self.fit,
            kind=kind,
            left_out=self.labels,
            references=tuple(self.references),
            estimates=self.estimates,
            standard_errors=self.errors,
            lower=self.estimates - half,
            upper=self.estimates + half,
            tau2=self.tau2,
            q=self.q,
            df=self.df,
        )
