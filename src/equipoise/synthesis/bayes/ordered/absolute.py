"""Probabilities of ordered categories under each treatment among people whose risk under one of them is known.

As ``arm_level.absolute``: the linear predictor is baseline + effect − cutpoint, the baseline independent of the network's
data (Dias et al. 2013, NICE DSU Technical Support Document 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.statistics import evenly_chosen
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.ordered.likelihood import probability_of, quantile_of
from equipoise.synthesis.bayes.priors import Normal
from equipoise.synthesis.network.tables import decimals, interval, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.ordered.part import OrderedPart
    from equipoise.synthesis.bayes.ordered.posterior import OrderedPosterior

_HERMITE = 33
_POINTS = 2**12


@dataclass(frozen=True, slots=True, eq=False)
class CategoryProbabilities:
    """One element for each treatment and category but the lowest: the probability of being in that ``category`` or a higher
    one; ``lower``, ``upper``: equal-tailed. ``within``: the mean probability of being in that very category.
    """

    baseline: str
    level: float
    treatment: tuple[str, ...]
    category: tuple[str, ...]
    mean: FloatArray
    sd: FloatArray
    median: FloatArray
    lower: FloatArray
    upper: FloatArray
    within: FloatArray

    def to_frame(self) -> Any:
        """One row for each treatment and category."""
        from equipoise.frames import make_frame

        names = ("treatment", "category", "mean", "sd", "median", "lower", "upper", "within")
        return make_frame({name: getattr(self, name) for name in names})

    def summary(self) -> str:
        """The table as text."""
        table = text_table(
            {
                "treatment": list(self.treatment),
                "category or higher": list(self.category),
                "mean": [decimals(x) for x in self.mean],
                "median": [decimals(x) for x in self.median],
                f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(self.lower, self.upper, strict=True)],
            }
        )
        return f"Probabilities of reaching a category; {self.baseline}\n\n{table}"


def category_probabilities(
    posterior: OrderedPosterior, baseline: Normal | float, treatment: str | None, new_study: bool
) -> CategoryProbabilities:
    """See ``OrderedPosterior.absolute``."""
    link = posterior.table.link
    known = posterior.reference if treatment is None else treatment
    place = posterior.position(known)
    part = next(part for part in posterior.parts if place in part.treatments)
    if new_study and posterior.model == "common":
        raise DataError("a common-effect model predicts no spread between studies; take new_study=False")
    if isinstance(baseline, Normal):
        centre, spread = baseline.mean, baseline.sd
        said = f"{link} under {known} {baseline.describe()}"
    elif isinstance(baseline, int | float):
        if not 0 < baseline < 1:
            raise DataError(f"baseline {baseline:g}: a probability between 0 and 1 is needed")
        centre, spread = float(quantile_of(link, np.array(float(baseline)))), 0.0
        said = f"{float(baseline):g} under {known} reach {posterior.table.categories[1]}"
    else:
        raise DataError(f"baseline={baseline!r}: give Normal(mean, sd) on the scale of the link, or a probability")
    members = [posterior.treatments[t] for t in part.treatments]
    cuts = len(posterior.table.categories) - 1
    base = int(np.flatnonzero(part.treatments == place)[0])
    tail = (1.0 - posterior.level) / 2.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(_HERMITE)
    weights = weights / weights.sum()
    rows = np.empty((len(members), cuts, 5))
    for k in range(len(members)):
        eta = _predictors(part, k, base, centre, spread, new_study)
        value = probability_of(link, eta.means[:, None] + eta.sds[:, None] * nodes[:, None])
        shares = np.broadcast_to(eta.weights.reshape(len(eta.weights), -1), eta.means.shape)
        mean = np.einsum("jq,joq,o->q", shares, value, weights)
        variance = np.einsum("jq,joq,o->q", shares, (value - mean) ** 2, weights)
        low, middle, high = probability_of(link, eta.quantile(np.array([tail, 0.5, 1.0 - tail])))
        rows[k] = np.stack([mean, np.sqrt(np.maximum(variance, 0.0)), middle, low, high], axis=1)
    above = rows[:, :, 0]
    within = above - np.concatenate([above[:, 1:], np.zeros((len(members), 1))], axis=1)
    names = tuple(name for name in members for _ in range(cuts))
    return CategoryProbabilities(
        said,
        posterior.level,
        names,
        posterior.table.categories[1:] * len(members),
        *(values.ravel() for values in (*np.moveaxis(rows, 2, 0), within)),
    )


def _predictors(
    part: OrderedPart, treatment: int, base: int, centre: float, spread: float, new_study: bool
) -> NormalMixture:
    """The linear predictors of being above each cutpoint."""
    values = centre + (part.effects[:, treatment] - part.effects[:, base])[:, None]
    values = values - part.evidence.cutpoints(part.points.d)
    if treatment == base or not new_study:
        found = part.distribution(values)
        return NormalMixture(found.weights, found.means, np.hypot(found.sds, spread))
    chosen = evenly_chosen(part, _POINTS)
    sds = np.hypot(spread, part.nodes.tau[part.points.node[chosen]])
    floor = 1e-3 * values[chosen].std(axis=0)
    return NormalMixture(np.full(len(chosen), 1.0 / len(chosen)), values[chosen], np.hypot(sds[:, None], floor))
