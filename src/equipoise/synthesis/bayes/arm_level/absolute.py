"""Absolute effects: what is expected of each treatment among people whose risk under one of them is known.

Its linear predictor is baseline + effect, the baseline independent of the network's data (Dias et al. 2013, NICE DSU
Technical Support Document 5). Quantiles carry over through the link; means and standard deviations are integrals over
the posterior's normal components.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.likelihoods import from_link
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.priors import Normal
from equipoise.synthesis.network.tables import decimals, interval, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior

_POINTS = 33


@dataclass(frozen=True, slots=True, eq=False)
class AbsoluteEffects:
    """One element a treatment, on the natural scale: the probability of the event (binomial), the number of events per
    unit of person-time (Poisson) or the mean (normal). ``what`` says which; ``lower``, ``upper``: equal-tailed.
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
        return f"{self.what[0].upper()}{self.what[1:]}; {self.baseline}\n\n{table}"


def absolute(
    posterior: ArmPosterior, baseline: Normal | float, treatment: str | None, time: float, new_study: bool
) -> AbsoluteEffects:
    """See ``ArmPosterior.absolute``."""
    arms = posterior.table.likelihood
    known = posterior.reference if treatment is None else treatment
    posterior.position(known)
    members = next(part for part in posterior.subnetworks if known in part)
    if new_study and posterior.model == "common":
        raise DataError("a common-effect model predicts no spread between studies; take new_study=False")
    if isinstance(baseline, Normal):
        centre, spread = baseline.mean, baseline.sd
        said = f"linear predictor under {known} {baseline.describe()}"
    elif isinstance(baseline, int | float):
        centre, spread = _predictor(posterior, float(baseline), time), 0.0
        said = f"{float(baseline):g} under {known}"
    else:
        raise DataError(
            f"baseline={baseline!r}: give Normal(mean, sd) on the scale of the link, or a number on the natural one"
        )
    if not time > 0:
        raise DataError(f"time {time} must be positive")
    shift = float(np.log(time)) if arms.link == "cloglog" else 0.0
    tail = (1.0 - posterior.level) / 2.0
    p = np.array([tail, 0.5, 1.0 - tail])
    rows = np.empty((len(members), 5))
    nodes, weights = np.polynomial.hermite_e.hermegauss(_POINTS)
    weights = weights / weights.sum()
    for row, name in enumerate(members):
        if name == known:
            predictor = NormalMixture(np.ones(1), np.array([centre]), np.array([spread]))
        else:
            effect = posterior.predict(name, known) if new_study else posterior.contrast(name, known)
            predictor = NormalMixture(effect.weights, effect.means + centre, np.hypot(effect.sds, spread))
        eta = predictor.means[:, None] + predictor.sds[:, None] * nodes
        value = from_link(arms.link, eta + shift)
        mean = float(predictor.weights @ (value @ weights))
        variance = float(predictor.weights @ ((value - mean) ** 2 @ weights))
        low, middle, high = (centre,) * 3 if not predictor.sds.any() else predictor.quantile(p).tolist()
        rows[row] = mean, np.sqrt(max(variance, 0.0)), *from_link(arms.link, np.array([middle, low, high]) + shift)
    what = {"binomial": "probability of the event", "poisson": "events per unit of person-time"}.get(
        arms.family, "mean"
    )
    if arms.link == "cloglog":
        what += f" by time {time:g}"
    return AbsoluteEffects(what, said, posterior.level, tuple(members), *rows.T)


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
