"""Each study's likelihood with its baseline and its random effects integrated out.

With the random effects of a study N(0, τ²R), R = 1 on and ½ off the diagonal, arm k's linear predictor is
η_k = ν + d_k + (τ/√2)v_k with independent v_k ~ N(0, 1): given ν the arms are independent, and a study of any number of
arms takes one integral over ν of a product of one-dimensional integrals. A normal prior of the baseline is a factor
of the first arm's likelihood.

All integrands are log-concave: Newton finds the mode, the curvature there sets the scale of the nodes. Arms whose η ends at 0
(binomial, log link) have nodes of their own (``bounded``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level import bounded
from equipoise.synthesis.bayes.arm_level.bounded import Functions
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood

IntArray = NDArray[np.intp]

_NEWTON = 30
_LONGEST_STEP = 3.0
_NEAR = 0.03
_CLOSE = 0.1
_SMALL = 1.0
"""The τ/√2 up to which two steps of Newton find v's mode, started from where it goes to first order."""
_MORE = 10
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_AT_ONCE = 400_000


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Nodes t and logarithms of weights for ∫ f(t) dt, f about as wide as exp(−t²/2); shape (points,)."""

    nodes: FloatArray
    log_weights: FloatArray


def hermite(points: int) -> Rule:
    """Gauss–Hermite, weights without the factor exp(−t²/2)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    return Rule(nodes, np.log(weights) + 0.5 * nodes**2)


def stretched(points: int, reach: float = 30.0, stretch: float = 0.6) -> Rule:
    """The trapezoidal rule in y, t = sinh(stretch·y)/stretch, out to ±``reach``: for tails that fall exponentially."""
    end = np.arcsinh(stretch * reach) / stretch
    y, step = np.linspace(-end, end, points, retstep=True)
    return Rule(np.sinh(stretch * y) / stretch, np.log(step * np.cosh(stretch * y)))


COARSE = stretched(15, reach=20.0), hermite(7)
"""For finding modes and ranges: nodes for ν, nodes for every v."""
MIDDLE = stretched(19), hermite(9)
FINE = stretched(27), hermite(15)


def study_terms(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: tuple[Rule, Rule] = FINE
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log g, its gradient and its Hessian in the effects of the study's arms.

    ``arms``: shape (k, m), k studies with m arms; ``d``: (b, k, m); ``tau``: (b,). Returns shapes (b, k), (b, k, m)
    and (b, k, m, m). ``rules``: for ν and for every v.
    """
    if arms.bounded:
        # Near the bound second derivatives are differences over τ², which coarse rules get wrong where τ is small.
        return bounded.study_terms(arms, d, tau, between_rules(FINE))
    each = d.shape[1] * d.shape[2] * len(rules[0].nodes) * len(rules[1].nodes)
    size = max(_AT_ONCE // each, 1)
    parts = [_study_terms(arms, d[i : i + size], tau[i : i + size], rules) for i in range(0, len(d), size)]
    log, first, second = (np.concatenate(p) for p in zip(*parts, strict=True))
    return log, first, second


def _study_terms(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: tuple[Rule, Rule]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, t, start, spread = _outer_points(arms, d, tau, rules[0])
    log, first, second = arm_terms(arms.expand(1), x, t, start, rules[1])
    weight, total = _outer(log, rules[0], spread)
    mean = np.einsum("bko,bkmo->bkm", weight, first)
    off = first - mean[..., None]
    hessian = np.einsum("bko,bkmo,bkno->bkmn", weight, off, off)
    diagonal = np.arange(d.shape[2])
    hessian[..., diagonal, diagonal] += np.einsum("bko,bkmo->bkm", weight, second)
    return total, mean, hessian


def study_values(arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: tuple[Rule, Rule] = FINE) -> FloatArray:
    """log g alone, shape (b, k), as ``study_terms``."""
    if arms.bounded:
        return bounded.study_values(arms, d, tau, between_rules(rules))
    each = d.shape[1] * d.shape[2] * len(rules[0].nodes) * len(rules[1].nodes)
    size = max(_AT_ONCE // each, 1)
    parts = []
    for i in range(0, len(d), size):
        x, t, start, spread = _outer_points(arms, d[i : i + size], tau[i : i + size], rules[0])
        log = _arm_values(arms.expand(1), x, t, start, rules[1])
        parts.append(_outer(log, rules[0], spread)[1])
    return np.concatenate(parts)


def study_means(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, functions: Functions, rules: tuple[Rule, Rule] = FINE
) -> FloatArray:
    """E of q functions of every arm's η given d, τ and the study's data, shape (q, b, k, m)."""
    parts = [
        (some, np.einsum("bko,bkmoi,qbkmoi->qbkm", outer, inner, functions(arms.expand(2), eta)))
        for some, eta, outer, inner in study_nodes(arms, d, tau, rules)
    ]
    found = np.empty((len(parts[0][1]), *d.shape))
    for some, means in parts:
        found[:, some] = means
    return found


def study_nodes(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: tuple[Rule, Rule] = FINE
) -> Iterator[tuple[IntArray, FloatArray, FloatArray, FloatArray]]:
    """What stands for the distribution of a study's predictors given d, τ and its data, portion by portion of the b points.

    The points' indices; η at the nodes for ν and v, (b, k, m, o, i); the shares of those for ν, (b, k, o), which the arms have
    in common, and of those for each arm's v given ν, (b, k, m, o, i).
    """
    if arms.bounded:
        yield from bounded.study_nodes(arms, d, tau, between_rules(rules))
        return
    each = d.shape[1] * d.shape[2] * len(rules[0].nodes) * len(rules[1].nodes)
    size = max(_AT_ONCE // each, 1)
    for i in range(0, len(d), size):
        x, t, start, spread = _outer_points(arms, d[i : i + size], tau[i : i + size], rules[0])
        nodes, width = _arm_nodes(arms.expand(1), x, t, start, rules[1])
        eta = x[..., None] + t[..., None] * nodes
        height = arms.expand(2).value(eta) - 0.5 * nodes * nodes + rules[1].log_weights
        top = height.max(axis=-1, keepdims=True)
        inner = np.exp(height - top)
        total = inner.sum(axis=-1, keepdims=True)
        inner /= total
        log = (top + np.log(total))[..., 0] + np.log(width)
        yield np.arange(i, min(i + size, len(d))), eta, _outer(log, rules[0], spread)[0], inner


def arm_averages(arms: ArmLikelihood, x: FloatArray, sigma: FloatArray) -> FloatArray:
    """log ∫ f(x + σv) φ(v) dv of k arms at ``x``, σ: (b,) both; shape (b, k)."""
    if arms.bounded:
        return bounded.arm_averages(arms, x, sigma, between_rules(FINE)[1])
    place = np.broadcast_to(x[:, None], (len(x), len(arms.y)))
    return _arm_values(arms, place, sigma[:, None], np.zeros_like(place), FINE[1])


def between_rules(rules: tuple[Rule, Rule]) -> bounded.Rules:
    return bounded.rules_like(len(rules[0].nodes), len(rules[1].nodes))


def _outer_points(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The predictors without v at the nodes for ν, (b, k, m, o), τ/√2, where v's Newton starts, and ν's scale."""
    t = (tau / np.sqrt(2.0))[:, None, None]
    nu, v, bend = joint_mode(arms, d, t)
    spread = 1.0 / np.sqrt((bend / (1.0 + t * t * bend)).sum(axis=2, keepdims=True))
    points = nu[..., None] + spread[..., None] * rule.nodes
    # Where each v's mode goes as ν moves, to first order.
    start = v[..., None] - (t * bend / (1.0 + t * t * bend))[..., None] * (points - nu[..., None])
    return d[..., None] + points, t[..., None], start, spread


def _outer(log: FloatArray, rule: Rule, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The nodes' shares, (b, k, o), and the logarithm of the integral over ν, (b, k)."""
    height = log.sum(axis=2) + rule.log_weights + np.log(spread)
    top = height.max(axis=2, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=2, keepdims=True)
    return weight / total, (top + np.log(total))[..., 0]


def joint_mode(arms: ArmLikelihood, d: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The mode in (ν, v) of a study's integrand, shapes (b, k, 1) and (b, k, m), and −ℓ'' there, (b, k, m)."""
    weight = np.maximum(-arms.slopes(arms.start())[1], 1e-12)
    nu = ((arms.start() - d) * weight).sum(axis=2, keepdims=True) / weight.sum(axis=1)[None, :, None]
    v = np.zeros_like(d)
    step, turn = np.zeros_like(nu), np.zeros_like(v)
    farthest, widest = np.full_like(nu, _LONGEST_STEP), np.broadcast_to(_LONGEST_STEP / np.maximum(t, 1.0), v.shape)
    for _ in range(_NEWTON):
        slope, second = arms.slopes(nu + d + t * v)
        bend = np.maximum(-second, 1e-14)
        shrink = 1.0 / (1.0 + t * t * bend)
        pull = t * slope - v
        left = (slope - t * bend * pull * shrink).sum(axis=2, keepdims=True)
        information = (bend * shrink).sum(axis=2, keepdims=True)
        step, farthest = shorter(left / information, step, farthest)
        turn, widest = shorter((pull - t * bend * step) * shrink, turn, widest)
        nu, v = nu + step, v + turn
        # Only the nodes' centre depends on it: a small part of their spread is near enough.
        if np.all(step * step * information < _NEAR**2) and np.all(turn * turn < _NEAR**2 * shrink):
            break
    return nu, v, np.maximum(-arms.slopes(nu + d + t * v)[1], 1e-14)


def shorter(step: FloatArray, before: FloatArray, longest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Newton's steps, and how long the next may be: half the last where it was too long, for those jump about a bend."""
    longest = np.where(step * before < 0, np.minimum(0.5 * np.abs(before), longest), longest)
    return np.clip(step, -longest, longest), longest


def _arm_nodes(
    arms: ArmLikelihood, x: FloatArray, t: FloatArray, start: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray]:
    """Nodes for v about its mode given x, (…, points), and their scale, the shape of ``x``."""
    v = np.clip(start, -40.0, 40.0)
    step, longest = np.zeros_like(v), np.full_like(v, _LONGEST_STEP)
    for _ in range(2 if np.max(t) < _SMALL else _MORE):
        slope, second = arms.slopes(x + t * v)
        spread = 1.0 + t * t * np.maximum(-second, 0.0)
        step, longest = shorter((t * slope - v) / spread, step, longest)
        v = v + step
    spread = 1.0 / np.sqrt(1.0 + t * t * np.maximum(-arms.slopes(x + t * v)[1], 0.0))
    return v[..., None] + spread[..., None] * rule.nodes, spread


def _arm_values(arms: ArmLikelihood, x: FloatArray, t: FloatArray, start: FloatArray, rule: Rule) -> FloatArray:
    """log h(x) = log ∫ f(x + t·v) φ(v) dv, shape of ``x``."""
    if not np.any(t):
        return arms.value(x)
    nodes, spread = _arm_nodes(arms, x, t, start, rule)
    height = arms.expand(1).value(x[..., None] + t[..., None] * nodes) - 0.5 * nodes * nodes + rule.log_weights
    top = height.max(axis=-1)
    return np.asarray(top + np.log(np.exp(height - top[..., None]).sum(axis=-1) * spread) - _HALF_LOG_2PI)


def arm_terms(
    arms: ArmLikelihood, x: FloatArray, t: FloatArray, start: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log h(x) as ``_arm_values``, and its two derivatives."""
    if not np.any(t):
        return arms.terms(x)
    nodes, spread = _arm_nodes(arms, x, t, start, rule)
    log, slope, second = arms.expand(1).terms(x[..., None] + t[..., None] * nodes)
    height = log - 0.5 * nodes * nodes + rule.log_weights
    top = height.max(axis=-1, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=-1, keepdims=True)
    weight /= total
    mean = (weight * slope).sum(axis=-1)
    bend = (weight * (second + (slope - mean[..., None]) ** 2)).sum(axis=-1)
    mean, bend = by_shift(weight, nodes, np.broadcast_to(t, x.shape), spread, mean, bend)
    return (top + np.log(total))[..., 0] + np.log(spread) - _HALF_LOG_2PI, mean, bend


def by_shift(
    weight: FloatArray, v: FloatArray, t: FloatArray, spread: FloatArray, first: FloatArray, second: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Derivatives in x of log ∫ f(x + tv) φ(v) dv: E v/t and (var v − 1)/t² where t is large, else as given.

    Both forms are exact; averages of steep slopes lose all digits where t is large, differences of v where it is small.
    """
    mean = (weight * v).sum(axis=-1)
    variance = (weight * (v - mean[..., None]) ** 2).sum(axis=-1)
    large = spread < 0.7
    safe = np.where(large, t, 1.0)
    return np.where(large, mean / safe, first), np.where(large, (variance - 1.0) / safe**2, second)
