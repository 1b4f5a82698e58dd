"""Baselines for absolute effects, from a network's own arms: one study's, or all those on a treatment, pooled.

The linear predictors of the arms on one treatment are N(m, σ²), m flat and σ with a prior; what a new study has is predicted
(Dias et al. 2013, NICE DSU Technical Support Document 5, §3: a baseline model apart from that of the effects). Arms are
integrated over their own predictor, m and σ by quadrature. These arms inform the effects too: where many studies compare with
the treatment that hardly matters, but a baseline from people like those the answer is for is better than either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicSpline

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.integrals import arm_averages
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood, recession
from equipoise.synthesis.bayes.condense import condense
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.bayes.quadrature import integrate_tau

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior

_DROP = 25.0
_CELLS = 64
_PLACES = 12
_COARSE, _FINE = 31, 61
"""Points for m, to find where it is and for its density."""
_REACH = 11.0
_STEP = 2
"""Of the fine grid's points, one component."""
_SIGMAS = 40
_FARTHEST = 6.0
"""Of arsinh(σ/scale); beyond it the likelihood is a power of σ."""


@dataclass(frozen=True, slots=True)
class StudyBaseline:
    """What one study's arm on the treatment says, under a flat prior of its linear predictor."""

    study: str


@dataclass(frozen=True, slots=True)
class PooledBaseline:
    """What all studies' arms on the treatment say, pooled with random effects.

    ``heterogeneity``: the prior of the standard deviation between studies, on the scale of the link (``HalfNormal(1)``, say);
    ``new_study``: the baseline of a study to come (default), not their mean.
    """

    heterogeneity: Prior
    new_study: bool = True


def baseline_from_arms(
    posterior: ArmPosterior, source: StudyBaseline | PooledBaseline, treatment: str
) -> tuple[NormalMixture, str]:
    """The linear predictor under ``treatment``, and what it rests on, in words.

    Raises ``DataError`` where there is no such arm, or arms without events, or nothing but events, leave it without limit.
    """
    table = posterior.table
    on = table.treatment == table.treatments.index(treatment)
    if isinstance(source, StudyBaseline):
        if source.study not in table.studies:
            raise DataError(f"no study {source.study!r} in the network; it has {', '.join(table.studies)}")
        chosen = np.flatnonzero(on & (table.study == table.studies.index(source.study)))
        if not len(chosen):
            raise DataError(f"study {source.study} has no arm on {treatment}; name one that has")
        return _of_one(
            _without_prior(table.likelihood.take(chosen)), source.study
        ), f"{treatment} in study {source.study}"
    chosen = np.flatnonzero(on)
    arms = _without_prior(table.likelihood.take(chosen))
    studies = len(np.unique(table.study[chosen]))
    said = (
        f"{treatment} in {'a study like' if source.new_study else 'the mean of'} the {studies} with it, "
        f"standard deviation between studies {source.heterogeneity.describe()}"
    )
    return _pooled(arms, source), said


def _without_prior(arms: ArmLikelihood) -> ArmLikelihood:
    nothing = np.zeros(arms.y.shape)
    return ArmLikelihood(arms.family, arms.link, arms.y, arms.size, arms.offset, nothing, nothing)


def _of_one(arms: ArmLikelihood, study: str) -> NormalMixture:
    """The posterior of the predictor that a study's arms on a treatment have in common."""
    low, high = recession(arms)
    if low.all() or high.all():
        raise DataError(
            f"study {study}: {'no' if low.all() else 'nothing but'} events, so that its baseline has no limit; name another "
            "study, or give baseline=Normal(mean, sd)"
        )
    start, sd = float(arms.start().mean()), float(1.0 / np.sqrt(arms.crude_precision().sum()))
    top = 0.0 if arms.bounded else np.inf

    def log(eta: FloatArray) -> FloatArray:
        return np.asarray(arms.expand(1).value(eta[None]).sum(axis=0))

    ends = [start - 60.0 * sd - 30.0, min(start + 60.0 * sd + 30.0, top)]
    for count in (4001, 801, 401):
        step = (ends[1] - ends[0]) / count
        eta = np.asarray(ends[0] + step * (np.arange(count) + 0.5), dtype=float)
        height = log(eta)
        near = np.flatnonzero(height > height.max() - _DROP)
        ends = [max(float(eta[near[0]]) - step, ends[0]), min(float(eta[near[-1]]) + step, ends[1])]
    weights = np.exp(height - height.max())
    return _grouped(eta, weights / weights.sum(), np.full(len(eta), step / np.sqrt(12.0)))


def _grouped(means: FloatArray, weights: FloatArray, sds: FloatArray) -> NormalMixture:
    """Cells of a density on an ordered grid as so many components, of the same mean and variance."""
    reached = np.cumsum(weights) - 0.5 * weights
    # Even in the square root of the probability: tails get their share.
    group = np.floor(_CELLS * np.arccos(np.clip(1.0 - 2.0 * reached, -1.0, 1.0)) / np.pi).astype(np.intp)
    share = np.bincount(group, weights, _CELLS + 1)
    kept = share > 0
    safe = np.where(kept, share, 1.0)
    centre = np.bincount(group, weights * means, _CELLS + 1) / safe
    square = np.bincount(group, weights * (sds**2 + (means - centre[group]) ** 2), _CELLS + 1) / safe
    # Wide enough to meet their neighbours, and drawn inwards by as much as that adds.
    gaps = np.gradient(centre[kept])
    wide = np.maximum(np.sqrt(square[kept]), 0.8 * gaps)
    mean = float(share[kept] @ centre[kept])
    variance = float(share[kept] @ (square[kept] + (centre[kept] - mean) ** 2))
    inner = float(share[kept] @ (centre[kept] - mean) ** 2)
    factor = np.sqrt(max(variance - float(share[kept] @ wide**2), 0.0) / inner)
    return NormalMixture(np.asarray(share[kept], dtype=float), mean + (centre[kept] - mean) * factor, wide)


def _pooled(arms: ArmLikelihood, source: PooledBaseline) -> NormalMixture:
    """The mean of the arms' predictors, or the predictor in a new study."""
    if np.all(recession(arms)[0]) or np.all(recession(arms)[1]):
        raise DataError(
            "no events, or nothing but events, in all arms: a pooled baseline has no limit; give Normal(mean, sd)"
        )
    crude, variance = arms.start(), 1.0 / arms.crude_precision()
    coarse, nodes = (np.linspace(-_REACH, _REACH, count) for count in (_COARSE, _FINE))
    scale = float(np.sqrt(np.median(variance)))

    def grid(sigma: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values of m about where it is, (j, points), and the logarithm of the likelihood there."""
        weight = 1.0 / (variance + sigma[:, None] ** 2)
        spread = 1.0 / np.sqrt(weight.sum(axis=1, keepdims=True))
        m = (weight @ crude)[:, None] * spread**2 + spread * coarse
        # The crude estimates add events: again about the grid's own mean and spread.
        for _ in range(3):
            log = _log_likelihood(arms, m, sigma)
            share = np.exp(log - log.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            centre = (share * m).sum(axis=1, keepdims=True)
            found = np.sqrt((share * (m - centre) ** 2).sum(axis=1, keepdims=True))
            spread = np.maximum(found, 0.3 * (m[:, 1:2] - m[:, :1]))
            m = centre + spread * coarse
        m = centre + spread * nodes
        return m, _log_likelihood(arms, m, sigma)

    places = np.linspace(0.0, _FARTHEST, _SIGMAS)
    m, log = grid(scale * np.sinh(places))
    top = log.max(axis=1, keepdims=True)
    curve = CubicSpline(places, top[:, 0] + np.log(np.exp(log - top).sum(axis=1) * (m[:, 1] - m[:, 0])))
    fall = float(curve(_FARTHEST, 1))

    def marginal(sigma: FloatArray) -> FloatArray:
        x = np.arcsinh(sigma / scale)
        return np.asarray(curve(np.minimum(x, _FARTHEST)) + fall * np.maximum(x - _FARTHEST, 0.0))

    found = integrate_tau(marginal, source.heterogeneity, scale, tolerance=1e-5)
    rule = condense(found, _PLACES)
    m, log = grid(rule.tau)
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    mean = (share * m).sum(axis=1, keepdims=True)
    variances = (share * (m - mean) ** 2).sum(axis=1)
    chosen = slice(0, _FINE, _STEP)
    kernel = _STEP * (m[:, 1] - m[:, 0])
    factor = np.sqrt(1.0 - np.minimum(kernel**2 / variances, 1.0))[:, None]
    weights = rule.weights[:, None] * share[:, chosen] / share[:, chosen].sum(axis=1, keepdims=True)
    sds = np.hypot(kernel, rule.tau if source.new_study else 0.0)
    means = mean + (m[:, chosen] - mean) * factor
    kept = weights.ravel() > 1e-9
    flat = [np.asarray(a).ravel()[kept] for a in (weights, means, np.broadcast_to(sds[:, None], means.shape))]
    return NormalMixture(flat[0] / flat[0].sum(), flat[1], flat[2])


def _log_likelihood(arms: ArmLikelihood, m: FloatArray, sigma: FloatArray) -> FloatArray:
    """The sum over arms of log ∫ f(m + σv) φ(v) dv, the shape of ``m``."""
    points = np.repeat(sigma, m.shape[1])
    return np.asarray(arm_averages(arms, m.ravel(), points).sum(axis=1).reshape(m.shape))
