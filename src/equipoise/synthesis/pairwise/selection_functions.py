"""How likely a study is to be published, given its p-value: the weight functions of selection models.

Each function is a row of `WEIGHT_FUNCTIONS`: the logarithm of the relative likelihood of selection and its
derivatives with respect to the parameters δ. Sources: Preston, Ashby & Smyth (2004) Statistics in Medicine 23:3255
(half-normal, negative exponential, logistic); Citkowicz & Vevea (2017) Psychological Methods 22:28 (beta); Begg &
Mazumdar (1994) Biometrics 50:1088 (negative exponential power).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, log_ndtr, ndtr, ndtri

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


class Place(NamedTuple):
    """Where a weight is wanted: log p, log(1 − p), and how imprecise the study is (1: the least precise)."""

    log_p: FloatArray
    log_q: FloatArray
    imprecision: FloatArray


LogWeight = Callable[[FloatArray, Place], tuple[FloatArray, list[FloatArray]]]


@dataclass(frozen=True, slots=True)
class WeightFunction:
    """One family of weight functions.

    ``log_weight(delta, place)`` returns log w and its derivatives in δ. ``null`` is the value of δ without
    selection; ``floor`` its lower bound; ``censored`` how close to 0 and 1 a p-value may come; ``reach`` the |z|
    beyond which w is constant to double precision.
    """

    log_weight: LogWeight
    null: tuple[float, ...]
    floor: float
    censored: float
    reach: float
    takes_imprecision: bool = True


def _beta(d: FloatArray, at: Place) -> tuple[FloatArray, list[FloatArray]]:
    return (d[0] - 1) * at.log_p + (d[1] - 1) * at.log_q, [at.log_p, at.log_q]


def _half_normal(d: FloatArray, at: Place) -> tuple[FloatArray, list[FloatArray]]:
    slope = -at.imprecision * np.exp(2 * at.log_p)
    return d[0] * slope, [slope]


def _negative_exponential(d: FloatArray, at: Place) -> tuple[FloatArray, list[FloatArray]]:
    slope = -at.imprecision * np.exp(at.log_p)
    return d[0] * slope, [slope]


def _logistic(d: FloatArray, at: Place) -> tuple[FloatArray, list[FloatArray]]:
    exponent = -at.imprecision * np.exp(at.log_p)
    log_weight = np.log(2) + d[0] * exponent - np.log1p(np.exp(d[0] * exponent))
    return log_weight, [exponent / (1 + np.exp(d[0] * exponent))]


def _power(d: FloatArray, at: Place) -> tuple[FloatArray, list[FloatArray]]:
    slope = at.imprecision * at.log_q
    return d[0] * slope, [slope]


def _negative_exponential_power(d: FloatArray, at: Place) -> tuple[FloatArray, list[FloatArray]]:
    shape = max(float(d[1]), 1e-8)
    power = at.imprecision * np.exp(at.log_p / shape)
    return -d[0] * power, [-power, d[0] * power * at.log_p / shape**2]


WEIGHT_FUNCTIONS: dict[str, WeightFunction] = {
    "beta": WeightFunction(_beta, (1.0, 1.0), 1e-5, 1e-5, 5.0, takes_imprecision=False),
    "half-normal": WeightFunction(_half_normal, (0.0,), 0.0, 0.0, 9.0),
    "negative exponential": WeightFunction(_negative_exponential, (0.0,), 0.0, 0.0, 9.0),
    "logistic": WeightFunction(_logistic, (0.0,), 0.0, 0.0, 9.0),
    "power": WeightFunction(_power, (0.0,), 0.0, 1e-5, 5.0),
    "negative exponential power": WeightFunction(_negative_exponential_power, (0.0, 0.0), 0.0, 0.0, 38.0),
}


@dataclass(frozen=True, slots=True)
class SmoothSelection:
    """A smooth weight function on the z scale, and the integrals that normalise it.

    ``threshold`` α: p-values up to it have weight 1, larger ones w(p)/w(α); None: all have w(p). ``sides`` 1 or 2.
    """

    family: WeightFunction
    sides: int
    threshold: float | None
    imprecision: FloatArray

    def log_weight(self, z: FloatArray, delta: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
        """log w at each study's own z, and its derivatives in δ; arrays (k,)."""
        return self._evaluate(z, delta, self.imprecision)

    def normaliser(
        self, mean: FloatArray, variance: FloatArray, delta: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, list[FloatArray]]:
        """E[w(Z)] for Z ~ N(mean, variance), and its derivatives in mean, variance and δ; arrays (k,).

        Gauss–Legendre panels where w varies, with breaks where it has kinks; the normal distribution function beyond.
        On the z scale the density's standard deviation is at least 1, so fixed panels resolve it.
        """
        z, dz, low, high = self._grid()
        s = np.sqrt(variance)[:, None]
        u = (z - mean[:, None]) / s
        density = np.exp(-0.5 * u * u) / (np.sqrt(2 * np.pi) * s) * dz
        log_weight, slopes = self._evaluate(z[None, :], delta, self.imprecision[:, None])
        mass = np.exp(log_weight) * density
        total = mass.sum(axis=1)
        by_mean = (mass * u).sum(axis=1) / s[:, 0]
        by_variance = (mass * (u * u - 1)).sum(axis=1) / (2 * variance)
        by_delta = [(mass * slope).sum(axis=1) for slope in slopes]
        for edge, side in ((low, -1.0), (high, 1.0)):
            log_weight, slopes = self._evaluate(np.full(len(mean), edge), delta, self.imprecision)
            w = np.exp(log_weight)
            t = side * (mean - edge) / s[:, 0]
            tail, bell = ndtr(t), np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi)
            total += w * tail
            by_mean += side * w * bell / s[:, 0]
            by_variance -= w * bell * t / (2 * variance)
            by_delta = [sofar + w * slope * tail for sofar, slope in zip(by_delta, slopes, strict=True)]
        return total, by_mean, by_variance, by_delta

    def _evaluate(
        self, z: FloatArray, delta: FloatArray, imprecision: FloatArray
    ) -> tuple[FloatArray, list[FloatArray]]:
        log_p, log_q = _log_p_values(z, self.sides)
        if self.family.censored:
            near, far = np.log(self.family.censored), np.log1p(-self.family.censored)
            log_p, log_q = np.clip(log_p, near, far), np.clip(log_q, near, far)
        log_weight, slopes = self.family.log_weight(delta, Place(log_p, log_q, imprecision))
        if self.threshold is not None:
            # Relative to the weight at the threshold, so that it falls from 1 without a jump.
            alpha = np.asarray(self.threshold)
            edge = Place(np.log(alpha), np.log1p(-alpha), imprecision)
            log_edge, edge_slopes = self.family.log_weight(delta, edge)
            certain = log_p <= np.log(self.threshold)
            log_weight = np.where(certain, 0.0, log_weight - log_edge)
            slopes = [np.where(certain, 0.0, a - b) for a, b in zip(slopes, edge_slopes, strict=True)]
        return log_weight, slopes

    def _grid(self) -> tuple[FloatArray, FloatArray, float, float]:
        reach = self.family.reach
        tail = self.family.censored
        high = reach if not tail else -float(ndtri(tail / self.sides))
        if self.sides == 1:
            # 1 − Φ(−9) is 1 in double precision, whatever the power of p.
            low = -9.0 if not tail else -high
            breaks = np.linspace(low, high, 2 * int(np.ceil(high - low)) + 1)
        else:
            # 1 − p vanishes like |z| at 0: panels that shrink geometrically towards it.
            shrinking = 4.0 ** np.arange(-9, 0)
            if tail:
                shrinking = np.append(shrinking, -ndtri(0.5 - tail / 2))
            half = np.unique(np.concatenate([shrinking, np.linspace(0.5, high, 2 * int(np.ceil(high)))]))
            breaks = np.concatenate([-half[::-1], [0.0], half])
            low = -high
        if self.threshold is not None:
            kink = -float(ndtri(self.threshold / self.sides))
            breaks = np.unique(np.concatenate([breaks, [kink] if self.sides == 1 else [-kink, kink]]))
            breaks = breaks[(breaks >= low) & (breaks <= high)]
        middle, half_width = (breaks[1:] + breaks[:-1]) / 2, np.diff(breaks) / 2
        z = (middle[:, None] + half_width[:, None] * _NODES).ravel()
        dz = (half_width[:, None] * _WEIGHTS).ravel()
        return z, dz, low, high


@dataclass(frozen=True, slots=True)
class StepSelection:
    """A weight that is constant between cutpoints on the z scale.

    ``edges`` (k, m) cutpoints in increasing z; ``piece`` (m + 1,) which δ holds between them.
    """

    edges: FloatArray
    piece: NDArray[np.intp]

    def log_weight(self, z: FloatArray, delta: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
        mine = self.piece[(z[:, None] >= self.edges).sum(axis=1)]
        with np.errstate(divide="ignore"):
            log_weight = np.log(delta[mine])
            slopes = [np.where(mine == j, 1 / delta[j] if delta[j] > 0 else np.inf, 0.0) for j in range(len(delta))]
        return log_weight, slopes

    def normaliser(
        self, mean: FloatArray, variance: FloatArray, delta: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, list[FloatArray]]:
        s = np.sqrt(variance)[:, None]
        t = (self.edges - mean[:, None]) / s
        bell = np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi)
        jump = delta[self.piece[:-1]] - delta[self.piece[1:]]
        mass = piece_masses(t)
        total = mass @ delta[self.piece]
        by_mean = -(bell @ jump) / s[:, 0]
        by_variance = -((bell * t) @ jump) / (2 * variance)
        by_delta = [mass[:, self.piece == j].sum(axis=1) for j in range(len(delta))]
        return total, by_mean, by_variance, by_delta


def piece_masses(t: FloatArray) -> FloatArray:
    """The probabilities, (…, m + 1), between standard normal deviates (…, m) in increasing order."""
    tail = ndtr(-np.abs(t))
    low = t < 0
    below, above = np.zeros((*t.shape[:-1], t.shape[-1] + 2)), np.zeros((*t.shape[:-1], t.shape[-1] + 2))
    below[..., 1:-1], above[..., 1:-1] = np.where(low, tail, 1.0 - tail), np.where(low, 1.0 - tail, tail)
    below[..., -1] = above[..., 0] = 1.0
    # The smaller of the two tails keeps its digits when a piece lies far out.
    return np.where(below[..., 1:] < 0.5, below[..., 1:] - below[..., :-1], above[..., :-1] - above[..., 1:])


def p_value_steps(steps: FloatArray, sides: int, k: int) -> StepSelection:
    """Weights constant between p-value cutpoints α₁ < … < α_c = 1; δ_j holds for α_{j−1} < p ≤ α_j."""
    inner = -ndtri(steps[:-1] / sides)
    order = np.arange(len(steps))
    if sides == 1:
        edges, piece = inner[::-1], order[::-1]
    else:
        edges = np.concatenate([-inner, inner[::-1]])
        piece = np.concatenate([order, order[-2::-1]])
    return StepSelection(np.tile(edges, (k, 1)), np.asarray(piece, dtype=np.intp))


def p_values(z: FloatArray, sides: int) -> FloatArray:
    """One-sided (large z, small p) or two-sided p-values."""
    return np.asarray(np.exp(_log_p_values(z, sides)[0]))


def _log_p_values(z: FloatArray, sides: int) -> tuple[FloatArray, FloatArray]:
    """log p and log(1 − p), each to full precision."""
    if sides == 1:
        return log_ndtr(-z), log_ndtr(z)
    size = np.abs(z)
    with np.errstate(divide="ignore"):
        return np.log(2) + log_ndtr(-size), np.log(erf(size / np.sqrt(2)))
