"""The posterior of one connected part of a network of ordered categories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.part import WeightedPart, integrated_part
from equipoise.synthesis.bayes.ordered.evidence import Coordinates, OrderedEvidence
from equipoise.synthesis.bayes.ordered.likelihood import quantile_of
from equipoise.synthesis.bayes.ordered.table import OrderedTable
from equipoise.synthesis.bayes.priors import Flat, Prior

OrderedPart = WeightedPart[OrderedEvidence]
_SMALLEST_GAP = 0.05


def part_posterior(
    table: OrderedTable,
    members: Sequence[str],
    reference: str,
    heterogeneity: Prior | None,
    priors: Sequence[Prior],
    gap_prior: Prior,
    power: int,
    seed: int,
) -> OrderedPart:
    """The posterior of the treatments ``members``; ``priors``: of each against ``reference``, which has none."""
    part = table.keep(np.isin(np.array(table.treatments)[table.treatment], members))
    place = part.treatments.index(reference)
    evidence = evidence_of(part, place, tuple(priors), gap_prior)
    _check_proper(part, evidence)
    indices = np.array([table.treatments.index(t) for t in part.treatments], dtype=np.intp)
    constant = float(part.constants().sum())
    return integrated_part(evidence, indices, place, tuple(priors), heterogeneity, constant, power, seed)


def evidence_of(table: OrderedTable, reference: int, priors: tuple[Prior, ...], gap_prior: Prior) -> OrderedEvidence:
    """A connected table's evidence; ``reference``: the number of the treatment with effect 0; ``priors``: of the others."""
    reported = ~np.isnan(table.counts)
    people = np.nansum(table.counts, axis=1)
    above = np.cumsum(np.nan_to_num(table.counts)[:, ::-1], axis=1)[:, -2::-1]
    share = np.where(reported[:, 1:], (above + 0.5) / (people + 1.0)[:, None], np.nan)
    cut = np.nanargmin(np.abs(share - 0.5), axis=1)
    crude = quantile_of(table.link, share)
    return OrderedEvidence(
        arms=table.arms(),
        treatment=table.treatment,
        first=table.first,
        count=len(table.treatments),
        reference=reference,
        start_eta=crude[np.arange(len(cut)), cut],
        start_cut=cut.astype(np.intp),
        start_gaps=_gaps(crude, people),
        priors=priors,
        gap_prior=gap_prior,
        coordinates=_coordinates(table, reference),
    )


def _gaps(crude: FloatArray, people: FloatArray) -> FloatArray:
    """Distances between cutpoints by least squares of what neighbouring reported ones of an arm are apart."""
    cuts = crude.shape[1]
    matrix, right = 1e-3 * np.eye(cuts - 1), np.full(cuts - 1, 0.5e-3)
    for row, weight in zip(crude, people.tolist(), strict=True):
        reported = np.flatnonzero(~np.isnan(row))
        for low, high in zip(reported[:-1].tolist(), reported[1:].tolist(), strict=True):
            across = np.zeros(cuts - 1)
            across[low:high] = 1.0
            matrix += weight * np.outer(across, across)
            right += weight * across * (row[low] - row[high])
    return np.asarray(np.maximum(np.linalg.solve(matrix, right), _SMALLEST_GAP))


def _coordinates(table: OrderedTable, reference: int) -> tuple[Coordinates, ...]:
    """The studies, grouped by how many differences of effects and of cutpoints they depend on."""
    cuts, p = len(table.categories) - 1, len(table.treatments) - 1
    design = np.delete(np.eye(p + 1), reference, axis=1)[table.treatment]
    ends = np.r_[table.first[1:], len(table.study)]
    groups: dict[int, list[tuple[int, FloatArray]]] = {}
    for study, (low, high) in enumerate(zip(table.first.tolist(), ends.tolist(), strict=True)):
        own = np.unique(design[low:high] - design[low], axis=0)
        own = own[np.abs(own).sum(axis=1) > 0]
        reported = np.flatnonzero((~np.isnan(table.counts[low:high, 1:])).any(axis=0))
        # A flat baseline takes the studies' first cutpoint away, a normal one is about the first of all, which is 0.
        anchor = 0 if table.precision[low] > 0 else int(reported[0])
        others = reported[reported != anchor]
        columns = np.zeros((p + cuts, len(own) + len(others)))
        columns[:p, : len(own)] = own.T
        columns[p + others, len(own) + np.arange(len(others))] = 1.0
        columns[p + anchor, len(own) :] -= 1.0
        groups.setdefault(columns.shape[1], []).append((study, columns))
    found = []
    for _, members in sorted(groups.items()):
        studies = np.array([study for study, _ in members], dtype=np.intp)
        arms = [np.arange(table.first[s], ends[s]) for s in studies]
        first = np.r_[0, np.cumsum([len(a) for a in arms])[:-1]].astype(np.intp)
        maps = np.stack([columns for _, columns in members])
        found.append(Coordinates(studies, np.concatenate(arms), first, maps))
    return tuple(found)


def _check_proper(table: OrderedTable, evidence: OrderedEvidence) -> None:
    """Raise ``DataError`` where effects or cutpoints can go off without end and the likelihood doesn't fall.

    A log-concave function has a finite integral unless it has such a direction; a category with people in it forbids that
    its lower bound rises or its upper bound falls against η. The cone of what is left is searched by linear programming.
    """
    cuts, studies = len(table.categories) - 1, len(table.studies)
    moving = np.array([isinstance(p, Flat) for p in evidence.priors])
    free_gaps = np.full(cuts - 1, isinstance(evidence.gap_prior, Flat))
    eta = np.column_stack([evidence.design(), np.zeros((len(table.study), cuts - 1)), np.eye(studies)[table.study]])
    z = np.zeros((cuts, eta.shape[1]))
    z[:, len(moving) : len(moving) + cuts - 1] = np.tri(cuts, cuts - 1, -1)
    arms = evidence.arms
    rows = [z[arms.bottom.upper] - eta[arms.bottom.arm], eta[arms.top.arm] - z[arms.top.lower], np.diff(z, axis=0)]
    for cells in arms.middle:
        rows += [z[cells.upper] - eta[cells.arm], eta[cells.arm] - z[cells.lower]]
    held = eta[table.precision > 0]
    cone = np.concatenate([*rows, held, -held])
    free = np.r_[moving, free_gaps, np.ones(studies, dtype=bool)]
    cone = cone[:, free]
    found = linprog(
        -cone.sum(axis=0),
        A_ub=np.r_[-cone, cone],
        b_ub=np.r_[np.zeros(len(cone)), np.ones(len(cone))],
        bounds=(None, None),
    )
    direction = np.zeros(len(free))
    if found.status == 0 and found.fun is not None and -found.fun > 1e-7:
        direction[free] = found.x
    else:
        _, sizes, vectors = np.linalg.svd(cone)
        if len(sizes) == cone.shape[1] and sizes[-1] > 1e-9 * sizes[0]:
            return
        direction[free] = vectors[-1]
    basic = [t for k, t in enumerate(table.treatments) if k != evidence.reference]
    lost = [f"the effect of {t}" for t, x in zip(basic, direction, strict=False) if abs(x) > 1e-7]
    gaps = direction[len(basic) : len(basic) + cuts - 1]
    names = table.categories[1:]
    lost += [
        f"the distance between the lower bounds of {names[c]!r} and {names[c + 1]!r}"
        for c in np.flatnonzero(np.abs(gaps) > 1e-7).tolist()
    ]
    raise DataError(
        f"the data don't limit {', '.join(lost) or 'a baseline'}: nobody, or everybody, is on one side of it wherever it "
        "matters, so that under a flat prior the posterior is improper; give a proper prior, as effects=Normal(0, 2) or "
        "cutpoints=HalfNormal(1), or leave a category out"
    )
