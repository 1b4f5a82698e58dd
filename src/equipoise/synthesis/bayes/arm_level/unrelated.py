"""The network of arms without consistency: unrelated mean effects, against the consistent model by deviance and DIC.

Every comparison that some study makes against its first arm has an effect of its own, τ is shared (NICE DSU Technical Support
Document 4, Dias et al. 2011, §3, whose program leaves out
the correlation of effects in multi-arm studies that is kept here). First is the arm on the reference, or else on the first treatment by name; a study's
comparisons among its other arms have no part in the others' effects. Which arm is first is a choice where studies have more
than two arms, and the result depends on it (Higgins et al. 2012, Research Synthesis Methods 3:98).

A study's likelihood depends only on its arms' effects against its first arm. So the network is the consistent one in which all
first arms are on one treatment, and "B : A", in the place of B where A comes first, is another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.part import ArmPart, doubts, part_posterior
from equipoise.synthesis.bayes.arm_level.statistics import FitStatistics, fit_statistics
from equipoise.synthesis.bayes.arm_level.table import ArmTable
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity
from equipoise.synthesis.bayes.network_table import EffectsTable
from equipoise.synthesis.bayes.priors import Flat, Prior
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.tables import decimals

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior

_POWER = 11
_SEED = 1
_FIRST = "the first arm"


@dataclass(frozen=True, slots=True, eq=False)
class UnrelatedArms:
    """Unrelated mean effects next to the consistent model.

    ``effects``: the comparisons' own effects; ``network``: the same under consistency, (comparisons,); ``taus``: one a
    subnetwork; ``fit``, ``consistent``: deviance, leverage and DIC arm by arm of either model; ``log_evidence``: comparable
    with the consistent model's only under proper priors of effects; ``notes``: how it was integrated, and what to doubt.
    """

    effects: EffectsTable
    network: FloatArray
    taus: tuple[Heterogeneity, ...]
    fit: FitStatistics
    consistent: FitStatistics
    log_evidence: float
    notes: tuple[str, ...]

    @property
    def dic(self) -> float:
        """DIC without consistency."""
        return self.fit.dic

    def to_frame(self) -> Any:
        """One row a comparison."""
        return self.effects.to_frame()

    def arms(self) -> Any:
        """One row an arm: its residual deviance with and without consistency.

        Where the latter is much smaller, consistency is what it contradicts (TSD 4, figure 3).
        """
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.fit.study,
                "treatment": self.fit.treatment,
                "consistent": self.consistent.deviance,
                "unrelated": self.fit.deviance,
            }
        )

    def summary(self) -> str:
        """The comparisons, and deviance and DIC of both models, as text."""
        taus = ", ".join(decimals(float(t.quantile(0.5))) for t in self.taus)
        lines = [
            f"tau (median) {taus}",
            *(
                f"{name}: residual deviance {fit.residual_deviance:.1f} on {len(fit.deviance)} arms, pD {fit.pd:.1f}, "
                f"DIC {fit.dic:.1f}"
                for name, fit in (("Unrelated effects", self.fit), ("Consistency", self.consistent))
            ),
            *(note for note in self.notes if note.startswith("Doubtful")),
        ]
        return f"{self.effects.summary()}\n\n" + "\n".join(lines)


def unrelated(posterior: ArmPosterior, effects: Prior | None) -> UnrelatedArms:
    """See ``ArmPosterior.unrelated``."""
    table = posterior.table
    prior = Flat() if effects is None or not effects.proper else effects
    parts: list[ArmPart] = []
    rows: list[tuple[int, int]] = []
    columns: list[FloatArray] = []
    notes: list[str] = []
    apart, of_arm = _by_comparison(posterior)
    tail = (1.0 - posterior.level) / 2.0
    for number, original in enumerate(posterior.parts):
        inside = np.isin(table.treatment, original.treatments)
        pairs = sorted(set(map(tuple, of_arm[inside & (of_arm[:, 0] >= 0)].tolist())))
        labels = [_label(table, pair) for pair in pairs]
        kept = _restricted(apart, inside)
        try:
            part = part_posterior(
                kept, (_FIRST, *labels), _FIRST, posterior.heterogeneity, [prior] * len(pairs), _POWER, _SEED
            )
        except DataError as why:
            raise DataError(f"unrelated mean effects: {why}") from None
        # Indices of the table with all subnetworks.
        everywhere = np.array([apart.treatments.index(kept.treatments[t]) for t in part.treatments], dtype=np.intp)
        parts.append(replace(part, treatments=everywhere))
        place = {apart.treatments[t]: k for k, t in enumerate(everywhere.tolist())}
        where = np.array([place[label] for label in labels], dtype=np.intp)
        each = part.differences(where, np.full(len(where), place[_FIRST]))
        low, middle, high = each.quantile(np.array([tail, 0.5, 1.0 - tail]))
        columns.append(np.stack([each.mean, each.sd, low, middle, high, each.cdf(0.0)]))
        rows += [(int(i), int(j)) for i, j in pairs]
        error = float(part.errors(where, np.full(len(where), place[_FIRST]), each, np.stack([low, middle, high])).max())
        notes += doubts(part, "" if len(posterior.parts) == 1 else f" (subnetwork {number + 1})", error)
    fit = _fits(posterior, apart, parts)
    i, j = np.array(rows, dtype=np.intp).T
    mean, sd, low, middle, high, below = np.concatenate(columns, axis=1)
    own = EffectsTable(
        title=f"Unrelated mean effects ({posterior.model_text})",
        measure=posterior.measure,
        level=posterior.level,
        treatment=tuple(table.treatments[a] for a in i.tolist()),
        comparator=tuple(table.treatments[b] for b in j.tolist()),
        studies=posterior.pair_counts()[i, j],
        estimates=mean,
        standard_errors=sd,
        medians=middle,
        lower=low,
        upper=high,
        below=below,
    )
    return UnrelatedArms(
        effects=own,
        network=posterior.estimates[i, j],
        taus=tuple(part.heterogeneity for part in parts),
        fit=fit,
        consistent=posterior.fit_statistics(),
        log_evidence=float(sum(part.heterogeneity.log_evidence for part in parts)),
        notes=tuple(notes),
    )


def _by_comparison(posterior: ArmPosterior) -> tuple[ArmTable, IntArray]:
    """The table with comparisons in the place of treatments, and every arm's pair, (arms, 2), −1 of first arms."""
    table = posterior.table
    bases = {table.treatments.index(name) for name in posterior.references()}
    pairs = np.full((len(table.study), 2), -1, dtype=np.intp)
    for study in range(len(table.studies)):
        arms = np.flatnonzero(table.study == study)
        # A pair has the same sign in every study, as the order of the treatments is one and the same.
        first = min(table.treatment[arms].tolist(), key=lambda t: (t not in bases, t))
        others = arms[table.treatment[arms] != first]
        pairs[others, 0], pairs[others, 1] = table.treatment[others], first
    names = [_FIRST, *sorted({_label(table, pair) for pair in pairs.tolist() if pair[0] >= 0})]
    treatment = [names.index(_label(table, pair)) if pair[0] >= 0 else 0 for pair in pairs.tolist()]
    return replace(table, treatments=tuple(names), treatment=np.array(treatment, dtype=np.intp)), pairs


def _restricted(table: ArmTable, arms: NDArray[np.bool_]) -> ArmTable:
    """Only some arms, as all subnetworks' first arms have one name."""
    return table if arms.all() else table.keep(arms)


def _label(table: ArmTable, pair: tuple[int, ...] | list[int]) -> str:
    return f"{table.treatments[pair[0]]} : {table.treatments[pair[1]]}"


def _fits(posterior: ArmPosterior, apart: ArmTable, parts: list[ArmPart]) -> FitStatistics:
    """Deviance and leverage, arm by arm in the order and with the treatments of the consistent model."""
    arms = posterior.table
    where = [np.flatnonzero(np.isin(arms.treatment, part.treatments)) for part in posterior.parts]
    fit = fit_statistics(replace(posterior, table=apart, parts=tuple(parts)), where)
    return replace(fit, treatment=tuple(arms.treatments[t] for t in arms.treatment))
