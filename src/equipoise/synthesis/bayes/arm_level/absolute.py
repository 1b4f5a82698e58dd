"""Absolute effects: what is expected of each treatment among people whose risk under one of them is known.

Its linear predictor is baseline + effect, the baseline independent of the effects (Dias et al. 2013, NICE DSU Technical Support
Document 5). Quantiles carry over through the link; means and standard deviations are integrals over the posterior's
normal components.

A baseline risk times a risk ratio may be above 1, as the effects' posterior knows nothing of these people's baseline. With the log
link the distribution is therefore that given a risk below 1, treatment by treatment, and ``beyond`` is the probability cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_ndtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.baselines import PooledBaseline, StudyBaseline, baseline_from_arms
from equipoise.synthesis.bayes.arm_level.likelihoods import Link, from_link
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Normal
from equipoise.synthesis.network.tables import decimals, interval, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior

_POINTS = 33
_WORTH_SAYING = 5e-4
_LEAST = 0.05
"""The probability of a risk below 1 below which there is no answer."""
_MANY = 20_000
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class AbsoluteEffects:
    """One element a treatment, on the natural scale: the probability of the event (binomial), the number of events per
    unit of person-time (Poisson) or the mean (normal). ``what`` says which; ``lower``, ``upper``: equal-tailed.
    ``beyond``: the probability of a risk above 1 that was cut off (log link; 0 with others).
    """

    what: str
    baseline: str
    level: float
    treatment: tuple[str, ...]
    mean: FloatArray
    sd: FloatArray
    median: FloatArray
    lower: FloatArray
    upper: FloatArray
    beyond: FloatArray

    def to_frame(self) -> Any:
        """One row a treatment."""
        from equipoise.frames import make_frame

        names = ("treatment", "mean", "sd", "median", "lower", "upper")
        return make_frame({name: getattr(self, name) for name in names})

    def summary(self) -> str:
        """The table as text."""
        table = text_table(
            {
                "treatment": list(self.treatment),
                "mean": [decimals(x) for x in self.mean],
                "median": [decimals(x) for x in self.median],
                f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(self.lower, self.upper, strict=True)],
            }
        )
        cut = [f"{t} {decimals(x, 3)}" for t, x in zip(self.treatment, self.beyond, strict=True) if x >= _WORTH_SAYING]
        note = f"\nGiven a risk below 1; probability above it, cut off: {', '.join(cut)}" if cut else ""
        return f"{self.what[0].upper()}{self.what[1:]}; {self.baseline}\n\n{table}{note}"


Baseline = Normal | float | StudyBaseline | PooledBaseline


def absolute(
    posterior: ArmPosterior, baseline: Baseline, treatment: str | None, time: float, new_study: bool
) -> AbsoluteEffects:
    """See ``ArmPosterior.absolute``."""
    arms = posterior.table.likelihood
    known = posterior.reference if treatment is None else treatment
    posterior.position(known)
    members = next(part for part in posterior.subnetworks if known in part)
    if new_study and posterior.model == "common":
        raise DataError("a common-effect model predicts no spread between studies; take new_study=False")
    if not time > 0:
        raise DataError(f"time {time} must be positive")
    base, said = _baseline(posterior, baseline, known, time)
    shift = float(np.log(time)) if arms.link == "cloglog" else 0.0
    rows = np.empty((len(members), 6))
    for row, name in enumerate(members):
        if name == known:
            predictor = base
        else:
            predictor = _sum(base, posterior.predict(name, known) if new_study else posterior.contrast(name, known))
        if arms.bounded:
            rows[row] = _cut_off(predictor, posterior.level)
        else:
            rows[row] = _all_of(predictor, arms.link, shift, posterior.level)
    what = {"binomial": "probability of the event", "poisson": "events per unit of person-time"}.get(
        arms.family, "mean"
    )
    if arms.link == "cloglog":
        what += f" by time {time:g}"
    return AbsoluteEffects(what, said, posterior.level, tuple(members), *rows.T)


def _baseline(posterior: ArmPosterior, baseline: Baseline, known: str, time: float) -> tuple[NormalMixture, str]:
    """The linear predictor under ``known``, and where it is from, in words."""
    if isinstance(baseline, StudyBaseline | PooledBaseline):
        return baseline_from_arms(posterior, baseline, known)
    if isinstance(baseline, Normal):
        centre, spread = baseline.mean, baseline.sd
        said = f"linear predictor under {known} {baseline.describe()}"
    elif isinstance(baseline, int | float):
        centre, spread = _predictor(posterior, float(baseline), time), 0.0
        said = f"{float(baseline):g} under {known}"
    else:
        raise DataError(
            f"baseline={baseline!r}: give Normal(mean, sd) on the scale of the link, a number on the natural one, "
            "StudyBaseline(study) or PooledBaseline(heterogeneity)"
        )
    return NormalMixture(np.ones(1), np.array([centre]), np.array([spread])), said


def _sum(a: NormalMixture, b: NormalMixture) -> NormalMixture:
    """The distribution of the sum of two independent quantities."""
    weights = np.outer(a.weights, b.weights).ravel()
    means, sds = np.add.outer(a.means, b.means).ravel(), np.hypot.outer(a.sds, b.sds).ravel()
    if len(weights) < _MANY:
        return NormalMixture(weights, means, sds)
    kept = weights > _NEGLIGIBLE / len(weights)
    return NormalMixture(weights[kept] / weights[kept].sum(), means[kept], sds[kept])


def _all_of(predictor: NormalMixture, link: Link, shift: float, level: float) -> tuple[float, ...]:
    """Mean, standard deviation, median, limits and what is cut off (nothing) on the natural scale."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_POINTS)
    eta = predictor.means[:, None] + predictor.sds[:, None] * nodes
    value = from_link(link, eta + shift)
    weights = weights / weights.sum()
    mean = float(predictor.weights @ (value @ weights))
    variance = float(predictor.weights @ ((value - mean) ** 2 @ weights))
    return mean, np.sqrt(max(variance, 0.0)), *from_link(link, _quantiles(predictor, level, 1.0) + shift).tolist(), 0.0


def _cut_off(predictor: NormalMixture, level: float) -> tuple[float, ...]:
    """The same of a predictor that is below 0; moments of truncated log-normal components."""
    if not predictor.sds.any():
        risk = float(np.exp(predictor.means[0]))
        return risk, 0.0, risk, risk, risk, 0.0
    inside = float(predictor.cdf(0.0))
    if inside < _LEAST:
        raise DataError(
            f"the effects take these people's risk above 1 with probability {1.0 - inside:.3g}: the risk ratio doesn't carry "
            "over to this baseline; give a smaller one, or analyse odds ratios (link='logit')"
        )
    m, s, w = predictor.means, np.maximum(predictor.sds, 1e-12), predictor.weights
    first, second = (
        float(w @ np.exp(k * m + 0.5 * (k * s) ** 2 + log_ndtr(-m / s - k * s))) / inside for k in (1.0, 2.0)
    )
    limits = np.exp(_quantiles(predictor, level, inside)).tolist()
    return first, np.sqrt(max(second - first**2, 0.0)), *limits, 1.0 - inside


def _quantiles(predictor: NormalMixture, level: float, inside: float) -> FloatArray:
    """Median and limits of the smallest values with probability ``inside``."""
    tail = (1.0 - level) / 2.0
    if not predictor.sds.any():
        return np.repeat(predictor.means, 3)
    return np.asarray(predictor.quantile(inside * np.array([0.5, tail, 1.0 - tail])))


def _predictor(posterior: ArmPosterior, value: float, time: float) -> float:
    """The linear predictor that gives a value on the natural scale. Raises ``DataError`` where there is none."""
    from scipy.special import logit, ndtri

    arms = posterior.table.likelihood
    if arms.family == "binomial" and not 0 < value < 1:
        raise DataError(f"baseline {value:g}: a probability between 0 and 1 is needed")
    if arms.family == "poisson" and not value > 0:
        raise DataError(f"baseline {value:g}: a positive rate is needed")
    if arms.link == "logit":
        return float(logit(value))
    if arms.link == "cloglog":
        return float(np.log(-np.log1p(-value)) - np.log(time))
    if arms.link == "probit":
        return float(ndtri(value))
    return float(np.log(value)) if arms.link == "log" else value
