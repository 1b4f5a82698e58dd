"""How well a model of ordered categories fits: residual deviance, leverage, pD and DIC.

Dev = 2(ℓ_saturated − ℓ) and leverage = E Dev − Dev at the posterior mean of the fitted probabilities, as
``arm_level.statistics`` (Spiegelhalter et al. 2002; NICE DSU Technical Support Document 2, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import xlogy

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.statistics import ArmDeviances, evenly_chosen
from equipoise.synthesis.bayes.ordered.evidence import MIDDLE
from equipoise.synthesis.bayes.ordered.integrals import study_fits
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.tables import decimals, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.ordered.part import OrderedPart
    from equipoise.synthesis.bayes.ordered.posterior import OrderedPosterior

_POINTS = 400


@dataclass(frozen=True, slots=True, eq=False)
class OrderedFit(ArmDeviances):
    """``fitted``: shape (arms, categories − 1), posterior means of the probabilities of each category but the lowest or a
    higher one; ``data_points``: categories reported less one, which the deviance is about where the model fits.
    """

    data_points: IntArray

    def to_frame(self) -> Any:
        """One row an arm."""
        from equipoise.frames import make_frame

        names = ("study", "treatment", "data_points", "deviance", "leverage")
        return make_frame({name: getattr(self, name) for name in names})

    def summary(self) -> str:
        """The sums, and the arms that fit worst, as text."""
        worst = np.argsort(self.data_points - self.deviance)[:5]
        table = text_table(
            {
                "arm": [f"{self.study[i]}: {self.treatment[i]}" for i in worst],
                "data points": [str(self.data_points[i]) for i in worst],
                "deviance": [decimals(self.deviance[i], 2) for i in worst],
                "leverage": [decimals(self.leverage[i], 2) for i in worst],
            }
        )
        return (
            f"Residual deviance {self.residual_deviance:.1f} on {self.data_points.sum()} data points, pD {self.pd:.1f}, "
            f"DIC {self.dic:.1f}\n\n{table}"
        )


def fit_statistics(posterior: OrderedPosterior) -> OrderedFit:
    """See ``OrderedPosterior.fit_statistics``."""
    table = posterior.table
    counts = table.counts
    log, above = np.empty(len(counts)), np.empty((len(counts), counts.shape[1] - 1))
    for part in posterior.parts:
        inside = np.flatnonzero(np.isin(table.treatment, part.treatments))
        log[inside], above[inside] = _part_fits(part)
    reported = ~np.isnan(counts)
    people = np.nansum(counts, axis=1, keepdims=True)
    saturated = np.nansum(xlogy(counts, counts / people), axis=1)
    at_mean = np.empty(len(counts))
    for arm, row in enumerate(counts):
        lowest = np.flatnonzero(reported[arm])
        reached = np.r_[1.0, above[arm, lowest[1:] - 1], 0.0]
        at_mean[arm] = xlogy(row[lowest], -np.diff(reached)).sum()
    deviance = 2.0 * (saturated - log)
    return OrderedFit(
        tuple(table.studies[s] for s in table.study),
        tuple(table.treatments[t] for t in table.treatment),
        above,
        deviance,
        deviance - 2.0 * (saturated - at_mean),
        reported.sum(axis=1) - 1,
    )


def _part_fits(part: OrderedPart) -> tuple[FloatArray, FloatArray]:
    """Posterior means of every arm's log-likelihood and of its probabilities of being above each cutpoint."""
    evidence, chosen = part.evidence, evenly_chosen(part, _POINTS)
    d = part.points.d[chosen]
    z = evidence.cutpoints(d)
    effects = d[:, : evidence.count - 1] @ evidence.design().T
    wide = np.broadcast_to(z[:, None], (len(d), effects.shape[1], z.shape[1]))
    start = evidence.start_eta + z.mean(axis=0)[evidence.start_cut]
    tau = part.nodes.tau[part.points.node[chosen]]
    values, above = study_fits(
        evidence.arms, evidence.first, evidence.study(), start, effects, wide, tau, MIDDLE[evidence.arms.link]
    )
    return values.mean(axis=0), above.mean(axis=0)
