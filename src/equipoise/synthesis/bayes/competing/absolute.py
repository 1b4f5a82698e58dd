"""Probabilities of competing outcomes under each treatment among people whose hazards under one of them are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.importance import normal_points, points
from equipoise.synthesis.bayes.priors import Normal
from equipoise.synthesis.network.tables import decimals, interval, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.competing.posterior import CompetingPosterior

_POWER = 10
NONE = "none"


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeProbabilities:
    """One element for each treatment and outcome, the last being "none": the probability by a time; ``lower``, ``upper``:
    equal-tailed.
    """

    time: float
    known: str
    level: float
    treatment: tuple[str, ...]
    outcome: tuple[str, ...]
    mean: FloatArray
    sd: FloatArray
    median: FloatArray
    lower: FloatArray
    upper: FloatArray

    def to_frame(self) -> Any:
        """One row for each treatment and outcome."""
        from equipoise.frames import make_frame

        names = ("treatment", "outcome", "mean", "sd", "median", "lower", "upper")
        return make_frame({name: getattr(self, name) for name in names})

    def summary(self) -> str:
        """The table as text."""
        table = text_table(
            {
                "treatment": list(self.treatment),
                "outcome": list(self.outcome),
                "mean": [decimals(x) for x in self.mean],
                "median": [decimals(x) for x in self.median],
                f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(self.lower, self.upper, strict=True)],
            }
        )
        return f"Probabilities by time {self.time:g}; hazards known under {self.known}\n\n{table}"


def outcome_probabilities(
    posterior: CompetingPosterior,
    baseline: Mapping[str, Normal | float],
    treatment: str | None,
    time: float,
    new_study: bool,
) -> OutcomeProbabilities:
    """See ``CompetingPosterior.absolute``."""
    names = posterior.table.outcomes
    known = posterior.outcomes[0].reference if treatment is None else treatment
    if not time > 0:
        raise DataError(f"time {time} must be positive")
    if new_study and posterior.outcomes[0].model == "common":
        raise DataError("a common-effect model predicts no spread between studies; take new_study=False")
    lacking = [name for name in names if name not in baseline]
    if lacking:
        raise DataError(f"baseline: no hazard of {lacking[0]}; give one for each of {', '.join(names)}")
    where = []
    for outcome in posterior.outcomes:
        place = outcome.position(known)
        where.append(next(k for k, part in enumerate(outcome.parts) if place in part.treatments))
    members = [
        t
        for t in posterior.table.treatments
        if all(t in o.subnetworks[k] for o, k in zip(posterior.outcomes, where, strict=True))
    ]
    # One low-discrepancy coordinate chooses the point, the others place baselines and the study to come.
    count = len(names)
    uniform = points(1, _POWER + 3, 1 + 2 * count, 1)[0]
    weights = posterior.points[0][0].weights
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), uniform[:, 0]), len(weights) - 1)
    normal = normal_points(uniform[:, 1:])
    hazards = np.empty((len(members), count, len(chosen)))
    for m, (outcome, k) in enumerate(zip(posterior.outcomes, where, strict=True)):
        part = outcome.parts[k]
        effects = np.insert(posterior.points[m][k].d[chosen], part.reference, 0.0, axis=1)
        local = {outcome.treatments[t]: i for i, t in enumerate(part.treatments.tolist())}
        log = effects[:, [local[t] for t in members]] - effects[:, [local[known]]]
        if new_study:
            tau = part.nodes.tau[posterior.points[m][k].node[chosen]]
            log = log + np.where(np.array(members) == known, 0.0, (tau * normal[:, count + m])[:, None])
        hazards[:, m] = np.exp(log + _baseline(baseline[names[m]], normal[:, m])[:, None]).T
    total = hazards.sum(axis=1, keepdims=True)
    some = -np.expm1(-total * time)
    shares = np.concatenate([hazards / total * some, 1.0 - some], axis=1)
    tail = (1.0 - posterior.outcomes[0].level) / 2.0
    low, middle, high = np.quantile(shares, [tail, 0.5, 1.0 - tail], axis=2)
    return OutcomeProbabilities(
        time,
        known,
        posterior.outcomes[0].level,
        tuple(t for t in members for _ in range(count + 1)),
        (*names, NONE) * len(members),
        *(x.ravel() for x in (shares.mean(axis=2), shares.std(axis=2), middle, low, high)),
    )


def _baseline(given: Normal | float, z: FloatArray) -> FloatArray:
    """The logarithm of a hazard at standard normal points."""
    if isinstance(given, Normal):
        return np.asarray(given.mean + given.sd * z)
    if isinstance(given, int | float) and given > 0:
        return np.full(len(z), np.log(float(given)))
    raise DataError(f"baseline {given!r}: give Normal(mean, sd) of a log hazard, or a positive hazard")
