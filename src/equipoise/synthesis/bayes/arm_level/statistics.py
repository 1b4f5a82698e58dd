"""Residual deviance, leverage, pD and DIC of an arm-level posterior (NICE DSU Technical Support Document 2, section 2.2).

Of every arm: the posterior mean of its residual deviance, and the deviance at the posterior mean of what is expected of it;
their difference is the leverage, the sum of those pD, and DIC = residual deviance + pD (Spiegelhalter et al. 2002, J R Stat Soc
B 64:583). Given d and τ both means are integrals over baseline and random effects, taken at some of the weighted points;
a regression on d, its squares and a polynomial of τ, whose means all the points say, takes the noise of that choice out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.integrals import MIDDLE, study_means
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.tables import decimals, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.part import ArmPart, WeightedPart
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior

_POINTS = 512


@dataclass(frozen=True, slots=True, eq=False)
class ArmDeviances:
    """Arrays have one element an arm.

    ``fitted``: posterior means of what is expected; ``deviance``: posterior mean of the residual deviance; ``leverage``.
    """

    study: tuple[str, ...]
    treatment: tuple[str, ...]
    fitted: FloatArray
    deviance: FloatArray
    leverage: FloatArray

    @property
    def residual_deviance(self) -> float:
        """The sum over arms."""
        return float(self.deviance.sum())

    @property
    def pd(self) -> float:
        """The effective number of parameters."""
        return float(self.leverage.sum())

    @property
    def dic(self) -> float:
        """Deviance information criterion, up to a constant of the data: residual deviance + pD."""
        return self.residual_deviance + self.pd


@dataclass(frozen=True, slots=True, eq=False)
class FitStatistics(ArmDeviances):
    """As ``ArmDeviances``: the deviance is about 1 an arm where the model fits; ``fitted``: the probability, the number of
    events or the mean.
    """

    def to_frame(self) -> Any:
        """One row an arm."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.study,
                "treatment": self.treatment,
                "fitted": self.fitted,
                "deviance": self.deviance,
                "leverage": self.leverage,
            }
        )

    def summary(self) -> str:
        """The sums, and the arms that fit worst, as text."""
        worst = np.argsort(-self.deviance)[:5]
        table = text_table(
            {
                "arm": [f"{self.study[i]}: {self.treatment[i]}" for i in worst],
                "deviance": [decimals(self.deviance[i], 2) for i in worst],
                "leverage": [decimals(self.leverage[i], 2) for i in worst],
            }
        )
        return (
            f"Residual deviance {self.residual_deviance:.1f} on {len(self.deviance)} arms, pD {self.pd:.1f}, "
            f"DIC {self.dic:.1f}\n\n{table}"
        )


def fit_statistics(posterior: ArmPosterior, places: Sequence[IntArray] | None = None) -> FitStatistics:
    """See ``ArmPosterior.fit_statistics``; ``places``: which arms belong to each part, by default those on its treatments."""
    table = posterior.table
    arms = len(table.study)
    fitted, log = np.empty(arms), np.empty(arms)
    names = np.array(table.treatments)[table.treatment]
    if places is None:
        places = [np.flatnonzero(np.isin(table.treatment, part.treatments)) for part in posterior.parts]
    for part, inside in zip(posterior.parts, places, strict=True):
        log[inside], fitted[inside] = _part_fits(part)
    arms_of = table.likelihood
    deviance = 2.0 * (arms_of.saturated() - log)
    at_mean = 2.0 * (arms_of.saturated() - arms_of.value_at(fitted))
    studies = tuple(table.studies[s] for s in table.study)
    return FitStatistics(studies, tuple(names.tolist()), fitted, deviance, deviance - at_mean)


def evenly_chosen(part: WeightedPart[Any], count: int) -> IntArray:
    """So many of the weighted points, each standing for the same probability; in the order of their τ."""
    return evenly_in(part, np.argsort(part.points.node, kind="stable"), count)


def evenly_in(part: ArmPart, order: IntArray, count: int) -> IntArray:
    """The same in another order of all points."""
    reached = np.cumsum(part.points.weights[order])
    wanted = (np.arange(count) + 0.5) / count
    return np.asarray(order[np.minimum(np.searchsorted(reached, wanted), len(order) - 1)])


def _value_and_fitted(arms: ArmLikelihood, eta: FloatArray) -> FloatArray:
    return np.stack([arms.value(eta, prior=False), arms.fitted(eta)])


def _part_fits(part: ArmPart) -> tuple[FloatArray, FloatArray]:
    """Posterior means of every arm's log-likelihood and fitted value, in the order of the part's arms."""
    points = part.points
    tau = part.nodes.tau[points.node]
    chosen = evenly_chosen(part, _POINTS)
    evidence = part.evidence
    found = np.empty((2, _POINTS, len(evidence.treatment)))
    for block in evidence.blocks:
        d = np.einsum("kmp,bp->bkm", evidence.design(block), points.d[chosen])
        found[:, :, block.ravel()] = study_means(
            evidence.likelihood.take(block), d, tau[chosen], _value_and_fitted, MIDDLE
        ).reshape(2, _POINTS, -1)
    centre = points.weights @ points.d
    z = (points.d - centre) / np.sqrt(points.weights @ (points.d - centre) ** 2)
    features = np.column_stack([np.ones(len(z)), z, z**2])
    if len(part.nodes.x) > 1:
        x = part.nodes.x[points.node]
        powers = np.polynomial.chebyshev.chebvander(2.0 * (x - part.nodes.x[0]) / np.ptp(part.nodes.x) - 1.0, 5)
        features = np.column_stack([features, powers[:, 1:]])
    means = points.weights @ features
    fitted = [np.linalg.lstsq(features[chosen], values, rcond=None)[0] for values in found]
    return np.asarray(means @ fitted[0]), np.asarray(means @ fitted[1])
