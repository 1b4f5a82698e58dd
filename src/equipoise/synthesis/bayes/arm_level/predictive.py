"""Posterior predictive checks of arms: what the model would have expected in the same arms of the same studies.

Replicates have the same baseline and random effects as the data (Gelman, Meng & Stern 1996, Statistica Sinica 6:733). As the
data have drawn those towards themselves, p-values lie closer to ½ than uniform ones: an extreme one is a strong sign, an
unremarkable one a weak one; ``ArmPosterior.study_prediction`` leaves studies out. What is expected of an arm, and its p-value, are
integrals; the sums of deviances, of replicates against the data's, are compared by seeded simulation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import bdtr, ndtr, pdtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.integrals import MIDDLE, study_nodes
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.bayes.arm_level.statistics import evenly_in
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.tables import decimals, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.part import ArmPart
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior

Tables = dict[tuple[int, int], tuple[FloatArray, FloatArray]]
"""By an arm's place, a grid and values on it."""


@dataclass(frozen=True, slots=True, eq=False)
class PredictiveCheck:
    """Arrays have one element an arm, those that begin with ``study_`` one a study.

    ``observed``: events or mean; ``expected``, ``sd``: of replicates; ``p``: the probability that a replicate is above what was
    observed, ties counted half. ``study_p``: that the deviance of a study's replicates is at least that of its data;
    ``total_p``: the same of all studies together: small where the model fits worse than data of its own would, with a
    simulation error of at most 0.5/√``points``.
    """

    study: tuple[str, ...]
    treatment: tuple[str, ...]
    observed: FloatArray
    expected: FloatArray
    sd: FloatArray
    p: FloatArray
    study_names: tuple[str, ...]
    study_p: FloatArray
    total_p: float
    points: int

    def to_frame(self) -> Any:
        """One row an arm."""
        from equipoise.frames import make_frame

        names = ("study", "treatment", "observed", "expected", "sd", "p")
        return make_frame({name: getattr(self, name) for name in names})

    def summary(self) -> str:
        """The check of all arms together, and the arms with the most extreme p-values, as text."""
        worst = np.argsort(-np.abs(self.p - 0.5), kind="stable")[:5]
        table = text_table(
            {
                "arm": [f"{self.study[i]}: {self.treatment[i]}" for i in worst],
                "observed": [f"{self.observed[i]:g}" for i in worst],
                "expected": [decimals(self.expected[i], 2) for i in worst],
                "sd": [decimals(self.sd[i], 2) for i in worst],
                "p": [decimals(self.p[i], 3) for i in worst],
            }
        )
        least = int(np.argmin(self.study_p))
        return (
            f"Deviance of replicates at least that of the data: p = {self.total_p:.3f} (of {self.points} replicates); lowest of a "
            f"study {self.study_p[least]:.3f} ({self.study_names[least]})\n\n{table}"
        )


def predictive_check(posterior: ArmPosterior, points: int, seed: int) -> PredictiveCheck:
    """See ``ArmPosterior.predictive_check``."""
    if points < 64:
        raise DataError(f"points {points} is too few; 64 at least")
    table = posterior.table
    arms, studies = len(table.study), len(table.studies)
    means, excess = np.empty((3, arms)), np.zeros((points, studies))
    random = np.random.default_rng(seed)
    for part in posterior.parts:
        inside = np.flatnonzero(np.isin(table.treatment, part.treatments))
        # Evenly in the first effect too, as there is no regression to take the choice's noise out.
        chosen = evenly_in(part, np.lexsort((part.points.d[:, 0], part.points.node)), points)
        # In no order, so that subnetworks aren't replicated in step.
        random.shuffle(chosen)
        for block in part.evidence.blocks:
            found, off = _block(part, block, chosen, random)
            means[:, inside[block]] = found
            excess[:, table.study[inside[block[:, 0]]]] = off
    data = table.likelihood
    expected, spread = means[0], means[1]
    return PredictiveCheck(
        study=tuple(table.studies[s] for s in table.study),
        treatment=tuple(table.treatments[t] for t in table.treatment),
        observed=data.y,
        expected=expected,
        sd=np.sqrt(np.maximum(spread - expected**2, 0.0)),
        p=means[2],
        study_names=table.studies,
        study_p=(excess >= 0.0).mean(axis=0),
        total_p=float((excess.sum(axis=1) >= 0.0).mean()),
        points=points,
    )


def _block(
    part: ArmPart, block: IntArray, chosen: IntArray, random: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Means over the posterior of replicates, their squares and whether they are above the data, (3, k, m); and by how much
    the deviance of one replicate at each point exceeds the data's, (points, k)."""
    data = part.evidence.likelihood.take(block)
    d = np.einsum("kmp,bp->bkm", part.evidence.design(block), part.points.d[chosen])
    tau = part.nodes.tau[part.points.node[chosen]]
    total, excess = np.zeros((3, *block.shape)), np.empty((len(chosen), len(block)))
    wide, tables = data.expand(2), {} if data.family == "normal" else _tables(data)
    for some, eta, outer, inner in study_nodes(data, d, tau, MIDDLE):
        total += np.einsum("bko,bkmoi,qbkmoi->qkm", outer, inner, _of_replicates(wide, eta, tables))
        at = _drawn(outer, random)
        given = np.take_along_axis(inner, at[:, :, None, None, None], axis=3)[:, :, :, 0]
        there = np.take_along_axis(eta, at[:, :, None, None, None], axis=3)[:, :, :, 0]
        place = _drawn(given, random)
        # Nodes stand for a distribution where functions are smooth, as probabilities of replicates are.
        fitted = data.fitted(np.take_along_axis(there, place[..., None], axis=3)[..., 0])
        again = replace(data, y=_replicates(data, fitted, random))
        off = again.saturated() - again.value_at(fitted) - (data.saturated() - data.value_at(fitted))
        excess[some] = 2.0 * off.sum(axis=2)
    return total / len(chosen), excess


def _drawn(shares: FloatArray, random: np.random.Generator) -> IntArray:
    """One index along the last axis for each, with these probabilities."""
    reached = np.cumsum(shares, axis=-1)
    wanted = random.random((*shares.shape[:-1], 1)) * reached[..., -1:]
    return np.asarray((reached < wanted).sum(axis=-1).clip(max=shares.shape[-1] - 1))


def _of_replicates(data: ArmLikelihood, eta: FloatArray, tables: Tables) -> FloatArray:
    """The mean and the mean square of replicates given η, and the probability that they are above the data."""
    fitted = data.fitted(eta)
    if data.family == "normal":
        return np.stack([fitted, fitted**2 + data.size**2, ndtr((fitted - data.y) / data.size)])
    binomial = data.family == "binomial"
    stable = np.arcsin(np.sqrt(np.minimum(fitted, 1.0))) if binomial else np.sqrt(fitted)
    above = np.empty(eta.shape)
    for (study, arm), (grid, table) in tables.items():
        above[:, study, arm] = np.interp(stable[:, study, arm], grid, table)
    mean = data.size * fitted if binomial else fitted
    return np.stack([mean, mean**2 + mean * (1.0 - fitted if binomial else 1.0), above])


def _tables(data: ArmLikelihood) -> Tables:
    """Of every arm the probability of more events than it had, and half that of as many, on a grid on the scale on which their
    spread is about the same everywhere: exact values take long, and are smooth.
    """
    found: Tables = {}
    studies, arms = data.y.shape
    for study, arm in product(range(studies), range(arms)):
        y, n = float(data.y[study, arm]), int(data.size[study, arm])
        if data.family == "binomial":
            grid = np.asarray(np.linspace(0.0, 0.5 * np.pi, max(501, int(40.0 * np.sqrt(n)))), dtype=float)
            risk = np.sin(grid) ** 2
            up_to = bdtr(y, n, risk) + (bdtr(y - 1.0, n, risk) if y > 0 else 0.0)
        else:
            grid = np.arange(0.0, np.sqrt(y) + 10.0, 0.02)
            up_to = pdtr(y, grid**2) + (pdtr(y - 1.0, grid**2) if y > 0 else 0.0)
        found[study, arm] = grid, np.asarray(1.0 - 0.5 * up_to)
    return found


def _replicates(data: ArmLikelihood, fitted: FloatArray, random: np.random.Generator) -> FloatArray:
    if data.family == "normal":
        return np.asarray(random.normal(fitted, data.size))
    if data.family == "poisson":
        return random.poisson(fitted).astype(float)
    return random.binomial(data.size.astype(np.int64), np.clip(fitted, 0.0, 1.0)).astype(float)
