"""Integrals over arms whose linear predictor ends at 0: binomial arms with the log link, whose η is the logarithm of a risk.

As in ``integrals``, η_k = ν + d_k + t·v_k with t = τ/√2, but only where every η_k < 0. The likelihood of an arm with r events
among n is e^{rη}(1 − e^η)^{n−r}: log-concave, and analytic up to 0, where it breaks off if r = n. So integrals are by
Gauss and Legendre between the points where the integrand has become negligible, or 0 where that comes before.

Where these points are is found by Newton's method on concave functions from the side on which it can't overshoot: with
z = −η the slope r − (n − r)/(e^z − 1) + P(z + X) of an arm under a normal density (precision P, mean X) is concave and
increasing in z, and below the same with 1/z − ½ in place of 1/(e^z − 1), whose root is explicit. What is left after
maximising over v is concave in ν, and so is its slope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood

_DROP = 22.0
"""How far, in logarithms, below its maximum an integrand is negligible."""
_LARGEST = 500.0
_NEWTON = 40
_AT_ONCE = 400_000
_AT_EDGE = 14.0
"""How many times t the last panel is wide: the integrand may fall as steeply as a normal density of that scale."""
_NEAR = 0.5
"""Of the way from the mode to where a normal density would be negligible."""
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Between:
    """Nodes and logarithms of weights on −1 … 1, shape (points,)."""

    nodes: FloatArray
    log_weights: FloatArray

    def on(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Those between ``low`` and ``high``, with an axis added at the end."""
        half = 0.5 * (high - low)[..., None]
        return 0.5 * (low + high)[..., None] + half * self.nodes, np.log(half) + self.log_weights


def legendre(points: int) -> Between:
    """Gauss–Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return Between(nodes, np.log(weights))


Rules = tuple[Between, Between]
"""For each of three panels of ν, and for every v."""
Functions = Callable[[ArmLikelihood, FloatArray], FloatArray]
"""Of arms and their η, shape (…), to q quantities, (q, …)."""


@cache
def rules_like(outer: int, inner: int) -> Rules:
    """About as precise as rules about a mode with so many nodes for ν and for every v."""
    return legendre(3 * (outer + 1) // 5), legendre(2 * inner + 4)


def study_terms(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: Rules
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As ``integrals.study_terms``."""
    b, k, m = d.shape
    log, first, second = np.empty((b, k)), np.empty((b, k, m)), np.empty((b, k, m, m))
    diagonal = np.arange(m)
    for some in _portions(d, tau, rules):
        at = places(arms, d[some], tau[some] / np.sqrt(2.0), rules)
        value, slope, bend = arm_terms(arms, at, tau[some] / np.sqrt(2.0))
        weight, log[some] = _shares(value, at)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.einsum("bko,bkmo->bkm", weight, slope)
            off = slope - mean[..., None]
            hessian = np.einsum("bko,bkmo,bkno->bkmn", weight, off, off)
            hessian[..., diagonal, diagonal] += np.einsum("bko,bkmo->bkm", weight, bend)
        if at.inner_weights is None:
            mean, hessian = without_edge(d[some], mean, hessian)
        first[some], second[some] = mean, hessian
    return log, first, second


def study_values(arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: Rules) -> FloatArray:
    """As ``integrals.study_values``."""
    log = np.empty(d.shape[:2])
    for some in _portions(d, tau, rules):
        at = places(arms, d[some], tau[some] / np.sqrt(2.0), rules)
        log[some] = _shares(arm_values(arms, at), at)[1]
    return log


def study_nodes(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: Rules
) -> Iterator[tuple[NDArray[np.intp], FloatArray, FloatArray, FloatArray]]:
    """As ``integrals.study_nodes``."""
    for some in _portions(d, tau, rules):
        at = places(arms, d[some], tau[some] / np.sqrt(2.0), rules)
        if at.inner_weights is None:
            shares = _shares(arm_values(arms, at), at)[0]
            yield some, at.eta[..., None], shares, np.ones((*at.eta.shape, 1))
            continue
        height = arms.expand(2).value(at.eta) + at.inner_weights
        top = height.max(axis=-1, keepdims=True)
        inner = np.exp(height - top)
        total = inner.sum(axis=-1)
        yield some, at.eta, _shares(top[..., 0] + np.log(total), at)[0], inner / total[..., None]


def arm_averages(arms: ArmLikelihood, x: FloatArray, sigma: FloatArray, rule: Between) -> FloatArray:
    """As ``integrals.arm_averages``."""
    place = np.broadcast_to(x[:, None], (len(x), len(arms.y)))
    t = np.maximum(sigma, 1e-8)[:, None]
    eta, weights = _inner(arms, place, t, rule)
    v = (eta - place[..., None]) / t[..., None]
    height = arms.expand(1).value(eta) + weights - 0.5 * v * v - _HALF_LOG_2PI - np.log(t[..., None])
    top = height.max(axis=-1)
    return np.asarray(top + np.log(np.exp(height - top[..., None]).sum(axis=-1)))


def _portions(d: FloatArray, tau: FloatArray, rules: Rules) -> Iterator[NDArray[np.intp]]:
    """Points for one step of work: either all with heterogeneity or none."""
    each = d.shape[1] * d.shape[2] * 3 * len(rules[0].nodes) * len(rules[1].nodes)
    size = max(_AT_ONCE // each, 1)
    for which in (tau > 0, tau == 0):
        chosen = np.flatnonzero(which)
        for i in range(0, len(chosen), size):
            yield chosen[i : i + size]


def _shares(log: FloatArray, at: Places) -> tuple[FloatArray, FloatArray]:
    """The nodes' shares of the integral over ν, (b, k, o), and its logarithm, (b, k)."""
    height = log.sum(axis=2) + at.log_weights
    top = height.max(axis=2, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=2, keepdims=True)
    return weight / total, (top + np.log(total))[..., 0]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where integrands are evaluated: ``nu`` and ``log_weights``, (b, k, o); ``x`` = d + ν, (b, k, m, o); ``eta`` and
    ``inner_weights`` (logarithms, with the density of v), (b, k, m, o, i), without the last axis if τ is 0.
    """

    nu: FloatArray
    log_weights: FloatArray
    x: FloatArray
    eta: FloatArray
    inner_weights: FloatArray | None


def places(arms: ArmLikelihood, d: FloatArray, t: FloatArray, rules: Rules) -> Places:
    """Nodes for studies ``arms``, (k, m), at effects ``d``, (b, k, m), and ``t``, (b,), either all 0 or all positive."""
    moving = bool(np.all(t > 0))
    t = t[:, None, None]
    ends = _panels(arms, d, t, moving)
    panels = [rules[0].on(low, high) for low, high in pairwise(ends)]
    nu, weights = (np.concatenate(all_of, axis=-1) for all_of in zip(*panels, strict=True))
    x = d[..., None] + nu[:, :, None]
    if not moving:
        return Places(nu, weights, x, x, None)
    t = t[..., None]
    eta, inner = _inner(arms.expand(1), x, t, rules[1])
    v = (eta - x[..., None]) / t[..., None]
    return Places(nu, weights, x, eta, inner - 0.5 * v * v - _HALF_LOG_2PI - np.log(t[..., None]))


def arm_values(arms: ArmLikelihood, at: Places) -> FloatArray:
    """log h of every arm, h(x) = ∫ f(x + tv) φ(v) dv, shape (b, k, m, o)."""
    if at.inner_weights is None:
        return arms.expand(1).value(at.eta)
    height = arms.expand(2).value(at.eta) + at.inner_weights
    top = height.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(height - top).sum(axis=-1)))


def arm_terms(arms: ArmLikelihood, at: Places, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log h of every arm, and its two derivatives in x."""
    if at.inner_weights is None:
        return arms.expand(1).terms(at.eta)
    log, slope, second = arms.expand(2).terms(at.eta)
    height = log + at.inner_weights
    top = height.max(axis=-1, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=-1, keepdims=True)
    weight /= total
    t = t[:, None, None, None]
    v = (at.eta - at.x[..., None]) / t[..., None]
    by_shift, variance = _moments(weight, v)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = (weight * slope).sum(axis=-1)
        bend = (weight * (second + (slope - mean[..., None]) ** 2)).sum(axis=-1)
    # With fewer than two without the event the density or its slope breaks off at 0, and averages of slopes miss that.
    shifted = (variance < 0.5) | ((arms.size - arms.y)[..., None] < 2)
    first = np.where(shifted, by_shift / t, mean)
    return (top + np.log(total))[..., 0], first, np.where(shifted, (variance - 1.0) / t**2, bend)


def without_edge(d: FloatArray, first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gradient and Hessian of a study at τ = 0, the arm nearest to 0 by what the others say.

    Its derivatives have a part at the edge, which moves with its effect; but only differences of effects matter, so that
    derivatives add up to 0.
    """
    nearest = np.argmax(d, axis=2)[..., None]
    others = np.ones(d.shape)
    np.put_along_axis(others, nearest, 0.0, axis=2)
    with np.errstate(invalid="ignore"):
        first = np.where(others > 0, first, 0.0)
        second = np.where(others[..., :, None] * others[..., None, :] > 0, second, 0.0)
    # Rows and columns of the projection that takes the others' sum off.
    project = np.eye(d.shape[2]) - (1.0 - others)[..., :, None] * others[..., None, :]
    return (project @ first[..., None])[..., 0], project @ second @ project.swapaxes(2, 3)


def _moments(weight: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean = (weight * v).sum(axis=-1)
    return mean, (weight * (v - mean[..., None]) ** 2).sum(axis=-1)


def _summit(arms: ArmLikelihood, x: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """z = −η where f(η)φ((η − x)/t) is largest, and −(log f)'' there; shape of ``x``."""
    precision = t**-2 + arms.precision
    centre = (x * t**-2 + arms.centre * arms.precision) / precision
    r, rest = arms.y, arms.size - arms.y
    linear = r + 0.5 * rest + precision * centre
    root = np.sqrt(linear * linear + 4.0 * precision * rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(linear > 0, 2.0 * rest / (linear + root), (root - linear) / (2.0 * precision))
        for _ in range(_NEWTON):
            odds = np.where(rest > 0, 1.0 / np.expm1(np.minimum(z, _LARGEST)), 0.0)
            bend = rest * odds * (1.0 + odds)
            step = np.where(rest > 0, (rest * odds - r - precision * (z + centre)) / (bend + precision), 0.0)
            z = z + np.maximum(step, 0.0)
            if np.all(step <= 1e-6 * z):
                break
        odds = np.where(rest > 0, 1.0 / np.expm1(np.minimum(z, _LARGEST)), 0.0)
    return z, rest * odds * (1.0 + odds) + arms.precision


def _log_density(arms: ArmLikelihood, eta: FloatArray) -> FloatArray:
    """As ``value``, with its limit at 0."""
    rest = arms.size - arms.y
    with np.errstate(divide="ignore", invalid="ignore"):
        log = arms.y * eta + np.where(rest > 0, rest * np.log(-np.expm1(eta)), 0.0)
    return np.asarray(log - 0.5 * arms.precision * (eta - arms.centre) ** 2)


def _inner(arms: ArmLikelihood, x: FloatArray, t: FloatArray, rule: Between) -> tuple[FloatArray, FloatArray]:
    """Nodes for η given x and their weights' logarithms, an axis added."""
    z, bend = _summit(arms, x, t)
    r, rest, weight = arms.y, arms.size - arms.y, t**-2
    precision = weight + arms.precision
    mode = -z
    top = _log_density(arms, mode) - 0.5 * weight * (mode - x) ** 2
    high = np.minimum(mode + np.sqrt(2.0 * _DROP / (bend + weight)), 0.0)
    # A mode at the edge has a slope.
    steep = np.where(z > 0, 0.0, np.maximum(r - weight * (mode - x) - arms.precision * (mode - arms.centre), 0.0))
    low = mode - 2.0 * _DROP / (steep + np.sqrt(steep**2 + 2.0 * precision * _DROP))
    for _ in range(4):
        left = _log_density(arms, low) - 0.5 * weight * (low - x) ** 2 - top + _DROP
        odds = 1.0 / np.expm1(np.clip(-low, 1e-300, _LARGEST))
        slope = r - rest * odds - arms.precision * (low - arms.centre) - weight * (low - x)
        low = low + np.maximum(-left, 0.0) / np.maximum(slope, 1e-300)
    return rule.on(low, high)


def _panels(
    arms: ArmLikelihood, d: FloatArray, t: FloatArray, moving: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Between which ν a study's integrand matters, and where its panels meet; shapes (b, k), from low to high."""
    edge = np.full(d.shape[:2], np.inf) if moving else (-d).min(axis=2)

    def terms(nu: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The logarithm of the integrand, largest v taken, with two derivatives in ν."""
        x = d + nu[..., None]
        if not moving:
            return tuple(each.sum(axis=2) for each in _terms_at(arms, x))
        z, bend = _summit(arms, x, t)
        off = (-z - x) / t
        curve = np.where(z > 0, bend / (1.0 + t * t * bend), t**-2.0)
        value = _log_density(arms, -z) - 0.5 * off * off
        return value.sum(axis=2), (off / t).sum(axis=2), -curve.sum(axis=2)

    nu = (-d).max(axis=2) if moving else edge - _first_gap(arms, d, edge)
    for _ in range(_NEWTON):
        value, slope, bend = terms(nu)
        step = np.where(slope < 0, slope / np.maximum(-bend, 1e-300), 0.0)
        nu = nu + step
        if np.all(step * step * -bend < 1e-4):
            break
    value, slope, bend = terms(nu)
    with np.errstate(divide="ignore"):
        width = np.sqrt(2.0 * _DROP / np.maximum(-bend, 1e-300))
        high = np.minimum(nu + width, edge)
        width = np.minimum(width, np.where(slope > 0, _DROP / slope, np.inf))
        low = nu - width
    for _ in range(60):
        outside = terms(low)[0] < value - _DROP
        if outside.all():
            break
        low = np.where(outside, low, nu - 2.0 * (nu - low))
    low = _closer(terms, low, value)
    high = _closer(terms, high, value) if moving else high
    # On the left a tail that falls by an event or so a unit, on the right an edge.
    left = np.maximum(nu - _NEAR * width, 0.5 * (low + nu))
    right = 0.5 * (left + high)
    return low, left, np.maximum(right, high - _AT_EDGE * t[..., 0]) if moving else right, high


def _closer(
    terms: Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]], end: FloatArray, top: FloatArray
) -> FloatArray:
    """``end`` moved towards the mode as long as the integrand is negligible there."""
    for _ in range(12):
        value, slope, _ = terms(end)
        excess = top - _DROP - value
        if np.all(excess < 0.3 * _DROP):
            break
        end = end + np.where(excess > 0, excess, 0.0) / np.where(slope == 0, np.inf, slope)
    return end


def _terms_at(arms: ArmLikelihood, eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As ``terms`` of the arms, with their limits at 0."""
    rest = arms.size - arms.y
    off = arms.precision * (eta - arms.centre)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds = np.where(rest > 0, 1.0 / np.expm1(np.minimum(-np.minimum(eta, 0.0), _LARGEST)), 0.0)
        bend = np.where(rest > 0, rest * odds * (1.0 + odds), 0.0)
        return _log_density(arms, np.minimum(eta, 0.0)), arms.y - rest * odds - off, -bend - arms.precision


def _first_gap(arms: ArmLikelihood, d: FloatArray, edge: FloatArray) -> FloatArray:
    """How far below the edge the mode of ν is at least, at τ = 0: each arm by itself against all slopes upwards."""
    precision = arms.precision.sum(axis=1)
    rise = arms.y.sum(axis=1) + (arms.precision * (arms.centre - d - edge[..., None])).sum(axis=2)
    rest = arms.size - arms.y
    linear = rise[..., None] + 0.5 * rest
    square = np.maximum(precision, 1e-12)[..., None]
    root = np.sqrt(linear * linear + 4.0 * square * rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(linear > 0, 2.0 * rest / (linear + root), (root - linear) / (2.0 * square))
    gap = -d - edge[..., None]
    return np.asarray(np.maximum((z - gap).max(axis=2), 0.0))
