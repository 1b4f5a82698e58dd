"""Network meta-analysis of rare events by penalised logistic regression.

The model is logit(risk) = study + treatment, with Firth's penalty ½ log|I| on the likelihood, which keeps every
estimate finite and removes the bias of first order (Firth 1993, Biometrika 80:27; Evrenoglou, White, Afach,
Mavridis & Chaimani 2022, Statistics in Medicine 41:5203). Studies without events can stay in. The model of
`netmetabin(method = "LRP")` of R's netmeta, which calls brglm2.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import expit, gammaln, logit

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.network.binary_arms import BinaryArms, sums
from equipoise.synthesis.network.binary_fit import BinaryFit, Part, assemble, check_request
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import invert

Model = Literal["common", "random"]
Dispersion = Literal["netmeta", "fletcher", "pearson"]
MAXIMUM_ITERATIONS = 2000


def penalised_logistic(
    arms: BinaryArms,
    *,
    model: Model = "common",
    dispersion: Dispersion = "netmeta",
    reference: str | None = None,
    level: float = 0.95,
) -> BinaryFit:
    """Log odds ratios by Firth's penalised likelihood; standard errors from the (unpenalised) Fisher information.

    ``model="random"`` multiplies all variances by an overdispersion φ ≥ 1, Pearson's statistic over its degrees of
    freedom divided by 1 + s̄: "pearson" takes s̄ = 0; "fletcher" the mean of (1−2p)(r−np)/(np(1−p)) (Fletcher 2012,
    Biometrika 99:230); "netmeta" the mean of (1−2p)/(np(1−p)), as netmeta and meta compute it. φ is 1 for a single
    study and where no degrees of freedom are left. Raises ``DataError`` for an unknown option or reference.
    """
    if model not in ("common", "random"):
        raise DataError(f"model {model!r} isn't known; choose 'common' or 'random'")
    if dispersion not in ("netmeta", "fletcher", "pearson"):
        raise DataError(f"dispersion {dispersion!r} isn't known; choose 'netmeta', 'fletcher' or 'pearson'")
    check_request(arms, arms, reference, level)
    parts, factors, total = [], [], 0.0
    part_of = arms.parts()
    for number in range(int(part_of.max()) + 1):
        treatments = np.flatnonzero(part_of == number)
        chosen = arms.keep(part_of[arms.treatment] == number)
        potentials, inverse, fitted, height = _fit(chosen)
        parts.append(Part(treatments, potentials, inverse))
        factors.append(_overdispersion(chosen, fitted, dispersion) if model == "random" else 1.0)
        total += height
    kind = "random effects by overdispersion" if model == "random" else "common effect"
    return assemble(
        f"Penalised logistic regression network meta-analysis ({kind})",
        arms,
        parts,
        reference=reference,
        level=level,
        dispersion=factors,
        log_likelihood=total,
    )


def _fit(arms: BinaryArms) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Potentials, their covariance (up to a constant), fitted risks and the penalised log likelihood.

    The information matrix is an arrow: diagonal in the studies, dense in the treatments. Eliminating the studies
    leaves a Laplacian of the treatments, so that an iteration costs O(arms · m + n³). Firth's score is that of
    r + h(½ − p) events, h being the leverages; it is solved by Fisher scoring with the step halved where the
    penalised likelihood would fall.
    """
    study, treatment, n = arms.study, arms.treatment, arms.participants
    size = len(arms.treatments)
    potentials = np.zeros(size)
    intercepts = logit((arms.totals(arms.events) + 0.5) / (arms.totals(n) + 1.0))
    risk, inverse, leverage, height = _information(arms, potentials, intercepts)
    for _ in range(MAXIMUM_ITERATIONS):
        weight = n * risk * (1 - risk)
        residual = arms.events - n * risk + leverage * (0.5 - risk)
        total = arms.totals(weight)
        by_study = arms.totals(residual)
        score = sums(treatment, residual - weight * (by_study / total)[study], size)
        step = inverse @ score
        mean = arms.totals(weight * step[treatment]) / total
        shift = by_study / total - mean
        factor = 1.0
        while True:
            trial = potentials + factor * step, intercepts + factor * shift
            result = _information(arms, *trial)
            if result[3] >= height - 1e-11 * (1 + abs(height)) or factor < 1e-6:
                break
            factor /= 2
        potentials, intercepts = trial
        risk, inverse, leverage, height = result
        if max(float(np.abs(step).max()), float(np.abs(shift).max())) < 1e-12 * (1 + float(np.abs(intercepts).max())):
            return potentials - potentials.mean(), inverse, risk, height
    raise NotConverged(f"the penalised likelihood has not converged in {MAXIMUM_ITERATIONS} iterations")


def _information(
    arms: BinaryArms, potentials: FloatArray, intercepts: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """At given parameters: risks, the treatments' covariance, leverages, the penalised log likelihood."""
    study, treatment, n = arms.study, arms.treatment, arms.participants
    odds = intercepts[study] + potentials[treatment]
    risk = expit(odds)
    weight = n * risk * (1 - risk)
    total = arms.totals(weight)
    size = len(arms.treatments)
    laplacian = _laplacian(study, treatment, weight, total, size)
    inverse, log_determinant = invert(laplacian)
    # var of one arm's linear predictor: 1/Σw + variance of its treatment against its study's weighted mean
    share = weight / total[study]
    first, second = _pairs(study)
    product = inverse[treatment[first], treatment[second]] * share[second]
    towards = sums(first, product, len(study))
    around = arms.totals(share * towards)[study]
    variance = 1 / total[study] + inverse[treatment, treatment] - 2 * towards + around
    leverage = weight * variance
    constant = gammaln(n + 1) - gammaln(arms.events + 1) - gammaln(n - arms.events + 1)
    height = float((arms.events * odds - n * np.logaddexp(0, odds) + constant).sum())
    return risk, inverse, leverage, height + 0.5 * (float(np.log(total).sum()) + log_determinant)


def _pairs(study: IntArray) -> tuple[IntArray, IntArray]:
    """All ordered pairs of arms of the same study; ``study`` is sorted."""
    counts = np.bincount(study)
    starts = np.cumsum(counts) - counts
    widths = counts[study]
    first = np.repeat(np.arange(len(study)), widths)
    within = np.arange(len(first)) - np.repeat(np.cumsum(widths) - widths, widths)
    return first, starts[study[first]] + within


def _laplacian(study: IntArray, treatment: IntArray, weight: FloatArray, total: FloatArray, size: int) -> FloatArray:
    first, second = _pairs(study)
    product = -weight[first] * weight[second] / total[study[first]]
    off = sums(treatment[first] * size + treatment[second], product, size * size).reshape(size, size)
    off[np.diag_indices(size)] += sums(treatment, weight, size)
    return off


def _overdispersion(arms: BinaryArms, risk: FloatArray, dispersion: Dispersion) -> float:
    n = arms.participants
    df = len(arms.study) - len(arms.studies) - (len(arms.treatments) - 1)
    if len(arms.studies) == 1 or df < 1:
        return 1.0
    variance = n * risk * (1 - risk)
    pearson = float(((arms.events - n * risk) ** 2 / variance).sum()) / df
    if dispersion == "pearson":
        return max(1.0, pearson)
    skew = (1 - 2 * risk) / variance
    if dispersion == "fletcher":
        skew = skew * (arms.events - n * risk)
    return max(1.0, pearson / (1 + float(skew.mean())))
