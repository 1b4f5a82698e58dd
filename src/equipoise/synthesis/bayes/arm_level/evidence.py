"""The log-likelihood of a network of arms in the basic parameters d and τ, study baselines and random effects gone.

Studies with two arms are curves of their contrast (``integrals.Curves``), tabulated once; those with more arms are
integrated where they are asked for. Everything is vectorised over points (d, τ).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, RectBivariateSpline

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.curves import Curves, smoothed, tabulate, tabulate_closely
from equipoise.synthesis.bayes.arm_level.integrals import COARSE, MIDDLE, IntArray, study_terms, study_values
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood
from equipoise.synthesis.bayes.arm_level.polynomials import chebyshev_products, exponents
from equipoise.synthesis.bayes.arm_level.wide_studies import wide_values
from equipoise.synthesis.bayes.priors import Flat, Normal, Prior

_WIDTH = 14.0
"""How many standard errors a study's curve reaches to either side."""
_LOG_2PI = float(np.log(2.0 * np.pi))
_CHEBYSHEV = 17
_NEWTON = 30
_CLOSE = 1e-3
_BREAK = 0.5
"""How much of its width a break, or a bend at a bound, is smoothed by, at least, where modes are sought: the curvature at a kink
is no measure of how far a posterior reaches."""
_ROUGH = 0.01
"""By how much coarse integrals may contradict their own gradient."""
PosteriorTerms = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]]
"""Of d, shape (b, parameters), and τ, (b,): a logarithm with its gradient and Hessian."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A network's arms, ready for integration.

    ``likelihood``: arms, shape (arms,); ``treatment``: (arms,), indices; ``blocks``: for each number of arms m the
    arms' positions, shape (k, m), studies' first arm first; ``count``: treatments; ``reference``: the index whose
    effect is 0; ``priors``: one of every basic parameter; ``curves``: of the block with m = 2, None where there is none.
    """

    likelihood: ArmLikelihood
    treatment: IntArray
    blocks: tuple[IntArray, ...]
    count: int
    reference: int
    priors: tuple[Prior, ...]
    curves: Curves | None = None

    @property
    def dimension(self) -> int:
        """The number of basic parameters."""
        return self.count - 1

    def design(self, block: IntArray) -> FloatArray:
        """The effects of a block's arms as a matrix on the basic parameters, shape (k, m, parameters)."""
        columns = np.delete(np.eye(self.count), self.reference, axis=1)
        return np.asarray(columns[self.treatment[block]])

    def with_curves(self, reach: FloatArray | None = None) -> Evidence:
        """With the two-arm studies tabulated, each so far that the contrasts ``reach``, shape (2, k), are inside."""
        pairs = [block for block in self.blocks if block.shape[1] == 2]
        if not pairs:
            return self
        estimate, error = self.contrasts(pairs[0])
        width = np.maximum(_WIDTH * error, 8.0 * self.scale())
        low, high = estimate - width, estimate + width
        if reach is not None:
            low, high = np.minimum(low, reach[0]), np.maximum(high, reach[1])
        # A cubic's error goes with the fourth derivative, which is about 1/error² on the scale of a logarithm.
        cells = np.max((high - low) / (0.14 * np.sqrt(error)))
        arms = self.likelihood.take(pairs[0])
        # A multiple of every stride.
        count = 120 * int(np.ceil(np.clip(cells, 120, 2400) / 120))
        if arms.bounded:
            # The nearer to 0, the sharper the bends.
            return replace(self, curves=tabulate_closely(arms, low, high, 0.5 * error, count))
        return replace(self, curves=tabulate(arms, low, high, error, count))

    def contrasts(self, block: IntArray) -> tuple[FloatArray, FloatArray]:
        """Crude estimates of two-arm studies' contrasts, and their standard errors, shape (k,)."""
        arms = self.likelihood.take(block)
        start, variance = arms.start(), 1.0 / arms.crude_precision()
        return start[:, 1] - start[:, 0], np.sqrt(variance.sum(axis=1))

    def scale(self) -> float:
        """A typical standard error of a contrast of two arms."""
        return float(np.sqrt(2.0 * np.median(1.0 / self.likelihood.crude_precision())))

    def terms(self, d: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The log-likelihood with its gradient and Hessian; ``d``: (b, parameters), ``tau``: (b,)."""
        log = np.zeros(len(d))
        first = np.zeros_like(d)
        second = np.zeros((len(d), self.dimension, self.dimension))
        for block in self.blocks:
            design = self.design(block)
            if block.shape[1] == 2 and self.curves is not None:
                contrast = design[:, 1] - design[:, 0]
                value, slope, bend = smoothed(self.curves, d @ contrast.T, tau, _BREAK)
                first += slope @ contrast
                pairs = contrast[:, :, None] * contrast[:, None, :]
                second += np.tensordot(bend, pairs, axes=1)
            else:
                arms = self.likelihood.take(block)
                spread = np.maximum(tau, _BREAK * _edge(arms))
                value, slope, bend = study_terms(arms, np.einsum("kmp,bp->bkm", design, d), spread, COARSE)
                first += np.einsum("bkm,kmp->bp", slope, design)
                second += np.einsum("bkmn,kmp,knq->bpq", bend, design, design, optimize=True)
            log += value.sum(axis=1)
        return log, first, second

    def start(self, tau: float) -> FloatArray:
        """Basic parameters by weighted least squares of the arms' crude estimates, shape (parameters,)."""
        crude = self.likelihood.start()
        weight = 1.0 / (1.0 / self.likelihood.crude_precision() + 0.5 * tau * tau)
        matrix = 1e-3 * np.eye(self.dimension)
        right = np.zeros(self.dimension)
        for block in self.blocks:
            design, w = self.design(block), weight[block]
            share = w / w.sum(axis=1, keepdims=True)
            centred = design - np.einsum("km,kmp->kp", share, design)[:, None]
            matrix += np.einsum("km,kmp,kmq->pq", w, centred, centred)
            right += np.einsum("km,kmp,km->p", w, centred, crude[block])
        return np.asarray(np.linalg.solve(matrix, right))

    def modes(self, tau: FloatArray, start: FloatArray) -> Modes:
        """The posterior modes of d at every τ; ``start``: (b, parameters)."""
        return newton_modes(self._posterior, tau, start)

    def _posterior(self, d: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        log, first, second = self.terms(d, tau)
        value, slope, bend = prior_terms(self.priors, d)
        place = np.arange(self.dimension)
        second[:, place, place] += bend
        return log + value.sum(axis=1), first + slope, second

    def values(self, d: FloatArray, tau: float, rough: bool = False) -> tuple[FloatArray, float]:
        """The log-likelihood at many d, shape (points, parameters), for one τ, and a bound of its error.

        Every study's term is a polynomial in its contrasts, fitted over the range of the points; with
        ``rough`` of a lower degree.
        """
        total, error = np.zeros(len(d)), 0.0
        for block in self.blocks:
            design = self.design(block)
            if block.shape[1] == 2 and self.curves is not None:
                total += _two_arms(self.curves, d @ (design[:, 1] - design[:, 0]).T, tau, self.contrasts(block)[0])
            else:
                value, off = _more_arms(self.likelihood.take(block), np.einsum("kmp,bp->kbm", design, d), tau, rough)
                total += value
                error += off
        return total, error

    def log_prior(self, d: FloatArray) -> FloatArray:
        """The logarithm of the prior density of d, shape (points,)."""
        return np.asarray(prior_terms(self.priors, d)[0].sum(axis=1))

    def reaching(self, tau: FloatArray, modes: Modes, likely: NDArray[np.bool_]) -> Evidence:
        """With the two-arm studies' curves extended to where the contrasts are at the ``likely`` ones of the τ."""
        pairs = [block for block in self.blocks if block.shape[1] == 2]
        if not pairs:
            return self
        design = self.design(pairs[0])
        contrast = design[:, 1] - design[:, 0]
        centre = modes.d @ contrast.T
        spread = np.sqrt(np.einsum("kp,jpq,kq->jk", contrast, np.linalg.inv(modes.precision), contrast))
        # A large τ leaves a study's own contrast to its data, wherever the network's is.
        estimate, error = self.contrasts(pairs[0])
        drawn = error**2 / (error**2 + tau[:, None] ** 2)
        ends = [estimate + (centre + side * spread - estimate) * drawn for side in (-7.0, 7.0)]
        reach = np.stack([ends[0][likely].min(axis=0), ends[1][likely].max(axis=0)])
        assert self.curves is not None
        end = self.curves.low + self.curves.step * self.curves.cubics.shape[2]
        if np.any(reach[0] < self.curves.low) or np.any(reach[1] > end):
            return self.with_curves(reach)
        return self

    def study_values(self, d: FloatArray, tau: FloatArray) -> Iterator[tuple[IntArray, FloatArray]]:
        """Every study's log-likelihood, block by block: its arms' positions, (k, m), and an array (b, k)."""
        for block in self.blocks:
            design = self.design(block)
            if block.shape[1] == 2 and self.curves is not None:
                yield block, smoothed(self.curves, d @ (design[:, 1] - design[:, 0]).T, tau)[0]
            else:
                effects = np.einsum("kmp,bp->bkm", design, d)
                yield block, study_values(self.likelihood.take(block), effects, tau, MIDDLE)


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Posterior modes of d at b values of τ: ``d`` (b, p), ``log`` posterior there (b,), ``precision`` (b, p, p);
    ``found``: (b,), whether Newton came to an end.
    """

    d: FloatArray
    log: FloatArray
    precision: FloatArray
    found: NDArray[np.bool_]

    def laplace(self) -> FloatArray:
        """The logarithm of the integral over d, by Laplace's method, shape (b,)."""
        size = self.d.shape[1] * _LOG_2PI - np.linalg.slogdet(self.precision)[1]
        return np.asarray(self.log + 0.5 * size)


def newton_modes(posterior: PosteriorTerms, tau: FloatArray, start: FloatArray) -> Modes:
    """The modes at every τ of a log posterior given with its gradient and Hessian, by damped Newton."""
    d = start.copy()
    log, first, second = posterior(d, tau)
    going = np.ones(len(tau), dtype=bool)
    for _ in range(_NEWTON):
        active = np.flatnonzero(going)
        step = np.linalg.solve(_definite(-second[active]), first[active][..., None])[..., 0]
        gain = (step * first[active]).sum(axis=1)
        # The last step is taken whatever comes of it: close to the mode, rounding decides what is higher.
        last = gain < _CLOSE
        length = np.ones(len(active))
        for _ in range(20):
            trial = d[active] + length[:, None] * step
            new = posterior(trial, tau[active])
            worse = ~(new[0] >= log[active] + 1e-4 * length * gain - _ROUGH) & ~last
            if not worse.any():
                break
            length = np.where(worse, 0.3 * length, length)
        d[active], log[active], first[active], second[active] = trial, *new
        going[active] = ~last
        if not going.any():
            break
    return Modes(d, log, _definite(-second), ~going)


def _edge(arms: ArmLikelihood) -> float:
    """The widest of the arms whose likelihood breaks off at a bound, or bends there; 0 where none does."""
    near = (arms.size - arms.y < 2) & arms.bounded
    return float(np.sqrt(1.0 / arms.crude_precision()[near].min())) if near.any() else 0.0


def prior_terms(priors: Sequence[Prior], d: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The logarithm of every parameter's prior density, shape of ``d``, with two derivatives (the second at most 0)."""
    if all(prior == priors[0] for prior in priors):
        return _prior_terms(priors[0], d)
    each = [_prior_terms(prior, d[:, k]) for k, prior in enumerate(priors)]
    log, first, second = (np.stack(terms, axis=1) for terms in zip(*each, strict=True))
    return log, first, second


def _prior_terms(prior: Prior, d: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    if isinstance(prior, Flat):
        nothing = np.zeros_like(d)
        return nothing, nothing, nothing
    log = prior.logpdf(d)
    if isinstance(prior, Normal):
        return log, (prior.mean - d) / prior.sd**2, np.full_like(d, -1.0 / prior.sd**2)
    step = 1e-3 * (1.0 + np.abs(d))
    above, below = prior.logpdf(d + step), prior.logpdf(d - step)
    bend = (above - 2.0 * log + below) / step**2
    return log, (above - below) / (2.0 * step), np.minimum(bend, 0.0)


def _definite(matrices: FloatArray) -> FloatArray:
    """The matrices, made positive definite where rounding left them otherwise."""
    matrices = 0.5 * (matrices + matrices.swapaxes(1, 2))
    values, vectors = np.linalg.eigh(matrices)
    if np.all(values[:, 0] > 1e-12 * values[:, -1]):
        return matrices
    values = np.maximum(values, 1e-8 * np.abs(values[:, -1:]))
    return np.asarray((vectors * values[:, None]) @ vectors.swapaxes(1, 2))


_NODES = np.cos(np.pi * (np.arange(_CHEBYSHEV) + 0.5) / _CHEBYSHEV)
_TO_POWERS = np.linalg.inv(np.polynomial.polynomial.polyvander(_NODES, _CHEBYSHEV - 1))
_BETWEEN = np.cos(np.pi * np.arange(0, _CHEBYSHEV + 1, 3) / _CHEBYSHEV)
"""An end and places between the nodes, where a polynomial is farthest off."""
_BENT = 1e-4
"""By how much a polynomial may be off; it is one in the logarithm."""
_SPLINE = 257


def _two_arms(curves: Curves, s: FloatArray, tau: float, centre: FloatArray) -> FloatArray:
    """The sum of log g over studies with two arms; ``s``: (points, k), ``centre``: (k,), where log g bends.

    As polynomials over the points' range where those are close enough, which is nearly always; as splines where a range is
    so wide that log g bends sharply in it, as that of a treatment without events under a wide prior does.
    """
    low, high = s.min(axis=0), s.max(axis=0)
    middle, half = 0.5 * (low + high), np.maximum(0.5 * (high - low), 1e-9)
    places = np.concatenate([_NODES, _BETWEEN])
    values = smoothed(curves, middle + half * places[:, None], np.full(len(places), tau))[0]
    powers = _TO_POWERS @ values[:_CHEBYSHEV]
    off = np.abs(np.polynomial.polynomial.polyval(_BETWEEN, powers) - values[_CHEBYSHEV:].T).max(axis=1)
    smooth = off <= _BENT
    total = _polynomials(powers[:, smooth, None], s[:, smooth], middle[smooth], half[smooth])
    for study in np.flatnonzero(~smooth).tolist():
        # Close together where log g bends, far apart where it is as good as straight.
        scale = np.hypot(curves.width[study], tau)
        first, last = np.arcsinh((np.array([low[study], high[study]]) - centre[study]) / scale).tolist()
        grid = centre[study] + scale * np.sinh(np.linspace(first, last, _SPLINE))
        height = smoothed(curves.of(study), grid[:, None], np.full(_SPLINE, tau))[0][:, 0]
        total += CubicSpline(grid, height)(s[:, study])
    return total


def _polynomials(powers: FloatArray, s: FloatArray, middle: FloatArray, half: FloatArray) -> FloatArray:
    """The sum over studies of polynomials in (s − middle)/half; ``powers``: (degree + 1, k, 1)."""
    total = np.zeros(len(s))
    size = max(40_000 // max(s.shape[1], 1), 1)
    for i in range(0, len(s), size):
        place = ((s[i : i + size] - middle) / half).T.copy()
        value = np.broadcast_to(powers[-1], place.shape).copy()
        for coefficient in powers[-2::-1]:
            value *= place
            value += coefficient
        total[i : i + size] = value.sum(axis=0)
    return total


_DEGREES = {2: (4, 8), 3: (4, 7), 4: (4, 6)}
_CLOSE_FIT = 2e-5
"""By how much the first polynomial of several arms' contrasts may be off; then a higher degree is tried."""
_LOOSE_FIT = 1e-3
"""By how much the last one may be off; then the study's likelihood is evaluated point by point."""
_TIMES = 4
"""How many evaluations a polynomial is fitted to, as a multiple of its coefficients: enough to notice that it fails."""
_NARROW = 12.0
"""How many standard errors of a study and its random effect the range of a polynomial may have."""
_ROUGH_FIT = 0.02
"""As both, for points that only adapt the proposal."""
_CHECKS = 48
_NEAR_ENOUGH = 0.01
_GRID = 37


def _more_arms(arms: ArmLikelihood, d: FloatArray, tau: float, rough: bool) -> tuple[FloatArray, float]:
    """The sum of log g over k studies with m ≥ 3 arms; ``d``: (k, points, m). With the largest error that was seen."""
    if arms.bounded:
        return _bounded(arms, d, tau, rough)
    s = d[:, :, 1:] - d[:, :, :1]
    low, high = s.min(axis=1, keepdims=True), s.max(axis=1, keepdims=True)
    place = (2.0 * s - low - high) / np.maximum(high - low, 1e-9)
    start = arms.start()
    own = np.sqrt((1.0 / np.maximum(-arms.slopes(start)[1], 1e-12)).sum(axis=1) + tau * tau)
    # Few points can't tell that a polynomial fails somewhere in a range so wide.
    narrow = (high - low).max(axis=(1, 2)) < _NARROW * own
    total, error, left = np.zeros(d.shape[1]), 0.0, np.flatnonzero(narrow)
    wide = np.flatnonzero(~narrow).tolist()
    for degree in _DEGREES.get(s.shape[2], (4, 5)):
        if not len(left):
            break
        powers = exponents(s.shape[2], degree)
        wanted = _TIMES * len(powers)
        if d.shape[1] <= wanted:
            each = np.full(d.shape[1], tau)
            total += study_values(arms.take(left), d[left].transpose(1, 0, 2), each, MIDDLE).sum(axis=1)
            left = left[:0]
            break
        chosen = _spread(place[left], len(powers), wanted)
        at = np.take_along_axis(d[left], chosen[:, :, None], axis=1)
        values = study_values(arms.take(left), at.transpose(1, 0, 2), np.full(wanted, tau), MIDDLE)
        enough = _ROUGH_FIT if rough else _CLOSE_FIT if degree == 4 else _LOOSE_FIT
        far = []
        for column, (study, here) in enumerate(zip(left.tolist(), chosen, strict=True)):
            basis = chebyshev_products(place[study], powers)
            fitted, *_ = np.linalg.lstsq(basis[here], values[:, column], rcond=None)
            off = float(np.abs(basis[here] @ fitted - values[:, column]).max())
            if off <= enough:
                total += basis @ fitted
                error += off
            else:
                far.append(study)
        left = np.array(far, dtype=np.intp)
    for study in wide + left.tolist():
        total += wide_values(arms.take(study), d[study], tau)
    return total, error


def _spread(place: FloatArray, outermost: int, count: int) -> IntArray:
    """So many of every study's points: the outermost, so that nothing is extrapolated, and others from everywhere."""
    radius = np.abs(place).max(axis=2)
    ends = np.argpartition(-radius, outermost, axis=1)[:, :outermost]
    others = np.linspace(0, place.shape[1] - 1, count - outermost).astype(np.intp)
    return np.concatenate([ends, np.broadcast_to(others, (len(place), len(others)))], axis=1)


def _bounded(arms: ArmLikelihood, d: FloatArray, tau: float, rough: bool) -> tuple[FloatArray, float]:
    """As ``_more_arms``, of arms whose predictors have a bound."""
    s = d[:, :, 1:] - d[:, :, :1]
    low, high = s.min(axis=1, keepdims=True), s.max(axis=1, keepdims=True)
    place = (2.0 * s - low - high) / np.maximum(high - low, 1e-9)
    powers = exponents(s.shape[2], _DEGREES.get(s.shape[2], (4, 5))[0 if rough else 1])
    wanted, count = _TIMES * len(powers), d.shape[1]
    if count <= wanted:
        return study_values(arms, d.transpose(1, 0, 2), np.full(count, tau), MIDDLE).sum(axis=1), 0.0
    chosen = _spread(place, len(powers), wanted)
    at = np.take_along_axis(d, chosen[:, :, None], axis=1)
    values = study_values(arms, at.transpose(1, 0, 2), np.full(wanted, tau), MIDDLE)
    total, error = np.zeros(count), 0.0
    for study, here in enumerate(chosen):
        basis = chebyshev_products(place[study], powers)
        fitted, *_ = np.linalg.lstsq(basis[here], values[:, study], rcond=None)
        off = float(np.abs(basis[here] @ fitted - values[:, study]).max())
        value, off = _checked(arms.take(slice(study, study + 1)), d[study], tau, basis @ fitted, off)
        total += value
        error += off
    return total, error


def _checked(
    study: ArmLikelihood, d: FloatArray, tau: float, value: FloatArray, off: float
) -> tuple[FloatArray, float]:
    """A study's polynomial at ``d``, (points, m), with its error; where it isn't near enough, the study itself.

    Near a bound of its predictors a study bends too sharply for polynomials where τ is small: then a spline over a grid,
    where there are three arms, or all points one by one.
    """

    def exactly(at: FloatArray) -> FloatArray:
        return study_values(study, at[:, None], np.full(len(at), tau), MIDDLE)[:, 0]

    some = np.linspace(0, len(d) - 1, _CHECKS + 2).astype(np.intp)[1:-1]
    exact = exactly(d[some])
    off = max(off, float(np.abs(exact - value[some]).max()))
    if off < _NEAR_ENOUGH:
        return value, off
    if d.shape[1] == 3 and len(d) > 1.5 * _GRID**2:
        s = d[:, 1:] - d[:, :1]
        x, y = (np.linspace(column.min(), column.max(), _GRID) for column in s.T)
        grid = np.stack(np.meshgrid([0.0], x, y, indexing="ij"), axis=-1).reshape(-1, 3)
        spline = RectBivariateSpline(x, y, exactly(grid).reshape(_GRID, _GRID))
        value = spline(s[:, 0], s[:, 1], grid=False)
        off = float(np.abs(exact - value[some]).max())
        if off < _NEAR_ENOUGH:
            return value, off
    return exactly(d), 0.0
