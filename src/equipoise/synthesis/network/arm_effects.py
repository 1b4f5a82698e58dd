"""From arms' summaries to contrasts: what each effect measure is, as an effect and a variance of every arm.

For every measure but the SMD a study's contrasts are differences of independent arms, so that their covariance is the
baseline arm's variance. The SMD divides by a standard deviation common to the study's arms and so shares its error:
cov(g_k, g_l) = 1/n_0 + g_k g_l/(2N) with N the study's participants (Gleser & Olkin 2009, in Cooper, Hedges &
Valentine, The Handbook of Research Synthesis, ch. 19; with two arms metafor's large-sample variance).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from equipoise.errors import DataError
from equipoise.frames import FloatArray

BINARY = ("OR", "RR", "RD", "ASD", "HR")
CONTINUOUS = ("MD", "SMD", "ROM")
RATE = ("IRR", "IRD", "IRSD")
MEASURES = (*BINARY, *CONTINUOUS, *RATE)

SmdForm = Literal["hedges", "cohen"]


@dataclass(frozen=True, slots=True, eq=False)
class ArmValues:
    """Summaries of the arms of studies with equally many arms: each array (studies, arms), or None where not given.

    ``events``, ``n`` participants, ``mean`` and ``sd`` of the outcome, ``se`` of the mean, ``time`` at risk.
    """

    events: FloatArray | None = None
    n: FloatArray | None = None
    mean: FloatArray | None = None
    sd: FloatArray | None = None
    se: FloatArray | None = None
    time: FloatArray | None = None

    @property
    def studies(self) -> int:
        """The number of studies."""
        return next(len(values) for values in (self.events, self.mean) if values is not None)


def needed(measure: str) -> tuple[str, ...]:
    """The columns a measure needs; "spread" stands for ``sd`` with ``n``, or ``se``."""
    if measure in ("OR", "RR", "RD", "ASD", "HR"):
        return ("events", "n")
    if measure in RATE:
        return ("events", "time")
    if measure == "SMD":
        return ("mean", "sd", "n")
    if measure in ("MD", "ROM"):
        return ("mean", "spread")
    raise DataError(f"measure {measure!r} isn't known for arm-level data; choose {', '.join(MEASURES)}")


def sparse_studies(measure: str, values: ArmValues) -> NDArray[np.bool_]:
    """Which studies need a continuity correction, shape (studies,).

    For odds ratios and differences: those with an arm without events or without non-events; for the other ratios:
    those with an arm without events, or with two arms in which everybody had the event.
    """
    if values.events is None or measure in ("ASD", "IRSD"):
        return np.zeros(values.studies, dtype=bool)
    none = (values.events == 0).any(axis=1)
    if measure in RATE:
        return np.asarray(none)
    assert values.n is not None
    full = values.events == values.n
    if measure in ("OR", "RD", "HR"):
        return np.asarray(none | full.any(axis=1))
    return np.asarray(none | (full.sum(axis=1) > 1))


def uninformative_studies(measure: str, values: ArmValues) -> NDArray[np.bool_]:
    """Which studies say nothing about a ratio: no events in any arm, or nothing but events.

    Nothing but events still says that a risk ratio is near 1; meta's ``pairwise`` keeps such studies.
    """
    if values.events is None or measure not in ("OR", "RR", "HR", "IRR"):
        return np.zeros(values.studies, dtype=bool)
    nothing = (values.events == 0).all(axis=1)
    if measure in ("IRR", "RR") or values.n is None:
        return np.asarray(nothing)
    return np.asarray(nothing | (values.events == values.n).all(axis=1))


def contrasts(
    measure: str, values: ArmValues, corrected: NDArray[np.bool_], increment: float, smd: SmdForm
) -> tuple[FloatArray, FloatArray]:
    """Contrasts with the first arm, shape (studies, arms−1), and their covariances, (studies, arms−1, arms−1).

    ``corrected``: the studies to whose arms ``increment`` is added.
    """
    if measure == "SMD":
        return _standardised(values, smd)
    effects, variances = arm_effects(measure, values, np.where(corrected, increment, 0.0)[:, None])
    estimates = effects[:, 1:] - effects[:, :1]
    contrast = estimates.shape[1]
    covariances = np.broadcast_to(variances[:, :1, None], (len(estimates), contrast, contrast)).copy()
    diagonal = np.arange(contrast)
    covariances[:, diagonal, diagonal] += variances[:, 1:]
    return estimates, covariances


def arm_effects(measure: str, values: ArmValues, increment: FloatArray | float) -> tuple[FloatArray, FloatArray]:
    """Effect and variance of every arm on the analysis scale, each of the arrays' shape.

    ``increment`` (broadcast against them) is added to events and non-events for odds, to events and participants for
    the other proportions (as meta's ``pairwise``; metafor adds it to the non-events too), to events for rates.
    Differences keep their estimate; only their variance is corrected.
    """
    e, n, t = values.events, values.n, values.time
    if measure in BINARY:
        assert e is not None
        assert n is not None
        x, m = e + increment, n + increment
        if measure == "OR":
            other = n - e + increment
            return np.log(x / other), 1.0 / x + 1.0 / other
        if measure == "RR":
            # Two arms with nothing but events: Hartung & Knapp 2001, Stat Med 20:3875, eq. 18, as in meta.
            full = e == n
            several = full.sum(axis=-1, keepdims=True) > 1
            return np.log(x / m), 1.0 / np.where(full & several, e, x) - 1.0 / m
        if measure == "RD":
            whole = n + 2.0 * increment
            return e / n, x * (whole - x) / whole**3
        if measure == "ASD":
            return np.arcsin(np.sqrt(e / n)), 0.25 / n
        whole = n + 2.0 * increment
        survival = np.log1p(-x / whole)
        log_time = 0.0 if t is None else np.log(t)
        return np.log(-survival) - log_time, x / (whole * (whole - x) * survival**2)
    if measure in RATE:
        assert e is not None
        assert t is not None
        x = e + increment
        if measure == "IRR":
            return np.log(x / t), 1.0 / x
        if measure == "IRD":
            return e / t, x / t**2
        return np.sqrt(e / t), 0.25 / t
    assert values.mean is not None
    if values.sd is not None and n is not None:
        variances = values.sd**2 / n
    else:
        assert values.se is not None
        variances = values.se**2
    if measure == "MD":
        return values.mean, variances
    return np.log(np.abs(values.mean)), variances / values.mean**2


def _standardised(values: ArmValues, form: SmdForm) -> tuple[FloatArray, FloatArray]:
    assert values.mean is not None
    assert values.sd is not None
    assert values.n is not None
    n, total = values.n, values.n.sum(axis=1)
    df = total - n.shape[1]
    pooled = np.sqrt(((n - 1.0) * values.sd**2).sum(axis=1) / df)
    factor = _small_sample_factor(df) if form == "hedges" else np.ones(len(df))
    estimates = (values.mean[:, 1:] - values.mean[:, :1]) * (factor / pooled)[:, None]
    contrast = estimates.shape[1]
    covariances = estimates[:, :, None] * estimates[:, None, :] / (2.0 * total)[:, None, None]
    covariances += 1.0 / n[:, :1, None]
    diagonal = np.arange(contrast)
    covariances[:, diagonal, diagonal] += 1.0 / n[:, 1:]
    return estimates, covariances


def _small_sample_factor(df: FloatArray) -> FloatArray:
    """Hedges' exact J(m) = Γ(m/2) / (√(m/2) Γ((m−1)/2)) (Hedges 1981)."""
    factor: FloatArray = np.exp(gammaln(df / 2.0) - gammaln((df - 1.0) / 2.0)) / np.sqrt(df / 2.0)
    return factor
