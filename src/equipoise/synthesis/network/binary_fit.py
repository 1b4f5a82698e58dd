"""The result of a network meta-analysis of events without a normal approximation of each study's log odds ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.binary_arms import BinaryArms
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.comparisons import Comparisons
from equipoise.synthesis.network.gls import resistances
from equipoise.synthesis.network.network import Change, LeftOut
from equipoise.synthesis.network.tables import decimals, p_value


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One connected network's estimates.

    ``treatments``: shape (n,), indices into the fit's; ``potentials``: shape (n,), log odds up to a constant;
    ``inverse``: shape (n, n), their covariance up to a constant.
    """

    treatments: IntArray
    potentials: FloatArray
    inverse: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class BinaryFit:
    """Log odds ratios of every treatment against every other, common effect, subnetwork by subnetwork.

    Arrays over pairs have shape (treatments, treatments), row minus column, NaN between subnetworks. ``arms`` are
    those that were used, ``left_out`` says what wasn't and why. ``log_likelihood`` is the maximum (penalised for the
    penalised model), NaN for Mantel–Haenszel. ``q``, ``df`` and ``p`` test inconsistency between designs
    (Mantel–Haenszel only). ``dispersion`` multiplies variances, one number a subnetwork (1: common effect).
    """

    method: str
    arms: BinaryArms
    reference: str
    level: float
    subnetworks: tuple[tuple[str, ...], ...]
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    statistics: FloatArray
    p_values: FloatArray
    dispersion: FloatArray
    log_likelihood: float
    q: float
    df: int
    p: float

    @property
    def measure(self) -> str:
        """Always "OR"."""
        return "OR"

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""
        return self.arms.treatments

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Studies, arms and treatments that aren't in the analysis, and why."""
        return self.arms.left_out

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was done to a study's counts before analysis."""
        return self.arms.changes

    def effects(self, reference: str | None = None) -> Comparisons:
        """Every treatment against the reference (each subnetwork against its own)."""
        wanted = self.reference if reference is None else reference
        if wanted not in self.treatments:
            raise DataError(f"no treatment {wanted!r} in the network; it has {', '.join(self.treatments)}")
        pairs = []
        for part in self.subnetworks:
            base = wanted if wanted in part else part[0]
            pairs += [(t, base) for t in part if t != base]
        return self._comparisons(pairs)

    def comparisons(self) -> Comparisons:
        """Every pair of treatments that is connected, once each, the first by name minus the second."""
        return self._comparisons(
            [(a, b) for part in self.subnetworks for i, a in enumerate(part) for b in part[i + 1 :]]
        )

    def to_frame(self) -> Any:
        """Every connected pair, one a row, as log odds ratios."""
        return self.comparisons().to_frame()

    def summary(self) -> str:
        """Effects against the reference, the test of inconsistency where there is one, and what was left out."""
        lines = [self.effects().summary()]
        if len(self.subnetworks) > 1:
            lines += ["", f"Not connected: {len(self.subnetworks)} subnetworks, each analysed by itself:"]
            lines += [f"  {i}. {', '.join(part)}" for i, part in enumerate(self.subnetworks, start=1)]
        if self.df > 0:
            statistic = f"Q = {decimals(self.q, 2)}, df = {self.df}, p = {p_value(self.p)}"
            lines += ["", f"Test of inconsistency between designs: {statistic}"]
        if (self.dispersion > 1).any():
            values = ", ".join(decimals(x) for x in self.dispersion)
            lines += ["", f"Variances multiplied by the dispersion {values}"]
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.left_out]
        lines += [f"Changed: {c.study}: {c.what}" for c in self.changes]
        return "\n".join(lines)

    def _comparisons(self, pairs: list[tuple[str, str]]) -> Comparisons:
        index = {t: i for i, t in enumerate(self.treatments)}
        place = tuple(np.array([index[pair[side]] for pair in pairs], dtype=np.intp) for side in (0, 1))
        n = len(self.treatments)
        present = np.zeros((len(self.arms.studies), n))
        present[self.arms.study, self.arms.treatment] = 1.0
        return Comparisons(
            title=self.method,
            measure=self.measure,
            level=self.level,
            treatment=tuple(a for a, _ in pairs),
            comparator=tuple(b for _, b in pairs),
            studies=(present.T @ present)[place].astype(np.intp),
            estimates=self.estimates[place],
            standard_errors=self.standard_errors[place],
            lower=self.lower[place],
            upper=self.upper[place],
            statistics=self.statistics[place],
            p=self.p_values[place],
        )


def assemble(
    method: str,
    arms: BinaryArms,
    parts: Sequence[Part],
    *,
    reference: str | None,
    level: float,
    dispersion: Sequence[float] | None = None,
    log_likelihood: float = float("nan"),
    test: tuple[float, int, float] = (float("nan"), 0, float("nan")),
) -> BinaryFit:
    """The fit of all connected parts, largest first."""
    n = len(arms.treatments)
    order = sorted(range(len(parts)), key=lambda i: (-len(parts[i].treatments), int(parts[i].treatments[0])))
    scale = np.ones(len(parts)) if dispersion is None else np.asarray(dispersion, dtype=float)
    estimates, errors = np.full((n, n), np.nan), np.full((n, n), np.nan)
    for part, factor in zip(parts, scale, strict=True):
        place = np.ix_(part.treatments, part.treatments)
        estimates[place] = part.potentials[:, None] - part.potentials[None, :]
        errors[place] = np.sqrt(factor * resistances(part.inverse))
    quantile = float(norm.ppf(1 - (1 - level) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.where(errors > 0, estimates / errors, np.where(np.isnan(errors), np.nan, 0.0))
    subnetworks = tuple(tuple(arms.treatments[t] for t in parts[i].treatments) for i in order)
    return BinaryFit(
        method=method,
        arms=arms,
        reference=subnetworks[0][0] if reference is None else reference,
        level=level,
        subnetworks=subnetworks,
        estimates=estimates,
        standard_errors=errors,
        lower=estimates - quantile * errors,
        upper=estimates + quantile * errors,
        statistics=statistics,
        p_values=2 * norm.sf(np.abs(statistics)),
        dispersion=scale[order],
        log_likelihood=log_likelihood,
        q=test[0],
        df=test[1],
        p=test[2],
    )


def check_request(arms: BinaryArms, original: BinaryArms, reference: str | None, level: float) -> None:
    """Raise ``DataError`` for an empty network, an unknown or lost reference, or a level outside 0 … 1."""
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    if not len(arms.study):
        reasons = "; ".join(f"{o.what}: {o.reason}" for o in arms.left_out)
        raise DataError(f"nothing left to analyse ({reasons}); penalised logistic regression can use such data")
    if reference is not None and reference not in arms.treatments:
        why = "has no informative arm left" if reference in original.treatments else "isn't in the network"
        raise DataError(f"reference {reference!r} {why}; choose one of {', '.join(arms.treatments)}")
