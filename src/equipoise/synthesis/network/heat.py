"""The net heat matrix: which designs drive the inconsistency of which (Krahn, Binder & König 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.sparse import block_diag, csr_array

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.designs import by_design, detach, pool_designs
from equipoise.synthesis.network.gls import System, solve
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.removal import BoolArray
from equipoise.synthesis.network.tables import decimals, long_table
from equipoise.synthesis.network.unrelated import estimate_unrelated_tau2

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


@dataclass(frozen=True, slots=True, eq=False)
class NetHeat:
    """A net heat matrix; rows and columns are the designs' own contrasts (treatment minus comparator).

    The comparator is the fit's reference where a design has it, else the design's first treatment, as in netmeta; the
    rows of a multi-arm design, and its part of the plot, depend on that choice, sums over its rows don't.
    ``designs``: the design of each row; ``change``: shape (rows, rows), how much less inconsistency the row has when
    the column's design is detached (positive: warm; NaN where it can't be detached); its diagonal is the row's
    contribution to Q between designs. ``hat``: shape (rows, rows), the column's weight in the row's network estimate.
    ``informative``: rows that contribute to the inconsistency at all; netmeta draws only those.
    """

    designs: tuple[tuple[str, ...], ...]
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    change: FloatArray
    hat: FloatArray
    tau2: FloatArray
    informative: BoolArray

    @property
    def labels(self) -> tuple[str, ...]:
        """A row's comparison, with its design appended when that has more than two arms."""
        return tuple(
            f"{c} : {t}" + (f" ({' : '.join(d)})" if len(d) > 2 else "")
            for d, t, c in zip(self.designs, self.treatment, self.comparator, strict=True)
        )

    def to_frame(self) -> Any:
        """One row an entry of the matrix."""
        from equipoise.frames import make_frame

        n = len(self.labels)
        return make_frame(
            {
                "row": [self.labels[i] for i in range(n) for _ in range(n)],
                "detached": [self.labels[j] for _ in range(n) for j in range(n)],
                "change": self.change.ravel(),
                "hat": self.hat.ravel(),
            }
        )

    def summary(self) -> str:
        """What each contrast adds to Q between designs, the largest first, and which other design drives it most."""
        own = np.diag(self.change)
        rows = [i for i in np.argsort(-own, kind="stable").tolist() if self.informative[i]]
        if not rows:
            return "Net heat: no contrast contributes to the inconsistency between designs."
        drivers, changes = [], []
        for i in rows:
            known = [
                j
                for j, design in enumerate(self.designs)
                if design != self.designs[i] and np.isfinite(self.change[i, j])
            ]
            j = max(known, key=lambda column: float(self.change[i, column]), default=None)
            drives = j is not None and self.change[i, j] > 0
            drivers.append(" : ".join(self.designs[j]) if j is not None and drives else ".")
            changes.append(decimals(self.change[i, j], 2) if j is not None and drives else ".")
        table = long_table(
            {
                "contrast": [self.labels[i] for i in rows],
                "Q": [decimals(own[i], 2) for i in rows],
                "less without": drivers,
                "by": changes,
            },
            "contrasts",
        )
        return f"Net heat: contributions to Q between designs, and the other design that raises each most\n\n{table}"


def net_heat(fit: NetworkFit, model: Literal["common", "random"], method: Tau2Method) -> NetHeat:
    """See ``NetworkFit.net_heat``."""
    if model not in ("common", "random"):
        raise DataError(f"model {model!r} isn't known; choose 'common' or 'random'")
    bases = [fit.network.position(name) for name in fit.references()]
    parts = [
        _part(system, int(np.searchsorted(system.treatments, base)), method if model == "random" else None)
        for system, base in zip(fit.systems, bases, strict=True)
    ]
    total = sum(len(p.pairs) for p in parts)
    change, hat = np.full((total, total), np.nan), np.zeros((total, total))
    designs, treatment, comparator = [], [], []
    start = 0
    for system, part in zip(fit.systems, parts, strict=True):
        here = slice(start, start + len(part.pairs))
        change[here, here], hat[here, here] = part.change, part.hat
        names = [fit.treatments[i] for i in system.treatments]
        designs += [tuple(names[i] for i in sorted(arms)) for arms in part.designs]
        treatment += [names[a] for a, _ in part.pairs]
        comparator += [names[b] for _, b in part.pairs]
        start += len(part.pairs)
    return NetHeat(
        tuple(designs),
        tuple(treatment),
        tuple(comparator),
        change,
        hat,
        np.array([p.tau2 for p in parts]),
        np.abs(np.diag(change)) > np.sqrt(np.finfo(float).eps),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    designs: list[list[int]]
    pairs: list[tuple[int, int]]
    change: FloatArray
    hat: FloatArray
    tau2: float


def _part(system: System, reference: int, method: Tau2Method | None) -> _Part:
    model, sets = by_design(system, reference)
    tau2 = estimate_unrelated_tau2(model, method) if method is not None else 0.0
    solution = solve(system, tau2)
    pooled = pool_designs(model, sets, solution)
    arms = [row for designs in sets for row in designs.arms.tolist()]
    owner = np.repeat(np.arange(len(arms)), [len(row) - 1 for row in arms])
    rows = np.concatenate([designs.arms[:, 1:].ravel() for designs in sets])
    bases = np.concatenate([np.repeat(designs.arms[:, 0], designs.contrasts) for designs in sets])
    residual = np.concatenate([r.ravel() for r in pooled.residuals])
    weights = csr_array(block_diag([w for information in pooled.information for w in information]))
    own = residual * (weights @ residual)
    detached = detach(system, pooled, solution)
    left = residual[:, None] - (detached.shift[:, rows] - detached.shift[:, bases]).T
    left[np.arange(len(rows)), owner] = np.where(np.isnan(detached.q[owner]), np.nan, 0.0)
    change = (own[:, None] - left * (weights @ left))[:, owner]
    np.fill_diagonal(change, own)
    difference = solution.inverse[rows] - solution.inverse[bases]
    hat = np.asarray((difference[:, rows] - difference[:, bases]) @ weights)
    pairs = list(zip(rows.tolist(), bases.tolist(), strict=True))
    return _Part([arms[k] for k in owner.tolist()], pairs, change, hat, tau2)
