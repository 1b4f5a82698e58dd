"""The result of a network meta-analysis of events without a normal approximation of each study's log odds ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.binary_arms import BinaryArms
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.comparisons import Comparisons
from equipoise.synthesis.network.gls import resistances
from equipoise.synthesis.network.inference import infer
from equipoise.synthesis.network.league import Compared, League, league_table
from equipoise.synthesis.network.network import Change, LeftOut
from equipoise.synthesis.network.pair_effects import PairEffects, pair_effects
from equipoise.synthesis.network.ranking import Connected, Ranking, rank
from equipoise.synthesis.network.tables import decimals, p_statement


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

    ``pairs`` has the estimates with their intervals, NaN between subnetworks. ``arms`` are those that were used,
    ``left_out`` says what wasn't and why. ``log_likelihood`` is the maximum (penalised for the
    penalised model), NaN for Mantel–Haenszel. ``q``, ``df`` and ``p`` test inconsistency between designs
    (Mantel–Haenszel only). ``dispersion`` multiplies variances, one number a subnetwork (1: common effect).
    ``parts`` has the subnetworks' estimates and covariance (before dispersion).
    """

    method: str
    arms: BinaryArms
    reference: str
    subnetworks: tuple[tuple[str, ...], ...]
    pairs: PairEffects
    dispersion: FloatArray
    log_likelihood: float
    q: float
    df: int
    p: float
    parts: tuple[Part, ...] = field(repr=False)

    @property
    def measure(self) -> str:
        """Always "OR"."""
        return "OR"

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""
        return self.arms.treatments

    @property
    def estimates(self) -> FloatArray:
        """Log odds ratios, shape (treatments, treatments), row minus column."""
        return self.pairs.estimates

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of ``estimates``."""
        return self.pairs.standard_errors

    @property
    def lower(self) -> FloatArray:
        """Lower confidence limits of ``estimates``."""
        return self.pairs.lower

    @property
    def upper(self) -> FloatArray:
        """Upper confidence limits of ``estimates``."""
        return self.pairs.upper

    @property
    def statistics(self) -> FloatArray:
        """``estimates`` / ``standard_errors``."""
        return self.pairs.statistics

    @property
    def level(self) -> float:
        """The level of the intervals."""
        return self.pairs.level

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
        self.pairs.position(wanted)
        pairs = []
        for part in self.subnetworks:
            base = wanted if wanted in part else part[0]
            pairs += [(t, base) for t in part if t != base]
        return self.pairs.table(pairs, self.method)

    def comparisons(self) -> Comparisons:
        """Every pair of treatments that is connected, once each, the first by name minus the second."""
        return self.pairs.all_pairs(self.method)

    def connected(self) -> list[Connected]:
        """The subnetworks as ranking needs them: log odds with their covariance."""
        normal = infer("normal", self.level, 0.0, 0)
        found = []
        for part, factor in zip(self.parts, self.dispersion.tolist(), strict=True):
            # Ranking needs the covariance without its constant: of rank n − 1.
            centred = part.inverse - part.inverse.mean(axis=0)
            centred = centred - centred.mean(axis=1, keepdims=True)
            found.append(Connected(part.treatments, part.potentials, factor * centred, normal))
        return found

    def ranking(
        self, smaller_is_better: bool = True, threshold: float = 0.0, samples: int | None = None, seed: int = 0
    ) -> Ranking:
        """P-scores, SUCRA, rank probabilities, mean ranks, as ``NetworkFit.ranking``; thresholds are log odds ratios."""
        return rank(self, smaller_is_better, threshold, samples, seed)

    def league(self, other: Compared | None = None, order: Sequence[str] | None = None) -> League:
        """The league table; ``other``: the fit of a second outcome, shown above the diagonal."""
        return league_table(self, other=other, order=order)

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
            statistic = f"Q = {decimals(self.q, 2)}, df = {self.df}, {p_statement(self.p)}"
            lines += ["", f"Test of inconsistency between designs: {statistic}"]
        if (self.dispersion > 1).any():
            values = ", ".join(decimals(x) for x in self.dispersion)
            lines += ["", f"Variances multiplied by the dispersion {values}"]
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.left_out]
        lines += [f"Changed: {c.study}: {c.what}" for c in self.changes]
        return "\n".join(lines)


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
    subnetworks = tuple(tuple(arms.treatments[t] for t in parts[i].treatments) for i in order)
    present = np.zeros((len(arms.studies), n))
    present[arms.study, arms.treatment] = 1.0
    together = (present.T @ present).astype(np.intp)
    return BinaryFit(
        method=method,
        arms=arms,
        reference=subnetworks[0][0] if reference is None else reference,
        subnetworks=subnetworks,
        pairs=pair_effects("OR", arms.treatments, together, estimates, errors, level),
        dispersion=scale[order],
        log_likelihood=log_likelihood,
        q=test[0],
        df=test[1],
        p=test[2],
        parts=tuple(parts[i] for i in order),
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
