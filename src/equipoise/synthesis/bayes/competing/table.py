"""Arms with the numbers of people who had each of several events that exclude each other: one row an arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from equipoise.errors import DataError
from equipoise.frames import FloatArray, labels, numbers, read_columns
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.bayes.arm_level.table import ArmTable
from equipoise.synthesis.bayes.competing.exposure import Exposures, exposures
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.network import LeftOut


@dataclass(frozen=True, slots=True, eq=False)
class CompetingTable:
    """Arms sorted by study, in the order given within it; every study compares two treatments or more.

    ``outcomes``: names; ``study``, ``treatment``: shape (arms,), indices into ``studies`` and ``treatments``;
    ``events``: (arms, outcomes); ``n``, ``time``: (arms,), people and their follow-up.
    """

    outcomes: tuple[str, ...]
    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    study: IntArray
    treatment: IntArray
    events: FloatArray
    n: FloatArray
    time: FloatArray
    left_out: tuple[LeftOut, ...] = ()

    def exposures(self) -> list[Exposures]:
        """The time at risk of every arm's people."""
        totals = self.events.sum(axis=1)
        return [exposures(*arm) for arm in zip(totals.tolist(), self.n.tolist(), self.time.tolist(), strict=True)]

    def arms_of(self, outcome: int, typical: FloatArray) -> ArmTable:
        """An outcome's events as Poisson counts in the time at risk whose logarithm is ``typical``, shape (arms,).

        Studies without any such event are missing: under a flat baseline they say nothing of this outcome.
        """
        nothing = np.zeros(len(self.n))
        likelihood = ArmLikelihood(
            "poisson", "log", self.events[:, outcome], np.ones(len(self.n)), typical, nothing, nothing
        )
        table = ArmTable(self.studies, self.treatments, self.study, self.treatment, likelihood)
        some = np.bincount(self.study, weights=self.events[:, outcome]) > 0
        name = self.outcomes[outcome]
        lost = [
            LeftOut(
                f"{self.studies[s]} ({name})", "no such event in any arm: it says nothing of this outcome's effects"
            )
            for s in np.flatnonzero(~some).tolist()
        ]
        if not some.any():
            raise DataError(f"nobody had the outcome {name!r}: leave it out")
        kept = table.keep(some[self.study], lost)
        gone = sorted(set(self.treatments) - set(kept.treatments))
        more = [LeftOut(f"treatment {t} ({name})", "no study that is left compares it with another") for t in gone]
        return kept.keep(np.ones(len(kept.study), dtype=bool), more)

    def constant(self) -> float:
        """What the logarithm of the density has besides the mean over the time at risk."""
        rest = self.n - self.events.sum(axis=1)
        return float((gammaln(self.n + 1.0) - gammaln(self.events + 1.0).sum(axis=1) - gammaln(rest + 1.0)).sum())


def read_competing(
    data: Any,
    outcomes: Sequence[str],
    *,
    study: str = "study",
    treatment: str = "treatment",
    n: str = "n",
    time: str = "time",
) -> CompetingTable:
    """Arms with competing events from a dataframe or mapping with one row an arm; the arguments name its columns.

    ``outcomes``: the columns with the numbers of people who had each event first; ``n``: of all people; ``time``: of
    follow-up, in any unit that all studies share.

    Arms with a missing number and studies with a single arm are left out and reported. Raises ``DataError`` naming
    study, row and value of what can't be true, and an arm in which everybody had an event, whose hazards have no limit.
    """
    outcomes = list(outcomes)
    if len(outcomes) < 2 or len(set(outcomes)) < len(outcomes):
        raise DataError("outcomes: name two or more, each once; one alone is likelihood='binomial', link='cloglog'")
    columns = read_columns(data, [study, treatment, *outcomes, n, time])
    label, name = labels(columns[study], study), labels(columns[treatment], treatment)
    wanted = [*outcomes, n, time]
    values = np.stack([numbers(columns[c], c) for c in wanted], axis=1)
    rows, left_out = [], []
    for row, (s, t) in enumerate(zip(label, name, strict=True)):
        missing = [c for c, value in zip(wanted, values[row], strict=True) if np.isnan(value)]
        if missing:
            left_out.append(LeftOut(f"{s}: {t} (row {row + 1})", f"its {' and '.join(missing)} is missing"))
            continue
        _check(f"study {s!r}, row {row + 1} ({t})", dict(zip(wanted, values[row].tolist(), strict=True)), n, time)
        rows.append(row)
    several = {s for s in label if len({name[row] for row in rows if label[row] == s}) > 1}
    left_out += [
        LeftOut(s, "fewer than two treatments, so it compares nothing")
        for s in dict.fromkeys(label)
        if s not in several
    ]
    order = {s: k for k, s in enumerate(s for s in dict.fromkeys(label) if s in several)}
    used = sorted((row for row in rows if label[row] in order), key=lambda row: order[label[row]])
    if not used:
        raise DataError("no study compares two treatments, so there is no network to analyse")
    treatments = sorted({name[row] for row in used})
    lost = sorted(set(name) - set(treatments))
    left_out += [LeftOut(f"treatment {t}", "no study that is left compares it with another") for t in lost]
    return CompetingTable(
        tuple(outcomes),
        tuple(order),
        tuple(treatments),
        np.array([order[label[row]] for row in used], dtype=np.intp),
        np.array([treatments.index(name[row]) for row in used], dtype=np.intp),
        values[used, : len(outcomes)],
        values[used, -2],
        values[used, -1],
        tuple(left_out),
    )


def _check(where: str, values: dict[str, float], n: str, time: str) -> None:
    for column, value in values.items():
        if value < 0 or np.isinf(value) or (column in (n, time) and value == 0):
            raise DataError(
                f"{where}: {column} is {value:g}; it must be {'positive' if column in (n, time) else '0 or more'}"
            )
    events = sum(value for column, value in values.items() if column not in (n, time))
    if events > values[n]:
        raise DataError(f"{where}: {events:g} events among {values[n]:g} people; the outcomes must exclude each other")
    if events == values[n]:
        raise DataError(
            f"{where}: everybody had an event, so that nothing limits the hazards from above; this likelihood can't use the arm"
        )
