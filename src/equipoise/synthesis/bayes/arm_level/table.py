"""Arms as a likelihood needs them: one row an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray, labels, numbers, read_columns
from equipoise.synthesis.bayes.arm_level.likelihoods import LINKS, ArmLikelihood, Family, Link, recession
from equipoise.synthesis.bayes.priors import Flat, Normal, Prior
from equipoise.synthesis.network.arms import Arm, check_arm
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.connectivity import subnetworks
from equipoise.synthesis.network.network import LeftOut

MEASURES = {
    ("binomial", "logit"): "OR",
    ("binomial", "cloglog"): "HR",
    ("binomial", "probit"): "PROBIT",
    ("binomial", "log"): "RR",
    ("poisson", "log"): "IRR",
    ("normal", "identity"): "MD",
}
"""The effect measure of each likelihood and link."""


@dataclass(frozen=True, slots=True, eq=False)
class ArmTable:
    """Arms sorted by study, in the order given within it; every study has two arms or more.

    ``studies``, ``treatments``: labels, the treatments sorted; ``study``, ``treatment``: shape (arms,), indices into
    them; ``likelihood``: of the arms; ``left_out``: what isn't in it, and why. Arms of a study on the same treatment
    stay apart, each with a random effect of its own, as in NICE's models.
    """

    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    study: IntArray
    treatment: IntArray
    likelihood: ArmLikelihood
    left_out: tuple[LeftOut, ...] = ()

    @property
    def measure(self) -> str:
        """The effect measure that the likelihood's link makes."""
        return MEASURES[self.likelihood.family, self.likelihood.link]

    def blocks(self) -> tuple[IntArray, ...]:
        """The arms' positions, studies with equally many arms stacked: shapes (k, m), by increasing m."""
        first = np.flatnonzero(np.r_[True, self.study[1:] != self.study[:-1]])
        sizes = np.diff(np.r_[first, len(self.study)])
        return tuple(first[sizes == m][:, None] + np.arange(m) for m in np.unique(sizes).tolist())

    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The connected parts, the largest first."""
        return subnetworks(self.treatments, (self.treatment[block] for block in self.blocks()))

    def keep(self, arms: Any, left_out: Sequence[LeftOut] = ()) -> ArmTable:
        """Only the arms for which ``arms`` is true; studies and treatments without any left disappear."""
        chosen = np.asarray(arms, dtype=bool)
        studies, study = np.unique(self.study[chosen], return_inverse=True)
        treatments, treatment = np.unique(self.treatment[chosen], return_inverse=True)
        return ArmTable(
            tuple(self.studies[s] for s in studies),
            tuple(self.treatments[t] for t in treatments),
            study.astype(np.intp),
            treatment.astype(np.intp),
            self.likelihood.take(chosen),
            (*self.left_out, *left_out),
        )

    def with_baseline(self, prior: Prior) -> ArmTable:
        """With the prior of every study's baseline, the linear predictor of its first arm.

        Under a flat one, studies in which no arm had an event, or every participant had one, say nothing of the effects and
        are left out. Raises ``DataError`` for a prior that is neither flat nor normal.
        """
        if isinstance(prior, Normal):
            first = np.r_[True, self.study[1:] != self.study[:-1]]
            arms = self.likelihood
            weighted = ArmLikelihood(
                arms.family,
                arms.link,
                arms.y,
                arms.size,
                arms.offset,
                np.where(first, prior.mean, 0.0),
                np.where(first, prior.sd**-2.0, 0.0),
            )
            return ArmTable(self.studies, self.treatments, self.study, self.treatment, weighted, self.left_out)
        if not isinstance(prior, Flat):
            raise DataError(f"baseline={prior!r}: the prior of the studies' baselines is Flat() or Normal(mean, sd)")
        low, high = recession(self.likelihood)
        arms_of = np.bincount(self.study)
        none = np.bincount(self.study, weights=low) == arms_of
        everyone = np.bincount(self.study, weights=high) == arms_of
        reasons = [(none, "no events in any arm"), (everyone, "every participant had the event")]
        lost = [
            LeftOut(self.studies[s], f"{reason}: under a flat prior of its baseline it says nothing of the effects")
            for which, reason in reasons
            for s in np.flatnonzero(which).tolist()
        ]
        if (none | everyone).all():
            raise DataError(
                "in every study nobody, or everybody, had the event: nothing is known of the effects; "
                "give proper priors, as baseline=Normal(0, 10) and effects=Normal(0, 2)"
            )
        kept = self.keep(~(none | everyone)[self.study], lost)
        gone = sorted(set(self.treatments) - set(kept.treatments))
        return kept.keep(
            np.ones(len(kept.study), dtype=bool),
            [LeftOut(f"treatment {t}", "no informative study that is left compares it with another") for t in gone],
        )


def link_of(likelihood: Family, measure: str) -> Link:
    """The link whose effect measure is ``measure``.

    Raises ``DataError`` where the likelihood has none, naming the measures that it has.
    """
    found = next((link for (family, link), made in MEASURES.items() if (family, made) == (likelihood, measure)), None)
    if found is None:
        has = ", ".join(f"{made} ({link})" for (family, link), made in MEASURES.items() if family == likelihood)
        raise DataError(
            f"the {likelihood} likelihood has no link for the measure {measure}; name one with link=… for "
            f"{has or 'a known likelihood (binomial, poisson)'}"
        )
    return found  # type: ignore[return-value]


def read_arms(
    data: Any,
    *,
    study: str = "study",
    treatment: str = "treatment",
    likelihood: Family = "binomial",
    link: Link | None = None,
    events: str | None = None,
    n: str | None = None,
    mean: str | None = None,
    sd: str | None = None,
    se: str | None = None,
    time: str | None = None,
) -> ArmTable:
    """The arms of a dataframe or mapping, one row an arm; the arguments name its columns.

    ``likelihood`` and what it needs: "binomial" ``events`` and ``n`` (with the complementary log-log link ``time``,
    of follow-up, where studies differ in it), "poisson" ``events`` and ``time`` (person-time), "normal" ``mean`` and
    ``se``, or ``sd`` and ``n``. ``link``: "logit" (default), "cloglog", "probit" or "log" for binomial arms.

    Arms with a missing number and studies with a single arm are left out and reported. Raises ``DataError`` naming
    the study, row and value of what can't be true.
    """
    given = {"events": events, "n": n, "mean": mean, "sd": sd, "se": se, "time": time}
    named = {name: column for name, column in given.items() if column is not None}
    columns = read_columns(data, [study, treatment, *named.values()])
    return arm_table(
        labels(columns[study], study),
        labels(columns[treatment], treatment),
        {name: numbers(columns[column], column) for name, column in named.items()},
        likelihood,
        link,
    )


def arm_table(
    study: Sequence[str],
    treatment: Sequence[str],
    columns: Mapping[str, FloatArray],
    likelihood: Family = "binomial",
    link: Link | None = None,
) -> ArmTable:
    """As ``read_arms``, from labels and columns by name."""
    if likelihood not in LINKS:
        raise DataError(f"likelihood {likelihood!r} isn't known; choose {', '.join(LINKS)}")
    link = link or LINKS[likelihood][0]  # type: ignore[assignment]
    if link not in LINKS[likelihood]:
        raise DataError(
            f"link {link!r} doesn't go with the {likelihood} likelihood; choose {', '.join(LINKS[likelihood])}"
        )
    wanted = _wanted(likelihood, link, columns)
    values = np.array([np.asarray(columns[name], dtype=float) for name in wanted]).reshape(len(wanted), -1)
    left_out: list[LeftOut] = []
    kept: list[int] = []
    measure = MEASURES[likelihood, link] if link != "probit" else "OR"
    for row, (label, name) in enumerate(zip(study, treatment, strict=True)):
        missing = [column for column, value in zip(wanted, values[:, row], strict=True) if np.isnan(value)]
        if missing:
            left_out.append(LeftOut(f"{label}: {name} (row {row + 1})", f"its {' and '.join(missing)} is missing"))
            continue
        check_arm(label, Arm(row + 1, name, dict(zip(wanted, values[:, row].tolist(), strict=True))), measure)
        kept.append(row)
    order: dict[str, int] = {}
    for label in study:
        order.setdefault(label, len(order))
    kept.sort(key=lambda row: order[study[row]])
    counts = np.bincount([order[study[row]] for row in kept], minlength=len(order))
    several = {t: len({treatment[row] for row in kept if study[row] == t}) > 1 for t in order}
    left_out += [
        LeftOut(label, "fewer than two treatments, so it compares nothing")
        for label, place in order.items()
        if counts[place] < 2 or not several[label]
    ]
    rows = [row for row in kept if several[study[row]]]
    if not rows:
        raise DataError("no study compares two treatments, so there is no network to analyse")
    names = list(dict.fromkeys(study[row] for row in rows))
    treatments = sorted({treatment[row] for row in rows})
    lost = sorted(set(treatment) - set(treatments))
    left_out += [LeftOut(f"treatment {t}", "no study that is left compares it with another") for t in lost]
    found = dict(zip(wanted, values[:, rows], strict=True))
    y = found["mean"] if likelihood == "normal" else found["events"]
    nothing = np.zeros(len(rows))
    offset = np.log(found["time"]) if "time" in found else nothing
    if likelihood == "normal":
        size = found["se"] if "se" in found else found["sd"] / np.sqrt(found["n"])
    else:
        size = found["n"] if likelihood == "binomial" else np.ones(len(rows))
    return ArmTable(
        tuple(names),
        tuple(treatments),
        np.array([names.index(study[row]) for row in rows], dtype=np.intp),
        np.array([treatments.index(treatment[row]) for row in rows], dtype=np.intp),
        ArmLikelihood(likelihood, link, y, size, offset, nothing, nothing),
        tuple(left_out),
    )


def _wanted(likelihood: Family, link: Link, columns: Mapping[str, FloatArray]) -> list[str]:
    if likelihood == "binomial":
        names = ["events", "n"]
        if link == "cloglog" and "time" in columns:
            names.append("time")
    elif likelihood == "poisson":
        names = ["events", "time"]
    else:
        names = ["mean", "sd", "n"] if "se" not in columns and "sd" in columns else ["mean", "se"]
    lacking = [name for name in names if name not in columns]
    if lacking:
        also = " (or sd and n)" if "se" in lacking else ""
        raise DataError(f"the {likelihood} likelihood needs {', '.join(lacking)}{also} of every arm; name the column")
    return names
