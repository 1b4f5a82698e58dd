"""The result of pooling, and its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.scale import Scale
from equipoise.synthesis.pairwise import intervals
from equipoise.synthesis.pairwise.tables import number, p_value

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """One pooled effect, on the scale on which it was pooled (log for ratio measures; ``natural`` takes it back).

    ``i2`` is in per cent and, like ``h2``, follows from τ² and the typical sampling variance (Higgins & Thompson
    2002, eq. 9), as metafor does for random effects; for a common effect from Q. ``q`` is Cochran's Q on ``q_df``
    degrees of freedom. ``df`` is NaN where the normal distribution was used. ``weights`` are in per cent, one for
    each of ``studies``. ``prediction`` holds where the true effect of a new study lies (NaN for a common effect and
    for one study). ``left_out`` and ``warnings`` say what a reader should know.
    """

    method: str
    model: str
    ci_method: str
    level: float
    estimate: float
    se: float
    statistic: float
    df: float
    p_value: float
    ci: tuple[float, float]
    tau2: float
    tau2_se: float
    q: float
    q_df: int
    q_p: float
    i2: float
    h2: float
    prediction: tuple[float, float]
    studies: tuple[str, ...]
    estimates: FloatArray
    variances: FloatArray
    weights: FloatArray
    measure: str | None = None
    label: str = "Effect"
    scale: Scale | None = None
    sizes: FloatArray | None = None
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    tests: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """Further tests of the method that was used: name → (statistic, df, p)."""
    sigma2: float = np.nan
    """The variance of the study effects in UM.RS."""
    own_log_likelihood: float | None = None
    """The log-likelihood of a model of counts."""

    @property
    def k(self) -> int:
        """The number of studies in the result."""
        return len(self.studies)

    @property
    def tau(self) -> float:
        """The standard deviation of the true effects."""
        return float(np.sqrt(self.tau2))

    @cached_property
    def tau2_ci(self) -> tuple[float, float]:
        """The Q-profile interval of τ² (Viechtbauer 2007), generalised for GENQ; see `tau2_interval` for others."""
        return self.tau2_interval()

    def tau2_interval(self, kind: str | None = None, level: float | None = None) -> tuple[float, float]:
        """An interval for τ²: "QP" (Q-profile), "GENQ" (generalised Q), "PL" (profile likelihood) or "Wald".

        Raises ``DataError`` when it isn't defined for the method. An interval that is (0, 0) says that Q is smaller
        than τ² = 0 would make it in all but the tail of its distribution.
        """
        return intervals.tau2_interval(self, kind, self.level if level is None else level)

    @cached_property
    def typical_variance(self) -> float:
        """The typical sampling variance, (k − 1)/tr P at the weights 1/v (Higgins & Thompson 2002)."""
        w = 1.0 / self.variances
        return float((self.k - 1) / (w.sum() - (w**2).sum() / w.sum()))

    @property
    def i2_ci(self) -> tuple[float, float]:
        """I² in per cent at the ends of ``tau2_ci``."""
        low, high = (100 * t / (t + self.typical_variance) for t in self.tau2_ci)
        return low, high

    @property
    def h2_ci(self) -> tuple[float, float]:
        """H² at the ends of ``tau2_ci``."""
        low, high = (1 + t / self.typical_variance for t in self.tau2_ci)
        return low, high

    @property
    def log_likelihood(self) -> float:
        """The restricted log-likelihood for REML (with metafor's constant), the log-likelihood otherwise.

        For models of counts it is that of the counts, binomial coefficients included.
        """
        if self.own_log_likelihood is not None:
            return self.own_log_likelihood
        w = 1.0 / (self.variances + self.tau2)
        rss = float(np.sum(w * (self.estimates - self.estimate) ** 2))
        plain = 0.5 * (float(np.log(w).sum()) - rss - self.k * np.log(2 * np.pi))
        if self.method == "REML":
            return float(plain + 0.5 * (np.log(2 * np.pi) + np.log(self.k) - np.log(w.sum())))
        return float(plain)

    @property
    def aic(self) -> float:
        """Akaike's criterion of ``log_likelihood``."""
        return -2 * self.log_likelihood + 2 * self._parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion of ``log_likelihood``, on k (REML: k − 1) observations."""
        observations = self.k - 1 if self.method == "REML" else self.k
        return float(-2 * self.log_likelihood + self._parameters * np.log(observations))

    @property
    def _parameters(self) -> int:
        tau2 = 0 if self.model == "common" or self.method == "CE" else 1
        return 1 + tau2 + {"UM.FS": self.k, "UM.RS": 2}.get(self.model, 0)

    @property
    def natural(self) -> dict[str, float]:
        """Estimate, interval and prediction interval on the natural scale (ratios, proportions, …)."""
        ends = np.array([self.estimate, *self.ci, *self.prediction])
        back = ends if self.scale is None else self.scale.natural(ends, self.sizes)
        names = ("estimate", "ci_low", "ci_high", "prediction_low", "prediction_high")
        return dict(zip(names, map(float, back), strict=True))

    def to_frame(self) -> Any:
        """The studies as a dataframe: study, estimate, se, interval, weight; on the scale of pooling."""
        se = np.sqrt(self.variances)
        z = intervals.normal_quantile(self.level)
        return make_frame(
            {
                "study": list(self.studies),
                "estimate": self.estimates,
                "se": se,
                "ci_low": self.estimates - z * se,
                "ci_high": self.estimates + z * se,
                "weight": self.weights,
            }
        )

    def summary(self) -> str:
        """The result as text, in the order in which R's users read it."""
        return _summary(self)

    def __str__(self) -> str:
        return self.summary()


def _summary(fit: Pooled) -> str:
    percent = f"{100 * fit.level:g} %"
    if fit.model == "common":
        lines = [f"Common-effect model (k = {fit.k}; {_common_method(fit.method)})", ""]
    else:
        kind = "Random-effects model" if fit.model == "random" else f"Generalised linear mixed model {fit.model}"
        lines = [f"{kind} (k = {fit.k}; τ² estimator: {fit.method})", ""]
        se = f" (SE {number(fit.tau2_se)})" if np.isfinite(fit.tau2_se) else ""
        lines += [f"τ² = {number(fit.tau2)}{se}, τ = {number(fit.tau)}"]
    if np.isfinite(fit.i2):
        lines += [f"I² = {fit.i2:.2f} %, H² = {fit.h2:.2f}"]
    if np.isfinite(fit.q):
        letter = "LRT" if fit.own_log_likelihood is not None else "Q"
        lines += [f"Test for heterogeneity: {letter}(df = {fit.q_df}) = {number(fit.q)}, p {p_value(fit.q_p)}"]
    for name, (statistic, df, p) in fit.tests.items():
        lines += [f"{name}: {number(statistic)} (df = {df:g}), p {p_value(p)}"]
    letter = "z" if np.isnan(fit.df) else f"t(df = {fit.df:g})"
    name = fit.label if fit.scale is None or fit.scale.name == "identity" else f"{fit.scale.name} {fit.label}"
    lines += [
        "",
        f"{name}: {number(fit.estimate)} (SE {number(fit.se)}), {percent} CI {_ends(fit.ci)}; "
        f"{letter} = {number(fit.statistic)}, p {p_value(fit.p_value)} [{fit.ci_method}]",
    ]
    if np.isfinite(fit.prediction[0]):
        lines += [f"{percent} prediction interval {_ends(fit.prediction)}"]
    if fit.scale is not None and fit.scale.name != "identity":
        back = fit.natural
        text = f"{fit.label}: {number(back['estimate'])}, {percent} CI {_ends((back['ci_low'], back['ci_high']))}"
        if np.isfinite(fit.prediction[0]):
            text += f", prediction interval {_ends((back['prediction_low'], back['prediction_high']))}"
        lines += [text]
    for study, reason in fit.left_out:
        lines += [f"Left out: {study} ({reason})"]
    lines += [f"Note: {warning}" for warning in fit.warnings]
    return "\n".join(lines)


def _common_method(method: str) -> str:
    return {"IV": "inverse variance", "MH": "Mantel–Haenszel", "PETO": "Peto"}.get(method, method)


def _ends(interval: tuple[float, float]) -> str:
    return f"[{number(interval[0])}, {number(interval[1])}]"
