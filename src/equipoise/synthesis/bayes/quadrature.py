"""The posterior of τ by adaptive quadrature, with an error bound.

Given τ the effects are normal; what remains is one integral over τ. It is taken in x = arsinh(τ/scale), which is linear
for τ near 0 and logarithmic far out, or, where the prior's density has no power series at 0 (log-normal, log-Student,
inverse gamma), in x = log(τ/scale). Panels are halved until the Gauss and the Kronrod rule agree. The Kronrod nodes are
the components of a mixture whose weights are the posterior masses; the Gauss weights, 0 at the other nodes, give every
result its error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from equipoise.errors import DataError, NotConverged
from equipoise.synthesis.bayes.kronrod import COUNT, CUMULATE, GAUSS, KRONROD, NODES, TO_LEGENDRE, interpolate, solve
from equipoise.synthesis.bayes.priors import Mixture, OnVariance, Prior, Uniform
from equipoise.synthesis.bayes.shortest import shortest_interval

FloatArray = NDArray[np.float64]
Function = Callable[[FloatArray], FloatArray]

TOLERANCE = 1e-9
"""The relative difference between the two rules at which a panel is left alone."""
_NEGLIGIBLE = 40.0
"""How far, in logarithms, below its maximum the density is taken as 0."""
_MOST_PANELS = 2000
_FIRST_PANELS = 10
_LARGEST_TAU = 1e150
_LANDMARKS = np.array([1e-15, 1e-9, 1e-4, 0.02, 0.25, 0.5, 0.75, 0.98, 0.9999, 1 - 1e-9, 1 - 1e-15])


@dataclass(frozen=True, slots=True)
class Axis:
    """The variable in which τ is integrated."""

    scale: float
    logarithmic: bool

    def tau(self, x: ArrayLike) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.asarray(self.scale * (np.exp(x) if self.logarithmic else np.sinh(x)))

    def x(self, tau: ArrayLike) -> FloatArray:
        tau = np.asarray(tau, dtype=float)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(tau) - np.log(self.scale) if self.logarithmic else np.arcsinh(tau / self.scale))

    def jacobian(self, tau: ArrayLike) -> FloatArray:
        """dτ/dx."""
        return np.asarray(tau if self.logarithmic else np.hypot(self.scale, tau), dtype=float)

    def log_jacobian(self, x: FloatArray) -> FloatArray:
        grown = x if self.logarithmic else np.logaddexp(x, -x) - np.log(2.0)
        return np.asarray(np.log(self.scale) + grown)


@dataclass(frozen=True, slots=True, eq=False)
class TauPosterior:
    """The posterior of τ, and the nodes at which what depends on τ is to be computed.

    ``tau``: shape (J,), ascending; ``weights``: (J,), posterior masses, sum 1; ``gauss``: (J,), those of the coarser
    rule, whose results differ from the finer rule's by more than these err. ``log_evidence``: the logarithm of the
    integral of likelihood times prior. ``density``: (J,), of τ at the nodes. ``edges``: (panels + 1,), in the variable
    of integration; ``error``: of probabilities of τ. ``tail``: the density falls as τ^−(1 + tail) far out (infinity:
    faster than any power), so that moments of this order and above don't exist.
    """

    tau: FloatArray
    weights: FloatArray
    gauss: FloatArray
    log_evidence: float
    density: FloatArray
    edges: FloatArray
    error: float
    tail: float
    prior: Prior
    _axis: Axis = field(repr=False)
    _values: FloatArray = field(repr=False)
    _integrals: FloatArray = field(repr=False)
    _at_edges: FloatArray = field(repr=False)
    _panels: slice = field(repr=False)

    @property
    def scale(self) -> float:
        """Where the spacing of the nodes turns from linear into logarithmic."""
        return self._axis.scale

    def expect(self, values: ArrayLike) -> FloatArray:
        """E of a function given at the nodes, shape (J, …)."""
        return np.asarray(np.tensordot(self.weights, np.asarray(values, dtype=float), axes=1))

    def error_of(self, values: ArrayLike) -> FloatArray:
        """A bound on the error of ``expect(values)``: how far the coarser rule is off, panel by panel."""
        values = np.asarray(values, dtype=float)
        apart = (self.weights - self.gauss)[self._panels].reshape(-1, 1, COUNT)
        centred = (values - self.expect(values))[self._panels].reshape(apart.shape[0], COUNT, -1)
        return np.asarray(np.abs(apart @ centred).sum(axis=(0, 1)).reshape(values.shape[1:]))

    @property
    def mean(self) -> float:
        """E τ; infinite where the density falls too slowly."""
        if self.tail <= 1.0:
            return float("inf")
        return float(self.expect(self.tau))

    @property
    def sd(self) -> float:
        """The standard deviation of τ; infinite where the density falls too slowly."""
        if self.tail <= 2.0:
            return float("inf")
        return float(np.sqrt(self.expect((self.tau - self.mean) ** 2)))

    @property
    def median(self) -> float:
        """The value that half of the probability lies below."""
        return float(self.quantile(0.5))

    def pdf(self, tau: ArrayLike) -> FloatArray:
        """The density of τ, by the panels' polynomials."""
        t = np.asarray(tau, dtype=float)
        low, high = self._axis.tau(self.edges[[0, -1]])
        within = np.clip(t, low, high)
        panel, z, _ = self._place(self._axis.x(within))
        value = interpolate(self._values[panel], z).reshape(t.shape)
        density = np.maximum(value, 0.0) / self._axis.jacobian(within)
        before, after = self._at_edges[0], 1.0 - self._at_edges[-1]
        below = above = np.zeros_like(t)
        with np.errstate(over="ignore"):
            if before > 0:
                below = np.exp(self.prior.logpdf(t)) * before / self.prior.cdf(low)
            if after > 0:
                above = np.exp(self.prior.logpdf(t)) * after / (1.0 - self.prior.cdf(high))
        return np.asarray(np.where(t < low, below, np.where(t > high, above, density)))

    def cdf(self, tau: ArrayLike) -> FloatArray:
        """The distribution function of τ."""
        t = np.asarray(tau, dtype=float)
        low, high = self._axis.tau(self.edges[[0, -1]])
        panel, z, half = self._place(self._axis.x(np.clip(t, low, high)))
        value = (self._at_edges[panel] + interpolate(self._integrals[panel], z) * half).reshape(t.shape)
        before, after = self._at_edges[0], 1.0 - self._at_edges[-1]
        if before > 0:
            value = np.where(t < low, before * self.prior.cdf(t) / self.prior.cdf(low), value)
        else:
            value = np.where(t < low, 0.0, value)
        if after > 0:
            value = np.where(t > high, 1.0 - after * (1.0 - self.prior.cdf(t)) / (1.0 - self.prior.cdf(high)), value)
        return np.clip(value, 0.0, 1.0)

    def probability(self, low: float = 0.0, high: float = np.inf) -> float:
        """The probability that τ lies between ``low`` and ``high``."""
        return float(np.maximum(self.cdf(high) - self.cdf(low), 0.0))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """The value below which a share ``p`` of the probability lies: Newton's method in the panel that holds it."""
        p = np.asarray(p, dtype=float)
        if np.any(~((p >= 0) & (p <= 1))):
            raise DataError("a probability lies between 0 and 1")
        first, last = self._at_edges[0], self._at_edges[-1]
        wanted = np.clip(p, first, last).ravel()
        panel = np.clip(np.searchsorted(self._at_edges, wanted, side="left") - 1, 0, len(self.edges) - 2)
        half = 0.5 * (self.edges[panel + 1] - self.edges[panel])
        target = (wanted - self._at_edges[panel]) / half
        z = solve(self._values[panel], self._integrals[panel], target)
        tau = self._axis.tau(self.edges[panel] + (z + 1.0) * half).reshape(p.shape)
        if first > 0:
            share = float(self.prior.cdf(self._axis.tau(self.edges[0]))) / first
            tau = np.where(p < first, self.prior.quantile(np.minimum(p, first) * share), tau)
        if last < 1:
            share = (1.0 - float(self.prior.cdf(self._axis.tau(self.edges[-1])))) / (1.0 - last)
            tau = np.where(p > last, self.prior.quantile(1.0 - (1.0 - np.maximum(p, last)) * share), tau)
        elif np.isinf(self.prior.support[1]):
            tau = np.where(p == 1.0, np.inf, tau)
        return np.asarray(tau)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval between equal tails."""
        if not 0 < level < 1:
            raise DataError(f"level = {level}: a probability between 0 and 1 is needed, such as 0.95")
        low, high = self.quantile(np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0]))
        return float(low), float(high)

    def shortest_interval(self, level: float = 0.95) -> tuple[float, float]:
        """The shortest interval that holds ``level`` of the probability."""
        return shortest_interval(self.quantile, self.pdf, level)

    @property
    def mode(self) -> float:
        """Where the density is highest.

        Where it grows without bound towards 0 (log-Student priors), over a share of the probability too small to
        matter, that end doesn't count.
        """
        density = self.density[self._panels]
        x = self._axis.x(self.tau[self._panels])
        start = float(self._axis.tau(self.edges[0]))
        inner = np.flatnonzero((density[1:-1] >= density[:-2]) & (density[1:-1] >= density[2:])) + 1
        best = int(inner[np.argmax(density[inner])]) if len(inner) else -1
        ends = (start, float(self._axis.tau(self.edges[-1])))
        at_ends = self.pdf(np.array(ends))
        if best < 0 or (not self._axis.logarithmic and at_ends.max() > density[best]):
            end = int(np.argmax(at_ends))
            beside = x[0] if end == 0 else x[-1]
            if self._slope(self.edges[-end]) * (1 - 2 * end) <= 1e-6 * at_ends[end] * self.scale:
                return ends[end]
            bracket = (float(self.edges[-end]), float(beside))
        else:
            bracket = (float(x[best - 1]), float(x[best + 1]))
        at = [self._slope(end) for end in bracket]
        if at[0] * at[1] >= 0:
            return float(self.tau[self._panels][best])
        return float(self._axis.tau(brentq(self._slope, *bracket, xtol=1e-13)))

    def _slope(self, x: float) -> float:
        """What has the sign of the density's slope in τ."""
        panel, z, half = self._place(np.asarray(x))
        coefficients = TO_LEGENDRE @ self._values[panel[0]]
        value, slope = legendre.legval(z[0], np.stack([coefficients, np.append(legendre.legder(coefficients), 0.0)], 1))
        return float(slope / half[0] - value * (1.0 if self._axis.logarithmic else np.tanh(x)))

    def _place(self, x: FloatArray) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
        """The panels that hold ``x``, raveled; where in them, in −1 to 1; and half their widths."""
        x = x.ravel()
        panel = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.edges) - 2)
        half = 0.5 * (self.edges[panel + 1] - self.edges[panel])
        return panel, np.clip((x - self.edges[panel]) / half - 1.0, -1.0, 1.0), half


def integrate_tau(
    log_likelihood: Function,
    prior: Prior,
    scale: float,
    functions: Function | None = None,
    tolerance: float = TOLERANCE,
) -> TauPosterior:
    """The posterior of τ under ``prior``.

    ``log_likelihood``: of an array of τ, shape (j,), with the effects integrated out; ``scale``: the τ that is
    typical of the problem (such as the studies' standard error), where linear turns into logarithmic spacing;
    ``functions``: further functions of τ, (j,) → (j, f), whose expectations shall be as accurate, in units of
    their own spread.

    Raises ``DataError`` where the posterior is improper (its density doesn't fall fast enough as τ grows) and
    ``NotConverged`` where the panels can't settle it.
    """
    axis = tau_axis(prior, scale)

    def log_density(x: FloatArray) -> FloatArray:
        tau = axis.tau(x)
        with np.errstate(over="ignore", invalid="ignore"):
            log = log_likelihood(tau) + prior.logpdf(tau) + axis.log_jacobian(x)
        return np.where(np.isnan(log), -np.inf, log)

    span = _span(log_density, log_likelihood, prior, axis)
    inner = axis.x(_edges_within(prior))
    inner = inner[(inner > span.low) & (inner < span.high)]
    edges = np.unique(np.concatenate([np.linspace(span.low, span.high, _FIRST_PANELS + 1), inner]))
    left, right = edges[:-1], edges[1:]
    settled: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    total = 0.0
    spread: FloatArray | None = None
    centre: FloatArray = np.zeros(0)
    while True:
        half = 0.5 * (right - left)
        x = (0.5 * (left + right))[:, None] + half[:, None] * NODES
        value = np.exp(log_density(x.ravel()).reshape(x.shape) - span.top)
        tau = axis.tau(x)
        apart = half[:, None] * (KRONROD - GAUSS) * value
        mass = half[:, None] * KRONROD * value
        total = sum(float((0.5 * (b - a) * (v @ KRONROD)).sum()) for a, b, v in settled) + float(mass.sum())
        if not total > 0:
            raise NotConverged("the posterior of τ is 0 wherever it was looked at; check the prior against the data")
        worst = np.abs(apart.sum(axis=1)) / total
        if functions is not None:
            with np.errstate(over="ignore"):
                extra = np.asarray(functions(tau.ravel())).reshape(*x.shape, -1)
            if spread is None:
                weight = (mass / mass.sum())[:, :, None]
                centre = (weight * extra).sum(axis=(0, 1))
                spread = np.sqrt((weight * (extra - centre) ** 2).sum(axis=(0, 1))) + 1e-12 * np.abs(centre) + 1e-300
            off = np.abs((apart[:, :, None] * (extra - centre)).sum(axis=1)) / (total * spread)
            # What rounding makes of a function that is all but constant is no reason to halve.
            noise = 1e-14 * (mass[:, :, None] * np.abs(extra)).sum(axis=1) / (total * spread)
            worst = np.maximum(worst, (off - noise).max(axis=1))
        well = worst <= tolerance
        full = 2 * np.count_nonzero(~well) + len(settled) > _MOST_PANELS
        well |= full | (half < 1e-13 * np.maximum(1.0, np.abs(left)))
        settled.extend(zip(left[well, None], right[well, None], value[well, None], strict=True))
        if well.all():
            break
        middle = 0.5 * (left + right)[~well]
        left, right = np.concatenate([left[~well], middle]), np.concatenate([middle, right[~well]])
    parts = [np.concatenate(part) for part in zip(*settled, strict=True)]
    return _assemble(parts[0], parts[1], parts[2], span, prior, axis)


def tau_axis(prior: Prior, scale: float) -> Axis:
    """Linear near 0 where the prior's density is a whole power of τ there, else logarithmic."""
    if prior.proper:
        typical = float(prior.quantile(0.5))
        scale = min(scale, typical) if typical > 0 else scale
    if prior.support[0] > 0:
        return Axis(scale, logarithmic=False)
    near = scale * np.array([1e-9, 1e-10, 1e-13, 1e-14])
    with np.errstate(all="ignore"):
        log = prior.logpdf(near)
        powers = (log[::2] - log[1::2]) / np.log(10.0)
    whole = np.all(np.isfinite(log)) and np.all(np.abs(powers - np.round(powers[0])) < 1e-6) and powers[0] > -0.5
    return Axis(scale, logarithmic=not whole)


@dataclass(frozen=True, slots=True)
class _Span:
    """Where in x the density isn't negligible, the logarithm of its maximum, and what lies beyond both ends.

    ``before`` and ``after`` are masses relative to exp(top); ``tail`` is as in ``TauPosterior``.
    """

    low: float
    high: float
    top: float
    before: float
    after: float
    tail: float


def _span(log_density: Function, log_likelihood: Function, prior: Prior, axis: Axis) -> _Span:
    limits = [max(bound, 0.0) for bound in prior.support]
    bounded = np.isfinite(limits[1])
    lowest = _flat_below(log_likelihood, axis.scale) if axis.logarithmic else limits[0]
    start = float(axis.x(lowest))
    end = float(axis.x(limits[1])) if bounded else start + 45.0 + max(-start, 0.0)
    marks = _landmarks(prior)
    near = start + np.minimum(end - start, 1.0) * np.logspace(-12, 0, 13)
    grid = np.concatenate([near, np.arange(start, end, 0.5), np.linspace(start, end, 21), axis.x(marks)])
    grid = np.unique(grid[(grid >= start) & (grid <= end)])
    heights = log_density(grid)
    if not bounded and heights[-1] > heights.max() - _NEGLIGIBLE:
        # The density falls slowly, or not at all.
        far = float(axis.x(_LARGEST_TAU))
        if far > end:
            more = np.linspace(end, far, 301)[1:]
            grid, heights = np.concatenate([grid, more]), np.concatenate([heights, log_density(more)])
    if not np.isfinite(heights.max()):
        raise NotConverged("likelihood times prior is 0 or infinite wherever τ was tried; check the prior and the data")
    for _ in range(3):
        best = int(np.argmax(heights))
        around = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 25)[1:-1]
        grid, place = np.unique(np.concatenate([grid, around]), return_index=True)
        heights = np.concatenate([heights, log_density(around)])[place]
    top = float(heights.max())
    seen = np.flatnonzero(heights > top - _NEGLIGIBLE)
    first, last = int(seen[0]), int(seen[-1])
    if not bounded and last == len(grid) - 1 and not prior.proper:
        raise DataError(
            f"the posterior of τ is improper: under the prior {prior.describe()} its density doesn't fall as τ grows, since "
            "there are too few studies; give a proper prior for τ"
        )
    if not bounded:
        # Moments reach further out than probabilities.
        with np.errstate(divide="ignore"):
            log_tau = np.log(axis.tau(grid))
        for power in (2.0, 1.0):
            moment = heights + power * log_tau
            near_top = np.flatnonzero(moment > moment.max() - _NEGLIGIBLE)
            if near_top[-1] < len(grid) - 1:
                last = max(last, int(near_top[-1]))
                break
    low = float(grid[first - 1]) if first > 0 else start
    high = float(grid[last + 1]) if last < len(grid) - 1 else float(grid[-1])
    before = after = 0.0
    tail = np.inf
    if not bounded:
        slopes = np.diff(log_density(np.array([high - 0.02, high - 0.01, high]))) / 0.01
        # A density that falls faster and faster has no power; two slopes apart tell.
        tail = float(-slopes[1]) if abs(slopes[1] - slopes[0]) < 1e-3 * abs(slopes[1]) else np.inf
        tail = round(tail) if np.isfinite(tail) and abs(tail - round(tail)) < 1e-6 else tail
        if last == len(grid) - 1:
            beyond = float(axis.tau(high))
            share = 1.0 - float(prior.cdf(beyond))
            after = share * float(np.exp(log_likelihood(np.array([beyond]))[0] - top)) if share > 0 else 0.0
            tail = 0.0
    if axis.logarithmic and first == 0:
        share = float(prior.cdf(axis.tau(low)))
        before = share * float(np.exp(log_likelihood(np.array([lowest]))[0] - top))
    return _Span(low, high, top, before, after, tail)


def _flat_below(log_likelihood: Function, scale: float) -> float:
    """The τ below which the likelihood is that of τ = 0 to rounding."""
    tried = scale * np.logspace(-6, -60, 28)
    with np.errstate(all="ignore"):
        at = log_likelihood(np.concatenate([[0.0], tried]))
    flat = np.flatnonzero(np.abs(at[1:] - at[0]) <= 4e-16 * (10.0 + np.abs(at[0])))
    return float(tried[flat[0]] if len(flat) else tried[-1])


def _landmarks(prior: Prior) -> FloatArray:
    """Values of τ that show where a proper prior's mass lies, be it ever so narrow."""
    if isinstance(prior, Mixture):
        return np.concatenate([_landmarks(part) for part in prior.components])
    if isinstance(prior, OnVariance):
        return np.sqrt(_landmarks(prior.prior))
    if not prior.proper:
        return np.zeros(0)
    return np.maximum(np.asarray(prior.quantile(_LANDMARKS)), 0.0)


def _edges_within(prior: Prior) -> FloatArray:
    """Where panels must not reach across: jumps and spikes of a mixture's components."""
    if isinstance(prior, OnVariance):
        return np.sqrt(_edges_within(prior.prior))
    if not isinstance(prior, Mixture):
        return np.zeros(0)
    ends = [end for part in prior.components for end in part.support if 0 < end < np.inf]
    spread = [_landmarks(part) for part in prior.components if not isinstance(part, Uniform)]
    return np.unique(np.concatenate([*spread, ends]))


def _assemble(
    left: FloatArray, right: FloatArray, value: FloatArray, span: _Span, prior: Prior, axis: Axis
) -> TauPosterior:
    order = np.argsort(left)
    left, right, value = left[order], right[order], value[order]
    half = 0.5 * (right - left)
    mass, coarse = half[:, None] * KRONROD * value, half[:, None] * GAUSS * value
    x = (0.5 * (left + right))[:, None] + half[:, None] * NODES
    total = float(mass.sum()) + span.before + span.after
    coefficients = TO_LEGENDRE @ (value / total).T
    # What the polynomials leave out is of the size of their last coefficients.
    interpolated = float((half * np.abs(coefficients[-3:]).sum(axis=0)).max()) / COUNT
    tau = axis.tau(x)
    density = value / total / axis.jacobian(tau)
    before, after = [span.before / total][: span.before > 0], [span.after / total][: span.after > 0]
    edges = np.append(left, right[-1])
    ends = axis.tau(edges[[0, -1]])
    at_ends = [float(end) for end, there in zip(ends, (before, after), strict=True) if there]
    nodes = np.concatenate([ends[:1][: len(before)], tau.ravel(), ends[1:][: len(after)]])
    at_edges = np.concatenate([[0.0], np.cumsum(mass.sum(axis=1))]) / total + sum(before)
    if not after:
        at_edges[-1] = 1.0
    with np.errstate(all="ignore"):
        beyond = np.exp(prior.logpdf(np.array(at_ends)))
    return TauPosterior(
        tau=nodes,
        weights=np.concatenate([before, (mass / total).ravel(), after]),
        gauss=np.concatenate([before, (coarse / total).ravel(), after]),
        log_evidence=float(np.log(total)) + span.top,
        density=np.concatenate([beyond[: len(before)], density.ravel(), beyond[len(before) :]]),
        edges=edges,
        error=float(np.abs((mass - coarse).sum(axis=1)).sum()) / total + interpolated + 1e-15,
        tail=span.tail,
        prior=prior,
        _axis=axis,
        _values=value / total,
        _integrals=value @ CUMULATE.T / total,
        _at_edges=at_edges,
        _panels=slice(len(before), len(before) + x.size),
    )
