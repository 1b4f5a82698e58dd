"""Curves of one variable: the likelihood of a study with two arms, and of an arm.

Of a study with two arms the likelihood depends on the difference δ of its predictors alone, once ν is integrated
(``integrals``), and δ ~ N(s, τ²): the curve L(δ) is tabulated once for every τ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level import bounded
from equipoise.synthesis.bayes.arm_level.integrals import (
    FINE,
    IntArray,
    arm_terms,
    between_rules,
    by_shift,
    hermite,
    joint_mode,
)
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood

_NEWTON = 30
_LONGEST_STEP = 3.0
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
_MARGIN = 10.0
_STEEP = 1.5
MANY = hermite(61)
"""For v where the random effect is so wide that an arm's likelihood is steep within it."""
NEAR = hermite(15)
"""For smoothing curves by a τ below their width."""
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_AT_ONCE = 400_000


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
        if not np.any(beyond):
            return log, first, second
        # Where the curve is level its end's slope and bend are rounding, which far out would grow.
        ends = self.ends[:, study]
        level = ((beyond < 0) & (ends[0, :, None] == 0)) | ((beyond > 0) & (ends[1, :, None] == 0))
        first, second = np.where(level, 0.0, first), np.where(level, 0.0, second)
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
    cubics = _cubics(log, after * step[:, None], before * step[:, None])
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


def arm_curves(arms: ArmLikelihood, tau: float, reach: float, cells: int) -> Curves:
    """log h_k(x) = log ∫ f_k(x + τ/√2·v) φ(v) dv of arms, shape (k,), up to ``reach`` to either side of their estimates."""
    low, step = arms.start() - reach, np.full(arms.y.shape, 2.0 * reach / cells)
    x = low[:, None] + step[:, None] * np.arange(cells + 1)
    t = np.full((1, 1), tau / np.sqrt(2.0))
    wide = arms.expand(1)
    # v's mode lies between 0 and where the predictor is the estimate, about. Newton alone may jump to and fro about a bend.
    ends = np.stack([np.zeros_like(x), (arms.start()[:, None] - x) / max(tau, 1e-3)])
    left, right = ends.min(axis=0) - _MARGIN, ends.max(axis=0) + _MARGIN
    v = np.clip(0.0, left, right)
    for _ in range(_NEWTON):
        slope, second = wide.slopes(x + t * v)
        rise = t * slope - v
        left, right = np.where(rise > 0, v, left), np.where(rise > 0, right, v)
        newton = v + rise / (1.0 + t * t * np.maximum(-second, 0.0))
        v = np.where((newton > left) & (newton < right), newton, 0.5 * (left + right))
    log, slope, _ = arm_terms(wide, x, t, v, FINE[1] if tau < _STEEP else MANY)
    ends = slope[:, [0, -1]].T.copy()
    ends[np.abs(ends) < _LEVEL] = 0.0
    rises = slope * step[:, None]
    cubics = _cubics(log, rises[:, :-1], rises[:, 1:])
    return Curves(low, step, cubics, log, step, ends, np.zeros(len(low), dtype=bool))


def _cubics(values: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """Coefficients of powers of the place within each cell, (4, k, cells); the slopes at both ends of the cells times their
    length.
    """
    gap = np.diff(values, axis=1)
    return np.stack([values[:, :-1], left, 3.0 * gap - 2.0 * left - right, left + right - 2.0 * gap])


def _difference_terms(arms: ArmLikelihood, delta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """log L and its derivative, L(δ) = ∫ f_1(ν) f_2(ν + δ) dν, for k studies at shape (k, points)."""
    shape = delta.shape
    if arms.bounded:
        effects = np.stack([np.zeros(shape), delta], axis=2).swapaxes(0, 1)
        log, slope, _ = bounded.study_terms(arms, effects, np.zeros(shape[1]), between_rules(FINE))
        return log.T, slope[..., 1].T
    d = np.stack([np.zeros(shape), delta], axis=2).reshape(-1, 1, 2).transpose(1, 0, 2)
    spread = arms.take((np.repeat(np.arange(shape[0]), shape[1]),))
    nothing = np.zeros((1, 1, 1))
    nu, _, bend = joint_mode(spread, d, nothing)
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
    for i in range(0, len(chosen), _AT_ONCE // (2 * _PANEL)):
        part = chosen[i : i + _AT_ONCE // (2 * _PANEL)]
        found[:, part] = _about_break(curves, s.ravel()[part], each[part], study[part])
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
    mean, second = by_shift(weight, nodes, tau, spread[:, 0], mean, second)
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
