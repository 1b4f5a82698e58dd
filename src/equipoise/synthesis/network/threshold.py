"""Threshold analysis: how far may the evidence be wrong before another treatment comes out best?

The network estimates are linear in the studies' estimates, θ̂ = Hy with H = G Cᵀ(V + τ²R)⁻¹ and τ² taken as known.
Shifting y_m by u moves the difference between the best treatment k and another treatment a by (h_k − h_a)u; the sign
turns at u = −d_ka/(h_km − h_am). The nearest such shift on either side is the threshold (Phillippo, Dias, Ades,
Didelez & Welton 2018, JRSS A 181:843; Phillippo et al. 2019, Annals of Internal Medicine 170:538), as `nma_thresh` of
R's nmathresh computes it from a posterior's mean and covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray, against_baseline, heterogeneity_structure
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.gls import System, accumulate, weights_at
from equipoise.synthesis.network.tables import decimals, interval, text_table

NEGLIGIBLE = 1e-10

POOLED = "all studies"
"""The source of a comparison's pooled evidence."""


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Decision-invariant intervals, one row a piece of evidence.

    ``source``: the study, or "all studies" of a comparison; ``treatment``, ``comparator``: the contrast that is
    shifted, with its ``estimates`` and ``standard_errors``. ``lower`` ≤ 0 ≤ ``upper``: the shifts between which the
    decision stays (infinite where none changes it), on the analysis scale; ``best_below``, ``best_above``: which
    treatment comes in beyond them (None for none). ``influence``: shape (treatments, rows), the change of each
    treatment's effect for a unit shift, up to a constant; shifts of several rows at once add up.
    """

    fit: NetworkFit
    best: tuple[str, ...]
    smaller_is_better: bool
    candidates: tuple[str, ...]
    source: tuple[str, ...]
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    best_below: tuple[str | None, ...]
    best_above: tuple[str | None, ...]
    influence: FloatArray

    def __len__(self) -> int:
        return len(self.source)

    @property
    def sensitive(self) -> NDArray[np.bool_]:
        """Whether a threshold lies within the row's confidence interval: noise alone could change the decision."""
        half = float(ndtri(1 - (1 - self.fit.level) / 2)) * self.standard_errors
        return np.asarray((self.upper < half) | (-self.lower < half))

    def order(self) -> IntArray:
        """The rows, most sensitive first: by the nearer threshold in standard errors."""
        nearest = np.minimum(self.upper, -self.lower)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.argsort(nearest / self.standard_errors, kind="stable").astype(np.intp)

    def _name(self, row: int) -> str:
        contrast = f"{self.treatment[row]} – {self.comparator[row]}"
        return contrast if self.source[row] == POOLED else f"{self.source[row]}: {contrast}"

    def to_frame(self) -> Any:
        """One row a piece of evidence."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "source": self.source,
                "treatment": self.treatment,
                "comparator": self.comparator,
                "estimate": self.estimates,
                "se": self.standard_errors,
                "lower": self.lower,
                "upper": self.upper,
                "best_below": self.best_below,
                "best_above": self.best_above,
                "sensitive": self.sensitive,
            }
        )

    def summary(self) -> str:
        """The decision, and how far each piece of evidence may move, most sensitive first."""
        rows = self.order().tolist()
        wanted = "smallest" if self.smaller_is_better else "largest"
        sensitive = self.sensitive
        table = text_table(
            {
                ("comparison, all studies" if POOLED in self.source else "evidence"): [self._name(r) for r in rows],
                "estimate": [decimals(self.estimates[r]) for r in rows],
                "invariant interval": [
                    interval(_bound(self.estimates[r] + self.lower[r]), _bound(self.estimates[r] + self.upper[r]))
                    for r in rows
                ],
                "below": [self.best_below[r] or "–" for r in rows],
                "above": [self.best_above[r] or "–" for r in rows],
                "within CI": ["yes" if sensitive[r] else "no" for r in rows],
            }
        )
        among = f" of {', '.join(sorted(self.candidates))}" if len(self.candidates) < len(self.fit.treatments) else ""
        return f"Best ({wanted} effect{among}): {', '.join(self.best)}\n\n{table}"


def study_thresholds(
    fit: NetworkFit, *, smaller_is_better: bool = True, best: int = 1, candidates: Sequence[str] | None = None
) -> Thresholds:
    """Thresholds for every contrast of every study against its first arm.

    The decision is which ``best`` treatments (1: the best one) among ``candidates`` (default: all) come first; it
    changes when one of them falls behind one that isn't. Only the largest subnetwork that holds the candidates is
    looked at. Raises ``DataError`` for candidates that are unknown, unconnected or too few.
    """
    system, number, ranked = _decision(fit, smaller_is_better, best, candidates)
    solution = fit.solutions[number]
    source, treatment, comparator, estimates, errors, influence = [], [], [], [], [], []
    inside = np.zeros(len(fit.treatments), dtype=bool)
    inside[system.treatments] = True
    local = np.cumsum(inside) - 1
    for block in fit.network.blocks:
        own = block.take(inside[block.arms[:, 0]])
        if not len(own.studies):
            continue
        size = own.estimates.shape[1]
        precision = np.linalg.inv(own.covariances + solution.tau2 * heterogeneity_structure(size))
        towards = against_baseline(size).T @ precision
        across = np.matmul(solution.inverse[:, local[own.arms]].transpose(1, 0, 2), towards)
        influence.append(across.transpose(1, 0, 2).reshape(system.size, -1))
        source += [fit.network.studies[s].study for s in own.studies for _ in range(size)]
        treatment += [fit.treatments[t] for t in own.arms[:, 1:].ravel()]
        comparator += [fit.treatments[t] for t in np.repeat(own.arms[:, 0], size)]
        estimates.append(own.estimates.ravel())
        errors.append(np.sqrt(np.diagonal(own.covariances, axis1=1, axis2=2)).ravel())
    return _thresholds(
        fit, system, ranked, smaller_is_better, best, (source, treatment, comparator),
        np.concatenate(estimates), np.concatenate(errors), np.hstack(influence),
    )  # fmt: skip


def comparison_thresholds(
    fit: NetworkFit, *, smaller_is_better: bool = True, best: int = 1, candidates: Sequence[str] | None = None
) -> Thresholds:
    """Thresholds for a bias common to all direct evidence on a comparison.

    The direct evidence on a pair is the independent edge it amounts to in the normal equations, multi-arm studies
    resolved into their edges; ``estimates`` and ``standard_errors`` are those of pooling all studies of the pair
    at the network's τ². Arguments and errors as for ``study_thresholds``.
    """
    system, number, ranked = _decision(fit, smaller_is_better, best, candidates)
    solution = fit.solutions[number]
    laplacian = accumulate(system, weights_at(system, solution.tau2))
    rows, columns = np.nonzero(np.triu(np.abs(laplacian) > NEGLIGIBLE * np.abs(laplacian).max(), 1))
    first, second = system.treatments[rows], system.treatments[columns]
    direct = fit.network.pair_counts()[first, second] > 0
    rows, columns, first, second = rows[direct], columns[direct], first[direct], second[direct]
    influence = (solution.inverse[:, rows] - solution.inverse[:, columns]) * -laplacian[rows, columns]
    pooled = fit.direct()
    names = [fit.treatments[t] for t in first], [fit.treatments[t] for t in second]
    return _thresholds(
        fit, system, ranked, smaller_is_better, best, ([POOLED] * len(rows), *names),
        pooled.estimates[first, second], pooled.standard_errors[first, second], influence,
    )  # fmt: skip


def _decision(
    fit: NetworkFit, smaller_is_better: bool, best: int, candidates: Sequence[str] | None
) -> tuple[System, int, IntArray]:
    """The part of the network, its number, and the candidates (local indices) from best to worst."""
    names = tuple(candidates) if candidates is not None else fit.subnetworks[0]
    positions = [fit.network.position(name) for name in names]
    part_of = fit.part_of()
    parts = {int(part_of[p]) for p in positions}
    if len(parts) > 1:
        raise DataError("the candidates aren't connected; choose them from one subnetwork")
    if not 1 <= best < len(set(positions)):
        raise DataError(
            f"best = {best} of {len(set(positions))} candidates leaves no decision; it must be 1 or more, and less"
        )
    number = parts.pop()
    system = fit.systems[number]
    members = np.flatnonzero(np.isin(system.treatments, positions))
    effects = fit.solutions[number].potentials[members]
    return system, number, members[np.argsort(effects if smaller_is_better else -effects, kind="stable")]


def _thresholds(
    fit: NetworkFit,
    system: System,
    ranked: IntArray,
    smaller_is_better: bool,
    best: int,
    names: tuple[list[str], list[str], list[str]],
    estimates: FloatArray,
    errors: FloatArray,
    influence: FloatArray,
) -> Thresholds:
    inside, outside = ranked[:best], ranked[best:]
    number = int(fit.part_of()[system.treatments[0]])
    effects = fit.solutions[number].potentials
    gap = (effects[inside][:, None] - effects[outside][None, :]).reshape(-1, 1)
    slope = (influence[inside][:, None, :] - influence[outside][None, :, :]).reshape(len(gap), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(np.abs(slope) > NEGLIGIBLE, -gap / slope, np.inf)
    above, below = np.where(shift > 0, shift, np.inf), np.where(shift <= 0, shift, -np.inf)
    entering = np.tile(outside, best)

    def newcomer(chosen: IntArray, reached: FloatArray) -> tuple[str | None, ...]:
        labels = [fit.treatments[system.treatments[entering[c]]] for c in chosen]
        return tuple(label if np.isfinite(r) else None for label, r in zip(labels, reached, strict=True))

    lower, upper = below.max(axis=0), above.min(axis=0)
    everywhere = np.full((len(fit.treatments), influence.shape[1]), np.nan)
    everywhere[system.treatments] = influence
    return Thresholds(
        fit=fit,
        best=tuple(fit.treatments[t] for t in system.treatments[inside]),
        smaller_is_better=smaller_is_better,
        candidates=tuple(fit.treatments[t] for t in system.treatments[ranked]),
        source=tuple(names[0]),
        treatment=tuple(names[1]),
        comparator=tuple(names[2]),
        estimates=estimates,
        standard_errors=errors,
        lower=lower,
        upper=upper,
        best_below=newcomer(below.argmax(axis=0), lower),
        best_above=newcomer(above.argmin(axis=0), upper),
        influence=everywhere,
    )


def _bound(value: float) -> float:
    return value if np.isfinite(value) else float("nan")
