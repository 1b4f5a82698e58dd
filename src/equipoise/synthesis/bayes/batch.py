"""Posteriors of many comparisons at once, under one prior.

The nodes of all analyses are worked on together: panels of one Gauss–Kronrod rule between the ends of each analysis's own
density, more of them where the two rules differ. What that doesn't settle (heavy tails, mixtures as priors) is done one
by one by `pair.posterior`, so that every analysis has the accuracy that it has alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.bayes.kronrod import COUNT, CUMULATE, GAUSS, KRONROD, NODES, solve
from equipoise.synthesis.bayes.pair import PairPosterior, posterior
from equipoise.synthesis.bayes.priors import LOG_2PI, Flat, Normal, OnVariance, Prior, check_heterogeneity_prior
from equipoise.synthesis.bayes.priors import Mixture as MixturePrior
from equipoise.synthesis.bayes.quadrature import TOLERANCE, tau_axis
from equipoise.synthesis.pairwise.pooling import check_level

FloatArray = NDArray[np.float64]

_BLOCK = 512
"""Analyses in a block, whose nodes stay in the processor's cache."""
_PANELS = (4, 8, 16, 32)
_NEGLIGIBLE = 38.0


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """What the quadrature found for m analyses with p panels: arrays (m, p·21), edges (m, p + 1)."""

    rows: NDArray[np.intp]
    tau: FloatArray
    weights: FloatArray
    means: FloatArray
    variances: FloatArray
    values: FloatArray
    edges: FloatArray
    scale: FloatArray
    logarithmic: bool
    log_evidence: FloatArray
    error: FloatArray


@dataclass(frozen=True, eq=False)
class PosteriorMany:
    """Posteriors of n analyses; every array has shape (n,), on the scale of the estimates.

    ``estimate`` and ``se`` are the posterior mean and standard deviation of μ; ``error`` bounds the error of
    probabilities; ``log_evidence`` is NaN where a prior is improper. An analysis of no study is NaN throughout.
    """

    level: float
    heterogeneity_prior: Prior
    effect_prior: Prior
    k: NDArray[np.int64]
    estimate: FloatArray
    se: FloatArray
    tau_mean: FloatArray
    tau_sd: FloatArray
    log_evidence: FloatArray
    error: FloatArray
    _nodes: tuple[_Nodes, ...] = field(repr=False)
    _single: Mapping[int, PairPosterior] = field(repr=False)

    def effect_quantile(self, p: ArrayLike) -> FloatArray:
        """Quantiles of μ, (n,) followed by the shape of ``p``."""
        return self._quantile(p, new=False)

    def prediction_quantile(self, p: ArrayLike) -> FloatArray:
        """Quantiles of the true effect in a new study, (n,) followed by the shape of ``p``."""
        return self._quantile(p, new=True)

    def tau_quantile(self, p: ArrayLike) -> FloatArray:
        """Quantiles of τ, (n,) followed by the shape of ``p``."""
        p = np.asarray(p, dtype=float)
        result = np.full((len(self.k), p.size), np.nan)
        for row, single in self._single.items():
            result[row] = single.tau.quantile(p.ravel())
        for nodes in self._nodes:
            result[nodes.rows] = _tau_quantiles(nodes, p.ravel())
        return result.reshape(len(self.k), *p.shape)

    @cached_property
    def ci(self) -> tuple[FloatArray, FloatArray]:
        """The ends of the intervals of μ between equal tails, (n,) each."""
        return self._ends(self.effect_quantile)

    @cached_property
    def prediction(self) -> tuple[FloatArray, FloatArray]:
        """The ends of the prediction intervals between equal tails, (n,) each."""
        return self._ends(self.prediction_quantile)

    @cached_property
    def tau_interval(self) -> tuple[FloatArray, FloatArray]:
        """The ends of the intervals of τ between equal tails, (n,) each."""
        return self._ends(self.tau_quantile)

    @cached_property
    def tau_median(self) -> FloatArray:
        """The medians of τ."""
        return self.tau_quantile(0.5)

    def probability(self, low: float = -np.inf, high: float = np.inf) -> FloatArray:
        """The probabilities that μ lies between ``low`` and ``high``."""
        result = np.full(len(self.k), np.nan)
        for row, single in self._single.items():
            result[row] = single.probability(low, high)
        for nodes in self._nodes:
            sds = np.sqrt(nodes.variances)
            inside = ndtr((high - nodes.means) / sds) - ndtr((low - nodes.means) / sds)
            result[nodes.rows] = (nodes.weights * inside).sum(axis=1)
        return result

    def to_frame(self) -> Any:
        """One row an analysis."""
        return make_frame(
            {
                "k": self.k,
                "estimate": self.estimate,
                "se": self.se,
                "ci_low": self.ci[0],
                "ci_high": self.ci[1],
                "tau_mean": self.tau_mean,
                "tau_median": self.tau_median,
                "prediction_low": self.prediction[0],
                "prediction_high": self.prediction[1],
                "log_evidence": self.log_evidence,
                "error": self.error,
            }
        )

    def _ends(self, quantile: Any) -> tuple[FloatArray, FloatArray]:
        both = quantile(np.array([(1.0 - self.level) / 2.0, (1.0 + self.level) / 2.0]))
        return both[:, 0], both[:, 1]

    def _quantile(self, p: ArrayLike, new: bool) -> FloatArray:
        p = np.asarray(p, dtype=float)
        if np.any(~((p > 0) & (p < 1))):
            raise DataError("a probability lies between 0 and 1")
        result = np.full((len(self.k), p.size), np.nan)
        for row, single in self._single.items():
            result[row] = (single.new_effect if new else single.effect).quantile(p.ravel())
        for nodes in self._nodes:
            spread = nodes.variances + nodes.tau**2 if new else nodes.variances
            result[nodes.rows] = _mixture_quantiles(nodes.weights, nodes.means, np.sqrt(spread), p.ravel())
        return result.reshape(len(self.k), *p.shape)


def posterior_many(
    estimates: Any,
    variances: Any,
    prior: Prior,
    effect_prior: Prior | None = None,
    *,
    level: float = 0.95,
    tolerance: float = TOLERANCE,
) -> PosteriorMany:
    """The posteriors of n analyses under the same priors of τ and μ (flat when not given).

    ``estimates`` and ``variances`` are arrays (n, k), missing studies NaN, or sequences of n sequences. Raises
    ``DataError`` for a variance that isn't positive, naming the analysis, and where a posterior is improper.
    """
    check_level(level)
    prior = check_heterogeneity_prior(prior)
    effect = Flat() if effect_prior is None else effect_prior
    y, v = _padded(estimates), _padded(variances)
    if y.shape != v.shape:
        raise DataError(f"estimates have shape {y.shape} and variances {v.shape}; both need to be (n, k)")
    there = ~(np.isnan(y) | np.isnan(v))
    bad = there & ~(np.isfinite(y) & np.isfinite(v) & (v > 0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"analysis {row + 1}, study {column + 1}: estimate {y[row, column]:g} with sampling variance "
            f"{v[row, column]:g}; the estimate must be finite and the variance positive and finite"
        )
    n = len(y)
    k = there.sum(axis=1)
    rows = np.flatnonzero(k > 0)
    together = isinstance(effect, Flat | Normal) and not isinstance(_inner(prior), MixturePrior)
    blocks = [rows[at : at + _BLOCK] for at in range(0, len(rows), _BLOCK)] if together else []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda block: _block(y, v, there, block, prior, effect, tolerance), blocks))
    nodes = tuple(part for parts, _ in done for part in parts)
    left = [int(row) for _, rest in done for row in rest] if together else [int(row) for row in rows]
    single: dict[int, PairPosterior] = {}
    for row in left:
        try:
            single[row] = posterior(
                y[row, there[row]], v[row, there[row]], heterogeneity=prior, effect=effect, tolerance=tolerance
            )
        except DataError as error:
            raise DataError(f"analysis {row + 1}: {error}") from None
    arrays = {name: np.full(n, np.nan) for name in ("estimate", "se", "tau_mean", "tau_sd", "log_evidence", "error")}
    proper = prior.proper and effect.proper
    for part in nodes:
        mean = (part.weights * part.means).sum(axis=1)
        square = (part.weights * (part.variances + (part.means - mean[:, None]) ** 2)).sum(axis=1)
        tau = (part.weights * part.tau).sum(axis=1)
        arrays["estimate"][part.rows], arrays["se"][part.rows] = mean, np.sqrt(square)
        arrays["tau_mean"][part.rows] = tau
        arrays["tau_sd"][part.rows] = np.sqrt((part.weights * (part.tau - tau[:, None]) ** 2).sum(axis=1))
        arrays["log_evidence"][part.rows] = part.log_evidence if proper else np.nan
        arrays["error"][part.rows] = part.error
    for row, one in single.items():
        values = (one.estimate, one.se, one.tau.mean, one.tau.sd, one.log_evidence, one.error)
        for name, value in zip(arrays, values, strict=True):
            arrays[name][row] = value
    return PosteriorMany(
        level=level, heterogeneity_prior=prior, effect_prior=effect, k=k, _nodes=nodes, _single=single, **arrays
    )


def _inner(prior: Prior) -> Prior:
    return _inner(prior.prior) if isinstance(prior, OnVariance) else prior


def _padded(values: Any) -> FloatArray:
    try:
        return np.atleast_2d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        pass
    if not isinstance(values, Sequence):
        raise DataError("an array (n, k) of numbers or a sequence of n sequences is needed")
    longest = max(len(row) for row in values)
    result = np.full((len(values), longest), np.nan)
    for i, row in enumerate(values):
        result[i, : len(row)] = np.asarray(row, dtype=float)
    return result


def _block(
    y: FloatArray,
    v: FloatArray,
    there: NDArray[np.bool_],
    rows: NDArray[np.intp],
    prior: Prior,
    effect: Prior,
    tolerance: float,
) -> tuple[list[_Nodes], NDArray[np.intp]]:
    """The settled analyses of a block, and the rows of those that aren't."""
    problem = _Problem.of(y[rows], v[rows], there[rows], prior, effect)
    low, high, top, fine = problem.span()
    unsettled = rows[~fine]
    found: list[_Nodes] = []
    open_ = np.flatnonzero(fine)
    for panels in _PANELS:
        if not len(open_):
            break
        nodes, well = problem.integrate(open_, low, high, top, panels, tolerance)
        found.append(_take(nodes, well, rows))
        open_ = open_[~well]
    return [part for part in found if len(part.rows)], np.concatenate([unsettled, rows[open_]])


def _take(nodes: _Nodes, chosen: NDArray[np.bool_], rows: NDArray[np.intp]) -> _Nodes:
    own = nodes.rows[chosen]
    return _Nodes(
        rows[own], nodes.tau[chosen], nodes.weights[chosen], nodes.means[chosen], nodes.variances[chosen],
        nodes.values[chosen], nodes.edges[chosen], nodes.scale[chosen], nodes.logarithmic,
        nodes.log_evidence[chosen], nodes.error[chosen],
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """m analyses in units of their own: estimates from ``centre``, both over ``unit``."""

    y: FloatArray
    v: FloatArray
    k: FloatArray
    centre: FloatArray
    unit: FloatArray
    scale: FloatArray
    logarithmic: bool
    prior: Prior
    effect: Prior

    @staticmethod
    def of(y: FloatArray, v: FloatArray, there: NDArray[np.bool_], prior: Prior, effect: Prior) -> _Problem:
        k = there.sum(axis=1)
        w = np.where(there, 1.0 / np.where(there, v, 1.0), 0.0)
        unit = np.sqrt(k / w.sum(axis=1))
        centre = (w * np.where(there, y, 0.0)).sum(axis=1) / w.sum(axis=1)
        axis = tau_axis(prior, float(np.median(unit)))
        typical = float(prior.quantile(0.5)) if prior.proper else np.inf
        # A study that isn't there has an infinite variance.
        return _Problem(
            np.where(there, (y - centre[:, None]) / unit[:, None], 0.0),
            np.where(there, v / unit[:, None] ** 2, np.inf),
            k.astype(float), centre, unit, np.minimum(unit, typical), axis.logarithmic, prior, effect,
        )  # fmt: skip

    def tau(self, x: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        """τ of x (m, j)."""
        return self.scale[rows, None] * (np.exp(x) if self.logarithmic else np.sinh(x))

    def log_density(
        self, x: FloatArray, rows: NDArray[np.intp]
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Of x (m, j), up to a constant for each analysis (which `constant` has), with τ, E(μ|τ) and var(μ|τ)."""
        tau = self.tau(x, rows)
        t2 = (tau / self.unit[rows, None]) ** 2
        total, first, second = np.zeros_like(t2), np.zeros_like(t2), np.zeros_like(t2)
        log, product = np.zeros_like(t2), np.ones_like(t2)
        y, v = self.y[rows], self.v[rows]
        for i in range(y.shape[1]):
            there = np.isfinite(v[:, i, None])
            w = 1.0 / (v[:, i, None] + t2)
            total += w
            w *= y[:, i, None]
            first += w
            w *= y[:, i, None]
            second += w
            product *= np.where(there, v[:, i, None] + t2, 1.0)
            if i % 4 == 3:  # before it overflows
                log += np.log(product)
                product.fill(1.0)
        log = -0.5 * (log + np.log(product))
        mean = first / total
        log -= 0.5 * (second - first * mean + np.log(total))
        unit, centre = self.unit[rows, None], self.centre[rows, None]
        variance = unit**2 / total
        mu = centre + unit * mean
        if isinstance(self.effect, Normal):
            whole = variance + self.effect.sd**2
            log -= 0.5 * (np.log(whole / unit**2) + (mu - self.effect.mean) ** 2 / whole)
            pull = variance / whole
            mu = mu + pull * (self.effect.mean - mu)
            variance = variance * (self.effect.sd**2 / whole)
        jacobian = x if self.logarithmic else np.logaddexp(x, -x) - np.log(2.0)
        log += self.prior.logpdf(tau) + np.log(self.scale[rows, None]) + jacobian
        return log, tau, mu, variance

    def constant(self, rows: NDArray[np.intp]) -> FloatArray:
        """What `log_density` leaves out of the log-likelihood."""
        flat = -(self.k[rows] - 1.0) * (np.log(self.unit[rows]) + 0.5 * LOG_2PI)
        return flat if not isinstance(self.effect, Normal) else flat - np.log(self.unit[rows]) - 0.5 * LOG_2PI

    def span(self) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
        """Ends in x, log of the maximum, and whether the ends are ends."""
        rows = np.arange(len(self.y))
        bottom, top_end = (max(end, 0.0) for end in self.prior.support)
        start = np.full(len(rows), -21.0) if self.logarithmic else np.arcsinh(bottom / self.scale)
        bounded = np.isfinite(top_end)
        forward = np.log if self.logarithmic else np.arcsinh
        end = forward(top_end / self.scale) if bounded else np.maximum(start, 0.0) + 20.0
        share = np.linspace(0.0, 1.0, 42 if self.logarithmic else 41)
        grid = start[:, None] + (end - start)[:, None] * share
        if bounded:  # without the end itself, where rounding decides
            grid[:, -1] -= 1e-9 * (end - start)
        height = self.log_density(grid, rows)[0]
        height = np.where(np.isnan(height), -np.inf, height)
        best = height.argmax(axis=1)
        left = np.take_along_axis(grid, np.maximum(best - 1, 0)[:, None], 1)
        right = np.take_along_axis(grid, np.minimum(best + 1, grid.shape[1] - 1)[:, None], 1)
        near = left + (right - left) * np.linspace(0.0, 1.0, 11)[1:-1]
        closer = self.log_density(near, rows)[0]
        grid, height = np.concatenate([grid, near], axis=1), np.concatenate([height, closer], axis=1)
        order = np.argsort(grid, axis=1)
        grid, height = np.take_along_axis(grid, order, 1), np.take_along_axis(height, order, 1)
        top = height.max(axis=1)
        tau2 = 2.0 * np.log(np.maximum(self.tau(grid, rows), 1e-300))
        moment = height + tau2
        seen = (height > top[:, None] - _NEGLIGIBLE) | (moment > moment.max(axis=1)[:, None] - _NEGLIGIBLE)
        last = grid.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
        first = (height > top[:, None] - _NEGLIGIBLE).argmax(axis=1)
        low = np.take_along_axis(grid, np.maximum(first - 1, 0)[:, None], 1)[:, 0]
        high = np.take_along_axis(grid, np.minimum(last + 1, grid.shape[1] - 1)[:, None], 1)[:, 0]
        fine = np.isfinite(top)
        if bounded:
            high = np.where(last == grid.shape[1] - 1, end, high)
        else:
            fine &= last < grid.shape[1] - 1
        if self.logarithmic:
            fine &= first > 0  # else a share of the probability lies below
        return low, high, top, fine

    def integrate(
        self, rows: NDArray[np.intp], low: FloatArray, high: FloatArray, top: FloatArray, panels: int, tolerance: float
    ) -> tuple[_Nodes, NDArray[np.bool_]]:
        """All of ``rows`` with that many panels, and which of them are settled."""
        edges = low[rows, None] + (high - low)[rows, None] * np.linspace(0.0, 1.0, panels + 1)
        half = 0.5 * np.diff(edges, axis=1)
        x = (edges[:, :-1] + half)[:, :, None] + half[:, :, None] * NODES
        log, tau, means, variances = self.log_density(x.reshape(len(rows), -1), rows)
        value = np.exp(log - top[rows, None]).reshape(x.shape)
        mass = half[:, :, None] * KRONROD * value
        apart = half[:, :, None] * (KRONROD - GAUSS) * value
        total = mass.sum(axis=(1, 2))
        error = np.abs(apart.sum(axis=2)) / total[:, None]
        weights = (mass / total[:, None, None]).reshape(len(rows), -1)
        # The moments of μ and of the new study, in units of their spread, have to be as accurate.
        worst = error
        centre = (weights * means).sum(axis=1)
        for extra in (means, np.log(variances), np.log(variances + tau**2)):
            middle = (weights * extra).sum(axis=1)[:, None]
            spread = np.sqrt((weights * (extra - middle) ** 2).sum(axis=1)) + 1e-12 * np.abs(centre) + 1e-300
            off = np.abs((apart * (extra - middle).reshape(x.shape)).sum(axis=2)) / (total * spread)[:, None]
            worst = np.maximum(worst, off)
        well = worst.max(axis=1) <= tolerance
        nodes = _Nodes(
            rows, tau, weights, means, variances, value / total[:, None, None], edges, self.scale[rows],
            self.logarithmic, np.log(total) + top[rows] + self.constant(rows), error.sum(axis=1) + 1e-15,
        )  # fmt: skip
        return nodes, np.asarray(well & np.isfinite(total))


def _tau_quantiles(nodes: _Nodes, p: FloatArray) -> FloatArray:
    """(m, p)."""
    half = 0.5 * np.diff(nodes.edges, axis=1)
    integrals = nodes.values @ CUMULATE.T  # (m, panels, 23)
    upto = np.concatenate([np.zeros((len(half), 1)), np.cumsum(integrals[:, :, -1] * half, axis=1)], axis=1)
    panel = np.clip((upto[:, None, :] < p[:, None]).sum(axis=2) - 1, 0, half.shape[1] - 1)
    rows = np.arange(len(half))[:, None]
    width = half[rows, panel]
    target = (p - upto[rows, panel]) / width
    z = solve(
        nodes.values[rows, panel].reshape(-1, COUNT), integrals[rows, panel].reshape(-1, COUNT + 2), target.ravel()
    ).reshape(target.shape)
    x = nodes.edges[rows, panel] + (z + 1.0) * width
    return np.asarray(nodes.scale[:, None] * (np.exp(x) if nodes.logarithmic else np.sinh(x)))


def _mixture_quantiles(weights: FloatArray, means: FloatArray, sds: FloatArray, p: FloatArray) -> FloatArray:
    """Quantiles (m, p) of m mixtures (m, j), by Halley's method inside a bracket."""
    result = np.empty((len(weights), len(p)))
    centre = (weights * means).sum(axis=1)
    spread = np.sqrt((weights * (sds**2 + (means - centre[:, None]) ** 2)).sum(axis=1))
    inverse = 1.0 / sds
    scaled = weights * inverse / np.sqrt(2.0 * np.pi)
    for column, wanted in enumerate(p):
        z = float(ndtri(wanted))
        each = means + z * sds
        low, high = each.min(axis=1), each.max(axis=1)
        x = np.clip(centre + z * spread, low, high)
        for _ in range(60):
            standard = (x[:, None] - means) * inverse
            off = (weights * ndtr(standard)).sum(axis=1) - wanted
            density = scaled * np.exp(-0.5 * standard * standard)
            slope = density.sum(axis=1)
            bend = -(density * standard * inverse).sum(axis=1)
            low, high = np.where(off < 0, x, low), np.where(off < 0, high, x)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = off / slope
                step = step / np.clip(1.0 - 0.5 * step * bend / slope, 0.5, 2.0)
            new = x - step
            new = np.where((new >= low) & (new <= high), new, 0.5 * (low + high))
            moved = np.abs(new - x)
            x = new
            if np.all(moved <= 1e-11 * spread):
                break
        result[:, column] = x
    return result
