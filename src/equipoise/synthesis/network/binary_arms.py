"""Events and participants of every arm: the input of the models that need no normal approximation.

Mantel–Haenszel, the non-central hypergeometric model and penalised logistic regression start from the same arrays:
study, treatment, events, participants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.frames import FloatArray, labels, numbers, read_columns
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.connectivity import components
from equipoise.synthesis.network.network import Change, LeftOut


@dataclass(frozen=True, slots=True, eq=False)
class BinaryArms:
    """Arms with a binary outcome, sorted by study and, within it, by treatment; every study has two arms or more.

    ``studies``: labels, k of them; ``treatments``: labels, sorted, n of them.
    ``study``, ``treatment``: shape (arms,), indices into these; ``events``, ``participants``: shape (arms,).
    ``left_out`` and ``changes`` say what the data lost or had done to them.
    """

    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    study: IntArray
    treatment: IntArray
    events: FloatArray
    participants: FloatArray
    left_out: tuple[LeftOut, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def nonevents(self) -> FloatArray:
        """Participants without the event, shape (arms,)."""
        return self.participants - self.events

    def totals(self, values: FloatArray) -> FloatArray:
        """Sums over each study's arms, shape (studies,)."""
        return sums(self.study, values, len(self.studies))

    def designs(self) -> tuple[tuple[tuple[str, ...], ...], IntArray]:
        """The sets of treatments compared and, for every study, which of them it has."""
        sets: list[list[str]] = [[] for _ in self.studies]
        for study, treatment in zip(self.study.tolist(), self.treatment.tolist(), strict=True):
            sets[study].append(self.treatments[treatment])
        found = sorted({tuple(s) for s in sets}, key=lambda d: (len(d), d))
        place = {design: position for position, design in enumerate(found)}
        return tuple(found), np.array([place[tuple(s)] for s in sets], dtype=np.intp)

    def keep(self, arms: Sequence[bool] | Any) -> BinaryArms:
        """Only the arms for which ``arms`` is true; studies and treatments without any arm left disappear."""
        chosen = np.asarray(arms, dtype=bool)
        studies, study = np.unique(self.study[chosen], return_inverse=True)
        treatments, treatment = np.unique(self.treatment[chosen], return_inverse=True)
        return BinaryArms(
            tuple(self.studies[s] for s in studies),
            tuple(self.treatments[t] for t in treatments),
            study.astype(np.intp),
            treatment.astype(np.intp),
            self.events[chosen],
            self.participants[chosen],
            self.left_out,
            self.changes,
        )

    def parts(self) -> IntArray:
        """The connected part each treatment belongs to, shape (treatments,), numbered from 0."""
        first = np.flatnonzero(np.r_[True, self.study[1:] != self.study[:-1]]) if len(self.study) else self.study
        baseline = self.treatment[first][self.study] if len(self.study) else self.treatment
        return components(len(self.treatments), [(baseline, self.treatment)])


def sums(index: NDArray[np.integer[Any]], values: FloatArray, size: int) -> FloatArray:
    """The sum of ``values`` for every index 0 … size−1; the two arrays have the same number of elements."""
    return np.asarray(np.bincount(index.ravel(), weights=values.ravel(), minlength=size), dtype=float)


def read_binary_arms(
    data: Any, *, study: str = "study", treatment: str = "treatment", events: str = "events", n: str = "n"
) -> BinaryArms:
    """The arms of a dataframe or mapping, one row an arm; the arguments name its columns.

    Several arms of a study on the same treatment are added up and reported; a study with one treatment is left out
    and reported. Raises ``DataError`` naming the row for a missing count, for events outside 0 … n and for n ≤ 0.
    """
    columns = read_columns(data, (study, treatment, events, n))
    return binary_arms(
        labels(columns[study], study),
        labels(columns[treatment], treatment),
        numbers(columns[events], events),
        numbers(columns[n], n),
    )


def binary_arms(study: Sequence[str], treatment: Sequence[str], events: Any, n: Any) -> BinaryArms:
    """As ``read_binary_arms``, from four sequences of equal length."""
    event, size = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    if not len(study) == len(treatment) == event.size == size.size:
        raise DataError(
            f"columns of different lengths: study {len(study)}, treatment {len(treatment)}, events {event.size}, "
            f"n {size.size}"
        )
    if not len(study):
        raise DataError("no arms: give one row for every arm, with study, treatment, events and n")
    wrong = ~(np.isfinite(event) & np.isfinite(size) & (event >= 0) & (event <= size) & (size > 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"row {row + 1}, study {study[row]!r}, {treatment[row]}: {event[row]:g} events among {size[row]:g} "
            "participants; events must be known and lie between 0 and n, and n be positive"
        )
    study_labels, study_index = np.unique(np.asarray(study, dtype=str), return_inverse=True)
    treatment_labels, treatment_index = np.unique(np.asarray(treatment, dtype=str), return_inverse=True)
    width = len(treatment_labels)
    cells, cell, rows = np.unique(study_index * width + treatment_index, return_inverse=True, return_counts=True)
    by_study, by_treatment = cells // width, cells % width
    single = np.bincount(by_study, minlength=len(study_labels)) < 2
    merged = BinaryArms(
        tuple(str(s) for s in study_labels),
        tuple(str(t) for t in treatment_labels),
        by_study.astype(np.intp),
        by_treatment.astype(np.intp),
        sums(cell, event, len(cells)),
        sums(cell, size, len(cells)),
        tuple(LeftOut(str(s), "only one treatment, so it compares nothing") for s in study_labels[single]),
        tuple(
            Change(str(study_labels[s]), f"arms with the same treatment merged: {treatment_labels[t]}")
            for s, t in zip(by_study[rows > 1], by_treatment[rows > 1], strict=True)
        ),
    )
    if single.all():
        raise DataError("no study compares two treatments, so there is no network to analyse")
    return merged.keep(~single[merged.study])


def drop_one_sided(arms: BinaryArms) -> BinaryArms:
    """The arms without studies in which nobody or everybody had the event, which are added to ``left_out``."""
    none, everyone = arms.totals(arms.events) == 0, arms.totals(arms.nonevents) == 0
    out = tuple(
        LeftOut(arms.studies[i], "no events in any arm" if none[i] else "every participant had the event")
        for i in np.flatnonzero(none | everyone)
    )
    return replace(arms.keep(~(none | everyone)[arms.study]), left_out=(*arms.left_out, *out))


def drop_uninformative(arms: BinaryArms) -> BinaryArms:
    """The arms that carry information on an odds ratio given each study's total; what goes is added to ``left_out``.

    In this order (Efthimiou et al. 2019, Statistics in Medicine 38:2992, stage I): studies in which nobody or
    everybody had the event; in each design, treatments without any event or any non-event; designs left with one arm.
    """
    arms = drop_one_sided(arms)
    out = list(arms.left_out)
    designs, design = arms.designs()
    cell, events, nonevents = design_totals(arms, design)
    sparse = (events == 0) | (nonevents == 0)
    for position in np.unique(cell[sparse]):
        which, treatment = divmod(int(position), len(arms.treatments))
        reason = "no events in this design" if (events[cell == position] == 0).any() else "only events in this design"
        out.append(LeftOut(f"{arms.treatments[treatment]} in design {' – '.join(designs[which])}", reason))
    single = np.bincount(arms.study[~sparse], minlength=len(arms.studies)) == 1
    for position in np.unique(design[single]):
        out.append(LeftOut(f"design {' – '.join(designs[position])}", "one arm left, so it compares nothing"))
    return replace(arms.keep(~sparse & ~single[arms.study]), left_out=tuple(out))


def design_totals(arms: BinaryArms, design: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """For every arm: the number of its treatment within its design, and that cell's events and non-events."""
    cell = design[arms.study] * len(arms.treatments) + arms.treatment
    size = int(cell.max()) + 1 if cell.size else 0
    return cell, sums(cell, arms.events, size)[cell], sums(cell, arms.nonevents, size)[cell]


def lost_treatments(before: BinaryArms, after: BinaryArms) -> tuple[LeftOut, ...]:
    """Treatments that no arm is left of."""
    gone = sorted(set(before.treatments) - set(after.treatments))
    return tuple(LeftOut(treatment, "no informative arm left, so not in the network") for treatment in gone)
