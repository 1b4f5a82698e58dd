"""How well an arm-level model predicts each study from the others: leave-one-study-out and WAIC.

With a study's baseline and random effects integrated out its likelihood is g(d, τ): p(y_i | others) = 1/E(1/g_i), by weights
∝ 1/g_i, Pareto-smoothed, whose k̂ says whether to trust it (Vehtari, Gelman & Gabry 2017, Statistics and Computing 27:1413);
WAIC is the same to second order (Watanabe 2010, J Mach Learn Res 11:3571).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.importance import DOUBTFUL, smooth_weights
from equipoise.synthesis.network.tables import decimals, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior


@dataclass(frozen=True, slots=True, eq=False)
class StudyPrediction:
    """Arrays have one element a study.

    ``left_out``: log p(its data | all others); ``pareto_k``: above 0.7 that isn't to be trusted; ``waic``: the same by WAIC;
    ``parameters``: the effective number of parameters it takes, by WAIC. Under a flat baseline the densities have an
    arbitrary constant, the same in every model of these data with that link.
    """

    study: tuple[str, ...]
    left_out: FloatArray
    pareto_k: FloatArray
    waic_each: FloatArray
    parameters: FloatArray

    @property
    def looic(self) -> float:
        """−2 Σ log p(study | others); small is good."""
        return float(-2.0 * self.left_out.sum())

    @property
    def waic(self) -> float:
        """−2 Σ of the same by WAIC."""
        return float(-2.0 * self.waic_each.sum())

    def to_frame(self) -> Any:
        """One row a study."""
        from equipoise.frames import make_frame

        names = ("study", "left_out", "pareto_k", "waic_each", "parameters")
        return make_frame({name: getattr(self, name) for name in names})

    def summary(self) -> str:
        """Both criteria, and the studies that the others predict worst, as text."""
        worst = np.argsort(self.left_out)[:5]
        table = text_table(
            {
                "study": [self.study[i] for i in worst],
                "log density": [decimals(self.left_out[i], 2) for i in worst],
                "Pareto k": [decimals(self.pareto_k[i], 2) for i in worst],
            }
        )
        doubtful = [name for name, k in zip(self.study, self.pareto_k, strict=True) if k > DOUBTFUL]
        note = f"\nDoubtful (Pareto k above {DOUBTFUL:g}): {', '.join(doubtful)}" if doubtful else ""
        return f"Leave-one-study-out {self.looic:.1f}, WAIC {self.waic:.1f}\n\n{table}{note}"


def predict_studies(posterior: ArmPosterior) -> StudyPrediction:
    """See ``ArmPosterior.study_prediction``."""
    table = posterior.table
    found = np.empty((4, len(table.studies)))
    for part in posterior.parts:
        inside = np.flatnonzero(np.isin(table.treatment, part.treatments))
        # All points, not draws: 1/g weighs the tails, where the points lie more evenly.
        points = part.points
        log_weights = np.log(np.maximum(points.weights, 1e-300))
        constants = part.evidence.likelihood.constants()
        for block, log in part.evidence.study_values(points.d, part.nodes.tau[points.node]):
            log = log + constants[block].sum(axis=1)
            for place, values in zip(table.study[inside[block[:, 0]]].tolist(), log.T, strict=True):
                weights, k = smooth_weights(log_weights - values)
                left_out = float(np.log(weights @ np.exp(values - values.max())) + values.max())
                spread = float(points.weights @ (values - points.weights @ values) ** 2)
                mean = float(logsumexp(values + log_weights))
                found[:, place] = left_out, k, mean - spread, spread
    return StudyPrediction(table.studies, *found)
