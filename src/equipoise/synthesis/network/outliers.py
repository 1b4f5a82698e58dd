"""Studies that don't fit in, and studies that the result hangs on.

``diagnose`` measures every study against the fit (leverages, residuals and deletion at the network's τ²; Noma,
Gosho, Ishii, Oba & Furukawa 2020, Research Synthesis Methods 11:891). ``shift_variance`` gives each study in turn a
variance of its own, V_s + (τ² + ω)R, and asks whether the restricted likelihood rises (Gumedze & Jackson 2011, BMC
Medical Research Methodology 11:19; for networks Petropoulou, Salanti, Rücker, Schwarzer, Moustaki & Mavridis 2021,
Statistics in Medicine 40:5642).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.leverage import leverages
from equipoise.synthesis.network.shifting import shift_each
from equipoise.synthesis.network.tables import decimals, p_value, text_table


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics:
    """How each study stands to the fit, one entry a study of the network.

    ``leverage``: trace of its block of the hat matrix, over arms − 1; ``residual``: root mean square of its
    standardised residuals; ``deletion_q``: squared distance between the study and the network without it, χ² with
    ``contrasts`` degrees of freedom if it belongs there, and its ``deletion_p``; ``cook``: Cook's distance, the
    squared change of all effects on leaving it out, in their standard errors, over treatments − 1; ``covratio``:
    determinant of the effects' covariance without the study over that with it. NaN (``covratio`` infinite) where the
    network falls apart without the study.
    """

    fit: NetworkFit
    studies: tuple[str, ...]
    contrasts: IntArray
    leverage: FloatArray
    residual: FloatArray
    deletion_q: FloatArray
    deletion_p: FloatArray
    cook: FloatArray
    covratio: FloatArray

    def to_frame(self) -> Any:
        """One row a study."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.studies,
                "contrasts": self.contrasts,
                "leverage": self.leverage,
                "residual": self.residual,
                "deletion_q": self.deletion_q,
                "deletion_p": self.deletion_p,
                "cook": self.cook,
                "covratio": self.covratio,
            }
        )

    def summary(self) -> str:
        """The studies, the most outlying first, as text."""
        order = np.argsort(np.where(np.isnan(self.deletion_p), 2.0, self.deletion_p), kind="stable")
        return f"Studies against the network ({self.fit.model_text})\n\n" + text_table(
            {
                "study": [self.studies[i] for i in order],
                "leverage": [decimals(self.leverage[i], 3) for i in order],
                "residual": [decimals(self.residual[i], 2) for i in order],
                "deletion Q": [decimals(self.deletion_q[i], 2) for i in order],
                "df": [str(self.contrasts[i]) for i in order],
                "p-value": [p_value(self.deletion_p[i]) for i in order],
                "Cook": [decimals(self.cook[i], 3) for i in order],
                "covratio": [decimals(self.covratio[i], 3) for i in order],
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class ShiftVariance:
    """Each study with a variance of its own, one entry a study of the network.

    ``tau2``: the other studies' heterogeneity; ``omega``: the study's additional variance; ``statistic``: twice the
    rise of the restricted log likelihood; ``p``: its p-value, half of χ²₁ (ω = 0 lies on the boundary);
    ``p_adjusted``: by Holm, over all studies. ``estimates``: shape (studies, treatments), effects against the
    subnetwork's reference with the study so downweighted; ``references``: one a study.
    """

    fit: NetworkFit
    studies: tuple[str, ...]
    references: tuple[str, ...]
    tau2: FloatArray
    omega: FloatArray
    statistic: FloatArray
    p: FloatArray
    p_adjusted: FloatArray
    estimates: FloatArray

    def to_frame(self) -> Any:
        """One row a study."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.studies,
                "tau2": self.tau2,
                "omega": self.omega,
                "statistic": self.statistic,
                "p": self.p,
                "p_adjusted": self.p_adjusted,
            }
        )

    def summary(self) -> str:
        """The studies, the most outlying first, as text."""
        order = np.argsort(-self.statistic, kind="stable")
        return "Variance of each study shifted (restricted likelihood)\n\n" + text_table(
            {
                "study": [self.studies[i] for i in order],
                "tau²": [decimals(self.tau2[i]) for i in order],
                "omega": [decimals(self.omega[i]) for i in order],
                "statistic": [decimals(self.statistic[i], 2) for i in order],
                "p-value": [p_value(self.p[i]) for i in order],
                "Holm": [p_value(self.p_adjusted[i]) for i in order],
            }
        )


def diagnose(fit: NetworkFit) -> Diagnostics:
    """Leverage, residuals, deletion test, Cook's distance and covariance ratio of every study, in closed form."""
    count = len(fit.network.studies)
    contrasts = np.zeros(count, dtype=np.intp)
    leverage, residual, distance, cook, ratio = (np.full(count, np.nan) for _ in range(5))
    for system, solution in zip(fit.systems, fit.solutions, strict=True):
        for block in system.rotated:
            own = leverages(block, solution)
            size = own.residuals.shape[1]
            spectrum = np.linalg.eigvalsh(np.eye(size) - own.leverage)
            intact = spectrum[:, 0] > 1e-8
            inflated = np.matmul(own.inflation, own.residuals[:, :, None])[:, :, 0]
            change = np.einsum("kr,krs,ks->k", inflated, own.leverage, inflated)
            at = block.studies
            contrasts[at] = size
            leverage[at] = np.trace(own.leverage, axis1=1, axis2=2) / size
            residual[at] = np.sqrt((own.residuals**2).mean(axis=1))
            distance[at] = np.where(intact, (own.residuals * inflated).sum(axis=1), np.nan)
            cook[at] = np.where(intact, change / (system.size - 1), np.nan)
            ratio[at] = np.where(intact, 1 / np.where(intact, spectrum.prod(axis=1), 1.0), np.inf)
    return Diagnostics(
        fit=fit,
        studies=tuple(s.study for s in fit.network.studies),
        contrasts=contrasts,
        leverage=leverage,
        residual=residual,
        deletion_q=distance,
        deletion_p=np.asarray(chdtrc(contrasts, distance), dtype=float),
        cook=cook,
        covratio=ratio,
    )


def shift_variance(fit: NetworkFit) -> ShiftVariance:
    """The shift-variance model of every study, by restricted maximum likelihood (whatever the fit's own method).

    For a given τ² the best ω of a study follows from its residuals and leverages; only τ² is searched for. A study
    that the network falls apart without can't be told to be an outlier: its ω is 0.
    """
    count, n = len(fit.network.studies), len(fit.treatments)
    tau2, omega, statistic = np.zeros(count), np.zeros(count), np.zeros(count)
    estimates = np.full((count, n), np.nan)
    references = [fit.reference] * count
    for number, system in enumerate(fit.systems):
        base = fit.treatments.index(fit.references()[number])
        local = int(np.flatnonzero(system.treatments == base)[0])
        shifted = shift_each(system)
        at = np.concatenate([block.studies for block in system.rotated])
        tau2[at], omega[at], statistic[at] = shifted.tau2, shifted.omega, 2 * shifted.gain
        estimates[np.ix_(at, system.treatments)] = shifted.potentials - shifted.potentials[:, local : local + 1]
        for study in at.tolist():
            references[study] = fit.treatments[base]
    p = np.where(statistic > 0, 0.5 * chdtrc(1, statistic), 1.0)
    return ShiftVariance(
        fit=fit,
        studies=tuple(s.study for s in fit.network.studies),
        references=tuple(references),
        tau2=tau2,
        omega=omega,
        statistic=statistic,
        p=p,
        p_adjusted=_holm(p),
        estimates=estimates,
    )


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")
    adjusted = np.minimum(1.0, np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]))
    result = np.empty_like(adjusted)
    result[order] = adjusted
    return result
