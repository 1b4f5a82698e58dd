"""Events over person-time, two groups or one; formulas as in metafor's `escalc`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.measures.effect import Effect

FloatArray = NDArray[np.float64]


def rate_ratio(events1: FloatArray, time1: FloatArray, events2: FloatArray, time2: FloatArray) -> Effect:
    """log IRR; variance 1/x₁ + 1/x₂ (Rothman et al. 2008)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = np.log(events1) - np.log(time1) - np.log(events2) + np.log(time2)
        return Effect(estimates, 1 / events1 + 1 / events2)


def rate_difference(events1: FloatArray, time1: FloatArray, events2: FloatArray, time2: FloatArray) -> Effect:
    """x₁/t₁ − x₂/t₂; variance x₁/t₁² + x₂/t₂²."""
    return Effect(events1 / time1 - events2 / time2, events1 / time1**2 + events2 / time2**2)


def root_rate_difference(events1: FloatArray, time1: FloatArray, events2: FloatArray, time2: FloatArray) -> Effect:
    """√(x₁/t₁) − √(x₂/t₂); variance 1/4t₁ + 1/4t₂."""
    return Effect(np.sqrt(events1 / time1) - np.sqrt(events2 / time2), 0.25 / time1 + 0.25 / time2)


def rate(events: FloatArray, time: FloatArray) -> Effect:
    """x/t; variance x/t²."""
    return Effect(events / time, events / time**2)


def log_rate(events: FloatArray, time: FloatArray) -> Effect:
    """log x/t; variance 1/x."""
    with np.errstate(divide="ignore"):
        return Effect(np.log(events) - np.log(time), 1 / events)


def root_rate(events: FloatArray, time: FloatArray) -> Effect:
    """√(x/t); variance 1/4t."""
    return Effect(np.sqrt(events / time), 0.25 / time)


def freeman_tukey_rate(events: FloatArray, time: FloatArray) -> Effect:
    """½(√(x/t) + √((x + 1)/t)); variance 1/4t (Freeman & Tukey 1950)."""
    return Effect(0.5 * (np.sqrt(events / time) + np.sqrt((events + 1) / time)), 0.25 / time)
