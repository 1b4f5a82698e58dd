"""The posterior of τ by adaptive quadrature, and as nodes and weights for everything that depends on τ.

With x = arsinh(τ/s) the density is smooth, linear in τ near 0 and exponentially decaying in the tail. The line is cut into
panels; on each, the 21 nodes of Gauss–Kronrod hold the 10 of Gauss, so every integral comes twice, and the difference
bounds its error (Piessens et al. 1983, QUADPACK). Panels are halved until the differences are small, also for the
functions of τ that the caller names. The nodes are the components of a mixture whose weights are the posterior masses;
the Gauss weights, 0 at the other nodes, give every result its error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError, NotConverged
from equipoise.synthesis.bayes.priors import Prior

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-9
"""The relative difference between the two rules at which a panel is left alone."""
_NEGLIGIBLE = 40.0
"""How far, in logarithms, below its maximum the density is taken as 0."""
_MOST_PANELS = 2000

# Gauss–Kronrod 10–21 (QUADPACK's qk21): positive nodes in descending order, Gauss at the odd places.
_HALF = (
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452,
    0.930157491355708226001207180059508, 0.865063366688984510732096688423493,
    0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784,
    0.294392862701460198131126603103866, 0.148874338981631210884826001129720,
)  # fmt: skip
_KRONROD_HALF = (
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390,
    0.054755896574351996031381300244580, 0.075039674810919952767043140916190,
    0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707,
    0.142775938577060080797094273138717, 0.147739104901338491374841515972068,
)  # fmt: skip
_KRONROD_CENTRE = 0.149445554002916905664936468389821
_GAUSS_HALF = (
    0.066671344308688137593568809893332, 0.149451349150580593145863396957658,
    0.219086362515982043995534934228163, 0.269266719309996355091226921569469,
    0.295524224714752870173815619188769,
)  # fmt: skip


def _rule() -> tuple[FloatArray, FloatArray, FloatArray]:
    half = np.array(_HALF)
    nodes = np.concatenate([-half, [0.0], half[::-1]])
    kronrod = np.concatenate([_KRONROD_HALF, [_KRONROD_CENTRE], _KRONROD_HALF[::-1]])
    gauss_half = np.zeros(10)
    gauss_half[1::2] = _GAUSS_HALF
    gauss = np.concatenate([gauss_half, [0.0], gauss_half[::-1]])
    return nodes, kronrod, gauss


NODES, KRONROD, GAUSS = _rule()


@dataclass(frozen=True, slots=True, eq=False)
class TauPosterior:
    """The posterior of τ, and the nodes at which what depends on τ is to be computed.

    ``tau``: shape (J,), ascending; ``weights``: (J,), posterior masses, sum 1; ``gauss``: (J,), those of the coarser
    rule, whose results differ from the finer rule's by more than these err. ``log_evidence``: the logarithm of the
    integral of likelihood times prior. ``density``: (J,), of τ at the nodes. ``edges``: (panels + 1,), in
    x = arsinh(τ/scale); ``error``: of probabilities of τ.
    """

    tau: FloatArray
    weights: FloatArray
    gauss: FloatArray
    log_evidence: float
    density: FloatArray
    edges: FloatArray
    scale: float
    error: float
    _coefficients: FloatArray = field(repr=False)
    _masses: FloatArray = field(repr=False)

    def expect(self, values: ArrayLike) -> FloatArray:
        """E of a function given at the nodes, shape (J, …)."""
        return np.asarray(np.tensordot(self.weights, np.asarray(values, dtype=float), axes=1))

    def error_of(self, values: ArrayLike) -> FloatArray:
        """A bound on the error of ``expect(values)``: how far the coarser rule is off."""
        return np.asarray(np.abs(np.tensordot(self.weights - self.gauss, np.asarray(values, dtype=float), axes=1)))

    @property
    def mean(self) -> float:
        """E τ; infinite tails make it inaccurate or infinite, which ``error_of(tau)`` shows."""
        return float(self.expect(self.tau))

    @property
    def sd(self) -> float:
        """The standard deviation of τ."""
        return float(np.sqrt(self.expect((self.tau - self.mean) ** 2)))

    def pdf(self, tau: ArrayLike) -> FloatArray:
        """The density of τ, by the panels' polynomials."""
        t = np.asarray(tau, dtype=float)
        x = np.arcsinh(t / self.scale)
        panel, z, width = self._locate(x)
        value = np.polynomial.legendre.legval(z, self._coefficients[:, panel], tensor=False)
        inside = (x >= self.edges[0]) & (x <= self.edges[-1])
        jacobian = 1.0 / np.sqrt(self.scale**2 + t * t)
        return np.where(inside, np.maximum(value, 0.0) * jacobian, 0.0)

    def cdf(self, tau: ArrayLike) -> FloatArray:
        """The distribution function of τ."""
        t = np.asarray(tau, dtype=float)
        with np.errstate(over="ignore"):
            x = np.clip(np.arcsinh(np.maximum(t, 0.0) / self.scale), self.edges[0], self.edges[-1])
        panel, z, width = self._locate(x)
        antiderivative = np.polynomial.legendre.legint(self._coefficients, lbnd=-1.0)
        part = np.polynomial.legendre.legval(z, antiderivative[:, panel], tensor=False) * width / 2.0
        before = np.concatenate([[0.0], np.cumsum(self._masses)])
        return np.clip(before[panel] + part, 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """The value below which a share ``p`` of the probability lies."""
        p = np.asarray(p, dtype=float)
        if np.any((p < 0) | (p > 1)):
            raise DataError(f"a probability lies between 0 and 1, not at {p.min() if p.min() < 0 else p.max():g}")
        low = np.full(p.shape, self.edges[0])
        high = np.full(p.shape, self.edges[-1])
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = self.cdf(self.scale * np.sinh(middle)) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(self.scale * np.sinh(0.5 * (low + high)))

    def shortest_interval(self, level: float = 0.95) -> tuple[float, float]:
        """The shortest interval that holds ``level`` of the probability."""
        return shortest_interval(self.quantile, level)

    @property
    def mode(self) -> float:
        """Where the density is highest."""
        best = int(np.argmax(self.density))
        low = self.tau[best - 1] if best > 0 else max(0.0, self.scale * float(np.sinh(self.edges[0])))
        high = self.tau[best + 1] if best + 1 < len(self.tau) else self.tau[best]
        for _ in range(12):
            grid = np.linspace(low, high, 41)
            place = int(np.argmax(self.pdf(grid)))
            low, high = grid[max(place - 1, 0)], grid[min(place + 1, 40)]
        return float(0.5 * (low + high)) if low > 0 else float(low)

    def _locate(self, x: FloatArray) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
        panel = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.edges) - 2)
        width = self.edges[panel + 1] - self.edges[panel]
        z = np.clip(2.0 * (x - self.edges[panel]) / width - 1.0, -1.0, 1.0)
        return panel, z, width


def shortest_interval(quantile: Callable[[ArrayLike], FloatArray], level: float) -> tuple[float, float]:
    """The shortest interval of a distribution with one mode: the tail that is left out below, found by refinement."""
    if not 0 < level < 1:
        raise DataError(f"level = {level}: a probability between 0 and 1 is needed, such as 0.95")
    low, high = 0.0, 1.0 - level
    for _ in range(9):
        tails = np.linspace(low, high, 21)
        ends = quantile(np.concatenate([tails, tails + level]))
        lengths = ends[21:] - ends[:21]
        best = int(np.nanargmin(np.where(np.isfinite(lengths), lengths, np.inf)))
        low, high = tails[max(best - 1, 0)], tails[min(best + 1, 20)]
        found = float(ends[best]), float(ends[21 + best])
    return found


def integrate_tau(
    log_likelihood: Callable[[FloatArray], FloatArray],
    prior: Prior,
    scale: float,
    functions: Callable[[FloatArray], FloatArray] | None = None,
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

    def log_density(x: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            tau = scale * np.sinh(x)
            # cosh is the Jacobian
            log = log_likelihood(tau) + prior.logpdf(tau) + np.log(scale) + np.logaddexp(x, -x) - np.log(2.0)
        return np.where(np.isnan(log), -np.inf, log)

    low, high, top = _range(log_density, prior, scale)
    edges = np.linspace(low, high, 11)
    left, right = edges[:-1], edges[1:]
    done: list[tuple[FloatArray, ...]] = []
    pending_extra = functions
    total = 0.0
    spread: FloatArray | None = None
    for _ in range(60):
        half = 0.5 * (right - left)
        x = (0.5 * (left + right))[:, None] + half[:, None] * NODES
        value = np.exp(log_density(x.ravel()).reshape(x.shape) - top)
        mass = half[:, None] * KRONROD * value
        coarse = half[:, None] * GAUSS * value
        difference = np.abs((mass - coarse).sum(axis=1))
        total = sum(float(part[2].sum()) for part in done) + float(mass.sum())
        if not total > 0:
            raise NotConverged("the posterior of τ is 0 wherever it was looked at; check the prior against the data")
        worst = difference / total
        if pending_extra is not None:
            with np.errstate(over="ignore"):
                extra = np.asarray(pending_extra(scale * np.sinh(x.ravel()))).reshape(*x.shape, -1)
            if spread is None:
                weight = (mass / mass.sum())[:, :, None]
                centre = (weight * extra).sum(axis=(0, 1))
                spread = np.sqrt((weight * (extra - centre) ** 2).sum(axis=(0, 1))) + 1e-12 * np.abs(centre) + 1e-300
            off = np.abs(((mass - coarse)[:, :, None] * (extra - centre)).sum(axis=1)) / (total * spread)
            worst = np.maximum(worst, off.max(axis=1))
        settled = worst <= tolerance
        if settled.any():
            done.append((left[settled], right[settled], mass[settled], coarse[settled], value[settled], x[settled]))
        if settled.all():
            break
        middle = 0.5 * (left + right)[~settled]
        left, right = np.concatenate([left[~settled], middle]), np.concatenate([middle, right[~settled]])
        if len(left) + sum(len(part[0]) for part in done) > _MOST_PANELS or np.min(right - left) < 1e-10:
            done.append((left, right, *_last(log_density, top, left, right)))
            break
    return _assemble(done, top, scale)


def _last(
    log_density: Callable[[FloatArray], FloatArray], top: float, left: FloatArray, right: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Panels that aren't to be halved any further: what is left of a singularity or a jump."""
    half = 0.5 * (right - left)
    x = (0.5 * (left + right))[:, None] + half[:, None] * NODES
    value = np.exp(log_density(x.ravel()).reshape(x.shape) - top)
    return half[:, None] * KRONROD * value, half[:, None] * GAUSS * value, value, x


def _range(log_density: Callable[[FloatArray], FloatArray], prior: Prior, scale: float) -> tuple[float, float, float]:
    """Where in x the density isn't negligible, and the logarithm of about its maximum."""
    with np.errstate(over="ignore"):
        limits = [max(bound, 0.0) for bound in prior.support]
    start = float(np.arcsinh(limits[0] / scale))
    bounded = np.isfinite(limits[1])
    end = float(np.arcsinh(limits[1] / scale)) if bounded else 45.0
    # Also at logarithmic distances from the start: a prior may have all its mass far below the scale.
    near = start + np.minimum(end - start, 1.0) * np.logspace(-12, 0, 37)
    grid = np.unique(np.concatenate([[start], near, np.linspace(start, end, 181)[1:]]))
    if bounded:
        grid = grid[grid < end]
        grid = np.append(grid, end - 1e-9 * (end - start))
    heights = log_density(grid)
    if not np.isfinite(heights.max()) or np.isposinf(heights).any():
        raise NotConverged("likelihood times prior is 0 or infinite wherever τ was tried; check the prior and the data")
    for _ in range(4):
        best = int(np.argmax(heights))
        around = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 17)
        more = log_density(around)
        grid, place = np.unique(np.concatenate([grid, around]), return_index=True)
        heights = np.concatenate([heights, more])[place]
    top = float(heights.max())
    seen = np.flatnonzero(heights > top - _NEGLIGIBLE)
    first, last = int(seen[0]), int(seen[-1])
    if not bounded and last == len(grid) - 1:
        raise DataError(
            f"the posterior of τ is improper: under the prior {prior.describe()} its density doesn't fall as τ grows, since "
            "there are too few studies; give a proper prior for τ"
        )
    low = float(grid[first - 1]) if first > 0 else start
    high = end if bounded and last == len(grid) - 1 else float(grid[last + 1])
    return low, high, top


def _assemble(done: list[tuple[FloatArray, ...]], top: float, scale: float) -> TauPosterior:
    left, right, mass, coarse, value, x = (np.concatenate(parts) for parts in zip(*done, strict=True))
    order = np.argsort(left)
    left, right, mass, coarse, value, x = (part[order] for part in (left, right, mass, coarse, value, x))
    total = float(mass.sum())
    error = float(np.abs((mass - coarse).sum(axis=1)).sum()) / total
    # Legendre coefficients of each panel's density in x, from its values at the nodes.
    coefficients = _TO_LEGENDRE @ (value / total).T
    tau = scale * np.sinh(x)
    density = value / total / np.sqrt(scale**2 + tau**2)
    return TauPosterior(
        tau=tau.ravel(),
        weights=(mass / total).ravel(),
        gauss=(coarse / total).ravel(),
        log_evidence=float(np.log(total)) + top,
        density=density.ravel(),
        edges=np.append(left, right[-1]),
        scale=scale,
        error=error,
        _coefficients=coefficients,
        _masses=mass.sum(axis=1) / total,
    )


def _to_legendre() -> FloatArray:
    """From values at the Kronrod nodes to the coefficients of Legendre polynomials of degree ≤ 15 (least squares).

    The Kronrod weights make the polynomials orthogonal up to degree 31, so that the first 16 come by projection.
    """
    degrees = np.arange(16)
    basis = np.polynomial.legendre.legvander(NODES, 15)
    return np.asarray((basis * KRONROD[:, None]).T * ((2 * degrees + 1) / 2.0)[:, None])


_TO_LEGENDRE = _to_legendre()
