"""Beyond one ranking: partial orders over several outcomes, and categories against a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.ranking import Ranking, p_scores
from equipoise.synthesis.network.removal import BoolArray
from equipoise.synthesis.network.tables import decimals, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit

Certainty = Literal["high", "moderate", "low", "very low"]


@dataclass(frozen=True, slots=True, eq=False)
class PartialOrder:
    """Which treatments are at least as good as others in every outcome (Rücker & Schwarzer 2017, RSM 8:526).

    ``scores``: shape (treatments, outcomes), P-scores; ``above``: shape (treatments, treatments), whether the row is
    at least as good in every outcome and better in one; ``covers``: the same without what follows by transitivity,
    the edges of the Hasse diagram; ``levels``: the height of each treatment in it, 0 where nothing is below.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    scores: FloatArray
    above: BoolArray
    covers: BoolArray
    levels: IntArray

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The Hasse diagram's edges, the better treatment first."""
        return tuple((self.treatments[i], self.treatments[j]) for i, j in np.argwhere(self.covers).tolist())

    @property
    def best(self) -> tuple[str, ...]:
        """The treatments that no other is above."""
        return tuple(self.treatments[i] for i in np.flatnonzero(~np.any(self.above, axis=0)).tolist())

    def to_frame(self) -> Any:
        """One row an edge of the Hasse diagram."""
        from equipoise.frames import make_frame

        return make_frame({"better": [a for a, _ in self.edges], "worse": [b for _, b in self.edges]})

    def summary(self) -> str:
        """The scores, and who is above whom, as text."""
        columns = {"treatment": list(self.treatments)}
        for k, outcome in enumerate(self.outcomes):
            columns[outcome] = [decimals(x) for x in self.scores[:, k]]
        edges = "\n".join(f"{a} > {b}" for a, b in self.edges) or "No treatment is above another."
        return f"{text_table(columns)}\n\n{edges}"


def partial_order(rankings: Mapping[str, Ranking]) -> PartialOrder:
    """The partial order of the treatments that all outcomes rank; ``rankings`` maps an outcome's name to its ranking.

    Treatments that an outcome's network doesn't connect are in no order. Raises ``DataError`` when the outcomes share fewer than two treatments.
    """
    sets = [set(r.treatments) for r in rankings.values()]
    shared = tuple(sorted(set.intersection(*sets))) if sets else ()
    if len(shared) < 2:
        raise DataError("a partial order needs two treatments that every outcome ranks")
    scores = np.array([[r.p_scores[r.treatments.index(t)] for r in rankings.values()] for t in shared])
    above = _dominates(scores)
    for ranking in rankings.values():
        part = np.array([next(i for i, names in enumerate(ranking.subnetworks) if t in names) for t in shared])
        above &= part[:, None] == part[None, :]
    links = above.astype(float)
    through = np.asarray(links @ links > 0)
    levels = np.zeros(len(shared), dtype=np.intp)
    for i in np.argsort(above.sum(axis=1)).tolist():
        levels[i] = 1 + levels[above[i]].max() if above[i].any() else 0
    return PartialOrder(shared, tuple(rankings), scores, above, above & ~through, levels)


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """Treatments in categories against a reference, minimally contextualised (GRADE, BMJ 2020;371:m3900).

    ``levels``: 0 not shown to differ from the reference by more than the threshold, 1 better, 2 better than another of
    those, …; −1 worse, and so on; ``labels``: it in words; ``certain``: whether the certainty of the estimate against
    the reference is high or moderate (None where it isn't given). ``review``: the few treatments, often those
    with wide intervals, without which the order by P-score and the categories agree (among treatments of the same
    certainty, since GRADE puts low certainty apart).
    """

    reference: str
    threshold: float
    treatments: tuple[str, ...]
    levels: IntArray
    labels: tuple[str, ...]
    certain: tuple[bool | None, ...]
    p_scores: FloatArray
    review: tuple[str, ...]

    def to_frame(self) -> Any:
        """One row a treatment, the best category first."""
        from equipoise.frames import make_frame

        rows = self._order()
        return make_frame(
            {
                "treatment": [self.treatments[i] for i in rows],
                "level": [int(self.levels[i]) for i in rows],
                "category": [self.labels[i] for i in rows],
                "certainty": [_CERTAIN[self.certain[i]] for i in rows],
                "p_score": [float(self.p_scores[i]) for i in rows],
            }
        )

    def summary(self) -> str:
        """The categories as text."""
        rows = self._order()
        table = text_table(
            {
                "treatment": [self.treatments[i] for i in rows],
                "level": [str(self.levels[i]) for i in rows],
                "category": [self.labels[i] for i in rows],
                "certainty": [_CERTAIN[self.certain[i]] for i in rows],
                "P-score": [decimals(self.p_scores[i], 2) for i in rows],
            }
        )
        margin = f", by more than {self.threshold:.4g} on the analysis scale" if self.threshold else ""
        note = f"\n\nReview: P-score and category disagree for {', '.join(self.review)}." if self.review else ""
        return f"Categories against {self.reference}{margin}\n\n{table}{note}"

    def _order(self) -> list[int]:
        return sorted(range(len(self.treatments)), key=lambda i: (-self.levels[i], -self.p_scores[i]))


_CERTAIN = {True: "high or moderate", False: "low or very low", None: "not rated"}


def categories(
    fit: NetworkFit,
    reference: str,
    smaller_is_better: bool,
    threshold: float,
    certainty: Mapping[str, Certainty] | None,
) -> Categories:
    """See ``NetworkFit.categories``."""
    base = fit.network.position(reference)
    if threshold < 0:
        raise DataError(f"threshold {threshold} is negative; give the size of a difference that matters")
    part = fit.part_of()
    members = np.flatnonzero(part == part[base])
    place = np.ix_(members, members)
    # Gains: positive is better. The interval of i against j lies above the threshold: i is better than j.
    sure = -fit.upper[place] if smaller_is_better else fit.lower[place]
    better = sure > threshold
    np.fill_diagonal(better, False)
    home = int(np.searchsorted(members, base))
    levels = np.zeros(len(members), dtype=np.intp)
    for sign, beats in ((1, better), (-1, better.T)):
        group = beats[:, home].copy()
        level = 0
        while group.any():
            level += 1
            levels[group] = sign * level
            group = group & (beats & group[None, :]).any(axis=1)
    names = tuple(fit.treatments[i] for i in members.tolist())
    scores = p_scores(fit, smaller_is_better)[members]
    known = certainty or {}
    certain = tuple(known[t] in ("high", "moderate") if t in known else None for t in names)
    review = tuple(name for name, odd in zip(names, _misplaced(levels, scores, certain), strict=True) if odd)
    labels = tuple(
        "the reference" if i == home else _label(level, levels, threshold) for i, level in enumerate(levels.tolist())
    )
    return Categories(reference, threshold, names, levels, labels, certain, scores, review)


def _misplaced(levels: IntArray, scores: FloatArray, certain: Sequence[bool | None]) -> list[bool]:
    """The treatments that contradict most others, taken away until ranking and categories agree.

    Two treatments of the same certainty contradict each other if the one in the better category has the lower P-score.
    """
    kinds = np.array([-1 if c is None else int(c) for c in certain])
    wrong = (levels[:, None] > levels[None, :]) & (scores[:, None] < scores[None, :]) & (kinds[:, None] == kinds)
    wrong |= wrong.T
    odd = np.zeros(len(levels), dtype=bool)
    while wrong.any():
        worst = wrong.sum(axis=1) == wrong.sum(axis=1).max()
        odd |= worst
        wrong[worst], wrong[:, worst] = False, False
    return [bool(x) for x in odd]


def _label(level: int, levels: IntArray, threshold: float) -> str:
    if level == 0:
        return f"not shown to differ{' importantly' if threshold else ''} from the reference"
    if level > 0:
        return "among the most effective" if level == levels.max() else "better than the reference, not than the best"
    return "worse than the reference" if level > levels.min() or level == -1 else "among the least effective"


@dataclass(frozen=True, slots=True, eq=False)
class BenefitHarm:
    """Two outcomes side by side: each treatment against the reference, analysis scales, NaN where not compared.

    ``benefit``, ``harm``: shape (treatments, 3), estimate, lower and upper limit; ``benefit_scores``,
    ``harm_scores``: P-scores (1: best in that outcome); ``front``: treatments that no other one equals or beats in
    both outcomes.
    """

    reference: str
    benefit_measure: str
    harm_measure: str
    treatments: tuple[str, ...]
    benefit: FloatArray
    harm: FloatArray
    benefit_scores: FloatArray
    harm_scores: FloatArray
    front: tuple[str, ...]

    def to_frame(self) -> Any:
        """One row a treatment."""
        from equipoise.frames import make_frame

        columns: dict[str, Any] = {"treatment": self.treatments}
        for name, values in (("benefit", self.benefit), ("harm", self.harm)):
            columns |= {name: values[:, 0], f"{name}_lower": values[:, 1], f"{name}_upper": values[:, 2]}
        scores = {"benefit_p_score": self.benefit_scores, "harm_p_score": self.harm_scores}
        return make_frame({**columns, **scores, "on_front": [t in self.front for t in self.treatments]})

    def summary(self) -> str:
        """The table as text."""
        table = text_table(
            {
                "treatment": list(self.treatments),
                "benefit P-score": [decimals(x, 2) for x in self.benefit_scores],
                "harm P-score": [decimals(x, 2) for x in self.harm_scores],
            }
        )
        return f"{table}\n\nNot beaten in both outcomes: {', '.join(self.front)}"


def benefit_harm(
    benefit: NetworkFit,
    harm: NetworkFit,
    reference: str,
    smaller_is_better: Sequence[bool] = (True, True),
) -> BenefitHarm:
    """Each treatment's benefit and harm against ``reference``; ``smaller_is_better`` says which way each one counts.

    Only treatments that both networks connect with the reference are compared; ``DataError`` when there is none.
    """
    names: list[str] = []
    for t in benefit.treatments:
        if t in harm.treatments and t != reference:
            pairs = [(f.network.position(t), f.network.position(reference)) for f in (benefit, harm)]
            if all(np.isfinite(f.estimates[pair]) for f, pair in zip((benefit, harm), pairs, strict=True)):
                names.append(t)
    if not names:
        raise DataError(f"no treatment is connected with {reference!r} in both networks")
    values, scores = [], []
    for f, smaller in zip((benefit, harm), smaller_is_better, strict=True):
        rows, column = [f.network.position(t) for t in names], f.network.position(reference)
        values.append(np.stack([f.estimates[rows, column], f.lower[rows, column], f.upper[rows, column]], axis=1))
        scores.append(p_scores(f, smaller)[rows])
    gains = np.stack([-v[:, 0] if s else v[:, 0] for v, s in zip(values, smaller_is_better, strict=True)], axis=1)
    front = tuple(names[i] for i in np.flatnonzero(~np.any(_dominates(gains), axis=0)).tolist())
    measures = benefit.measure, harm.measure
    return BenefitHarm(reference, *measures, tuple(names), values[0], values[1], scores[0], scores[1], front)


def _dominates(values: FloatArray) -> BoolArray:
    """Whether the row is at least as good as the column in everything and better in something; larger is better."""
    no_worse = (values[:, None, :] >= values[None, :, :]).all(axis=2)
    better = (values[:, None, :] > values[None, :, :]).any(axis=2)
    return np.asarray(no_worse & better, dtype=bool)
