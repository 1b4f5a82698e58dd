"""Likelihoods of studies with ordered categories, their baselines and random effects integrated out.

As in ``arm_level.integrals``: arm k's η is ν + d_k + (τ/√2)v_k with independent v_k ~ N(0, 1), so that a study of any
number of arms takes one integral over ν of a product of one-dimensional ones. Here all studies go side by side, and the
cutpoints may differ from point to point.
"""

from __future__ import annotations

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.integrals import Rule
from equipoise.synthesis.bayes.ordered.likelihood import OrderedArms
from equipoise.synthesis.network.blocks import IntArray

_NEWTON = 60
_LONGEST_STEP = 3.0
_NEAR = 0.03
_CLOSE = 0.3
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_AT_ONCE = 300_000
Rules = tuple[Rule, Rule]


def study_values(
    arms: OrderedArms, first: IntArray, start: FloatArray, d: FloatArray, z: FloatArray, tau: FloatArray, rules: Rules
) -> FloatArray:
    """log g of k studies, shape (b, k).

    ``first``: (k,), where each study's arms begin; ``start``: (arms,), crude estimates of η − d; ``d``: (b, arms);
    ``z``: (b, arms, cutpoints); ``tau``: (b,); ``rules``: for ν and for every v.
    """
    size = _chunk(d, rules)
    parts = []
    for i in range(0, len(d), size):
        at = slice(i, i + size)
        x, t, v, spread = _outer_points(arms, first, start, d[at], z[at], tau[at], rules[0])
        parts.append(_outer(_arm_values(arms, x, t, v, z[at], rules[1]), first, rules[0], spread)[1])
    return np.concatenate(parts)


def study_terms(
    arms: OrderedArms, first: IntArray, start: FloatArray, d: FloatArray, z: FloatArray, tau: FloatArray, rules: Rules
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """What the derivatives of Σ log g in the arms' η and in z are made of.

    The total, (b,); the nodes' shares of every study, (b, k, o); for every arm and node of ν the gradient, (q, b, arms,
    o), and the Hessian, (q, q, b, arms, o), of log ∫ f φ(v) dv in (η, z_1, …).
    """
    x, t, v, spread = _outer_points(arms, first, start, d, z, tau, rules[0])
    log, slope, bend = _arm_terms(arms, x, t, v, z, rules[1])
    share, total = _outer(log, first, rules[0], spread)
    return total.sum(axis=1), share, slope, bend


def study_fits(
    arms: OrderedArms,
    first: IntArray,
    study: IntArray,
    start: FloatArray,
    d: FloatArray,
    z: FloatArray,
    tau: FloatArray,
    rules: Rules,
) -> tuple[FloatArray, FloatArray]:
    """Given d, z and τ: the mean of every arm's log-likelihood, (b, arms), and of its probabilities of being above each
    cutpoint, (b, arms, cutpoints). ``study``: (arms,), every arm's number of the study.
    """
    from equipoise.synthesis.bayes.ordered.likelihood import probability_of

    size = max(_chunk(d, rules) // 2, 1)
    values, shares = [], []
    for i in range(0, len(d), size):
        at = slice(i, i + size)
        x, t, v, spread = _outer_points(arms, first, start, d[at], z[at], tau[at], rules[0])
        nodes, width = _arm_nodes(arms, x, t, v, z[at], rules[1])
        eta = x[..., None] + t[..., None] * nodes
        height = arms.value(eta, z[at]) - 0.5 * nodes * nodes + rules[1].log_weights
        top = height.max(axis=-1, keepdims=True)
        inner = np.exp(height - top)
        total = inner.sum(axis=-1, keepdims=True)
        outer, _ = _outer((top + np.log(total))[..., 0] + np.log(width), first, rules[0], spread)
        weight = outer[:, study][..., None] * inner / total
        values.append((weight * arms.value(eta, z[at], prior=False)).sum(axis=(2, 3)))
        above = [
            (weight * probability_of(arms.link, eta - z[at][:, :, c, None, None])).sum(axis=(2, 3))
            for c in range(z.shape[2])
        ]
        shares.append(np.stack(above, axis=2))
    return np.concatenate(values), np.concatenate(shares)


def _chunk(d: FloatArray, rules: Rules) -> int:
    return max(_AT_ONCE // int(d.shape[1] * len(rules[0].nodes) * len(rules[1].nodes)), 1)


def _sums(values: FloatArray, first: IntArray) -> FloatArray:
    """Sums over every study's arms, axis 1."""
    return np.asarray(np.add.reduceat(values, first, axis=1))


def _of_arms(values: FloatArray, first: IntArray, arms: int) -> FloatArray:
    """Studies' values, axis 1, repeated for their arms."""
    return np.repeat(values, np.diff(np.r_[first, arms]), axis=1)


def _outer_points(
    arms: OrderedArms, first: IntArray, start: FloatArray, d: FloatArray, z: FloatArray, tau: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """η without v at the nodes for ν, (b, arms, o), τ/√2, where v's Newton starts, and ν's scale, (b, k, 1)."""
    t = (tau / np.sqrt(2.0))[:, None]
    nu, v, bend = _joint_mode(arms, first, start, d, z, t)
    size = len(start)
    spread = 1.0 / np.sqrt(_sums(bend / (1.0 + t * t * bend), first))
    move = _of_arms(spread, first, size)[..., None] * rule.nodes
    v = v[..., None] - (t * bend / (1.0 + t * t * bend))[..., None] * move
    return (d + nu)[..., None] + move, t[..., None], v, spread[..., None]


def _joint_mode(
    arms: OrderedArms, first: IntArray, start: FloatArray, d: FloatArray, z: FloatArray, t: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The mode in (ν, v) of the studies' integrands and −ℓ'' there, each shape (b, arms)."""
    size = len(start)
    crude = np.broadcast_to(start, d.shape)
    weight = np.maximum(-arms.slopes(crude, z)[1], 1e-12)
    nu = _of_arms(_sums((crude - d) * weight, first) / _sums(weight, first), first, size)
    v, longest = np.zeros_like(d), _LONGEST_STEP / np.maximum(t, 1.0)
    for _ in range(_NEWTON):
        slope, second = arms.slopes(nu + d + t * v, z)
        bend = np.maximum(-second, 1e-14)
        shrink = 1.0 / (1.0 + t * t * bend)
        pull = t * slope - v
        information = _sums(bend * shrink, first)
        step = _sums(slope - t * bend * pull * shrink, first) / information
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        wide = _of_arms(step, first, size)
        turn = np.clip((pull - t * bend * wide) * shrink, -longest, longest)
        nu, v = nu + wide, v + turn
        if np.all(step * step * information < _NEAR**2) and np.all(turn * turn < _NEAR**2 * shrink):
            break
    return nu, v, np.maximum(-arms.slopes(nu + d + t * v, z)[1], 1e-14)


def _outer(log: FloatArray, first: IntArray, rule: Rule, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The nodes' shares, (b, k, o), and the logarithm of the integral over ν, (b, k)."""
    height = _sums(log, first) + rule.log_weights + np.log(spread)
    top = height.max(axis=2, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=2, keepdims=True)
    return weight / total, (top + np.log(total))[..., 0]


def _arm_nodes(
    arms: OrderedArms, x: FloatArray, t: FloatArray, v: FloatArray, z: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray]:
    """Nodes for v about its mode given x, (…, points), and their scale, the shape of ``x``."""
    v, longest = np.clip(v, -40.0, 40.0), _LONGEST_STEP / np.maximum(t, 1.0)
    for _ in range(_NEWTON):
        slope, second = arms.slopes(x + t * v, z)
        information = 1.0 + t * t * np.maximum(-second, 0.0)
        step = np.clip((t * slope - v) / information, -longest, longest)
        v = v + step
        # The start is about right where τ is small; the nodes bear a centre that is a little off.
        if np.all(step * step * information < _CLOSE**2):
            break
    spread = 1.0 / np.sqrt(1.0 + t * t * np.maximum(-arms.slopes(x + t * v, z)[1], 0.0))
    return v[..., None] + spread[..., None] * rule.nodes, spread


def _arm_values(
    arms: OrderedArms, x: FloatArray, t: FloatArray, v: FloatArray, z: FloatArray, rule: Rule
) -> FloatArray:
    """log ∫ f(x + tv; z) φ(v) dv, shape of ``x``."""
    if not np.any(t):
        return arms.value(x, z)
    nodes, spread = _arm_nodes(arms, x, t, v, z, rule)
    height = arms.value(x[..., None] + t[..., None] * nodes, z) - 0.5 * nodes * nodes + rule.log_weights
    top = height.max(axis=-1)
    return np.asarray(top + np.log(np.exp(height - top[..., None]).sum(axis=-1) * spread) - _HALF_LOG_2PI)


def _arm_terms(
    arms: OrderedArms, x: FloatArray, t: FloatArray, v: FloatArray, z: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As ``_arm_values``, with gradient and Hessian in (x, z_1, …)."""
    if not np.any(t):
        return arms.terms(x, z)
    nodes, spread = _arm_nodes(arms, x, t, v, z, rule)
    log, slope, second = arms.terms(x[..., None] + t[..., None] * nodes, z)
    height = log - 0.5 * nodes * nodes + rule.log_weights
    top = height.max(axis=-1, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=-1, keepdims=True)
    weight /= total
    mean = (weight * slope).sum(axis=-1)
    off = slope - mean[..., None]
    bend = (weight * second).sum(axis=-1) + np.einsum("...i,q...i,r...i->qr...", weight, off, off, optimize=True)
    mean, bend = _by_shift(arms, weight, off, nodes, x, np.broadcast_to(t, x.shape), spread, mean, bend)
    return (top + np.log(total * spread[..., None]))[..., 0] - _HALF_LOG_2PI, mean, bend


def _by_shift(
    arms: OrderedArms,
    weight: FloatArray,
    off: FloatArray,
    v: FloatArray,
    x: FloatArray,
    t: FloatArray,
    spread: FloatArray,
    first: FloatArray,
    second: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Derivatives by other, equally exact forms where t is large and averages of steep slopes lose all digits.

    In x they are E v/t, (var v − 1)/t² and cov(v, slope)/t. Moving η and all cutpoints alike changes nothing but the
    baseline's prior, which gives those in one of an arm's cutpoints from the others.
    """
    mean = (weight * v).sum(axis=-1)
    apart = weight * (v - mean[..., None])
    gradient, hessian = first.copy(), second.copy()
    large = spread < 0.7
    t = np.where(large, t, 1.0)
    gradient[0] = mean / t
    hessian[0, 0] = ((apart * v).sum(axis=-1) - 1.0) / t**2
    hessian[0, 1:] = hessian[1:, 0] = (apart * off[1:]).sum(axis=-1) / t
    carried = arms.precision[:, None]
    pull = -carried * (x + t * mean - arms.centre[:, None])
    anchor = arms.anchor()
    for cut in np.unique(anchor).tolist():
        here, at = anchor == cut, 1 + cut
        rest = np.delete(np.arange(len(gradient)), at)
        gradient[at][:, here] = (pull - gradient[rest].sum(axis=0))[:, here]
        tied = -carried * t * t * hessian[0]
        tied[0] -= carried
        row = tied[rest] - hessian[np.ix_(rest, rest)].sum(axis=0)
        for place, q in enumerate(rest.tolist()):
            hessian[at, q][:, here] = row[place][:, here]
            hessian[q, at][:, here] = row[place][:, here]
        hessian[at, at][:, here] = (tied[at] - row.sum(axis=0))[:, here]
    return np.where(large, gradient, first), np.where(large, hessian, second)
