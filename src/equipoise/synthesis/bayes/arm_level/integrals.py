"""Each study's likelihood with its baseline and its random effects integrated out.

With the random effects of a study N(0, τ²R), R = 1 on and ½ off the diagonal, arm k's linear predictor is
η_k = ν + d_k + (τ/√2)v_k with independent v_k ~ N(0, 1): given ν the arms are independent, and a study of any number of
arms takes one integral over ν of a product of one-dimensional integrals. A normal prior of the baseline is a factor
of the first arm's likelihood. Of a study with two arms even less is left: its likelihood depends on the difference δ of
its predictors alone, once ν is integrated, and δ ~ N(s, τ²); the curve L(δ) is tabulated once for every τ.

All integrands are log-concave: Newton finds the mode, the curvature there sets the scale of the nodes. Arms whose η ends at 0
(binomial, log link) have nodes of their own (``bounded``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level import bounded
from equipoise.synthesis.bayes.arm_level.bounded import Functions
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood

IntArray = NDArray[np.intp]

_NEWTON = 30
_LONGEST_STEP = 3.0
_NEAR = 0.03
_CLOSE = 0.1
_LEVEL = 1e-3
_MATTERS = 30.0
_CLOSELY = 1e-5
_MOST_CELLS = 9600
_SMOOTH = 4
"""Participants without the event from which a study's curve with a bounded predictor is smooth enough at 0."""
_DROP = 24.0
_PANEL = 20
_FARTHEST_OFF = 1e4
_HALVINGS, _BISECTIONS = 40, 8
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
NEAR = hermite(15)
"""For smoothing curves by a τ below their width."""


def study_terms(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: tuple[Rule, Rule] = FINE
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log g, its gradient and its Hessian in the effects of the study's arms.

    ``arms``: shape (k, m), k studies with m arms; ``d``: (b, k, m); ``tau``: (b,). Returns shapes (b, k), (b, k, m)
    and (b, k, m, m). ``rules``: for ν and for every v.
    """
    if arms.bounded:
        return bounded.study_terms(arms, d, tau, _between(rules))
    each = d.shape[1] * d.shape[2] * len(rules[0].nodes) * len(rules[1].nodes)
    size = max(_AT_ONCE // each, 1)
    parts = [_study_terms(arms, d[i : i + size], tau[i : i + size], rules) for i in range(0, len(d), size)]
    log, first, second = (np.concatenate(p) for p in zip(*parts, strict=True))
    return log, first, second


def _study_terms(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rules: tuple[Rule, Rule]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, t, start, spread = _outer_points(arms, d, tau, rules[0])
    log, first, second = _arm_terms(arms.expand(1), x, t, start, rules[1])
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
        return bounded.study_values(arms, d, tau, _between(rules))
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
        yield from bounded.study_nodes(arms, d, tau, _between(rules))
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
        return bounded.arm_averages(arms, x, sigma, _between(FINE)[1])
    place = np.broadcast_to(x[:, None], (len(x), len(arms.y)))
    return _arm_values(arms, place, sigma[:, None], np.zeros_like(place), FINE[1])


def _between(rules: tuple[Rule, Rule]) -> bounded.Rules:
    return bounded.rules_like(len(rules[0].nodes), len(rules[1].nodes))


def _outer_points(
    arms: ArmLikelihood, d: FloatArray, tau: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The predictors without v at the nodes for ν, (b, k, m, o), τ/√2, where v's Newton starts, and ν's scale."""
    t = (tau / np.sqrt(2.0))[:, None, None]
    nu, v, bend = _joint_mode(arms, d, t)
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


def _joint_mode(arms: ArmLikelihood, d: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The mode in (ν, v) of a study's integrand, shapes (b, k, 1) and (b, k, m), and −ℓ'' there, (b, k, m)."""
    weight = np.maximum(-arms.slopes(arms.start())[1], 1e-12)
    nu = ((arms.start() - d) * weight).sum(axis=2, keepdims=True) / weight.sum(axis=1)[None, :, None]
    v = np.zeros_like(d)
    for _ in range(_NEWTON):
        slope, second = arms.slopes(nu + d + t * v)
        bend = np.maximum(-second, 1e-14)
        shrink = 1.0 / (1.0 + t * t * bend)
        pull = t * slope - v
        left = (slope - t * bend * pull * shrink).sum(axis=2, keepdims=True)
        information = (bend * shrink).sum(axis=2, keepdims=True)
        raw = left / information
        step = np.clip(raw, -_LONGEST_STEP, _LONGEST_STEP)
        turn = np.clip((pull - t * bend * step) * shrink, -_LONGEST_STEP, _LONGEST_STEP)
        nu, v = nu + step, v + turn
        # Only the nodes' centre depends on it: a small part of their spread is near enough.
        if np.all(step * step * information < _NEAR**2) and np.all(turn * turn < _NEAR**2 * shrink):
            break
    return nu, v, np.maximum(-arms.slopes(nu + d + t * v)[1], 1e-14)


def _arm_nodes(
    arms: ArmLikelihood, x: FloatArray, t: FloatArray, start: FloatArray, rule: Rule
) -> tuple[FloatArray, FloatArray]:
    """Nodes for v about its mode given x, (…, points), and their scale, the shape of ``x``."""
    v = np.clip(start, -40.0, 40.0)
    for _ in range(2):
        slope, second = arms.slopes(x + t * v)
        spread = 1.0 + t * t * np.maximum(-second, 0.0)
        v = v + np.clip((t * slope - v) / spread, -_LONGEST_STEP, _LONGEST_STEP)
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


def _arm_terms(
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
    mean, bend = _by_shift(weight, nodes, np.broadcast_to(t, x.shape), spread, mean, bend)
    return (top + np.log(total))[..., 0] + np.log(spread) - _HALF_LOG_2PI, mean, bend


def _by_shift(
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


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """log L(δ) of k studies as cubics between equally spaced points, quadratic beyond them.

    ``low``, ``step``: shape (k,); ``cubics``: (4, k, cells), coefficients of powers of the place within the cell, 0 to 1.
    ``log``: (k, cells + 1), the values at the points; ``width``: (k,), over which L bends. ``ends``: (2, k), slopes at both.
    ``broken``: (k,), whether a derivative of low order jumps at 0, which is one of the points then.
    """

    low: FloatArray
    step: FloatArray
    cubics: FloatArray
    log: FloatArray
    width: FloatArray
    ends: FloatArray
    broken: NDArray[np.bool_]

    def of(self, study: int) -> Curves:
        """The curve of one study."""
        k = slice(study, study + 1)
        arrays = self.low[k], self.step[k], self.cubics[:, k], self.log[k], self.width[k], self.ends[:, k]
        return Curves(*arrays, self.broken[k])

    @property
    def stride(self) -> int:
        """How many points to go on at a time where φ is wider than L's bends."""
        most = 0.55 * float((self.width / self.step).min())
        return max(n for n in range(1, 121) if 120 % n == 0 and (n <= most or n == 1))

    def terms(self, delta: FloatArray, study: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log L and two derivatives at ``delta``, shape (n, points), of the curves ``study``, (n,)."""
        low, step = self.low[study, None], self.step[study, None]
        cells = self.cubics.shape[2]
        raw = (delta - low) / step
        inside = np.clip(raw, 0.0, float(cells))
        cell = np.minimum(inside.astype(np.intp), cells - 1)
        flat = cell + (study * cells)[:, None]
        a, b, c, e = (coefficients.ravel()[flat] for coefficients in self.cubics)
        place, beyond = inside - cell, (raw - inside) * step
        log = ((e * place + c) * place + b) * place + a
        first = ((3.0 * e * place + 2.0 * c) * place + b) / step
        second = (6.0 * e * place + 2.0 * c) / step**2
        curve = np.minimum(second, 0.0)
        return log + beyond * (first + 0.5 * beyond * curve), first + beyond * curve, second


def tabulate(arms: ArmLikelihood, low: FloatArray, high: FloatArray, width: FloatArray, cells: int = 256) -> Curves:
    """The curves of two-arm studies, ``arms`` shape (k, 2), between ``low`` and ``high``, shape (k,)."""
    step = (high - low) / cells
    if arms.bounded:
        low = step * np.round(low / step)
    delta = low[:, None] + step[:, None] * np.arange(cells + 1)
    log, slope = np.empty_like(delta), np.empty_like(delta)
    size = max(_AT_ONCE // (delta.shape[1] * 2 * len(FINE[0].nodes)), 1)
    for i in range(0, len(low), size):
        part = slice(i, i + size)
        log[part], slope[part] = _difference_terms(arms.take(part), delta[part])
    before, after = slope[:, 1:], slope[:, :-1]
    broken = np.zeros(len(low), dtype=bool)
    if arms.bounded:
        # The order of the derivative that jumps where either arm may be the nearest to 0 is 1 + those without the event.
        without = (arms.size - arms.y).sum(axis=1)
        broken = without < _SMOOTH
        before = np.where((without == 0)[:, None] & (delta[:, 1:] <= 0.5 * step[:, None]), arms.y[:, 1:], before)
        after = np.where((without == 0)[:, None] & (delta[:, :-1] >= -0.5 * step[:, None]), -arms.y[:, :1], after)
    left, right = log[:, :-1], log[:, 1:]
    rise_left, rise_right = after * step[:, None], before * step[:, None]
    gap = right - left
    cubics = np.stack([left, rise_left, 3.0 * gap - 2.0 * rise_left - rise_right, rise_left + rise_right - 2.0 * gap])
    ends = np.stack([np.maximum(slope[:, 0], 0.0), np.minimum(slope[:, -1], 0.0)])
    # A curve that falls does so by an event or more; what is less is an integral's error, and the curve is level.
    ends[np.abs(ends) * width < _LEVEL] = 0.0
    return Curves(low, step, cubics, log, width, ends, broken)


def tabulate_closely(arms: ArmLikelihood, low: FloatArray, high: FloatArray, width: FloatArray, cells: int) -> Curves:
    """As ``tabulate``, with ``cells`` or as many more as it takes for cubics to be close halfway between the points."""
    while True:
        curves = tabulate(arms, low, high, width, cells)
        if cells >= _MOST_CELLS:
            return curves
        middle = curves.low[:, None] + curves.step[:, None] * (np.arange(cells) + 0.5)
        exact, _ = _difference_terms(arms, middle)
        likely = exact > exact.max(axis=1, keepdims=True) - _MATTERS
        off = np.abs(curves.terms(middle, np.arange(len(low)))[0] - exact)
        if off[likely].max() < _CLOSELY:
            return curves
        cells *= 2


def _difference_terms(arms: ArmLikelihood, delta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """log L and its derivative, L(δ) = ∫ f_1(ν) f_2(ν + δ) dν, for k studies at shape (k, points)."""
    shape = delta.shape
    if arms.bounded:
        effects = np.stack([np.zeros(shape), delta], axis=2).swapaxes(0, 1)
        log, slope, _ = bounded.study_terms(arms, effects, np.zeros(shape[1]), _between(FINE))
        return log.T, slope[..., 1].T
    d = np.stack([np.zeros(shape), delta], axis=2).reshape(-1, 1, 2).transpose(1, 0, 2)
    spread = arms.take((np.repeat(np.arange(shape[0]), shape[1]),))
    nothing = np.zeros((1, 1, 1))
    nu, _, bend = _joint_mode(spread, d, nothing)
    scale = 1.0 / np.sqrt(bend.sum(axis=2, keepdims=True))
    rule = FINE[0]
    points = nu[..., None] + scale[..., None] * rule.nodes
    second_arm = spread.take((slice(None), slice(1, 2))).expand(1)
    first_arm = spread.take((slice(None), slice(0, 1))).expand(1)
    log, slope, _ = second_arm.terms(points + d[:, :, 1:, None])
    height = log + first_arm.value(points) + rule.log_weights + np.log(scale[..., None])
    top = height.max(axis=-1, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=-1, keepdims=True)
    mean = (weight * slope).sum(axis=-1, keepdims=True) / total
    return (top + np.log(total)).reshape(shape), mean.reshape(shape)


def smoothed(
    curves: Curves, s: FloatArray, tau: FloatArray, least: float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log g and two derivatives in s, g(s) = ∫ L(s + τv) φ(v) dv; ``s``: (b, k), ``tau``: (b,).

    ``least``: curves with a break are smoothed by as much of their width at least, so that Newton finds a mode.

    Where τ is smaller than the curve's width, about the integrand's mode; where it is larger, on the curve's own
    points, for which the trapezoidal rule is exact to rounding as long as φ is wider than their distance.
    """
    study = np.broadcast_to(np.arange(s.shape[1]), s.shape).ravel()
    each = np.broadcast_to(tau[:, None], s.shape).ravel()
    found = np.empty((3, s.size))
    broken = curves.broken[study]
    each = np.where(broken, np.maximum(each, least * curves.width[study]), each)
    far = each > curves.width[study]
    stride = curves.stride
    chosen = np.flatnonzero(broken)
    found[:, chosen] = _about_break(curves, s.ravel()[chosen], each[chosen], study[chosen])
    for which, points in ((~far & ~broken, len(NEAR.nodes)), (far & ~broken, curves.log.shape[1] // stride)):
        chosen = np.flatnonzero(which)
        size = max(_AT_ONCE // points, 1)
        for i in range(0, len(chosen), size):
            part = chosen[i : i + size]
            at = s.ravel()[part], each[part], study[part]
            found[:, part] = _about_mode(curves, *at) if points == len(NEAR.nodes) else _on_points(curves, *at, stride)
    log, first, second = found.reshape(3, *s.shape)
    return log, first, second


def _about_mode(curves: Curves, s: FloatArray, tau: FloatArray, study: IntArray) -> FloatArray:
    centre, t = s[:, None], tau[:, None]
    if not np.any(tau):
        return np.stack(curves.terms(centre, study))[..., 0]
    v = np.zeros_like(centre)
    for _ in range(_NEWTON):
        _, first, second = curves.terms(centre + t * v, study)
        information = 1.0 + t * t * np.maximum(-second, 0.0)
        step = np.clip((t * first - v) / information, -_LONGEST_STEP, _LONGEST_STEP)
        v = v + step
        if np.all(step * step * information < _CLOSE**2):
            break
    spread = 1.0 / np.sqrt(information)
    nodes = v + spread * NEAR.nodes
    log, slope, bend = curves.terms(centre + t * nodes, study)
    height = log - 0.5 * nodes * nodes + NEAR.log_weights
    top = height.max(axis=1, keepdims=True)
    weight = np.exp(height - top)
    total = weight.sum(axis=1, keepdims=True)
    weight /= total
    mean = (weight * slope).sum(axis=1)
    second = (weight * (bend + (slope - mean[:, None]) ** 2)).sum(axis=1)
    mean, second = _by_shift(weight, nodes, tau, spread[:, 0], mean, second)
    return np.stack([(top + np.log(total * spread))[:, 0] - _HALF_LOG_2PI, mean, second])


def _about_break(curves: Curves, s: FloatArray, tau: FloatArray, study: IntArray) -> FloatArray:
    """By panels that meet where a derivative of the curve jumps."""
    if not np.any(tau):
        return np.stack(curves.terms(s[:, None], study))[..., 0]
    t = np.maximum(tau, 1e-6 * curves.width[study])[:, None]
    centre = s[:, None]

    def height(v: FloatArray) -> tuple[FloatArray, FloatArray]:
        log, first, _ = curves.terms(centre + t * v, study)
        return log - 0.5 * v * v, t * first - v

    # Where the integrand rises to the left of a place and falls to the right of it: it is concave.
    low, high = np.full_like(centre, -_FARTHEST_OFF), np.full_like(centre, _FARTHEST_OFF)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        rising = height(middle)[1] > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    mode = 0.5 * (low + high)
    top = height(mode)[0] - _DROP
    ends = []
    for side in (-1.0, 1.0):
        inner, outer = mode, mode + side * np.sqrt(2.0 * _DROP)
        for _ in range(_BISECTIONS):
            middle = 0.5 * (inner + outer)
            above = height(middle)[0] > top
            inner, outer = np.where(above, middle, inner), np.where(above, outer, middle)
        ends.append(outer)
    at = np.clip(-centre / t, ends[0], ends[1])
    meet = np.where((at > ends[0]) & (at < ends[1]), at, mode)
    panels = [bounded.legendre(_PANEL).on(*pair) for pair in ((ends[0], meet), (meet, ends[1]))]
    v, weights = (np.concatenate(both, axis=2)[:, 0] for both in zip(*panels, strict=True))
    log = height(v)[0] + weights
    top = log.max(axis=1, keepdims=True)
    weight = np.exp(log - top)
    total = weight.sum(axis=1, keepdims=True)
    weight /= total
    mean = (weight * v).sum(axis=1)
    variance = (weight * (v - mean[:, None]) ** 2).sum(axis=1)
    value = (top + np.log(total))[:, 0] - _HALF_LOG_2PI
    return np.stack([value, mean / t[:, 0], (variance - 1.0) / t[:, 0] ** 2])


def _on_points(curves: Curves, s: FloatArray, tau: FloatArray, study: IntArray, stride: int) -> FloatArray:
    log = curves.log[study, ::stride]
    step = (curves.step[study] * stride / tau)[:, None]
    v = ((curves.low[study] - s) / tau)[:, None] + step * np.arange(log.shape[1])
    height = log - 0.5 * v * v + np.log(step)
    # Beyond the points log L is a straight line, and what it adds a truncated normal distribution's.
    ends = []
    for side, end, slope in ((-1.0, 0, curves.ends[0]), (1.0, -1, curves.ends[1])):
        rise = slope[study] * tau
        edge = v[:, end]
        u = side * (rise - edge)
        ends.append(
            (side, end, rise, edge, u, log[:, end] - rise * edge + 0.5 * rise * rise + log_ndtr(u) + _HALF_LOG_2PI)
        )
    top = np.maximum(height.max(axis=1), np.maximum(ends[0][-1], ends[1][-1]))[:, None]
    weight = np.exp(height - top)
    outer = []
    for side, end, rise, edge, u, log_size in ends:
        # Euler and Maclaurin's correction of the trapezoidal rule for an end that isn't flat.
        tilt = np.clip(-side * step[:, 0] * (rise - edge) / 12.0, -0.4, 0.4)
        weight[:, end] *= 0.5 + tilt
        mills = np.exp(-0.5 * u * u - _HALF_LOG_2PI - log_ndtr(u))
        size = np.exp(log_size - top[:, 0])
        mean = rise + side * mills
        outer.append((size, mean, mean * mean + 1.0 - u * mills - mills * mills))
    total = weight.sum(axis=1) + outer[0][0] + outer[1][0]
    first = ((weight * v).sum(axis=1) + sum(size * mean for size, mean, _ in outer)) / total
    square = ((weight * v * v).sum(axis=1) + sum(size * second for size, _, second in outer)) / total
    value = top[:, 0] + np.log(total) - _HALF_LOG_2PI
    return np.stack([value, first / tau, (square - first * first - 1.0) / tau**2])
