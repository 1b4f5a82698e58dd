"""Arms with counts in ordered categories: one row an arm, one column a category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import gammaln

from equipoise.errors import DataError
from equipoise.frames import FloatArray, labels, numbers, read_columns
from equipoise.synthesis.bayes.ordered.likelihood import Cells, OrderedArms, OrderedLink
from equipoise.synthesis.bayes.priors import Flat, Normal, Prior
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.connectivity import subnetworks
from equipoise.synthesis.network.network import LeftOut

MEASURES = {"probit": "PROBIT", "logit": "OR"}


@dataclass(frozen=True, slots=True, eq=False)
class OrderedTable:
    """Arms sorted by study, in the order given within it; every study compares two treatments or more.

    ``categories``: names, the lowest first; ``study``, ``treatment``: shape (arms,), indices into ``studies`` and
    ``treatments``; ``counts``: (arms, categories), NaN where a category is counted in the next lower one that isn't;
    ``centre``, ``precision``: (arms,), of the baseline's normal prior on the first arms, precision 0 elsewhere. Arms of
    a study on the same treatment stay apart, each with a random effect of its own, as in NICE's models.
    """

    link: OrderedLink
    categories: tuple[str, ...]
    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    study: IntArray
    treatment: IntArray
    counts: FloatArray
    centre: FloatArray
    precision: FloatArray
    left_out: tuple[LeftOut, ...] = ()

    @property
    def measure(self) -> str:
        """The effect measure of the link: positive where higher categories are more frequent."""
        return MEASURES[self.link]

    @property
    def first(self) -> IntArray:
        """Where each study's arms begin, shape (studies,)."""
        return np.flatnonzero(np.r_[True, self.study[1:] != self.study[:-1]])

    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The connected parts, the largest first."""
        return subnetworks(self.treatments, (t[None] for t in np.split(self.treatment, self.first[1:])))

    def uneven_studies(self) -> tuple[str, ...]:
        """Studies whose arms don't report the same categories."""
        reported = ~np.isnan(self.counts)
        like_first = (reported == reported[self.first[self.study]]).all(axis=1)
        return tuple(self.studies[s] for s in np.unique(self.study[~like_first]))

    def keep(self, arms: Any, left_out: Sequence[LeftOut] = ()) -> OrderedTable:
        """Only the arms for which ``arms`` is true; studies and treatments without any left disappear."""
        chosen = np.asarray(arms, dtype=bool)
        studies, study = np.unique(self.study[chosen], return_inverse=True)
        treatments, treatment = np.unique(self.treatment[chosen], return_inverse=True)
        return replace(
            self,
            studies=tuple(self.studies[s] for s in studies),
            treatments=tuple(self.treatments[t] for t in treatments),
            study=study.astype(np.intp),
            treatment=treatment.astype(np.intp),
            counts=self.counts[chosen],
            centre=self.centre[chosen],
            precision=self.precision[chosen],
            left_out=(*self.left_out, *left_out),
        )

    def arms(self) -> OrderedArms:
        """The likelihood of the arms."""
        found: dict[str, list[tuple[int, int, int, float]]] = {"bottom": [], "top": []}
        middle: list[list[tuple[int, int, int, float]]] = []
        for arm, row in enumerate(self.counts):
            reported = np.flatnonzero(~np.isnan(row))
            last = len(reported) - 1
            inner = 0
            for place, category in enumerate(reported.tolist()):
                upper = int(reported[place + 1]) - 1 if place < last else 0
                cell = (arm, max(category - 1, 0), upper, float(row[category]))
                if not row[category] > 0:
                    continue
                if place in (0, last):
                    found["bottom" if place == 0 else "top"].append(cell)
                    continue
                if inner == len(middle):
                    middle.append([])
                middle[inner].append(cell)
                inner += 1
        layers = tuple(_cells(layer) for layer in middle)
        return OrderedArms(
            self.link, _cells(found["bottom"]), _cells(found["top"]), layers, self.centre, self.precision
        )

    def constants(self) -> FloatArray:
        """What the logarithm of every arm's density has besides that of ``arms``, shape (arms,)."""
        counts = np.nan_to_num(self.counts)
        carried = np.where(self.precision > 0, self.precision, 2.0 * np.pi)
        ways = gammaln(counts.sum(axis=1) + 1.0) - gammaln(counts + 1.0).sum(axis=1)
        return np.asarray(ways + 0.5 * np.log(carried / (2.0 * np.pi)))

    def with_baseline(self, prior: Prior) -> OrderedTable:
        """With the prior of every study's baseline, its first arm's predictor of being above the first cutpoint.

        Under a flat one, studies in which everybody is in the lowest category that they report, or everybody in the
        highest, say nothing and are left out. Raises ``DataError`` for a prior that is neither flat nor normal.
        """
        if isinstance(prior, Normal):
            first = np.r_[True, self.study[1:] != self.study[:-1]]
            return replace(
                self, centre=np.where(first, prior.mean, 0.0), precision=np.where(first, prior.sd**-2.0, 0.0)
            )
        if not isinstance(prior, Flat):
            raise DataError(f"baseline={prior!r}: the prior of the studies' baselines is Flat() or Normal(mean, sd)")
        people = np.nansum(self.counts, axis=1)
        last = self.counts.shape[1] - 1 - np.argmax(~np.isnan(self.counts[:, ::-1]), axis=1)
        lowest, highest = self.counts[:, 0], self.counts[np.arange(len(last)), last]
        starts = self.first
        sums = [np.add.reduceat(values, starts) for values in (people, lowest, highest)]
        lost = []
        for share, which in ((sums[1], "lowest"), (sums[2], "highest")):
            for s in np.flatnonzero(share == sums[0]).tolist():
                lost.append(
                    LeftOut(
                        self.studies[s],
                        f"everybody is in the {which} category: under a flat prior of its baseline it says nothing of "
                        "the effects",
                    )
                )
        empty = (sums[1] == sums[0]) | (sums[2] == sums[0])
        if empty.all():
            raise DataError(
                "in every study everybody is in one category: nothing is known of the effects; give proper priors, as "
                "baseline=Normal(0, 10) and effects=Normal(0, 2)"
            )
        kept = self.keep(~empty[self.study], lost)
        gone = sorted(set(self.treatments) - set(kept.treatments))
        return replace(
            kept,
            left_out=(
                *kept.left_out,
                *(
                    LeftOut(f"treatment {t}", "no informative study that is left compares it with another")
                    for t in gone
                ),
            ),
        )


def read_ordered(
    data: Any,
    categories: Sequence[str],
    *,
    study: str = "study",
    treatment: str = "treatment",
    n: str | None = None,
    inclusive: bool = False,
    link: OrderedLink = "probit",
) -> OrderedTable:
    """Arms with ordered categories from a dataframe or mapping with one row an arm; the arguments name its columns.

    ``categories``: the columns with the numbers of people in each category, the lowest category first. With ``n``, the
    column of all people, the lowest category is what the others leave and has no column. ``inclusive``: the numbers
    are of people in the category or a higher one, as responders are mostly reported; needs ``n``. An empty cell:
    the category isn't reported by itself, its people are counted in the next lower one that is. ``link``: "probit"
    (default) or "logit" (proportional odds).

    Arms without a category besides the lowest and studies with a single arm are left out and reported. Raises
    ``DataError`` naming study, row and value of what can't be true, and a category that nobody reports.
    """
    categories = list(categories)
    if link not in MEASURES:
        raise DataError(f"link {link!r} isn't known; choose 'probit' or 'logit'")
    if len(set(categories)) < len(categories) or len(categories) < (1 if n is not None else 2):
        raise DataError("categories: name two or more, each once (with n, those above the lowest: one or more)")
    if inclusive and n is None:
        raise DataError(
            "inclusive counts don't say how many people are in the lowest category: name n, the column of all"
        )
    columns = read_columns(data, [study, treatment, *categories, *([n] if n is not None else [])])
    label, name = labels(columns[study], study), labels(columns[treatment], treatment)
    given = np.stack([numbers(columns[c], c) for c in categories], axis=1)
    total = numbers(columns[n], n) if n is not None else None
    rows, counts, left_out = [], [], []
    for row, (s, t) in enumerate(zip(label, name, strict=True)):
        where = f"study {s!r}, row {row + 1} ({t})"
        found = _counts(where, given[row], categories, None if total is None else float(total[row]), inclusive)
        if isinstance(found, str):
            left_out.append(LeftOut(f"{s}: {t} (row {row + 1})", found))
            continue
        rows.append(row)
        counts.append(found)
    several = {s for s in label if len({name[row] for row in rows if label[row] == s}) > 1}
    left_out += [
        LeftOut(s, "fewer than two treatments, so it compares nothing")
        for s in dict.fromkeys(label)
        if s not in several
    ]
    order = {s: k for k, s in enumerate(s for s in dict.fromkeys(label) if s in several)}
    chosen = sorted((k for k, row in enumerate(rows) if label[row] in order), key=lambda k: order[label[rows[k]]])
    if not chosen:
        raise DataError("no study compares two treatments, so there is no network to analyse")
    used = [rows[k] for k in chosen]
    treatments = sorted({name[row] for row in used})
    lost = sorted(set(name) - set(treatments))
    left_out += [LeftOut(f"treatment {t}", "no study that is left compares it with another") for t in lost]
    names = tuple(categories) if n is None else (f"below {categories[0]}", *categories)
    table = np.array([counts[k] for k in chosen])
    for c in np.flatnonzero(np.isnan(table).all(axis=0)).tolist():
        raise DataError(f"no arm that can be used reports the category {names[c]!r}: leave its column out")
    nothing = np.zeros(len(used))
    return OrderedTable(
        link,
        names,
        tuple(order),
        tuple(treatments),
        np.array([order[label[row]] for row in used], dtype=np.intp),
        np.array([treatments.index(name[row]) for row in used], dtype=np.intp),
        table,
        nothing,
        nothing,
        tuple(left_out),
    )


def _counts(
    where: str, given: FloatArray, categories: Sequence[str], total: float | None, inclusive: bool
) -> FloatArray | str:
    """An arm's people in every category, or why it can't be used. Raises ``DataError`` for what can't be true."""
    for column, value in zip(categories, given.tolist(), strict=True):
        if value < 0 or np.isinf(value):
            raise DataError(f"{where}: {column} is {value:g}; a number of people is 0 or more")
    reported = np.flatnonzero(~np.isnan(given))
    if total is not None:
        if np.isnan(total):
            return "its number of people is missing"
        if not total > 0 or np.isinf(total):
            raise DataError(f"{where}: {total:g} people; the number must be positive")
        if not len(reported):
            return "no category is reported"
        if inclusive:
            given = given.copy()
            above = np.append(given[reported[1:]], 0.0)
            if np.any(given[reported] < above):
                k = int(np.flatnonzero(given[reported] < above)[0])
                raise DataError(
                    f"{where}: {above[k]:g} in {categories[reported[k + 1]]} or higher, but {given[reported[k]]:g} in "
                    f"{categories[reported[k]]} or higher; are these numbers inclusive?"
                )
            given[reported] -= above
        rest = total - float(np.nansum(given))
        if rest < -1e-9:
            raise DataError(
                f"{where}: {np.nansum(given):g} in the categories, but {total:g} people; "
                + ("check the numbers" if inclusive else "are the numbers inclusive (inclusive=True)?")
            )
        return np.concatenate([[max(rest, 0.0)], given])
    if np.isnan(given[0]):
        return f"its number in the lowest category, {categories[0]}, is missing"
    if len(reported) < 2:
        return "no category besides the lowest is reported"
    if not np.nansum(given) > 0:
        raise DataError(f"{where}: nobody in any category")
    return given


def _cells(rows: list[tuple[int, int, int, float]]) -> Cells:
    arm, lower, upper, n = np.array(rows, dtype=float).reshape(-1, 4).T
    return Cells(arm.astype(np.intp), lower.astype(np.intp), upper.astype(np.intp), n)
