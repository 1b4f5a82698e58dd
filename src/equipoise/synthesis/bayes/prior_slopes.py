"""Derivatives of the logarithms of prior densities, which samplers by Hamiltonian dynamics need."""

from __future__ import annotations

import math

import numpy as np

from equipoise.synthesis.bayes.priors import (
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    HalfStudent,
    InverseGamma,
    LogNormal,
    LogStudent,
    Mixture,
    Normal,
    OnVariance,
    Prior,
    Student,
    Uniform,
)


def slope(prior: Prior, x: float) -> float:
    """d log p(x)/dx inside the support; by central differences (about nine digits) for priors unknown here."""
    match prior:
        case Flat() | Uniform():
            return 0.0
        case HalfNormal():
            return -x / prior.scale**2
        case HalfStudent():
            return -(prior.df + 1.0) * x / (prior.df * prior.scale**2 + x * x)
        case HalfCauchy():
            return -2.0 * x / (prior.scale**2 + x * x)
        case Exponential():
            return -1.0 / prior.scale
        case LogNormal():
            return -(1.0 + (math.log(x) - prior.location) / prior.scale**2) / x
        case LogStudent():
            off = math.log(x) - prior.location
            return -(1.0 + (prior.df + 1.0) * off / (prior.df * prior.scale**2 + off * off)) / x
        case InverseGamma():
            return (prior.scale / x - prior.shape - 1.0) / x
        case OnVariance():
            return 1.0 / x + 2.0 * x * slope(prior.prior, x * x)
        case Normal():
            return -(x - prior.mean) / prior.sd**2
        case Student():
            off = x - prior.location
            return -(prior.df + 1.0) * off / (prior.df * prior.scale**2 + off * off)
        case Mixture():
            whole = float(prior.logpdf(x))
            shares = (w * np.exp(c.logpdf(x) - whole) for w, c in zip(prior.weights, prior.components, strict=True))
            return float(sum(s * slope(c, x) for s, c in zip(shares, prior.components, strict=True)))
    step = 1e-5 * abs(x) if x else 1e-8
    above, below = prior.logpdf(np.array([x + step, x - step]))
    return float(above - below) / (2.0 * step)
